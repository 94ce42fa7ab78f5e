"""Which arrays of an archive make which tables, told by their names and shapes.

- ``<table>/<column>`` is a column of a table. With ``<table>_mask``, bool (rows, width), or
  ``<table>_lengths``, integers (rows,), the table is ragged, and its columns have shape
  (rows, width, *inner); without, it is a row table, and they have shape (rows, *inner).
- ``<name>`` with ``<name>_mask`` or ``<name>_lengths`` is a ragged table of that name with one
  column, ``values``.
- Under a bare ``mask``, bool (rows, width), all arrays without a ``/`` whose shape begins with
  (rows, width) are columns of one ragged table that is named after the archive. Bare ``lengths``
  likewise, with all arrays of two axes or more and as many rows.
- Text that is left over, of one axis, is a row table with one column, ``values``.
- Whatever is left over then is a dense array, under its own name.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from raggedh5.cli.npz import Member
from raggedh5.errors import SchemaError

__all__ = ["Plan", "plan_tables"]

VALUES = "values"
KINDS = ("mask", "lengths")
Members = Mapping[str, Member]


@dataclass
class Plan:
    """One object of the file to be: a table or, without columns, a dense array.

    ``mask`` and ``lengths`` are the companions of a ragged table; only one of them is there.
    """

    name: str
    columns: dict[str, Member] = field(default_factory=dict)
    mask: Member | None = None
    lengths: Member | None = None
    array: Member | None = None

    @property
    def ragged(self) -> bool:
        """Whether it is a ragged table."""
        return self.mask is not None or self.lengths is not None

    @property
    def members(self) -> list[Member]:
        """All arrays that are read for it."""
        parts = [*self.columns.values(), self.mask, self.lengths, self.array]
        return [part for part in parts if part is not None]

    @property
    def rows(self) -> int:
        """Length of axis 0; 1 for a scalar."""
        shape = self.members[0].shape
        return shape[0] if shape else 1


def plan_tables(members: Members, bare: str) -> list[Plan]:
    """Sort arrays into tables and dense arrays.

    Parameters
    ----------
    members
        The arrays by name.
    bare
        Name of the table that goes with a bare ``mask`` or ``lengths``.

    Raises
    ------
    SchemaError
        If a mask, lengths or column does not fit its table, or two things have one name.
    """
    companions = _companions(members)
    loose = _bare_companion(members, companions)
    owners = {table for table, _ in companions.values()}
    plans: dict[str, Plan] = {}
    for name, member in members.items():
        if name in companions or member is loose:
            continue
        table, column = _place(member, owners, loose, bare)
        plan = plans.setdefault(table, Plan(table))
        if plan.array is not None or (column is None and plan.columns) or column in plan.columns:
            raise SchemaError(f"{name!r} and another array would both be {table!r} in the file")
        if column is None:
            plan.array = member
        else:
            plan.columns[column] = member
    if loose is not None:
        companions[loose.name] = (bare, loose.name)
    for name, (table, kind) in companions.items():
        plan = plans[table]
        if plan.ragged:
            raise SchemaError(f"{table!r} has a mask and lengths; keep one of them")
        setattr(plan, kind, members[name])
    _check_names(plans)
    for plan in plans.values():
        _check_shapes(plan)
    return list(plans.values())


def _companions(members: Members) -> dict[str, tuple[str, str]]:
    """Return table and kind of everything that is named as the mask or lengths of a table."""
    tables = {name.rpartition("/")[0] for name in members} - {""}
    found = {}
    for name in members:
        for kind in KINDS:
            table = name.removesuffix(f"_{kind}")
            if table != name and (table in tables or (table in members and "/" not in table)):
                found[name] = (table, kind)
    # A mask of a mask has no table to belong to.
    real = {name.rpartition("/")[0] or name for name in members if name not in found}
    return {name: entry for name, entry in found.items() if entry[0] in real}


def _bare_companion(members: Members, companions: Mapping[str, object]) -> Member | None:
    """Return the ``mask`` or ``lengths`` that some arrays without a table go by."""
    mask, lengths = (members.get(kind) for kind in KINDS)
    if mask is not None and (mask.dtype.kind != "b" or len(mask.shape) != 2):
        mask = None
    if lengths is not None and (lengths.dtype.kind not in "iu" or len(lengths.shape) != 1):
        lengths = None
    if mask is not None and lengths is not None:
        raise SchemaError("there are both a 'mask' and 'lengths'; keep one of them")
    found = mask or lengths
    if found is None:
        return None
    others = [
        member
        for name, member in members.items()
        if "/" not in name and name not in companions and member is not found
    ]
    if any(_fits(member, found) for member in others):
        return found
    if any(len(member.shape) > 1 for member in others):
        raise SchemaError(
            f"{found.name!r} of shape {found.shape} fits none of the arrays beside it; name it "
            f"after its table, as atoms_{found.name} for atoms/coords, or leave it out"
        )
    return None


def _fits(member: Member, companion: Member) -> bool:
    """Whether an array is a padded one of such a bare mask, or such lengths."""
    leading = member.shape[: len(companion.shape)]
    return len(member.shape) > 1 and leading == companion.shape


def _place(
    member: Member, owners: set[str], loose: Member | None, bare: str
) -> tuple[str, str | None]:
    """Return table and column of an array, no column for a dense one."""
    name = member.name
    table, _, column = name.rpartition("/")
    if table:
        return table, column
    if name in owners:
        return name, VALUES
    if loose is not None and _fits(member, loose):
        return bare, name
    if member.dtype.kind in "US" and len(member.shape) == 1:
        return name, VALUES
    return name, None


def _check_names(plans: Mapping[str, Plan]) -> None:
    for name, plan in plans.items():
        for part in (*name.split("/"), *plan.columns):
            if part in ("", ".") or "\0" in part:
                raise SchemaError(f"{name!r} is no name in HDF5; rename the array")
        parent = name
        while parent := parent.rpartition("/")[0]:
            if parent in plans:
                raise SchemaError(
                    f"{parent!r} and {name!r}: nothing can lie inside of a table or an array"
                )


def _check_shapes(plan: Plan) -> None:
    """Refuse what the headers show not to fit, before anything is written."""
    if plan.array is not None:
        return
    companion = plan.mask or plan.lengths
    if companion is not None and len(companion.shape) != (2 if plan.mask else 1):
        wanted = "(rows, width)" if plan.mask else "(rows,)"
        raise SchemaError(f"{companion.name!r} has shape {companion.shape}, not {wanted}")
    axes = 2 if plan.ragged else 1
    for member in plan.columns.values():
        if len(member.shape) < axes:
            wanted = "(rows, width, ...)" if plan.ragged else "(rows, ...)"
            raise SchemaError(f"{member.name!r} has shape {member.shape}, not {wanted}")
    first = plan.mask or next(iter(plan.columns.values()))
    leading = first.shape[:axes]
    if companion is not None and leading[:1] != companion.shape[:1]:
        leading, first = companion.shape, companion
    for member in plan.columns.values():
        if member.shape[: len(leading)] != leading:
            wanted = ", ".join(map(str, leading))
            raise SchemaError(
                f"{member.name!r} has shape {member.shape}, which does not begin with ({wanted}) "
                f"as {first.name!r} does"
            )
