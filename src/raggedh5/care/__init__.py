"""Whole files: check, recover, repair, repack, copy, merge, organise and describe them."""
