"""Handlers of signals that wait until something has been done as a whole."""

# What `signal` wraps, without making an enum of each number: ten times as fast.
import _signal  # type: ignore[import-not-found]
import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any

__all__ = ["deferred_signals"]

NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGALRM", "SIGUSR1", "SIGUSR2")
_NUMBERS = [number for name in NAMES if (number := getattr(signal, name, None)) is not None]

Handler = Callable[[int, FrameType | None], Any]


class _DeferredSignals:
    """A context in which no handler runs that was set in Python: they run when it is left.

    Otherwise what they raise, as `KeyboardInterrupt` is by Ctrl-C, would be raised between any two
    steps of what is done there. In threads other than the main one there is nothing to do: handlers
    never run there.
    """

    def __init__(self) -> None:
        self._depth = 0
        self._handlers: dict[int, Handler] = {}
        self._came: list[tuple[int, FrameType | None]] = []

    def __enter__(self) -> None:
        if threading.current_thread() is not threading.main_thread():
            return
        if self._depth:
            self._depth += 1
            return
        try:
            for number in _NUMBERS:
                handler = _signal.getsignal(number)
                if callable(handler):
                    self._handlers[number] = handler
                    _signal.signal(number, self._note)
        except ValueError:  # an interpreter that is not the main one has no signals
            self._handlers.clear()
        except BaseException:
            self._restore()
            raise
        self._depth = 1

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if threading.current_thread() is not threading.main_thread():
            return
        self._depth -= 1
        if self._depth == 0:
            handlers = self._restore()
            raised = None
            while self._came:
                number, frame = self._came.pop(0)
                try:
                    handlers[number](number, frame)
                except BaseException as of_handler:  # after the others have run
                    raised = raised or of_handler
            if raised is not None:
                raise raised

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._came.append((number, frame))

    def _restore(self) -> dict[int, Handler]:
        handlers, self._handlers = self._handlers, {}
        raised = None
        for number, handler in handlers.items():
            try:
                _signal.signal(number, handler)
            except BaseException as error:  # by a handler that is in its place again
                _signal.signal(number, handler)
                raised = error
        if raised is not None:
            raise raised
        return handlers


deferred_signals = _DeferredSignals()
