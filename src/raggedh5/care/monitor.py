"""How long a block or a function takes, and how many bytes go through it."""

import functools
import inspect
import logging
import os
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar, overload

__all__ = ["Monitor", "monitor"]

Function = TypeVar("Function", bound=Callable[..., Any])

LOGGER = "raggedh5.monitor"


class Monitor:
    """Time, bytes and calls of a block or a function, added up over all calls in all threads.

    Use it in ``with``, as often as you like, or as a decorator; see `monitor`.

    Attributes
    ----------
    name : str
        What is being done.
    calls, errors : int
        How often it ended, and how often with an exception.
    seconds : float
        Time within it, by the clock: of several threads the sum, of calls within calls (in one
        thread) only that of the outermost.
    bytes_in, bytes_out : int
        What was told by `read` and `wrote`, and how much the `files` grew.
    """

    def __init__(
        self,
        name: str,
        *,
        logger: logging.Logger | str | None = None,
        files: Iterable[str | os.PathLike[str]] = (),
    ) -> None:
        self.name = name
        self.calls = 0
        self.errors = 0
        self.seconds = 0.0
        self.bytes_in = 0
        self.bytes_out = 0
        known = logger if isinstance(logger, logging.Logger) else None
        self._logger = known or logging.getLogger(logger if isinstance(logger, str) else LOGGER)
        self._files = [Path(file) for file in files]
        self._lock = threading.Lock()
        self._thread = threading.local()
        self._under_way = 0
        self._sizes: list[int] = []

    @property
    def mb_per_s_in(self) -> float:
        """Megabytes (10**6 bytes) that came in for each second; 0 while there was no time."""
        return self._rate(self.bytes_in)

    @property
    def mb_per_s_out(self) -> float:
        """Megabytes (10**6 bytes) that went out for each second; 0 while there was no time."""
        return self._rate(self.bytes_out)

    def read(self, count: int) -> None:
        """Tell of bytes that came in; any thread may, at any time."""
        with self._lock:
            self.bytes_in += int(count)

    def wrote(self, count: int) -> None:
        """Tell of bytes that went out; any thread may, at any time."""
        with self._lock:
            self.bytes_out += int(count)

    def as_dict(self) -> dict[str, Any]:
        """Return all numbers as plain data, of one moment."""
        with self._lock:
            return {
                "name": self.name,
                "calls": self.calls,
                "errors": self.errors,
                "seconds": self.seconds,
                "bytes_in": self.bytes_in,
                "bytes_out": self.bytes_out,
                "mb_per_s_in": self.mb_per_s_in,
                "mb_per_s_out": self.mb_per_s_out,
            }

    def __enter__(self) -> Self:
        """Start a call."""
        calls = self._calls()
        with self._lock:
            if self._files and not self._under_way:
                self._sizes = self._sizes_now()
            self._under_way += 1
            calls.append((self.bytes_in, self.bytes_out, time.perf_counter()))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End a call, and write a line to the log; an exception goes on."""
        end = time.perf_counter()
        calls = self._calls()
        bytes_in, bytes_out, begin = calls.pop()
        with self._lock:
            self.calls += 1
            self.errors += kind is not None
            if not calls:
                self.seconds += end - begin
            self._under_way -= 1
            if self._files and not self._under_way:
                grown = zip(self._sizes_now(), self._sizes, strict=True)
                self.bytes_out += sum(max(0, now - before) for now, before in grown)
            number = self.calls
            bytes_in, bytes_out = self.bytes_in - bytes_in, self.bytes_out - bytes_out
        self._log(number, end - begin, bytes_in, bytes_out, kind)

    def __call__(self, function: Function) -> Function:
        """Return a function that does the same, each call of it a call of this monitor.

        The monitor is its attribute `monitor`. A coroutine is measured until it is done; of a
        generator only the making is.
        """
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def measured(*args: Any, **options: Any) -> Any:
                with self:
                    return await function(*args, **options)
        else:

            @functools.wraps(function)
            def measured(*args: Any, **options: Any) -> Any:
                with self:
                    return function(*args, **options)

        measured.monitor = self  # type: ignore[attr-defined]
        return measured  # type: ignore[return-value]

    def __repr__(self) -> str:
        """Say what was measured so far."""
        numbers = ", ".join(f"{key}={value:.6g}" for key, value in list(self.as_dict().items())[1:])
        return f"<Monitor {self.name!r}: {numbers}>"

    def _calls(self) -> list[tuple[int, int, float]]:
        """Return how the calls began that are under way in this thread, outermost first."""
        calls: list[tuple[int, int, float]] = self._thread.__dict__.setdefault("calls", [])
        return calls

    def _sizes_now(self) -> list[int]:
        return [_size_of(path) for path in self._files]

    def _rate(self, count: int) -> float:
        return count / 1e6 / self.seconds if self.seconds else 0.0

    def _log(
        self,
        number: int,
        seconds: float,
        bytes_in: int,
        bytes_out: int,
        kind: type[BaseException] | None,
    ) -> None:
        if not self._logger.isEnabledFor(logging.INFO):
            return
        parts = [f"{seconds:.6f} s"]
        for count, way in ((bytes_in, "in"), (bytes_out, "out")):
            if count:
                rate = f", {count / 1e6 / seconds:.1f} MB/s" if seconds else ""
                parts.append(f"{count / 1e6:.3f} MB {way}{rate}")
        if kind is not None:
            parts.append(f"ended with {kind.__name__}")
        self._logger.info("%s (call %d): %s", self.name, number, "; ".join(parts))


def _size_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # not there yet, or not any more
        return 0


@overload
def monitor(name: Function, /) -> Function: ...
@overload
def monitor(
    name: str = ...,
    *,
    logger: logging.Logger | str | None = None,
    files: Iterable[str | os.PathLike[str]] = (),
) -> Monitor: ...
def monitor(
    name: Any = "block",
    *,
    logger: logging.Logger | str | None = None,
    files: Iterable[str | os.PathLike[str]] = (),
) -> Any:
    """Measure a block or a function: time, bytes in and out, MB/s, calls, exceptions.

    ``with monitor("packing") as m:`` for a block, ``@monitor("packing")`` or ``@monitor`` for a
    function, which then has its `Monitor` as the attribute `monitor`. Each call is a line of level
    INFO in the log; nothing is printed unless logging is set up to.

    Bytes are those that you tell of by ``m.read(n)`` and ``m.wrote(n)``. What the operating system
    counts for the process would take in whatever else it does, and leave out what is cached.

    Parameters
    ----------
    name : str
        What is being done.
    logger : logging.Logger or str, optional
        Where the lines go, by default ``"raggedh5.monitor"``.
    files : paths, optional
        Files whose growth from the beginning of a call to its end counts as bytes out. One that is
        replaced by one of the same size has not grown. Of calls that overlap, the growth is counted
        when the last of them ends.

    Returns
    -------
    Monitor
        Or, where it is given a function, that function, measured.

    Examples
    --------
    >>> with monitor("packing") as m:
    ...     m.read(4_000_000)
    >>> m.calls, m.bytes_in, m.seconds > 0
    (1, 4000000, True)
    >>> @monitor
    ... def double(x):
    ...     return 2 * x
    >>> double(4), double(5), double.monitor.calls
    (8, 10, 2)
    """
    if callable(name):
        return Monitor(getattr(name, "__qualname__", type(name).__name__))(name)
    return Monitor(name, logger=logger, files=files)
