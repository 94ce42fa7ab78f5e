"""Chunks that are copied from dataset to dataset: the bytes, their masks, their checksums."""

import h5py
import numpy as np
import pytest

import raggedh5 as rh5
from raggedh5.core.pipeline_codecs import codec_like
from raggedh5.errors import FormatError
from raggedh5.store.copying.assembly import Assembly
from raggedh5.store.copying.twins import create_twin, same_chunks
from raggedh5.store.facts import Facts
from raggedh5.store.handle import Handle
from raggedh5.store.reader import Reader
from same_files import chunk_bytes, flip_byte

CODECS = {
    "blosc": rh5.Blosc("zstd", 3, "bit"),
    "lz4": rh5.LZ4(64),
    "zstd": rh5.Zstd(7),
    "bitshuffle": rh5.Bitshuffle(64),
    "gzip": {"compression": "gzip", "compression_opts": 7, "shuffle": True, "fletcher32": True},
    "lzf": "lzf",
    "none": None,
}


@pytest.fixture
def assemble(tmp_path):
    """Put a dataset together from stretches of others; return its values and chunks."""

    def run(sources, stretches):
        with (
            rh5.File(tmp_path / "new.h5", "w") as new,
            h5py.File(sources) as old,
        ):
            reading = Handle(old, verify="always", adopted=True)
            handle = Handle(new.h5.file, adopted=True)
            readers = [Reader(reading, Facts(old[name])) for name, _, _ in stretches]
            made = create_twin(new.h5["/"], "x", readers[0].facts)
            assembly = Assembly(handle, made)
            for number, (reader, (_, start, stop)) in enumerate(
                zip(readers, stretches, strict=True)
            ):
                assembly.append(reader, start, stop, last=number == len(stretches) - 1)
            assembly.finish()
            reading.release()
            handle.release()
        with rh5.File(tmp_path / "new.h5", verify="always") as new:
            return new["x"][:], chunk_bytes(new["x"].h5), (assembly.copied, assembly.coded)

    return run


@pytest.fixture
def source(tmp_path):
    rng = np.random.default_rng(0)
    with rh5.File(tmp_path / "old.h5", "w") as file:
        for name, rows in (("a", 40), ("b", 35)):
            values = rng.integers(0, 9, (rows, 3)).astype("i4")
            file.create_array(name, data=values, chunks=(10, 2))
    return tmp_path / "old.h5"


@pytest.mark.parametrize("codec", CODECS)
def test_a_twin_has_the_same_filters(tmp_path, codec):
    with rh5.File(tmp_path / "a.h5", "w", codec=CODECS[codec]) as file:
        file.create_array("x", data=np.arange(200.0), chunks=(50,))
    with h5py.File(tmp_path / "a.h5") as old, h5py.File(tmp_path / "b.h5", "w") as new:
        like = Facts(old["x"])
        twin = create_twin(new["/"], "twin", like)
        assert twin.pipeline == like.pipeline
        assert same_chunks(twin, like)
        keywords = codec_like(like.pipeline).keywords()
        other = new.create_dataset("y", shape=(200,), dtype="f8", chunks=(50,), **keywords)
        assert Facts(other).pipeline == like.pipeline


def test_what_lines_up_is_copied(source, assemble):
    values, chunks, counts = assemble(source, [("a", 0, 40), ("b", 0, 35)])
    with h5py.File(source) as old:
        assert (values == np.concatenate([old["a"], old["b"]])).all()
        assert {at: chunks[at] for at in chunk_bytes(old["a"])} == chunk_bytes(old["a"])
        later = {(at[0] + 40, at[1]): chunk for at, chunk in chunk_bytes(old["b"]).items()}
        assert {at: chunks[at] for at in later} == later
    assert counts == (75, 0)


@pytest.mark.parametrize(
    ("stretches", "counts"),
    [
        ([("a", 0, 25)], (20, 5)),
        ([("a", 10, 40)], (30, 0)),
        ([("a", 3, 40)], (0, 37)),
        ([("a", 0, 25), ("b", 5, 35)], (20 + 25, 5 + 5)),
        ([("b", 0, 35), ("a", 0, 40)], (30, 5 + 40)),
        ([("a", 0, 0), ("b", 30, 35)], (5, 0)),
        ([("a", 7, 7)], (0, 0)),
    ],
)
def test_what_does_not_is_coded(source, assemble, stretches, counts):
    values, _, found = assemble(source, stretches)
    with h5py.File(source) as old:
        wanted = [old[name][start:stop] for name, start, stop in stretches]
        assert (values == np.concatenate(wanted)).all()
    assert found == counts


def test_masks_and_chunks_that_are_not_there(tmp_path, assemble):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        made = file.create_dataset(
            "x",
            shape=(40,),
            chunks=(10,),
            dtype="u1",
            compression="gzip",
            fillvalue=7,
            maxshape=(None,),
        )
        made.id.write_direct_chunk((10,), bytes(range(10)), 1)
    values, chunks, counts = assemble(tmp_path / "a.h5", [("x", 0, 40)])
    assert values.tolist() == [7] * 10 + list(range(10)) + [7] * 20
    assert chunks == {(10,): (1, bytes(range(10)))}
    assert counts == (40, 0)


def test_checksums_go_along(source, assemble, tmp_path):
    assemble(source, [("a", 0, 40), ("b", 0, 35)])
    with h5py.File(tmp_path / "new.h5") as new:
        assert np.count_nonzero(new["__raggedh5__/checksums/x"]) == 16
    flip_byte(tmp_path / "new.h5", "x", 3)
    with rh5.File(tmp_path / "new.h5") as new, pytest.raises(FormatError, match="checksum"):
        new["x"].read()


def test_what_nobody_vouched_for_gets_none(tmp_path, assemble):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("x", data=np.arange(40), chunks=(10,), maxshape=(None,))
    assemble(tmp_path / "a.h5", [("x", 0, 40)])
    with h5py.File(tmp_path / "new.h5") as new:
        assert "__raggedh5__" not in new


@pytest.mark.parametrize("stretch", [("a", 0, 40), ("a", 1, 40)])
def test_damage_is_found(source, assemble, stretch):
    flip_byte(source, "a", 3)
    with pytest.raises(FormatError, match="a: chunk 3"):
        assemble(source, [stretch])


def test_more_than_there_is(source, assemble):
    with pytest.raises(FormatError, match="there are 40"):
        assemble(source, [("a", 0, 41)])
