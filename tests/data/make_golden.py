"""Make format-1.h5, the golden file of format version 1: every kind of column, a row table, arrays.

    python tests/data/make_golden.py [FOLDER]

Without a folder it replaces the file beside this script. The same versions of raggedh5, h5py and
hdf5plugin make the same bytes. The file that is checked in stays as it is once its version of the
format has been released: it shows that old files can be read. ``tests/store/test_golden.py`` holds
it to values written out there.
"""

import sys
from pathlib import Path

import hdf5plugin
import numpy as np

import raggedh5 as rh5

NAME = "format-1.h5"

COLUMNS = {
    "coords": rh5.Column("f4", shape=(3,), finite=True, attrs={"units": "angstrom"}),
    "charge": rh5.Column("i2", nullable=True),
    "label": rh5.Column("str", dictionary=False),
    "symbol": rh5.Column("str", dictionary=True, attrs={"source": "IUPAC"}),
    "note": rh5.Column("str", nullable=True),
    "neighbours": rh5.Column("i4", nested=True),
}

CODECS = {
    "blosc_zstd": rh5.Blosc("zstd"),
    "blosc_bit": rh5.Blosc(shuffle="bit"),
    "lz4": rh5.LZ4(),
    "zstd": rh5.Zstd(),
    "bitshuffle": rh5.Bitshuffle(),
    "gzip": {"compression": "gzip", "shuffle": True, "fletcher32": True},
    "plugin": hdf5plugin.Blosc(cname="lz4hc"),
    "plain": None,
}


def write_atoms(file: rh5.File) -> None:
    """Write rows of 2, 0 and 3 items in two batches, in chunks of 4 items and less."""
    atoms = file.create_table("atoms", COLUMNS, chunk_bytes=48)
    coords = np.array([[[0, 0, 0], [0, 0, 1.125]], [[9, 9, 9], [9, 9, 9]]])
    atoms.append(
        {
            "coords": coords,
            "charge": np.ma.array([[-1, 5], [0, 0]], mask=[[False, True], [False, False]]),
            "label": [["C1", "O1"], []],
            "symbol": [["C", "O"], []],
            "note": [[None, "bound"], []],
            "neighbours": rh5.Ragged.from_lists([[[1], [0]], []], levels=2, dtype="i4"),
        },
        lengths=[2, 0],
    )
    atoms.append(
        {
            "coords": np.array([[[0, 0, 0.25], [1, 0, 0], [9, 9, 9], [0, 1, 0]]]),
            "charge": np.array([[0, 1, 9, 0]]),
            "label": [["N1", "H1", "Hα"]],  # noqa: RUF001 - a label as chemists write it
            "symbol": [["N", "H", "H"]],
            "note": [["loose", None, "bound"]],
            "neighbours": rh5.Ragged.from_lists([[[1, 2], [], [0]]], levels=2, dtype="i4"),
        },
        mask=np.array([[True, True, False, True]]),
    )


def write_molecules(file: rh5.File) -> None:
    """Write the row table."""
    molecules = file.create_table("molecules", ragged=False, chunk_bytes=48)
    molecules.append(
        {
            "energy": np.array([-113.5, 0.0, np.nan]),
            "name": ["CO", "vacuum", "NH2"],
            "linear": np.array([True, True, False]),
            "amplitude": np.array([1 + 2j, 0, -0.5j], "c8"),
        }
    )


def write_arrays(file: rh5.File) -> None:
    """Write a larger array, whose one chunk has many blocks, and one for each codec."""
    n = np.arange(300 * 8 * 8, dtype="u2").reshape(300, 8, 8)
    file.create_array("frames", data=n % 251, attrs={"units": "counts"})
    for name, codec in CODECS.items():
        data = np.arange(40, dtype="i4").reshape(20, 2) ** 2
        file.create_array(f"codecs/{name}", data=data, codec=codec, chunks=(16, 2))


def make(folder: Path) -> Path:
    """Write the file and return its path."""
    path = folder / NAME
    with rh5.File(path, "w", threads=1) as file:
        write_atoms(file)
        write_molecules(file)
        write_arrays(file)
    return path


if __name__ == "__main__":
    print(make(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent))
