"""Rows that survive without a checkpoint, chunks that only the journal leads to included."""

import os
import shutil

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import raggedh5 as rh5
from raggedh5.care import recover, validate
from raggedh5.store import sink
from raggedh5.store.durable import durability, paged_file, unlogged
from raggedh5.store.durable.durability import Durability
from raggedh5.store.durable.journal import journal_of

ROWS = 50
"""Of a chunk; with 2,000 numbers in each, a chunk is large."""


@pytest.fixture(autouse=True)
def nothing_in_the_background(monkeypatch):
    """Only what is asked for brings rows to the file."""
    monkeypatch.setattr(durability, "LONGEST_LAG", 1e9)


def block(rows, start=0, seed=0):
    return np.random.default_rng([seed, start]).normal(size=(rows, 2000))


def crashed(path, name="crash.h5"):
    """Return a copy of a file and its journal as they are: what a killed writer leaves."""
    target = path.with_name(name)
    shutil.copyfile(path, target)
    shutil.copyfile(journal_of(path), journal_of(target))
    return target


def flush_rows(file):
    for _ in file.flushing():
        pass


def created(path, **options):
    """Open a file with an array and a table; what was made is safe."""
    file = rh5.File(path, "w", durable="process", **options)
    file.create_array("x", shape=(0, 2000), dtype="f8", chunks=(ROWS, 2000))
    file.create_array("t", shape=(0,), dtype="f8", chunks=(ROWS * 3,))
    file.create_table("atoms", {"z": "i2", "symbol": "str"})
    extend(file, 10)
    file.flush()
    return file


def extend(file, rows):
    start = len(file["x"])
    file["x"].append(block(rows, start), lent=True)
    file["t"].append(np.arange(start, start + rows, dtype="f8"))
    z = [list(range(row % 5)) for row in range(start, start + rows)]
    file["atoms"].append({"z": z, "symbol": [[f"S{n}" for n in row] for row in z]})


def wanted(*parts):
    """Return the rows of the array after appends of so many rows."""
    starts = np.cumsum([0, *parts[:-1]])
    return np.concatenate([block(n, int(start)) for n, start in zip(parts, starts, strict=True)])


def same(path, *parts):
    rows = sum(parts)
    with rh5.File(path) as file:
        z = file["atoms"]["z"][:].to_list()
        return (
            np.array_equal(file["x"][:], wanted(*parts))
            and file["t"][:].tolist() == list(range(rows))
            and z == [list(range(row % 5)) for row in range(rows)]
        )


def test_rows_survive_and_the_file_is_let_be(path):
    with created(path) as file:
        committed = durability_of(file)._checkpoints
        parts = [10]
        for rows in (ROWS * 2 - 10, ROWS, 7, ROWS * 5 + 3, 1):
            extend(file, rows)
            parts.append(rows)
            flush_rows(file)
            copy = crashed(path)
            with h5py.File(copy, locking=False) as plain:
                assert len(plain["x"]) == 10
            assert recover(copy).restored["/x"] == (10, sum(parts))
            assert same(copy, *parts)
            assert validate(copy).valid
        assert durability_of(file)._checkpoints == committed
    assert same(path, *parts)
    assert validate(path).valid


def test_large_chunks_are_not_written_twice(path):
    with created(path) as file:
        extend(file, ROWS * 4 - 10)
        flush_rows(file)
        assert journal_of(path).stat().st_size < 400_000 < path.stat().st_size


def test_attributes_follow_with_the_next_flush(path):
    with created(path) as file:
        file.h5.attrs["a"] = 1
        extend(file, ROWS)
        flush_rows(file)
        with rh5.File(crashed(path, "rows.h5"), "a", durable="process") as other:
            assert "a" not in other.h5.attrs
            assert len(other["x"]) == 10 + ROWS
        file.flush()
        with rh5.File(crashed(path, "all.h5"), "a", durable="process") as other:
            assert other.h5.attrs["a"] == 1
            assert len(other["x"]) == 10 + ROWS


@pytest.mark.parametrize(
    "change",
    [
        lambda file: file.create_array("new", data=np.arange(3)),
        lambda file: file["x"].truncate(4),
        lambda file: file.move("t", "time"),
        lambda file: file.remove("t"),
    ],
)
def test_what_is_more_than_rows_brings_a_checkpoint(path, change):
    with created(path) as file:
        change(file)
        if "t" in file:
            extend(file, 3)
        else:
            file["x"].append(block(3))
        found = {name: file[name][:] for name in ("x", "t", "time", "new") if name in file}
        flush_rows(file)
        copy = crashed(path)
    recover(copy)
    with rh5.File(copy) as file:
        for name, values in found.items():
            assert np.array_equal(file[name][:], values)
        assert ("t" in file) == ("t" in found)


def test_rows_that_come_in_between_are_for_the_next_time(path):
    with created(path) as file:
        extend(file, ROWS * 3)
        parts = [10, ROWS * 3]
        for steps, _ in enumerate(file.flushing()):
            if steps < 3:
                extend(file, ROWS + steps)
                parts.append(ROWS + steps)
        assert len(parts) > 2
        copy = crashed(path, "first.h5")
        recover(copy)
        assert same(copy, *parts[:2])
        flush_rows(file)
        copy = crashed(path, "second.h5")
        recover(copy)
        assert same(copy, *parts)
    assert same(path, *parts)


def test_a_checkpoint_in_between(path):
    with created(path) as file:
        extend(file, ROWS * 3)
        for _ in file.flushing():
            file.flush()
        extend(file, 4)
        flush_rows(file)
        copy = crashed(path)
    recover(copy)
    assert same(copy, 10, ROWS * 3, 4)


@pytest.mark.parametrize("ragged", [False, True])
@pytest.mark.parametrize("other", ["flush", "flushing"])
def test_another_flush_in_between(path, ragged, other):
    def rows(first, stop):
        values = np.arange(first, stop)
        return {"x": values[:, None] if ragged else values}

    with rh5.File(path, "w", durable="process") as file:
        table = file.create_table("t", {"x": "i8"}, ragged=ragged)
        table.append(rows(0, 5))
        file.flush()
        table.append(rows(5, 70_000))
        steps = file.flushing()
        next(steps)
        table.append(rows(70_000, 70_500))
        if other == "flush":
            file.flush()
        else:
            flush_rows(file)
        assert list(steps) is not None
        copy = crashed(path)
        table.append(rows(70_500, 70_600))
        flush_rows(file)
        later = crashed(path, "later.h5")
    for crash, count in ((copy, 70_500), (later, 70_600)):
        recover(crash)
        found = rh5.read(crash)["t"]["x"]
        values = found.values if ragged else found
        assert np.array_equal(values, np.arange(count))


@pytest.mark.parametrize("columns", [None, {"s": "str"}])
def test_columns_that_come_with_the_first_rows(path, columns):
    with rh5.File(path, "w", durable="process") as file:
        table = file.create_table("t", columns, ragged=False)
        file.flush()
        for part in range(3):
            words = [f"w{n}" for n in range(10 * part, 10 * part + 10)]
            table.append({"s": words} if columns else {"x": np.arange(10) + 10 * part})
            flush_rows(file)
            copy = crashed(path)
            recover(copy)
            with rh5.File(copy) as other:
                assert len(other["t"]) == 10 * part + 10
                last = other["t"][-1]
                assert last["s"] == words[-1] if columns else last["x"] == 10 * part + 9


def test_files_that_links_lead_to(path):
    with rh5.File(path.with_name("b.h5"), "w") as file:
        file.create_array("x", shape=(0,), dtype="i8", chunks=(100,))
    with rh5.File(path, "w", durable="process") as file:
        file.h5["l"] = h5py.ExternalLink("b.h5", "/x")
        file["l"].append(np.arange(150))
        flush_rows(file)
        assert len(h5py.File(path.with_name("b.h5"))["x"]) == 150


def test_memory_is_bounded_without_a_flush(path, monkeypatch):
    monkeypatch.setattr(unlogged, "MOST_KEPT", 10_000)
    monkeypatch.setattr(unlogged, "MOST_CHUNKS", 200)
    monkeypatch.setattr(durability, "LARGEST_JOURNAL", 1)
    with rh5.File(path, "w", durable="process") as file:
        file.create_array("a", shape=(0, 100), dtype="f8", chunks=(10, 100))
        file.flush()
        values = np.random.default_rng(0).normal(size=(10, 100))
        log = None
        for count in range(1, 500):
            file["a"].append(values)
            log = log or file["a"]._writing_end().stream.log
            kept = [full.coded.raw for full in log._full.values() if full.coded is not None]
            assert sum(len(raw) for raw in kept if raw is not None) <= 10_000
            assert len(log._full) <= 200
            if count in (100, 400):
                flush_rows(file)
                copy = crashed(path)
                recover(copy)
                assert np.array_equal(rh5.read(copy)["a"], np.tile(values, (count, 1)))


def test_a_file_that_is_closed_in_between(path):
    file = created(path)
    extend(file, ROWS * 3)
    steps = file.flushing()
    next(steps)
    file.close()
    with pytest.raises(rh5.ClosedError):
        next(steps)
    assert same(path, 10, ROWS * 3)


def test_a_chunk_that_is_not_there_ends_the_rows(path):
    with created(path) as file:
        extend(file, ROWS)
        flush_rows(file)
        safe = path.stat().st_size
        extend(file, ROWS * 2)
        flush_rows(file)
        copy = crashed(path)
    with copy.open("r+b") as raw:
        raw.seek(safe + 100_000)
        raw.write(b"damaged")
    recover(copy)
    assert same(copy, 10, ROWS)


def test_killed_while_it_is_recovered(path, monkeypatch):
    with created(path) as file:
        for _ in range(3):
            extend(file, ROWS * 2)
            flush_rows(file)
        copy = crashed(path)

    def killed(self):
        raise KeyboardInterrupt

    for _ in range(2):
        with monkeypatch.context() as patch:
            patch.setattr(Durability, "checkpoint", killed)
            with pytest.raises(KeyboardInterrupt):
                rh5.File(copy, "a", durable="process")
    recover(copy)
    assert same(copy, 10, *[ROWS * 2] * 3)


def test_many_chunks_bring_a_checkpoint(path, monkeypatch):
    monkeypatch.setattr(durability, "LARGEST_LED_TO", 1_000_000)
    with created(path) as file:
        before = durability_of(file)._checkpoints
        for _ in range(8):
            extend(file, ROWS)
            flush_rows(file)
        assert durability_of(file)._checkpoints - before in (2, 3, 4)
        copy = crashed(path)
    recover(copy)
    assert same(copy, 10, *[ROWS] * 8)


def test_where_nothing_is_durable_it_is_a_flush(path):
    with rh5.File(path, "w") as file:
        file.create_array("x", data=np.arange(5))
        flush_rows(file)
        assert file.h5["x"][:].tolist() == list(range(5))


def test_a_reader_in_the_same_process(path):
    with created(path) as file:
        parts = [10]
        for rows in (ROWS * 2, 5, ROWS):
            extend(file, rows)
            parts.append(rows)
            for _ in file.flushing():
                assert np.array_equal(file["x"][:], wanted(*parts))
            assert np.array_equal(file["x"][:], wanted(*parts))
        copy = crashed(path)
    recover(copy)
    assert same(copy, *parts)


def durability_of(file):
    return file._handle.safety


@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_any_mixture(tmp_path_factory, data):
    """Appends, both kinds of flushes and recoveries in any order."""
    path = tmp_path_factory.mktemp("mixture") / "file.h5"
    draw = data.draw
    lent = draw(st.booleans())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(durability, "LONGEST_LAG", 1e9)
        patch.setattr(sink, "SMALL", draw(st.sampled_from([0, 200, 1 << 16])))
        patch.setattr(paged_file, "DIRECT", draw(st.sampled_from([1, 1 << 16])))
        patch.setattr(paged_file, "LARGEST_LATE", draw(st.sampled_from([1, 1 << 23])))
        file = rh5.File(path, "w", durable=draw(st.sampled_from(["process", "disk"])))
        shape = draw(st.sampled_from([(), (3,), (700,)]))
        for name, chunk in (("a", 4), ("b", 64)):
            file.create_array(name, shape=(0, *shape), dtype="f4", chunks=(chunk, *shape))
        rng, made, safe = np.random.default_rng(0), {"a": [], "b": []}, {"a": 0, "b": 0}
        for step in draw(st.lists(st.sampled_from("aaabbbffFr"), max_size=25)):
            if step in made:
                rows = rng.normal(size=(draw(st.integers(1, 30)), *shape)).astype("f4")
                file[step].append(rows, lent=lent)
                made[step] += list(rows)
                continue
            if step in "fF":
                file.flush() if step == "F" else flush_rows(file)
                safe = {name: len(rows) for name, rows in made.items()}
                continue
            copy = crashed(path, f"{os.urandom(4).hex()}.h5")
            recover(copy)
            with rh5.File(copy) as other:
                for name, least in safe.items():
                    found = other[name][:] if name in other else np.empty((0, *shape))
                    assert len(found) >= least
                    assert np.array_equal(
                        found, np.array(made[name][: len(found)]).reshape(found.shape)
                    )
        file.close()
        with rh5.File(path) as other:
            for name, rows in made.items():
                assert np.array_equal(other[name][:], np.array(rows, "f4").reshape(-1, *shape))
