"""Calls that are made in another thread, while this one goes on with something else."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Generic, TypeVar

__all__ = ["Companion"]

Key = TypeVar("Key")


class Companion(Generic[Key]):
    """Makes calls one after the other, in a thread of its own.

    Parameters
    ----------
    threaded
        False: calls are made at once, in the thread that asks for them.
    """

    def __init__(self, threaded: bool) -> None:
        self._threaded = threaded
        self._pool: ThreadPoolExecutor | None = None
        self._under_way: list[Future[None]] = []
        self._failed: dict[Key, Exception] = {}

    def call(self, key: Key, function: Callable[..., None], *args: Any) -> None:
        """Have a function called, unless an earlier call with this key has failed."""
        if self._threaded:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(1, "raggedh5-trajectories-aside")
            try:
                self._under_way.append(self._pool.submit(self._make, key, function, args))
                return
            except RuntimeError:  # the interpreter ends, and has no threads any more
                self._threaded = False
        self._make(key, function, args)

    def join(self) -> dict[Key, Exception]:
        """Wait for all calls; return the errors of those that have failed, by their keys."""
        under_way, self._under_way = self._under_way, []
        for future in under_way:
            future.result()
        failed, self._failed = self._failed, {}
        return failed

    def close(self) -> None:
        """End the thread."""
        if self._pool is not None:
            self._pool.shutdown()
            self._pool = None

    def _make(self, key: Key, function: Callable[..., None], args: tuple[Any, ...]) -> None:
        if key in self._failed:
            return
        try:
            function(*args)
        except Exception as error:
            self._failed[key] = error
