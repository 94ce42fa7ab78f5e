"""What columns and arrays are to become where a file is written anew."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from numpy.typing import DTypeLike

from raggedh5.core.schema import Column, storable
from raggedh5.errors import SchemaError

__all__ = ["Wishes"]


@dataclass
class Wishes:
    """What columns and arrays are to become, by name; `used` are those that were found."""

    dtypes: dict[str, DTypeLike]
    dictionary: dict[str, bool]
    rounding: bool

    def __post_init__(self) -> None:
        self.used: set[str] = set()

    def column(self, table: str, name: str, column: Column) -> Column:
        """Return what a column is to become."""
        dtype = self._find(self.dtypes, f"{table}/{name}", name)
        if dtype is not None:
            if column.is_string:
                raise SchemaError(
                    f"column {name!r} of {table!r} holds strings, which have no dtype"
                )
            column = replace(column, dtype=storable(dtype))
        wanted = self._find(self.dictionary, f"{table}/{name}", name)
        if wanted is not None:
            if not column.is_string:
                raise SchemaError(f"column {name!r} of {table!r} holds numbers: no dictionary")
            column = replace(column, dictionary=wanted)
        return column

    def array(self, path: str) -> Any:
        """Return the dtype that an array is to get, None where it stays."""
        dtype = self._find(self.dtypes, path)
        return None if dtype is None else storable(dtype)

    def check(self) -> None:
        """Raise KeyError if something was asked for that is not in the file."""
        for name in {**self.dtypes, **self.dictionary}:
            if name not in self.used:
                raise KeyError(f"there is no column or array {name!r}")

    def _find(self, wishes: Mapping[str, Any], *names: str) -> Any:
        for key in wishes:
            if key.strip("/") in names:
                self.used.add(key)
                return wishes[key]
        return None
