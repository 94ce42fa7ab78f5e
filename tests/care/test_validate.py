"""validate: what is right is valid, and every way to be wrong is named, with path and row."""

import json

import h5py
import numpy as np
import pytest

import raggedh5 as rh5
from hostile_files import make_files
from kinds import ragged_kinds
from raggedh5.care import validate


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return make_files(tmp_path_factory.mktemp("valid"))


def check(path, **options):
    return validate(path, isolated=False, **options)


def kinds(report):
    return {finding.kind for finding in report.errors}


def stored_chunk(path, dataset, number):
    """Return where a chunk lies in the file, and how long it is."""
    with h5py.File(path) as file:
        found = []
        file[dataset].id.chunk_iter(found.append)
    return found[number].byte_offset, found[number].size


def flip(path, at, bit=1):
    with path.open("r+b") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ bit]))


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "file.h5"
    rng = np.random.default_rng(3)
    columns, data = ragged_kinds(rng, rng.integers(0, 6, 60))
    columns["float32"] = rh5.Column("f4", finite=True)
    with rh5.File(path, "w", chunk_bytes=500) as file:
        file.create_table("t", columns).append(data)
        file.create_array("x", data=rng.normal(size=(40, 5)), chunks=(8, 5))
    return path


def unprotected(path, change):
    """Change a table that has no checksums."""
    with h5py.File(path, "r+") as file:
        del file["__raggedh5__"]
        change(file["t"])


@pytest.mark.parametrize(
    "name",
    ["blosc", "lz4", "zstd", "bitshuffle", "gzip", "none", "latest", "adopted", "anndata"],
)
def test_what_is_right_is_valid(files, name):
    report = check(files[name])
    assert report.valid, report.errors
    assert not report.warnings
    with h5py.File(files[name]) as stock:
        chunks = []
        stock.visititems(
            lambda path, item: (
                chunks.append(item.id.get_num_chunks())
                if isinstance(item, h5py.Dataset)
                and item.chunks
                and not path.startswith("__raggedh5__")
                else None
            )
        )
    assert report.counts["chunks"] == sum(chunks)
    assert report.file_bytes == files[name].stat().st_size


def test_the_child_finds_the_same(files, path):
    flip(path, stored_chunk(path, "t/coords-data", 2)[0] + 20)
    for each in (files["blosc"], path):
        assert validate(each) == check(each)


def test_counts(path):
    report = check(path)
    with rh5.File(path) as file:
        assert report.counts["rows"] == len(file["t"]) == 60
        assert report.counts["items"] == file["t"].items
        assert report.counts["columns"] == len(file["t"].columns)
    assert (report.counts["tables"], report.counts["arrays"]) == (1, 1)
    assert report.counts["checksums"] == report.counts["chunks"]


def test_every_damaged_chunk_is_named(path):
    wanted = set()
    for dataset, numbers in (("t/coords-data", (0, 2)), ("t/t-offsets", (0,)), ("x", (1, 2, 4))):
        for number in numbers:
            flip(path, stored_chunk(path, dataset, number)[0] + 18)
            with h5py.File(path) as file:
                wanted.add((f"/{dataset}", number * file[dataset].chunks[0]))
    report = check(path)
    assert {(f.path, f.row) for f in report.errors if f.kind == "chunk"} == wanted
    assert kinds(report) == {"chunk"}


def test_without_checksums_only_what_does_not_decode_is_found(path):
    start, size = stored_chunk(path, "x", 0)
    flip(path, start + size - 1, 64)
    assert not check(path).valid
    flip(path, start + size - 1, 64)
    assert check(path).valid
    with path.open("r+b") as file:
        file.seek(start)
        file.write(bytes(16))
    assert [f.row for f in check(path, checksums=False).errors] == [0]


LIES = {
    "rows that fall": (lambda g: g["t-offsets"].__setitem__(20, 0), "offsets", 19),
    "rows that start late": (lambda g: g["t-offsets"].__setitem__(0, 1), "offsets", 0),
    "strings that fall": (lambda g: g["label-offsets"].__setitem__(40, 0), "offsets", 39),
    "strings that lead too far": (
        lambda g: g["label-offsets"].__setitem__(-1, 10**9),
        "offsets",
        ...,
    ),
    "lists that fall": (lambda g: g["bonds-offsets"].__setitem__(40, 0), "offsets", 39),
    "a code too large": (lambda g: g["symbol-index"].__setitem__(7, 99), "codes", 7),
    "a code that is negative": (lambda g: g["symbol-index"].__setitem__(7, -1), "codes", 7),
    "bytes that are no UTF-8": (
        lambda g: g["label.bytes-data"].__setitem__(slice(None), 255),
        "UTF-8",
        ...,
    ),
    "a dictionary that is no UTF-8": (
        lambda g: g["tag.categories.bytes-data"].__setitem__(slice(None), 200),
        "UTF-8",
        0,
    ),
    "short values": (lambda g: g["coords-data"].resize((5, 3)), "length", None),
    "a short mask": (lambda g: g["measured-mask"].resize((5,)), "length", None),
    "short offsets": (lambda g: g["t-offsets"].resize((5,)), "length", None),
    "short strings": (lambda g: g["label.bytes-data"].resize((1,)), "offsets", ...),
    "a huge length": (lambda g: g.attrs.__setitem__("length", 2**45), "length", None),
    "a negative length": (lambda g: g.attrs.__setitem__("length", -1), "length", None),
    "no length": (lambda g: g.attrs.__delitem__("length"), "length", None),
    "no form": (lambda g: g.attrs.__delitem__("form"), "form", None),
    "a form that is none": (lambda g: g.attrs.__setitem__("form", "{"), "form", None),
    "a newer version": (lambda g: g.attrs.__setitem__("raggedh5-version", 9), "form", None),
    "a missing buffer": (lambda g: g.__delitem__("coords-data"), "structure", None),
    "another dtype": (
        lambda g: (g.__delitem__("int8-data"), g.create_dataset("int8-data", data=np.arange(9))),
        "structure",
        None,
    ),
    "not a number in what is finite": (
        lambda g: g["float32-data"].__setitem__(9, np.nan),
        "finite",
        9,
    ),
}


@pytest.mark.parametrize(("change", "kind", "row"), LIES.values(), ids=LIES.keys())
def test_a_lie_is_named(path, change, kind, row):
    unprotected(path, change)
    report = check(path)
    named = [f for f in report.errors if f.kind == kind]
    assert named, report.errors
    assert all(f.path.startswith("/t") for f in report.errors)
    if row is not ...:
        assert row in {f.row for f in named}, named


def test_finite_is_asked_of_every_column(path):
    def spoil(group):
        group["coords-data"][4, 1] = np.inf
        group["measured.values-data"][:] = np.nan

    unprotected(path, spoil)
    assert check(path).valid
    report = check(path, finite=True)
    assert {(f.path, f.row) for f in report.errors if "coords" in f.path} == {("/t/coords-data", 4)}
    assert any("measured" in f.path for f in report.errors)


def test_missing_values_may_be_anything(path):
    def spoil(group):
        mask, values = group["measured-mask"][:], group["measured.values-data"]
        values[...] = np.where(mask == 0, np.nan, values[:])

    unprotected(path, spoil)
    assert check(path, finite=True).valid


def test_a_form_that_was_changed(path):
    with h5py.File(path, "r+") as file:
        form = file["t"].attrs["form"]
        assert '"valid_when": true' in form
        file["t"].attrs["form"] = form.replace('"valid_when": true', '"valid_when": false')
    report = check(path)
    assert [(f.path, f.kind) for f in report.errors] == [("/t", "form")]


@pytest.mark.parametrize("length", [50, 0])
def test_a_length_that_was_changed(path, length):
    with h5py.File(path, "r+") as file:
        file["t"].attrs["length"] = length
    report = check(path)
    assert {(f.path, f.kind) for f in report.errors} == {("/t", "length")}


@pytest.mark.parametrize("rows", [33, 39, 41, 50])
def test_the_rows_of_an_array_that_were_changed(path, rows):
    data = bytearray(path.read_bytes())
    with h5py.File(path) as file:
        header = h5py.h5o.get_info(file["x"].id).addr
    at = data.index((40).to_bytes(8, "little") + (5).to_bytes(8, "little"), header)
    data[at] = rows
    path.write_bytes(data)
    assert {(f.path, f.kind) for f in check(path).errors} == {("/x", "extent")}
    with rh5.File(path) as file:
        assert len(file["x"]) == rows


def test_copies_are_renewed_by_whoever_appends(path):
    _, more = ragged_kinds(np.random.default_rng(9), [2, 0, 3])
    more["float32"] = more["float32"]
    for _ in range(2):
        with rh5.File(path, "a") as file:
            file["t"].append(more)
            file["x"].append(np.ones((3, 5)))
        assert check(path).valid
    with h5py.File(path, "r+") as stock, rh5.File(stock) as file:
        file["t"].append(more)
        file["x"].append(np.ones((3, 5)))
    report = check(path)
    assert report.valid, report.errors
    assert report.counts["rows"] == 69


def test_a_number_of_bits_that_was_changed(path):
    data = bytearray(path.read_bytes())
    with h5py.File(path) as file:
        header = h5py.h5o.get_info(file["t/coords-data"].id).addr
    mantissa = data.index(bytes([23, 8, 0, 23, 127]), header) + 3
    data[mantissa] = 22
    path.write_bytes(data)
    assert {f.path for f in check(path).errors} == {"/t/coords-data"}


def test_a_table_that_is_none_any_more(path):
    with h5py.File(path, "r+") as file:
        file["t"].attrs["encoding-type"] = "dict"
    assert ("/t", "structure") in {(f.path, f.kind) for f in check(path).errors}


def test_a_table_that_was_written_anew_by_others_has_its_own_form(path, tmp_path):
    copy = tmp_path / "copy.h5"
    with h5py.File(path) as file, h5py.File(copy, "w") as other:
        for name in file:
            file.copy(name, other)
        other["t"].attrs["form"] = other["t"].attrs["form"].replace('"coords"]', '"coords"]')
    assert check(copy).valid


def test_what_is_odd_is_a_warning(path):
    with h5py.File(path, "r+") as file:
        file["dangling"] = h5py.SoftLink("/nowhere")
        file["t/stray"] = 3
        del file["x"]
        file["t/t-offsets"].resize((70,))
    report = check(path)
    assert report.valid
    assert {(f.path, f.kind) for f in report.warnings} == {
        ("/dangling", "link"),
        ("/t", "stray"),
        ("/x", "missing"),
        ("/t", "length"),
    }


def test_a_dictionary_that_repeats_itself(path):
    def repeat(group):
        offsets, data = group["symbol.categories-offsets"], group["symbol.categories.bytes-data"]
        first = bytes(data[: int(offsets[1])])
        offsets.resize((len(offsets) + 1,))
        data.resize((len(data) + len(first),))
        data[-len(first) :] = np.frombuffer(first, "u1")
        offsets[-1] = len(data)

    unprotected(path, repeat)
    report = check(path)
    assert report.valid
    assert [f.kind for f in report.warnings] == ["twice"]


def test_chunks_in_the_same_bytes(path):
    data = path.read_bytes()
    one, other = (stored_chunk(path, "x", n)[0] for n in (1, 2))
    assert data.count(other.to_bytes(8, "little")) == 1  # in the index, and nowhere else
    path.write_bytes(data.replace(other.to_bytes(8, "little"), one.to_bytes(8, "little")))
    assert "overlap" in kinds(check(path))


def test_a_missing_chunk(path):
    data = path.read_bytes()
    at = stored_chunk(path, "x", 2)[0]
    path.write_bytes(data.replace(at.to_bytes(8, "little"), b"\xff" * 8))
    report = check(path)
    assert not report.valid
    assert {f.path for f in report.errors} == {"/x"}


def test_a_missing_filter_is_named(tmp_path):
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("x", data=np.arange(100), chunks=(10,), compression="lzf")
    data = path.read_bytes().replace((32000).to_bytes(2, "little"), (31999).to_bytes(2, "little"))
    path.write_bytes(data.replace(b"lzf\0", b"zzz\0"))
    (error,) = check(path).errors
    assert (error.path, error.kind) == ("/x", "filter")
    assert "31999" in error.message


def test_objects_of_others(tmp_path):
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        file["scalar"] = 1.5
        file["empty"] = h5py.Empty("f4")
        file["words"] = ["a", "bc"] * 5000
        file["compound"] = np.array([(1, "x")] * 9, [("a", "i4"), ("b", h5py.string_dtype())])
        file["type"] = np.dtype("f4")
        file["big"] = np.arange(9, dtype=">i8")
        file.create_dataset("never", (2**45,), "u1", chunks=(1000,))
        file.create_dataset("late", (2**45,), "u1")
        file["self"] = file["/"]
        file["outside"] = h5py.ExternalLink("gone.h5", "/x")
        time = h5py.h5t.UNIX_D32LE
        h5py.h5d.create(file.id, b"time", time, h5py.h5s.create_simple((3,)))
    report = check(path)
    assert {(f.path, f.kind) for f in report.warnings} == {
        ("/outside", "link"),
        ("/time", "unknown"),
    }
    assert {f.path for f in report.errors} <= {"/never"}  # a grid that no file holds


def test_a_great_deal_of_damage_is_counted(tmp_path):
    path = tmp_path / "x.h5"
    with rh5.File(path, "w") as file:
        file.create_array("x", data=np.arange(1000.0), chunks=(10,))
    for number in range(100):
        flip(path, stored_chunk(path, "x", number)[0] + 17)
    errors = check(path).errors
    assert len(errors) == 21
    assert "80 more" in errors[-1].message


def test_files_that_are_none(tmp_path):
    text = tmp_path / "x.txt"
    text.write_text("no HDF5 here")
    for path in (text, tmp_path):
        report = validate(path)
        assert not report.valid
        assert [f.kind for f in report.errors] == ["file"]
    with pytest.raises(FileNotFoundError, match="gone"):
        validate(tmp_path / "gone.h5")


@pytest.mark.parametrize("name", ["empty", "no rows", "no columns"])
def test_files_with_little_in_them(tmp_path, name):
    path = tmp_path / "ünïcode 文件.h5"
    with rh5.File(path, "w") as file:
        if name != "empty":
            table = file.create_table("táble", {"x": "f4", "s": "str"} if name == "no rows" else {})
        if name == "no rows":
            table.append({"x": [[], []], "s": [[], []]})
    report = validate(path)
    assert report.valid, report.errors
    assert not report.warnings
    json.dumps(report.as_dict())


def test_progress(path):
    seen = []
    check(path, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1][0] == seen[-1][1] == check(path).counts["stored_bytes"]


def test_virtual_datasets(tmp_path):
    path = tmp_path / "parts.h5"
    with h5py.File(tmp_path / "part.h5", "w") as file:
        file["x"] = np.arange(20.0)
    for rows in (20, 2**45):
        layout = h5py.VirtualLayout((rows,), "f8")
        layout[:20] = h5py.VirtualSource(tmp_path / "part.h5", "x", (20,))
        with h5py.File(path, "w") as file:
            file.create_virtual_dataset("x", layout)
        report = check(path, finite=True)
        assert report.valid, report.errors


def test_a_file_that_is_open_for_writing(path):
    with rh5.File(path, "a"), pytest.raises(rh5.WriteError, match="being written to elsewhere"):
        validate(path)
