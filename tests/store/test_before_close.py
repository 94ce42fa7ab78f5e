"""Steps that are done at the beginning of a close: what they write is in the file."""

import h5py
import numpy as np
import pytest

import raggedh5 as rh5
from raggedh5.errors import ClosedError, WriteError
from raggedh5.store.chunk_sums import ChunkSums

KINDS = ["new", "append", "durable", "adopted", "attached"]


@pytest.fixture(params=KINDS)
def opened(request, path):
    """A file of every kind, and what closes it."""
    kind = request.param
    if kind == "append":
        rh5.write(path, {})
        file = rh5.File(path, "a")
        return file, file.close
    if kind in ("new", "durable"):
        file = rh5.File(path, "w", durable="process" if kind == "durable" else None)
        return file, file.close
    owner = h5py.File(path, "w")
    file = rh5.File(owner, buffered=kind == "attached")
    if kind == "attached":
        return file, owner.close

    def close():
        try:
            file.close()
        finally:
            owner.close()

    return file, close


def lists(path, name):
    return rh5.read(path)[name]["x"].to_list()


def test_steps_write_what_they_like(opened, path):
    file, close = opened
    table = file.create_table("t")
    table.append({"x": [[1, 2]]})
    file.create_table("gone").append({"x": [[0]]})
    order = []

    def first():
        order.append(1)
        table.append({"x": [[3]]})
        assert len(table.read()["x"]) == 2

    def second():
        order.append(2)
        file.create_table("new").append(table.read())
        file.create_array("a", data=np.arange(5))
        file.remove("gone")
        file.move("t", "moved")
        file.before_close(third)
        file.flush()

    def third():
        order.append(3)
        file["moved"].append({"x": [[4]]})
        table.append({"x": [[5]]})

    file.before_close(first)
    file.before_close(second)
    assert order == []
    close()
    file.close()
    assert order == [1, 2, 3]
    assert not file.is_open
    assert lists(path, "moved") == [[1, 2], [3], [4], [5]]
    assert lists(path, "new") == [[1, 2], [3]]
    with rh5.File(path, verify="always") as again:
        assert sorted(again) == ["a", "moved", "new"]
        assert again["a"][:].tolist() == list(range(5))


@pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt, WriteError])
def test_a_step_that_fails(opened, path, error):
    file, close = opened
    file.create_table("t").append({"x": [[1]]})

    def fail():
        raise error("first")

    def fail_later():
        raise RuntimeError("second")

    file.before_close(fail)
    file.before_close(lambda: file["t"].append({"x": [[2]]}))
    file.before_close(fail_later)
    with pytest.raises(error, match="first"):
        close()
    assert not file.is_open
    assert lists(path, "t") == [[1], [2]]
    close()


def test_a_step_that_closes_the_file(opened, path):
    file, close = opened
    file.create_table("t").append({"x": [[1]]})
    done = []
    file.before_close(file.close)
    file.before_close(lambda: done.append(file.is_open))
    close()
    assert done == [True]
    assert lists(path, "t") == [[1]]


def test_a_step_that_flushes_what_cannot_be_written(path, monkeypatch):
    file = rh5.File(path, "w")
    file.create_table("t").append({"x": [[1]]})
    file.before_close(file.flush)

    def fail(*_):
        raise WriteError("no room")

    with monkeypatch.context() as patch:
        patch.setattr(ChunkSums, "save", fail)
        with pytest.raises(WriteError, match="no room"):
            file.close()
    assert not path.exists()
    assert not list(path.parent.iterdir())


def test_steps_are_not_done_where_a_new_file_is_given_up(path):
    done = []

    def work():
        with rh5.File(path, "w") as file:
            file.before_close(lambda: done.append(1))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        work()
    assert not done
    assert not path.exists()


def test_steps_are_done_where_a_file_is_kept_after_an_exception(path):
    rh5.write(path, {"t": {"x": [[1]]}})

    def work():
        with rh5.File(path, "a") as file:
            file.before_close(lambda: file["t"].append({"x": [[2]]}))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        work()
    assert lists(path, "t") == [[1], [2]]


def test_a_closed_file_takes_no_steps(path):
    file = rh5.File(path, "w")
    file.close()
    with pytest.raises(ClosedError):
        file.before_close(lambda: None)


def test_every_file_on_one_object_has_its_own_steps(path):
    with h5py.File(path, "w") as owner:
        files = [rh5.File(owner, buffered=True) for _ in range(3)]
        table = files[0].create_table("t", {"x": "i8"})
        for i, file in enumerate(files):
            file.before_close(lambda i=i, file=file: file["t"].append({"x": [[i]]}))

        def attach():
            late = rh5.File(owner, buffered=True)
            late.before_close(lambda: late["t"].append({"x": [[9]]}))

        files[1].before_close(attach)
        table.append({"x": [[5]]})
    assert sorted(lists(path, "t")) == [[0], [1], [2], [5], [9]]
