"""Files that others have written, read here; and appended to where they can grow."""

import awkward as ak
import h5py
import hdf5plugin
import numpy as np
import pytest

import raggedh5 as rh5
from kinds import NUMBERS, numbers

STORAGE = {
    "contiguous": {},
    "chunked": {"chunks": (7, 2)},
    "one row a chunk": {"chunks": (1, 5)},
    "larger than the data": {"chunks": (500, 9), "maxshape": (None, None)},
    "gzip": {"chunks": (7, 2), "compression": "gzip"},
    "shuffle and gzip": {"chunks": (7, 2), "compression": "gzip", "shuffle": True},
    "lzf": {"chunks": (7, 2), "compression": "lzf"},
    "fletcher32": {"chunks": (7, 2), "fletcher32": True},
    "blosc": {"chunks": (50, 2), **hdf5plugin.Blosc()},
    "blosc and fletcher32": {"chunks": (50, 2), "fletcher32": True, **hdf5plugin.Blosc()},
    "blosc zstd bitshuffle": {
        "chunks": (50, 5),
        **hdf5plugin.Blosc("zstd", 5, hdf5plugin.Blosc.BITSHUFFLE),
    },
    "blosc2": {"chunks": (50, 5), **hdf5plugin.Blosc2()},
    "bitshuffle": {"chunks": (50, 5), **hdf5plugin.Bitshuffle()},
    "bitshuffle zstd": {"chunks": (50, 5), **hdf5plugin.Bitshuffle(cname="zstd")},
    "bitshuffle alone": {"chunks": (50, 5), **hdf5plugin.Bitshuffle(cname="none")},
    "lz4": {"chunks": (50, 5), **hdf5plugin.LZ4()},
    "lz4 in blocks": {"chunks": (50, 5), **hdf5plugin.LZ4(nbytes=64)},
    "zstd": {"chunks": (50, 5), **hdf5plugin.Zstd()},
    "bzip2": {"chunks": (50, 5), **hdf5plugin.BZip2()},
    "shuffle and zstd": {"chunks": (50, 5), "shuffle": True, **hdf5plugin.Zstd()},
}


@pytest.mark.parametrize("storage", STORAGE.values(), ids=STORAGE.keys())
@pytest.mark.parametrize("dtype", ["<f4", ">f8", "<i2", ">u4", "?", "<c16", "<f2", "S5"])
def test_datasets_of_any_storage(path, rng, storage, dtype):
    kind = np.dtype(dtype)
    if kind.kind == "S":
        values = rng.integers(0, 10**5, (103, 5)).astype(kind)
    else:
        values = numbers(rng, (103, 5), kind.newbyteorder("=")).astype(kind)
    with h5py.File(path, "w") as file:
        file.create_dataset("x", data=values, **storage)
    with rh5.File(path) as file:
        found = file["x"]
        assert found.dtype == kind
        for part in (..., 17, slice(3, 60), (slice(5, 90, 3), 2), [9, 2, 2, 77], (-1, -1)):
            assert np.array_equal(found[part], values[part]), part
    with h5py.File(path) as file:
        assert np.array_equal(rh5.read_dataset(file["x"]), values)
        assert np.array_equal(rh5.read_dataset(file["x"], (slice(50, 52), 1)), values[50:52, 1])


@pytest.mark.parametrize("dtype", ["i4", "u2", "f4"])
def test_scale_offset(path, rng, dtype):
    values = rng.integers(0, 99, (103, 5)).astype(dtype)
    with h5py.File(path, "w") as file:
        options = {"scaleoffset": 2 if dtype == "f4" else 0, "chunks": (50, 5)}
        theirs = file.create_dataset("x", data=values, **options)[()]
        assert np.array_equal(rh5.read_dataset(file["x"]), theirs)
    assert np.array_equal(rh5.read(path)["x"], theirs)


def test_compact_layout(path):
    with h5py.File(path, "w") as file:
        properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        properties.set_layout(h5py.h5d.COMPACT)
        space = h5py.h5s.create_simple((8,))
        low = h5py.h5d.create(file.id, b"x", h5py.h5t.STD_I16BE, space, properties)
        h5py.Dataset(low)[:] = np.arange(8)
    assert np.array_equal(rh5.read(path)["x"], np.arange(8))


@pytest.mark.parametrize("libver", ["earliest", "v110", "latest"])
@pytest.mark.parametrize("maxshape", [(None, 5), (None, None), (400, 5), None])
def test_chunk_indices_of_every_version(path, rng, libver, maxshape):
    values = rng.normal(size=(203, 5))
    with h5py.File(path, "w", libver=libver) as file:
        file.create_dataset(
            "x", data=values, chunks=(10, 2), maxshape=maxshape, **hdf5plugin.Blosc("lz4")
        )
    assert np.array_equal(rh5.read(path)["x"], values)


@pytest.mark.parametrize("codec", ["blosc", "gzip", None])
def test_a_userblock_moves_every_chunk(path, rng, codec):
    values = rng.normal(size=(1000, 3))
    with h5py.File(path, "w", userblock_size=1024) as file:
        options = hdf5plugin.Blosc() if codec == "blosc" else {"compression": codec}
        file.create_dataset("x", data=values, chunks=(100, 3), maxshape=(None, 3), **options)
    with rh5.File(path, "a") as file:
        file["x"].append(values)
        table = file.create_table("t")
        table.append({"y": values[:10]})
    with rh5.File(path) as file:
        assert np.array_equal(file["x"][:], np.concatenate([values, values]))
        assert np.array_equal(file["x"][[999, 3]], values[[999, 3]])
        assert np.array_equal(file["t"][3]["y"], values[3])
    with rh5.File(path.with_name("own.h5"), "w", userblock_size=512) as file:
        file.create_array("x", data=values)
    with h5py.File(path.with_name("own.h5")) as file:
        assert np.array_equal(file["x"][:], values)


def test_chunks_that_were_never_written_hold_the_fill_value(path):
    with h5py.File(path, "w") as file:
        for name, options in {"blosc": hdf5plugin.Blosc(), "gzip": {"compression": "gzip"}}.items():
            dataset = file.create_dataset(
                name, (100, 4), "i4", chunks=(10, 2), fillvalue=-7, **options
            )
            dataset[35:37] = 1
        whole = {name: file[name][:] for name in file}
    found = rh5.read(path)
    for name, values in whole.items():
        assert np.array_equal(found[name], values)
        assert found[name][0, 0] == -7


def test_skipped_filters_are_honoured(path):
    values = np.arange(40, dtype="i4")
    with h5py.File(path, "w") as file:
        dataset = file.create_dataset("x", (40,), "i4", chunks=(10,), **hdf5plugin.Blosc())
        dataset[:] = values
        dataset.id.write_direct_chunk((10,), values[10:20].tobytes(), filter_mask=1)
        _, stored = dataset.id.read_direct_chunk((20,))
        dataset.id.write_direct_chunk((20,), stored, filter_mask=2)  # of a filter that is not there
        assert np.array_equal(dataset[:], values)
    with rh5.File(path) as file:
        assert np.array_equal(file["x"][:], values)
        assert np.array_equal(file["x"][[12, 25, 3]], values[[12, 25, 3]])


def test_numbers_of_odd_precision_and_padding_are_left_to_hdf5(path):
    def dataset(file, name, kind):
        properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        properties.set_chunk((4,))
        space = h5py.h5s.create_simple((8,), (h5py.h5s.UNLIMITED,))
        return h5py.Dataset(h5py.h5d.create(file.id, name.encode(), kind, space, properties))

    with h5py.File(path, "w") as file:
        twelve = h5py.h5t.STD_I16LE.copy()
        twelve.set_precision(12)
        dataset(file, "twelve bits", twelve)[:] = np.arange(-4, 4)
        shifted = h5py.h5t.STD_U16LE.copy()
        shifted.set_precision(8)
        shifted.set_offset(4)
        dataset(file, "shifted", shifted)[:] = np.arange(8)
        brain = h5py.h5t.IEEE_F32LE.copy()
        brain.set_fields(15, 7, 8, 0, 7)
        brain.set_size(2)
        brain.set_ebias(127)
        dataset(file, "bfloat16", brain)[:] = np.arange(-4, 4)
        padded = h5py.h5t.C_S1.copy()
        padded.set_size(5)
        padded.set_strpad(h5py.h5t.STR_SPACEPAD)
        dataset(file, "spaces", padded)[:] = np.array([b"ab", b"c"] * 4, "S5")
        theirs = {name: file[name][:] for name in file}
    with rh5.File(path) as file:
        for name, values in theirs.items():
            assert np.array_equal(file[name][:], values), name
    with rh5.File(path, "a") as file:
        file["twelve bits"].append(np.array([-9, 9], "i2"))
        assert file["twelve bits"][-2:].tolist() == [-9, 9]
        assert file["twelve bits"][:4].tolist() == [-4, -3, -2, -1]


def test_compounds_enums_arrays_and_text(path):
    record = np.dtype([("a", "i4"), ("b", "f8", (2,))])
    values = np.zeros(30, record)
    values["a"] = np.arange(30)
    with h5py.File(path, "w") as file:
        file.create_dataset("record", data=values, chunks=(8,), **hdf5plugin.Blosc())
        colours = h5py.enum_dtype({"red": 0, "blue": 1}, basetype="u1")
        file.create_dataset("enum", data=np.arange(9) % 2, dtype=colours, chunks=(4,))
        file.create_dataset("array", (9,), np.dtype(("i4", (3,))), chunks=(4,))[:] = np.full(
            (9, 3), 5
        )
        file.create_dataset("text", data=["a", "bb", "µ"], chunks=(2,))
        file.create_dataset("vlen", (2,), h5py.vlen_dtype("i4"))[0] = [1, 2]
        file["scalar"] = 3.5
        file["word"] = "hello"
        file["nothing"] = h5py.Empty("f4")
    with rh5.File(path) as file, h5py.File(path) as theirs:
        for name in ("record", "enum", "array", "text"):
            assert np.array_equal(file[name][:], theirs[name][:]), name
            assert np.array_equal(file[name][[1, 0]], theirs[name][:][[1, 0]]), name
        assert file["vlen"][0].tolist() == [1, 2]
        assert file["scalar"][()] == 3.5
        assert file["word"][()] == b"hello"


def test_virtual_and_external_data(tmp_path, path, rng):
    values = rng.normal(size=(20, 3))
    rh5.write(tmp_path / "part.h5", {"x": values})
    layout = h5py.VirtualLayout((40, 3), "f8")
    source = h5py.VirtualSource(tmp_path / "part.h5", "x", (20, 3))
    layout[:20] = source
    layout[20:] = source
    with h5py.File(path, "w") as file:
        file.create_virtual_dataset("x", layout)
        file.create_dataset(
            "outside", (20, 3), "f8", external=[(tmp_path / "raw.bin", 0, h5py.h5f.UNLIMITED)]
        )[:] = values
    found = rh5.read(path)
    assert np.array_equal(found["x"], np.concatenate([values, values]))
    assert np.array_equal(found["outside"], values)


@pytest.mark.parametrize("codec", [rh5.Blosc(), None])
def test_links_into_other_files(tmp_path, path, codec):
    other = tmp_path / "other.h5"
    rh5.write(other, {"x": np.arange(1000), "t": {"y": [[1.0, 2.0], [3.0]]}}, codec=codec)
    with rh5.File(path, "w", codec=codec) as file:
        file.create_array("x", data=np.arange(1000) * 7)
        file.h5["far/x"] = h5py.ExternalLink(other, "/x")
        file.h5["far/t"] = h5py.ExternalLink(other, "/t")
        file.h5["soft"] = h5py.SoftLink("/x")
    with rh5.File(path, "a") as file:
        assert np.array_equal(file["x"][:], np.arange(1000) * 7)
        assert np.array_equal(file["soft"][[5, 3]], [35, 21])
        assert np.array_equal(file["far/x"][:], np.arange(1000))
        assert file["far/t"].read()["y"].to_list() == [[1.0, 2.0], [3.0]]
        file["far/t"].append({"y": [[4.0]]})
        file["far/x"].append([-1])
    found = rh5.read(other)
    assert found["t"]["y"].to_list() == [[1.0, 2.0], [3.0], [4.0]]
    assert found["x"][-1] == -1
    assert len(rh5.read(path)["x"]) == 1000


def test_links_in_circles_and_to_nowhere(path):
    with h5py.File(path, "w") as file:
        file["a/x"] = [1, 2]
        file["a/b"] = file["a"]
        file["a/root"] = file["/"]
        file["nowhere"] = h5py.SoftLink("/missing")
        file["far"] = h5py.ExternalLink("missing.h5", "/x")
        file["type"] = np.dtype("i4")
    with rh5.File(path) as file:
        assert list(file.arrays()) == ["a/x"]
        assert file.tables() == {}


@pytest.mark.filterwarnings("ignore")
def test_awkward_arrays_that_anndata_wrote(path, rng):
    anndata_io = pytest.importorskip("anndata.io")
    lengths = rng.integers(0, 5, 40)
    flat = {name: numbers(rng, int(lengths.sum()), dtype) for name, dtype in NUMBERS.items()}
    flat["word"] = [f"w{i % 7}" for i in range(int(lengths.sum()))]
    array = ak.unflatten(ak.zip(flat), lengths)
    lists = ak.Array([[[1, 2], []], [], [[3]]])
    with h5py.File(path, "w") as file:
        anndata_io.write_elem(file, "atoms", array)
        anndata_io.write_elem(file, "cells", ak.zip({"e": np.arange(5.0), "n": list("abcde")}))
        anndata_io.write_elem(file, "nested", ak.zip({"bonds": lists}, depth_limit=2))
        anndata_io.write_elem(file, "missing", ak.zip({"v": ak.Array([[1.0, None], [], [2.0]])}))
    with rh5.File(path) as file:
        table = file["atoms"]
        assert isinstance(table, rh5.Table)
        for name in flat:
            assert table.read()[name].to_list() == ak.to_list(array[name]), name
        assert [str(s) for s in table[7]["word"]] == ak.to_list(array[7]["word"])
        assert file["cells"].read()["e"].tolist() == [0, 1, 2, 3, 4]
        assert file["cells"][2]["n"] == "c"
        assert file["nested"].read()["bonds"].to_list() == [[[1, 2], []], [], [[3]]]
    with rh5.File(path, "a") as file:
        with pytest.raises(rh5.SchemaError, match=r"/cells/.* does not grow"):
            file["cells"].append({"e": [1.0], "n": ["x"]})
        assert len(file["cells"]) == 5


@pytest.mark.filterwarnings("ignore")
def test_forms_that_are_no_tables_say_so(path):
    anndata_io = pytest.importorskip("anndata.io")
    with h5py.File(path, "w") as file:
        anndata_io.write_elem(file, "numbers", ak.Array([[1, 2], [3]]))
        anndata_io.write_elem(
            file, "union", ak.zip({"u": ak.Array([[1, "a"], ["b"]])}, depth_limit=2)
        )
    with rh5.File(path) as file:
        for name in ("numbers", "union"):
            with pytest.raises(rh5.FormatError, match=f"/{name}"):
                len(file[name])


@pytest.mark.parametrize("length", [np.int32(2), np.array([2]), np.array([2], "u1")])
def test_a_table_whose_length_is_of_another_type_grows(path, length):
    """Another writer's integer is as good as ours; after an append it is ours."""
    rh5.write(path, {"t": {"x": [[1, 2], [3]]}})
    with h5py.File(path, "a") as file:
        file["t"].attrs["length"] = length
        form = file["t"].attrs["form"]
        file["t"].attrs["form"] = np.bytes_(form)
    with rh5.File(path, "a") as file:
        assert len(file["t"]) == 2
        file["t"].append({"x": [[4, 5]]})
    with h5py.File(path) as file:
        assert file["t"].attrs["length"] == 3
        assert file["t"].attrs["length"].dtype == np.int64
    assert rh5.read(path)["t"]["x"].to_list() == [[1, 2], [3], [4, 5]]
