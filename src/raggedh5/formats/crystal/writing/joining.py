"""Names made of the labels of several atoms: ``"C1-O2"``."""

from typing import Any

import numpy as np

from raggedh5.core.joined_strings import Joined
from raggedh5.formats.crystal.writing.counting import Counts

__all__ = ["joined"]

HYPHEN = "-"


def joined(labels: list[Any], counts: Counts) -> Joined:
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
    Joined
        As many as there are items in each structure.

    Examples
    --------
    >>> joined([[["C1", "C2"], []], [["O1", "O1"], []]], Counts(np.array([2, 0]), "")).to_lists()
    [['C1-O1', 'C2-O1'], []]
    """
    return Joined([_kept(column, counts) for column in labels], HYPHEN)


def _kept(labels: Any, counts: Counts) -> list[Any]:
    rows = labels.tolist() if isinstance(labels, np.ndarray) else labels
    lengths = counts.lengths.tolist()
    if list(map(len, rows)) == lengths:
        return list(rows)
    if counts.mask is None:
        return [row[:count] for row, count in zip(rows, lengths, strict=True)]
    return [
        [label for label, keep in zip(row, flags, strict=False) if keep]
        for row, flags in zip(rows, counts.mask.tolist(), strict=True)
    ]
