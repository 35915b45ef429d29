"""The net and the solver of an estimator: scikit-learn's, from its settings."""

from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("sklearn")

from estimating import assert_like_theirs, quiet, rows, weights
from sklearn.base import clone

from mlp import SGD, Adam
from mlp.estimators import MLPClassifier, MLPRegressor, nets
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


@pytest.mark.parametrize(
    ("given", "sizes"),
    [(5, [5]), (np.int64(5), [5]), ((), []), ((4, 3), [4, 3]), (np.array([2]), [2])],
)
def test_hidden_sizes_are_a_number_or_some(given, sizes):
    assert nets.hidden_sizes("MLPRegressor", given) == sizes


@pytest.mark.parametrize(
    ("given", "kind", "sentence"),
    [
        (0, ValueError, "MLPRegressor: expected hidden_layer_sizes of at least 1"),
        ((3, 0), ValueError, r"hidden_layer_sizes\[1\] of at least 1, got 0"),
        (2.0, TypeError, "hidden_layer_sizes to be an int"),
        ("42", TypeError, "hidden_layer_sizes to be an int"),
        ((True,), TypeError, r"hidden_layer_sizes\[0\] to be an int"),
    ],
)
def test_a_size_is_an_int_of_at_least_1(given, kind, sentence):
    with pytest.raises(kind, match=sentence):
        nets.hidden_sizes("MLPRegressor", given)


def made(dropout=0.0, normalisation=None, seed=0, dtype=np.float64):
    rng, dtype = np.random.default_rng(seed), np.dtype(dtype)
    return nets.net("net", [2, 3, 4, 1], "tanh", dropout, normalisation, dtype, rng)


def kinds(net):
    return " ".join(type(layer).__name__ for layer in net)


def test_a_net_has_what_it_was_asked_for_and_no_more():
    assert kinds(made()) == "Linear Tanh Linear Tanh Linear"
    assert kinds(made(0.1)) == "Linear Tanh Dropout Linear Tanh Dropout Linear"
    batch = "Linear BatchNorm1d Tanh Linear BatchNorm1d Tanh Linear"
    assert kinds(made(normalisation="batch")) == batch
    for dtype in (np.float32, np.float64):
        arrays = made(normalisation="batch", dtype=dtype).state_dict().values()
        assert {a.dtype for a in arrays if a.ndim} == {np.dtype(dtype)}


def test_weights_and_then_masks_are_drawn_from_one_generator():
    first, again, other = (made(0.5, seed=seed) for seed in (0, 0, 1))
    x = np.ones((9, 2))
    assert np.array_equal(first.forward(x), again.forward(x))
    assert not np.array_equal(first[0].weight.data, other[0].weight.data)
    assert first[2].rng is first[5].rng
    assert not np.array_equal(first[0].bias.data, np.zeros(3))


SETTINGS = {
    "learning_rate_init": 0.3,
    "momentum": 0.7,
    "nesterovs_momentum": True,
    "beta_1": 0.5,
    "beta_2": 0.6,
    "epsilon": 0.01,
}


def solver(name, **changes):
    settings = SimpleNamespace(solver=name, **SETTINGS | changes)
    return nets.optimizer("MLPRegressor", settings, made())


def test_a_solver_is_an_optimizer_with_the_settings_of_that_name():
    sgd = solver("sgd")
    assert type(sgd) is SGD and len(sgd.parameters) == 6
    assert (sgd.lr, sgd.momentum, sgd.nesterov) == (0.3, 0.7, True)
    assert not solver("sgd", nesterovs_momentum=False).nesterov
    assert not solver("sgd", momentum=0).nesterov  # which SGD would refuse
    adam = solver("adam")
    assert (type(adam), adam.lr, adam.betas) == (Adam, 0.3, (0.5, 0.6))
    assert adam.eps == 0.01


@pytest.mark.parametrize(
    ("name", "changes", "sentence"),
    [
        ("lbfgs", {}, "scikit-learn's own MLPRegressor has it"),
        ("rprop", {}, "solver to be one of 'sgd', 'adam', got 'rprop'"),
        ("sgd", {"momentum": 1}, "momentum of at least 0 and below 1"),
        ("sgd", {"learning_rate_init": 0.0}, "learning_rate_init above 0"),
        ("adam", {"beta_1": 1.0}, "beta_1 of at least 0 and below 1"),
        ("adam", {"beta_2": -0.5}, "beta_2 of at least 0"),
        ("adam", {"epsilon": 0}, "epsilon above 0"),
    ],
)
def test_a_wrong_solver_is_refused_and_settings_of_another_are_not(
    name, changes, sentence
):
    with pytest.raises(ValueError, match=f"MLPRegressor: expected .*{sentence}"):
        solver(name, **changes)
    other = "sgd" if name == "adam" else "adam"
    if "learning_rate_init" not in changes:
        solver(other, **changes)
