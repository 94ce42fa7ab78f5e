"""Cells and coordinates, for arrays and tensors alike."""
