"""The file formats that trajectories are written in."""

from collections.abc import Mapping

from raggedh5.errors import SchemaError
from raggedh5.formats.trajectory.configuring.values import check_keys, flag, listed, one_of, refused

__all__ = ["FORMATS", "resolve_formats"]

FORMATS = ("npy", "hdf5")
BOTH = "both"


def resolve_formats(key: str, value: object) -> tuple[str, ...]:
    """Return the formats in their one order.

    Parameters
    ----------
    key
        What an error calls it.
    value
        A name, several names, or a mapping of names to true or false. ``"both"`` is all of them.
        A mapping asks for those that are true; where none is true, for those that it does not
        name.

    Examples
    --------
    >>> resolve_formats("formats", ["both"]), resolve_formats("formats", {"npy": False})
    (('npy', 'hdf5'), ('hdf5',))
    """
    if isinstance(value, Mapping):
        wanted = {name: flag(f"{key}.{name}", on) for name, on in _named(key, value).items()}
        asked = {name for name, on in wanted.items() if on}
        if wanted and not asked:
            asked = set(FORMATS) - set(wanted)
    elif isinstance(value, str):
        asked = {one_of(key, value, [*FORMATS, BOTH])}
    elif isinstance(value, list | tuple | set | frozenset):
        asked = {one_of(key, name, [*FORMATS, BOTH]) for name in value}
    else:
        raise refused(key, value, f"any of {listed([*FORMATS, BOTH])}, alone or in a list")
    if not asked:
        raise SchemaError(f"{key} names no format to write; allowed: any of {listed(FORMATS)}")
    return tuple(name for name in FORMATS if name in asked or BOTH in asked)


def _named(key: str, value: Mapping[object, object]) -> dict[str, object]:
    return check_keys(key, value, FORMATS)
