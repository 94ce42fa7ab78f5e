"""What the options of several commands mean: codecs and sizes."""

import re
from typing import Any

import click

from raggedh5.core.codecs import LZ4, Bitshuffle, Blosc, Zstd

__all__ = ["CODECS", "bins_option", "byte_size", "make_codec", "names"]

CODECS: dict[str, tuple[int, int] | None] = {
    "blosc-lz4": (0, 9),
    "blosc-zstd": (0, 9),
    "lz4": None,
    "zstd": (1, 22),
    "bitshuffle": None,
    "gzip": (0, 9),
    "lzf": None,
    "none": None,
}
"""Names of codecs, each with its lowest and highest level."""

_UNITS = {"": 1, "k": 1000, "m": 1000**2, "g": 1000**3, "ki": 1 << 10, "mi": 1 << 20, "gi": 1 << 30}


def make_codec(name: str, level: int | None) -> Any:
    """Return a codec for `raggedh5.File`.

    Examples
    --------
    >>> make_codec("blosc-zstd", 3)
    Blosc(compressor='zstd', level=3, shuffle='byte', blocksize=None)
    """
    levels = CODECS[name]
    if level is not None and levels is None:
        raise click.BadParameter(f"{name} has no levels", param_hint="--level")
    if level is not None and levels is not None and not levels[0] <= level <= levels[1]:
        raise click.BadParameter(
            f"{name} has levels {levels[0]} to {levels[1]}, not {level}", param_hint="--level"
        )
    if name == "blosc-lz4":
        return Blosc("lz4", level=5 if level is None else level)
    if name == "blosc-zstd":
        return Blosc("zstd", level=5 if level is None else level)
    if name == "zstd":
        return Zstd(3 if level is None else level)
    if name == "gzip":
        return {"compression": "gzip", "compression_opts": 4 if level is None else level}
    return {"lz4": LZ4(), "bitshuffle": Bitshuffle(), "lzf": "lzf", "none": None}[name]


def byte_size(text: str) -> int:
    """Return a number of bytes, written with or without a unit.

    Examples
    --------
    >>> byte_size("65536"), byte_size("512KiB"), byte_size("1 MB")
    (65536, 524288, 1000000)
    """
    match = re.fullmatch(r"\s*(\d+)\s*([kmg]i?)?b?\s*", text, re.IGNORECASE | re.ASCII)
    size = int(match[1]) * _UNITS[(match[2] or "").lower()] if match else 0
    if size < 1:
        raise click.BadParameter(f"{text!r} is no size; write 65536, 512KiB or 1MB")
    return size


def names(text: str) -> list[str]:
    """Return the names in a list with commas.

    Examples
    --------
    >>> names("coords, symbol")
    ['coords', 'symbol']
    """
    found = [name.strip() for name in text.split(",") if name.strip()]
    if not found:
        raise click.BadParameter(f"{text!r} names no column", param_hint="--columns")
    return found


def bins_option(text: str) -> int | tuple[int | float, ...]:
    """Return a number of bins, or their edges.

    Examples
    --------
    >>> bins_option("10"), bins_option("0,10,20"), bins_option("0, 0.5, 1e3")
    (10, (0, 10, 20), (0, 0.5, 1000.0))
    """
    edges: list[int | float] = []
    for part in text.split(","):
        try:
            edges.append(int(part) if re.fullmatch(r"\s*[+-]?\d+\s*", part) else float(part))
        except ValueError as error:
            raise click.BadParameter(
                f"{text!r} is neither a number of bins nor their edges; write 10 or 0,5,10"
            ) from error
    if len(edges) > 1:
        return tuple(edges)
    if not isinstance(edges[0], int):
        raise click.BadParameter(f"{text!r} is no number of bins")
    return edges[0]
