import numpy as np
import xxhash

from raggedh5.core.checksum import UNKNOWN, checksum


def test_it_is_xxh3_of_the_bytes():
    rng = np.random.default_rng(0)
    for size in (0, 1, 3, 16, 17, 128, 129, 240, 241, 1000, 1 << 16):
        data = rng.bytes(size)
        assert checksum(data) == xxhash.xxh3_64_intdigest(data)
        assert checksum(np.frombuffer(data, "u1")) == checksum(data)


def test_it_is_never_the_one_that_says_unknown(monkeypatch):
    monkeypatch.setattr(xxhash, "xxh3_64_intdigest", lambda data: UNKNOWN)
    assert checksum(b"data") == 1
