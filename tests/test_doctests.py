"""The examples in docstrings, of the package that is installed."""

import doctest
import importlib
import pkgutil
from pathlib import Path

import pytest

import raggedh5

MODULES = sorted(module.name for module in pkgutil.walk_packages(raggedh5.__path__, "raggedh5."))


@pytest.mark.parametrize("name", ["raggedh5", *MODULES])
def test_examples(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    module = importlib.import_module(name)
    result = doctest.testmod(module, optionflags=doctest.ELLIPSIS)
    assert result.failed == 0
