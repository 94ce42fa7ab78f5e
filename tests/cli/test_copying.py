"""`raggedh5 copy`, `merge` and `repack`: what they write, print and refuse."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

import raggedh5 as rh5
from raggedh5.cli.main import cli


def run(*words: object) -> Result:
    return CliRunner().invoke(cli, [str(word) for word in words], catch_exceptions=False)


def works(*words: object) -> str:
    done = run(*words)
    assert done.exit_code == 0, done.stderr
    return done.stdout


def fails(*words: object) -> str:
    done = run(*words)
    assert done.exit_code == 2, done.stdout
    assert done.stdout == ""
    return done.stderr


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "a.h5"
    symbols = [["O", "H", "H"], ["N"], []] * 20
    charges = [[0.5, 1.5, 2.5], [0.25], []] * 20
    rh5.write(path, {"atoms": {"symbol": symbols, "charge": charges}, "line": np.arange(60)})
    return path


def test_copy(path: Path, tmp_path: Path) -> None:
    target = tmp_path / "b.h5"
    text = works("copy", path, target)
    assert target.read_bytes() == path.read_bytes()
    assert ["atoms", "table", "60"] in [line.split() for line in text.splitlines()]
    assert ["line", "array", "60"] in [line.split() for line in text.splitlines()]
    assert str(target) in text
    assert fails("copy", path, target).startswith(f"raggedh5: {target} exists already")
    words = ("--table", "atoms", "--columns", "symbol", "--rows", "3:9", "--overwrite", "--json")
    report = json.loads(works("copy", path, target, *words))
    assert report["tables"] == {"atoms": 6}
    assert report["target_bytes"] == target.stat().st_size
    assert rh5.read(target)["atoms"]["symbol"].to_list() == [["O", "H", "H"], ["N"], []] * 2


def test_what_copy_refuses(path: Path, tmp_path: Path) -> None:
    target = tmp_path / "b.h5"
    assert "'nope'" in fails("copy", path, target, "--table", "nope")
    assert "write them as 0:100" in fails("copy", path, target, "--rows", "7")
    assert "names no column" in fails("copy", path, target, "--columns", ",")
    assert "itself" in fails("copy", path, path, "--overwrite")
    assert "does not exist" in fails("copy", tmp_path / "missing", target)
    assert not target.exists()


@pytest.mark.parametrize("virtual", [(), ("--virtual",)])
def test_merge(path: Path, tmp_path: Path, virtual: tuple[str, ...]) -> None:
    other = tmp_path / "other.h5"
    rh5.write(other, {"atoms": {"symbol": [["C"]], "charge": [[3.5]]}, "line": np.arange(2)})
    target = tmp_path / "all.h5"
    text = works("merge", path, other, target, *virtual)
    assert ["atoms", "table", "61"] in [line.split() for line in text.splitlines()]
    assert rh5.read(target)["line"].tolist() == [*range(60), 0, 1]
    report = json.loads(works("merge", path, other, target, "--overwrite", "--json", *virtual))
    assert report["virtual"] == bool(virtual)
    assert report["parts"] == [str(path), str(other)]
    assert "exists already" in fails("merge", path, other, target)


def test_merge_says_where_parts_differ(path: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.h5"
    rh5.write(other, {"atoms": {"symbol": [["C"]], "charge": [[1]]}, "line": np.arange(2)})
    line = fails("merge", path, other, tmp_path / "all.h5")
    assert "other.h5: table 'atoms', column 'charge': dtype int64, but float64 in" in line
    assert line.count("\n") == 1
    assert "PART..." in fails("merge", path)


def test_merge_warns_of_attributes(path: Path, tmp_path: Path) -> None:
    with rh5.File(path, "a") as file:
        file.h5.attrs["who"] = "me"
    rh5.write(tmp_path / "b.h5", rh5.read(path))
    done = run("merge", path, tmp_path / "b.h5", tmp_path / "all.h5")
    assert done.exit_code == 0
    assert "attribute 'who' of '/' is not there" in done.stderr


def test_repack(path: Path, tmp_path: Path) -> None:
    target = tmp_path / "b.h5"
    words = ("--codec", "zstd", "--level", 3, "--chunk-size", "1KiB", "--dtype", "charge=f4")
    works("repack", path, target, *words, "--no-dictionary", "atoms/symbol")
    with rh5.File(target) as file:
        assert file["atoms"]["charge"].dtype == np.float32
        assert file["atoms"]["charge"].h5._filters == {"32015": (3,)}
        assert file["atoms"]["charge"].h5.chunks == (256,)
        assert not file["atoms"].columns["symbol"].dictionary
    before = rh5.read(path)["atoms"]["symbol"].to_list()
    report = json.loads(works("repack", path, "--dictionary", "symbol", "--json"))
    assert report["source"] == report["target"] == str(path)
    assert rh5.read(path)["atoms"]["symbol"].to_list() == before


def test_what_repack_refuses(path: Path, tmp_path: Path) -> None:
    target = tmp_path / "b.h5"
    with rh5.File(path, "a") as file:
        file["atoms"].append({"symbol": [["C"]], "charge": [[0.1]]})
    assert "--codec" in fails("repack", path, target, "--level", 3)
    assert "COLUMN=DTYPE" in fails("repack", path, target, "--dtype", "charge")
    assert "rounded" in fails("repack", path, target, "--dtype", "charge=f4")
    works("repack", path, target, "--dtype", "charge=f4", "--round")
    assert "nope" in fails("repack", path, target, "--dtype", "nope=f4", "--overwrite")
    assert "not a dtype" in fails("repack", path, target, "--dtype", "charge=zz", "--overwrite")
    assert "exists already" in fails("repack", path, target)
