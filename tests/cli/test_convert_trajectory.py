"""`raggedh5 convert trajectory`: what it writes, prints and refuses."""

import json
from pathlib import Path

import h5py
import numpy as np
import pytest
from click.testing import CliRunner, Result

import runs
from raggedh5.cli.main import cli
from raggedh5.formats.trajectory import TrajectoryReader
from raggedh5.formats.trajectory.checking.validator import TrajectoryValidator
from raggedh5.formats.trajectory.exchange.units import ATOMIC_TIME_IN_S


def run(*words: object) -> Result:
    command = ["convert", "trajectory", *map(str, words)]
    return CliRunner().invoke(cli, command, catch_exceptions=False)


def works(*words: object) -> str:
    done = run(*words)
    assert done.exit_code == 0, done.stderr
    return done.stdout


def fails(*words: object) -> str:
    done = run(*words)
    assert done.exit_code == 2, done.stdout
    assert done.stdout == ""
    return done.stderr


def test_arrays_to_hdf5_and_back(tmp_path: Path) -> None:
    target = tmp_path / "bvo.h5"
    words = ("--time", runs.TIMES, "--species", 1, "--time-unit", "au")
    text = works(runs.POSITIONS, target, *words)
    assert "traj_001 500 frames" in text
    assert "time without frame numbers, kept as events" in text
    assert "coordinates/unwrapped: identical, 500 rows" in text
    assert fails(runs.POSITIONS, target).startswith(f"raggedh5: {target} exists already")
    report = json.loads(works(target, tmp_path / "out", "--json"))
    assert report["ok"]
    assert (report["to"], report["events"]) == ("npy", {"traj_001": ["time"]})
    folder = tmp_path / "out" / "traj1"
    assert np.array_equal(np.load(folder / "unwrapped_traj.npy"), np.load(runs.POSITIONS))
    times = np.load(runs.TIMES) * ATOMIC_TIME_IN_S
    assert np.array_equal(np.load(folder / "time_data.npy"), times)


def test_fields_with_their_frames(tmp_path: Path) -> None:
    paths = {name: tmp_path / f"{name}.npy" for name in ("x", "e", "n", "t")}
    np.save(paths["x"], np.zeros((9, 2, 3)))
    np.save(paths["e"], np.arange(3.0))
    np.save(paths["n"], np.array([2, 4, 6]))
    np.save(paths["t"], np.arange(3.0))
    metadata = tmp_path / "about.json"
    metadata.write_text(json.dumps({"temperature": 300, "lattice_matrix": runs.LATTICE}))
    words = ["--time", paths["t"], "--time-frames", paths["n"], "--trajectory", "traj_003"]
    words += ["--field", f"energy={paths['e']}", "--frames", f"energy={paths['n']}"]
    words += ["--metadata", metadata, "--elements", "Bi*2", "--codec", "zstd", "--level", 3]
    works(paths["x"], tmp_path / "x.h5", *words)
    with TrajectoryReader(tmp_path / "x.h5") as reader:
        trajectory = reader["traj_003"]
        assert trajectory["time"].frames.tolist() == [2, 4, 6]
        assert trajectory["energy"].frames.tolist() == [2, 4, 6]
        assert reader.metadata.temperature == 300
        assert reader.metadata.pbc.all()
        assert list(reader.metadata.parameters["elements"]) == ["Bi", "Bi"]
    works(tmp_path / "x.h5", tmp_path / "x.h5md")
    with h5py.File(tmp_path / "x.h5md") as file:
        assert file["particles/trajectory/species"][:].tolist() == [83, 83]


@pytest.mark.parametrize(("codec", "filters"), [("none", None), ("gzip", "gzip"), ("lzf", "lzf")])
def test_codecs(tmp_path: Path, codec: str, filters: str | None) -> None:
    for name, dataset in (
        ("a.h5", "trajectories/traj_001/coordinates/unwrapped"),
        ("a.h5md", "particles/trajectory/position/value"),
    ):
        works(runs.POSITIONS, tmp_path / name, "--codec", codec)
        with h5py.File(tmp_path / name) as file:
            assert file[dataset].compression == filters


def test_one_of_several_trajectories(tmp_path: Path) -> None:
    runs.write_run(tmp_path / "run.h5", ids=("traj_001", "traj_002"))
    text = fails(tmp_path / "run.h5", tmp_path / "a.h5md")
    assert "has 2 trajectories, and the target holds one" in text
    assert "--trajectory: traj_001, traj_002" in text
    works(tmp_path / "run.h5", tmp_path / "a.h5md", "--trajectory", "traj_002")
    works(tmp_path / "run.h5", tmp_path / "all")
    assert sorted(path.name for path in (tmp_path / "all").iterdir()) == ["traj1", "traj2"]
    works(tmp_path / "all" / "traj2", tmp_path / "two.h5")
    with TrajectoryReader(tmp_path / "two.h5") as reader:
        assert reader.ids == ["traj_002"]
    assert "no trajectory 'x'" in fails(tmp_path / "all", tmp_path / "b.h5", "--trajectory", "x")


def test_precision(tmp_path: Path) -> None:
    text = works(runs.POSITIONS, tmp_path / "a.h5", "--precision", 1e-3)
    assert "coordinates/unwrapped: equal within 0.001" in text
    assert "precision is for HDF5" in fails(runs.POSITIONS, tmp_path / "a", "--precision", 1e-3)


def test_a_difference_is_exit_status_1(tmp_path: Path, monkeypatch) -> None:
    compare = TrajectoryValidator.compare

    def other(self, npy, hdf5):
        return compare(self, npy, hdf5 if npy.id != "traj_001" else wrong)

    runs.write_run(tmp_path / "run.h5")
    with TrajectoryReader(tmp_path / "run.h5") as reader:
        wrong = reader["traj_001"]
        monkeypatch.setattr(TrajectoryValidator, "compare", other)
        done = run(runs.POSITIONS, tmp_path / "a.h5")
        assert done.exit_code == 1
        assert "NOT the same" in done.stdout
        works(runs.POSITIONS, tmp_path / "b.h5", "--no-check")


def test_what_is_refused(tmp_path: Path) -> None:
    bad = tmp_path / "bad.json"
    bad.write_text("[1")
    target = tmp_path / "a.h5"
    assert "not of 2" in fails(runs.POSITIONS, target, "--species", 2)
    assert "does not exist" in fails(tmp_path / "none.h5", target)
    assert "its name does not say" in fails(runs.POSITIONS, tmp_path / "a.dcd")
    assert "is not NAME=FILE.npy" in fails(runs.POSITIONS, target, "--field", "energy")
    assert "given twice" in fails(
        runs.POSITIONS, target, "--time", runs.TIMES, "--field", f"time={runs.TIMES}"
    )
    assert "is no JSON" in fails(runs.POSITIONS, target, "--metadata", bad)
    assert "give --codec, too" in fails(runs.POSITIONS, target, "--level", 3)
    assert "names of 2 elements" in fails(runs.POSITIONS, target, "--elements", "Bi*2")
    works(runs.POSITIONS, target)
    assert "is no .npy file" in fails(target, tmp_path / "b", "--species", 1)
    assert "itself" in fails(target, target, "--overwrite")
    assert not (tmp_path / "b").exists()
