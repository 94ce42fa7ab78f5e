"""Paths of species: their images in a periodic cell, and how far they go."""
