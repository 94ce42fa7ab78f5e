from __future__ import annotations

import pytest

import crystals as made


@pytest.fixture(scope="session")
def crystals():
    return made.make(30)


@pytest.fixture(scope="session")
def crystal_path(tmp_path_factory, crystals):
    return made.write_file(tmp_path_factory.mktemp("crystals") / "crystals.h5", crystals)
