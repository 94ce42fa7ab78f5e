"""The validator finds every difference that there is, says where, and no others."""

import json
import tracemalloc

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raggedh5.formats.trajectory import (
    TrajectoryReader,
    TrajectoryValidator,
    TrajectoryWriterManager,
)
from raggedh5.formats.trajectory.checking.statistics import RunningStatistics
from trajectories import ID, columns, config, six, write

FRAMES = [six(number) for number in range(30)]


@pytest.fixture
def folder(tmp_path):
    write(tmp_path, FRAMES)
    return tmp_path


def compare(folder, **options):
    validator = TrajectoryValidator(**options)
    return validator.validate_trajectory(folder, folder / "trajectories.h5", ID)


def of(found, name):
    (field,) = [field for field in found.fields if field.field == name]
    return field


def changed(folder, name, change):
    """Change an array of the NumPy files."""
    path = folder / "traj1" / f"{name}.npy"
    np.save(path, change(np.load(path)))


def put(row, column, value):
    def change(array):
        array[row, column] = value
        return array

    return change


def test_what_is_the_same(folder):
    found = compare(folder)
    assert found.ok
    assert found.frames == (30, 30)
    assert {field.field for field in found.fields} == set(FRAMES[0])
    for field in found.fields:
        assert field.match
        assert field.identical
        assert (field.rows, field.largest_difference, field.reason) == ((30, 30), 0.0, "")
        assert (field.frame, field.component) == (None, None)
    assert "the same" in found.to_text()


@pytest.mark.parametrize("nbytes", [1, 700, 1 << 23])
def test_a_difference_is_found_where_it_is(folder, monkeypatch, nbytes):
    monkeypatch.setattr("raggedh5.formats.trajectory.checking.validator.BLOCK_BYTES", nbytes)
    changed(folder, "delg_0", lambda array: array + 1e-9 * (np.arange(30) == 11)[:, None])
    changed(folder, "unwrapped_traj", put(17, 5, 1e3))
    changed(folder, "wrapped_traj", put(29, 8, 0.5))
    found = compare(folder)
    assert not found.ok
    field = of(found, "coordinates/unwrapped")
    assert (field.match, field.identical, field.frame, field.component) == (False, False, 17, 5)
    wanted = abs(1e3 - FRAMES[17]["coordinates/unwrapped"].ravel()[5])
    assert field.largest_difference == wanted
    assert "frame 17, component 5" in field.reason
    assert (of(found, "coordinates/wrapped").frame, of(found, "coordinates/wrapped").component) == (
        29,
        8,
    )
    assert of(found, "delg_0").frame == 11
    assert of(found, "delg_0").largest_difference == pytest.approx(1e-9, rel=1e-6)
    assert of(found, "time").identical
    assert "NOT the same" in found.to_text()
    assert "DIFFERS" in found.to_text()


@pytest.mark.parametrize(("tolerance", "match"), [(0.25, True), (0.2499, False), (0.0, False)])
def test_a_tolerance_is_the_largest_difference_that_counts_as_none(folder, tolerance, match):
    changed(folder, "time_data", lambda array: array + 0.25)
    field = of(compare(folder, tolerance=tolerance), "time")
    assert field.match == match
    assert not field.identical
    assert (field.largest_difference, field.tolerance) == (0.25, tolerance)


ONE_BIT = np.nextafter(1.0, 2.0)
OTHER_NAN = np.array(0x7FF8000000000001, np.uint64).view(np.float64)[()]


@pytest.mark.parametrize(
    ("a", "b", "match", "identical", "largest"),
    [
        (np.nan, np.nan, True, True, 0),
        (np.nan, OTHER_NAN, True, False, 0),
        (np.inf, np.inf, True, True, 0),
        (-np.inf, -np.inf, True, True, 0),
        (0.0, -0.0, True, False, 0),
        (1.0, ONE_BIT, True, False, ONE_BIT - 1),
        (np.nan, 1.0, False, False, np.nan),
        (1.0, np.nan, False, False, np.nan),
        (np.inf, np.nan, False, False, np.nan),
        (np.inf, -np.inf, False, False, np.inf),
        (np.inf, 1e308, False, False, np.inf),
        (1e308, -1e308, False, False, np.inf),
        (5e-324, 0.0, True, False, 5e-324),
    ],
)
def test_special_values(tmp_path, a, b, match, identical, largest):
    frames = [{"x": np.array([0.0, 1.0])} for _ in range(9)]
    frames[6] = {"x": np.array([0.0, b])}
    write(tmp_path, frames)
    changed(tmp_path, "x", put(6, 1, a))
    field = of(compare(tmp_path), "x")
    assert (field.match, field.identical) == (match, identical)
    assert np.array_equal(field.largest_difference, largest, equal_nan=True)
    if not match:
        assert (field.frame, field.component) == (6, 1)
    json.dumps(compare(tmp_path).as_dict(), allow_nan=False)


def test_integers_beyond_float64(tmp_path):
    write(tmp_path, [{"n": np.int64(2**62)}] * 5)
    changed(tmp_path, "n", lambda array: array + (np.arange(5) == 3))
    field = of(compare(tmp_path), "n")
    assert not field.match
    assert (field.largest_difference, field.frame) == (1.0, 3)


def test_other_kinds_of_numbers(tmp_path):
    frames = [{"z": complex(n, 1), "b": n % 2 == 0, "h": np.float16(n)} for n in range(9)]
    write(tmp_path, frames)
    assert all(field.identical for field in compare(tmp_path).fields)
    changed(tmp_path, "z", lambda array: array + 3 * (np.arange(9) == 4) + 4j * (np.arange(9) == 4))
    changed(tmp_path, "b", lambda array: array ^ (np.arange(9) == 2))
    found = compare(tmp_path)
    assert (of(found, "z").largest_difference, of(found, "z").frame) == (5.0, 4)
    assert (of(found, "b").largest_difference, of(found, "b").frame) == (1.0, 2)


@pytest.mark.parametrize("dtype", ["f4", ">f8", "i8", "c16"])
def test_the_same_numbers_of_another_dtype(tmp_path, dtype):
    write(tmp_path, [{"x": np.arange(3.0) + n} for n in range(9)])
    changed(tmp_path, "x", lambda array: array.astype(dtype))
    field = of(compare(tmp_path), "x")
    assert field.match
    assert not field.identical
    assert "equal" in field.to_text()


def test_another_dtype_where_there_are_no_values(tmp_path):
    write(tmp_path, [{"time": 0.0} | ({"x": 1.0} if n > 40 else {}) for n in range(50)])
    changed(tmp_path, "x", lambda array: array.astype("f4"))
    assert of(compare(tmp_path), "x").match


def test_a_field_on_one_side_only(folder):
    with h5py.File(folder / "trajectories.h5", "a") as file:
        del file[f"trajectories/{ID}/energy"]
        file[f"trajectories/{ID}/extra"] = np.zeros(30)
    found = compare(folder)
    assert not found.ok
    for name, rows, side in (("energy", (30, None), "NumPy files"), ("extra", (None, 30), "HDF5")):
        field = of(found, name)
        assert (field.match, field.rows) == (False, rows)
        assert side in field.reason
        assert f"only the {side}" in found.to_text()
    assert of(found, "time").match


def test_other_lengths(folder):
    for name in ("energy", "time_data"):
        changed(folder, name, lambda array: array[:27])
    found = compare(folder)
    assert not found.ok
    field = of(found, "energy")
    assert (field.match, field.rows, field.frame) == (False, (27, 30), 27)
    assert "frame 27" in field.reason


def test_one_side_has_more_frames(folder):
    for path in (folder / "traj1").glob("*.npy"):
        np.save(path, np.load(path)[:29])
    found = compare(folder)
    assert found.frames == (29, 30)
    assert not found.ok
    assert not any(field.match for field in found.fields)


def test_other_frame_numbers(tmp_path):
    write(tmp_path, [{"time": 0.0} | ({"x": 1.0} if n % 3 == 0 else {}) for n in range(30)])
    assert compare(tmp_path).ok
    changed(tmp_path, "x.frames", lambda array: array + (array == 12))
    field = of(compare(tmp_path), "x")
    assert not field.match
    assert field.frame == 12
    assert field.rows == (10, 10)


def test_other_shapes(folder):
    changed(folder, "delg_0", lambda array: array.reshape(30, 2, 2))
    field = of(compare(folder), "delg_0")
    assert not field.match
    assert "shapes differ" in field.reason


def test_coordinates_may_have_three_axes(folder):
    changed(folder, "unwrapped_traj", lambda array: array.reshape(30, 3, 3))
    assert of(compare(folder), "coordinates/unwrapped").identical


def test_precision_is_a_tolerance(tmp_path):
    write(tmp_path, FRAMES, config(hdf5_options={"precision": 1e-3}))
    found = compare(tmp_path)
    assert found.ok
    field = of(found, "coordinates/unwrapped")
    assert field.tolerance == 1e-3
    assert 1e-5 < field.largest_difference <= 1e-3
    assert not field.identical
    assert of(found, "delg_0").tolerance == 1e-15
    assert of(found, "delg_0").identical
    assert of(compare(tmp_path, tolerance=1.0), "coordinates/unwrapped").tolerance == 1.0
    changed(tmp_path, "unwrapped_traj", lambda array: array + 2e-3)
    assert not of(compare(tmp_path), "coordinates/unwrapped").match


def test_particles(tmp_path):
    rng = np.random.default_rng(0)
    sizes = [3, 0, 4, 2]
    frames = [
        {"coordinates/wrapped": rng.random((n, 3)), "particles/id": np.arange(n)} for n in sizes
    ]
    write(tmp_path, frames, ragged=True)
    assert compare(tmp_path).ok
    changed(tmp_path, "wrapped_traj", put(5, 1, 9.0))
    field = of(compare(tmp_path), "coordinates/wrapped")
    assert (field.match, field.frame, field.component) == (False, 2, 1)
    changed(tmp_path, "particles_offsets", lambda array: array + (array == 3))
    found = compare(tmp_path)
    assert not any(field.match for field in found.fields)
    assert "numbers of particles" in of(found, "particles/id").reason


# --- statistics


@pytest.mark.parametrize("nbytes", [1, 700, 1 << 23])
def test_statistics_are_those_of_numpy(folder, monkeypatch, nbytes):
    monkeypatch.setattr("raggedh5.formats.trajectory.checking.validator.BLOCK_BYTES", nbytes)
    found = compare(folder)
    for name, (values, _) in columns(FRAMES).items():
        whole = np.array(values)
        for side in of(found, name).statistics:
            assert (side.count, side.not_finite) == (whole.size, 0)
            assert side.mean == pytest.approx(whole.mean(), rel=1e-12, abs=1e-14)
            assert side.variance == pytest.approx(whole.var(), rel=1e-12)
            assert (side.minimum, side.maximum) == (whole.min(), whole.max())
            if name.startswith("coordinates/"):
                moved = np.square(whole[-1] - whole[0]).sum(axis=1).mean()
                assert side.mean_square_displacement == pytest.approx(moved, rel=1e-13)
            else:
                assert side.mean_square_displacement is None


@given(
    st.lists(
        st.lists(st.floats(-1e6, 1e6) | st.just(np.nan) | st.just(np.inf), max_size=9), max_size=6
    )
)
def test_any_blocks_have_the_statistics_of_the_whole(blocks):
    running = RunningStatistics(vectors=False)
    for block in blocks:
        running.add(np.array(block))
    found = running.result()
    whole = np.array([value for block in blocks for value in block])
    finite = whole[np.isfinite(whole)]
    assert (found.count, found.not_finite) == (whole.size, whole.size - finite.size)
    if finite.size:
        assert found.mean == pytest.approx(finite.mean(), rel=1e-9, abs=1e-9)
        assert found.variance == pytest.approx(finite.var(), rel=1e-9, abs=1e-3)
        assert (found.minimum, found.maximum) == (finite.min(), finite.max())
    else:
        assert np.isnan([found.mean, found.variance, found.minimum, found.maximum]).all()


def test_a_mean_far_from_zero_leaves_the_variance_exact():
    running = RunningStatistics(vectors=False)
    values = 1e9 + np.random.default_rng(0).random(10_000)
    for block in np.split(values, 100):
        running.add(block)
    assert running.result().variance == pytest.approx(1 / 12, rel=0.05)
    assert running.result().variance == pytest.approx(values.var(), rel=1e-6)


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan, 1.7e308])
def test_coordinates_that_are_not_finite(tmp_path, value):
    write(tmp_path, [{"coordinates/wrapped": np.full((2, 3), value)}] * 3)
    found = compare(tmp_path)
    assert found.ok
    text = json.dumps(found.as_dict(), allow_nan=False)
    assert json.loads(text)["fields"][0]["statistics"][0]["count"] == 18
    assert "identical" in found.to_text()


def test_nan_that_signals(tmp_path):
    """Converting it to another dtype is an invalid operation to the processor."""
    value = np.array([0x7F800001, 0x3F800000], np.uint32).view(np.float32)
    write(tmp_path, [{"x": value}] * 3)
    found = of(compare(tmp_path), "x")
    assert found.identical
    assert (found.statistics[0].not_finite, found.statistics[0].mean) == (3, 1.0)


def test_no_statistics(folder):
    found = compare(folder, statistics=False)
    assert all(field.statistics is None for field in found.fields)
    assert "mean" not in found.to_text()


# --- reports, and many trajectories


def test_json_is_strict(folder):
    changed(folder, "energy", lambda array: array * np.nan)
    changed(folder, "delg_0", lambda array: array[:3])
    found = compare(folder)
    said = json.loads(json.dumps(found.as_dict(), allow_nan=False))
    assert (said["trajectory"], said["ok"], said["frames"]) == (ID, False, [30, 30])
    energy = next(field for field in said["fields"] if field["field"] == "energy")
    assert (energy["match"], energy["largest_difference"]) == (False, None)
    assert (energy["frame"], energy["component"]) == (0, 0)
    assert energy["statistics"][0]["mean"] is None
    assert energy["statistics"][0]["not_finite"] == 30


def test_all_trajectories(tmp_path):
    with TrajectoryWriterManager(config()) as manager:
        for number in (1, 2, 10):
            manager.initialize_writers(tmp_path, f"traj_{number:03d}")
            manager.write_frame(f"traj_{number:03d}", six(number))
    validator = TrajectoryValidator()
    found = validator.validate(tmp_path, tmp_path / "trajectories.h5")
    assert found.ok
    assert [each.trajectory for each in found.trajectories] == ["traj_001", "traj_002", "traj_010"]
    path = tmp_path / "traj2" / "energy.npy"
    np.save(path, np.load(path) + 1)
    found = validator.validate(tmp_path, tmp_path / "trajectories.h5")
    assert [each.ok for each in found.trajectories] == [True, False, True]
    assert not found.ok
    assert not found.as_dict()["ok"]
    assert "traj_002: NOT the same" in found.to_text()
    with h5py.File(tmp_path / "trajectories.h5", "a") as file:
        del file["trajectories/traj_010"]
        file["trajectories"].copy("traj_001", "traj_003")
    found = validator.validate(tmp_path, tmp_path / "trajectories.h5")
    assert [each.ok for each in found.trajectories] == [True, False]
    assert found.as_dict()["lacking"] == {
        "traj_010": "only the NumPy files have it",
        "traj_003": "only HDF5 has it",
    }
    assert not found.ok
    assert "traj_010: not compared: only the NumPy files have it" in found.to_text()


def test_a_folder_of_its_own_whatever_it_is_called(folder, tmp_path):
    other = tmp_path / "bvo"
    other.mkdir()
    for path in (folder / "traj1").glob("*.npy"):
        path.rename(other / path.name)
    found = TrajectoryValidator().validate_trajectory(other, folder / "trajectories.h5", ID)
    assert found.ok
    with pytest.raises(KeyError, match="traj_007"):
        TrajectoryValidator().validate_trajectory(other, folder / "trajectories.h5", "traj_007")


def test_trajectories_without_frames(tmp_path):
    write(tmp_path, [])
    found = compare(tmp_path)
    assert found.ok
    assert (found.frames, found.fields) == ((0, 0), ())


@pytest.mark.parametrize("tolerance", [-1e-9, float("nan")])
def test_wrong_tolerances(tolerance):
    with pytest.raises(ValueError, match="tolerance"):
        TrajectoryValidator(tolerance)


@pytest.mark.parametrize("first", [0, 20], ids=["from the first frame", "later"])
def test_memory_is_bounded(tmp_path, first):
    """The field has 64 MiB on either side; a block has 8."""
    big = np.zeros((2, 1 << 16))
    with TrajectoryWriterManager(config()) as manager:
        manager.initialize_writers(tmp_path, ID)
        for number in range(84):
            manager.write_frame(ID, {"time": 0.0} | ({"x": big} if number >= first else {}))
    tracemalloc.start()
    try:
        assert compare(tmp_path).ok
        assert tracemalloc.get_traced_memory()[1] < 50 << 20
    finally:
        tracemalloc.stop()


# --- any frames at all


@st.composite
def frames(draw):
    """Frames of a few fields, any of them missing from any frame, values of any bits."""
    shapes = {
        "time": ((), "f8"),
        "coordinates/unwrapped": ((2, 3), "f8"),
        "n": ((), draw(st.sampled_from(["i4", "u8", "?", "i1"]))),
        "group/x": (
            draw(st.sampled_from([(2,), (0,), (1, 2)])),
            draw(st.sampled_from(["f4", "c8"])),
        ),
    }
    names = draw(st.lists(st.sampled_from(sorted(shapes)), min_size=1, unique=True))
    rng = np.random.default_rng(draw(st.integers(0, 1 << 30)))
    found = []
    often = {name: draw(st.sampled_from([1.0, 0.9, 0.5, 0.1])) for name in names}
    for _ in range(draw(st.integers(0, 40))):
        frame = {}
        for name in names:
            if rng.random() < often[name]:
                shape, dtype = shapes[name]
                raw = rng.bytes(int(np.prod(shape)) * np.dtype(dtype).itemsize)
                value = np.frombuffer(raw, dtype).reshape(shape).copy()
                frame[name] = rng.random(shape) < 0.5 if dtype == "?" else value
                frame[name] = np.asarray(frame[name])
        found += [frame] if frame else []
    return found


@settings(max_examples=12)
@given(data=st.data())
def test_any_frames_come_back_from_both_formats(data, tmp_path_factory):
    """Also where they are written in several goes, and flushed between."""
    come_back(data, tmp_path_factory.mktemp("any"))


@pytest.mark.slow
@settings(max_examples=120)
@given(data=st.data())
def test_many_frames_come_back_from_both_formats(data, tmp_path_factory):
    come_back(data, tmp_path_factory.mktemp("any"))


def come_back(data, folder):
    todo = data.draw(frames())
    chosen = config(
        performance={"buffer_size": data.draw(st.integers(1, 20))},
        hdf5_options={
            "chunking": data.draw(st.sampled_from([True, 1, 3])),
            "compression": data.draw(st.sampled_from(["blosc-lz4", "gzip", "none"])),
            "single_file": data.draw(st.booleans()),
        },
    )
    at = 0
    while True:
        options = {"mode": "a", "resume": True} if at else {}
        with TrajectoryWriterManager(chosen, **options) as manager:
            assert manager.initialize_writers(folder, ID) == at
            stop = data.draw(st.integers(at, len(todo))) if at < len(todo) else at
            for frame in todo[at:stop]:
                manager.write_frame(ID, frame)
                if data.draw(st.integers(0, 9)) == 0:
                    manager.flush()
            at = stop
            manager.finalize_trajectory(ID)
            assert manager.validate_formats().ok
        if at == len(todo) or at == 0:
            break
    same_frames(folder, todo[:at])


def same_frames(folder, wanted):
    with TrajectoryReader(folder) as npy, TrajectoryReader(folder / "trajectories.h5") as hdf5:
        found = TrajectoryValidator(0.0).compare(npy[ID], hdf5[ID])
        assert found.ok, found.to_text()
        assert all(field.identical for field in found.fields)
        for trajectory in (npy[ID], hdf5[ID]):
            assert trajectory.n_frames == len(wanted)
            for name, (values, numbers) in columns(wanted).items():
                field = trajectory[name]
                rows = np.array(values).reshape(field.shape)
                assert field.dtype == rows.dtype
                assert field[:].tobytes() == rows.tobytes()
                of_rows = np.arange(len(rows)) if field.frames is None else field.frames
                assert of_rows.tolist() == numbers
            assert set(trajectory.fields) == set(columns(wanted))
