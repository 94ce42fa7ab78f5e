"""Periodic coordinates to continuous paths, block by block, and back into the cell."""

from typing import Any

import numpy as np
import numpy.typing as npt

from raggedh5.core.images import unwrapped, wrapped
from raggedh5.core.lattice import Lattice
from raggedh5.errors import SchemaError
from raggedh5.formats.trajectory.geometry.positions import frames_of

__all__ = ["Unwrapper", "wrap"]

Floats = npt.NDArray[np.float64]


class Unwrapper:
    """Follow species through a periodic cell, however the frames are cut into blocks.

    Each species moves, from a frame to the next, by the shortest of all images of its displacement,
    in any cell. The lattice vectors that it crossed are counted as integers, and a position is the
    wrapped one plus ``images @ lattice_matrix``, so that errors do not add up from frame to frame.

    A position that is not finite comes out as NaN in its three components; the other species do not
    notice. The image counts of its species stay, and its next finite position is followed from the
    last finite one.

    Parameters
    ----------
    lattice_matrix : array-like, shape (3, 3)
        The lattice vectors, one in each row, in the unit of the coordinates.
    pbc : three bool, or one for all
        Along which of them the cell is periodic.

    Raises
    ------
    SchemaError
        If the lattice is not finite, or its periodic vectors are zero or linearly dependent.

    Examples
    --------
    >>> unwrapper = Unwrapper(np.diag([10.0, 10.0, 10.0]))
    >>> unwrapper.unwrap([[[9.0, 0.0, 0.0]], [[1.0, 0.0, 9.5]]]).tolist()
    [[[9.0, 0.0, 0.0]], [[11.0, 0.0, -0.5]]]
    >>> unwrapper.unwrap([[[4.0, 0.0, 9.5]]]).tolist()
    [[[14.0, 0.0, -0.5]]]
    >>> unwrapper.images.tolist()
    [[1, 0, -1]]
    """

    def __init__(self, lattice_matrix: Any, pbc: Any = (True, True, True)) -> None:
        self._lattice = Lattice.of(lattice_matrix, pbc)
        self._state: tuple[Floats, npt.NDArray[np.int64]] | None = None
        self._frames = 0

    @property
    def frames(self) -> int:
        """Frames so far."""
        return self._frames

    @property
    def images(self) -> npt.NDArray[np.int64]:
        """Lattice vectors added to each species in the last frame: int64 (n_species, 3), a copy.

        Before the first block there are no species.
        """
        return np.zeros((0, 3), np.int64) if self._state is None else self._state[1].copy()

    def unwrap(self, block: Any) -> Floats:
        """Go on with the next frames.

        Parameters
        ----------
        block : array-like
            Positions, each in any of its images: ``(frames, n_species, 3)`` or flat,
            ``(frames, n_species * 3)``.

        Returns
        -------
        ndarray of float64, of the same shape, a copy
            The first frame ever is as it came.

        Raises
        ------
        SchemaError
            If the block has another shape or other species than those before it; or naming the
            first position that is more than 2**40 cells from the one before it. The block then
            counts as not seen.
        """
        frames = frames_of(block)
        if self._state is None:
            last = np.full(frames.shape[1:], np.nan)
            images = np.zeros(frames.shape[1:], np.int64)
        else:
            last, images = self._state
        if len(last) != frames.shape[1]:
            raise SchemaError(
                f"frames of {frames.shape[1]} species do not go on from those of {len(last)}"
            )
        out, last, images = unwrapped(frames, self._lattice, last, images)
        self._state = last, images
        self._frames += len(frames)
        return out.reshape(np.shape(block))


def wrap(block: Any, lattice_matrix: Any, pbc: Any = (True, True, True)) -> Floats:
    """Move positions into the cell.

    Parameters
    ----------
    block : array-like
        Positions, ``(frames, n_species, 3)`` or ``(frames, n_species * 3)``.
    lattice_matrix : array-like, shape (3, 3)
        The lattice vectors, one in each row, in the unit of the positions.
    pbc : three bool, or one for all
        Along which of them positions are moved. A vector along which they are not may be zero: it
        is then taken to be perpendicular to the others.

    Returns
    -------
    ndarray of float64, of the same shape, a copy
        Fractional coordinates along periodic vectors are in [0, 1), but for what rounding leaves
        in cells whose vectors do not lie along the axes. A position that is not finite is NaN in
        its three components.

    Raises
    ------
    SchemaError
        If the shape is another one; if the lattice is not finite or its vectors are linearly
        dependent; or naming the first position that is more than 2**40 cells away.

    Examples
    --------
    >>> wrap([[[11.0, -1.0, 25.0]]], np.diag([10.0, 10.0, 10.0]), (True, True, False)).tolist()
    [[[1.0, 9.0, 25.0]]]
    """
    frames = frames_of(block)
    return wrapped(frames, Lattice.of(lattice_matrix, pbc)).reshape(np.shape(block))
