"""What a full disk leaves of a file that was being changed in place."""

import os
import shutil
import subprocess
import sys

import h5py
import numpy as np
import pytest

import raggedh5 as rh5
from raggedh5.store.superblock import find_superblock, reach_stated_end


@pytest.mark.parametrize("libver", ["earliest", "v108", "v110", "latest"])
@pytest.mark.parametrize("userblock", [0, 512, 2048])
def test_the_end_that_a_file_states(tmp_path, libver, userblock):
    path = tmp_path / "file.h5"
    with h5py.File(path, "w", libver=libver, userblock_size=userblock) as file:
        file["x"] = np.arange(1000)
    found = find_superblock(path)
    assert found.end == path.stat().st_size
    assert found.place == userblock
    assert found.intact
    assert not found.writing


@pytest.mark.parametrize("libver", ["earliest", "v110"])
@pytest.mark.parametrize("userblock", [0, 512, 2048])
def test_a_file_cut_short_opens_again(tmp_path, libver, userblock):
    path = tmp_path / "file.h5"
    with h5py.File(path, "w", libver=libver, userblock_size=userblock) as file:
        file["x"] = np.arange(10)
        file["y"] = np.arange(100_000)
    os.truncate(path, path.stat().st_size - 1000)
    with pytest.raises(OSError, match="truncated"):
        h5py.File(path)
    reach_stated_end(path)
    with h5py.File(path) as file:
        assert file["x"][:].tolist() == list(range(10))


def test_what_is_no_hdf5_file_is_left_alone(tmp_path):
    path = tmp_path / "file"
    for content in (b"", b"text", b"\x89HDF\r\n\x1a\n", b"\x89HDF\r\n\x1a\n" + b"\xff" * 100):
        path.write_bytes(content)
        reach_stated_end(path)
        assert path.read_bytes() == content


FULL = """
import sys, numpy as np, raggedh5 as rh5
try:
    with rh5.File(sys.argv[1], "a") as file:
        while True:
            file["t"].append({"x": np.random.default_rng(0).random((64, 500))})
except rh5.WriteError as error:
    print("refused")
"""


@pytest.mark.skipif(not shutil.which("mount") or os.name == "nt", reason="needs mount")
def test_a_disk_that_is_really_full(tmp_path):
    place = tmp_path / "disk"
    place.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", place], capture_output=True
    )
    if made.returncode:
        pytest.skip("may not mount")
    try:
        path = place / "file.h5"
        with rh5.File(path, "w") as file:
            file.create_table("t").append({"x": np.arange(60.0).reshape(3, 20)})
        done = subprocess.run(
            [sys.executable, "-c", FULL, path], capture_output=True, text=True, timeout=60
        )
        assert "refused" in done.stdout, done.stderr
        with rh5.File(path) as file:
            table = file["t"]
            assert table[:3]["x"].values.tolist() == list(range(60))
    finally:
        subprocess.run(["umount", place], check=True)
