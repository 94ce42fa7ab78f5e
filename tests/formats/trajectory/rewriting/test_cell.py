"""Lattices and periodic axes as users write them."""

from pathlib import Path

import numpy as np
import pytest

from raggedh5.errors import FormatError, SchemaError
from raggedh5.formats.trajectory.rewriting.cell import lattice_matrix, periodic_axes
from walks import CELL


def test_numbers() -> None:
    for text in ("10,12,30", " 10 12 30 ", "1e1;12.; +30"):
        assert (lattice_matrix(text) == np.diag([10.0, 12, 30])).all()
    text = ", ".join(map(repr, CELL.ravel().tolist()))
    assert (lattice_matrix(text) == CELL).all()
    assert (lattice_matrix(CELL) == CELL).all()
    assert (lattice_matrix([1, 2, 3]) == np.diag([1, 2, 3])).all()


def test_files(tmp_path: Path) -> None:
    np.save(tmp_path / "cell.npy", CELL)
    np.save(tmp_path / "lengths.npy", np.array([3, 4, 5]))
    np.savetxt(tmp_path / "cell.txt", CELL, header="lattice vectors, bohr", delimiter=",")
    (tmp_path / "12").write_text("10 12 30 # no number of atoms")
    assert (lattice_matrix(tmp_path / "cell.npy") == CELL).all()
    assert (lattice_matrix(str(tmp_path / "cell.txt")) == CELL).all()
    assert (lattice_matrix(tmp_path / "lengths.npy") == np.diag([3, 4, 5])).all()
    assert (lattice_matrix(tmp_path / "12") == np.diag([10, 12, 30])).all()


@pytest.mark.parametrize(
    "given", ["1,2", "1 2 3 4", "5", [1, 2], np.zeros((3, 2)), ["a", "b", "c"]]
)
def test_other_shapes(given: object) -> None:
    with pytest.raises(SchemaError, match=r"three lengths or nine numbers"):
        lattice_matrix(given)


def test_other_files(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="3 or 9 numbers"):
        lattice_matrix("cubic")
    (tmp_path / "poem.txt").write_text("a b c\n")
    (tmp_path / "empty.txt").write_text("")
    (tmp_path / "cell.npy").write_bytes(b"\x93NUMPY")
    for name in ("poem.txt", "empty.txt"):
        with pytest.raises(SchemaError, match=name):
            lattice_matrix(tmp_path / name)
    with pytest.raises(FormatError, match=r"cell\.npy"):
        lattice_matrix(tmp_path / "cell.npy")
    with pytest.raises(OSError, match="directory"):
        lattice_matrix(tmp_path)


def test_axes() -> None:
    assert periodic_axes("1 0 1") == (True, False, True)
    assert periodic_axes("False") == (False, False, False)
    for text in ("", "1,1", "1,1,2", "xyz"):
        with pytest.raises(SchemaError, match="1,1,0"):
            periodic_axes(text)
