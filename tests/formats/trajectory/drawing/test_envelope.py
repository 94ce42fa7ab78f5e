"""Long series cut down: what stays is there, and nothing sticks out that was dropped."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from raggedh5.formats.trajectory.drawing.envelope import Envelope


def drawn(x: np.ndarray, y: np.ndarray, bins: int, cuts: list[int]) -> list:
    envelope = Envelope(x.min(), x.max(), y.shape[1], bins)
    for part in np.split(np.arange(len(x)), sorted(cuts)):
        envelope.add(x[part], y[part])
    return envelope.lines()


@given(
    st.integers(1, 300),
    st.integers(1, 40),
    st.lists(st.integers(0, 300), max_size=5),
    st.sampled_from(["even", "uneven", "falling", "anywhere", "same"]),
    st.integers(0, 2**32 - 1),
)
def test_extremes_of_every_part_stay(count, bins, cuts, order, seed):
    rng = np.random.default_rng(seed)
    x = {
        "even": np.arange(count) * 0.1,
        "uneven": np.cumsum(rng.exponential(size=count)),
        "falling": -np.arange(count) * 1e-12,
        "anywhere": rng.normal(size=count),
        "same": np.full(count, 7.0),
    }[order]
    y = rng.normal(size=(count, 2)).round(1)
    y[rng.random((count, 2)) < 0.2] = np.nan
    y[rng.random((count, 2)) < 0.05] = np.inf
    span = x.max() - x.min()
    place = (x - x.min()) * (bins / span if span else 0)
    part = np.minimum(place.astype(int), bins - 1)
    for line, (at, values) in enumerate(drawn(x, y, bins, cuts)):
        assert len(at) <= 2 * bins
        given = {(a, b) for a, b in zip(x, y[:, line], strict=True) if np.isfinite(b)}
        known = np.isfinite(values)
        assert {(a, b) for a, b in zip(at[known], values[known], strict=True)} <= given
        for n in np.unique(part):
            inside = y[part == n, line]
            inside = inside[np.isfinite(inside)]
            kept = values[np.isin(at, x[part == n])]
            if inside.size:
                assert (np.nanmin(kept), np.nanmax(kept)) == (inside.min(), inside.max())
            else:
                assert len(kept) == 1
                assert np.isnan(kept[0])


def test_points_stay_in_the_order_in_which_they_came():
    x = np.concatenate([np.arange(1000.0), np.arange(1000.0)])
    y = np.concatenate([np.zeros(1000), np.arange(1000.0)])[:, None]
    ((at, values),) = drawn(x, y, 10, [700, 1500])
    assert (np.diff(at[values == 0]) > 0).all()
    assert (np.diff(values[values > 0]) > 0).all()


def test_how_points_come_makes_no_difference():
    rng = np.random.default_rng(3)
    x, y = np.cumsum(rng.random(5000)), rng.integers(0, 9, (5000, 3)).astype(float)
    whole = drawn(x, y, 100, [])
    pieces = drawn(x, y, 100, [1, 2, 1234, 4000])
    for one, other in zip(whole, pieces, strict=True):
        assert (one[0] == other[0]).all()
        assert (one[1] == other[1]).all()
