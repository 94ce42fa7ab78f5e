"""Structures by refcode."""

from collections import Counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raggedh5.formats.crystal.unknown_refcode import unknown_refcode

__all__ = ["Refcodes"]


class Refcodes:
    """The refcodes of a file, and which structure has which.

    Parameters
    ----------
    codes : ndarray of StringDType, shape (structures,)
        In the order of structures.
    path
        The file, for messages.

    Examples
    --------
    >>> refcodes = Refcodes(np.array(["ABACOF", "ABEBUF"]), "crystals.h5")
    >>> refcodes.index("ABEBUF"), refcodes.indices(["ABEBUF", 0])
    (1, array([1, 0]))
    >>> refcodes.index("ABACOG")
    Traceback (most recent call last):
    KeyError: "crystals.h5 has no structure 'ABACOG'; the closest are 'ABACOF'"
    """

    def __init__(self, codes: NDArray[Any], path: str) -> None:
        self.codes = codes
        self._path = path
        self._known: dict[str, int] | None = None
        self._twice: dict[str, int] = {}

    def __len__(self) -> int:
        """Return the number of structures."""
        return len(self.codes)

    def __contains__(self, refcode: object) -> bool:
        """Whether there is a structure of that refcode."""
        return refcode in self._numbers()

    def index(self, key: Any) -> int:
        """Return the number of a structure, given its refcode, or its number.

        Raises
        ------
        KeyError
            If there is no such refcode, naming the closest ones, or several structures have it.
        IndexError
            If there is no such number; negative ones count from the end.
        """
        if not isinstance(key, (str, bytes)):
            return self._checked(key)
        code = key.decode() if isinstance(key, bytes) else str(key)
        found = self._numbers().get(code)
        if found is None:
            raise unknown_refcode(code, self._numbers(), self._path)
        if code in self._twice:
            raise KeyError(
                f"{self._path} has {self._twice[code]} structures {code!r}: take them by number, "
                f"{', '.join(map(str, np.flatnonzero(self.codes == code).tolist()[:5]))}"
            )
        return found

    def indices(self, keys: Any) -> NDArray[np.int64]:
        """Return the numbers of several structures: a slice, bools, refcodes or numbers.

        Raises
        ------
        KeyError, IndexError
            As `index`.
        """
        if isinstance(keys, slice):
            return np.arange(*keys.indices(len(self)))
        if isinstance(keys, (str, bytes)):
            return np.array([self.index(keys)])
        array = np.asarray(keys)
        if array.dtype == np.bool_:
            if array.shape != (len(self),):
                raise IndexError(f"bools of shape {array.shape}, but there are {len(self)}")
            return np.flatnonzero(array)
        if array.ndim == 1 and array.dtype.kind in "iu":
            bad = (array < -len(self)) | (array >= len(self))
            if not bad.any():
                return np.where(array < 0, array + len(self), array).astype(np.int64)
        return np.array([self.index(key) for key in keys], np.int64)

    def _checked(self, key: Any) -> int:
        number = key.__index__() if hasattr(key, "__index__") else None
        if number is None:
            raise KeyError(f"a refcode or a number is wanted, not {type(key).__name__}")
        if not -len(self) <= number < len(self):
            raise IndexError(f"{self._path} has {len(self)} structures, and no number {number}")
        return int(number) % len(self)

    def _numbers(self) -> dict[str, int]:
        if self._known is None:
            codes = self.codes.tolist()
            known: dict[str, int] = {}
            for number, code in enumerate(codes):
                known.setdefault(code, number)
            if len(known) < len(codes):
                self._twice = {code: n for code, n in Counter(codes).items() if n > 1}
            self._known = known
        return self._known
