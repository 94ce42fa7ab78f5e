"""The parts of `raggedh5.care.validate`: what is checked about a file, and what is found."""
