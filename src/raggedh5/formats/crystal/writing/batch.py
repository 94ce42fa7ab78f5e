"""A whole batch: the values of all groups of some structures together."""

from collections.abc import Iterator, Mapping
from typing import Any

from raggedh5.errors import SchemaError
from raggedh5.formats.crystal.schema import COMPUTED, Group, Schema

__all__ = ["MOLECULES", "REFCODE", "REFCODES_OF_BATCH", "START_OF_BATCH", "parts_of"]

MOLECULES = "molecules"
"""A key for bond angles and torsions together, as one method writes both."""

REFCODE = "refcode_list"
"""The field that says which structures a batch has; it may be among those of any group."""

REFCODES_OF_BATCH = "refcodes"
START_OF_BATCH = "start"


def parts_of(
    batch: Mapping[str, Any], schema: Schema
) -> Iterator[tuple[str, Group, bool, Mapping[str, Any]]]:
    """Go through the groups of a batch: table, group, whether it is computed, values by field.

    A batch that is no dict of dicts is taken for that of one group, told by its fields.

    Raises
    ------
    SchemaError
        If a key is the name of no table.
    """
    if not hasattr(batch, "items"):
        raise SchemaError(f"a batch is a dict, not {type(batch).__name__}")
    if not any(isinstance(value, Mapping) for value in batch.values()):
        yield _alone(batch, schema)
        return
    parts: dict[str, Mapping[str, Any]] = {}
    for key, values in batch.items():
        if key in (REFCODES_OF_BATCH, START_OF_BATCH):
            continue
        if not isinstance(values, Mapping):
            raise SchemaError(f"{key!r} is no dict of values by field")
        if key.removesuffix(COMPUTED) == MOLECULES:
            for name, part in _molecules(schema, values).items():
                parts[name] = {**parts.get(name, {}), **part}
        else:
            parts[key] = values
    # What was extracted comes first: it says how many items there are.
    for key in sorted(parts, key=lambda name: name.endswith(COMPUTED)):
        group = schema.groups.get(key.removesuffix(COMPUTED))
        if group is None:
            raise SchemaError(
                f"{key!r} is no group of fields: there are {', '.join(map(repr, schema.groups))}"
            )
        yield key, group, key.endswith(COMPUTED) or group.derived, parts[key]


def _molecules(schema: Schema, values: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return bond angles and torsions apart; a key of no field goes by how it begins."""
    parts: dict[str, dict[str, Any]] = {}
    for key, value in values.items():
        field = schema.field(key)
        if key == REFCODE:
            continue
        if field is not None:
            group = field.group
        else:
            group = "torsions" if key.startswith("torsion") else "bond_angles"
        parts.setdefault(group, {})[key] = value
    if REFCODE in values:
        for part in parts.values():
            part[REFCODE] = values[REFCODE]
    return parts


def _alone(batch: Mapping[str, Any], schema: Schema) -> tuple[str, Group, bool, Mapping[str, Any]]:
    fields = [field for key in batch if (field := schema.field(key)) is not None]
    names = {field.group for field in fields}
    for group in schema.groups.values():
        if {group.mask, group.count, group.owner} & batch.keys() - {None}:
            names.add(group.name)
    if len(names) != 1:
        raise SchemaError(
            "the fields are of no group"
            if not names
            else f"the fields are of {sorted(names)}: give a dict of values by field for each"
        )
    group = schema.groups[names.pop()]
    computed = group.derived or all(field.computed for field in fields)
    return group.computed if computed else group.name, group, computed, batch
