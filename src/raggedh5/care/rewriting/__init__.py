"""The parts of `copy`, `merge` and `repack`: what is taken of a file, and what fits together."""
