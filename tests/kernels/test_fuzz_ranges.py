"""Whatever ranges of chunks are asked for: the bytes that they hold, or our error; see fuzzing."""

import os

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fuzzing import anything, inners, outcome
from raggedh5.core.blocks import BlockReader
from raggedh5.core.chunk_codecs import chunk_codec
from raggedh5.store.filters import load_libraries

NBYTES = 4096


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
        assert found[0][1] in (0, 1, 3)  # an address may be the right one


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
