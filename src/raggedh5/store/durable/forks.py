"""Locks that must not be held by another thread while the process forks.

A child has the locks as they were, but not the thread that would let go of them.
"""

import functools
import os
import threading
import weakref
from typing import Any

__all__ = ["hold_at_fork"]

_owners: weakref.WeakSet[Any] = weakref.WeakSet()
_outer: weakref.WeakSet[Any] = weakref.WeakSet()
_held = threading.local()


def hold_at_fork(owner: Any, outer: bool = False) -> None:
    """Have the `lock` of an object held, by the thread that forks, whenever one does.

    Parameters
    ----------
    owner
        Has a reentrant `lock` that is never held for long. Only a weak reference to it is kept.
    outer
        Whether others' locks are taken while this one is held: it is taken first, then.
    """
    (_outer if outer else _owners).add(owner)
    _register()


@functools.cache
def _register() -> None:
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(before=_take, after_in_parent=_give, after_in_child=_give)


def _take() -> None:
    owners = [*sorted(_outer, key=id), *sorted(_owners, key=id)]
    _held.locks = [owner.lock for owner in owners]
    for lock in _held.locks:
        lock.acquire()


def _give() -> None:
    for lock in reversed(_held.__dict__.pop("locks", [])):
        lock.release()
