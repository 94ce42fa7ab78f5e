"""One open file in several hands: files on top of it, names, links, threads."""

import gc
import threading
import weakref

import h5py
import numpy as np
import pytest

import raggedh5 as rh5
from raggedh5.errors import ClosedError, FormatError, SchemaError, WriteError
from raggedh5.store.sink import Job


def lists(table):
    return table.read()["x"].to_list()


def test_two_files_on_one_h5py_file(path):
    with h5py.File(path, "w") as owner:
        first = rh5.File(owner).create_table("t", {"x": "i4"})
        array = rh5.File(owner).create_array("a", shape=(0,), dtype="i4")
        for i in range(5):
            first.append({"x": [[i]]})
            rh5.File(owner)["t"].append({"x": [[10 + i]]})
            array.append([i])
            rh5.File(owner)["a"].append([10 + i])
        assert lists(first) == [[n] for i in range(5) for n in (i, 10 + i)]
        one, other = rh5.File(owner), rh5.File(owner)
        one.close()
        other["t"].append({"x": [[99]]})
        first.append({"x": [[100]]})
    with rh5.File(path) as file:
        assert lists(file["t"])[-2:] == [[99], [100]]
        assert file["a"][:].tolist() == [n for i in range(5) for n in (i, 10 + i)]


def test_a_file_on_top_of_an_open_one(path):
    with rh5.File(path, "w") as file:
        table = file.create_table("t", {"x": "i4"})
        table.append({"x": [[1]]})
        rh5.File(file.h5)["t"].append({"x": [[2]]})
        table.append({"x": [[3]]})
        assert lists(rh5.File(file.h5)["t"]) == [[1], [2], [3]]
    assert lists(rh5.File(path)["t"]) == [[1], [2], [3]]


@pytest.mark.parametrize("codec", [rh5.Blosc(), "gzip"], ids=["blosc", "gzip"])
@pytest.mark.parametrize("adopted", [False, True])
def test_write_dataset_beside_an_open_file(path, codec, adopted):
    file = rh5.File(h5py.File(path, "w") if adopted else path, *["w"][adopted:], codec=codec)
    array = file.create_array("a", data=np.arange(25), chunks=(10,))
    table = file.create_table("t", {"x": "i4"})
    table.append({"x": [[1, 2], [3]]})
    assert array[20:].tolist() == [20, 21, 22, 23, 24]
    assert len(lists(table)) == 2
    rh5.write_dataset(array.h5, -1, slice(5, 22))
    rh5.write_dataset(table.h5["x-data"], [7], slice(1, 2))
    assert array[:].tolist() == [*range(5), *[-1] * 17, 22, 23, 24]
    array.append([100])
    table.append({"x": [[4]]})
    assert array[20:].tolist() == [-1, -1, 22, 23, 24, 100]
    assert lists(table) == [[1, 7], [3], [4]]
    assert rh5.read_dataset(array.h5, slice(24, 26)).tolist() == [24, 100]
    owner = file.h5
    file.close()
    if adopted:
        owner.close()
    with rh5.File(path) as file:
        assert file["a"][20:].tolist() == [-1, -1, 22, 23, 24, 100]
        assert lists(file["t"]) == [[1, 7], [3], [4]]


def test_what_is_renamed_keeps_its_rows(path):
    with rh5.File(path, "w") as file:
        old = file.create_table("a")
        old.append({"x": np.ones((2, 3))})
        array = file.create_array("v", data=np.arange(5.0))
        file.h5.move("a", "b")
        file.h5.move("v", "w")
        file.create_table("a").append({"x": np.zeros((1, 1))})
        file["b"].append({"x": [[2.0]]})
        old.append({"x": [[3.0]]})
        array.append([5.0])
        file["w"].append([6.0])
        assert len(old) == len(file["b"]) == 4
        assert array[:].tolist() == file["w"][:].tolist() == list(range(7))
    with rh5.File(path) as file:
        assert lists(file["b"]) == [[1.0] * 3, [1.0] * 3, [2.0], [3.0]]
        assert lists(file["a"]) == [[0.0]]
        assert file["w"][:].tolist() == list(range(7))


def test_what_is_renamed_in_a_group_with_all_the_rest(path):
    with rh5.File(path, "w") as file:
        table = file.create_table("run/atoms")
        table.append({"x": np.ones((2, 3))})
        file.flush()
        file.h5.move("run", "old")
        file.create_table("run/atoms").append({"x": [[0.0]]})
        table.append({"x": [[2.0]]})
        assert len(file["old/atoms"]) == 3
    with rh5.File(path, "a") as file:
        file["old/atoms"].append({"x": [[3.0]]})
    with rh5.File(path) as file:
        assert lists(file["old/atoms"]) == [[1.0] * 3, [1.0] * 3, [2.0], [3.0]]
        assert lists(file["run/atoms"]) == [[0.0]]


@pytest.mark.parametrize("link", ["soft", "relative", "group", "hard"])
def test_one_table_by_two_names(path, link):
    with rh5.File(path, "w") as file:
        table = file.create_table("g/a")
        table.append({"x": np.ones((2, 3))})
        targets = {"soft": "/g/a", "relative": "a", "group": "/g"}
        if link == "hard":
            file.h5["g/s"] = file.h5["g/a"]
        elif link == "group":
            file.h5["s"] = h5py.SoftLink("/g")
        else:
            file.h5["g/s"] = h5py.SoftLink(targets[link])
        name = "s/a" if link == "group" else "g/s"
        file[name].append({"x": np.zeros((1, 1))})
        table.append({"x": np.ones((1, 2))})
        assert len(table) == len(file[name]) == 4
    if link == "hard":  # across files opened one after the other, one of the names has to do
        name = "g/a"
    with rh5.File(path, "a") as file:
        file[name].append({"x": [[5.0]]})
    with rh5.File(path, "a") as file:
        file["g/a"].append({"x": [[6.0]]})
    with rh5.File(path) as file:
        want = [[1.0] * 3, [1.0] * 3, [0.0], [1.0, 1.0], [5.0], [6.0]]
        assert lists(file["g/a"]) == lists(file[name]) == want


def test_nothing_is_created_within_a_table(path):
    with rh5.File(path, "w") as file:
        table = file.create_table("atoms")
        for make in (file.create_table, lambda name: file.create_array(name, data=[1])):
            with pytest.raises(SchemaError, match="is a table"):
                make("atoms/extra")
        file.h5["atoms/notes"] = "somebody else's"
        table.append({"x": [[1]]})
        assert "notes" in table.h5


@pytest.mark.parametrize("name", ["", "/", "a\0b", "./__raggedh5__/q", "g/__raggedh5__", 5])
def test_names_that_are_none(path, name):
    with rh5.File(path, "w") as file:
        for make in (file.create_table, lambda name: file.create_array(name, data=[1])):
            with pytest.raises(SchemaError):
                make(name)
        assert list(file) == []


@pytest.mark.parametrize(
    "bad", [{"shape": (-1, 3), "dtype": "f4"}, {"data": [1], "attrs": {"a": object()}}]
)
def test_an_array_that_cannot_be_made_leaves_nothing(path, bad):
    with rh5.File(path, "w") as file:
        with pytest.raises(SchemaError):
            file.create_array("a", **bad)
        assert list(file) == []
        file.create_array("a", data=[1, 2])
    assert rh5.read(path)["a"].tolist() == [1, 2]


def test_an_array_of_zeros_takes_no_room(path):
    with rh5.File(path, "w") as file:
        array = file.create_array("a", shape=(300_000_001, 3), dtype="f4")
        assert array[300_000_000].tolist() == [0, 0, 0]
        array.append([[1, 2, 3]])
        assert array[300_000_000:].tolist() == [[0, 0, 0], [1, 2, 3]]
    assert path.stat().st_size < 1 << 20
    with rh5.File(path) as file:
        assert file["a"][300_000_000:].tolist() == [[0, 0, 0], [1, 2, 3]]


@pytest.mark.parametrize("how", ["paths", "h5py", "link"])
def test_a_file_that_is_opened_several_times(tmp_path, path, how):
    rh5.write(path, {"a": np.arange(3), "t": {"x": [[1]]}})
    rh5.write(tmp_path / "links.h5", {})
    first, keep = rh5.File(path, "a"), []
    if how == "paths":
        second = rh5.File(path, "r+")
        third = rh5.File(path)
        with pytest.raises(WriteError, match="opened for reading"):
            third["a"].append([1])
        assert third["a"][:].tolist() == [0, 1, 2]
    elif how == "h5py":
        keep = [h5py.File(path, "a"), h5py.File(path, "a")]
        second, third = map(rh5.File, keep)
    else:
        links = rh5.File(tmp_path / "links.h5", "a")
        links.h5["far"] = h5py.ExternalLink(path, "/")
        second = third = links
    prefix = "far/" if how == "link" else ""
    for i in range(10, 13):
        first["a"].append([i])
        second[f"{prefix}a"].append([10 * i])
        second[f"{prefix}t"].append({"x": [[10 * i]]})
        first["t"].append({"x": [[i]]})
        assert third[f"{prefix}a"][-2:].tolist() == [i, 10 * i]
        assert third[f"{prefix}t"][-1]["x"].tolist() == [i]
    first.close()
    second[f"{prefix}a"].append([7])
    second[f"{prefix}t"].append({"x": [[7]]})
    if how != "link":
        third.close()
    second[f"{prefix}a"].append([8])
    second.close()
    for file in keep:
        file.close()
    found = rh5.read(path)
    assert found["a"].tolist() == [0, 1, 2, 10, 100, 11, 110, 12, 120, 7, 8]
    assert found["t"]["x"].to_list() == [[n] for n in (1, 100, 10, 110, 11, 120, 12, 7)]


@pytest.mark.parametrize("verify", ["first", "never"])
@pytest.mark.parametrize("adopted", [False, True])
def test_a_table_is_read_while_another_thread_appends(path, verify, adopted):
    owner = h5py.File(path, "w") if adopted else path
    file = rh5.File(owner, *["w"][adopted:], verify=verify, chunk_bytes=256, threads=2)
    table = file.create_table("t", {"x": "i8", "s": rh5.Column("str", dictionary=False)})
    array = file.create_array("a", shape=(0,), dtype="i8")
    stop, wrong = threading.Event(), []

    def read():
        rng = np.random.default_rng(1)
        while not stop.is_set():
            try:
                n = len(table)
                if not n:
                    continue
                row = int(rng.integers(n))
                assert table[row]["x"].tolist() == [row] * (row % 3)
                assert table[row]["s"].tolist() == [str(row)] * (row % 3)
                rows = rng.integers(0, n, 5)
                found = table.take(rows)
                assert found["x"].to_list() == [[int(r)] * (r % 3) for r in rows]
                count = len(array)
                assert array[max(count - 9, 0) : count].tolist() == list(
                    range(max(count - 9, 0), count)
                )
                if rng.integers(20) == 0:
                    assert array[:count].tolist() == list(range(count))
                    whole = table.take(slice(0, n))
                    assert whole["x"].to_list() == [[r] * (r % 3) for r in range(n)]
            except BaseException as error:
                wrong.append(error)
                return

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    try:
        for row in range(400):
            table.append({"x": [[row] * (row % 3)], "s": [[str(row)] * (row % 3)]})
            array.append([row])
            if wrong:
                break
    finally:
        stop.set()
        for reader in readers:
            reader.join()
        file.close()
        if adopted:
            owner.close()
    assert wrong == []


def test_what_is_appended_during_close_is_there_or_refused(path):
    file = rh5.File(path, "w")
    tables = [file.create_table(f"t{i}", {"x": "i4"}) for i in range(3)]
    counts = [0, 0, 0]

    def append(i):
        try:
            while True:
                tables[i].append({"x": [[1]]})
                counts[i] += 1
        except ClosedError:
            return

    threads = [threading.Thread(target=append, args=(i,)) for i in range(3)]
    for thread in threads:
        thread.start()
    while min(counts) < 20:
        pass
    file.close()
    for thread in threads:
        thread.join()
    with rh5.File(path) as file:
        assert [len(file[f"t{i}"]) for i in range(3)] == counts


def test_rows_appended_through_a_link_get_checksums(tmp_path, path):
    other = tmp_path / "other.h5"
    rh5.write(other, {"t": {"x": [[1, 2]]}})
    with rh5.File(path, "w") as file:
        file.h5["far"] = h5py.ExternalLink(other, "/t")
        file["far"].append({"x": [[3]]})
        file.flush()
    with h5py.File(other) as file:  # nobody holds it any more
        sums = file["__raggedh5__/checksums/t/x-data"][:]
        assert sums.all()
        where = file["t/x-data"].id.get_chunk_info(0)
    damaged = bytearray(other.read_bytes())
    damaged[where.byte_offset + where.size - 1] ^= 1
    other.write_bytes(damaged)
    with rh5.File(path) as file, pytest.raises(FormatError, match="damaged"):
        file["far"].read()


def test_what_readers_kept_is_given_back(path):
    rh5.write(path, {"x": np.arange(1000)})
    with rh5.File(path) as file:
        for _ in range(3000):
            assert file["x"][7:9].tolist() == [7, 8]
            assert file["x"][[7]].tolist() == [7]
        left = file._handle._cache_left + sum(file._handle._given_back)
        assert left > 100 << 20


def test_read_dataset_lets_go_of_the_file(path):
    rh5.write(path, {"x": np.arange(1000)})
    gc.collect()
    gc.disable()
    try:
        with h5py.File(path, "r+") as file:
            held = weakref.ref(file["x"].id)
            rh5.read_dataset(file["x"])
            rh5.write_dataset(file["x"], 1, slice(3, 5))
            assert held() is None
            before = len(gc.get_objects())
            for _ in range(20):
                rh5.read_dataset(file["x"])
            assert len(gc.get_objects()) < before + 100
    finally:
        gc.enable()


@pytest.mark.parametrize(
    "options",
    [
        {"fs_strategy": "page", "fs_page_size": 4096, "page_buf_size": 1 << 16},
        {"driver": "split"},
        {"driver": "family", "memb_size": 1 << 20},
    ],
    ids=["pages", "split", "family"],
)
def test_drivers_that_keep_bytes_elsewhere(tmp_path, options):
    name = "f%d.h5" if options.get("driver") == "family" else "f.h5"
    with rh5.File(tmp_path / name, "w", **options) as file:
        array = file.create_array("a", data=np.arange(100.0), chunks=(30,))
        table = file.create_table("t")
        table.append({"x": [[1, 2], [3]]})
        assert array[:].tolist() == list(range(100))
        assert lists(table) == [[1, 2], [3]]
    options = {k: v for k, v in options.items() if not k.startswith("fs_")}
    with rh5.File(tmp_path / name, **options) as file:
        assert file["a"][:].tolist() == list(range(100))
        assert lists(file["t"]) == [[1, 2], [3]]
    assert not [p for p in tmp_path.iterdir() if p.name.endswith(".tmp")]


def test_a_read_that_began_before_a_chunk_that_hdf5_codes_was_stored_anew(path):
    with rh5.File(path, "w", codec="gzip") as file:
        array = file.create_array("x", shape=(0,), dtype="i8", chunks=(500,))
        array.append(np.arange(250))
        array[:]
        ranges, shape = array._ranges_now()
        array.append(np.arange(1000))
        array.append(np.arange(10))
        assert ranges.reader.read_all(shape).tolist() == list(range(250))


@pytest.mark.parametrize("session", ["same", "other"])
@pytest.mark.parametrize("kind", ["table", "array"])
@pytest.mark.parametrize("way", ["there and back", "swap", "over a deleted one", "hard link"])
def test_checksums_never_speak_of_another_dataset(path, kind, way, session):
    def make(file, name, values):
        if kind == "table":
            file.create_table(name, {"x": "i8"}).append({"x": [values]})
        else:
            file.create_array(name, data=np.array(values))

    def append(file, name, value):
        file[name].append({"x": [[value]]} if kind == "table" else [value])

    def numbers(file, name):
        return (file[name].read()["x"].values if kind == "table" else file[name][:]).tolist()

    file = rh5.File(path, "w")
    make(file, "a", [1, 2, 3])
    make(file, "b", [4, 5])
    if session == "other":
        file.close()
        file = rh5.File(path, "a")
    append(file, "a", 6)
    append(file, "b", 7)
    file.flush()
    if way == "there and back":
        file.h5.move("a", "c")
        append(file, "c", 8)
        file.flush()
        file.h5.move("c", "a")
    elif way == "swap":
        file.h5.move("a", "c")
        file.h5.move("b", "a")
        file.h5.move("c", "b")
        append(file, "a", 8)
        append(file, "b", 9)
    elif way == "over a deleted one":
        del file.h5["b"]
        file.h5.move("a", "b")
        append(file, "b", 8)
        make(file, "a", [9])
    else:
        file.h5["h"] = file.h5["a"]
        append(file, "h", 8)
    want = {
        "there and back": ([1, 2, 3, 6, 8], [4, 5, 7]),
        "swap": ([4, 5, 7, 8], [1, 2, 3, 6, 9]),
        "over a deleted one": ([9], [1, 2, 3, 6, 8]),
        "hard link": ([1, 2, 3, 6, 8], [4, 5, 7]),
    }[way]
    assert (numbers(file, "a"), numbers(file, "b")) == want
    file.close()
    if way == "hard link":
        for name in ("h", "a"):
            with rh5.File(path, "a") as file:
                append(file, name, 10)
        want = ([*want[0], 10, 10], want[1])
    with rh5.File(path) as file:
        assert (numbers(file, "a"), numbers(file, "b")) == want


def test_a_table_made_anew_by_way_of_a_link(path):
    with rh5.File(path, "w") as file:
        file.h5.create_group("g1")
        file.h5["g"] = h5py.SoftLink("/g1")
        file.create_table("g/x").append({"v": [[1, 2]]})
    with rh5.File(path, "r+") as file:
        del file.h5["g1/x"]
        file.create_table("g/x").append({"v": [[1, 3]]})
        file.flush()
    with rh5.File(path) as file:
        assert file["g1/x"].read()["v"].to_list() == [[1, 3]]


def test_what_is_deleted_with_its_group_can_be_used_on(path):
    with rh5.File(path, "w") as file:
        array = file.create_array("g/a", data=np.arange(5))
        table = file.create_table("g/t")
        table.append({"x": [[1]]})
        file.flush()
        del file.h5["g"]
        array.append([5])
        table.append({"x": [[2]]})
        assert array[:].tolist() == list(range(6))
        assert lists(table) == [[1], [2]]
        file.create_array("g/a", data=[7])
    with rh5.File(path) as file:
        assert file["g/a"][:].tolist() == [7]
        assert list(file["g"]) == ["a"]


def test_write_dataset_makes_good_what_was_replaced(path):
    rh5.write(path, {"a": np.arange(1000)})
    with h5py.File(path, "r+") as file:
        del file["a"]
        dataset = file.create_dataset("a", data=np.arange(500), chunks=(77,))
        with pytest.raises(FormatError, match="fingerprint"):
            rh5.read_dataset(dataset)
        rh5.write_dataset(dataset, dataset[()])
    assert rh5.read(path)["a"].tolist() == list(range(500))


def test_rows_of_an_append_that_is_refused_are_not_seen(path, monkeypatch):
    owner = h5py.File(path, "w")
    array = rh5.File(owner).create_array("x", data=np.arange(10), chunks=(100,))
    ranges, shape = array._ranges_now()
    store, turns = Job.store, []

    def fail(job, borrower):
        turns.append(job)
        if len(turns) == 5:
            assert ranges.reader.read_all(shape).tolist() == list(range(10))
            raise WriteError("no room")
        store(job, borrower)

    with monkeypatch.context() as patch:
        patch.setattr(Job, "store", fail)
        with pytest.raises(WriteError, match="no room"):
            array.append(np.arange(1000))
    owner.close()
    with rh5.File(path) as file:
        assert file["x"][:].tolist() == list(range(10))
