"""A bar on stderr for work that takes long, where somebody watches."""

import contextlib
from collections.abc import Iterator

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from raggedh5.care.progress import Progress as Report
from raggedh5.care.progress import silent

__all__ = ["progress_bar"]


@contextlib.contextmanager
def progress_bar(title: str) -> Iterator[Report]:
    """Yield what work is to call with what is done and what there is to do.

    Parameters
    ----------
    title
        What is being done, as ``"validating"``.
    """
    console = Console(stderr=True)
    if not console.is_terminal:
        yield silent
        return
    columns = TextColumn("{task.description}"), BarColumn(), TaskProgressColumn()
    with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as shown:
        task = shown.add_task(title, total=None)

        def report(done: int, total: int) -> None:
            shown.update(task, completed=done, total=total)

        yield report
