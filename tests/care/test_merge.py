"""Merged files hold all rows of all parts, in order; parts that do not fit are refused before."""

import json
import shutil
from itertools import chain

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import raggedh5 as rh5
from kinds import plain, ragged_kinds
from raggedh5.care import copy, merge, repack
from raggedh5.errors import FormatError, SchemaError, WriteError
from same_files import chunk_bytes, contents, flip_byte, write_everything

VIRTUAL = pytest.mark.parametrize("virtual", [False, True], ids=["physical", "virtual"])


def joined(paths):
    """What the parts hold, one behind the other."""
    found = [contents(path) for path in paths]
    whole = {}
    for name, first in found[0].items():
        if isinstance(first, dict):
            whole[name] = {
                c: list(chain.from_iterable(part[name][c] for part in found)) for c in first
            }
        else:
            whole[name] = list(chain.from_iterable(part[name] for part in found))
    return whole


@VIRTUAL
def test_rows_of_all_parts(parts, tmp_path, virtual):
    target = tmp_path / "all.h5"
    seen = []
    report = merge(parts, target, virtual=virtual, progress=lambda *at: seen.append(at))
    assert contents(target) == joined(parts)
    assert report.tables["atoms"] == report.arrays["line"] == 188
    assert report.virtual == virtual
    assert report.warnings == ()
    assert report.source_bytes == sum(part.stat().st_size for part in parts)
    assert json.loads(json.dumps(report.as_dict()))["target"] == str(target)
    assert seen[-1] == (report.source_bytes, report.source_bytes)
    with rh5.File(target, verify="always") as file:
        atoms = file["atoms"]
        wanted = joined(parts)["atoms"]["coords"]
        for row in (0, 99, 100, 156, 157, 187, -1):
            assert plain(atoms[row]["coords"]) == wanted[row]
        picked = [150, 3, 187, 99, 100]
        assert plain(atoms.take(picked)["coords"]) == [wanted[i] for i in picked]
        assert plain(atoms.take(slice(90, 110))["coords"]) == wanted[90:110]
        assert file["run/frames"][95:105].tolist() == joined(parts)["run/frames"][95:105]
        assert file["run/frames"].attrs["units"] == "counts"
        assert atoms["coords"].attrs["units"] == "angstrom"


@VIRTUAL
def test_other_readers(parts, tmp_path, virtual):
    anndata = pytest.importorskip("anndata")
    target = tmp_path / "all.h5"
    merge(parts, target, virtual=virtual)
    wanted = joined(parts)
    with h5py.File(target) as file:
        array = anndata.io.read_elem(file["atoms"])
        assert array["symbol"].tolist() == wanted["atoms"]["symbol"]
        assert array["bonds"].tolist() == wanted["atoms"]["bonds"]
        assert array["measured"].tolist() == wanted["atoms"]["measured"]
        assert file["run/frames"][:].tolist() == wanted["run/frames"]
        made = {name for name, item in file["atoms"].items() if item.is_virtual}
        assert ("coords-data" in made) == virtual
        assert not made & {"atoms-offsets", "label-offsets", "symbol.categories.bytes-data"}


def test_chunks_that_line_up_are_copied(tmp_path):
    rng = np.random.default_rng(0)
    for name, rows in (("a", 50), ("b", 20), ("c", 7)):
        with rh5.File(tmp_path / f"{name}.h5", "w", chunk_bytes=80) as file:
            file.create_table("t", {"x": "f8", "y": ("f4", (2,))}, ragged=False).append(
                {"x": rng.normal(size=rows), "y": rng.normal(size=(rows, 2))}
            )
    paths = [tmp_path / f"{name}.h5" for name in "abc"]
    merge(paths, tmp_path / "all.h5")
    with h5py.File(tmp_path / "all.h5") as new:
        at = 0
        for path in paths:
            with h5py.File(path) as old:
                for (row, *rest), chunk in chunk_bytes(old["t/y-data"]).items():
                    place = (row + at, *rest)
                    assert new["t/y-data"].id.read_direct_chunk(place) == chunk
                at += len(old["t/y-data"])
    with rh5.File(tmp_path / "all.h5", "a") as file:
        file["t"].append({"x": np.zeros(3), "y": np.zeros((3, 2), "f4")})
        assert len(file["t"]) == 80
    assert contents(tmp_path / "all.h5")["t"]["x"][:77] == joined(paths)["t"]["x"]


def write_strings(path, strings, dictionary, **options):
    with rh5.File(path, "w", **options) as file:
        file.create_table("t", {"s": rh5.Column("str", dictionary=dictionary)}).append(
            {"s": strings}
        )
    return path


@VIRTUAL
@pytest.mark.parametrize("first", [True, False])
def test_strings_with_and_without_a_dictionary(tmp_path, virtual, first):
    rows = [["a", "b"], ["b"]], [["c", "a"], []], [["µ", "b"]]
    paths = [
        write_strings(tmp_path / f"{i}.h5", strings, kind)
        for i, (strings, kind) in enumerate(zip(rows, (first, not first, first), strict=True))
    ]
    merge(paths, tmp_path / "all.h5", virtual=virtual)
    assert contents(tmp_path / "all.h5")["t"]["s"] == list(chain.from_iterable(rows))
    with rh5.File(tmp_path / "all.h5") as file:
        assert file["t"].columns["s"].dictionary is first


@pytest.mark.parametrize(
    ("more", "shared"),
    [([["a"]], True), ([["a", "b", "c"]], True), ([["b", "a"]], False), ([["c"]], False)],
)
def test_codes_stay_where_dictionaries_agree(tmp_path, more, shared):
    """One dictionary continues the other: the codes need no change, and stay in the parts."""
    paths = [
        write_strings(tmp_path / "0.h5", [["a", "b"]], True),
        write_strings(tmp_path / "1.h5", more, True),
    ]
    merge(paths, tmp_path / "all.h5", virtual=True)
    assert contents(tmp_path / "all.h5")["t"]["s"] == [["a", "b"], *more]
    with h5py.File(tmp_path / "all.h5") as file:
        assert file["t/s-index"].is_virtual == shared


def test_other_codecs_chunks_and_byte_order(tmp_path):
    for i, (codec, chunk) in enumerate(((rh5.Blosc(), 100), ("gzip", 64), (None, 1 << 16))):
        with rh5.File(tmp_path / f"{i}.h5", "w", codec=codec, chunk_bytes=chunk) as file:
            columns, data = ragged_kinds(np.random.default_rng(i), [3, 0, 5, 9])
            file.create_table("t", columns).append(data)
    with h5py.File(tmp_path / "2.h5", "a") as file:
        values = file["t/float64-data"][:]
        attributes = dict(file["t/float64-data"].attrs)
        del file["t/float64-data"], file["__raggedh5__"]
        file["t"].create_dataset("float64-data", data=values.astype(">f8")).attrs.update(attributes)
    paths = [tmp_path / f"{i}.h5" for i in range(3)]
    for virtual in (False, True):
        merge(paths, tmp_path / "all.h5", virtual=virtual, overwrite=True)
        assert contents(tmp_path / "all.h5") == joined(paths)
    merge(paths[::-1], tmp_path / "back.h5")
    assert contents(tmp_path / "back.h5") == joined(paths[::-1])


def test_a_part_by_anndata(tmp_path):
    anndata = pytest.importorskip("anndata")
    ak = pytest.importorskip("awkward")
    rh5.write(tmp_path / "a.h5", {"t": {"x": [[1.5], []], "s": [["a"], []]}})
    with h5py.File(tmp_path / "b.h5", "w") as file:
        array = ak.Array([[{"x": 2.5, "s": "b"}, {"x": 3.5, "s": "a"}]])
        anndata.io.write_elem(file, "t", array)
    for order in ("ab", "ba"):
        for virtual in (False, True):
            paths = [tmp_path / f"{name}.h5" for name in order]
            merge(paths, tmp_path / "all.h5", virtual=virtual, overwrite=True)
            assert contents(tmp_path / "all.h5") == joined(paths)


@VIRTUAL
def test_a_table_without_columns_yet(tmp_path, virtual):
    rh5.write(tmp_path / "b.h5", {"t": {"x": [[1, 2], [3]]}})
    with rh5.File(tmp_path / "a.h5", "w") as file:
        file.create_table("t")
    for order in ("ab", "bab", "aa"):
        paths = [tmp_path / f"{name}.h5" for name in order]
        merge(paths, tmp_path / "all.h5", virtual=virtual, overwrite=True)
        rows = [[1, 2], [3]] * order.count("b")
        assert contents(tmp_path / "all.h5") == {"t": {"x": rows} if rows else {}}


@VIRTUAL
def test_what_is_no_table(tmp_path, virtual):
    for i in range(2):
        with h5py.File(tmp_path / f"{i}.h5", "w") as file:
            file["one"] = 5 + i
            file["texts"] = ["a", f"b{i}"]
            file["null"] = h5py.Empty("f4")
            file.create_dataset("g/fixed", data=np.arange(6).reshape(3, 2) + i)
            file["g/soft"] = h5py.SoftLink("/one")
            file["g"].attrs["n"] = i
    paths = [tmp_path / "0.h5", tmp_path / "1.h5"]
    report = merge(paths, tmp_path / "all.h5", virtual=virtual)
    with h5py.File(tmp_path / "all.h5") as file:
        assert file["one"][()] == 5
        assert file["texts"].asstr()[:].tolist() == ["a", "b0", "a", "b1"]
        assert file["g/fixed"][:, 0].tolist() == [0, 2, 4, 1, 3, 5]
        assert file["g"].get("soft", getlink=True).path == "/one"
        assert file["null"].shape is None
        assert file["g"].attrs["n"] == 0
    assert [line for line in report.warnings if "'n'" in line]
    assert [line for line in report.warnings if "'one'" in line]


def test_attributes_that_differ(tmp_path):
    for i, units in enumerate(("m", "cm")):
        columns = {"x": rh5.Column("f8", finite=not i, attrs={"units": units})}
        rh5.write(tmp_path / f"{i}.h5", {"t": {"x": [[1.0]]}}, columns={"t": columns})
    paths = [tmp_path / "0.h5", tmp_path / "1.h5"]
    (warning,) = merge(paths, tmp_path / "all.h5").warnings
    assert "1.h5: attribute 'units' of 't/x' is 'cm', but 'm' in" in warning
    with rh5.File(tmp_path / "all.h5", "a") as file:
        assert file["t"]["x"].attrs["units"] == "m"
        file["t"].append({"x": [[np.nan]]})  # not all parts refuse it


def test_differences_are_all_named(tmp_path):
    def write(name, columns, **tables):
        data = {
            c: [[]] if isinstance(s, str) else rh5.Ragged(np.zeros((0, 3)), [0, 0])
            for c, s in columns.items()
        }
        rh5.write(tmp_path / name, {"t": data} | tables, columns={"t": columns})
        return tmp_path / name

    first = write("a.h5", {"x": "f4", "y": "i4", "n": "i4"}, line=np.zeros(3))
    wrong = {
        "dtype.h5": ({"x": "f8", "y": "i4", "n": "i4"}, "column 'x': dtype float64, but float32"),
        "less.h5": ({"x": "f4", "n": "i4"}, "table 't' has no column 'y'"),
        "more.h5": ({"x": "f4", "y": "i4", "n": "i4", "z": "i1"}, "has a column 'z', which"),
        "shape.h5": ({"x": ("f4", (3,)), "y": "i4", "n": "i4"}, r"column 'x': shape \(3,\)"),
    }
    paths = [first]
    for name, (columns, message) in wrong.items():
        paths.append(write(name, columns, line=np.zeros(3)))
        with pytest.raises(SchemaError, match=f"{name}: .*{message}"):
            merge([first, paths[-1]], tmp_path / "all.h5")
    with pytest.raises(SchemaError) as caught:
        merge(paths, tmp_path / "all.h5")
    assert all(name in str(caught.value) for name in wrong)
    columns = {"x": "f4", "y": "i4", "n": "i4"}
    for path, message in (
        (write("none.h5", columns), "none.h5 has no array 'line'"),
        (write("more.h5", columns, line=np.zeros(3), u={"x": [[1]]}), "a.h5 has no table 'u'"),
        (write("kind.h5", columns, line=np.zeros(3, "i2")), "array 'line' is int16"),
        (write("axes.h5", columns, line=np.zeros((3, 2))), r"array 'line' .* \(3, 2\)"),
    ):
        with pytest.raises(SchemaError, match=message):
            merge([first, path], tmp_path / "all.h5")
    rh5.write(tmp_path / "rows.h5", {"t": {"x": np.zeros(2, "f4")}, "line": np.zeros(3)})
    with pytest.raises(SchemaError, match="a row table, but a ragged table"):
        merge([first, tmp_path / "rows.h5"], tmp_path / "all.h5")
    assert not (tmp_path / "all.h5").exists()


def test_what_is_refused(parts, tmp_path):
    target = tmp_path / "all.h5"
    with pytest.raises(SchemaError, match="nothing to merge"):
        merge([], target)
    with pytest.raises(FileNotFoundError):
        merge([parts[0], tmp_path / "missing.h5"], target)
    shutil.copy(parts[0], tmp_path / "mine.h5")
    with pytest.raises(WriteError, match="itself"):
        merge([parts[1], tmp_path / "mine.h5"], tmp_path / "mine.h5", overwrite=True)
    target.write_text("mine")
    with pytest.raises(WriteError, match="overwrite"):
        merge(parts, target)
    assert target.read_text() == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["all.h5", "mine.h5"]


@pytest.mark.parametrize("part", [0, 2])
def test_damage_is_not_passed_on(tmp_path, part):
    paths = [write_everything(tmp_path / f"{i}.h5", 60, seed=i) for i in range(3)]
    flip_byte(paths[part], "atoms/coords-data", 1)
    with pytest.raises(FormatError, match="atoms/coords-data: chunk 1"):
        merge(paths, tmp_path / "all.h5")
    assert not (tmp_path / "all.h5").exists()
    merge(paths, tmp_path / "all.h5", virtual=True)
    with (
        rh5.File(tmp_path / "all.h5") as file,
        pytest.raises(FormatError, match="atoms/coords-data: chunk 1"),
    ):
        file["atoms"].read()


def test_parts_that_are_missing(tmp_path):
    (tmp_path / "in").mkdir()
    paths = [write_everything(tmp_path / "in" / f"{i}.h5", 60, seed=i) for i in range(3)]
    target = tmp_path / "in" / "all.h5"
    merge(paths, target, virtual=True)
    whole = contents(target)
    (tmp_path / "in").rename(tmp_path / "moved")  # together
    target = tmp_path / "moved" / "all.h5"
    assert contents(target) == whole
    (tmp_path / "link.h5").symlink_to(target)
    assert contents(tmp_path / "link.h5") == whole
    part = tmp_path / "moved" / "1.h5"
    part.rename(tmp_path / "away.h5")
    with rh5.File(target) as file:
        assert plain(file["atoms"][5]["coords"]) == whole["atoms"]["coords"][5]
        assert plain(file["atoms"].take(slice(0, 60))["int8"]) == whole["atoms"]["int8"][:60]
        for read in (
            lambda: file["atoms"][60],
            lambda: file["atoms"].read(),
            lambda: file["atoms"].take([70, 3]),
            lambda: file["run/frames"][:],
            lambda: file["line"][59:61],
            lambda: rh5.read_dataset(file.h5["line"]),
        ):
            with pytest.raises(FormatError, match=r"lie in '1.h5', which is not there"):
                read()
    part.write_text("no HDF5")
    with rh5.File(target) as file, pytest.raises(FormatError, match="cannot be opened"):
        file["line"].read()
    part.unlink()
    rh5.write(part, {"line": np.zeros(3)})
    with rh5.File(target) as file:
        with pytest.raises(FormatError, match="60 items are not there any more"):
            file["line"].read()
        with pytest.raises(FormatError, match="cannot be opened"):
            file["atoms"].read()


def test_sources_that_hdf5_converts(tmp_path):
    with h5py.File(tmp_path / "part.h5", "w") as file:
        file["x"] = np.arange(5, dtype=">i2")
    layout = h5py.VirtualLayout((5,), "f8")
    layout[:] = h5py.VirtualSource("part.h5", "x", (5,))
    with h5py.File(tmp_path / "all.h5", "w") as file:
        file.create_virtual_dataset("x", layout)
    with rh5.File(tmp_path / "all.h5") as file:
        assert file["x"][:].tolist() == [0, 1, 2, 3, 4]
        assert file["x"][2:4].tolist() == [2, 3]
        assert file["x"][[4, 1]].tolist() == [4, 1]
        assert file["x"][:].dtype == "f8"


def test_a_virtual_dataset_of_itself(tmp_path):
    for name, other in (("a", "b.h5"), ("b", "a.h5"), ("c", ".")):
        layout = h5py.VirtualLayout((5,), "f8")
        layout[:] = h5py.VirtualSource(other, "x", (5,))
        with h5py.File(tmp_path / f"{name}.h5", "w") as file:
            file.create_virtual_dataset("x", layout)
    for name in "abc":
        with rh5.File(tmp_path / f"{name}.h5") as file:
            with pytest.raises(FormatError, match="lead back to itself"):
                file["x"].read()
            with pytest.raises(FormatError, match="lead back to itself"):
                file["x"][1:3]


def test_names_with_a_percent_sign(tmp_path):
    (tmp_path / "50%b").mkdir()
    paths = [tmp_path / "50%b" / "a%.h5", tmp_path / "µ.h5"]
    for i, path in enumerate(paths):
        rh5.write(path, {"x%": np.arange(3) + i})
    merge(paths, tmp_path / "all.h5", virtual=True)
    assert contents(tmp_path / "all.h5")["x%"] == [0, 1, 2, 1, 2, 3]
    with h5py.File(tmp_path / "all.h5") as file:
        assert file["x%"][:].tolist() == [0, 1, 2, 1, 2, 3]


def test_virtual_files_as_sources(parts, tmp_path):
    merge(parts, tmp_path / "virtual.h5", virtual=True)
    wanted = joined(parts)
    merge([tmp_path / "virtual.h5", parts[0]], tmp_path / "again.h5", virtual=True)
    assert contents(tmp_path / "again.h5") == joined([*parts, parts[0]])
    (tmp_path / "sub").mkdir()
    copy(tmp_path / "virtual.h5", tmp_path / "sub" / "copy.h5", tables="*")
    repack(tmp_path / "virtual.h5", tmp_path / "sub" / "repack.h5")
    merge([tmp_path / "virtual.h5"], tmp_path / "sub" / "merge.h5")
    for name in ("copy", "repack", "merge"):
        assert contents(tmp_path / "sub" / f"{name}.h5") == wanted
        with h5py.File(tmp_path / "sub" / f"{name}.h5") as file:
            assert not file["atoms/coords-data"].is_virtual


def test_virtual_datasets_by_others(tmp_path):
    """Layouts that are not runs of whole items are read by HDF5, once their sources are there."""
    with h5py.File(tmp_path / "part.h5", "w") as file:
        file["x"] = np.arange(12).reshape(3, 4)
    layout = h5py.VirtualLayout((8, 3), "i8", maxshape=(8, 3))
    source = h5py.VirtualSource("part.h5", "x", (3, 4))
    for i in range(3):
        layout[:4, i] = source[i]
    gaps = h5py.VirtualLayout((9, 4), "i8")
    gaps[2:5] = source
    with h5py.File(tmp_path / "all.h5", "w") as file:
        file.create_virtual_dataset("turned", layout, fillvalue=-1)
        file.create_virtual_dataset("gaps", gaps, fillvalue=-5)
    with rh5.File(tmp_path / "all.h5") as file, h5py.File(tmp_path / "all.h5") as stock:
        for name in ("turned", "gaps"):
            assert file[name][:].tolist() == stock[name][:].tolist()
            assert file[name][1:3].tolist() == stock[name][1:3].tolist()
        assert file["gaps"][0].tolist() == [-5] * 4
    (tmp_path / "part.h5").unlink()
    with rh5.File(tmp_path / "all.h5") as file:
        assert file["gaps"][0:2].tolist() == [[-5] * 4] * 2
        for name in ("turned", "gaps"):
            with pytest.raises(FormatError, match="not there"):
                file[name][:]


def test_nothing_can_be_appended_to_a_virtual_file(parts, tmp_path):
    merge(parts, tmp_path / "all.h5", virtual=True)
    with rh5.File(tmp_path / "all.h5", "a") as file:
        with pytest.raises(SchemaError, match="does not grow"):
            file["line"].append([1.0])
        row = file["atoms"].take([0])
        with pytest.raises(SchemaError, match="does not grow"):
            file["atoms"].append(row)
    assert contents(tmp_path / "all.h5") == joined(parts)


@settings(max_examples=4)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 20),
            st.sampled_from([64, 100, 1 << 16]),
            st.sampled_from(["blosc", "bitshuffle", "gzip", None]),
        ),
        min_size=1,
        max_size=4,
    ),
    st.booleans(),
)
def test_any_parts(tmp_path_factory, kinds, virtual):
    folder = tmp_path_factory.mktemp("any")
    paths = [
        write_everything(folder / f"{i}.h5", rows, i, chunk, codec=codec)
        for i, (rows, chunk, codec) in enumerate(kinds)
    ]
    merge(paths, folder / "all.h5", virtual=virtual)
    assert contents(folder / "all.h5") == joined(paths)
    shutil.rmtree(folder)
