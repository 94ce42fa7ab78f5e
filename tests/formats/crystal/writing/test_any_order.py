"""Batches in any order, again, with gaps, with some of their fields: against a dict in memory."""

from __future__ import annotations

import contextlib
import shutil

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import raggedh5 as rh5
from raggedh5 import care
from raggedh5.formats.crystal import (
    ComputedDataWriter,
    CrystalFile,
    DatasetInitializer,
    RawDataWriter,
)
from raggedh5.formats.crystal.writing import ordering, structures
from raggedh5.store.sink import ChunkSink

COUNT = 9
FIELDS = {
    "atoms": ["atom_label", "atom_number", "atom_coords", "atom_charge", "atom_tag"],
    "crystal": ["space_group", "z_value", "cell_lengths", "crystal_tag"],
}
SHAPES = {"atom_coords": (3,), "cell_lengths": (3,)}
KINDS = {"atom_number": "i4", "atom_tag": "i8", "crystal_tag": "i8"}
TEXT = {"atom_label", "space_group"}


@st.composite
def calls(draw):
    """Return calls of the writers: group, first structure, items of each, fields, seed."""
    made = []
    for seed in range(draw(st.integers(1, 8))):
        group = draw(st.sampled_from(sorted(FIELDS)))
        start = draw(st.integers(0, COUNT - 1))
        rows = draw(st.integers(1, COUNT - start))
        lengths = draw(st.lists(st.integers(0, 3), min_size=rows, max_size=rows))
        fields = draw(st.lists(st.sampled_from(FIELDS[group]), min_size=1, unique=True))
        if draw(st.booleans()):
            fields = FIELDS[group]
        made.append((group, start, lengths, fields, seed))
    return made


def in_order():
    """Return the calls of a pipeline that leaves nothing out."""
    return [(g, a, [2, 1, 0], FIELDS[g], a) for a in range(0, COUNT, 3) for g in FIELDS]


def values_of(field, lengths, seed):
    """Return the values of each structure; those of a field of crystals are one each."""
    rng = np.random.default_rng(hash((field, seed)) % 2**32)
    rows = []
    for length in lengths:
        if field in TEXT:
            rows.append([f"{field[0]}{seed}é{i}" for i in rng.integers(0, 9, length)])
        else:
            shape = (length, *SHAPES.get(field, ()))
            rows.append(rng.integers(0, 99, shape).astype(KINDS.get(field, "f4")))
    return rows


class Model:
    """What should be in the file: by group and structure its items, and values by field."""

    def __init__(self):
        self.lengths: dict[tuple[str, int], int] = {}
        self.values: dict[tuple[str, int], dict[str, object]] = {}
        self.fields: dict[str, set[str]] = {"atoms": set(), "crystal": set()}

    def write(self, raw, group, start, lengths, fields, seed):
        if group == "crystal":
            lengths = [1] * len(lengths)
        columns = {field: values_of(field, lengths, seed) for field in fields}
        others = self.fields[group] - set(fields)
        clash = [
            start + i
            for i, n in enumerate(lengths)
            if others and self.lengths.get((group, start + i), n) != n
        ]
        batch = {}
        width = max([*lengths, 1])
        for field, rows in columns.items():
            if group == "crystal":
                batch[field] = [row[0] for row in rows]
                if field not in TEXT:
                    batch[field] = np.array(batch[field])
            elif field in TEXT:
                batch[field] = rows
            else:
                padded = np.full((len(rows), width, *SHAPES.get(field, ())), 55, rows[0].dtype)
                for i, row in enumerate(rows):
                    padded[i, : len(row)] = row
                batch[field] = padded
        if group == "atoms":
            batch["n_atoms"] = np.array(lengths)
        method = {"atoms": raw.write_raw_atom_data, "crystal": raw.write_raw_crystal_data}[group]
        if clash:
            with pytest.raises(rh5.SchemaError, match=f"number {clash[0]}"):
                method(start, batch)
            return
        method(start, batch)
        self.fields[group] |= set(fields)
        for i, length in enumerate(lengths):
            key = group, start + i
            if self.lengths.get(key, length) != length:
                self.values[key] = {}
            self.lengths[key] = length
            self.values.setdefault(key, {}).update({f: rows[i] for f, rows in columns.items()})

    def check(self, crystals):
        every = range(COUNT)
        for number in every:
            found = crystals[number]
            for group, fields in self.fields.items():
                key = group, number
                length = self.lengths.get(key, 0)
                for field in fields:
                    wanted = self.values.get(key, {}).get(field)
                    self._compare(found[field], wanted, length, group, (field, number))
            if self.fields["atoms"]:
                assert found["n_atoms"] == self.lengths.get(("atoms", number), 0)
        padded = crystals.padded(every)
        for field in self.fields["atoms"]:
            for number in every:
                length = self.lengths.get(("atoms", number), 0)
                wanted = self.values.get(("atoms", number), {}).get(field)
                found = padded[field][number, :length]
                self._compare(found, wanted, length, "atoms", (field, number))
        for group in self.fields:
            lost = [n for n in every if (group, n) not in self.lengths]
            if self.fields[group]:
                assert crystals.missing.get(group, np.zeros(0)).tolist() == lost

    def _compare(self, found, wanted, length, group, what):
        if group == "crystal":
            if wanted is None:
                assert found is None, what
            elif isinstance(wanted, list):
                assert str(found) == wanted[0], what
            else:
                np.testing.assert_array_equal(found, wanted[0], str(what))
            return
        assert len(found) == length, what
        if wanted is None:
            hidden = [x is None for x in found.tolist()]
            assert all(hidden) or np.ma.getmaskarray(found).all(), what
        elif isinstance(wanted, list):
            assert found.tolist() == wanted, what
        else:
            assert not np.ma.is_masked(found), what
            np.testing.assert_array_equal(np.ma.getdata(found), wanted, str(what))


OPTIONS = {
    "suppress_health_check": [HealthCheck.function_scoped_fixture],
    "report_multiple_bugs": False,
}


@settings(max_examples=25, **OPTIONS)
@given(calls=calls(), ours=st.booleans(), reopen=st.integers(0, 8))
def test_what_was_written_last_is_read(tmp_path, calls, ours, reopen):
    compare(tmp_path / "crystals.h5", calls, ours, reopen)


@pytest.mark.slow
@settings(max_examples=1000, **OPTIONS)
@given(calls=calls(), ours=st.booleans(), reopen=st.integers(0, 8))
def test_what_was_written_last_is_read_again_and_again(tmp_path, calls, ours, reopen):
    compare(tmp_path / "crystals.h5", calls, ours, reopen)


def compare(path, calls, ours, reopen):
    """Make the calls, the first of them in one go, and compare with the model."""
    path.unlink(missing_ok=True)
    model = Model()
    codes = [f"CODE{i:02d}" for i in range(COUNT)]
    opener = rh5.File if ours else h5py.File

    def go_on(mode, some, first=False):
        with opener(path, mode) as h5_out:
            if first:
                DatasetInitializer(h5_out, codes, {}).initialize_datasets()
            raw = RawDataWriter(h5_out)
            for call in some:
                model.write(raw, *call)
            with CrystalFile(h5_out) as crystals:  # nothing of it is in order yet
                model.check(crystals)

    go_on("w", calls[:reopen], first=True)
    if calls[reopen:]:
        go_on("r+", calls[reopen:])
    with CrystalFile(path) as crystals:
        model.check(crystals)
    with rh5.File(path) as file:
        assert "pending" not in file
        for name, table in file.tables().items():
            assert name == "missing" or len(table) == COUNT
    assert care.validate(path, isolated=False).valid


def test_batches_in_order_are_not_written_again(tmp_path, monkeypatch):
    monkeypatch.setattr(
        "raggedh5.formats.crystal.writing.structures.put_in_order",
        lambda *a: pytest.fail("rewritten"),
    )
    with h5py.File(tmp_path / "crystals.h5", "w") as h5_out:
        DatasetInitializer(h5_out, ["A"] * COUNT).initialize_datasets()
        model = Model()
        for call in in_order():
            model.write(RawDataWriter(h5_out), *call)
    with CrystalFile(tmp_path / "crystals.h5") as crystals:
        model.check(crystals)


def test_a_killed_writer_leaves_what_it_flushed(tmp_path):
    path = tmp_path / "crystals.h5"
    model = Model()
    with rh5.File(path, "w", durable="process") as file:
        DatasetInitializer(file, [f"C{i}" for i in range(COUNT)]).initialize_datasets()
        for call in [*in_order(), ("atoms", 1, [1, 1], ["atom_label", "atom_number"], 5)]:
            with contextlib.suppress(rh5.SchemaError):
                model.write(RawDataWriter(file), *call)
        file.flush()
        with CrystalFile(path, live=True) as crystals:  # as after a kill: nothing is finished
            model.check(crystals)


def test_computed_items_are_as_many_as_were_extracted(tmp_path):
    with h5py.File(tmp_path / "crystals.h5", "w") as h5_out:
        DatasetInitializer(h5_out, ["A", "B", "C"]).initialize_datasets()
        computed = ComputedDataWriter(h5_out)
        ids = {"atom_fragment_id": np.full((2, 4), -1)}
        with pytest.raises(rh5.SchemaError, match="atom_mask"):
            computed.write_computed_atom_data(0, ids)
        RawDataWriter(h5_out).write_raw_atom_data(0, {"atom_number": [[6, 1], [8]]})
        computed.write_computed_atom_data(0, ids)
        with pytest.raises(rh5.SchemaError, match="'C'"):
            computed.write_computed_atom_data(1, ids)
    with CrystalFile(tmp_path / "crystals.h5") as crystals:
        assert crystals["A"]["atom_fragment_id"].tolist() == [-1, -1]
        assert crystals["B"]["atom_fragment_id"].tolist() == [-1]


def test_a_mask_with_holes_is_asked_for_again(tmp_path):
    with h5py.File(tmp_path / "crystals.h5", "w") as h5_out:
        DatasetInitializer(h5_out, ["A", "B"]).initialize_datasets()
        raw, computed = RawDataWriter(h5_out), ComputedDataWriter(h5_out)
        mask = np.array([[True, True, False], [False, True, True]])
        raw.write_raw_atom_data(0, {"atom_mask": mask, "atom_number": np.arange(6).reshape(2, 3)})
        ids = {"atom_fragment_id": np.arange(6).reshape(2, 3)}
        with pytest.raises(rh5.SchemaError, match=r"'B'.*atom_mask"):
            computed.write_computed_atom_data(0, ids)
        computed.write_computed_atom_data(0, ids | {"atom_mask": mask})
        raw.write_raw_atom_data(1, {"atom_number": [[7, 8]]})
        computed.write_computed_atom_data(1, {"atom_fragment_id": np.array([[3, 4, 0]])})
    with CrystalFile(tmp_path / "crystals.h5") as crystals:
        assert crystals["A"]["atom_fragment_id"].tolist() == [0, 1]
        assert crystals["B"]["atom_fragment_id"].tolist() == [3, 4]


def test_what_was_computed_of_other_atoms_is_void(tmp_path):
    with h5py.File(tmp_path / "crystals.h5", "w") as h5_out:
        DatasetInitializer(h5_out, ["A", "B"]).initialize_datasets()
        raw, computed = RawDataWriter(h5_out), ComputedDataWriter(h5_out)
        raw.write_raw_atom_data(0, {"atom_number": [[1, 2], [3]]})
        computed.write_computed_atom_data(0, {"atom_fragment_id": [[5, 6], [7]]})
        raw.write_raw_atom_data(0, {"atom_number": [[1, 2, 3]]})
    with CrystalFile(tmp_path / "crystals.h5") as crystals:
        assert crystals["A"]["n_atoms"] == 3
        assert crystals["A"]["atom_fragment_id"].tolist() == []
        assert crystals["B"]["atom_fragment_id"].tolist() == [7]
        assert crystals.missing["atoms_computed"].tolist() == [0]


def test_what_is_void_does_not_come_back(tmp_path):
    """Values of more atoms than there are now would run into the next structure."""
    with h5py.File(tmp_path / "crystals.h5", "w") as h5_out:
        DatasetInitializer(h5_out, ["A", "B"]).initialize_datasets()
        raw, computed = RawDataWriter(h5_out), ComputedDataWriter(h5_out)
        raw.write_raw_atom_data(0, {"atom_number": [[1, 2], [3]]})
        planes = np.ones((2, 2, 26))
        computed.write_computed_atom_data(0, {"atom_fragment_id": [[5, 6], [7]]})
        computed.write_computed_atom_data(0, {"atom_dist_to_special_planes": planes})
        raw.write_raw_atom_data(0, {"atom_number": [[4]]})
        computed.write_computed_atom_data(0, {"atom_fragment_id": [[8]]})
    with CrystalFile(tmp_path / "crystals.h5") as crystals:
        a, b = crystals["A"], crystals["B"]
        assert a["atom_fragment_id"].tolist() == [8]
        assert np.ma.getmaskarray(a["atom_distances_to_special_planes"]).all()
        assert b["atom_fragment_id"].tolist() == [7]
        assert (b["atom_distances_to_special_planes"] == 1).all()
        assert b["atom_distances_to_special_planes"].shape == (1, 26)


@pytest.mark.parametrize("waits", [False, True])
def test_what_is_void_is_void_for_others_too(tmp_path, waits):
    """Also in a file whose writer is at work still, or was killed, and for one that goes on."""
    path, copy = tmp_path / "crystals.h5", tmp_path / "copy.h5"
    with h5py.File(path, "w") as h5_out:
        DatasetInitializer(h5_out, ["A", "B", "C"]).initialize_datasets()
        raw, computed = RawDataWriter(h5_out), ComputedDataWriter(h5_out)
        raw.write_raw_atom_data(0, {"atom_number": [[1, 2], [3], [4]]})
        computed.write_computed_atom_data(0, {"atom_fragment_id": [[5, 6], [7], [8]]})
        if waits:
            computed.write_computed_atom_data(0, {"atom_fragment_id": [[9, 9]]})
        raw.write_raw_atom_data(0, {"atom_number": [[1, 2, 3]]})
        h5_out.flush()
        shutil.copy(path, copy)
        with CrystalFile(h5_out) as crystals:
            assert crystals.missing["atoms_computed"].tolist() == [0]
            assert crystals["A"]["atom_fragment_id"].tolist() == []
    for found in (path, copy):
        with CrystalFile(found) as crystals:
            assert crystals["A"]["atom_number"].tolist() == [1, 2, 3]
            assert crystals["A"]["atom_fragment_id"].tolist() == []
            assert crystals["B"]["atom_fragment_id"].tolist() == [7]
            assert crystals.missing["atoms_computed"].tolist() == [0]
    for code, wanted in (("B", [7]), ("A", [])):
        with h5py.File(copy, "r+") as h5_out:
            raw = RawDataWriter(h5_out)
            if code == "A":
                raw.write_raw_atom_data(1, {"atom_number": [[3]]})
        with CrystalFile(copy) as crystals:
            assert crystals[code]["atom_fragment_id"].tolist() == wanted
            assert crystals.missing["atoms_computed"].tolist() == [0]


@pytest.mark.parametrize("again", [False, True])
def test_a_killed_writer_whose_tables_had_not_begun(tmp_path, again):
    """All that there is of them waits; whoever goes on finds it, in whatever dtype it goes on."""
    path, copy = tmp_path / "crystals.h5", tmp_path / "copy.h5"
    with h5py.File(path, "w") as h5_out:
        DatasetInitializer(h5_out, ["A", "B", "C"]).initialize_datasets()
        RawDataWriter(h5_out).write_raw_crystal_data(1, {"z_value": np.float32([4, 6])})
        RawDataWriter(h5_out).write_raw_atom_data(
            1, {"atom_number": np.int32([[7]]), "n_atoms": [1]}
        )
        h5_out.flush()
        shutil.copy(path, copy)
    with h5py.File(copy, "r+") as h5_out:
        raw = RawDataWriter(h5_out)
        raw.write_raw_crystal_data(0, {"z_value": [2]})
        if again:
            raw.write_raw_crystal_data(2, {"z_value": np.float64([8])})
            raw.write_raw_atom_data(1, {"atom_number": np.int64([[9, 9]]), "n_atoms": [2]})
        raw.write_raw_atom_data(2, {"atom_number": np.int64([[8]]), "n_atoms": [1]})
    with CrystalFile(copy) as crystals:
        assert [crystals[code]["z_value"] for code in "ABC"] == [2, 4, 8 if again else 6]
        assert crystals["B"]["atom_number"].tolist() == ([9, 9] if again else [7])
        assert crystals["C"]["atom_number"].tolist() == [8]


def failing(monkeypatch, turn):
    """Have a call of `ChunkSink.advance` fail, as where the disk is full for a moment."""
    calls = iter(range(1, 1000))
    advance = ChunkSink.advance

    def full(self):
        if next(calls) == turn:
            raise rh5.WriteError("full")
        advance(self)

    monkeypatch.setattr(ChunkSink, "advance", full)


@pytest.mark.parametrize("turn", range(1, 6))
def test_a_disk_that_is_full_while_something_waits(tmp_path, monkeypatch, turn):
    """Between the items and whose they are, above all."""
    with h5py.File(tmp_path / "crystals.h5", "w") as h5_out:
        DatasetInitializer(h5_out, list("ABCDEF")).initialize_datasets()
        raw = RawDataWriter(h5_out)
        raw.write_raw_atom_data(0, {"atom_number": [[10 + i] for i in range(6)]})
        raw.write_raw_atom_data(1, {"atom_number": [[21]]})
        with monkeypatch.context() as patch:
            failing(patch, turn)
            with contextlib.suppress(rh5.WriteError):
                raw.write_raw_atom_data(2, {"atom_number": [[22]]})
        raw.write_raw_atom_data(2, {"atom_number": [[22]]})
        raw.write_raw_atom_data(3, {"atom_number": [[23]]})
        raw.write_raw_atom_data(4, {"atom_number": [[24]]})
        h5_out.flush()
        shutil.copy(tmp_path / "crystals.h5", tmp_path / "copy.h5")
    with h5py.File(tmp_path / "copy.h5", "r+") as h5_out:
        RawDataWriter(h5_out).write_raw_atom_data(5, {"atom_number": [[15]]})
    for name in ("crystals.h5", "copy.h5"):
        with CrystalFile(tmp_path / name) as crystals:
            found = [crystals[code]["atom_number"].tolist() for code in "ABCDEF"]
            assert found == [[10], [21], [22], [23], [24], [15]]


@pytest.mark.parametrize("turn", range(1, 6))
def test_a_disk_that_is_full_while_something_is_given_up(tmp_path, monkeypatch, turn):
    path = tmp_path / "crystals.h5"
    with h5py.File(path, "w") as h5_out:
        DatasetInitializer(h5_out, ["A", "B"]).initialize_datasets()
        raw, computed = RawDataWriter(h5_out), ComputedDataWriter(h5_out)
        raw.write_raw_atom_data(0, {"atom_number": [[1, 2], [3]]})
        computed.write_computed_atom_data(0, {"atom_fragment_id": [[5, 6], [7]]})
        with monkeypatch.context() as patch:
            failing(patch, turn)
            with contextlib.suppress(rh5.WriteError):
                raw.write_raw_atom_data(0, {"atom_number": [[1, 2, 3]]})
        raw.write_raw_atom_data(0, {"atom_number": [[1, 2, 3]]})
        with CrystalFile(h5_out) as crystals:
            assert crystals["A"]["atom_fragment_id"].tolist() == []
            assert crystals["B"]["atom_fragment_id"].tolist() == [7]
    with CrystalFile(path) as crystals:
        assert crystals["A"]["atom_number"].tolist() == [1, 2, 3]
        assert crystals["A"]["atom_fragment_id"].tolist() == []
        assert crystals["B"]["atom_fragment_id"].tolist() == [7]


def test_what_is_given_up_before_the_table_is_there(tmp_path):
    with h5py.File(tmp_path / "crystals.h5", "w") as h5_out:
        DatasetInitializer(h5_out, list("ABCDEF")).initialize_datasets()
        raw, computed = RawDataWriter(h5_out), ComputedDataWriter(h5_out)
        raw.write_raw_atom_data(0, {"atom_number": [[1, 2]] * 6})
        computed.write_computed_atom_data(0, {"atom_fragment_id": [[1, 1], [2, 2]]})
        computed.write_computed_atom_data(5, {"atom_dist_to_special_planes": np.ones((1, 2, 26))})
        raw.write_raw_atom_data(5, {"atom_number": [[1, 2, 3]]})
        later = {"atom_fragment_id": [[3, 3], [4, 4], [5, 5], [6, 6, 6]]}
        computed.write_computed_atom_data(2, later)
    with CrystalFile(tmp_path / "crystals.h5") as crystals:
        found = [crystals[code]["atom_fragment_id"].tolist() for code in "ABCDEF"]
        assert found == [[1, 1], [2, 2], [3, 3], [4, 4], [5, 5], [6, 6, 6]]
        planes = crystals["F"]["atom_distances_to_special_planes"]
        assert len(planes) == 3
        assert np.ma.getmaskarray(planes).all()


def test_a_close_that_fails_half_way(tmp_path, monkeypatch):
    """What is in its place already is said to be there: the next writer goes by it."""
    path = tmp_path / "crystals.h5"
    with h5py.File(path, "w") as h5_out:
        DatasetInitializer(h5_out, list("ABCD")).initialize_datasets()
        raw = RawDataWriter(h5_out)
        raw.write_raw_atom_data(0, {"atom_number": [[10], [11], [12]]})
        raw.write_raw_crystal_data(0, {"z_value": [1, 2, 3]})

    def put_in_order(file, arriving):
        if arriving.name == "crystal":
            raise rh5.WriteError("full")
        ordering.put_in_order(file, arriving)

    with monkeypatch.context() as patch:
        patch.setattr(structures, "put_in_order", put_in_order)
        h5_out = h5py.File(path, "r+")
        raw = RawDataWriter(h5_out)
        raw.write_raw_atom_data(3, {"atom_number": [[13]]})
        raw.write_raw_crystal_data(3, {"z_value": [4]})
        with pytest.raises(rh5.WriteError):
            h5_out.close()
    with CrystalFile(path) as crystals:
        assert "atoms" not in crystals.missing
        assert crystals["D"]["atom_number"].tolist() == [13]
    with h5py.File(path, "r+") as h5_out:
        RawDataWriter(h5_out).write_raw_atom_data(0, {"atom_number": [[77]]})
    with CrystalFile(path) as crystals:
        assert [crystals[code]["atom_number"][0] for code in "ABCD"] == [77, 11, 12, 13]
        assert [crystals[code]["z_value"] for code in "ABCD"] == [1, 2, 3, 4]
