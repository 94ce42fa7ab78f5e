"""How work on whole files says how far it is."""

from collections.abc import Callable

__all__ = ["Progress", "silent"]

Progress = Callable[[int, int], None]
"""Called now and then with what is done and what there is to do, in bytes or another unit."""


def silent(done: int, total: int) -> None:
    """Say nothing."""
