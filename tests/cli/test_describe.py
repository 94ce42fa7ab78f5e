"""`raggedh5 describe`: for people, as JSON, and as a picture."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

import raggedh5 as rh5
from raggedh5.cli.main import cli

MOLECULES = Path(__file__).parents[2] / "examples" / "molecules.npz"


def run(*words: object) -> Result:
    return CliRunner().invoke(cli, [str(word) for word in words], catch_exceptions=False)


@pytest.fixture(scope="module")
def molecules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("molecules") / "molecules.h5"
    assert run("pack", MOLECULES, path).exit_code == 0
    return path


def test_json_of_real_molecules(molecules: Path) -> None:
    result = run("describe", molecules, "--json")
    assert result.exit_code == 0
    found = json.loads(result.stdout)
    assert found["format"] == 1
    atoms, bonds, rows = found["tables"]
    with np.load(MOLECULES) as given:
        mask = given["atoms_mask"]
        coords = given["atoms/coords"][mask]
        symbols, counts = np.unique(given["atoms/symbol"][mask], return_counts=True)
        lengths = given["bonds_lengths"]
    assert atoms["lengths"]["total"] == mask.sum()
    assert atoms["lengths"]["median"] == np.median(mask.sum(axis=1))
    assert bonds["lengths"]["max"] == lengths.max()
    assert rows["lengths"] is None
    columns = {column["name"]: column["values"] for column in atoms["columns"]}
    assert columns["coords"]["mean"] == pytest.approx(coords.mean(dtype="f8"), rel=1e-12)
    means = [part["mean"] for part in columns["coords"]["components"]]
    assert means == pytest.approx(coords.mean(axis=0, dtype="f8"), rel=1e-12)
    assert columns["symbol"]["distinct"] == len(symbols)
    frequent = {entry["value"]: entry["count"] for entry in columns["symbol"]["frequent"]}
    assert frequent["H"] == counts[symbols == "H"][0]


def test_for_people(molecules: Path) -> None:
    result = run("describe", molecules, "--table", "atoms", "--columns", "coords,symbol")
    lines = result.stdout.splitlines()
    assert lines[0].endswith("1 table, 0 arrays")
    assert lines[2] == "atoms: 320 rows, 15,149 items"
    assert any(line.split()[:3] == ["coords", "float32", "(3,)"] for line in lines)
    assert any(line.startswith("symbol") and "17 distinct" in line for line in lines)
    bars = [line for line in lines if "█" in line]
    assert max(len(line) for line in bars) < 80
    assert not any(line.startswith("charge") for line in lines)


def test_odd_contents(tmp_path: Path) -> None:
    path = tmp_path / "x.h5"
    with rh5.File(path, "w") as file:
        table = file.create_table("a", {"x\x1b": "f8", "s": rh5.Column("str", nullable=True)})
        table.append({"x\x1b": [[np.nan, np.inf]], "s": [["\x1b[2J", None]]})
        file.create_table("nothing")
        file.create_array("z", data=np.zeros((2, 2), "c8"))
    text = run("describe", path).stdout
    assert "\x1b" not in text
    assert "1 NaN, 1 infinite" in text
    found = json.loads(run("describe", path, "--json").stdout)
    assert found["tables"][0]["columns"][0]["values"]["mean"] is None


def test_plot(molecules: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    target = tmp_path / "plot.png"
    assert run("describe", molecules, "--plot", target).exit_code == 0
    assert target.read_bytes().startswith(b"\x89PNG")
    result = run("describe", molecules, "--plot", target)
    assert result.exit_code == 2
    assert "--overwrite, replaces it" in result.stderr
    assert run("describe", molecules, "--plot", target, "--overwrite").exit_code == 0


def test_plot_without_matplotlib(
    molecules: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    result = run("describe", molecules, "--plot", tmp_path / "plot.png")
    assert result.exit_code == 2
    assert "pip install 'raggedh5[plot]'" in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--table", "none"], "no table or array 'none'"),
        (["--columns", "none"], "column 'none'"),
        (["--bins", "0"], "--bins"),
    ],
)
def test_errors(molecules: Path, words: list[str], said: str) -> None:
    result = run("describe", molecules, *words)
    assert result.exit_code == 2
    assert said in result.stderr


def test_no_such_file(tmp_path: Path) -> None:
    result = run("describe", tmp_path / "none.h5")
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert run("describe", tmp_path).exit_code == 2
