"""Whatever holds an array, as a NumPy array: the one door through which user data comes in."""

import sys
from typing import Any

import numpy as np
import numpy.typing as npt

from raggedh5.errors import SchemaError

__all__ = ["as_int64", "as_numpy"]

_CPU = 1  # kDLCPU of the DLPack specification


def as_numpy(obj: Any) -> npt.NDArray[Any]:
    """Return `obj` as a NumPy array in native byte order.

    Parameters
    ----------
    obj : array-like
        A NumPy array, a torch tensor, a CuPy array, a list, or any object with ``__array__``,
        ``__array_interface__``, a buffer, or ``__dlpack__``.

    Returns
    -------
    ndarray
        A view wherever the memory can be shared. It is a copy for lists, for arrays on a device,
        for byte-swapped data and for bfloat16, which NumPy lacks and which becomes float32.

    Raises
    ------
    SchemaError
        If `obj` does not make one rectangular array, or hides items behind a NumPy mask.

    Examples
    --------
    >>> as_numpy([[1, 2], [3, 4]]).shape
    (2, 2)
    """
    if type(obj) is np.ndarray:
        return obj if obj.dtype.isnative else _native(obj)
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(obj, torch.Tensor):
        return _from_torch(obj)
    if hasattr(obj, "__cuda_array_interface__") and hasattr(obj, "get"):
        obj = obj.get()
    elif isinstance(obj, np.ma.MaskedArray) and np.ma.is_masked(obj):
        raise SchemaError(
            "a NumPy masked array hides some of its items: pass its .data, and ~.mask as the mask"
        )
    try:
        return _native(_from_protocols(obj))
    except (ValueError, BufferError) as error:
        raise SchemaError(f"{type(obj).__name__} is no rectangular array: {error}") from error


def as_int64(numbers: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """Return integers as a kernel reads them: int64, C-contiguous and aligned; a copy if need be.

    Examples
    --------
    >>> as_int64(np.array([1, 2, 3, 4], ">i2")[::2])
    array([1, 3])
    """
    array = np.ascontiguousarray(numbers, np.int64)
    return array if array.flags.aligned else array.copy()


def _from_protocols(obj: Any) -> npt.NDArray[Any]:
    if hasattr(obj, "__dlpack__") and not hasattr(obj, "__array__"):
        if obj.__dlpack_device__()[0] != _CPU:
            raise SchemaError(
                f"{type(obj).__name__} lies on another device: copy it to the CPU first"
            )
        return np.from_dlpack(obj)
    return np.asarray(obj)


def _from_torch(tensor: Any) -> npt.NDArray[Any]:
    if tensor.is_nested or str(tensor.layout) != "torch.strided":
        raise SchemaError(
            "a nested or sparse tensor is no rectangular array: pass its values() and offsets()"
        )
    tensor = tensor.detach().cpu().resolve_conj().resolve_neg()
    if str(tensor.dtype) == "torch.bfloat16":
        tensor = tensor.float()
    array: npt.NDArray[Any] = tensor.numpy()
    return array


def _native(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if array.dtype.name == "bfloat16":  # the dtype that ml_dtypes adds, for JAX arrays
        return array.astype(np.float32)
    if array.dtype.isnative:
        return array
    return array.astype(array.dtype.newbyteorder("="))
