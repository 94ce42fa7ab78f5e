"""Trajectories whose number of particles varies: a table in HDF5, offsets in NumPy files."""

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raggedh5.care import validate
from raggedh5.errors import SchemaError
from raggedh5.formats.trajectory import (
    HDF5TrajectoryWriter,
    TrajectoryReader,
    TrajectoryValidator,
    TrajectoryWriterManager,
)
from raggedh5.formats.trajectory.reading.ragged_field import RaggedField
from trajectories import ID, config, write

SIZES = [3, 0, 5, 1, 0, 0, 7, 2, 4, 4, 0, 9, 1]


def frame(number, size, charges=True):
    rng = np.random.default_rng([number, size])
    found = {"coordinates/unwrapped": rng.normal(size=(size, 3)), "time": 0.5 * number}
    if charges:
        found["particles/charge"] = rng.integers(-2, 3, size).astype("i1")
        found["particles/tensor"] = rng.normal(size=(size, 2, 2)).astype("f4")
    return found


FRAMES = [frame(number, size) for number, size in enumerate(SIZES)]
FIELDS = ("coordinates/unwrapped", "particles/charge", "particles/tensor")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ragged")
    report = write(folder, FRAMES, ragged=True)
    assert report.ok
    return folder


@pytest.fixture(params=["npy", "hdf5"])
def trajectory(request, folder):
    path = folder if request.param == "npy" else folder / "trajectories.h5"
    with TrajectoryReader(path) as reader:
        yield reader[ID]


def test_each_frame_comes_back(trajectory):
    assert trajectory.ragged
    assert trajectory.n_species is None
    assert len(trajectory) == len(SIZES)
    for number, wanted in enumerate(FRAMES):
        found = trajectory.frame(number)
        assert set(found) == set(wanted)
        for name, value in wanted.items():
            assert np.array_equal(found[name], value)
            assert found[name].dtype == np.asarray(value).dtype


def test_ranges_and_strides(trajectory):
    numbers = range(len(SIZES))
    for name in FIELDS:
        field = trajectory[name]
        assert isinstance(field, RaggedField)
        assert (len(field), field.frames, field.first_frame) == (len(SIZES), None, 0)
        assert field.inner == FRAMES[0][name].shape[1:]
        for start, stop, step in [(0, None, 1), (2, 9, 3), (-4, None, 2), (5, 2, 1), (0, 99, 5)]:
            wanted = [FRAMES[n][name] for n in numbers[start:stop][::step]]
            found = field.read(start, stop, step)
            assert [row.tolist() for row in found] == [row.tolist() for row in wanted]
            pieces = [row for part in field.blocks(start, stop, step) for row in part]
            assert [row.tolist() for row in pieces] == [row.tolist() for row in wanted]
        assert np.array_equal(field[-1], FRAMES[-1][name])
        assert np.array_equal(field[6], FRAMES[6][name])
        assert [len(row) for row in field[[2, 0, 6]]] == [5, 3, 7]
        assert [len(row) for row in field[1:4]] == [0, 5, 1]
        with pytest.raises(IndexError):
            field[len(SIZES)]
        with pytest.raises(ValueError, match="step"):
            field.read(step=0)


def test_units(trajectory):
    assert trajectory["coordinates/unwrapped"].units == "bohr"
    assert trajectory["particles/charge"].units is None


def test_awkward_and_anndata_read_the_table(folder):
    anndata = pytest.importorskip("anndata")
    with h5py.File(folder / "trajectories.h5") as file:
        group = file[f"trajectories/{ID}/particles"]
        assert group.attrs["encoding-type"] == "awkward-array"
        found = anndata.io.read_elem(group)
        assert group["unwrapped-data"].attrs["units"] == "bohr"
    assert len(found) == len(SIZES)
    for name, column in zip(FIELDS, ("unwrapped", "charge", "tensor"), strict=True):
        assert found[column].tolist() == [value[name].tolist() for value in FRAMES]


def test_numpy_reads_items_and_offsets(folder):
    offsets = np.load(folder / "traj1" / "particles_offsets.npy")
    assert offsets.tolist() == np.cumsum([0, *SIZES]).tolist()
    items = np.load(folder / "traj1" / "unwrapped_traj.npy")
    assert np.array_equal(items, np.concatenate([f["coordinates/unwrapped"] for f in FRAMES]))


def test_files_are_valid(folder):
    report = validate(folder / "trajectories.h5", isolated=False)
    assert report.valid
    assert not report.warnings


def test_both_formats_agree(folder):
    found = TrajectoryValidator().validate_trajectory(folder, folder / "trajectories.h5", ID)
    assert found.ok
    assert all(field.identical for field in found.fields)
    assert {field.field for field in found.fields} == set(FRAMES[0])


@settings(max_examples=25)
@given(data=st.data())
def test_any_sizes_in_any_frames(data, tmp_path_factory):
    """Particles may be missing from any frame, and have any number, in batches of any size."""
    folder = tmp_path_factory.mktemp("any")
    sizes = data.draw(st.lists(st.none() | st.integers(0, 6), min_size=1, max_size=30))
    frames = [{"time": float(n)} if s is None else frame(n, s) for n, s in enumerate(sizes)]
    settings = config(
        performance={"buffer_size": data.draw(st.integers(1, 12))},
        hdf5_options={"chunking": data.draw(st.sampled_from([True, 1, 4]))},
    )
    write(folder, frames, settings, ragged=True)
    there = [n for n, size in enumerate(sizes) if size is not None]
    with TrajectoryReader(folder) as npy, TrajectoryReader(folder / "trajectories.h5") as hdf5:
        for trajectory in (npy[ID], hdf5[ID]):
            assert trajectory.n_frames == len(frames)
            for number, wanted in enumerate(frames):
                found = trajectory.frame(number)
                assert set(found) == set(wanted)
                assert all(np.array_equal(found[name], wanted[name]) for name in wanted)
            if there:
                field = trajectory["particles/charge"]
                numbers = np.arange(len(field)) if field.frames is None else field.frames
                assert numbers.tolist() == there
                step = data.draw(st.integers(1, 5))
                kept = [n for n in there if n % step == 0]
                lengths = field.read(step=step).lengths
                assert lengths.tolist() == [sizes[n] for n in kept]
        found = TrajectoryValidator().compare(npy[ID], hdf5[ID])
    assert found.ok, found.to_text()
    assert all(each.identical for each in found.fields)


def test_precision_is_for_coordinates(tmp_path):
    write(tmp_path, FRAMES, config(hdf5_options={"precision": 0.01}), ragged=True)
    with TrajectoryReader(tmp_path / "trajectories.h5") as reader:
        field = reader[ID]["coordinates/unwrapped"]
        assert field.precision == 0.01
        wanted = np.concatenate([f["coordinates/unwrapped"] for f in FRAMES])
        apart = np.abs(field.read().values - wanted).max()
        assert 1e-4 < apart <= 0.01
        tensors = np.concatenate([f["particles/tensor"] for f in FRAMES])
        assert np.array_equal(reader[ID]["particles/tensor"].read().values, tensors)
    found = TrajectoryValidator().validate_trajectory(tmp_path, tmp_path / "trajectories.h5", ID)
    assert found.ok
    exact = {each.field: each.identical for each in found.fields}
    assert exact == dict.fromkeys(FRAMES[0], True) | {"coordinates/unwrapped": False}


@pytest.mark.parametrize(
    ("wrong", "what"),
    [
        ({"coordinates/unwrapped": np.ones((2, 3))}, "but not particles/charge"),
        ({"particles/charge": np.ones(2, "i1")}, "but not coordinates/unwrapped"),
        ({**FRAMES[0], "particles/charge": np.ones(2, "i1")}, "different numbers of particles"),
        ({**FRAMES[0], "coordinates/unwrapped": np.ones((3, 2))}, "its shape"),
        ({**FRAMES[0], "particles/charge": 1}, "its shape"),
        ({**FRAMES[0], "particles/mass": np.ones(3)}, "is new"),
        ({**FRAMES[0], "particles": np.ones(3)}, "in use already"),
    ],
)
def test_wrong_frames_change_nothing(tmp_path, wrong, what):
    with TrajectoryWriterManager(config(), ragged=True) as manager:
        manager.initialize_writers(tmp_path, ID)
        manager.write_frame(ID, FRAMES[0])
        with pytest.raises(SchemaError, match=what):
            manager.write_frame(ID, wrong)
        manager.write_frame(ID, FRAMES[2])
        assert manager.finalize_trajectory(ID) == 2
        assert manager.validate_formats().ok
    with TrajectoryReader(tmp_path) as reader:
        assert reader[ID]["particles/charge"].read().lengths.tolist() == [3, 5]


def test_particles_take_ragged_true(tmp_path):
    with TrajectoryWriterManager(config()) as manager:
        manager.initialize_writers(tmp_path, ID)
        with pytest.raises(SchemaError, match="in use already"):
            manager.write_frame(ID, {"particles/charge": np.ones(3)})
        manager.write_frame(ID, {"time": 0.0})


def test_frames_together(tmp_path):
    with HDF5TrajectoryWriter(tmp_path / "a.h5", ragged=True) as writer:
        writer.create_trajectory_datasets(ID)
        writer.append_frames(ID, {n: [f[n] for f in FRAMES[:7]] for n in FRAMES[0]})
        for one in FRAMES[7:]:
            writer.append_frame(ID, one)
    with TrajectoryReader(tmp_path / "a.h5") as reader:
        for name in FIELDS:
            found = [row.tolist() for row in reader[ID][name].read()]
            assert found == [one[name].tolist() for one in FRAMES]


def test_one_side_varies(tmp_path):
    write(tmp_path / "a", [frame(n, 3, charges=False) for n in range(4)], config("npy"))
    write(
        tmp_path / "b", [frame(n, 3, charges=False) for n in range(4)], config("hdf5"), ragged=True
    )
    found = TrajectoryValidator().validate_trajectory(
        tmp_path / "a", tmp_path / "b" / "trajectories.h5", ID
    )
    assert not found.ok
    assert {each.field: each.match for each in found.fields} == {
        "coordinates/unwrapped": False,
        "time": True,
    }
    assert "one side only" in found.fields[0].reason
