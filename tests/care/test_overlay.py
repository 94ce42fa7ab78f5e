"""A virtual file over several files holds what they hold."""

import os

import h5py
import numpy as np
import pytest

import raggedh5 as rh5
from kinds import plain
from raggedh5.care import validate
from raggedh5.care.overlay import overlay
from raggedh5.errors import FormatError, SchemaError, WriteError
from same_files import write_everything


@pytest.fixture
def files(tmp_path):
    rng = np.random.default_rng(1)
    for name in "ab":
        with rh5.File(tmp_path / f"{name}.h5", "w") as file:
            x = file.create_array(f"{name}/x", data=rng.normal(size=(30, 4)), chunks=(7, 4))
            x.attrs["units"] = "bohr"
            file.h5.create_dataset(f"{name}/plain", data=[1, 2, 3])
            file.h5.require_group(f"{name}/about").attrs["status"] = "completed"
            file.h5.require_group("metadata").attrs["from"] = name
            file.h5.attrs["root"] = name
    return [tmp_path / "a.h5", tmp_path / "b.h5"]


def test_everything_is_seen(tmp_path, files):
    assert sorted(overlay(files, tmp_path / "o.h5")) == ["a/plain", "a/x", "b/plain", "b/x"]
    with h5py.File(tmp_path / "o.h5") as file:
        for path, name in zip(files, "ab", strict=True):
            with h5py.File(path) as part:
                assert np.array_equal(file[name]["x"][()], part[name]["x"][()])
            assert file[name]["x"].is_virtual
            assert file[name]["x"].attrs["units"] == "bohr"
            assert file[name]["plain"][()].tolist() == [1, 2, 3]
            assert file[name]["about"].attrs["status"] == "completed"
        # Of what both have, that of the first one holds.
        assert file["metadata"].attrs["from"] == "a"
        assert file.attrs["root"] == "a"
    assert validate(tmp_path / "o.h5", isolated=False).valid


def test_values_stay_where_they_are(tmp_path, files):
    with rh5.File(files[0], "a") as file:
        file.create_array("big", data=np.random.default_rng(0).random(200_000))
    overlay(files, tmp_path / "o.h5")
    assert (tmp_path / "o.h5").stat().st_size < files[0].stat().st_size / 5


def test_tables_of_every_kind(tmp_path):
    write_everything(tmp_path / "a.h5", rows=60)
    overlay([tmp_path / "a.h5"], tmp_path / "o.h5")
    with rh5.File(tmp_path / "a.h5") as one, rh5.File(tmp_path / "o.h5") as other:
        assert set(one.tables()) == set(other.tables())
        for name, table in one.tables().items():
            found = other[name].read()
            for column, values in table.read().items():
                assert plain(found[column]) == plain(values)
        for name, array in one.arrays().items():
            assert np.array_equal(other[name][:], array[:])


def test_files_may_be_moved_together(tmp_path, files):
    (tmp_path / "deep").mkdir()
    overlay([files[0]], tmp_path / "o.h5")
    with h5py.File(files[0]) as file:
        wanted = file["a/x"][()]
    for path in (files[0], tmp_path / "o.h5"):
        path.rename(tmp_path / "deep" / path.name)
    with h5py.File(tmp_path / "deep" / "o.h5") as file:
        assert np.array_equal(file["a/x"][()], wanted)


def test_files_of_other_folders(tmp_path, files):
    (tmp_path / "out").mkdir()
    overlay(files, tmp_path / "out" / "o.h5")
    with rh5.File(tmp_path / "out" / "o.h5") as file, rh5.File(files[1]) as part:
        assert np.array_equal(file["b/x"][:], part["b/x"][:])


def test_a_relative_path(tmp_path, files, monkeypatch):
    monkeypatch.chdir(tmp_path)
    overlay(["a.h5", "b.h5"], "o.h5")
    monkeypatch.chdir(os.sep)
    with rh5.File(tmp_path / "o.h5") as file:
        assert file["a/x"].shape == (30, 4)
        assert not np.array_equal(file["a/x"][:], np.zeros((30, 4)))


def test_nothing_is_replaced_unasked(tmp_path, files):
    target = tmp_path / "o.h5"
    target.write_bytes(b"mine")
    with pytest.raises(WriteError):
        overlay(files, target)
    assert target.read_bytes() == b"mine"
    overlay(files, target, overwrite=True)
    assert h5py.is_hdf5(target)
    before = files[0].read_bytes()
    with pytest.raises(WriteError):
        overlay(files, files[0], overwrite=True)
    assert files[0].read_bytes() == before


def test_a_failure_leaves_the_file_before(tmp_path, files):
    target = tmp_path / "o.h5"
    target.write_bytes(b"mine")
    (tmp_path / "bad.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + b"?" * 900)
    names = sorted(path.name for path in tmp_path.iterdir())
    with pytest.raises(FormatError):
        overlay([*files, tmp_path / "bad.h5"], target, overwrite=True)
    with pytest.raises(FileNotFoundError):
        overlay([*files, tmp_path / "no.h5"], target, overwrite=True)
    with pytest.raises(SchemaError, match="nothing to lay"):
        overlay([], target, overwrite=True)
    assert target.read_bytes() == b"mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == names
