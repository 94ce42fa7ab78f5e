"""A batch's columns into the chunks that are being filled, all of them at once."""

from raggedh5.core.batch import Batch
from raggedh5.kernels.cursors import Cursor, Lane, Packing, advance, overfull
from raggedh5.kernels.strings import Putting

__all__ = ["Cursor", "Lane", "Packing", "Putting", "advance", "overfull", "packing_of"]


def packing_of(batch: Batch, lanes: list[Lane]) -> Packing:
    """Return the work of copying what a batch keeps to where the cursors of its columns are.

    It takes the columns of numbers that only have to be copied, which are then pending there.
    `Packing.others` are left, and so are, once it is done, those with a value that does not fit:
    `Packing.bad`. Strings are added by whoever knows where they go.

    Parameters
    ----------
    batch
        The batch; its arrays stay as they are until the work is done.
    lanes
        The columns, and where their items go.
    """
    return Packing(lanes, batch.data if batch.ragged else {}, batch.flat(), batch.kept)
