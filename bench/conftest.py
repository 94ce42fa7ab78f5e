"""Options of the suite: ``pytest bench --rows 16384 --place both``."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("raggedh5 benchmarks")
    group.addoption("--rows", type=int, default=2048, help="rows of a workload (default 2048)")
    group.addoption("--place", choices=["memory", "disk", "both"], default="memory")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("python_files", "bench_*.py")
    # A rival may warn of what it likes.
    config.addinivalue_line("filterwarnings", "default")


@pytest.fixture
def rows(request: pytest.FixtureRequest) -> int:
    return request.config.getoption("--rows")


@pytest.fixture
def places(request: pytest.FixtureRequest) -> list[str]:
    place = request.config.getoption("--place")
    return ["memory", "disk"] if place == "both" else [place]
