"""Dictionary encoding: distinct strings are numbered, and items become their numbers."""

import os
import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from raggedh5.core.kept import Kept, Offsets
from raggedh5.core.string_decode import decode
from raggedh5.core.string_source import JoinedSource, Source, kept_strings, source_of
from raggedh5.errors import SchemaError
from raggedh5.kernels.string_sink import Sink, Table

__all__ = ["Coding", "Dictionary"]

Codes = npt.NDArray[np.int32]

_MOST = 2**31 - 1


class Dictionary:
    """Distinct strings, numbered from 0 in order of appearance, that grow from batch to batch.

    A batch that is refused leaves the dictionary as it was. Calls from several threads wait for
    each other.

    Parameters
    ----------
    categories : list of str or array-like
        The strings to begin with, all of them different.
    limit : int
        How many distinct strings there may be, at most 2**31 - 1: less if the codes are to be
        stored in fewer bits.

    Raises
    ------
    SchemaError
        If a category appears twice, or is no string, or there are too many.

    Examples
    --------
    >>> symbols = Dictionary()
    >>> symbols.encode([["C", "H"], ["H", "O"]])
    array([0, 1, 1, 2], dtype=int32)
    >>> symbols.categories
    ['C', 'H', 'O']
    """

    def __init__(self, categories: Any = (), *, limit: int = _MOST) -> None:
        if not 0 <= limit <= _MOST:
            raise SchemaError(f"limit must be from 0 to {_MOST}, not {limit}")
        # The seed is secret, so that no file can be made up of strings that all collide.
        self._table = Table(int.from_bytes(os.urandom(8)), limit)
        self._lock = threading.Lock()
        codes = self.encode(categories, name="categories")
        if len(codes) != len(self):
            row = int((codes != np.arange(len(codes))).argmax())
            raise SchemaError(f"categories: row {row} is the same as row {codes[row]}")

    @classmethod
    def from_bytes(
        cls, data: npt.NDArray[np.uint8], offsets: Offsets, *, limit: int = _MOST
    ) -> "Dictionary":
        """Make a dictionary of the categories that a file holds.

        Parameters
        ----------
        data : ndarray of uint8, shape (bytes,)
            The UTF-8 bytes of all categories.
        offsets : ndarray of int64, shape (categories + 1,)
            Starts at 0: category i is ``data[offsets[i]:offsets[i + 1]]``.
        limit : int
            How many distinct strings there may be.

        Raises
        ------
        FormatError
            If the offsets do not fit the bytes, or some are not UTF-8.
        SchemaError
            If a category appears twice, or there are too many.

        Examples
        --------
        >>> data, offsets = Dictionary(["C", "H"]).since(0)
        >>> Dictionary.from_bytes(data, offsets).encode(["H", "N"])
        array([1, 2], dtype=int32)
        """
        return cls(decode(data, offsets), limit=limit)

    def __len__(self) -> int:
        """Return the number of categories."""
        return len(self._table)

    def __repr__(self) -> str:
        """Say how many categories there are."""
        return f"Dictionary({len(self)} categories)"

    @property
    def categories(self) -> list[str]:
        """The categories in the order of their codes: a new list."""
        return decode(*self.since(0))

    @property
    def data(self) -> npt.NDArray[np.uint8]:
        """The UTF-8 bytes of all categories, uint8 (bytes,): a copy."""
        return self.since(0)[0]

    @property
    def offsets(self) -> Offsets:
        """Where the bytes of each category lie, int64 (categories + 1,): a copy."""
        return self.since(0)[1]

    def since(self, mark: int) -> tuple[npt.NDArray[np.uint8], Offsets]:
        """Return the categories that were added after a mark, as UTF-8.

        Returns
        -------
        data : ndarray of uint8, shape (bytes,)
        offsets : ndarray of int64, shape (categories - mark + 1,)
            Starts at 0. Both are copies.

        Raises
        ------
        ValueError
            If `mark` is none of this dictionary.
        """
        with self._lock:
            self._check_mark(mark)
            return self._table.copy_from(mark)

    def mark(self) -> int:
        """Return a mark to roll back to: the number of categories."""
        return len(self._table)

    def rollback(self, mark: int) -> None:
        """Forget the categories that were added after a mark.

        Raises
        ------
        ValueError
            If `mark` is none of this dictionary.

        Examples
        --------
        >>> symbols = Dictionary(["C"])
        >>> mark = symbols.mark()
        >>> codes = symbols.encode(["H", "O"])
        >>> symbols.rollback(mark)
        >>> symbols.categories
        ['C']
        """
        with self._lock:
            self._check_mark(mark)
            self._table.rollback(mark)

    def encode(
        self,
        strings: Any,
        *,
        mask: Any = None,
        lengths: Any = None,
        kept: Kept | None = None,
        name: str = "",
        nullable: bool = False,
    ) -> Codes:
        """Return the codes of the kept strings of a batch, adding those that are new.

        Parameters
        ----------
        strings, mask, lengths, kept, name
            As in `raggedh5.core.strings.encode`.
        nullable : bool
            Let None, and nulls of a StringDType array, pass as missing strings: code -1.

        Returns
        -------
        ndarray of int32, shape (items,)

        Raises
        ------
        SchemaError
            As in `raggedh5.core.strings.encode`, and if there are more distinct strings than
            `limit`. The dictionary has not grown then.
        """
        source = source_of(strings, kept_strings(mask, lengths, kept), name)
        codes = np.empty(source.items, np.int32)
        with self._lock:
            Coding(self._table, source, [codes], nullable).finish()
        return codes

    def coding(
        self,
        pieces: Sequence[Codes],
        strings: Any,
        *,
        kept: Kept | None = None,
        name: str = "",
        nullable: bool = False,
    ) -> "Coding":
        """Return the work of writing the codes of a batch to pieces, one after the other.

        Until it is done the caller sees to it that nobody else uses the dictionary.

        Parameters
        ----------
        pieces : sequence of ndarray of int32, C-contiguous
            Where the codes go; together they have room for just as many as are kept.
        strings, kept, name, nullable
            As in `encode`.

        Raises
        ------
        SchemaError
            If the pieces do not fit; and as in `encode`, as far as the items themselves need not be
            looked at.
        """
        source = source_of(strings, kept, name)
        room = 0
        for piece in pieces:
            if piece.dtype != np.int32 or piece.ndim != 1 or not piece.flags.c_contiguous:
                raise SchemaError(f"codes must go to contiguous int32, not {piece.dtype}")
            room += len(piece)
        if room != source.items:
            raise SchemaError(f"column {name!r}: room for {room} items, {source.items} are kept")
        return Coding(self._table, source, list(pieces), nullable)

    def _check_mark(self, mark: int) -> None:
        if not 0 <= mark <= len(self._table):
            raise ValueError(f"mark {mark} is not between 0 and {len(self._table)}")


class Coding:
    """Strings on their way to be codes, as `Dictionary.coding` returns them.

    Attributes
    ----------
    putting : Putting or None
        What others may do before `finish` is called, None if it is for this thread to do.
    """

    def __init__(
        self, table: Table, source: Source | JoinedSource, pieces: list[Codes], nullable: bool
    ) -> None:
        self._table = table
        self._source = source
        self._pieces = pieces
        self._nullable = nullable
        self._mark = len(table)
        self._sink = Sink.of_codes(table, pieces, nullable)
        self.putting = source.putting(self._sink)

    def finish(self) -> None:
        """See to it that all codes are there, by coding here what nobody has coded, or could.

        Raises
        ------
        SchemaError
            For the first item that cannot be coded. The dictionary has not grown then.
        """
        putting = self.putting
        if putting is not None and putting.done and self._sink.filled == self._source.items:
            return
        if putting is not None and putting.begun:
            self._table.rollback(self._mark)
            self._sink = Sink.of_codes(self._table, self._pieces, self._nullable)
        try:
            self._source.put(self._sink)
        except BaseException:
            self._table.rollback(self._mark)
            raise
