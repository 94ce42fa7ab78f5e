"""`raggedh5 organise`: for people, and as JSON."""

import json
from pathlib import Path

import h5py
import numpy as np
import pytest
from click.testing import CliRunner, Result

import raggedh5 as rh5
from raggedh5.care import rows_by
from raggedh5.cli.main import cli


def run(*words: object) -> Result:
    return CliRunner().invoke(cli, [str(word) for word in words], catch_exceptions=False)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "crystals.h5"
    with rh5.File(path, "w") as file:
        rows = file.create_table("cells", ragged=False)
        groups = np.ma.MaskedArray([1, 14, 1], [False, False, True])
        rows.append({"group": groups, "name": ["a\x1b", "b", ""], "volume": [1.0, np.nan, 2.0]})
        atoms = file.create_table("atoms")
        atoms.append({"symbol": [["C", "H"], [], ["H", "C"]]})
        file.create_array("images", data=np.arange(3))
    return path


def test_for_people(path: Path) -> None:
    result = run("organise", path, "--by", "group")
    assert result.exit_code == 0, result.stderr
    lines = result.stdout.splitlines()
    assert lines[0] == "cells: 3 rows by group in 3 groups"
    assert [line.split() for line in lines[4:7]] == [["1", "1"], ["14", "1"], ["(missing)", "1"]]
    assert lines[-1] == f"index: /by_group in {path}"
    with h5py.File(path) as file:
        assert file["by_group/14"][()].tolist() == [1]
    result = run("organise", path, "--by", "name")
    assert "\x1b" not in result.stdout
    assert "''" in result.stdout


def test_json_and_a_sorted_copy(path: Path, tmp_path: Path) -> None:
    target = tmp_path / "sorted.h5"
    words = ["organise", path, "--by", "composition(symbol)", "--sort", target, "--json"]
    result = run(*words, "--tables", "cells,images", "--no-index")
    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout)
    assert found["groups"] == [
        {"value": "", "count": 1, "low": None, "high": None},
        {"value": "CH", "count": 2, "low": None, "high": None},
    ]
    assert found["index"] is None
    assert found["sorted_to"] == str(target)
    assert found["permuted"] == ["atoms", "cells", "images"]
    assert rh5.read(target)["images"].tolist() == [1, 0, 2]
    with h5py.File(path) as file:
        assert "by_composition" not in file
    assert rows_by(target, "composition(symbol)", "CH").tolist() == [1, 2]
    result = run(*words)
    assert result.exit_code == 2
    assert "--overwrite, replaces it" in result.stderr
    result = run("organise", path, "--by", "size", "--sort", target, "--overwrite")
    assert "in order: atoms, cells" in result.stdout
    assert "copied as they are: images" in result.stdout


def test_bins(path: Path) -> None:
    result = run("organise", path, "--by", "volume", "--bins", "0,1.5,2", "--json")
    found = json.loads(result.stdout)["groups"]
    assert [(group["value"], group["count"]) for group in found] == [
        ("[0,1.5)", 1),
        ("[1.5,2]", 1),
        ("nan", 1),
    ]
    assert run("organise", path, "--by", "volume", "--bins", "2").exit_code == 0


def test_many_groups(tmp_path: Path) -> None:
    path = tmp_path / "x.h5"
    rh5.write(path, {"rows": {"n": np.arange(30) // 2 * 2}})
    assert "smaller" not in run("organise", path, "--by", "n").stdout
    rh5.write(path, {"rows": {"n": np.maximum(np.arange(30), 3)}})
    result = run("organise", path, "--by", "n")
    assert "... and 7 smaller ones" in result.stdout
    assert any(line.split() == ["3", "4"] for line in result.stdout.splitlines())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--by", "none"], "no table has a column 'none'"),
        (["--by", "volume"], "give bins"),
        (["--by", "volume", "--bins", "x"], "write 10 or 0,5,10"),
        (["--by", "volume", "--bins", "0.5"], "no number of bins"),
        (["--by", "volume", "--bins", "0"], "1 bin or more"),
        (["--by", "volume", "--bins", "3,2,1"], "two rising edges"),
        (["--by", "group", "--no-index"], "nothing to do without --sort"),
        (["--by", "group", "--table", "none"], "no table 'none'"),
        ([], "--by"),
    ],
)
def test_errors(path: Path, words: list[str], said: str) -> None:
    result = run("organise", path, *words)
    assert result.exit_code == 2
    assert said in result.stderr


def test_files_that_are_none(path: Path, tmp_path: Path) -> None:
    for file in (tmp_path / "none.h5", tmp_path):
        result = run("organise", file, "--by", "x")
        assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    result = run("organise", path, "--by", "group", "--sort", path, "--overwrite")
    assert "itself" in result.stderr
