"""NumPy arrays and torch tensors under one roof: formulas written once, for either."""

import sys
from collections.abc import Callable
from functools import reduce
from typing import Any

import numpy as np

from raggedh5.core.arrays import as_numpy

__all__ = ["in_double"]


def in_double(*arrays: Any) -> tuple[Any, list[Any], Callable[[Any], Any]]:
    """Return a namespace, arrays of it in double precision, and what rounds a result again.

    If one of them is a torch tensor, the namespace is `torch`, and the others become tensors on its
    device; gradients pass. Otherwise it is `numpy`. Functions that take the same arguments by
    position in both do for either: `xp.stack(parts, -1)`.

    Parameters
    ----------
    arrays : array-like
        Numbers.

    Returns
    -------
    xp : module
        `numpy` or `torch`.
    doubles : list of arrays
        All of them in float64; in float32 on Apple's GPUs, which have no other.
    rounded : callable
        Brings a result to the widest floating dtype among `arrays`, single numbers apart; float64
        where there is none.

    Raises
    ------
    SchemaError
        If one is no array.

    Examples
    --------
    >>> xp, (length, scale), rounded = in_double(np.float32([1, 2]), 0.1)
    >>> length.dtype, rounded(length * scale)
    (dtype('float64'), array([0.1, 0.2], dtype=float32))
    """
    torch = sys.modules.get("torch")
    tensor: Any = None
    given: list[Any]
    if torch is not None:
        tensor = next((array for array in arrays if isinstance(array, torch.Tensor)), None)
    if torch is None or tensor is None:
        given = [as_numpy(array) for array in arrays]
        dtype = np.result_type(*_floating(arrays, given, _is_floating) or [np.float64])
        doubles = [one.astype(np.float64, copy=False) for one in given]
        return np, doubles, lambda result: result.astype(dtype, copy=False)
    double = torch.float32 if tensor.device.type == "mps" else torch.float64
    given = [torch.as_tensor(one, device=tensor.device) for one in arrays]
    floating = _floating(arrays, given, lambda one: bool(one.is_floating_point()))
    wanted = reduce(torch.promote_types, floating) if floating else double
    doubles = [one.to(double) for one in given]
    return torch, doubles, lambda result: result.to(wanted)


def _floating(arrays: tuple[Any, ...], given: list[Any], is_floating: Callable[[Any], bool]) -> Any:
    """Return the floating dtypes of all but single numbers of Python."""
    return [
        one.dtype
        for array, one in zip(arrays, given, strict=True)
        if type(array) not in (int, float) and is_floating(one)
    ]


def _is_floating(array: Any) -> bool:
    return bool(array.dtype.kind == "f")
