"""Ragged to nested tensors, and from padded ones."""

import numpy as np
import pytest

from raggedh5.core.ragged import Ragged
from raggedh5.errors import SchemaError
from samples import MISSING, NESTED, WORDS, address
from strategies import NUMBERS

torch = pytest.importorskip("torch")


@pytest.mark.parametrize("dtype", NUMBERS)
@pytest.mark.parametrize("inner", [(), (2,), (2, 3)])
def test_a_jagged_tensor_in_the_same_memory(dtype, inner):
    values = np.arange(5 * int(np.prod(inner))).reshape(5, *inner).astype(dtype)
    ragged = Ragged(values, [0, 2, 2, 5])
    tensor = ragged.to_torch()
    assert tensor.layout == torch.jagged
    assert tensor.values().data_ptr() == address(values)
    assert tensor.offsets().tolist() == [0, 2, 2, 5]
    assert [row.tolist() for row in tensor.unbind()] == ragged.to_list()


def test_what_is_frozen_is_copied():
    values = np.arange(3.0)
    values.flags.writeable = False
    assert Ragged(values, [0, 3]).to_torch().values().tolist() == [0, 1, 2]


@pytest.mark.parametrize("ragged", [NESTED, WORDS, MISSING, Ragged([1], [0])])
def test_what_torch_does_not_have(ragged):
    with pytest.raises(SchemaError):
        ragged.to_torch()


def test_padded_tensors_are_taken():
    padded = torch.arange(6.0).reshape(2, 3).requires_grad_()
    mask = torch.tensor([[True, True, False], [True, False, False]])
    assert Ragged.from_padded(padded, mask=mask).to_list() == [[0, 1], [3]]
    lengths = torch.tensor([0, 3])
    ragged = Ragged.from_padded(padded.T.contiguous().T, lengths=lengths)
    assert ragged.to_list() == [[], [3, 4, 5]]
    assert ragged[torch.tensor([1, 0])].lengths.tolist() == [3, 0]
