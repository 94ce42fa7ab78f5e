"""repair: every row that reads is kept and equal, every row that does not is listed."""

import importlib
import json
import os

import h5py
import numpy as np
import pytest

import raggedh5 as rh5
from care.test_validate import flip, stored_chunk
from hostile_files import contents, make_files
from kinds import plain, ragged_kinds, row_kinds
from raggedh5.care import repair, validate, validate_and_repair_if_needed
from raggedh5.care.isolation.pulse import Pulse
from raggedh5.care.isolation.stopped import StoppedError

FILES = ["blosc", "lz4", "zstd", "bitshuffle", "gzip", "none", "latest", "adopted", "anndata"]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return make_files(tmp_path_factory.mktemp("right"))


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "file.h5"
    rng = np.random.default_rng(3)
    columns, data = ragged_kinds(rng, rng.integers(0, 6, 60))
    cells, values = row_kinds(rng, 50)
    with rh5.File(path, "w", chunk_bytes=500) as file:
        file.create_table("t", columns).append(data)
        file.create_table("run/cells", cells, ragged=False).append(values)
        file.create_array("x", data=rng.normal(size=(40, 5)), chunks=(8, 5), attrs={"units": "K"})
        file.h5["t"].attrs["about"] = "all kinds"
        file.h5.attrs["creator"] = "a test"
    return path


@pytest.fixture
def dst(tmp_path):
    return tmp_path / "repaired.h5"


def mend(path, dst, **options):
    report = repair(path, dst, isolated=False, **options)
    checked = validate(dst, isolated=False)
    assert checked.valid, checked.errors
    assert checked.counts["checksums"] == checked.counts["chunks"]
    json.dumps(report.as_dict())
    return report


def rows_kept(table):
    lost = {row for first, last in table.lost for row in range(first, last)}
    assert table.kept == table.rows - len(lost)
    return [row for row in range(table.rows) if row not in lost]


def table_in(report, path):
    (table,) = (table for table in report.tables if table.path == path)
    return table


def assert_kept(report, old, new):
    """Hold the tables of a repaired file to those that there were."""
    for table in report.tables:
        keep = rows_kept(table)
        now = new[table.path].read()
        was = old[table.path].read(list(now))
        for name in was:
            values = plain(was[name])
            assert plain(now[name]) == [values[row] for row in keep], name


@pytest.mark.parametrize("name", FILES)
def test_what_is_right_comes_through_whole(files, dst, name):
    report = repair(files[name], dst, isolated=False)
    assert report.complete, report
    assert report.backup is None
    assert contents(dst) == contents(files[name])
    with h5py.File(files[name]) as old, h5py.File(dst) as new:
        names = set()
        old.visit(names.add)
        names = {name for name in names if not name.startswith("__raggedh5__")}
        for each in names:
            assert new[each].attrs.keys() == old[each].attrs.keys(), each
            if isinstance(old[each], h5py.Dataset):
                assert new[each].id.get_create_plist().get_nfilters() == len(
                    old[each]._filters or ()
                )
        assert set(new) - {"__raggedh5__"} == set(old) - {"__raggedh5__"}


def test_chunks_are_copied_as_they_are_stored(path, dst):
    mend(path, dst)
    with h5py.File(path) as old, h5py.File(dst) as new:
        for name in ("t/coords-data", "t/t-offsets", "x", "run/cells/energy-mask"):
            count = old[name].id.get_num_chunks()
            assert new[name].id.get_num_chunks() == count
            for number in range(count):
                place = old[name].id.get_chunk_info(number).chunk_offset
                assert new[name].id.read_direct_chunk(place) == old[name].id.read_direct_chunk(
                    place
                )


@pytest.mark.parametrize(
    "buffer",
    [
        "coords-data",
        "float16-data",
        "bool-data",
        "label-offsets",
        "label.bytes-data",
        "symbol-index",
        "tag-index",
        "measured-mask",
        "measured.values-data",
        "bonds-offsets",
        "bonds.items-data",
        "t-offsets",
    ],
)
def test_rows_of_a_damaged_chunk_are_left_out(path, dst, files, tmp_path, buffer):
    good = tmp_path / "good.h5"
    good.write_bytes(path.read_bytes())
    start, size = stored_chunk(path, f"t/{buffer}", 0)
    flip(path, start + size - 1)
    report = mend(path, dst)
    atoms, cells = table_in(report, "/t"), table_in(report, "/run/cells")
    with rh5.File(good) as old, rh5.File(dst) as new, h5py.File(good) as stock:
        assert_kept(report, old, new)
        chunk = stock[f"t/{buffer}"].chunks[0]
        offsets = stock["t/t-offsets"][:]
        one_chunk = stock[f"t/{buffer}"].id.get_num_chunks() == 1
        if one_chunk and buffer != "t-offsets":
            assert list(atoms.dropped) == [buffer.split("-")[0].split(".")[0]]
            assert not atoms.lost
        elif buffer.split("-")[0] in ("coords", "float16", "bool", "symbol", "tag", "measured"):
            # Those, and no others, that have an item in the chunk.
            bad = [r for r in range(60) if offsets[r] < chunk and offsets[r + 1] > offsets[r]]
            assert [r for r in range(60) if r not in rows_kept(atoms)] == bad
        else:
            assert atoms.lost
        assert new["t"].h5.attrs["about"] == "all kinds"
        if "coords" in new["t"].columns:
            assert new["t"]["coords"].attrs["units"] == "angstrom"
            assert new["t"].h5["coords-data"].chunks == stock["t/coords-data"].chunks
    assert (cells.kept, cells.lost) == (50, ())


def test_a_column_that_is_lost_is_dropped(path, dst, tmp_path):
    good = tmp_path / "good.h5"
    good.write_bytes(path.read_bytes())
    with h5py.File(path) as file:
        count = file["t/coords-data"].id.get_num_chunks()
    for number in range(count):
        flip(path, stored_chunk(path, "t/coords-data", number)[0] + 20)
    with h5py.File(path, "r+") as file:
        del file["t/bonds-offsets"]
    report = mend(path, dst)
    atoms = table_in(report, "/t")
    assert set(atoms.dropped) == {"coords", "bonds"}
    assert atoms.kept == atoms.rows == 60
    with rh5.File(good) as old, rh5.File(dst) as new:
        assert_kept(report, old, new)
        assert new["t"].columns.keys() == old["t"].columns.keys() - {"coords", "bonds"}


def test_a_damaged_dictionary(path, dst, tmp_path):
    good = tmp_path / "good.h5"
    good.write_bytes(path.read_bytes())
    with h5py.File(path, "r+") as file:
        del file["__raggedh5__"]
        first = int(file["t/symbol.categories-offsets"][1])
        last = int(file["t/symbol.categories-offsets"][2])
        file["t/symbol.categories.bytes-data"][first:last] = 255
        file["t/tag-index"][3] = 77
    report = mend(path, dst)
    assert table_in(report, "/t").lost
    assert not table_in(report, "/t").dropped
    with rh5.File(good) as old, rh5.File(dst) as new:
        assert_kept(report, old, new)
        symbols = [row["symbol"].tolist() for row in (old["t"][r] for r in range(60))]
        with h5py.File(good) as stock:
            bad = stock["t/symbol.categories.bytes-data"][first:last].tobytes().decode()
        lost = {r for r in range(60) if bad in symbols[r]}
        assert lost <= set(range(60)) - set(rows_kept(table_in(report, "/t")))


def test_offsets_that_fall(path, dst, tmp_path):
    good = tmp_path / "good.h5"
    good.write_bytes(path.read_bytes())
    with h5py.File(path, "r+") as file:
        del file["__raggedh5__"]
        file["t/t-offsets"][20] = 0
        file["t/label-offsets"][100] = 10**12
    report = mend(path, dst)
    with rh5.File(good) as old, rh5.File(dst) as new:
        assert_kept(report, old, new)
    assert 3 <= 60 - table_in(report, "/t").kept <= 8


@pytest.mark.parametrize("damage", ["form", "length"])
def test_a_form_is_put_back_and_a_length_worked_out(path, dst, tmp_path, damage):
    good = tmp_path / "good.h5"
    good.write_bytes(path.read_bytes())
    with h5py.File(path, "r+") as file:
        if damage == "form":
            form = file["t"].attrs["form"]
            file["t"].attrs["form"] = form.replace('"symbol"', '"symbox"', 1)
            del file["run/cells"].attrs["form"]
        else:
            del file["t"].attrs["length"]
            file["run/cells"].attrs["length"] = -4
    report = mend(path, dst)
    assert not report.complete
    assert all(table.notes and not table.lost for table in report.tables)
    with rh5.File(good) as old, rh5.File(dst) as new:
        assert_kept(report, old, new)


def test_without_a_form_the_buffers_are_kept_as_arrays(path, dst):
    with h5py.File(path, "r+") as file:
        del file["__raggedh5__"]
        file["t"].attrs["form"] = "{"
    report = mend(path, dst)
    assert [table.path for table in report.tables] == ["/run/cells"]
    assert any(where == "/t" for where, _ in report.lost)
    with h5py.File(path) as old, rh5.File(dst) as new:
        assert np.array_equal(new["t/coords-data"][:], old["t/coords-data"][:])


def test_an_array_keeps_its_shape(path, dst):
    with h5py.File(path) as file:
        was = file["x"][:]
    flip(path, stored_chunk(path, "x", 1)[0] + 20)
    flip(path, stored_chunk(path, "x", 4)[0] + 20)
    report = mend(path, dst)
    (array,) = report.arrays
    assert array.filled == ((8, 16), (32, 40))
    with rh5.File(dst) as file:
        now = file["x"].read()
        assert file["x"].attrs["units"] == "K"
    assert np.array_equal(now[16:32], was[16:32])
    assert np.array_equal(now[:8], was[:8])
    assert not now[8:16].any()


def test_in_place_the_damaged_file_is_kept(path):
    flip(path, stored_chunk(path, "x", 1)[0] + 20)
    damaged = path.read_bytes()
    path.chmod(0o640)
    link = path.with_name("link.h5")
    link.symlink_to(path)
    report = repair(link, isolated=False)
    backup = path.with_name("file.h5.backup")
    assert report.backup == str(backup)
    assert backup.read_bytes() == damaged
    assert link.is_symlink()
    assert path.stat().st_mode & 0o777 == 0o640
    assert validate(path, isolated=False).valid
    again = repair(path, path, isolated=False)
    assert again.backup == str(path.with_name("file.h5.backup.2"))
    assert backup.read_bytes() == damaged
    assert sorted(p.name for p in path.parent.iterdir()) == [
        "file.h5",
        "file.h5.backup",
        "file.h5.backup.2",
        "link.h5",
    ]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_what_was_not_closed_is_recovered_first(tmp_path):
    path = tmp_path / "run.h5"
    child = os.fork()
    if child == 0:
        file = rh5.File(path, "w", durable="process")
        for i in range(3):
            file.create_array(f"a{i}", data=[i])
            file["a0"].append([7])
            file.flush()
        os._exit(0)
    os.waitpid(child, 0)
    report, repaired = validate_and_repair_if_needed(path)
    assert report.valid
    assert repaired is None
    assert rh5.read(path)["a0"].tolist() == [0, 7, 7, 7]


def test_validate_and_repair_if_needed(path):
    before = path.read_bytes()
    report, repaired = validate_and_repair_if_needed(path)
    assert report.valid
    assert repaired is None
    assert path.read_bytes() == before
    flip(path, stored_chunk(path, "x", 1)[0] + 20)
    report, repaired = validate_and_repair_if_needed(path)
    assert not report.valid
    assert repaired.arrays[0].filled == ((8, 16),)
    assert validate(path).valid


def test_what_is_refused(path, dst, tmp_path):
    dst.write_text("somebody's")
    with pytest.raises(rh5.WriteError, match="exists already"):
        repair(path, dst)
    assert dst.read_text() == "somebody's"
    text = tmp_path / "x.txt"
    text.write_text("no HDF5")
    for source in (text, tmp_path):
        with pytest.raises(rh5.FormatError):
            repair(source, tmp_path / "new.h5")
    with pytest.raises(FileNotFoundError):
        repair(tmp_path / "gone.h5", tmp_path / "new.h5")
    with pytest.raises(rh5.WriteError):
        repair(path, tmp_path / "no folder" / "new.h5")
    with pytest.raises(rh5.WriteError, match="folder"):
        repair(path, tmp_path, overwrite=True)
    assert {p.name for p in tmp_path.iterdir()} == {"file.h5", "repaired.h5", "x.txt"}
    mend(path, dst, overwrite=True)


def test_nothing_to_be_saved(tmp_path):
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("x", data=np.arange(100), chunks=(10,))
        header = h5py.h5o.get_info(file["x"].id).addr
    with path.open("r+b") as file:
        file.seek(header)
        file.write(b"\xff" * 64)
    with pytest.raises(rh5.FormatError, match=r"nothing could be saved.*/x"):
        repair(path, tmp_path / "new.h5")
    assert os.listdir(tmp_path) == ["x.h5"]  # noqa: PTH208


@pytest.mark.parametrize("columns", [{}, {"x": "f4", "s": "str"}])
def test_tables_with_nothing_in_them(tmp_path, dst, columns):
    path = tmp_path / "x.h5"
    with rh5.File(path, "w") as file:
        file.create_table("t", columns)
        file.create_table("ünï/r", columns, ragged=False)
    report = mend(path, dst)
    assert report.complete
    with rh5.File(path) as old, rh5.File(dst) as new:
        for name in ("t", "ünï/r"):
            assert new[name].columns == old[name].columns
            assert len(new[name]) == 0


def test_a_table_of_many_rows(tmp_path, dst):
    """More rows than a block of them, and damage at both of its ends."""
    path = tmp_path / "x.h5"
    lengths = np.random.default_rng(0).integers(0, 4, 40_000)
    values = np.arange(lengths.sum())
    with rh5.File(path, "w", chunk_bytes=1 << 12) as file:
        file.create_table("t").append({"v": rh5.Ragged(values, np.cumsum([0, *lengths]))})
    for number in (0, 31, 32, 33):
        start, _ = stored_chunk(path, "t/t-offsets", number)
        flip(path, start + 20)
    report = mend(path, dst)
    with h5py.File(path) as stock:
        length = stock["t/t-offsets"].chunks[0]
    lost = [(0, length), (31 * length - 1, 34 * length)]
    assert list(table_in(report, "/t").lost) == lost
    offsets = np.cumsum([0, *lengths])
    with rh5.File(dst) as file:
        keep = np.array(rows_kept(table_in(report, "/t")))
        want = np.concatenate([values[offsets[r] : offsets[r + 1]] for r in keep.tolist()])
        assert np.array_equal(file["t"].read()["v"].values, want)


def test_an_object_that_hdf5_crashes_at_is_left_out(path, dst, monkeypatch):
    """The child is started again without it."""
    module = importlib.import_module("raggedh5.care.repair")
    calls = []

    def stopped(function, arguments, **options):
        calls.append(list(arguments["skip"]))
        if len(calls) <= 2:
            at = ["/t/coords-data", "/x"][len(calls) - 1]
            raise StoppedError("it crashed", "crash", at)
        arguments = dict(arguments)
        return function(**arguments, pulse=Pulse())

    monkeypatch.setattr(module, "run_isolated", stopped)
    report = repair(path, dst)
    assert calls == [[], ["/t/coords-data"], ["/t/coords-data", "/x"]]
    assert list(table_in(report, "/t").dropped) == ["coords"]
    assert table_in(report, "/t").kept == 60
    assert [where for where, _ in report.lost] == ["/x"]
    assert validate(dst, isolated=False).valid


def test_names_that_are_no_text(path, dst):
    with h5py.File(path, "r+") as file:
        file.create_group(b"\xffg")["x"] = [1, 2]
        file.id.links.create_soft(b"\xfel", b"/t")
    report = repair(path, dst)
    assert [where for where, _ in report.lost] == ["/\udcffg"]
    with rh5.File(path) as old, rh5.File(dst) as new:
        assert_kept(report, old, new)
        assert new.h5.id.links.get_val(b"\xfel") == b"/t"
        assert new.h5[b"\xffg/x"][:].tolist() == [1, 2]


def test_a_reference_is_lost_rather_than_wrong(path, dst):
    with h5py.File(path, "r+") as file:
        file["x"].attrs["of"] = file["t"].ref
        file["x"].attrs["shape"] = h5py.Empty("f4")
    report = repair(path, dst)
    assert [where for where, why in report.lost if "'of' leads" in why] == ["/x"]
    with h5py.File(dst) as file:
        assert dict(file["x"].attrs).keys() >= {"shape", "units"}
        assert "of" not in file["x"].attrs


def test_an_attribute_that_nobody_can_read_is_left_out(tmp_path):
    path, target = tmp_path / "odd.h5", tmp_path / "fixed.h5"
    rh5.write(path, {"t": {"x": [[1.0], [2.0, 3.0]]}})
    with h5py.File(path, "a") as file:
        odd = h5py.h5t.IEEE_F64LE.copy()
        odd.set_fields(63, 48, 15, 0, 48)  # of an exponent that no float of NumPy has
        group = file.create_group("more")
        group.attrs["note"] = "kept"
        h5py.h5a.create(group.id, b"odd", odd, h5py.h5s.create(h5py.h5s.SCALAR))
    assert not validate(path).valid
    report = repair(path, target)
    assert [(place, "'odd'" in why) for place, why in report.lost] == [("/more", True)]
    assert validate(target).valid
    with h5py.File(target) as file:
        assert dict(file["more"].attrs) == {"note": "kept"}
