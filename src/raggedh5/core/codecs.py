"""What a user says of compression: one small immutable object a codec."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, runtime_checkable

from raggedh5.core import native
from raggedh5.errors import SchemaError

__all__ = ["LZ4", "Bitshuffle", "Blosc", "Codec", "FilterKeywords", "Zstd", "as_codec"]

BLOSC_COMPRESSORS = ("blosclz", "lz4", "lz4hc", "snappy", "zlib", "zstd")
H5PY_COMPRESSIONS = ("gzip", "lzf", "szip")
_CODECS = (
    "give raggedh5.Blosc(), an hdf5plugin filter, h5py's keywords as a dict, 'gzip', 'lzf' or None"
)
BLOSC_SHUFFLES: dict[str | None, int] = {None: 0, "none": 0, "byte": 1, "bit": 2}


@runtime_checkable
class Codec(Protocol):
    """Anything that can say how h5py is to create a compressed dataset."""

    def keywords(self) -> dict[str, Any]:
        """Keywords for ``h5py.Group.create_dataset``."""


@dataclass(frozen=True)
class Blosc:
    """Blosc (HDF5 filter 32001): a fast compressor behind a shuffle, in small blocks.

    Parameters
    ----------
    compressor
        ``"lz4"``, ``"lz4hc"``, ``"zstd"``, ``"blosclz"`` or ``"zlib"``.
    level
        0 (store) to 9. With ``"lz4"`` and byte shuffle, three blocks of each chunk show what is
        worth while. Levels 1 to 5 leave alone byte planes that shrink by less than 3/16, and
        chunks that shrink by less than 1/8 altogether; levels 6 to 8 those that shrink by less
        than 1/32; level 9 only what does not shrink. Such planes (the mantissas of noisy floats)
        cost most of the time and give next to nothing.
    shuffle
        ``"byte"``, ``"bit"`` or None.
    blocksize
        Bytes of a block, the least that is decoded for one row. None: 16 KiB, or 4 KiB for each
        byte of wider items.

    Examples
    --------
    >>> Blosc("zstd", level=3).keywords()
    {'compression': 32001, 'compression_opts': (0, 0, 0, 0, 3, 1, 5)}
    """

    compressor: Literal["lz4", "lz4hc", "zstd", "blosclz", "zlib", "snappy"] = "lz4"
    level: int = 5
    shuffle: Literal["byte", "bit", "none"] | None = "byte"
    blocksize: int | None = None

    def __post_init__(self) -> None:
        if self.compressor not in BLOSC_COMPRESSORS:
            raise SchemaError(
                f"Blosc has no compressor {self.compressor!r}; use one of {BLOSC_COMPRESSORS}"
            )
        if self.shuffle not in BLOSC_SHUFFLES:
            raise SchemaError(f"Blosc has no shuffle {self.shuffle!r}; use 'byte', 'bit' or None")
        _check_level("Blosc", self.level, 0, 9)
        if self.blocksize is not None and self.blocksize < 128:
            raise SchemaError(f"a Blosc block has at least 128 bytes, not {self.blocksize}")

    def keywords(self) -> dict[str, Any]:
        """Keywords for ``h5py.Group.create_dataset``."""
        code = BLOSC_COMPRESSORS.index(self.compressor)
        options = (0, 0, 0, 0, self.level, BLOSC_SHUFFLES[self.shuffle], code)
        return {"compression": native.BLOSC, "compression_opts": options}


@dataclass(frozen=True)
class LZ4:
    """LZ4 (HDF5 filter 32004), without a shuffle. `blocksize` in bytes, 0: a chunk is one block."""

    blocksize: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.blocksize < 1 << 31:
            raise SchemaError(f"an LZ4 block has 0 to 2**31 - 1 bytes, not {self.blocksize}")

    def keywords(self) -> dict[str, Any]:
        """Keywords for ``h5py.Group.create_dataset``."""
        return {"compression": native.LZ4, "compression_opts": (self.blocksize,)}


@dataclass(frozen=True)
class Zstd:
    """Zstandard (HDF5 filter 32015), without a shuffle. `level` is 1 to 22."""

    level: int = 3

    def __post_init__(self) -> None:
        _check_level("Zstd", self.level, 1, 22)

    def keywords(self) -> dict[str, Any]:
        """Keywords for ``h5py.Group.create_dataset``."""
        return {"compression": native.ZSTD, "compression_opts": (self.level,)}


@dataclass(frozen=True)
class Bitshuffle:
    """Bitshuffle with LZ4 (HDF5 filter 32008). `blocksize` in items, 0: Bitshuffle's choice."""

    blocksize: int = 0

    def __post_init__(self) -> None:
        if self.blocksize < 0 or self.blocksize % 8:
            raise SchemaError(f"a Bitshuffle block is a multiple of 8 items, not {self.blocksize}")

    def keywords(self) -> dict[str, Any]:
        """Keywords for ``h5py.Group.create_dataset``."""
        return {"compression": native.BITSHUFFLE, "compression_opts": (self.blocksize, 2)}


@dataclass(frozen=True)
class FilterKeywords:
    """Any other HDF5 filter pipeline, as the keywords that h5py takes for it."""

    options: Mapping[str, Any] = field(default_factory=dict)

    def keywords(self) -> dict[str, Any]:
        """Keywords for ``h5py.Group.create_dataset``."""
        return dict(self.options)


_BY_NAME: dict[str, type[Codec]] = {
    "blosc": Blosc,
    "lz4": LZ4,
    "zstd": Zstd,
    "bitshuffle": Bitshuffle,
}


def as_codec(codec: object) -> Codec:
    """Turn what h5py and hdf5plugin users write into a codec.

    Parameters
    ----------
    codec
        A codec of this module, a filter object of hdf5plugin (or any mapping of h5py's
        ``create_dataset`` keywords), the name of an h5py compression (``"gzip"``, ``"lzf"``), or
        None or ``"none"`` for no compression.

    Examples
    --------
    >>> as_codec("gzip").keywords()
    {'compression': 'gzip'}
    >>> as_codec({"compression": "gzip", "compression_opts": 9, "fletcher32": True}).keywords()
    {'compression': 'gzip', 'compression_opts': 9, 'fletcher32': True}
    >>> as_codec(None).keywords()
    {}
    """
    if isinstance(codec, Codec):
        return codec
    if codec is None or codec == "none":
        return FilterKeywords()
    if isinstance(codec, str):
        if codec in _BY_NAME:
            return _BY_NAME[codec]()
        if codec in H5PY_COMPRESSIONS:
            return FilterKeywords({"compression": codec})
        raise SchemaError(f"no codec is called {codec!r}; {_CODECS}")
    if isinstance(codec, Mapping):
        return FilterKeywords(dict(codec))
    raise SchemaError(f"not a codec: {codec!r}; {_CODECS}")


def _check_level(name: str, level: int, low: int, high: int) -> None:
    if not low <= level <= high:
        raise SchemaError(f"{name} has levels {low} to {high}, not {level}")
