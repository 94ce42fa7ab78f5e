"""Cells and coordinates as torch tensors: the same numbers, dtype, device and gradients."""

import numpy as np
import pytest

from raggedh5.errors import SchemaError
from raggedh5.formats import crystal as geometry

torch = pytest.importorskip("torch")

DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
RNG = np.random.default_rng(7)
LENGTHS, ANGLES = RNG.uniform(3, 30, (9, 3)), RNG.uniform(70, 110, (9, 3))
FRAC, MASK = RNG.normal(size=(9, 5, 3)), RNG.random((9, 5)) < 0.6
MATRIX = geometry.cell_matrix(LENGTHS, ANGLES)
Z, WEIGHT = RNG.integers(1, 9, 9), RNG.uniform(20, 500, 9)

CALLS = {
    "cell_matrix": (LENGTHS, ANGLES),
    "cell_parameters": (MATRIX,),
    "cell_volume": (LENGTHS, ANGLES),
    "matrix_volume": (MATRIX,),
    "fractional_to_cartesian": (FRAC, MATRIX, MASK),
    "cartesian_to_fractional": (FRAC, MATRIX, MASK),
    "density": (Z, WEIGHT, geometry.matrix_volume(MATRIX)),
}


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", CALLS)
def test_tensors_are_as_arrays(name: str, dtype: str, device: str) -> None:
    arrays = [a.astype(dtype) if a.dtype == np.float64 else a for a in CALLS[name]]
    expected = getattr(geometry, name)(*arrays)
    found = getattr(geometry, name)(*(torch.from_numpy(a).to(device) for a in arrays))
    if not isinstance(expected, tuple):
        expected, found = (expected,), (found,)
    exact = 1e-6 if dtype == "float32" else 1e-13
    for one, other in zip(expected, found, strict=True):
        assert isinstance(other, torch.Tensor)
        assert other.device.type == device
        assert other.dtype == getattr(torch, dtype)
        np.testing.assert_allclose(other.cpu().numpy(), one, rtol=exact, atol=exact)


@pytest.mark.parametrize("device", DEVICES)
def test_arrays_and_lists_among_tensors_follow_them(device: str) -> None:
    lengths = torch.from_numpy(LENGTHS).float().to(device)
    matrix = geometry.cell_matrix(lengths, [[90, 90, 120]] * 9)
    assert matrix.dtype == torch.float32
    coords = geometry.fractional_to_cartesian(FRAC.astype("f4"), matrix, MASK)
    assert coords.device.type == device
    assert coords.dtype == torch.float32
    assert (coords.cpu().numpy()[~MASK] == 0).all()


def test_half_precision_and_integers() -> None:
    half = geometry.cell_matrix(torch.tensor([3.0, 4, 5]).bfloat16(), torch.tensor([90, 90, 90]))
    assert half.dtype == torch.bfloat16
    whole = geometry.cell_matrix(torch.tensor([3, 4, 5]), torch.tensor([90, 90, 90]))
    assert whole.dtype == torch.float64


def test_gradients_pass_and_padding_has_none() -> None:
    lengths = torch.tensor([[3.0, 4, 5]], requires_grad=True)
    frac = torch.tensor([[[0.5, 0.5, 0.5], [float("nan")] * 3]], requires_grad=True)
    matrix = geometry.cell_matrix(lengths, torch.tensor([[90.0, 90, 90]]))
    coords = geometry.fractional_to_cartesian(frac, matrix, torch.tensor([[True, False]]))
    coords.sum().backward()
    assert lengths.grad is not None
    assert torch.allclose(lengths.grad, torch.full((1, 3), 0.5))
    assert frac.grad is not None
    assert frac.grad[0].tolist() == [[3, 4, 5], [0, 0, 0]]


def test_multiplying_in_fewer_bits_changes_nothing() -> None:
    before = torch.get_float32_matmul_precision()
    frac, matrix = torch.from_numpy(FRAC).float(), torch.from_numpy(MATRIX).float()
    expected = geometry.fractional_to_cartesian(frac, matrix)
    try:
        torch.set_float32_matmul_precision("medium")
        assert torch.equal(geometry.fractional_to_cartesian(frac, matrix), expected)
    finally:
        torch.set_float32_matmul_precision(before)


def test_errors_name_the_structure() -> None:
    angles = torch.tensor([[90.0, 90, 90], [30, 40, 120]])
    with pytest.raises(
        SchemaError, match=r"^structure 1: a cell has no angles of 30.0, 40.0, 120.0"
    ):
        geometry.cell_matrix(torch.ones(2, 3), angles)
    with pytest.raises(SchemaError, match=r"^structure 0: the matrix"):
        geometry.cartesian_to_fractional(torch.ones(2, 4, 3), torch.zeros(2, 3, 3))
