"""A call in a child process that works on a suspect file: its limits, and what it says.

What it says are lines of JSON: progress (``done``, ``total``), where the work is (``at``), and last
the ``result``, or an ``error`` with its ``message``. See `raggedh5.care.isolation.server`.
"""

import contextlib
import gc
import importlib
import json
import os
import threading
import time
from typing import Any

from raggedh5.care.isolation.pulse import Pulse
from raggedh5.core.pipeline import available_threads

try:
    import resource
except ImportError:  # there are no such limits on Windows
    resource = None  # type: ignore[assignment]

__all__ = ["MOST_THREADS", "Line", "answer", "echo"]

MOST_THREADS = 16
"""Threads have stacks, which count as allocated memory."""

STACK = 1 << 23
INTERVAL = 0.1
"""Seconds between two lines that say how far the work is."""


class Line:
    """Writes lines of JSON, from any thread."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._lock = threading.Lock()

    def write(self, **said: Any) -> None:
        """Write one line."""
        data = memoryview(json.dumps(said).encode() + b"\n")
        with self._lock:
            while data:
                data = data[os.write(self._descriptor, data) :]


class Sender(Pulse):
    """Progress that goes to the parent, not too often."""

    def __init__(self, out: Line) -> None:
        self._out = out
        self._last = 0.0

    def __call__(self, done: int, total: int) -> None:
        """See `Pulse`."""
        now = time.monotonic()
        if now - self._last > INTERVAL:
            self._last = now
            self._out.write(done=done, total=total)

    def at(self, path: str) -> None:
        """See `Pulse`."""
        self._out.write(at=path)


def echo(value: Any, pulse: Pulse) -> Any:
    """Return `value`: to see whether a child works."""
    pulse(1, 1)
    return value


def answer(call: dict[str, Any], out: Line) -> None:
    """Call the function that is asked for, and write its result, or its error."""
    try:
        function = getattr(importlib.import_module(call["module"]), call["function"])
        with _limited(call["memory"]):
            result = function(**call["arguments"], pulse=Sender(out))
        out.write(result=result)
    except Exception as error:
        name, message = _described(error)
        del error
        out.write(error=name, message=message)


def _described(error: Exception) -> tuple[str, str]:
    if isinstance(error, OSError) and type(error).__module__ == "builtins" and error.strerror:
        return type(error).__name__, f"{error.filename or ''}: {error.strerror}"
    text = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
    return type(error).__name__, text


@contextlib.contextmanager
def _limited(memory: int) -> Any:
    """Let no more than that be allocated beyond what there is now, where the system can see to it.

    RLIMIT_DATA counts what was asked for, whether it is touched or not: a lie about a size fails
    before it costs anything.
    """
    held = _allocated()
    if resource is None or held is None:
        yield
        return
    gc.collect()
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    limit = held + memory + STACK * min(available_threads(), MOST_THREADS)
    if hard != resource.RLIM_INFINITY:
        limit = min(limit, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def _allocated() -> int | None:
    """Return the bytes that count for RLIMIT_DATA, None where that is not known."""
    try:
        with open("/proc/self/status") as status:  # noqa: PTH123 - no file of anybody's
            for line in status:
                if line.startswith("VmData:"):
                    return int(line.split()[1]) << 10
    except (OSError, ValueError):
        pass
    return None
