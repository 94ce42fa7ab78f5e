"""`raggedh5 unwrap`: options, what is said, and errors."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from raggedh5.cli.main import cli
from raggedh5.formats.trajectory import TrajectoryReader
from raggedh5.formats.trajectory.geometry.unwrapping import wrap
from walks import CELL, walk, written

MATRIX = ",".join(map(repr, CELL.ravel().tolist()))


def run(*words: object) -> Result:
    return CliRunner().invoke(cli, list(map(str, words)), catch_exceptions=False)


@pytest.fixture
def positions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> np.ndarray:
    monkeypatch.chdir(tmp_path)
    found = walk()
    np.save("input.npy", wrap(found, CELL).reshape(300, 12))
    np.save("times.npy", np.arange(300) * 1e-12)
    return found


def test_one_hdf5_file(positions: np.ndarray) -> None:
    result = run(
        *("unwrap", "input.npy", "--output-format", "hdf5", "--output", "output.h5"),
        *("--lattice", MATRIX, "--time", "times.npy", "--trajectory", "traj_012"),
    )
    assert result.exit_code == 0
    assert result.stdout.startswith("traj_012: 300 frames of 4 species, longest step ")
    assert result.stdout.endswith("written: output.h5\n")
    with TrajectoryReader("output.h5") as reader:
        found = reader["traj_012"]
        start = found["coordinates/wrapped"].read()[0]
        paths = found["coordinates/unwrapped"].read()
        assert np.allclose(paths, positions - positions[0] + start, rtol=0, atol=1e-9)
        assert (found["time"][:] == np.arange(300) * 1e-12).all()


def test_both_formats_agree(positions: np.ndarray) -> None:
    np.savetxt("cell.txt", CELL)
    words = ("unwrap", "input.npy", "--output-dir", "results/", "--lattice", "cell.txt")
    result = run(*words, "--output-format", "both")
    assert result.stdout.splitlines()[1:] == [
        "written: results/traj1",
        "written: results/trajectories.h5",
    ]
    assert run("compare", "results", "results/trajectories.h5").exit_code == 0
    assert run("validate", "results/trajectories.h5").exit_code == 0
    result = run(*words)
    assert result.exit_code == 2
    assert "--overwrite, replaces it" in result.stderr
    assert run(*words, "--overwrite").exit_code == 0


def test_numpy_files_alone(positions: np.ndarray) -> None:
    words = ("--output-format", "npy", "--output-dir", "out", "--lattice", MATRIX)
    assert run("unwrap", "input.npy", *words, "--pbc", "1,1,0").exit_code == 0
    assert [path.name for path in Path("out").iterdir()] == ["traj1"]
    wrapped = np.load("out/traj1/wrapped_traj.npy")
    unwrapped = np.load("out/traj1/unwrapped_traj.npy")
    assert wrapped.tobytes() == np.load("input.npy").tobytes()
    images = np.linalg.solve(CELL.T, (unwrapped - wrapped).reshape(-1, 3).T)
    assert np.allclose(images, np.rint(images), atol=1e-9)
    assert (np.abs(images).max(axis=1) > 0.5).tolist() == [True, True, False]


def test_a_trajectory_of_a_file(tmp_path: Path) -> None:
    written(tmp_path / "run", "traj_001", "traj_002")
    source, target = tmp_path / "run" / "trajectories.h5", tmp_path / "o.h5"
    result = run("unwrap", source, "--output", target, "--trajectory", "traj_002", "--json")
    found = json.loads(result.stdout)
    assert [each["trajectory"] for each in found["trajectories"]] == ["traj_002"]
    assert found["targets"] == [str(target)]
    with TrajectoryReader(target) as reader:
        assert reader.ids == ["traj_002"]
        assert len(reader["traj_002"]["energy"]) == 12


def test_steps_that_may_have_gone_the_other_way(tmp_path: Path) -> None:
    np.save(tmp_path / "in.npy", np.array([[[0.0, 0, 0]], [[4.8, 0, 0]]]))
    words = ("unwrap", tmp_path / "in.npy", "--output")
    assert "may have been taken" in run(*words, tmp_path / "a.h5", "--lattice", "10 10 10").stdout
    assert "may have" not in run(*words, tmp_path / "b.h5", "--lattice", "20 20 20").stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["input.npy"], "either --output FILE or --output-dir DIR"),
        (["input.npy", "--output", "o.h5", "--output-dir", "o"], "either --output"),
        (["input.npy", "--output", "o.h5", "--output-format", "both"], "--output-dir"),
        (["input.npy", "--output", "o.h5"], "does not say what the lattice is"),
        (["input.npy", "--output", "o.h5", "--lattice", "1,2"], "nine numbers"),
        (["input.npy", "--output", "o.h5", "--lattice", "1 0 0 2 0 0 0 0 1"], "lattice"),
        (["input.npy", "--output", "o.h5", "--lattice", "1,2,0"], "lattice"),
        (["input.npy", "--output", "o.h5", "--lattice", "none.npy"], "none.npy does not exist"),
        (["input.npy", "--output", "o.h5", "--lattice", "9,9,9", "--pbc", "1,2"], "write 1,1,0"),
        (["input.npy", "--output", "o.h5", "--lattice", "9,9,9", "--pbc", "0"], "periodic"),
        (["input.npy", "--output", "o.h5", "--lattice", "9,9,9", "--time", "in.npy"], "in.npy"),
        (["none.npy", "--output", "o.h5", "--lattice", "9,9,9"], "none.npy"),
        (["input.npy", "--output", "no/o.h5", "--lattice", "9,9,9"], "no is no folder"),
        (["input.npy", "--output", ".", "--lattice", "9,9,9"], "is a folder"),
        (["input.npy", "--output-dir", "times.npy", "--lattice", "9,9,9"], "times.npy"),
        (["input.npy", "--output", "input.npy", "--lattice", "9,9,9"], "input.npy"),
        (["times.npy", "--output", "o.h5", "--lattice", "9,9,9"], "times.npy: positions are"),
    ],
)
def test_errors(positions: np.ndarray, words: list[str], said: str) -> None:
    result = run("unwrap", *words)
    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1
    assert said in result.stderr
    assert sorted(path.name for path in Path().iterdir()) == ["input.npy", "times.npy"]
