"""One slope by differences: right within the error that it states."""

import numpy as np
import pytest
from hypothesis import example, given
from oracles import seeds

from mlp.checking.slopes import Move, one_sided, rms, slope

FUNCTIONS = [  # with their derivatives, and where
    (np.exp, np.exp, 0.3),
    (lambda x: x**5, lambda x: 5 * x**4, -1.7),
    (np.sin, np.cos, 40.0),
    (np.tanh, lambda x: 1 / np.cosh(x) ** 2, 1.5),
    (lambda x: 1 / x, lambda x: -1 / x**2, 1e-3),
    (np.log, lambda x: 1 / x, 1e5),
    (lambda x: 7 * x - 3, lambda x: 7.0, 0.0),
]


@pytest.mark.parametrize(("f", "derivative", "at"), FUNCTIONS)
def test_a_slope_of_a_smooth_function(f, derivative, at):
    x = np.array([at, 2.0])
    measured = slope(lambda: f(x), [Move(x, 0)], np.array([1.0, 0.0]))
    assert measured.value == pytest.approx(derivative(at), rel=1e-9)
    assert abs(measured.value - derivative(at)) <= measured.error
    assert measured.error <= 1e-6 * abs(derivative(at))
    assert x.tolist() == [at, 2.0]


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


def steps_of(f, at=0.0, **known):
    """Return how far x was moved to measure the slope of f, and the slope."""
    x, moved = np.array([at]), []

    def recorded():
        moved.append(x[0] - at)
        return f(x)

    return moved, slope(recorded, [Move(x, 0)], **known)


@pytest.mark.parametrize(
    ("at", "scale", "size"), [(0.0, None, 1), (8.0, None, 8), (8.0, 3.0, 3)]
)
def test_the_steps_are_those_of_the_derivation(at, scale, size):
    moved, _ = steps_of(np.sin, at, scale=scale)
    longest = size * np.pi / 4 * 1e-2
    tried = longest / 10.0 ** np.array([*range(1, 11), 0])  # the longest is the last
    assert moved[::2] == pytest.approx(tried, rel=1e-2)
    assert moved[1::2] == pytest.approx(-tried, rel=1e-2)


@pytest.mark.parametrize(
    ("bend", "size", "count"), [(0.5, 0, 4), (5, 0, 6), (5, 10, 4)]
)
def test_no_shorter_step_is_tried_than_is_needed(bend, size, count):
    """D(h) of x + bend x³ at 0 is 1 + bend h², and |D(h) − D(10h)| / 10 its error.

    At h = π/4 10⁻⁴ that is 6e−8 bend: less than 10⁻⁷ for 0.5, and more for 5, where it
    is less than 10⁻⁷ of a size of 10.
    """
    moved, measured = steps_of(lambda x: x + bend * x**3, noise=0.0, size=size)
    assert len(moved) == count
    assert abs(measured.value - 1) <= measured.error <= 1e-7 * max(1, size)


def test_a_rounding_that_is_known_is_in_the_error():
    _, unknown = steps_of(np.exp)
    _, known = steps_of(np.exp, noise=1e-6)
    assert unknown.error < 1e-9
    assert known.error >= 1e-6 / (np.pi / 4 * 1e-3)
    assert known.noise == 1e-6


def test_where_nothing_moves_the_slope_is_known_badly_and_not_to_be_0():
    _, measured = steps_of(lambda x: 1e17 + x)
    assert measured.value == 0
    assert measured.error > 1


def test_an_input_that_cannot_be_moved_by_less_than_its_last_digit():
    """Near 10⁹ a step is as exact as 10⁻⁷, which is all that is wrong with x − 10⁹."""
    x = np.array([1e9 + 0.3])
    measured = slope(lambda: x - 1e9, [Move(x, 0)], scale=1.0)
    assert abs(measured.value - 1) <= measured.error < 1e-3


def test_a_number_is_one_row():
    _, measured = steps_of(lambda x: np.asarray(7 * x[0]))
    assert measured.rows == pytest.approx([7])


def test_the_error_of_two_sides_covers_both():
    x = np.zeros(1)
    low, high, error = one_sided(lambda: np.exp(abs(x)), Move(x, 0), np.ones(1))
    assert 0 < max(abs(low + 1), abs(high - 1)) <= error < 1e-6


def test_the_root_mean_square_is_1_where_all_is_0():
    assert rms(np.array([[1.0, -7.0], [5.0, 5.0]])) == 5
    assert rms(np.zeros((2, 3))) == 1


@pytest.mark.parametrize("at", [1.0, 1e5, 1e7])
def test_a_step_of_many_periods_does_not_count(at):
    """A sine hardly rises over them, and as little over ten times as many."""
    _, measured = steps_of(np.sin, at)
    assert abs(measured.value - np.cos(at)) <= measured.error < 1e-3


def test_a_slope_along_a_vector_through_two_arrays():
    x, w = np.array([1.0, 2.0]), np.array([[4.0], [5.0]])
    moves = [Move(x, ..., np.array([3.0, -1.0])), Move(w, (1, 0), 2.0)]
    measured = slope(lambda: x**2 @ w, moves)  # 2 (1·3·4 − 2·5) + 4·2
    assert measured.value == pytest.approx(12, rel=1e-9)
    assert (x.tolist(), w.tolist()) == ([1, 2], [[4], [5]])


def test_whole_numbers_have_a_slope_of_0():
    _, measured = steps_of(lambda x: (x + 0.5).astype(int))
    assert measured.value == 0
