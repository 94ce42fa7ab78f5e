"""What a column is: its dtype, its shape, and how it is to be stored."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from raggedh5.errors import SchemaError

__all__ = ["STRING", "Column", "as_column", "check_names", "storable"]

STRING = "str"
"""The dtype of a column of Unicode strings, stored as UTF-8."""

_KINDS = "biufc"


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Parameters
    ----------
    dtype
        A NumPy dtype of bool, integers of 8 to 64 bits, float16/32/64, complex64/128; or ``"str"``.
    shape
        The fixed inner shape of an item, as ``(3,)`` for positions.
    nested
        An item holds a list of values of its own: one more level of raggedness.
    dictionary
        For strings: store each distinct string once, and an int32 code an item. None: where the
        first batch repeats its strings at least twice on average.
    nullable
        Items may be missing: None among strings, masked entries of a NumPy masked array.
    finite
        Refuse NaN and infinity.
    codec
        Compression of this column, where it is to differ from the table's. See
        `raggedh5.core.codecs.as_codec`.
    attrs
        Attributes of the column's dataset: units, precision and the like.

    Examples
    --------
    >>> Column("f4", shape=(3,), finite=True, attrs={"units": "angstrom"}).dtype
    dtype('float32')
    """

    dtype: Any
    shape: tuple[int, ...] = ()
    nested: bool = False
    dictionary: bool | None = None
    nullable: bool = False
    finite: bool = False
    codec: Any = "inherit"
    attrs: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        dtype = STRING if _is_string(self.dtype) else storable(self.dtype)
        object.__setattr__(self, "dtype", dtype)
        object.__setattr__(self, "shape", tuple(int(n) for n in self.shape))
        if any(n < 0 for n in self.shape):
            raise SchemaError(f"an inner shape has no negative lengths: {self.shape}")
        if dtype == STRING and (self.shape or self.finite):
            raise SchemaError("a column of strings has no inner shape and is not finite")
        if dtype != STRING and self.dictionary:
            raise SchemaError("only a column of strings has a dictionary")
        if self.nested and (self.nullable or self.dictionary or dtype == STRING):
            raise SchemaError("a nested column holds plain numbers")
        if dtype == STRING and self.nullable and self.dictionary is False:
            raise SchemaError("a nullable column of strings is stored with a dictionary")

    @property
    def is_string(self) -> bool:
        """Whether the items are strings."""
        return isinstance(self.dtype, str)

    def with_dictionary(self, dictionary: bool) -> "Column":
        """Return the same column with the question of the dictionary settled."""
        return replace(self, dictionary=dictionary or self.nullable) if self.is_string else self


def as_column(spec: "Column | DTypeLike | tuple[DTypeLike, tuple[int, ...]]") -> Column:
    """Turn a dtype, or a pair of dtype and inner shape, into a column.

    Examples
    --------
    >>> as_column(("f4", (3,))).shape, as_column(np.dtype(("i4", 2))).shape, as_column("str").dtype
    ((3,), (2,), 'str')
    """
    if isinstance(spec, Column):
        return spec
    if _is_string(spec):
        return Column(STRING)
    try:
        dtype = np.dtype(spec)
    except (TypeError, ValueError) as error:
        raise SchemaError(f"not a column: {spec!r}; give a dtype, 'str' or a Column") from error
    return Column(dtype.base, dtype.shape)


def check_names(columns: Mapping[str, Column]) -> None:
    """Refuse column names that HDF5, or the masks of padded batches, have no room for.

    Raises
    ------
    SchemaError
        If there is one: ``"mask"``, or ``"<column>_mask"`` of a nested column, among them.
    """
    for name in columns:
        if not isinstance(name, str) or not name or "/" in name or "\0" in name or name == ".":
            raise SchemaError(f"not a column name: {name!r}; HDF5 has no '/' and no NUL in names")
        if name == "mask" or _is_mask_of_lists(name, columns):
            raise SchemaError(f"column {name!r} would be mistaken for the mask of a padded batch")


def _is_mask_of_lists(name: str, columns: Mapping[str, Column]) -> bool:
    """Whether a name is what `Table.padded` calls the mask of a nested column."""
    nested = columns.get(name.removesuffix("_mask")) if name.endswith("_mask") else None
    return nested is not None and nested.nested


def storable(dtype: Any) -> np.dtype[Any]:
    """Return `dtype` in native byte order; refuse what HDF5 and NumPy do not share."""
    try:
        resolved: np.dtype[Any] = np.dtype(dtype).newbyteorder("=")
    except TypeError as error:
        raise SchemaError(f"not a dtype: {dtype!r}") from error
    if resolved.kind not in _KINDS or resolved.itemsize > 16 or resolved.char in "gG":
        raise SchemaError(
            f"dtype {resolved} cannot be stored; use bool, integers, float16/32/64, complex64/128 "
            "or 'str'"
        )
    return resolved


def _is_string(dtype: Any) -> bool:
    if isinstance(dtype, np.dtype):
        return dtype.kind in "UST"
    return dtype is str or (isinstance(dtype, str) and dtype in (STRING, "string"))
