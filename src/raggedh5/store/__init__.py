"""Tables and arrays in HDF5 files: the only layer that imports h5py and hdf5plugin."""
