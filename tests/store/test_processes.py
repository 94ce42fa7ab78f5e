"""Threads and processes that read at the same time."""

import concurrent.futures
import multiprocessing
import os
import pickle
import sys
import threading
import warnings

import numpy as np
import pytest

import raggedh5 as rh5
from in_processes import Rows, check, in_child
from kinds import plain, ragged_kinds


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("processes") / "file.h5"
    rng = np.random.default_rng(2)
    columns, data = ragged_kinds(rng, rng.integers(0, 9, 400))
    with rh5.File(path, "w", chunk_bytes=500) as file:
        file.create_table("sub/t", columns).append(data)
        file.create_array("a", data=rng.integers(0, 999, (300, 7, 5)), chunks=(4, 3, 5))
    return path


@pytest.fixture(scope="module")
def want(path):
    with rh5.File(path, threads=1) as file:
        found = file["sub/t"].read()
        return {name: plain(values) for name, values in found.items()}, file["a"][:]


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("options", [{}, {"driver": "core"}], ids=["disk", "memory"])
def test_threads_share_a_table(path, want, threads, options):
    with rh5.File(path, threads=threads, **options) as file:
        table, array = file["sub/t"], file["a"]
        with concurrent.futures.ThreadPoolExecutor(6) as pool:
            for job in [pool.submit(check, table, array, want, seed) for seed in range(12)]:
                job.result()


@pytest.fixture
def hasty():
    """Let threads take turns as often as they can."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


@pytest.mark.usefixtures("hasty")
def test_threads_that_all_come_first(path, want):
    """None of them takes a table for read that another has only begun to read."""
    columns, values = want

    def work(table, array, barrier, seed):
        barrier.wait(30)
        row = seed * 13 % 400
        assert plain(table.take([row, 7])["coords"]) == [columns["coords"][i] for i in (row, 7)]
        assert np.array_equal(array[[seed, 5]], values[[seed, 5]])

    with rh5.File(path, threads=1) as file, concurrent.futures.ThreadPoolExecutor(4) as pool:
        for turn in range(60):
            table, array, barrier = file["sub/t"], file["a"], threading.Barrier(4)
            jobs = [pool.submit(work, table, array, barrier, 4 * turn + seed) for seed in range(4)]
            for job in jobs:
                job.result(60)


def test_threads_append_to_tables_of_one_file(tmp_path):
    def work(table, value):
        for _ in range(50):
            table.append({"x": np.full((3, 40), value)})
            assert (table[-1]["x"] == value).all()

    with rh5.File(tmp_path / "file.h5", "w", chunk_bytes=2000) as file:
        tables = [file.create_table(f"t{k}") for k in range(4)]
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            for job in [pool.submit(work, table, k) for k, table in enumerate(tables)]:
                job.result()
    for k in range(4):
        values = rh5.read(tmp_path / "file.h5")[f"t{k}"]["x"].values
        assert len(values) == 6000
        assert (values == k).all()


def test_pickles_open_the_file_again(path, want):
    with rh5.File(path) as file:
        table, array = pickle.loads(pickle.dumps((file["sub/t"], file["a"])))
    check(table, array, want, 1)
    column = pickle.loads(pickle.dumps(table["coords"]))
    assert plain(column[5]) == want[0]["coords"][5]


@pytest.mark.parametrize("method", ["spawn", "fork"])
def test_processes_of_multiprocessing(path, want, method):
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"no {method} here")
    context = multiprocessing.get_context(method)
    with rh5.File(path) as file, warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # forking with threads
        table, array = file["sub/t"], file["a"]
        check(table, array, want, 0)
        with context.Pool(2) as pool:
            jobs = [pool.apply_async(in_child, (table, array, want, seed)) for seed in range(4)]
            pids = {job.get(60) for job in jobs}
        assert os.getpid() not in pids
        check(table, array, want, 9)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_fork_reads_with_what_was_open(path, want):
    with rh5.File(path, threads=2) as file, warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        table, array = file["sub/t"], file["a"]
        check(table, array, want, 0)
        children = []
        for seed in (1, 2):
            child = os.fork()
            if child == 0:
                try:
                    check(table, array, want, seed)
                    os._exit(0)
                except BaseException:
                    os._exit(1)
            children.append(child)
        check(table, array, want, 3)
        assert [os.waitpid(child, 0)[1] for child in children] == [0, 0]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_workers_of_a_torch_loader(path, want, method):
    data = pytest.importorskip("torch.utils.data")
    columns, _ = want
    with rh5.File(path) as file:
        table = file["sub/t"]
        table[0]
        loader = data.DataLoader(
            Rows(table), batch_size=32, num_workers=2, multiprocessing_context=method, timeout=60
        )
        found = [int(x) for batch in loader for x in batch]
    assert found == [sum(items) for items in columns["int8"]]


def test_pickles_keep_what_the_file_was_opened_with(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rh5.write("file.h5", {"t": {"x": [[1, 2]]}, "a": np.arange(5)})
    with rh5.File("file.h5", threads=1, verify="never", rdcc_nbytes=1 << 16) as file:
        pickled = pickle.dumps((file["t"], file["a"]))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    table, array = pickle.loads(pickled)
    assert table[0]["x"].tolist() == [1, 2]
    assert array[3] == 3
    for item in (table, array):
        assert item._handle.pool.threads == 1
        assert item._handle.verify == "never"
        assert item.h5.file.id.get_access_plist().get_cache()[2] == 1 << 16
        item.h5.file.close()
