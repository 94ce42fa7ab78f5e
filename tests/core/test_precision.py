"""Rounded numbers are as near as was said, and end in zero bits."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raggedh5.core.precision import check_precision, rounded, step_of
from raggedh5.errors import SchemaError
from strategies import arrays

precisions = st.floats(5e-324, 1.7e308)
usual = st.floats(1e-6, 10)


@given(precisions)
def test_a_step_is_the_largest_power_of_two_that_will_do(precision):
    step = step_of(precision)
    assert math.frexp(step)[0] == 0.5
    assert step / 2 <= precision
    assert step > precision or step == 2.0**1023


@given(st.data(), st.sampled_from(["f2", "f4", "f8"]), precisions | usual)
def test_any_bits(data, dtype, precision):
    """Values of any bits, infinities, NaN and the smallest ones among them."""
    values = data.draw(arrays((40,), dtype))
    before = values.tobytes()
    found = rounded(values, precision)
    assert (found.dtype, found.shape) == (values.dtype, values.shape)
    assert values.tobytes() == before
    finite = np.isfinite(values)
    assert found[~finite].tobytes() == values[~finite].tobytes()
    assert np.isfinite(found[finite]).all()
    with np.errstate(over="ignore"):
        apart = np.abs(found[finite].astype("g") - values[finite].astype("g"))
    assert (apart <= precision).all()


@given(st.integers(0, 1000), usual)
def test_usual_values_are_multiples_of_the_step(seed, precision):
    values = np.random.default_rng(seed).normal(scale=100, size=(20, 3))
    found = rounded(values, precision)
    steps = found / step_of(precision)
    assert (steps == np.rint(steps)).all()
    assert (np.abs(found - values) <= precision).all()
    assert np.array_equal(rounded(found, precision), found)


def test_what_has_no_digits_below_the_precision_stays():
    values = np.array([2.0**60, -(2.0**60) - 2**9, 1e300, -np.inf, np.nan, 0.0, -0.0])
    assert rounded(values, 0.25).tobytes() == values.tobytes()


def test_rounding_makes_bits_zero():
    values = np.random.default_rng(1).normal(scale=50, size=1000)
    bits = rounded(values, 1e-4).view(np.uint64)
    assert (bits % 2**30 == 0).mean() > 0.99
    assert (values.view(np.uint64) % 2**30 == 0).mean() < 0.01


def test_any_memory_layout():
    values = np.random.default_rng(1).normal(size=(6, 8))[::2, ::-2]
    assert np.array_equal(rounded(values, 0.01), rounded(values.copy(), 0.01))
    assert rounded(np.empty((0, 3)), 0.01).shape == (0, 3)
    assert rounded(np.array(0.3), 0.25) == 0.5


@pytest.mark.parametrize("precision", [0.0, -1e-4, math.nan, math.inf])
def test_precisions_are_numbers_above_zero(precision):
    with pytest.raises(SchemaError, match="above zero"):
        check_precision(precision)
    with pytest.raises(SchemaError, match="above zero"):
        rounded(np.ones(3), precision)
