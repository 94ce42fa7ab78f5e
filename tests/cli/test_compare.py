"""`raggedh5 compare`: exit status, text and JSON."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from raggedh5.cli.main import cli
from raggedh5.formats.trajectory import HDF5TrajectoryWriter, TrajectoryReader
from walks import written, written_ragged


def run(*words: object) -> Result:
    return CliRunner().invoke(cli, ["compare", *map(str, words)], catch_exceptions=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    written(tmp_path, "traj_001", "traj_002")
    return tmp_path


def change(folder: Path, traj: str, stem: str, frame: int, value: float) -> None:
    values = np.load(folder / traj / f"{stem}.npy", mmap_mode="r+")
    values.reshape(len(values), -1)[frame, -1] = value
    values.flush()


def test_the_same(folder: Path) -> None:
    result = run(folder, folder / "trajectories.h5")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0] == "traj_001: the same; npy 60 frames, hdf5 60 frames"
    assert "  energy: identical, 12 rows" in lines
    assert sum("mean-square displacement" in line for line in lines) == 8
    assert any(line.startswith("traj_002: the same") for line in lines)


def test_one_trajectory_by_either_folder(folder: Path) -> None:
    for place in (folder, folder / "traj2"):
        result = run(
            place, folder / "trajectories.h5", "--trajectory", "traj_002", "--no-statistics"
        )
        assert result.exit_code == 0
        assert len(result.stdout.splitlines()) == 5


def test_a_difference_is_found_where_it_is(folder: Path) -> None:
    with TrajectoryReader(folder / "trajectories.h5") as reader:
        value = float(reader["traj_002"]["coordinates/wrapped"][17, -1])
    change(folder, "traj2", "wrapped_traj", 17, value + 1e-6)
    assert run(folder, folder / "trajectories.h5", "--trajectory", "traj_001").exit_code == 0
    result = run(folder, folder / "trajectories.h5", "--json")
    assert result.exit_code == 1
    found = json.loads(result.stdout)
    assert not found["ok"]
    fields = {each["field"]: each for each in found["trajectories"][1]["fields"]}
    wrapped = fields.pop("coordinates/wrapped")
    assert (wrapped["frame"], wrapped["component"]) == (17, 11)
    assert wrapped["largest_difference"] == pytest.approx(1e-6, rel=1e-6)
    assert all(each["match"] for each in fields.values())
    result = run(folder, folder / "trajectories.h5", "--tolerance", "1e-5")
    assert result.exit_code == 0
    assert "equal within 1e-05" in result.stdout


def test_a_field_of_one_side_and_nan(folder: Path) -> None:
    change(folder, "traj1", "time_data", 3, np.nan)
    np.save(folder / "traj1" / "charge.npy", np.zeros(60))
    record = json.loads((folder / "traj1" / "trajectory.json").read_text())
    record["fields"]["charge"] = {"file": "charge.npy", "units": None}
    (folder / "traj1" / "trajectory.json").write_text(json.dumps(record))
    result = run(folder, folder / "trajectories.h5", "--json")
    assert result.exit_code == 1
    fields = {
        each["field"]: each for each in json.loads(result.stdout)["trajectories"][0]["fields"]
    }
    assert fields["charge"]["rows"] == [60, None]
    assert fields["time"]["largest_difference"] is None
    assert fields["time"]["frame"] == 3
    assert "DIFFERS" in run(folder, folder / "trajectories.h5").stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["{0}", "{0}/none.h5"], "none.h5"),
        (["{0}/none", "{0}/trajectories.h5"], "none"),
        (["{0}", "{0}/trajectories.h5", "--trajectory", "traj_009"], "traj_009"),
        (["{0}", "{0}/trajectories.h5", "--tolerance", "nan"], "--tolerance"),
        (["{0}", "{0}/trajectories.h5", "--tolerance", "-1"], "--tolerance"),
        (["{0}", "{0}/traj1/time_data.npy"], "time_data.npy"),
        (["{0}", "{0}/../{0.name}"], "are the same"),
    ],
)
def test_errors(folder: Path, words: list[str], said: str) -> None:
    result = run(*(word.format(folder) for word in words))
    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1
    assert said in result.stderr


def test_a_trajectory_that_one_side_lacks(folder: Path) -> None:
    with HDF5TrajectoryWriter(folder / "other.h5") as writer:
        writer.create_trajectory_datasets("traj_001")
        writer.append_frame("traj_001", {"time": 0.0})
    result = run(folder, folder / "other.h5")
    assert result.exit_code == 1
    assert "traj_002: not compared: only the NumPy files have it" in result.stdout


def test_a_varying_number_of_particles_is_not_a_fixed_one(folder: Path) -> None:
    written_ragged(folder / "ragged.h5")
    result = run(folder, folder / "ragged.h5", "--trajectory", "traj_001")
    assert result.exit_code == 1
    assert "the number of particles varies on one side only" in result.stdout
