"""Whether text is JSON, without building what it says."""

import json

import numpy as np
import numpy.typing as npt

from raggedh5.core.arrays import as_int64
from raggedh5.core.kept import Offsets, check_offsets
from raggedh5.kernels.json_text import first_fault, first_not_json, outer_keys

__all__ = ["find_not_json", "json_fault", "outermost_keys"]

KEYS = 64
"""Keys of an object that are looked for first."""


def json_fault(text: str) -> str | None:
    """Return why text is no JSON, None where it is.

    JSON is what Python's `json.loads` takes: RFC 8259, and ``NaN``, ``Infinity`` and
    ``-Infinity``. Lists and objects may lie 512 deep in each other.

    Raises
    ------
    UnicodeEncodeError
        If there is a lone surrogate in it.

    Examples
    --------
    >>> json_fault('{"z_value": 4}'), json_fault('{"z_value": 4')
    (None, "Expecting ',' delimiter: line 1 column 14 (char 13)")
    """
    return None if first_fault(text) < 0 else _why(text)


def outermost_keys(text: str) -> set[str] | None:
    """Return the keys of the object that text is; None where it is no JSON.

    The set is empty for lists, numbers and the like.

    Examples
    --------
    >>> sorted(outermost_keys('{"atoms": [{"symbol": "C"}], "z_value": 4}'))
    ['atoms', 'z_value']
    """
    spans = np.empty((KEYS, 2), np.int64)
    count = outer_keys(text, spans)
    if count < 0:
        return None
    if count > KEYS:
        spans = np.empty((count, 2), np.int64)
        outer_keys(text, spans)
    places = spans[:count].tolist()
    source = text if text.isascii() else text.encode()
    found = set()
    for start, stop in places:
        key = source[start:stop]
        plain = key if isinstance(key, str) else key.decode()
        found.add(json.loads(f'"{plain}"') if "\\" in plain else plain)
    return found


def find_not_json(data: npt.NDArray[np.uint8], offsets: Offsets) -> tuple[int, str]:
    """Return the first text that is no JSON, and why; -1 where all are.

    Parameters
    ----------
    data : ndarray of uint8, shape (bytes,)
        UTF-8; what is not is taken for characters that may stand in strings.
    offsets : ndarray of int64, shape (texts + 1,)
        Starts at 0: text i is ``data[offsets[i]:offsets[i + 1]]``.

    Raises
    ------
    FormatError
        If the offsets do not fit the bytes.

    Examples
    --------
    >>> find_not_json(np.frombuffer(b'{}{"a": 1', np.uint8), np.array([0, 2, 9]))
    (1, "Expecting ',' delimiter: line 1 column 8 (char 7)")
    """
    check_offsets(offsets, len(data))
    offsets = as_int64(offsets)
    data = np.ascontiguousarray(data)
    first, _ = first_not_json(data, offsets)
    if first < 0:
        return -1, ""
    return first, _why(data[offsets[first] : offsets[first + 1]].tobytes().decode(errors="replace"))


def _why(text: str) -> str:
    """Return what Python says of text that is no JSON."""
    try:
        json.loads(text)
    except ValueError as error:
        return str(error)
    except RecursionError:
        pass
    return "its lists and objects lie too deep in each other"
