"""Constants as scipy has them, and units of other programs."""

import numpy as np
import pytest
from scipy import constants

import runs
from raggedh5.errors import SchemaError
from raggedh5.formats.trajectory import TrajectoryReader, in_units_of_the_layout
from raggedh5.formats.trajectory.exchange import units

BOHR = constants.physical_constants["Bohr radius"][0]
HARTREE = constants.physical_constants["Hartree energy"][0]


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (units.BOHR_IN_ANGSTROM, BOHR / constants.angstrom),
        (units.BOHR_IN_NM, BOHR / constants.nano),
        (units.HARTREE_IN_KJ_PER_MOL, HARTREE * constants.N_A / constants.kilo),
        (units.HARTREE_IN_EV, HARTREE / constants.e),
        (units.ATOMIC_TIME_IN_S, constants.physical_constants["atomic unit of time"][0]),
        (units.S_IN_PS, 1 / constants.pico),
    ],
)
def test_constants_are_those_of_codata(ours: float, theirs: float) -> None:
    # CODATA 2018 and 2022, which versions of scipy have, differ in the tenth digit.
    assert ours == pytest.approx(theirs, rel=1e-9)


def test_units_are_converted_when_they_are_read(tmp_path) -> None:
    made = runs.write_run(tmp_path / "run.h5")
    with TrajectoryReader(tmp_path / "run.h5") as reader:
        stored = reader["traj_001"]
        same = in_units_of_the_layout(stored)
        assert same["time"] is stored["time"]
        found = in_units_of_the_layout(stored, "au", "angstrom")
        assert np.array_equal(found["time"][:], made["time"] * units.ATOMIC_TIME_IN_S)
        assert found["time"].units == "s"
        expected = made["coordinates/unwrapped"] / units.BOHR_IN_ANGSTROM
        assert np.allclose(found["coordinates/unwrapped"].read(), expected, rtol=1e-15)
        part = found["coordinates/unwrapped"].read(3, 40, 5, species=[2, 0])
        assert np.allclose(part, expected[3:40:5, [2, 0]], rtol=1e-15)
        assert np.array_equal(found["energy"][:], made["energy"])
        with pytest.raises(SchemaError, match="'minute' is no unit here; use one of s, ps"):
            in_units_of_the_layout(stored, "minute")


def test_ragged_coordinates_are_converted_too(tmp_path) -> None:
    made = runs.write_ragged(tmp_path / "run.h5")
    with TrajectoryReader(tmp_path / "run.h5") as reader:
        found = in_units_of_the_layout(reader["traj_001"], length_unit="nm")
        rows = found["coordinates/unwrapped"].read(4, 6)
        expected = made[4]["coordinates/unwrapped"] / units.BOHR_IN_NM
        assert np.allclose(rows[0], expected, rtol=1e-15)
        assert np.array_equal(
            found["particles/atomic_number"].read(4, 5)[0], made[4]["particles/atomic_number"]
        )
