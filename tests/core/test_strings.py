import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import reference_strings as reference
from raggedh5.core.kept import kept_from_lengths, kept_from_mask, kept_groups
from raggedh5.core.string_decode import decode, decode_array, take, take_array
from raggedh5.core.string_rows import row_offsets
from raggedh5.core.strings import encode
from raggedh5.errors import FormatError, SchemaError

STRINGS = np.dtypes.StringDType()
ROWS = [["C", "Cl", ""], ["é", "H", "😀"]]
MASK = np.array([[True, False, True], [False, True, True]])
KEPT = ["C", "", "H", "😀"]


def decoded(encoded):
    data, offsets = encoded[:2]
    assert data.dtype == np.uint8
    assert offsets.dtype == np.int64
    assert offsets[0] == 0
    return reference.decode_items(data, offsets)


@pytest.mark.parametrize(
    "strings",
    [
        ["C", "Cl", "é"],
        ("C", "Cl", "é"),
        [["C"], [], ["Cl", "é"]],
        [("C", "Cl"), ["é"]],
        [np.array(["C", "Cl"]), ["é"]],
        [b"C", "Cl", "é"],
        np.array(["C", "Cl", "é"]),
        np.array(["C", "Cl", "é"], ">U5"),
        np.array(["C", "Cl", "é"], object),
        np.array(["C", "Cl", "é"], STRINGS),
        np.array(["C", "Cl", "é".encode()], "S"),
        np.array([["C", "Cl", "é"]]),
        np.array([["C", "Cl"], ["é"]], object),
    ],
)
def test_kinds_of_strings(strings):
    assert decoded(encode(strings)) == ["C", "Cl", "é"]


@pytest.mark.parametrize("empty", [[], (), [[]], [[], []], np.array([]), np.zeros((0, 4), "U2")])
def test_no_strings(empty):
    data, offsets = encode(empty)
    assert (data.shape, offsets.tolist()) == ((0,), [0])


@pytest.mark.parametrize(
    "strings",
    [
        ROWS,
        [["C", ""], ["H", "😀"]],
        [["C", ""], ROWS[1]],
        [ROWS[0], ("H", "😀")],
        [["C", None, ""], [5, "H", "😀"]],
        np.array(ROWS),
        np.array(ROWS, object),
        np.array(ROWS, STRINGS),
        np.asfortranarray(np.array(ROWS)),
    ],
)
def test_kept_by_mask(strings):
    assert decoded(encode(strings, mask=MASK)) == KEPT
    assert decoded(encode(strings, kept=kept_from_mask(MASK))) == KEPT


def test_kept_by_prefix():
    rows = [["C", "x"], ["H", "O"]]
    for strings in (rows, [["C"], ["H", "O"]], np.array(rows), np.array(rows, object)):
        assert decoded(encode(strings, lengths=[1, 2])) == ["C", "H", "O"]
        assert decoded(encode(strings, kept=kept_from_lengths([1, 2]))) == ["C", "H", "O"]
        assert decoded(encode(strings, mask=[[True, False], [True, True]])) == ["C", "H", "O"]
    assert decoded(encode([], lengths=[])) == []
    assert decoded(encode([[], []], mask=np.zeros((2, 5), bool))) == []
    assert decoded(encode([[], []], mask=np.zeros((2, 0), bool))) == []


def test_shorter_list_at_the_places_of_a_mask():
    mask = [[False, True, False, False], [True, False, True, False]]
    assert decoded(encode([["x", "C"], ["H", "x", "O"]], mask=mask)) == ["C", "H", "O"]
    short = [[False, True, False, False], [True, False, False, True]]
    with pytest.raises(SchemaError, match="'sym', row 1: 3 strings, but 2 items are kept"):
        encode([["x", "C"], ["H", "x", "x"]], mask=short, name="sym")


GROUPS = [[["ALA", "x"], ["x", "x"]], [["GLY", "SER"], ["x", "LYS"]]]
GROUP_MASK = np.array([[[1, 0], [0, 0]], [[1, 1], [0, 1]]], bool)


@pytest.mark.parametrize(
    "strings",
    [
        np.array(GROUPS),
        np.array(GROUPS, object),
        np.array(GROUPS)[:, :, ::-1].copy()[:, :, ::-1],
        GROUPS,
        [[["ALA"]], [["GLY", "SER"], ["LYS"]]],
        [[["ALA"], []], [["GLY", "SER"], ["x", "LYS"]]],
    ],
)
def test_groups_in_rows(strings):
    _, inner = kept_groups(GROUP_MASK)
    assert decoded(encode(strings, kept=inner)) == ["ALA", "GLY", "SER", "LYS"]


def test_group_that_is_a_prefix():
    _, inner = kept_groups([[[True, False], [False, False]], [[False, False], [True, True]]])
    for strings in (GROUPS, np.array(GROUPS), [[["ALA"]], [["x", "LYS"]]]):
        assert decoded(encode(strings, kept=inner)) == ["ALA", "x", "LYS"]


def test_nuls():
    assert decoded(encode(["a\0b", "\0", "c\0\0"])) == ["a\0b", "\0", "c\0\0"]
    assert decoded(encode(np.array(["a\0b", "\0", "c\0\0"], STRINGS))) == ["a\0b", "\0", "c\0\0"]
    assert decoded(encode(np.array(["a\0b", "\0", "c\0\0"]))) == ["a\0b", "", "c"]
    assert decoded(encode(np.array([b"a\0b", b"\0"]))) == ["a\0b", ""]


def test_nullable():
    data, offsets, valid = encode([["C", None], ["", "H"]], nullable=True)
    assert decoded((data, offsets)) == ["C", "", "", "H"]
    assert valid.tolist() == [True, False, True, True]
    missing = np.array(["C", None], np.dtypes.StringDType(na_object=None))
    assert encode(missing, nullable=True)[2].tolist() == [True, False]
    assert encode([], nullable=True)[2].dtype == np.bool_


def test_unaligned_items():
    records = np.zeros(3, [("tag", "i1"), ("name", "U2")])
    records["name"] = ["C", "Cl", "é"]
    assert decoded(encode(records["name"])) == ["C", "Cl", "é"]


def test_the_bytes_are_ones_own():
    data, _ = encode(["abc"])
    data[0] = ord("x")
    assert data.tobytes() == b"xbc"
    assert data.flags.writeable


@pytest.mark.parametrize(
    ("strings", "message"),
    [
        (["C", None], "row 1: a null string, .* make the column nullable"),
        ([["C"], ["C", None]], "row 1, item 1: a null string"),
        (["C", 5], r"row 1: a string is wanted, not int \(5\)"),
        (["C", float("nan")], r"row 1: a string is wanted, not float \(nan\)"),
        (["C", ["C"]], "row 1: a string is wanted, not list"),
        ([["C"], "C"], "row 1: a list of strings is wanted, not str"),
        ([["C"], None], "row 1: a list of strings is wanted, not NoneType"),
        (["C", b"\xff" * 99], r"row 1: bytes that are not UTF-8 \(b'\\xff.*\.\.\.\): decode them"),
        (np.array([b"C", b"\xc0\x80"]), r"row 1: bytes that are not UTF-8 \(.*b'\\xc0\\x80'"),
        (["C", "\ud83d"], "row 1: a lone surrogate"),
        ([["C", "H"], ["C", "\udc00é"]], "row 1, item 1: a lone surrogate"),
        (np.array([[1, 0x110000]], "u4").view("U1"), "row 0, item 1: a lone surrogate, or no"),
        (np.array(["C", 1], object), "row 1: a string is wanted, not int"),
        (np.array(["C", None], np.dtypes.StringDType(na_object=None)), "row 1: a null string"),
        (np.arange(3), "strings are wanted, not int64"),
        ("C", "a list or an array of strings is wanted, not str"),
        ({"C": 1}, "a list or an array of strings is wanted, not dict"),
        (None, r"shape \(items,\) is wanted, not \(\)"),
        (np.zeros((1, 1, 1), "U1"), r"shape \(items,\) is wanted, not \(1, 1, 1\)"),
    ],
)
def test_refused(strings, message):
    with pytest.raises(SchemaError, match=f"column 'sym', {message}"):
        encode(strings, name="sym")


@pytest.mark.parametrize(
    ("strings", "kept", "message"),
    [
        (ROWS, {"lengths": [1]}, "2 lists of strings, but the batch has 1 rows"),
        (ROWS, {"lengths": [3, 4]}, "row 1: 3 strings, but 4 items are kept"),
        ([["C"], []], {"lengths": [1, 1]}, "row 1: 0 strings, but 1 item is kept"),
        (ROWS, {"mask": np.ones((2, 2), bool)}, "row 0: 3 strings do not fit a width of 2"),
        (["C", "H"], {"lengths": [1, 1]}, "one list of strings for each row"),
        ([], {"lengths": [1]}, "one list of strings for each row"),
        (
            np.array(ROWS),
            {"mask": np.ones((2, 4), bool)},
            r"shape \(2, 4\) is wanted, not \(2, 3\)",
        ),
        (np.array(ROWS), {"lengths": [1, 4]}, r"shape \(2, width\) is wanted, not \(2, 3\)"),
        (np.array(ROWS), {"lengths": [1]}, r"shape \(1, width\) is wanted, not \(2, 3\)"),
        (np.array(["C"]), {"lengths": [1]}, r"shape \(1, width\) is wanted, not \(1,\)"),
        (ROWS, {"mask": MASK, "lengths": [1, 1]}, "one of mask, lengths and kept"),
        (ROWS, {"kept": kept_from_mask(MASK), "lengths": [1, 1]}, "one of mask, lengths"),
    ],
)
def test_that_does_not_fit(strings, kept, message):
    with pytest.raises(SchemaError, match=message):
        encode(strings, name="sym", **kept)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(max_size=20), max_size=8))
def test_round_trip(items):
    data, offsets = encode(items)
    assert decode(data, offsets) == items
    array = decode_array(data, offsets)
    assert array.dtype == STRINGS
    assert array.tolist() == items
    assert encode(array)[0].tobytes() == data.tobytes()


@pytest.mark.parametrize("decode", [decode, decode_array])
@pytest.mark.parametrize(
    ("data", "offsets", "message"),
    [
        (b"ab\xffcd", [0, 2, 4], "row 1: the bytes are not UTF-8"),
        ("é".encode(), [0, 1, 2], "row 0: the bytes are not UTF-8"),
        (b"ab", [0, 3], "row 0: offsets 0:3 do not fit"),
        (b"ab", [1, 2], "row 0"),
        (b"ab", [0, 2, 1], "row 1: offsets 2:1"),
        (b"ab", [0, -1], "row 0"),
        (b"ab", [0, 2**62, 2], "row 0"),
        (b"ab", [], "offsets must be int64"),
        (b"", [0, 1], "row 0"),
    ],
)
def test_damaged(decode, data, offsets, message):
    with pytest.raises(FormatError, match=message):
        decode(np.frombuffer(data, "u1"), np.array(offsets, np.int64))


def test_bytes_must_be_bytes():
    with pytest.raises(FormatError, match="uint8"):
        decode(np.zeros(3), np.array([0, 3]))
    with pytest.raises(FormatError, match="int64"):
        decode(np.zeros(3, "u1"), np.array([0, 3], "i4"))


@pytest.mark.parametrize("dtype", ["i1", "u1", "i2", ">i4", "i8", "u8"])
def test_take(dtype):
    categories = ["C", "é", "a much longer category"]
    codes = np.array([2, 0, 0, 1, 2], dtype)[::-1]
    expected = [categories[code] for code in codes]
    assert take(categories, codes) == expected
    array = take_array(np.array(categories, STRINGS), codes)
    assert (array.tolist(), array.dtype) == (expected, STRINGS)


def test_take_nulls():
    codes = np.array([0, -1], "i1")
    assert take(["C"], codes, nullable=True) == ["C", None]
    assert take_array(np.array(["C"], STRINGS), codes, nullable=True).tolist() == ["C", None]
    assert take([], np.array([-1]), nullable=True) == [None]
    assert take([], np.zeros(0, "i4")) == []


@pytest.mark.parametrize("code", [-1, 2, 2**40, -(2**40)])
def test_codes_out_of_range(code):
    for look_up in (
        lambda codes: take(["C", "H"], codes),
        lambda codes: take_array(np.array(["C", "H"], STRINGS), codes),
    ):
        with pytest.raises(FormatError, match=f"row 1: code {code}, but there are 2 categories"):
            look_up(np.array([0, code]))
    with pytest.raises(FormatError, match="row 1: code -2"):
        take(["C", "H"], np.array([-1, -2]), nullable=True)
    with pytest.raises(FormatError, match="row 0"):
        take(["C"], np.array([2**63], "u8"), nullable=True)
    with pytest.raises(FormatError, match="codes must be integers"):
        take(["C"], np.array([0.0]))
    with pytest.raises(TypeError, match="StringDType"):
        take_array(np.array(["C"]), np.array([0]))


def test_offsets_of_lists():
    assert row_offsets([["C", "H"], (), np.array(["O"])]).tolist() == [0, 2, 2, 3]
    assert row_offsets([]).tolist() == [0]
    with pytest.raises(SchemaError, match="column 's', row 1: a list of strings is wanted"):
        row_offsets([["C"], 7], "s")
