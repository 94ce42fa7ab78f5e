"""Files that are cut short or lie about themselves: an error of ours, at once, and no more."""

import json
import os
import resource
import shutil
import traceback

import h5py
import numpy as np
import pytest

import raggedh5 as rh5
from kinds import ragged_kinds

HUGE = 2**45


def make(path, codec=rh5.Blosc()):  # noqa: B008
    rng = np.random.default_rng(11)
    columns, data = ragged_kinds(rng, rng.integers(1, 5, 50))
    with rh5.File(path, "w", codec=codec, chunk_bytes=500) as file:
        file.create_table("t", columns).append(data)
    with h5py.File(path, "r+") as file:
        del file["__raggedh5__"]  # a liar would leave the checksums out


@pytest.fixture
def little_memory():
    """Make an allocation of more than some GiB fail, as a lie about sizes would need."""
    if "libasan" in os.environ.get("LD_PRELOAD", ""):  # has a limit of its own; needs the addresses
        yield
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (1 << 36, hard))
    yield
    resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def read_all_ways(path):
    """Read the table in every way; return what was raised, by way."""
    ways = {
        "all": lambda t: t.read(),
        "slice": lambda t: t[10:20],
        "take": lambda t: t.take([40, 3, 3]),
        "padded": lambda t: t.padded([1, 49]),
        "batch": lambda t: list(t.batches(20)),
        "row": lambda t: t[49],
        "columns": lambda t: [t[name][:] for name in t.columns],
        "length": lambda t: (len(t), t.items, t.columns),
    }
    raised = {}
    with rh5.File(path) as file:
        for name, read in ways.items():
            try:
                read(file["t"])
            except rh5.RaggedH5Error as error:
                raised[name] = str(error)
    return raised


def put(name, at, value):
    def lie(group):
        group[name][at] = value

    return lie


def resized(name, n):
    def lie(group):
        group[name].resize((n, *group[name].shape[1:]))

    return lie


def attribute(name, value):
    def lie(group):
        if value is None:
            del group.attrs[name]
        else:
            group.attrs[name] = value

    return lie


def form(change):
    def lie(group):
        said = json.loads(group.attrs["form"])
        group.attrs["form"] = json.dumps(change(said) or said)

    return lie


def field(said, name):
    record = said["content"]
    return record["contents"][record["fields"].index(name)]


LIES = {
    "rows that fall": (put("t-offsets", 20, 0), "t-offsets: row 19"),
    "rows that start late": (put("t-offsets", 0, 1), "t-offsets: row 0"),
    "negative rows": (put("t-offsets", 30, -5), "t-offsets: row 29"),
    "rows beyond the end": (put("t-offsets", 50, HUGE), "offsets lead to item"),
    "strings that fall": (put("label-offsets", 60, 0), "label-offsets"),
    "strings beyond the end": (put("label-offsets", -1, HUGE), "label"),
    "negative strings": (put("label-offsets", 0, -HUGE), "label"),
    "lists that fall": (put("bonds-offsets", 60, 0), "bonds-offsets"),
    "lists beyond the end": (put("bonds-offsets", -1, HUGE), "bonds"),
    "a dictionary that falls": (put("symbol.categories-offsets", 1, 99), "symbol.categories"),
    "a dictionary beyond the end": (put("symbol.categories-offsets", -1, HUGE), "symbol"),
    "a code beyond the dictionary": (put("symbol-index", -1, 1000), "symbol-index"),
    "a negative code": (put("symbol-index", -1, -1), "symbol-index"),
    "bytes that are no UTF-8": (put("label.bytes-data", slice(None), 255), "label.bytes-data"),
    "categories that are no UTF-8": (
        put("symbol.categories.bytes-data", slice(None), 200),
        "symbol.categories.bytes-data",
    ),
    "a huge length": (attribute("length", np.int64(HUGE)), "do not make"),
    "a length of one more": (attribute("length", np.int64(51)), "do not make"),
    "a negative length": (attribute("length", np.int64(-1)), "/t"),
    "a length in words": (attribute("length", "many"), "/t"),
    "no length": (attribute("length", None), "/t"),
    "no form": (attribute("form", None), "/t"),
    "no JSON": (attribute("form", "{"), "/t"),
    "a form of numbers": (attribute("form", "3"), "/t"),
    "a deep form": (attribute("form", "[" * 60000), "/t"),
    "a newer version": (attribute("raggedh5-version", 99), "newer"),
    "short offsets": (resized("t-offsets", 10), "t-offsets: 10 offsets do not make 50 rows"),
    "huge offsets": (
        lambda g: (resized("t-offsets", HUGE)(g), attribute("length", np.int64(HUGE - 1))(g)),
        "t-offsets",
    ),
    "short values": (resized("coords-data", 9), "coords-data: offsets lead to item"),
    "short codes": (resized("symbol-index", 9), "symbol-index: offsets lead to item"),
    "a short mask": (resized("measured-mask", 9), "measured-mask: offsets lead to item"),
    "short bytes": (resized("label.bytes-data", 1), "label.bytes-data"),
    "no offsets": (resized("t-offsets", 0), "t-offsets"),
    "another dtype": (
        form(lambda s: field(s, "float64").update(primitive="int64")),
        "/t/float64-data: float64",
    ),
    "another inner shape": (
        form(lambda s: field(s, "coords").update(inner_shape=[HUGE])),
        "/t/coords-data",
    ),
    "a wrong shape": (form(lambda s: field(s, "coords").update(inner_shape="x")), "/t"),
    "a dtype that is none": (form(lambda s: field(s, "float64").update(primitive="O")), "/t"),
    "a missing buffer": (form(lambda s: field(s, "coords").update(form_key="gone")), "gone-data"),
    "a group for a buffer": (
        lambda g: (g.move("coords-data", "c"), g.create_group("coords-data")),
        "coords-data",
    ),
    "a scalar for a buffer": (
        lambda g: (g.move("int8-data", "c"), g.create_dataset("int8-data", (), "i1")),
        "int8-data",
    ),
    "more names than contents": (form(lambda s: s["content"]["fields"].append("x")), "/t"),
    "another kind of list": (form(lambda s: s.update({"class": "RegularArray", "size": 0})), "/t"),
}


@pytest.mark.parametrize(("lie", "says"), LIES.values(), ids=LIES.keys())
def test_a_lie_is_called_one(path, little_memory, lie, says):
    make(path)
    with h5py.File(path, "r+") as file:
        lie(file["t"])
    raised = read_all_ways(path)
    assert raised, "nothing was raised"
    assert any(says in text for text in raised.values()), raised
    assert all("/t" in text for text in raised.values()), raised


@pytest.mark.parametrize(("lie", "says"), LIES.values(), ids=LIES.keys())
def test_a_table_that_lies_is_not_appended_to(path, little_memory, lie, says):
    """Either the lie is found out, or it is no obstacle; then the new rows are read back."""
    make(path)
    with h5py.File(path, "r+") as file:
        lie(file["t"])
    _, more = ragged_kinds(np.random.default_rng(1), [2, 3])
    with rh5.File(path, "a") as file:
        table = file["t"]
        try:
            table.append(more)
            file.flush()
        except rh5.RaggedH5Error:
            return
        for name in more:
            try:
                assert len(table[name][-1]) == 3
            except rh5.RaggedH5Error as error:
                assert says.split("-")[0].split(":")[0] in str(error)  # noqa: PT017


@pytest.mark.parametrize("codec", [rh5.Blosc(), "gzip", None], ids=["blosc", "gzip", "none"])
def test_a_file_that_is_cut_short(path, tmp_path, codec):
    make(path, codec)
    size = path.stat().st_size
    cut = tmp_path / "cut.h5"
    lengths = [0, 1, 7, 8, 100, 511, 512, 2048, size // 2, size - 1]
    lengths += np.random.default_rng(0).integers(0, size, 40).tolist()
    for length in lengths:
        shutil.copy(path, cut)
        with cut.open("r+b") as file:
            file.truncate(length)
        for mode in ("r", "a") if length else "r":  # HDF5 takes an empty file for a new one
            with pytest.raises(rh5.FormatError, match=r"cut\.h5"), rh5.File(cut, mode) as file:
                file["t"].read()


def test_random_damage_never_escapes_as_another_error(path, tmp_path):
    """Bytes changed anywhere: data, or an error of ours or of HDF5's own lookup; never a crash."""
    make(path)
    good = path.read_bytes()
    bad = tmp_path / "bad.h5"
    rng = np.random.default_rng(3)
    other = []
    for _ in range(150):
        data = bytearray(good)
        for at in rng.integers(0, len(good), 3).tolist():
            data[at] = int(rng.integers(0, 256))
        bad.write_bytes(data)
        try:
            with rh5.File(bad) as file:
                table = file["t"]
                if isinstance(table, rh5.Table):
                    table.read()
                    table.take([3, 1])
        except (rh5.RaggedH5Error, KeyError):
            pass
        except Exception as error:
            other.append("".join(traceback.format_exception(error)[-6:]))
    assert not other, "\n".join(other)


def test_what_is_no_hdf5_file(path):
    path.write_text("no HDF5 here " * 100)
    for mode in ("r", "r+", "a"):
        with pytest.raises(rh5.FormatError, match=r"file\.h5 cannot be opened as HDF5"):
            rh5.File(path, mode)
    path.unlink()
    for mode in ("r", "r+"):
        with pytest.raises(FileNotFoundError, match=r"file\.h5"):
            rh5.File(path, mode)
    with pytest.raises((rh5.FormatError, OSError)):
        rh5.File(path.parent)


def test_a_dataset_that_claims_to_be_huge(path, little_memory):
    with h5py.File(path, "w") as file:
        file.create_dataset("x", (HUGE,), "u1", chunks=(1000,), **rh5.Blosc().keywords())
        file.create_dataset("y", (HUGE,), "u1", chunks=(1 << 30,), **rh5.Blosc().keywords())
    with rh5.File(path) as file:
        with pytest.raises(rh5.FormatError, match=r"/x: shape"):
            file["x"][5]
        for name in "xy":
            with pytest.raises((rh5.FormatError, MemoryError)):
                file[name][:]


MISSING = """
import sys
import h5py, hdf5plugin
for filter_id in map(int, sys.argv[3:]):
    h5py.h5z.unregister_filter(filter_id)
h5py.h5pl.remove(0) if h5py.h5pl.size() else None
import raggedh5 as rh5
from raggedh5.store import filters
from raggedh5.core import native
with rh5.File(sys.argv[1]) as file:
    try:
        file[sys.argv[2]][:]
    except rh5.CodecError as error:
        print(error)
"""


@pytest.mark.parametrize(
    ("filter_id", "codec"), [(32026, "blosc2"), (307, "bzip2"), (32013, "zfp")]
)
def test_a_filter_that_is_missing_is_named(path, script, filter_id, codec):
    import hdf5plugin

    options = {
        "blosc2": hdf5plugin.Blosc2,
        "bzip2": hdf5plugin.BZip2,
        "zfp": hdf5plugin.Zfp,
    }[codec]()
    with h5py.File(path, "w") as file:
        file.create_dataset("x", data=np.arange(100.0), chunks=(10,), **options)
    said = script(MISSING, path, "x", filter_id).stdout
    assert "/x" in said
    assert str(filter_id) in said
    assert "not available" in said
