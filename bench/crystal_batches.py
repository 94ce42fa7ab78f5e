"""Seeded batches of crystal structures as an analysis pipeline makes them: every field, padded.

A structure has a log-normal number of atoms, median 60, a tree of bonds with some rings over them,
angles and torsions along these, contacts and hydrogen bonds, and rigid fragments. Strings are lists
of lists of str, numbers NumPy arrays padded to the largest structure of the batch. Fractional
coordinates have five decimals and go through the cell into float32, as those of crystallographers.
"""

from __future__ import annotations

import numpy as np

from raggedh5.formats.crystal import SCHEMA

Batch = dict[str, dict[str, object]]
"""Values by method of the writers."""

ELEMENTS = np.array(["H", "C", "N", "O", "S", "Cl"])
NUMBERS = np.array([1, 6, 7, 8, 16, 17], np.int32)
WEIGHTS = np.array([1.008, 12.011, 14.007, 15.999, 32.06, 35.45], np.float32)
SHARES = [0.44, 0.4, 0.05, 0.09, 0.01, 0.01]
GROUPS = np.array(["P21/c", "P-1", "P212121", "C2/c", "P21", "Pbca", "Pnma", "I41/a"])
TYPES = np.array(["H", "C.3", "C.ar", "N.am", "O.2", "S.3", "Cl"])
BONDS = np.array(["Single", "Double", "Aromatic"])


def refcodes(count: int) -> list[str]:
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    return [
        "".join(letters[(i * 7919 + 31 * i * k) // 26**k % 26] for k in range(6)) + f"{i % 100:02d}"
        for i in range(count)
    ]


def batches(structures: int, batch: int = 64, seed: int = 0) -> list[Batch]:
    """Return the batches of so many structures."""
    return [
        _batch(np.random.default_rng([seed, start]), min(batch, structures - start))
        for start in range(0, structures, batch)
    ]


def _batch(rng: np.random.Generator, count: int) -> Batch:
    atoms = np.exp(rng.normal(np.log(60), 0.5, count)).astype(int).clip(4, 400)
    bonds = atoms - 1 + rng.binomial(atoms, 0.07)
    contacts = rng.poisson(0.5 * atoms)
    hbonds = rng.poisson(2.0, count)
    fragments = 1 + rng.binomial(atoms // 6, 0.5)
    cells = rng.uniform(6, 22, (count, 3)).astype(np.float32)
    labels = []
    kinds = []
    for n in atoms:
        kind = rng.choice(len(ELEMENTS), n, p=SHARES)
        kinds.append(kind)
        labels.append([f"{ELEMENTS[k]}{i + 1}" for i, k in enumerate(kind)])
    made: Batch = {}
    made["write_raw_crystal_data"] = {
        "identifier": [f"ID{i:06d}" for i in rng.integers(0, 999999, count)],
        "space_group": rng.choice(GROUPS, count).tolist(),
        "z_value": rng.choice([2, 4, 8], count).astype(np.float32),
        "z_prime": rng.choice([0.5, 1, 2], count).astype(np.float32),
        "cell_lengths": cells,
        "cell_angles": np.round(rng.normal(90, 8, (count, 3)), 2).astype(np.float32),
        "cell_volume": cells.prod(axis=1),
        "cell_density": np.round(rng.normal(1.4, 0.2, count), 3).astype(np.float32),
        "packing_coefficient": np.round(rng.normal(0.7, 0.04, count), 4).astype(np.float32),
    }
    made["write_computed_crystal_data"] = {
        "cell_matrix": cells[:, :, None] * np.eye(3, dtype=np.float32),
        "scaled_cell": np.round(rng.random((count, 6)), 4).astype(np.float32),
    }
    kept = np.arange(atoms.max()) < atoms[:, None]
    flat = np.concatenate(kinds)
    frac = np.round(rng.random((len(flat), 3)), 5)
    coords = (frac * np.repeat(cells, atoms, axis=0)).astype(np.float32)
    fragment = (np.arange(len(flat)) - np.repeat(np.cumsum(atoms) - atoms, atoms)) * np.repeat(
        fragments / atoms, atoms
    )
    made["write_raw_atom_data"] = {
        "atom_label": labels,
        "atom_symbol": [ELEMENTS[k].tolist() for k in kinds],
        "atom_sybyl_type": [TYPES[k].tolist() for k in kinds],
        "atom_neighbour_list": [
            [f"{row[i - 1]},{row[(i + 1) % len(row)]}" for i in range(len(row))] for row in labels
        ],
        "atom_number": _padded(NUMBERS[flat], kept),
        "atom_coords": _padded(coords, kept),
        "atom_frac_coords": _padded(frac.astype(np.float32), kept),
        "atom_weight": _padded(WEIGHTS[flat], kept),
        "atom_charge": _padded(np.round(rng.normal(0, 0.2, len(flat)), 4), kept),
        "atom_mask": kept,
    }
    made["write_computed_atom_data"] = {
        "atom_fragment_id": _padded(fragment.astype(np.int32), kept, fill=-1),
        "atom_dist_to_special_planes": _padded(
            (frac @ rng.normal(size=(3, 26))).astype(np.float32), kept
        ),
    }
    made |= _bonded(rng, labels, atoms, bonds)
    for name, method, doubled in (
        ("intra_cc", "write_raw_intramolecular_contact_data", 1),
        ("inter_cc", "write_computed_intermolecular_contact_data", 2),
    ):
        made[method] = _contacts(rng, name, labels, contacts * doubled, "computed" in method)
    for name, method, doubled in (
        ("intra_hb", "write_raw_intramolecular_hbond_data", 1),
        ("inter_hb", "write_computed_intermolecular_hbond_data", 2),
    ):
        made[method] = _contacts(rng, name, labels, hbonds * doubled, "computed" in method)
    made["write_computed_fragment_data"] = _fragments(rng, atoms, fragments)
    return made


def _bonded(rng, labels, atoms, bonds) -> Batch:
    kept = np.arange(bonds.max()) < bonds[:, None]
    place = np.nonzero(kept)[1]
    size = np.repeat(atoms, bonds)
    second = np.where(place < size - 1, place + 1, rng.integers(1, size))
    first = np.maximum(second - rng.geometric(0.55, len(second)), 0)
    split = np.cumsum(bonds)[:-1]
    one, two = np.split(first, split), np.split(second, split)
    kind = rng.choice(3, len(first), p=[0.62, 0.08, 0.3])
    made: Batch = {}
    made["write_raw_bond_data"] = {
        "bond_type": [BONDS[k].tolist() for k in np.split(kind, split)],
        "bond_atom1": [[row[i] for i in at] for row, at in zip(labels, one, strict=True)],
        "bond_atom2": [[row[i] for i in at] for row, at in zip(labels, two, strict=True)],
        "bond_atom1_idx": _padded(first.astype(np.int64), kept),
        "bond_atom2_idx": _padded(second.astype(np.int64), kept),
        "bond_length": _padded(np.round(rng.normal(1.4, 0.1, len(first)), 4), kept),
        "bond_is_cyclic": _padded(kind == 2, kept),
        "bond_is_rotatable_raw": _padded(kind == 0, kept),
        "n_bonds": bonds,
    }
    made["write_computed_bond_data"] = {
        "bond_is_rotatable": _padded(kind == 0, kept),
        "bond_vector_angles_to_special_planes": _padded(
            rng.uniform(0, 90, (len(first), 13)).astype(np.float32), kept
        ),
    }
    molecule: dict[str, object] = {}
    for name, count, width in (("bond_angle", bonds * 2, 3), ("torsion", bonds * 2, 4)):
        there = np.arange(count.max()) < count[:, None]
        idx = rng.integers(0, np.repeat(atoms, count)[:, None], (int(count.sum()), width))
        rows = np.split(idx, np.cumsum(count)[:-1])
        molecule[f"{name}_id"] = [
            ["-".join([row[i] for i in item]) for item in at.tolist()]
            for row, at in zip(labels, rows, strict=True)
        ]
        molecule[name] = _padded(np.round(rng.uniform(0, 180, len(idx)), 3), there)
        molecule[f"{name}_mask"] = there
        molecule[f"{name}_atom_idx"] = _padded(idx, there)
    made["write_computed_molecule_data"] = molecule
    return made


def _contacts(rng, name, labels, counts, computed) -> dict[str, object]:
    kept = np.arange(max(counts.max(), 1)) < counts[:, None]
    atoms = ("central", "hydrogen", "contact") if name.endswith("hb") else ("central", "contact")
    size = np.repeat([len(row) for row in labels], counts)
    made: dict[str, object] = {}
    for atom in atoms:
        idx = rng.integers(0, size)
        rows = np.split(idx, np.cumsum(counts)[:-1])
        made[f"{name}_{atom}_atom"] = [
            [row[i] for i in at] for row, at in zip(labels, rows, strict=True)
        ]
        made[f"{name}_{atom}_atom_idx"] = _padded(idx, kept)
        frac = np.round(rng.random((len(idx), 3)), 5).astype(np.float32)
        made[f"{name}_{atom}_atom_frac_coords"] = _padded(frac, kept)
        if computed or name.startswith("intra"):
            made[f"{name}_{atom}_atom_coords"] = _padded(frac * np.float32(11.3), kept)
    if name.endswith("cc") and not computed:
        made[f"{name}_id"] = [
            [f"{a}-{b}" for a, b in zip(*rows, strict=True)]
            for rows in zip(made[f"{name}_central_atom"], made[f"{name}_contact_atom"], strict=True)
        ]
    numbers = {
        "length": np.round(rng.normal(3.2, 0.3, len(size)), 4),
        "strength" if name.endswith("cc") else "angle": np.round(rng.normal(0, 20, len(size)), 3),
        "in_los": rng.random(len(size)) < 0.9,
    }
    if name.startswith("inter"):
        signs = rng.choice([-1.0, 0.0, 1.0], (len(size), 3, 3)).astype(np.float32)
        shift = rng.choice([0.0, 0.5, 1.0, -0.5], (len(size), 3)).astype(np.float32)
        numbers |= {"symmetry_A": signs, "symmetry_T": shift}
        numbers |= {"symmetry_A_inv": signs.transpose(0, 2, 1), "symmetry_T_inv": -shift}
    if name == "inter_cc" and computed:
        vector = rng.normal(size=(len(size), 3)).astype(np.float32)
        numbers["is_hbond"] = rng.random(len(size)) < 0.1
        for atom in atoms:
            numbers[f"{atom}_atom_fragment_idx"] = rng.integers(0, 5, len(size))
        for kind in ("com", "com_frac"):
            numbers[f"contact_atom_to_fragment_{kind}_vec"] = vector
            numbers[f"contact_atom_to_fragment_{kind}_dist"] = np.linalg.norm(vector, axis=1)
    for key, values in numbers.items():
        made[f"{name}_{key}"] = _padded(np.asarray(values), kept)
    made[f"{name}_mask"] = kept
    return made


def _fragments(rng, atoms, fragments) -> dict[str, object]:
    total = int(fragments.sum())
    sizes = np.maximum(np.repeat(atoms // fragments, fragments), 1).astype(np.int64)
    kept = np.arange(sizes.max()) < sizes[:, None]
    made: dict[str, object] = {
        "n_fragments": fragments,
        "fragment_structure_id": np.repeat(np.arange(len(atoms)), fragments),
        "fragment_formula": [[f"C{i + 2}H{2 * i + 1}" for i in range(n)] for n in fragments],
        "fragment_local_id": np.concatenate([np.arange(n) for n in fragments]),
        "fragment_n_atoms": sizes,
    }
    for field in SCHEMA.of_group("fragments"):
        if field.name in made or field.name == "fragment_quaternions":
            continue
        if field.nested:
            made[field.name] = _padded(
                rng.normal(size=(int(sizes.sum()), *field.shape)).astype(np.float32), kept
            )
        else:
            made[field.name] = rng.normal(size=(total, *field.shape)).astype(np.float32)
    return made


def _padded(values: np.ndarray, mask: np.ndarray, fill: float = 0) -> np.ndarray:
    kind = np.float32 if values.dtype == np.float64 else values.dtype
    array = np.full(mask.shape + values.shape[1:], fill, kind)
    array[mask] = values
    return array
