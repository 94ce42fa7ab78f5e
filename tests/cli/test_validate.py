"""`raggedh5 validate`: text, JSON and exit status."""

import json

import h5py
import numpy as np
import pytest
from click.testing import CliRunner

import raggedh5 as rh5
from raggedh5.cli.main import cli


def run(*words):
    return CliRunner().invoke(cli, ["validate", *map(str, words)])


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "x.h5"
    with rh5.File(path, "w") as file:
        file.create_table("atoms").append({"x": np.ones((3, 4), "f4")}, lengths=[1, 4, 0])
        file.create_array("a", data=np.array([1.0, np.nan]))
    return path


def test_valid(path):
    done = run(path)
    assert done.exit_code == 0
    assert "1 table (3 rows, 5 items, 1 column), 1 array, 3 chunks" in done.stdout
    assert "is valid: 0 errors, 0 warnings" in done.stdout


def test_not_valid(path):
    with h5py.File(path, "r+") as file:
        file["atoms/x-data"][2] = 7
    done = run(path)
    assert done.exit_code == 1
    assert "error: /atoms/x-data: chunk 0" in done.stdout
    assert "is not valid: 1 error, 0 warnings" in done.stdout
    assert done.stderr == ""
    without = run(path, "--no-checksums", "--json")
    assert without.exit_code == 0
    assert json.loads(without.stdout)["valid"] is True


def test_json(path):
    done = run(path, "--finite", "--json")
    assert done.exit_code == 1
    found = json.loads(done.stdout)
    assert found.keys() == {"path", "valid", "errors", "warnings", "counts", "file_bytes"}
    (error,) = found["errors"]
    assert (error["path"], error["kind"], error["row"]) == ("/a", "finite", 1)
    assert found["counts"]["rows"] == 3
    assert found["file_bytes"] == path.stat().st_size


def test_what_is_no_hdf5_file(tmp_path):
    path = tmp_path / "x.h5"
    path.write_text("words")
    done = run(path)
    assert done.exit_code == 1
    assert "cannot be opened as HDF5" in done.stdout


def test_usage(tmp_path):
    done = run(tmp_path / "gone.h5")
    assert done.exit_code == 2
    assert "gone.h5 does not exist" in done.stderr
    assert done.stdout == ""
    assert run().exit_code == 2
