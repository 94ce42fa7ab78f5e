"""`raggedh5 repair`: text, JSON and exit status."""

import json

import h5py
import numpy as np
import pytest
from click.testing import CliRunner

import raggedh5 as rh5
from raggedh5.cli.main import cli


def run(*words):
    return CliRunner().invoke(cli, ["repair", *map(str, words)])


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "x.h5"
    with rh5.File(path, "w", chunk_bytes=64) as file:
        table = file.create_table("atoms")
        table.append({"x": np.arange(120, dtype="f4").reshape(30, 4)}, lengths=np.arange(30) % 5)
        file.create_array("a", data=np.arange(100.0))
    with h5py.File(path, "r+") as file:
        file["atoms/x-data"][17] = -1
        file["a"][20] = -1
    return path


def test_to_another_file(path, tmp_path):
    before = path.read_bytes()
    done = run(path, tmp_path / "new.h5")
    assert done.exit_code == 0, done.stderr
    assert "/atoms: 23 of 30 rows kept; lost are" in done.stdout
    assert "/a: the fill value is in rows 16:24" in done.stdout
    assert "new.h5 was written" in done.stdout
    assert path.read_bytes() == before
    with rh5.File(tmp_path / "new.h5") as file:
        assert len(file["atoms"]) == 23
    refused = run(path, tmp_path / "new.h5")
    assert refused.exit_code == 2
    assert "exists already" in refused.stderr
    assert run(path, tmp_path / "new.h5", "--overwrite").exit_code == 0


def test_in_place(path):
    before = path.read_bytes()
    done = run(path, "--json")
    assert done.exit_code == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["backup"] == f"{path}.backup"
    assert found["complete"] is False
    assert found["tables"][0]["kept"] == 23
    assert found["arrays"][0]["filled"] == [[16, 24]]
    assert path.with_name("x.h5.backup").read_bytes() == before
    again = run(path)
    assert "nothing was lost" in again.stdout
    assert "x.h5.backup.2" in again.stdout


def test_nothing_to_be_saved(tmp_path):
    path = tmp_path / "x.h5"
    path.write_text("words")
    done = run(path)
    assert done.exit_code == 2
    assert "cannot be opened as HDF5" in done.stderr
    assert [p.name for p in tmp_path.iterdir()] == ["x.h5"]
    assert run(tmp_path / "gone.h5").exit_code == 2
