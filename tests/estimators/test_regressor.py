"""MLPRegressor: one output, several, and one row."""

import numpy as np
import pytest

pytest.importorskip("sklearn")

from estimating import quiet, rows
from sklearn.exceptions import DataConversionWarning
from sklearn.metrics import r2_score

from mlp.estimators import MLPRegressor


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


def test_one_row_is_enough_for_a_regression(capsys):
    net = quiet(MLPRegressor((3,), max_iter=10, verbose=1), [[1.0, 2.0]], [3.0])
    assert net.predict([[1.0, 2.0]]).shape == (1,)
    assert "epoch  1/10" in capsys.readouterr().err


def test_the_loss_is_half_the_squared_error_summed_over_the_outputs():
    x, _ = rows()
    y = np.random.default_rng(0).normal(size=(40, 2))
    still = {"max_iter": 1, "learning_rate_init": 1e-300, "alpha": 0.0}
    net = quiet(MLPRegressor((4,), random_state=0, **still), x, y)
    errors = ((net.predict(x) - y) ** 2).sum(axis=1)
    assert net.loss_ == pytest.approx(errors.mean() / 2)


def test_a_part_makes_the_net_and_the_next_goes_on_with_it():
    x, y = rows()
    net = MLPRegressor((4,), random_state=0)
    assert net.partial_fit(x, y) is net
    model = net.model_
    net.partial_fit(x[:10], y[:10], sample_weight=np.arange(10))
    assert net.model_ is model and len(net.loss_curve_) == 2


def test_the_held_out_score_is_r2_by_weight():
    x, _ = rows()
    y = np.column_stack([x.sum(axis=1), x[:, 0]])
    net = quiet(MLPRegressor((4,), max_iter=5, random_state=0), x, y)
    ŷ, w = net.predict(x), np.linspace(0, 2, 40)
    assert net._score_of(ŷ, y, None) == pytest.approx(r2_score(y, ŷ))
    weighted = net._score_of(ŷ, y, w)
    assert weighted == pytest.approx(r2_score(y, ŷ, sample_weight=w))
    assert weighted != pytest.approx(r2_score(y, ŷ))


def test_held_out_rows_are_not_sorted_by_class():
    """A target of numbers, all different, has no classes to hold out alike."""
    x, _ = rows()
    net = MLPRegressor((4,), early_stopping=True, max_iter=3, random_state=0)
    quiet(net, x, np.linspace(0, 1, 40))
    assert len(net.validation_scores_) == 3


def test_numbers_that_are_objects_are_numbers():
    x, _ = rows()
    y = x.sum(axis=1)
    net = MLPRegressor((4,), max_iter=3, random_state=0)
    expected = quiet(net, x, y).predict(x)
    assert np.array_equal(quiet(net, x, y.astype(object)).predict(x), expected)


def test_a_text_among_the_numbers_is_said_to_be_in_y():
    pandas = pytest.importorskip("pandas")
    x, _ = rows()
    frame = pandas.DataFrame(x, columns=["a", "b", "c"])
    y = np.array([*range(39), "many"], dtype=object)
    for given in (x, x.astype(object), frame):
        for target in (y, pandas.Series(y)):
            with pytest.raises(TypeError, match="MLPRegressor: expected y to hold"):
                MLPRegressor(max_iter=1).fit(given, target)
    with pytest.raises(TypeError, match="column 'b' of X"):
        MLPRegressor(max_iter=1).fit(frame.assign(b=y), np.arange(40.0))
