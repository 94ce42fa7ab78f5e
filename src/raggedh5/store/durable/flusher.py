"""Flushing without being asked: after so many rows, or after so many seconds."""

import datetime
import re
import threading
import weakref
from typing import Any, NamedTuple, Protocol

__all__ = ["Every", "Flusher", "Interval"]

Every = int | str | datetime.timedelta | None
"""How a user says when rows are flushed."""

SHORTEST = 0.01
LONGEST = 0.25
"""Seconds between two looks at the time."""

_UNITS = {"ms": 0.001, "s": 1.0, "min": 60.0, "h": 3600.0}


class Interval(NamedTuple):
    """When rows are flushed: so many of them, or so many seconds after the first; None: never."""

    rows: int | None = None
    seconds: float | None = None

    @classmethod
    def of(cls, value: Any) -> "Interval":
        """Return what a user means: a number of rows, a timedelta, or text with a unit.

        Raises
        ------
        ValueError
            If it is none of these, or not positive.

        Examples
        --------
        >>> Interval.of(1000), Interval.of("5 s"), Interval.of("100 rows")
        (Interval(rows=1000, seconds=None), Interval(rows=None, seconds=5.0), \
Interval(rows=100, seconds=None))
        """
        made = None
        if value is None:
            return cls()
        if isinstance(value, datetime.timedelta):
            made = cls(seconds=value.total_seconds())
        elif isinstance(value, int) and not isinstance(value, bool):
            made = cls(rows=value)
        elif isinstance(value, str):
            match = re.fullmatch(r"\s*(\d+(?:\.\d*)?)\s*(rows?|ms|s|min|h)\s*", value)
            if match and match[2].startswith("row") and match[1].isdecimal():
                made = cls(rows=int(match[1]))
            elif match and match[2] in _UNITS:
                made = cls(seconds=float(match[1]) * _UNITS[match[2]])
        if made is None or not (made.rows or made.seconds or 0) > 0:
            raise ValueError(
                f"flush_every is a number of rows, a timedelta, or text as '30 s' or '1000 rows', "
                f"not {value!r}"
            )
        return made

    def period(self, lag: float) -> float:
        """Return the seconds between two looks at the time, so that nothing is late by much."""
        return min(max(min(self.seconds or lag, lag) / 4, SHORTEST), LONGEST)


class Ticking(Protocol):
    """What looks at the time."""

    def tick(self) -> None:
        """Do what is due."""


class Flusher:
    """A thread that makes something look at the time, for as long as it is there.

    Parameters
    ----------
    owner
        What looks; only a weak reference to it is kept.
    period
        Seconds between two looks.
    """

    def __init__(self, owner: Ticking, period: float) -> None:
        self._over = threading.Event()
        arguments = (weakref.ref(owner), self._over, period)
        self._thread = threading.Thread(
            target=_serve, args=arguments, name="raggedh5-flush", daemon=True
        )
        self._thread.start()
        # A thread that is at work in HDF5 while the interpreter goes away would take it down.
        weakref.finalize(owner, _end, self._over, self._thread)

    def stop(self) -> None:
        """Let the thread end; it may be at its last look still."""
        self._over.set()


def _serve(owner: "weakref.ref[Ticking]", over: threading.Event, period: float) -> None:
    while not over.wait(period):
        found = owner()
        if found is None:
            return
        found.tick()
        del found


def _end(over: threading.Event, thread: threading.Thread) -> None:
    over.set()
    if thread is not threading.current_thread():
        thread.join(5.0)
