"""What the two estimators share: fit, parts, warm starts, early stopping, errors."""

import copy
import pickle
from inspect import signature

import numpy as np
import pytest

pytest.importorskip("sklearn")

from estimating import KINDS, assert_like_theirs, quiet, rows, same, weights
from sklearn import neural_network
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError

from mlp.estimators import MLPClassifier, MLPRegressor
from mlp.schedules import exponential, warm_up

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("tol", [1e-3, 0.02])
def test_it_stops_when_scikit_learns_does(tol):
    x, y = rows()
    settings = {"tol": tol, "n_iter_no_change": 3, "random_state": 0}
    net = MLPClassifier((4,), shuffle=False, learning_rate_init=0.01, **settings)
    assert_like_theirs(net, x, y, 1e-4)
    assert net.n_iter_ < 200
    assert net.loss_ == net.loss_curve_[-1] and net.best_loss_ == min(net.loss_curve_)


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


def test_a_batch_is_of_200_rows_or_of_all_unless_it_is_given():
    x, y = rows(250)
    net = MLPRegressor((3,), max_iter=2, random_state=0)
    auto = quiet(clone(net), x, y)
    assert same(auto, quiet(clone(net).set_params(batch_size=200), x, y))
    assert not same(auto, quiet(clone(net).set_params(batch_size=250), x, y))
    few = quiet(clone(net), x[:30], y[:30])
    assert same(few, quiet(clone(net).set_params(batch_size=30), x[:30], y[:30]))


@pytest.mark.parametrize("early_stopping", [False, True])
def test_it_stops_after_more_epochs_than_those_without_an_improvement(early_stopping):
    x, y = rows()
    settings = {"tol": 10.0, "max_iter": 15, "early_stopping": early_stopping}
    net = MLPRegressor((3,), n_iter_no_change=2, random_state=0, **settings)
    assert quiet(net, x, y).n_iter_ == 4  # the best, the two, and one more
    quiet(net.set_params(n_iter_no_change=np.inf), x, y)
    assert net.n_iter_ == 15


def test_what_a_fit_leaves(capsys):
    x, y = rows()
    net = quiet(MLPClassifier((3,), max_iter=4, random_state=0), x, y)
    assert net.n_features_in_ == 3 and not hasattr(net, "feature_names_in_")
    assert net.loss_curve_ == net.history_.loss and net.n_iter_ == 4
    assert net.best_loss_ == min(net.loss_curve_)
    assert net.validation_scores_ is net.best_validation_score_ is None
    assert all(p.grad is None for p in net.model_.parameters())
    assert capsys.readouterr() == ("", "")


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
            copy.deepcopy(net).set_params(**change).fit(x, y)
    quiet(net.set_params(warm_start=False, hidden_layer_sizes=(5,)), x, y)
    assert net.model_ is not model and len(net.loss_curve_) == 3


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


def test_one_weight_for_all_rows_changes_no_mean():
    x, y = rows()
    net = MLPRegressor((4,), alpha=0.0, max_iter=3, random_state=0)
    plain = quiet(clone(net), x, y)
    quiet(net, x, y, sample_weight=2.0)
    for a, b in zip(weights(net), weights(plain), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9)


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


def test_a_text_column_of_a_dataframe_is_named():
    pandas = pytest.importorskip("pandas")
    x = pandas.DataFrame({"size": [1.0, 2.0], "kind": ["u", "v"]})
    with pytest.raises(TypeError, match="column .kind. of X"):
        MLPRegressor().fit(x, [1.0, 2.0])


def test_numbers_that_grow_out_of_range_are_an_error_of_their_own():
    x, y = rows()
    for settings in ({"alpha": 1e300}, {"learning_rate_init": 1e200}):
        with pytest.raises(ArithmeticError, match="expected finite numbers"):
            MLPRegressor((3,), solver="sgd", **settings).fit(1e3 * x, y)


def test_max_iter_is_warned_of_where_fit_is_called():
    with pytest.warns(ConvergenceWarning, match="all of max_iter=2 epochs") as caught:
        MLPRegressor((3,), max_iter=2).fit(*rows())
    assert [warning.filename for warning in caught] == [__file__]
