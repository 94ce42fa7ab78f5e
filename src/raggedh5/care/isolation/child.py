"""Work on suspect files in a child process, with limits on its memory and on how long it may hang.

HDF5 itself reads the metadata of a file, and some that are damaged make it hang, crash, or ask for
all memory there is. A child that does so is stopped, and what happened becomes a `FormatError`.

The two speak in lines of JSON, see `raggedh5.care.isolation.server`: what a hostile file holds may
come back as text, but nothing of it is unpickled or run.
"""

import contextlib
import json
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from raggedh5.care.isolation.environment import inherited
from raggedh5.care.isolation.server import IDLE
from raggedh5.care.isolation.stopped import CONTENT, SPARE, StoppedError, error_of
from raggedh5.care.progress import Progress, silent
from raggedh5.errors import FormatError

__all__ = ["PATIENCE", "Isolated"]

PATIENCE = 10.0
"""Seconds without any progress that are taken for a hang."""

START = 120.0
"""Seconds that a server may take to start: machines are busy, file systems slow."""

LEAVE = 1.0
"""Seconds that a server may take to go by itself, its child with it."""

LONGEST_LINE = 1 << 26
_BOOT = "from raggedh5.care.isolation.server import main; main()"
_GONE = b""


class Isolated:
    """Calls functions in child processes, one after the other; use it in a ``with`` block.

    The children are forks of a process that is started for the first call, and waits for the next
    one. Not for use by several threads at once.

    Parameters
    ----------
    patience
        Seconds without progress after which a child is stopped.
    """

    def __init__(self, patience: float = PATIENCE) -> None:
        self.patience = patience
        self._server: subprocess.Popen[bytes] | None = None
        self._inherited: dict[str, Any] = {}
        self._used = 0.0

    def call(
        self,
        function: Callable[..., Any],
        arguments: Mapping[str, Any],
        *,
        path: Path,
        progress: Progress = silent,
    ) -> Any:
        """Call a function in a child and return its result.

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
        ChildProcessError
            If there is no child to be had.
        RaggedH5Error, OSError
            What the function raised.
        """
        request = {
            "module": function.__module__,
            "function": function.__qualname__,
            "arguments": dict(arguments),
            "memory": CONTENT * path.stat().st_size + SPARE,
        }
        try:
            said = self._ask(request, path, progress)
            if "gone" in said:  # the server itself: somebody has stopped it
                self.close()
                said = self._ask(request, path, progress)
            if "gone" in said:
                raise ChildProcessError(f"{path} was not read: a child process {said['gone']}")
        except BaseException:
            self.close()
            raise
        self._used = time.monotonic()
        if "ended" in said:
            raise StoppedError.crash(path, said["at"], _how(said["ended"]))
        if "error" in said:
            raise error_of(said, path, said["at"])
        return said["result"]

    def close(self) -> None:
        """Stop the server, and its child."""
        server, self._server = self._server, None
        if server is None:
            return
        if server.stdin is not None:
            with contextlib.suppress(OSError):
                server.stdin.close()
        try:
            server.wait(LEAVE)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
        if server.stdout is not None:
            with contextlib.suppress(OSError):
                server.stdout.close()

    def abandon(self) -> None:
        """Forget the server without stopping it: in the child of a fork, it is not this one's."""
        server, self._server = self._server, None
        if server is None:
            return
        for stream in (server.stdin, server.stdout):
            if stream is not None:
                stream.close()
        server.returncode = 0  # so that nothing waits for it

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop the server."""
        self.close()

    def _ready(self) -> subprocess.Popen[bytes]:
        """Return a server that takes a call: the one there is, if it is as a new one would be."""
        now = inherited()
        if self._server is not None and (
            self._server.poll() is not None
            or self._inherited != now
            or time.monotonic() - self._used > IDLE / 2
        ):
            self.close()
        if self._server is None:
            if not sys.executable:
                raise RuntimeError("there is no Python to start a child process; isolated=False")
            self._inherited = now
            # Not -m: that would look for modules beside the suspect file first.
            self._server = subprocess.Popen(
                [sys.executable, "-P", "-c", _BOOT],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                # A process with one thread can be forked; those of a BLAS would be of no use.
                env={**now["environment"], "OPENBLAS_NUM_THREADS": "1"},
            )
        return self._server

    def _ask(self, request: Mapping[str, Any], path: Path, progress: Progress) -> dict[str, Any]:
        """Return the result, the error, or how the child ended without; and where it was ``at``.

        ``gone`` says how the server ended, where that is not the fault of the file.
        """
        lines = _send(self._ready(), request)
        at, wait = "", START
        last: dict[str, Any] | None = None
        alone = False
        while True:
            try:
                line = lines.get(timeout=wait)
            except queue.Empty:
                raise StoppedError.hang(path, at, wait) from None
            wait = self.patience
            if line == _GONE:
                how = self._how_the_server_ended()
                if alone:
                    raise StoppedError.crash(path, at, how)
                return {"gone": f"ended ({how})"}
            if not line.endswith(b"\n"):
                raise FormatError(f"{path}: there is too much to be said of it")
            said = json.loads(line)
            alone = alone or said.get("alone", False)
            at = said.get("at", at)
            if "done" in said:
                progress(said["done"], said["total"])
            elif "result" in said or "error" in said:
                last = said
            elif "ended" in said:
                return (last or said) | {"at": at}

    def _how_the_server_ended(self) -> str:
        return _how(self._server.wait()) if self._server is not None else "it is gone"


def _how(status: int) -> str:
    with contextlib.suppress(ValueError):
        if status < 0:
            return signal.Signals(-status).name
    return f"exit status {status}"


def _send(
    server: "subprocess.Popen[bytes]", request: Mapping[str, Any]
) -> "queue.SimpleQueue[bytes]":
    """Send a call, and return where its answers arrive."""
    lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    # A thread, since pipes cannot be waited for on every system; it ends with the call.
    threading.Thread(target=_collect, args=(server.stdout, lines), daemon=True).start()
    if server.stdin is not None:
        with contextlib.suppress(OSError, ValueError):  # the answers end, too
            server.stdin.write(json.dumps(request).encode() + b"\n")
            server.stdin.flush()
    return lines


def _collect(stream: IO[bytes], lines: "queue.SimpleQueue[bytes]") -> None:
    """Put the answers to one call where they can be waited for."""
    with contextlib.suppress(OSError, ValueError):
        while line := stream.readline(LONGEST_LINE):
            lines.put(line)
            if line.startswith(b'{"ended"'):
                return
    lines.put(_GONE)
