"""Whole files of structures as JSON, from whatever gives them one by one."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sized
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from raggedh5.care.metadata import set_metadata
from raggedh5.care.progress import Progress, silent
from raggedh5.errors import SchemaError, WriteError
from raggedh5.formats.crystal.json_store.json_input import (
    check_required,
    checked_json,
    checked_refcode,
)
from raggedh5.formats.crystal.json_store.raw_json import codec_for, layout_in, prepare
from raggedh5.store.file import File

__all__ = ["FailedStructure", "PopulateReport", "create_and_populate"]

REPORTED = 256
"""Structures after which progress is told."""

PATIENCE = 100
"""Errors in a row after which what gives the structures is given up."""

Structures = Mapping[Any, Any] | Iterable[tuple[Any, Any]]


@dataclass(frozen=True)
class FailedStructure:
    """A structure that was not written.

    ``number`` counts all that were given, from 0; ``refcode`` is empty where none is known.
    """

    number: int
    refcode: str
    reason: str


@dataclass(frozen=True)
class PopulateReport:
    """What `create_and_populate` did.

    Attributes
    ----------
    path
        The file.
    packed
        Whether it has one table for all structures.
    given
        How many structures came.
    written
        How many the file has.
    replaced
        Refcodes that came again: what came last was written.
    failed
        Those that were not written, and why.
    """

    path: str
    packed: bool
    given: int
    written: int
    replaced: tuple[str, ...]
    failed: tuple[FailedStructure, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return it as data for JSON; the keys are the attributes, and stay."""
        return asdict(self)


def create_and_populate(
    structures: Structures,
    path: str | os.PathLike[str],
    metadata: Mapping[str, Any] | None = None,
    compression: Any = "gzip",
    chunk_size: int = 64,
    *,
    required: Iterable[str] = (),
    packed: bool = False,
    overwrite: bool = False,
    progress: Progress = silent,
) -> PopulateReport:
    """Write a new file of structures, and go on past those that fail.

    The file gets its name when it is complete. If the process ends before, or `metadata` cannot be
    stored, or the disk is full, what was there before is there still.

    Parameters
    ----------
    structures
        By refcode: a mapping, which is asked for one at a time; or an iterable of pairs of refcode
        and structure. A structure is what `write_structure_group` takes, or a function without
        arguments that returns it. Whatever raises an exception for a structure, the mapping, the
        iterator or the function, that structure has failed. A generator ends with its first
        exception; other iterators are asked for the next.
    path
        The file.
    metadata
        See `raggedh5.care.set_metadata`: attributes of the group ``/metadata``.
    compression, chunk_size, packed
        See `initialize_hdf5_file`.
    required
        Keys that every structure must have; with a dot, as ``"crystal.space_group"``, those of
        objects within.
    overwrite
        Whether a file that is there may be replaced.
    progress
        Called with the structures that have come, and all there are, or as many if nobody knows.

    Returns
    -------
    PopulateReport

    Raises
    ------
    SchemaError
        If `metadata`, `compression` or `chunk_size` cannot be used, or `structures` are none.
    WriteError
        If the file cannot be written, or is there already.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "structures.h5"
    >>> given = {"ABACOF": {"space_group": "P-1"}, "ABEBUF": '{"space_group": '}
    >>> report = create_and_populate(given, path, {"source": "CSD"}, packed=True)
    >>> report.written, report.failed[0].refcode
    (1, 'ABEBUF')
    """
    codec = codec_for(compression, chunk_size)
    wanted = (required,) if isinstance(required, str) else tuple(required)
    total = len(structures) if isinstance(structures, Sized) else 0
    source = _given(structures)
    path = Path(path)
    if path.exists() and not overwrite:
        raise WriteError(f"{path} exists already; overwrite=True replaces it")
    written: set[str] = set()
    replaced: dict[str, None] = {}
    failed: list[FailedStructure] = []
    number = -1
    with File(path, "w" if overwrite else "x") as file:
        if metadata is not None:
            set_metadata(file, metadata)
        prepare(file, packed, codec)
        layout = layout_in(file)
        for number, (refcode, get) in enumerate(source):
            try:
                value = get()
                code = checked_refcode(refcode)
                text = checked_json(value, code)
                if wanted:
                    check_required(value, text, wanted, code)
                layout.write(code, text)
            except WriteError:
                raise
            except Exception as error:  # whatever a structure has wrong, others may be right
                failed.append(FailedStructure(number, _shown(refcode), _why(error)))
            else:
                if code in written:
                    replaced[code] = None
                written.add(code)
            if number % REPORTED == 0:
                progress(number, max(total, number))
    progress(number + 1, number + 1)
    return PopulateReport(
        str(path), packed, number + 1, len(written), tuple(replaced), tuple(failed)
    )


def _given(structures: Structures) -> Iterator[tuple[Any, Callable[[], Any]]]:
    """Go through the structures: the refcode, and a function that returns the rest or raises."""
    if isinstance(structures, Mapping):
        return ((code, partial(_item, structures, code)) for code in structures)
    if isinstance(structures, (str, bytes)) or not hasattr(structures, "__iter__"):
        raise SchemaError(
            "structures are a mapping, or an iterable of pairs of refcode and structure, not "
            f"{type(structures).__name__}"
        )
    return _from_pairs(iter(structures))


def _from_pairs(pairs: Iterator[Any]) -> Iterator[tuple[Any, Callable[[], Any]]]:
    errors = 0
    while errors < PATIENCE:
        try:
            pair = next(pairs)
        except StopIteration:
            return
        except Exception as error:
            errors += 1
            yield "", _raising(error)
            continue
        errors = 0
        if isinstance(pair, (str, bytes)) or not hasattr(pair, "__len__") or len(pair) != 2:
            yield "", _raising(SchemaError(f"no pair of refcode and structure: {pair!r:.100}"))
        else:
            code, value = pair
            yield code, partial(_called, value)


def _item(structures: Mapping[Any, Any], code: Any) -> Any:
    return _called(structures[code])


def _called(value: Any) -> Any:
    return value() if callable(value) else value


def _raising(error: Exception) -> Callable[[], Any]:
    def get() -> Any:
        raise error

    return get


def _shown(refcode: Any) -> str:
    return refcode if isinstance(refcode, str) else repr(refcode)


def _why(error: Exception) -> str:
    return f"{error}" if isinstance(error, SchemaError) else f"{type(error).__name__}: {error}"
