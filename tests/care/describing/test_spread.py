"""Statistics of numbers do not depend on how the numbers are cut into pieces."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import strategies
from raggedh5.care.describing import number_statistics
from raggedh5.care.describing.length_statistics import LengthCounts
from raggedh5.care.describing.number_statistics import NumberTally
from raggedh5.care.describing.spread import Spread
from raggedh5.core.pipeline import Pool

SMALL = st.floats(-1e6, 1e6, allow_subnormal=False)
WIDE = st.floats(allow_nan=False, allow_infinity=False)


def exact(values):
    """Mean and standard deviation, the latter through integers of any length."""
    numbers = [Fraction(x) for x in values]
    mean = sum(numbers) / len(numbers)
    variance = sum((x - mean) ** 2 for x in numbers) / len(numbers)
    # Fractions have no root: scaled to a large integer first, which loses less than a rounding.
    shift = 2 * max(0, 600 + variance.denominator.bit_length() // 2)
    root = math.isqrt((variance.numerator << shift) // variance.denominator)
    return mean, Fraction(root, 1 << (shift // 2))


def merged(values, sizes):
    ends = np.cumsum(sizes)
    return sum((Spread.of(values[e - n : e]) for n, e in zip(sizes, ends, strict=True)), Spread())


@st.composite
def cut(draw, elements, dtype):
    values = np.array(draw(st.lists(elements, min_size=1, max_size=30)), dtype)
    return values, draw(strategies.split_sizes(len(values)))


@given(cut(st.one_of(SMALL, WIDE), "f8"))
def test_floats(case):
    values, sizes = case
    spread = merged(values, sizes)
    mean, deviation = exact(values.tolist())
    size = Fraction(float(np.abs(values).max()))
    assert (spread.count, spread.minimum, spread.maximum) == (
        len(values),
        values.min(),
        values.max(),
    )
    # Below the smallest normal float there are fewer digits.
    slack = size * Fraction(1, 10**13) + Fraction(np.finfo("f8").tiny)
    assert abs(Fraction(spread.average) - mean) <= slack
    assert abs(Fraction(spread.deviation) - deviation) <= slack


@pytest.mark.parametrize("dtype", ["i1", "u1", "i4", "u4", "i8", "u8"])
def test_integers(dtype):
    info = np.iinfo(dtype)

    @given(cut(st.integers(int(info.min), int(info.max)), dtype))
    def check(case):
        values, sizes = case
        spread = merged(values, sizes)
        numbers = values.tolist()
        mean, deviation = exact(numbers)
        assert (spread.total, spread.minimum, spread.maximum) == (
            sum(numbers),
            min(numbers),
            max(numbers),
        )
        assert spread.average == sum(numbers) / len(numbers)
        assert spread.deviation == pytest.approx(float(deviation), rel=1e-12)
        assert float(mean) == spread.average

    check()


@pytest.mark.parametrize("base", [2**62, -(2**63) + 5, 0])
def test_large_integers_that_lie_close_together(base):
    values = np.array([0, 1, 2, 3], "i8") + base
    spread = Spread.of(values[:1]) + Spread.of(values[1:])
    assert spread.deviation == pytest.approx(math.sqrt(1.25), rel=1e-14)


def test_a_small_deviation_from_a_large_mean():
    values = 1e9 + np.random.default_rng(1).normal(size=100_000)
    spread = sum((Spread.of(part) for part in np.array_split(values, 37)), Spread())
    assert spread.deviation == pytest.approx(np.std(values - 1e9), rel=1e-9)
    assert spread.average == pytest.approx(values.mean(), rel=1e-15)


def test_no_overflow_and_no_underflow():
    for size in (1.7e308, 1e-300, 5e-324):
        values = np.array([-size, size] * 4)
        spread = Spread.of(values[:3]) + Spread.of(values[3:])
        assert spread.deviation == pytest.approx(size, rel=1e-12)
    tiny = Spread.of(np.zeros(2)) + Spread.of(np.full(2, 1e-200))
    assert tiny.deviation == pytest.approx(5e-201)
    assert Spread.of(np.full(9, np.iinfo("i8").max)).total == 9 * (2**63 - 1)


@given(strategies.dtypes, st.sampled_from([(), (2,), (2, 3), (17,), (3, 0)]), st.data())
def test_any_bits_in_any_pieces(dtype, inner, data):
    values = data.draw(strategies.arrays((data.draw(st.integers(0, 40)), *inner), dtype))
    pool = Pool(1)
    tally = NumberTally(dtype.kind, inner, pool)
    at = 0
    for size in data.draw(strategies.split_sizes(len(values))):
        tally.add(values[at : at + size])
        at += size
    found = tally.statistics()
    assert found.count == values.size
    if dtype.kind == "b":
        assert found.true == values.sum()
        return
    nan = np.isnan(values)
    if dtype.kind in "fc":
        assert found.nan == nan.sum()
        assert found.infinite == (~nan & ~np.isfinite(values)).sum()
    if dtype.kind == "c":
        return
    finite = values[np.isfinite(values)]
    if not finite.size:
        assert found.minimum is found.maximum is found.mean is found.deviation is None
        return
    assert (found.minimum, found.maximum) == (finite.min(), finite.max())
    assert len(found.components) == (math.prod(inner) if 1 < math.prod(inner) <= 16 else 0)
    flat = values.reshape(len(values), -1)
    for place, part in enumerate(found.components):
        column = flat[:, place]
        assert part.count == len(column)
        column = column[np.isfinite(column)]
        assert part.minimum == (column.min() if len(column) else None)


def test_shares_of_a_piece(monkeypatch):
    values = np.random.default_rng(3).normal(size=(1000, 3))
    monkeypatch.setattr(number_statistics, "SHARE", 64)
    pool = Pool(3)
    tally = NumberTally("f", (3,), pool)
    tally.add(values)
    pool.close()
    found = tally.statistics()
    assert found.mean == pytest.approx(values.mean(), rel=1e-12)
    assert [part.deviation for part in found.components] == pytest.approx(values.std(axis=0))


@given(st.lists(st.integers(0, 60), max_size=60), st.integers(1, 25), st.data())
def test_lengths(lengths, bins, data):
    values = np.array(lengths, np.int64)
    counts = LengthCounts()
    at = 0
    for size in data.draw(strategies.split_sizes(len(values))):
        counts.add(values[at : at + size])
        at += size
    found = counts.statistics(bins)
    assert (found.count, found.total) == (len(values), values.sum())
    assert found.empty == (values == 0).sum()
    edges, histogram = found.histogram.edges, found.histogram.counts
    if not lengths:
        assert (found.minimum, found.median, found.mean, edges) == (None, None, None, ())
        return
    assert (found.minimum, found.maximum) == (min(lengths), max(lengths))
    assert found.median == np.median(values)
    assert found.mean == pytest.approx(values.mean())
    assert len(histogram) <= bins
    assert np.array_equal(histogram, np.histogram(values, edges)[0])
    assert sum(histogram) == len(values)


def test_a_few_very_long_rows():
    counts = LengthCounts()
    counts.add(np.array([2**40, 3, 3]))
    found = counts.statistics(4)
    assert (found.median, found.maximum, found.histogram.counts) == (3, 2**40, (2, 0, 0, 1))
