"""The server of child processes that waits between calls."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import misbehaving
from raggedh5.care.isolation.spare import run_isolated

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="calls are forked on Linux alone")


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "suspect.h5"
    path.write_bytes(b"x")
    return path


def server(path):
    return run_isolated(misbehaving.processes, {}, path=path)[1]


def test_it_is_used_again(path):
    assert server(path) == server(path)


def test_also_after_a_thread_has_ended(path):
    """A process that dies with its parent dies with the thread that started it."""
    seen = []
    thread = threading.Thread(target=lambda: seen.append(server(path)))
    thread.start()
    thread.join()
    assert server(path) == seen[0]


def test_calls_at_once_have_one_each(path):
    barrier, seen = threading.Barrier(3, timeout=60), []

    def call():
        run_isolated(
            misbehaving.slow, {"steps": 3}, path=path, progress=lambda done, total: barrier.wait()
        )
        seen.append(server(path))

    threads = [threading.Thread(target=call) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 3
    assert server(path) in seen


def test_the_child_of_a_fork_starts_its_own(path):
    first = server(path)
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.write(writing, str(server(path)).encode())
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    os.close(writing)
    with os.fdopen(reading) as told:
        assert int(told.read()) != first
    assert server(path) == first


def test_no_thread_is_left(path):
    server(path)
    assert [thread.name for thread in threading.enumerate() if "_collect" in thread.name] == []


def test_it_goes_with_the_interpreter(path, tmp_path):
    code = (
        "import sys, pathlib, misbehaving\n"
        "from raggedh5.care.isolation.spare import run_isolated\n"
        f"path = pathlib.Path({str(path)!r})\n"
        "print(run_isolated(misbehaving.processes, {}, path=path)[1])\n"
    )
    places = [str(Path(entry).absolute()) for entry in sys.path if entry]
    told = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(places)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stderr == ""
    assert not Path(f"/proc/{int(told.stdout)}").exists()
