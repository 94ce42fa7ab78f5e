"""The layout in HDF5, as h5py sees it without raggedh5."""

from datetime import datetime

import h5py
import numpy as np
import pytest

import raggedh5 as rh5
from raggedh5.care import validate
from raggedh5.errors import ClosedError
from raggedh5.formats.trajectory import (
    HDF5Options,
    HDF5TrajectoryWriter,
    TrajectoryReader,
    TrajectoryWriterManager,
)
from trajectories import ID, columns, config, six, write

FRAMES = [six(number) for number in range(21)]
METADATA = {
    "program": "kmc",
    "program_version": "2.1",
    "lattice_matrix": np.diag([10.0, 11.0, 12.0]),
    "pbc": [True, True, False],
    "system_size": [2, 2, 1],
    "temperature": 300.0,
    "species_count": [2, 1],
    "time_interval": 0.25,
    "t_final": 5.0,
    "n_traj": 1,
    "random_seed": 7,
}
UNITS = {
    "coordinates/unwrapped": "bohr",
    "coordinates/wrapped": "bohr",
    "time": "s",
    "energy": "hartree",
    "delg_0": None,
    "potential": None,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("layout")
    write(folder, FRAMES, config("hdf5"), METADATA)
    return folder


@pytest.fixture
def file(folder):
    with h5py.File(folder / "trajectories.h5") as file:
        yield file


def test_groups(file):
    assert set(file) == {"metadata", "trajectories", "__raggedh5__"}
    assert set(file["metadata"]) == {"simulation_info", "simulation_params", "system_info"}
    assert set(file["trajectories"]) == {ID}
    group = file["trajectories"][ID]
    assert set(group) == {"coordinates", "time", "energy", "delg_0", "potential", "metadata"}
    assert set(group["coordinates"]) == {"unwrapped", "wrapped"}


def test_metadata(file):
    info = file["metadata/simulation_info"].attrs
    assert info["version"] == rh5.__version__
    assert datetime.fromisoformat(info["created_on"]).tzinfo is not None
    assert (info["program"], info["program_version"]) == ("kmc", "2.1")
    assert info["format_version"] == "hdf5_v1"
    system = file["metadata/system_info"]
    assert system["lattice_matrix"].dtype == np.float64
    assert system["lattice_matrix"][()].tolist() == np.diag([10.0, 11, 12]).tolist()
    assert (system["pbc"].shape, system["system_size"].shape) == ((3,), (3,))
    assert system["pbc"][()].tolist() == [True, True, False]
    assert system["system_size"][()].tolist() == [2, 2, 1]
    assert system.attrs["temperature"] == 300.0
    species = system["species_info"]
    assert species["species_count"][()].tolist() == [2, 1]
    assert species.attrs["total_species"] == 3
    parameters = dict(file["metadata/simulation_params"].attrs)
    assert parameters == {"time_interval": 0.25, "t_final": 5.0, "n_traj": 1, "random_seed": 7}


def test_fields(file):
    group = file["trajectories"][ID]
    for name, (values, _) in columns(FRAMES).items():
        dataset = group[name]
        wanted = np.array(values).reshape(len(values), *dataset.shape[1:])
        assert (dataset.dtype, dataset.shape) == (np.dtype("f8"), wanted.shape)
        assert dataset.maxshape == (None, *dataset.shape[1:])
        assert dataset[()].tobytes() == wanted.tobytes()
        assert dataset.attrs.get("units") == UNITS[name]
        coordinates = name.startswith("coordinates/")
        assert dataset.attrs.get("species_layout") == ("interleaved_xyz" if coordinates else None)
        assert "precision" not in dataset.attrs
        if coordinates:
            assert dataset.shape == (21, 9)


def test_status(file):
    about = dict(file["trajectories"][ID]["metadata"].attrs)
    assert set(about) == {"status", "n_frames", "start_time", "end_time"}
    assert (about["status"], about["n_frames"]) == ("completed", 21)
    start, end = (datetime.fromisoformat(about[key]) for key in ("start_time", "end_time"))
    assert start <= end
    assert start.utcoffset() is not None


def test_files_are_valid(folder):
    report = validate(folder / "trajectories.h5", isolated=False)
    assert report.valid
    assert not report.warnings


def test_trajectories_that_were_not_completed(tmp_path):
    manager = TrajectoryWriterManager(config("hdf5"))
    manager.initialize_writers(tmp_path, ID)
    manager.write_frame(ID, FRAMES[0])
    manager.flush()
    with TrajectoryReader(tmp_path / "trajectories.h5", live=True) as reader:
        assert reader[ID].status == "running"
    manager.finalize()
    with h5py.File(tmp_path / "trajectories.h5") as file:
        about = file[f"trajectories/{ID}/metadata"].attrs
        assert (about["status"], about["n_frames"]) == ("incomplete", 1)


def test_sparse_fields_carry_their_frame_numbers(tmp_path):
    frames = [{"time": float(n)} | ({"energy": -n} if n % 4 == 1 else {}) for n in range(20)]
    write(tmp_path, frames, config("hdf5"))
    with h5py.File(tmp_path / "trajectories.h5") as file:
        group = file["trajectories"][ID]
        numbers = group["frames/energy"]
        assert group["energy"].attrs["frame_numbers"] == numbers.name
        assert numbers.attrs["field"] == group["energy"].name
        assert numbers.dtype == np.int64
        assert numbers[()].tolist() == [1, 5, 9, 13, 17]
        assert group["energy"][()].tolist() == [-1, -5, -9, -13, -17]
        assert set(group["frames"]) == {"energy"}
        assert group["metadata"].attrs["n_frames"] == 20


@pytest.mark.parametrize(
    ("value", "dtype", "shape"),
    [
        (True, "?", ()),
        (3, "i8", ()),
        (np.float32(1), "f4", ()),
        (1j, "c16", ()),
        (np.zeros((2, 3), "u2"), "u2", (2, 3)),
        (np.zeros(0), "f8", (0,)),
        (np.zeros((0, 1000)), "f8", (0, 1000)),
        (np.zeros((1,) * 8, ">i4"), "i4", (1,) * 8),
    ],
)
def test_other_fields_keep_their_dtype(tmp_path, value, dtype, shape):
    write(tmp_path, [{"group/new": value}] * 10, config("hdf5"))
    with h5py.File(tmp_path / "trajectories.h5") as file:
        dataset = file[f"trajectories/{ID}/group/new"]
        assert (dataset.dtype, dataset.shape) == (np.dtype(dtype), (10, *shape))
        assert (dataset[()] == value).all()
        assert "units" not in dataset.attrs


@pytest.mark.parametrize("value", [1, np.float32(0.5), np.int8(3), [2]])
def test_standard_fields_are_float64(tmp_path, value):
    write(tmp_path, [{"time": value, "coordinates/wrapped": [1, 2, 3]}], config("hdf5"))
    with h5py.File(tmp_path / "trajectories.h5") as file:
        group = file["trajectories"][ID]
        assert group["time"].dtype == group["coordinates/wrapped"].dtype == np.float64


@pytest.mark.parametrize("compression", ["blosc-lz4", "blosc-zstd", "gzip", "lzf", "lz4", "none"])
def test_compression(tmp_path, compression):
    settings = config("hdf5", hdf5_options={"compression": compression})
    write(tmp_path, FRAMES, settings)
    with h5py.File(tmp_path / "trajectories.h5") as file:
        dataset = file[f"trajectories/{ID}/coordinates/wrapped"]
        filters = dataset._filters
        usual = {"gzip": "gzip", "lzf": "lzf"}
        if compression in usual:
            assert dataset.compression == usual[compression]
        else:
            ids = {"blosc-lz4": {"32001"}, "blosc-zstd": {"32001"}, "lz4": {"32004"}, "none": set()}
            assert set(filters) - {"shuffle"} == ids[compression]
        wanted = [frame["coordinates/wrapped"].ravel() for frame in FRAMES]
        assert np.array_equal(dataset[()], wanted)


def test_chunks_of_so_many_frames(tmp_path):
    write(tmp_path, FRAMES, config("hdf5", hdf5_options={"chunking": 4}))
    with h5py.File(tmp_path / "trajectories.h5") as file:
        assert file[f"trajectories/{ID}/coordinates/wrapped"].chunks == (4, 9)
        assert file[f"trajectories/{ID}/time"].chunks == (4,)


def test_precision(tmp_path):
    write(tmp_path, FRAMES, config("hdf5", hdf5_options={"precision": 1e-4}))
    with h5py.File(tmp_path / "trajectories.h5") as file:
        group = file["trajectories"][ID]
        for name, (values, _) in columns(FRAMES).items():
            wanted = np.array(values).reshape(group[name].shape)
            apart = np.abs(group[name][()] - wanted).max()
            if name.startswith("coordinates/"):
                assert group[name].attrs["precision"] == 1e-4
                assert 1e-5 < apart <= 1e-4
            else:
                assert "precision" not in group[name].attrs
                assert apart == 0


def test_a_file_each_and_a_virtual_one(tmp_path):
    settings = config("hdf5", hdf5_options={"single_file": False})
    with TrajectoryWriterManager(settings, METADATA) as manager:
        for seed, traj_id in enumerate(("traj_001", "run b")):
            manager.initialize_writers(tmp_path, traj_id)
            for number in range(5):
                manager.write_frame(traj_id, six(number, seed=seed))
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {
        "trajectories.traj_001.h5",
        "trajectories.run b.h5",
        "trajectories.h5",
    }
    for name in ("traj_001", "run b"):
        with h5py.File(tmp_path / f"trajectories.{name}.h5") as file:
            assert list(file["trajectories"]) == [name]
    with h5py.File(tmp_path / "trajectories.h5") as file:
        assert set(file["trajectories"]) == {"traj_001", "run b"}
        assert file["metadata/system_info"].attrs["temperature"] == 300.0
        for seed, name in enumerate(("traj_001", "run b")):
            dataset = file[f"trajectories/{name}/coordinates/wrapped"]
            assert dataset.is_virtual
            assert dataset.attrs["units"] == "bohr"
            wanted = [six(n, seed=seed)["coordinates/wrapped"].ravel() for n in range(5)]
            assert np.array_equal(dataset[()], wanted)


def test_the_virtual_file_keeps_what_it_had(tmp_path):
    settings = config("hdf5", hdf5_options={"single_file": False})
    for traj_id in ("traj_001", "traj_002", "traj_003"):
        write(tmp_path, FRAMES, settings, traj_id=traj_id, mode="a")
    with TrajectoryReader(tmp_path / "trajectories.h5") as reader:
        assert reader.ids == ["traj_001", "traj_002", "traj_003"]
        assert {reader[name].n_frames for name in reader} == {21}
    write(tmp_path, FRAMES[:4], settings, traj_id="traj_004")
    with TrajectoryReader(tmp_path / "trajectories.h5") as reader:
        assert reader.ids == ["traj_004"]


def test_frames_together_are_frames_one_by_one(tmp_path):
    options = HDF5Options(chunking=4)
    together = {
        name: np.array(values).reshape(len(FRAMES), *values[0].shape)
        for name, (values, _) in columns(FRAMES).items()
    }
    with HDF5TrajectoryWriter(tmp_path / "a.h5", None, options) as writer:
        writer.initialize()
        assert writer.create_trajectory_datasets(ID) == 0
        writer.append_frame(ID, FRAMES[0])
        writer.append_frames(ID, {name: values[1:9] for name, values in together.items()})
        writer.append_frame(ID, FRAMES[9])
        writer.append_frames(ID, {name: values[10:] for name, values in together.items()})
        assert writer.finalize_trajectory(ID) == 21
    with h5py.File(tmp_path / "a.h5") as file:
        for name, values in together.items():
            dataset = file[f"trajectories/{ID}/{name}"]
            assert np.array_equal(dataset[()], values.reshape(dataset.shape))


def broken(writer):
    with writer:
        writer.create_trajectory_datasets(ID)
        writer.append_frame(ID, {"time": 1.0})
        raise ZeroDivisionError


def test_an_exception_leaves_a_trajectory_incomplete(tmp_path):
    writer = HDF5TrajectoryWriter(tmp_path / "a.h5")
    with pytest.raises(ZeroDivisionError):
        broken(writer)
    with h5py.File(tmp_path / "a.h5") as file:
        assert file[f"trajectories/{ID}/metadata"].attrs["status"] == "incomplete"
        assert file[f"trajectories/{ID}/time"][()].tolist() == [1.0]
    with pytest.raises(ClosedError, match="finalized"):
        writer.append_frame(ID, {"time": 1.0})
