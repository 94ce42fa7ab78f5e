"""Values of any JSON type to text and back, exactly."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np

from raggedh5.errors import FormatError, SchemaError

__all__ = ["from_json", "to_json", "to_plain"]

EXACTLY: dict[type, Callable[[Any], Any]] = {
    int: int.__int__,
    float: float.__float__,
    str: str.__str__,
}
"""How what derives from these, as enumerations do, becomes one of them itself."""


def to_plain(value: Any, where: str) -> Any:
    """Return a value as JSON has it: NumPy's scalars and arrays and tuples as Python's own.

    Parameters
    ----------
    value
        None, bool, int, float or str; or lists, tuples and dicts of such, and NumPy's.
    where
        What it is, for messages.

    Raises
    ------
    SchemaError
        If there is anything else in it, or a dict has a key that is no str.

    Examples
    --------
    >>> to_plain((1, np.float32(0.5), {"a": np.arange(2)}), "it")
    [1, 0.5, {'a': [0, 1]}]
    """
    try:
        return _plain(value, where)
    except RecursionError:
        raise SchemaError(f"{where}: lists or dicts lie too deep within each other") from None


def to_json(value: Any, where: str) -> str:
    """Return a value of `to_plain` as JSON on one line.

    NaN and the infinities become ``NaN``, ``Infinity`` and ``-Infinity``, as Python's json and
    JSON5 have them; strict readers of JSON refuse these. All other floats come back bit by bit.

    Raises
    ------
    SchemaError
        If it is no value of a JSON type, or an integer has more digits than Python reads.
    """
    try:
        text = json.dumps(to_plain(value, where), ensure_ascii=False)
    except (ValueError, RecursionError) as error:
        raise SchemaError(f"{where} cannot be stored as JSON: {error}") from error
    if "\0" in text or not _encodable(text):
        text = json.dumps(to_plain(value, where), ensure_ascii=True)
    return text


def from_json(text: str, where: str) -> Any:
    """Return the value that text stands for.

    Raises
    ------
    FormatError
        If it is no JSON.
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{where} is no JSON: {error}") from error


def _plain(value: Any, where: str) -> Any:
    if isinstance(value, (np.generic, np.ndarray)):
        value = value.tolist()
    if value is None or isinstance(value, bool):
        return value
    for kind, exactly in EXACTLY.items():
        if isinstance(value, kind):
            return exactly(value)
    if isinstance(value, (list, tuple)):
        return [_plain(item, where) for item in value]
    if isinstance(value, dict):
        for key in value:
            if not isinstance(key, str):
                raise SchemaError(f"{where}: keys are strings, not {key!r}")
        return {key: _plain(item, where) for key, item in value.items()}
    raise SchemaError(
        f"{where}: {type(value).__name__} is no JSON type; use None, bool, int, float, str, list "
        "or dict"
    )


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:  # a lone surrogate
        return False
    return True
