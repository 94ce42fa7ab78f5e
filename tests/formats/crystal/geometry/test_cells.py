"""Cells and coordinates, compared with gemmi and ASE."""

import gemmi
import numpy as np
import pytest
from ase.cell import Cell
from ase.geometry import cell_to_cellpar, cellpar_to_cell
from hypothesis import assume, given
from hypothesis import strategies as st

from raggedh5.errors import SchemaError
from raggedh5.formats.crystal import (
    cartesian_to_fractional,
    cell_matrix,
    cell_parameters,
    cell_volume,
    density,
    fractional_to_cartesian,
    matrix_volume,
)

ANGLES = st.one_of(st.just(90.0), st.just(120.0), st.floats(5, 175))
LENGTHS = st.one_of(st.floats(1, 60), st.just(5000.0))  # needles, too


@st.composite
def cells(draw: st.DrawFn) -> tuple[float, ...]:
    """Return parameters of triclinic and special cells that are not quite flat."""
    lengths = [draw(LENGTHS) for _ in range(3)]
    angles = [draw(ANGLES) for _ in range(3)]
    low, middle, high = sorted(angles)
    assume(high < low + middle - 0.5)
    assume(sum(angles) < 359.5)
    return (*lengths, *angles)


BATCHES = st.lists(cells(), min_size=1, max_size=5).map(np.array)


def relative(cell: np.ndarray) -> np.ndarray:
    """Return how exact entries of a matrix can be, given the lengths and how flat it is."""
    flat = gemmi.UnitCell(*cell).volume / cell[:3].prod()
    return 1e-14 * cell[:3, None] / flat**2


@given(BATCHES)
def test_matrices_are_those_of_gemmi_and_ase(parameters: np.ndarray) -> None:
    matrices = cell_matrix(parameters[:, :3], parameters[:, 3:])
    assert matrices.shape == (len(parameters), 3, 3)
    for cell, matrix in zip(parameters, matrices, strict=True):
        exact = relative(cell)
        of_gemmi = np.array(gemmi.UnitCell(*cell).orth.mat.tolist()).T
        assert (np.abs(matrix - of_gemmi) <= exact).all()
        assert (np.abs(matrix - cellpar_to_cell(cell)) <= exact).all()
        assert (matrix[0, 1:] == 0).all()
        assert matrix[1, 2] == 0
        assert (np.diag(matrix) > 0).all()


@given(BATCHES)
def test_parameters_come_back(parameters: np.ndarray) -> None:
    lengths, angles = cell_parameters(cell_matrix(parameters[:, :3], parameters[:, 3:]))
    assert np.allclose(lengths, parameters[:, :3], rtol=1e-12)
    assert np.allclose(angles, parameters[:, 3:], rtol=0, atol=1e-9)


@given(BATCHES)
def test_volumes_are_those_of_gemmi(parameters: np.ndarray) -> None:
    lengths, angles = parameters[:, :3], parameters[:, 3:]
    expected = [gemmi.UnitCell(*cell).volume for cell in parameters]
    assert np.allclose(cell_volume(lengths, angles), expected, rtol=1e-9)
    assert np.allclose(matrix_volume(cell_matrix(lengths, angles)), expected, rtol=1e-9)


@given(BATCHES, st.integers(0, 2**32 - 1))
def test_coordinates_are_those_of_gemmi_and_ase(parameters: np.ndarray, seed: int) -> None:
    rng = np.random.default_rng(seed)
    frac = rng.normal(size=(len(parameters), 4, 3))
    matrices = cell_matrix(parameters[:, :3], parameters[:, 3:])
    coords = fractional_to_cartesian(frac, matrices)
    for cell, matrix, some, places in zip(parameters, matrices, frac, coords, strict=True):
        unit = gemmi.UnitCell(*cell)
        size = cell[:3].max()
        for one, place in zip(some, places, strict=True):
            assert np.allclose(
                place,
                unit.orthogonalize(gemmi.Fractional(*one)).tolist(),
                rtol=0,
                atol=1e-10 * size,
            )
        assert np.allclose(
            places, Cell(matrix).cartesian_positions(some), rtol=0, atol=1e-10 * size
        )
        flat = unit.volume / cell[:3].prod()
        back = cartesian_to_fractional(places, matrix)
        assert np.allclose(back, some, rtol=0, atol=1e-12 * size / flat**2)


def test_right_angles_are_right() -> None:
    assert cell_matrix([3.1, 4.2, 5.3], [90, 90, 90]).tolist() == np.diag([3.1, 4.2, 5.3]).tolist()
    monoclinic = cell_matrix([3.1, 4.2, 5.3], [90, 101.5, 90])
    assert np.count_nonzero(monoclinic) == 4
    assert cell_volume([2.0, 4.0, 8.0], [90, 90, 90]) == 64
    _, angles = cell_parameters(np.diag([3.0, 4.0, 5.0]))
    assert angles.tolist() == [90, 90, 90]


def test_cells_may_be_turned_and_left_handed() -> None:
    parameters = np.array([7.0, 8.0, 9.0, 71.0, 82.0, 103.0])
    turn, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))
    for rotation in (turn, -turn):
        matrix = cell_matrix(parameters[:3], parameters[3:]) @ rotation
        lengths, angles = cell_parameters(matrix)
        assert np.allclose([*lengths, *angles], parameters)
        assert np.allclose(cell_to_cellpar(matrix), parameters)
        assert np.isclose(matrix_volume(matrix), cell_volume(parameters[:3], parameters[3:]))


def test_places_without_an_atom_become_zero() -> None:
    matrices = cell_matrix([[3.0, 4.0, 5.0]] * 2, [[80.0, 90.0, 120.0]] * 2)
    mask = np.array([[True, False, True], [False, False, False]])
    values = np.full((2, 3, 3), 0.5)
    values[~mask] = [np.nan, np.inf, -1e300]
    for convert in (fractional_to_cartesian, cartesian_to_fractional):
        result = convert(values, matrices, mask)
        assert (result[~mask] == 0).all()
        assert np.array_equal(result[mask], convert(values[mask], matrices[0]))
        assert np.array_equal(convert(values, matrices, mask.astype("i1")), result)
    assert np.isnan(values[0, 1, 0])  # the input is as it was


def test_one_matrix_serves_a_batch() -> None:
    matrix = cell_matrix([3.0, 4.0, 5.0], [80.0, 90.0, 120.0])
    frac = np.random.default_rng(0).normal(size=(4, 5, 3))
    assert np.array_equal(
        fractional_to_cartesian(frac, matrix), fractional_to_cartesian(frac, [matrix] * 4)
    )


def test_any_leading_axes_and_none_at_all() -> None:
    lengths, angles = np.full((2, 3, 3), 4.0), np.full((2, 3, 3), 80.0)
    assert cell_matrix(lengths, angles).shape == (2, 3, 3, 3)
    assert cell_volume(lengths, angles).shape == (2, 3)
    assert cell_parameters(cell_matrix(lengths, angles))[1].shape == (2, 3, 3)
    empty = cell_matrix(np.empty((0, 3)), np.empty((0, 3)))
    assert empty.shape == (0, 3, 3)
    assert matrix_volume(empty).shape == (0,)
    assert fractional_to_cartesian(np.empty((0, 7, 3)), empty).shape == (0, 7, 3)
    assert (
        fractional_to_cartesian(np.empty((2, 0, 3)), cell_matrix(lengths, angles)[0, :2]).size == 0
    )


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", ">f4"])
def test_floats_keep_their_dtype_and_are_rounded_once(dtype: str) -> None:
    rng = np.random.default_rng(0)
    lengths, angles = (rng.uniform(5, 20, (50, 3)), rng.uniform(70, 110, (50, 3)))
    lengths, angles = lengths.astype(dtype), angles.astype(dtype)
    frac = rng.uniform(-1, 1, (50, 6, 3)).astype(dtype)
    exact = cell_matrix(lengths.astype("f8"), angles.astype("f8"))
    matrix = cell_matrix(lengths, angles)
    assert matrix.dtype == np.dtype(dtype).newbyteorder("=")
    assert np.array_equal(matrix, exact.astype(dtype))
    coords = fractional_to_cartesian(frac, matrix)
    assert coords.dtype == matrix.dtype
    wide = frac.astype("f8") @ matrix.astype("f8")
    assert np.array_equal(coords, wide.astype(dtype))


def test_integers_become_float64() -> None:
    assert cell_matrix(np.array([3, 4, 5]), [90, 90, 90]).dtype == np.float64
    assert cell_volume(np.float32([3, 4, 5]), [90, 90, 90]).dtype == np.float32


# Z, formula weight and cell of structures, with the densities that their authors state.
@pytest.mark.parametrize(
    ("z", "weight", "lengths", "angles", "stated"),
    [
        (4, 58.44, [5.6402] * 3, [90] * 3, 2.163),  # rock salt, NBS Circular 539 II, 41
        (8, 12.011, [3.56679] * 3, [90] * 3, 3.515),  # diamond
        (6, 100.09, [4.988, 4.988, 17.061], [90, 90, 120], 2.71),  # calcite
    ],
)
def test_densities(z: int, weight: float, lengths: list, angles: list, stated: float) -> None:
    found = density(z, weight, cell_volume(lengths, angles))
    assert abs(found - stated) <= 0.006


def test_a_density_is_unknown_where_something_is() -> None:
    found = density(np.float32([4, np.nan]), 58.44, np.float32([179.4, 100]))
    assert found.dtype == np.float32
    assert np.isnan(found).tolist() == [False, True]


def one_of_three(bad: list[float], good: list[float]) -> np.ndarray:
    return np.array([good, good, bad, bad], float)


@pytest.mark.parametrize(
    "angles",
    [
        [30, 40, 120],
        [120, 120, 120],
        [60, 60, 120],
        [100, 130, 131],
        [0, 90, 90],
        [180, 90, 90],
        [-90, 90, 90],
        [np.nan, 90, 90],
        [np.inf, 90, 90],
        [300, 90, 90],
        [-60, 60, 60],
    ],
)
@pytest.mark.parametrize("compute", [cell_matrix, cell_volume])
def test_angles_of_no_cell(compute, angles: list[float]) -> None:
    many = one_of_three(angles, [80, 90, 100])
    with pytest.raises(SchemaError, match=r"^structure 2: a cell has no angles of "):
        compute(np.ones((4, 3)), many)
    with pytest.raises(SchemaError, match=r"^a cell has no angles of "):
        compute([1.0, 1.0, 1.0], angles)
    with pytest.raises(SchemaError, match=r"^structure \(1, 0\): "):
        compute(np.ones((2, 2, 3)), many.reshape(2, 2, 3))


@pytest.mark.parametrize("length", [0, -1, np.nan, np.inf])
def test_lengths_of_no_cell(length: float) -> None:
    many = one_of_three([5, length, 5], [5, 5, 5])
    with pytest.raises(SchemaError, match=r"^structure 2: a cell has no edges of length 5.0, "):
        cell_matrix(many, np.full((4, 3), 90.0))


@pytest.mark.parametrize(
    "compute",
    [
        cell_parameters,
        matrix_volume,
        lambda matrix: fractional_to_cartesian(np.ones((len(matrix), 2, 3)), matrix),
        lambda matrix: cartesian_to_fractional(np.ones((len(matrix), 2, 3)), matrix),
    ],
)
@pytest.mark.parametrize(
    "matrix",
    [
        np.zeros((3, 3)),
        np.arange(9.0).reshape(3, 3),
        np.ones((3, 3)) * 0.1,
        np.full((3, 3), np.nan),
        np.diag([1, 1, np.inf]),
    ],
)
def test_singular_matrices(compute, matrix: np.ndarray) -> None:
    many = np.stack([np.eye(3), matrix, matrix])
    with pytest.raises(SchemaError, match=r"^structure 1: the matrix \[\["):
        compute(many)


@pytest.mark.parametrize("volume", [0.0, -3.0])
def test_volumes_of_no_cell(volume: float) -> None:
    with pytest.raises(SchemaError, match=r"^structure 1: a cell has no volume of "):
        density(1, 2, np.array([1, volume]))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: cell_matrix([1, 2], [90, 90]), r"\(2,\) and \(2,\)"),
        (lambda: cell_matrix(np.ones((2, 3)), np.ones((3, 3))), r"\(2, 3\) and \(3, 3\)"),
        (lambda: cell_matrix([1, 2, 3], 90), r"\(3,\) and \(\)"),
        (lambda: cell_parameters(np.eye(2)), r"\(2, 2\)"),
        (lambda: fractional_to_cartesian(np.ones(3), np.eye(3)), r"\(3,\)"),
        (lambda: fractional_to_cartesian(np.ones((2, 4)), np.eye(3)), r"\(2, 4\)"),
        (lambda: fractional_to_cartesian(np.ones((2, 4, 3)), [np.eye(3)] * 3), r"\(3, 3, 3\)"),
        (lambda: fractional_to_cartesian(np.ones((4, 3)), [np.eye(3)] * 4), r"\(4, 3, 3\)"),
        (lambda: cartesian_to_fractional(np.ones((2, 4, 3)), np.eye(3), [True] * 4), r"\(4,\)"),
        (lambda: cell_matrix([[1, 2, 3], [1]], [90, 90, 90]), "no rectangular array"),
    ],
)
def test_shapes_that_do_not_go_together(call, message: str) -> None:
    with pytest.raises(SchemaError, match=message):
        call()
