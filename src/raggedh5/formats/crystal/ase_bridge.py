"""Structures as `ase.Atoms`."""

from collections.abc import Mapping
from typing import Any

__all__ = ["to_ase"]


def to_ase(structure: Mapping[str, Any]) -> Any:
    """Return one structure as `ase.Atoms`."""
    raise NotImplementedError
