"""Names of particles, and cells."""

import ase.cell
import numpy as np
import pytest
from ase.data import chemical_symbols
from hypothesis import given
from hypothesis import strategies as st

from raggedh5.errors import SchemaError
from raggedh5.formats.trajectory import TrajectoryMetadata
from raggedh5.formats.trajectory.exchange.cell import cell_of, lengths_and_angles
from raggedh5.formats.trajectory.exchange.elements import (
    atomic_number,
    elements_of,
    parse_elements,
)


def test_atomic_numbers_are_those_of_ase() -> None:
    assert [atomic_number(symbol) for symbol in chemical_symbols] == list(
        range(len(chemical_symbols))
    )
    assert atomic_number("bi") == 0


@pytest.mark.parametrize("text", ["", ",", "Bi,", "*4", "Bi*", "Bi*x", "Bi V"])
def test_what_is_no_list_of_elements(text: str) -> None:
    with pytest.raises(SchemaError, match="is no list of elements"):
        parse_elements(text)


def test_names_for_particles_or_kinds() -> None:
    stored = TrajectoryMetadata(species_count=[1, 2], parameters={"elements": ["V", "O"]})
    assert elements_of(stored, 3) == ["V", "O", "O"]
    assert elements_of(stored, 3, ["Bi", "V", "O"]) == ["Bi", "V", "O"]
    assert elements_of(TrajectoryMetadata(parameters={"elements": "He"}), 1) == ["He"]
    assert elements_of(TrajectoryMetadata(), 2) == ["X", "X"]
    with pytest.raises(SchemaError, match="names of 2 elements, but 4 particles"):
        elements_of(stored, 4)


@given(st.integers(0, 2**32 - 1))
def test_lengths_and_angles_are_those_of_ase(seed: int) -> None:
    matrix = np.random.default_rng(seed).normal(size=(3, 3))
    lengths, angles = lengths_and_angles(matrix)
    expected = ase.cell.Cell(matrix).cellpar()
    assert np.allclose([*lengths, *angles], expected)


def test_without_a_periodic_axis_there_is_no_cell() -> None:
    assert cell_of(TrajectoryMetadata()) is None
    assert cell_of(TrajectoryMetadata(lattice_matrix=np.eye(3), pbc=False)) is None
    assert cell_of(TrajectoryMetadata(lattice_matrix=np.eye(3), pbc=[0, 0, 1])) is not None
