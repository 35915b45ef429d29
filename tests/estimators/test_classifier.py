"""MLPClassifier: classes, their probabilities, and parts that lack some."""

import numpy as np
import pytest

pytest.importorskip("sklearn")

from estimating import quiet, rows
from sklearn import metrics
from sklearn.exceptions import DataConversionWarning

from mlp import BCEWithLogitsLoss, CrossEntropyLoss
from mlp.estimators import MLPClassifier


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


def test_classes_of_partial_fit():
    x, y = rows(classes=3)
    net = MLPClassifier((4,), random_state=0)
    with pytest.raises(ValueError, match="classes must be passed on the first call"):
        net.partial_fit(x, y)
    first = y < 2
    net.partial_fit(x[first], y[first], classes=[2, 0, 1])
    assert net.predict_proba(x).shape == (40, 3)
    net.partial_fit(x, y)
    net.partial_fit(x, y, classes=[1, 2, 0, 0])
    with pytest.raises(ValueError, match=r"of the first call, .*, got \[0, 5\]"):
        net.partial_fit(x, y, classes=[0, 5])
    with pytest.raises(ValueError, match="previously unseen labels"):
        net.partial_fit(x, y + 1)
    with pytest.raises(ValueError, match="early_stopping=False for partial_fit"):
        net.set_params(early_stopping=True).partial_fit(x, y)


@pytest.mark.parametrize(
    ("classes", "loss"), [(2, BCEWithLogitsLoss), (3, CrossEntropyLoss)]
)
def test_the_loss_is_the_mean_of_minus_log_p_of_the_right_class(classes, loss):
    x, y = rows(classes=classes)
    net = MLPClassifier(
        (4,), max_iter=1, learning_rate_init=1e-300, alpha=0.0, random_state=0
    )
    quiet(net, x, y)
    assert net.n_outputs_ == (1 if classes == 2 else classes)
    expected = metrics.log_loss(y, net.predict_proba(x))
    assert net.loss_ == pytest.approx(expected)
    target = np.eye(classes)[y] if classes > 2 else y[:, np.newaxis]
    assert loss()(net.model_.predict(x), target) == pytest.approx(expected)


def test_of_two_classes_the_second_has_the_probability_of_the_sigmoid():
    x, y = rows()
    net = quiet(MLPClassifier((4,), max_iter=20, random_state=0), x, y)
    z = net.model_.predict(x)[:, 0]
    np.testing.assert_allclose(net.predict_proba(x)[:, 1], 1 / (1 + np.exp(-z)))
    assert np.array_equal(net.predict(x), (z > 0).astype(int))


def test_a_column_of_labels_is_taken_with_a_warning():
    x, y = rows()
    net = MLPClassifier((4,), max_iter=2, random_state=0)
    with pytest.warns(DataConversionWarning):
        quiet(net, x, y[:, np.newaxis])
    assert net.predict(x).shape == (40,)


def test_the_held_out_score_is_the_share_that_is_right_by_weight():
    x, y = rows(classes=3)
    net = quiet(MLPClassifier((4,), max_iter=5, random_state=0), x, y)
    w = np.linspace(0, 2, 40)
    z = net.model_.predict(x)
    assert net._score_of(z, y, None) == net.score(x, y)
    assert net._score_of(z, y, w) == pytest.approx(net.score(x, y, w))


def test_a_failed_first_part_leaves_no_classes_behind():
    x, y = rows()
    net = MLPClassifier((4,), max_iter=2, random_state=0)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        net.partial_fit(x, y[:9], classes=[0, 1, 2])
    quiet(net, x, y)
    assert net.classes_.tolist() == [0, 1]


@pytest.mark.parametrize("seed", range(3))
def test_each_class_is_held_out_alike(seed):
    held = []

    class Spy(MLPClassifier):
        def _score_of(self, prediction, target, weight):
            held.append(np.bincount(target.ravel()).tolist())
            return super()._score_of(prediction, target, weight)

    x, _ = rows(100)
    settings = {"early_stopping": True, "validation_fraction": 0.3, "max_iter": 1}
    y = np.repeat([0, 1, 2], [60, 30, 10])
    quiet(Spy((2,), random_state=seed, **settings), x, y)
    assert held == [[18, 9, 3]]
