import sys
from array import array

import numpy as np
import pytest

from raggedh5.core.arrays import as_numpy
from raggedh5.errors import SchemaError


class OnlyDLPack:
    """An array that speaks DLPack and nothing else, on a device of one's choice."""

    def __init__(self, values, device=1):
        self.values = values
        self.device = device

    def __dlpack__(self, **kwargs):
        return self.values.__dlpack__(**kwargs)

    def __dlpack_device__(self):
        return self.device, 0


class LikeCuPy:
    """An array on a device that hands out a copy, and refuses to be one implicitly."""

    __cuda_array_interface__ = None

    def __init__(self, values):
        self.values = values

    def get(self):
        return self.values

    def __array__(self, dtype=None, copy=None):
        raise TypeError("implicit conversion is not allowed")


def test_an_array_is_returned_as_it_is():
    values = np.arange(6).reshape(2, 3)[:, ::2]
    assert as_numpy(values) is values


@pytest.mark.parametrize("wrap", [OnlyDLPack, memoryview, LikeCuPy])
def test_memory_is_shared(wrap):
    values = np.arange(4.0)
    assert np.shares_memory(as_numpy(wrap(values)), values)


def test_buffers_lists_and_scalars():
    assert as_numpy(array("d", [1, 2])).dtype == np.float64
    assert as_numpy([[1, 2], [3, 4]]).shape == (2, 2)
    assert as_numpy(["C", "Br"]).tolist() == ["C", "Br"]


def test_bytes_in_the_other_order_are_turned():
    values = np.array([1, 2, 258], ">i4")
    turned = as_numpy(values)
    assert turned.dtype.isnative
    assert turned.tolist() == [1, 2, 258]


def test_ragged_lists_are_refused():
    with pytest.raises(SchemaError, match="list is no rectangular array"):
        as_numpy([[1, 2], [3]])


def test_other_devices_are_refused():
    with pytest.raises(SchemaError, match="another device"):
        as_numpy(OnlyDLPack(np.arange(2), device=2))


def test_hidden_items_are_refused_but_a_mask_that_hides_nothing_is_not():
    with pytest.raises(SchemaError, match="masked array"):
        as_numpy(np.ma.MaskedArray([1, 2], [True, False]))
    assert type(as_numpy(np.ma.MaskedArray([1, 2]))) is np.ndarray


def test_torch_tensors():
    torch = pytest.importorskip("torch")
    base = torch.arange(6.0).reshape(2, 3)
    assert as_numpy(base).__array_interface__["data"][0] == base.data_ptr()
    assert as_numpy(base.T).tolist() == [[0, 3], [1, 4], [2, 5]]
    assert as_numpy(base.clone().requires_grad_()).tolist() == base.tolist()
    half = as_numpy(base.bfloat16())
    assert half.dtype == np.float32
    assert half.tolist() == base.tolist()


def test_torch_views_that_conjugate_or_negate():
    torch = pytest.importorskip("torch")
    values = torch.tensor([1 + 2j, 3 - 1j])
    assert as_numpy(values.conj()).tolist() == [1 - 2j, 3 + 1j]
    assert as_numpy(values.conj().imag).tolist() == [-2, 1]


def test_torch_tensors_that_are_no_arrays():
    torch = pytest.importorskip("torch")
    with pytest.raises(SchemaError, match="nested or sparse"):
        as_numpy(torch.eye(3).to_sparse())
    nested = torch.nested.nested_tensor([torch.ones(1), torch.ones(2)], layout=torch.jagged)
    with pytest.raises(SchemaError, match="nested or sparse"):
        as_numpy(nested)


def test_torch_is_not_imported_for_it(monkeypatch):
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    as_numpy([1.0])
    assert "torch" not in sys.modules
