"""Cells: lengths and angles, matrices, volumes and densities.

A cell matrix has the vectors a, b, c in its rows, in angstrom: a along x, b in the xy plane with
positive y, c with positive z. This is the frame of the Protein Data Bank; gemmi and ASE use it,
too (`gemmi.UnitCell.orth` has the vectors in its columns).

All functions take NumPy arrays, and torch tensors on any device; a result is what the arguments
are, in their floating dtype. In between, numbers are float64: a result in float32 is off by no more
than its own rounding, also where a GPU is set to multiply in fewer bits.
"""

from typing import Any

from raggedh5.formats.crystal.geometry.checks import (
    FLAT,
    check_angles,
    check_lengths,
    check_volume,
    spanned,
)
from raggedh5.formats.crystal.geometry.namespaces import in_double

__all__ = [
    "cell_matrix",
    "cell_parameters",
    "cell_volume",
    "density",
    "matrix_volume",
]

AVOGADRO = 6.02214076e23
"""Per mol; exact by definition (CODATA 2018, https://physics.nist.gov/cgi-bin/cuu/Value?na)."""

CUBIC_CM = 1e-24
"""Of a cubic angstrom."""


def cell_matrix(lengths: Any, angles: Any) -> Any:
    """Return the vectors of cells with given edges and angles.

    Parameters
    ----------
    lengths : array-like, shape (..., 3)
        Edges a, b, c in angstrom.
    angles : array-like, shape (..., 3)
        alpha, beta, gamma in degrees. What is 90 is a right angle exactly.

    Returns
    -------
    array, shape (..., 3, 3)
        The vectors a, b, c, one a row, in angstrom.

    Raises
    ------
    SchemaError
        Naming the first structure with an edge that is not positive, or angles that no cell has.

    Examples
    --------
    >>> cell_matrix([3.0, 4.0, 5.0], [90, 90, 120]).round(3)
    array([[ 3.   ,  0.   ,  0.   ],
           [-2.   ,  3.464,  0.   ],
           [ 0.   ,  0.   ,  5.   ]])
    """
    xp, (edges, degrees), rounded = in_double(lengths, angles)
    shape = _unit_volume(xp, edges, degrees)
    a, b, c = (edges[..., i] for i in range(3))
    cos_alpha, cos_beta, cos_gamma = (_cosine(xp, degrees[..., i]) for i in range(3))
    sin_gamma = _cosine(xp, degrees[..., 2] - 90)
    zero = xp.zeros_like(a)
    rows = [
        xp.stack([a, zero, zero], -1),
        xp.stack([b * cos_gamma, b * sin_gamma, zero], -1),
        xp.stack(
            [
                c * cos_beta,
                c * (cos_alpha - cos_beta * cos_gamma) / sin_gamma,
                c * shape / sin_gamma,
            ],
            -1,
        ),
    ]
    return rounded(xp.stack(rows, -2))


def cell_parameters(matrix: Any) -> tuple[Any, Any]:
    """Return edges and angles of cells, whichever way they are turned.

    Parameters
    ----------
    matrix : array-like, shape (..., 3, 3)
        The vectors a, b, c, one a row, in angstrom.

    Returns
    -------
    lengths : array, shape (..., 3)
        In angstrom.
    angles : array, shape (..., 3)
        In degrees.

    Raises
    ------
    SchemaError
        Naming the first structure whose matrix is singular.

    Examples
    --------
    >>> lengths, angles = cell_parameters([[0, 3, 0], [0, 0, 4], [5, 0, 0]])
    >>> lengths, angles
    (array([3., 4., 5.]), array([90., 90., 90.]))
    """
    xp, (vectors,), rounded = in_double(matrix)
    lengths, _ = spanned(xp, vectors)
    angles = []
    for i, j in ((1, 2), (0, 2), (0, 1)):
        one, other = vectors[..., i, :], vectors[..., j, :]
        across = xp.linalg.norm(xp.linalg.cross(one, other), None, -1)
        angles.append(xp.rad2deg(xp.arctan2(across, (one * other).sum(-1))))
    return rounded(lengths), rounded(xp.stack(angles, -1))


def cell_volume(lengths: Any, angles: Any) -> Any:
    """Return the volumes of cells with given edges and angles.

    Parameters
    ----------
    lengths : array-like, shape (..., 3)
        In angstrom.
    angles : array-like, shape (..., 3)
        In degrees.

    Returns
    -------
    array, shape (...)
        In cubic angstrom.

    Raises
    ------
    SchemaError
        As `cell_matrix`.

    Examples
    --------
    >>> float(cell_volume([3.0, 4.0, 5.0], [90, 90, 90]))
    60.0
    """
    xp, (edges, degrees), rounded = in_double(lengths, angles)
    shape = _unit_volume(xp, edges, degrees)
    return rounded(edges[..., 0] * edges[..., 1] * edges[..., 2] * shape)


def matrix_volume(matrix: Any) -> Any:
    """Return the volumes of cells by their vectors.

    Parameters
    ----------
    matrix : array-like, shape (..., 3, 3)
        The vectors a, b, c, one a row, in angstrom.

    Returns
    -------
    array, shape (...)
        In cubic angstrom.

    Raises
    ------
    SchemaError
        Naming the first structure whose matrix is singular.

    Examples
    --------
    >>> float(matrix_volume([[3, 0, 0], [0, 4, 0], [1, 1, 5]]))
    60.0
    """
    xp, (vectors,), rounded = in_double(matrix)
    return rounded(spanned(xp, vectors)[1])


def density(z: Any, weight: Any, volume: Any) -> Any:
    """Return the densities of crystals.

    Parameters
    ----------
    z : array-like
        Formula units in the cell.
    weight : array-like
        Of a formula unit, in Da. A mol of it is taken to weigh as much in grams, which since 2019
        is true to 4e-10.
    volume : array-like
        Of the cell, in cubic angstrom. The three have the same shape, or are single numbers.

    Returns
    -------
    array
        In g/cm**3: NaN where an argument is.

    Raises
    ------
    SchemaError
        Naming the first structure whose volume is not positive.

    Examples
    --------
    >>> round(float(density(4, 58.44, 5.6402**3)), 3)  # rock salt
    2.163
    """
    _, (units, dalton, cubic), rounded = in_double(z, weight, volume)
    check_volume(cubic)
    return rounded(units * dalton / (cubic * (CUBIC_CM * AVOGADRO)))


def _cosine(xp: Any, degrees: Any) -> Any:
    """Return cosines that are 0 for right angles."""
    return xp.sin(xp.deg2rad(90 - degrees))


def _unit_volume(xp: Any, lengths: Any, angles: Any) -> Any:
    """Return the volumes that cells would have with edges of length 1; check both.

    The square, 1 - cos(alpha)**2 - cos(beta)**2 - cos(gamma)**2 + 2 cos(alpha) cos(beta) cos(gamma)
    (International Tables for Crystallography C, chapter 1.1), is computed as the product
    (cos(beta - gamma) - cos(alpha)) (cos(alpha) - cos(beta + gamma)), which rounds less in cells
    that are nearly flat. No cell has angles that make one of the two negative.
    """
    check_lengths(lengths, angles)
    check_angles(angles, ((angles > 0) & (angles < 180)).all(-1))
    alpha, beta, gamma = (angles[..., i] for i in range(3))
    cos_alpha = _cosine(xp, alpha)
    one = _cosine(xp, beta - gamma) - cos_alpha
    other = cos_alpha - _cosine(xp, beta + gamma)
    check_angles(angles, (one > FLAT) & (other > FLAT))
    return xp.sqrt(one * other)
