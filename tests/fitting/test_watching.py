"""What fit watches for in a step: predictions and losses that are not finite."""

import math

import numpy as np
import pytest
from fitting_runs import data, problem, run, same

from mlp import (
    SGD,
    BCELoss,
    DivergenceError,
    Identity,
    Linear,
    Loss,
    Sequential,
    Sigmoid,
)


def test_a_nan_behind_bceloss_is_a_divergence():
    class Breaks(Identity):
        calls = 0

        def forward(self, x):
            Breaks.calls += 1
            return super().forward(x) * (math.nan if Breaks.calls == 7 else 1.0)

    model, optimizer, x, y = problem()
    model = Sequential(*model, Sigmoid(), Breaks())
    with pytest.raises(DivergenceError, match="prediction that is not") as caught:
        run(model, optimizer, x, (y > 0) * 1.0, BCELoss())
    assert isinstance(caught.value.__cause__, ValueError)
    assert (caught.value.epoch, caught.value.batch) == (1, 1)


def test_other_errors_of_a_loss_stay_what_they_are():
    model, optimizer, x, y = problem()
    model = Sequential(*model, Sigmoid())
    with pytest.raises(ValueError, match=r"target in \[0, 1\]"):
        run(model, optimizer, x, y, BCELoss())
    with pytest.raises(ValueError, match=r"write target.reshape\(-1, 1\)"):
        layer = Linear(3, 1)
        run(layer, SGD(layer.parameters(), lr=0.1), x, y[:, 0])


def test_a_prediction_that_a_loss_hides_is_seen():
    class Blind(Loss):
        def forward(self, prediction, target):
            self.shape = prediction.shape
            return 1.0

        def backward(self):
            return np.ones(self.shape)

    class Infinite(Identity):
        def forward(self, x):
            return x + math.inf

    model, optimizer, x, y = problem()
    before = data(model)
    with pytest.raises(DivergenceError, match="prediction that is not"):
        run(Sequential(*model, Infinite()), optimizer, x, y, Blind())
    assert same(data(model), before)
