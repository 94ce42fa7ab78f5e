"""`raggedh5 info`: for people, and as JSON for programs."""

import json
from pathlib import Path

import h5py
import numpy as np
import pytest
from click.testing import CliRunner

import raggedh5 as rh5
from raggedh5.cli.main import cli


def info(*words: object) -> str:
    result = CliRunner().invoke(cli, ["info", *map(str, words)], catch_exceptions=False)
    assert result.exit_code == 0, result.stderr
    return result.stdout


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "scan.h5"
    with rh5.File(path, "w", codec=rh5.Blosc("zstd", level=3), chunk_bytes=1 << 14) as file:
        atoms = file.create_table("run/atoms")
        data = {"coords": np.zeros((9, 4, 3), "f4"), "symbol": [["H", "O", "H", "H"]] * 9}
        atoms.append(data, lengths=np.arange(9) % 5)
        file.create_table("rows", {"id": "str", "n": "i2"}, ragged=False)
        file.create_array("frames", data=np.zeros((100, 64), "u2"), codec="gzip")
    with h5py.File(path, "a") as stock:
        stock["scalar"] = 1.5
        stock["contiguous"] = np.arange(6.0)
        stock["empty"] = h5py.Empty("f4")
        stock["words"] = ["a", "bc"]
        stock.create_dataset("gzip", data=np.arange(99), chunks=(10,), shuffle=True, compression=9)
        stock["gone"] = h5py.SoftLink("/nowhere")
    return path


def test_json(path: Path) -> None:
    found = json.loads(info(path, "--json"))
    assert found["format"] == 1
    assert found["path"] == str(path)
    assert found["file_bytes"] == path.stat().st_size
    assert [table["name"] for table in found["tables"]] == ["rows", "run/atoms"]
    atoms = found["tables"][1]
    assert (atoms["ragged"], atoms["rows"], atoms["items"]) == (True, 9, 16)
    assert atoms["offsets"]["shape"] == [10]
    coords, symbol = atoms["columns"]
    assert (coords["name"], coords["dtype"], coords["shape"]) == ("coords", "float32", [3])
    assert coords["codec"] == "blosc-zstd"
    assert coords["raw_bytes"] == 16 * 12
    assert coords["chunk_count"] == 1
    assert coords["buffers"][0]["filters"][0]["id"] == 32001
    assert coords["ratio"] == coords["stored_bytes"] / coords["raw_bytes"]
    assert (symbol["dtype"], symbol["dictionary"]) == ("str", True)
    assert [buffer["name"] for buffer in symbol["buffers"]] == [
        "symbol-index",
        "symbol.categories-offsets",
        "symbol.categories.bytes-data",
    ]
    parts = [*atoms["columns"], atoms["offsets"]]
    assert atoms["stored_bytes"] == sum(part["stored_bytes"] for part in parts)
    with h5py.File(path) as stock:
        stored = stock["run/atoms/coords-data"].id.get_storage_size()
    assert coords["stored_bytes"] == stored


def test_json_of_foreign_datasets(path: Path) -> None:
    arrays = {array["name"]: array for array in json.loads(info(path, "--json"))["arrays"]}
    assert arrays.keys() == {"frames", "scalar", "contiguous", "empty", "words", "gzip"}
    assert arrays["frames"]["shape"] == [100, 64]
    assert arrays["frames"]["codec"] == "gzip"
    assert arrays["scalar"]["shape"] == []
    assert arrays["empty"]["shape"] is None
    assert arrays["empty"]["ratio"] is None
    assert arrays["contiguous"]["chunks"] is None
    assert arrays["contiguous"]["stored_bytes"] == 48
    assert arrays["gzip"]["codec"] == "shuffle+gzip"
    assert arrays["gzip"]["chunk_count"] == 10


def test_for_people(path: Path) -> None:
    text = info(path)
    assert text.splitlines()[0].endswith("2 tables, 6 arrays")
    lines = {line.split()[0]: line for line in text.splitlines()[1:] if line}
    assert "ragged table" in lines["run/atoms"]
    assert "blosc-zstd" in lines["coords"]
    assert "1365 x 3" in lines["coords"]
    assert "str, dictionary" in lines["symbol"]
    assert "array of uint16 (64,)" in lines["frames"]
    assert all(line == line.rstrip() for line in text.splitlines())


def test_empty_file(tmp_path: Path) -> None:
    with rh5.File(tmp_path / "x.h5", "w"):
        pass
    assert "0 tables, 0 arrays" in info(tmp_path / "x.h5")
    assert json.loads(info(tmp_path / "x.h5", "--json"))["tables"] == []
