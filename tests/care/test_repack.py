"""Files written anew hold the same, stored as asked, as if they had been written at once."""

import json
import shutil
import stat

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import raggedh5 as rh5
from kinds import ragged_kinds
from raggedh5.care import repack
from raggedh5.core.chunks import plan_length
from raggedh5.errors import FormatError, SchemaError, WriteError
from same_files import (
    add_plain_objects,
    by_h5py,
    chunk_bytes,
    contents,
    flip_byte,
    sums_known,
    write_everything,
)


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def test_without_a_change_chunks_stay_as_they_are(whole, tmp_path):
    report = repack(whole, tmp_path / "new.h5")
    assert contents(tmp_path / "new.h5") == contents(whole)
    assert by_h5py(tmp_path / "new.h5") == by_h5py(whole)
    with h5py.File(whole) as old, h5py.File(tmp_path / "new.h5") as new:

        def compare(item):
            if isinstance(item, h5py.Dataset) and item.chunks and item.dtype.kind != "O":
                assert chunk_bytes(new[item.name]) == chunk_bytes(item), item.name

        for name in old:
            if name != "__raggedh5__" and isinstance(old.get(name), h5py.Group):
                old[name].visititems(lambda _, item: compare(item))
            elif old.get(name) is not None:
                compare(old[name])
    assert report.tables["atoms"] == report.arrays["run/frames"] == 300
    assert json.loads(json.dumps(report.as_dict()))["target_bytes"] == report.target_bytes


def test_links_references_and_scales(whole, tmp_path):
    repack(whole, tmp_path / "new.h5")
    with h5py.File(tmp_path / "new.h5") as file:
        assert file["hard"] == file["big/endian"]
        assert file.get("soft", getlink=True).path == "/run/frames"
        assert file.get("elsewhere", getlink=True).filename == "other.h5"
        assert file.get("nowhere", getlink=True).path == "/not/there"
        assert file[file["refs"][0]] == file["run"]
        assert file[file["refs"][1]] == file["time"]
        assert file["line"].dims[0][0] == file["time"]
        assert file[file["time"].attrs["REFERENCE_LIST"][0][0]] == file["line"]
        assert isinstance(file["named"], h5py.Datatype)
        assert file.attrs["nothing"] == h5py.Empty("f4")


def test_checksums_go_along(tmp_path):
    source = write_everything(tmp_path / "a.h5")
    for options in ({}, {"codec": rh5.Zstd()}):
        repack(source, tmp_path / "b.h5", overwrite=True, **options)
        known = sums_known(tmp_path / "b.h5")
        assert known.keys() == sums_known(source).keys()
        assert all(count == chunks for count, chunks in known.values())


@pytest.mark.parametrize(
    "options",
    [
        {"codec": rh5.Blosc("zstd", 7)},
        {"codec": rh5.Bitshuffle()},
        {"codec": "gzip"},
        {"codec": None},
        {"chunk_bytes": 3000},
        {"access": "random"},
        {"codec": rh5.LZ4(), "chunk_bytes": 100},
    ],
    ids=str,
)
def test_other_storage(whole, tmp_path, options):
    repack(whole, tmp_path / "new.h5", **options)
    assert contents(tmp_path / "new.h5") == contents(whole)
    with rh5.File(tmp_path / "new.h5", "a") as file:
        coords = file["atoms"]["coords"].h5
        if "codec" in options:
            wanted = rh5.File(tmp_path / "like.h5", "w", codec=options["codec"])
            like = wanted.create_array("x", shape=(0, 3), dtype="f4").h5
            assert list(coords._filters) == list(like._filters)
            wanted.close()
        if "chunk_bytes" in options:
            length = plan_length(12, target=options["chunk_bytes"])
            assert coords.chunks == (length, 3)
        row = file["atoms"].take([5])
        file["atoms"].append(row)
    assert contents(tmp_path / "new.h5")["atoms"]["tag"][-1] == contents(whole)["atoms"]["tag"][5]
    again = tmp_path / "again.h5"
    repack(tmp_path / "new.h5", again)
    assert contents(again) == contents(tmp_path / "new.h5")


def test_many_small_flushes_become_one_writing(tmp_path):
    rng = np.random.default_rng(0)
    batches = [ragged_kinds(rng, rng.integers(0, 30, 20))[1] for _ in range(30)]
    columns = ragged_kinds(rng, [])[0]
    for name in ("once", "often"):
        with rh5.File(tmp_path / f"{name}.h5", "w", chunk_bytes=1 << 14) as file:
            file.create_table("t", columns)
    with rh5.File(tmp_path / "once.h5", "w", chunk_bytes=1 << 14) as file:
        table = file.create_table("t", columns)
        for batch in batches:
            table.append(batch)
    for batch in batches:
        with rh5.File(tmp_path / "often.h5", "a") as file:
            file["t"].append(batch)
    report = repack(tmp_path / "often.h5", tmp_path / "new.h5")
    once = (tmp_path / "once.h5").stat().st_size
    assert report.source_bytes > 1.2 * once
    assert abs(report.target_bytes - once) < 0.02 * once
    assert by_h5py(tmp_path / "new.h5") == by_h5py(tmp_path / "once.h5")
    with h5py.File(tmp_path / "new.h5") as new, h5py.File(tmp_path / "once.h5") as wanted:
        for name, item in wanted["t"].items():
            assert new["t"][name].chunks == item.chunks
            assert new["t"][name].id.get_num_chunks() == item.id.get_num_chunks()


@pytest.mark.parametrize("codec", [rh5.Blosc("zstd"), None, rh5.Bitshuffle()], ids=str)
def test_the_same_as_written_at_once(tmp_path, codec):
    source = write_everything(tmp_path / "a.h5", 2000, chunk_bytes=1 << 15)
    wanted = write_everything(tmp_path / "b.h5", 2000, chunk_bytes=1 << 14, codec=codec)
    repack(source, tmp_path / "c.h5", codec=codec, chunk_bytes=1 << 14)
    assert contents(tmp_path / "c.h5") == contents(wanted)
    sizes = [(tmp_path / name).stat().st_size for name in ("b.h5", "c.h5")]
    assert 0.95 * sizes[0] < sizes[1] < 1.02 * sizes[0]
    with h5py.File(tmp_path / "c.h5") as new, h5py.File(wanted) as old:
        for name, item in old["atoms"].items():
            assert new["atoms"][name].chunks == item.chunks
            assert new["atoms"][name]._filters == item._filters
            assert chunk_bytes(new["atoms"][name]) == chunk_bytes(item)


def test_buffers_that_are_too_long_are_cut(tmp_path):
    source = write_everything(tmp_path / "a.h5", 100)
    before = contents(source)
    with h5py.File(source, "a") as file:
        for name in ("coords-data", "atoms-offsets", "tag-index", "bonds.items-data"):
            item = file["atoms"][name]
            extent = len(item)
            item.resize(extent + 5000, axis=0)
            item[extent:] = 1
        del file["__raggedh5__"]
    assert contents(source) == before
    report = repack(source, tmp_path / "b.h5")
    assert contents(tmp_path / "b.h5") == before
    assert report.target_bytes < 0.9 * report.source_bytes
    repack(write_everything(tmp_path / "c.h5", 100), tmp_path / "d.h5")
    assert by_h5py(tmp_path / "b.h5") == by_h5py(tmp_path / "d.h5")


def test_in_place(tmp_path):
    path = write_everything(tmp_path / "a.h5")
    path.chmod(0o640)
    before = contents(path)
    (tmp_path / "link.h5").symlink_to(path)
    report = repack(tmp_path / "link.h5", codec=rh5.Blosc("zstd", 9))
    assert report.target == report.source == str(tmp_path / "link.h5")
    assert contents(path) == before
    assert report.target_bytes == path.stat().st_size < report.source_bytes
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert (tmp_path / "link.h5").is_symlink()
    assert names_in(tmp_path) == ["a.h5", "link.h5"]


def test_dtypes(tmp_path):
    with rh5.File(tmp_path / "a.h5", "w") as file:
        file.create_table(
            "t",
            {
                "x": rh5.Column("f8", (2,), finite=True, attrs={"units": "m"}),
                "n": "i8",
                "maybe": rh5.Column("i4", nullable=True),
                "lists": rh5.Column("i4", nested=True),
            },
        ).append(
            {
                "x": [[[0.5, 1.5]], []],
                "n": [[7], []],
                "maybe": rh5.Ragged(np.ma.MaskedArray([3], [True]), [0, 1, 1]),
                "lists": rh5.Ragged(rh5.Ragged(np.array([1, 2], "i4"), [0, 2]), [0, 1, 1]),
            }
        )
        file.create_array("line", data=np.arange(5.0))
    before = contents(tmp_path / "a.h5")
    wishes = {"x": "f4", "t/n": np.int8, "maybe": "f8", "lists": "u1", "/line": "f2"}
    repack(tmp_path / "a.h5", tmp_path / "b.h5", dtypes=wishes)
    assert contents(tmp_path / "b.h5") == before
    with rh5.File(tmp_path / "b.h5", "a") as file:
        found = {name: str(column.dtype) for name, column in file["t"].columns.items()}
        assert found == {"x": "float32", "n": "int8", "maybe": "float64", "lists": "uint8"}
        assert file["line"].dtype == "f2"
        assert file["t"]["x"].attrs["units"] == "m"
        assert file["t"]["x"].attrs["finite"]
        file["t"].append(file["t"].take([0]))


@pytest.mark.parametrize(
    ("values", "dtype", "message"),
    [
        ([0.1], "f4", "item 0: 0.1 would be rounded in float32"),
        ([1.0, 1e300], "f4", "item 1: 1e.300 does not fit float32"),
        ([1.0], "i4", "float64 values cannot be stored as int32"),
        ([1, 300], "u1", "item 1: 300 does not fit uint8"),
        ([2**53 + 1], "f8", "would be rounded in float64"),
        ([1j], "f8", "complex128 values cannot be stored as float64"),
    ],
)
def test_dtypes_that_would_lose_something(tmp_path, values, dtype, message):
    rh5.write(tmp_path / "a.h5", {"t": {"x": rh5.Ragged(np.array(values), [0, len(values)])}})
    with pytest.raises(SchemaError, match=message):
        repack(tmp_path / "a.h5", tmp_path / "b.h5", dtypes={"x": dtype})
    assert names_in(tmp_path) == ["a.h5"]


def test_rounding_when_it_is_allowed(tmp_path):
    rh5.write(tmp_path / "a.h5", {"t": {"x": [[0.1, np.nan, np.inf]]}})
    repack(tmp_path / "a.h5", dtypes={"x": "f4"}, rounding=True)
    found = rh5.read(tmp_path / "a.h5")["t"]["x"].values
    assert found.dtype == "f4"
    np.testing.assert_array_equal(found, np.array([0.1, np.nan, np.inf], "f4"))
    with pytest.raises(SchemaError, match="cannot be stored"):
        repack(tmp_path / "a.h5", dtypes={"x": "i8"}, rounding=True)


def test_complex_from_real(tmp_path):
    rh5.write(tmp_path / "a.h5", {"x": np.array([1.5, 2.5])})
    repack(tmp_path / "a.h5", dtypes={"x": "c16"})
    assert rh5.read(tmp_path / "a.h5")["x"].tolist() == [1.5, 2.5]


def test_dictionaries_on_and_off(tmp_path):
    rows = [["a", "µ", "a"], [], ["", "bc"]]
    with rh5.File(tmp_path / "a.h5", "w") as file:
        columns = {
            "s": rh5.Column("str", dictionary=True, attrs={"source": "IUPAC"}),
            "t": rh5.Column("str", dictionary=False, attrs={"note": "x"}),
            "u": rh5.Column("str", nullable=True),
        }
        file.create_table("t", columns).append({"s": rows, "t": rows, "u": rows})
    repack(tmp_path / "a.h5", tmp_path / "b.h5", dictionary={"s": False, "t/t": True})
    assert contents(tmp_path / "b.h5") == contents(tmp_path / "a.h5")
    with rh5.File(tmp_path / "b.h5", "a") as file:
        table = file["t"]
        assert [bool(column.dictionary) for column in table.columns.values()] == [0, 1, 1]
        assert table["s"].attrs["source"] == "IUPAC"
        assert table["t"].attrs["note"] == "x"
        table.append(table.take([0]))
    with pytest.raises(SchemaError, match="dictionary"):
        repack(tmp_path / "a.h5", tmp_path / "c.h5", dictionary={"u": False})
    assert not (tmp_path / "c.h5").exists()


def test_what_is_refused(whole, tmp_path):
    target = tmp_path / "b.h5"
    for wrong, error in (
        ({"dtypes": {"nope": "f4"}}, KeyError),
        ({"dtypes": {"symbol": "f4"}}, SchemaError),
        ({"dtypes": {"coords": "str"}}, SchemaError),
        ({"dtypes": {"texts": "i4"}}, SchemaError),
        ({"dictionary": {"coords": True}}, SchemaError),
        ({"codec": "nope"}, SchemaError),
        ({"chunk_bytes": 0}, SchemaError),
    ):
        with pytest.raises(error):
            repack(whole, target, **wrong)
        assert not list(tmp_path.iterdir())
    with pytest.raises(FileNotFoundError):
        repack(tmp_path / "missing.h5")
    with pytest.raises(WriteError, match="itself"):
        repack(whole, whole, overwrite=True)
    target.write_text("mine")
    with pytest.raises(WriteError, match="overwrite"):
        repack(whole, target)
    with pytest.raises(FormatError):
        repack(target)
    assert target.read_text() == "mine"
    assert names_in(tmp_path) == ["b.h5"]


@pytest.mark.parametrize("options", [{}, {"codec": "lzf"}], ids=str)
def test_damage_is_not_passed_on(tmp_path, options):
    path = write_everything(tmp_path / "a.h5")
    flip_byte(path, "run/frames", 1)
    before = path.read_bytes()
    for target in (tmp_path / "b.h5", None):
        with pytest.raises(FormatError, match="run/frames: chunk 1"):
            repack(path, target, **options)
    assert path.read_bytes() == before
    assert names_in(tmp_path) == ["a.h5"]


def test_small_files(tmp_path):
    with rh5.File(tmp_path / "a.h5", "w"):
        pass
    repack(tmp_path / "a.h5")
    assert contents(tmp_path / "a.h5") == {}
    with h5py.File(tmp_path / "b.h5", "w") as file:
        file["x"] = np.arange(10)
        file["y"] = np.zeros((30_000, 3))
        file["z"] = np.zeros((3, 0))
    repack(tmp_path / "b.h5", codec=rh5.Blosc())
    with h5py.File(tmp_path / "b.h5") as file:
        assert file["x"].chunks is None
        assert list(file["y"]._filters) == ["32001"]
        assert file["z"].shape == (3, 0)


@settings(max_examples=4)
@given(
    st.sampled_from(["keep", "blosc", "bitshuffle", "gzip", None]),
    st.sampled_from([None, 64, 900, 1 << 16]),
    st.booleans(),
)
def test_any_storage(tmp_path_factory, codec, chunk, dictionary):
    folder = tmp_path_factory.mktemp("any")
    source = add_plain_objects(write_everything(folder / "a.h5", 40))
    wishes = {"label": dictionary, "symbol": not dictionary}
    repack(source, folder / "b.h5", codec=codec, chunk_bytes=chunk, dictionary=wishes)
    assert contents(folder / "b.h5") == contents(source)
    shutil.rmtree(folder)


@pytest.mark.parametrize("track_order", [False, True])
def test_a_group_with_many_links(tmp_path, track_order):
    path, target = tmp_path / "a.h5", tmp_path / "b.h5"
    names = [f"x{i * 7 % 50}" for i in range(50)]
    with h5py.File(path, "w", libver="latest") as file:
        group = file.create_group("many", track_order=track_order)
        for name in names:
            group.create_dataset(name, data=np.arange(3))
            group.attrs[name] = name
    repack(path, target)
    with h5py.File(target) as file:
        assert list(file["many"]) == (names if track_order else sorted(names))
        assert dict(file["many"].attrs) == {name: name for name in names}
        assert all(file["many"][name][:].tolist() == [0, 1, 2] for name in names)
