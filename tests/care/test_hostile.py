"""Files damaged at thousands of seeded places: a correct read, or an error of ours, and no more.

Each is worked on in a child process that is used again until it dies. What may not happen: that
validate calls a file valid, and a number that has a checksum reads as another; that repair keeps a
row, or writes a value, that was never there; that anything but our own errors comes back.
"""

import queue
import shutil
import threading
from collections import Counter

import h5py
import numpy as np
import pytest

from hostile_files import contents, damage, judge, judge_repair, make_files, protected
from raggedh5.care import repair, validate
from raggedh5.care.isolation.child import Isolated
from raggedh5.care.isolation.stopped import StoppedError
from raggedh5.errors import RaggedH5Error

WORKERS = 2
FILES = ["blosc", "lz4", "zstd", "bitshuffle", "gzip", "none", "latest", "adopted", "anndata"]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return make_files(tmp_path_factory.mktemp("hostile"))


class Trial:
    """One damaged file after the other, dealt out to children."""

    def __init__(self, files, folder, work, patience):
        self.files = {name: path.read_bytes() for name, path in files.items()}
        self.paths = files
        self.expected = {name: protected(path) for name, path in files.items()}
        self.folder = folder
        self.work = work
        self.patience = patience
        self.outcomes = Counter()
        self.wrong = []
        self._left = queue.SimpleQueue()

    def run(self, seeds):
        for seed in seeds:
            self._left.put(seed)
        threads = [threading.Thread(target=self._worker, args=(n,)) for n in range(WORKERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not self.wrong, self.wrong[:5]
        return self.outcomes

    def _worker(self, number):
        path = self.folder / f"bad-{number}.h5"
        target = self.folder / f"fixed-{number}.h5"
        with Isolated(self.patience) as child:
            while not self._left.empty():
                try:
                    name, seed = self._left.get_nowait()
                except queue.Empty:
                    return
                path.write_bytes(damage(self.files[name], np.random.default_rng(seed)))
                try:
                    outcome = self.one(child, name, path, target)
                except BaseException as error:
                    self.wrong.append((name, seed, repr(error)))
                else:
                    self.outcomes[outcome] += 1

    def one(self, child, name, path, target):
        """Return what has become of a file; raise where that should not be."""
        if self.work is judge:
            arguments = {"expected": self.expected[name]}
        else:
            arguments = {"target": str(target), "original": str(self.paths[name])}
        try:
            found = child.call(self.work, {"path": str(path), **arguments}, path=path)
        except StoppedError as error:
            return error.kind
        except RaggedH5Error:
            return "refused"
        if found["outcome"] in ("silent", "wrong"):
            raise AssertionError(found)
        return found["outcome"]


def seeds(start, count):
    return [(FILES[n % len(FILES)], [start, n]) for n in range(count)]


@pytest.mark.parametrize(("work", "count"), [(judge, 60), (judge_repair, 24)])
def test_damage_is_found_or_does_no_harm(files, tmp_path, work, count):
    outcomes = Trial(files, tmp_path, work, patience=3).run(seeds(1, count))
    assert outcomes.total() == count
    # The damage does something, and not too much.
    assert outcomes["error"] + outcomes["part"] > count / 20
    assert outcomes["equal"] + outcomes["whole"] > count / 4


@pytest.mark.slow
@pytest.mark.parametrize("work", [judge, judge_repair])
def test_damage_at_many_places(files, tmp_path, work):
    outcomes = Trial(files, tmp_path, work, patience=10).run(seeds(2, 25_000))
    assert outcomes.total() == 25_000


@pytest.mark.parametrize("dataset", ["frames", "atoms/coords-data"])
def test_the_header_of_a_dataset(files, tmp_path, dataset):
    """Its shape, type, layout and filters, byte by byte."""
    with h5py.File(files["blosc"]) as file:
        start = h5py.h5o.get_info(file[dataset].id).addr
    trial = Trial(files, tmp_path, judge, patience=3)
    good, path = trial.files["blosc"], tmp_path / "bad.h5"
    with Isolated(3) as child:
        for at in range(start, start + 260, 11):
            data = bytearray(good)
            data[at] ^= 1 << at % 8
            path.write_bytes(data)
            assert trial.one(child, "blosc", path, tmp_path / "fixed.h5")


@pytest.mark.slow
@pytest.mark.parametrize("dataset", ["frames", "atoms/coords-data", "atoms", "atoms/tag-index"])
def test_every_bit_of_a_header(files, tmp_path, dataset):
    with h5py.File(files["blosc"]) as file:
        start = h5py.h5o.get_info(file[dataset].id).addr
    trial = Trial(files, tmp_path, judge, patience=10)
    good, path = trial.files["blosc"], tmp_path / "bad.h5"
    with Isolated(10) as child:
        for bit in range(start * 8, (start + 260) * 8):
            data = bytearray(good)
            data[bit // 8] ^= 1 << bit % 8
            path.write_bytes(data)
            assert trial.one(child, "blosc", path, tmp_path / "fixed.h5")


def test_validate_and_repair_themselves(files, tmp_path):
    """The functions that people call, children and all, on some of the same files."""
    path, target = tmp_path / "bad.h5", tmp_path / "fixed.h5"
    for name, seed in seeds(3, 4):
        path.write_bytes(damage(files[name].read_bytes(), np.random.default_rng(seed)))
        report = validate(path)
        try:
            repaired = repair(path, target, overwrite=True)
        except RaggedH5Error:
            assert not report.valid
            continue
        assert validate(target).valid
        if report.valid and name != "anndata":
            assert repaired.complete or report.warnings
    left = {p.name for p in tmp_path.iterdir()}
    assert left <= {"bad.h5", "fixed.h5"}


def test_a_file_that_is_cut_anywhere(files, tmp_path):
    path = tmp_path / "cut.h5"
    size = files["blosc"].stat().st_size
    with Isolated(3) as child:
        for length in [0, 7, 100, 2048, *np.random.default_rng(0).integers(0, size, 8).tolist()]:
            shutil.copy(files["blosc"], path)
            with path.open("r+b") as file:
                file.truncate(length)
            with pytest.raises(RaggedH5Error, match=r"cut\.h5"):
                child.call(judge, {"path": str(path), "expected": {}}, path=path)


def test_the_files_hold_what_they_should(files):
    for name in FILES[:-1]:
        assert len(protected(files[name])) >= 20, name
    assert contents(files["anndata"])
