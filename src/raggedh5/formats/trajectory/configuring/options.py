"""The sections of a configuration, each a small immutable object."""

from dataclasses import dataclass

from raggedh5.core.codecs import Codec
from raggedh5.formats.trajectory.configuring.compression import (
    make_codec,
    resolve_compression,
    resolve_level,
    resolve_shuffle,
)
from raggedh5.formats.trajectory.configuring.values import flag, number, refused, whole_number

__all__ = ["SECTION", "HDF5Options", "PerformanceOptions", "ValidationOptions"]

SECTION = "trajectory_output"
"""The section of a YAML file that all this is in, as errors name it."""

LONGEST_CHUNK = (1 << 32) - 1
"""Frames of a chunk at the most, as HDF5 has it."""

LONGEST_WAIT = 1e6
"""Seconds between flushes at the most: threads cannot wait for any length of time."""


@dataclass(frozen=True)
class HDF5Options:
    """How datasets are stored in HDF5.

    Parameters
    ----------
    compression
        ``"blosc-lz4"`` (or ``"blosc"``), ``"blosc-lz4hc"``, ``"blosc-zstd"``, ``"blosc-zlib"``,
        ``"blosc-blosclz"``, ``"lz4"``, ``"zstd"``, ``"bitshuffle"``, ``"gzip"``, ``"lzf"``, or
        ``"none"`` or None.
    compression_level
        0 to 9 for Blosc (by default 5) and gzip (4), 1 to 22 for zstd (3); the others have none.
        None becomes the default of the codec.
    chunking
        True: chunks are planned; or the number of frames of a chunk. Datasets that grow always
        have chunks.
    shuffle
        True: as is best for the codec, which is by bytes, by bits for bitshuffle, and not at all
        where nothing is compressed. False or ``"none"``, ``"byte"`` and ``"bit"`` where the codec
        can do that. Before codecs other than Blosc and bitshuffle, it is HDF5's own filter: such
        chunks are coded by HDF5, on one core.
    fletcher32
        Whether HDF5 adds a checksum of its own to each chunk. Chunks are then coded by HDF5, on
        one core; raggedh5 keeps checksums in any case.
    single_file
        False: one file a trajectory, and a virtual file over them.
    precision
        Absolute error that coordinates may have, in their unit. None: they are kept exactly.

    Raises
    ------
    SchemaError
        If a value is not allowed, or the codec cannot do it.

    Examples
    --------
    >>> HDF5Options().codec()
    Blosc(compressor='lz4', level=5, shuffle='byte', blocksize=None)
    >>> HDF5Options(compression="zstd", shuffle=False).codec()
    Zstd(level=3)
    """

    compression: str | None = "blosc-lz4"
    compression_level: int | None = None
    chunking: bool | int = True
    shuffle: bool | str = True
    fletcher32: bool = False
    single_file: bool = True
    precision: float | None = None

    def __post_init__(self) -> None:
        compression = resolve_compression(_key("compression"), self.compression)
        level = resolve_level(_key("compression_level"), self.compression_level, compression)
        object.__setattr__(self, "compression", compression)
        object.__setattr__(self, "compression_level", level)
        resolve_shuffle(_key("shuffle"), self.shuffle, compression)
        flag(_key("fletcher32"), self.fletcher32)
        flag(_key("single_file"), self.single_file)
        if self.chunking is not True:
            object.__setattr__(self, "chunking", _frames_of_chunk(self.chunking))
        if self.precision is not None:
            precision = number(_key("precision"), self.precision, above=0)
            object.__setattr__(self, "precision", precision)

    @property
    def chunk_frames(self) -> int | None:
        """Frames of a chunk, None where chunks are planned."""
        return None if self.chunking is True else self.chunking

    def codec(self) -> Codec:
        """Return what `raggedh5.File.create_array` takes as codec."""
        compression = self.compression or "none"
        shuffle = resolve_shuffle(_key("shuffle"), self.shuffle, compression)
        return make_codec(compression, self.compression_level, shuffle, self.fletcher32)


@dataclass(frozen=True)
class ValidationOptions:
    """How formats are compared at the end.

    Parameters
    ----------
    cross_format_check
        Whether `validate_formats` compares them.
    tolerance
        Largest absolute difference of two values that count as equal.
    statistical_validation
        Whether mean, variance, extremes and mean-square displacement are compared, too.

    Raises
    ------
    SchemaError
        If a value is not allowed.
    """

    cross_format_check: bool = True
    tolerance: float = 1e-15
    statistical_validation: bool = True

    def __post_init__(self) -> None:
        within = f"{SECTION}.validation"
        flag(f"{within}.cross_format_check", self.cross_format_check)
        flag(f"{within}.statistical_validation", self.statistical_validation)
        tolerance = number(f"{within}.tolerance", self.tolerance, lowest=0)
        object.__setattr__(self, "tolerance", tolerance)


@dataclass(frozen=True)
class PerformanceOptions:
    """How frames get from the simulation to the disk.

    Parameters
    ----------
    buffer_size
        Frames that are held in memory at the most.
    parallel_writing
        Whether a thread in the background packs, compresses and writes.
    flush_seconds
        Seconds after which what was written is made to last.

    Raises
    ------
    SchemaError
        If a value is not allowed.
    """

    buffer_size: int = 1000
    parallel_writing: bool = True
    flush_seconds: float = 5.0

    def __post_init__(self) -> None:
        within = f"{SECTION}.performance"
        size = whole_number(f"{within}.buffer_size", self.buffer_size, 1)
        flag(f"{within}.parallel_writing", self.parallel_writing)
        seconds = number(
            f"{within}.flush_seconds", self.flush_seconds, above=0, highest=LONGEST_WAIT
        )
        object.__setattr__(self, "buffer_size", size)
        object.__setattr__(self, "flush_seconds", seconds)


def _key(name: str) -> str:
    return f"{SECTION}.hdf5_options.{name}"


def _frames_of_chunk(value: object) -> int:
    key = _key("chunking")
    if value is False:
        allowed = "true, or a number of frames: datasets of HDF5 that grow have to have chunks"
        raise refused(key, value, allowed)
    if isinstance(value, str):
        raise refused(key, value, "true, or a whole number of frames")
    return whole_number(key, value, 1, LONGEST_CHUNK)
