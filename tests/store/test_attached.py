"""Files that somebody else has opened, buffered: everything is there once that one closes them."""

import contextlib
import errno
import gc
import io
import pickle
import signal
import threading
import time
import weakref

import h5py
import numpy as np
import pytest

import raggedh5 as rh5
from raggedh5.errors import ClosedError, SchemaError, WriteError
from raggedh5.store import attachment
from raggedh5.store.chunk_sums import ChunkSums


def numbers(path, name="t"):
    with rh5.File(path, verify="always") as file:
        return file[name].read()["x"].values.tolist()


def as_stock(path, name="t"):
    with h5py.File(path) as file:
        group = file[name]
        return group["x-data"][: group[f"{name}-offsets"][group.attrs["length"]]].tolist()


def put(file, *values, name="t"):
    table = file[name] if name in file else file.create_table(name, {"x": "i8"})
    for value in values:
        table.append({"x": [[value]]})


def test_rows_stay_in_buffers_until_the_block_ends(path, rng):
    values = rng.normal(size=(40, 5, 3))
    with h5py.File(path, "w") as owner:
        file = rh5.File(owner, buffered=True, chunk_bytes=2000)
        table = file.create_table("t", {"x": ("f8", (3,)), "s": "str"})
        array = file.create_array("a", (0, 5, 3), "f8")
        for batch in np.split(values, 20):
            table.append({"x": batch, "s": [["é", "b", "c", "d", "e"]] * 2})
            array.append(batch)
            assert np.array_equal(table[-1]["x"], batch[-1])
        table.append({"x": values[:1], "s": [["1", "2", "3", "4", "5"]]})
        assert len(table) == 41 > owner["t"].attrs["length"]
        owner["own"] = [1, 2]
    assert not owner
    assert not file.is_open
    assert repr(file).endswith("(closed)>")
    with h5py.File(path) as stock:
        assert stock["t"].attrs["length"] == 41
        assert np.array_equal(stock["t/x-data"][:200].reshape(values.shape), values)
        assert np.array_equal(stock["a"][:], values)
        assert stock["own"][:].tolist() == [1, 2]
        assert stock["__raggedh5__/checksums/t/x-data"][:].all()
    for use in (lambda: table.append({}), lambda: len(table), lambda: array[0], file.flush):
        with pytest.raises(ClosedError, match=r"file\.h5 is closed"):
            use()
    file.close()
    owner.close()


def test_the_owners_flush_brings_everything(path):
    owner = h5py.File(path, "w")
    file = rh5.File(owner, buffered=True)
    put(file, *range(7))
    owner.flush()
    assert owner["t"].attrs["length"] == 7
    put(file, 7)
    file.h5.flush()  # the very same object
    assert owner["t"].attrs["length"] == 8
    owner.close()
    assert numbers(path) == as_stock(path) == list(range(8))


def test_many_chunks_are_pending_at_the_end(path):
    with h5py.File(path, "w") as owner:
        file = rh5.File(owner, buffered=True, chunk_bytes=1000)
        file.create_table("t").append({"x": np.arange(300_000).reshape(100, -1)})
    assert numbers(path) == list(range(300_000))


@pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt, SystemExit])
def test_an_exception_in_the_owners_block(path, error):
    def work(owner):
        put(rh5.File(owner, buffered=True), 1, 2, 3)
        raise error

    with pytest.raises(error), h5py.File(path, "w") as owner:
        work(owner)
    assert numbers(path) == [1, 2, 3]


def test_what_is_ours_is_closed_first(path):
    with h5py.File(path, "w") as owner:
        with rh5.File(owner, buffered=True) as file:
            put(file, 1)
        assert "close" not in vars(owner)
        assert "flush" not in vars(owner)
        assert as_rows(owner) == [1]
        owner["own"] = 5
        put(file, 2)  # in the hands of HDF5 from now on
        assert as_rows(owner) == [1, 2]
        put(rh5.File(owner, buffered=True), 3)
        put(file, 4)
    assert numbers(path) == [1, 2, 3, 4]


def as_rows(owner):
    return owner["t/x-data"][: owner["t"].attrs["length"]].tolist()


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0), (2,), (0,), ()])
def test_several_files_on_one_object(path, order):
    with h5py.File(path, "w") as owner:
        files = [rh5.File(owner, buffered=buffered) for buffered in (True, True, False)]
        wanted = []
        for turn in (*order, None):
            for i, file in enumerate(files):
                put(file, len(wanted))
                wanted.append(len(wanted))
                assert len(file["t"]) == len(wanted), i
            if turn is not None:
                files[turn].close()
    assert numbers(path) == as_stock(path) == wanted
    assert not attachment._caught


def test_objects_that_are_used_again_and_again(path):
    with h5py.File(path, "w") as owner:
        before = owner.close
        for value in range(100):
            with rh5.File(owner, buffered=True) as file:
                put(file, value)
        kept = [rh5.File(owner, buffered=True)]
        for value in range(100, 200):  # never the last one is closed
            kept.append(rh5.File(owner, buffered=True))
            put(kept[-1], value)
            kept.pop(0).close()
        kept.pop().close()
        assert owner.close == before
    assert numbers(path) == list(range(200))


def test_two_objects_on_one_file(path):
    first, second = h5py.File(path, "w"), h5py.File(path, "a")
    files = [rh5.File(owner, buffered=True) for owner in (first, second)]
    put(files[0], 0)
    put(files[1], 1)
    put(files[0], 2)
    first.close()
    assert as_rows(second) == [0, 1, 2]
    put(files[1], 3)
    second.close()
    assert numbers(path) == [0, 1, 2, 3]


def test_somebody_elses_methods_stay(path):
    called = []

    class Owner(h5py.File):
        def close(self):
            called.append(len(self["t/x-data"]))
            super().close()

    with Owner(path, "w") as owner:
        owner.flush = lambda: called.append("flush")
        own = owner.flush
        with rh5.File(owner, buffered=True) as file:
            put(file, 1, 2, 3)
            owner.flush()
        assert owner.flush is own
        put(rh5.File(owner, buffered=True), 4)
    assert called == ["flush", 4]
    assert numbers(path) == [1, 2, 3, 4]


def test_a_method_that_was_put_on_top_stays(path):
    owner = h5py.File(path, "w")
    file = rh5.File(owner, buffered=True)
    put(file, 1)
    inner, called = owner.close, []
    owner.close = lambda: (called.append(1), inner())
    file.close()
    put(rh5.File(owner, buffered=True), 2)
    owner.close()
    assert called
    assert numbers(path) == [1, 2]


def test_the_identifier_alone_is_closed(path):
    owner = h5py.File(path, "w")
    file = rh5.File(owner, buffered=True)
    put(file, 1)
    owner.id.close()
    assert not owner
    owner.close()
    assert not file.is_open
    assert numbers(path) == [1]
    h5py.File(path, "w").close()  # nobody holds it


def test_rows_that_are_lost_are_spoken_of(path):
    owner = h5py.File(path, "w")
    file = rh5.File(owner, buffered=True)
    put(file, 1)
    owner.flush()
    put(file, 2)
    put(file, 3, name="u")
    array = file.create_array("a", (0,), "i8")
    array.append([1])
    owner["t"].file.close()  # another object, which knows nothing of us
    with pytest.raises(ClosedError):
        put(file, 4)
    with pytest.raises(WriteError, match=r"behind the back .* to /t, /u, /a since"):
        owner.close()
    owner.close()
    file.close()
    assert as_stock(path) == [1]


def test_nothing_is_said_where_nothing_is_lost(path):
    owner = h5py.File(path, "w")
    file = rh5.File(owner, buffered=True)
    put(file, 1)
    file.create_table("empty", {"x": "i8"})
    owner.flush()
    owner["t"].file.close()
    owner.close()
    assert as_stock(path) == [1]


def test_a_file_that_is_open_for_reading(path):
    rh5.write(path, {"t": {"x": [[1]]}})
    owner = h5py.File(path)
    with owner:
        file = rh5.File(owner, buffered=True)
        assert "close" not in vars(owner)
        for use in (
            lambda: put(file, 2),
            lambda: file.create_table("u"),
            lambda: file.move("t", "u"),
            lambda: file.remove("t"),
        ):
            with pytest.raises(WriteError, match="opened for reading"):
                use()
        done = []
        file.before_close(lambda: done.append(1))
        owner.flush()
    assert not owner
    assert not done
    assert not attachment._caught


@pytest.mark.parametrize("kind", ["memory", "core", "latest"])
def test_other_drivers(path, kind):
    target, options = path, {}
    if kind == "memory":
        target = io.BytesIO()
    elif kind == "core":
        options = {"driver": "core", "backing_store": True}
    else:
        options = {"libver": "latest"}
    with h5py.File(target, "w", **options) as owner:
        put(rh5.File(owner, buffered=True), *range(5))
    with h5py.File(target) as owner:
        assert rh5.File(owner)["t"].read()["x"].values.tolist() == list(range(5))


def test_rows_go_on_in_swmr_mode(path):
    with h5py.File(path, "w", libver="latest") as owner:
        file = rh5.File(owner, buffered=True, chunk_bytes=64)
        put(file, *range(5))
        owner.flush()
        owner.swmr_mode = True
        put(file, *range(5, 50))
        owner.flush()
        assert as_rows(owner) == list(range(50))
    assert numbers(path) == list(range(50))


def test_what_cannot_be_buffered(path):
    with h5py.File(path, "w") as owner:
        for wrong in (owner.create_group("g"), owner["g"]):
            with pytest.raises(ValueError, match=r"only an h5py\.File"):
                rh5.File(wrong, buffered=True)
        with pytest.raises(TypeError):
            rh5.File(owner.create_dataset("d", data=[1]), buffered=True)
        with pytest.raises(ValueError, match="durable"):
            rh5.File(owner, buffered=True, durable="disk")
    with pytest.raises(SchemaError, match="closed"):
        rh5.File(owner, buffered=True)
    assert not attachment._caught


def test_a_closed_file_leaves_nothing_to_the_garbage_collector(path):
    def work():
        with h5py.File(path, "w") as owner:
            file = rh5.File(owner, buffered=True)
            put(file, 1)
            file.before_close(lambda: put(file, 2))
            return weakref.ref(owner)

    gc.collect()
    gc.disable()
    try:
        assert work()() is None
    finally:
        gc.enable()


def test_pickles_open_the_file_again(path):
    with h5py.File(path, "w") as owner:
        file = rh5.File(owner, buffered=True)
        put(file, 1, 2)
        data = pickle.dumps(file["t"])
    again = pickle.loads(data)
    assert again.read()["x"].to_list() == [[1], [2]]


@pytest.mark.parametrize("how", ["block", "close"])
def test_a_disk_that_is_full_at_the_end(path, monkeypatch, how):
    owner = h5py.File(path, "w")
    file = rh5.File(owner, buffered=True)
    put(file, 1)
    closing = contextlib.closing(owner)

    def fail(*_):
        raise WriteError(errno.ENOSPC, "no room")

    with monkeypatch.context() as patch:
        patch.setattr(ChunkSums, "save", fail)
        with pytest.raises(WriteError, match="no room"), owner if how == "block" else closing:
            put(file, 2)
    assert not owner
    assert not file.is_open
    assert not attachment._caught
    h5py.File(path, "w").close()


def test_a_disk_that_is_full_for_a_while(path, monkeypatch):
    with h5py.File(path, "w") as owner:
        file = rh5.File(owner, buffered=True)
        put(file, 1)
        with monkeypatch.context() as patch:

            def fail(*_):
                raise WriteError(errno.ENOSPC, "no room")

            patch.setattr(ChunkSums, "save", fail)
            with pytest.raises(WriteError, match="no room"):
                owner.flush()
        put(file, 2)
    assert numbers(path) == [1, 2]


def test_a_real_disk_that_is_full(script, path):
    script(
        """
import contextlib, resource, signal, sys
import h5py, numpy as np
import raggedh5 as rh5

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
path = sys.argv[1]
owner = h5py.File(path, "w")
file = rh5.File(owner, buffered=True, codec=None)
table = file.create_table("t", {"x": "f8"})
table.append({"x": np.zeros((10, 1000))})
owner.flush()
table.append({"x": np.ones((60, 1000))})
soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, hard))
try:
    owner.close()
except rh5.WriteError:
    print("said")
resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
assert not owner and not file.is_open
""",
        path,
    ).stdout.startswith("said")


@pytest.mark.parametrize("how", ["block", "close"])
def test_an_interrupt_while_the_owner_closes(path, how):
    """The file is closed as a whole first."""
    owner = h5py.File(path, "w")
    file = rh5.File(owner, buffered=True)

    def step():
        put(file, 9)
        signal.raise_signal(signal.SIGINT)
        put(file, 10)

    file.before_close(step)
    with pytest.raises(KeyboardInterrupt), owner if how == "block" else contextlib.closing(owner):
        put(file, *range(9))
    assert not owner
    assert not h5py._objects.phil._is_owned()
    assert numbers(path) == list(range(11))


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs a timer")
def test_interrupts_at_any_moment_of_the_end(path, rng):
    """What was appended before is in the file, which may be open still."""

    def interrupt(*_):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        for trial in range(60):
            owner = h5py.File(path, "w")
            file = rh5.File(owner, buffered=True, chunk_bytes=64)
            put(file, *range(9))
            file.before_close(lambda file=file: put(file, 9))
            with contextlib.suppress(KeyboardInterrupt):  # wherever it comes, it comes in here
                try:
                    signal.setitimer(signal.ITIMER_REAL, 1e-5 + rng.random() * 3e-3)
                    if trial % 2:
                        with owner:
                            pass
                    else:
                        owner.close()
                finally:
                    signal.setitimer(signal.ITIMER_REAL, 0)
            assert not h5py._objects.phil._is_owned()
            owner.close()
            assert numbers(path) == list(range(10))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_an_owner_that_never_closes(script, path):
    """At the end of the program, with steps that append and read by several threads."""
    said = script(
        """
import sys
import h5py, numpy as np
import raggedh5 as rh5

def work(path):
    owner = h5py.File(path, "w")
    file = rh5.File(owner, buffered=True, threads=3, chunk_bytes=512, codec=CODEC)
    table = file.create_table("t", {"x": "i8", "y": "i8"})
    table.append({"x": np.arange(2000).reshape(20, 100), "y": np.zeros((20, 100), int)})
    def step():
        table.append(table.take([3, 1]))
    file.before_close(step)
    return owner, file

CODEC = rh5.Blosc()
work(sys.argv[1])
CODEC = "gzip"
kept = work(sys.argv[2])
lost, file = work(sys.argv[3])
lost["t"].file.close()
""",
        *(path.with_name(f"{i}.h5") for i in range(3)),
    ).stderr
    for i in range(2):
        want = [*range(2000), *range(300, 400), *range(100, 200)]
        assert numbers(path.with_name(f"{i}.h5")) == want
    assert "2.h5 was closed behind the back" in said


FORKS = """
import os, sys
import h5py
import raggedh5 as rh5

path, how = sys.argv[1:]

def child():
    if how == "append":
        try:
            file["t"].append({"x": [[99]]})
        except rh5.WriteError as error:
            assert "parent" in str(error)
            return
        raise AssertionError
    if how == "attach":
        try:
            rh5.File(owner, buffered=True)
        except rh5.WriteError:
            return
        raise AssertionError
    if how == "exit":
        sys.exit(0)
    if how == "flush":
        file.flush()
    if how == "close":
        file.close()

owner = h5py.File(path, "w")
file = rh5.File(owner, buffered=True)
table = file.create_table("t", {"x": "i8"})
table.append({"x": [[1]]})
owner.flush()
size = os.path.getsize(path)
table.append({"x": [[2]]})
steps = []
file.before_close(lambda: steps.append(os.getpid()))
pid = os.fork()
if pid == 0:
    child()
    assert not steps
    if how in ("append", "attach"):
        os._exit(0)
    sys.exit(0)
assert os.waitpid(pid, 0)[1] == 0
assert os.path.getsize(path) == size
table.append({"x": [[3]]})
owner.close()
assert steps == [os.getpid()]
"""


@pytest.mark.parametrize("how", ["exit", "append", "attach", "flush", "close"])
def test_the_child_of_a_fork_writes_nothing(script, path, how):
    script(FORKS, path, how)
    assert numbers(path) == [1, 2, 3]


def test_a_thread_appends_while_the_owners_block_ends(path):
    """Leaving the block holds HDF5's lock, which that thread needs with ours."""
    for trial in range(10):
        file, done, stop = None, [0, 0], threading.Event()

        def work(file, which, done=done, stop=stop):
            try:
                while not stop.is_set():
                    put(file, done[which], name=f"t{which}")
                    done[which] += 1
            except (ClosedError, WriteError, ValueError, RuntimeError, KeyError):
                return

        with h5py.File(path, "w") as owner:
            file = rh5.File(owner, buffered=True, chunk_bytes=64)
            for which in range(2):
                put(file, -1, name=f"t{which}")
            workers = [threading.Thread(target=work, args=(file, which)) for which in range(2)]
            for worker in workers:
                worker.start()
            while min(done) < 5 * trial:
                time.sleep(0.001)
        stop.set()
        for worker in workers:
            worker.join(30)
            assert not worker.is_alive()
        for which in range(2):
            found = numbers(path, f"t{which}")
            assert found == list(range(-1, len(found) - 1))
            assert len(found) > done[which]


@pytest.mark.parametrize("deeper", [False, True])
@pytest.mark.parametrize("codec", [rh5.Blosc(), "gzip"], ids=["blosc", "gzip"])
def test_steps_read_by_several_threads_at_the_end_of_the_block(script, path, codec, deeper):
    """A thread that waits for HDF5's lock would never end."""
    script(
        """
import sys
from contextlib import nullcontext
import h5py, numpy as np
from h5py._objects import phil
import raggedh5 as rh5

path, codec, deeper = sys.argv[1:]
with h5py.File(path, "w") as owner:
    codec = "gzip" if codec == "gzip" else rh5.Blosc()
    file = rh5.File(owner, buffered=True, threads=4, chunk_bytes=512, codec=codec)
    table = file.create_table("t", {"x": "i8", "y": "f8", "z": "i4"})
    values = np.arange(20000).reshape(200, 100)
    table.append({"x": values, "y": values, "z": values})
    def step():
        for batch in table.batches(50, shuffle=True, seed=0):
            pass
        found = table.read()
        file.create_table("copy").append(found)
    file.before_close(step)
    if deeper == "True":
        with phil:
            owner.close()
""",
        path,
        "gzip" if codec == "gzip" else "blosc",
        deeper,
    )
    assert numbers(path) == numbers(path, "copy") == list(range(20000))


def test_a_close_amid_a_call_into_hdf5_does_not_wait_for_ever(path, monkeypatch):
    monkeypatch.setattr(attachment, "PATIENCE", 0.05)
    owner = h5py.File(path, "w")
    file = rh5.File(owner, buffered=True)
    put(file, 1)
    held, go_on = threading.Event(), threading.Event()

    def hold():
        with file._handle.lock:
            held.set()
            go_on.wait(30)

    other = threading.Thread(target=hold)
    other.start()
    held.wait(30)
    with h5py._objects.phil, h5py._objects.phil, pytest.raises(WriteError, match="appending"):
        owner.close()
    go_on.set()
    other.join()
    assert owner
    put(file, 2)
    owner.close()
    assert numbers(path) == [1, 2]
