import json
import string

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from raggedh5.core.json_text import find_not_json, json_fault, outermost_keys
from raggedh5.core.strings import encode
from raggedh5.errors import FormatError

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=12,
)
# What JSON is made of, in any order: mostly wrong, and often nearly right.
WORDS = ("true", "false", "null", "NaN", "Infinity", "-Infinity", "[]", "{}", '"a"')
NUMBERS = ("01", "-0", "1.", ".5", "1e", "1e+5", "\\u00e9", "\\ud800")
CHARACTERS = '{}[],:" \t\n\r-+.eE0123456789\\/bfnrtu\x00\x1f\x7f\ufeffé' + string.ascii_letters
tokens = st.lists(
    st.sampled_from([*CHARACTERS, *WORDS, *NUMBERS, '{"a":1}', '"\\"']),
    max_size=8,
).map("".join)


def loads(text):
    try:
        json.loads(text)
    except ValueError as error:
        return str(error)
    return None


@given(values, st.booleans(), st.sampled_from([None, 1]))
def test_what_python_writes_is_json(value, plain, indent):
    text = json.dumps(value, ensure_ascii=plain, indent=indent)
    assert json_fault(text) is None
    if isinstance(value, dict):
        assert outermost_keys(text) == set(value)
    elif not isinstance(value, str):
        assert outermost_keys(text) == set()


@given(tokens)
@example("")
@example("\ufeff{}")
@example('"\\u12"')
@example('"\\u12g4"')
@example("[1 2]")
@example('{"a" 1}')
@example('{"a":1,}')
@example("[1,]")
@example("9" * 4300)
@example("9" * 4301)
@example("-" + "9" * 4301)
@example("1" * 5000 + ".5")
def test_it_is_json_where_python_reads_it(text):
    assert json_fault(text) == loads(text)
    assert (outermost_keys(text) is None) == (loads(text) is not None)


@given(values, st.integers(0, 200), st.integers(0, 0x2FF))
def test_a_character_changed_or_lost(value, at, code):
    text = json.dumps(value, ensure_ascii=False)
    changed = text[:at] + chr(code) + text[at + 1 :]
    for broken in (changed, text[:at], text[at:]):
        assert json_fault(broken) == loads(broken)


@pytest.mark.parametrize("opened", ["[", '{"a":'])
def test_depth(opened):
    closed = "]" if opened == "[" else "}"
    assert json_fault(opened * 512 + "1" + closed * 512) is None
    assert "too deep" in json_fault(opened * 513 + "1" + closed * 513)
    assert json_fault(opened * 100_000) is not None


def test_many_keys_and_odd_ones():
    wanted = {f"k{number}" for number in range(1000)} | {"é", 'a"b', "\\", "", "\u2028"}
    for plain in (True, False):
        text = json.dumps({key: {"inner": [{"x": 1}]} for key in wanted}, ensure_ascii=plain)
        assert outermost_keys(text) == wanted


def test_a_lone_surrogate_is_no_utf8():
    with pytest.raises(UnicodeEncodeError):
        json_fault('"\ud800"')


@given(st.lists(values.map(json.dumps) | tokens, max_size=8))
def test_many_texts_at_once(texts):
    data, offsets = encode(texts)
    faults = [loads(text) for text in texts]
    first = next((i for i, fault in enumerate(faults) if fault is not None), -1)
    assert find_not_json(data, offsets) == (first, faults[first] if first >= 0 else "")


def test_bytes_that_are_no_utf8_are_somebody_elses_business():
    data = np.frombuffer(b'"\xff"', np.uint8)
    assert find_not_json(data, np.array([0, 3])) == (-1, "")
    assert find_not_json(data[:2], np.array([0, 2]))[0] == 0


def test_offsets_beyond_the_bytes():
    with pytest.raises(FormatError):
        find_not_json(np.zeros(3, np.uint8), np.array([0, 4]))
