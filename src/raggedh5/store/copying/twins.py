"""New groups and datasets that are stored as others are."""

from typing import Any

import h5py
import numpy as np
from h5py import h5d, h5g, h5p, h5s, h5z

from raggedh5.core.pipeline_codecs import given_parameters
from raggedh5.errors import WriteError
from raggedh5.store.facts import Facts
from raggedh5.store.filters import explain, missing_filters

__all__ = ["create_exact", "create_group_like", "create_twin", "same_chunks"]


def same_chunks(one: Facts, other: Facts) -> bool:
    """Whether a stored chunk of one dataset means the same in the other."""
    if not one.chunks or one.chunks != other.chunks or one.inner != other.inner:
        return False
    if one.dtype != other.dtype or not one.plain or not other.plain:
        return False
    fills = [np.asarray(facts.dataset.fillvalue).tobytes() for facts in (one, other)]
    return one.pipeline == other.pipeline and fills[0] == fills[1]


def create_twin(group: h5py.Group, name: str, like: Facts) -> Facts:
    """Create an empty dataset that grows, with type, chunks, filters and fill value of another.

    Parameters
    ----------
    group, name
        Where it goes.
    like
        A chunked dataset, in any file.

    Raises
    ------
    CodecError
        If a filter of it is missing here.
    WriteError
        If the file cannot be written.
    """
    unlimited = h5s.UNLIMITED
    largest = [unlimited if n is None else n for n in like.dataset.maxshape]
    largest[0] = unlimited
    space = h5s.create_simple((0, *like.inner), tuple(largest))
    try:
        return _create(group, name, like, space)
    except (OSError, RuntimeError, ValueError) as error:
        path = f"{str(group.name).rstrip('/')}/{name}"
        if missing_filters(like.pipeline):
            raise explain(like.name, like.pipeline, error) from error
        raise WriteError(f"{path} could not be created: {error}") from error


def create_exact(group: h5py.Group, name: str, like: Facts) -> Facts | None:
    """Create a dataset with every property and the shape of another, without its values.

    Returns
    -------
    Facts or None
        None where that cannot be: a filter is missing, or takes its own parameters for others.

    Raises
    ------
    WriteError
        If the file cannot be written.
    """
    try:
        made = _create(group, name, like, like.id.get_space())
    except (OSError, RuntimeError, ValueError) as error:
        if missing_filters(like.pipeline):
            return None
        path = f"{str(group.name).rstrip('/')}/{name}"
        raise WriteError(f"{path} could not be created: {error}") from error
    if made.pipeline == like.pipeline:
        return made
    del group[name]
    return None


def create_group_like(parent: h5py.Group, name: str, like: h5py.Group) -> h5py.Group:
    """Create an empty group that keeps its links and attributes in order as another does."""
    old = like.id.get_create_plist()
    # Of a group with many links, `old` has the addresses in the file, and is of no use itself.
    new = h5p.create(h5p.GROUP_CREATE)
    new.set_link_creation_order(old.get_link_creation_order())
    new.set_attr_creation_order(old.get_attr_creation_order())
    new.set_attr_phase_change(*old.get_attr_phase_change())
    new.set_obj_track_times(old.get_obj_track_times())
    key = name.encode("utf-8", "surrogateescape")
    return h5py.Group(h5g.create(parent.id, key, gcpl=new))


def _create(group: h5py.Group, name: str, like: Facts, space: Any) -> Facts:
    properties = like.id.get_create_plist()
    filters = [properties.get_filter(i) for i in range(properties.get_nfilters())]
    if filters:
        properties.remove_filter(h5z.FILTER_ALL)
    for number, flags, parameters, _ in filters:
        properties.set_filter(number, flags, given_parameters(number, parameters))
    kind = like.id.get_type().copy()  # a named type of the other file is none here
    made = h5d.create(group.id, name.encode("utf-8", "surrogateescape"), kind, space, properties)
    return Facts(h5py.Dataset(made))
