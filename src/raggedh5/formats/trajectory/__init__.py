"""Trajectories: frames that are appended for days, in NumPy and HDF5 at once."""
