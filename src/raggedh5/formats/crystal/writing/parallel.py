"""Several processes write a part each, and the parts are joined in order."""

import concurrent.futures
import itertools
import tempfile
from collections.abc import Sequence
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from pathlib import Path
from typing import Any

from raggedh5.care.progress import Progress, silent
from raggedh5.errors import WriteError
from raggedh5.formats.crystal.writing.parts import join_parts

__all__ = ["write_parts"]


def write_parts(
    path: Path, batches: Sequence[Any], workers: int, task: Any, progress: Progress
) -> Any:
    """Write batches in several processes.

    Parameters
    ----------
    path
        The file.
    batches
        All of them; each worker asks for its own.
    workers
        How many processes.
    task
        Writes batches to a file.
    progress
        Called with the batches of parts that are done, and all.

    Returns
    -------
    WritingReport
        Of all parts together.

    Raises
    ------
    WriteError
        If a worker died, or the file cannot be written. Temporary files are gone then.
    """
    count = max(min(workers, len(batches)), 1)
    bounds = [len(batches) * i // count for i in range(count + 1)]
    ranges = [range(a, b) for a, b in itertools.pairwise(bounds)]
    # Beside the target: the joined file is renamed, which must not mean to copy it.
    with tempfile.TemporaryDirectory(prefix=f".{path.name}-parts-", dir=path.parent) as folder:
        paths = [Path(folder) / f"{number}.h5" for number in range(count)]
        reports = []
        done = 0
        with concurrent.futures.ProcessPoolExecutor(count) as pool:
            jobs = [
                pool.submit(_write_part, task, part, batches, numbers)
                for part, numbers in zip(paths, ranges, strict=True)
            ]
            try:
                for job in concurrent.futures.as_completed(jobs):
                    job.result()
                    done += len(ranges[jobs.index(job)])
                    progress(done, len(batches))
                reports = [job.result() for job in jobs]
            except BrokenProcessPool as error:
                raise WriteError(f"{path}: a worker died; nothing was written") from error
            except BaseException:
                for job in jobs:
                    job.cancel()
                raise
        joined = Path(folder) / "joined.h5"
        join_parts(paths, joined, dict(task.options))
        joined.replace(path)
    return replace(
        reports[0],
        path=str(path),
        batches=sum(report.batches for report in reports),
        structures=sum(report.structures for report in reports),
        failed=tuple(failure for report in reports for failure in report.failed),
    )


def _write_part(task: Any, path: Path, batches: Sequence[Any], numbers: range) -> Any:
    own = _Part(batches, numbers)
    options = {"threads": 1, **task.options}
    return replace(task, options=options).write(path, own, None, silent, numbers.start)


class _Part(Sequence[Any]):
    """Some items of a sequence, asked for one by one."""

    def __init__(self, items: Sequence[Any], numbers: range) -> None:
        self._items = items
        self._numbers = numbers

    def __len__(self) -> int:
        return len(self._numbers)

    def __getitem__(self, place: Any) -> Any:
        return self._items[self._numbers[place]]
