"""MLPRegressor: one output, several, and one row."""

import numpy as np
import pytest

pytest.importorskip("sklearn")

from estimating import quiet, rows
from sklearn.exceptions import DataConversionWarning

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
