import numpy as np
import pytest

import raggedh5 as rh5
from kinds import ragged_kinds, row_kinds
from same_files import add_plain_objects, contents, write_everything


@pytest.fixture
def path(tmp_path):
    return tmp_path / "file.h5"


@pytest.fixture(scope="session")
def every_kind(tmp_path_factory):
    """A file with columns of every kind, in many small chunks, and what it holds."""
    rng = np.random.default_rng(11)
    path = tmp_path_factory.mktemp("kinds") / "kinds.h5"
    lengths = rng.integers(0, 9, 300)
    lengths[[0, 7, 299]] = 0
    contents = {
        "atoms": ragged_kinds(rng, lengths),
        "cells": row_kinds(rng, 300),
        "empty": ragged_kinds(rng, []),
        "group/no_items": ragged_kinds(rng, [0, 0, 0]),
    }
    with rh5.File(path, "w", chunk_bytes=1000) as file:
        for name, (columns, data) in contents.items():
            table = file.create_table(name, columns, ragged=name != "cells")
            table.append(data)
    return path, {name: data for name, (_, data) in contents.items()}


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
