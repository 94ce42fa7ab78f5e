"""Durable files in odd moments: interrupts, signals, failing disks, items of no bytes."""

import errno
import os
import shutil
import signal

import numpy as np
import pytest

import raggedh5 as rh5
from raggedh5.care import recover
from raggedh5.store.durable import durability, journal, paged_file, pages
from raggedh5.store.durable.journal import Journal, generation, has_journal, journal_of


@pytest.fixture(autouse=True)
def nothing_in_the_background(monkeypatch):
    """Rows stay in the journal until something else than time brings them to the file."""
    monkeypatch.setattr(durability, "LONGEST_LAG", 1e9)


def crashed(path, name="crash.h5"):
    """Return a copy of a file and its journal as they are: what a killed writer leaves."""
    target = path.with_name(name)
    shutil.copyfile(path, target)
    shutil.copyfile(journal_of(path), journal_of(target))
    return target


def values(path, name="t"):
    return rh5.read(path)[name]["x"].values.tolist()


def test_an_interrupt_behind_a_record(path, monkeypatch):
    """The names of tables in the journal do not get out of step."""
    with rh5.File(path, "w", durable="process") as file:
        for name in "ab":
            file.create_table(name).append({"x": [[0.0]]})
        file.flush()
        file["a"].append({"x": [[1.0]]})
        real = Journal.append

        def interrupted(self, *arguments):
            real(self, *arguments)
            raise KeyboardInterrupt

        monkeypatch.setattr(Journal, "append", interrupted)
        with pytest.raises(KeyboardInterrupt):
            file.flush()
        monkeypatch.undo()
        for i in range(2, 4):
            for name in "ba":
                file[name].append({"x": [[float(i)]]})
            file.flush()
        copy = crashed(path)
    recover(copy)
    assert values(copy, "a") == [0, 1, 2, 3]
    assert values(copy, "b") == [0, 2, 3]


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs signals")
def test_a_handler_of_signals_that_flushes(path, monkeypatch):
    from raggedh5.store.stream import Stream

    told = []

    def handler(*_):
        try:
            file.flush()
        except rh5.WriteError as error:
            told.append(str(error))

    before = signal.signal(signal.SIGUSR1, handler)
    try:
        with rh5.File(path, "w", durable="process") as file:
            table = file.create_table("t")
            table.append({"x": [[1.0]], "y": [[1]]})
            real = Stream.reserve

            def reserve(self, n):
                call()  # between two columns
                return real(self, n)

            monkeypatch.setattr(Stream, "reserve", reserve)
            for call in (lambda: signal.raise_signal(signal.SIGUSR1), handler):  # noqa: B007
                assert not told  # a signal waits until the append is done
                table.append({"x": [[2.0]], "y": [[2]]})
            monkeypatch.undo()
            assert "an append is under way" in told[0]
            file.flush()
        assert values(path) == [1, 2, 2]
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_items_of_no_bytes(path):
    with rh5.File(path, "w", durable="process") as file:
        table = file.create_table("t")
        array = file.create_array("a", (0, 0), "f4")
        for i in range(3):
            table.append({"x": np.zeros((2, 3, 0)), "n": np.full((2, 3), i)})
            array.append(np.zeros((2, 0), "f4"))
            file.flush()
        copy = crashed(path)
    with rh5.File(copy, "a", durable="process") as file:
        file["t"].append({"x": np.zeros((1, 1, 0)), "n": [[9]]})
    with rh5.File(copy) as file:
        assert file["t"].read()["x"].values.shape == (19, 0)
        assert file["t"].read()["n"].values[-1] == 9
        assert file["a"].shape == (6, 0)


@pytest.mark.parametrize("piece", [1 << 12, 1 << 20])
def test_memory_of_a_file_that_nobody_flushes(path, piece, monkeypatch):
    monkeypatch.setattr(paged_file, "LARGEST_WAIT", 1 << 18)
    monkeypatch.setattr(durability, "LARGEST_JOURNAL", 1 << 18)
    most = 0
    with rh5.File(path, "w", durable="process", chunk_bytes=piece, codec=None) as file:
        table = file.create_table("t")
        for i in range(200):
            table.append({"x": np.full((8, 512), float(i))})
            most = max(most, file._opened.safety._paged.kept)
        streams = [s for writer in file._handle.writers_now() for s in writer.streams]
        assert all(len(stream.log._full) <= (1 << 25) // piece + 1 for stream in streams)
    assert most < 1 << 20
    assert len(values(path)) == 200 * 8 * 512


def test_a_change_that_fails_half_way(path, monkeypatch):
    """Readers are told, and believe what they read again once the change was made good."""
    with rh5.File(path, "w", durable="process") as file:
        file.create_table("t").append({"x": [[1.0]]})
        file.flush()
        real = pages.Pages.apply

        def apply(self, descriptor, sync):
            real(self, descriptor)
            raise OSError(errno.ENOSPC, "no space")

        monkeypatch.setattr(pages.Pages, "apply", apply)
        file.h5.attrs["a"] = 1
        file["t"].append({"x": [[2.0]]})
        with pytest.raises(rh5.WriteError, match="no space"):
            file.flush()
        opened = file._opened.safety._journal.descriptor
        assert generation(opened) % 2 == 1
        copy = crashed(path)
        monkeypatch.undo()
        file.flush()
        assert generation(opened) % 2 == 0
        with rh5.File(path, live=True) as reader:
            assert reader["t"].read()["x"].values.tolist() == [1, 2]
    recover(copy)
    assert values(copy) == [1, 2]


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "no space"), KeyboardInterrupt()])
def test_a_header_that_is_not_there_for_good(path, error, monkeypatch):
    """An epoch that could not be begun is begun before anything is recorded in it."""
    with rh5.File(path, "w", durable="disk") as file:
        file.create_table("t").append({"x": [[1.0]]})
        file.flush()
        real_fsync, real_begin = os.fsync, journal.Journal.begin
        held = file._opened.safety._journal.descriptor

        def begin(self, *arguments):
            def fsync(descriptor):
                if descriptor == held:
                    raise error
                real_fsync(descriptor)

            monkeypatch.setattr(os, "fsync", fsync)
            try:
                real_begin(self, *arguments)
            finally:
                monkeypatch.setattr(os, "fsync", real_fsync)

        monkeypatch.setattr(journal.Journal, "begin", begin)
        file.h5.attrs["a"] = 1
        file["t"].append({"x": [[2.0]]})
        with pytest.raises((rh5.WriteError, KeyboardInterrupt)):
            file.flush()
        monkeypatch.setattr(journal.Journal, "begin", real_begin)
        copies, kinds = [crashed(path, "first.h5")], []

        def apply(self, descriptor, sync):  # killed behind the next change, before it is concluded
            real_apply(self, descriptor, sync)
            copies.append(crashed(path, "second.h5"))
            found = Journal(journal_of(copies[-1]), create=False, sync=False)
            kinds.extend(kind for kind, _ in found.records())

        real_apply = pages.Pages.apply
        monkeypatch.setattr(pages.Pages, "apply", apply)
        file.h5.attrs["a"] = 2
        file.flush()
        monkeypatch.setattr(pages.Pages, "apply", real_apply)
        assert kinds == [journal.Kind.PAGES]  # which half a change could be made whole by
    for copy in copies:
        recover(copy)
        assert values(copy) == [1, 2]


def test_a_disk_that_fails_is_not_believed_again(path, monkeypatch):
    file = rh5.File(path, "w", durable="disk")
    file.create_table("t").append({"x": [[1.0]]})
    file.flush()
    real = os.fsync

    def fsync(descriptor):
        if descriptor == file._opened.safety._paged.descriptor:
            raise OSError(errno.EIO, "the disk is broken")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    file.h5.attrs["a"] = 1
    with pytest.raises(rh5.WriteError, match="broken"):
        file.flush()
    monkeypatch.undo()
    with pytest.raises(rh5.WriteError, match="failed before"):
        file.flush()
    with pytest.raises(rh5.WriteError, match="failed before"):
        file.close()
    recover(path)
    assert values(path) == [1]


@pytest.mark.parametrize("wrong", [{"verify": "now and then"}, {"threads": 0}])
def test_what_could_not_be_opened_leaves_no_journal(path, wrong):
    rh5.write(path, {"t": {"x": [[1.0]]}})
    with pytest.raises(ValueError, match=r"verify|thread"):
        rh5.File(path, "a", durable="process", **wrong)
    assert not has_journal(path)
    assert values(path) == [1]


def test_no_room_for_a_journal(path, monkeypatch):
    rh5.write(path, {"t": {"x": [[1.0]]}})

    def begin(*_):
        raise OSError(errno.ENOSPC, "no space")

    monkeypatch.setattr(journal.Journal, "begin", begin)
    for mode in ("w", "a"):
        with pytest.raises(rh5.WriteError, match="no space"):
            rh5.File(path, mode, durable="process")
    monkeypatch.undo()
    assert values(path) == [1]
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_an_error_of_any_kind_in_the_background_is_told(path, monkeypatch):
    with rh5.File(path, "w", durable="process", flush_every=2) as file:
        table = file.create_table("t")
        table.append({"x": [[1.0]]})

        def fail(self):
            raise MemoryError("none left")

        monkeypatch.setattr(durability.Durability, "flush", fail)
        table.append({"x": [[2.0]]})
        monkeypatch.undo()
        with pytest.raises(rh5.WriteError, match="none left"):
            table.append({"x": [[3.0]]})
        table.append({"x": [[3.0]]})
    assert values(path) == [1, 2, 3]


def test_what_was_made_good_is_not_told(path, monkeypatch):
    with rh5.File(path, "w", durable="process", flush_every=2) as file:
        table = file.create_table("t")
        table.append({"x": [[1.0]]})

        def fail(self):
            raise rh5.WriteError("no room")

        monkeypatch.setattr(durability.Durability, "flush", fail)
        table.append({"x": [[2.0]]})
        monkeypatch.undo()
        file.flush()
        table.append({"x": [[3.0]]})
    assert values(path) == [1, 2, 3]


def test_a_running_writer_is_not_taken_for_a_dead_one_without_locks(path, monkeypatch):
    monkeypatch.setenv("HDF5_USE_FILE_LOCKING", "FALSE")
    with rh5.File(path, "w", durable="process", locking=False) as file:
        file.create_table("t").append({"x": [[1.0]]})
        file.flush()
        for options in ({}, {"durable": "process"}):
            for mode in ("a", "w"):
                with pytest.raises(rh5.WriteError, match="open elsewhere"):
                    rh5.File(path, mode, locking=False, **options)
        with pytest.raises(rh5.WriteError, match="live=True"):
            rh5.File(path, locking=False)
        assert has_journal(path)
