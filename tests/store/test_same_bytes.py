"""The file's bytes depend on what was appended, not on how many threads did the work."""

import h5py
import numpy as np
import pytest

import raggedh5 as rh5
from kinds import ragged_kinds, row_kinds


def write_all(path, threads, codec):
    rng = np.random.default_rng(3)
    with rh5.File(path, "w", threads=threads, codec=codec, chunk_bytes=4000) as file:
        tables = {}
        for name in ("one", "two"):
            columns, _ = ragged_kinds(rng, [])
            tables[name] = file.create_table(name, columns)
        columns, _ = row_kinds(rng, 0)
        cells = file.create_table("cells", columns, ragged=False)
        image = file.create_array("image", (0, 30, 40), "u2", chunks=(3, 16, 16))
        for step in range(12):
            for name, table in tables.items():
                size = 3 + step if name == "one" else 40
                table.append(ragged_kinds(rng, rng.integers(0, 9, size))[1])
            cells.append(row_kinds(rng, 25)[1])
            image.append(rng.integers(0, 200, (step, 30, 40)))
            if step == 7:
                file.flush()
            if step == 9:
                tables["late"] = file.create_table("late", ragged_kinds(rng, [])[0])
        big = rng.normal(size=(400, 6000)).astype("f4")  # appended part by part
        file.create_table("big").append({"x": big})


@pytest.mark.parametrize("codec", [rh5.Blosc(), "gzip", None], ids=["blosc", "gzip", "none"])
def test_any_number_of_threads_writes_the_same_bytes(tmp_path, codec):
    files = {}
    for threads in (1, 2, 4):
        path = tmp_path / f"{threads}.h5"
        write_all(path, threads, codec)
        files[threads] = path.read_bytes()
    for threads in (2, 4):
        if files[threads] != files[1]:
            a, b = (
                np.frombuffer(files[n][: min(map(len, files.values()))], "u1") for n in (1, threads)
            )
            first = np.flatnonzero(a != b)[:5].tolist()
            pytest.fail(f"{threads} threads: other bytes at {first} of {len(files[1])}")


def test_bytes_do_not_hold_the_time_of_day(path, tmp_path):
    """Object headers may hold times of modification; h5py leaves them out, and so do we."""
    with rh5.File(path, "w") as file:
        file.create_table("t").append({"x": [[1.0, 2.0]]})
        file.create_array("a", data=[1, 2])
    with h5py.File(path) as file:
        names = []
        file.visit(names.append)
        for name in names:
            info = h5py.h5o.get_info(file[name].id)
            if hasattr(info, "mtime"):
                assert info.mtime == 0, name
