import threading

import numpy as np

from raggedh5.core.buffers import BufferPool


def test_buffers_are_used_again_by_size():
    pool = BufferPool()
    a, b = pool.take(100), pool.take(200)
    assert (a.shape, a.dtype, b.shape) == ((100,), np.uint8, (200,))
    pool.give(a)
    pool.give(b)
    assert pool.take(200) is b
    assert pool.take(100) is a
    assert pool.take(100) is not a


def test_no_more_is_kept_than_was_said():
    pool = BufferPool(keep=250)
    buffers = [pool.take(100) for _ in range(4)]
    for buffer in buffers:
        pool.give(buffer)
    again = [pool.take(100) for _ in range(4)]
    assert sum(any(x is y for y in buffers) for x in again) == 2


def test_no_two_threads_get_the_same():
    pool = BufferPool()
    wrong = []

    def work(value):
        for _ in range(500):
            buffer = pool.take(64)
            buffer[:] = value
            if (buffer != value).any():
                wrong.append(value)
            pool.give(buffer)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
