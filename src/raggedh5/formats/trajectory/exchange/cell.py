"""The cell of a simulation, as other programs describe it."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from raggedh5.formats.trajectory.metadata import TrajectoryMetadata

__all__ = ["cell_of", "lengths_and_angles"]


def cell_of(metadata: TrajectoryMetadata) -> NDArray[np.float64] | None:
    """Return the lattice vectors as rows, in bohr; None where nothing is periodic."""
    matrix = metadata.lattice_matrix
    if matrix is None or metadata.pbc is None or not np.any(metadata.pbc):
        return None
    return np.asarray(matrix, np.float64)


def lengths_and_angles(matrix: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the lengths of three vectors, and alpha, beta and gamma between them in degrees.

    Examples
    --------
    >>> lengths, angles = lengths_and_angles(np.array([[2.0, 0, 0], [0, 3, 0], [0, 4, 4]]))
    >>> lengths.round(3).tolist(), angles.round(3).tolist()
    ([2.0, 3.0, 5.657], [45.0, 90.0, 90.0])
    """
    lengths = np.linalg.norm(matrix, axis=1)
    cosines = [
        matrix[i] @ matrix[j] / (lengths[i] * lengths[j]) for i, j in ((1, 2), (0, 2), (0, 1))
    ]
    return lengths, np.degrees(np.arccos(np.clip(cosines, -1, 1)))
