"""What was done to a file, when, how and with which versions: a list that only grows."""

from collections.abc import Mapping
from typing import Any

from raggedh5.care.json_text import from_json, to_json
from raggedh5.care.metadata import now
from raggedh5.care.whole_file import opened, opened_to_write
from raggedh5.errors import FormatError, SchemaError
from raggedh5.store.lines import add_line, read_lines
from raggedh5.store.versions import library_versions

__all__ = ["log_processing", "processing_log"]

LOG = "processing_log"


def log_processing(
    file: Any,
    operation: str,
    *,
    parameters: Any = None,
    versions: Mapping[str, str] | None = None,
) -> None:
    """Add an entry to the processing log of a file.

    The log is the dataset ``/processing_log``: one string an entry, a JSON object on one line, as
    h5py and h5dump show it. Entries are added; none is ever changed.

    Parameters
    ----------
    file : path-like, File, h5py.File or h5py.Group
        A file that is there, or is open for writing.
    operation
        What was done, as ``"aligned"``.
    parameters
        How: anything of JSON types, NumPy's scalars and arrays too. A mapping, as a rule.
    versions
        Of programs that had a part in it, beside those of raggedh5, Python, NumPy, h5py, HDF5 and
        hdf5plugin, which are always noted.

    Raises
    ------
    SchemaError
        If something is of no JSON type, or ``/processing_log`` is something else already. Nothing
        was written then.
    WriteError
        If the file cannot be written to.
    FileNotFoundError, FormatError, ClosedError
        If it cannot be opened.

    Examples
    --------
    >>> import raggedh5 as rh5, tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "water.h5"
    >>> rh5.write(path, {"atoms": {"symbol": [["O", "H", "H"]]}})
    >>> log_processing(path, "packed", parameters={"cutoff": 4.5}, versions={"ase": "3.25"})
    >>> (entry,) = processing_log(path)
    >>> entry["operation"], entry["parameters"], entry["versions"]["ase"]
    ('packed', {'cutoff': 4.5}, '3.25')
    """
    if not isinstance(operation, str) or not operation:
        raise SchemaError(f"an operation is said in a string, not {operation!r}")
    entry = {
        "time": now(),
        "operation": operation,
        "parameters": {} if parameters is None else parameters,
        "versions": {**library_versions(), **(versions or {})},
    }
    line = to_json(entry, f"the log of {operation!r}")
    with opened_to_write(file) as root:
        add_line(root, LOG, line)


def processing_log(file: Any) -> list[dict[str, Any]]:
    """Read the processing log of a file, oldest entry first.

    Parameters
    ----------
    file : path-like, File, h5py.File or h5py.Group
        The file.

    Returns
    -------
    list of dict
        Each with ``time`` (ISO 8601, UTC), ``operation``, ``parameters`` and ``versions``; empty
        where there is no log.

    Raises
    ------
    FormatError
        If the log is damaged, or ``/processing_log`` is something else.
    FileNotFoundError, ClosedError
        If the file cannot be opened.
    """
    with opened(file) as root:
        lines = read_lines(root, LOG)
    entries = []
    for number, line in enumerate(lines):
        entry = from_json(line, f"/{LOG}: entry {number}")
        if not isinstance(entry, dict):
            raise FormatError(f"/{LOG}: entry {number} is no JSON object")
        entries.append(entry)
    return entries
