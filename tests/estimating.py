"""Rows to fit estimators to, and scikit-learn's own nets beside ours.

Imported behind pytest.importorskip("sklearn").
"""

import warnings

import numpy as np
import pytest
from sklearn import neural_network
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from mlp.estimators import MLPClassifier, MLPRegressor

KINDS = [MLPClassifier, MLPRegressor]


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
