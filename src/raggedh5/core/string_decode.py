"""UTF-8 bytes with offsets, or dictionary codes, as a file holds them, back into strings."""

from typing import Any, Literal, TypeVar, overload

import numpy as np
import numpy.typing as npt

from raggedh5.core.arrays import as_int64
from raggedh5.core.kept import Offsets, check_offsets
from raggedh5.errors import FormatError
from raggedh5.kernels.string_decode import first_not_utf8, pick_array, pick_list, to_array, to_list

__all__ = ["Strings", "check_utf8", "decode", "decode_array", "find_not_utf8", "take", "take_array"]

Strings = np.ndarray[tuple[int], np.dtypes.StringDType]
T = TypeVar("T")


def decode(data: npt.NDArray[np.uint8], offsets: Offsets) -> list[str]:
    """Decode UTF-8 bytes into a list of str.

    Parameters
    ----------
    data : ndarray of uint8, shape (bytes,)
        The bytes of all items.
    offsets : ndarray of int64, shape (items + 1,)
        Starts at 0: item i is ``data[offsets[i]:offsets[i + 1]]``.

    Returns
    -------
    list of str

    Raises
    ------
    FormatError
        If the offsets do not fit the bytes, or naming the first row that is not UTF-8.

    Examples
    --------
    >>> decode(np.frombuffer(b"CClH", np.uint8), np.array([0, 1, 3, 4]))
    ['C', 'Cl', 'H']
    """
    data, offsets = _checked(data, offsets)
    try:
        return to_list(data, offsets)
    except UnicodeDecodeError:
        raise _not_utf8(first_not_utf8(data, offsets)) from None


def decode_array(data: npt.NDArray[np.uint8], offsets: Offsets) -> Strings:
    """Decode UTF-8 bytes into a NumPy array of variable-width strings.

    Parameters
    ----------
    data : ndarray of uint8, shape (bytes,)
        The bytes of all items.
    offsets : ndarray of int64, shape (items + 1,)
        Starts at 0: item i is ``data[offsets[i]:offsets[i + 1]]``.

    Returns
    -------
    ndarray of StringDType, shape (items,)
        A copy.

    Raises
    ------
    FormatError
        If the offsets do not fit the bytes, or naming the first row that is not UTF-8.

    Examples
    --------
    >>> decode_array(np.frombuffer(b"CClH", np.uint8), np.array([0, 1, 3, 4]))
    array(['C', 'Cl', 'H'], dtype=StringDType())
    """
    data, offsets = _checked(data, offsets)
    check_utf8(data, offsets)
    out = np.empty(len(offsets) - 1, np.dtypes.StringDType())
    to_array(out, data, offsets)
    return out


def check_utf8(data: npt.NDArray[np.uint8], offsets: Offsets) -> None:
    """Make sure that each item, of offsets that were checked before, is UTF-8 by itself.

    Raises
    ------
    FormatError
        Naming the first row that is not.
    """
    bad = find_not_utf8(data, offsets)
    if bad >= 0:
        raise _not_utf8(bad)


def find_not_utf8(data: npt.NDArray[np.uint8], offsets: Offsets) -> int:
    """Return the first item, of offsets that were checked before, that is not UTF-8, or -1.

    Examples
    --------
    >>> find_not_utf8(np.array([67, 200], np.uint8), np.array([0, 1, 2]))
    1
    """
    return first_not_utf8(np.ascontiguousarray(data), np.ascontiguousarray(offsets))


@overload
def take(
    categories: list[T], codes: npt.NDArray[Any], *, nullable: Literal[False] = False
) -> list[T]: ...
@overload
def take(
    categories: list[T], codes: npt.NDArray[Any], *, nullable: bool
) -> list[T] | list[T | None]: ...
def take(
    categories: list[T], codes: npt.NDArray[Any], *, nullable: bool = False
) -> list[T] | list[T | None]:
    """Look dictionary codes up in the list of categories.

    Parameters
    ----------
    categories : list of str
        The distinct strings.
    codes : ndarray of any integer dtype, shape (items,)
        The place of each item among the categories.
    nullable : bool
        Let -1 stand for a missing string, None.

    Returns
    -------
    list of str
        The very objects of `categories`.

    Raises
    ------
    FormatError
        Naming the first row whose code is out of range.

    Examples
    --------
    >>> take(["C", "H"], np.array([1, 1, 0], "i4"))
    ['H', 'H', 'C']
    """
    return pick_list(categories, _checked_codes(codes, len(categories), nullable))


def take_array(categories: Strings, codes: npt.NDArray[Any], *, nullable: bool = False) -> Strings:
    """Look dictionary codes up in an array of categories.

    Parameters
    ----------
    categories : ndarray of StringDType, shape (categories,)
        The distinct strings.
    codes : ndarray of any integer dtype, shape (items,)
        The place of each item among the categories.
    nullable : bool
        Let -1 stand for a missing string, None: the array is then one of
        ``StringDType(na_object=None)``.

    Returns
    -------
    ndarray of StringDType, shape (items,)
        A copy.

    Raises
    ------
    FormatError
        Naming the first row whose code is out of range.

    Examples
    --------
    >>> take_array(np.array(["C", "H"], np.dtypes.StringDType()), np.array([1, 1, 0], "i4"))
    array(['H', 'H', 'C'], dtype=StringDType())
    """
    if categories.ndim != 1 or not isinstance(categories.dtype, np.dtypes.StringDType):
        raise TypeError(f"categories must be 1-D of StringDType, not {categories.dtype}")
    codes = _checked_codes(codes, len(categories), nullable)
    dtype: Any = np.dtypes.StringDType(na_object=None) if nullable else np.dtypes.StringDType()
    out: Strings = np.empty(len(codes), dtype)
    pick_array(out, categories, codes)
    return out


def _checked(
    data: npt.NDArray[np.uint8], offsets: Offsets
) -> tuple[npt.NDArray[np.uint8], Offsets]:
    if data.ndim != 1 or data.dtype != np.uint8:
        raise FormatError(f"bytes must be uint8 of shape (n,), not {data.dtype} of {data.shape}")
    check_offsets(offsets, len(data))
    return np.ascontiguousarray(data), as_int64(offsets)


def _checked_codes(codes: npt.NDArray[Any], categories: int, nullable: bool) -> Offsets:
    if codes.ndim != 1 or codes.dtype.kind not in "iu":
        raise FormatError(f"codes must be integers of shape (n,), not {codes.dtype}")
    least = -1 if nullable else 0
    if codes.size and not (codes.min() >= least and codes.max() < categories):
        row = int(((codes < least) | (codes >= categories)).argmax())
        raise FormatError(f"row {row}: code {codes[row]}, but there are {categories} categories")
    return as_int64(codes)


def _not_utf8(row: int) -> FormatError:
    return FormatError(f"row {row}: the bytes are not UTF-8")
