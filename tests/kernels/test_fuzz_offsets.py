"""Whatever offsets, lengths, codes and ranges are given: the reference's result, or our error.

The kernels trust their callers in core, so these are what is called here, and the reader of tables.
`.ci/sanitize` runs this under AddressSanitizer: nothing may be touched out of bounds, either.
"""

import os
from itertools import pairwise

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import raggedh5 as rh5
import reference
from kinds import ragged_kinds
from raggedh5.core.blocks import BlockReader
from raggedh5.core.chunk_codecs import chunk_codec
from raggedh5.core.dictionary import Dictionary
from raggedh5.core.kept import check_offsets, kept_from_lengths
from raggedh5.core.packing import pack, pack_into
from raggedh5.core.scattering import gather, scatter, scatter_into
from raggedh5.core.string_decode import decode, decode_array, take, take_array
from raggedh5.core.strings import encode
from raggedh5.store.filters import load_libraries

EDGES = [-1, 1, 2**31, 2**32 + 1, 2**62, 2**63 - 1, 2**63 - 8, -(2**62), -(2**63), -(2**63) + 1]
LARGEST = 9
NBYTES = 4096

small = st.integers(0, LARGEST)
anything = small | st.integers(-3, LARGEST + 3) | st.sampled_from(EDGES)


@st.composite
def offsets(draw, n):
    """Offsets for `n` values: right ones, those with one number changed, or any numbers."""
    right = [0, *sorted(draw(st.lists(st.integers(0, n), max_size=6)))]
    kind = draw(st.sampled_from(["right", "changed", "any"]))
    if kind == "changed":
        right[draw(st.integers(0, len(right) - 1))] = draw(anything)
    return draw(st.lists(anything, max_size=7)) if kind == "any" else right


@st.composite
def laid_out(draw, numbers):
    """These numbers as int64, anyhow in memory, and whether that is an array as documented."""
    array = np.array(numbers, np.int64)
    kind = draw(
        st.sampled_from(["plain"] * 4 + ["back", "gaps", "odd", "frozen", "swapped", "i4", "2-D"])
    )
    if kind == "back":
        array = array[::-1].copy()[::-1]
    elif kind == "gaps":
        array = np.repeat(array, 3)[::3]
    elif kind == "odd":  # not aligned
        room = np.zeros(array.nbytes + 1, np.uint8)
        room[1:] = array.view(np.uint8)
        array = room[1:].view(np.int64)
    elif kind == "frozen":
        array.flags.writeable = False
    elif kind == "swapped":
        array = array.astype(">i8")
    elif kind == "i4":
        array = array.astype("i4")
    elif kind == "2-D":
        array = array[:, None]
    return array, kind not in ("swapped", "i4", "2-D")


def values_of(n, dtype="i4", inner=()):
    shape = (n, *inner)
    return np.arange(n * int(np.prod(inner, dtype=int))).reshape(shape).astype(dtype)


def outcome(call, right, documented=True):
    """Return what a call returns, None if it raises; it has to raise just where that is right."""
    try:
        found = call()
    except rh5.RaggedH5Error:
        assert not (right and documented)
        return None
    assert right or not documented
    return (found,) if right else None


def followed(numbers, n):
    """Whether these offsets can be followed into `n` values."""
    return bool(numbers) and reference.first_bad_offset(numbers, n) == -1


def fuzz_check(data):
    n = data.draw(small | st.just(2**63 - 1))
    numbers = data.draw(offsets(min(n, LARGEST)))
    array, documented = data.draw(laid_out(numbers))
    outcome(lambda: check_offsets(array, n), followed(numbers, n), documented)


def fuzz_scatter(data):
    n = data.draw(small)
    values = values_of(n, data.draw(st.sampled_from(["i1", "f4", "c16", "S3"])), data.draw(inners))
    numbers = data.draw(offsets(n))
    array, documented = data.draw(laid_out(numbers))
    fill = b"" if values.dtype.kind == "S" else 7
    width = data.draw(st.none() | st.integers(-1, LARGEST))
    rows = data.draw(st.none() | st.lists(st.integers(-2, 6), max_size=5))
    right = followed(numbers, n)
    if right:
        ranges = list(pairwise(numbers))
        there = all(-len(ranges) <= row < len(ranges) for row in rows or ())
        picked = [ranges[row] for row in rows] if there and rows is not None else ranges
        room = max((b - a for a, b in picked), default=0) if width is None else width
        right = room >= 0 and all(b - a <= room for a, b in picked)
        if not there:
            with pytest.raises((IndexError, rh5.RaggedH5Error)):
                scatter(values, array, rows, width, fill)
            return
    elif rows:
        rows = None
    found = outcome(lambda: scatter(values, array, rows, width, fill), right, documented)
    if found:
        padded, mask = found[0]
        assert mask.shape == (len(picked), room)
        for line, keep, (start, stop) in zip(padded, mask, picked, strict=True):
            assert line[: stop - start].tobytes() == values[start:stop].tobytes()
            assert (line[stop - start :] == fill).all()
            assert keep.tolist() == [k < stop - start for k in range(room)]


inners = st.sampled_from([(), (), (3,), (2, 2), (0,)])


def fuzz_scatter_into(data):
    n = data.draw(small)
    values = values_of(n)
    starts, lengths = data.draw(st.lists(anything, max_size=4)), data.draw(st.lists(small))
    if data.draw(st.booleans()):
        lengths = lengths[: len(starts)] + [1] * (len(starts) - len(lengths))
    if data.draw(st.booleans()):
        starts = [start % (n + 1) for start in starts]
        lengths = [min(length, n) for length in lengths]
    first, fine = data.draw(laid_out(starts))
    second, fine_too = data.draw(laid_out(lengths))
    width = data.draw(small)
    rows = len(starts)
    out = np.full((rows, width), -1, "i4")
    mask = np.ones((rows, width), np.bool_)
    flaw = data.draw(st.sampled_from(["none"] * 4 + ["rows", "dtype", "frozen", "order", "mask"]))
    if flaw == "rows":
        out = np.full((rows + 1, width), -1, "i4")
    elif flaw == "dtype":
        out = out.astype("i8")
    elif flaw == "frozen":
        out.flags.writeable = False
    elif flaw == "order":
        out = np.full((rows, 2 * width + 2), -1, "i4")[:, ::2][:, :width]
    elif flaw == "mask":
        mask = mask.astype("u1")
    flat = flaw in ("none",) or (flaw == "order" and out.flags.c_contiguous)
    within = all(0 <= a <= n and 0 <= k <= n - a for a, k in zip(starts, lengths, strict=False))
    right = flat and rows == len(lengths) and within and max(lengths, default=0) <= width
    before = out.copy()
    call = lambda: scatter_into(values, first, second, out, mask, 7)  # noqa: E731
    if outcome(call, right, fine and fine_too):
        want, keep = reference.scatter_rows(values.tolist(), starts, lengths, width, 7)
        assert out.tolist() == want
        assert mask.tolist() == keep
    elif flaw == "frozen":
        assert np.array_equal(out, before)


def fuzz_gather(data):
    n = data.draw(small)
    values = values_of(n, data.draw(st.sampled_from(["i1", "f4", "O"])), data.draw(inners))
    starts, stops = data.draw(st.lists(anything, max_size=4)), data.draw(st.lists(anything))
    if data.draw(st.booleans()):
        starts = [start % (n + 1) for start in starts]
        stops = [min(n, start + 2) for start in starts]
    if data.draw(st.booleans()):
        stops = (stops + starts)[: len(starts)]
    first, fine = data.draw(laid_out(starts))
    last, fine_too = data.draw(laid_out(stops))
    right = len(starts) == len(stops)
    right = right and all(0 <= a <= b <= n for a, b in zip(starts, stops, strict=True))
    found = outcome(lambda: gather(values, first, last), right, fine and fine_too)
    if found and fine and fine_too:
        lengths = [b - a for a, b in zip(starts, stops, strict=True)]
        want = reference.gather_rows(values.tolist(), starts, lengths)
        assert found[0][0].tolist() == want
        assert found[0][1].tolist() == np.cumsum([0, *lengths]).tolist()


def fuzz_decode(data):
    text = data.draw(st.text("aé€😀", max_size=4)).encode()
    content = data.draw(st.sampled_from([text, b"\xff\x80abc", b"", b"a\0b"]))
    numbers = data.draw(offsets(len(content)))
    array, documented = data.draw(laid_out(numbers))
    raw = np.frombuffer(content, np.uint8)
    if data.draw(st.booleans()):
        raw = np.repeat(raw, 2)[::2]
    want = None
    if followed(numbers, len(content)):
        try:
            want = [content[a:b].decode() for a, b in pairwise(numbers)]
        except UnicodeDecodeError:
            want = None
    for read in (decode, decode_array):
        found = outcome(lambda read=read: list(read(raw, array)), want is not None, documented)
        assert found is None or found == (want,)
    distinct = want is not None and len(set(want)) == len(want)
    made = outcome(lambda: Dictionary.from_bytes(raw, array), distinct, documented)
    assert made is None or made[0].categories == want


def fuzz_codes(data):
    categories = [f"c{i}" for i in range(data.draw(small))]
    codes = data.draw(st.lists(anything, max_size=6))
    if data.draw(st.booleans()):
        codes = [code % (len(categories) or 1) for code in codes]
    array, _ = data.draw(laid_out(codes))
    if data.draw(st.booleans()) and array.ndim == 1:
        array = array.astype(data.draw(st.sampled_from(["u8", "i4", "u2", "f8", "?"])))
    nullable = data.draw(st.booleans())
    said = array.ravel().tolist()
    right = array.ndim == 1 and array.dtype.kind in "iu"
    right = right and all(-int(nullable) <= code < len(categories) for code in said)
    strings = np.array(categories, np.dtypes.StringDType())
    for found in (
        outcome(lambda: take(categories, array, nullable=nullable), right),
        outcome(lambda: take_array(strings, array, nullable=nullable).tolist(), right),
        outcome(lambda: take_array(strings[::-1], array, nullable=nullable)[::-1].tolist(), right),
    ):
        assert found is None or len(found[0]) == len(said)
    if right:
        want = [None if code < 0 else categories[code] for code in said]
        assert take(categories, array, nullable=nullable) == want
        assert take_array(strings, array, nullable=nullable).tolist() == want


def fuzz_ragged(data):
    n = data.draw(small)
    values = values_of(n, inner=data.draw(inners))
    numbers = data.draw(offsets(n))
    array, _ = data.draw(laid_out(numbers))
    right = array.ndim == 1 and followed(array.tolist(), n)
    found = outcome(lambda: rh5.Ragged(values, array), right)
    if not found:
        return
    rows = [values[a:b].tolist() for a, b in pairwise(numbers)]
    ragged = found[0]
    assert ragged.to_list() == rows
    assert [row.tolist() for row in ragged] == rows
    picks = data.draw(st.lists(st.integers(0, len(rows) - 1), max_size=5)) if rows else []
    assert ragged[picks].to_list() == [rows[i] for i in picks]
    assert ragged[1:].to_list() == rows[1:]
    padded, mask = ragged.to_padded()
    assert rh5.Ragged.from_padded(padded, mask=mask).to_list() == rows
    outer = data.draw(offsets(len(rows)))
    nested = outcome(lambda: rh5.Ragged(ragged, outer), followed(outer, len(rows)))
    if nested:
        assert nested[0].to_list() == [rows[a:b] for a, b in pairwise(outer)]
        nested[0].to_padded()
        assert nested[0][::-1].to_list() == [rows[a:b] for a, b in pairwise(outer)][::-1]


def fuzz_lengths(data):
    lengths = data.draw(st.lists(anything, max_size=5))
    if data.draw(st.booleans()):
        lengths = [length % 4 for length in lengths]
    array, _ = data.draw(laid_out(lengths))
    said = array.tolist()
    width = data.draw(st.integers(0, 4))
    rows = data.draw(st.just(len(lengths)) | small)
    padded = np.arange(rows * width).reshape(rows, width)
    fits = array.ndim == 1 or array.size == 0
    right = array.ndim == 1 and reference.offsets_from_lengths(said, width)[1] == -1
    right = right and rows == len(said)
    want = (
        [item for row, k in zip(padded.tolist(), said, strict=False) for item in row[:k]]
        if right
        else None
    )
    found = outcome(lambda: pack(padded, lengths=array), right)
    assert found is None or found[0][0].tolist() == want
    words = [[f"w{item}" for item in row] for row in padded.tolist()]
    if rows and width and fits:
        wide = np.array(words)
        for strings in (words, wide, wide.astype(object), wide[:, ::-1][:, ::-1]):
            coded = outcome(lambda strings=strings: encode(strings, lengths=array), right)
            if coded:
                assert decode(*coded[0]) == [f"w{item}" for item in want]
    sizes = data.draw(st.lists(small, max_size=3))
    open_right = array.ndim == 1 and reference.offsets_from_lengths(said, 2**63 - 1)[1] == -1
    kept = outcome(lambda: kept_from_lengths(array), open_right)
    if kept:
        pieces = tuple(np.full(size, -1) for size in sizes)
        right = rows == len(said) and max(said, default=0) <= width and sum(sizes) == sum(said)
        outcome(lambda: pack_into(kept[0], padded, pieces), right)


@pytest.fixture(scope="module")
def frames(tmp_path_factory):
    """A file of three Blosc frames: their values, where they lie, and its descriptor."""
    load_libraries()
    codec = chunk_codec(((32001, (2, 2, 4, NBYTES, 5, 1, 1)),), NBYTES, 4, 512)
    path = tmp_path_factory.mktemp("frames") / "chunks"
    rng = np.random.default_rng(5)
    chunks, address, stored, content = [], [], [], b"before"
    for top in (3, 900, 2**31 - 1):  # the last one does not shrink
        values = rng.integers(0, top, NBYTES // 4, np.int32)
        frame = np.zeros(codec.room(), np.uint8)
        size = codec.encode(values.view(np.uint8), frame)
        chunks.append(values)
        address.append(len(content))
        stored.append(size)
        content += frame[:size].tobytes()
    path.write_bytes(content)
    descriptor = os.open(path, os.O_RDONLY)
    yield codec, chunks, np.array(address), np.array(stored), descriptor
    os.close(descriptor)


far = st.integers(0, NBYTES // 4) | anything


def fuzz_blocks(data, frames):
    _, chunks, address, stored, descriptor = frames
    reader = BlockReader(NBYTES, address, stored, np.zeros(3, "u4"), cache_bytes=2048)
    known = data.draw(st.lists(st.integers(0, 2), min_size=1, max_size=3))
    assert all(reader.learn(descriptor, number) for number in known)
    ranges = []
    for _ in range(data.draw(st.integers(0, 5))):
        if data.draw(st.booleans()):
            a, b = sorted(data.draw(st.tuples(*[st.integers(0, NBYTES // 4)] * 2)))
            ranges.append((data.draw(st.sampled_from(known)), a, b, data.draw(st.integers(0, 9))))
        else:
            ranges.append(data.draw(st.tuples(anything, far, far, far)))
    out = np.full(NBYTES // 2, -1, np.int32)
    columns = [np.array(column, np.int64) for column in zip(*ranges, strict=True)] or [
        np.empty(0, np.int64)
    ] * 4
    right = all(
        c in known and 0 <= a <= b <= NBYTES // 4 and 0 <= at <= len(out) - (b - a)
        for c, a, b, at in ranges
    )
    if data.draw(st.integers(0, 9)) == 0 and ranges:
        columns[data.draw(st.integers(0, 3))] = np.zeros(len(ranges) - 1, np.int64)
        right = False
    found = outcome(lambda: reader.read(descriptor, *columns, 4, out), right)
    if found:
        assert found == (None,)
        want = np.full(NBYTES // 2, -1, np.int32)
        for c, a, b, at in ranges:
            want[at : at + b - a] = chunks[c][a:b]
        assert np.array_equal(out, want) or any(
            a[3] < b[3] + b[2] - b[1] and b[3] < a[3] + a[2] - a[1]
            for i, a in enumerate(ranges)
            for b in ranges[:i]
        )
    start, stop = data.draw(far), data.draw(far)
    length = NBYTES // 4
    inner = data.draw(inners | st.just((NBYTES,)))
    like = np.empty((0, *inner), "i4")
    items = reader.items(descriptor, like, start, stop)
    if items is not None:
        assert items.shape == (stop - start, *inner)
        size = int(np.prod(inner, dtype=int))
        assert start // (length // size) in known
        c, first = divmod(start, length // size)
        part = chunks[c][first * size : (first + stop - start) * size]
        assert items.tobytes() == part.tobytes()


def fuzz_fetch(data, frames):
    codec, chunks, address, stored, descriptor = frames
    numbers = data.draw(st.lists(st.integers(0, 2), min_size=1, max_size=3))
    where, sizes = address[numbers].tolist(), stored[numbers].tolist()
    places = data.draw(st.permutations([NBYTES * i for i in range(len(numbers))]))
    flaw = data.draw(st.sampled_from(["none", "address", "stored", "place", "short", "room"]))
    at = data.draw(st.integers(0, len(numbers) - 1))
    size = NBYTES * len(numbers)
    if flaw == "address":
        where[at] = data.draw(anything)
    elif flaw == "stored":
        sizes[at] = data.draw(anything.filter(lambda n: n < 2**20))
    elif flaw == "place":
        places[at] = data.draw(anything.filter(lambda n: not 0 <= n < 4096) | st.just(size - 1))
    elif flaw == "short":
        places = places[1:]
    elif flaw == "room":
        size -= 1
    out = np.full(size, 7, np.uint8)
    within = len(places) == len(numbers) and all(0 <= p <= size - NBYTES for p in places)
    digest = np.zeros(len(numbers), np.uint64)
    arrays = (np.array(where), np.array(sizes), digest, np.array(places, np.int64))
    found = outcome(lambda: codec.fetch(descriptor, *arrays, out), within and min(sizes) >= 0)
    if found and flaw == "none":
        assert found == ((-1, 0),)
        for number, place in zip(numbers, places, strict=True):
            assert out[place : place + NBYTES].tobytes() == chunks[number].tobytes()
    elif found:
        assert found[0][1] in (1, 3)


FRAMELESS = [
    fuzz_check,
    fuzz_scatter,
    fuzz_scatter_into,
    fuzz_gather,
    fuzz_decode,
    fuzz_codes,
    fuzz_ragged,
    fuzz_lengths,
]


@pytest.mark.parametrize("fuzz", FRAMELESS, ids=lambda fuzz: fuzz.__name__)
@settings(max_examples=60)
@given(data=st.data())
def test_arguments(fuzz, data):
    fuzz(data)


@pytest.mark.slow
@pytest.mark.parametrize("fuzz", FRAMELESS, ids=lambda fuzz: fuzz.__name__)
@settings(max_examples=3000)
@given(data=st.data())
def test_many_arguments(fuzz, data):
    fuzz(data)


shared_file = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


@pytest.mark.parametrize("fuzz", [fuzz_blocks, fuzz_fetch], ids=lambda fuzz: fuzz.__name__)
@settings(max_examples=60, suppress_health_check=shared_file)
@given(data=st.data())
def test_ranges_in_a_file(fuzz, frames, data):
    fuzz(data, frames)


@pytest.mark.slow
@pytest.mark.parametrize("fuzz", [fuzz_blocks, fuzz_fetch], ids=lambda fuzz: fuzz.__name__)
@settings(max_examples=3000, suppress_health_check=shared_file)
@given(data=st.data())
def test_many_ranges_in_a_file(fuzz, frames, data):
    fuzz(data, frames)


WAYS = {
    "all": lambda t: t.read(),
    "slice": lambda t: t[3:9],
    "take": lambda t: t.take([11, 3, 3, 0]),
    "padded": lambda t: t.padded([1, 11]),
    "batches": lambda t: list(t.batches(5)),
    "row": lambda t: t[11],
    "columns": lambda t: [t[name][:] for name in t.columns],
}


def damaged_table(rng, path, codec):
    """Change a few numbers or the extent of some buffers of a table; read it in every way."""
    columns, values = ragged_kinds(rng, rng.integers(0, 5, 12))
    with rh5.File(path, "w", codec=codec, chunk_bytes=256) as file:
        file.create_table("t", columns).append(values)
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


@pytest.mark.parametrize("codec", [rh5.Blosc(), rh5.LZ4(), None], ids=["blosc", "lz4", "none"])
def test_tables_in_a_file(tmp_path, codec):
    for seed in range(12):
        damaged_table(np.random.default_rng(seed), tmp_path / "t.h5", codec)


@pytest.mark.slow
@pytest.mark.parametrize("codec", [rh5.Blosc(), rh5.LZ4(), None], ids=["blosc", "lz4", "none"])
def test_many_tables_in_a_file(tmp_path, codec):
    for seed in range(12, 700):
        damaged_table(np.random.default_rng(seed), tmp_path / "t.h5", codec)
