"""The parts of `copy`, `merge` and `repack`: what is taken, what fits, where it may go."""
