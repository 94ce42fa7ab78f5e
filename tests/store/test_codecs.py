"""One battery for every codec: written here and read by h5py, and the other way round."""

import h5py
import hdf5plugin
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import raggedh5 as rh5
from raggedh5.core.codecs import as_codec

BLOSC = {
    f"{name}-{shuffle}-{level}-{blocksize}": rh5.Blosc(name, level, shuffle, blocksize)
    for name in ("lz4", "lz4hc", "zstd", "blosclz", "zlib", "snappy")
    for shuffle in ("byte", "bit", None)
    for level, blocksize in ((0, None), (1, 128), (5, None), (5, 1000), (6, 4096), (9, 1 << 20))
}
OTHERS = {
    "lz4": rh5.LZ4(),
    "lz4-256": rh5.LZ4(256),
    "zstd": rh5.Zstd(),
    "zstd-19": rh5.Zstd(19),
    "bitshuffle": rh5.Bitshuffle(),
    "bitshuffle-64": rh5.Bitshuffle(64),
    "none": None,
    "gzip": "gzip",
    "lzf": "lzf",
    "gzip, shuffle and fletcher32": {
        "compression": "gzip",
        "compression_opts": 9,
        "shuffle": True,
        "fletcher32": True,
    },
    "fletcher32": {"fletcher32": True},
    "blosc of hdf5plugin": hdf5plugin.Blosc("zstd", 3, hdf5plugin.Blosc.BITSHUFFLE),
    "blosc and fletcher32": {**hdf5plugin.Blosc(), "fletcher32": True},
    "blosc2": hdf5plugin.Blosc2(),
    "blosc2 zstd": hdf5plugin.Blosc2("zstd", 5, hdf5plugin.Blosc2.BITSHUFFLE),
    "bitshuffle zstd": hdf5plugin.Bitshuffle(cname="zstd"),
    "bzip2": hdf5plugin.BZip2(),
    "by name": "zstd",
}
CODECS = BLOSC | OTHERS
DTYPES = ("?", "i1", "<i2", "<f2", "<f4", "<i8", "<c16")
every_codec = pytest.mark.parametrize("codec", CODECS.values(), ids=CODECS.keys())


def pattern(kind, n, dtype, seed):
    """Values of a kind that some codec treats on its own."""
    rng = np.random.default_rng(seed)
    dtype = np.dtype(dtype)
    if kind == "noise":
        values = np.frombuffer(rng.bytes(n * dtype.itemsize), dtype)
    elif kind == "constant":
        values = np.full(n, seed % 2, dtype)
    elif kind == "smooth":
        values = np.cumsum(rng.integers(0, 3, n)) % 100
    elif kind == "half":  # noise in front, zeros behind: planes and blocks differ within a chunk
        values = np.where(np.arange(n) < n // 2, rng.integers(0, 100, n), 0)
    else:  # rare
        values = np.where(rng.random(n) < 0.01, rng.integers(0, 100, n), 0)
    if dtype.kind == "b":
        return values.astype("u1") % 2 == 1 if kind == "noise" else values.astype(dtype)
    return values.astype(dtype)


def same_bits(a, b):
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


def file_in_memory():
    return h5py.File("memory", "w", driver="core", backing_store=False)


def check(codec, values, chunk):
    with file_in_memory() as h5, rh5.File(h5, codec=codec, threads=1) as file:
        array = file.create_array("x", (0, *values.shape[1:]), values.dtype, chunks=chunk)
        array.append(values)
        file.flush()
        assert same_bits(h5["x"][:], values)
        assert same_bits(array[:], values)
        theirs = h5.create_dataset(
            "y",
            values.shape,
            values.dtype,
            chunks=chunk,
            maxshape=(None, *values.shape[1:]),
            **as_codec(codec).keywords(),
        )
        theirs[:] = values
        assert same_bits(rh5.read_dataset(theirs, threads=1), values)
        few = np.random.default_rng(0).integers(0, max(len(values), 1), 5)
        if len(values):
            assert same_bits(file["y"][few], values[few])
            assert same_bits(file["x"][few], values[few])
        theirs[:] = 0
        rh5.write_dataset(theirs, values, threads=1)
        assert same_bits(theirs[:], values)


@pytest.mark.parametrize("number", range(len(CODECS)), ids=CODECS.keys())
def test_both_ways(number):
    """Each codec with every dtype; neighbours have other kinds of values."""
    codec = list(CODECS.values())[number]
    for seed, dtype in enumerate(DTYPES):
        kind = ("noise", "smooth", "rare")[(number + seed) % 3]
        check(codec, pattern(kind, 700, dtype, seed), (300,))


@every_codec
def test_tiny_chunks_and_inner_axes(codec):
    check(codec, pattern("smooth", 5, "i4", 1), (1,))
    check(codec, pattern("noise", 3, "f8", 1), (1000,))
    check(codec, pattern("smooth", 60, "f4", 1).reshape(10, 6), (4, 4))
    check(codec, pattern("smooth", 60, "f4", 1).reshape(20, 3), (8, 3))


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_any_data_in_any_chunks(data):
    codec = CODECS[data.draw(st.sampled_from(sorted(CODECS)))]
    n = data.draw(st.integers(0, 3000))
    kind = data.draw(st.sampled_from(["noise", "constant", "smooth", "half", "rare"]))
    values = pattern(kind, n, data.draw(st.sampled_from(DTYPES)), data.draw(st.integers(0, 99)))
    check(codec, values, (data.draw(st.integers(1, 3500)),))


@pytest.mark.parametrize("kind", ["noise", "smooth", "half", "rare", "constant"])
@pytest.mark.parametrize("dtype", ["u1", "<u2", "<f4", "<f8", "<c16"])
@pytest.mark.parametrize("level", [1, 5, 6, 9])
def test_blosc_chunks_of_the_usual_size(kind, dtype, level):
    """Chunks of many blocks, where planes that do not shrink are stored as they are."""
    n = (1 << 20) // np.dtype(dtype).itemsize + 77
    values = pattern(kind, n, dtype, 3)
    with file_in_memory() as h5, rh5.File(h5, codec=rh5.Blosc(level=level)) as file:
        file.create_array("x", data=values)
        file.flush()
        assert same_bits(h5["x"][:], values)
        assert same_bits(file["x"][:], values)
        rows = np.random.default_rng(1).integers(0, n, 50)
        assert same_bits(file["x"][rows], values[rows])


def test_a_chunk_that_does_not_shrink_is_a_stored_frame(path, rng):
    values = np.frombuffer(rng.bytes(1 << 20), "u1")
    with rh5.File(path, "w") as file:
        file.create_array("x", data=values)
    with h5py.File(path) as file:
        info = file["x"].id.get_chunk_info(0)
        assert info.filter_mask == 0
        assert info.size == int(np.prod(file["x"].chunks)) + 16
        assert np.array_equal(file["x"][:], values)


def test_a_column_may_have_its_own_codec(path):
    with rh5.File(path, "w", codec=rh5.Blosc()) as file:
        table = file.create_table(
            "t",
            {"a": "f8", "b": rh5.Column("f8", codec="gzip"), "c": rh5.Column("str", codec=None)},
        )
        table.append({"a": [[1.0]], "b": [[2.0]], "c": [["x"]]})
        array = file.create_array("d", data=[1, 2], codec=rh5.Zstd())
        assert array[:].tolist() == [1, 2]
    with h5py.File(path) as file:
        filters = {
            name: [p.get_filter(i)[0] for i in range(p.get_nfilters())]
            for name, p in (
                (n, file[n].id.get_create_plist()) for n in ("t/a-data", "t/b-data", "d")
            )
        }
    assert filters == {"t/a-data": [32001], "t/b-data": [1], "d": [32015]}


@pytest.mark.parametrize("codec", ["nonsense", 7, {"compression": "nonsense"}, object()])
def test_what_is_no_codec_is_refused(path, codec):
    with pytest.raises(rh5.SchemaError), rh5.File(path, "w", codec=codec) as file:
        file.create_array("x", data=[1])
    assert not path.exists()


@pytest.mark.parametrize("codec", [{"compression": 32099}, {"compression": 50000}])
def test_a_filter_that_is_not_there_is_refused_at_creation(path, codec):
    with rh5.File(path, "w") as file:
        with pytest.raises(rh5.RaggedH5Error):
            file.create_array("x", data=[1], codec=codec)
        assert file.keys() == []
        file.create_array("x", data=[1])
