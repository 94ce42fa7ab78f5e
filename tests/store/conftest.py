import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import raggedh5 as rh5
from kinds import ragged_kinds, row_kinds


@pytest.fixture
def rng():
    return np.random.default_rng(20240607)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "file.h5"


@pytest.fixture(scope="session")
def every_kind(tmp_path_factory):
    """A file with columns of every kind, in many small chunks, and what it holds."""
    rng = np.random.default_rng(7)
    path = tmp_path_factory.mktemp("kinds") / "kinds.h5"
    lengths = rng.integers(0, 9, 300)
    lengths[[0, 7, 299]] = 0
    ragged = ragged_kinds(rng, lengths)
    rows = row_kinds(rng, 200)
    empty = ragged_kinds(rng, [])
    no_items = ragged_kinds(rng, [0, 0, 0])
    contents = {}
    with rh5.File(path, "w", chunk_bytes=1000) as file:
        for name, (columns, data), kind in (
            ("atoms", ragged, True),
            ("cells", rows, False),
            ("empty", empty, True),
            ("group/no_items", no_items, True),
        ):
            table = file.create_table(name, columns, ragged=kind)
            table.append(data)
            contents[name] = data
    return path, contents


@pytest.fixture
def script(tmp_path):
    """Run a script in another interpreter, which finds raggedh5 only if it is told to."""

    def run(code, *args, library=True, check=True, timeout=60, env=None):
        source = Path(rh5.__file__).parent.parent
        name = tmp_path / "script.py"
        name.write_text(code)
        environment = {**os.environ, **(env or {})}
        environment.pop("PYTHONPATH", None)
        if library:
            environment["PYTHONPATH"] = str(source)
        done = subprocess.run(
            [sys.executable, str(name), *map(str, args)],
            capture_output=True,
            text=True,
            timeout=timeout,
            env=environment,
            cwd=tmp_path,
        )
        if check:
            assert done.returncode == 0, done.stderr[-3000:] or done.returncode
        return done

    return run
