"""What HDF5 says of damaged files, and the same as an error of ours."""

import contextlib
from collections.abc import Iterator

from raggedh5.errors import FormatError

__all__ = ["PROBLEMS", "damage_told"]

PROBLEMS = (
    *(OSError, RuntimeError, ValueError, LookupError, TypeError, AttributeError),
    *(ArithmeticError, MemoryError),
)
"""What h5py, and with it the library, raises where a file is damaged."""


@contextlib.contextmanager
def damage_told(path: object) -> Iterator[None]:
    """Turn HDF5's own errors into `FormatError`: they come from wherever a file is damaged.

    Errors of this library, and those of the operating system, pass as they are.

    Examples
    --------
    >>> with damage_told("x.h5"):
    ...     raise RuntimeError("wrong B-tree signature")
    Traceback (most recent call last):
    raggedh5.errors.FormatError: x.h5 is damaged, HDF5 says: wrong B-tree signature
    """
    try:
        yield
    except (OSError, RuntimeError) as error:
        # HDF5's come as these very classes; only those of the operating system have a number.
        if type(error) not in (OSError, RuntimeError) or getattr(error, "errno", None) is not None:
            raise
        raise FormatError(f"{path} is damaged, HDF5 says: {error}") from error
