"""Atomic units, and those of other programs.

The constants are those of CODATA 2022: P. J. Mohr, E. Tiesinga, D. B. Newell, B. N. Taylor, CODATA
recommended values of the fundamental physical constants: 2022, https://physics.nist.gov/constants.
"""

from typing import Any

from raggedh5.errors import SchemaError
from raggedh5.formats.trajectory.reading.trajectory import Trajectory

__all__ = [
    "ATOMIC_TIME_IN_S",
    "BOHR_IN_ANGSTROM",
    "BOHR_IN_NM",
    "ENERGIES",
    "HARTREE_IN_EV",
    "HARTREE_IN_KJ_PER_MOL",
    "LENGTHS",
    "S_IN_PS",
    "TIMES",
    "factor_of",
    "in_units_of_the_layout",
]

BOHR = 5.29177210544e-11
"""Bohr radius in m."""

HARTREE = 4.3597447222060e-18
"""Hartree energy in J."""

AVOGADRO = 6.02214076e23
"""In 1/mol, exact."""

CHARGE = 1.602176634e-19
"""Elementary charge in C, exact."""

ATOMIC_TIME_IN_S = 2.4188843265864e-17
BOHR_IN_ANGSTROM = BOHR * 1e10
BOHR_IN_NM = BOHR * 1e9
HARTREE_IN_KJ_PER_MOL = HARTREE * AVOGADRO * 1e-3
HARTREE_IN_EV = HARTREE / CHARGE
S_IN_PS = 1e12

TIMES = {"s": 1.0, "ps": 1e-12, "fs": 1e-15, "au": ATOMIC_TIME_IN_S}
"""Units of time, in seconds."""

ENERGIES = {"hartree": 1.0}
"""Units of energy, in hartree."""

LENGTHS = {"bohr": 1.0, "angstrom": 1 / BOHR_IN_ANGSTROM, "nm": 1 / BOHR_IN_NM}
"""Units of length, in bohr."""


def in_units_of_the_layout(
    trajectory: Trajectory, time_unit: str = "s", length_unit: str = "bohr"
) -> Trajectory:
    """Return a trajectory with its times in seconds and its coordinates in bohr.

    The layout has these units. A program may have written others; where they are the same already,
    not a bit changes. Nothing is read: values are multiplied when they are.

    Parameters
    ----------
    trajectory
        What it is in.
    time_unit
        What its field ``"time"`` is in: ``"s"``, ``"ps"``, ``"fs"``, or ``"au"`` for atomic units.
    length_unit
        What its coordinates are in: ``"bohr"``, ``"angstrom"`` or ``"nm"``.

    Raises
    ------
    SchemaError
        If a unit is none of these.
    """
    time = _factor(time_unit, TIMES)
    length = _factor(length_unit, LENGTHS)

    def converted(name: str, field: Any) -> Any:
        if name == "time" and time != 1:
            return field.scaled(time, "s")
        if name.startswith("coordinates/") and length != 1:
            return field.scaled(length, "bohr")
        return field

    return Trajectory(
        trajectory.id,
        {name: converted(name, trajectory[name]) for name in trajectory.fields},
        trajectory.n_frames,
        {key: getattr(trajectory, key) for key in ("status", "start_time", "end_time")},
        {name: converted(name, field) for name, field in trajectory.events.items()},
    )


def factor_of(field: Any, known: dict[str, float]) -> float:
    """Return what a field's values are to be multiplied by; without a unit they have the layout's.

    Raises
    ------
    SchemaError
        If its unit is none of these.
    """
    if field.units is None or field.units in known:
        return known.get(field.units, 1.0)
    raise SchemaError(f"{field.name} is in {field.units!r}; known are {', '.join(known)}")


def _factor(unit: str, known: dict[str, float]) -> float:
    if unit not in known:
        raise SchemaError(f"{unit!r} is no unit here; use one of {', '.join(known)}")
    return known[unit]
