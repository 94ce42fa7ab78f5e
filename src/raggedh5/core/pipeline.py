"""A few threads that share the calls of one task: the pool behind reads.

`concurrent.futures` costs a lock, a condition and some 20 microseconds a call; a chunk takes a few
hundred, a random row ten. Here a helper costs one queue entry and two locks, however many calls
there are, and the thread that asks takes its share of them.
"""

import _thread
import atexit
import contextlib
import os
import threading
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from queue import SimpleQueue
from typing import Any

__all__ = ["Pool", "Task", "available_threads"]

_running: "weakref.WeakKeyDictionary[threading.Thread, SimpleQueue[_Helper | None]]" = (
    weakref.WeakKeyDictionary()
)


def available_threads() -> int:
    """Return how many threads are worth starting: the cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0)) or 1
    return os.cpu_count() or 1


class Task:
    """Calls that the threads of a pool take one by one; `Pool.task` makes one."""

    def __init__(self, threads: int, queue: "SimpleQueue[_Helper | None] | None") -> None:
        self._threads = threads
        self._queue = queue
        self._left: deque[tuple[int, Callable[[], Any]]] = deque()
        self._helpers: list[_Helper] = []
        self._results: list[Any] = []
        self._errors: dict[int, BaseException] = {}

    def add(self, calls: Iterable[Callable[[], Any]]) -> None:
        """Let the other threads begin with `calls`."""
        more = list(enumerate(calls, len(self._results)))
        self._results.extend([None] * len(more))
        self._left.extend(more)
        if self._queue is not None:
            for _ in range(min(self._threads - 1, len(more))):
                helper = _Helper(self)
                self._helpers.append(helper)
                self._queue.put(helper)

    def finish(self) -> list[Any]:
        """Make the calls that are left, wait for the others, and return all results in order.

        The first error, in the order of the calls, is raised once every call has ended.
        """
        self.take_part()
        for helper in self._helpers:
            helper.finish()
        self._helpers.clear()  # they hold the task, and so its results
        if self._errors:
            raise self._errors[min(self._errors)]
        return self._results

    def take_part(self) -> None:
        """Make calls until none is left; their errors are kept for `finish`."""
        left = self._left
        while left:
            try:
                i, call = left.popleft()
            except IndexError:  # another thread was quicker
                return
            try:
                self._results[i] = call()
            except BaseException as error:
                self._errors[i] = error


class _Helper:
    """One thread's part in a task, until it has begun to be called off."""

    __slots__ = ("_begun", "_done", "_task")

    def __init__(self, task: Task) -> None:
        self._task = task
        self._begun = _thread.allocate_lock()
        self._done = _thread.allocate_lock()
        self._done.acquire()

    def run(self) -> None:
        """Take part, unless that was called off."""
        if self._begun.acquire(False):
            self._task.take_part()
            self._done.release()

    def finish(self) -> None:
        """Call it off, or wait for the end where it has begun."""
        if not self._begun.acquire(False):
            self._done.acquire()


class Pool:
    """Up to `threads` threads, the caller's counted; the first task starts the others.

    With one thread none is started. After a fork the child starts threads of its own.

    Examples
    --------
    >>> pool = Pool(2)
    >>> pool.map([lambda: 1, lambda: 2])
    [1, 2]
    >>> pool.close()
    """

    def __init__(self, threads: int | None = None) -> None:
        self.threads = available_threads() if threads is None else threads
        if self.threads < 1:
            raise ValueError(f"a pool has at least 1 thread, not {self.threads}")
        self._queue: SimpleQueue[_Helper | None] | None = None
        self._owner = 0
        self._start = threading.Lock()
        self._stop: weakref.finalize[Any, Any] | None = None

    def task(self) -> Task:
        """Return a task that is told its calls little by little."""
        return Task(self.threads, None if self.threads == 1 else self._running_queue())

    def map(self, calls: Iterable[Callable[[], Any]]) -> list[Any]:
        """Make all `calls`, and return their results in order.

        The first error, in the order of `calls`, is raised once every call has ended.
        """
        calls = list(calls)
        if self.threads == 1 or len(calls) < 2:
            return [call() for call in calls]
        task = self.task()
        task.add(calls)
        return task.finish()

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Make calls in the thread that asks: it may hold a lock that others would wait for."""
        threads, self.threads = self.threads, 1
        try:
            yield
        finally:
            self.threads = threads

    def close(self) -> None:
        """Let the workers end after what is queued. A later task starts new ones."""
        if self._stop is not None and self._owner == os.getpid():
            self._stop()
        self._queue = self._stop = None

    def _running_queue(self) -> "SimpleQueue[_Helper | None]":
        if self._queue is not None and self._owner == os.getpid():
            return self._queue
        if self._owner not in (0, os.getpid()):
            # The fork may have copied the lock while another thread of the parent held it.
            self._start = threading.Lock()
        with self._start:
            if self._queue is not None and self._owner == os.getpid():
                return self._queue
            if self._stop is not None:
                self._stop.detach()
            queue: SimpleQueue[_Helper | None] = SimpleQueue()
            for _ in range(self.threads - 1):
                thread = threading.Thread(target=_work, args=(queue,), name="raggedh5", daemon=True)
                thread.start()
                _running[thread] = queue
            self._stop = weakref.finalize(self, _end, queue, self.threads - 1)
            self._owner = os.getpid()
            self._queue = queue
            return queue


@atexit.register
def _finish() -> None:
    """Let every worker end before the interpreter does.

    A thread that is stopped in the middle of its work may hold a lock, HDF5's for one, that the
    interpreter would then wait for on its way out.
    """
    running = dict(_running)
    for queue in running.values():
        queue.put(None)
    for thread in running:
        thread.join()


def _work(queue: "SimpleQueue[_Helper | None]") -> None:
    while (helper := queue.get()) is not None:
        helper.run()
        del helper  # or the last results would stay alive while this waits for more


def _end(queue: "SimpleQueue[_Helper | None]", threads: int) -> None:
    for _ in range(threads):
        queue.put(None)
