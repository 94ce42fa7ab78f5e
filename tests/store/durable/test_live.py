"""Reading a file while it is written to."""

import os
import threading

import h5py
import numpy as np
import pytest

import raggedh5 as rh5
from raggedh5.store.durable.journal import journal_of


def batch(i, rows=3):
    lengths = np.full(rows, i % 5)
    return {"x": np.full((rows, 5), i)}, lengths


@pytest.fixture
def writer(path):
    with rh5.File(path, "w", durable="process", chunk_bytes=300) as file:
        file.create_table("t", {"x": "i8"})
        file.create_array("a", (0, 2), "i4")
        yield file


def add(writer, i):
    data, lengths = batch(i)
    writer["t"].append(data, lengths=lengths)
    writer["a"].append(np.full((2, 2), i))
    writer._opened.safety.checkpoint()


def test_it_stays_as_it_was_until_it_is_refreshed(path, writer):
    add(writer, 1)
    with rh5.File(path, live=True) as reader:
        table, array, column = reader["t"], reader["a"], reader["t"]["x"]
        for i in range(2, 30):
            add(writer, i)
            assert len(table) == 3
            assert array.shape == (2, 2)
            assert table.items == 3
            assert table.read()["x"].to_list() == [[1]] * 3
            assert array[...].tolist() == [[1, 1]] * 2
            assert column[-1].tolist() == [1]
            assert set(reader.read()) == {"t", "a"}
            with pytest.raises(IndexError):
                table[3]
        reader.refresh()
        assert len(table) == len(reader["t"]) == 29 * 3
        assert table[-1]["x"].tolist() == [29] * 4
        assert array.shape == (58, 2)
        assert np.asarray(array)[-1].tolist() == [29, 29]
        assert len(table.padded([0, 80])["mask"]) == 2


def test_what_comes_later_shows_after_the_next_refresh(path, writer):
    add(writer, 1)
    with rh5.File(path, live=True) as reader:
        writer.create_table("later").append({"y": [[1.0]]})
        writer._opened.safety.checkpoint()
        assert list(reader.tables()) == ["t"]
        with pytest.raises(KeyError):
            reader["later"]
        reader.refresh()
        assert reader["later"][0]["y"].tolist() == [1.0]


def test_a_writer_that_comes_and_goes(path):
    with rh5.File(path, "w") as file:
        file.create_table("t", {"x": "i8"}).append({"x": [[0]]})
    with rh5.File(path, live=True) as reader:
        for i in range(1, 4):
            with rh5.File(path, "a", durable="process") as file:
                file["t"].append({"x": [[i]]})
                file.flush()  # the first one goes to the file at once
                reader.refresh()
                assert reader["t"].read()["x"].values.tolist() == list(range(i + 1))
            assert len(reader["t"]) == i + 1
        reader.refresh()
        assert len(reader["t"]) == 4


def test_several_readers_and_threads(path, writer):
    add(writer, 1)
    readers = [rh5.File(path, live=True, threads=1) for _ in range(3)]
    wrong = []
    over = threading.Event()

    def read(reader):
        try:
            while not over.is_set():
                try:
                    reader.refresh()
                    ragged = reader["t"].read()["x"]
                except rh5.WriteError as error:
                    if "so often" not in str(error):  # as it may be on a busy machine
                        raise
                    continue
                wanted = np.repeat(np.arange(1, len(ragged) // 3 + 1), 3)
                if ragged.values.tolist() != np.repeat(wanted, wanted % 5).tolist():
                    wrong.append(ragged)
        except Exception as error:
            wrong.append(error)

    threads = [threading.Thread(target=read, args=(r,)) for r in [*readers[1:]]]
    for thread in threads:
        thread.start()
    for i in range(2, 40):
        add(writer, i)
    over.set()
    for thread in threads:
        thread.join()
    assert not wrong, wrong[0]
    readers[0].refresh()
    assert len(readers[0]["t"]) == 39 * 3
    for reader in readers:
        reader.close()


def test_a_writer_that_is_not_durable_is_said(path):
    with h5py.File(path, "w") as file:
        file["x"] = 1
        file.flush()
        with pytest.raises(rh5.WriteError, match="not with durable"):
            rh5.File(path, live=True)


def test_what_makes_no_sense_is_refused(path):
    rh5.write(path, {"a": [1.0]})
    with pytest.raises(ValueError, match="mode 'r'"):
        rh5.File(path, "a", live=True)
    with rh5.File(path) as file, pytest.raises(ValueError, match="live=True"):
        file.refresh()
    with pytest.raises(FileNotFoundError):
        rh5.File(path.with_name("none"), live=True)
    path.write_bytes(b"text")
    with pytest.raises(rh5.FormatError):
        rh5.File(path, live=True)


def test_closed_is_closed(path):
    rh5.write(path, {"a": [1.0]})
    file = rh5.File(path, live=True)
    array = file["a"]
    file.close()
    with pytest.raises(rh5.ClosedError):
        array[0]
    with pytest.raises(rh5.ClosedError):
        file.refresh()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_half_of_a_change_is_not_read(path):
    child = os.fork()
    if child == 0:
        file = rh5.File(path, "w", durable="process")
        file.create_array("a", data=[1.0])
        file.flush()
        with file._opened.safety._journal.changing():
            os._exit(0)  # killed as it began to change the file
    os.waitpid(child, 0)
    with pytest.raises(rh5.FormatError, match="raggedh5 recover"):
        rh5.File(path, live=True)
    assert journal_of(path).exists()
