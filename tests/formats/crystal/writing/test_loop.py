"""Batches checked, written in a loop, and in several processes."""

from __future__ import annotations

import copy
import os

import numpy as np
import pytest

import crystals as made
import raggedh5 as rh5
from crystals import assert_holds
from raggedh5 import care
from raggedh5.formats.crystal import SCHEMA, CrystalFile, validate_batch, write_batches


def batches_of(crystals, step=8):
    count = len(crystals.refcodes)
    return [
        {"refcodes": crystals.refcodes[start : start + step]}
        | {
            table: made.batch(crystals, table, start, min(start + step, count))
            for table in crystals.tables
        }
        for start in range(0, count, step)
    ]


def broken(batches):
    """Return the batches with NaN in the second and another number of bonds in the third."""
    found = copy.deepcopy(batches)
    place = int(found[1]["atoms"]["n_atoms"].argmax())
    found[1]["atoms"]["atom_coords"][place, 0, 1] = np.nan
    found[2]["bonds"]["bond_length"] = np.zeros((3, 3))
    return found, place


def test_batches_are_checked(crystals):
    batch = batches_of(crystals)[0]
    assert validate_batch(batch) == 8
    for table, values in batch.items():
        if table != "refcodes":
            if table.removesuffix("_computed") not in ("atoms", "bonds"):
                assert validate_batch(values) == 8, table
            for key in values:
                field = SCHEMA.field(key)
                own = field is not None and field.required
                if own and (field.repeated or not field.computed):
                    less = batch | {table: {k: v for k, v in values.items() if k != key}}
                    with pytest.raises(rh5.SchemaError, match=key):
                        validate_batch(less)
    with pytest.raises(rh5.SchemaError, match="atom_charge"):
        validate_batch({"crystal": batch["crystal"]}, required=["atom_charge"])
    with pytest.raises(rh5.SchemaError, match="8"):
        validate_batch(batch | {"crystal": made.batch(crystals, "crystal", 0, 7)})
    with pytest.raises(rh5.SchemaError, match="atomz"):
        validate_batch(batch | {"atomz": {}})
    with pytest.raises(rh5.SchemaError):
        validate_batch({})
    with pytest.raises(rh5.SchemaError, match="list"):
        validate_batch([])


@pytest.mark.parametrize("bad", [np.nan, -np.inf])
def test_numbers_that_are_not_finite(crystals, bad):
    for table, values in batches_of(crystals)[0].items():
        if table == "refcodes":
            continue
        for key, value in values.items():
            if not isinstance(value, np.ndarray) or value.dtype.kind != "f":
                continue
            field = SCHEMA.field(key)
            whole = batches_of(crystals)[0]
            array = whole[table][key]
            if field.nested:
                assert np.isnan(array).any()  # as padding: nobody minds
                owner = whole[table]["fragment_structure_id"][-1]
                array[-1, 0] = bad
                row = int(owner)
            elif SCHEMA.groups[field.group].owner:
                array[-1] = bad
                row = int(whole[table]["fragment_structure_id"][-1])
            elif SCHEMA.groups[field.group].per_structure:
                array[5] = bad
                row = 5
            else:
                lengths = crystals.counts[table][:8]
                row = int(np.flatnonzero(lengths)[-1])
                array[row, lengths[row] :] = bad
                validate_batch(whole)
                array[row, lengths[row] - 1] = bad
            with pytest.raises(rh5.SchemaError, match=rf"{field.name}'?, row {row}: -?(nan|inf)"):
                validate_batch(whole)


@pytest.mark.parametrize("workers", [1, 3])
def test_a_loop(tmp_path, crystals, workers):
    seen = []
    report = write_batches(
        tmp_path / "c.h5",
        batches_of(crystals),
        workers=workers,
        progress=lambda done, total: seen.append((done, total)),
    )
    assert (report.batches, report.structures, report.failed) == (4, 30, ())
    assert seen[-1] == (4, 4)
    with CrystalFile(tmp_path / "c.h5") as found:
        assert_holds(found, crystals)
        assert found.refcodes.tolist() == crystals.refcodes
        assert not found.missing
    assert care.validate(tmp_path / "c.h5", isolated=False).valid
    assert [path.name for path in tmp_path.iterdir()] == ["c.h5"]


@pytest.mark.parametrize("workers", [1, 2])
def test_batches_that_fail(tmp_path, crystals, workers):
    batches, place = broken(batches_of(crystals))
    path = tmp_path / "c.h5"
    first = f"atom_coords.*REF{8 + place:05d}"
    with pytest.raises(rh5.SchemaError, match=first if workers == 1 else f"{first}|bond_length"):
        write_batches(path, batches, workers=workers)
    assert not list(tmp_path.iterdir())
    report = write_batches(path, batches, on_error="skip", workers=workers)
    assert (report.batches, report.structures) == (2, 14)
    assert [failure.batch for failure in report.failed] == [1, 2]
    assert report.failed[0].refcodes == tuple(crystals.refcodes[8:16])
    assert "atom_coords" in report.failed[0].reason
    assert "bond_length" in report.failed[1].reason
    assert report.as_dict()["failed"][1]["batch"] == 2
    with CrystalFile(path) as found:
        assert len(found) == 30
        for table in crystals.tables:
            if table in found.missing:  # a reader has no use for contacts without their images
                assert found.missing[table].tolist() == list(range(8, 24))
        assert {"atoms", "crystal", "bonds_computed", "fragments"} <= found.missing.keys()
        for number in (0, 7, 24, 29):
            wanted = crystals.tables["atoms"]["atom_coords"][number]
            made.assert_same(found[number]["atom_coords"], wanted)
        for number in (8, 23):
            structure = found[number]
            assert structure["n_atoms"] == structure["n_bonds"] == structure["n_fragments"] == 0
            assert structure["cell_lengths"] is None
    assert care.validate(path, isolated=False).valid


def test_batches_that_are_made_when_they_are_asked_for(tmp_path, crystals):
    whole = batches_of(crystals)

    def fail():
        raise ZeroDivisionError("an angle of 0")

    report = write_batches(
        tmp_path / "c.h5", iter([lambda: whole[0], fail, whole[1]]), on_error="skip"
    )
    assert report.failed[0].reason == "ZeroDivisionError: an angle of 0"
    with CrystalFile(tmp_path / "c.h5") as found:
        assert found.refcodes.tolist() == crystals.refcodes[:16]
        assert not found.missing
    with pytest.raises(ZeroDivisionError):
        write_batches(tmp_path / "d.h5", [fail])
    assert not (tmp_path / "d.h5").exists()


def test_batches_with_a_place_of_their_own(tmp_path, crystals):
    batches = [
        {"start": 8 * number, **{k: v for k, v in batch.items() if k != "refcodes"}}
        for number, batch in enumerate(batches_of(crystals))
    ]
    write_batches(tmp_path / "c.h5", batches[::-1], refcodes=crystals.refcodes)
    with CrystalFile(tmp_path / "c.h5") as found:
        assert_holds(found, crystals)


@pytest.mark.parametrize("validate", [True, False])
def test_a_batch_that_fails_takes_no_other_with_it(tmp_path, crystals, validate):
    """Batches that came before, and are behind it in the file, stay."""
    batches, _ = broken(batches_of(crystals))
    del batches[1]
    for start, batch in zip((0, 16, 24), batches, strict=True):
        batch["start"] = start
        del batch["refcodes"]
    path = tmp_path / "c.h5"
    report = write_batches(
        path, batches[::-1], refcodes=crystals.refcodes, on_error="skip", validate=validate
    )
    assert [failure.batch for failure in report.failed] == [1]
    with CrystalFile(path) as found:
        assert found.missing["atoms"].tolist() == list(range(8, 24))
        for number in (0, 7, 24, 29):
            wanted = crystals.tables["atoms"]["atom_coords"][number]
            made.assert_same(found[number]["atom_coords"], wanted)


def test_parts_that_are_not_alike(tmp_path, crystals):
    """Workers meet different fields: what one part lacks is null, or missing, in the whole."""
    batches = batches_of(crystals)
    for batch in batches[:2]:
        del batch["bonds"], batch["bonds_computed"]
        del batch["atoms"]["atom_charge"], batch["crystal"]["z_prime"]
        del batch["fragments"]["fragment_atom_to_com_dist"]
    write_batches(tmp_path / "one.h5", batches)
    write_batches(tmp_path / "two.h5", batches, workers=2)
    with CrystalFile(tmp_path / "one.h5") as one, CrystalFile(tmp_path / "two.h5") as two:
        assert one.fields.keys() == two.fields.keys()
        assert {k: v.tolist() for k, v in one.missing.items()} == {
            k: v.tolist() for k, v in two.missing.items()
        }
        for number in range(30):
            a, b = one[number], two[number]
            for name, value in a.items():
                if isinstance(value, rh5.Ragged):
                    assert value.equals(b[name]), (name, number)
                elif isinstance(value, np.ma.MaskedArray):
                    assert np.ma.getmaskarray(b[name]).tolist() == value.mask.tolist()
                else:
                    assert np.array_equal(value, b[name]), (name, number)


class Deadly:
    """Batches of which one ends the process that asks for it."""

    def __init__(self, batches, number):
        self.batches, self.number = batches, number

    def __len__(self):
        return len(self.batches)

    def __getitem__(self, number):
        if number == self.number:
            os._exit(9)
        return self.batches[number]


def test_a_worker_that_dies(tmp_path, crystals):
    from collections.abc import Sequence

    Sequence.register(Deadly)
    with pytest.raises(rh5.WriteError, match="worker died"):
        write_batches(tmp_path / "c.h5", Deadly(batches_of(crystals), 3), workers=2)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"on_error": "ignore"}, ValueError),
        ({"workers": 0}, ValueError),
        ({"workers": 2, "refcodes": ["A"]}, ValueError),
    ],
)
def test_arguments_that_do_not_fit(tmp_path, options, error):
    with pytest.raises(error):
        write_batches(tmp_path / "c.h5", [], **options)
    with pytest.raises(TypeError, match="sequence"):
        write_batches(tmp_path / "c.h5", iter([]), workers=2)
    for batch in ({"crystal": {}}, 5, {"refcodes": ["A", "B"], "crystal": {"z_value": [1]}}):
        with pytest.raises(rh5.SchemaError):
            write_batches(tmp_path / "c.h5", [batch], validate=False)
