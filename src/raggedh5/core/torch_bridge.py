"""Flat values and offsets as a nested tensor. Torch is optional, and imported only when asked."""

from typing import Any

import numpy as np
import numpy.typing as npt

from raggedh5.core.flat import is_string
from raggedh5.core.kept import Offsets
from raggedh5.errors import SchemaError

__all__ = ["to_torch"]


def to_torch(values: npt.NDArray[Any], levels: list[Offsets]) -> Any:
    """Return a nested tensor of jagged layout.

    Raises
    ------
    SchemaError
        If torch has no such tensor: strings, missing items, lists within rows, no row at all.
    """
    import torch

    if len(levels) != 1:
        raise SchemaError("a jagged tensor has one ragged axis: take the values of this one")
    if isinstance(values, np.ma.MaskedArray) or is_string(values.dtype):
        raise SchemaError("torch has neither strings nor missing items")
    offsets = levels[0]
    if len(offsets) == 1:
        raise SchemaError("torch has no jagged tensor without rows")
    try:
        flat = torch.from_numpy(values if values.flags.writeable else values.copy())
    except TypeError as error:
        raise SchemaError(f"torch has no {values.dtype}") from error
    bounds = torch.from_numpy(offsets if offsets.flags.writeable else offsets.copy())
    return torch.nested.nested_tensor_from_jagged(flat, bounds)
