"""Handlers of signals do not cut off what a library in C asks for."""

import io
import os
import signal
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raggedh5.core.file_object import RefusedError, file_object


class Memory:
    """A file in memory; `before` is called before, and `after` after anything is done."""

    def __init__(self):
        self.data = bytearray()
        self.before = self.after = lambda: None

    @property
    def end(self):
        return len(self.data)

    def read_at(self, address, buffer):
        self.before()
        view = memoryview(buffer)
        piece = self.data[address : address + len(view)]
        view[: len(piece)] = piece
        self.after()
        return len(piece)

    def write_at(self, address, buffer):
        self.before()
        if len(self.data) < address and len(buffer):
            self.data += bytes(address - len(self.data))
        self.data[address : address + len(buffer)] = buffer
        self.after()
        return len(buffer)

    def truncate(self, size):
        self.before()
        self.data = self.data[:size].ljust(size, b"\0")
        self.after()


steps = st.lists(
    st.one_of(
        st.tuples(st.just("seek"), st.integers(0, 50)),
        st.tuples(st.just("write"), st.binary(max_size=20)),
        st.tuples(st.just("read"), st.integers(-1, 30)),
        st.tuples(st.just("truncate"), st.none() | st.integers(0, 60)),
        st.tuples(st.just("tell")),
    )
)


@given(steps)
def test_it_is_a_file_object(steps):
    ours, model = file_object(Memory()), io.BytesIO()
    for name, *arguments in steps:
        if name == "truncate" and (arguments[0] or model.tell()) > len(model.getbuffer()):
            continue  # BytesIO does not get longer by that
        assert getattr(ours, name)(*arguments) == getattr(model, name)(*arguments)
    for whence in (os.SEEK_SET, os.SEEK_CUR, os.SEEK_END):
        assert ours.seek(1, whence) == model.seek(1, whence)
    assert ours.readable()
    assert ours.writable()
    assert ours.seekable()


@pytest.mark.skipif(os.name == "nt", reason="there are few signals on Windows")
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("kind", [KeyboardInterrupt, TimeoutError, ZeroDivisionError])
def test_an_interrupted_call_comes_to_its_end(when, kind):
    memory, raised = Memory(), []
    file = file_object(memory)

    def handle(*_):
        raised.append(kind())
        raise raised[-1]

    def interrupt():
        setattr(memory, when, lambda: None)
        signal.raise_signal(signal.SIGUSR1)

    def run(work):
        setattr(memory, when, interrupt)
        work()
        for _ in range(10):  # it comes at the next chance
            pass

    before = signal.signal(signal.SIGUSR1, handle)
    try:
        for work in (lambda: file.write(b"abc"), lambda: file.truncate(3)):
            with pytest.raises(kind) as caught:
                run(work)
            assert caught.value is raised[-1]
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert memory.data == b"abc"
    assert file.tell() == 3


def test_what_the_file_or_the_system_says_is_passed_on():
    memory = Memory()
    file = file_object(memory)
    for error in (RefusedError("not this"), OSError(28, "No space left on device")):

        def fail(error=error):
            raise error

        memory.before = fail
        with pytest.raises(OSError, match=str(error.args[-1])) as caught:
            file.write(b"x")
        assert caught.value is error
        assert file.tell() == 0


def test_what_goes_wrong_for_ever_is_not_tried_for_ever():
    memory, calls = Memory(), []

    def fail():
        calls.append(1)
        raise ZeroDivisionError

    memory.before = fail
    with pytest.raises(ZeroDivisionError):
        file_object(memory).write(b"x")
    assert len(calls) == 100


def test_an_interrupt_at_the_very_end():
    code = (
        "import signal\n"
        "from raggedh5.core.file_object import file_object\n"
        "class Once:\n"
        "    end = 0\n"
        "    def write_at(self, address, buffer):\n"
        "        if not self.end:\n"
        "            self.end = 1\n"
        "            signal.raise_signal(signal.SIGINT)\n"
        "        return len(buffer)\n"
        "file_object(Once()).write(b'x')\n"
    )
    places = os.pathsep.join(entry for entry in sys.path if entry)
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": places}, capture_output=True
    )
    assert b"KeyboardInterrupt" in done.stderr
