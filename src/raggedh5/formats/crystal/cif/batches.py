"""Structures of CIFs as padded batches, as the writers take them."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from raggedh5.formats.crystal.cif.structure import CifStructure
from raggedh5.formats.crystal.geometry.cells import cell_matrix
from raggedh5.formats.crystal.geometry.coordinates import fractional_to_cartesian

__all__ = ["atom_batch", "cell_batch", "crystal_batch", "in_batches"]

STRUCTURES = 512
"""Structures in a batch."""

PLACES = 1 << 18
"""Padded places in a batch, unless one structure alone has more."""

Batch = dict[str, Any]


def in_batches(structures: Iterable[CifStructure]) -> Iterator[list[CifStructure]]:
    """Group structures, so that padded arrays stay small."""
    batch: list[CifStructure] = []
    width = 0
    for structure in structures:
        wider = max(width, len(structure.atoms.labels))
        if batch and (len(batch) == STRUCTURES or (len(batch) + 1) * wider > PLACES):
            yield batch
            batch, wider = [], len(structure.atoms.labels)
        batch.append(structure)
        width = wider
    if batch:
        yield batch


def crystal_batch(structures: Sequence[CifStructure]) -> Batch:
    """Return what was read of the crystals: NaN, or an empty string, where a file does not say."""
    return {
        "identifier": [one.identifier for one in structures],
        "space_group": [one.space_group or "" for one in structures],
        "z_value": _numbers(one.z_value for one in structures),
        "z_prime": _numbers(one.z_prime for one in structures),
        "cell_lengths": np.array([one.cell_lengths for one in structures]),
        "cell_angles": np.array([one.cell_angles for one in structures]),
        "cell_volume": _numbers(one.cell_volume for one in structures),
        "cell_density": _numbers(one.cell_density for one in structures),
        "cell_density_stated": np.array([one.density_stated for one in structures]),
        "cif_path": [one.path for one in structures],
        "cif_block": [one.block for one in structures],
    }


def cell_batch(structures: Sequence[CifStructure]) -> Batch:
    """Return what is computed of the crystals."""
    lengths = np.array([one.cell_lengths for one in structures])
    angles = np.array([one.cell_angles for one in structures])
    return {"cell_matrix": cell_matrix(lengths, angles)}


def atom_batch(structures: Sequence[CifStructure]) -> Batch:
    """Return the atoms, padded, with their mask."""
    atoms = [one.atoms for one in structures]
    counts = np.array([len(some.labels) for some in atoms])
    mask = np.arange(counts.max()) < counts[:, None]
    frac = np.zeros((*mask.shape, 3))
    frac[mask] = np.concatenate([some.frac_coords for some in atoms])
    elements = [element for some in atoms for element in some.elements]
    return {
        "atom_mask": mask,
        "atom_label": [some.labels for some in atoms],
        "atom_symbol": [[element.symbol for element in some.elements] for some in atoms],
        "atom_number": _padded(mask, [element.number for element in elements], np.int32),
        "atom_weight": _padded(mask, [element.weight for element in elements], np.float32),
        "atom_frac_coords": frac,
        "atom_coords": fractional_to_cartesian(frac, cell_batch(structures)["cell_matrix"], mask),
        "atom_occupancy": _padded(
            mask, np.concatenate([some.occupancy for some in atoms]), np.float32
        ),
        "atom_disorder_assembly": [some.disorder_assembly for some in atoms],
        "atom_disorder_group": [some.disorder_group for some in atoms],
    }


def _numbers(values: Iterable[float | None]) -> Any:
    return np.array([np.nan if value is None else value for value in values])


def _padded(mask: Any, values: Any, dtype: Any) -> Any:
    padded = np.zeros(mask.shape, dtype)
    padded[mask] = values
    return padded
