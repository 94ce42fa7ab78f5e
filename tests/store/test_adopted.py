"""Files and groups that somebody else has opened, appends to in between, and closes."""

import gc

import h5py
import hdf5plugin
import numpy as np
import pytest

import raggedh5 as rh5

CODECS = {
    "blosc": rh5.Blosc(),
    "lz4": rh5.LZ4(),
    "zstd": rh5.Zstd(),
    "bitshuffle": rh5.Bitshuffle(),
    "blosc2": hdf5plugin.Blosc2(),
    "gzip": "gzip",
    "lzf": "lzf",
    "fletcher32": {"fletcher32": True},
    "none": None,
}
every_codec = pytest.mark.parametrize("codec", CODECS.values(), ids=CODECS.keys())


@every_codec
@pytest.mark.parametrize("where", ["file", "group"])
@pytest.mark.parametrize("sizes", [(1,) * 30, (3, 100, 1, 41), (700,)])
def test_nothing_is_missing_when_the_owner_closes(path, rng, codec, where, sizes):
    values = rng.normal(size=(sum(sizes), 2, 3))
    with h5py.File(path, "w") as owner:
        root = owner if where == "file" else owner.create_group("sub")
        file = rh5.File(root, codec=codec, chunk_bytes=1000)
        table = file.create_table("t", {"x": ("f8", (3,)), "s": "str"})
        array = file.create_array("a", (0, 2, 3), "f8")
        done = 0
        for size in sizes:
            batch = values[done : done + size]
            table.append({"x": batch, "s": [["é", f"{done}"]] * size})
            array.append(batch)
            done += size
            # What the owner sees at any time is what has been appended so far.
            assert root["t"].attrs["length"] == done
            assert np.array_equal(root["a"][:], values[:done])
            assert np.array_equal(root["t/x-data"][:].reshape(-1, 2, 3), values[:done])
            assert root["t/t-offsets"][-1] == 2 * done
            if done < 10:
                assert np.array_equal(table[-1]["x"], values[done - 1])
                assert np.array_equal(array[-1], values[done - 1])
    assert table.__class__ is rh5.Table
    for use in (
        lambda: table.append({"x": values, "s": [["a", "b"]] * len(values)}),
        lambda: table[0],
        lambda: len(table),
        lambda: array.append(values),
        lambda: array[0],
        lambda: array.shape,
        lambda: file["t"],
        lambda: file.create_table("u"),
        lambda: file.create_array("u", data=[1]),
        lambda: list(file),
        lambda: file.flush(),
        lambda: file.tables(),
    ):
        with pytest.raises(rh5.ClosedError, match=r"file\.h5 is closed"):
            use()
    file.close()
    prefix = "" if where == "file" else "sub/"
    with rh5.File(path, verify="always") as file:
        found = file[f"{prefix}t"].read()
        assert np.array_equal(found["x"].values.reshape(-1, 2, 3), values)
        assert [str(s) for s in found["s"].values[:2]] == ["é", "0"]
        assert np.array_equal(file[f"{prefix}a"][:], values)
    with h5py.File(path) as stock:
        assert np.array_equal(stock[f"{prefix}a"][:], values)


@every_codec
def test_closing_ours_leaves_theirs_open(path, codec):
    with h5py.File(path, "w") as owner:
        for start in range(0, 40, 4):
            with rh5.File(owner, codec=codec, chunk_bytes=100) as file:
                array = file["a"] if start else file.create_array("a", (0,), "i8")
                array.append(np.arange(start, start + 4))
            assert owner["a"][:].tolist() == list(range(start + 4))
        owner["b"] = 1
    with rh5.File(path, "a", verify="always") as file:
        file["a"].append([40])
        assert file["a"][:].tolist() == list(range(41))


def test_an_exception_in_the_block_keeps_what_was_appended(path):
    def work(owner):
        with rh5.File(owner) as file:
            file.create_array("a", (0,), "i8").append([1, 2])
            raise ZeroDivisionError

    with h5py.File(path, "w") as owner:
        with pytest.raises(ZeroDivisionError):
            work(owner)
        assert owner["a"][:].tolist() == [1, 2]


def test_a_file_that_is_open_for_reading(path):
    rh5.write(path, {"a": [1, 2], "t": {"x": [[1]]}})
    with h5py.File(path) as owner:
        file = rh5.File(owner["/"])
        assert file["a"][:].tolist() == [1, 2]
        for use in (
            lambda: file["a"].append([3]),
            lambda: file["t"].append({"x": [[2]]}),
            lambda: file.create_table("u"),
            lambda: file.create_array("u", data=[1]),
        ):
            with pytest.raises(rh5.WriteError, match="opened for reading"):
                use()
        assert len(file["a"]) == 2
    with pytest.raises(rh5.SchemaError, match="closed"):
        rh5.File(owner)


def test_a_group_is_the_root_of_names(path):
    with h5py.File(path, "w") as owner:
        group = owner.create_group("deep/er")
        with rh5.File(group) as file:
            file.create_table("t").append({"x": [[1]]})
            file.create_array("a", data=[1, 2])
            assert sorted(file) == ["a", "t"]
            assert file["t"].name == "/deep/er/t"
            assert list(file.tables()) == ["t"]
            assert list(file.arrays()) == ["a"]
    assert sorted(rh5.read(path)) == ["deep/er/a", "deep/er/t"]


def test_a_closed_file_leaves_nothing_to_the_garbage_collector(path):
    """HDF5 objects in cycles are freed in any thread, and wait there for HDF5's lock."""

    def work():
        with rh5.File(path, "w", chunk_bytes=2000) as file:
            table = file.create_table("t")
            table.append({"x": np.arange(600.0).reshape(20, 30), "s": [["a", "b"] * 15] * 20})
            file.create_array("a", data=np.arange(5000))[5:10]
            assert len(table[3]["x"]) == 30
        with rh5.File(path) as file:
            file["t"].read()
            file["t"].take([3, 1])
            file.arrays()
        rh5.read(path)

    work()
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        work()
        gc.collect()
        left = {type(item).__name__ for item in gc.garbage if "h5py" in type(item).__module__}
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
    assert not left
