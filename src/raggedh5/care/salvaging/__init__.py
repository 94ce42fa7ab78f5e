"""The parts of `raggedh5.care.repair`: what of a damaged file still reads, and its copy."""
