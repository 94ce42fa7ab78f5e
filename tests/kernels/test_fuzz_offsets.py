"""Whatever offsets, lengths and codes are given: the reference's result, or our error.

The kernels trust their callers in core, so these are what is called here; the ranges of chunks are
in `test_fuzz_ranges.py`, and tables in `tests/store/test_fuzz_tables.py`. `.ci/sanitize` runs this
under AddressSanitizer: nothing may be touched out of bounds, either.
"""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import raggedh5 as rh5
import reference
from fuzzing import LARGEST, anything, followed, inners, laid_out, offsets, outcome, small
from raggedh5.core.dictionary import Dictionary
from raggedh5.core.kept import check_offsets, kept_from_lengths
from raggedh5.core.packing import pack, pack_into
from raggedh5.core.scattering import gather, scatter, scatter_into
from raggedh5.core.string_decode import decode, decode_array, take, take_array
from raggedh5.core.strings import encode


def values_of(n, dtype="i4", inner=()):
    shape = (n, *inner)
    return np.arange(n * int(np.prod(inner, dtype=int))).reshape(shape).astype(dtype)


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


CALLS = [
    fuzz_check,
    fuzz_scatter,
    fuzz_scatter_into,
    fuzz_gather,
    fuzz_decode,
    fuzz_codes,
    fuzz_ragged,
    fuzz_lengths,
]


@pytest.mark.parametrize("fuzz", CALLS, ids=lambda fuzz: fuzz.__name__)
@settings(max_examples=60)
@given(data=st.data())
def test_arguments(fuzz, data):
    fuzz(data)


@pytest.mark.slow
@pytest.mark.parametrize("fuzz", CALLS, ids=lambda fuzz: fuzz.__name__)
@settings(max_examples=3000)
@given(data=st.data())
def test_many_arguments(fuzz, data):
    fuzz(data)
