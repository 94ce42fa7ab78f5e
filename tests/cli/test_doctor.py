"""`raggedh5 doctor`: for people, and as JSON for programs."""

import json
from pathlib import Path

import h5py
import numpy as np
import pytest
from click.testing import CliRunner

import raggedh5 as rh5
from raggedh5.cli.main import cli


def run(*words: object) -> tuple[int, str]:
    result = CliRunner().invoke(cli, ["doctor", *map(str, words)], catch_exceptions=False)
    assert result.stderr == ""
    return result.exit_code, result.stdout


@pytest.fixture
def path(tmp_path: Path) -> Path:
    rh5.write(tmp_path / "file.h5", {"x": np.ones(3)})
    return tmp_path / "file.h5"


def test_healthy(path: Path) -> None:
    status, out = run(path)
    assert status == 0
    assert out.startswith(f"{path} can be read here.")
    assert f"h5py {h5py.__version__}" in out


def test_a_note_is_no_problem(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more")
    status, out = run(path)
    assert status == 0
    assert "note (longer): It is 4 bytes longer" in out


def test_a_problem(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])
    status, out = run(path)
    assert status == 1
    assert "cannot be read here" in out
    assert "problem (truncated): It is cut short" in out
    assert "\n  -> Copy it again" in out


def test_json(path: Path, tmp_path: Path) -> None:
    status, out = run(path, "--json")
    assert (status, json.loads(out)["findings"]) == (0, [])
    status, out = run(tmp_path / "gone\x1b.h5", "--json")
    found = json.loads(out)
    assert status == 1
    assert found.keys() == {"path", "healthy", "findings", "versions"}
    assert found["healthy"] is False
    (finding,) = found["findings"]
    assert finding.keys() == {"kind", "what", "advice", "prevents_reading"}
    assert (finding["kind"], finding["prevents_reading"]) == ("missing", True)
    assert "\x1b" not in run(tmp_path / "gone\x1b.h5")[1]


def test_a_time_limit(path: Path) -> None:
    assert "problem (hangs)" in run(path, "--timeout", 0.001)[1]
