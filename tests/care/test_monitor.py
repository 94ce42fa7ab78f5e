"""`monitor`: what it counts, over calls, threads and exceptions."""

import asyncio
import logging
import pickle
import threading
import time
from pathlib import Path

import pytest

from raggedh5.care import Monitor, monitor


def test_a_block() -> None:
    with monitor("packing") as m:
        assert isinstance(m, Monitor)
        m.read(3_000_000)
        m.wrote(1_000_000)
        m.wrote(500_000)
        time.sleep(0.01)
    assert (m.name, m.calls, m.errors) == ("packing", 1, 0)
    assert (m.bytes_in, m.bytes_out) == (3_000_000, 1_500_000)
    assert m.seconds >= 0.01
    assert m.mb_per_s_in == pytest.approx(3 / m.seconds)
    assert m.mb_per_s_out == pytest.approx(1.5 / m.seconds)
    assert m.as_dict() == {
        "name": "packing",
        "calls": 1,
        "errors": 0,
        "seconds": m.seconds,
        "bytes_in": 3_000_000,
        "bytes_out": 1_500_000,
        "mb_per_s_in": m.mb_per_s_in,
        "mb_per_s_out": m.mb_per_s_out,
    }
    assert "calls=1" in repr(m)


def test_calls_add_up() -> None:
    m = monitor("loop")
    assert (m.calls, m.mb_per_s_in, m.mb_per_s_out) == (0, 0, 0)
    seconds = 0.0
    for size in range(5):
        with m:
            m.read(size)
        assert m.seconds > seconds
        seconds = m.seconds
    assert (m.calls, m.bytes_in) == (5, 10)


def test_exceptions_are_counted_and_go_on() -> None:
    m = monitor()
    for _ in range(2):
        m.wrote(3)
        with pytest.raises(KeyError), m:
            raise KeyError
    with m:
        pass
    assert (m.calls, m.errors, m.bytes_out) == (3, 2, 6)


@monitor
def plain(x: int, *, y: int = 1) -> int:
    """Add."""
    return x + y


@monitor("named", logger="my.log")
def named(x: int) -> int:
    if x < 0:
        raise ValueError
    named.monitor.read(x)
    return x


def test_functions() -> None:
    assert plain(2, y=3) == 5
    assert (plain.__name__, plain.__doc__, plain.monitor.name) == ("plain", "Add.", "plain")
    assert plain.monitor.calls == 1
    assert named(4) == 4
    with pytest.raises(ValueError, match=r"^$"):
        named(-1)
    m = named.monitor
    assert (m.name, m.calls, m.errors, m.bytes_in) == ("named", 2, 1, 4)
    assert pickle.loads(pickle.dumps(plain)) is plain


def test_methods_share_one_monitor() -> None:
    class Reader:
        @monitor
        def read(self) -> "Reader":
            return self

    a, b = Reader(), Reader()
    assert a.read() is a
    assert b.read() is b
    assert Reader.read.monitor.calls == 2
    assert Reader.read.monitor.name.endswith("Reader.read")


def test_callables_of_other_kinds() -> None:
    class Doubler:
        def __call__(self, x: int) -> int:
            return 2 * x

    double = monitor(Doubler())
    assert double(2) == 4
    assert (double.monitor.name, double.monitor.calls) == ("Doubler", 1)


def test_recursion_counts_time_once() -> None:
    @monitor
    def down(n: int) -> None:
        if n:
            down(n - 1)
        else:
            time.sleep(0.05)

    begin = time.perf_counter()
    down(9)
    assert down.monitor.calls == 10
    assert 0.05 <= down.monitor.seconds <= time.perf_counter() - begin


def test_monitors_within_each_other() -> None:
    with monitor("outer") as outer:
        for _ in range(3):
            with monitor("inner") as inner:
                inner.read(1)
                outer.read(1)
    assert (outer.calls, outer.bytes_in, inner.calls, inner.bytes_in) == (1, 3, 1, 1)
    assert outer.seconds > inner.seconds


def test_threads() -> None:
    m = monitor("threads")
    start = threading.Barrier(8)

    def work() -> None:
        start.wait()
        for _ in range(500):
            with m:
                m.read(1)
                with m:
                    m.wrote(2)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (m.calls, m.bytes_in, m.bytes_out, m.errors) == (8000, 4000, 8000, 0)


def test_coroutines() -> None:
    @monitor
    async def wait(seconds: float) -> float:
        await asyncio.sleep(seconds)
        return seconds

    async def both() -> list[float]:
        return await asyncio.gather(wait(0.05), wait(0.01))

    begin = time.perf_counter()
    assert asyncio.run(both()) == [0.05, 0.01]
    assert wait.monitor.calls == 2
    assert 0.04 <= wait.monitor.seconds <= time.perf_counter() - begin


def test_growth_of_files(tmp_path: Path) -> None:
    grows, shrinks = tmp_path / "grows", tmp_path / "shrinks"
    shrinks.write_bytes(bytes(50))
    m = monitor("files", files=[grows, str(shrinks), tmp_path / "never"])
    with m:
        grows.write_bytes(bytes(100))
        with m:
            grows.write_bytes(bytes(300))
        assert m.bytes_out == 0
        shrinks.write_bytes(b"")
    assert m.bytes_out == 300
    with m:
        grows.unlink()
    assert m.bytes_out == 300


def test_log_lines(caplog: pytest.LogCaptureFixture) -> None:
    with monitor("quiet"):
        pass
    assert caplog.records == []
    with caplog.at_level(logging.INFO):
        with monitor("packing") as m:
            m.read(2_000_000)
        with pytest.raises(OSError, match="x"), m:
            raise OSError("x")
        named(1)
    first, second, third = caplog.records
    assert (first.name, first.levelno) == ("raggedh5.monitor", logging.INFO)
    assert first.getMessage().startswith("packing (call 1): 0.0")
    assert "2.000 MB in, " in first.getMessage()
    assert "out" not in first.getMessage()
    assert second.getMessage().endswith("ended with OSError")
    assert third.name == "my.log"
    assert third.getMessage().startswith("named (call ")


def test_a_logger_of_ones_own(caplog: pytest.LogCaptureFixture) -> None:
    own = logging.getLogger("own")
    with caplog.at_level(logging.INFO, "own"), monitor("x", logger=own):
        pass
    assert [record.name for record in caplog.records] == ["own"]


def test_nothing_is_printed(capfd: pytest.CaptureFixture[str]) -> None:
    with monitor("packing") as m:
        m.read(1)
    assert capfd.readouterr() == ("", "")
