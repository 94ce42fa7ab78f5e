"""What a field of crystal structures is, and the groups that fields are of."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from raggedh5.core.schema import STRING, Column
from raggedh5.errors import SchemaError

__all__ = ["COMPUTED", "Field", "Group", "Schema"]

COMPUTED = "_computed"
"""How the name of a table ends that has what was computed of the items of another."""


@dataclass(frozen=True)
class Group:
    """A kind of item that structures have.

    Parameters
    ----------
    name
        Its name, and that of the table with what was extracted.
    derived
        Whether all of it is computed; otherwise what is computed of the items is in a table of its
        own, `computed`.
    mask, count
        Keys of a batch that say how many items each structure has: bool (structures, width), and
        int (structures,).
    owner
        Key that says which structure of the batch each item belongs to, for groups whose batches
        are flat; None for padded ones.
    inner_mask, inner_count
        Keys that say the same for the lists within each item of such a group.
    per_structure
        Whether a structure has one value, rather than a list of items.
    """

    name: str
    derived: bool = False
    mask: str | None = None
    count: str | None = None
    owner: str | None = None
    inner_mask: str | None = None
    inner_count: str | None = None
    per_structure: bool = False

    @property
    def computed(self) -> str:
        """The table with what was computed."""
        return self.name if self.derived else f"{self.name}{COMPUTED}"


@dataclass(frozen=True)
class Field:
    """One field.

    Parameters
    ----------
    name
        Its name in batches and in files.
    group
        Name of its `Group`.
    dtype
        A NumPy dtype, or ``"str"``.
    shape
        Shape of the value of one item.
    units, meaning
        What the numbers are; both go into the file, as attributes of the dataset.
    nested
        Whether an item has a list of values of that shape.
    open_shape
        Whether the lengths in `shape` may be others in a file.
    joined
        Fields whose strings, joined by ``"-"``, make this one where a batch lacks it.
    required
        Whether a batch that is validated must have it.
    computed
        Whether pipelines compute it, where they extract other fields of the same items.
    repeated
        Whether pipelines write its items anew when they compute: with images, say.
    labels
        What the numbers of one value are called, where they have names.
    other_names
        What the field may be called in batches.
    """

    name: str
    group: str
    dtype: str
    meaning: str
    shape: tuple[int, ...] = ()
    units: str = ""
    nested: bool = False
    open_shape: bool = False
    required: bool = False
    computed: bool = False
    repeated: bool = False
    joined: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    other_names: tuple[str, ...] = ()

    @property
    def is_string(self) -> bool:
        """Whether the values are strings."""
        return self.dtype == STRING

    def column(self, shape: tuple[int, ...] | None = None) -> Column:
        """Return the column that holds it, with another inner shape where one is given."""
        return self._usual if shape is None else replace(self._usual, shape=shape)

    @cached_property
    def _usual(self) -> Column:
        attrs = {"meaning": self.meaning} | ({"units": self.units} if self.units else {})
        return Column(self.dtype, self.shape, nested=self.nested, attrs=attrs)


class Schema:
    """Groups and fields by name.

    Parameters
    ----------
    fields, groups
        All of them.

    Raises
    ------
    SchemaError
        If a name is used twice, or a field is of no group.

    Examples
    --------
    >>> from raggedh5.formats.crystal import SCHEMA
    >>> SCHEMA.field("atom_dist_to_special_planes").name
    'atom_distances_to_special_planes'
    >>> own = SCHEMA.extend([Field("atom_nmr_shift", "atoms", "f4", "chemical shift", units="ppm")])
    >>> own.field("atom_nmr_shift").units
    'ppm'
    """

    def __init__(self, fields: Iterable[Field], groups: Iterable[Group]) -> None:
        self.groups: Mapping[str, Group] = {group.name: group for group in groups}
        self.fields: dict[str, Field] = {}
        self._by_any_name: dict[str, Field] = {}
        for field in fields:
            if field.group not in self.groups:
                raise SchemaError(f"field {field.name!r} is of no group: {field.group!r}")
            for name in (field.name, *field.other_names):
                if name in self._by_any_name:
                    raise SchemaError(f"two fields are called {name!r}")
                self._by_any_name[name] = field
            self.fields[field.name] = field
        self._of_group = {
            name: tuple(field for field in self.fields.values() if field.group == name)
            for name in self.groups
        }
        self._joined = {
            name: tuple(field for field in fields if field.joined)
            for name, fields in self._of_group.items()
        }

    def extend(self, fields: Iterable[Field], groups: Iterable[Group] = ()) -> "Schema":
        """Return a schema with more fields, in groups of its own as well where some are given."""
        more = tuple(groups)
        for group in more:
            if group.name in self.groups:
                raise SchemaError(f"there is a group {group.name!r} already")
        return Schema((*self.fields.values(), *fields), (*self.groups.values(), *more))

    def field(self, name: str) -> Field | None:
        """Return the field that batches call `name`; None where there is no such."""
        return self._by_any_name.get(name)

    def of_group(self, group: str) -> tuple[Field, ...]:
        """Return the fields of a group, in their order."""
        return self._of_group.get(group, ())

    def joined_of(self, group: str) -> tuple[Field, ...]:
        """Return those of them that can be made of others."""
        return self._joined.get(group, ())
