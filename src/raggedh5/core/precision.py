"""Numbers rounded to a given absolute error, so that they compress."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raggedh5.errors import SchemaError

__all__ = ["check_precision", "rounded", "step_of"]


def check_precision(precision: float) -> float:
    """Return an absolute error as a float.

    Raises
    ------
    SchemaError
        If it is not finite and above zero.
    """
    if not (math.isfinite(precision) and precision > 0):
        raise SchemaError(f"a precision is a number above zero, not {precision!r}")
    return float(precision)


def step_of(precision: float) -> float:
    """Return the largest power of two that is at most twice the precision.

    Multiples of it are exact in floating point, and end in as many zero bits as can be had.

    Examples
    --------
    >>> step_of(0.25), step_of(0.3)
    (0.5, 0.5)
    """
    return math.ldexp(1.0, min(math.frexp(precision)[1], 1023))


def rounded(values: NDArray[Any], precision: float) -> NDArray[Any]:
    """Return numbers rounded to an absolute error of at most `precision`.

    They stay floating-point numbers of the same dtype, which any program reads as they are. What
    has no digits below the error, NaN and infinity stay what they are.

    Parameters
    ----------
    values : ndarray of floating point, any shape
    precision
        The largest error, in the unit of the values.

    Returns
    -------
    ndarray, a copy

    Raises
    ------
    SchemaError
        If a value is off by more, as would be a fault of this function.

    Examples
    --------
    >>> rounded(np.array([0.30, 1.26, 7.0]), 0.25)
    array([0.5, 1.5, 7. ])
    """
    values = np.asarray(values)
    info = np.finfo(values.dtype)
    smallest = math.ldexp(1.0, int(info.minexp) - info.nmant)
    largest = math.ldexp(1.0, int(info.maxexp) - 1)
    wanted = step_of(check_precision(precision))
    step: Any = values.dtype.type(min(max(wanted, smallest), largest))
    with np.errstate(over="ignore"):
        most = np.ldexp(step, info.nmant)
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        out: NDArray[Any] = np.empty_like(values)
        np.divide(values, step, out=out)
        np.rint(out, out=out)
        out *= step
        coarse = ~((np.abs(values) < most) & np.isfinite(out))
        if coarse.any():
            np.copyto(out, values, where=coarse)
        off = np.abs(out - values).astype(np.float64) > precision
    if off.any():
        worst = values[off].flat[0]
        raise SchemaError(f"{worst!r} cannot be stored to a precision of {precision}")
    return out
