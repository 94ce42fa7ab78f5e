"""Cython loops without the GIL. They trust their one caller in `core`, which validates."""
