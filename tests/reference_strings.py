"""Strings to bytes, codes and back, the slow and plain way."""

from itertools import pairwise

import numpy as np


def kept_items(rows, mask=None, lengths=None):
    """The kept items of padded rows, and (row, place) of each."""
    items, places = [], []
    for i, row in enumerate(rows):
        for j, item in enumerate(row):
            if mask is not None and not mask[i][j]:
                continue
            if lengths is not None and j >= lengths[i]:
                continue
            items.append(item)
            places.append((i, j))
    return items, places


def encode_items(items):
    """UTF-8 bytes, offsets and validity of a flat list of str, bytes and None."""
    data, offsets, valid = b"", [0], []
    for item in items:
        if item is None:
            text = b""
        elif isinstance(item, bytes):
            text = item.decode().encode()
        else:
            text = item.encode()
        data += text
        offsets.append(len(data))
        valid.append(item is not None)
    return data, offsets, valid


def decode_items(data, offsets):
    return [bytes(data[a:b]).decode() for a, b in pairwise(offsets)]


def first_not_utf8(data, offsets):
    for i, (a, b) in enumerate(pairwise(offsets)):
        try:
            bytes(data[a:b]).decode()
        except UnicodeDecodeError:
            return i
    return -1


def encode_codes(known, items):
    """Codes of items by the list of known strings, which grows."""
    codes = []
    for item in items:
        if item is None:
            codes.append(-1)
            continue
        if item not in known:
            known.append(item)
        codes.append(known.index(item))
    return np.array(codes, np.int32)
