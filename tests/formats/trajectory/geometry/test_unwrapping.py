"""Paths through periodic cells, compared with ase and with the paths that were wrapped."""

import numpy as np
import pytest
from ase.geometry import find_mic, wrap_positions
from hypothesis import given
from hypothesis import strategies as st

from raggedh5.errors import SchemaError
from raggedh5.formats.trajectory.geometry.unwrapping import Unwrapper, wrap

ORTHORHOMBIC = np.diag([10.0, 12.0, 30.0])
TRICLINIC = np.array([[10.0, 0, 0], [3.0, 9.0, 0], [-2.0, 4.0, 11.0]])
SKEWED = np.array([[1, 0, 0], [5, 1, 0], [-7, 11, 1]]) @ TRICLINIC
ROTATED = TRICLINIC @ np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
CELLS = {"orthorhombic": ORTHORHOMBIC, "triclinic": TRICLINIC, "skewed": SKEWED, "rotated": ROTATED}
PBC = [(True, True, True), (True, False, True), (False, False, True), (False, False, False)]

every_cell = pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)
every_pbc = pytest.mark.parametrize("pbc", PBC, ids=lambda pbc: "".join("FT"[p] for p in pbc))


def path(n_frames=200, n_species=5, step=1.5, seed=1):
    """A random walk whose steps are shorter than half of any lattice vector above."""
    rng = np.random.default_rng(seed)
    steps = rng.uniform(-step, step, (n_frames, n_species, 3))
    return np.cumsum(steps, axis=0) + 5


@every_cell
@every_pbc
def test_what_was_wrapped_is_found_again(cell, pbc):
    walk = path()
    wrapped = wrap(walk, cell, pbc)
    found = Unwrapper(cell, pbc).unwrap(wrapped)
    assert (found[0] == wrapped[0]).all()
    assert np.allclose(found - found[0], walk - walk[0], rtol=0, atol=1e-11)
    if any(pbc):
        assert not np.allclose(wrapped, walk, atol=1)


@every_cell
@every_pbc
def test_steps_are_those_of_ase(cell, pbc):
    """Steps of any length, so that the minimum image is not what was walked."""
    alone = np.where(np.array(pbc)[:, None], cell, 0.0)  # see the test of the kernel
    frames = wrap(path(step=20.0), alone, pbc)
    found = Unwrapper(alone, pbc).unwrap(frames)
    shortest, lengths = find_mic(np.diff(frames, axis=0).reshape(-1, 3), alone, pbc)
    steps = np.diff(found, axis=0).reshape(-1, 3)
    assert np.allclose(np.linalg.norm(steps, axis=1), lengths, rtol=0, atol=1e-10)
    assert np.allclose(steps, shortest, rtol=0, atol=1e-10)


@every_cell
@every_pbc
def test_wrapping_is_that_of_ase(cell, pbc):
    positions = path(step=9.0)
    wrapped = wrap(positions, cell, pbc)
    theirs = wrap_positions(positions.reshape(-1, 3), cell, pbc, eps=0)
    assert np.allclose(wrapped.reshape(-1, 3), theirs, rtol=0, atol=1e-9)
    fractions = np.linalg.solve(cell.T, wrapped.reshape(-1, 3).T)[np.array(pbc)]
    assert (fractions > -1e-12).all()
    assert (fractions < 1 + 1e-12).all()


@given(
    st.sampled_from(sorted(CELLS)),
    st.sampled_from(PBC),
    st.lists(st.integers(0, 60), max_size=6),
    st.integers(0, 2**32 - 1),
)
def test_how_frames_are_cut_makes_no_difference_to_any_bit(cell, pbc, cuts, seed):
    frames = wrap(path(60, 3, 6.0, seed), CELLS[cell], pbc)
    frames[np.random.default_rng(seed).random((60, 3)) < 0.1, 2] = np.nan
    whole = Unwrapper(CELLS[cell], pbc)
    expected = whole.unwrap(frames)
    in_blocks = Unwrapper(CELLS[cell], pbc)
    blocks = [in_blocks.unwrap(block) for block in np.split(frames, sorted(cuts))]
    assert np.concatenate(blocks).tobytes() == expected.tobytes()
    assert (in_blocks.images == whole.images).all()
    assert in_blocks.frames == 60


def test_nothing_drifts_in_a_hundred_thousand_rounds():
    thirds = np.tile([0.0, 0.1, 0.2], 10_000)  # a box of 0.3, thirds of which are not exact
    frames = np.zeros((30_000, 3))
    frames[:, 1] = thirds
    unwrapper = Unwrapper(np.diag([1, 0.3, 1]))
    found = unwrapper.unwrap(frames)
    assert unwrapper.images.tolist() == [[0, 9_999, 0]]
    assert (found[:, 1] == thirds + np.repeat(np.arange(10_000), 3) * 0.3).all()


def test_flat_frames_stay_flat():
    frames = wrap(path(), TRICLINIC)
    flat = Unwrapper(TRICLINIC).unwrap(frames.reshape(len(frames), -1))
    assert flat.shape == (200, 15)
    assert (flat.reshape(frames.shape) == Unwrapper(TRICLINIC).unwrap(frames)).all()
    assert (wrap(flat, TRICLINIC).shape) == (200, 15)


def test_input_is_kept():
    frames = wrap(path(), TRICLINIC)
    frames.flags.writeable = False
    assert not np.shares_memory(Unwrapper(TRICLINIC).unwrap(frames), frames)
    assert not np.shares_memory(Unwrapper(TRICLINIC, False).unwrap(frames), frames)
    assert not np.shares_memory(wrap(frames, TRICLINIC), frames)


def test_a_gap_is_bridged_from_the_last_finite_position():
    frames = np.array([[[9.0, 0, 0], [1, 1, 1]]] * 4)
    frames[0, 1] = np.inf
    frames[1, 0, 2] = np.nan
    frames[2, 0, 0] = 1.0
    unwrapper = Unwrapper(np.diag([10.0, 10, 10]))
    first, second = unwrapper.unwrap(frames[:2]), unwrapper.unwrap(frames[2:])
    assert np.isnan(first[0, 1]).all()
    assert np.isnan(first[1, 0]).all()
    assert first[1, 1].tolist() == [1, 1, 1]
    assert second[:, 0].tolist() == [[11, 0, 0], [9, 0, 0]]
    assert (second[:, 1] == 1).all()


def test_just_below_the_edge_is_in_the_cell():
    lengths = np.array([0.1, 3.0, 10.0, 29.7, 30.0, 1e-7])
    beside = np.spacing(lengths)
    near = np.concatenate([lengths * n + beside * k for n in range(-3, 4) for k in range(-3, 4)])
    around = np.concatenate([near, -1e-20 * lengths, 1e-20 * lengths, -1e-300 * lengths])
    for k, length in enumerate(lengths):
        wrapped = wrap(around.reshape(-1, 6)[:, [k] * 3], np.diag([length] * 3))
        assert (wrapped >= 0).all()
        assert (wrapped < length).all()


def test_a_block_that_is_refused_was_not_seen():
    unwrapper = Unwrapper(np.eye(3))
    assert unwrapper.images.shape == (0, 3)
    unwrapper.unwrap([[0.9, 0, 0]])
    with pytest.raises(SchemaError, match=r"position \(1, 0\).* too many cells"):
        unwrapper.unwrap([[0.1, 0, 0], [1e300, 0, 0]])
    with pytest.raises(SchemaError, match=r"2 species .* 1"):
        unwrapper.unwrap(np.zeros((1, 6)))
    for shape in [(3,), (4, 5), (2, 2, 2), (1, 1, 1, 3)]:
        with pytest.raises(SchemaError, match="n_species"):
            unwrapper.unwrap(np.zeros(shape))
    assert unwrapper.frames == 1
    assert unwrapper.unwrap([[0.1, 0, 0]]).tolist() == [[1.1, 0, 0]]


def test_no_frames_and_no_species_are_fine():
    unwrapper = Unwrapper(np.eye(3))
    assert unwrapper.unwrap(np.zeros((0, 2, 3))).shape == (0, 2, 3)
    assert unwrapper.unwrap(np.zeros((4, 6))).shape == (4, 6)
    assert Unwrapper(np.eye(3)).unwrap(np.zeros((4, 0, 3))).shape == (4, 0, 3)
    assert Unwrapper(np.eye(3)).unwrap(np.zeros((4, 0))).shape == (4, 0)
    assert wrap(np.zeros((0, 3)), np.eye(3)).shape == (0, 3)


def test_integers_and_single_precision_come_out_double():
    assert Unwrapper(np.eye(3) * 4).unwrap(np.array([[3, 0, 0], [0, 0, 0]], np.int32)).tolist() == [
        [3, 0, 0],
        [4, 0, 0],
    ]
    assert Unwrapper(np.eye(3)).unwrap(np.zeros((1, 3), np.float32)).dtype == np.float64
