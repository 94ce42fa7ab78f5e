import pytest

from same_files import add_plain_objects, contents, write_everything


@pytest.fixture(scope="session")
def whole(tmp_path_factory):
    """A file with everything in it; not to be changed."""
    path = tmp_path_factory.mktemp("whole") / "whole.h5"
    return add_plain_objects(write_everything(path))


@pytest.fixture(scope="session")
def parts(tmp_path_factory):
    """Files with the same tables and different rows, one of them without any."""
    folder = tmp_path_factory.mktemp("parts")
    return [
        write_everything(folder / f"part{i}.h5", rows, seed=i)
        for i, rows in enumerate((100, 0, 57, 31))
    ]


@pytest.fixture(scope="session")
def tables(tmp_path_factory):
    """A file of tables and arrays, and what is in it; not to be changed."""
    path = write_everything(tmp_path_factory.mktemp("tables") / "tables.h5")
    return path, contents(path)
