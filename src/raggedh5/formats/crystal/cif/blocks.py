"""The data blocks of a CIF, one at a time.

A file may hold a whole database. It is cut before each ``data_`` line that is in no text field, so
that no more than a block is in memory, and an error in one leaves the others readable.
"""

import gzip
import io
import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from raggedh5.errors import FormatError
from raggedh5.formats.crystal.cif.parser import require_gemmi

__all__ = ["DamagedFileError", "TextBlock", "parsed", "text_blocks"]

LONGEST = 1 << 24
"""Characters of a line. CIF has 2048; some files have more."""

_HEADER = re.compile(r"\s*data_(\S*)", re.IGNORECASE)
_PLACE = re.compile(r"string:(\d+)(?::\d+\(\d+\))?[^:]*:\s*")


class DamagedFileError(FormatError):
    """No more of a file can be read."""


@dataclass(frozen=True)
class TextBlock:
    """A data block as text.

    Attributes
    ----------
    name
        What follows ``data_``.
    line
        Number of its first line in the file, from 1.
    text
        All of it.
    """

    name: str
    line: int
    text: str


def text_blocks(path: Path, at: Callable[[int], None] = lambda nbytes: None) -> Iterator[TextBlock]:
    """Go through the blocks of a file; one that ends in ``.gz`` is decompressed.

    Text is UTF-8, and Latin-1 where it is not.

    Parameters
    ----------
    path
        The file.
    at
        Called with how many bytes of it were read.

    Raises
    ------
    DamagedFileError
        If what is compressed is damaged.
    OSError
        If the file cannot be read.
    """
    with path.open("rb") as file:
        packed = path.suffix.lower() == ".gz"
        raw: Any = gzip.GzipFile(fileobj=file) if packed else file
        # Bytes that are not UTF-8 pass as surrogates, to be decoded when their block is complete.
        lines = io.TextIOWrapper(raw, "utf-8-sig", "surrogateescape", newline=None)
        try:
            for block in _cut(lines):
                at(file.tell())
                yield block
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise DamagedFileError(f"what is compressed is damaged: {error}") from error


def parsed(block: TextBlock) -> Any:
    """Return a block as gemmi has it.

    Raises
    ------
    FormatError
        If it is not CIF; the message names the line.
    """
    cif = require_gemmi().cif
    try:
        return cif.read_string(block.text).sole_block()
    except (ValueError, RuntimeError) as error:
        place = _PLACE.match(str(error))
        reason = str(error)[place.end() if place else 0 :]
        line = block.line + (int(place[1]) - 1 if place else 0)
        raise FormatError(f"line {line} is not CIF: {reason}") from error


def _cut(file: io.TextIOWrapper) -> Iterator[TextBlock]:
    name, first, held = "", 1, list[str]()
    begun = in_text = False
    # A file of another kind may be one endless line, or have no block at all.
    for number, line in enumerate(iter(partial(file.readline, LONGEST), ""), 1):
        if len(line) == LONGEST:
            raise DamagedFileError(f"line {number} is too long for CIF")
        if begun and line.startswith(";"):
            in_text = not in_text
        header = None if in_text else _HEADER.match(line)
        if header is not None:
            yield from _complete(name, first, held)
            begun, name, first, held = True, header[1], number, []
        if begun:
            held.append(line)
        elif not held and line.strip() and not line.lstrip().startswith("#"):
            held, first = [line], number
    yield from _complete(name, first, held)


def _complete(name: str, first: int, held: list[str]) -> Iterator[TextBlock]:
    """Yield a block, if there is anything in it."""
    if held:
        text = "".join(held)
        if not name.isascii():  # which gemmi wants, in names of blocks
            text = text.replace(name, "_" * len(name), 1)
        yield TextBlock(_decoded(name), first, _decoded(text))


def _decoded(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogateescape").decode("latin-1")
    return text
