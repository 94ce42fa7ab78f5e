"""Damaged bytes are reported, never read as data."""

import itertools
import re

import h5py
import numpy as np
import pytest

import raggedh5 as rh5
from kinds import plain, ragged_kinds
from raggedh5.errors import FormatError


def chunk_places(path):
    """Return name, address and size of every stored chunk of the data."""
    places = []
    with h5py.File(path) as file:

        def visit(name, item):
            if isinstance(item, h5py.Dataset) and not name.startswith("__raggedh5__"):
                for i in range(item.id.get_num_chunks()):
                    info = item.id.get_chunk_info(i)
                    places.append((f"/{name}", info.byte_offset, info.size))

        file.visititems(visit)
    return places


def read_everything(path, verify):
    with rh5.File(path, verify=verify, threads=1) as file:
        for table in file.tables().values():
            table.read()
        for array in file.arrays().values():
            array.read()


def read_rows(path, verify):
    with rh5.File(path, verify=verify, threads=1) as file:
        for table in file.tables().values():
            rows = np.arange(len(table))[::-1]
            for _ in range(2):
                table.take(rows)
        for array in file.arrays().values():
            array[np.arange(len(array))[::-1]]


def make(path, codec=rh5.Blosc()):  # noqa: B008
    rng = np.random.default_rng(5)
    columns, data = ragged_kinds(rng, rng.integers(0, 9, 120))
    with rh5.File(path, "w", codec=codec, chunk_bytes=700) as file:
        file.create_table("atoms", columns).append(data)
        file.create_array("image", data=rng.integers(0, 50, (40, 9, 9), "u2"), chunks=(8, 5, 9))
    return data


def flip_bits(path, count, reads, seed):
    rng = np.random.default_rng(seed)
    good = path.read_bytes()
    places = chunk_places(path)
    sizes = np.array([size for _, _, size in places])
    bits = rng.choice(int(sizes.sum()) * 8, count, replace=False)
    ends = np.cumsum(sizes) * 8
    missed = []
    handle = path.open("r+b")
    for i, bit in enumerate(bits.tolist()):
        which = int(np.searchsorted(ends, bit, "right"))
        name, address, size = places[which]
        at = bit - (int(ends[which]) - size * 8)
        where = address + at // 8
        handle.seek(where)
        handle.write(bytes([good[where] ^ 1 << at % 8]))
        handle.flush()
        read, verify = reads[i % len(reads)]
        try:
            read(path, verify)
        except rh5.FormatError as error:
            if f"{name}: chunk " not in str(error) or not re.search(r"rows \d+:\d+", str(error)):
                missed.append((name, at, str(error)))
        else:
            missed.append((name, at, "read as data"))
        handle.seek(where)
        handle.write(good[where : where + 1])
        handle.flush()
    handle.close()
    assert not missed
    assert path.read_bytes() == good
    read_everything(path, "always")


WAYS = list(itertools.product((read_everything, read_rows), ("first", "always")))


@pytest.mark.parametrize("codec", [rh5.Blosc(), None, "gzip"], ids=["blosc", "none", "gzip"])
def test_every_flipped_bit_is_reported(path, codec):
    make(path, codec)
    flip_bits(path, 60, WAYS, 1)


@pytest.mark.slow
def test_ten_thousand_flipped_bits_are_reported(path):
    make(path)
    flip_bits(path, 10_000, WAYS, 2)


def damage(path, name, index=0):
    """Flip one bit in the middle of a chunk."""
    address, size = [(a, s) for n, a, s in chunk_places(path) if n == name][index]
    with path.open("r+b") as file:
        file.seek(address + size // 2)
        byte = file.read(1)[0]
        file.seek(address + size // 2)
        file.write(bytes([byte ^ 4]))


def test_first_looks_once_always_looks_again_and_never_does_not(path):
    values = np.arange(1000)
    rh5.write(path, {"x": values}, codec=None, chunk_bytes=800)
    files = {verify: rh5.File(path, verify=verify) for verify in ("first", "always", "never")}
    for file in files.values():
        assert file["x"][150] == 150
    arrays = {verify: file["x"] for verify, file in files.items()}
    for array in arrays.values():
        array[150]
    damage(path, "/x", 1)
    assert np.count_nonzero(arrays["first"][100:200] != values[100:200]) == 1
    assert np.count_nonzero(arrays["never"][100:200] != values[100:200]) == 1
    with pytest.raises(rh5.FormatError, match=r"/x: chunk 1 \(rows 100:200"):
        arrays["always"][100:200]
    assert arrays["always"][:100].tolist() == values[:100].tolist()
    for file in files.values():
        file.close()


def test_never_still_refuses_what_does_not_decode(path):
    rh5.write(path, {"x": np.zeros(5000)}, chunk_bytes=8000)
    name, address, _ = chunk_places(path)[0]
    with path.open("r+b") as file:
        file.seek(address + 4)
        file.write(b"\xff\xff\xff\x7f")
    with rh5.File(path, verify="never") as file, pytest.raises(rh5.FormatError, match=name):
        file["x"][:]


def test_a_chunk_that_is_gone_is_reported(path):
    rh5.write(path, {"x": np.arange(1000)}, chunk_bytes=800)
    with h5py.File(path, "r+") as file:
        # Shrinking and growing again drops the chunks, which then read as zeros.
        file["x"].resize((500,))
        file["x"].resize((1000,))
        assert file["x"][700] == 0
    with rh5.File(path) as file:
        assert file["x"][300] == 300
        for part in (slice(None), 700, [700]):
            with pytest.raises(rh5.FormatError, match=r"/x: chunk [57] "):
                file["x"][part]


@pytest.mark.parametrize("change", ["dtype", "chunks", "filters", "inner"])
def test_changed_metadata_is_reported(path, change):
    rh5.write(path, {"x": np.zeros((100, 4), "i4"), "y": [1]}, chunk_bytes=800)
    with h5py.File(path, "r+") as file:
        old = file["x"]
        properties = old.id.get_create_plist()
        kind, shape, chunks = old.dtype, old.shape, old.chunks
        if change == "dtype":
            kind = "u4"
        if change == "chunks":
            chunks = (25, 4)
        if change == "inner":
            shape, chunks = (100, 5), (chunks[0], 5)
        options = {} if change == "filters" else rh5.Blosc().keywords()
        new = file.create_dataset("new", shape, kind, chunks=chunks, **options)
        if change in ("dtype", "filters"):
            for i in range(old.id.get_num_chunks()):
                place = old.id.get_chunk_info(i).chunk_offset
                _, stored = old.id.read_direct_chunk(place)
                new.id.write_direct_chunk(place, stored)
        assert properties.get_nfilters() == 1
        del file["x"]
        file.move("new", "x")
    with rh5.File(path) as file:
        with pytest.raises(rh5.FormatError, match="/x: the metadata does not match"):
            file["x"][:]
        assert file["y"][:].tolist() == [1]


def test_checksums_are_those_of_the_stored_bytes(path):
    """The format says XXH3 with 64 bits of the bytes in the file, in the order of the grid."""
    import xxhash

    make(path)
    checked = 0
    with h5py.File(path) as file:
        for name in ("atoms/coords-data", "image", "atoms/atoms-offsets", "atoms/symbol-index"):
            sums = file[f"__raggedh5__/checksums/{name}"]
            dataset = file[name]
            grid = [-(-n // c) for n, c in zip(dataset.shape, dataset.chunks, strict=True)]
            assert len(sums) == np.prod(grid)
            for i in range(dataset.id.get_num_chunks()):
                place = dataset.id.get_chunk_info(i).chunk_offset
                at = np.ravel_multi_index(
                    [p // c for p, c in zip(place, dataset.chunks, strict=True)], grid
                )
                _, stored = dataset.id.read_direct_chunk(place)
                assert sums[at] == xxhash.xxh3_64_intdigest(stored)
                checked += 1
        assert file["__raggedh5__"].attrs["checksum"] == "xxh3-64"
    assert checked > 20


def test_files_without_checksums_are_read(path):
    data = make(path)
    with h5py.File(path, "r+") as file:
        del file["__raggedh5__"]
    with rh5.File(path) as file:
        found = file["atoms"].read()
        assert plain(found["coords"]) == plain(data["coords"])


@pytest.mark.parametrize("wrong", ["group", "dtype", "short", "long"])
def test_checksums_that_are_no_list_of_them(path, wrong):
    rh5.write(path, {"x": np.arange(1000)}, chunk_bytes=800)
    with h5py.File(path, "r+") as file:
        sums = file["__raggedh5__/checksums/x"]
        if wrong in ("short", "long"):
            sums.resize((3 if wrong == "short" else 100,))
        else:
            del file["__raggedh5__/checksums/x"]
            if wrong == "group":
                file.create_group("__raggedh5__/checksums/x")
            else:
                file["__raggedh5__/checksums/x"] = np.zeros(10, "f4")
    with rh5.File(path) as file:
        if wrong in ("short", "long"):
            assert file["x"][950] == 950
        else:
            with pytest.raises(rh5.FormatError, match="checksums/x"):
                file["x"][:]


@pytest.mark.parametrize("change", ["version", "kind"])
def test_checksums_of_another_kind_are_left_alone(path, change):
    rh5.write(path, {"x": np.arange(1000), "t": {"y": [[1, 2], [3]]}})
    with h5py.File(path, "r+") as file:
        group = file["__raggedh5__"]
        if change == "version":
            group.attrs["format-version"] = 2
        else:
            group.attrs["checksum"] = "crc128"
        sums = group["checksums/x"]
        sums[...] = 12345
        sums.attrs["fingerprint"] = "of another kind"
        before = sums[:]
    with rh5.File(path) as file:
        assert file["x"][:].tolist() == list(range(1000))
    with rh5.File(path, "a") as file:
        file["x"].append([1000])
    with h5py.File(path) as file:
        assert (file["__raggedh5__/checksums/x"][:] == before).all()
    assert rh5.read(path)["x"].tolist() == list(range(1001))


def test_a_fingerprint_that_cannot_be_read(path, monkeypatch):
    rh5.write(path, {"x": np.arange(1000)})

    def fail(item, name):
        if name == "fingerprint":
            raise RuntimeError("ran off end of input buffer while decoding")
        return

    monkeypatch.setattr("raggedh5.store.chunk_sums.get_text", fail)
    with rh5.File(path) as file, pytest.raises(FormatError, match="fingerprint cannot be read"):
        file["x"][:]
