"""`info`, `describe`, `head` and `validate` of files of trajectories."""

import json
from pathlib import Path

import h5py
import numpy as np
import pytest
from click.testing import CliRunner, Result

from raggedh5.cli.main import cli
from raggedh5.formats.trajectory import HDF5TrajectoryWriter
from walks import written, written_ragged


def run(*words: object) -> Result:
    return CliRunner().invoke(cli, list(map(str, words)), catch_exceptions=False)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    written(tmp_path, "traj_001", "traj_002")
    return tmp_path / "trajectories.h5"


def test_info(path: Path) -> None:
    result = run("info", path)
    assert result.exit_code == 0
    last = [line.split() for line in result.stdout.splitlines()[-2:]]
    assert [words[:4] for words in last] == [
        ["traj_001", "completed", "60", "4"],
        ["traj_002", "completed", "60", "4"],
    ]
    assert last[0][-2:] == ["energy", "(12)"]
    found = json.loads(run("info", path, "--json").stdout)["trajectories"]
    assert [each["name"] for each in found] == ["traj_001", "traj_002"]
    rows = {field["name"]: field["rows"] for field in found[0].pop("fields")}
    assert rows == {
        "coordinates/unwrapped": 60,
        "coordinates/wrapped": 60,
        "time": 60,
        "energy": 12,
    }
    assert found[0] == {
        "name": "traj_001",
        "status": "completed",
        "frames": 60,
        "ragged": False,
        "species": 4,
        "events": [],
    }


def test_info_of_a_varying_number_of_particles(tmp_path: Path) -> None:
    written_ragged(tmp_path / "a.h5")
    last = run("info", tmp_path / "a.h5").stdout.splitlines()[-1].split()
    assert last[:4] == ["traj_001", "completed", "40", "varies"]
    (found,) = json.loads(run("info", tmp_path / "a.h5", "--json").stdout)["trajectories"]
    assert (found["ragged"], found["species"]) == (True, None)


def test_info_of_one_that_is_running(tmp_path: Path) -> None:
    with HDF5TrajectoryWriter(tmp_path / "a.h5") as writer:
        writer.create_trajectory_datasets("t")
        writer.append_frame("t", {"time": 0.0})
        writer.finalize_trajectory("t", "incomplete")
    assert run("info", tmp_path / "a.h5").stdout.splitlines()[-1].split()[1] == "incomplete"


def test_info_of_groups_that_only_have_the_name(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        group = file["trajectories"]
        group["loose"] = np.zeros(3)
        group["dangling"] = h5py.SoftLink("/nowhere")
        group["outside"] = h5py.ExternalLink("none.h5", "/")
        group.create_dataset("words/metadata/x", data=1)
        group["words/text"] = ["a", "b"]
        group["circle/metadata"] = 1
        group["circle/again"] = group["circle"]
        del group["traj_002/time"]
        group["traj_002/time"] = "now"
    result = run("info", path)
    assert result.exit_code == 0
    assert result.stdout.splitlines()[-1].split()[0] == "traj_001"
    with h5py.File(path, "r+") as file:
        del file["trajectories"]
        file["trajectories"] = h5py.SoftLink("/nowhere")
    assert run("info", path).exit_code == 0
    with h5py.File(path, "r+") as file:
        del file["trajectories"]
        file["trajectories"] = np.arange(3)
    assert json.loads(run("info", path, "--json").stdout)["trajectories"] == []


def test_the_other_commands(path: Path, tmp_path: Path) -> None:
    written_ragged(tmp_path / "ragged.h5")
    result = run("head", path, "trajectories/traj_001/frames/energy", "-n", "2")
    assert [line.split() for line in result.stdout.splitlines()[2:4]] == [["0", "2"], ["1", "7"]]
    result = run("head", tmp_path / "ragged.h5", "trajectories/traj_001/particles", "-n", "3")
    assert result.stdout.splitlines()[-3].split() == [
        *("2", "2", "[2", "2", "2]", "[2", "2", "2]", "0.25", "1.25"),
    ]
    for file in (path, tmp_path / "ragged.h5"):
        found = json.loads(run("describe", file, "--json").stdout)
        arrays = {array["name"]: array["values"] for array in found["arrays"]}
        assert arrays["trajectories/traj_001/time"]["max"] in (29.5, 19.5)
        result = run("validate", file)
        assert result.exit_code == 0
        assert "0 errors, 0 warnings" in result.stdout
