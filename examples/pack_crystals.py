"""Pack real crystals from CIFs, compute their cells in batches, and read them back by refcode.

    python examples/pack_crystals.py [OUT.h5] [IN.cif ...]

Needs: pip install 'raggedh5[cif,torch,plot]'. Without CIFs, those in examples/crystals are taken.
Makes OUT.h5 (crystals.h5), and beside it a histogram of the atoms that structures have, OUT.png.

Where a program already has its structures in padded batches, `pack` shows all that it needs.
"""

from __future__ import annotations

import sys
from pathlib import Path

import h5py
import matplotlib as mpl
import numpy as np
import torch
from torch.nn.utils.rnn import pad_sequence

from raggedh5.formats.crystal import (
    ComputedDataWriter,
    CrystalFile,
    DatasetInitializer,
    RawDataWriter,
    cell_matrix,
    cell_volume,
    fractional_to_cartesian,
    read_cif,
)
from raggedh5.formats.crystal.cif import CifStructure

mpl.use("Agg")
import matplotlib.pyplot as plt

CRYSTALS = Path(__file__).parent / "crystals"
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
BATCH = 4
"""Structures in a batch; hundreds, where there are as many."""


def main(target: Path, sources: list[Path]) -> None:
    structures = [structure for source in sources for structure in read_cif(source)]
    pack(target, structures)
    show(target, [structure.identifier for structure in structures])
    plot(target, target.with_suffix(".png"))


def pack(target: Path, structures: list[CifStructure]) -> None:
    """Write structures batch by batch."""
    refcodes = [structure.identifier for structure in structures]
    dims = {"atoms": max(len(structure.atoms.labels) for structure in structures)}
    with h5py.File(target, "w") as h5_out:
        DatasetInitializer(h5_out, refcodes, dims).initialize_datasets()
        raw, computed = RawDataWriter(h5_out), ComputedDataWriter(h5_out)
        for start in range(0, len(structures), BATCH):
            batch = structures[start : start + BATCH]
            lengths = tensor([structure.cell_lengths for structure in batch])
            angles = tensor([structure.cell_angles for structure in batch])
            matrix = cell_matrix(lengths, angles)  # (B, 3, 3), on the GPU if there is one
            atoms = [structure.atoms for structure in batch]
            numbers = [[element.number for element in some.elements] for some in atoms]
            frac = padded([some.frac_coords for some in atoms])  # (B, N, 3)
            mask = padded([[True] * len(some.labels) for some in atoms], torch.bool)  # (B, N)

            raw.write_raw_crystal_data(
                start,
                {
                    "identifier": [structure.identifier for structure in batch],
                    "space_group": [structure.space_group or "" for structure in batch],
                    "cell_lengths": lengths,
                    "cell_angles": angles,
                    "cell_volume": cell_volume(lengths, angles),
                },
            )
            raw.write_raw_atom_data(
                start,
                {
                    "atom_mask": mask,
                    "atom_label": [some.labels for some in atoms],
                    "atom_symbol": [[one.symbol for one in some.elements] for some in atoms],
                    "atom_number": padded(numbers, torch.int32),
                    "atom_frac_coords": frac,
                    "atom_coords": fractional_to_cartesian(frac, matrix, mask),
                },
            )
            computed.write_computed_crystal_data(start, {"cell_matrix": matrix})


def show(path: Path, refcodes: list[str]) -> None:
    """Read one structure, and a padded batch of several."""
    with CrystalFile(path) as crystals:
        one = crystals[refcodes[0]]
        print(f"{refcodes[0]}: {one['space_group']}, {float(one['cell_volume']):.2f} A^3")
        for label, coords in zip(one["atom_label"], one["atom_coords"], strict=True):
            print(f"  {label:4}", *(f"{x:8.4f}" for x in coords))
        batch = crystals.padded(refcodes)
        shapes = (f"{key} {batch[key].shape}" for key in ("atom_coords", "cell_matrix"))
        print("a padded batch:", *shapes)


def plot(path: Path, picture: Path) -> None:
    """Draw how many atoms structures have."""
    with h5py.File(path) as h5:
        counts = np.diff(h5["atoms/atoms-offsets"][()])  # no more than plain h5py is needed
    figure, axes = plt.subplots(layout="constrained")
    axes.hist(counts, bins=np.arange(counts.max() + 2) - 0.5, rwidth=0.9)
    axes.set(xlabel="atoms in the asymmetric unit", ylabel="structures")
    figure.savefig(picture)
    plt.close(figure)
    print(f"{path}, {picture}: {len(counts)} structures, {counts.sum()} atoms")


def tensor(rows: list, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.tensor(np.array(rows), dtype=dtype, device=DEVICE)


def padded(rows: list, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return pad_sequence([tensor(row, dtype) for row in rows], batch_first=True)


if __name__ == "__main__":
    target, *sources = map(Path, sys.argv[1:] or ["crystals.h5"])
    main(target, sources or sorted(CRYSTALS.glob("*.cif")))
