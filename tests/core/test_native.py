from raggedh5.core import native
from raggedh5.store.filters import load_libraries


def test_libraries_that_are_not_there_are_passed_over(tmp_path):
    load_libraries()
    broken = tmp_path / "broken.so"
    broken.write_text("no library")
    native.load({99999: str(broken), native.BLOSC: str(broken)})
    assert not native.available(99999)
    assert native.available(native.BLOSC)
