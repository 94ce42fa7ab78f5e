"""A child process that hangs, crashes or takes too much memory becomes an error of ours."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import misbehaving
import raggedh5 as rh5
from raggedh5.care.isolation import child as child_module
from raggedh5.care.isolation.child import Isolated
from raggedh5.care.isolation.spare import run_isolated
from raggedh5.care.isolation.stopped import StoppedError

FORKS = pytest.mark.skipif(sys.platform != "linux", reason="calls are forked on Linux alone")
LIMITED = pytest.mark.skipif(sys.platform != "linux", reason="memory is limited on Linux alone")


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "suspect.h5"
    path.write_bytes(b"x")
    return path


def test_a_hang_is_stopped(path):
    with pytest.raises(StoppedError, match=r"suspect\.h5, \d+: HDF5 hangs") as caught:
        run_isolated(misbehaving.hang, {}, path=path, patience=1)
    assert caught.value.kind == "hang"
    assert isinstance(caught.value, rh5.FormatError)


def test_slow_work_is_not_a_hang(path):
    seen = []
    done = run_isolated(
        misbehaving.slow,
        {"steps": 10},
        path=path,
        patience=1,
        progress=lambda done, total: seen.append((done, total)),
    )
    assert done == 10
    assert seen[-1] == (9, 10)
    assert seen == sorted(seen)


@pytest.mark.parametrize(("function", "how"), [("crash", "SIGSEGV"), ("leave", "exit status 3")])
def test_a_crash_is_reported(path, function, how):
    with pytest.raises(StoppedError, match=how) as caught:
        run_isolated(getattr(misbehaving, function), {}, path=path)
    assert caught.value.kind == "crash"
    assert caught.value.at == ("/there" if function == "crash" else "")


@LIMITED
@pytest.mark.parametrize("function", ["allocate", "allocate_many"])
def test_memory_is_limited(path, function):
    arguments = {"nbytes": 1 << 30} if function == "allocate" else {}
    with pytest.raises(StoppedError, match="memory") as caught:
        run_isolated(getattr(misbehaving, function), arguments, path=path)
    assert caught.value.kind == "memory"


@LIMITED
def test_a_large_file_may_take_more_memory(path):
    assert run_isolated(misbehaving.allocate, {"nbytes": 1 << 27}, path=path) == 0
    with path.open("r+b") as file:
        file.truncate(1 << 28)
    assert run_isolated(misbehaving.allocate, {"nbytes": 1 << 30}, path=path) == 0


@pytest.mark.parametrize(
    ("kind", "error", "says"),
    [
        ("ours", rh5.CodecError, "said by the child"),
        ("key", KeyError, "a name"),
        ("missing", FileNotFoundError, r"x\.h5: No such file"),
        ("odd", rh5.FormatError, "ZeroDivisionError: of no use"),
    ],
)
def test_errors_come_back(path, kind, error, says):
    with pytest.raises(error, match=says):
        run_isolated(misbehaving.fail, {"kind": kind}, path=path)


def test_what_is_printed_is_no_answer(path):
    assert run_isolated(misbehaving.chatter, {}, path=path) == "ünïcode \udc80"


def processes(child, path):
    """Return the processes that a call runs in: its own, and the one that is kept."""
    return child.call(misbehaving.processes, {}, path=path)


def gone(process):
    """Return whether a process ends soon; one that nobody waited for has ended, too."""
    for _ in range(100):
        try:
            status = Path(f"/proc/{process}/stat").read_text()
        except FileNotFoundError:
            return True
        if status.rsplit(")")[-1].split()[0] == "Z":
            return True
        time.sleep(0.05)
    return False


@FORKS
def test_each_call_has_a_child_of_its_own_from_one_server(path):
    with Isolated() as child:
        first, server = processes(child, path)
        assert child.call(misbehaving.remember, {"value": 3}, path=path) == [3]
        assert child.call(misbehaving.remember, {"value": 4}, path=path) == [4]
        with pytest.raises(StoppedError):
            child.call(misbehaving.crash, {}, path=path)
        second, same = processes(child, path)
    assert same == server
    assert len({first, second, server, os.getpid()}) == 4
    assert all(map(gone, (first, second, server)))


@FORKS
@pytest.mark.parametrize("ignoring", [False, True])
def test_a_child_that_hangs_goes_with_its_server(path, ignoring):
    with Isolated(1) as child:
        _, server = processes(child, path)
        with pytest.raises(StoppedError) as caught:
            child.call(misbehaving.hang, {"ignoring": ignoring}, path=path)
        assert gone(server)
        assert gone(int(caught.value.at))
        _, other = processes(child, path)
    assert other != server
    assert gone(other)


def test_a_server_that_is_gone_is_replaced(path):
    with Isolated() as child:
        _, server = processes(child, path)
        os.kill(server, 9)
        assert gone(server) or sys.platform != "linux"
        assert processes(child, path)[1] != server


@FORKS
def test_a_server_that_goes_in_the_middle_is_replaced_once(path, tmp_path):
    told = tmp_path / "told"
    with Isolated() as child:
        assert child.call(misbehaving.stop_server, {"told": str(told)}, path=path) == "the second"
        told.unlink()
        with pytest.raises(ChildProcessError, match="SIGKILL"):  # which says nothing of the file
            child.call(misbehaving.stop_server, {"told": str(told), "times": 2}, path=path)
        assert processes(child, path)


@FORKS
def test_what_the_server_needs_may_be_missing_in_the_parent(path):
    def work():
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        with Isolated() as child:
            assert child.call(misbehaving.slow, {"steps": 0}, path=path) == 0
            with pytest.raises(StoppedError, match="SIGSEGV"):
                child.call(misbehaving.crash, {}, path=path)

    child = os.fork()
    if child == 0:
        try:
            work()
            os._exit(7)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7


@FORKS
def test_without_handles_of_processes_the_server_answers_itself(path, monkeypatch):
    monkeypatch.setattr(child_module, "_BOOT", "import misbehaving; misbehaving.old_server()")
    with Isolated() as child:
        one, _ = processes(child, path)
        assert processes(child, path)[0] == one
        with pytest.raises(StoppedError, match="SIGSEGV"):
            child.call(misbehaving.crash, {}, path=path)
        assert processes(child, path)[0] != one


@FORKS
def test_no_more_processes_are_no_fault_of_the_file(path, monkeypatch):
    monkeypatch.setattr(child_module, "_BOOT", "import misbehaving; misbehaving.childless_server()")
    with Isolated() as child, pytest.raises(OSError, match="no child process can be had"):
        processes(child, path)


@FORKS
def test_ctrl_c_is_for_the_parent(path):
    with Isolated() as child:
        _, server = processes(child, path)
        os.kill(server, signal.SIGINT)
        time.sleep(0.2)
        assert processes(child, path)[1] == server


@FORKS
def test_new_rights_and_masks_are_those_of_the_child(path):
    with Isolated() as child:
        _, server = processes(child, path)
        before = os.umask(0o077)
        try:
            assert child.call(misbehaving.mask, {}, path=path) == 0o077
            _, other = processes(child, path)
        finally:
            os.umask(before)
    assert other != server


@FORKS
def test_too_much_to_be_said(path, monkeypatch):
    monkeypatch.setattr(child_module, "LONGEST_LINE", 1000)
    with Isolated() as child:
        with pytest.raises(rh5.FormatError, match="too much"):
            child.call(misbehaving.echo, {"value": "x" * 2000}, path=path)
        assert child.call(misbehaving.echo, {"value": "x"}, path=path) == "x"


def test_a_server_of_another_environment_is_replaced(path, monkeypatch):
    monkeypatch.setenv("RAGGEDH5_TRIAL", "1")
    with Isolated() as child:
        _, server = processes(child, path)
        assert child.call(misbehaving.variable, {"name": "RAGGEDH5_TRIAL"}, path=path) == "1"
        monkeypatch.setenv("RAGGEDH5_TRIAL", "2")
        assert child.call(misbehaving.variable, {"name": "RAGGEDH5_TRIAL"}, path=path) == "2"
        assert gone(server) or sys.platform != "linux"


@FORKS
def test_a_server_goes_when_nobody_asks_it(path, monkeypatch):
    monkeypatch.setattr(child_module, "_BOOT", "import misbehaving; misbehaving.impatient_server()")
    with Isolated() as child:
        _, server = processes(child, path)
        assert gone(server)
        assert processes(child, path)[1] != server


@LIMITED
def test_the_child_dies_with_its_parent(path, tmp_path):
    code = (
        "import sys, pathlib, misbehaving\n"
        "from raggedh5.care.isolation.child import Isolated\n"
        "child = Isolated(60)\n"
        f"path = pathlib.Path({str(path)!r})\n"
        "print(child.call(misbehaving.processes, {}, path=path)[1], flush=True)\n"
        "child.call(misbehaving.hang, {}, path=path)\n"
    )
    places = [Path(rh5.__file__).parent.parent, Path(misbehaving.__file__).parent]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, places))}
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, env=environment
    ) as parent:
        number = int(parent.stdout.readline())
        os.kill(number, 0)
        children = Path(f"/proc/{number}/task/{number}/children")
        while not children.read_text():
            time.sleep(0.05)
        child = int(children.read_text())
        parent.kill()
    assert gone(number)
    assert gone(child)


def test_modules_beside_the_file_are_not_imported(path, monkeypatch):
    monkeypatch.chdir(path.parent)
    (path.parent / "numpy.py").write_text("raise SystemExit('taken over')")
    assert run_isolated(misbehaving.slow, {"steps": 0}, path=path) == 0
