"""Wrapped positions from files unwrapped into files, compared with ase frame by frame."""

import itertools
import json
from pathlib import Path

import numpy as np
import pytest
from ase.geometry import find_mic

from raggedh5.errors import FormatError, SchemaError, WriteError
from raggedh5.formats.trajectory import HDF5TrajectoryWriter, TrajectoryReader, TrajectoryValidator
from raggedh5.formats.trajectory.geometry.unwrapping import wrap
from raggedh5.formats.trajectory.rewriting import wrapped_source
from raggedh5.formats.trajectory.rewriting.unwrap import unwrap
from walks import CELL, walk, written, written_ragged


def by_ase(wrapped: np.ndarray, cell: np.ndarray, pbc: object = True) -> np.ndarray:
    """Unwrap as anybody would: a frame after the other."""
    found = [wrapped[0]]
    for before, now in itertools.pairwise(wrapped):
        found.append(found[-1] + find_mic(now - before, cell, pbc)[0])
    return np.array(found)


def listed(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def wrapped(tmp_path: Path) -> np.ndarray:
    positions = wrap(walk(), CELL)
    np.save(tmp_path / "in.npy", positions)
    np.save(tmp_path / "times.npy", np.arange(300) * 0.25)
    return positions


@pytest.mark.parametrize("block_bytes", [1, 1000, 1 << 23])
def test_as_ase_does(
    tmp_path: Path, wrapped: np.ndarray, block_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wrapped_source, "BLOCK_BYTES", block_bytes)
    calls = []
    report = unwrap(
        tmp_path / "in.npy",
        output=tmp_path / "out.h5",
        lattice=CELL,
        time=tmp_path / "times.npy",
        progress=lambda done, total: calls.append((done, total)),
    )
    expected = by_ase(wrapped, CELL)
    with TrajectoryReader(tmp_path / "out.h5") as reader:
        assert reader.ids == ["traj_001"]
        assert (reader.metadata.lattice_matrix == CELL).all()
        assert reader.metadata.total_species == 4
        found = reader["traj_001"]
        assert found.status == "completed"
        assert found["coordinates/wrapped"].read().tobytes() == wrapped.tobytes()
        assert np.allclose(found["coordinates/unwrapped"].read(), expected, rtol=0, atol=1e-9)
        assert (found["time"][:] == np.arange(300) * 0.25).all()
    assert calls[-1] == (300, 300)
    assert len(calls) == {1: 300, 1000: 30, 1 << 23: 1}[block_bytes]
    (about,) = report.trajectories
    steps = np.linalg.norm(np.diff(expected, axis=0), axis=2)
    assert about.longest_step == pytest.approx(steps.max(), rel=1e-9)
    assert report.half_cell == pytest.approx(np.linalg.norm(CELL, axis=1).min() / 2)


@pytest.mark.parametrize("pbc", [(True, True, False), (False, True, False)])
def test_axes_that_are_not_periodic(
    tmp_path: Path, wrapped: np.ndarray, pbc: tuple[bool, ...]
) -> None:
    unwrap(tmp_path / "in.npy", output=tmp_path / "o.h5", lattice=CELL, pbc=pbc)
    expected = by_ase(wrapped, np.where(np.array(pbc)[:, None], CELL, 0.0), pbc)
    with TrajectoryReader(tmp_path / "o.h5") as reader:
        assert reader.metadata.pbc.tolist() == list(pbc)
        found = reader["traj_001"]["coordinates/unwrapped"].read()
    assert np.allclose(found, expected, rtol=0, atol=1e-9)


@pytest.mark.parametrize("formats", ["npy", "hdf5", "both"])
def test_formats(tmp_path: Path, wrapped: np.ndarray, formats: str) -> None:
    flat = tmp_path / "flat.npy"
    np.save(flat, wrapped.reshape(300, 12).astype(">f4"))
    out = tmp_path / "new" / "out"
    report = unwrap(flat, output_dir=out, formats=formats, lattice=CELL, traj_id="traj_007")
    names = {"npy": ["traj7"], "hdf5": ["trajectories.h5"], "both": ["traj7", "trajectories.h5"]}
    assert listed(out) == names[formats]
    assert [Path(target).name for target in report.targets] == names[formats]
    expected = by_ase(wrapped.astype("f4").astype("f8"), CELL)
    for name in names[formats]:
        with TrajectoryReader(out / name) as reader:
            found = reader["traj_007"]["coordinates/unwrapped"].read()
        assert np.allclose(found, expected, rtol=0, atol=1e-9)
    if formats == "both":
        assert TrajectoryValidator(0).validate(out, out / "trajectories.h5").ok


@pytest.mark.parametrize("kind", ["file", "folder", "one"])
def test_trajectories_with_their_other_fields(tmp_path: Path, kind: str) -> None:
    run = tmp_path / "run"
    positions = written(run, "traj_001", "traj_002", pbc=(True, True, True))
    source = {"file": run / "trajectories.h5", "folder": run, "one": run / "traj2"}[kind]
    unwrap(source, output_dir=tmp_path / "out")
    ids = ["traj_002"] if kind == "one" else ["traj_001", "traj_002"]
    with TrajectoryReader(tmp_path / "out" / "trajectories.h5") as reader:
        assert reader.ids == ids
        assert reader.metadata.temperature == 300
        for name in ids:
            found = reader[name]
            start = found["coordinates/wrapped"].read()[0]
            paths = found["coordinates/unwrapped"].read()
            expected = positions - positions[0] + start
            assert np.allclose(paths, expected, rtol=0, atol=1e-9)
            assert found["energy"].frames.tolist() == list(range(2, 60, 5))
            assert found["energy"][:].tolist() == [-float(n) for n in range(2, 60, 5)]
            assert found["time"][:].tolist() == [0.5 * n for n in range(60)]
    out = tmp_path / "out"
    assert TrajectoryValidator(0).validate(out, out / "trajectories.h5").ok


def test_positions_of_some_frames_keep_their_numbers(tmp_path: Path) -> None:
    with HDF5TrajectoryWriter(tmp_path / "in.h5", {"lattice_matrix": np.eye(3) * 4}) as writer:
        writer.create_trajectory_datasets("a")
        for n in range(40):
            frame = {"energy": 1.0 * n}
            if n % 3 == 1:
                frame["coordinates/wrapped"] = [[n % 4, 0.0, 0.0]]
            writer.append_frame("a", frame)
    unwrap(tmp_path / "in.h5", output=tmp_path / "out.h5")
    with TrajectoryReader(tmp_path / "out.h5") as reader:
        found = reader["a"]["coordinates/unwrapped"]
        assert found.frames.tolist() == list(range(1, 40, 3))
        assert found.read()[:, 0, 0].tolist() == [1.0 - k for k in range(13)]


def test_events_are_left_out_and_named(tmp_path: Path, wrapped: np.ndarray) -> None:
    folder = tmp_path / "traj1"
    folder.mkdir()
    np.save(folder / "wrapped_traj.npy", wrapped.reshape(300, 12))
    np.save(folder / "time_data.npy", np.arange(120.0))
    report = unwrap(folder, output=tmp_path / "o.h5", lattice=CELL)
    assert report.trajectories[0].left_out == ("time",)
    with TrajectoryReader(tmp_path / "o.h5") as reader:
        assert set(reader["traj_001"]) == {"coordinates/wrapped", "coordinates/unwrapped"}
    times = tmp_path / "times.npy"
    report = unwrap(folder, output=tmp_path / "p.h5", lattice=CELL, time=times)
    assert report.trajectories[0].left_out == ()


def test_what_is_there_stays_unless_overwritten(tmp_path: Path, wrapped: np.ndarray) -> None:
    out = tmp_path / "out"
    unwrap(tmp_path / "in.npy", output_dir=out, lattice=CELL, time=tmp_path / "times.npy")
    (out / "traj1" / "notes.txt").write_text("mine")
    before = (out / "trajectories.h5").read_bytes()
    for formats in ("npy", "hdf5"):
        with pytest.raises(WriteError, match="--overwrite"):
            unwrap(tmp_path / "in.npy", output_dir=out, lattice=CELL, formats=formats)
    with pytest.raises(WriteError, match="--overwrite"):
        unwrap(tmp_path / "in.npy", output=out / "trajectories.h5", lattice=CELL)
    assert (out / "trajectories.h5").read_bytes() == before
    np.save(tmp_path / "in.npy", wrapped[:100])
    unwrap(tmp_path / "in.npy", output_dir=out, lattice=CELL, overwrite=True)
    assert listed(out) == ["traj1", "trajectories.h5"]
    assert (out / "traj1" / "notes.txt").read_text() == "mine"
    assert not (out / "traj1" / "time_data.npy").exists()
    with TrajectoryReader(out) as reader:
        assert reader["traj_001"].n_frames == 100
    assert TrajectoryValidator(0).validate(out, out / "trajectories.h5").ok


def test_a_failure_on_the_way_changes_nothing(tmp_path: Path, wrapped: np.ndarray) -> None:
    out = tmp_path / "out"
    unwrap(tmp_path / "in.npy", output_dir=out, lattice=CELL)
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    wrapped[200, 1, 0] = 1e300
    np.save(tmp_path / "bad.npy", wrapped)
    for place in (out, tmp_path / "fresh"):
        with pytest.raises(SchemaError, match="too many cells"):
            unwrap(tmp_path / "bad.npy", output_dir=place, lattice=CELL, overwrite=True)
    with pytest.raises(SchemaError, match="too many cells"):
        unwrap(tmp_path / "bad.npy", output=tmp_path / "o.h5", lattice=CELL)
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before
    assert listed(tmp_path) == ["bad.npy", "in.npy", "out", "times.npy"]


def test_what_is_read_is_not_written(tmp_path: Path) -> None:
    run = tmp_path / "run"
    written(run, "traj_001")
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    (tmp_path / "link").symlink_to(run)
    for source, place in [
        (run, run),
        (run / "traj1", run),
        (run / "traj1" / "wrapped_traj.npy", run),
        (run, tmp_path / "link"),
        (run / "trajectories.h5", run),
    ]:
        with pytest.raises(WriteError, match="another"):
            unwrap(source, output_dir=place, lattice=CELL, traj_id="traj_001", overwrite=True)
    with pytest.raises(WriteError, match="another"):
        unwrap(run / "trajectories.h5", output=run / "trajectories.h5", overwrite=True)
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before


def test_a_file_that_is_being_written_is_not_replaced(tmp_path: Path, wrapped: np.ndarray) -> None:
    with HDF5TrajectoryWriter(tmp_path / "o.h5") as writer:
        writer.create_trajectory_datasets("traj_001")
        with pytest.raises(WriteError, match="open elsewhere"):
            unwrap(tmp_path / "in.npy", output=tmp_path / "o.h5", lattice=CELL, overwrite=True)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "lattice"),
        ({"lattice": "1 0 0 2 0 0 0 0 1"}, "lattice"),
        ({"lattice": CELL, "pbc": False}, "no axis is periodic"),
        ({"lattice": CELL, "traj_id": "a/b"}, "a/b"),
        ({"lattice": CELL, "formats": "npy"}, "folder"),
        ({"lattice": CELL, "output_dir": "x"}, "either"),
        ({"lattice": CELL, "output": None}, "either"),
        ({"lattice": CELL, "time": "short.npy"}, "299 times for 300 frames"),
        ({"lattice": CELL, "time": "in.npy"}, "times are numbers"),
    ],
)
def test_arguments_that_do_not_fit(
    tmp_path: Path,
    wrapped: np.ndarray,
    options: dict[str, object],
    said: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    np.save("short.npy", np.arange(299.0))
    with pytest.raises(SchemaError, match=said):
        unwrap("in.npy", **{"output": "o.h5", **options})
    assert listed(Path()) == ["in.npy", "short.npy", "times.npy"]


@pytest.mark.parametrize(
    "values", [np.zeros((4, 5)), np.zeros(6), np.zeros((2, 2, 2)), np.zeros((2, 3), "c8")]
)
def test_other_arrays(tmp_path: Path, values: np.ndarray) -> None:
    np.save(tmp_path / "in.npy", values)
    with pytest.raises(SchemaError, match=r"in\.npy: positions are numbers"):
        unwrap(tmp_path / "in.npy", output=tmp_path / "o.h5", lattice=CELL)


def test_other_sources(tmp_path: Path) -> None:
    def failing(source: Path, kind: type[Exception], said: str) -> None:
        with pytest.raises(kind, match=said):
            unwrap(source, output=tmp_path / "o.h5", lattice=CELL)
        assert not (tmp_path / "o.h5").exists()

    failing(tmp_path / "none.npy", FileNotFoundError, "does not exist")
    (tmp_path / "cut.npy").write_bytes(b"\x93NUMPY\x01")
    failing(tmp_path / "cut.npy", FormatError, "cut.npy")
    (tmp_path / "text.npy").write_text("0 1 2")
    failing(tmp_path / "text.npy", FormatError, "text.npy")
    (tmp_path / "text.h5").write_text("0 1 2")
    failing(tmp_path / "text.h5", FormatError, "text.h5")
    written_ragged(tmp_path / "ragged.h5")
    failing(tmp_path / "ragged.h5", SchemaError, "number of particles varies")
    with HDF5TrajectoryWriter(tmp_path / "bare.h5") as writer:
        writer.create_trajectory_datasets("b")
        writer.append_frame("b", {"energy": 0.0})
    failing(tmp_path / "bare.h5", KeyError, "has no field 'coordinates/wrapped'; it has energy")


@pytest.mark.parametrize("shape", [(0, 6), (1, 6), (5, 0), (0, 2, 3)])
def test_nothing_much(tmp_path: Path, shape: tuple[int, ...]) -> None:
    np.save(tmp_path / "in.npy", np.ones(shape))
    report = unwrap(tmp_path / "in.npy", output_dir=tmp_path / "out", lattice=CELL)
    assert report.trajectories[0].frames == shape[0]
    assert report.trajectories[0].longest_step is None
    assert json.loads(json.dumps(report.as_dict()))["targets"][0].endswith("traj1")
    if shape[0]:
        with TrajectoryReader(tmp_path / "out" / "trajectories.h5") as reader:
            assert reader["traj_001"]["coordinates/unwrapped"].read().size == np.prod(shape)
