import ctypes.util

import pytest

from raggedh5.core import native
from raggedh5.store.filters import load_libraries


@pytest.fixture
def unloaded(monkeypatch):
    """Nothing is loaded, and nothing gets to the kernels."""
    bound = []
    monkeypatch.setattr(native, "_loaded", {})
    symbols = {
        filter_id: (lambda *addresses: bound.append(addresses), names)
        for filter_id, (_, names) in native._SYMBOLS.items()
    }
    monkeypatch.setattr(native, "_SYMBOLS", symbols)
    return bound


def test_all_libraries_of_hdf5plugin_are_loaded():
    load_libraries()
    for filter_id in (native.BLOSC, native.LZ4, native.ZSTD, native.BITSHUFFLE):
        assert native.available(filter_id)


def test_a_library_that_is_broken_is_passed_over(tmp_path, unloaded):
    broken = tmp_path / "broken.so"
    broken.write_text("no library")
    missing = tmp_path / "missing.so"
    native.load({native.BLOSC: str(broken), native.LZ4: str(missing), 99999: str(broken)})
    assert unloaded == []
    assert not any(map(native.available, (native.BLOSC, native.LZ4, 99999)))


def test_a_library_that_lacks_a_function_is_passed_over(unloaded):
    name = ctypes.util.find_library("m")
    if name is None:
        pytest.skip("there is no libm by that name")
    native.load({native.BLOSC: name})
    assert unloaded == []
    assert not native.available(native.BLOSC)
