"""MLPClassifier and MLPRegressor: scikit-learn's checks, its numbers, its tools."""

import copy
import pickle
import subprocess
import sys
import warnings
from inspect import signature
from pathlib import Path
from unittest import SkipTest

import numpy as np
import pytest

pytest.importorskip("sklearn")

from sklearn import neural_network
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_diabetes, load_iris, make_classification
from sklearn.exceptions import ConvergenceWarning, DataConversionWarning, NotFittedError
from sklearn.inspection import permutation_importance
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from mlp import (
    BCEWithLogitsLoss,
    CrossEntropyLoss,
    MSELoss,
    Sequential,
    check_gradients,
    derive,
    diagnose,
)
from mlp.estimators import MLPClassifier, MLPRegressor
from mlp.estimators.penalty import Penalized
from mlp.schedules import exponential, warm_up

KINDS = [MLPClassifier, MLPRegressor]
RNG = np.random.default_rng(0)


def rows(n=40, features=3, classes=2, seed=0):
    """Return rows and their classes, which follow from the first feature."""
    x = np.random.default_rng(seed).normal(size=(n, features))
    return x, np.digitize(x[:, 0], np.linspace(-0.7, 0.7, classes - 1))


def quiet(estimator, *data, **more):
    """Return the fitted estimator, without a word on max_iter."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return estimator.fit(*data, **more)


def weights(estimator):
    return [p.data for p in estimator.model_.parameters()]


def same(one, other):
    return all(map(np.array_equal, weights(one), weights(other)))


# ------------------------------------------------- scikit-learn's own checks


CHECKS = parametrize_with_checks([MLPClassifier(), MLPRegressor()])


@pytest.mark.parametrize(CHECKS.args[0], list(CHECKS.args[1]), **CHECKS.kwargs)
@pytest.mark.filterwarnings("ignore")  # theirs are of many kinds
def test_scikit_learns_checks(estimator, check, monkeypatch):
    monkeypatch.setenv("SCIPY_ARRAY_API", "1")  # or the check of it is skipped
    try:
        check(estimator)
    except SkipTest as error:
        pytest.fail(f"skipped: {error}")


# -------------------------------------------- the definitions of scikit-learn


def theirs(estimator, x, y, **more):
    """Return scikit-learn's net with the same settings and first weights."""
    kind = getattr(neural_network, type(estimator).__name__)
    start = clone(estimator).set_params(max_iter=1, learning_rate_init=1e-300)
    first = iter(weights(quiet(start, x, y)))

    class Likewise(kind):
        def _init_coef(self, fan_in, fan_out, dtype):
            return next(first).T.copy(), next(first).copy()

    Likewise.__name__ = kind.__name__
    own = {*kind().get_params()}
    settings = estimator.get_params().items()
    return quiet(Likewise(**{k: v for k, v in settings if k in own}), x, y, **more)


def assert_like_theirs(estimator, x, y, rtol, **more):
    other = theirs(estimator, x, y, **more)
    quiet(estimator, x, y, **more)
    assert estimator.n_iter_ == other.n_iter_
    assert estimator.loss_curve_ == pytest.approx(other.loss_curve_, rel=rtol)
    mine = weights(estimator)
    for i, (w, b) in enumerate(zip(other.coefs_, other.intercepts_, strict=True)):
        np.testing.assert_allclose(mine[2 * i], w.T, rtol=rtol, atol=rtol / 10)
        np.testing.assert_allclose(mine[2 * i + 1], b, rtol=rtol, atol=rtol / 10)
    return other


SOLVERS = [
    ({"solver": "sgd", "learning_rate_init": 0.05}, 1e-9),
    ({"solver": "sgd", "nesterovs_momentum": False, "momentum": 0.5}, 1e-9),
    ({"solver": "sgd", "momentum": 0.0}, 1e-9),
    ({"learning_rate_init": 0.01, "beta_1": 0.8, "beta_2": 0.9}, 1e-5),  # ε
]


@pytest.mark.parametrize(("settings", "rtol"), SOLVERS)
@pytest.mark.parametrize("classes", [2, 3, 0])
@pytest.mark.parametrize("alpha", [0.0, 2.0])
def test_each_step_is_scikit_learns(settings, rtol, classes, alpha):
    x, y = rows(classes=classes or 2)
    kind = MLPClassifier if classes else MLPRegressor
    y = y if classes else np.sin(3 * x[:, 0])
    fixed = {"alpha": alpha, "shuffle": False, "batch_size": 7, "max_iter": 5}
    net = kind((4, 3), "tanh", random_state=0, **fixed, **settings)
    other = assert_like_theirs(net, x, y, rtol)
    if classes:
        np.testing.assert_allclose(net.predict_proba(x), other.predict_proba(x), 1e-4)
    assert net.score(x, y) == pytest.approx(other.score(x, y))


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


@pytest.mark.skipif(
    "sample_weight" not in signature(neural_network.MLPRegressor.fit).parameters,
    reason="scikit-learn's nets take weights from 1.7 on",
)
@pytest.mark.parametrize("kind", KINDS)
def test_weights_of_rows_are_scikit_learns(kind):
    x, y = rows()
    settings = {"solver": "sgd", "shuffle": False, "alpha": 1.0, "max_iter": 4}
    net = kind((4,), random_state=0, **settings)
    w = RNG.uniform(0.1, 3, len(x))
    assert_like_theirs(net, x, y, 1e-9, sample_weight=w)


@pytest.mark.parametrize("tol", [1e-3, 0.02])
def test_it_stops_when_scikit_learns_does(tol):
    x, y = rows()
    settings = {"tol": tol, "n_iter_no_change": 3, "random_state": 0}
    net = MLPClassifier((4,), shuffle=False, learning_rate_init=0.01, **settings)
    assert_like_theirs(net, x, y, 1e-4)
    assert net.n_iter_ < 200
    assert net.loss_ == net.loss_curve_[-1] and net.best_loss_ == min(net.loss_curve_)


@pytest.mark.parametrize("criterion", [MSELoss(), BCEWithLogitsLoss()])
@pytest.mark.parametrize("weight", [None, np.array([0.5, 0.0, 3.0])])
def test_the_penalty_is_in_the_loss_and_in_the_gradient(criterion, weight):
    x, y = rows(3)
    model = MLPClassifier((3,), max_iter=1, random_state=0)
    model = quiet(model, x, [0, 1, 1]).model_
    loss = Penalized(criterion, [model[0].weight, model[2].weight], 0.7, 0.5)

    def value():
        return loss(model.forward(x), y[:, np.newaxis] / 2, weight)

    value()
    model.backward(loss.backward())
    n = 3 if weight is None else 3.5
    norms = sum((model[i].weight.data ** 2).sum() for i in (0, 2))
    plain = 0.5 * criterion(model.predict(x), y[:, np.newaxis] / 2, weight)
    assert value() == pytest.approx(plain + 0.7 / (2 * n) * norms)
    for p in model.parameters():
        for i in np.ndindex(p.data.shape):
            ends = []
            for sign in (1, -1):
                p.data[i] += sign * 1e-6
                ends.append(value())
                p.data[i] -= sign * 1e-6
            assert p.grad[i] == pytest.approx((ends[0] - ends[1]) / 2e-6, abs=1e-7)


# ---------------------------------------------------------------- the classes


@pytest.mark.parametrize(
    "classes",
    [
        ["no", "yes"],
        ["ant", "bee", "cat"],
        [3, -5],
        [1.0, 2.0, 7.0],
        [False, True],
        np.array(["ü", "y"], dtype=object),
    ],
)
def test_classes_come_back_as_they_were(classes):
    x, labels = rows(classes=len(classes))
    y = np.asarray(classes)[labels]
    net = MLPClassifier((8,), learning_rate_init=0.05, random_state=0)
    quiet(net, x, y)
    assert net.classes_.tolist() == sorted(classes) and net.classes_.dtype == y.dtype
    assert net.predict(x).dtype == y.dtype and net.score(x, y) > 0.9
    p = net.predict_proba(x)
    assert p.shape == (len(x), len(classes)) and p.min() >= 0
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-12)
    assert np.array_equal(net.classes_[p.argmax(axis=1)], net.predict(x))
    np.testing.assert_allclose(np.exp(net.predict_log_proba(x)), p, rtol=1e-9)


def test_log_proba_is_finite_where_the_probability_is_not_above_0():
    x, y = rows()
    net = quiet(MLPClassifier((), max_iter=1, random_state=0), x, y)
    for p in net.model_.parameters():
        p.data[...] *= 1e4
    assert net.predict_proba(x).min() == 0
    assert np.isfinite(net.predict_log_proba(x)).all()


def test_several_outputs_of_a_regression():
    x, _ = rows(200)
    y = np.column_stack([x @ [1.0, 2.0, 3.0], x[:, 0] ** 2])
    net = MLPRegressor((20,), "tanh", learning_rate_init=0.05, random_state=0)
    quiet(net, x, y)
    assert net.predict(x).shape == (200, 2) and net.n_outputs_ == 2
    assert net.score(x, y) > 0.95
    with pytest.warns(DataConversionWarning):
        quiet(net, x, y[:, :1])
    assert net.predict(x).shape == (200,)


# -------------------------------------------------------------------- the net


def test_the_net_goes_into_the_tools():
    x, y = rows(classes=3)
    net = quiet(MLPClassifier((4,), "tanh", max_iter=3, random_state=0), x, y)
    assert type(net.model_) is Sequential
    check_gradients(net.model_, CrossEntropyLoss(), x, y).raise_if_wrong()
    assert "layer 0" in str(diagnose(net.model_, CrossEntropyLoss(), x, y))
    assert derive(net.model_, CrossEntropyLoss()).check(x[0], [0, 0, 1]) < 1e-10


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


@pytest.mark.parametrize("given", [np.float32, np.float64, np.int64, np.float16])
def test_the_net_is_of_xs_dtype_unless_dtype_says_another(given):
    x, y = rows()
    x = (4 * x).astype(given)
    wanted = np.float32 if given == np.float32 else np.float64
    net = quiet(MLPRegressor((3,), max_iter=2, random_state=0), x, y)
    assert weights(net)[0].dtype == net.predict(x).dtype == wanted
    assert net.predict(x.astype(float)).dtype == wanted
    quiet(net.set_params(dtype=np.float64), x, y)
    assert net.predict(x).dtype == np.float64


@pytest.mark.parametrize("kind", KINDS)
def test_the_seed_says_it_all(kind):
    x, y = rows()
    settings = {"max_iter": 3, "dropout": 0.5, "random_state": 4}
    net = quiet(kind((4,), **settings), x, y)
    assert same(net, quiet(clone(net), x, y))
    assert not same(net, quiet(kind((4,), **settings | {"random_state": 5}), x, y))
    state = np.random.RandomState(0)
    one = quiet(kind((4,), **settings | {"random_state": state}), x, y)
    assert not same(one, quiet(one.__class__(**one.get_params()), x, y))


# --------------------------------------------- warm starts, parts, checkpoints


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_partial_fits_are_the_epochs_of_a_fit(kind, solver):
    x, y = rows()
    settings = {"batch_size": 9, "dropout": 0.2, "max_iter": 6, "random_state": 0}
    schedule = warm_up(3, exponential(0.9))
    net = kind((4,), solver=solver, schedule=schedule, **settings)
    whole = quiet(clone(net), x, y)
    more = {"classes": [0, 1]} if kind is MLPClassifier else {}
    net.partial_fit(x, y, **more)
    assert net.n_iter_ == 1
    for _ in range(2):
        net.partial_fit(x, y)
    net = pickle.loads(pickle.dumps(net))
    for _ in range(3):
        net.partial_fit(x, y, **more)
    assert same(net, whole) and net.loss_curve_ == whole.loss_curve_


def test_classes_of_partial_fit():
    x, y = rows(classes=3)
    net = MLPClassifier((4,), random_state=0)
    with pytest.raises(ValueError, match="classes must be passed on the first call"):
        net.partial_fit(x, y)
    first = y < 2
    net.partial_fit(x[first], y[first], classes=[2, 0, 1])
    assert net.predict_proba(x).shape == (40, 3)
    net.partial_fit(x, y)
    with pytest.raises(ValueError, match=r"of the first call, .*, got \[0, 5\]"):
        net.partial_fit(x, y, classes=[0, 5])
    with pytest.raises(ValueError, match="previously unseen labels"):
        net.partial_fit(x, y + 1)
    with pytest.raises(ValueError, match="early_stopping=False for partial_fit"):
        net.set_params(early_stopping=True).partial_fit(x, y)


def test_settings_may_change_between_parts():
    x, y = rows()
    net = MLPRegressor((4,), solver="sgd", random_state=0).partial_fit(x, y)
    before = [w.copy() for w in weights(net)]
    net.set_params(learning_rate_init=1e-300).partial_fit(x, y)
    assert all(map(np.array_equal, weights(net), before))


def test_a_warm_start_goes_on_with_the_same_net():
    x, y = rows(classes=3)
    net = quiet(MLPClassifier((4,), max_iter=3, random_state=0, warm_start=True), x, y)
    model, loss = net.model_, net.loss_
    quiet(net, x, y)
    assert net.model_ is model and net.loss_ < loss
    assert net.n_iter_ == 3 and len(net.loss_curve_) == 6
    with pytest.raises(ValueError, match="previously unseen labels"):
        net.fit(x, y + 1)
    with pytest.raises(ValueError, match="4 features.*expecting 3"):
        net.fit(np.c_[x, x[:, 0]], y)
    for change in ({"hidden_layer_sizes": (5,)}, {"activation": "tanh"}):
        (name,) = change
        with pytest.raises(ValueError, match=f"MLPClassifier: expected {name}=.*got"):
            clone_of(net).set_params(**change).fit(x, y)
    quiet(net.set_params(warm_start=False, hidden_layer_sizes=(5,)), x, y)
    assert net.model_ is not model and len(net.loss_curve_) == 3


def clone_of(net):
    return copy.deepcopy(net)


@pytest.mark.parametrize("early_stopping", [False, True])
def test_a_fit_that_was_cut_ends_as_one_that_was_not(tmp_path, early_stopping):
    x, y = rows(60)
    settings = {"early_stopping": early_stopping, "dropout": 0.2, "random_state": 0}
    net = MLPClassifier((6,), max_iter=9, learning_rate_init=0.05, **settings)
    whole = quiet(clone(net), x, y)
    net.set_params(checkpoint=tmp_path / "run.npz", max_iter=4)
    quiet(net, x, y)
    quiet(net.set_params(max_iter=9), x, y)
    assert same(net, whole) and net.loss_curve_ == whole.loss_curve_
    assert net.validation_scores_ == whole.validation_scores_


# --------------------------------------------------------------- early stopping


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("weighted", [False, True])
def test_early_stopping_keeps_the_best(kind, weighted):
    seen = []

    class Spy(kind):
        def _score_of(self, prediction, target, weight):
            seen.append((prediction, target, weight))
            return super()._score_of(prediction, target, weight)

    x, y = rows(100)
    y = np.where(np.arange(100) % 5 == 0, 1 - y, y)  # some are wrong
    w = np.arange(1.0, 101) if weighted else None
    settings = {"early_stopping": True, "n_iter_no_change": 4, "random_state": 0}
    net = Spy((30,), learning_rate_init=0.05, validation_fraction=0.3, **settings)
    quiet(net, x, y, sample_weight=w)
    scores = net.validation_scores_
    best = int(np.argmax(scores))
    if weighted:  # the training rows too
        plain = quiet(clone(net), x, y)
        assert plain.loss_curve_[0] != pytest.approx(net.loss_curve_[0], rel=1e-6)
        del seen[net.n_iter_ :]
    assert net.n_iter_ == len(scores) == len(seen) < 200
    assert net.best_validation_score_ == scores[best] and net.best_loss_ is None
    prediction, target, weight = seen[best]
    assert len(target) == 30
    assert (weight is None) == (w is None)
    ends = net.model_.predict(x)
    assert np.isclose(prediction, ends.T, rtol=1e-9).any(axis=1).all()
    if kind is MLPClassifier:
        right = (prediction > 0) == target
        assert scores[best] == pytest.approx(np.average(right[:, 0], weights=weight))
        assert target.sum() == round(30 * y.mean())  # of each class alike


@pytest.mark.parametrize(
    ("n", "message"),
    [
        (10, "at least 2 rows to hold out|number of classes"),
        (3, "at least 2 rows to hold out|least populated class"),
    ],
)
def test_too_few_rows_to_hold_out(n, message):
    x, y = rows(10)
    y = np.arange(10) % 2
    for net in (MLPClassifier(early_stopping=True), MLPRegressor(early_stopping=True)):
        with pytest.raises(ValueError, match=message):
            net.fit(x[:n], y[:n])


# -------------------------------------------------------------- weights of rows


@pytest.mark.parametrize("kind", KINDS)
def test_a_weight_says_how_often_a_row_stands_there(kind):
    x, y = rows(30)
    counts = RNG.integers(0, 4, 30)
    net = kind((4,), max_iter=5, random_state=0)
    weighted = quiet(clone(net), x, y, sample_weight=counts)
    repeated = quiet(clone(net), np.repeat(x, counts, axis=0), np.repeat(y, counts))
    for a, b in zip(weights(weighted), weights(repeated), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-7)


@pytest.mark.parametrize("early_stopping", [False, True])
def test_rows_of_weight_0_are_not_there(early_stopping):
    x, y = rows(30)
    w = (np.arange(30) % 3 > 0) * 1.0
    settings = {"batch_size": 4, "max_iter": 3, "early_stopping": early_stopping}
    net = MLPRegressor((4,), random_state=0, **settings)
    left_out = quiet(clone(net), x[w > 0], y[w > 0])
    quiet(net, x, y, sample_weight=w)
    assert np.allclose(weights(net)[0], weights(left_out)[0])
    some = quiet(MLPClassifier(max_iter=2), x, y, sample_weight=(y == 1) * 1.0)
    assert list(some.classes_) == [0, 1]


@pytest.mark.parametrize(
    ("w", "message"),
    [
        (-np.ones(40), "expected each sample_weight to be at least 0, got -1"),
        (np.zeros(40), "expected a sample_weight above zero"),
        (np.ones(39), "inconsistent numbers of samples"),
        (np.ones((40, 1)), r"expected sample_weight of shape \(40,\), got \(40, 1\)"),
        (np.full(40, np.nan), "Input sample_weight contains NaN"),
    ],
)
def test_a_wrong_weight_is_refused(w, message):
    with pytest.raises(ValueError, match=message):
        MLPClassifier(max_iter=1).fit(*rows(), sample_weight=w)


# --------------------------------------------------------------- what is wrong


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"hidden_layer_sizes": 0}, "expected hidden_layer_sizes of at least 1, got 0"),
        ({"hidden_layer_sizes": (4, -1)}, r"hidden_layer_sizes\[1\] of at least 1"),
        ({"hidden_layer_sizes": "4"}, "expected hidden_layer_sizes to be an int"),
        ({"hidden_layer_sizes": 2.5}, "expected hidden_layer_sizes to be an int"),
        ({"activation": "gelu"}, "expected activation to be one of 'identity'"),
        ({"solver": "lbfgs"}, "expected solver to be 'sgd' or 'adam', got 'lbfgs'"),
        ({"solver": "newton"}, "expected solver to be one of 'sgd', 'adam'"),
        ({"alpha": -1.0}, "expected alpha of at least 0"),
        ({"alpha": np.inf}, "expected alpha of at least 0 and finite"),
        ({"batch_size": 0}, "expected batch_size of at least 1"),
        ({"batch_size": "all"}, "expected batch_size to be one of 'auto'"),
        ({"learning_rate_init": 0}, "expected learning_rate_init above 0"),
        ({"schedule": "cosine"}, "expected schedule to be a function"),
        ({"max_iter": 0}, "expected max_iter of at least 1"),
        ({"shuffle": 1}, "expected shuffle to be True or False"),
        ({"random_state": "a"}, "cannot be used to seed"),
        ({"tol": -1e-4}, "expected tol of at least 0"),
        ({"verbose": "yes"}, "expected verbose to be a number"),
        ({"warm_start": "yes"}, "expected warm_start to be True or False"),
        ({"solver": "sgd", "momentum": 1.0}, "expected momentum of at least 0 and bel"),
        ({"early_stopping": "no"}, "expected early_stopping to be True or False"),
        (
            {"early_stopping": True, "validation_fraction": 1.0},
            "validation_fraction",
        ),
        ({"beta_1": 1.0}, "expected beta_1 of at least 0 and below 1"),
        ({"beta_2": -0.1}, "expected beta_2 of at least 0 and below 1"),
        ({"epsilon": 0.0}, "expected epsilon above 0"),
        ({"n_iter_no_change": 0}, "expected n_iter_no_change of at least 1"),
        ({"dropout": 1.0}, "expected dropout of at least 0 and below 1"),
        ({"normalisation": "group"}, "expected normalisation to be one of 'batch'"),
        ({"normalisation": "batch", "batch_size": 39}, "at least 2 rows in each batch"),
        ({"dtype": "float16"}, "expected dtype float64 or float32, got 'float16'"),
        ({"checkpoint": 3}, "expected checkpoint to be a str or path"),
    ],
)
def test_a_wrong_setting_is_refused_in_fit(settings, message):
    for kind in KINDS:
        net = kind(**settings)  # where nothing is checked
        with pytest.raises((ValueError, TypeError), match=message):
            net.fit(*rows())


def test_wrong_rows_are_refused():
    x, y = rows()
    net = quiet(MLPClassifier((3,), max_iter=2), x, y)
    with pytest.raises(ValueError, match="Input X contains NaN"):
        net.fit(np.where(x == x.max(), np.nan, x), y)
    with pytest.raises(ValueError, match="contains infinity"):
        net.predict(np.where(x == x.max(), np.inf, x))
    with pytest.raises(ValueError, match="1 features, but .* is expecting 3"):
        net.predict(x[:, :1])
    with pytest.raises(ValueError, match="at least 2 classes in y, got one class, "):
        net.fit(x, 0 * y)
    with pytest.raises(ValueError, match="Unknown label type: .*continuous"):
        net.fit(x, x[:, 0])
    with pytest.raises(ValueError, match="1d array"):
        net.fit(x, np.c_[y, y])
    sparse = pytest.importorskip("scipy.sparse").csr_array(x)
    with pytest.raises(TypeError, match="[Ss]parse data was passed"):
        net.fit(sparse, y)
    with pytest.raises(NotFittedError):
        MLPRegressor().predict(x)


def test_numbers_that_grow_out_of_range_are_an_error_of_their_own():
    x, y = rows()
    for settings in ({"alpha": 1e300}, {"learning_rate_init": 1e200}):
        with pytest.raises(ArithmeticError, match="expected finite numbers"):
            MLPRegressor((3,), solver="sgd", **settings).fit(1e3 * x, y)


def test_max_iter_is_warned_of_where_fit_is_called():
    with pytest.warns(ConvergenceWarning, match="all of max_iter=2 epochs") as caught:
        MLPRegressor((3,), max_iter=2).fit(*rows())
    assert [warning.filename for warning in caught] == [__file__]


def test_one_row_is_enough_for_a_regression(capsys):
    net = quiet(MLPRegressor((3,), max_iter=10, verbose=1), [[1.0, 2.0]], [3.0])
    assert net.predict([[1.0, 2.0]]).shape == (1,)
    assert "epoch  1/10" in capsys.readouterr().err


def test_it_says_what_is_missing():
    code = "import sys; sys.modules['sklearn'] = None\nimport mlp, mlp.fitting.fit\n"
    for line in ("import mlp.estimators", "mlp.estimators"):
        done = subprocess.run(
            [sys.executable, "-c", code + line], capture_output=True, text=True
        )
        assert done.stderr.splitlines()[-1] == (
            "ImportError: mlp.estimators: expected scikit-learn, got none; pip "
            "install '.[sklearn]' in the clone"
        )


def test_the_guides_blocks_run_and_print_what_stands_beside(capsys):
    guide = Path(__file__).parent.parent / "docs" / "guide.md"
    section = guide.read_text(encoding="utf-8").partition("# A net as a scikit")[2]
    section = section.partition("\n## ")[0]
    lines = [line[4:] for line in section.splitlines() if line.startswith("    ")]
    exec(compile("\n".join(lines), "guide.md", "exec"), {})
    shown = [line.partition("  # ")[2] for line in lines if "  # " in line]
    assert len(shown) == 4
    for printed, expected in zip(capsys.readouterr().out.split(), shown, strict=True):
        if "." in expected:
            assert float(printed) == pytest.approx(float(expected), abs=0.02)
        else:
            assert printed == expected


# ------------------------------------------------------- scikit-learn's tools

FAST = {"max_iter": 30, "learning_rate_init": 0.05, "random_state": 0}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
class TestTools:
    def test_pipeline_and_cross_validation(self):
        x, y = load_iris(return_X_y=True)
        pipeline = make_pipeline(StandardScaler(), MLPClassifier((16,), **FAST))
        assert cross_val_score(pipeline, x, y, cv=3).mean() > 0.9
        x, y = load_diabetes(return_X_y=True)
        net = make_pipeline(StandardScaler(), MLPRegressor((16,), alpha=1.0, **FAST))
        assert cross_val_score(net, x, (y - 150) / 80, cv=3).mean() > 0.3

    def test_grid_search_in_two_processes(self):
        x, y = rows(60)
        grid = {"hidden_layer_sizes": [(), (4,)], "alpha": [0.0, 1e-2]}
        search = GridSearchCV(MLPClassifier(**FAST), grid, cv=2, n_jobs=2)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # joblib's, of where processes begin
            search.fit(x, y)
        assert search.best_score_ > 0.8
        assert search.best_estimator_.predict(x).shape == (60,)

    def test_a_data_frame_with_text(self):
        pandas = pytest.importorskip("pandas")
        x, y = rows(60)
        frame = pandas.DataFrame(x, columns=["a", "b", "c"])
        frame["colour"] = np.where(y == 1, "red", "blue")
        columns = ColumnTransformer(
            [
                ("n", StandardScaler(), ["b", "c"]),
                ("t", OneHotEncoder(sparse_output=False), ["colour"]),
            ]
        )
        net = make_pipeline(columns, MLPClassifier((4,), **FAST))
        answers = pandas.Series(np.where(y == 1, "warm", "cold"))
        assert net.fit(frame, answers).score(frame, answers) > 0.95
        plain = MLPRegressor((4,), **FAST).fit(frame[["a", "b"]], y)
        assert plain.feature_names_in_.tolist() == ["a", "b"]
        with pytest.raises(ValueError, match="feature names should match"):
            plain.predict(frame[["b", "a"]])
        with pytest.warns(UserWarning, match="does not have valid feature names"):
            plain.predict(x[:, :2])

    def test_calibration_and_importance(self):
        x, y = rows(80)
        net = CalibratedClassifierCV(MLPClassifier((4,), **FAST), cv=2).fit(x, y)
        assert np.allclose(net.predict_proba(x).sum(axis=1), 1)
        plain = MLPClassifier((4,), **FAST).fit(x, y)
        found = permutation_importance(plain, x, y, n_repeats=3, random_state=0)
        assert found.importances_mean.argmax() == 0

    def test_a_pickle_and_a_clone(self):
        x, y = make_classification(random_state=0)
        net = MLPClassifier((4,), schedule=exponential(0.9), **FAST).fit(x, y)
        other = pickle.loads(pickle.dumps(net))
        assert np.array_equal(other.predict_proba(x), net.predict_proba(x))
        twin = clone(net)
        assert not hasattr(twin, "model_")
        assert twin.get_params()["alpha"] == net.alpha


def test_a_text_column_of_a_dataframe_is_named():
    pandas = pytest.importorskip("pandas")
    x = pandas.DataFrame({"size": [1.0, 2.0], "kind": ["u", "v"]})
    with pytest.raises(TypeError, match="column .kind. of X"):
        MLPRegressor().fit(x, [1.0, 2.0])
