"""Files that other writers than durable ones left behind when they were killed."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

import raggedh5 as rh5
from raggedh5.care import recover
from raggedh5.store.superblock import find_superblock

forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "file.h5"


def killed(code, *arguments):
    """Run a script of plain h5py that kills itself."""
    done = subprocess.run(
        [sys.executable, "-c", f"import os, sys, h5py, numpy as np\n{code}", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr


SWMR = """
file = h5py.File(sys.argv[1], "w", libver="v110")
x = file.create_dataset("x", (0,), maxshape=(None,), dtype="i8", chunks=(100,))
file.swmr_mode = True
for i in range(1000):
    x.resize((i + 1,))
    x[i] = i
    x.flush()
os.kill(os.getpid(), 9)
"""


def test_a_file_that_was_left_in_swmr_mode(path):
    killed(SWMR, path)
    with pytest.raises(OSError, match="already open"):
        h5py.File(path)
    report = recover(path)
    assert report.marks_cleared
    assert report.changed
    with h5py.File(path) as file:
        assert file["x"][:].tolist() == list(range(1000))
    with rh5.File(path, "a") as file:
        file["x"].append([1000])
    assert not recover(path).changed


def test_a_file_left_open_with_the_latest_format(path):
    code = """
file = h5py.File(sys.argv[1], "w", libver="latest")
file["x"] = np.arange(1000)
file.flush()
os.kill(os.getpid(), 9)
"""
    killed(code, path)
    recover(path)
    assert not find_superblock(path).writing
    with h5py.File(path, "r+") as file:
        assert file["x"][-1] == 999


@pytest.mark.parametrize("libver", ["earliest", "v110"])
@pytest.mark.parametrize("change", [-8, 100_000, 512])
def test_an_end_that_is_not_the_files(path, libver, change):
    with h5py.File(path, "w", libver=libver) as file:
        file.create_dataset("x", data=np.arange(1000), chunks=(1000,))
        file["y"] = np.arange(1000)
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.truncate(size + change)
    report = recover(path)
    assert report.end == (size, max(size, size + change))
    assert find_superblock(path).end == path.stat().st_size
    with h5py.File(path, "r+") as file:
        file["z"] = np.arange(1000)
    with h5py.File(path) as file:
        assert file["z"][-1] == 999
        assert file["x"][:].tolist() == list(range(1000))


def test_a_table_is_cut_to_its_last_complete_row(path):
    data = {
        "x": [[float(i)] * (i % 4) for i in range(100)],
        "s": [["a"] * (i % 4) for i in range(100)],
    }
    rh5.write(path, {"t": data, "whole": data}, chunk_bytes=200)
    with h5py.File(path, "r+") as file:
        file["t/x-data"].resize((75,))  # whole chunks
        file["t"].attrs["length"] = 130  # written before what it counts
    report = recover(path)
    offsets = np.cumsum([0] + [i % 4 for i in range(100)])
    rows = int(np.searchsorted(offsets, 75, "right")) - 1
    assert report.cut == {"t": (130, rows)}
    with rh5.File(path, "a", verify="always") as file:
        table = file["t"]
        assert len(table) == rows
        assert table.read()["x"].to_list() == data["x"][:rows]
        table.append({"x": [[7.0]], "s": [["b"]]})
        assert table[-1]["s"].tolist() == ["b"]
        assert file["whole"].read()["x"].to_list() == data["x"]
    assert recover(path).cut == {}


@pytest.mark.parametrize("column", ["x", "s", "d", "o", "l"])
def test_a_chunk_that_never_came(path, column):
    columns = {
        "x": "f8",
        "s": rh5.Column("str", dictionary=False),
        "d": rh5.Column("str", dictionary=True),
        "o": rh5.Column("f8", nullable=True),
        "l": rh5.Column("i4", nested=True),
    }
    with rh5.File(path, "w", chunk_bytes=80) as file:
        file.create_table("t", columns).append(
            {
                "x": np.arange(100.0).reshape(50, 2),
                "s": np.full((50, 2), "text"),
                "d": np.full((50, 2), "word"),
                "o": np.ma.arange(100.0).reshape(50, 2),
                "l": np.ones((50, 2, 2), "i4"),
            },
            item_masks={"l": np.ones((50, 2, 2), bool)},
        )
    name = {"s": "s.bytes-data", "d": "d-index", "o": "o.values-data", "l": "l.items-data"}
    with h5py.File(path, "r+") as file:
        buffer = file[f"t/{name.get(column, 'x-data')}"]
        length, chunk = len(buffer), buffer.chunks[0]
        buffer.resize((chunk,))  # HDF5 drops the chunks behind
        buffer.resize((length,))
    report = recover(path)
    said, complete = report.cut["t"]
    items = {"s": chunk // 4, "l": chunk // 2}.get(column, chunk)
    assert (said, complete) == (50, items // 2)
    assert len(rh5.read(path)["t"]["x"]) == complete


def test_what_was_closed_stays_as_it_is(path, tmp_path):
    for source in (Path(__file__).parents[1] / "data").glob("*.h5"):
        shutil.copy(source, path)
        report = recover(path)
        assert not report.changed
        assert path.read_bytes() == source.read_bytes()


def test_what_is_no_hdf5_file_is_left_alone(path):
    path.write_bytes(b"text" * 100)
    with pytest.raises(rh5.FormatError, match="no HDF5 file"):
        recover(path)
    assert path.read_bytes() == b"text" * 100
    with pytest.raises(FileNotFoundError):
        recover(path.with_name("none"))


def test_a_file_that_is_open_is_left_alone(path):
    with rh5.File(path, "w", durable="process") as file:
        file.create_array("a", data=[1.0])
        file.flush()
        with pytest.raises(rh5.WriteError, match="open elsewhere"):
            recover(path)


def test_a_table_that_cannot_be_counted_is_said(path):
    rh5.write(path, {"t": {"x": [[1.0]]}, "u": {"x": [[2.0]]}})
    with h5py.File(path, "r+") as file:
        del file["t/x-data"]
    report = recover(path)
    assert list(report.unreadable) == ["t"]
    assert not report.changed


@forks
def test_recovering_is_interrupted_and_called_again(path):
    for _ in range(2):
        child = os.fork()
        if child == 0:
            file = rh5.File(path, "a", durable="process")
            if "a" not in file:
                file.create_array("a", (0,), "i4")
                file.flush()
            for i in range(5):
                file["a"].append([i])
                file.flush()
            os._exit(0)
        os.waitpid(child, 0)
    before = path.read_bytes()
    report = recover(path)
    assert path.read_bytes() != before
    assert report.restored["/a"][1] == 10
    assert rh5.read(path)["a"].tolist() == [*range(5)] * 2
