"""Long series cut down to what a picture can show, so that no peak is lost."""

import numpy as np
import numpy.typing as npt

__all__ = ["BINS", "Envelope"]

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]

BINS = 2000
"""Parts of the horizontal axis: more than a picture has pixels."""

LATEST = np.iinfo(np.int64).max


class Envelope:
    """The lowest and the highest point of several lines in each part of the horizontal axis.

    Points come block by block, and there are never more than two kept for each part and line. A
    part in which a line has no finite value becomes a gap.

    Parameters
    ----------
    low, high
        Ends of the horizontal axis.
    lines
        How many lines there are.
    bins
        Parts of the axis.

    Examples
    --------
    >>> envelope = Envelope(0, 99, lines=1, bins=2)
    >>> envelope.add(np.arange(100.0), np.sin(np.arange(100.0))[:, None])
    >>> [x.tolist() for x, _ in envelope.lines()]
    [[11.0, 33.0, 55.0, 77.0]]
    """

    def __init__(self, low: float, high: float, lines: int, bins: int = BINS) -> None:
        self._low = low
        self._scale = bins / (high - low) if high > low else 0.0
        shape = (bins, lines)
        # Lowest points and highest ones: their values, where they are, and which point that was.
        self._values = np.full((2, *shape), np.inf)
        self._places = np.full((2, *shape), np.nan)
        self._numbers = np.full((2, *shape), LATEST)
        self._begins = np.full(bins, np.nan)
        self._first = np.full(bins, LATEST)  # in each part, with its place in _begins
        self._count = 0

    def add(self, x: Floats, y: Floats) -> None:
        """Add points.

        Parameters
        ----------
        x : ndarray of float64, shape (points,)
            Finite, between the ends of the axis.
        y : ndarray of float64, shape (points, lines)
            What is not finite is not there.
        """
        if not len(x):
            return
        bins = np.clip(((x - self._low) * self._scale).astype(np.int64), 0, len(self._first) - 1)
        order = np.argsort(bins, kind="stable")
        bins, x, y = bins[order], x[order], y[order]
        starts = np.flatnonzero(np.diff(bins, prepend=-1))
        ones = bins[starts]
        new = self._first[ones] == LATEST
        self._first[ones[new]] = self._count + order[starts[new]]
        self._begins[ones[new]] = x[starts[new]]
        known = np.isfinite(y)
        for side, values in enumerate((y, -y)):
            self._note(side, ones, starts, x, np.where(known, values, np.inf), order)
        self._count += len(x)

    def lines(self) -> list[tuple[Floats, Floats]]:
        """Return the points of each line, in the order in which they came."""
        return [self._line(line) for line in range(self._values.shape[2])]

    def _note(
        self, side: int, ones: Counts, starts: Counts, x: Floats, values: Floats, order: Counts
    ) -> None:
        """Keep what is lower than what was found before, in each part."""
        found = np.minimum.reduceat(values, starts, axis=0)
        lengths = np.diff(starts, append=len(x))
        rows = np.arange(len(x))[:, None]
        at = np.where(values == np.repeat(found, lengths, axis=0), rows, len(x))
        at = np.minimum.reduceat(at, starts, axis=0)
        better = found < self._values[side, ones]
        part, line = np.nonzero(better)
        where = at[part, line]
        self._values[side, ones[part], line] = found[part, line]
        self._places[side, ones[part], line] = x[where]
        self._numbers[side, ones[part], line] = self._count + order[where]

    def _line(self, line: int) -> tuple[Floats, Floats]:
        used = self._first < LATEST
        low, high = self._values[0, :, line], -self._values[1, :, line]
        gaps = used & np.isinf(low)
        some = used & ~np.isinf(low)
        x = [*self._places[:, some, line], self._begins[gaps]]
        y = [low[some], high[some], np.full(int(gaps.sum()), np.nan)]
        numbers = [*self._numbers[:, some, line], self._first[gaps]]
        _, order = np.unique(np.concatenate(numbers), return_index=True)
        return np.concatenate(x)[order], np.concatenate(y)[order]
