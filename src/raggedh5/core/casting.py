"""Values from one dtype to another, refusing to lose any."""

from typing import Any

import numpy as np
import numpy.typing as npt

from raggedh5.core.row_messages import where
from raggedh5.errors import SchemaError

__all__ = ["as_fill", "check_castable", "not_finite", "to_dtype"]


def check_castable(source: np.dtype[Any], target: np.dtype[Any], name: str) -> None:
    """Make sure that values of one dtype may go into a column of another.

    Integers may go into any integers, as long as each of them fits; otherwise NumPy's "same kind"
    rule holds: rounding is fine, a change of meaning (float to integer) is not.

    Raises
    ------
    SchemaError
        Naming the column and both dtypes.
    """
    if source.kind in "biu" and target.kind in "iu":
        return
    if not np.can_cast(source, target, "same_kind"):
        raise SchemaError(
            f"{where(name)}{source} values cannot be stored as {target}; convert them first"
        )


def to_dtype(
    values: npt.NDArray[Any], dtype: np.dtype[Any]
) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_]]:
    """Convert values, and say which of them were lost.

    Returns
    -------
    converted : ndarray of `dtype`, a copy
    lost : ndarray of bool, the same shape
        True where a float overflowed to infinity, or where anything else changed its value. The
        rounding of a float is no loss.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        converted = values.astype(dtype)
        if dtype.kind in "fc":
            lost = not_finite(converted)
            return converted, lost & ~not_finite(values) if lost.any() else lost
        lost = (converted != values) & (values == values)
    return converted, lost


def as_fill(fill: Any, dtype: np.dtype[Any], name: str = "") -> Any:
    """Return what stands where there is no item, as values of a dtype.

    Raises
    ------
    SchemaError
        If that would be something else: NaN among integers, -1 among unsigned ones.

    Examples
    --------
    >>> as_fill(-1, np.dtype("u1"), "charge")
    Traceback (most recent call last):
    raggedh5.errors.SchemaError: column 'charge': a fill of -1 does not fit uint8
    """
    value = np.asarray(fill)
    if dtype.kind not in "biufc":
        return fill
    if value.dtype.kind in "biuf" or (value.dtype.kind == "c" and dtype.kind == "c"):
        converted, lost = to_dtype(value, dtype)
        if dtype.kind not in "fc":
            lost = lost | not_finite(value)
        if not lost.any():
            return converted
    raise SchemaError(f"{where(name)}a fill of {fill!r} does not fit {dtype}")


def not_finite(values: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Return True where a value is NaN or infinite, which only floats and complex can be."""
    if values.dtype.kind in "fc":
        result: npt.NDArray[np.bool_] = ~np.isfinite(values)
        return result
    return np.zeros(values.shape, np.bool_)
