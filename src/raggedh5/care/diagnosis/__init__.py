"""The parts of `raggedh5.care.doctor`: what each looks at, and the words that it finds."""
