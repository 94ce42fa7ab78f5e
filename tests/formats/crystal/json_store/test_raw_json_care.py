"""Whole-file work on structures as JSON, in both layouts."""

import contextlib
import json
import random

import h5py
import numpy as np
import pytest
from click.testing import CliRunner

import raggedh5 as rh5
from raggedh5.care import organise, repair, rows_by, validate
from raggedh5.cli.main import cli
from raggedh5.errors import FormatError, SchemaError
from raggedh5.formats.crystal import (
    create_and_populate,
    initialize_hdf5_file,
    list_refcodes,
    read_raw_json,
    write_structure_group,
)

GROUPS = ["P2_1/c", "P-1", "C2/c", "P2_1/c", None, "P-1", "P2_1/c"]
SYMBOLS = ["OHH", "CHHHH", "OHH", "", "NN", "HOH", "CO"]


def structure(number):
    """The same in one of several shapes, as pipelines differ."""
    group, symbols = GROUPS[number], list(SYMBOLS[number])
    shapes = [
        {"space_group": group, "atoms": [{"symbol": s, "x": 1.5} for s in symbols]},
        {"crystal": {"space_group": group}, "atom_symbol": symbols},
        {"spacegroup": group, "atoms": {"element": symbols, "label": symbols}},
    ]
    made = {**shapes[number % 3], "z_value": number % 3, "density": number / 4, "flag": number > 3}
    return {key: value for key, value in made.items() if value is not None}


CODES = [f"R{number}" for number in range(7)]
STRUCTURES = {code: structure(number) for number, code in enumerate(CODES)}


@pytest.fixture(params=[False, True], ids=["groups", "packed"])
def packed(request):
    return request.param


@pytest.fixture
def path(tmp_path, packed):
    path = tmp_path / "structures.h5"
    create_and_populate(STRUCTURES, path, {"source": "CSD"}, packed=packed)
    return path


def members(path, by, value):
    """The refcodes with a value, from the index."""
    found = rows_by(path, by, value).tolist()
    return found if not found or isinstance(found[0], str) else [CODES[row] for row in found]


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ("space_group", {"P2_1/c": [0, 3, 6], "P-1": [1, 5], "C2/c": [2], None: [4]}),
        ("size", {0: [3], 2: [4, 6], 3: [0, 2, 5], 5: [1]}),
        ("composition", {"H2O": [0, 2, 5], "CH4": [1], "": [3], "N2": [4], "CO": [6]}),
        ("z_value", {0: [0, 3, 6], 1: [1, 4], 2: [2, 5]}),
        ("flag", {False: [0, 1, 2, 3], True: [4, 5, 6]}),
        ("size(atoms.symbol)", {0: [3], 2: [6], 3: [0], None: [1, 2, 4, 5]}),
        ("composition(atoms.element)", {"H2O": [2, 5], "": [3], None: [0, 1, 4, 6]}),
    ],
)
def test_organise(path, by, expected):
    report = organise(path, by)
    assert report.table == "structures"
    assert report.by == by
    assert {group.value: group.count for group in report.groups} == {
        value: len(rows) for value, rows in expected.items()
    }
    for value, rows in expected.items():
        assert members(path, by, value) == [CODES[row] for row in rows]
    assert validate(path).errors == ()


def test_values_that_are_not_there(path):
    organise(path, "space_group")
    assert len(rows_by(path, "space_group", "Pbca")) == 0
    with pytest.raises(KeyError, match=r"no structure has 'no.such'"):
        organise(path, "no.such")
    with pytest.raises(SchemaError, match="is a list"):
        organise(path, "atoms")


def test_bins(path):
    with pytest.raises(SchemaError, match="give bins"):
        organise(path, "density")
    organise(path, "density", bins=[0, 0.5, 2])
    assert members(path, "density", 0.3) == ["R0", "R1"]
    assert members(path, "density", "[0.5,2]") == CODES[2:]
    with pytest.raises(SchemaError, match="bins"):
        organise(path, "space_group", bins=3)


def test_kinds_that_do_not_go_together(tmp_path, packed):
    path = tmp_path / "mixed.h5"
    given = {"A": {"z": 1}, "B": {"z": "1"}, "C": {"z": 2**70}, "D": {"z": 0.5}}
    create_and_populate(given, path, packed=packed)
    with pytest.raises(SchemaError, match="number 1: 'z' leads to text, but to numbers"):
        organise(path, "z")
    with initialize_hdf5_file(path) as h5:
        write_structure_group(h5, "B", '{"z": 7}')
    assert [group.count for group in organise(path, "z", bins=[0, 1, 10]).groups] == [1, 2, 1]


def test_a_copy_in_order(path, tmp_path, packed):
    target = tmp_path / "sorted.h5"
    if not packed:
        with pytest.raises(SchemaError, match="no order"):
            organise(path, "space_group", sort=target)
        assert not target.exists()
        return
    organise(path, "space_group", sort=target)
    with rh5.File(target) as file:
        codes = file["structures"].read()["refcode"].tolist()
    assert codes == ["R2", "R1", "R5", "R0", "R3", "R6", "R4"]
    with h5py.File(target) as h5:
        assert {c: json.loads(read_raw_json(h5, c)) for c in list_refcodes(h5)} == STRUCTURES
    assert validate(target).valid


def test_an_index_goes_when_a_structure_is_replaced(path):
    organise(path, "space_group")
    with initialize_hdf5_file(path) as h5:
        write_structure_group(h5, "R0", '{"space_group": "P1"}')
    with pytest.raises(KeyError, match="no index"):
        rows_by(path, "space_group", "P1")


def test_an_index_is_refused_when_structures_came(path):
    organise(path, "space_group")
    with initialize_hdf5_file(path) as h5:
        write_structure_group(h5, "R9", '{"space_group": "P1"}')
    with pytest.raises(FormatError, match="organise the file again"):
        rows_by(path, "space_group", "P1")
    organise(path, "space_group")
    assert len(rows_by(path, "space_group", "P1")) == 1


def test_tables_come_before_json(path):
    with rh5.File(path, "r+") as file:
        file.create_table("crystals", ragged=False).append({"space_group": ["P1"]})
        file.create_table("atoms").append({"symbol": [["O"]]})
    assert organise(path, "space_group").table == "crystals"
    assert organise(path, "size").table == "atoms"
    assert organise(path, "composition").table == "structures"
    assert organise(path, "space_group", table="/structures", overwrite=True).rows == 7


def test_the_command(path):
    done = CliRunner().invoke(cli, ["organise", str(path), "--by", "space_group", "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.output)["rows"] == 7
    done = CliRunner().invoke(cli, ["organise", str(path), "--by", "nothing"])
    assert done.exit_code == 2
    assert "no structure has 'nothing'" in done.output


def test_text_that_is_no_json_is_found(path, packed):
    with rh5.File(path, "r+") as file:
        if packed:
            file["structures"].append({"refcode": ["X", "Y"], "raw_json": ['{"a": ', "{'b'}"]})
        else:
            file.h5["structures/X/raw_json"] = '{"a": '
            file.h5["structures/Y/raw_json"] = "{'b'}"
    report = validate(path)
    assert [finding.kind for finding in report.errors] == ["JSON", "JSON"]
    assert "Expecting value" in report.errors[0].message
    if packed:
        assert [finding.row for finding in report.errors] == [7, 8]
    else:
        assert [f.path for f in report.errors] == [f"/structures/{c}/raw_json" for c in "XY"]
    found = organise(path, "space_group")  # they have no value
    assert found.groups[-1].value is None
    assert found.groups[-1].count == 3


def test_text_that_is_no_utf8_is_found(path, packed):
    if packed:
        return
    with h5py.File(path, "r+") as h5:
        h5["structures/X/raw_json"] = np.bytes_(b'"\xff"')
        h5["structures/Y/raw_json"] = 7
    report = validate(path)
    assert [finding.kind for finding in report.errors] == ["UTF-8"]


def many(count):
    rng = random.Random(3)
    return {
        f"S{number:05}": {"number": number, "text": rng.randbytes(rng.randrange(400, 1500)).hex()}
        for number in range(count)
    }


def test_repair_of_a_sound_file(tmp_path, packed):
    """Many texts: more than a piece, and more than the memory of the child process many times."""
    given, path, target = many(3000 if packed else 200), tmp_path / "a.h5", tmp_path / "b.h5"
    create_and_populate(given, path, packed=packed)
    organise(path, "number", bins=3)
    assert repair(path, target).complete
    with h5py.File(target) as h5:
        assert {c: json.loads(read_raw_json(h5, c)) for c in list_refcodes(h5)} == given
    assert validate(target).valid


def saved_in(path):
    saved = {}
    with h5py.File(path) as h5:
        for code in list_refcodes(h5):
            with contextlib.suppress(FormatError, KeyError):  # text with other bytes in it
                saved[code] = read_raw_json(h5, code)
    return saved


@pytest.mark.parametrize("seed", range(3))
def test_repair_of_a_damaged_packed_file(tmp_path, seed):
    given, path, target = many(2000), tmp_path / "a.h5", tmp_path / "b.h5"
    create_and_populate(given, path, packed=True)
    data, rng = bytearray(path.read_bytes()), random.Random(seed)
    with h5py.File(path) as h5:
        dataset = h5["structures/raw_json.bytes-data"].id
        chunk = dataset.get_chunk_info(rng.randrange(1, dataset.get_num_chunks() - 1))
    for at in rng.sample(range(chunk.byte_offset + 32, chunk.byte_offset + chunk.size), 40):
        data[at] ^= 1 << rng.randrange(8)
    path.write_bytes(data)
    assert not validate(path).valid
    report = repair(path, target)
    saved = saved_in(target)
    assert 1000 < len(saved) == report.tables[0].kept < 2000
    assert {code: json.loads(text) for code, text in saved.items()} == {c: given[c] for c in saved}
    assert validate(target).valid


@pytest.mark.parametrize("seed", range(3))
def test_repair_of_damaged_groups(tmp_path, seed):
    given, path, target = many(300), tmp_path / "a.h5", tmp_path / "b.h5"
    create_and_populate(given, path)
    data, rng = bytearray(path.read_bytes()), random.Random(seed)
    hit = rng.sample(sorted(given), 8)
    with h5py.File(path) as h5:
        for code in hit[:5]:
            dataset = h5py.h5o.get_info(h5["structures"][code]["raw_json"].id)
            data[dataset.addr : dataset.addr + 16] = b"\xff" * 16
    for code in hit[5:]:
        at = data.find(json.dumps(given[code]).encode()) + rng.randrange(10)
        data[at] = 0
    path.write_bytes(data)
    found = validate(path)
    assert {finding.path.split("/")[2] for finding in found.errors} == set(hit)
    report = repair(path, target)
    assert {path.split("/")[2] for path, _ in report.lost} == set(hit[:5])
    saved = saved_in(target)
    assert {code: json.loads(saved[code]) for code in given.keys() - set(hit)} == {
        code: given[code] for code in given.keys() - set(hit)
    }


def test_a_truncated_packed_file_gives_its_first_structures(tmp_path):
    given, path = many(2000), tmp_path / "a.h5"
    create_and_populate(given, path, packed=True)
    with h5py.File(path) as h5:
        dataset = h5["structures/raw_json.bytes-data"].id
        last = dataset.get_chunk_info(dataset.get_num_chunks() - 1)
    data = bytearray(path.read_bytes())
    data[last.byte_offset : last.byte_offset + last.size] = bytes(last.size)
    path.write_bytes(data)
    repair(path, tmp_path / "b.h5")
    with h5py.File(tmp_path / "b.h5") as h5:
        saved = {code: json.loads(read_raw_json(h5, code)) for code in list_refcodes(h5)}
    assert 1000 < len(saved) < 2000
    assert saved == {code: given[code] for code in saved}
