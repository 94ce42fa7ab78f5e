"""`raggedh5 plot`: pictures by command, and what cannot be drawn."""

import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from raggedh5.cli.main import cli
from walks import written, written_ragged

matplotlib_image = pytest.importorskip("matplotlib.image")


def run(*words: object) -> Result:
    return CliRunner().invoke(cli, ["plot", *map(str, words)], catch_exceptions=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    written(tmp_path, "traj_001", "traj_002")
    return tmp_path


@pytest.mark.parametrize(
    "words",
    [
        ["--field", "energy"],
        ["--field", "coordinates/wrapped", "--species", "0,3", "--frames", "10:"],
        ["--msd"],
        ["--msd", "--max-lag", "7", "--species", "1"],
        ["--msd", "--from-first", "--frames", "-30:-1"],
        ["--msd", "--field", "coordinates/unwrapped"],
    ],
)
def test_pictures(folder: Path, words: list[str]) -> None:
    target = folder / "a picture.png"
    result = run(folder / "trajectories.h5", "--trajectory", "traj_002", *words, target)
    assert (result.exit_code, result.output) == (0, "")
    assert matplotlib_image.imread(target).shape == (540, 960, 4)


def test_the_only_trajectory_needs_no_name(tmp_path: Path) -> None:
    written_ragged(tmp_path / "a.h5")
    assert run(tmp_path / "a.h5", "--field", "particles/charge", tmp_path / "a.png").exit_code == 0


def test_an_existing_picture_stays_unless_overwritten(folder: Path) -> None:
    words = (folder / "traj1", "--field", "energy", folder / "a.png")
    assert run(*words).exit_code == 0
    before = (folder / "a.png").read_bytes()
    result = run(*words, "--frames", ":20")
    assert result.exit_code == 2
    assert "--overwrite, replaces it" in result.stderr
    assert (folder / "a.png").read_bytes() == before
    assert run(*words, "--frames", ":20", "--overwrite").exit_code == 0
    assert (folder / "a.png").read_bytes() != before


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "--field NAME, or --msd"),
        (["--field", "none"], "no field 'none'; it has coordinates/unwrapped"),
        (["--field", "energy", "--trajectory", "traj_009"], "no trajectory 'traj_009'"),
        (["--field", "energy", "--from-first"], "for --msd"),
        (["--field", "energy", "--max-lag", "2"], "for --msd"),
        (["--msd", "--max-lag", "2", "--from-first"], "no lag"),
        (["--msd", "--max-lag", "0"], "--max-lag"),
        (["--msd", "--field", "energy"], "energy holds no coordinates"),
        (["--msd", "--species", "9"], "4 species"),
        (["--msd", "--species", "a"], "write 0,3"),
        (["--msd", "--frames", "5"], "not A:B"),
        (["--field", "energy", "--species", "0"], "no species"),
        (["--field", "energy", "--frames", "100:"], "nothing to draw"),
    ],
)
def test_errors(folder: Path, words: list[str], said: str) -> None:
    result = run(folder / "trajectories.h5", folder / "a.png", "--trajectory", "traj_001", *words)
    assert result.exit_code == 2
    assert said in result.stderr
    assert not list(folder.glob("*.png*"))


def test_other_files(folder: Path) -> None:
    for source in (folder / "none.h5", folder / "traj1" / "energy.npy", folder / "trajectories.h5"):
        result = run(source, "--field", "energy", folder / "a.png")
        assert (result.exit_code, result.stderr.count("\n")) == (2, 1)


def test_without_matplotlib(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    result = run(folder / "traj1", "--field", "energy", folder / "a.png")
    assert result.exit_code == 2
    assert "pip install 'raggedh5[plot]'" in result.stderr
