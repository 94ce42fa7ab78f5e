"""A few threads that take work in order and hand back results: the pool behind reads and writes.

`concurrent.futures` costs a lock, a condition and some 20 microseconds a task; a chunk takes a few
hundred, a random row ten. Here a task is one queue entry and one lock.
"""

import _thread
import atexit
import os
import threading
import weakref
from collections.abc import Callable, Iterable
from queue import SimpleQueue
from typing import Any

__all__ = ["Pool", "Task", "available_threads"]

_running: "weakref.WeakKeyDictionary[threading.Thread, SimpleQueue[Task | None]]" = (
    weakref.WeakKeyDictionary()
)


def available_threads() -> int:
    """Return how many threads are worth starting: the cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0)) or 1
    return os.cpu_count() or 1


class Task:
    """A call that runs in a pool; `result` waits for it."""

    __slots__ = ("_call", "_done", "_error", "_value")

    def __init__(self, call: Callable[[], Any]) -> None:
        self._call: Callable[[], Any] | None = call
        self._error: BaseException | None = None
        self._value: Any = None
        self._done = _thread.allocate_lock()
        self._done.acquire()

    def run(self) -> None:
        """Run the call and keep what it returns or raises."""
        call, self._call = self._call, None
        try:
            self._value = call() if call is not None else None
        except BaseException as error:  # handed to whoever waits
            self._error = error
        self._done.release()

    def ready(self) -> bool:
        """Whether `result` returns at once."""
        return not self._done.locked()

    def wait(self) -> None:
        """Wait until the call has ended, well or not."""
        self._done.acquire()
        self._done.release()

    def result(self) -> Any:
        """Wait, then return what the call returned or raise what it raised."""
        self.wait()
        if self._error is not None:
            raise self._error
        return self._value


class Pool:
    """Up to `threads` worker threads, started by the first task.

    With one thread none is started: tasks run where they are submitted. After a fork the child
    starts workers of its own.

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
        self._queue: SimpleQueue[Task | None] | None = None
        self._owner = 0
        self._start = threading.Lock()
        self._stop: weakref.finalize[Any, Any] | None = None

    def submit(self, call: Callable[[], Any]) -> Task:
        """Queue `call` and return its task."""
        task = Task(call)
        if self.threads == 1:
            task.run()
        else:
            if self._queue is None or self._owner != os.getpid():
                self._open()
            queue = self._queue
            if queue is not None:
                queue.put(task)
        return task

    def map(self, calls: Iterable[Callable[[], Any]]) -> list[Any]:
        """Run all `calls`, wait for all of them, and return their results in order.

        The first error, in the order of `calls`, is raised once every call has ended.
        """
        calls = list(calls)
        if self.threads == 1 or len(calls) < 2:
            return [call() for call in calls]
        tasks = [self.submit(call) for call in calls]
        failed: BaseException | None = None
        results = []
        for task in tasks:
            try:
                results.append(task.result())
            except BaseException as error:
                failed = failed or error
        if failed is not None:
            raise failed
        return results

    def close(self) -> None:
        """Let the workers end after what is queued. A later task starts new ones."""
        if self._stop is not None and self._owner == os.getpid():
            self._stop()
        self._queue = self._stop = None

    def _open(self) -> None:
        if self._owner not in (0, os.getpid()):
            # The fork may have copied the lock while another thread of the parent held it.
            self._start = threading.Lock()
        with self._start:
            if self._queue is not None and self._owner == os.getpid():
                return
            if self._stop is not None:
                self._stop.detach()
            queue: SimpleQueue[Task | None] = SimpleQueue()
            for _ in range(self.threads):
                thread = threading.Thread(target=_work, args=(queue,), name="raggedh5", daemon=True)
                thread.start()
                _running[thread] = queue
            self._stop = weakref.finalize(self, _end, queue, self.threads)
            self._owner = os.getpid()
            self._queue = queue


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


def _work(queue: "SimpleQueue[Task | None]") -> None:
    while (task := queue.get()) is not None:
        task.run()
        del task  # or the last result would stay alive while this waits for more


def _end(queue: "SimpleQueue[Task | None]", threads: int) -> None:
    for _ in range(threads):
        queue.put(None)
