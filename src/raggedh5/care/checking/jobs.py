"""Many small jobs dealt out to the threads of a pool while they are still being thought up."""

import threading
from collections.abc import Callable, Iterator

from raggedh5.core.pipeline import Pool

__all__ = ["run_jobs"]

Job = Callable[[], None]


def run_jobs(pool: Pool, jobs: Iterator[Job]) -> None:
    """Do all jobs; the threads take turns at the iterator, and never wait for each other's jobs.

    An error of a job, or of the iterator, is raised once all threads have ended.
    """
    turn = threading.Lock()

    def work() -> None:
        while True:
            with turn:
                job = next(jobs, None)
            if job is None:
                return
            job()

    pool.map([work] * pool.threads)
