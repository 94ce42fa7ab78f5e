"""The codecs that a configuration may name, and what each can do."""

from dataclasses import dataclass
from typing import Any

from raggedh5.core.codecs import LZ4, Bitshuffle, Blosc, Codec, FilterKeywords, Zstd
from raggedh5.formats.trajectory.configuring.values import one_of, refused, whole_number

__all__ = ["make_codec", "resolve_compression", "resolve_level", "resolve_shuffle"]

_BLOSC = "blosc-"


@dataclass(frozen=True)
class Compression:
    """What may be said of one codec.

    Attributes
    ----------
    levels
        The lowest, the highest and the default level; None where it has none.
    shuffles
        The ways of shuffling that can go before it; the first is meant by true. ``"none"`` among
        them means that false is allowed, too.
    why
        Why it can do no other shuffles.
    """

    levels: tuple[int, int, int] | None
    shuffles: tuple[str, ...]
    why: str = ""


_OF_BYTES = "the shuffle filter of HDF5 is by bytes; use bitshuffle or one of Blosc"
_BLOSC_CODEC = Compression((0, 9, 5), ("byte", "bit", "none"))
CODECS = {
    "blosc-lz4": _BLOSC_CODEC,
    "blosc-lz4hc": _BLOSC_CODEC,
    "blosc-zstd": _BLOSC_CODEC,
    "blosc-zlib": _BLOSC_CODEC,
    "blosc-blosclz": _BLOSC_CODEC,
    "lz4": Compression(None, ("byte", "none"), _OF_BYTES),
    "zstd": Compression((1, 22, 3), ("byte", "none"), _OF_BYTES),
    "bitshuffle": Compression(None, ("bit",), "bitshuffle always shuffles bits; lz4 does not"),
    "gzip": Compression((0, 9, 4), ("byte", "none"), _OF_BYTES),
    "lzf": Compression(None, ("byte", "none"), _OF_BYTES),
    "none": Compression(None, ("none",), "what is not compressed gains nothing by a shuffle"),
}
ALIASES = {"blosc": "blosc-lz4"}


def resolve_compression(key: str, value: object) -> str:
    """Return the one name of a codec; None is ``"none"``."""
    if value is None:
        return "none"
    name = one_of(key, value, [*CODECS, *ALIASES])
    return ALIASES.get(name, name)


def resolve_level(key: str, value: object, compression: str) -> int | None:
    """Return the level of a codec, its default for None; None where it has no levels."""
    levels = CODECS[compression].levels
    if levels is None:
        if value is not None:
            raise refused(key, value, f"none, because {compression!r} has no levels: leave it out")
        return None
    lowest, highest, default = levels
    if value is None:
        return default
    return whole_number(f"{key} (of {compression!r})", value, lowest, highest)


def resolve_shuffle(key: str, value: object, compression: str) -> str:
    """Return how is shuffled before compression: ``"byte"``, ``"bit"`` or ``"none"``.

    True is what the codec does best, and nothing where nothing is compressed.
    """
    codec = CODECS[compression]
    named = "none" if value is False else codec.shuffles[0] if value is True else value
    if isinstance(named, str) and named in codec.shuffles:
        return named
    reason = f"; {codec.why}" if codec.why and named in ("byte", "bit", "none") else ""
    allowed = ["true", *(["false"] if "none" in codec.shuffles else []), *map(repr, codec.shuffles)]
    raise refused(f"{key} (of {compression!r})", value, ", ".join(allowed) + reason)


def make_codec(compression: str, level: int | None, shuffle: str, fletcher32: bool) -> Codec:
    """Return what `raggedh5.File.create_array` takes; all that it is given has been resolved.

    Examples
    --------
    >>> make_codec("blosc-zstd", 3, "bit", False)
    Blosc(compressor='zstd', level=3, shuffle='bit', blocksize=None)
    >>> make_codec("gzip", 4, "byte", True).keywords()
    {'compression': 'gzip', 'compression_opts': 4, 'shuffle': True, 'fletcher32': True}
    """
    own = _own_codec(compression, level, shuffle)
    keywords: dict[str, Any] = {} if own is None else own.keywords()
    if compression == "gzip":
        keywords = {"compression": "gzip", "compression_opts": level}
    elif compression == "lzf":
        keywords = {"compression": "lzf"}
    # Blosc and Bitshuffle shuffle by themselves; before the others goes the filter of HDF5.
    filtered = shuffle == "byte" and not compression.startswith(_BLOSC)
    if own is not None and not filtered and not fletcher32:
        return own
    if filtered:
        keywords["shuffle"] = True
    if fletcher32:
        keywords["fletcher32"] = True
    return FilterKeywords(keywords)


def _own_codec(compression: str, level: int | None, shuffle: Any) -> Codec | None:
    if compression.startswith(_BLOSC):
        compressor: Any = compression.removeprefix(_BLOSC)
        return Blosc(compressor, level=5 if level is None else level, shuffle=shuffle)
    if compression == "zstd":
        return Zstd(3 if level is None else level)
    if compression == "lz4":
        return LZ4()
    return Bitshuffle() if compression == "bitshuffle" else None
