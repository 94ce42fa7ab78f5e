"""An interrupt, or a failure of the disk, amid an append: all of it is there, or none."""

import h5py
import numpy as np
import pytest

import raggedh5 as rh5
from raggedh5.errors import WriteError
from raggedh5.store import stored_sums, table_buffers
from raggedh5.store.attributes import set_number
from raggedh5.store.chunk_sums import ChunkSums
from raggedh5.store.stream import Stream

COLUMNS = {
    "x": "i4",
    "y": rh5.Column("f8", (2,)),
    "label": rh5.Column("str", dictionary=False),
    "symbol": rh5.Column("str", dictionary=True),
}


def batch(first, rows):
    words = [[f"w{first + i}"] * 2 for i in range(rows)]
    numbers = np.arange(first, first + rows)[:, None].repeat(2, 1)
    return {
        "x": numbers,
        "y": np.stack([numbers, numbers + 0.5], axis=-1),
        "label": words,
        "symbol": words,
    }


def rows_of(table):
    found = table.read()
    assert len({len(values) for values in found.values()}) == 1
    numbers = [int(row[0]) for row in found["x"]]
    for i, number in enumerate(numbers):
        assert found["x"][i].tolist() == [number] * 2
        assert found["y"][i].tolist() == [[number, number + 0.5]] * 2
        assert found["label"][i].tolist() == found["symbol"][i].tolist() == [f"w{number}"] * 2
    return numbers


class At:
    """Raises at the n-th call of a method, before it or after it."""

    def __init__(self, monkeypatch, kind, name, turn, error, after):
        self.left, original = turn, getattr(kind, name)

        def call(this, *args, **kwargs):
            self.left -= 1
            if self.left == 0 and not after:
                raise error
            result = original(this, *args, **kwargs)
            if self.left == 0:
                raise error
            return result

        monkeypatch.setattr(kind, name, call)


@pytest.mark.parametrize("adopted", [False, True])
@pytest.mark.parametrize("rows", [3, 40])
@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("turn", [1, 2, 3, 5, 7])
@pytest.mark.parametrize("method", ["reserve", "mark", "commit"])
def test_an_interrupt_between_the_columns(path, monkeypatch, adopted, rows, after, turn, method):
    owner = h5py.File(path, "w") if adopted else path
    file = rh5.File(owner, *([] if adopted else ["w"]), chunk_bytes=128)
    table = file.create_table("t", COLUMNS)
    table.append(batch(0, 5))
    with monkeypatch.context() as patch:
        At(patch, Stream, method, turn, KeyboardInterrupt(), after)
        try:
            table.append(batch(100, rows))
            appended = True
        except KeyboardInterrupt:
            appended = False
    table.append(batch(200, 6))
    file.close()
    if adopted:
        owner.close()
    middle = list(range(100, 100 + rows)) if appended else []
    with rh5.File(path) as file:
        assert rows_of(file["t"]) == [*range(5), *middle, *range(200, 206)]


@pytest.mark.parametrize("kind", ["table", "array"])
@pytest.mark.parametrize("turn", [1, 2, 3])
def test_an_adopted_file_that_cannot_be_brought_up_to_date(path, monkeypatch, kind, turn):
    """The caller is told that the rows are not there, and appends them again."""
    with h5py.File(path, "w") as owner:
        file = rh5.File(owner, chunk_bytes=128)
        if kind == "table":
            target = file.create_table("t", {"x": "i4"})
            values = {"x": np.arange(60).reshape(30, 2)}
        else:
            target = file.create_array("t", shape=(0, 2), dtype="i4")
            values = np.arange(60).reshape(30, 2)
        target.append(values)
        with monkeypatch.context() as patch:
            At(patch, Stream, "sync_tail", turn, WriteError("no room"), False)
            failed = False
            for _ in range(3):
                try:
                    target.append(values)
                except WriteError:
                    failed = True
                    target.append(values)
        assert failed
    with rh5.File(path) as file:
        found = file["t"].read()
        found = found["x"].values if kind == "table" else found.ravel()
        assert found.tolist() == list(range(60)) * 4


@pytest.mark.parametrize("kind", ["table", "array"])
def test_checksums_that_could_not_be_saved_are_saved_later(path, monkeypatch, kind):
    with rh5.File(path, "w") as file:
        file.create_table("t", {"x": "i8"}).append({"x": [[1, 2]]})
        file.create_array("a", data=np.arange(5))
    with rh5.File(path, "a") as file:
        if kind == "table":
            file["t"].append({"x": [[3]]})
        else:
            file["a"].append(np.arange(3))
        with monkeypatch.context() as patch:
            At(patch, ChunkSums, "save", 1, WriteError("no room"), False)
            with pytest.raises(WriteError, match="no room"):
                file.flush()
    with rh5.File(path) as file:
        assert file["t"].read()["x"].to_list() == [[1, 2], *([[3]] if kind == "table" else [])]
        assert len(file["a"][:]) == (5 if kind == "table" else 8)


def test_a_length_that_cannot_be_written_is_a_write_error(path, monkeypatch):
    with rh5.File(path, "w") as file:
        table = file.create_table("t", {"x": "i4"})
        table.append({"x": [[1]]})
        with monkeypatch.context() as patch:

            def fail(item, name, value):
                if name == "length":
                    raise OSError("no room")
                set_number(item, name, value)

            patch.setattr("raggedh5.store.writer.set_number", fail)
            with pytest.raises(WriteError, match="length"):
                file.flush()
        table.append({"x": [[2]]})
    assert rh5.read(path)["t"]["x"].to_list() == [[1], [2]]


@pytest.mark.parametrize("name", ["create_list", "set_text", "set_number"])
@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError("no room")], ids=["stop", "disk"])
def test_checksums_that_are_only_half_made(path, monkeypatch, name, after, error):
    original = getattr(stored_sums, name)

    def fail(*args):
        if not after:
            raise error
        original(*args)
        raise error

    with rh5.File(path, "w") as file:
        file.create_table("t", {"x": "i8"}).append({"x": [[1, 2]]})
        with monkeypatch.context() as patch:
            patch.setattr(stored_sums, name, fail)
            with pytest.raises((KeyboardInterrupt, WriteError)):
                file.flush()
        file["t"].append({"x": [[3]]})
    with rh5.File(path) as file:
        assert file["t"].read()["x"].to_list() == [[1, 2], [3]]
    with h5py.File(path) as file:
        assert file["__raggedh5__/checksums/t/x-data"][:].all()


@pytest.mark.parametrize("turn", range(1, 8))
@pytest.mark.parametrize("after", [False, True])
def test_a_table_that_is_only_half_made(path, monkeypatch, turn, after):
    with rh5.File(path, "w") as file:
        table = file.create_table("t", COLUMNS)
        with monkeypatch.context() as patch:
            original, left = table_buffers.create_buffer, [turn]

            def fail(*args):
                left[0] -= 1
                if left[0] == 0 and not after:
                    raise KeyboardInterrupt
                made = original(*args)
                if left[0] == 0:
                    raise KeyboardInterrupt
                return made

            patch.setattr(table_buffers, "create_buffer", fail)
            with pytest.raises(KeyboardInterrupt):
                table.append(batch(0, 3))
        table.append(batch(10, 4))
    with rh5.File(path) as file:
        assert rows_of(file["t"]) == [10, 11, 12, 13]
