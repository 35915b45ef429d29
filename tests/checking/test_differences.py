"""Slopes by differences: right within the error that they state."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from oracles import seeds

from mlp.checking.differences import ALL, along_all, measure, off
from mlp.checking.slopes import Move, one_sided, slope

FUNCTIONS = [  # with their derivatives, and where
    (np.exp, np.exp, 0.3),
    (lambda x: x**5, lambda x: 5 * x**4, -1.7),
    (np.sin, np.cos, 40.0),
    (np.tanh, lambda x: 1 / np.cosh(x) ** 2, 1.5),
    (lambda x: 1 / x, lambda x: -1 / x**2, 1e-3),
    (np.log, lambda x: 1 / x, 1e5),
    (lambda x: 7 * x - 3, lambda x: 7.0, 0.0),
]
FAST = [  # functions that vary over less than a 10⁻⁵ of x
    (np.sin, np.cos),
    (lambda x: x + 0.1 * np.sin(x), lambda x: 1 + 0.1 * np.cos(x)),
    (lambda x: np.sin(2 * np.pi * x), lambda x: 2 * np.pi * np.cos(2 * np.pi * x)),
]


@pytest.mark.parametrize(("f", "derivative", "at"), FUNCTIONS)
def test_a_slope_of_a_smooth_function(f, derivative, at):
    x = np.array([at, 2.0])
    measured = slope(lambda: f(x), [Move(x, 0)], np.array([1.0, 0.0]))
    assert measured.value == pytest.approx(derivative(at), rel=1e-9)
    assert abs(measured.value - derivative(at)) <= measured.error
    assert measured.error <= 1e-6 * abs(derivative(at))
    assert x.tolist() == [at, 2.0]


@given(seeds, st.sampled_from(FAST), st.sampled_from([1e3, 1e4, 1e5]))
def test_steps_longer_than_a_period_do_not_count(seed, pair, size):
    f, derivative = pair
    x = np.rint(size * (1 + np.random.default_rng(seed).normal(size=6) ** 2))
    m = measure(lambda: f(x), x, derivative(x), np.ones(6), np.random.default_rng(0))
    assert np.all(np.abs(m.numerical - derivative(x)) <= 10 * m.error + 1e-6)
    assert np.all(m.error < 1e-2)


@given(seeds)
def test_the_error_covers_float32_inside(seed):
    rng = np.random.default_rng(seed)
    x, a = rng.normal(size=8), rng.normal(size=(8, 8)).astype(np.float32)

    def f():
        return np.tanh(x.astype(np.float32) @ a).astype(np.float64)

    right = (1 - np.tanh(x @ a) ** 2) @ a.T
    m = measure(f, x, right, np.ones(8), rng)
    assert np.all(np.abs(m.numerical - right) <= 10 * m.error)
    assert np.linalg.norm(m.error) < 0.1 * max(1, np.linalg.norm(right))


def test_y_may_be_one_array_for_all_calls():
    x, out = np.array([1.0, 2.0]), np.empty(2)
    measured = slope(lambda: np.square(x, out=out), [Move(x, 0)], np.ones(2))
    assert measured.value == pytest.approx(2, rel=1e-9)


@pytest.mark.parametrize(
    ("f", "g", "low", "high"),
    [
        (lambda x: np.maximum(x, 0), [2.0, 1.0, 1.0], 0, 2),
        (lambda x: np.maximum(x, 0), [-2.0, 1.0, 1.0], -2, 0),
        (lambda x: np.abs(x), [2.0, 1.0, 1.0], -2, 2),
        (lambda x: np.where(x > 0, x, 0.1 * x), [2.0, 1.0, 1.0], 0.2, 2),
        (lambda x: 2 * x, [2.0, 1.0, 1.0], 4, 4),
        (lambda x: np.exp(x), [2.0, 1.0, 1.0], 2, 2),
        # two kinks, whose slopes left and right cancel in the sum
        (lambda x: np.maximum(x[0], 0) * np.ones(3), [1.0, -1.0, 0.0], -1, 1),
    ],
)
def test_the_slopes_on_both_sides(f, g, low, high):
    x = np.array([0.0, 1.0, -3.0])
    found = one_sided(lambda: f(x), Move(x, (0,)), np.array(g))
    assert found[:2] == pytest.approx((low, high), abs=1e-7)
    assert found[2] < 1e-6
    assert x.tolist() == [0, 1, -3]


def test_a_side_on_which_there_is_nothing():
    x = np.array([0.0])
    low, high, error = one_sided(lambda: np.sqrt(x), Move(x, (0,)), np.ones(1))
    assert np.isnan(low)
    assert np.isnan(high)
    assert error == np.inf


@given(seeds)
@example(266)
def test_the_error_covers_rounding(seed):
    rng = np.random.default_rng(seed)
    x, offset = rng.normal(size=3), 10.0 ** rng.integers(0, 12)
    measured = slope(lambda: np.asarray(offset + x[1]), [Move(x, 1)])
    assert abs(measured.value - 1) <= 10 * measured.error
    assert measured.error < 1e-12 * offset / 1e-3 + 1e-9


def test_rows_and_plain_are_parts_of_the_value():
    x, g = np.array([2.0, 3.0]), np.array([[1.0, -2.0], [10.0, 0.5]])
    a = np.array([[1.0, 2.0], [3.0, 4.0]])
    measured = slope(lambda: a * x[0] ** 2, [Move(x, 0)], g)  # dy/dx₀ = 4 a
    assert measured.value == pytest.approx(4 * np.sum(g * a))
    assert measured.rows == pytest.approx(4 * np.sum(g * a, axis=1))
    assert measured.plain == pytest.approx(4 * np.sum(a))


def test_a_step_is_relative_to_what_is_moved():
    x = np.array([1e-6, -2e-6])
    measured = slope(lambda: np.tanh(1e6 * x), [Move(x, 0)], np.ones(2))
    assert measured.value == pytest.approx(1e6 / np.cosh(1) ** 2, rel=1e-8)
    x = np.array([0.0, 1e-6])  # an entry that is 0 is moved by as much as the others
    measured = slope(lambda: np.tanh(1e6 * x), [Move(x, 0)], np.ones(2))
    assert measured.value == pytest.approx(1e6, rel=1e-8)
    x = np.zeros(2)
    assert slope(lambda: np.sin(x), [Move(x, 0)], np.ones(2)).value == pytest.approx(1)


def test_a_shorter_step_where_a_long_one_meets_a_kink():
    x = np.array([2e-4, 1.0])
    measured = slope(lambda: np.maximum(x, 0), [Move(x, 0)], np.ones(2))
    assert measured.value == pytest.approx(1, abs=1e-9)
    assert measured.error < 1e-6


@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.log(x),  # −inf at 0, NaN on the left
        lambda x: np.array([1.0 / int(v == 0) for v in x]),
        lambda x: np.sqrt(np.where(x < 0, "no", "yes").astype(float)),
    ],
)
def test_a_place_that_cannot_be_moved(f):
    x = np.zeros(2)
    measured = slope(lambda: f(x), [Move(x, 0)], np.ones(2))
    assert np.isnan(measured.value)
    assert measured.error == np.inf
    assert x.tolist() == [0, 0]


def test_other_errors_pass_and_everything_is_put_back():
    x = np.array([1.0, 2.0])

    def f():
        if x[0] != 1:
            raise KeyError("none of ours")
        return x

    with pytest.raises(KeyError) as caught:
        slope(f, [Move(x, 0)])
    assert "an input was moved by" in caught.value.__notes__[0]
    assert x.tolist() == [1, 2]


def test_directions_move_each_array_by_its_own_size():
    small, large = np.array([1e-6, -1e-6]), np.array([1e3])
    pairs = [
        (small, 1e6 / np.cosh(1e6 * small) ** 2),
        (large, np.cos(large / 1e3) / 1e3),
    ]
    m = along_all(
        lambda: np.tanh(1e6 * small).sum() + np.sin(large[0] / 1e3),
        pairs,
        np.random.default_rng(0),
    )
    a, n, error = m.along
    assert n == pytest.approx(a, rel=1e-8)
    assert np.all(np.abs(a) > 1e-3)
    assert np.all(error < 1e-6)
    assert (m.places, m.agrees(None), m.agrees(1e-7)) == ([], True, True)
    wrong = along_all(
        lambda: np.tanh(1e6 * small).sum(), pairs, np.random.default_rng(0)
    )
    assert not wrong.agrees(None)
    assert wrong.relative_error() > 0.1


def test_what_is_measured_of_a_large_array():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(30, 20))
    analytic = 2 * x
    m = measure(lambda: x**2, x, analytic, np.ones(x.shape), rng)
    largest = np.argsort(-np.abs(x), axis=None)[:10]
    places = {np.ravel_multi_index(place, x.shape) for place in m.places}
    assert set(largest.tolist()) <= places
    assert len(places) == len(m.places)
    assert 40 <= len(places) <= 50
    assert m.along.shape == (3, 3)
    assert m.agrees(None)
    assert (
        measure(lambda: x, x[:5], np.ones((5, 20)), np.ones(x.shape), rng).along.size
        == 0
    )
    assert ALL == 100

    analytic = 2 * x
    analytic[29, 19] += 0.01
    m = measure(lambda: x**2, x, analytic, np.ones(x.shape), np.random.default_rng(1))
    assert not m.agrees(None)
    assert [p for p, w in zip(m.places, m.wrong(), strict=True) if w] == [(29, 19)]


def test_places_that_are_refused_are_counted():
    x = np.array([0.0, 4.0, 9.0])
    rng = np.random.default_rng(0)
    m = measure(lambda: np.sqrt(x), x, np.ones(3), np.ones(3), rng)
    assert (m.places, m.refused) == ([(1,), (2,)], 1)
    assert m.numerical == pytest.approx([1 / 4, 1 / 6])


def test_off_counts_in_what_the_errors_explain():
    a, zero = np.array([1.0, 0.0]), np.zeros(2)
    assert off(a, a, zero).tolist() == [0, 0]
    assert off(zero, zero, zero).tolist() == [0, 0]
    assert off(a + 1e-6, a, zero) == pytest.approx([1, 1], rel=1e-5)
    assert off(a + 1e-2, a, zero + 1e-3) == pytest.approx([1, 1], rel=1e-3)


def test_along_several_arrays_no_gradient_counts_as_zero():
    x, y = np.array([1.0, 2.0]), np.array([3.0])
    pairs = [(x, 2 * x), (y, None)]
    right = along_all(lambda: np.sum(x**2), pairs, np.random.default_rng(0))
    assert right.agrees(None)
    wrong = along_all(lambda: np.sum(x**2) + y[0], pairs, np.random.default_rng(0))
    assert not wrong.agrees(None)
