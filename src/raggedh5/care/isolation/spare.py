"""The server of child processes that waits between calls, so that the next need not start one."""

import atexit
import os
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from raggedh5.care.isolation.child import PATIENCE, Isolated
from raggedh5.care.progress import Progress, silent

__all__ = ["run_isolated"]


class _Spare:
    """One `Isolated` that nobody uses just now."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: Isolated | None = None

    def take(self) -> Isolated:
        with self._lock:
            kept, self._kept = self._kept, None
        return kept or Isolated()

    def put(self, child: Isolated) -> None:
        with self._lock:
            before, self._kept = self._kept, child
        if before is not None:
            before.close()

    def close(self) -> None:
        self.take().close()

    def after_fork(self) -> None:
        self._lock = threading.Lock()  # somebody may have had it
        self.take().abandon()


_spare = _Spare()
atexit.register(_spare.close)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_spare.after_fork)


def run_isolated(
    function: Callable[..., Any],
    arguments: Mapping[str, Any],
    *,
    path: Path,
    patience: float = PATIENCE,
    progress: Progress = silent,
) -> Any:
    """Call a function in a child process of its own; see `Isolated.call`.

    The process that it is forked from stays for a minute: a first call takes some tenths of a
    second longer than the next.

    Examples
    --------
    >>> import raggedh5 as rh5, tempfile, pathlib
    >>> from raggedh5.care.isolation.worker import echo
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "x.h5"
    >>> rh5.write(path, {})
    >>> run_isolated(echo, {"value": [1, "two"]}, path=path)
    [1, 'two']
    """
    child = _spare.take()
    child.patience = patience
    try:
        return child.call(function, arguments, path=path, progress=progress)
    finally:
        _spare.put(child)
