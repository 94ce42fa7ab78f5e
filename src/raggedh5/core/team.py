"""The threads that code chunks for one writer, started by the first chunk."""

import _thread
import contextlib
import os
import weakref

from raggedh5.core.cursors import Packing
from raggedh5.kernels.coder import Team, Work

__all__ = ["CodingThreads"]

QUEUE = 1 << 12


class CodingThreads:
    """Threads that code chunks without ever taking the GIL.

    The thread that hands chunks in is one of them: it has a core to itself while it packs, and it
    helps where it would otherwise wait. So with one thread none is started, and chunks are coded
    where they are handed in; so they are in the child of a fork, which has the queue but not the
    threads.

    Parameters
    ----------
    threads
        How many, the one that hands chunks in counted.
    """

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self._team: Team | None = None
        self._owner = 0
        self._stop: weakref.finalize[..., CodingThreads] | None = None

    def put(self, work: Work) -> None:
        """Have `work` coded. It is kept until then, also where the caller lets go of it."""
        team = self._running()
        if team is None or not team.put(work):
            work.run()

    def share(self, packing: Packing, alone: bool = False) -> None:
        """Pack columns here and, unless `alone`, in all threads that have nothing to do."""
        packing.share(None if alone else self._running())

    def result(self, work: Work) -> int:
        """Wait until `work` is coded, and code what is queued meanwhile; see `Work.result`."""
        team = self._team
        if team is not None and self._owner == os.getpid():
            while not work.ready() and team.help():
                pass
        return work.result()

    def close(self) -> None:
        """Let the threads end, once all is coded. What comes later starts new ones."""
        if self._stop is not None:
            self._stop()
        self._team = self._stop = None

    def _running(self) -> Team | None:
        if self.threads == 1 or self._owner not in (0, os.getpid()):
            return None
        if self._team is None:
            team = self._team = Team(QUEUE)
            self._owner = os.getpid()
            self._stop = weakref.finalize(self, _end, team, self._owner)
            for _ in range(self.threads - 1):
                # `threading.Thread` waits for the thread to say that it has started. It may have to
                # wait for h5py's lock first, for the sake of some garbage, which this thread may
                # hold.
                # The system may have none to give, and the interpreter at its end.
                with contextlib.suppress(RuntimeError):
                    _thread.start_new_thread(team.serve, ())
        return self._team


def _end(team: Team, owner: int) -> None:
    """Let the threads end, and wait until they touch none of what they were given any more."""
    if owner == os.getpid():
        team.stop()
        while team.help():  # also where the system had no thread to give
            pass
        team.wait()
