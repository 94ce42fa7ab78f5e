import gc
import os
import threading
import time
import warnings

import pytest

from raggedh5.core.pipeline import Pool, available_threads


@pytest.fixture(params=[1, 2, 5])
def pool(request):
    pool = Pool(request.param)
    yield pool
    pool.close()


def workers():
    return [thread for thread in threading.enumerate() if thread.name == "raggedh5"]


def test_results_come_in_order(pool):
    def call(i):
        time.sleep(0.001 * (7 - i % 7))
        return i

    assert pool.map([lambda i=i: call(i) for i in range(30)]) == list(range(30))


def test_the_first_error_is_raised_when_all_have_ended(pool):
    done = []

    def call(i):
        if i in (3, 5):
            raise KeyError(i)
        done.append(i)

    if pool.threads == 1:
        with pytest.raises(KeyError, match="3"):
            pool.map([lambda i=i: call(i) for i in range(8)])
        return
    with pytest.raises(KeyError, match="3"):
        pool.map([lambda i=i: call(i) for i in range(8)])
    assert sorted(done) == [0, 1, 2, 4, 6, 7]
    assert pool.map([lambda: 1, lambda: 2]) == [1, 2]


def test_calls_may_share_calls_of_their_own(pool):
    def outer(i):
        return sum(pool.map([lambda j=j: 10 * i + j for j in range(4)]))

    got = pool.map([lambda i=i: outer(i) for i in range(8)])
    assert got == [40 * i + 6 for i in range(8)]


def test_every_thread_takes_part():
    pool = Pool(3)
    together = threading.Barrier(3)

    def call():
        together.wait(20)
        return threading.get_ident()

    assert len(set(pool.map([call] * 3))) == 3
    pool.close()


def test_a_pool_can_be_used_after_it_was_closed(pool):
    assert pool.map([lambda: 1, lambda: 2]) == [1, 2]
    pool.close()
    pool.close()
    assert pool.map([lambda: 3, lambda: 4]) == [3, 4]


def test_threads_end_with_the_pool():
    before = set(workers())
    pool = Pool(3)
    pool.map([lambda: 1] * 5)
    ours = set(workers()) - before
    assert len(ours) == 2  # and the one that asks
    del pool
    gc.collect()
    for thread in ours:
        thread.join(10)
        assert not thread.is_alive()


def test_many_threads_may_submit(pool):
    results = []

    def work():
        results.append(sum(pool.map([lambda i=i: i for i in range(200)])))

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [19900] * 6


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_child_has_workers_of_its_own():
    pool = Pool(2)
    pool.map([lambda: 1, lambda: 2])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        os._exit(0 if pool.map([os.getpid, os.getpid]) == [os.getpid()] * 2 else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert pool.map([lambda: 1, lambda: 2]) == [1, 2]
    pool.close()


def test_how_many_threads():
    assert available_threads() >= 1
    assert Pool().threads == available_threads()
    for bad in (0, -1):
        with pytest.raises(ValueError, match="at least 1"):
            Pool(bad)
