"""Readers give back what NumPy's indexing of the same frames does, of both formats."""

import json

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import raggedh5 as rh5
from raggedh5.errors import FormatError, SchemaError
from raggedh5.formats.trajectory import (
    HDF5TrajectoryWriter,
    NPYTrajectoryWriter,
    TrajectoryMetadata,
    TrajectoryReader,
)
from trajectories import ID, config, six, write

COUNT = 57
POTENTIAL = [n for n in range(COUNT) if n % 5 == 3 or n > 50]
"""Frames that have it."""


def frame(number):
    found = six(number, n_species=7)
    if number not in POTENTIAL:
        del found["potential"]
    return found


FRAMES = [frame(number) for number in range(COUNT)]
UNWRAPPED = np.array([one["coordinates/unwrapped"] for one in FRAMES])
DELG = np.array([one["delg_0"] for one in FRAMES])
bounds = st.integers(-COUNT - 3, COUNT + 3)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("reader")
    settings = config(hdf5_options={"chunking": 10})
    write(folder, FRAMES, settings, {"temperature": 300.0, "program": "kmc"})
    return folder


@pytest.fixture(scope="module", params=["npy", "hdf5", "one folder"])
def path(request, folder):
    return folder / {"npy": "", "hdf5": "trajectories.h5", "one folder": "traj1"}[request.param]


@pytest.fixture(scope="module")
def trajectory(path):
    with TrajectoryReader(path) as reader:
        yield reader[ID]


def test_what_is_there(path):
    with TrajectoryReader(path) as reader:
        assert reader.ids == list(reader) == [ID]
        assert ID in reader
        assert "traj_002" not in reader
        assert len(reader) == 1
        assert (reader.metadata.temperature, reader.metadata.program) == (300.0, "kmc")
        found = reader[ID]
        assert set(found.fields) == set(found) == set(six(0))
        assert (found.n_frames, len(found), found.n_species) == (COUNT, COUNT, 7)
        assert (found.status, found.ragged) == ("completed", False)
        assert found.start_time <= found.end_time
        with pytest.raises(KeyError, match="it has traj_001"):
            reader["traj_002"]
        with pytest.raises(KeyError, match="no field 'forces'; it has"):
            found["forces"]
        assert found.get("forces") is None
        assert ID in repr(found)


def test_fields(trajectory):
    field = trajectory["coordinates/unwrapped"]
    assert (field.shape, field.dtype, field.units) == ((COUNT, 21), np.dtype("f8"), "bohr")
    assert (field.n_species, field.frames, field.precision) == (7, None, None)
    assert trajectory["time"].units == "s"
    assert trajectory["energy"].units == "hartree"
    assert trajectory["delg_0"].units is None
    assert trajectory["potential"].frames.tolist() == POTENTIAL
    assert trajectory["potential"].first_frame == 3
    assert np.asarray(trajectory["time"], np.float32).tolist() == [0.25 * n for n in range(COUNT)]
    with pytest.raises(ValueError, match="without a copy"):
        np.asarray(field, copy=False)


@pytest.mark.parametrize(
    "selection",
    [
        3,
        -1,
        slice(None),
        slice(5, 40, 3),
        slice(-3, None),
        [1, 5, 9],
        (slice(2, 9), 4),
        ...,
        (8, 20),
    ],
    ids=repr,
)
def test_brackets_are_those_of_numpy(trajectory, selection):
    stored = UNWRAPPED.reshape(COUNT, -1)
    found = trajectory["coordinates/unwrapped"][selection]
    assert np.array_equal(found, stored[selection])
    assert np.shape(found) == np.shape(stored[selection])


@given(start=bounds, stop=st.none() | bounds, step=st.integers(1, 70), data=st.data())
def test_any_range_of_frames_and_species(trajectory, start, stop, step, data):
    species = data.draw(
        st.none()
        | st.integers(-7, 6)
        | st.lists(st.integers(-7, 6), max_size=5)
        | st.slices(7)
        | st.lists(st.booleans(), min_size=7, max_size=7).map(np.array)
    )
    wanted = UNWRAPPED[start:stop][::step]
    if species is not None:
        chosen = np.atleast_1d(np.arange(7)[species if np.size(species) else np.empty(0, int)])
        chosen = np.arange(7)[species] if isinstance(species, slice) else chosen
        wanted = wanted[:, chosen]
    field = trajectory["coordinates/unwrapped"]
    if isinstance(species, list) and not species:
        species = np.empty(0, int)
    found = field.read(start, stop, step, species)
    assert found.shape == wanted.shape
    assert np.array_equal(found, wanted)
    size = data.draw(st.sampled_from([1, 400, 5000]))
    blocks = list(field.blocks(start, stop, step, species, block_bytes=size))
    joined = np.concatenate(blocks) if blocks else wanted[:0]
    assert np.array_equal(joined, wanted)
    assert all(len(block) <= max(size // (21 * 8), 1) for block in blocks)
    delg = trajectory["delg_0"]
    assert np.array_equal(delg.read(start, stop, step), DELG[start:stop][::step])


@given(start=bounds, stop=st.none() | bounds, step=st.integers(1, 20))
def test_any_range_of_a_field_that_is_in_some_frames(trajectory, start, stop, step):
    chosen = [n for n in range(COUNT)[start:stop][::step] if n in POTENTIAL]
    wanted = np.array([FRAMES[n]["potential"] for n in chosen]).reshape(-1, 2)
    field = trajectory["potential"]
    assert np.array_equal(field.read(start, stop, step), wanted)
    blocks = list(field.blocks(start, stop, step, block_bytes=40))
    assert np.array_equal(np.concatenate(blocks) if blocks else wanted[:0], wanted)


@pytest.mark.parametrize("number", [0, 3, 56, -1, -57])
def test_a_frame(trajectory, number):
    found, wanted = trajectory.frame(number), FRAMES[number]
    assert set(found) == set(wanted)
    assert all(np.array_equal(found[name], wanted[name]) for name in wanted)


@pytest.mark.parametrize("number", [57, -58])
def test_no_such_frame(trajectory, number):
    with pytest.raises(IndexError, match="57 frames"):
        trajectory.frame(number)


def test_batches_are_the_frames(trajectory):
    numbers = []
    for batch in trajectory.batches(5, 50, nbytes=3000):
        numbers += range(batch.first, batch.stop)
        for name, (values, of_frames) in batch.rows.items():
            for value, number in zip(values, of_frames, strict=True):
                assert np.array_equal(value, np.asarray(FRAMES[number][name]).ravel()) or (
                    value == FRAMES[number][name]
                )
        assert batch.count < 45
    assert numbers == list(range(5, 50))


def test_wrong_selections(trajectory):
    field = trajectory["coordinates/unwrapped"]
    with pytest.raises(SchemaError, match="7 species"):
        field.read(species=7)
    with pytest.raises(SchemaError, match="has no species"):
        trajectory["time"].read(species=0)
    for step in (0, -1):
        with pytest.raises(ValueError, match="step"):
            field.read(step=step)
        with pytest.raises(ValueError, match="step"):
            next(field.blocks(step=step))
    with pytest.raises(IndexError):
        field[COUNT]


def test_only_what_is_asked_for_is_decoded(folder, tmp_path):
    """Chunks that are damaged do not matter as long as nothing of them is wanted."""
    path = tmp_path / "x.h5"
    path.write_bytes((folder / "trajectories.h5").read_bytes())
    with h5py.File(path) as file:
        where = file[f"trajectories/{ID}/coordinates/unwrapped"].id.get_chunk_info(2)
    with path.open("r+b") as raw:
        raw.seek(where.byte_offset + where.size // 2)
        raw.write(b"\xa5" * 9)
    with TrajectoryReader(path) as reader:
        field = reader[ID]["coordinates/unwrapped"]
        assert np.array_equal(field.read(0, 20), UNWRAPPED[:20])
        assert np.array_equal(field.read(30), UNWRAPPED[30:])
        assert np.array_equal(field.read(5, None, 30), UNWRAPPED[5::30])
        with pytest.raises(FormatError, match="coordinates/unwrapped"):
            field.read(19, 22)


# --- while it is written


def test_live_reading(tmp_path):
    """What is seen is the run as it was some time before, and stays so until a refresh."""
    path = tmp_path / "run.h5"
    writer = HDF5TrajectoryWriter(path, flush_seconds=1e5, buffer_size=4)
    writer.create_trajectory_datasets(ID)
    with TrajectoryReader(path, live=True) as reader:
        assert reader[ID].n_frames == 0
        seen = 0
        for number in range(40):
            writer.append_frame(
                ID, {"time": float(number)} | ({"new": -number} if number > 6 else {})
            )
            if number == 30:
                writer.create_trajectory_datasets("traj_002")
            writer.flush()
            before = reader[ID]
            assert before.n_frames == seen
            reader.refresh()
            found = reader[ID]
            assert seen <= found.n_frames <= number + 1
            assert found.status == "running"
            seen = found.n_frames
            times = [float(n) for n in range(seen)]
            assert (found["time"].read().tolist() if seen else []) == times
            if seen > 7:
                assert found["new"].frames.tolist() == list(range(7, seen))
                assert found["new"].read().tolist() == [-n for n in range(7, seen)]
        assert seen > 7
        assert reader.ids == [ID, "traj_002"]
    writer.finalize()
    with TrajectoryReader(path) as reader:
        assert reader[ID].n_frames == 40


def test_npy_files_are_read_while_they_are_written(tmp_path):
    writer = NPYTrajectoryWriter(tmp_path, flush_seconds=1e5, buffer_size=100)
    writer.create_trajectory_datasets(ID)
    for number in range(9):
        writer.append_frame(ID, six(number))
    writer.flush()
    writer.append_frame(ID, six(9))
    with TrajectoryReader(tmp_path) as reader:
        found = reader[ID]
        assert (found.n_frames, found.status) == (9, "running")
        assert found["energy"].read().tolist() == [six(n)["energy"] for n in range(9)]
    writer.finalize()


# --- what others have written


def test_a_folder_of_npy_files(tmp_path):
    folder = tmp_path / "bvo"
    folder.mkdir()
    positions = np.random.default_rng(0).normal(size=(20, 4, 3))
    np.save(folder / "unwrapped_traj.npy", positions.reshape(20, 12))
    np.save(folder / "time_data.npy", np.arange(7.0))
    np.save(folder / "forces.total.npy", positions)
    np.save(folder / "species.npy", np.array(["Bi", "V", "O", "O"]))
    (folder / "notes.txt").write_text("mine")
    with TrajectoryReader(folder) as reader:
        assert reader.ids == ["bvo"]
        assert reader.metadata.program is None
        found = reader["bvo"]
        assert set(found.fields) == {"coordinates/unwrapped", "forces/total"}
        assert list(found.events) == ["time"]  # of another rate: nobody knows of which frames
        assert (found.n_frames, found.n_species, found.status) == (20, 4, "completed")
        assert np.array_equal(
            found["coordinates/unwrapped"].read(2, 9, 3, [1]), positions[2:9:3, [1]]
        )
        assert found.events["time"].read(5).tolist() == [5, 6]
        assert found["coordinates/unwrapped"].units == "bohr"
    assert {path.name for path in folder.iterdir()} == {
        "unwrapped_traj.npy",
        "time_data.npy",
        "forces.total.npy",
        "species.npy",
        "notes.txt",
    }


def test_coordinates_with_three_axes(tmp_path):
    positions = np.random.default_rng(0).normal(size=(20, 4, 3))
    np.save(tmp_path / "wrapped_traj.npy", positions)
    with TrajectoryReader(tmp_path) as reader:
        field = reader[reader.ids[0]]["coordinates/wrapped"]
        assert field.n_species == 4
        assert np.array_equal(field.read(), positions)
        assert np.array_equal(field.read(3, 9, 2, [3, 1]), positions[3:9:2, [3, 1]])


def test_folders_are_in_the_order_of_their_numbers(tmp_path):
    for name in ("traj10", "traj2", "traj1", "traj_x"):
        (tmp_path / name).mkdir()
        np.save(tmp_path / name / "energy.npy", np.arange(3.0))
    (tmp_path / "traj3").mkdir()  # and nothing in it
    with TrajectoryReader(tmp_path) as reader:
        assert reader.ids == ["traj_001", "traj_002", "traj_010", "x"]


def test_an_hdf5_file_of_others(tmp_path):
    """With contiguous, compressed and big-endian datasets, and no metadata."""
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        group = file.create_group("trajectories/run")
        group["energy"] = np.arange(5, dtype=">f8")
        group.create_dataset(
            "coordinates/unwrapped", data=np.ones((5, 6), "f4"), compression="gzip"
        )
        group["forces/a/b"] = np.ones((5, 2))
    with TrajectoryReader(path) as reader:
        found = reader["run"]
        assert (found.status, found.n_frames, found.n_species) == ("completed", 5, 2)
        assert set(found.fields) == {"energy", "coordinates/unwrapped", "forces/a/b"}
        assert found["energy"].read(1, 3).tolist() == [1, 2]
        assert found["coordinates/unwrapped"].read(species=1).shape == (5, 1, 3)
        assert reader.metadata == TrajectoryMetadata(version=None, created_on=None)


# --- what is no trajectory


@pytest.mark.parametrize("kind", ["no such", "empty folder", "other folder", "text", "other HDF5"])
def test_nothing_to_read(tmp_path, kind):
    path = tmp_path / "x"
    error = FormatError
    if kind == "no such":
        error = FileNotFoundError
    elif kind.endswith("folder"):
        path.mkdir()
        if kind == "other folder":
            (path / "traj1").mkdir()
            (path / "notes.txt").write_text("mine")
    elif kind == "text":
        path.write_text("no HDF5" * 100)
    else:
        rh5.write(path, {"x": [1.0]})
    with pytest.raises(error):
        TrajectoryReader(path)


def damage_scalar(group):
    group["energy"] = 1.0


def damage_text(group):
    group["energy"] = ["a", "b"]


def damage_records(group):
    group["energy"] = np.zeros(3, [("a", "f8")])


def damage_null(group):
    group["energy"] = h5py.Empty("f8")


def damage_reference(group):
    group["energy"] = np.array([group.ref], h5py.ref_dtype)


def damage_lists(group):
    group.create_dataset("energy", (2,), h5py.vlen_dtype("f8"))


def damage_type(group):
    group["energy"] = np.dtype("f8")


def damage_loop(group):
    group["energy"] = group


def damage_soft_loop(group):
    group["energy"] = h5py.SoftLink(group.name)


def damage_link(group):
    group["energy"] = h5py.SoftLink("/nowhere")


def damage_external(group):
    group["energy"] = h5py.ExternalLink("nowhere.h5", "/x")


def damage_coordinates(group):
    group["coordinates/wrapped"] = np.ones((4, 4))


def damage_complex(group):
    group["coordinates/wrapped"] = np.ones((4, 3), complex)


def damage_one_axis(group):
    group["coordinates/wrapped"] = np.ones(4)


def damage_numbers(group):
    group["energy"] = np.ones(3)
    group["frames/energy"] = np.ones((3, 2), "i8")


def damage_float_numbers(group):
    group["energy"] = np.ones(3)
    group["frames/energy"] = np.ones(3)


def damage_falling_numbers(group):
    group["energy"] = np.ones(5)
    group["frames/energy"] = np.array([0, 7, 3, 9, 4])


def damage_negative_numbers(group):
    group["energy"] = np.ones(3)
    group["frames/energy"] = np.array([-5, 0, 1])


def damage_table(group):
    group.create_group("particles").attrs["encoding-type"] = "awkward-array"


def damage_groups(group):
    group["frames"] = 3
    group["energy"] = 3


DAMAGES = {
    name.removeprefix("damage_"): f for name, f in globals().items() if name[:7] == "damage_"
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_hostile_hdf5_files(tmp_path, damage):
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        group = file.create_group("trajectories/run")
        group["time"] = np.arange(3.0)
        damage(group)
    with TrajectoryReader(path) as reader, pytest.raises(FormatError):
        everything(reader["run"])


def everything(trajectory):
    for name in trajectory.fields:
        trajectory[name].read()
        trajectory[name].read(step=2)
        assert trajectory[name].frames is None or len(trajectory[name].frames)
    list(trajectory.batches(nbytes=100))


@pytest.mark.parametrize("kind", ["dataset", "table"])
def test_a_trajectory_is_a_group(tmp_path, kind):
    path = tmp_path / "x.h5"
    rh5.write(path, {"trajectories/run": [1.0] if kind == "dataset" else {"x": [1.0]}})
    with TrajectoryReader(path) as reader, pytest.raises(FormatError):
        reader["run"]


RECORD = {"id": "run", "metadata": {}, "status": "completed", "n_frames": 3}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        "{}",
        json.dumps({**RECORD, "fields": []}),
        json.dumps({**RECORD, "fields": {"energy": "energy.npy"}}),
        json.dumps({**RECORD, "fields": {"energy": {"file": "../energy.npy"}}}),
        json.dumps({**RECORD, "fields": {"energy": {"file": "/etc/passwd"}}}),
        json.dumps({**RECORD, "fields": {"energy": {"file": 3}}}),
        json.dumps({**RECORD, "fields": {}, "id": 7}),
        json.dumps({**RECORD, "fields": {}, "n_frames": "many"}),
        "[" * 100_000,
        "\ud800",
    ],
    ids=range(14),
)
def test_damaged_records(tmp_path, text):
    folder = tmp_path / "traj1"
    folder.mkdir()
    np.save(folder / "energy.npy", np.arange(3.0))
    (folder / "trajectory.json").write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(FormatError, match=r"trajectory\.json"):
        TrajectoryReader(folder)
    with pytest.raises(FormatError, match=r"trajectory\.json"):
        TrajectoryReader(tmp_path)


def described(folder, **fields):
    folder.mkdir(exist_ok=True)
    about = {name: {"file": file, "units": None} for name, file in fields.items()}
    (folder / "trajectory.json").write_text(json.dumps({**RECORD, "fields": about}))


@pytest.mark.parametrize(
    "content",
    [b"", b"\x93NUMPY", b"text", b"PK\x03\x04" + b"?" * 99, b"\x93NUMPY\x01\x00\x04\x00{}\n\n"],
    ids=["empty", "magic", "text", "zip", "header"],
)
@pytest.mark.parametrize("name", ["energy.npy", "energy.frames.npy"])
def test_damaged_npy_files(tmp_path, content, name):
    described(tmp_path, energy="energy.npy")
    np.save(tmp_path / "energy.npy", np.arange(3.0))
    (tmp_path / name).write_bytes(content)
    with TrajectoryReader(tmp_path) as reader, pytest.raises(FormatError, match=name):
        reader["run"]


@pytest.mark.parametrize(
    "array",
    [np.array(3.0), np.array(["a"]), np.array([None]), np.zeros(2, [("a", "f8")])],
    ids=["scalar", "text", "objects", "records"],
)
def test_npy_files_of_other_things(tmp_path, array):
    described(tmp_path, energy="energy.npy")
    np.save(tmp_path / "energy.npy", array)
    with TrajectoryReader(tmp_path) as reader, pytest.raises(FormatError, match=r"energy\.npy"):
        reader["run"]


@pytest.mark.parametrize("numbers", [[0, 7, 3, 9, 4], [-5, 0, 1], [[0], [1], [2]], [0.0, 1, 2]])
def test_numbers_that_are_none(tmp_path, numbers):
    described(tmp_path, energy="energy.npy")
    np.save(tmp_path / "energy.npy", np.arange(5.0))
    np.save(tmp_path / "energy.frames.npy", np.array(numbers))
    with TrajectoryReader(tmp_path) as reader, pytest.raises(FormatError, match="energy"):
        everything(reader["run"])


def test_numbers_and_rows_of_different_count(tmp_path):
    """A kill may leave more of either: the shorter one holds."""
    described(tmp_path, energy="energy.npy", delg_0="delg_0.npy")
    np.save(tmp_path / "energy.npy", np.arange(5.0))
    np.save(tmp_path / "energy.frames.npy", np.array([1, 4, 6]))
    np.save(tmp_path / "delg_0.npy", np.arange(2.0))
    np.save(tmp_path / "delg_0.frames.npy", np.array([1, 4, 6]))
    with TrajectoryReader(tmp_path) as reader:
        found = reader["run"]
        assert (found["energy"].shape, found["delg_0"].shape) == ((3,), (2,))
        assert (found["energy"][:].tolist(), found["delg_0"][:].tolist()) == ([0, 1, 2], [0, 1])
        assert found["delg_0"].frames.tolist() == [1, 4]
        assert found.n_frames == 7


def test_more_rows_than_numbers_in_hdf5(tmp_path):
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        file["trajectories/run/energy"] = np.arange(5.0)
        file["trajectories/run/frames/energy"] = np.array([1, 4, 6])
    with TrajectoryReader(path) as reader:
        field = reader["run"]["energy"]
        assert field.shape == (3,)
        assert field[:].tolist() == [0, 1, 2]
        assert field[-1] == 2
        assert field.read().tolist() == [0, 1, 2]


@pytest.mark.parametrize("offsets", [[0, 3, 2, 5], [0, 3, 99], [-4, 3, 5], [5, 5]])
def test_offsets_that_lead_elsewhere(tmp_path, offsets):
    write(tmp_path, [{"coordinates/wrapped": np.ones((5, 3))}], config("npy"), ragged=True)
    np.save(tmp_path / "traj1" / "particles_offsets.npy", np.array(offsets))
    with TrajectoryReader(tmp_path) as reader:
        field = reader[ID]["coordinates/wrapped"]
        if offsets == [5, 5]:
            assert field.read().lengths.tolist() == [0]
        else:
            with pytest.raises(FormatError, match="offsets"):
                field.read()
