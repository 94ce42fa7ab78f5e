"""Awkward forms: the JSON that tells any reader what the buffers of a table mean.

The form of a table is a list of records (or, of a row table, a record) with one field a column.
Form keys are column names, so the buffers are named ``<column>-<part>``. Format:
https://awkward-array.org/doc/main/reference/generated/ak.forms.Form.html
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from raggedh5.core.schema import STRING, Column, storable
from raggedh5.errors import FormatError, SchemaError

__all__ = ["FieldForm", "TableForm", "build_form", "main_buffer", "parse_form", "with_columns"]

_OFFSETS: dict[str, np.dtype[Any]] = {
    "i32": np.dtype("i4"),
    "u32": np.dtype("u4"),
    "i64": np.dtype("i8"),
}


@dataclass(frozen=True)
class FieldForm:
    """Where the parts of one column lie: names of buffers, None where the column has no such part.

    ``values`` are the numbers, or the UTF-8 bytes of strings; ``offsets`` those of the strings, or
    of the lists in a nested column; ``codes`` point into the strings as a dictionary; ``mask`` is
    nonzero where a value is there (`valid_when`) or where it is missing.
    """

    column: Column
    values: str
    offsets: str | None = None
    codes: str | None = None
    mask: str | None = None
    valid_when: bool = True
    dtypes: Mapping[str, np.dtype[Any]] = ()  # type: ignore[assignment]

    def buffers(self) -> dict[str, np.dtype[Any]]:
        """Return the dtype that each buffer must have."""
        return dict(self.dtypes)


def main_buffer(field: FieldForm) -> str:
    """Return the buffer that has the column's attributes: codes, offsets of strings, or values."""
    return field.codes or (field.offsets if field.column.is_string else None) or field.values


@dataclass(frozen=True)
class TableForm:
    """The form of a table: the buffer of its row offsets, None for a row table; its columns."""

    offsets: str | None
    offsets_dtype: np.dtype[Any]
    fields: Mapping[str, FieldForm]


def build_form(key: str, columns: Mapping[str, Column], ragged: bool) -> tuple[str, TableForm]:
    """Return the form of a table, as JSON and as data.

    Parameters
    ----------
    key
        Form key of the rows: the name of the table.
    columns
        The columns by name, each with its `dictionary` settled.
    ragged
        Whether a row holds items, or one value for each column.

    Examples
    --------
    >>> text, form = build_form("atoms", {"charge": Column("i1")}, ragged=True)
    >>> form == parse_form(text)
    True
    >>> form.fields["charge"].values
    'charge-data'
    """
    while key in columns:
        key += ".rows"
    record = {
        "class": "RecordArray",
        "fields": list(columns),
        "contents": [_content(name, column) for name, column in columns.items()],
        "parameters": {},
        "form_key": f"{key}.record" if ragged else key,
    }
    text = json.dumps(_list(key, record) if ragged else record)
    form = parse_form(text)
    names = [name for field in form.fields.values() for name in field.buffers()]
    names += [f"{key}-offsets"] * ragged
    if len(set(names)) < len(names):
        twice = sorted({name for name in names if names.count(name) > 1})
        raise SchemaError(f"column names clash: two buffers would be named {twice[0]!r}")
    return text, form


def parse_form(text: str | bytes) -> TableForm:
    """Read the form of a table, ours or another writer's.

    Raises
    ------
    FormatError
        If it is no JSON, or not the form of a table: lists of records of numbers and strings.
    """
    try:
        form = json.loads(text)
        offsets, dtype = None, np.dtype("i8")
        if form["class"].startswith("ListOffset"):
            offsets, dtype = f"{form['form_key']}-offsets", _offsets_dtype(form)
            form = form["content"]
        if form["class"] != "RecordArray" or form["fields"] is None:
            raise FormatError(f"the form is that of {form['class']}, not of a table of records")
        pairs = zip(form["fields"], form["contents"], strict=True)
        fields = {name: _field(content) for name, content in pairs}
    except FormatError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise FormatError(f"the form cannot be read: {type(error).__name__}: {error}") from error
    return TableForm(offsets, dtype, fields)


def with_columns(text: str, columns: Sequence[str]) -> str:
    """Return a form with some of its columns, in that order; the very text where it has just these.

    Examples
    --------
    >>> text = '{"class": "RecordArray", "fields": ["x", "y"], "contents": ["f4", "i8"]}'
    >>> with_columns(text, ["y"])
    '{"class": "RecordArray", "fields": ["y"], "contents": ["i8"]}'
    """
    form: dict[str, Any] = json.loads(text)
    record = form if form["class"] == "RecordArray" else form["content"]
    contents = dict(zip(record["fields"] or (), record["contents"], strict=True))
    if list(contents) == list(columns):
        return text
    record["fields"] = list(columns)
    record["contents"] = [contents[name] for name in columns]
    return json.dumps(form)


def _content(name: str, column: Column) -> dict[str, Any]:
    if column.nested:
        return _list(name, _numbers(f"{name}.items", column))
    if column.is_string and column.dictionary:
        return {
            "class": "IndexedOptionArray" if column.nullable else "IndexedArray",
            "index": "i32",
            "content": _strings(f"{name}.categories"),
            "parameters": {"__array__": "categorical"},
            "form_key": name,
        }
    if column.is_string:
        return _strings(name)
    if column.nullable:
        return {
            "class": "ByteMaskedArray",
            "mask": "i8",
            "valid_when": True,
            "content": _numbers(f"{name}.values", column),
            "parameters": {},
            "form_key": name,
        }
    return _numbers(name, column)


def _numbers(key: str, column: Column) -> dict[str, Any]:
    return {
        "class": "NumpyArray",
        "primitive": column.dtype.name,
        "inner_shape": list(column.shape),
        "parameters": {},
        "form_key": key,
    }


def _strings(key: str) -> dict[str, Any]:
    characters = {
        "class": "NumpyArray",
        "primitive": "uint8",
        "inner_shape": [],
        "parameters": {"__array__": "char"},
        "form_key": f"{key}.bytes",
    }
    return _list(key, characters, {"__array__": "string"})


def _list(
    key: str, content: dict[str, Any], parameters: dict[str, Any] | None = None
) -> dict[str, Any]:
    return {
        "class": "ListOffsetArray",
        "offsets": "i64",
        "content": content,
        "parameters": parameters or {},
        "form_key": key,
    }


def _offsets_dtype(form: dict[str, Any]) -> np.dtype[Any]:
    kind = form.get(
        "offsets",
        {"ListOffsetArray32": "i32", "ListOffsetArrayU32": "u32"}.get(form["class"], "i64"),
    )
    return _OFFSETS[kind]


def _field(form: dict[str, Any]) -> FieldForm:
    kind, key = form["class"], form["form_key"]
    if isinstance(form.get("content"), dict) and (
        (form.get("parameters") or {}).get("__array__") == "categorical"
    ):
        nullable = kind.startswith("IndexedOption")
        inner = _field(form["content"])
        if not inner.column.is_string or not kind.startswith("Indexed"):
            raise FormatError(f"column {key!r}: only strings have a dictionary here")
        index = np.dtype({"i32": "i4", "u32": "u4", "i64": "i8"}[form.get("index", "i64")])
        codes = f"{key}-index"
        return FieldForm(
            Column(STRING, dictionary=True, nullable=nullable),
            inner.values,
            inner.offsets,
            codes,
            dtypes={**inner.buffers(), codes: index},
        )
    if kind.startswith("ListOffset"):
        content, offsets = form["content"], f"{key}-offsets"
        inner = _field(content)
        if inner.offsets or inner.mask or inner.codes:
            raise FormatError(
                f"column {key!r}: more than two levels of lists; read it with Awkward"
            )
        string = (form.get("parameters") or {}).get("__array__") == "string"
        column = (
            Column(STRING, dictionary=False)
            if string
            else Column(inner.column.dtype, inner.column.shape, nested=True)
        )
        dtypes = {offsets: _offsets_dtype(form), **inner.buffers()}
        return FieldForm(column, inner.values, offsets, dtypes=dtypes)
    if kind == "ByteMaskedArray":
        inner = _field(form["content"])
        if inner.offsets or inner.mask:
            raise FormatError(
                f"column {key!r}: only numbers have a mask here; read it with Awkward"
            )
        mask = f"{key}-mask"
        return FieldForm(
            Column(inner.column.dtype, inner.column.shape, nullable=True),
            inner.values,
            mask=mask,
            valid_when=bool(form["valid_when"]),
            dtypes={mask: np.dtype("i1"), **inner.buffers()},
        )
    if kind == "NumpyArray":
        values = f"{key}-data"
        dtype = storable(form["primitive"])
        shape = tuple(form.get("inner_shape") or ())
        return FieldForm(Column(dtype, shape), values, dtypes={values: dtype})
    raise FormatError(f"column {key!r} is a {kind}, which tables do not have; read it with Awkward")
