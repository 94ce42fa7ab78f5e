"""Writing trajectories: frames into HDF5 and NumPy files, while the simulation goes on."""
