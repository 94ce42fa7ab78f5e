"""Files that survive: how they are opened, flushed, shared and closed."""

import contextlib
import datetime
import gc
import os
import subprocess
import sys
import threading
import time

import h5py
import numpy as np
import pytest

import raggedh5 as rh5
from raggedh5.care import recover, validate
from raggedh5.core import room
from raggedh5.store.durable import durability
from raggedh5.store.durable.flusher import Interval
from raggedh5.store.durable.journal import has_journal, journal_of

LEVELS = ["process", "disk"]


def rows(n, start=0):
    return {"x": np.arange(start, start + 3 * n, dtype="i4").reshape(n, 3)}


def names(path):
    """Return the names of all files beside a path."""
    return sorted(other.name for other in path.parent.iterdir())


def killed(work):
    """Run `work` in a fork that ends like a killed one."""
    child = os.fork()
    if child == 0:
        try:
            work()
            os._exit(0)
        finally:
            os._exit(1)
    assert os.waitpid(child, 0)[1] == 0


def leave_unclosed(path, change=lambda file: None, **options):
    """Flush four rows of a table `t`, and two more; change something else; and be killed."""

    def work():
        file = rh5.File(path, "w", durable="process", **options)
        file.create_table("t").append(rows(4))
        file.flush()
        file["t"].append(rows(2, 12))
        file.flush()
        change(file)

    killed(work)


forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


@forks
@pytest.mark.parametrize("flushed", ["", "file.flush()", "[*file.flushing()]"])
def test_a_file_that_nobody_closes_is_closed_at_the_end(path, flushed):
    program = f"""
import numpy as np, raggedh5 as rh5
file = rh5.File({str(path)!r}, "w", durable="process")
array = file.create_array("a", shape=(0, 1000), dtype="f8", chunks=(100, 1000))
for _ in range(5):
    array.append(np.ones((130, 1000)))
    {flushed}
"""
    program += f"""
import os, sys
file.before_close(lambda: open({str(path)!r} + ".steps", "a").write("closed "))
if not os.fork():
    sys.exit()
os.wait()
"""
    subprocess.run([sys.executable, "-W", "ignore", "-c", program], check=True)
    steps = path.with_name(path.name + ".steps")
    assert steps.read_text() == "closed "  # by the process that opened it alone
    steps.unlink()
    assert names(path) == [path.name]
    with h5py.File(path) as file:
        assert (file["a"][:] == np.ones((650, 1000))).all()


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("mode", ["w", "x", "a"])
def test_a_closed_file_is_a_plain_one(path, level, mode):
    with rh5.File(path, mode, durable=level) as file:
        table = file.create_table("t")
        table.append(rows(4))
        assert path.exists()
        assert has_journal(path)
        file.flush()
        table.append(rows(2, 12))
        file.create_array("a", data=np.arange(5.0))
    assert names(path) == [path.name]
    with h5py.File(path) as file:
        assert file["t/x-data"][:].tolist() == list(range(18))
        assert file["a"][:].tolist() == list(range(5))
    with rh5.File(path, verify="always") as file:
        assert len(file.read()["t"]["x"]) == 6


@pytest.mark.parametrize("level", LEVELS)
def test_it_holds_what_a_file_holds_that_was_written_at_once(path, every_kind, level):
    kinds, _ = every_kind
    with rh5.File(kinds) as old, rh5.File(path, "w", durable=level, chunk_bytes=1000) as new:
        for name, table in old.tables().items():
            new.create_table(name, table.columns, ragged=table.ragged)
        for first in range(0, 300, 30):
            for name, table in old.tables().items():
                if first < len(table):
                    new[name].append(table[first : first + 30])
            new.flush()
    with rh5.File(path, verify="always") as new, rh5.File(kinds) as old:
        for name, table in old.tables().items():
            if len(table):
                for column, values in table.read().items():
                    assert str(new[name].read()[column]) == str(values)
                    assert repr(new[name][column][:][-5:]) == repr(values[-5:])


@forks
@pytest.mark.parametrize("level", LEVELS)
def test_what_was_flushed_is_there_after_a_kill(path, level):
    def work():
        file = rh5.File(path, "w", durable=level)
        file.create_table("t").append(rows(4))
        file.flush()
        for start in (12, 18):
            file["t"].append(rows(2, start))
            file.flush()
        file.h5.create_group("plain").attrs["note"] = "made by h5py"
        file.flush()
        file["t"].append(rows(1, 900))

    killed(work)
    with pytest.raises(rh5.FormatError, match="raggedh5 recover"):
        rh5.File(path)
    with rh5.File(path, "a", durable=level) as file:
        assert file["t"].read()["x"].values.tolist() == list(range(24))
        assert file.h5["plain"].attrs["note"] == "made by h5py"
        file["t"].append(rows(1, 24))
    assert not has_journal(path)
    with rh5.File(path) as file:
        assert file["t"].read()["x"].values.tolist() == list(range(27))


@forks
def test_what_was_renamed_and_deleted_meanwhile(path):
    def work():
        file = rh5.File(path, "w", durable="process")
        for name in ("t", "gone", "a"):
            file.create_table(name).append(rows(4))
        file.create_array("x", data=np.arange(3))
        file.flush()
        table, array = file["t"], file["x"]
        file.h5.move("t", "deep/u")
        file.h5.move("x", "y")
        del file.h5["gone"]
        file.flush()
        table.append(rows(2, 12))
        array.append([3, 4])
        file.flush()

    killed(work)
    with rh5.File(path, "a") as file:
        assert sorted(file.tables()) == ["a", "deep/u"]
        assert file["deep/u"].read()["x"].values.tolist() == list(range(18))
        assert file["y"][:].tolist() == list(range(5))


@forks
@pytest.mark.parametrize("mode", ["a", "r+"])
def test_opening_it_plainly_for_writing_brings_it_back_too(path, mode):
    leave_unclosed(path)
    with rh5.File(path, mode) as file:
        assert file["t"].read()["x"].values.tolist() == list(range(18))
    assert not has_journal(path)


@forks
@pytest.mark.parametrize("durable", [None, "process"])
def test_a_new_file_takes_the_place_of_an_unclosed_one(path, durable):
    leave_unclosed(path)
    with rh5.File(path, "w", durable=durable) as file:
        file.create_array("a", data=[1.0])
    assert names(path) == [path.name]
    with rh5.File(path) as file:
        assert file.keys() == ["a"]


def test_an_existing_file_goes_on(path):
    rh5.write(path, {"t": {"x": [[1, 2], [3]]}})
    with rh5.File(path, "a", durable="process") as file:
        for i in range(4, 20):
            file["t"].append({"x": [[i]]})
            file.flush()
    assert rh5.read(path)["t"]["x"].to_list() == [[1, 2], [3], *([i] for i in range(4, 20))]


@pytest.mark.parametrize("libver", ["earliest", "latest", ("v108", "v110")])
@forks
def test_any_version_of_the_format_survives(path, libver):
    def change(file):
        file.h5.attrs["more"] = 1
        file.flush()

    leave_unclosed(path, change, libver=libver)
    with rh5.File(path, "a") as file:
        assert file["t"].read()["x"].values.tolist() == list(range(18))


def test_an_exception_of_the_user_keeps_what_was_appended(path):
    def work():
        with rh5.File(path, "w", durable="process") as file:
            file.create_table("t").append(rows(4))
            file.flush()
            file["t"].append(rows(2, 12))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        work()
    assert not has_journal(path)
    with rh5.File(path) as file:
        assert file["t"].read()["x"].values.tolist() == list(range(18))


@pytest.mark.parametrize("first", LEVELS)
@pytest.mark.parametrize("second", [None, *LEVELS])
@pytest.mark.parametrize("mode", ["a", "w", "r+"])
def test_a_second_writer_is_told(path, first, second, mode):
    with rh5.File(path, "w", durable=first) as file:
        file.create_array("a", data=[1.0])
        file.flush()
        with pytest.raises(rh5.WriteError, match="open elsewhere"):
            rh5.File(path, mode, durable=second)
        file["a"].append([2.0])
    assert rh5.read(path)["a"].tolist() == [1, 2]


def test_a_second_writer_in_another_process_is_told(path, script):
    with rh5.File(path, "w", durable="process") as file:
        file.create_array("a", data=[1.0])
        code = """
import sys, raggedh5 as rh5
try:
    rh5.File(sys.argv[1], "a", durable=sys.argv[2] or None)
except rh5.WriteError as error:
    print(error)
"""
        for level in ("", "process"):
            assert "open elsewhere" in script(code, path, level).stdout
        assert (
            "open elsewhere"
            in script(
                "import sys, raggedh5 as r\ntry: r.File(sys.argv[1])\n"
                "except r.WriteError as e: print('open elsewhere', e)",
                path,
            ).stdout
        )


def test_a_reader_is_told_how_to_read(path):
    with (
        rh5.File(path, "w", durable="process"),
        pytest.raises(rh5.WriteError, match="written to elsewhere"),
    ):
        rh5.File(path)


def test_what_makes_no_sense_is_refused(path):
    rh5.write(path, {"a": [1.0]})
    with pytest.raises(ValueError, match="mode"):
        rh5.File(path, durable="process")
    with pytest.raises(ValueError, match="'process' or 'disk'"):
        rh5.File(path, "a", durable="forever")
    with pytest.raises(ValueError, match="driver"):
        rh5.File(path, "a", durable="disk", driver="core")
    with pytest.raises(ValueError, match="durable"):
        rh5.File(path, "a", flush_every=10)
    with pytest.raises(rh5.WriteError, match="exists already"):
        rh5.File(path, "x", durable="disk")
    with h5py.File(path, "a") as file, pytest.raises(ValueError, match="open already"):
        rh5.File(file, durable="disk")
    with pytest.raises(FileNotFoundError):
        rh5.File(path.with_name("none.h5"), "r+", durable="disk")
    with pytest.raises(rh5.WriteError, match="no file"):
        rh5.File(path.parent, "a", durable="disk")
    text = path.with_name("text")
    text.write_text("nothing of HDF5")
    with pytest.raises(rh5.FormatError, match="as HDF5"):
        rh5.File(text, "a", durable="disk")
    assert text.read_text() == "nothing of HDF5"
    assert names(path) == [path.name, "text"]
    assert rh5.read(path)["a"].tolist() == [1.0]


@forks
def test_the_journal_of_another_file_is_refused(path):
    leave_unclosed(path)
    other = path.with_name("other.h5")
    rh5.write(other, {"t": rows(50)})
    before = other.read_bytes()
    journal_of(path).rename(journal_of(other))
    with pytest.raises(rh5.FormatError, match="is not the file that"):
        rh5.File(other, "a")
    assert other.read_bytes() == before
    assert has_journal(other)


@forks
def test_file_and_journal_may_move_together(path):
    leave_unclosed(path)
    moved = path.with_name("moved.h5")
    moved.write_bytes(path.read_bytes())
    journal_of(moved).write_bytes(journal_of(path).read_bytes())
    with rh5.File(moved, "a") as file:
        assert file["t"].read()["x"].values.tolist() == list(range(18))


def test_flushing_after_so_many_rows(path, monkeypatch):
    flushed = []
    real = durability.Durability.flush
    monkeypatch.setattr(
        durability.Durability, "flush", lambda self: (flushed.append(1), real(self))[1]
    )
    with rh5.File(path, "w", durable="process", flush_every=10) as file:
        table = file.create_table("t")
        for i in range(25):
            table.append(rows(1, 3 * i))
        assert len(flushed) == 2


@pytest.mark.parametrize("every", ["40 ms", datetime.timedelta(milliseconds=40)])
@forks
def test_flushing_after_so_many_seconds(path, every):
    def work():
        file = rh5.File(path, "w", durable="process", flush_every=every)
        file.create_table("t").append(rows(4))
        end = time.monotonic() + 20
        while time.monotonic() < end:
            with rh5.File(path, live=True) as reader:
                if "t" in reader and len(reader["t"]) == 4:
                    return
            time.sleep(0.01)
        raise AssertionError

    killed(work)
    with rh5.File(path, "a") as file:
        assert len(file["t"]) == 4


@pytest.mark.parametrize("wrong", [0, -1, True, "5", "five s", "1.5 rows", 2.5, [3]])
def test_times_that_are_none(wrong):
    with pytest.raises(ValueError, match="flush_every"):
        Interval.of(wrong)


def test_times():
    assert Interval.of("2 min").seconds == 120
    assert Interval.of("1 row").rows == 1
    assert Interval.of(datetime.timedelta(hours=1)).seconds == 3600


def test_a_failure_in_the_background_is_told_once(path, monkeypatch):
    with rh5.File(path, "w", durable="process", flush_every="20 ms") as file:
        table = file.create_table("t")
        table.append(rows(1))
        file.flush()
        failing = threading.Event()
        real = durability.Durability.checkpoint

        def checkpoint(self):
            if threading.current_thread() is not threading.main_thread():
                failing.set()
                raise rh5.WriteError("no room in the background")
            real(self)

        monkeypatch.setattr(durability.Durability, "checkpoint", checkpoint)
        monkeypatch.setattr(durability.Durability, "_is_due", lambda self: True)
        table.append(rows(1, 3))
        assert failing.wait(20)

        def told():
            while True:  # until the thread has put it down
                table.append({"x": np.zeros((0, 3), "i4")})

        with pytest.raises(rh5.WriteError, match="no room in the background"):
            told()
        monkeypatch.undo()
        table.append(rows(1, 6))
    assert rh5.read(path)["t"]["x"].values.tolist() == list(range(9))


class FailingOnce:
    """A codec whose first chunk fails."""

    def __init__(self, real):
        self._real = real
        self.failures = 0

    def __getattr__(self, name):
        return getattr(self._real, name)

    def work(self, source, stored, filled=None):
        real = self._real
        if self.failures:
            return real.work(source, stored, filled)
        self.failures += 1
        return real.work(source, stored[:1])  # c-blosc finds that there is no room


@pytest.mark.parametrize("when", ["append", "flush", "close"])
@pytest.mark.parametrize("durable", [None, "process"])
def test_a_chunk_that_cannot_be_coded_is_told_once(path, when, durable):
    file = rh5.File(path, "w", durable=durable, chunk_bytes=400, codec=rh5.Blosc("zstd"))
    table = file.create_table("t", {"x": "f8"})
    table.append({"x": np.zeros((1, 1))})
    stream = file._handle.writers_now()[0].streams[0]
    assert stream.name == "/t/x-data"
    stream.codec = FailingOnce(stream.codec)
    table.append({"x": np.arange(100.0).reshape(2, 50)})
    assert stream.codec.failures == 1
    if durable:
        file._handle.sink.hold = 0

    def told():
        if when == "close":
            file.close()
        elif when == "flush":
            file.h5.attrs["changed"] = 1  # so that the journal alone will not do
            file.flush()
        else:
            for _ in range(5000):  # until it has been coded
                table.append({"x": np.zeros((1, 0))})
                time.sleep(0.001)

    with pytest.raises(rh5.CodecError, match=r"/t/x-data: chunk 0 .* rows 1:3 of /t"):
        told()
    if when != "close":
        file.flush()
        file.close()
        assert rh5.read(path)["t"]["x"].values.tolist() == [0, *range(100)]
    elif durable:  # what had not been flushed is lost, as the error says; the file is whole
        with rh5.File(path, "a") as file:
            assert file.contents() is not None


@forks
def test_the_child_of_a_fork_does_not_disturb(path):
    with rh5.File(path, "w", durable="process") as file:
        table = file.create_table("t")
        table.append(rows(4))
        file.flush()

        def work():
            with pytest.raises(rh5.WriteError, match="another process"):
                file.flush()
            file.close()

        child = os.fork()
        if child == 0:
            try:
                work()
            except rh5.WriteError:
                pass
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        table.append(rows(2, 12))
    assert rh5.read(path)["t"]["x"].values.tolist() == list(range(18))


def test_a_forgotten_file_lets_go_of_its_lock(path):
    file = rh5.File(path, "w", durable="process")
    file.create_table("t").append(rows(4))
    file.flush()
    file["t"].append(rows(2, 12))
    del file
    gc.collect()
    with rh5.File(path, "a", durable="process") as file:
        assert len(file["t"]) == 4


def test_reading_what_is_not_flushed_yet(path):
    with rh5.File(path, "w", durable="process", chunk_bytes=300) as file:
        table = file.create_table("t")
        array = file.create_array("a", (0, 2), "i4")
        for i in range(60):
            table.append(rows(2, 6 * i))
            array.append(np.full((3, 2), i))
            if i % 7 == 0:
                assert table[-1]["x"].tolist() == [6 * i + 3, 6 * i + 4, 6 * i + 5]
                assert array[-1].tolist() == [i, i]
            if i % 3 == 0:
                file.flush()
        assert table.read()["x"].values.tolist() == list(range(360))
    assert rh5.read(path)["t"]["x"].values.tolist() == list(range(360))


@forks
@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("ragged", [True, False])
def test_declared_columns_survive_without_rows(path, level, ragged):
    columns = {
        "x": rh5.Column("f4", (3,), attrs={"units": "angstrom"}),
        "name": rh5.Column("str", dictionary=True),
        "charge": rh5.Column("i1", nullable=True),
    }

    def work():
        with rh5.File(path, "w", durable=level) as file:
            file.create_table("t", columns, ragged=ragged)
            file.create_table("open", {"name": "str"}, ragged=ragged)
            file.flush()
            os._exit(0)

    killed(work)
    recover(path)
    with rh5.File(path, "a") as file:
        table = file["t"]
        assert table.columns["x"].shape == (3,)
        assert table["x"].h5.attrs["units"] == "angstrom"
        assert table.columns["name"].dictionary
        assert table.columns["charge"].nullable
        assert len(table) == len(file["open"]) == 0
        with pytest.raises(rh5.SchemaError, match="unknown"):
            table.append({"y": [[1], [2]] if ragged else [1, 2]})
    assert validate(path).valid


def test_declared_columns_take_rows_after_a_flush(path):
    with rh5.File(path, "w", durable="process") as file:
        table = file.create_table("t", {"x": "f4", "name": rh5.Column("str", dictionary=False)})
        file.flush()
        table.append({"x": [[1, 2], [3]], "name": [["a", "b"], ["c"]]})
        file.flush()
    with rh5.File(path) as file:
        assert [list(row) for row in file["t"]["x"][:]] == [[1, 2], [3]]
        assert [list(row) for row in file["t"]["name"][:]] == [["a", "b"], ["c"]]


@forks
def test_dictionaries_go_on_after_a_crash(path):
    column = {"name": rh5.Column("str", dictionary=True)}

    def work():
        file = rh5.File(path, "w", durable="process")
        file.create_table("t", column)
        file.flush()
        file["t"].append({"name": [["a", "b"], ["c", "a"]]})
        file.flush()

    killed(work)
    with rh5.File(path, "a", durable="process") as file:
        assert file.recovery.rows
        file["t"].append({"name": [["c", "d", "a"]]})
        expected = [["a", "b"], ["c", "a"], ["c", "d", "a"]]
        assert [list(row) for row in file["t"]["name"][:]] == expected
    with rh5.File(path) as file:
        assert [list(row) for row in file["t"]["name"][:]] == expected
    assert validate(path).valid


@pytest.mark.parametrize("level", LEVELS)
def test_room_that_was_made_is_given_back(path, rng, level, monkeypatch):
    asked = []
    make = room.Room.make
    monkeypatch.setattr(room, "STEP", 1 << 16)
    monkeypatch.setattr(
        room.Room, "make", lambda self, *ends: (asked.append(ends), make(self, *ends))[1]
    )
    values = rng.integers(0, 1 << 40, (1 << 18, 4))
    with rh5.File(path, "w", durable=level) as file:
        table = file.create_table("t")
        for start in range(0, len(values), 1 << 12):
            table.append({"x": values[start : start + (1 << 12)]})
            file.flush()
    with rh5.File(path.with_name("plain.h5"), "w") as file:
        file.create_table("t").append({"x": values})
    assert path.stat().st_size < 1.01 * path.with_name("plain.h5").stat().st_size
    assert any(stop - start > 1 << 16 for start, stop in asked)
    assert (rh5.read(path)["t"]["x"].values == values.reshape(-1)).all()


@forks
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_child_of_a_fork_may_close_while_room_is_made(path, rng):
    values = rng.normal(size=(40, 1000, 3))
    with rh5.File(path, "w", durable="process") as file:
        table = file.create_table("t", {"x": ("f8", (3,))})
        for _ in range(12):
            table.append({"x": values})
            file.flush()
            child = os.fork()
            if child == 0:
                with contextlib.suppress(rh5.RaggedH5Error):
                    file.close()
                os._exit(0)
            assert os.waitpid(child, 0)[1] == 0
    assert len(rh5.read(path)["t"]["x"]) == 480
