"""Whatever is in the offsets and codes of a table: a result, or our error; never a crash."""

import h5py
import numpy as np
import pytest

import raggedh5 as rh5
from kinds import ragged_kinds

WAYS = {
    "all": lambda t: t.read(),
    "slice": lambda t: t[3:9],
    "take": lambda t: t.take([11, 3, 3, 0]),
    "padded": lambda t: t.padded([1, 11]),
    "batches": lambda t: list(t.batches(5)),
    "row": lambda t: t[11],
    "columns": lambda t: [t[name][:] for name in t.columns],
}


CODECS = {"blosc": rh5.Blosc(), "lz4": rh5.LZ4(), "none": None}


@pytest.fixture(scope="module", params=CODECS)
def good(request, tmp_path_factory):
    """The bytes of a file with a table of twelve rows."""
    path = tmp_path_factory.mktemp("good") / "t.h5"
    rng = np.random.default_rng(4)
    columns, values = ragged_kinds(rng, rng.integers(0, 5, 12))
    with rh5.File(path, "w", codec=CODECS[request.param], chunk_bytes=256) as file:
        file.create_table("t", columns).append(values)
    return path.read_bytes()


def damaged_table(rng, path, good):
    """Change a few numbers or the extent of some buffers of a table; read it in every way."""
    path.write_bytes(good)
    with h5py.File(path, "r+") as file:
        del file["__raggedh5__"]  # a liar would leave the checksums out
        names = [name for name in file["t"] if name.rsplit("-", 1)[1] in ("offsets", "index")]
        for name in rng.choice(names, rng.integers(1, 3), replace=False):
            buffer = file["t"][name]
            kind = rng.integers(0, 4)
            if kind == 0:
                buffer.resize((int(rng.integers(0, 2 * len(buffer) + 2)),))
            elif len(buffer):
                info = np.iinfo(buffer.dtype)
                likely = [-1, 0, 1, len(buffer), 2**31 - 1, info.max, info.min, info.max - 7]
                for _ in range(rng.integers(1, 4)):
                    buffer[rng.integers(0, len(buffer))] = rng.choice(np.array(likely))
        if rng.random() < 0.3:
            file["t"].attrs["length"] = int(rng.choice([0, 1, 11, 13, 2**40, 2**63 - 1]))
    with rh5.File(path, threads=int(rng.integers(1, 3))) as file:
        for name, read in WAYS.items():
            try:
                read(file["t"])
            except rh5.RaggedH5Error:
                pass
            except IndexError:  # a row that the length says is not there
                assert len(file["t"]) < 12, name


@pytest.mark.parametrize("codec", CODECS.values(), ids=CODECS)
@pytest.mark.parametrize("column", ["lists", "words"])
def test_offsets_whose_differences_overflow(tmp_path, codec, column):
    """They add up to rows that begin before their array, if nobody looks at each of them."""
    rows = np.arange(0, 10, 2)
    lists = rh5.Ragged(rh5.Ragged(np.arange(8, dtype="i4"), np.arange(9)), rows)
    words = rh5.Ragged(np.array(list("abcdefgh"), object), rows)
    with rh5.File(tmp_path / "t.h5", "w", codec=codec) as file:
        columns = {
            "lists": rh5.Column("i4", nested=True),
            "words": rh5.Column("str", dictionary=False),
        }
        file.create_table("t", columns).append({"lists": lists, "words": words})
    with h5py.File(tmp_path / "t.h5", "r+") as file:
        del file["__raggedh5__"]
        file[f"t/{column}-offsets"][4] = -(2**63)
    with rh5.File(tmp_path / "t.h5") as file:
        for picks in ([0, 1, 1, 0], [1], [0, 1], [1, 1], [3, 1, 1, 0, 0]):
            with pytest.raises(rh5.FormatError, match=f"{column}-offsets"):
                file["t"].take(picks, [column])
        assert len(file["t"].take([0, 3], [column])[column]) == 2


def test_tables_in_a_file(tmp_path, good):
    for seed in range(12):
        damaged_table(np.random.default_rng(seed), tmp_path / "t.h5", good)


@pytest.mark.slow
def test_many_tables_in_a_file(tmp_path, good):
    for seed in range(12, 700):
        damaged_table(np.random.default_rng(seed), tmp_path / "t.h5", good)
