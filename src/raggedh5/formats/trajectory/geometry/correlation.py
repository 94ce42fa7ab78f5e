"""Sums over all pairs of frames that lie a lag apart, by Fourier transform.

The algorithm is Kneller's "fast correlation algorithm" (nMoldyn: Calandrini, Pellegrini, Calligari,
Hinsen and Kneller, Collection SFN 12, 201, 2011, section 4.2): with q = |r|^2,

    sum over t of |r(t + m) - r(t)|^2 = sum of q(t + m) + sum of q(t) - 2 sum of r(t + m) . r(t)

where the last sum is an autocorrelation, which takes N log N operations instead of N^2.
"""

import numpy as np
import numpy.typing as npt

__all__ = ["squared_displacements", "transform_length"]

Floats = npt.NDArray[np.float64]


def squared_displacements(paths: Floats, lags: int) -> tuple[Floats, Floats]:
    """Return sums of squared displacements, and how many there are, for each lag.

    Parameters
    ----------
    paths : ndarray of float64, shape (species, 3, frames), C-contiguous
        Changed: positions are moved to about 0, where the difference of large sums is exact to
        more digits, and those that are not finite become 0.
    lags : int
        From lag 0 to the one before this, at most as many as there are frames.

    Returns
    -------
    sums : ndarray of float64, shape (lags,)
        Over all species and all pairs of frames that are both finite.
    pairs : ndarray of float64, shape (lags,)
        How many these are.
    """
    frames = paths.shape[-1]
    length = transform_length(frames + lags - 1)
    sums, pairs = np.zeros(lags), np.zeros(lags)
    for path in paths:
        known = np.asarray(np.isfinite(path).all(axis=0))
        whole = bool(known.all())
        if not whole:
            path[:, ~known] = 0
        _move_to_zero(path, known)
        squares = (path**2).sum(axis=0)
        power = np.zeros(length // 2 + 1)
        for component in path:
            power += _power(np.fft.rfft(component, length))
        if whole:
            pairs += frames - np.arange(lags)
            running = np.concatenate([np.zeros(1), np.cumsum(squares)])
            ends = running[frames - np.arange(lags)] + (running[frames] - running[:lags])
            sums += ends - 2 * np.fft.irfft(power, length)[:lags]
        else:
            # Sums of squares are over pairs, too: correlations with the mask of what is known.
            mask = np.fft.rfft(known.astype(np.float64), length)
            pairs += np.rint(np.fft.irfft(_power(mask), length)[:lags])
            both = 2 * (mask.conj() * np.fft.rfft(squares, length)).real
            sums += np.fft.irfft(both - 2 * power, length)[:lags]
    sums[0] = 0
    np.maximum(sums, 0, out=sums)  # it is only rounding that makes them negative
    sums[pairs == 0] = 0
    return sums, pairs


def transform_length(least: int) -> int:
    """Return the next even length, not below `least`, whose prime factors are 2, 3 and 5.

    Examples
    --------
    >>> [transform_length(n) for n in (0, 7, 31, 200_001)]
    [2, 8, 32, 202500]
    """
    best = 2
    while best < least:
        best *= 2
    fives = 1
    while fives < best:
        threes = fives
        while threes < best:
            length = 2 * threes
            while length < least:
                length *= 2
            best = min(best, length)
            threes *= 3
        fives *= 5
    return best


def _move_to_zero(path: Floats, known: npt.NDArray[np.bool_]) -> None:
    """Move the mean of the frames that are known to 0: first one of them, so that rest is exact."""
    count = int(np.count_nonzero(known))
    if not count:
        return
    path -= path[:, int(known.argmax())][:, None]
    path *= known
    path -= path.sum(axis=1, keepdims=True) / count
    path *= known


def _power(spectrum: npt.NDArray[np.complex128]) -> Floats:
    return np.asarray(spectrum.real**2 + spectrum.imag**2)
