"""Tables with columns of every kind, and what must come back from them."""

import numpy as np

import raggedh5 as rh5

NUMBERS = {
    "bool": "?",
    "int8": "i1",
    "int16": "i2",
    "int32": "i4",
    "int64": "i8",
    "uint8": "u1",
    "uint16": "u2",
    "uint32": "u4",
    "uint64": "u8",
    "float16": "f2",
    "float32": "f4",
    "float64": "f8",
    "complex64": "c8",
    "complex128": "c16",
}
SYMBOLS = np.array(["H", "C", "N", "O", "Fe", "µ", ""], dtype=object)


def numbers(rng, shape, dtype):
    """Numbers of any dtype, none of them NaN, so that they can be compared."""
    dtype = np.dtype(dtype)
    if dtype.kind == "b":
        return rng.random(shape) < 0.5
    if dtype.kind in "iu":
        info = np.iinfo(dtype)
        return rng.integers(info.min, info.max, shape, dtype, endpoint=True)
    values = rng.normal(size=shape)
    if dtype.kind == "c":
        values = values + 1j * rng.normal(size=shape)
    return values.astype(dtype)


def texts(rng, n):
    """Strings of any length, some empty, some beyond ASCII."""
    letters = np.array(list("abcäß€😀 "))
    return ["".join(rng.choice(letters, rng.integers(0, 9))) for _ in range(n)]


def ragged_kinds(rng, lengths):
    """Return columns and values of every kind, as `Ragged`, for rows of these lengths."""
    offsets = np.cumsum([0, *lengths]).astype(np.int64)
    n = int(offsets[-1])
    columns, values = {}, {}
    for name, dtype in NUMBERS.items():
        columns[name] = rh5.Column(dtype)
        values[name] = numbers(rng, n, dtype)
    columns["coords"] = rh5.Column("f4", (3,), attrs={"units": "angstrom"})
    values["coords"] = numbers(rng, (n, 3), "f4")
    columns["tensor"] = rh5.Column("f8", (2, 3))
    values["tensor"] = numbers(rng, (n, 2, 3), "f8")
    columns["label"] = rh5.Column("str", dictionary=False)
    values["label"] = np.array(texts(rng, n), dtype=object)
    columns["symbol"] = rh5.Column("str", dictionary=True)
    values["symbol"] = rng.choice(SYMBOLS, n)
    columns["tag"] = rh5.Column("str", nullable=True)
    tags = rng.choice(SYMBOLS, n)
    tags[rng.random(n) < 0.3] = None
    values["tag"] = tags
    columns["measured"] = rh5.Column("f8", nullable=True)
    values["measured"] = np.ma.MaskedArray(numbers(rng, n, "f8"), rng.random(n) < 0.3)
    columns["bonds"] = rh5.Column("i4", nested=True)
    counts = rng.integers(0, 4, n)
    values["bonds"] = rh5.Ragged(
        numbers(rng, int(counts.sum()), "i4"), np.cumsum([0, *counts]).astype(np.int64)
    )
    return columns, {name: rh5.Ragged(value, offsets) for name, value in values.items()}


def row_kinds(rng, rows):
    """Return columns and values of every kind that a row table has."""
    columns, values = {}, {}
    for name, dtype in NUMBERS.items():
        columns[name] = rh5.Column(dtype)
        values[name] = numbers(rng, rows, dtype)
    columns["cell"] = rh5.Column("f4", (3, 3))
    values["cell"] = numbers(rng, (rows, 3, 3), "f4")
    columns["title"] = rh5.Column("str", dictionary=False)
    values["title"] = texts(rng, rows)
    columns["group"] = rh5.Column("str", dictionary=True)
    values["group"] = rng.choice(SYMBOLS, rows).tolist()
    columns["note"] = rh5.Column("str", nullable=True)
    values["note"] = [None if i % 3 == 0 else f"note {i % 2}" for i in range(rows)]
    columns["energy"] = rh5.Column("f8", nullable=True)
    values["energy"] = np.ma.MaskedArray(numbers(rng, rows, "f8"), rng.random(rows) < 0.3)
    return columns, values


def plain(value):
    """Return any column's values as lists of Python objects, None where one is missing."""
    if isinstance(value, rh5.Ragged):
        return [plain(row) for row in value]
    if isinstance(value, np.ma.MaskedArray):
        return [None if x is np.ma.masked else plain(x) for x in value]
    if isinstance(value, (list, tuple)):
        return [plain(x) for x in value]
    if isinstance(value, np.ndarray) and value.dtype.kind == "T":
        return [None if x is None or x is not x else str(x) for x in value.tolist()]
    return value.tolist() if hasattr(value, "tolist") else value
