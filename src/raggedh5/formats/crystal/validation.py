"""Checks of a batch before it is written."""

from collections.abc import Mapping
from typing import Any

__all__ = ["check_batch"]


def check_batch(structures: Any, group: str, start: int, batch: Mapping[str, Any]) -> None:
    """Check a batch."""
