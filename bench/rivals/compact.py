"""Valid items out of padded arrays, as fast as NumPy can: a mask is searched once a table."""

from __future__ import annotations

import itertools

import numpy as np

TEXT = np.dtypes.StringDType()
WIDEST = 64


def valid_items(mask: np.ndarray) -> np.ndarray:
    return np.flatnonzero(mask)


def take(column: np.ndarray, items: np.ndarray) -> np.ndarray:
    """Return the valid items; `take` is several times faster than a boolean mask."""
    flat = column.reshape(-1, *column.shape[2:])
    return np.take(flat, items, axis=0, mode="clip")


def is_text(column: np.ndarray | list) -> bool:
    return isinstance(column, list) or column.dtype.kind == "U"


def utf8(column: np.ndarray | list, items: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the bytes of the valid texts and the length of each in bytes."""
    if isinstance(column, list):
        return _utf8_lists(column)
    return _utf8_array(np.take(column.reshape(-1), items))


def _utf8_lists(rows: list[list[str]]) -> tuple[np.ndarray, np.ndarray]:
    texts = list(itertools.chain.from_iterable(rows))
    joined = "".join(texts)
    data = joined.encode()
    if len(data) == len(joined):  # ASCII: a character is a byte
        lengths = np.fromiter(map(len, texts), np.int64, len(texts))
    else:
        lengths = np.fromiter((len(text.encode()) for text in texts), np.int64, len(texts))
    return np.frombuffer(data, np.uint8), lengths


def _utf8_array(texts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    codes = texts.view(np.uint32)
    lengths = np.strings.str_len(texts)
    if codes.max(initial=0) < 128:  # ASCII: drop the zero bytes of the padding
        data = codes.astype(np.uint8).tobytes().translate(None, b"\0")
        if len(data) == lengths.sum():
            return np.frombuffer(data, np.uint8), lengths
    return _utf8_lists([texts.tolist()])


def text(data: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Return UTF-8 and its offsets as a NumPy text array: by way of padded bytes, where they fit.

    Several times faster than a Python string for each.
    """
    lengths = np.diff(offsets)
    width = int(lengths.max(initial=1))
    if width > WIDEST or data.min(initial=1) == 0:
        whole = data.tobytes()
        pairs = itertools.pairwise(offsets.tolist())
        return np.array([whole[a:b].decode() for a, b in pairs], TEXT)
    padded = np.zeros((len(lengths), width), np.uint8)
    for place in range(width):
        rows = np.flatnonzero(lengths > place)
        padded[rows, place] = data[offsets[rows] + place]
    return text_of_bytes(padded.view(f"S{width}").reshape(-1))


def text_of_bytes(values: np.ndarray) -> np.ndarray:
    """Return an array of zero-padded UTF-8 as a NumPy text array."""
    if values.view(np.uint8).max(initial=0) < 128:
        return values.astype(TEXT)
    return np.strings.decode(values, "utf-8").astype(TEXT)
