"""The processing log: entries are added, none is lost, and plain h5py shows them."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import h5py
import numpy as np
import pytest
from click.testing import CliRunner

import raggedh5 as rh5
from raggedh5.care import log_processing, processing_log, set_metadata
from raggedh5.care.doctor import doctor
from raggedh5.cli.main import cli


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "file.h5"
    rh5.write(path, {"atoms": {"symbol": [["O", "H"], ["N"]]}, "box": np.eye(3)})
    return path


def test_entries_in_their_order(path: Path) -> None:
    assert processing_log(path) == []
    before = datetime.now(UTC).replace(microsecond=0)
    parameters = {"cutoff": 4.5, "masks": [None, True, "ü\n"], "n": 2**70, "long": "x" * 70_000}
    log_processing(path, "packed", parameters=parameters, versions={"ase": "3.25"})
    log_processing(path, "aligned")
    log_processing(path, "scaled", parameters=[1, np.float32(0.5), np.arange(2)])
    first, second, third = processing_log(path)
    assert first.keys() == {"time", "operation", "parameters", "versions"}
    assert before <= datetime.fromisoformat(first["time"]) <= datetime.now(UTC)
    assert first["parameters"] == parameters
    assert first["versions"]["ase"] == "3.25"
    assert first["versions"]["h5py"] == h5py.__version__
    assert (second["operation"], second["parameters"]) == ("aligned", {})
    assert "ase" not in second["versions"]
    assert third["parameters"] == [1, 0.5, [0, 1]]


def test_what_h5py_sees(path: Path) -> None:
    log_processing(path, "packed", parameters={"a": "ä\nb"})
    with h5py.File(path) as file:
        (line,) = file["processing_log"].asstr()[:]
    assert "\n" not in line
    assert json.loads(line)["parameters"] == {"a": "ä\nb"}


def test_many_entries_in_a_file_that_is_open(path: Path) -> None:
    size = path.stat().st_size
    with rh5.File(path, "r+") as file:
        for number in range(200):
            log_processing(file, "step", parameters={"number": number})
        file["atoms"].append({"symbol": [["C"]]})
        assert len(processing_log(file)) == 200
    found = processing_log(path)
    assert [entry["parameters"]["number"] for entry in found] == list(range(200))
    lines = sum(len(json.dumps(entry)) for entry in found)
    assert path.stat().st_size - size < 2 * lines + 20_000
    assert len(rh5.read(path)["atoms"]["symbol"]) == 3


def test_a_new_file_and_h5py(tmp_path: Path) -> None:
    with rh5.File(tmp_path / "x.h5", "w") as file:
        log_processing(file, "made")
    with h5py.File(tmp_path / "x.h5", "r+") as stock:
        log_processing(stock, "looked at")
        assert stock.id.valid
    assert [entry["operation"] for entry in processing_log(tmp_path / "x.h5")] == [
        "made",
        "looked at",
    ]


def test_everything_else_reads_such_a_file(path: Path) -> None:
    set_metadata(path, a=[1])
    log_processing(path, "packed")
    content = rh5.read(path)
    assert content["atoms"]["symbol"].to_list() == [["O", "H"], ["N"]]
    assert len(content["processing_log"]) == 1
    with rh5.File(path) as file:
        assert file.tables().keys() == {"atoms"}
        assert file.arrays().keys() == {"box", "processing_log"}
    for words in (["info"], ["info", "--json"], ["head"]):
        name = ["processing_log"] if words == ["head"] else []
        done = CliRunner().invoke(cli, [words[0], str(path), *words[1:], *name])
        assert done.exit_code == 0, done.output
        assert "processing_log" in done.output or words == ["head"]
    assert doctor(path).findings == ()


def test_anndata_reads_such_a_file(tmp_path: Path) -> None:
    anndata = pytest.importorskip("anndata")
    path = tmp_path / "cells.h5ad"
    anndata.AnnData(np.ones((3, 2), "f4")).write_h5ad(path)
    log_processing(path, "normalised")
    set_metadata(path, tissue="liver")
    with h5py.File(path) as file:
        assert anndata.io.read_elem(file["X"]).shape == (3, 2)


@pytest.mark.parametrize(
    ("operation", "parameters"), [("", {}), (3, {}), ("x", {"a": object()}), ("x", {1: 2})]
)
def test_what_is_refused(path: Path, operation: str, parameters: object) -> None:
    before = path.read_bytes()
    with pytest.raises(rh5.SchemaError):
        log_processing(path, operation, parameters=parameters)
    assert path.read_bytes() == before


def test_files_that_cannot_be_written(path: Path, tmp_path: Path) -> None:
    with rh5.File(path) as file, pytest.raises(rh5.WriteError):
        log_processing(file, "x")
    with pytest.raises(rh5.ClosedError):
        log_processing(file, "x")
    with pytest.raises(FileNotFoundError):
        log_processing(tmp_path / "none.h5", "x")
    with rh5.File(path, "r+"), pytest.raises(FileNotFoundError):
        processing_log(tmp_path / "none.h5")


@pytest.mark.parametrize("content", [3, np.arange(3), np.array([[b"a"]])], ids=str)
def test_what_is_in_its_place(path: Path, content: object) -> None:
    with h5py.File(path, "r+") as file:
        file["processing_log"] = content
    with pytest.raises(rh5.SchemaError, match="something else"):
        log_processing(path, "x")
    with pytest.raises(rh5.FormatError, match="processing_log"):
        processing_log(path)


def test_entries_that_are_none(path: Path) -> None:
    log_processing(path, "fine")
    with h5py.File(path, "r+") as file:
        log = file["processing_log"]
        log.resize((3,))  # as a writer leaves it that is killed between the two
    assert len(processing_log(path)) == 1
    log_processing(path, "fine, too")
    assert [entry["operation"] for entry in processing_log(path)] == ["fine", "fine, too"]
    for bad in ("{", "[1]", b"\xff"):
        with h5py.File(path, "r+") as file:
            file["processing_log"][1] = bad
        with pytest.raises(rh5.FormatError, match="processing_log"):
            processing_log(path)


@pytest.mark.parametrize("lines", [2**60, 10**6])
def test_a_log_that_claims_to_be_huge(path: Path, lines: int) -> None:
    log_processing(path, "fine")
    with h5py.File(path, "r+") as file:
        file["processing_log"].resize((lines,))
    with pytest.raises(rh5.FormatError, match=f"processing_log.*{lines} lines"):
        processing_log(path)


def test_the_first_entry_of_a_chunk_that_was_never_written(path: Path) -> None:
    with rh5.File(path, "r+") as file:
        for _ in range(64):
            log_processing(file, "fine")
        file.h5["processing_log"].resize((65,))
    assert len(processing_log(path)) == 64


KILLED = """
import sys, raggedh5 as rh5
from raggedh5.care import log_processing
file = rh5.File(sys.argv[1], "r+")
for number in range(20):
    log_processing(file, "step", parameters={"number": number})
print("logged", flush=True)
input()
"""


def test_what_was_logged_survives_the_death_of_the_process(path: Path) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", KILLED, path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(rh5.__file__).parent.parent)},
    )
    assert child.stdout is not None
    assert child.stdout.readline() == b"logged\n"
    child.kill()
    child.communicate()
    numbers = [entry["parameters"]["number"] for entry in processing_log(path)]
    assert numbers == list(range(20))
