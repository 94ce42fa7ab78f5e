"""A child process that hangs, crashes or takes too much memory becomes an error of ours."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

import misbehaving
import raggedh5 as rh5
from raggedh5.care.isolation.child import Isolated, StoppedError, run_isolated

LIMITED = pytest.mark.skipif(sys.platform != "linux", reason="memory is limited on Linux alone")


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "suspect.h5"
    path.write_bytes(b"x")
    return path


def test_a_hang_is_stopped(path):
    with pytest.raises(StoppedError, match=r"suspect\.h5, /somewhere: HDF5 hangs") as caught:
        run_isolated(misbehaving.hang, {}, path=path, patience=1)
    assert (caught.value.kind, caught.value.at) == ("hang", "/somewhere")
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


def test_a_child_is_used_again_until_it_dies(path):
    with Isolated(1) as child:
        first = child.call(misbehaving.process, {}, path=path)
        with pytest.raises(rh5.CodecError):
            child.call(misbehaving.fail, {"kind": "ours"}, path=path)
        assert child.call(misbehaving.process, {}, path=path) == first
        with pytest.raises(StoppedError):
            child.call(misbehaving.hang, {}, path=path)
        second = child.call(misbehaving.process, {}, path=path)
    assert second not in (first, os.getpid())
    for gone in (first, second):
        with pytest.raises(ProcessLookupError):
            os.kill(gone, 0)


@LIMITED
def test_the_child_dies_with_its_parent(path, tmp_path):
    code = (
        "import sys, pathlib, misbehaving\n"
        "from raggedh5.care.isolation.child import Isolated\n"
        "child = Isolated(60)\n"
        f"path = pathlib.Path({str(path)!r})\n"
        "print(child.call(misbehaving.process, {}, path=path), flush=True)\n"
        "child.call(misbehaving.hang, {}, path=path)\n"
    )
    places = [Path(rh5.__file__).parent.parent, Path(misbehaving.__file__).parent]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, places))}
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, env=environment
    ) as parent:
        number = int(parent.stdout.readline())
        os.kill(number, 0)
        parent.kill()
    for _ in range(100):
        if not Path(f"/proc/{number}").exists():
            return
        time.sleep(0.1)
    pytest.fail("the child lives on")


def test_modules_beside_the_file_are_not_imported(path, monkeypatch):
    monkeypatch.chdir(path.parent)
    (path.parent / "numpy.py").write_text("raise SystemExit('taken over')")
    assert run_isolated(misbehaving.slow, {"steps": 0}, path=path) == 0
