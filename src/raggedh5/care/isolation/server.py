"""The process that waits for work on suspect files, and forks a child for each.

Calls come from stdin, a line of JSON each: module, function, arguments, and how much memory may be
allocated beyond what the process has. Answers go to stdout as lines, too: first ``alone``, whether
there is no child; then what `raggedh5.care.isolation.worker` says, last ``ended`` with the exit
status of the child (a signal as a negative number).

What is imported here need not be imported for each call, which takes a few milliseconds for that
reason; and whatever a damaged file did to the memory of a child is gone with the child. Where there
is no safe fork, which is everywhere but on Linux, calls are answered in this very process.
"""

import contextlib
import ctypes
import json
import os
import select
import signal
import sys
from collections.abc import Callable, Iterator

from raggedh5.care.isolation.worker import Line, answer

try:
    import resource
except ImportError:  # there are no such limits on Windows
    resource = None  # type: ignore[assignment]

__all__ = ["IDLE", "main"]

IDLE = 60.0
"""Seconds without a call after which the server goes."""

LOOK = 1.0
"""Seconds between two looks at whether the parent is still there."""

_STDIN = 0
_PIECE = 1 << 16


def main() -> None:
    """Answer calls until there are no more."""
    answers = os.dup(1)
    os.dup2(2, 1)  # what a plugin prints is no answer
    if resource is not None:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    out = Line(answers)
    forks = _can_fork()
    work: Callable[[bytes, Line], int] = _in_a_child if forks else _here
    for line in _calls() if forks else sys.stdin.buffer:
        out.write(alone=not forks)
        out.write(ended=work(line, out))
    os._exit(0)  # nothing here is worth the time that an interpreter takes to end


def _can_fork() -> bool:
    """Make ready to fork, and wait for a child; return whether that is possible and safe."""
    if sys.platform != "linux":
        return False
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # ignored, children could not be waited for
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which closes stdin
    try:
        os.close(os.pidfd_open(os.getpid()))
    except (AttributeError, OSError):
        return False
    return True


def _calls() -> Iterator[bytes]:
    """Yield the lines of stdin, until it is closed, the parent is gone, or nothing is asked."""
    parent, waiting = os.getppid(), 0.0
    held: list[bytes] = []
    while True:
        ready, _, _ = select.select([_STDIN], [], [], LOOK)
        if not ready:
            waiting += LOOK
            if waiting >= IDLE or os.getppid() != parent:
                return
            continue
        piece = os.read(_STDIN, _PIECE)
        if not piece:
            return
        held.append(piece)
        if piece.endswith(b"\n"):  # the next call comes when this one has been answered
            yield b"".join(held)
            held, waiting = [], 0.0


def _here(line: bytes, out: Line) -> int:
    answer(json.loads(line), out)
    return 0


def _in_a_child(line: bytes, out: Line) -> int:
    """Answer a call in a child process, and return its exit status."""
    server = os.getpid()
    try:
        child = os.fork()
    except OSError as error:
        out.write(error="OSError", message=f"no child process can be had: {error.strerror}")
        return 0
    if not child:
        status = 1
        try:
            _die_with(server)
            answer(json.loads(line), out)
            status = 0
        finally:
            os._exit(status)
    ended = os.pidfd_open(child)
    try:
        parent = os.getppid()
        while True:
            ready, _, _ = select.select([ended, _STDIN], [], [], LOOK)
            if ended in ready:
                break
            # There is no next call before this one is answered: stdin is at its end.
            if ready or os.getppid() != parent:
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)
                os._exit(0)
    finally:
        os.close(ended)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _die_with(server: int) -> None:
    """End when the server does, even in the middle of a call that never returns."""
    kill_on_parent_death = 1
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(kill_on_parent_death, int(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != server:
        os._exit(1)
