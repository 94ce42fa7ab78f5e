"""The parts of `raggedh5.care.describe`: passes over columns, and what their values come to."""
