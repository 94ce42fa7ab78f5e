"""`raggedh5 pack`: what an archive becomes, compared through stock h5py."""

from itertools import pairwise
from pathlib import Path

import h5py
import hdf5plugin  # noqa: F401 - registers the filters
import numpy as np
import pytest
from click.testing import CliRunner, Result
from numpy.typing import NDArray

import raggedh5 as rh5
from raggedh5.cli import packing
from raggedh5.cli.main import cli

MOLECULES = Path(__file__).parents[2] / "examples" / "molecules.npz"


def run(*words: object) -> Result:
    return CliRunner().invoke(cli, [str(word) for word in words], catch_exceptions=False)


def pack(folder: Path, arrays: dict[str, NDArray], *options: str) -> Path:
    source, target = folder / "batch.npz", folder / "batch.h5"
    np.savez_compressed(source, **arrays)
    result = run("pack", source, target, *options)
    assert result.exit_code == 0, result.stderr
    return target


def text(group: h5py.Group, column: str) -> list[str]:
    """Decode a column of strings without raggedh5."""
    strings = f"{column}.categories" if f"{column}-index" in group else column
    offsets, data = group[f"{strings}-offsets"][()], group[f"{strings}.bytes-data"][()].tobytes()
    found = [data[a:b].decode() for a, b in pairwise(offsets)]
    if f"{column}-index" in group:
        return [found[code] for code in group[f"{column}-index"][()]]
    return found


def test_the_example_comes_back(tmp_path: Path) -> None:
    result = run("pack", MOLECULES, tmp_path / "molecules.h5")
    assert result.exit_code == 0
    with np.load(MOLECULES) as given, h5py.File(tmp_path / "molecules.h5") as file:
        mask, lengths = given["atoms_mask"], given["bonds_lengths"]
        atoms, bonds, molecules = file["atoms"], file["bonds"], file["molecules"]
        kept = np.arange(given["bonds/pair"].shape[1]) < lengths[:, None]
        assert np.array_equal(atoms["atoms-offsets"][1:], mask.sum(axis=1).cumsum())
        assert np.array_equal(bonds["bonds-offsets"][1:], lengths.cumsum())
        for column in ("coords", "charge"):
            values = atoms[f"{column}-data"][()]
            assert values.dtype == given[f"atoms/{column}"].dtype
            assert np.array_equal(values, given[f"atoms/{column}"][mask])
        for column in ("pair", "order", "aromatic"):
            assert np.array_equal(bonds[f"{column}-data"][()], given[f"bonds/{column}"][kept])
        for column in ("symbol", "name"):
            assert text(atoms, column) == given[f"atoms/{column}"][mask].tolist()
        assert text(molecules, "id") == given["molecules/id"].tolist()
    for word in ("atoms", "coords", "15,149", "320", "MB/s"):
        assert word in result.stdout


@pytest.mark.parametrize(
    ("codec", "filter_id"),
    [
        ("blosc-lz4", 32001),
        ("blosc-zstd", 32001),
        ("lz4", 32004),
        ("zstd", 32015),
        ("bitshuffle", 32008),
        ("gzip", 1),
        ("lzf", 32000),
        ("none", None),
    ],
)
def test_codecs(tmp_path: Path, codec: str, filter_id: int | None) -> None:
    values = np.arange(600, dtype="f4").reshape(20, 10, 3)
    options = ("--codec", codec, "--threads", "2", "--chunk-size", "1KiB")
    path = pack(tmp_path, {"atoms/x": values, "atoms_lengths": np.full(20, 10)}, *options)
    with h5py.File(path) as file:
        data = file["atoms/x-data"]
        properties = data.id.get_create_plist()
        ids = [properties.get_filter(i)[0] for i in range(properties.get_nfilters())]
        assert ids == ([] if filter_id is None else [filter_id])
        assert data.chunks == (85, 3)
        assert np.array_equal(data[()], values.reshape(-1, 3))


def test_level(tmp_path: Path) -> None:
    path = pack(tmp_path, {"x": np.arange(10)}, "--codec", "blosc-zstd", "--level", "9")
    with h5py.File(path) as file:
        assert file["x"].id.get_create_plist().get_filter(0)[2][4] == 9


def test_names_say_what_becomes_what(tmp_path: Path) -> None:
    arrays = {
        "forces": np.ones((2, 4, 3)),
        "forces_lengths": np.array([4, 1]),
        "train/atoms/z": np.ones((2, 3), "i2"),
        "train/atoms_mask": np.array([[True, False, True], [False, False, True]]),
        "energies/total": np.array([1.5, 2.5]),
        "names": np.array(["a", "bc"]),
        "cell_lengths": np.ones((2, 3)),
        "cutoff": np.float64(5.0),
        "title": np.array("two rows"),
        "field": np.zeros((2, 5, 5), "u2"),
    }
    path = pack(tmp_path, arrays)
    with rh5.File(path) as file:
        assert file.tables().keys() == {"forces", "train/atoms", "energies", "names"}
        assert file.arrays().keys() == {"cell_lengths", "cutoff", "title", "field"}
        assert file["forces"]["values"].read().lengths.tolist() == [4, 1]
        assert file["train/atoms"]["z"].read().lengths.tolist() == [2, 1]
        assert not file["energies"].ragged
        assert file["names"]["values"].read().tolist() == ["a", "bc"]
        assert file["field"].shape == (2, 5, 5)
    with h5py.File(path) as stock:
        assert stock["cutoff"][()] == 5.0
        assert stock["title"].asstr()[()] == "two rows"


@pytest.mark.parametrize("kind", ["mask", "lengths"])
@pytest.mark.parametrize(("options", "name"), [((), "batch"), (("--table", "atoms"), "atoms")])
def test_bare_companions(tmp_path: Path, kind: str, options: tuple[str, ...], name: str) -> None:
    mask = np.array([[True, True], [True, False]])
    arrays = {
        "coords": np.arange(12.0).reshape(2, 2, 3),
        "symbol": np.array([["H", "O"], ["C", ""]]),
        "energy": np.array([0.5, 1.5]),
        kind: mask if kind == "mask" else mask.sum(axis=1),
    }
    with rh5.File(pack(tmp_path, arrays, *options)) as file:
        assert file.tables().keys() == {name}
        assert file.arrays().keys() == {"energy"}
        assert file[name]["symbol"].read().to_list() == [["H", "O"], ["C"]]
        assert np.array_equal(file[name][1]["coords"], arrays["coords"][1, :1])


def test_many_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "BATCH", 1000)
    rng = np.random.default_rng(0)
    lengths = rng.integers(0, 8, 301)
    arrays = {
        "t/big_endian": rng.normal(size=(301, 8)).astype(">f8"),
        "t/fortran": np.asfortranarray(rng.normal(size=(301, 8))),
        "t/name": rng.choice(np.array(["Åse", "b", ""]), (301, 8)),
        "t_lengths": lengths,
        "dense": rng.integers(0, 9, (301, 40)),
        "fixed": np.asfortranarray(rng.normal(size=(301, 7))),
    }
    kept = np.arange(8) < lengths[:, None]
    with rh5.File(pack(tmp_path, arrays)) as file:
        for column in ("big_endian", "fortran"):
            assert np.array_equal(file["t"][column].read().values, arrays[f"t/{column}"][kept])
        assert file["t"]["name"].read().values.tolist() == arrays["t/name"][kept].tolist()
        assert np.array_equal(file["dense"].read(), arrays["dense"])
        assert np.array_equal(file["fixed"].read(), arrays["fixed"])


def test_no_rows(tmp_path: Path) -> None:
    arrays = {
        "t/x": np.zeros((0, 4, 3)),
        "t_mask": np.zeros((0, 4), bool),
        "rows/id": np.zeros((0,), "U3"),
        "dense": np.zeros((0, 7)),
    }
    with rh5.File(pack(tmp_path, arrays)) as file:
        assert [len(file[name]) for name in ("t", "rows", "dense")] == [0, 0, 0]
        assert file["t"].columns["x"].shape == (3,)


def test_reduce(tmp_path: Path) -> None:
    arrays = {
        "t/x": np.array([[0.1, 1e300], [2.5, 3.5]]),
        "t/n": np.array([[1, 2**40], [-5, 6]]),
        "t/small": np.array([[1, 2], [3, 4]], "i2"),
        "t_lengths": np.array([1, 2]),
        "energy": np.array([0.1, np.inf]),
    }
    with rh5.File(pack(tmp_path, arrays, "--reduce")) as file:
        kinds = {name: column.dtype for name, column in file["t"].columns.items()}
        assert kinds == {"x": np.dtype("f4"), "n": np.dtype("i4"), "small": np.dtype("i2")}
        assert file["t"]["x"].read().to_list() == [[np.float32(0.1)], [2.5, 3.5]]
        assert file["energy"].dtype == np.float32


@pytest.mark.parametrize("value", [2**31, -(2**31) - 1])
def test_reduce_names_column_and_row(
    tmp_path: Path, value: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packing, "BATCH", 100)
    numbers = np.zeros((50, 2), np.int64)
    numbers[37, 1] = value
    np.savez(tmp_path / "n.npz", **{"t/n": numbers, "t_lengths": np.full(50, 2)})
    result = run("pack", tmp_path / "n.npz", tmp_path / "n.h5", "--reduce")
    assert result.exit_code == 2
    assert "'t/n', row 37" in result.stderr
    assert str(value) in result.stderr
    assert not (tmp_path / "n.h5").exists()


def test_an_existing_file_is_kept(tmp_path: Path) -> None:
    path = pack(tmp_path, {"x": np.arange(3)})
    before = path.read_bytes()
    result = run("pack", tmp_path / "batch.npz", path)
    assert result.exit_code == 2
    assert "--overwrite" in result.stderr
    assert path.read_bytes() == before
    np.savez(tmp_path / "batch.npz", x=np.arange(5))
    assert run("pack", tmp_path / "batch.npz", path, "--overwrite").exit_code == 0
    assert rh5.read(path)["x"].tolist() == [0, 1, 2, 3, 4]


def test_memory_stays_small(tmp_path: Path) -> None:
    tracemalloc = pytest.importorskip("tracemalloc")
    np.savez(tmp_path / "x.npz", **{"t/x": np.ones((4000, 1000, 2)), "t_lengths": [9] * 4000})
    tracemalloc.start()
    try:
        assert run("pack", tmp_path / "x.npz", tmp_path / "x.h5").exit_code == 0
        assert tracemalloc.get_traced_memory()[1] < 32e6
    finally:
        tracemalloc.stop()
