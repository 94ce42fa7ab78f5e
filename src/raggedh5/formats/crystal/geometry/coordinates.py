"""Fractional and Cartesian coordinates: a row of the first times the matrix is one of the second.

Cell matrices, arguments and rounding: `raggedh5.formats.crystal.geometry.cells`.
"""

from typing import Any

from raggedh5.formats.crystal.geometry.checks import check_batch, check_mask, spanned
from raggedh5.formats.crystal.geometry.namespaces import in_double

__all__ = ["cartesian_to_fractional", "fractional_to_cartesian"]


def fractional_to_cartesian(frac: Any, matrix: Any, mask: Any = None) -> Any:
    """Return Cartesian coordinates of padded batches.

    Parameters
    ----------
    frac : array-like, shape (B, N, 3) or (N, 3)
        Fractional coordinates.
    matrix : array-like, shape (B, 3, 3) or (3, 3)
        The vectors of each cell, one a row, in angstrom; one matrix may serve for all.
    mask : array-like of bool, shape (B, N) or (N,), optional
        Which places have an atom. The others become 0, whatever is there.

    Returns
    -------
    array, shape of `frac`
        In angstrom, in the frame of the matrix.

    Raises
    ------
    SchemaError
        If the shapes do not go together, or naming the first structure whose matrix is singular.

    Examples
    --------
    >>> from raggedh5.formats.crystal import cell_matrix
    >>> cell = cell_matrix([3.0, 4.0, 5.0], [90, 90, 90])
    >>> fractional_to_cartesian([[0.5, 0.5, 0.5], [float("nan")] * 3], cell, mask=[True, False])
    array([[1.5, 2. , 2.5],
           [0. , 0. , 0. ]])
    """
    return _turned(frac, matrix, mask, inverse=False)


def cartesian_to_fractional(coords: Any, matrix: Any, mask: Any = None) -> Any:
    """Return fractional coordinates of padded batches.

    Parameters
    ----------
    coords : array-like, shape (B, N, 3) or (N, 3)
        Cartesian coordinates in angstrom, in the frame of the matrix.
    matrix : array-like, shape (B, 3, 3) or (3, 3)
        The vectors of each cell, one a row, in angstrom; one matrix may serve for all.
    mask : array-like of bool, shape (B, N) or (N,), optional
        Which places have an atom. The others become 0, whatever is there.

    Returns
    -------
    array, shape of `coords`
        Not brought into the cell: they may be below 0, or above 1.

    Raises
    ------
    SchemaError
        If the shapes do not go together, or naming the first structure whose matrix is singular.

    Examples
    --------
    >>> from raggedh5.formats.crystal import cell_matrix
    >>> cell = cell_matrix([3.0, 4.0, 5.0], [90, 90, 90])
    >>> cartesian_to_fractional([[1.5, 2.0, -5.0]], cell)
    array([[ 0.5,  0.5, -1. ]])
    """
    return _turned(coords, matrix, mask, inverse=True)


def _turned(coordinates: Any, matrix: Any, mask: Any, *, inverse: bool) -> Any:
    """Return coordinates times a matrix that spans a cell, or times its inverse."""
    xp, (places, vectors), rounded = in_double(coordinates, matrix)
    check_batch(places, vectors)
    spanned(xp, vectors)
    return rounded(
        xp.matmul(_kept(xp, places, mask), xp.linalg.inv(vectors) if inverse else vectors)
    )


def _kept(xp: Any, places: Any, mask: Any) -> Any:
    """Return coordinates with 0 where the mask leaves them out: 0 times any matrix stays 0."""
    if mask is None:
        return places
    kept = xp.asarray(mask, device=places.device) != 0
    check_mask(places, kept)
    return xp.where(kept[..., None], places, xp.zeros_like(places))
