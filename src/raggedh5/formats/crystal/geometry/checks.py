"""Checks of cells and coordinates; errors name the first structure that is wrong."""

from collections.abc import Callable
from typing import Any

import numpy as np

from raggedh5.core.arrays import as_numpy
from raggedh5.errors import SchemaError

__all__ = [
    "FLAT",
    "check_angles",
    "check_batch",
    "check_lengths",
    "check_mask",
    "check_volume",
    "spanned",
]

FLAT = 1e-13
"""Volume of a cell with edges of length 1 that is taken for none: what rounding may leave."""


def check_lengths(lengths: Any, angles: Any) -> None:
    """Check that edges are positive, and have angles."""
    if lengths.shape[-1:] != (3,) or lengths.shape != angles.shape:
        raise SchemaError(
            "lengths and angles of shape (..., 3) are wanted, not "
            f"{tuple(lengths.shape)} and {tuple(angles.shape)}"
        )
    good = ((lengths > 0) & (lengths < np.inf)).all(-1)  # a comparison with NaN is false
    _refuse(~good, lambda at: f"a cell has no edges of length {_numbers(lengths[at])}")


def check_angles(angles: Any, good: Any) -> None:
    """Refuse angles that are not good."""
    _refuse(~good, lambda at: f"a cell has no angles of {_numbers(angles[at])} degrees")


def check_volume(volume: Any) -> None:
    """Check that volumes are positive, or not known."""
    _refuse(volume <= 0, lambda at: f"a cell has no volume of {_numbers(volume[at])}")


def spanned(xp: Any, vectors: Any) -> tuple[Any, Any]:
    """Return the lengths of the vectors of cells, and volumes; check that they span a cell."""
    if tuple(vectors.shape[-2:]) != (3, 3):
        raise SchemaError(f"a matrix of shape (..., 3, 3) is wanted, not {tuple(vectors.shape)}")

    def singular(at: tuple[int, ...]) -> str:
        return f"the matrix {_numbers(vectors[at])} is singular"

    _refuse(~xp.isfinite(vectors).all(-1).all(-1), singular)
    lengths = xp.linalg.norm(vectors, None, -1)
    a, b, c = (vectors[..., i, :] for i in range(3))
    volume = xp.abs((xp.linalg.cross(a, b) * c).sum(-1))
    _refuse(volume <= FLAT * lengths[..., 0] * lengths[..., 1] * lengths[..., 2], singular)
    return lengths, volume


def check_batch(places: Any, vectors: Any) -> None:
    """Check that there is a cell for each structure, or one for all."""
    if places.ndim < 2 or places.shape[-1] != 3:
        raise SchemaError(
            f"coordinates of shape (B, N, 3) or (N, 3) are wanted, not {tuple(places.shape)}"
        )
    if vectors.ndim != 2 and vectors.shape[:-2] != places.shape[:-2]:
        raise SchemaError(
            f"coordinates of shape {tuple(places.shape)} do not go with matrices of shape "
            f"{tuple(vectors.shape)}"
        )


def check_mask(places: Any, kept: Any) -> None:
    """Check that a mask is of these places."""
    if kept.shape != places.shape[:-1]:
        raise SchemaError(
            f"coordinates of shape {tuple(places.shape)} want a mask of shape "
            f"{tuple(places.shape[:-1])}, not {tuple(kept.shape)}"
        )


def _refuse(bad: Any, reason: Callable[[tuple[int, ...]], str]) -> None:
    """Raise for the first structure that is bad, if there is one."""
    if not bool(bad.any()):
        return
    flags = as_numpy(bad)
    at = tuple(int(i) for i in np.unravel_index(int(flags.argmax()), flags.shape))
    name = f"structure {at[0] if len(at) == 1 else at}: " if at else ""
    raise SchemaError(f"{name}{reason(at)}")


def _numbers(values: Any) -> str:
    return str(values.tolist()).strip("[]") if values.ndim == 1 else str(values.tolist())
