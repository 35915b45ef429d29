"""The net and the solver of an estimator: scikit-learn's, from its settings."""

import numpy as np
import pytest

pytest.importorskip("sklearn")

from estimating import assert_like_theirs, quiet, rows, weights
from sklearn.base import clone

from mlp.estimators import MLPClassifier, MLPRegressor
from mlp.schedules import exponential


@pytest.mark.parametrize("activation", ["identity", "logistic", "relu"])
@pytest.mark.parametrize("sizes", [(), 5, [4, 3]])
def test_each_net_is_scikit_learns(activation, sizes):
    x, y = rows()
    settings = {"solver": "sgd", "shuffle": False, "max_iter": 4, "random_state": 1}
    assert_like_theirs(MLPClassifier(sizes, activation, **settings), x, y, 1e-9)


def test_epsilon_bounds_adams_steps():
    net = MLPRegressor((3,), epsilon=1e9, max_iter=1, random_state=0)
    start = quiet(clone(net).set_params(learning_rate_init=1e-300), *rows())
    for a, b in zip(weights(quiet(net, *rows())), weights(start), strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-9)


@pytest.mark.parametrize(("activation", "factor"), [("relu", 6), ("logistic", 2)])
def test_the_first_weights_are_from_scikit_learns_range(activation, factor):
    x, y = rows(features=30, classes=3)
    start = {"max_iter": 1, "learning_rate_init": 1e-300, "random_state": 0}
    net = quiet(MLPClassifier((90,), activation, **start), x, y)
    for i, n, m in ((0, 30, 90), (2, 90, 3)):
        bound = (factor / (n + m)) ** 0.5
        w, b = net.model_[i].weight.data, net.model_[i].bias.data
        assert 0.98 * bound < abs(w).max() < bound
        assert 0.3 * bound < abs(b).max() < bound
        assert abs(w.mean()) < 0.1 * bound


def test_dropout_normalisation_dtype_and_schedule():
    x, y = rows()
    settings = {"dropout": 0.3, "normalisation": "layer", "dtype": "float32"}
    net = MLPClassifier((6, 5), schedule=exponential(0.5), max_iter=4, **settings)
    quiet(net, x, y)
    kinds = [type(layer).__name__ for layer in net.model_]
    hidden = ["Linear", "LayerNorm", "ReLU", "Dropout"]
    assert kinds == [*hidden, *hidden, "Linear"]
    assert net.model_[3].p == 0.3
    assert {w.dtype for w in weights(net)} == {np.dtype(np.float32)}
    assert net.predict_proba(x).dtype == np.float32
    assert net.history_.lr == pytest.approx([0.001 * 0.5**i for i in range(4)])
    quiet(net.set_params(normalisation="batch", batch_size=10), x, y)
    assert len(net.model_[1].running_mean.data) == 6
