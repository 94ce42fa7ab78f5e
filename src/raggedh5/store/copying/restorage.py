"""How a dataset that is made from another is to be stored where that is to differ."""

import math
from dataclasses import dataclass
from typing import Any

import h5py
import numpy as np

from raggedh5.core.chunks import TARGET, Access, plan_grid, plan_length
from raggedh5.core.codecs import Blosc, as_codec
from raggedh5.core.pipeline_codecs import codec_like
from raggedh5.store.copying.twins import create_twin
from raggedh5.store.facts import Facts
from raggedh5.store.layout import Storage, create_buffer

__all__ = ["Restorage"]


@dataclass(frozen=True)
class Restorage:
    """What is to differ from the dataset that another is made from.

    Parameters
    ----------
    codec
        ``"keep"``, or what `raggedh5.File` takes. A dataset that is not chunked has none to keep,
        and gets the default.
    chunk_bytes, access
        None to keep the length of the chunks.
    """

    codec: Any = "keep"
    chunk_bytes: int | None = None
    access: Access | None = None

    @property
    def changes(self) -> bool:
        """Whether anything is to differ."""
        return not self.keeps_codec or self.chunk_bytes is not None or self.access is not None

    @property
    def keeps_codec(self) -> bool:
        """Whether the codec stays."""
        return isinstance(self.codec, str) and self.codec == "keep"

    def check(self) -> None:
        """Refuse a codec that is none, or chunks of no bytes.

        Raises
        ------
        SchemaError
            Saying what can be asked for.
        """
        if not self.keeps_codec:
            as_codec(self.codec)
        if self.chunk_bytes is not None or self.access is not None:
            plan_length(
                1,
                target=self.chunk_bytes if self.chunk_bytes is not None else TARGET,
                access=self.access or "scan",
            )

    @property
    def blocksize(self) -> int | None:
        """Bytes of a Blosc block for chunks that are coded anew."""
        return None if self.keeps_codec else Storage(self.codec).blocksize

    def create(
        self,
        group: h5py.Group,
        name: str,
        like: Facts | None,
        dtype: np.dtype[Any] | None = None,
        inner: tuple[int, ...] | None = None,
        grid: bool = False,
    ) -> Facts:
        """Create an empty dataset that grows along axis 0.

        Parameters
        ----------
        group, name
            Where it goes.
        like
            What it is made from, if it is made from one.
        dtype, inner
            Where they are not those of `like`.
        grid
            Whether chunks may divide the other axes, as those of arrays may.
        """
        dtype = like.dtype if dtype is None and like is not None else np.dtype(dtype)
        inner = like.inner if inner is None and like is not None else inner or ()
        chunked = like is not None and like.chunks is not None
        same = like is not None and like.dtype.newbyteorder("=") == dtype.newbyteorder("=")
        if like is not None and chunked and same and like.plain and not self.changes:
            return create_twin(group, name, like)
        codec: Any = self.codec
        if self.keeps_codec:
            codec = codec_like(like.pipeline) if like is not None and chunked else Blosc()
        target = TARGET if self.chunk_bytes is None else self.chunk_bytes
        keeps_length = self.chunk_bytes is None and self.access is None and chunked
        chunks = like.chunks if like is not None and keeps_length else None
        if chunks is not None and like is not None and not same:
            target, chunks = like.dtype.itemsize * math.prod(chunks), None
        if chunks is None and grid:
            shape = (0, *inner)
            chunks = plan_grid(shape, dtype.itemsize, target=target, access=self.access or "scan")
        fill = like.dataset.fillvalue if like is not None and same else None
        if fill is not None and not any(np.asarray(fill).tobytes()):
            fill = None
        storage = Storage(codec, target, self.access or "scan")
        return create_buffer(group, name, dtype, inner, storage, chunks, fill)
