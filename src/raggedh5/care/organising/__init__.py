"""The parts of `raggedh5.care.organise`: which rows have which key, and where that is saved."""
