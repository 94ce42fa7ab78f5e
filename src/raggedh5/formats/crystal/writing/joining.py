"""Names made of the labels of several atoms: ``"C1-O2"``."""

from typing import Any

import numpy as np

from raggedh5.formats.crystal.writing.counting import Counts

__all__ = ["joined"]


def joined(labels: list[Any], counts: Counts) -> list[list[str | None]]:
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
        As long as there are items in each structure; None where a label is.

    Examples
    --------
    >>> joined([[["C1", "C2"], []], [["O1", "O1"], []]], Counts(np.array([2, 0]), ""))
    [['C1-O1', 'C2-O1'], []]
    """
    kept = [_kept(column, counts) for column in labels]
    rows = zip(*kept, strict=True)
    try:
        return [list(map("-".join, zip(*atoms, strict=True))) for atoms in rows]
    except TypeError:  # bytes, or something else that is no str
        texts = [[list(map(_as_text, row)) for row in column] for column in kept]
        return [
            [None if None in labels else "-".join(labels) for labels in zip(*atoms, strict=True)]
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


def _as_text(label: Any) -> str | None:
    if label is None:
        return None
    return label.decode() if isinstance(label, bytes) else str(label)
