"""How far species go: mean-square displacement against lag, and from where they began."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from raggedh5.errors import SchemaError
from raggedh5.formats.trajectory.geometry.correlation import (
    squared_displacements,
    transform_length,
)
from raggedh5.formats.trajectory.geometry.positions import (
    Positions,
    frames_of,
    positions_of,
    species_of,
)

__all__ = [
    "DisplacementFromStart",
    "MeanSquareDisplacement",
    "displacement_from_start",
    "mean_square_displacement",
]

Floats = npt.NDArray[np.float64]

MEMORY = 1 << 28
"""Bytes that are taken, by default, for paths that are analysed together."""


@dataclass(frozen=True, slots=True, eq=False)
class MeanSquareDisplacement:
    """Mean-square displacement against lag.

    Attributes
    ----------
    lags : ndarray of int64, shape (lags,)
        In rows of the field: 0, `step`, 2 `step` and so on.
    values : ndarray of float64, shape (lags,)
        Mean of ``|r(t + lag) - r(t)|^2``, NaN for a lag that no pair of finite positions has.
    pairs : ndarray of int64, shape (lags,)
        Over how many pairs, of all species, that is the mean.
    units : str
        Of the values: the square of that of the coordinates.
    """

    lags: npt.NDArray[np.int64]
    values: Floats
    pairs: npt.NDArray[np.int64]
    units: str = "bohr^2"

    def as_dict(self) -> dict[str, Any]:
        """Return it as lists and strings; a value that is not known is None."""
        return {
            "lags": self.lags.tolist(),
            "values": [None if np.isnan(value) else value for value in self.values.tolist()],
            "pairs": self.pairs.tolist(),
            "units": self.units,
        }


def mean_square_displacement(
    positions: Any,
    *,
    start: int = 0,
    stop: int | None = None,
    step: int = 1,
    species: Any = None,
    max_lag: int | None = None,
    memory: int = MEMORY,
) -> MeanSquareDisplacement:
    """Average squared displacements over species and all frames that they may begin from.

    Parameters
    ----------
    positions : field of unwrapped coordinates, or array-like
        Of shape (frames, n_species, 3) or (frames, n_species * 3). A field, or an array that is
        mapped from a file, is not read at once.
    start, stop, step : int, optional
        Which frames, as in a slice.
    species : slice, mask or list of integers, optional
        Which species, by default all.
    max_lag : int, optional
        The longest lag in rows, by default all but the first frame allow.
    memory : int
        Bytes to use. The paths of some species are held and transformed at a time, and the field
        is read once for each such group.

    Returns
    -------
    MeanSquareDisplacement

    Raises
    ------
    SchemaError
        If the shape is another one, or there are no such species or lags.

    Notes
    -----
    Memory is `memory`, or what a single species takes if that is more: 25 bytes for each frame that
    is held and up to 140 for the transform, and beside it a block of frames as it is read.

    A displacement from or to a position that is not finite is left out, and `pairs` says how many
    are left. The result for long lags is a mean of few displacements that overlap in time: more
    than a tenth of the frames is seldom worth looking at.

    Sums of large squares of positions are subtracted from each other: the error of a value is up
    to 1e-13 of the mean square of the positions about their mean. It is seen at short lags, if
    anywhere: a species that wanders 10,000 bohr in steps of 1 bohr has 5 digits at lag 1.

    Examples
    --------
    >>> path = np.array([[0.0, 0, 0], [1, 0, 0], [2, 0, 0], [3, 0, 0]])
    >>> msd = mean_square_displacement(path)
    >>> msd.lags.tolist(), msd.values.round(9).tolist(), msd.pairs.tolist()
    ([0, 1, 2, 3], [0.0, 1.0, 4.0, 9.0], [4, 3, 2, 1])
    """
    source = positions_of(positions)
    chosen = species_of(source, species)
    rows = range(*slice(start, stop, step).indices(source.shape[0]))
    if step < 1:
        raise SchemaError(f"frames are taken forwards, step 1 or more, not {step}")
    if max_lag is not None and max_lag < 0:
        raise SchemaError(f"a lag is 0 rows or more, not {max_lag}")
    lags = len(rows) if max_lag is None else min(max_lag // step + 1, len(rows))
    sums, pairs = np.zeros(lags), np.zeros(lags)
    if lags and len(chosen):
        for group in _groups(chosen, len(rows), transform_length(len(rows) + lags - 1), memory):
            more, counted = squared_displacements(_paths(source, rows, group), lags)
            sums += more
            pairs += counted
    values = np.divide(sums, pairs, out=np.full(lags, np.nan), where=pairs > 0)
    return MeanSquareDisplacement(
        np.arange(lags, dtype=np.int64) * step, values, pairs.astype(np.int64), _units(positions)
    )


class DisplacementFromStart:
    """Squared displacement of each frame from the first one, block by block.

    A species whose position is not finite, in a frame or in the first one, does not count there; a
    frame in which none counts is NaN.

    Examples
    --------
    >>> displacement = DisplacementFromStart()
    >>> displacement.add([[[0.0, 0, 0]], [[1, 2, 2]]]).tolist()
    [0.0, 9.0]
    >>> displacement.add([[[2.0, 0, 0]]]).tolist()
    [4.0]
    """

    def __init__(self) -> None:
        self._first: Floats | None = None

    def add(self, block: Any) -> Floats:
        """Return the mean over species of ``|r(t) - r(0)|^2`` for the next frames.

        Parameters
        ----------
        block : array-like, shape (frames, n_species, 3) or (frames, n_species * 3)
            Unwrapped positions.

        Returns
        -------
        ndarray of float64, one for each frame

        Raises
        ------
        SchemaError
            If the block has another shape or other species than those before it.
        """
        frames = frames_of(block).astype(np.float64)
        if self._first is None and len(frames):
            self._first = frames[0].copy()
        if self._first is None:
            return np.empty(0)
        if frames.shape[1] != len(self._first):
            raise SchemaError(
                f"frames of {frames.shape[1]} species do not go on from those of {len(self._first)}"
            )
        with np.errstate(invalid="ignore"):  # infinite less infinite
            frames -= self._first
        squares = np.square(frames, out=frames).sum(axis=2)
        known = np.isfinite(squares)
        squares[~known] = 0
        counts = known.sum(axis=1)
        means = np.full(len(frames), np.nan)
        np.divide(squares.sum(axis=1), counts, out=means, where=counts > 0)
        return means


def displacement_from_start(
    positions: Any,
    *,
    start: int = 0,
    stop: int | None = None,
    step: int = 1,
    species: Any = None,
) -> Floats:
    """Return the mean over species of ``|r(t) - r(start)|^2`` for each frame.

    Parameters
    ----------
    positions, start, stop, step, species
        As for `mean_square_displacement`. A field is read once, a block at a time.

    Returns
    -------
    ndarray of float64, one for each frame
        In the square of the unit of the coordinates.

    Raises
    ------
    SchemaError
        If the shape is another one, or there are no such species.

    Examples
    --------
    >>> displacement_from_start([[0.0, 0, 0, 5, 5, 5], [1, 2, 2, 5, 5, 5]]).tolist()
    [0.0, 4.5]
    """
    source = positions_of(positions)
    chosen = None if species is None else _selection(species_of(source, species))
    displacement = DisplacementFromStart()
    blocks: Iterable[Any] = source.blocks(start=start, stop=stop, step=step, species=chosen)
    found = [displacement.add(block) for block in blocks]
    return np.concatenate(found) if found else np.empty(0)


def _groups(
    chosen: npt.NDArray[np.int64], frames: int, length: int, memory: int
) -> Iterator[npt.NDArray[np.int64]]:
    """Cut species into groups whose paths fit into memory beside the transform of one of them."""
    transform = 68 * length
    size = max((memory - transform) // (25 * frames), 1)
    for begin in range(0, len(chosen), size):
        yield chosen[begin : begin + size]


def _paths(source: Positions, rows: range, group: npt.NDArray[np.int64]) -> Floats:
    """Read some species as (species, 3, frames): each component of each path is contiguous."""
    paths = np.empty((len(group), 3, len(rows)))
    species = _selection(group)
    done = 0
    for block in source.blocks(start=rows.start, stop=rows.stop, step=rows.step, species=species):
        paths[:, :, done : done + len(block)] = frames_of(block).transpose(1, 2, 0)
        done += len(block)
    return paths


def _selection(species: npt.NDArray[np.int64]) -> slice | npt.NDArray[np.int64]:
    """Return species that follow each other as a slice, which need not be copied."""
    together = len(species) > 0 and bool((np.diff(species) == 1).all())
    return slice(int(species[0]), int(species[-1]) + 1) if together else species


def _units(positions: Any) -> str:
    units = getattr(positions, "units", None)
    return f"{units if isinstance(units, str) and units else 'bohr'}^2"
