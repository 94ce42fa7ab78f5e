"""Images of positions in a lattice: the nearest, the next of a path, the one in the cell."""

from typing import Any

import numpy as np
import numpy.typing as npt

from raggedh5.core.arrays import as_numpy
from raggedh5.core.lattice import Lattice
from raggedh5.errors import SchemaError
from raggedh5.kernels import minimum_image as kernels

__all__ = ["minimum_image", "unwrapped", "wrapped"]

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]


def minimum_image(displacements: Any, lattice: Lattice) -> tuple[Floats, Counts]:
    """Return the shortest images of displacements, whatever the cell is like.

    Parameters
    ----------
    displacements : array-like, shape (..., 3)
        In the unit of the lattice.
    lattice : Lattice
        Where images are.

    Returns
    -------
    shortest : ndarray of float64, shape (..., 3), a copy
        NaN where a displacement is not finite.
    images : ndarray of int64, shape (..., 3)
        How many lattice vectors were added: `shortest` is ``displacements + images @ matrix``, but
        rounded less if the cell is skewed.

    Raises
    ------
    SchemaError
        If the displacements have another shape, or span more than 2**40 cells.

    Examples
    --------
    >>> lattice = Lattice.of([[10, 0, 0], [3, 8, 0], [0, 0, 9]])
    >>> minimum_image([[8.0, 7.0, -1.0]], lattice)
    (array([[-5., -1., -1.]]), array([[-1, -1,  0]]))
    """
    vectors = _vectors(displacements)
    out = np.empty_like(vectors)
    images = np.empty(vectors.shape, np.int64)
    bad = kernels.minimum_images(
        vectors.reshape(-1, 3),
        lattice.arrays,
        lattice.near,
        out.reshape(-1, 3),
        images.reshape(-1, 3),
    )
    _refuse_far(bad, vectors)
    return out, images


def unwrapped(
    frames: Any, lattice: Lattice, last: Floats, images: Counts
) -> tuple[Floats, Floats, Counts]:
    """Return frames of a path with each species next to where it was before.

    Parameters
    ----------
    frames : array-like, shape (frames, n_species, 3)
        Positions, each in any of its images.
    lattice : Lattice
        Where images are.
    last : ndarray of float64, shape (n_species, 3)
        The last finite positions before these frames, NaN where there was none.
    images : ndarray of int64, shape (n_species, 3)
        How many lattice vectors were added to them.

    Returns
    -------
    unwrapped : ndarray of float64, shape (frames, n_species, 3), a copy
    last : ndarray of float64, shape (n_species, 3)
    images : ndarray of int64, shape (n_species, 3)
        What the next frames go on from.

    Raises
    ------
    SchemaError
        If the shapes do not fit, or naming the first position that is more than 2**40 cells from
        the one before it, or more than 2**53 lattice vectors from where it began.
    """
    vectors = _vectors(frames)
    if vectors.ndim != 3 or last.shape != vectors.shape[1:] or images.shape != last.shape:
        raise SchemaError(
            f"frames of shape {vectors.shape} do not go on from positions of shape {last.shape}"
        )
    out = np.empty_like(vectors)
    last = last.astype(np.float64, order="C")
    images = images.astype(np.int64, order="C")
    bad = kernels.unwrap(vectors, lattice.arrays, lattice.near, last, images, out)
    _refuse_far(bad, vectors)
    return out, last, images


def wrapped(positions: Any, lattice: Lattice) -> Floats:
    """Return the images of positions that lie in the cell, between 0 and 1 along periodic vectors.

    Parameters
    ----------
    positions : array-like, shape (..., 3)
        In the unit of the lattice.
    lattice : Lattice
        Where images are.

    Returns
    -------
    ndarray of float64, shape (..., 3), a copy
        NaN where a position is not finite.

    Raises
    ------
    SchemaError
        If the positions have another shape, or are more than 2**40 cells away.
    """
    vectors = _vectors(positions)
    out = np.empty_like(vectors)
    periodic = np.array(lattice.pbc, np.float64)
    bad = kernels.wrap(
        vectors.reshape(-1, 3), lattice.matrix, lattice.fractional, periodic, out.reshape(-1, 3)
    )
    _refuse_far(bad, vectors)
    return out


def _vectors(values: Any) -> Floats:
    array = as_numpy(values)
    if array.ndim < 1 or array.shape[-1] != 3 or array.dtype.kind not in "fiu":
        raise SchemaError(
            f"vectors are numbers of shape (..., 3), not {array.dtype} of shape {array.shape}"
        )
    return np.require(array, np.float64, ["C", "A"])


def _refuse_far(bad: int, vectors: Floats) -> None:
    if bad >= 0:
        at = tuple(int(i) for i in np.unravel_index(bad, vectors.shape[:-1]))
        raise SchemaError(
            f"position {at if len(at) != 1 else at[0]}, {vectors[at].tolist()}, is too many cells "
            "away for its image to be known; is it in the unit of the lattice?"
        )
