"""Handlers of signals wait until something has been done as a whole."""

import os
import signal
import threading

import pytest

from raggedh5.core.signals import deferred_signals

pytestmark = pytest.mark.skipif(os.name == "nt", reason="there are few signals on Windows")


@pytest.fixture
def came():
    """Note signals; SIGUSR1 raises as well."""
    found = []

    def note(number, frame):
        found.append(number)
        if number == signal.SIGUSR1:
            raise ZeroDivisionError

    numbers = (signal.SIGUSR1, signal.SIGUSR2)
    before = [signal.signal(number, note) for number in numbers]
    yield found
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)


def raise_all(*numbers, inside=lambda: None):
    with deferred_signals:
        for number in numbers:
            with deferred_signals:
                signal.raise_signal(number)
        inside()
    pytest.fail("nothing was raised")


def test_they_run_when_it_is_over(came):
    handlers = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGUSR2)
    early = []
    with pytest.raises(KeyboardInterrupt):
        raise_all(signal.SIGUSR2, signal.SIGINT, inside=lambda: early.extend(came))
    assert early == []
    assert came == [signal.SIGUSR2]
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGUSR2)) == handlers


def test_all_run_also_where_some_raise(came):
    with pytest.raises(ZeroDivisionError):
        raise_all(signal.SIGUSR1, signal.SIGUSR2, signal.SIGINT)
    assert came == [signal.SIGUSR1, signal.SIGUSR2]


def test_an_error_is_the_context_of_what_they_raise(came):
    def fail():
        raise LookupError

    with pytest.raises(ZeroDivisionError) as caught:
        raise_all(signal.SIGUSR1, inside=fail)
    assert isinstance(caught.value.__context__, LookupError)


def test_what_is_ignored_or_kills_is_left_alone():
    before = signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    try:
        with deferred_signals:
            assert signal.getsignal(signal.SIGUSR1) == signal.SIG_IGN
            assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_in_another_thread_nothing_is_changed(came):
    handler, seen = signal.getsignal(signal.SIGUSR2), []

    def look():
        with deferred_signals:
            seen.append(signal.getsignal(signal.SIGUSR2))

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert seen == [handler]
