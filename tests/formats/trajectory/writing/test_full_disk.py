"""One format cannot be written: the other has every frame, and a backup what the first lacks."""

import logging
import os
import random
import shutil
from pathlib import Path

import numpy as np
import pytest

import raggedh5 as rh5
import raggedh5.store.durable.durability as durability
from broken_disk import BrokenDisk
from crashing.trajectories import KINDS, Run, drawn
from raggedh5.formats.trajectory import TrajectoryReader
from raggedh5.formats.trajectory.reading.npy_source import npy_trajectory

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/fd").exists() or not hasattr(os, "posix_fallocate"),
    reason="the disk is broken by what Linux has",
)

FOREVER = 1 << 60


def write(manager, run, steps):
    for step in steps:
        manager.write_frame("traj_001", run.frame(0, step))


def path_of(format_name, folder):
    return folder if format_name == "npy" else folder / "trajectories.h5"


def lacking(run, failure, frames):
    """Return what the backup of a failure lacks, None if nothing."""
    found = npy_trajectory(Path(failure.backup))
    for name, (numbers, values) in run.wanted(run.ids.index(failure.trajectory), frames).items():
        wanted = {n: row for n, row in zip(numbers, values, strict=True) if n >= failure.frame}
        field = found.get(name)
        if not wanted:
            continue
        if field is None:
            return f"{name}"
        of_rows = np.arange(len(field)) if field.frames is None else field.frames
        rows = dict(zip(of_rows.tolist(), field.read(), strict=True))
        for number, value in wanted.items():
            if number not in rows or not np.array_equal(rows[number], value):
                return f"{name} of frame {number}"
    return None


def check(run, folder, report, failing):
    """Check what a run has left where one format was failing, and that it can be gone on with."""
    other = "hdf5" if failing == "npy" else "npy"
    assert {failure.format for failure in report.failures} <= {failing}
    for failure in report.failures:
        if failure.trajectory and failure.frame < run.frames:
            assert lacking(run, failure, run.frames) is None
    with TrajectoryReader(path_of(other, folder)) as reader:
        for index, traj_id in enumerate(run.ids):
            assert run.difference(index, reader[traj_id], run.frames) is None
    # There is room again.
    assert run.examine(folder, [run.frames] * run.trajectories) is None
    assert not (folder / "backup").exists()


@pytest.mark.parametrize("failing", ["npy", "hdf5"])
@pytest.mark.parametrize("kind", KINDS)
def test_the_other_format_has_every_frame(tmp_path, caplog, failing, kind):
    background = (failing == "npy") == (kind in ("dense", "ragged"))
    caplog.set_level(logging.ERROR, "raggedh5.trajectory")
    run = Run(kind, trajectories=4, frames=40, background=background)
    manager = run.manager("w")
    for traj_id in run.ids:
        manager.initialize_writers(tmp_path, traj_id)
    for step in range(15):
        for index, traj_id in enumerate(run.ids):
            manager.write_frame(traj_id, run.frame(index, step))
    manager.flush()
    with BrokenDisk(tmp_path, {failing}) as disk:
        for step in range(15, 40):
            for index, traj_id in enumerate(run.ids):
                manager.write_frame(traj_id, run.frame(index, step))
        manager.flush()
        assert disk.met
        for traj_id in run.ids:
            assert manager.finalize_trajectory(traj_id) == 40
        report = manager.finalize()
    assert not report.ok
    failures = {failure.trajectory: failure for failure in report.failures if failure.trajectory}
    assert sorted(failures) == run.ids
    for traj_id, failure in failures.items():
        assert (failure.format, failure.frame) == (failing, 15)
        assert f"{traj_id}, frame 15: {failing} failed: " in caplog.text
        assert failure.error in caplog.text
        assert failure.backup == str(tmp_path / "backup" / failing / f"traj{int(traj_id[5:])}")
    check(run, tmp_path, report, failing)


@pytest.mark.parametrize("failing", ["npy", "hdf5"])
def test_a_format_that_cannot_begin(tmp_path, failing):
    run = Run("sparse", frames=20)
    with BrokenDisk(tmp_path, {failing}):
        report = run.write(tmp_path, "w").finalize()
    assert [(each.format, each.frame) for each in report.failures if each.trajectory] == [
        (failing, 0)
    ]
    check(run, tmp_path, report, failing)


@pytest.mark.parametrize("failing", ["npy", "hdf5"])
def test_a_format_that_cannot_be_completed(tmp_path, failing):
    run = Run("dense", frames=20)
    manager = run.manager("w")
    manager.initialize_writers(tmp_path, "traj_001")
    write(manager, run, range(20))
    manager.flush()
    with BrokenDisk(tmp_path, {failing}):
        assert manager.finalize_trajectory("traj_001") == 20
        report = manager.finalize()
    assert {each.format for each in report.failures} == {failing}
    check(run, tmp_path, report, failing)


@pytest.mark.parametrize("removed", ["npy", "hdf5"])
def test_a_folder_or_file_that_is_removed_meanwhile(tmp_path, removed):
    run = Run("dense", frames=30)
    manager = run.manager("w")
    manager.initialize_writers(tmp_path, "traj_001")
    write(manager, run, range(12))
    manager.flush()
    if removed == "npy":
        shutil.rmtree(tmp_path / "traj1")
    else:
        for path in tmp_path.glob("trajectories.h5*"):
            path.unlink()
    write(manager, run, range(12, 30))
    manager.finalize_trajectory("traj_001")
    report = manager.finalize()
    assert "removed" in report.failures[0].error
    assert report.failures[0].frame == 12
    check(run, tmp_path, report, removed)


@pytest.mark.parametrize("failing", ["npy", "hdf5"])
@pytest.mark.parametrize("background", [True, False])
def test_on_error_raise_raises_within_a_buffer(tmp_path, failing, background):
    run = Run("dense", frames=200, buffer_size=10, background=background)
    manager = run.manager("w", on_error="raise")
    manager.initialize_writers(tmp_path, "traj_001")
    write(manager, run, range(10))
    manager.flush()
    with BrokenDisk(tmp_path, {failing}) as disk:
        with pytest.raises(rh5.WriteError, match="No space left"):
            write(manager, run, range(10, 10 + 2 * 10))
        with pytest.raises(rh5.WriteError, match="No space left"):
            write(manager, run, [30])
        with pytest.raises(rh5.WriteError, match="No space left"):
            manager.initialize_writers(tmp_path, "traj_002")
        with pytest.raises(rh5.WriteError, match="No space left"):
            manager.finalize()
        assert disk.met
    assert not (tmp_path / "backup").exists()
    other = "hdf5" if failing == "npy" else "npy"
    with TrajectoryReader(path_of(other, tmp_path)) as reader:
        frames = reader["traj_001"].n_frames
        assert frames >= 10
        assert run.difference(0, reader["traj_001"], frames) is None
    assert run.examine(tmp_path, [frames]) is None


@pytest.mark.parametrize("failing", ["npy", "hdf5"])
def test_on_error_raise_raises_at_the_beginning(tmp_path, failing):
    manager = Run("dense").manager("w", on_error="raise")
    with BrokenDisk(tmp_path, {failing}), pytest.raises(OSError, match="No space left"):
        manager.initialize_writers(tmp_path, "traj_001")
    manager.finalize()


def test_both_formats_fail(tmp_path):
    run = Run("sparse", frames=30)
    manager = run.manager("w")
    manager.initialize_writers(tmp_path, "traj_001")
    write(manager, run, range(11))
    manager.flush()
    with BrokenDisk(tmp_path, {"npy", "hdf5"}):
        write(manager, run, range(11, 30))
        manager.finalize_trajectory("traj_001")
        report = manager.finalize()
    failures = [failure for failure in report.failures if failure.trajectory]
    assert {failure.format for failure in failures} == {"npy", "hdf5"}
    for failure in failures:
        assert failure.frame == 11
        assert lacking(run, failure, 30) is None
    assert run.examine(tmp_path, [30]) is None


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """The folder for temporary files."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


def test_a_backup_that_cannot_be_in_the_folder_of_the_output(tmp_path, temporary):
    run, folder = Run("dense", frames=30), tmp_path / "out"
    folder.mkdir()
    with BrokenDisk(folder, {"npy", "hdf5", "backup"}):
        report = run.write(folder, "w").finalize()
    assert {failure.format for failure in report.failures} == {"npy", "hdf5"}
    for failure in report.failures:
        assert Path(failure.backup).is_relative_to(temporary)
        assert lacking(run, failure, 30) is None


def test_a_backup_that_has_to_move(tmp_path, temporary):
    run, folder = Run("dense", frames=40), tmp_path / "out"
    manager = run.manager("w")
    manager.initialize_writers(folder, "traj_001")
    with BrokenDisk(folder, {"npy"}):
        write(manager, run, range(20))
        manager.flush()
        with BrokenDisk(folder, {"backup"}):
            write(manager, run, range(20, 40))
            manager.finalize_trajectory("traj_001")
            report = manager.finalize()
    first, second = report.failures
    assert (first.frame, second.frame) == (0, 20)
    assert Path(second.backup).is_relative_to(temporary)
    assert lacking(run, first, 20) is None
    assert lacking(run, second, 40) is None
    check(run, folder, report.__class__(report.trajectories, (second,), report.statistics), "npy")


@pytest.mark.parametrize("background", [True, False])
def test_nothing_can_be_written_at_all(tmp_path, temporary, background, caplog):
    run, folder = Run("dense", frames=200, background=background), tmp_path / "out"
    manager = run.manager("w")
    manager.initialize_writers(folder, "traj_001")
    everything = {"npy", "hdf5", "backup"}
    with BrokenDisk(folder, everything), BrokenDisk(temporary, everything):
        with pytest.raises(rh5.WriteError, match="nor a backup can be written"):
            write(manager, run, range(20))
        with pytest.raises(rh5.WriteError, match="nor a backup"):
            manager.flush()
        with pytest.raises(rh5.WriteError, match="nor a backup"):
            manager.finalize()
    assert "nor a backup" in caplog.text


def test_one_format_goes_on_where_there_is_no_backup(tmp_path, temporary):
    run, folder = Run("dense", frames=40), tmp_path / "out"
    folder.mkdir()
    with BrokenDisk(folder, {"npy", "backup"}), BrokenDisk(temporary, {"hdf5", "npy", "backup"}):
        report = run.write(folder, "w").finalize()
    assert [(failure.format, failure.backup) for failure in report.failures] == [("npy", "")]
    with TrajectoryReader(folder / "trajectories.h5") as reader:
        assert run.difference(0, reader["traj_001"], 40) is None
    assert run.examine(folder, [40]) is None


def test_going_on_with_no_format_at_hand_is_refused(tmp_path):
    run = Run("dense", frames=20)
    run.write(tmp_path, "w").finalize()
    manager = run.manager("a")
    with BrokenDisk(tmp_path, {"npy", "hdf5", "backup"}), pytest.raises(OSError, match="No space"):
        manager.initialize_writers(tmp_path, "traj_001")
    manager.finalize()
    assert run.differences(tmp_path, [20]) is None


@pytest.mark.parametrize("failing", ["npy", "hdf5"])
def test_what_is_exact_in_one_format_only_comes_back_from_the_backup(tmp_path, failing):
    run, precise = Run("dense", frames=30), {"hdf5_options": {"precision": 1e-3}}
    manager = run.manager("w", **precise)
    manager.initialize_writers(tmp_path, "traj_001")
    write(manager, run, range(8))
    manager.flush()
    with BrokenDisk(tmp_path, {failing}):
        write(manager, run, range(8, 25))
        manager.finalize_trajectory("traj_001")
        compared = manager.validate_formats()
        report = manager.finalize()
    assert not report.ok
    assert (compared.ok, compared.lacking) == (
        False,
        {"traj_001": "a format has failed"},
    )
    assert "traj_001: not compared" in compared.to_text()
    manager = run.manager("a", **precise)
    assert manager.initialize_writers(tmp_path, "traj_001") == 25
    write(manager, run, range(25, 30))
    manager.finalize_trajectory("traj_001")
    assert manager.validate_formats().ok
    manager.finalize()
    with TrajectoryReader(tmp_path) as reader:  # every bit of it
        assert run.difference(0, reader["traj_001"], 30) is None


@pytest.mark.parametrize("first", ["npy", "hdf5"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_format_that_is_new_gets_the_frames_that_there_are(tmp_path, first, kind):
    run = Run(kind, frames=30)
    manager = run.manager("w", formats=first)
    manager.initialize_writers(tmp_path, "traj_001")
    write(manager, run, range(20))
    manager.finalize()
    assert run.examine(tmp_path, [20]) is None


def at_any_call(folder, seed, count, monkeypatch):
    """Let a disk be full from any call on, for some calls or for ever, under runs of any kind."""
    draw, met = random.Random(seed), 0
    for trial in range(count):
        run, failing = drawn(draw), draw.choice(["npy", "hdf5"])
        monkeypatch.setattr(durability, "LARGEST_JOURNAL", draw.choice([2000, 20000, 1 << 25]))
        monkeypatch.setattr(durability, "LONGEST_LAG", draw.choice([0.001, 0.02, 1.0]))
        first = draw.randint(1, draw.choice([20, 100]))
        last = first + draw.choice([0, 0, 3, FOREVER])
        output = folder / str(trial)
        with BrokenDisk(output, {failing}, first, last) as disk:
            report = run.write(output, "w").finalize()
        assert report.ok or disk.met
        met += bool(disk.met)
        check(run, output, report, failing)
        shutil.rmtree(output)
    return met


def test_full_from_any_call_on(tmp_path, monkeypatch):
    assert at_any_call(tmp_path, 1, 10, monkeypatch) > 5


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 103))
def test_full_a_hundred_times(tmp_path, monkeypatch, seed):
    assert at_any_call(tmp_path, seed, 100, monkeypatch) > 75
