"""Displacements, held to the double loop over all pairs of frames."""

import json
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raggedh5.errors import SchemaError
from raggedh5.formats.trajectory import HDF5TrajectoryWriter, TrajectoryReader
from raggedh5.formats.trajectory.geometry.correlation import transform_length
from raggedh5.formats.trajectory.geometry.displacement import (
    DisplacementFromStart,
    displacement_from_start,
    mean_square_displacement,
)


def double_loop(positions):
    """Return the mean-square displacement for each lag, and how many pairs it is of."""
    values, pairs = [], []
    for lag in range(len(positions)):
        squares = [
            float(((b - a) ** 2).sum())
            for t in range(len(positions) - lag)
            for a, b in zip(positions[t], positions[t + lag], strict=True)
            if np.isfinite(a).all() and np.isfinite(b).all()
        ]
        values.append(np.mean(squares) if squares else np.nan)
        pairs.append(len(squares))
    return values, pairs


class Field:
    """A field of a file: blocks of odd length, as stored or not, and a memory of what was read."""

    def __init__(self, positions, units=None):
        self.positions = positions
        self.units = units
        self.shape = (len(positions), positions.shape[1] * 3)
        self.reads = []

    def blocks(self, start=0, stop=None, step=1, species=None, block_bytes=1 << 23):
        self.reads.append(species)
        chosen = self.positions[start:stop:step]
        for begin in range(0, len(chosen), 7):
            block = chosen[begin : begin + 7]
            yield block if species is None else block[:, species]


def walks(n_frames, n_species, seed=0):
    return np.cumsum(np.random.default_rng(seed).normal(size=(n_frames, n_species, 3)), axis=0)


@settings(max_examples=60)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 40),
    st.integers(1, 4),
    st.sampled_from([0, 0.05, 0.5, 1]),
    st.sampled_from([0.0, 1e5]),
)
def test_it_is_that_of_the_double_loop(seed, n_frames, n_species, missing, offset):
    rng = np.random.default_rng(seed)
    positions = walks(n_frames, n_species, seed) + offset
    positions[rng.random((n_frames, n_species)) < missing, rng.integers(3)] = np.nan
    if missing:
        positions[0, 0] = np.inf
    msd = mean_square_displacement(positions)
    values, pairs = double_loop(positions)
    assert msd.pairs.tolist() == pairs
    assert msd.lags.tolist() == list(range(n_frames))
    assert np.allclose(msd.values, values, rtol=1e-9, atol=1e-10, equal_nan=True)


def test_what_rests_does_not_move_and_what_flies_goes_its_way():
    rest = np.broadcast_to(np.array([[0.1, -7e7, 1 / 3], [1, 2, 3]]), (501, 2, 3))
    assert not mean_square_displacement(rest).values.any()
    flight = rest + np.arange(501)[:, None, None] * np.array([1.0, 2, 2])
    assert np.allclose(mean_square_displacement(flight).values, (3.0 * np.arange(501)) ** 2)


def test_frames_and_species_are_chosen():
    positions = walks(60, 5)
    values, pairs = double_loop(positions[3:50:4, [1, 3]])
    for source in (positions, positions.reshape(60, 15), Field(positions), Field(positions)):
        for species in ([1, 3], slice(1, 4, 2), np.array([0, 1, 0, 1, 0], bool)):
            msd = mean_square_displacement(source, start=3, stop=50, step=4, species=species)
            assert np.allclose(msd.values, values)
            assert msd.pairs.tolist() == pairs
            assert msd.lags.tolist() == list(range(0, 48, 4))
    short = mean_square_displacement(positions, start=3, stop=50, step=4, species=[1, 3], max_lag=9)
    assert np.allclose(short.values, values[:3])
    assert short.lags.tolist() == [0, 4, 8]
    one = mean_square_displacement(positions, species=2)
    assert np.allclose(one.values, mean_square_displacement(positions[:, 2]).values)


def test_groups_of_species_add_up():
    field = Field(walks(400, 9))
    whole = mean_square_displacement(field)
    assert field.reads == [slice(0, 9)]
    little = mean_square_displacement(field, memory=60_000)
    assert len(field.reads) > 3
    assert np.allclose(little.values, whole.values)
    assert (little.pairs == whole.pairs).all()


@pytest.mark.parametrize("missing", [False, True])
def test_memory_is_what_was_said(tmp_path, missing):
    positions = walks(30_000, 40)
    if missing:
        positions[5] = np.nan
    np.save(tmp_path / "path.npy", positions)
    del positions
    frames = np.load(tmp_path / "path.npy", mmap_mode="r")
    for memory, most in [(1 << 23, 1 << 23), (1 << 20, 30_000 * 165)]:
        tracemalloc.start()
        mean_square_displacement(frames, memory=memory)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < most + (1 << 19)


def test_of_a_field_that_some_frames_lack_rows_count(tmp_path):
    positions = walks(40, 3)
    with HDF5TrajectoryWriter(tmp_path / "a.h5") as writer:
        writer.create_trajectory_datasets("t")
        for number, frame in enumerate(np.repeat(positions, 3, axis=0)):
            fields = {"time": 1.0 * number}
            if number % 3 == 1:
                fields["coordinates/unwrapped"] = frame
            writer.append_frame("t", fields)
    options = {"start": 2, "stop": 35, "step": 2, "species": [0, 2]}
    with TrajectoryReader(tmp_path / "a.h5") as reader:
        field = reader["t"]["coordinates/unwrapped"]
        assert len(field.frames) == 40
        found = mean_square_displacement(field, **options)
        start = displacement_from_start(field, **options)
    expected = mean_square_displacement(positions, **options)
    assert (found.values == expected.values).all()
    assert (start == displacement_from_start(positions, **options)).all()


def test_it_is_written_as_json():
    positions = walks(4, 1)
    positions[1:3] = np.nan
    told = json.loads(json.dumps(mean_square_displacement(Field(positions)).as_dict()))
    assert told["lags"] == [0, 1, 2, 3]
    assert told["values"][:3] == [0.0, None, None]
    assert told["pairs"] == [2, 0, 0, 1]
    assert told["units"] == "bohr^2"
    assert mean_square_displacement(Field(positions, "angstrom")).units == "angstrom^2"


def test_the_start_is_the_first_frame_that_is_read():
    positions = walks(50, 4)
    expected = np.square(positions - positions[0]).sum(-1).mean(-1)
    assert np.allclose(displacement_from_start(positions), expected)
    assert np.allclose(displacement_from_start(Field(positions)), expected)
    some = np.square(positions[5::3] - positions[5]).sum(-1)[:, [0, 2]].mean(-1)
    found = displacement_from_start(Field(positions), start=5, step=3, species=[0, 2])
    assert np.allclose(found, some)
    assert found[0] == 0


def test_species_that_are_not_known_do_not_count():
    positions = walks(6, 3)
    positions[0, 0] = np.inf
    positions[2, 1, 2] = np.nan
    positions[4] = np.nan
    positions[5, 0] = np.inf
    squares = np.square(positions - walks(6, 3)[0]).sum(-1)
    found = displacement_from_start(positions)
    assert np.allclose(found[[1, 3, 5]], squares[[1, 3, 5], 1:].mean(-1))
    assert found[2] == squares[2, 2]
    assert np.isnan(found[4])


def test_blocks_go_on_and_the_input_is_kept():
    positions = walks(20, 2)
    positions.flags.writeable = False
    displacement = DisplacementFromStart()
    assert displacement.add(positions[:0]).shape == (0,)
    found = [displacement.add(block) for block in np.split(positions, [1, 5, 5])]
    assert (np.concatenate(found) == displacement_from_start(positions)).all()
    with pytest.raises(SchemaError, match=r"3 species .* of 2"):
        displacement.add(np.zeros((1, 3, 3)))
    mean_square_displacement(positions)


@pytest.mark.parametrize("shape", [(0, 2, 3), (0, 6), (5, 0, 3), (5, 0)])
def test_of_nothing_nothing_is_known(shape):
    msd = mean_square_displacement(np.zeros(shape))
    assert len(msd.values) == shape[0]
    assert np.isnan(msd.values).all()
    assert not msd.pairs.any()
    assert len(displacement_from_start(np.zeros(shape))) == shape[0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"species": [7]}, "2 species"),
        ({"species": [0.5]}, "2 species"),
        ({"step": -1}, "step"),
        ({"max_lag": -1}, "lag"),
    ],
)
def test_what_is_not_there_is_refused(options, message):
    with pytest.raises(SchemaError, match=message):
        mean_square_displacement(np.zeros((4, 2, 3)), **options)
    for source in (np.zeros((4, 5)), np.zeros(3), Field(np.zeros((4, 2, 2)))):
        with pytest.raises(SchemaError, match="n_species"):
            mean_square_displacement(source if isinstance(source, np.ndarray) else source.positions)


@given(st.integers(1, 10**7))
def test_transforms_are_of_lengths_that_are_fast(least):
    length = transform_length(least)
    assert least <= length <= max(2, 1.1 * least + 6)
    for prime in (2, 3, 5):
        while length % prime == 0:
            length //= prime
    assert length == 1
