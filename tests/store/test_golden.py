"""Files of format version 1 stay readable: by raggedh5, by stock h5py, by Awkward, by AnnData."""

import json
import re
import subprocess
import sys
from pathlib import Path

import h5py
import hdf5plugin  # noqa: F401 - the filters, for stock h5py
import numpy as np
import pytest
import xxhash

import raggedh5 as rh5

TESTS = Path(__file__).parents[1]
GOLDEN = TESTS / "data" / "format-1.h5"
SCRIPT = TESTS / "data" / "make_golden.py"
PAGE = TESTS.parent / "docs" / "format.md"

ROWS = {
    "coords": [[[0, 0, 0], [0, 0, 1.125]], [], [[0, 0, 0.25], [1, 0, 0], [0, 1, 0]]],
    "charge": [[-1, None], [], [0, 1, 0]],
    "label": [["C1", "O1"], [], ["N1", "H1", "Hα"]],  # noqa: RUF001 - as chemists write it
    "symbol": [["C", "O"], [], ["N", "H", "H"]],
    "note": [[None, "bound"], [], ["loose", None, "bound"]],
    "neighbours": [[[1], [0]], [], [[1, 2], [], [0]]],
}

BUFFERS = {
    "atoms-offsets": ("<i8", [0, 2, 2, 5]),
    "coords-data": ("<f4", [[0, 0, 0], [0, 0, 1.125], [0, 0, 0.25], [1, 0, 0], [0, 1, 0]]),
    "charge-mask": ("|i1", [1, 0, 1, 1, 1]),
    "charge.values-data": ("<i2", [-1, 0, 0, 1, 0]),
    "label-offsets": ("<i8", [0, 2, 4, 6, 8, 11]),
    "label.bytes-data": ("|u1", list("C1O1N1H1Hα".encode())),  # noqa: RUF001
    "symbol-index": ("<i4", [0, 1, 2, 3, 3]),
    "symbol.categories-offsets": ("<i8", [0, 1, 2, 3, 4]),
    "symbol.categories.bytes-data": ("|u1", list(b"CONH")),
    "note-index": ("<i4", [-1, 0, 1, -1, 0]),
    "note.categories-offsets": ("<i8", [0, 5, 10]),
    "note.categories.bytes-data": ("|u1", list(b"boundloose")),
    "neighbours-offsets": ("<i8", [0, 1, 2, 4, 4, 5]),
    "neighbours.items-data": ("<i4", [1, 0, 1, 2, 0]),
}

FRAMES = (np.arange(300 * 8 * 8) % 251).reshape(300, 8, 8)
SQUARES = np.arange(40).reshape(20, 2) ** 2


@pytest.fixture(scope="module", params=["checked in", "made now"])
def path(request, tmp_path_factory):
    if request.param == "checked in":
        return GOLDEN
    folder = tmp_path_factory.mktemp("golden")
    subprocess.run([sys.executable, "-W", "error", SCRIPT, folder], check=True)
    return folder / GOLDEN.name


def test_raggedh5_reads_every_kind_of_column(path):
    with rh5.File(path, verify="always") as file:
        atoms = file["atoms"]
        assert len(atoms) == 3
        assert atoms.items == 5
        assert {name: r.to_list() for name, r in atoms.read().items()} == ROWS
        for row in range(3):
            for name, values in atoms[row].items():
                values = values.to_list() if isinstance(values, rh5.Ragged) else values.tolist()
                assert values == ROWS[name][row], (row, name)
        taken = atoms.take([2, 0])
        assert {n: r.to_list() for n, r in taken.items()} == {
            n: [rows[2], rows[0]] for n, rows in ROWS.items()
        }


def test_columns_and_attributes(path):
    with rh5.File(path) as file:
        atoms = file["atoms"]
        columns = atoms.columns
        assert list(columns) == list(ROWS)
        assert (columns["coords"].dtype, columns["coords"].shape) == (np.float32, (3,))
        assert (columns["charge"].dtype, columns["charge"].nullable) == (np.int16, True)
        assert (columns["label"].dictionary, columns["symbol"].dictionary) == (False, True)
        assert columns["note"].nullable
        assert columns["neighbours"].nested
        assert atoms["coords"].attrs["units"] == "angstrom"
        assert atoms["symbol"].attrs["source"] == "IUPAC"
        assert file["frames"].attrs["units"] == "counts"
        assert file.h5["atoms/coords-data"].attrs["finite"]


def test_raggedh5_reads_row_tables_and_arrays(path):
    with rh5.File(path, verify="always") as file:
        rows = file["molecules"].read()
        assert not file["molecules"].ragged
        np.testing.assert_array_equal(rows["energy"], [-113.5, 0, np.nan])
        assert rows["name"].tolist() == ["CO", "vacuum", "NH2"]
        assert rows["linear"].dtype == np.bool_
        assert rows["linear"].tolist() == [True, True, False]
        assert rows["amplitude"].dtype == np.complex64
        assert rows["amplitude"].tolist() == [1 + 2j, 0, -0.5j]
        np.testing.assert_array_equal(file["frames"].read(), FRAMES)
        np.testing.assert_array_equal(file["frames"][[299, 3]], FRAMES[[299, 3]])
        codecs = [name for name in file.arrays() if name.startswith("codecs/")]
        assert len(codecs) == 8
        for name in codecs:
            np.testing.assert_array_equal(file[name].read(), SQUARES)


def test_appending_goes_on(path, tmp_path):
    copy = tmp_path / "copy.h5"
    copy.write_bytes(path.read_bytes())
    with rh5.File(copy, "a") as file:
        batch = file["atoms"].take([0])
        batch["note"] = [["new", None]]
        file["atoms"].append(batch)
        file["frames"].append(FRAMES[:1])
    with rh5.File(copy, verify="always") as file:
        assert file["atoms"][3]["note"].tolist() == ["new", None]
        assert file["atoms"][3]["neighbours"].to_list() == ROWS["neighbours"][0]
        assert {n: r.to_list() for n, r in file["atoms"][:3].items()} == ROWS
        np.testing.assert_array_equal(file["frames"][300], FRAMES[0])


def test_stock_h5py_reads_the_buffers(path):
    with h5py.File(path) as file:
        group = file["atoms"]
        assert set(group) == set(BUFFERS)
        for name, (dtype, values) in BUFFERS.items():
            assert group[name].dtype.str == dtype, name
            assert group[name][()].tolist() == values, name
        assert (group.attrs["length"], group.attrs["raggedh5-version"]) == (3, 1)
        assert json.loads(group.attrs["form"])["content"]["fields"] == list(ROWS)
        np.testing.assert_array_equal(file["frames"][()], FRAMES)
        for name in file["codecs"]:
            np.testing.assert_array_equal(file["codecs"][name][()], SQUARES)


def test_checksums_are_those_of_the_page(path):
    with h5py.File(path) as file:
        own = file["__raggedh5__"]
        assert (own.attrs["format-version"], own.attrs["checksum"]) == (1, "xxh3-64")
        frames, sums = file["frames"], own["checksums/frames"]
        _, stored = frames.id.read_direct_chunk((0, 0, 0))
        assert sums[()].tolist() == [xxhash.xxh3_64_intdigest(stored)]
        said = json.loads(sums.attrs["fingerprint"])
        assert list(said) == ["dtype", "inner", "chunks", "filters"]
        assert said["dtype"] == "<u2"
        assert said["inner"] == [8, 8]
        assert said["chunks"] == list(frames.chunks)
        assert said["filters"][0][0] == 32001
        assert len(said["filters"][0][1]) == 7


def test_awkward_reads_the_table(path):
    ak = pytest.importorskip("awkward")
    with h5py.File(path) as file:
        group = file["atoms"]
        array = ak.from_buffers(
            ak.forms.from_json(group.attrs["form"]),
            int(group.attrs["length"]),
            {name: group[name][()] for name in group},
        )
    assert {name: array[name].to_list() for name in array.fields} == ROWS


def test_anndata_reads_the_tables(path):
    io = pytest.importorskip("anndata.io")
    with h5py.File(path) as file:
        atoms, molecules = io.read_elem(file["atoms"]), io.read_elem(file["molecules"])
    assert {name: atoms[name].to_list() for name in atoms.fields} == ROWS
    assert molecules.name.to_list() == ["CO", "vacuum", "NH2"]


def test_the_example_on_the_page_is_this_file():
    lines = re.findall(
        r'DATASET "([^"]+)" +H5T_\w+ +\(([^)]*)\)(?: +((?:-?[\d.]+(?:, +)?)+)$)?',
        PAGE.read_text(),
        re.MULTILINE,
    )
    assert len(lines) >= len(BUFFERS) + 4
    with h5py.File(GOLDEN) as file:
        own, places = file["__raggedh5__/checksums"], [file, file["atoms"], file["molecules"]]
        for name, shape, values in lines[: len(BUFFERS) + 6]:
            dataset = next(place[name] for place in places if name in place)
            assert ", ".join(map(str, dataset.shape)) == shape.strip(), name
            if values:
                assert [float(v) for v in values.split(",")] == dataset[()].ravel().tolist(), name
        fingerprints = re.findall(
            r'"fingerprint" +(\{"dtype".*\})$', PAGE.read_text(), re.MULTILINE
        )
        assert fingerprints == [own["atoms/coords-data"].attrs["fingerprint"]]
