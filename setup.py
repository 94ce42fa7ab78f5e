"""The list of Cython extensions; everything else about the package is in pyproject.toml."""

import os
from pathlib import Path

import numpy as np
from Cython.Build import cythonize
from setuptools import Extension, setup

KERNELS = Path("src/raggedh5/kernels")
OPTIMIZED = "" if os.name == "nt" else "-O3 -g0 -fno-strict-aliasing"
FLAGS = os.environ.get("RAGGEDH5_CFLAGS", OPTIMIZED).split()  # others for .ci/sanitize

setup(
    ext_modules=cythonize(
        [
            Extension(
                f"raggedh5.kernels.{source.stem}",
                [source.as_posix()],
                include_dirs=[np.get_include()],
                define_macros=[("NPY_NO_DEPRECATED_API", "NPY_1_7_API_VERSION")],
                extra_compile_args=FLAGS,
            )
            for source in sorted(KERNELS.glob("*.pyx"))
        ],
        compiler_directives={
            "language_level": "3",
            "boundscheck": False,
            "wraparound": False,
            "cdivision": True,
            "initializedcheck": False,
            "embedsignature": True,
        },
    )
)
