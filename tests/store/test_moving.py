"""Tables, arrays and groups that get other names, or are removed."""

import os
import pickle
import signal
import threading
import time

import h5py
import numpy as np
import pytest

import raggedh5 as rh5
from crashing.kills import forked
from raggedh5.care import recover, repack, validate
from raggedh5.errors import ClosedError, FormatError, SchemaError, WriteError
from raggedh5.store.durable.journal import has_journal
from raggedh5.store.stored_sums import StoredSums
from same_files import flip_byte

KINDS = ["new", "again", "durable", "adopted", "attached"]


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


@pytest.fixture
def opened(kind, path):
    """A file of every kind; the fixture `close` closes it."""
    if kind in ("adopted", "attached"):
        with h5py.File(path, "w") as owner:
            yield rh5.File(owner, buffered=kind == "attached", chunk_bytes=64)
        return
    if kind == "again":
        rh5.write(path, {})
    options = {"chunk_bytes": 64, "durable": "process" if kind == "durable" else None}
    with rh5.File(path, "a" if kind == "again" else "w", **options) as file:
        yield file


@pytest.fixture
def close(opened, kind):
    def close():
        if kind != "attached":
            opened.close()
        if kind in ("adopted", "attached"):
            opened.h5.close()

    return close


def sound(path):
    """Return the checksums of a file that has nothing wrong with it."""
    report = validate(path, isolated=False)
    assert report.valid, report.errors
    assert not report.warnings
    assert report.counts["checksums"] == report.counts["chunks"]
    with h5py.File(path) as file:
        lists = []
        file["__raggedh5__/checksums"].visititems(
            lambda name, item: lists.append(name) if isinstance(item, h5py.Dataset) else None
        )
        assert all(name in file for name in lists)
        return lists


def lists(table):
    return table.read()["x"].to_list()


def test_move_then_append_then_open_again(opened, close, path):
    table = opened.create_table("t", {"x": "f4", "s": rh5.Column("str", dictionary=True)})
    array = opened.create_array("a", (0,), "i8")
    rows = []

    def more(table, array):
        rows.append(float(len(rows)))
        table.append({"x": [[rows[-1]] * 3], "s": [[f"é{len(rows)}"] * 3]})  # float64, as declared
        array.append([len(rows)] * 3)
        assert lists(table) == [[value] * 3 for value in rows]
        assert array[:].tolist() == np.repeat(np.arange(1, len(rows) + 1), 3).tolist()

    for _ in range(5):
        more(table, array)
    opened.move("t", "u")
    opened.move("a", "deep/er/b")
    assert (table.name, array.name) == ("/u", "/deep/er/b")
    assert "'/u'" in repr(table)
    more(table, array)
    more(opened["u"], opened["deep/er/b"])
    opened.flush()
    opened.move("deep", "v")
    opened.move("u", "v/u")
    more(table, array)
    opened.create_table("u", {"x": "i8"}).append({"x": [[7]]})
    more(opened["v/u"], array)
    more(table, opened["v/er/b"])
    close()
    assert any(name == "v/u/x-data" for name in sound(path))
    with rh5.File(path, "a", verify="always") as file:
        assert sorted(file) == ["u", "v"]
        assert lists(file["u"]) == [[7]]
        assert [str(s[0]) for s in file["v/u"].read()["s"]] == [f"é{i + 1}" for i in range(10)]
        rows_now = np.float32(11)
        file["v/u"].append({"x": np.full((1, 3), rows_now), "s": [["z"] * 3]})
        rows.append(float(rows_now))
        assert lists(file["v/u"]) == [[value] * 3 for value in rows]
    sound(path)


def test_what_is_there_is_verified_by_its_new_name(opened, close, path):
    opened.create_table("t").append({"x": np.arange(60).reshape(6, 10)})
    opened.create_array("a", data=np.arange(100), chunks=(10,))
    held = opened["a"]
    held[:]
    opened.move("t", "u")
    opened.move("a", "b")
    held[:]  # by what was had before, once more
    opened["b"].append([1])
    close()
    sound(path)
    for name in ("u/x-data", "b"):
        damaged = path.with_name("damaged.h5")
        damaged.write_bytes(path.read_bytes())
        flip_byte(damaged, name, 2)
        with rh5.File(damaged) as file, pytest.raises(FormatError, match="damaged"):
            file[name.removesuffix("/x-data")].read()


def test_a_table_without_rows_keeps_its_columns(opened, close, path):
    table = opened.create_table("t", {"x": "f4", "s": "str"})
    rows = opened.create_table("r", {"y": ("i2", (3,))}, ragged=False)
    later = opened.create_table("later", {"x": "f4"})
    opened.move("t", "u")
    opened.move("r", "g/r")
    opened.move("later", "g/later")
    with pytest.raises(SchemaError, match="/g/later: column 'y' is unknown"):
        later.append({"y": [[1]]})
    later.append({"x": np.ones((1, 2))})
    assert (table.name, rows.name) == ("/u", "/g/r")
    close()
    with rh5.File(path) as file:
        assert list(file["u"].columns) == ["x", "s"]
        assert not file["g/r"].ragged
        assert file["g/r"].columns["y"].shape == (3,)
        assert file["g/later"].columns["x"].dtype == np.float32
    sound(path)


def test_what_was_had_before_of_what_is_removed(opened, close, path):
    table = opened.create_table("g/t", {"x": "i8"})
    array = opened.create_array("g/a", data=[1, 2])
    empty = opened.create_table("g/e", {"x": "i8"})
    lone = opened.create_table("lone", {"x": "i8"})
    for each in (table, lone):
        each.append({"x": [[1], [2]]})
        lists(each)
    column = table["x"]
    iterator = lone.batches(1)
    next(iterator)
    opened.remove("g")
    opened.remove("lone")
    assert "g" not in opened
    assert "removed" in repr(table)
    assert "removed" in repr(array)
    assert (table.name, lone.name) == ("/g/t", "/lone")
    # Somebody else is there now.
    opened.create_table("g/t", {"x": "i8"}).append({"x": [[9]]})
    opened.create_array("g/a", data=[8])
    opened.create_table("lone", {"x": "i8"}).append({"x": [[7]]})
    for use in (
        lambda: table.append({"x": [[3]]}),
        lambda: table.read(),
        lambda: len(table),
        lambda: column[0],
        lambda: pickle.dumps(table),
        lambda: next(iterator),
        lambda: lone[0],
        lambda: array.append([3]),
        lambda: array[:],
        lambda: array.shape,
        lambda: array.attrs,
        lambda: pickle.dumps(array),
        lambda: empty.append({"x": [[3]]}),
    ):
        with pytest.raises(ClosedError, match=r"file\.h5: /.* is there no more"):
            use()
    assert lists(opened["g/t"]) == [[9]]
    close()
    sound(path)
    found = rh5.read(path)
    assert sorted(found) == ["g/a", "g/t", "lone"]
    assert found["g/a"].tolist() == [8]
    assert found["lone"]["x"].to_list() == [[7]]


def test_remove_and_create_again_and_again(opened, close, path):
    for turn in range(6):
        table = opened.create_table("t")
        table.append({"x": np.arange(40).reshape(4, 10) * turn})
        if turn % 2:
            table.append({"x": [[turn]]})
        if turn % 3:
            opened.flush()
        array = opened.create_array("a", data=np.arange(30) + turn, chunks=(4,))
        assert lists(table)[1][1] == 11 * turn
        assert array[-1] == 29 + turn
        if turn < 5:
            opened.remove("t")
            opened.remove("a")
    close()
    assert sorted(name.split("/")[0] for name in sound(path)) == ["a", "t", "t"]
    assert rh5.read(path)["t"]["x"].to_list()[-1] == [5]


def test_repack_gives_the_room_back(path):
    with rh5.File(path, "w") as file:
        file.create_array("large", data=np.zeros(1_000_000), codec=None)
        file.create_table("t").append({"x": [[1]]})
        file.move("large", "g/large")
    with rh5.File(path, "a") as file:
        file.remove("g")
    assert path.stat().st_size > 8_000_000
    repack(path, path.with_name("small.h5"))
    assert path.with_name("small.h5").stat().st_size < 200_000
    assert rh5.read(path.with_name("small.h5"))["t"]["x"].to_list() == [[1]]


@pytest.fixture
def links(tmp_path, path):
    rh5.write(tmp_path / "other.h5", {"t": {"x": [[5]]}})
    with rh5.File(path, "w") as file:
        for name in ("t", "g/t"):
            file.create_table(name).append({"x": [[1]]})
        file.create_array("a", data=[1, 2])
        file.h5["soft"] = h5py.SoftLink("/g")
        file.h5["to_t"] = h5py.SoftLink("/t")
        file.h5["dangling"] = h5py.SoftLink("/nowhere")
        file.h5["far"] = h5py.ExternalLink(tmp_path / "other.h5", "/")
        file.h5["hard"] = file.h5["a"]
        yield file
    report = validate(path, isolated=False)
    assert report.valid, report.errors
    assert rh5.read(tmp_path / "other.h5")["t"]["x"].to_list() == [[5]]


@pytest.mark.parametrize(
    ("name", "new_name", "why"),
    [
        ("t", "a", "exists already"),
        ("t", "t", "exists already"),
        ("t", "dangling", "exists already"),
        ("t", "", "no name"),
        ("t", "/", "no name"),
        ("t", ".", "no name"),
        ("t", "x\0", "no name"),
        ("t", None, "no name"),
        (b"t", "x", "no name"),
        ("t", "g/t/x", "is a table"),
        ("t", "soft/t/x", "is a table"),
        ("t/x-data", "x", "is a table"),
        ("t", "a/x", "is no group"),
        ("t", "dangling/x", "leads nowhere"),
        ("g", "g/x", "into itself"),
        ("g", "soft/x/y", "into itself"),
        ("far/t", "x", "another file"),
        ("t", "far/x", "another file"),
        ("t", "__raggedh5__/x", "library's own"),
        ("__raggedh5__", "x", "library's own"),
        ("g/../__raggedh5__", "x", "library's own"),
    ],
)
def test_where_nothing_is_moved(links, name, new_name, why):
    before = sorted(links.h5)
    with pytest.raises(SchemaError, match=why):
        links.move(name, new_name)
    assert sorted(name for name in links.h5 if name != "__raggedh5__") == before
    assert lists(links["t"]) == [[1]]


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("", "no name"),
        ("/", "no name"),
        (5, "no name"),
        ("a\0", "no name"),
        ("t/x-data", "is a table"),
        ("soft/t/x-data", "is a table"),
        ("far/t", "another file"),
        ("./__raggedh5__/checksums", "library's own"),
    ],
)
def test_what_is_not_removed(links, name, why):
    with pytest.raises(SchemaError, match=why):
        links.remove(name)


@pytest.mark.parametrize("name", ["nope", "g/nope", "nope/t", "dangling/t", "a/t"])
def test_what_is_not_there(links, name):
    with pytest.raises(KeyError, match="there is no"):
        links.remove(name)
    with pytest.raises(KeyError, match="there is no"):
        links.move(name, "x")


@pytest.mark.parametrize("name", ["soft", "to_t", "dangling", "far", "hard"])
def test_links_are_moved_and_removed_themselves(links, name):
    table = links["t"]
    table.append({"x": [[2]]})
    assert len(lists(table)) == 2
    links.move(name, "x/y")
    assert name not in links.h5
    assert links.h5.get("x/y", getlink=True) is not None
    table.append({"x": [[3]]})
    assert lists(table) == [[1], [2], [3]]
    links.remove("x/y")
    table.append({"x": [[4]]})
    links["g/t"].append({"x": [[2]]})
    links["a"].append([3])
    assert lists(table) == [[1], [2], [3], [4]]
    assert links["a"][:].tolist() == [1, 2, 3]


def test_by_way_of_links(links):
    links.move("soft/t", "x")
    links["x"].append({"x": [[2]]})
    links.move("t", "soft/t")
    assert lists(links["g/t"]) == [[1]]
    assert lists(links["x"]) == [[1], [2]]
    by_link = links["soft/t"]
    links.move("g", "h")  # the link leads nowhere now
    with pytest.raises(ClosedError, match="/soft/t is there no more"):
        by_link.append({"x": [[3]]})
    links["h/t"].append({"x": [[3]]})
    assert lists(links["h/t"]) == [[1], [3]]


def test_one_of_two_names_is_removed(links):
    links.remove("a")
    links["hard"].append([3])
    assert links["hard"][:].tolist() == [1, 2, 3]


def test_what_is_removed_in_a_group_that_is_the_root(path):
    with h5py.File(path, "w") as owner:
        group = owner.create_group("sub")
        file = rh5.File(group)
        file.create_table("t").append({"x": [[1]]})
        file.create_array("a", data=[1])
        file.move("t", "g/u")
        file.move("/sub/a", "/b")
        assert lists(file["g/u"]) == [[1]]
        file.remove("/b")
        assert list(owner) == ["__raggedh5__", "sub"]
    sound(path)


def test_checksums_that_cannot_be_moved(path, monkeypatch):
    def fail(*_):
        raise OSError("no room")

    with rh5.File(path, "w") as file:
        table = file.create_table("t")
        table.append({"x": [[1]]})
        with monkeypatch.context() as patch:
            patch.setattr(StoredSums, "drop_below", fail)
            with pytest.raises(WriteError, match=r"'t' could not be moved to 'u': no room"):
                file.move("t", "u")
        assert list(file) == ["t"]
        table.append({"x": [[2]]})
        assert lists(file["t"]) == [[1], [2]]
    sound(path)


def test_lists_that_a_stranger_left_behind(path):
    """Objects that h5py has deleted leave checksums behind, at paths that are wanted now."""
    rh5.write(path, {"t": {"x": [[1]]}, "u": {"x": [[2]]}, "a": [1]})
    with h5py.File(path, "a") as file:
        del file["u"]
    with rh5.File(path, "a") as file:
        file.move("t", "u")
        file["u"].append({"x": [[3]]})
    with rh5.File(path, verify="always") as file:
        assert lists(file["u"]) == [[1], [3]]


def test_rows_in_the_buffers_get_to_the_right_table(path):
    with rh5.File(path, "w") as file:
        one, two = (file.create_table(name, {"x": "i8"}) for name in "ab")
        one.append({"x": [[1]]})
        two.append({"x": [[2]]})
        file.move("a", "c")
        file.move("b", "a")
        file.move("c", "b")
        one.append({"x": [[3]]})
        two.append({"x": [[4]]})
        assert (one.name, two.name) == ("/b", "/a")
        assert pickle.loads(pickle.dumps(file.path)) == str(path)
    with rh5.File(path, "a") as file:
        assert lists(file["b"]) == [[1], [3]]
        assert lists(file["a"]) == [[2], [4]]
        again = pickle.loads(pickle.dumps(file["a"]))
    del again
    sound(path)


def work(path, out, until, level):
    """Append, move and remove, durably; say after every flush how far it is, and be killed."""
    with rh5.File(path, "w", durable=level, chunk_bytes=128) as file:
        first = file.create_table("t", {"x": "i8"})
        gone = file.create_table("gone", {"x": "i8"})
        array = file.create_array("a", (0,), "i8")
        for step in range(9):
            first.append({"x": [[step] * 5]})
            array.append([step] * 5)
            if step == 2:
                file.move("t", "u")
            if step == 4:
                file.remove("gone")
                file.move("a", "g/a")
            if step == 6:
                file.create_table("t", {"x": "i8"})
                file.move("u", "g/u")
            if step < 4:
                gone.append({"x": [[step]]})
            if step % 3 != 1:
                file.flush()
                os.write(out, b"%d\n" % step)
            if step == until:
                os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills a fork")
@pytest.mark.parametrize("level", ["process", "disk"])
@pytest.mark.parametrize("until", range(9))
def test_a_durable_file_whose_writer_is_killed(path, until, level):
    child, into = forked(lambda out: work(path, out, until, level))
    os.waitpid(child, 0)
    with os.fdopen(into) as pipe:
        safe = int(pipe.read().split()[-1])
    assert has_journal(path)
    if until % 2:
        recover(path)
    else:
        rh5.File(path, "r+", durable="process").close()
    assert not has_journal(path)
    with rh5.File(path, "a", verify="always") as file:
        name = "t" if safe < 2 else "u" if safe < 6 else "g/u"
        array = "a" if safe < 4 else "g/a"
        assert lists(file[name])[: safe + 1] == [[step] * 5 for step in range(safe + 1)]
        assert file[array][: 5 * safe + 5].tolist() == np.repeat(np.arange(safe + 1), 5).tolist()
        assert ("gone" in file) == (safe < 4)
        assert len(file[name]) <= until + 1
        file[name].append({"x": [[99]]})
    sound(path)


def move_by_h5py(path, out):
    with rh5.File(path, "w", durable="process") as file:
        array = file.create_array("g/a", (0,), "i8")
        array.append([0])
        file.flush()
        file.h5.move("g", "h")
        for step in range(1, 4):
            array.append([step])
            file.flush()
        os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills a fork")
def test_a_durable_array_whose_group_h5py_has_moved(path):
    """HDF5 does not know the new name of a dataset then."""
    child, into = forked(lambda out: move_by_h5py(path, out))
    os.waitpid(child, 0)
    os.close(into)
    recover(path)
    with rh5.File(path) as file:
        assert file["h/a"][:].tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("where", ["array", "table"])
def test_another_thread_reads_and_appends_meanwhile(path, where):
    with rh5.File(path, "w", chunk_bytes=64) as file:
        make = file.create_array if where == "array" else file.create_table
        target = make("g/0", (0,), "i8") if where == "array" else make("g/0", {"x": "i8"})
        wrong, done, stop = [], [0], threading.Event()

        def work():
            try:
                while not stop.is_set():
                    if where == "array":
                        target.append([done[0]] * 3)
                        assert target[-1] == done[0]
                    else:
                        target.append({"x": [[done[0]] * 3]})
                        assert target[-1]["x"].tolist() == [done[0]] * 3
                    done[0] += 1
            except BaseException as error:
                wrong.append(error)

        worker = threading.Thread(target=work)
        worker.start()
        for turn in range(40):
            while done[0] < 3 * turn and not wrong:
                time.sleep(0.001)
            file.move("g", "h")
            file.move(f"h/{turn}", f"g/{turn + 1}")
            file.remove("h")
        stop.set()
        worker.join()
        assert not wrong
    with rh5.File(path, verify="always") as file:
        found = file["g/40"][:] if where == "array" else file["g/40"].read()["x"].values
        assert found.tolist() == np.repeat(np.arange(done[0]), 3).tolist()
    sound(path)
