"""What a file says of itself: when it was made, with what, of what, and anything else."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from raggedh5._version import __version__
from raggedh5.care.json_text import from_json, to_json, to_plain
from raggedh5.care.whole_file import opened, opened_to_write
from raggedh5.errors import FormatError, SchemaError
from raggedh5.store.layout import is_table
from raggedh5.store.stored_sums import FORMAT_VERSION

__all__ = ["get_metadata", "now", "set_metadata"]

GROUP = "metadata"
MARK = "json:"
"""How text begins that is JSON. A string that begins so itself is stored as JSON, too."""

LONGEST_KEY = 1000
INT64 = range(-(2**63), 2**63)


def set_metadata(file: Any, keys: Mapping[str, Any] | None = None, /, **more: Any) -> None:
    """Write metadata to a file: an attribute of the group ``/metadata`` for each key.

    The first call also writes, unless they are given: ``created``, the time now in ISO 8601, UTC;
    ``library``, as ``"raggedh5 0.1.0"``; and ``format_version``. Keys that are there already are
    written over; others stay.

    A bool, an int of 64 bits, a float and a str is an HDF5 attribute of that kind, as h5py makes
    it. Anything else (None, lists, dicts, larger integers, strings that HDF5 cannot hold) is JSON
    behind ``json:``. So h5py and h5dump show all of it, and `get_metadata` returns what was given.
    (``anndata.read_h5ad`` takes no groups but its own at the root of a file, this one neither.)

    Parameters
    ----------
    file : path-like, File, h5py.File or h5py.Group
        A file that is there, or is open for writing. A `File` that is being made anew gets its
        metadata with everything else.
    keys : mapping, optional
        Values by key, where keys are no names of Python. ``provenance`` is meant for where the data
        comes from.
    **more
        Values by key. Of any JSON type; NumPy's scalars and arrays and tuples are stored as plain
        numbers and lists. A float comes back bit by bit, also NaN and infinity.

    Raises
    ------
    SchemaError
        If a value is of no JSON type, or a key cannot be the name of an attribute. Nothing was
        written then.
    WriteError
        If the file cannot be written to.
    FileNotFoundError, FormatError, ClosedError
        If it cannot be opened.

    Examples
    --------
    >>> import raggedh5 as rh5, tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "water.h5"
    >>> rh5.write(path, {"atoms": {"symbol": [["O", "H", "H"]]}})
    >>> set_metadata(path, provenance={"doi": "10.1000/182", "rows": [0, 7]}, temperature=293.0)
    >>> found = get_metadata(path)
    >>> found["provenance"]["rows"], found["temperature"], found["format_version"]
    ([0, 7], 293.0, 1)
    """
    given = {**(keys or {}), **more}
    for key in given:
        _check_key(key)
    stored = {key: _stored(value, f"metadata {key!r}") for key, value in given.items()}
    with opened_to_write(file) as root:
        group = _group_of(root)
        if group is None:
            if root.get(GROUP, getlink=True) is not None:
                raise SchemaError(f"/{GROUP} is something else already; metadata has no place")
            group = root.create_group(GROUP)
            own = {
                "created": now(),
                "library": f"raggedh5 {__version__}",
                "format_version": FORMAT_VERSION,
            }
            stored = own | stored
        for key, value in stored.items():
            group.attrs[key] = value


def get_metadata(file: Any) -> dict[str, Any]:
    """Read the metadata of a file.

    Parameters
    ----------
    file : path-like, File, h5py.File or h5py.Group
        The file.

    Returns
    -------
    dict
        Values by key, none where there is no metadata. What another program wrote there is given as
        the JSON type that comes nearest: arrays as lists, bytes as text.

    Raises
    ------
    FormatError
        If the metadata is damaged.
    FileNotFoundError, ClosedError
        If the file cannot be opened.
    """
    with opened(file) as root:
        group = _group_of(root)
        if group is None:
            return {}
        try:
            found = {key: group.attrs[key] for key in group.attrs}
        except (OSError, RuntimeError, KeyError, TypeError, ValueError, MemoryError) as error:
            raise FormatError(f"/{GROUP} cannot be read: {error}") from error
    return {key: _loaded(value, f"/{GROUP}: attribute {key!r}") for key, value in found.items()}


def now() -> str:
    """Return the time in ISO 8601, UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _group_of(root: Any) -> Any:
    """Return the group of the metadata, None where there is none or it is something else."""
    found = root.get(GROUP)
    is_group = hasattr(found, "keys") and not is_table(found)
    return found if is_group else None


def _check_key(key: Any) -> None:
    if not isinstance(key, str) or not key or "\0" in key:
        raise SchemaError(f"a key of metadata is a string without NUL, not {key!r}")
    try:
        size = len(key.encode())
    except UnicodeEncodeError as error:
        raise SchemaError(f"the key {key!r} is no Unicode text") from error
    if size > LONGEST_KEY:
        raise SchemaError(f"a key of metadata has up to {LONGEST_KEY} bytes, not {size}")


def _stored(value: Any, where: str) -> Any:
    """Return what h5py is to store."""
    value = to_plain(value, where)
    if isinstance(value, (bool, float)) or (isinstance(value, int) and value in INT64):
        return value
    if isinstance(value, str) and not value.startswith(MARK) and _is_plain(value):
        return value
    return MARK + to_json(value, where)


def _is_plain(text: str) -> bool:
    """Whether HDF5 can hold text: no NUL, no lone surrogate. JSON escapes these."""
    try:
        return b"\0" not in text.encode()
    except UnicodeEncodeError:
        return False


def _loaded(value: Any, where: str) -> Any:
    if isinstance(value, str):
        return from_json(value.removeprefix(MARK), where) if value.startswith(MARK) else value
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        return [_loaded(item, where) for item in value]
    return value if isinstance(value, (bool, int, float, str)) else _nearest(value)


def _nearest(value: Any) -> Any:
    """Return what stands for a value of a kind that JSON lacks: an empty one, complex, ..."""
    return None if type(value).__name__ == "Empty" else str(value)
