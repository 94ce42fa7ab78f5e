"""What a child process may do to its parent: for tests of `raggedh5.care.isolation.child`."""

import os
import signal
import time
from pathlib import Path

import numpy as np

from raggedh5.care.isolation import server
from raggedh5.errors import CodecError

MEMORY = []


def hang(pulse, ignoring=False):
    pulse.at(str(os.getpid()))
    if ignoring:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    time.sleep(3600)


def slow(pulse, steps):
    for step in range(steps):
        time.sleep(0.2)
        pulse(step, steps)
    return steps


def crash(pulse):
    pulse.at("/there")
    os.kill(os.getpid(), signal.SIGSEGV)


def leave(pulse):
    os._exit(3)


def allocate(nbytes, pulse):
    pulse.at("/large")
    return int(np.zeros(nbytes, np.uint8)[-1])


def allocate_many(pulse):
    held = []
    while True:
        held.append(bytearray(1 << 20))
        pulse(len(held), 0)


def fail(kind, pulse):
    raise {
        "ours": CodecError("said by the child"),
        "key": KeyError("a name"),
        "missing": FileNotFoundError(2, "No such file", "x.h5"),
        "odd": ZeroDivisionError("of no use"),
    }[kind]


def chatter(pulse):
    print("not an answer", flush=True)
    os.write(1, b"{}\n")
    return "ünïcode \udc80"


def processes(pulse):
    return [os.getpid(), os.getppid()]


def stop_server(told, pulse, times=1):
    count = Path(told).stat().st_size if Path(told).exists() else 0
    Path(told).write_text("x" * (count + 1))
    if count < times:
        os.kill(os.getppid(), signal.SIGKILL)
        time.sleep(60)
    return "the second"


def remember(value, pulse):
    MEMORY.append(value)
    return MEMORY


def variable(name, pulse):
    return os.environ.get(name)


def mask(pulse):
    now = os.umask(0)
    os.umask(now)
    return now


def echo(value, pulse):
    return value


def old_server():
    def missing(*_):
        raise OSError(38, "Function not implemented")

    os.pidfd_open = missing
    server.main()


def childless_server():
    def fork():
        raise BlockingIOError(11, "Resource temporarily unavailable")

    os.fork = fork
    server.main()


def impatient_server():
    server.IDLE = 1.0
    server.main()
