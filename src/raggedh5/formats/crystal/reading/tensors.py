"""A padded batch of NumPy arrays as torch tensors."""

from collections.abc import Mapping
from typing import Any

import numpy as np

__all__ = ["as_tensors"]


def as_tensors(batch: Mapping[str, Any], device: Any) -> dict[str, Any]:
    """Return the numbers of a batch as tensors on a device; strings as they are.

    Parameters
    ----------
    batch
        Arrays by name; masked ones have nulls.
    device
        A torch device, or its name.

    Returns
    -------
    dict
        Nulls are NaN among floats. Among others they are 0, and ``<name>_null`` says where.

    Raises
    ------
    ImportError
        If torch is not installed.
    """
    import torch

    found: dict[str, Any] = {}
    for name, array in batch.items():
        if array.dtype.kind not in "biufc":
            found[name] = array
            continue
        values = np.ma.getdata(array)
        if isinstance(array, np.ma.MaskedArray):
            hidden = np.ma.getmaskarray(array)
            values = values.copy()
            if values.dtype.kind in "fc":
                values[hidden] = np.nan
            else:
                values[hidden] = 0
                found[f"{name}_null"] = torch.from_numpy(hidden).to(device)
        found[name] = torch.from_numpy(np.ascontiguousarray(values)).to(device)
    return found
