import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import reference_strings as reference
from raggedh5.kernels.string_decode import (
    first_not_utf8,
    pick_array,
    pick_list,
    to_array,
    to_list,
)
from raggedh5.kernels.string_sink import Sink, Table
from raggedh5.kernels.strings import ItemError, put_array, put_lists

STRINGS = np.dtypes.StringDType()

# All widths in UTF-8 and in str, the ends of each range, and lengths around the 8-byte steps.
CHARACTERS = "\0aZ\x7f\x80\xe9\xff\u0100\u07ff\u0800\ud7ff\ue000\uffff\U00010000\U0010ffff"
texts = st.one_of(
    st.text(max_size=12),
    st.text(st.sampled_from(CHARACTERS), max_size=20),
    st.text("CHNOclr", max_size=3),
    st.text("ab", min_size=7, max_size=18),
)
without_end_nuls = texts.map(lambda text: text.rstrip("\0"))
shapes = hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=6)
few = settings(max_examples=60, deadline=None)


def put_bytes(put, source, items, offsets=None, mask=None, cells=None, nullable=False):
    ends = np.full(items + 1, -1, np.int64)
    valid = np.ones(items, np.uint8)
    sink = Sink.of_bytes(ends, valid if nullable else None, 1)
    put(sink, source, offsets, mask, cells)
    assert sink.filled == items
    return sink.take_bytes().tobytes(), ends.tolist(), valid.astype(bool).tolist()


@st.composite
def padded(draw, items):
    """A padded batch as a list of lists, with a mask, both in rows that are all as long."""
    rows, width = draw(shapes)
    batch = draw(
        st.lists(st.lists(items, min_size=width, max_size=width), min_size=rows, max_size=rows)
    )
    return batch, draw(hnp.arrays(np.bool_, (rows, width)))


def strided(array, step):
    """The same array with gaps between items and rows, or backwards."""
    rows, width = array.shape
    roomy = np.zeros((2 * rows, 3 * width), array.dtype)
    view = roomy[::2, ::3] if step > 0 else roomy[::-2, ::-3]
    view[...] = array
    return view


@few
@given(padded(st.one_of(texts, st.none(), texts.map(str.encode))))
def test_lists(batch):
    rows, mask = batch
    items, _ = reference.kept_items(rows, mask)
    got = put_bytes(put_lists, rows, len(items), mask=mask.view("u1"), nullable=True)
    assert got == reference.encode_items(items)


@few
@given(st.lists(st.lists(texts, max_size=5).map(tuple), max_size=5), st.randoms())
def test_lists_by_offsets_and_cells(rows, random):
    cells = [random.randrange(len(rows)) for _ in rows]
    lengths = [random.randint(0, len(rows[cell])) for cell in cells]
    offsets = np.cumsum([0, *lengths])
    items = [item for cell, n in zip(cells, lengths, strict=True) for item in rows[cell][:n]]
    got = put_bytes(put_lists, rows, len(items), offsets=offsets, cells=np.array(cells, np.int64))
    assert got[:2] == reference.encode_items(items)[:2]
    items = [item for row in rows for item in row]
    assert put_bytes(put_lists, rows, len(items))[:2] == reference.encode_items(items)[:2]


@pytest.mark.parametrize("dtype", ["U", "S", "O", STRINGS], ids=["U", "S", "O", "T"])
@pytest.mark.parametrize("step", [1, -1])
@few
@given(padded(without_end_nuls))
def test_arrays(dtype, step, batch):
    rows, mask = batch
    items, _ = reference.kept_items(rows, mask)
    source = [[item.encode() for item in row] for row in rows] if dtype == "S" else rows
    array = strided(np.array(source, dtype), step)
    mask = strided(mask, -step)
    got = put_bytes(put_array, array, len(items), mask=mask.view("u1"))
    assert got[:2] == reference.encode_items(items)[:2]
    cells = np.arange(len(rows))[::-1].copy()
    items, _ = reference.kept_items(rows[::-1], mask[::-1])
    got = put_bytes(put_array, array, len(items), mask=mask.view("u1"), cells=cells)
    assert got[:2] == reference.encode_items(items)[:2]


@few
@given(padded(without_end_nuls), st.randoms())
def test_array_by_lengths(batch, random):
    rows, _ = batch
    lengths = [random.randint(0, len(row)) for row in rows]
    items, _ = reference.kept_items(rows, lengths=lengths)
    offsets = np.cumsum([0, *lengths])
    got = put_bytes(put_array, np.array(rows, "U"), len(items), offsets=offsets)
    assert got[:2] == reference.encode_items(items)[:2]


@few
@given(padded(st.one_of(texts, st.none())))
def test_null_strings(batch):
    rows, mask = batch
    items, _ = reference.kept_items(rows, mask)
    for dtype in (np.dtypes.StringDType(na_object=None), np.dtype("O")):
        array = np.array(rows, dtype)
        got = put_bytes(put_array, array, len(items), mask=mask.view("u1"), nullable=True)
        assert got == reference.encode_items(items)


def test_every_code_point():
    points = np.r_[1:0xD800, 0xE000:0x110000].astype("u4")
    array = points.view("U1").reshape(1, -1)
    data, offsets, _ = put_bytes(put_array, array, len(points))
    expected = "".join(map(chr, points)).encode()
    assert data == expected
    assert to_list(np.frombuffer(data, "u1"), np.array(offsets)) == list(map(chr, points))
    texts = list(map(chr, points))
    assert put_bytes(put_lists, [texts], len(points))[0] == expected


@pytest.mark.parametrize("point", [0xD800, 0xDBFF, 0xDC00, 0xDFFF, 0x110000, 2**31, 2**32 - 1])
def test_no_code_point(point):
    array = np.full((2, 3), "ok")
    array.view("u4").reshape(2, 3, 2)[1, 2, 1] = point
    with pytest.raises(ItemError) as error:
        put_bytes(put_array, array, 6)
    assert (error.value.row, error.value.item, error.value.kind) == (1, 2, "unicode")


def test_null_pointers_of_object_arrays_are_none():
    empty = np.empty((1, 3), object)
    assert put_bytes(put_array, empty, 3, nullable=True) == (b"", [0, 0, 0, 0], [False] * 3)


@pytest.mark.parametrize(
    ("item", "kind"),
    [(None, "null"), (1, "type"), (b"\xff", "utf8"), ("a\ud800", "unicode"), (["C"], "type")],
)
def test_bad_objects(item, kind):
    with pytest.raises(ItemError) as error:
        put_bytes(put_lists, [["C"], [], ["C", item, item]], 4)
    assert (error.value.row, error.value.item, error.value.kind) == (2, 1, kind)


def test_more_items_than_counted():
    array = np.full((1, 3), "C")
    for put, source in [(put_lists, [["C"] * 3]), (put_array, array), (put_lists, [5])]:
        with pytest.raises(ItemError) as error:
            put_bytes(put, source, 2)
        assert error.value.kind == "changed"
        with pytest.raises(ItemError):
            put(Sink.of_codes(Table(1, 9), [np.zeros(2, "i4")], True), source, None, None, None)


def test_str_subclass_and_large_strings():
    class Text(str):
        __slots__ = ()

    large = "é" * 70_000
    items = [Text("abc"), np.str_("é"), np.bytes_(b"x"), large, large * 3, ""]
    assert put_bytes(put_lists, [items], 6)[:2] == reference.encode_items(items)[:2]


# Decoding

bad_bytes = st.lists(st.sampled_from(b"a\x7f\x80\x8f\x90\x9f\xa0\xbf\xc0\xc1\xc2\xdf\xe0\xed\xef"
                                     b"\xf0\xf4\xf5\xff"), max_size=5).map(bytes)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.lists(st.one_of(bad_bytes, st.binary(max_size=10), texts.map(str.encode)), max_size=4))
def test_validation(items):
    data = np.frombuffer(b"".join(items), "u1")
    offsets = np.cumsum([0, *map(len, items)])
    bad = reference.first_not_utf8(data, offsets)
    assert first_not_utf8(data, offsets) == bad
    if bad < 0:
        assert to_list(data, offsets) == reference.decode_items(data, offsets)
    else:
        with pytest.raises(UnicodeDecodeError):
            to_list(data, offsets)


def is_utf8(item):
    return reference.first_not_utf8(item, [0, len(item)]) < 0


def test_validation_of_every_pair_and_of_every_boundary():
    lasts = [b"", b"\x7f", b"\x80", b"\xbf", b"\xc0", b"\x80\x80", b"\xbf\xbf", b"\x80\xc0"]
    for pair in range(0x8000, 0x10000):
        for last in lasts:
            item = pair.to_bytes(2) + last
            data = np.frombuffer(item, "u1")
            assert (first_not_utf8(data, np.array([0, len(item)])) < 0) == is_utf8(item)


@few
@given(st.lists(texts, max_size=8), st.randoms())
def test_decoding(items, random):
    data, offsets, _ = reference.encode_items(items)
    data, offsets = np.frombuffer(data, "u1"), np.array(offsets)
    assert to_list(data, offsets) == items
    array = np.empty(len(items), STRINGS)
    to_array(array, data, offsets)
    assert array.tolist() == items
    codes = np.array([random.randrange(-1, len(items)) for _ in range(9)], np.int64)
    expected = [None if code < 0 else items[code] for code in codes]
    assert pick_list(items, codes) == expected
    picked = np.empty(len(codes), np.dtypes.StringDType(na_object=None))
    pick_array(picked, array, codes)
    assert picked.tolist() == expected
    pick_array(picked[::-1].copy(), array[::-1], codes)


def test_references_are_counted():
    items = ["one string", "another string"]
    before = [sys.getrefcount(item) for item in items]
    picked = pick_list(items, np.array([0, 1, 1, -1]))
    assert [sys.getrefcount(item) for item in items] == [before[0] + 1, before[1] + 2]
    del picked
    assert [sys.getrefcount(item) for item in items] == before


def test_a_long_string_decodes_in_stringdtype():
    data = np.full(5000, ord("x"), "u1")
    array = np.empty(3, STRINGS)
    to_array(array, data, np.array([0, 300, 300, 5000]))
    assert [len(text) for text in array] == [300, 0, 4700]


# The table of distinct strings

batches = st.lists(
    st.tuples(st.lists(st.one_of(texts, st.none()), max_size=30), st.booleans()), max_size=6
)


@few
@given(batches, st.sampled_from([0, 1, 2**63 + 5]))
def test_table(batches, seed):
    table, known = Table(seed, 2**31 - 1), []
    for items, undo in batches:
        mark = len(known)
        codes = np.full(len(items) + 1, 99, np.int32)
        half = len(items) // 2
        pieces = [codes[:half], codes[:0], codes[half : len(items)]]
        put_lists(Sink.of_codes(table, pieces, True), [items], None, None, None)
        expected = reference.encode_codes(known, items)
        assert codes.tolist() == [*expected, 99]
        if undo:
            table.rollback(mark)
            del known[mark:]
        data, offsets, _ = reference.encode_items(known)
        got = table.copy_from(0)
        assert len(table) == len(known)
        assert (got[0].tobytes(), got[1].tolist()) == (data, offsets)
    data, offsets = table.copy_from(len(known) // 2)
    assert reference.decode_items(data, offsets) == known[len(known) // 2 :]


@pytest.mark.parametrize("digits", [1, 4, 5, 30])
def test_table_grows(digits):
    items = [f"{i:0{digits}d}" for i in range(20_000)] * 2
    table = Table(7, 2**31 - 1)
    codes = np.empty(len(items), np.int32)
    put_lists(Sink.of_codes(table, [codes], False), [items], None, None, None)
    assert codes.tolist() == [*range(20_000)] * 2
    table.rollback(10_000)
    put_lists(Sink.of_codes(table, [codes], False), [items[::-1]], None, None, None)
    assert codes.tolist() == [i if i < 10_000 else 29_999 - i for i in [*range(19_999, -1, -1)] * 2]


def test_table_is_full():
    table = Table(7, 2)
    with pytest.raises(ItemError) as error:
        put_lists(
            Sink.of_codes(table, [np.empty(4, "i4")], False), [["a", "b", "a", "c"]],
            None, None, None,
        )  # fmt: skip
    assert (error.value.item, error.value.kind) == (3, "full")
    assert len(table) == 2
