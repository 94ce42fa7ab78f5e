"""File families: what the fields of a science are, and what they mean."""
