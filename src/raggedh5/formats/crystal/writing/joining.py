"""Names made of the labels of several atoms: ``"C1-O2"``."""

from typing import Any

import numpy as np

from raggedh5.core.joined_strings import join_strings
from raggedh5.core.ragged import Ragged
from raggedh5.formats.crystal.writing.counting import Counts
from raggedh5.formats.crystal.writing.values import text_of

__all__ = ["joined"]

HYPHEN = "-"


def joined(labels: list[Any], counts: Counts) -> Ragged | list[list[str | None]]:
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
    Ragged of strings, or list of lists
        As long as there are items in each structure. Lists where some labels are no `str`: bytes
        count as UTF-8, and there is None where a label is None.

    Examples
    --------
    >>> joined([[["C1", "C2"], []], [["O1", "O1"], []]], Counts(np.array([2, 0]), "")).to_list()
    [['C1-O1', 'C2-O1'], []]
    """
    kept = [_kept(column, counts) for column in labels]
    found = join_strings(kept, HYPHEN)
    if found is not None:
        return found
    texts = [[list(map(text_of, row)) for row in column] for column in kept]
    return [
        [None if None in labels else HYPHEN.join(labels) for labels in zip(*atoms, strict=True)]
        for atoms in zip(*texts, strict=True)
    ]


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
