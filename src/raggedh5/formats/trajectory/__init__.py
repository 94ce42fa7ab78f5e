"""Trajectories: frames of species that move."""
