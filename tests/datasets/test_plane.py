"""Points in the plane: where they lie, how many, and what is refused."""

import numpy as np
import pytest

from mlp import Adam, CrossEntropyLoss, Linear, ReLU, Sequential, train_step
from mlp.datasets import make_circles, make_moons, make_spirals, make_xor
from mlp.metrics import accuracy

MAKES = [make_moons, make_circles, make_spirals, make_xor]


@pytest.mark.parametrize("make", MAKES)
@pytest.mark.parametrize("n", [4, 101])
def test_shapes_counts_and_seeds(make, n):
    data = make(n, rng=0)
    assert data.x.shape == (n, 2)
    assert np.isfinite(data.x).all()
    assert len(data.y) == n
    again, other = make(n, rng=np.random.default_rng(0)), make(n, rng=1)
    np.testing.assert_array_equal(data.x, again.x)
    np.testing.assert_array_equal(data.y, again.y)
    assert not np.array_equal(data.x, other.x)
    if make is not make_xor:  # whose classes are of a random size
        y = data.y if data.y.shape[1] > 1 else np.hstack([1 - data.y, data.y])
        counts = y.sum(axis=0)
        assert counts.max() - counts.min() <= 1


@pytest.mark.parametrize("make", MAKES)
def test_rows_are_in_random_order(make):
    y = make(200, rng=0).y[:, 0]
    assert 0 < y[:20].sum() < 20


def test_moons_are_two_half_circles():
    data = make_moons(50, noise=0.0, rng=0)
    first = data.y[:, 0] == 0
    upper, lower = data.x[first], data.x[~first]
    np.testing.assert_allclose(np.hypot(*upper.T), 1, rtol=1e-14)
    np.testing.assert_allclose(np.hypot(*(lower - [1, 0.5]).T), 1, rtol=1e-14)
    for x, y in (upper.T, ([1, 0.5] - lower).T):
        t = np.sort(np.abs(np.arctan2(y, x)))  # a y of −1e-16 has the angle −π
        np.testing.assert_allclose(t, np.linspace(0, np.pi, 25), atol=1e-14)


@pytest.mark.parametrize("n", [2, 9, 60])
def test_circles_are_whole_one_in_the_other(n):
    data = make_circles(n, noise=0.0, rng=0)
    for label, radius in ((0, 1.0), (1, 0.5)):
        circle = data.x[data.y[:, 0] == label]
        np.testing.assert_allclose(np.hypot(*circle.T), radius, rtol=1e-14)
        angles = np.sort(np.arctan2(*circle.T))
        gaps = np.diff(angles, append=angles[0] + 2 * np.pi)
        np.testing.assert_allclose(gaps, 2 * np.pi / len(circle), atol=1e-13)


def test_spirals_are_arms_at_even_radii():
    data = make_spirals(300, noise=0.0, rng=0)
    for arm in range(3):
        x = data.x[data.y[:, arm] == 1]
        r = np.hypot(*x.T)
        np.testing.assert_allclose(np.sort(r), np.linspace(0, 1, 100), atol=1e-14)
        angle = 4 * (arm + r)
        expected = r[:, np.newaxis] * np.column_stack([np.sin(angle), np.cos(angle)])
        np.testing.assert_allclose(x, expected, atol=1e-13)
    for k in (2, 5):  # one-hot, of two arms too
        assert make_spirals(50, classes=k, rng=0).y.sum(axis=0).tolist() == [50 / k] * k


def test_xor_is_by_the_signs():
    data = make_xor(500, noise=0.0, rng=0)
    np.testing.assert_array_equal(data.y[:, 0], data.x.prod(axis=1) < 0)
    assert np.abs(data.x).max() <= 1
    assert 0.4 < data.y.mean() < 0.6


@pytest.mark.parametrize("make", [make_moons, make_circles, make_xor])
def test_noise_is_the_deviation_of_each_coordinate(make):
    clean, noisy = make(4000, noise=0.0, rng=0), make(4000, noise=0.25, rng=0)
    added = np.sqrt(noisy.x.var(axis=0).sum() - clean.x.var(axis=0).sum())
    assert added == pytest.approx(0.25 * 2**0.5, rel=0.1)


@pytest.mark.parametrize(
    ("make", "noise"),
    [(make_moons, 0.1), (make_circles, 0.1), (make_spirals, 0.2), (make_xor, 0.1)],
)
def test_some_noise_is_added_unless_asked_otherwise(make, noise):
    np.testing.assert_array_equal(make(9, rng=0).x, make(9, noise=noise, rng=0).x)


def test_columns_and_sources_have_names():
    for make in MAKES:
        data = make(9, rng=0)
        assert data.feature_names == ("x1", "x2")
        assert data.source == f"mlp.datasets.{make.__name__}"
        if make is not make_spirals:
            assert (data.target_names, data.classes) == (("class",), None)
    arms = make_spirals(9, rng=0)
    assert arms.classes == list(arms.target_names) == ["arm 0", "arm 1", "arm 2"]


def trained(model, steps):
    data = make_spirals(300, rng=0)
    optimizer, criterion = Adam(model.parameters(), lr=0.02), CrossEntropyLoss()
    for _ in range(steps):
        train_step(model, criterion, optimizer, data.x, data.y)
    return accuracy(model.predict(data.x), data.y)


def test_a_line_cannot_tell_spirals_apart_and_a_hidden_layer_can():
    rng = np.random.default_rng(0)
    assert 0.4 < trained(Sequential(Linear(2, 3, rng=rng)), 300) < 0.6
    hidden = Sequential(Linear(2, 100, rng=rng), ReLU(), Linear(100, 3, rng=rng))
    assert trained(hidden, 600) > 0.95


@pytest.mark.parametrize("make", MAKES)
@pytest.mark.parametrize(
    ("arguments", "error", "sentence"),
    [
        (dict(n=0), ValueError, "n of at least 1"),
        (dict(n=1), ValueError, "n of at least"),
        (dict(n=10.0), TypeError, "n to be an int"),
        (dict(n=10, noise=-0.1), ValueError, "noise of at least 0"),
        (dict(n=10, noise=np.nan), ValueError, "noise of at least 0"),
        (dict(n=10, noise="x"), TypeError, "noise to be a number"),
        (dict(n=10, rng="x"), TypeError, "rng to be an int"),
        (dict(n=10, rng=-1), ValueError, "a seed of at least 0"),
    ],
)
def test_arguments_out_of_range_are_refused(make, arguments, error, sentence):
    with pytest.raises(error, match=f"{make.__name__}: expected {sentence}"):
        make(**arguments)


def test_a_point_for_each_class_is_enough():
    for make in (make_moons, make_circles):
        assert make(2, rng=0).y.sum() == 1
    np.testing.assert_array_equal(make_spirals(4, classes=4, rng=0).y.sum(axis=0), 1)


@pytest.mark.parametrize(("classes", "error"), [(1, ValueError), (2.5, TypeError)])
def test_spirals_have_at_least_two_arms(classes, error):
    with pytest.raises(error, match="make_spirals: expected"):
        make_spirals(10, classes=classes)
