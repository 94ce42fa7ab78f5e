"""The cell of a simulation as users give it: numbers, or a file of them."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from raggedh5.core.arrays import as_numpy
from raggedh5.errors import SchemaError
from raggedh5.formats.trajectory.reading.rows import open_npy

__all__ = ["lattice_matrix", "periodic_axes"]

NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
SEPARATOR = r"[\s,;]+"
NUMBERS = re.compile(rf"\s*{NUMBER}(?:{SEPARATOR}{NUMBER})*\s*", re.ASCII)
LONGEST = 1 << 16
"""Characters of a file of nine numbers."""

AXES = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}


def lattice_matrix(given: Any) -> npt.NDArray[np.float64]:
    """Return a lattice matrix.

    Parameters
    ----------
    given : array-like, str or path-like
        Nine numbers, the lattice vectors one after the other, or three, the lengths of a cell with
        right angles: in an array, in a text with commas or blanks between them, or in a file,
        ``.npy`` or text. In bohr.

    Returns
    -------
    ndarray of float64, shape (3, 3)
        Lattice vectors as rows.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    FormatError
        If a ``.npy`` file cannot be read.
    SchemaError
        If there are other than three or nine numbers.

    Examples
    --------
    >>> lattice_matrix("10, 12, 30").diagonal().tolist()
    [10.0, 12.0, 30.0]
    >>> lattice_matrix("10 0 0  3 9 0  0 0 11").tolist()
    [[10.0, 0.0, 0.0], [3.0, 9.0, 0.0], [0.0, 0.0, 11.0]]
    """
    if isinstance(given, str) and NUMBERS.fullmatch(given):
        name, values = "the lattice", _numbers(given)
    elif isinstance(given, str | Path):
        name, values = str(given), _file(Path(given))
    else:
        name, values = "the lattice", as_numpy(given)
    if values.dtype.kind not in "iuf" or values.shape not in ((3,), (9,), (1, 3), (1, 9), (3, 3)):
        raise SchemaError(
            f"{name}: a lattice is three lengths or nine numbers, vector after vector, not "
            f"{values.dtype} of shape {values.shape}"
        )
    flat = values.astype(np.float64).reshape(-1)
    return np.diag(flat) if flat.size == 3 else flat.reshape(3, 3)


def periodic_axes(text: str) -> tuple[bool, bool, bool]:
    """Return which axes are periodic, from a text such as ``"1,1,0"``, or one value for all.

    Raises
    ------
    SchemaError
        If it is none.

    Examples
    --------
    >>> periodic_axes("1,1,0"), periodic_axes("true")
    ((True, True, False), (True, True, True))
    """
    parts = [part for part in re.split(SEPARATOR, text.lower()) if part]
    found = [AXES.get(part) for part in parts]
    if len(found) not in (1, 3) or None in found:
        raise SchemaError(f"{text!r} does not say which axes are periodic; write 1,1,0")
    first, second, third = (bool(axis) for axis in (found * 3 if len(found) == 1 else found))
    return first, second, third


def _numbers(text: str) -> npt.NDArray[Any]:
    return np.array([float(number) for number in re.findall(NUMBER, text, re.ASCII)])


def _file(path: Path) -> npt.NDArray[Any]:
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist; a lattice is a file, or 3 or 9 numbers")
    if path.suffix == ".npy":
        return open_npy(path)
    with path.open(errors="replace") as file:
        lines = [line.partition("#")[0] for line in file.read(LONGEST).splitlines()]
    text = " ".join(lines)
    if not NUMBERS.fullmatch(text):
        raise SchemaError(f"{path} holds no lattice: three lengths, or nine numbers, are wanted")
    return _numbers(text)
