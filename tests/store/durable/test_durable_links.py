"""Durable and live files whose links and virtual datasets lead to other files."""

import threading

import h5py
import numpy as np
import pytest

import raggedh5 as rh5
from raggedh5.care import merge

WAYS = [{"live": True}, {"mode": "a", "durable": "process"}]


@pytest.fixture
def linked(tmp_path):
    """A file with links to a table and an array of another, in a folder of its own."""
    (tmp_path / "part").mkdir()
    rh5.write(tmp_path / "part" / "other.h5", {"t": {"x": [[1.0], [2.0]]}, "v": np.arange(3)})
    rh5.write(tmp_path / "own.h5", {"t": {"x": [[9.0]]}, "v": np.zeros(3, int)})
    with h5py.File(tmp_path / "own.h5", "a") as file:
        file["link"] = h5py.ExternalLink("part/other.h5", "/t")
        file["array"] = h5py.ExternalLink("part/other.h5", "/v")
        file["gone"] = h5py.ExternalLink("part/none.h5", "/v")
    return tmp_path / "own.h5"


@pytest.mark.parametrize("way", WAYS)
def test_links_lead_to_the_other_file(linked, way, monkeypatch, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    with rh5.File(linked, **way) as file:
        assert file["link"].read()["x"].values.tolist() == [1, 2]
        assert file["array"][:].tolist() == [0, 1, 2]
        assert file["t"].read()["x"].values.tolist() == [9]
        assert set(file.tables()) == {"t", "link"}
        assert set(file.arrays()) == {"v", "array"}
        with pytest.raises(KeyError):
            file["gone"]


@pytest.mark.parametrize("way", WAYS)
def test_plain_h5py_does_not_take_the_file_for_the_other(linked, way):
    with rh5.File(linked, **way) as file:
        with pytest.raises((OSError, KeyError)):
            file.h5["link"]
        assert file.h5["v"][:].tolist() == [0, 0, 0]


def test_what_is_appended_by_a_link_goes_to_the_other_file(linked):
    with rh5.File(linked, "a", durable="process") as file:
        for i in range(20):
            file["link"].append({"x": [[float(i)]]})
            file["t"].append({"x": [[float(-i)]]})
            file.flush()
    assert len(rh5.read(linked.parent / "part" / "other.h5")["t"]["x"]) == 22
    own = rh5.read(linked)
    assert own["t"]["x"].values.tolist() == [9, *(-i for i in range(20))]


@pytest.mark.parametrize("way", WAYS)
def test_virtual_files(tmp_path, way):
    for i in range(2):
        rh5.write(tmp_path / f"{i}.h5", {"t": {"x": [[float(i)] * 2, [7.0]]}, "v": np.full(3, i)})
    merge([tmp_path / "0.h5", tmp_path / "1.h5"], tmp_path / "all.h5", virtual=True)
    with rh5.File(tmp_path / "all.h5", **way) as file:
        assert file["t"].read()["x"].to_list() == [[0, 0], [7], [1, 1], [7]]
        assert file["v"][:].tolist() == [0, 0, 0, 1, 1, 1]


def test_h5py_in_one_thread_while_another_flushes(tmp_path):
    """What h5py writes between two flushes is all there when the file has been closed."""
    path = tmp_path / "file.h5"
    over = threading.Event()
    with rh5.File(path, "w", durable="process") as file:
        table = file.create_table("t", {"x": "i8"})

        def append():
            while not over.is_set():
                table.append({"x": [[1, 2]]})
                file.h5.flush()  # so that the next flush is a checkpoint
                file.flush()

        thread = threading.Thread(target=append)
        thread.start()
        for i in range(300):
            group = file.h5.create_group(f"g{i}")
            group.attrs["i"] = i
            group["x"] = np.full(50, i)
        over.set()
        thread.join()
    with h5py.File(path) as file:
        for i in range(300):
            assert file[f"g{i}"].attrs["i"] == i
            assert (file[f"g{i}/x"][:] == i).all()
