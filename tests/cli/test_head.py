"""`raggedh5 head`: the first rows of tables and arrays."""

from pathlib import Path

import h5py
import numpy as np
import pytest
from click.testing import CliRunner

import raggedh5 as rh5
from raggedh5.cli.main import cli


def head(*words: object) -> list[str]:
    result = CliRunner().invoke(cli, ["head", *map(str, words)], catch_exceptions=False)
    assert result.exit_code == 0, result.stderr
    return result.stdout.splitlines()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "x.h5"
    with rh5.File(path, "w") as file:
        table = file.create_table("atoms")
        symbols = [["O", "H", "H"], ["[red]C[/]", "\x1b[2J"], []]
        table.append({"x": np.arange(9).reshape(3, 3), "symbol": symbols}, lengths=[3, 2, 0])
        peaks = file.create_table("peaks", {"mz": rh5.Column("f4", nested=True)})
        peaks.append({"mz": np.full((2, 2, 2), 0.5)}, mask=np.array([[[1, 1], [1, 0]]] * 2, bool))
        rows = file.create_table("rows", ragged=False)
        rows.append({"id": ["a", "b"], "e": np.ma.array([1.0, 2.0], mask=[False, True])})
        file.create_table("nothing")
        file.create_array("long", data=np.arange(2000.0).reshape(20, 100) / 3)
    with h5py.File(path, "a") as stock:
        stock["scalar"] = 1.5
        stock["words"] = ["a", "b\x07c"]
        stock["pairs"] = np.zeros(3, "i4,f8")
        stock.create_group("group")
    return path


def test_ragged_table(path: Path) -> None:
    lines = head(path, "atoms", "-n", "2")
    assert lines[0].split() == ["row", "items", "x", "symbol"]
    assert lines[2].split() == ["0", "3", "0", "1", "2", "O", "H", "H"]
    assert lines[3].split() == ["1", "2", "3", "4", "[red]C[/]", "\\x1b[2J"]
    assert lines[-1] == "2 of 3 rows"
    assert head(path, "atoms")[4].split() == ["2", "0"]


def test_columns(path: Path) -> None:
    assert head(path, "atoms", "--columns", "symbol, x")[0].split() == [
        "row",
        "items",
        "symbol",
        "x",
    ]


def test_other_tables(path: Path) -> None:
    assert head(path, "peaks")[2].split() == ["0", "2", "[0.5", "0.5]", "[0.5]"]
    lines = head(path, "rows")
    assert lines[2].split() == ["0", "1", "a"] or lines[2].split() == ["0", "a", "1"]
    assert "--" in lines[3]
    assert head(path, "nothing")[-1] == "0 of 0 rows"


def test_arrays(path: Path) -> None:
    lines = head(path, "/long", "-n", "3")
    assert lines[2].split() == ["0", "0", "0.333333", "0.666667", "...", "32.3333", "32.6667", "33"]
    assert lines[-1] == "3 of 20 rows; float64 of (20, 100)"
    assert head(path, "scalar") == ["1.5"]
    assert head(path, "words")[3].split() == ["1", "b\\x07c"]
    assert head(path, "pairs")[2].split()[:2] == ["0", "(0,"]


@pytest.mark.parametrize("link", [h5py.SoftLink("/nowhere"), h5py.ExternalLink("no.h5", "/x")])
def test_links_that_lead_nowhere(path: Path, link: object) -> None:
    with h5py.File(path, "a") as stock:
        stock["link"] = link
    result = CliRunner().invoke(cli, ["head", str(path), "link"])
    assert result.exit_code == 2
    assert f"{path}: 'link' " in result.stderr


@pytest.mark.parametrize("name", ["group", "/", "", "__raggedh5__"])
def test_groups_have_no_rows(path: Path, name: str) -> None:
    result = CliRunner().invoke(cli, ["head", str(path), name])
    assert result.exit_code == 2
    assert "the file has 'atoms'" in result.stderr
