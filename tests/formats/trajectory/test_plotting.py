"""Pictures of trajectories: what is on their axes, and that they are pictures."""

import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("matplotlib")

from matplotlib.image import imread

from raggedh5.errors import SchemaError, WriteError
from raggedh5.formats.trajectory import HDF5TrajectoryWriter, NPYTrajectoryWriter, TrajectoryReader
from raggedh5.formats.trajectory.drawing import curves as drawing
from raggedh5.formats.trajectory.geometry.displacement import mean_square_displacement
from raggedh5.formats.trajectory.plotting import (
    displacement_figure,
    field_figure,
    plot_displacement,
    plot_field,
)
from walks import walk, written, written_ragged


def lines(figure):
    (axes,) = figure.axes
    return [line.get_xydata() for line in axes.lines]


def labels(figure):
    return [line.get_label() for line in figure.axes[0].lines]


def axes_of(figure):
    return figure.axes[0].get_xlabel(), figure.axes[0].get_ylabel()


@pytest.fixture
def run(tmp_path):
    written(tmp_path / "run", "traj_001", "traj_002")
    return tmp_path / "run"


@pytest.fixture(params=["trajectories.h5", "traj1"])
def trajectory(run, request):
    with TrajectoryReader(run / request.param) as reader:
        yield reader["traj_001"]


def write(path: Path, fields: dict, **options):
    with HDF5TrajectoryWriter(path, **options) as writer:
        writer.create_trajectory_datasets("traj_001")
        writer.append_frames("traj_001", fields)
    return path


def test_a_field_of_some_frames_against_time(trajectory):
    figure = field_figure(trajectory, "energy")
    assert axes_of(figure) == ("time (s)", "energy (hartree)")
    frames = np.arange(2, 60, 5)
    (found,) = lines(figure)
    assert (found == np.stack([0.5 * frames, -1.0 * frames], axis=1)).all()
    (found,) = lines(field_figure(trajectory, "energy", start=20, stop=-20))
    assert found[:, 1].tolist() == [-22.0, -27.0, -32.0, -37.0]


def test_time_itself_is_against_frames(trajectory):
    figure = field_figure(trajectory, "time")
    assert axes_of(figure) == ("frame", "time (s)")
    assert lines(figure)[0].tolist() == [[n, 0.5 * n] for n in range(60)]


def test_coordinates(trajectory):
    positions = walk(60)
    everything = lines(field_figure(trajectory, "coordinates/unwrapped"))
    assert (np.array(everything)[:, :, 1] == positions.reshape(60, 12).T).all()
    figure = field_figure(trajectory, "coordinates/unwrapped", species=[3, 1])
    assert labels(figure) == ["3 x", "3 y", "3 z", "1 x", "1 y", "1 z"]
    assert (lines(figure)[4][:, 1] == positions[:, 1, 1]).all()
    assert axes_of(figure)[1] == "coordinates/unwrapped (bohr)"


def test_many_species_are_drawn_by_their_mean(tmp_path):
    positions = walk(50, 7)
    positions[10, 2] = np.nan
    write(tmp_path / "a.h5", {"coordinates/unwrapped": positions})
    with TrajectoryReader(tmp_path / "a.h5") as reader:
        figure = field_figure(reader["traj_001"], "coordinates/unwrapped")
        some = field_figure(reader["traj_001"], "coordinates/unwrapped", species=[0, 1, 2, 4, 6])
    assert labels(figure) == ["mean x", "mean y", "mean z"]
    found = np.array(lines(figure))
    assert (found[:, :, 0] == np.arange(50)).all()
    assert np.allclose(found[:, :, 1], np.nanmean(positions, axis=1).T, rtol=1e-14)
    expected = np.nanmean(positions[:, [0, 1, 2, 4, 6]], axis=1).T
    assert np.allclose(np.array(lines(some))[:, :, 1], expected, rtol=1e-14)


def test_components_of_other_fields(tmp_path):
    rng = np.random.default_rng(0)
    few, many = rng.normal(size=(30, 2, 3)), rng.normal(size=(30, 5, 4))
    wave = np.full(30, 3 + 4j)
    path = write(
        tmp_path / "a.h5", {"stress": few, "charges": many, "wave": wave, "on": few[:, 0] > 0}
    )
    with TrajectoryReader(path) as reader:
        trajectory = reader["traj_001"]
        figure = field_figure(trajectory, "stress")
        assert labels(figure) == ["0, 0", "0, 1", "0, 2", "1, 0", "1, 1", "1, 2"]
        assert (lines(figure)[3][:, 1] == few[:, 1, 0]).all()
        assert axes_of(figure) == ("frame", "stress")
        figure = field_figure(trajectory, "charges")
        assert labels(figure) == ["mean", "lowest", "highest"]
        mean, lowest, highest = (line[:, 1] for line in lines(figure))
        assert np.allclose(mean, many.mean(axis=(1, 2)), rtol=1e-13)
        assert (lowest == many.min(axis=(1, 2))).all()
        assert (highest == many.max(axis=(1, 2))).all()
        assert (lines(field_figure(trajectory, "wave"))[0][:, 1] == 5).all()
        assert (lines(field_figure(trajectory, "on"))[2][:, 1] == (few[:, 0, 2] > 0)).all()


def test_particles_whose_number_varies(tmp_path):
    written_ragged(tmp_path / "a.h5")
    with TrajectoryReader(tmp_path / "a.h5") as reader:
        trajectory = reader["traj_001"]
        figure = field_figure(trajectory, "coordinates/wrapped")
        assert axes_of(figure) == ("time (s)", "coordinates/wrapped (bohr)")
        expected = [np.nan if n % 4 == 0 else n for n in range(40)]
        for line in lines(figure):
            assert np.array_equal(line[:, 1], expected, equal_nan=True)
            assert (line[:, 0] == np.arange(40) * 0.5).all()
        mean, lowest, highest = lines(field_figure(trajectory, "particles/charge"))
        assert mean[1:4, 1].tolist() == [0.25, 0.75, 1.25]
        assert lowest[1:4, 1].tolist() == [0.25, 0.25, 0.25]
        assert highest[1:4, 1].tolist() == [0.25, 1.25, 2.25]
        with pytest.raises(SchemaError, match="number of particles varies"):
            displacement_figure(trajectory, "coordinates/wrapped")
        with pytest.raises(SchemaError, match="no species"):
            field_figure(trajectory, "coordinates/wrapped", species=[0])


def test_times_that_do_not_match(tmp_path):
    """Of other frames, fewer, not finite, or of another shape: frames are counted instead."""
    for times in (np.arange(4000.0), np.r_[np.arange(4999.0), np.nan], np.zeros((5000, 2))):
        with HDF5TrajectoryWriter(tmp_path / "a.h5") as writer:
            writer.create_trajectory_datasets("t")
            count = len(times)
            writer.append_frames("t", {"energy": np.arange(1.0 * count), "time": times})
            if count < 5000:
                writer.append_frames("t", {"energy": np.arange(count, 5000.0)})
        with TrajectoryReader(tmp_path / "a.h5") as reader:
            figure = field_figure(reader["t"], "energy")
            within = field_figure(reader["t"], "energy", stop=3000)
        assert axes_of(figure)[0] == "frame"
        assert lines(figure)[0][-1].tolist() == [4999, 4999]
        assert axes_of(within)[0] == ("frame" if times.ndim == 2 else "time (s)")


def test_events_that_are_of_no_known_frames(tmp_path):
    folder = tmp_path / "traj1"
    folder.mkdir()
    np.save(folder / "unwrapped_traj.npy", np.zeros((50, 6)))
    np.save(folder / "time_data.npy", np.arange(30.0))
    with TrajectoryReader(folder) as reader:
        trajectory = reader["traj_001"]
        assert list(trajectory.events) == ["time"]
        figure = field_figure(trajectory, "time", start=10)
        assert axes_of(field_figure(trajectory, "coordinates/unwrapped"))[0] == "frame"
        assert axes_of(displacement_figure(trajectory))[0] == "lag (frames)"
    assert axes_of(figure) == ("event", "time (s)")
    assert lines(figure)[0].tolist() == [[n, n] for n in range(10, 30)]


def test_peaks_of_a_long_series_stay(tmp_path):
    count = 100_000
    energy = np.sin(np.arange(count) / 3000)
    energy[[12_345, 77_777]] = 50, -60
    energy[50_000:51_000] = np.nan
    times = np.cumsum(np.random.default_rng(0).exponential(size=count))
    path = write(tmp_path / "a.h5", {"energy": energy, "time": times})
    with TrajectoryReader(path) as reader:
        (found,) = lines(field_figure(reader["traj_001"], "energy"))
    assert len(found) <= 2 * drawing.BINS
    given = set(zip(times, energy, strict=True))
    assert all(tuple(point) in given for point in found if np.isfinite(point[1]))
    assert [times[12_345], 50] in found.tolist()
    assert [times[77_777], -60] in found.tolist()
    assert np.isnan(found[:, 1]).any()
    assert (np.diff(found[:, 0]) > 0).all()


def test_memory_does_not_grow_with_frames(tmp_path, monkeypatch):
    monkeypatch.setattr("raggedh5.formats.trajectory.drawing.field_lines.BLOCK_BYTES", 8 * 100)
    path = write(tmp_path / "a.h5", {"energy": np.arange(5000.0), "time": np.arange(5000.0)})
    calls = []
    with TrajectoryReader(path) as reader:
        figure = field_figure(
            reader["traj_001"], "energy", progress=lambda done, all_: calls.append((done, all_))
        )
    assert len(lines(figure)[0]) <= 4000
    assert calls[-1] == (5000, 5000)
    assert max(np.diff([done for done, _ in calls])) <= 100


def test_displacement_against_lag(trajectory):
    figure = displacement_figure(trajectory, max_lag=30)
    assert axes_of(figure) == ("lag time (s)", "mean-square displacement (bohr²)")
    positions = walk(60)
    (found,) = lines(figure)
    assert (found[:, 0] == 0.5 * np.arange(31)).all()
    naive = [np.square(positions[k:] - positions[: 60 - k]).sum(axis=2).mean() for k in range(31)]
    assert np.allclose(found[:, 1], naive, rtol=1e-10, atol=1e-10)
    (found,) = lines(displacement_figure(trajectory, species=[2], start=10, stop=50))
    expected = mean_square_displacement(positions[10:50, [2]], max_lag=10).values
    assert len(found) == 11
    assert np.allclose(found[:, 1], expected, rtol=1e-9, atol=1e-9)


def test_displacement_from_the_first_frame(trajectory):
    figure = displacement_figure(trajectory, from_first=True, start=20, species=[0, 2])
    assert axes_of(figure) == ("time (s)", "mean-square displacement (bohr²)")
    positions = walk(60)[20:, [0, 2]]
    (found,) = lines(figure)
    assert (found[:, 0] == 0.5 * np.arange(20, 60)).all()
    assert np.allclose(found[:, 1], np.square(positions - positions[0]).sum(axis=2).mean(axis=1))


@pytest.mark.parametrize("every", [1, 3])
def test_lag_is_in_frames_where_times_are_uneven(tmp_path, every):
    rng = np.random.default_rng(1)
    positions, times = walk(90), np.cumsum(rng.random(90))
    with HDF5TrajectoryWriter(tmp_path / "a.h5") as writer:
        writer.create_trajectory_datasets("traj_001")
        for n in range(90):
            frame = {"time": times[n]}
            if n % every == 0:
                frame["coordinates/unwrapped"] = positions[n]
            writer.append_frame("traj_001", frame)
    with TrajectoryReader(tmp_path / "a.h5") as reader:
        figure = displacement_figure(reader["traj_001"], max_lag=30)
        (start,) = lines(displacement_figure(reader["traj_001"], from_first=True))
    assert axes_of(figure)[0] == "lag (frames)"
    (found,) = lines(figure)
    expected = mean_square_displacement(positions[::every], max_lag=30 // every)
    assert (found[:, 0] == expected.lags * every).all()
    assert np.allclose(found[:, 1], expected.values, rtol=1e-9, atol=1e-9)
    assert (start[:, 0] == times[::every]).all()


def test_frames_without_any_order_have_no_lag(tmp_path):
    with NPYTrajectoryWriter(tmp_path) as writer:
        writer.create_trajectory_datasets("traj_001")
        for n in range(10):
            frame = {"energy": 0.0}
            if n in (0, 1, 5):
                frame["coordinates/unwrapped"] = np.full((2, 3), n)
            writer.append_frame("traj_001", frame)
    with TrajectoryReader(tmp_path) as reader:
        with pytest.raises(SchemaError, match="not evenly spaced"):
            displacement_figure(reader["traj_001"])
        (found,) = lines(displacement_figure(reader["traj_001"], from_first=True))
        with pytest.raises(SchemaError, match="no coordinates"):
            displacement_figure(reader["traj_001"], "energy")
    assert found.tolist() == [[0, 0], [1, 3], [5, 75]]


def test_a_picture_is_a_picture(run):
    target = run / "energy.png"
    plot_field(run, target, "energy", traj_id="traj_002")
    pixels = imread(target)
    assert pixels.shape == (540, 960, 4)
    assert len(np.unique(pixels.reshape(-1, 4), axis=0)) > 10
    blue = (pixels[..., 2] > 0.6) & (pixels[..., 0] < 0.3)  # the line, from top left down
    rows, columns = np.nonzero(blue)
    assert np.corrcoef(rows, columns)[0, 1] > 0.99
    assert columns.max() - columns.min() > 700
    plot_displacement(run, run / "msd.png", traj_id="traj_001")
    assert imread(run / "msd.png").shape == (540, 960, 4)
    with pytest.raises(WriteError, match="--overwrite"):
        plot_field(run, target, "energy", traj_id="traj_001")
    plot_field(run, target, "time", traj_id="traj_001", overwrite=True)
    assert (imread(target) != pixels).any()


def test_errors_leave_nothing(run, monkeypatch):
    source, target = run / "trajectories.h5", run / "x.png"
    before = sorted(run.iterdir())
    for options, kind, said in [
        ({"field": "energy"}, SchemaError, "several trajectories: traj_001, traj_002"),
        ({"field": "energy", "traj_id": "no"}, KeyError, "no trajectory 'no'"),
        ({"field": "no", "traj_id": "traj_001"}, KeyError, "no field 'no'"),
        ({"field": "energy", "traj_id": "traj_001", "species": [0]}, SchemaError, "no species"),
        ({"field": "energy", "traj_id": "traj_001", "start": 58}, SchemaError, "nothing to draw"),
        (
            {"field": "coordinates/wrapped", "traj_id": "traj_001", "species": [4]},
            SchemaError,
            "has 4 species",
        ),
    ]:
        with pytest.raises(kind, match=said):
            plot_field(source, target, **options)
    with pytest.raises(SchemaError, match="4 species"):
        plot_displacement(source, target, traj_id="traj_001", species=[9])
    with pytest.raises(WriteError, match="itself"):
        plot_field(source, source, "energy", overwrite=True)
    with pytest.raises(FileNotFoundError):
        plot_field(run / "none.h5", target, "energy")
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match="pip install"):
        plot_field(source, target, "energy", traj_id="traj_001")
    assert sorted(run.iterdir()) == before


def test_of_nothing_there_is_no_picture(tmp_path):
    nothing = {"coordinates/unwrapped": np.full((5, 1, 3), np.nan), "none": np.zeros((5, 0))}
    path = write(tmp_path / "a.h5", nothing)
    for field in nothing:
        with pytest.raises(SchemaError, match="nothing to draw"):
            plot_field(path, tmp_path / "a.png", field)
    for from_first in (True, False):
        with pytest.raises(SchemaError, match="nothing to draw"):
            plot_displacement(path, tmp_path / "a.png", from_first=from_first)
    assert [each.name for each in tmp_path.iterdir()] == ["a.h5"]


def test_names_are_no_formulas(tmp_path):
    path = write(tmp_path / "a.h5", {"$\\frac$": np.array([1.0, np.nan, 3.0])})
    plot_field(path, tmp_path / "a.png", "$\\frac$")
    assert imread(tmp_path / "a.png").ndim == 3
    with TrajectoryReader(path) as reader:
        figure = field_figure(reader["traj_001"], "$\\frac$")
    assert figure.axes[0].lines[0].get_markevery() == [0, 2]  # points that would be no line
