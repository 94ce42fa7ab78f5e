"""A look at a file's structure in a child process: HDF5 may hang or crash on a damaged one.

The child writes what it saw as JSON.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from raggedh5.care.isolation.environment import child_environment
from raggedh5.errors import FormatError
from raggedh5.store.attributes import get_number
from raggedh5.store.damage import PROBLEMS
from raggedh5.store.facts import pipeline_of
from raggedh5.store.file import File
from raggedh5.store.filters import missing_filters
from raggedh5.store.layout import is_table, read_layout
from raggedh5.store.stored_sums import FORMAT_VERSION, GROUP

__all__ = ["look_into", "try_to_open", "write_what_is_seen"]

CHILD = f"from {__name__} import write_what_is_seen; write_what_is_seen()"
LAST_WAIT = 5
"""Seconds for a child to go that was killed. One that waits for a dead disk does not."""

MOST = 1000
"""Problems that are told one by one."""


def try_to_open(path: Path, timeout: float) -> dict[str, Any]:
    """Let a child process open a file and read its structure.

    Parameters
    ----------
    path
        The file.
    timeout
        Seconds that it may take.

    Returns
    -------
    dict
        ``"error"``: why it could not be opened, if so. ``"problems"``: lists of kind, path in the
        file, and a message. ``"filters"``: paths of the datasets that want a filter which is
        missing, by its id. ``"ended"``: "in time", "late", or how the child died.
    """
    command = [sys.executable, "-P", "-c", CHILD, os.fspath(path.absolute())]
    child = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=child_environment(),
    )
    try:
        out, err = child.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        child.kill()
        with suppress(subprocess.TimeoutExpired):
            child.communicate(timeout=LAST_WAIT)
        return {"ended": "late"}
    except BaseException:
        child.kill()
        raise
    with suppress(ValueError):
        seen: dict[str, Any] = json.loads(out)
        return {**seen, "ended": "in time"}
    last = err.decode("utf-8", "replace").strip().splitlines()[-1:]
    how = f"signal {-child.returncode}" if child.returncode < 0 else f"status {child.returncode}"
    return {"ended": ": ".join([how, *last])}


def write_what_is_seen() -> None:
    """Look into the file that the command line names: what the child does."""
    sys.stdout.write(json.dumps(look_into(Path(sys.argv[1]))))


def look_into(path: Path) -> dict[str, Any]:
    """Open a file and read its structure here; see `try_to_open`."""
    problems: list[tuple[str, str, str]] = []
    filters: dict[int, list[str]] = {}
    try:
        with File(path, verify="never", threads=1) as file:
            for kind, name, said in _problems(file.h5, path, filters):
                if len(problems) < MOST:
                    problems.append((kind, name, said))
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}", "problems": problems}
    return {"problems": problems, "filters": filters}


def _problems(
    root: Any, path: Path, filters: dict[int, list[str]]
) -> Iterator[tuple[str, str, str]]:
    """Go through all objects, each once; note the filters that are missing."""
    ahead = [("/", root)]
    seen = {root.id}
    while ahead:
        name, item = ahead.pop()
        try:
            if hasattr(item, "chunks"):
                yield from _of_dataset(name, item, path, filters)
            elif hasattr(item, "keys"):
                yield from _of_group(name, item)
                for child in reversed(list(item)):
                    below = f"{name.rstrip('/')}/{child}"
                    found = _member(item, child)
                    if found is None:
                        yield "link", below, _target(item, child)
                    elif found.id not in seen:
                        seen.add(found.id)
                        ahead.append((below, found))
        except PROBLEMS as error:
            yield "damaged", name, str(error)


def _member(group: Any, name: str) -> Any:
    """Return what a group has by a name, None where a link leads nowhere."""
    try:
        return group.get(name)
    except RuntimeError as error:
        if "too many links" in str(error):  # in a circle
            return None
        raise


def _of_group(name: str, group: Any) -> Iterator[tuple[str, str, str]]:
    if name == f"/{GROUP}":
        version = get_number(group.id, "format-version")
        if version is not None and version > FORMAT_VERSION:
            yield "checksums", name, f"format version {version} is newer than {FORMAT_VERSION}"
    elif is_table(group):
        try:
            read_layout(group)
        except FormatError as error:
            newer = "is newer than" in str(error)
            yield "newer" if newer else "table", name, str(error)


def _of_dataset(
    name: str, dataset: Any, path: Path, filters: dict[int, list[str]]
) -> Iterator[tuple[str, str, str]]:
    for filter_id in missing_filters(pipeline_of(dataset)):
        filters.setdefault(filter_id, []).append(name)
    sources = (
        {source.file_name for source in dataset.virtual_sources()} if dataset.is_virtual else ()
    )
    for source in (*sources, *(entry[0] for entry in dataset.external or ())):
        if source != "." and "%" not in source and not _is_there(source, path.parent):
            yield "source", name, source


def _is_there(source: str, folder: Path) -> bool:
    """Whether HDF5 would find a file: beside this one, here, or of that name beside this one."""
    places = folder / source, Path(source), folder / Path(source).name
    return any(place.exists() for place in places)


def _target(group: Any, name: str) -> str:
    link = group.get(name, getlink=True)
    return f"{link.filename}:{link.path}" if hasattr(link, "filename") else str(link.path)
