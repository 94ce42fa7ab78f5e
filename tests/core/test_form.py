import json

import awkward as ak
import numpy as np
import pytest

from raggedh5.core.form import build_form, main_buffer, parse_form
from raggedh5.core.schema import Column
from raggedh5.errors import FormatError, SchemaError

COLUMNS = {
    "x": Column("f4", (3,)),
    "half": Column("f2"),
    "z": Column("c16"),
    "flag": Column("?"),
    "text": Column("str", dictionary=False),
    "word": Column("str", dictionary=True),
    "maybe": Column("str", dictionary=True, nullable=True),
    "gap": Column("i8", (2,), nullable=True),
    "bonds": Column("u2", nested=True),
}


@pytest.mark.parametrize("ragged", [True, False])
def test_a_form_says_what_was_built(ragged):
    form = parse_form(build_form("t", COLUMNS, ragged)[0])
    assert form.offsets == ("t-offsets" if ragged else None)
    assert {name: field.column for name, field in form.fields.items()} == COLUMNS
    assert form.fields["x"].buffers() == {"x-data": np.dtype("f4")}
    assert form.fields["word"].buffers() == {
        "word-index": np.dtype("i4"),
        "word.categories-offsets": np.dtype("i8"),
        "word.categories.bytes-data": np.dtype("u1"),
    }
    assert {name: main_buffer(field) for name, field in form.fields.items()} == {
        "x": "x-data",
        "half": "half-data",
        "z": "z-data",
        "flag": "flag-data",
        "text": "text-offsets",
        "word": "word-index",
        "maybe": "maybe-index",
        "gap": "gap.values-data",
        "bonds": "bonds.items-data",
    }


@pytest.mark.parametrize("ragged", [True, False])
def test_awkward_understands_it(ragged):
    form = ak.forms.from_json(build_form("t", COLUMNS, ragged)[0])
    keys = form.expected_from_buffers()
    ours = parse_form(build_form("t", COLUMNS, ragged)[0])
    wanted = {key for field in ours.fields.values() for key in field.buffers()}
    assert set(keys) == wanted | ({"t-offsets"} if ragged else set())


def test_a_table_may_have_a_column_of_its_own_name():
    form = parse_form(build_form("x", {"x": Column("f4"), "x.rows": Column("f4")}, True)[0])
    assert form.offsets == "x.rows.rows-offsets"


@pytest.mark.parametrize(
    "columns",
    [
        {"a": Column("str", dictionary=False), "a.bytes": Column("u1")},
        {"a": Column("f4", nullable=True), "a.values": Column("f4")},
        {"a": Column("str", dictionary=True), "a.categories": Column("str", dictionary=False)},
    ],
)
def test_two_buffers_of_one_name_are_refused(columns):
    with pytest.raises(SchemaError, match="clash"):
        build_form("t", columns, True)


def test_old_names_of_lists_are_known():
    form = json.loads(build_form("t", {"x": Column("f4")}, True)[0])
    for kind, dtype in (("", "i8"), ("32", "i4"), ("U32", "u4"), ("64", "i8")):
        form["class"] = f"ListOffsetArray{kind}"
        form.pop("offsets", None)
        assert parse_form(json.dumps(form)).offsets_dtype == np.dtype(dtype)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "null",
        "[]",
        "3",
        '"x"',
        "{}",
        '{"class": "NumpyArray", "primitive": "int8", "form_key": "x"}',
        '{"class": "RecordArray", "fields": null, "contents": []}',
        '{"class": "RecordArray", "fields": ["a"], "contents": []}',
        '{"class": "RecordArray", "fields": ["a"], "contents": [{"class": "EmptyArray"}]}',
        '{"class": "RecordArray", "fields": ["a"], "contents": [{"class": "NumpyArray"}]}',
        '{"class": 5}',
        "[" * 100_000,
    ],
)
def test_what_is_no_form_of_a_table(text):
    with pytest.raises(FormatError):
        parse_form(text)
