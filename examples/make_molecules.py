"""Make molecules.npz: a padded batch of real molecules, as a program would hold it in memory.

    python examples/make_molecules.py [molecules.npz]

The molecules come from the Chemical Component Dictionary of the wwPDB (public domain), which the
biotite wheel carries (``pip install biotite``; nothing is downloaded).

The names of the arrays are those that ``raggedh5 pack`` goes by:

``<table>/<column>``
    one column of a table, shape (rows, width, *inner), padded with zeros or empty strings
``<table>_mask``
    shape (rows, width), bool: which items of that table are there; or
``<table>_lengths``
    shape (rows,), integer: how many items of each row are there, the first ones
``<table>/<column>`` without a mask or lengths for the table
    one value a row, shape (rows, *inner)

Here that makes ``atoms`` (with a mask), ``bonds`` (with lengths) and ``molecules`` (a row table).

The choice is the same every time: the released components of 4 to 160 atoms whose coordinates are
all known, ordered by the number of atoms and then by id, and of these 320 evenly spaced. The batch
so has the spread of sizes of the dictionary itself, largest and smallest included; its rows are
then put in the order of their ids.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NamedTuple

import biotite
import numpy as np
from biotite.structure.io.pdbx import BinaryCIFFile

ORDERS = {"SING": 1, "DOUB": 2, "TRIP": 3}
SMALLEST, LARGEST, MOLECULES = 4, 160, 320


class Ragged(NamedTuple):
    """Columns whose row i owns the items offsets[i]:offsets[i + 1]."""

    offsets: np.ndarray
    columns: dict[str, np.ndarray]


class Molecules(NamedTuple):
    """The dictionary: one value a molecule in `rows`, lists of atoms and of bonds."""

    rows: dict[str, np.ndarray]
    atoms: Ragged
    bonds: Ragged


def read_components() -> Molecules:
    """Read every released component whose coordinates are known, ordered by id.

    Coordinates are the idealised ones, in angstrom, or where one of those is missing the ones of
    the model that the component was first seen in.
    """
    path = Path(biotite.__file__).parent / "structure" / "info" / "components.bcif"
    block = BinaryCIFFile.read(path).block
    entry, atom, bond = (block[name] for name in ("chem_comp", "chem_comp_atom", "chem_comp_bond"))

    ids = entry["id"].as_array()
    owner = np.searchsorted(ids, atom["comp_id"].as_array())
    coords = _coordinates(atom, owner, len(ids))
    unknown = np.bincount(owner, np.isnan(coords[:, 0]), minlength=len(ids)) > 0
    counts = np.bincount(owner, minlength=len(ids))
    keep = (entry["pdbx_release_status"].as_array() == "REL") & (counts > 0) & ~unknown

    kept = keep[owner]
    names = atom["atom_id"].as_array()
    atoms = Ragged(
        _offsets(counts[keep]),
        {
            "coords": coords[kept],
            "symbol": np.char.capitalize(atom["type_symbol"].as_array()[kept]),
            "name": names[kept],
            "charge": atom["charge"].as_array()[kept].astype(np.int8),
        },
    )
    rows = {"id": ids[keep], "formula": entry["formula"].as_array()[keep]}
    return Molecules(rows, atoms, _bonds(bond, ids, keep, owner, names))


def _coordinates(atom, owner: np.ndarray, molecules: int) -> np.ndarray:
    """Return float32 (atoms, 3): ideal or model coordinates, NaN where neither is complete."""
    ideal = _points(atom, "pdbx_model_Cartn_{}_ideal")
    model = _points(atom, "model_Cartn_{}")
    gap = np.bincount(owner, np.isnan(ideal).any(axis=1), minlength=molecules) > 0
    coords = np.where(gap[owner, None], model, ideal)
    coords[np.isnan(coords).any(axis=1)] = np.nan
    return coords


def _points(category, name: str) -> np.ndarray:
    axes = []
    for axis in "xyz":
        column = category[name.format(axis)]
        values = column.as_array().astype(np.float32)
        if column.mask is not None:
            values[column.mask.array != 0] = np.nan
        axes.append(values)
    return np.stack(axes, axis=1)


def _bonds(bond, ids, keep, owner, names) -> Ragged:
    """Return the bonds of the kept molecules, as pairs of places in their lists of atoms."""
    place = np.arange(len(owner)) - np.searchsorted(owner, owner)
    atoms = zip(owner.tolist(), names.tolist(), strict=True)
    place_of = dict(zip(atoms, place.tolist(), strict=True))
    bond_owner = np.searchsorted(ids, bond["comp_id"].as_array())
    kept = keep[bond_owner]
    bond_owner = bond_owner[kept]
    ends = [
        [place_of[key] for key in zip(bond_owner.tolist(), end.tolist(), strict=True)]
        for end in (bond["atom_id_1"].as_array()[kept], bond["atom_id_2"].as_array()[kept])
    ]
    order = bond["value_order"].as_array()[kept].tolist()
    counts = np.bincount(bond_owner, minlength=len(ids))[keep]
    return Ragged(
        _offsets(counts),
        {
            "pair": np.array(ends, np.int32).T.copy(),
            "order": np.array([ORDERS[word] for word in order], np.int8),
            "aromatic": bond["pdbx_aromatic_flag"].as_array()[kept] == "Y",
        },
    )


def _offsets(counts: np.ndarray) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)


def pad(table: Ragged, rows: np.ndarray) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Return the columns of some rows padded to the longest of them, and the mask."""
    starts, lengths = table.offsets[rows], np.diff(table.offsets)[rows]
    mask = np.arange(lengths.max(initial=0)) < lengths[:, None]
    items = (starts[:, None] + np.arange(mask.shape[1]))[mask]
    columns = {}
    for name, values in table.columns.items():
        columns[name] = np.zeros(mask.shape + values.shape[1:], values.dtype)
        columns[name][mask] = values[items]
    return columns, mask


def choose(molecules: Molecules) -> np.ndarray:
    """Return the rows of the example, in order of id."""
    sizes = np.diff(molecules.atoms.offsets)
    order = np.lexsort([molecules.rows["id"], sizes])
    order = order[(sizes[order] >= SMALLEST) & (sizes[order] <= LARGEST)]
    return np.sort(order[np.linspace(0, len(order) - 1, MOLECULES).astype(int)])


def main(path: str = "") -> None:
    target = Path(path) if path else Path(__file__).with_name("molecules.npz")
    molecules = read_components()
    rows = choose(molecules)
    atoms, atoms_mask = pad(molecules.atoms, rows)
    bonds, bonds_mask = pad(molecules.bonds, rows)
    arrays = {f"molecules/{name}": values[rows] for name, values in molecules.rows.items()}
    arrays |= {f"atoms/{name}": values for name, values in atoms.items()}
    arrays |= {f"bonds/{name}": values for name, values in bonds.items()}
    # A text array taken from the dictionary is as wide as the longest text there; narrow it.
    arrays = {k: np.array(v.tolist()) if v.dtype.kind == "U" else v for k, v in arrays.items()}
    arrays |= {"atoms_mask": atoms_mask, "bonds_lengths": bonds_mask.sum(axis=1)}
    np.savez_compressed(target, **arrays)
    for name, values in arrays.items():
        print(f"{name:20} {values.dtype!s:8} {values.shape}")
    print(f"{target}: {target.stat().st_size / 1e3:.0f} kB, {atoms_mask.sum()} atoms")


if __name__ == "__main__":
    main(*sys.argv[1:])
