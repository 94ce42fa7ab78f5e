"""Checks of text that is to be JSON."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raggedh5.care.checking.buffer_checks import BufferCheck
from raggedh5.care.checking.string_checks import StringCheck
from raggedh5.core.json_text import find_not_json, json_fault
from raggedh5.store.facts import Facts

__all__ = ["JsonCheck", "JsonColumnCheck", "is_text_of_one"]


@dataclass
class JsonCheck(BufferCheck):
    """A dataset with one string, as of a structure that has a group."""

    def look_at(self, values: NDArray[Any], start: int) -> None:
        """See `BufferCheck`."""
        value: Any = values.item() if isinstance(values, np.ndarray) else values
        try:
            text = value.decode() if isinstance(value, bytes) else value
        except UnicodeDecodeError as error:
            self.findings.error(self.name, "UTF-8", f"{self.name}: not UTF-8: {error}")
            return
        try:
            fault = json_fault(text) if type(text) is str else "it is no text"
        except UnicodeEncodeError:
            fault = "it is not UTF-8"
        if fault is not None:
            self.findings.error(self.name, "JSON", f"{self.name}: no JSON: {fault}")


@dataclass
class JsonColumnCheck(StringCheck):
    """A column of strings, each of which is to be UTF-8, and JSON."""

    def look_at(self, first: int, data: NDArray[np.uint8], offsets: NDArray[np.int64]) -> None:
        """See `StringCheck`."""
        super().look_at(first, data, offsets)
        at, items = 0, len(offsets) - 1
        while at < items:
            bad, why = find_not_json(data[offsets[at] :], offsets[at:] - offsets[at])
            if bad < 0:
                return
            row = first + at + bad
            message = f"{self.name}: the text of row {row} is no JSON: {why}"
            self.findings.error(self.name, "JSON", message, row)
            at += bad + 1


def is_text_of_one(facts: Facts) -> bool:
    """Whether a dataset holds one string."""
    return facts.dtype.kind in "OS" and int(np.prod(facts.shape, dtype=np.int64)) == 1
