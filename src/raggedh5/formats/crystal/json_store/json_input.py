"""What a caller gives as a structure: its refcode and its JSON, checked."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from raggedh5.care.json_text import to_json
from raggedh5.core.json_text import json_fault, outermost_keys
from raggedh5.errors import SchemaError
from raggedh5.store.stored_sums import GROUP

__all__ = ["check_required", "checked_json", "checked_refcode"]

NOT_NAMES = (".", "..", GROUP)
"""Names that HDF5, or this library, uses for something else."""


def checked_refcode(refcode: Any) -> str:
    """Return a refcode as str.

    Raises
    ------
    SchemaError
        If it is empty, no text, or cannot be the name of a group.
    """
    code: str = refcode if type(refcode) is str else _as_text(refcode)
    if code.isalnum() and code.isascii():
        return code
    if not code.strip():
        raise SchemaError(f"a refcode is not empty, as {code!r} is")
    if "/" in code or "\0" in code or code in NOT_NAMES:
        raise SchemaError(f"{code!r} cannot be a refcode: it cannot be the name of a group")
    try:
        code.encode()
    except UnicodeEncodeError as error:
        raise SchemaError(f"the refcode {code!r} cannot be stored as UTF-8") from error
    return code


def checked_json(value: Any, refcode: str) -> str:
    """Return the JSON of a structure as text.

    Parameters
    ----------
    value
        Text, or UTF-8 bytes, that is JSON, and stays as it is; or an object that JSON can hold.
    refcode
        The structure, for messages.

    Raises
    ------
    SchemaError
        If it is no JSON, or holds what JSON cannot.
    """
    if type(value) is str:
        text = value
    elif isinstance(value, (str, bytes, bytearray, memoryview)):
        try:
            text = str(value) if isinstance(value, str) else bytes(value).decode()
        except UnicodeDecodeError as error:
            raise SchemaError(f"structure {refcode!r}: its JSON is not UTF-8: {error}") from error
    else:
        return _dumped(value, refcode)
    try:
        fault = json_fault(text)
    except UnicodeEncodeError as error:
        raise SchemaError(
            f"structure {refcode!r}: its JSON cannot be stored as UTF-8: {error}"
        ) from error
    if fault is not None:
        raise SchemaError(f"structure {refcode!r}: its text is no JSON: {fault}")
    return text


def check_required(value: Any, text: str, required: Iterable[str], refcode: str) -> None:
    """Refuse a structure without some of its fields.

    Parameters
    ----------
    value
        The structure as it was given.
    text
        Its JSON.
    required
        Keys of the outermost object; with a dot, of objects in it.

    Raises
    ------
    SchemaError
        If one is missing; it names all that are.
    """
    whole: Any = value if isinstance(value, Mapping) else None
    outermost = None if whole is not None else outermost_keys(text)
    missing = []
    for field in required:
        if outermost is not None and field in outermost:
            continue
        if "." in field and whole is None:
            whole = json.loads(text)
        if whole is None or not _has(whole, field):
            missing.append(field)
    if missing:
        raise SchemaError(f"structure {refcode!r} has no {', '.join(map(repr, missing))}")


def _as_text(refcode: Any) -> str:
    if isinstance(refcode, str):
        return str(refcode)
    if not isinstance(refcode, bytes):
        raise SchemaError(f"a refcode is text, not {type(refcode).__name__} ({refcode!r:.100})")
    try:
        return refcode.decode()
    except UnicodeDecodeError as error:
        raise SchemaError(f"the refcode {refcode!r} is not UTF-8") from error


def _has(value: Any, field: str) -> bool:
    if isinstance(value, Mapping) and field in value:
        return True
    for key in field.split("."):
        if not isinstance(value, Mapping) or key not in value:
            return False
        value = value[key]
    return True


def _dumped(value: Any, refcode: str) -> str:
    """Return what `json.dumps` makes of a value, or of what NumPy has in it."""
    try:
        text = json.dumps(value, ensure_ascii=False)
        text.encode()
    except (TypeError, ValueError, RecursionError):
        return to_json(value, f"structure {refcode!r}")
    return text
