"""Names made of the labels of several atoms: ``"C1-O2"``."""

from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raggedh5.formats.crystal.counting import Counts

__all__ = ["joined"]


def joined(labels: list[Any], counts: Counts) -> list[list[str]]:
    """Return the labels of the atoms of each item, joined by hyphens.

    Parameters
    ----------
    labels
        For each atom of an item, the labels of a batch: lists of lists, or an array
        (structures, width), of strings.
    counts
        Items of each structure.

    Returns
    -------
    list of lists of str
        As long as there are items in each structure.

    Examples
    --------
    >>> joined([[["C1", "C2"], []], [["O1", "O1"], []]], Counts(np.array([2, 0]), ""))
    [['C1-O1', 'C2-O1'], []]
    """
    kept = [_kept(column, counts) for column in labels]
    return [list(map("-".join, zip(*atoms, strict=True))) for atoms in zip(*kept, strict=True)]


def _kept(labels: Any, counts: Counts) -> list[list[str]]:
    rows = labels.tolist() if isinstance(labels, np.ndarray) else labels
    if all(map(int.__eq__, map(len, rows), counts.lengths.tolist())):
        return list(map(_as_text, rows))
    if counts.mask is None:
        return [_as_text(row[:n]) for row, n in zip(rows, counts.lengths.tolist(), strict=True)]
    return [_at_places(row, flags) for row, flags in zip(rows, counts.mask, strict=True)]


def _at_places(row: Any, flags: NDArray[Any]) -> list[str]:
    return _as_text([label for label, keep in zip(row, flags.tolist(), strict=False) if keep])


def _as_text(labels: Any) -> list[str]:
    """Return labels as str; bytes count as UTF-8."""
    if any(isinstance(label, bytes) for label in labels):
        return [x.decode() if isinstance(x, bytes) else str(x) for x in labels]
    return labels if isinstance(labels, list) else list(chain(labels))
