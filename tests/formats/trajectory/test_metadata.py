"""What is known of a simulation, in Python, JSON and HDF5."""

import json
import math
import pickle
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raggedh5._version import __version__
from raggedh5.errors import FormatError, SchemaError
from raggedh5.formats.trajectory.metadata import TrajectoryMetadata

GROUPS = ("simulation_info", "system_info", "system_info/species_info", "simulation_params")
LATTICE = [[9.6, 0, 0], [0, 9.6, 0], [0, 0, 22.1]]

FLAT: dict[str, Any] = {
    "program": "a kinetic Monte Carlo code",
    "program_version": "2.1",
    "lattice_matrix": LATTICE,
    "pbc": [True, True, False],
    "system_size": (4, 4, 2),
    "temperature": 300,
    "species_count": [3, 1],
    "time_interval": 1e-9,
    "t_final": 1e-4,
    "n_traj": 100,
    "random_seed": 2**64 - 1,
    "dopants": ["W", "Mo"],
    "doping": 0.1,
    "drift": True,
    "field": np.arange(3, dtype=">f4"),
    "note": "Übergänge",
}

NESTED: dict[str, Any] = {
    "simulation_info": {"program": "a kinetic Monte Carlo code", "program_version": "2.1"},
    "system_info": {
        "lattice_matrix": np.array(LATTICE, np.float32).astype(float),
        "pbc": np.array([1, 1, 0]),
        "system_size": np.array([4, 4, 2], np.uint8),
        "temperature": np.float32(300),
        "species_info": {"species_count": np.array([3, 1], np.int16), "total_species": 4},
    },
    "simulation_params": {
        "time_interval": 1e-9,
        "t_final": 1e-4,
        "n_traj": np.int64(100),
        "random_seed": np.uint64(2**64 - 1),
        **{name: FLAT[name] for name in ("dopants", "doping", "drift", "field", "note")},
    },
}


def stored_and_read(metadata: TrajectoryMetadata, path: Path) -> TrajectoryMetadata:
    """Write it with h5py, knowing nothing of it, and read it again."""
    with h5py.File(path, "w") as file:
        for group, (datasets, attributes) in metadata.as_groups().items():
            target = file.create_group(f"metadata/{group}")
            for name, array in datasets.items():
                target[name] = array
            target.attrs.update(attributes)
    with h5py.File(path) as file:
        return read(file)


def read(file: h5py.File) -> TrajectoryMetadata:
    found = {}
    for group in (
        "simulation_info",
        "system_info",
        "system_info/species_info",
        "simulation_params",
    ):
        if f"metadata/{group}" in file:
            source = file[f"metadata/{group}"]
            datasets = {k: v for k, v in source.items() if isinstance(v, h5py.Dataset)}
            found[group] = (datasets, source.attrs)
    return TrajectoryMetadata.from_groups(found)


class TestFromMapping:
    def test_entries_by_their_names_alone(self) -> None:
        metadata = TrajectoryMetadata.from_mapping(FLAT)
        assert metadata.lattice_matrix.dtype == np.float64
        np.testing.assert_array_equal(metadata.lattice_matrix, LATTICE)
        assert metadata.pbc.dtype == np.bool_
        assert metadata.pbc.tolist() == [True, True, False]
        assert metadata.system_size.dtype == np.int64
        assert metadata.system_size.tolist() == [4, 4, 2]
        assert metadata.species_count.dtype == np.int64
        assert metadata.total_species == 4
        assert metadata.temperature == 300.0
        assert metadata.random_seed == 2**64 - 1
        assert metadata.parameters["dopants"].tolist() == ["W", "Mo"]
        assert metadata.parameters["field"].dtype == np.dtype("=f8")
        assert list(metadata.parameters) == ["dopants", "doping", "drift", "field", "note"]

    def test_entries_in_their_groups(self) -> None:
        stamp = "2026-01-31T12:00:00+01:00"
        nested = TrajectoryMetadata.from_mapping({**NESTED, "created_on": stamp})
        flat = TrajectoryMetadata.from_mapping(
            {**FLAT, "created_on": stamp, "lattice_matrix": nested.lattice_matrix}
        )
        assert nested == flat
        assert nested.created_on == stamp

    def test_species_info_may_stand_alone(self) -> None:
        metadata = TrajectoryMetadata.from_mapping({"species_info": {"species_count": 7}})
        assert metadata.species_count.tolist() == [7]
        assert metadata.total_species == 7

    @pytest.mark.parametrize("empty", [None, {}, {"system_info": None}, {"temperature": None}])
    def test_nothing_has_to_be_known(self, empty: Any) -> None:
        metadata = TrajectoryMetadata.from_mapping(empty)
        assert metadata.lattice_matrix is None
        assert metadata.temperature is None
        assert metadata.total_species is None
        assert metadata.pbc.tolist() == [False] * 3
        assert metadata.version == __version__
        assert metadata.parameters == {}

    def test_a_lattice_is_periodic_unless_it_is_said_not_to_be(self) -> None:
        assert TrajectoryMetadata(lattice_matrix=LATTICE).pbc.tolist() == [True] * 3
        assert TrajectoryMetadata(lattice_matrix=LATTICE, pbc=False).pbc.tolist() == [False] * 3

    def test_what_is_a_description_stays_it(self) -> None:
        metadata = TrajectoryMetadata(temperature=10)
        assert TrajectoryMetadata.from_mapping(metadata) is metadata

    def test_arrays_are_copies_that_stay(self) -> None:
        lattice, field = np.eye(3), np.zeros(2)
        metadata = TrajectoryMetadata(lattice_matrix=lattice, parameters={"field": field})
        lattice[0, 0] = field[0] = 5
        assert metadata.lattice_matrix[0, 0] == 1
        assert metadata.parameters["field"].tolist() == [0, 0]
        for array in (metadata.lattice_matrix, metadata.parameters["field"]):
            with pytest.raises(ValueError, match="read-only"):
                array[0] = 1

    def test_the_moment_has_an_offset(self) -> None:
        before = datetime.now(UTC) - timedelta(seconds=1)
        created = datetime.fromisoformat(TrajectoryMetadata().created_on or "")
        assert before <= created <= datetime.now(UTC)
        local = TrajectoryMetadata(created_on=datetime(2026, 1, 1)).created_on  # type: ignore[arg-type]
        assert datetime.fromisoformat(local or "").utcoffset() is not None


class TestRefused:
    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("lattice_matrix", [1, 2, 3]),
            ("lattice_matrix", np.eye(4)),
            ("lattice_matrix", np.full((3, 3), np.nan)),
            ("lattice_matrix", np.eye(3, dtype=complex)),
            ("lattice_matrix", np.eye(3, dtype=bool)),
            ("lattice_matrix", [["1", "0", "0"]] * 3),
            ("lattice_matrix", [[1], [2, 3]]),
            ("lattice_matrix", []),
            ("lattice_matrix", np.eye(3, dtype=np.longdouble) * np.longdouble("1e4000")),
            ("pbc", [True, False]),
            ("pbc", [0, 1, 2]),
            ("pbc", "yes"),
            ("pbc", [1.0, 0.0, 1.0]),
            ("system_size", [4, 4]),
            ("system_size", [4, 4, 0]),
            ("system_size", [4.0, 4.0, 4.0]),
            ("system_size", 4),
            ("temperature", -1),
            ("temperature", math.nan),
            ("temperature", "300"),
            ("temperature", True),
            ("temperature", 10**400),
            ("species_count", [[1, 2]]),
            ("species_count", [-1]),
            ("species_count", [1.5]),
            ("species_count", {"electron": 1}),
            ("total_species", 1.0),
            ("total_species", -3),
            ("total_species", True),
            ("time_interval", math.inf),
            ("t_final", [1.0]),
            ("n_traj", True),
            ("n_traj", 2**63),
            ("random_seed", 2**64),
            ("random_seed", "abc"),
            ("program", 5),
            ("program", "a\0b"),
            ("program_version", 2.1),
            ("program_version", "\ud800"),
            ("version", b"1"),
            ("created_on", "yesterday"),
            ("created_on", 0),
            ("format_version", "hdf5_v2"),
            ("dopants", ["W", 1]),
            ("dopants", [True, 1]),
            ("dopants", [None]),
            ("dopants", [[1], [1, 2]]),
            ("dopants", [np.zeros(3), np.zeros((3, 4))]),
            ("dopants", [-1, 2**63]),
            ("dopants", {"W": 1}),
            ("dopants", 1j),
            ("dopants", b"W"),
            ("dopants", 2**64),
            ("dopants", np.zeros(1 << 17)),
            ("dopants", list(range(1 << 17))),
            ("dopants", np.zeros(2, [("a", "f4")])),
            ("dopants", ["a\0b"]),
        ],
    )
    def test_the_entry_is_named(self, name: str, value: Any) -> None:
        with pytest.raises(SchemaError, match=rf"metadata/[a-z_/]+/{name} ?") as caught:
            TrajectoryMetadata.from_mapping({name: value})
        assert "to be" in str(caught.value) or "hdf5_v1" in str(caught.value)
        assert len(str(caught.value)) < 500

    @pytest.mark.parametrize("name", ["lattice_matrix", "dopants"])
    def test_lists_that_hold_themselves(self, name: str) -> None:
        endless: list[Any] = []
        endless += [endless, endless]
        with pytest.raises(SchemaError, match=f"{name} has more than 65536 values"):
            TrajectoryMetadata.from_mapping({name: endless})

    @pytest.mark.parametrize(
        ("mapping", "message"),
        [
            (
                {"system_info": {"temperture": 1}},
                "metadata/system_info has no entry 'temperture'; the closest is 'temperature'",
            ),
            ({"species_info": {"kinds": 1}}, "metadata/system_info/species_info has no entry"),
            ({"simulation_info": {5: 1}}, "metadata/simulation_info has no entry 5; it has"),
            (
                {"simulation_params": {"temperature": 1}},
                "metadata/simulation_params/temperature is not known; it belongs to system_info",
            ),
            (
                {"temperature": 1, "system_info": {"temperature": 1}},
                "metadata/system_info/temperature is given twice",
            ),
            ({"a": 1, "simulation_params": {"a": 1}}, "simulation_params/a is given twice"),
            ({"system_info": 5}, "metadata/system_info is 5; it is to be a mapping"),
            (
                {"species_count": [2**62, 2**62]},
                "metadata/system_info/species_info/total_species is 9223372036854775808",
            ),
            ({"a/b": 1}, "the name of an entry is 'a/b'"),
            ({"": 1}, "the name of an entry is ''"),
            ({5: 1}, "the name of an entry is 5"),
            ([("temperature", 1)], "metadata are a mapping of entries"),
        ],
    )
    def test_mappings(self, mapping: Any, message: str) -> None:
        with pytest.raises(SchemaError) as caught:
            TrajectoryMetadata.from_mapping(mapping)
        assert message in str(caught.value)

    @pytest.mark.parametrize("name", ["temperature", "format_version"])
    def test_further_entries_are_no_known_ones(self, name: str) -> None:
        with pytest.raises(SchemaError, match=rf"'{name}' is no further entry"):
            TrajectoryMetadata(parameters={name: 5})
        with pytest.raises(SchemaError, match="parameters are a mapping"):
            TrajectoryMetadata(parameters=[name])  # type: ignore[arg-type]


class TestEquality:
    def test_every_entry_counts(self) -> None:
        stamp = {"created_on": "2026-01-31T12:00:00+00:00"}
        whole = TrajectoryMetadata.from_mapping({**FLAT, **stamp})
        assert whole == TrajectoryMetadata.from_mapping({**FLAT, **stamp})
        for name in FLAT:
            rest = {key: value for key, value in FLAT.items() if key != name}
            assert whole != TrajectoryMetadata.from_mapping({**rest, **stamp}), name
        later = "2026-01-31T12:00:01+00:00"
        assert whole != TrajectoryMetadata.from_mapping({**FLAT, "created_on": later})
        assert whole != FLAT

    @pytest.mark.parametrize(
        ("left", "right"),
        [(1, True), (1, 1.0), ([1], [1.0]), ([0.0], 0.0), ("1", 1), ([1], [1, 1])],
    )
    def test_values_of_two_types_differ(self, left: Any, right: Any) -> None:
        now = "2026-01-31T12:00:00+00:00"
        one = TrajectoryMetadata(parameters={"a": left}, created_on=now)
        assert one != TrajectoryMetadata(parameters={"a": right}, created_on=now)

    def test_nan_is_nan(self) -> None:
        now = "2026-01-31T12:00:00+00:00"
        first, second = (
            TrajectoryMetadata(parameters={"a": math.nan, "b": [math.nan, 1]}, created_on=now)
            for _ in range(2)
        )
        assert first == second

    def test_it_can_be_pickled(self) -> None:
        metadata = TrajectoryMetadata.from_mapping(FLAT)
        assert pickle.loads(pickle.dumps(metadata)) == metadata


class TestGroups:
    def test_they_are_those_of_the_layout(self) -> None:
        groups = TrajectoryMetadata.from_mapping(FLAT).as_groups()
        names = {group: (set(sets), set(attrs)) for group, (sets, attrs) in groups.items()}
        assert names == {
            "simulation_info": (
                set(),
                {"version", "created_on", "format_version", "program", "program_version"},
            ),
            "system_info": ({"lattice_matrix", "pbc", "system_size"}, {"temperature"}),
            "system_info/species_info": ({"species_count"}, {"total_species"}),
            "simulation_params": (
                {"dopants", "field"},
                {"time_interval", "t_final", "n_traj", "random_seed", "doping", "drift", "note"},
            ),
        }
        assert groups["simulation_info"][1]["format_version"] == "hdf5_v1"
        assert groups["simulation_info"][1]["version"] == __version__

    @pytest.mark.parametrize("mapping", [FLAT, NESTED, {}, {"names": [["a", "é"], ["", "b"]]}])
    def test_through_h5py(self, tmp_path: Path, mapping: Any) -> None:
        metadata = TrajectoryMetadata.from_mapping(mapping)
        assert stored_and_read(metadata, tmp_path / "run.h5") == metadata

    def test_what_another_program_has_written(self, tmp_path: Path) -> None:
        with h5py.File(tmp_path / "foreign.h5", "w") as file:
            params = file.create_group("metadata/simulation_params")
            params.attrs.update({"n_traj": np.int32(3), "label": np.bytes_(b"run")})
            params.attrs["nothing"] = h5py.Empty("f4")
            params.attrs["pairs"] = np.zeros(2, [("a", "f4")])
            params.attrs["latin"] = np.bytes_(b"\xff")
            params.attrs["temperature"] = 5
            params["kinds"] = np.array([b"W", b"Mo"])
            params["level"] = np.float32(0.5)
            params.create_dataset("huge", (1 << 40,), "u1", chunks=(1 << 20,))
            file["metadata/system_info/pbc"] = np.ones(3, np.int8)
            file["metadata/system_info"].attrs["colour"] = "blue"
            metadata = read(file)
        assert metadata.n_traj == 3
        assert metadata.version is None
        assert metadata.created_on is None
        assert metadata.pbc.tolist() == [True] * 3
        assert metadata.temperature is None
        kinds = metadata.parameters["kinds"]
        assert isinstance(kinds, np.ndarray)
        assert kinds.tolist() == ["W", "Mo"]
        assert metadata.parameters["label"] == "run"
        assert metadata.parameters["level"] == 0.5
        assert set(metadata.parameters) == {"kinds", "label", "level"}
        assert TrajectoryMetadata.from_mapping(metadata.as_dict()) == metadata
        assert stored_and_read(metadata, tmp_path / "again.h5") == metadata

    @pytest.mark.parametrize(
        ("group", "name", "value"),
        [
            ("system_info", "lattice_matrix", np.zeros(9)),
            ("system_info", "lattice_matrix", h5py.Empty("f8")),
            ("system_info", "temperature", "warm"),
            ("simulation_info", "format_version", "hdf5_v2"),
            ("simulation_info", "program", np.bytes_(b"\xff")),
            ("simulation_params", "n_traj", 2.5),
        ],
    )
    def test_damage(self, tmp_path: Path, group: str, name: str, value: Any) -> None:
        with h5py.File(tmp_path / "damaged.h5", "w") as file:
            file.create_group(f"metadata/{group}").attrs[name] = value
            with pytest.raises(FormatError, match=f"metadata/{group}/{name}"):
                read(file)

    def test_an_entry_that_claims_to_be_huge_is_not_read(self, tmp_path: Path) -> None:
        with h5py.File(tmp_path / "huge.h5", "w") as file:
            group = file.create_group("metadata/system_info/species_info")
            group.create_dataset("species_count", (1 << 40,), "i8", chunks=(1 << 20,))
            with pytest.raises(FormatError, match="species_count has more than 65536 values"):
                read(file)


NAMES = st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=8)
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)
INTEGERS = st.integers(-(2**63), 2**63 - 1)
FLOATS = st.floats()
PARAMETERS = st.one_of(
    st.booleans(),
    st.integers(-(2**63), 2**64 - 1),
    FLOATS,
    TEXTS,
    *(st.lists(items, max_size=4) for items in (st.booleans(), INTEGERS, FLOATS, TEXTS)),
    st.lists(st.integers(0, 2**64 - 1), max_size=4),
    st.lists(st.lists(FLOATS, min_size=2, max_size=2), max_size=3),
)
POSITIVE = st.floats(0, 1e300)
KNOWN = {
    "program": TEXTS,
    "program_version": TEXTS,
    "version": TEXTS,
    "created_on": st.datetimes(timezones=st.just(UTC)),
    "lattice_matrix": st.lists(
        st.lists(st.floats(-1e9, 1e9), min_size=3, max_size=3), min_size=3, max_size=3
    ),
    "pbc": st.lists(st.booleans(), min_size=3, max_size=3) | st.booleans(),
    "system_size": st.lists(st.integers(1, 2**62), min_size=3, max_size=3),
    "temperature": POSITIVE,
    "species_count": st.lists(st.integers(0, 2**60), max_size=3),
    "total_species": st.integers(0, 2**62),
    "time_interval": POSITIVE,
    "t_final": POSITIVE,
    "n_traj": st.integers(0, 2**62),
    "random_seed": st.integers(-(2**63), 2**64 - 1),
}
DESCRIPTIONS = st.builds(
    lambda known, added: TrajectoryMetadata(**known, parameters=added),
    st.fixed_dictionaries({}, optional=KNOWN),
    st.dictionaries(NAMES.filter(lambda name: name not in (".", "..", *KNOWN)), PARAMETERS),
)


@given(DESCRIPTIONS)
def test_through_json(metadata: TrajectoryMetadata) -> None:
    text = json.dumps(metadata.as_dict())
    assert TrajectoryMetadata.from_mapping(json.loads(text)) == metadata


@given(DESCRIPTIONS)
def test_through_groups(metadata: TrajectoryMetadata) -> None:
    assert TrajectoryMetadata.from_groups(metadata.as_groups()) == metadata


@given(DESCRIPTIONS)
def test_through_a_file(tmp_path_factory: pytest.TempPathFactory, metadata: Any) -> None:
    path = tmp_path_factory.getbasetemp() / "described.h5"
    assert stored_and_read(metadata, path) == metadata
