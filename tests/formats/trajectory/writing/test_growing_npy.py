"""A .npy file that grows is one that NumPy reads, after every flush."""

import errno
import io
import mmap
import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raggedh5.core.team import CodingThreads
from raggedh5.errors import FormatError, RaggedH5Error, SchemaError, WriteError
from raggedh5.formats.trajectory.writing.growing_npy import GrowingNpy
from strategies import arrays, dtypes

SHAPES = [(), (3,), (1,), (2, 3), (0,), (2, 0, 3)]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "x.npy"


def saved(path, array, **options):
    with path.open("wb") as file:
        np.lib.format.write_array(file, array, **options)
    return path


def same(path, wanted):
    """Compare what NumPy reads, held in memory and mapped."""
    for mode in (None, "r"):
        found = np.load(path, mmap_mode=mode, allow_pickle=False)
        assert (found.dtype, found.shape) == (wanted.dtype, wanted.shape)
        assert found.tobytes() == wanted.tobytes()


@settings(max_examples=60)
@given(data=st.data())
def test_any_sequence(data, tmp_path_factory):
    """After a flush, rows are those of lists; what comes later does not count until the next."""
    path = tmp_path_factory.mktemp("npy") / "x.npy"
    dtype, shape = data.draw(dtypes), data.draw(st.sampled_from(SHAPES))
    file = GrowingNpy(path, dtype, shape)
    rows = counted = np.empty((0, *shape), dtype)
    for _ in range(data.draw(st.integers(1, 9))):
        ways = ["append", "append", "flush", "truncate", "reopen", "abandon"]
        way = data.draw(st.sampled_from(ways))
        if way == "append":
            new = data.draw(arrays((data.draw(st.integers(0, 7)), *shape), dtype))
            file.append(new)
            rows = np.concatenate([rows, new])
        elif way == "flush":
            file.flush()
            counted = rows
        elif way == "truncate":
            count = data.draw(st.integers(0, len(rows) + 1))
            file.truncate(count)
            rows = counted = rows[:count]
        elif way == "reopen":
            file.close()
            counted = rows
            file = GrowingNpy(path)
            assert (file.dtype, file.shape) == (dtype, shape)
        else:  # as after a kill
            file.abandon()
            rows = counted
            file = GrowingNpy(path)
        assert file.rows == len(file) == len(rows)
        if len(rows):
            at = data.draw(st.integers(0, len(rows) - 1))
            assert np.asarray(file[at]).tobytes() == rows[at].tobytes()
        same(path, counted)
    file.close()
    same(path, rows)
    row_bytes = dtype.itemsize * int(np.prod(shape))
    assert path.stat().st_size == 128 + len(rows) * row_bytes


def test_header_is_written_over_in_place(path):
    with GrowingNpy(path, np.dtype("i8"), ()) as file:
        sizes = set()
        for power in range(5):
            file.append(np.arange(10**power))
            file.flush()
            with path.open("rb") as raw:
                assert np.lib.format.read_magic(raw) == (1, 0)
                shape, fortran, dtype = np.lib.format.read_array_header_1_0(raw)
                assert (shape, fortran, dtype) == ((file.rows,), False, np.dtype("i8"))
                sizes.add(raw.tell())
        assert sizes == {128}
    assert len(np.load(path)) == 11111


def test_header_has_room_for_any_number_of_rows(path):
    file = GrowingNpy(path, np.dtype("?"), (0,))
    file.rows = 10**19
    file.flush()
    file.close()
    with path.open("rb") as raw:
        np.lib.format.read_magic(raw)
        assert np.lib.format.read_array_header_1_0(raw)[0] == (10**19, 0)


def test_headers_longer_than_usual(path):
    shape = (1,) * 30
    with GrowingNpy(path, np.dtype("f4"), shape) as file:
        file.append(np.ones((3, *shape), "f4"))
        file.flush()
        same(path, np.ones((3, *shape), "f4"))
    assert (path.stat().st_size - 12) % 64 == 0


def test_a_map_goes_on_to_show_what_it_showed(path):
    with GrowingNpy(path, np.dtype("f8"), ()) as file:
        file.append(np.arange(5.0))
        file.flush()
        mapped = np.load(path, mmap_mode="r")
        file.append(np.arange(1e5))
        file.flush()
        assert mapped.tolist() == [0, 1, 2, 3, 4]
        assert isinstance(mapped.base, mmap.mmap)


@pytest.mark.parametrize("dtype", [">f8", ">i4", "<c8", "?"])
def test_files_of_numpy_are_gone_on_with(path, dtype):
    """In their own byte order, too."""
    np.save(path, np.arange(6).reshape(2, 3).astype(dtype))
    with GrowingNpy(path) as file:
        assert (file.rows, file.shape, file.dtype) == (2, (3,), np.dtype(dtype))
        file.append(np.arange(6, 9).reshape(1, 3).astype(file.dtype.newbyteorder("=")))
    same(path, np.arange(9).reshape(3, 3).astype(dtype))


def test_a_new_file_replaces_another_one(path):
    np.save(path, np.arange(1000))
    with GrowingNpy(path, np.dtype("f4"), (2,)) as file:
        same(path, np.empty((0, 2), "f4"))
        assert file.rows == 0


def test_what_is_behind_the_last_counted_row_is_cut(path):
    file = GrowingNpy(path, np.dtype("f8"), ())
    file.append(np.arange(3.0))
    file.flush()
    file.abandon()
    with path.open("ab") as raw:  # rows that were written, and not counted
        raw.write(np.arange(50.0).tobytes())
    assert path.stat().st_size > 128 + 24
    with GrowingNpy(path) as file:
        assert file.rows == 3
        file.truncate(3)
        assert path.stat().st_size == 128 + 24
    same(path, np.arange(3.0))


@pytest.mark.parametrize(
    ("array", "options", "error"),
    [
        (np.asfortranarray(np.ones((2, 3))), {}, SchemaError),
        (np.ones((2, 3)), {"version": (2, 0)}, FormatError),
        (np.ones((2, 3)), {"version": (3, 0)}, FormatError),
        (np.array([None, 1]), {}, SchemaError),
        (np.array(["a", "bc"]), {}, SchemaError),
        (np.zeros(3, [("a", "f8"), ("b", "i4")]), {}, SchemaError),
        (np.array(3.0), {}, FormatError),
    ],
    ids=["Fortran", "version 2", "version 3", "objects", "text", "records", "no axis"],
)
def test_what_cannot_grow(path, array, options, error):
    saved(path, array, **options)
    before = path.read_bytes()
    with pytest.raises(error, match=r"x\.npy"):
        GrowingNpy(path)
    assert path.read_bytes() == before


def test_one_axis_is_in_any_order(path):
    saved(path, np.asfortranarray(np.arange(3.0)))
    text = path.read_bytes().replace(b"'fortran_order': False,", b"'fortran_order': True, ")
    path.write_bytes(text)
    assert np.lib.format.read_magic(io.BytesIO(text)) == (1, 0)
    with GrowingNpy(path) as file:
        file.append(np.array([3.0]))
    same(path, np.arange(4.0))


def header(text, rows=b"\0" * 64):
    """Return a file whose header says something."""
    padded = text.encode("latin1").ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(padded).to_bytes(2, "little") + padded + rows


DESCRIBED = "{'descr': '<f8', 'fortran_order': False, 'shape': %s, }"
DAMAGED = {
    "empty": b"",
    "no magic": b"NUMPY" * 30,
    "magic alone": b"\x93NUMPY\x01\x00",
    "length alone": b"\x93NUMPY\x01\x00\x76\x00",
    "cut in its header": header(DESCRIBED % "(2,)")[:70],
    "cut in its rows": header(DESCRIBED % "(9,)"),
    "no dict": header("[1, 2]"),
    "a call": header("print(1)"),
    "no shape": header("{'descr': '<f8', 'fortran_order': False}"),
    "no descr": header("{'fortran_order': False, 'shape': (2,)}"),
    "shape is a number": header(DESCRIBED % "5"),
    "shape of text": header(DESCRIBED % "('a',)"),
    "rows of text": header(DESCRIBED % "(2, 'a')"),
    "shape of floats": header(DESCRIBED % "(2.0,)"),
    "below zero": header(DESCRIBED % "(-2,)"),
    "both below zero": header(DESCRIBED % "(-2, -2)"),
    "inner below zero": header(DESCRIBED % "(2, -2)"),
    "a bool": header(DESCRIBED % "(True,)"),
    "far too long": header(DESCRIBED % "(4611686018427387904,)"),
    "longer than can be counted": header(DESCRIBED % f"({10**30},)"),
    "inner too long": header(DESCRIBED % f"(1, {10**30})"),
    "product too long": header(DESCRIBED % "(1, 4294967296, 4294967296)"),
    "no dtype": header("{'descr': 'wrong', 'fortran_order': False, 'shape': (2,)}"),
    "nested": header("(" * 100),
    "no characters": header("\x00" * 100),
}


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
def test_damaged_files(path, content):
    path.write_bytes(content)
    with pytest.raises(FormatError, match=r"x\.npy"):
        GrowingNpy(path)
    assert path.read_bytes() == content


@settings(max_examples=200)
@given(
    at=st.integers(0, 127),
    byte=st.integers(0, 255),
    length=st.none() | st.integers(0, 160),
)
def test_any_damage_is_found_or_harmless(tmp_path_factory, at, byte, length):
    path = tmp_path_factory.mktemp("damage") / "x.npy"
    np.save(path, np.arange(4.0))
    raw = bytearray(path.read_bytes())
    raw[at] = byte
    path.write_bytes(raw[:length])
    try:
        file = GrowingNpy(path)
    except RaggedH5Error:
        return
    file.append(np.zeros((1, *file.shape), file.dtype))
    rows = file.rows
    file.close()
    assert len(np.load(path)) == rows


def test_errors_name_the_file(tmp_path):
    for bad in (tmp_path, tmp_path / "no" / "x.npy"):
        with pytest.raises(WriteError, match=str(bad)):
            GrowingNpy(bad, np.dtype("f8"), ())
        with pytest.raises(WriteError, match=str(bad)):
            GrowingNpy(bad)


def test_close_twice(path):
    file = GrowingNpy(path, np.dtype("f8"), ())
    file.append(np.ones(2))
    file.close()
    file.close()
    file.abandon()
    same(path, np.ones(2))


@pytest.mark.parametrize("array", [np.ones((4, 3))[:, ::2], np.asfortranarray(np.eye(4)[:, :2])])
def test_rows_in_any_memory_layout(path, array):
    with GrowingNpy(path, np.dtype("f8"), (2,)) as file:
        file.append(array)
    assert np.array_equal(np.load(path), array)


def test_rows_that_were_refused_can_come_again(tmp_path, monkeypatch):
    threads = CodingThreads(2)
    few, many = np.arange(3.0), np.arange(20_000.0)
    with GrowingNpy(tmp_path / "x.npy", np.dtype("f8"), (), threads) as file:
        file.append(few)

        def full(*_):
            raise OSError(errno.ENOSPC, "no space")

        with monkeypatch.context() as patch:
            patch.setattr(os, "pwritev", full)
            with pytest.raises(WriteError, match="no space"):
                file.append(many)
        assert file.rows == 3
        file.append(many)
        file.append(few)
    assert np.array_equal(np.load(tmp_path / "x.npy"), np.concatenate([few, many, few]))
    threads.close()
