"""Work on suspect files in a child process, with limits on its memory and on how long it may hang.

HDF5 itself reads the metadata of a file, and some that are damaged make it hang, crash, or ask for
all memory there is. A child that does so is stopped, and what happened becomes a `FormatError`.

The two speak in lines of JSON, see `raggedh5.care.isolation.worker`: what a hostile file holds may
come back as text, but nothing of it is unpickled or run.
"""

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import raggedh5.errors
from raggedh5.care.progress import Progress, silent
from raggedh5.errors import FormatError

__all__ = ["PATIENCE", "Isolated", "StoppedError", "child_environment", "run_isolated"]

PATIENCE = 10.0
"""Seconds without any progress that are taken for a hang."""

START = 120.0
"""Seconds that a child may take to start: machines are busy, file systems slow."""

SPARE = 256 << 20
CONTENT = 4
"""Times the size of the file, with `SPARE`, that the child may allocate."""

LONGEST_LINE = 1 << 26
_BOOT = "from raggedh5.care.isolation.worker import main; main()"
_END = b""


class StoppedError(FormatError):
    """The child crashed, hung, or needed too much memory.

    Attributes
    ----------
    kind : str
        ``"crash"``, ``"hang"`` or ``"memory"``.
    at : str
        What it was at: a path in the file, empty where it did not say.
    """

    def __init__(self, message: str, kind: str, at: str = "") -> None:
        super().__init__(message)
        self.kind = kind
        self.at = at


class Isolated:
    """A child process that calls functions, one after the other; use it in a ``with`` block.

    After a `StoppedError` the next call starts another child.

    Parameters
    ----------
    patience
        Seconds without progress after which the child is stopped.
    """

    def __init__(self, patience: float = PATIENCE) -> None:
        self.patience = patience
        self._process: subprocess.Popen[bytes] | None = None
        self._lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()

    def call(
        self,
        function: Callable[..., Any],
        arguments: Mapping[str, Any],
        *,
        path: Path,
        progress: Progress = silent,
    ) -> Any:
        """Call a function in the child and return its result.

        Parameters
        ----------
        function
            Of a module that can be imported. It is given `arguments`, and a `Pulse` as `pulse`.
        arguments
            Keyword arguments, of what JSON knows.
        path
            The suspect file: the child may allocate 4 times its size, and 256 MiB.
        progress
            Called as the function reports its own.

        Returns
        -------
        What the function returned, as JSON brings it back.

        Raises
        ------
        StoppedError
            If the child crashed, hung, or needed more memory than that.
        RaggedH5Error, OSError
            What the function raised.
        """
        if self._process is None:
            self._start()
        request = {
            "module": function.__module__,
            "function": function.__qualname__,
            "arguments": dict(arguments),
            "memory": CONTENT * path.stat().st_size + SPARE,
        }
        try:
            self._send(request)
            return self._answer(path, progress)
        except BaseException as error:
            # An error of the function's own leaves the child as good as it was.
            if not getattr(error, "_of_function", False):
                self.close()
            raise

    def close(self) -> None:
        """Stop the child."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop the child."""
        self.close()

    def _start(self) -> None:
        if not sys.executable:
            raise RuntimeError("there is no Python to start for a child process; isolated=False")
        # Not -m: that would look for modules beside the suspect file first.
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", _BOOT],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=child_environment(),
        )
        self._lines = queue.SimpleQueue()
        reader = threading.Thread(
            target=_collect, args=(self._process.stdout, self._lines), daemon=True
        )
        reader.start()

    def _send(self, request: Mapping[str, Any]) -> None:
        process = self._process
        if process is None or process.stdin is None:
            raise RuntimeError("the child process is gone")
        with contextlib.suppress(BrokenPipeError):  # the answer says why
            process.stdin.write(json.dumps(request).encode() + b"\n")
            process.stdin.flush()

    def _answer(self, path: Path, progress: Progress) -> Any:
        at, wait = "", START
        while True:
            try:
                line = self._lines.get(timeout=wait)
            except queue.Empty:
                raise StoppedError(
                    f"{path}{_at(at)}: HDF5 hangs there: no progress for {wait:g} s in a child "
                    "process, which was stopped; the file is damaged",
                    "hang",
                    at,
                ) from None
            wait = self.patience
            if line == _END:
                raise self._crash(path, at)
            said = json.loads(line)
            at = said.get("at", at)
            if "done" in said:
                progress(said["done"], said["total"])
            if "result" in said:
                return said["result"]
            if "error" in said:
                raise _error(said, path, at)

    def _crash(self, path: Path, at: str) -> StoppedError:
        process = self._process
        code = process.wait() if process is not None else 0
        how = f"exit status {code}"
        if code < 0:
            with contextlib.suppress(ValueError):
                how = signal.Signals(-code).name
        return StoppedError(
            f"{path}{_at(at)}: reading it crashed a child process ({how}); the file is damaged",
            "crash",
            at,
        )


def run_isolated(
    function: Callable[..., Any],
    arguments: Mapping[str, Any],
    *,
    path: Path,
    patience: float = PATIENCE,
    progress: Progress = silent,
) -> Any:
    """Call a function in a fresh child process; see `Isolated.call`.

    Examples
    --------
    >>> import raggedh5 as rh5, tempfile, pathlib
    >>> from raggedh5.care.isolation.worker import echo
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "x.h5"
    >>> rh5.write(path, {})
    >>> run_isolated(echo, {"value": [1, "two"]}, path=path)
    [1, 'two']
    """
    with Isolated(patience) as child:
        return child.call(function, arguments, path=path, progress=progress)


def _error(said: Mapping[str, Any], path: Path, at: str) -> Exception:
    name, message = said["error"], said["message"]
    if name == "MemoryError":
        return StoppedError(
            f"{path}{_at(at)}: it takes more memory than {CONTENT} times the file and "
            f"{SPARE >> 20} MiB to read; if the file is to be trusted, use isolated=False",
            "memory",
            at,
        )
    kind = getattr(raggedh5.errors, name, None) or _BUILTIN.get(name)
    error: Exception = kind(message) if kind is not None else FormatError(f"{name}: {message}")
    error._of_function = True  # type: ignore[attr-defined]
    return error


_BUILTIN: dict[str, type[Exception]] = {
    kind.__name__: kind
    for kind in (FileExistsError, FileNotFoundError, PermissionError, OSError, KeyError)
}


def _at(at: str) -> str:
    return f", {at}" if at else ""


def child_environment() -> dict[str, str]:
    """Return the environment of a child that is to find the modules that this process finds."""
    found = [entry for entry in sys.path if entry and Path(entry).is_absolute()]
    root = str(Path(raggedh5.errors.__file__).parent.parent)
    places = [*found, *([] if root in found else [root])]
    return os.environ | {"PYTHONPATH": os.pathsep.join(places)}


def _collect(stream: IO[bytes], lines: "queue.SimpleQueue[bytes]") -> None:
    """Put the lines of a pipe where they can be waited for, on any system."""
    with contextlib.suppress(OSError, ValueError):
        while line := stream.readline(LONGEST_LINE):
            lines.put(line)
    lines.put(_END)
