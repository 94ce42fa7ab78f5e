"""What raggedh5 writes, read by programs that know nothing of it."""

import gc
import json
import shutil
import subprocess

import awkward as ak
import h5py
import numpy as np
import pytest

import raggedh5 as rh5
from kinds import plain

TABLES = ["atoms", "cells", "empty", "group/no_items"]


def test_raggedh5_reads_back_every_kind(every_kind):
    path, contents = every_kind
    with rh5.File(path) as file:
        assert sorted(file.tables()) == sorted(contents)
        for name, data in contents.items():
            found = file[name].read()
            assert list(found) == list(data)
            for column, values in data.items():
                assert plain(found[column]) == plain(values), (name, column)


@pytest.mark.parametrize("name", TABLES)
def test_anndata_reads_every_kind(every_kind, name):
    anndata_io = pytest.importorskip("anndata.io")
    path, contents = every_kind
    with h5py.File(path) as file:
        array = anndata_io.read_elem(file[name])
    for column, values in contents[name].items():
        assert ak.to_list(array[column]) == plain(values), column


@pytest.mark.parametrize("name", TABLES)
def test_awkward_reads_every_kind_from_the_buffers(every_kind, name):
    path, contents = every_kind
    with h5py.File(path) as file:
        group = file[name]
        buffers = {key: group[key][()] for key in group}
        array = ak.from_buffers(group.attrs["form"], int(group.attrs["length"]), buffers)
    assert ak.is_valid(array)
    for column, values in contents[name].items():
        assert ak.to_list(array[column]) == plain(values), column


STOCK = """
import json, sys
import h5py, hdf5plugin
import numpy as np
sys.modules["raggedh5"] = None  # as if it was not installed
with h5py.File(sys.argv[1]) as file:
    group = file["atoms"]
    offsets = group["atoms-offsets"][()]
    coords = group["coords-data"][()]
    categories = np.split(
        group["symbol.categories.bytes-data"][()], group["symbol.categories-offsets"][1:-1]
    )
    categories = [c.tobytes().decode() for c in categories]
    symbols = [categories[i] for i in group["symbol-index"][()]]
    print(json.dumps({
        "rows": int(group.attrs["length"]),
        "offsets": offsets.tolist(),
        "coords": coords.astype(float).tolist(),
        "half": group["float16-data"][()].astype(float).tolist(),
        "complex": [[z.real, z.imag] for z in group["complex128-data"][()]],
        "bool": group["bool-data"][()].tolist(),
        "symbols": symbols,
        "units": group["coords-data"].attrs["units"],
    }))
"""


def test_stock_h5py_reads_without_the_library(every_kind, script):
    path, contents = every_kind
    data = contents["atoms"]
    found = json.loads(script(STOCK, path, library=False).stdout)
    assert found["rows"] == len(data["coords"])
    assert found["offsets"] == data["coords"].offsets.tolist()
    assert found["coords"] == data["coords"].values.astype(float).tolist()
    assert found["half"] == data["float16"].values.astype(float).tolist()
    assert found["complex"] == [[z.real, z.imag] for z in data["complex128"].values.tolist()]
    assert found["bool"] == data["bool"].values.tolist()
    assert found["symbols"] == data["symbol"].values.tolist()
    assert found["units"] == "angstrom"


def datasets(path):
    """Return the names of all buffers that hold something."""
    names = []
    with h5py.File(path) as file:
        file.visititems(
            lambda name, item: (
                names.append(name)
                if isinstance(item, h5py.Dataset) and item.size and "__raggedh5__" not in name
                else None
            )
        )
    return names


def test_every_chunk_is_as_kerchunk_wants_it(every_kind):
    path, _ = every_kind
    with h5py.File(path) as file:
        chunks = 0
        for name in datasets(path):
            dataset = file[name]
            assert dataset.chunks is not None
            properties = dataset.id.get_create_plist()
            assert properties.get_nfilters() == 1
            number, _, parameters, _ = properties.get_filter(0)
            assert number == 32001
            assert len(parameters) == 7
            nbytes = dataset.dtype.itemsize * int(np.prod(dataset.chunks))
            for i in range(dataset.id.get_num_chunks()):
                info = dataset.id.get_chunk_info(i)
                assert info.filter_mask == 0
                _, frame = dataset.id.read_direct_chunk(info.chunk_offset)
                assert int.from_bytes(frame[4:8], "little") == nbytes
                assert int.from_bytes(frame[12:16], "little") == len(frame)
                chunks += 1
        assert chunks > 200


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("codec", [rh5.Blosc(), rh5.Blosc("zstd"), rh5.Zstd(), "gzip", None])
def test_zarr_reads_the_numeric_buffers_through_kerchunk(path, rng, codec):
    hdf = pytest.importorskip("kerchunk.hdf")
    zarr = pytest.importorskip("zarr")
    lengths = rng.integers(0, 9, 300)
    data = {
        "coords": rh5.Ragged(
            rng.normal(size=(lengths.sum(), 3)).astype("f4"), np.cumsum([0, *lengths])
        ),
        "charge": rh5.Ragged(rng.integers(-9, 9, lengths.sum(), "i2"), np.cumsum([0, *lengths])),
        "noise": rh5.Ragged(rng.integers(0, 2**63, lengths.sum(), "u8"), np.cumsum([0, *lengths])),
    }
    with rh5.File(path, "w", codec=codec, chunk_bytes=2000) as file:
        file.create_table("atoms").append(data)
        file.create_array("image", data=rng.integers(0, 999, (7, 20, 30), "u2"))
        image = file["image"].read()
    # kerchunk waits for zarr's thread inside an HDF5 callback, that is with h5py's lock held: were
    # h5py objects of other tests collected in that thread, the two would wait for each other.
    gc.collect()
    gc.disable()
    try:
        references = hdf.SingleHdf5ToZarr(str(path), error="raise").translate()
    finally:
        gc.enable()
    mapper = pytest.importorskip("fsspec").filesystem("reference", fo=references, asynchronous=True)
    group = zarr.open_group(zarr.storage.FsspecStore(mapper, read_only=True), mode="r")
    for column, values in data.items():
        assert np.array_equal(group[f"atoms/{column}-data"][...], values.values), column
    assert np.array_equal(group["atoms/atoms-offsets"][...], data["coords"].offsets)
    assert np.array_equal(group["image"][...], image)


@pytest.mark.filterwarnings("ignore")
def test_virtualizarr_finds_every_chunk(path, rng):
    virtualizarr = pytest.importorskip("virtualizarr")
    pytest.importorskip("obstore")
    from obstore.store import LocalStore
    from virtualizarr.parsers import HDFParser
    from virtualizarr.registry import ObjectStoreRegistry

    values = rng.normal(size=(1000, 3)).astype("f4")
    rh5.write(path, {"positions": values}, chunk_bytes=2000)
    registry = ObjectStoreRegistry({"file://": LocalStore()})
    store = HDFParser(drop_variables=["__raggedh5__"])(f"file://{path}", registry)
    zarr = pytest.importorskip("zarr")
    group = zarr.open_group(store, mode="r")
    assert np.array_equal(group["positions"][...], values)
    assert virtualizarr.__version__


@pytest.mark.skipif(shutil.which("h5dump") is None, reason="h5dump is not installed")
def test_h5dump_reads_the_headers(every_kind):
    path, _ = every_kind
    done = subprocess.run(["h5dump", "-H", str(path)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0
    assert "awkward-array" in done.stdout
    assert 'DATASET "coords-data"' in done.stdout


@pytest.mark.parametrize("rows", [0, 1])
def test_a_table_that_was_never_appended_to_is_an_awkward_array_too(path, rows):
    with rh5.File(path, "w") as file:
        table = file.create_table("atoms")
        if rows:
            table.append({"x": np.zeros((1, 0))})
    with h5py.File(path) as file:
        group = file["atoms"]
        buffers = {key: group[key][()] for key in group} or {"atoms-offsets": np.zeros(1, "i8")}
        array = ak.from_buffers(group.attrs["form"], int(group.attrs["length"]), buffers)
        assert len(array) == rows
    with rh5.File(path) as file:
        assert len(file["atoms"]) == rows
        assert list(file["atoms"].read()) == ["x"] * rows


def test_the_superblock_is_one_that_hdf5_1_10_reads(every_kind):
    path, _ = every_kind
    head = path.read_bytes()[:16]
    assert head[:8] == b"\x89HDF\r\n\x1a\n"
    assert head[8] <= 3
