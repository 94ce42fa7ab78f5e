"""The fields of a crystal structure, as data: writers, readers, checks and docs follow this table.

Names are those of the pipelines that analyse molecular crystals; a field is stored under the same
name. Cartesian coordinates are in angstrom in the frame of `cell_matrix`, fractional ones in units
of the cell edges. Indices count the atoms of a structure from 0.
"""

from collections.abc import Iterable
from typing import Any

from raggedh5.formats.crystal.schema import Field, Group, Schema

__all__ = ["FIELDS", "GROUPS", "SCHEMA"]

ANGSTROM = "angstrom"
DEGREE = "degree"


GROUPS = (
    Group("crystal", per_structure=True),
    Group("atoms", mask="atom_mask", count="n_atoms"),
    Group("bonds", mask="bond_mask", count="n_bonds"),
    Group("bond_angles", derived=True, mask="bond_angles_mask"),
    Group("torsions", derived=True, mask="torsions_mask"),
    Group("inter_cc", mask="inter_cc_mask", count="inter_cc_n_contacts"),
    Group("intra_cc", mask="intra_cc_mask", count="intra_n_contacts"),
    Group("inter_hb", mask="inter_hb_mask", count="inter_hb_n_hbonds"),
    Group("intra_hb", mask="intra_hb_mask", count="intra_n_hbonds"),
    Group(
        "fragments",
        derived=True,
        mask="fragments_mask",
        count="n_fragments",
        owner="fragment_structure_id",
        inner_mask="fragment_atom_mask",
        inner_count="fragment_n_atoms",
    ),
)


def _crystal() -> Iterable[Field]:
    def field(name: str, dtype: str, meaning: str, **more: Any) -> Field:
        return Field(name, "crystal", dtype, meaning, **more)

    yield field("refcode_list", "str", "refcode of the structure in its database")
    yield field("identifier", "str", "identifier of the entry")
    yield field("space_group", "str", "symbol of the space group, as its source gives it")
    yield field("z_value", "f4", "molecules in the unit cell")
    yield field("z_prime", "f4", "molecules in the asymmetric unit")
    lengths, angles = ("a", "b", "c"), ("alpha", "beta", "gamma")
    yield field(
        "cell_lengths",
        "f4",
        "edges of the cell",
        shape=(3,),
        units=ANGSTROM,
        labels=lengths,
        required=True,
    )
    yield field(
        "cell_angles",
        "f4",
        "angles of the cell",
        shape=(3,),
        units=DEGREE,
        labels=angles,
        required=True,
    )
    yield field("cell_volume", "f4", "volume of the cell", units="angstrom**3")
    yield field("cell_density", "f4", "calculated density", units="g/cm**3")
    yield field("packing_coefficient", "f4", "share of the cell that molecules fill")
    yield field(
        "cell_matrix",
        "f4",
        "vectors a, b, c of the cell, one a row",
        shape=(3, 3),
        units=ANGSTROM,
        computed=True,
        labels=tuple(f"{edge}{axis}" for edge in lengths for axis in "xyz"),
    )
    yield field(
        "scaled_cell",
        "f4",
        "scaled lengths and angles of the cell",
        shape=(6,),
        computed=True,
        labels=(*lengths, *angles),
    )


def _atoms() -> Iterable[Field]:
    def field(name: str, dtype: str, meaning: str, **more: Any) -> Field:
        return Field(f"atom_{name}", "atoms", dtype, meaning, **more)

    yield field("label", "str", "label, unique in the structure", required=True)
    yield field("symbol", "str", "chemical symbol", required=True)
    yield field("sybyl_type", "str", "atom type of SYBYL")
    yield field("neighbour_list", "str", "labels of bonded atoms", other_names=("atom_neighbors",))
    yield field("number", "i4", "atomic number")
    yield field("fragment_id", "i4", "rigid fragment of the atom; below 0: none", computed=True)
    yield field("coords", "f4", "Cartesian coordinates", shape=(3,), units=ANGSTROM, required=True)
    yield field("frac_coords", "f4", "fractional coordinates", shape=(3,))
    yield field("weight", "f4", "atomic weight", units="Da")
    yield field("charge", "f4", "partial charge", units="e")
    yield field(
        "distances_to_special_planes",
        "f4",
        "distances to special planes of the cell",
        shape=(26,),
        open_shape=True,
        computed=True,
        other_names=("atom_dist_to_special_planes",),
    )


def _bonds() -> Iterable[Field]:
    def field(name: str, dtype: str, meaning: str, **more: Any) -> Field:
        return Field(f"bond_{name}", "bonds", dtype, meaning, **more)

    yield field("id", "str", "name of the bond", joined=("bond_atom1", "bond_atom2"))
    yield field("type", "str", "bond type")
    yield field("atom1", "str", "label of the first atom")
    yield field("atom2", "str", "label of the second atom")
    yield field("atom1_idx", "i4", "index of the first atom", required=True)
    yield field("atom2_idx", "i4", "index of the second atom", required=True)
    yield field("length", "f4", "length", units=ANGSTROM)
    yield field(
        "vector_angles_to_special_planes",
        "f4",
        "angles between bond and special planes of the cell",
        shape=(13,),
        open_shape=True,
        computed=True,
    )
    yield field("is_cyclic", "?", "whether the bond is part of a ring")
    yield field("is_rotatable_raw", "?", "whether it is rotatable, by its source")
    yield field("is_rotatable", "?", "whether it is rotatable, as computed", computed=True)


def _angles(prefix: str, group: str, atoms: int, what: str) -> Iterable[Field]:
    yield Field(f"{prefix}_id", group, "str", f"labels of the atoms of the {what}")
    yield Field(prefix, group, "f4", what, required=True)
    yield Field(f"{prefix}_mask", group, "?", f"whether the {what} is defined")
    yield Field(f"{prefix}_atom_idx", group, "i4", f"atoms of the {what}", shape=(atoms,))


def _contacts(group: str, atoms: tuple[str, ...]) -> Iterable[Field]:
    """Return the fields of contacts or hydrogen bonds: those that every kind may have."""

    def field(name: str, dtype: str, meaning: str, **more: Any) -> Field:
        repeated = group.startswith("inter")
        return Field(f"{group}_{name}", group, dtype, meaning, repeated=repeated, **more)

    yield field("id", "str", "name", joined=tuple(f"{group}_{atom}_atom" for atom in atoms))
    for atom in atoms:
        yield field(f"{atom}_atom", "str", f"label of the {atom} atom")
        yield field(f"{atom}_atom_idx", "i4", f"index of the {atom} atom", required=True)
        yield field(
            f"{atom}_atom_coords", "f4", "its Cartesian coordinates", shape=(3,), units=ANGSTROM
        )
        yield field(f"{atom}_atom_frac_coords", "f4", "its fractional coordinates", shape=(3,))
        yield field(f"{atom}_atom_fragment_idx", "i4", "its rigid fragment")
    yield field("length", "f4", "distance", units=ANGSTROM)
    yield field("strength", "f4", "strength, as its source gives it")
    yield field("angle", "f4", "angle at the hydrogen atom, as its source gives it")
    yield field("in_los", "?", "whether the atoms are in line of sight")
    yield field("is_hbond", "?", "whether it is part of a hydrogen bond")
    for name, what in (("A", "rotation"), ("A_inv", "inverse rotation")):
        yield field(f"symmetry_{name}", "f4", f"{what} of the symmetry operator", shape=(3, 3))
    for name, what in (("T", "translation"), ("T_inv", "inverse translation")):
        yield field(f"symmetry_{name}", "f4", f"{what} of the symmetry operator", shape=(3,))
    com = "contact_atom_to_fragment_com"
    yield field(f"{com}_dist", "f4", "distance to the centre of the fragment", units=ANGSTROM)
    yield field(f"{com}_frac_dist", "f4", "the same in fractional coordinates")
    yield field(f"{com}_vec", "f4", "vector to the centre", shape=(3,), units=ANGSTROM)
    yield field(f"{com}_frac_vec", "f4", "the same in fractional coordinates", shape=(3,))


def _fragments() -> Iterable[Field]:
    def field(name: str, dtype: str, meaning: str, **more: Any) -> Field:
        return Field(f"fragment_{name}", "fragments", dtype, meaning, **more)

    yield field("local_id", "i4", "number of the fragment in its structure")
    yield field("formula", "str", "chemical formula")
    yield field("n_atoms", "i4", "atoms in the fragment", required=True)
    for name, what in (("com", "centre of mass"), ("cen", "centroid")):
        yield field(f"{name}_coords", "f4", what, shape=(3,), units=ANGSTROM)
        yield field(f"{name}_frac_coords", "f4", f"{what}, fractional", shape=(3,))
    for name in ("inertia", "quadrupole"):
        yield field(f"{name}_tensors", "f4", f"{name} tensor", shape=(3, 3))
        yield field(f"{name}_eigvals", "f4", "its eigenvalues", shape=(3,))
        yield field(f"{name}_eigvecs", "f4", "its eigenvectors", shape=(3, 3))
        yield field(f"{name}_quaternions", "f4", "its axes as a quaternion", shape=(4,))
    yield field("quaternions", "f4", "orientation as a quaternion", shape=(4,))
    to_com = "atom_to_com"
    yield field(f"{to_com}_dist", "f4", "distances to the centre", nested=True, units=ANGSTROM)
    yield field(f"{to_com}_frac_dist", "f4", "the same, fractional", nested=True)
    yield field(
        f"{to_com}_vec", "f4", "vectors to the centre", shape=(3,), nested=True, units=ANGSTROM
    )
    yield field(f"{to_com}_frac_vec", "f4", "the same, fractional", shape=(3,), nested=True)
    yield field("Ql", "f4", "order parameters of Steinhardt", shape=(5,), open_shape=True)
    yield field("plane_centroid", "f4", "point of the plane fitted", shape=(3,), units=ANGSTROM)
    yield field("plane_normal", "f4", "its normal", shape=(3,))
    yield field("planarity_rmsd", "f4", "root mean square deviation from it", units=ANGSTROM)
    yield field("planarity_max_dev", "f4", "largest deviation from it", units=ANGSTROM)
    yield field("planarity_score", "f4", "planarity score")


FIELDS: tuple[Field, ...] = (
    *_crystal(),
    *_atoms(),
    *_bonds(),
    *_angles("bond_angle", "bond_angles", 3, "angle of two bonds"),
    *_angles("torsion", "torsions", 4, "torsion angle"),
    *_contacts("inter_cc", ("central", "contact")),
    *_contacts("intra_cc", ("central", "contact")),
    *_contacts("inter_hb", ("central", "hydrogen", "contact")),
    *_contacts("intra_hb", ("central", "hydrogen", "contact")),
    *_fragments(),
)

SCHEMA = Schema(FIELDS, GROUPS)
