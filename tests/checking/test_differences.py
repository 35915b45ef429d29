"""Many slopes at once: which are measured, and what their errors explain."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles import seeds

from mlp.checking.differences import ALL, along_all, measure, off

FAST = [  # functions that vary over less than a 10⁻⁵ of x
    (np.sin, np.cos),
    (lambda x: x + 0.1 * np.sin(x), lambda x: 1 + 0.1 * np.cos(x)),
    (lambda x: np.sin(2 * np.pi * x), lambda x: 2 * np.pi * np.cos(2 * np.pi * x)),
]


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
