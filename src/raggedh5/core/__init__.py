"""NumPy in, NumPy out, no files: ragged arrays, packing, strings, chunk plans, codecs, threads."""
