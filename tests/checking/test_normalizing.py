"""Normalisations: right ones pass, and each wrong backward is named."""

import numpy as np
import pytest

from mlp import (
    BatchNorm1d,
    Buffer,
    Layer,
    LayerNorm,
    Linear,
    MSELoss,
    Parameter,
    Sequential,
    check_gradients,
    check_layer,
)
from mlp.checking.normalizing import normalized

X = np.random.default_rng(0).normal(size=(5, 4)) * [1, 3, 0.5, 2] + [0, 1, 5, -2]


class Norm(Layer):
    """A normalisation by a reader, over an axis, whose backward may be wrong."""

    def __init__(self, backward, axis=0, ddof=0, k=4, ones=False):
        rng = np.random.default_rng(1)
        self.weight = Parameter(np.ones(k) if ones else rng.uniform(0.5, 2, k))
        self.bias = Parameter(rng.normal(size=k))
        self.mean, self.var = Buffer(rng.normal(size=k)), Buffer(rng.uniform(1, 2, k))
        self.axis, self.ddof, self.formula = axis, ddof, backward

    def forward(self, x):
        over = {"axis": self.axis, "keepdims": True}
        mean, var = x.mean(**over), x.var(**over, ddof=self.ddof)
        if self.training:
            self.mean.data[...] = 0.9 * self.mean.data + 0.1 * x.mean(axis=0)
        else:
            mean, var = self.mean.data, self.var.data
        self.s = 1 / np.sqrt(var + 1e-5)
        self.x_hat = (x - mean) * self.s
        return self.weight.data * self.x_hat + self.bias.data

    def backward(self, g):
        self.weight.add_grad((g * self.x_hat).sum(axis=0))
        self.bias.add_grad(g.sum(axis=0))
        n = self.x_hat.shape[self.axis]

        def m(a):
            return a.mean(axis=self.axis, keepdims=True)

        return self.formula(self.weight.data * g, g, self.s, self.x_hat, m, n)


def right(ĝ, g, s, x̂, m, n):
    return s * (ĝ - m(ĝ) - x̂ * m(ĝ * x̂))


def unbiased(ĝ, g, s, x̂, m, n):
    return s * (ĝ - m(ĝ) - x̂ * m(ĝ * x̂) * n / (n - 1))


def swapped(ĝ, g, s, x̂, m, n):
    axis = 1 if m(g).shape[0] == 1 else 0

    def other(a):
        return a.mean(axis=axis, keepdims=True)

    return s * (ĝ - other(ĝ) - x̂ * other(ĝ * x̂))


WRONG = {
    "statistics held constant": lambda ĝ, g, s, x̂, m, n: s * ĝ,
    "mean held constant": lambda ĝ, g, s, x̂, m, n: s * (ĝ - x̂ * m(ĝ * x̂)),
    "variance held constant": lambda ĝ, g, s, x̂, m, n: s * (ĝ - m(ĝ)),
    "γ left out": lambda ĝ, g, s, x̂, m, n: s * (g - m(g) - x̂ * m(g * x̂)),
    "wrong axis": swapped,
    "N − 1 for N": unbiased,
    "slope left out": lambda ĝ, g, s, x̂, m, n: g,
    "factor 1/N": lambda ĝ, g, s, x̂, m, n: right(ĝ, g, s, x̂, m, n) / len(g),
    "sign": lambda ĝ, g, s, x̂, m, n: -right(ĝ, g, s, x̂, m, n),
    "factor 2": lambda ĝ, g, s, x̂, m, n: 2 * right(ĝ, g, s, x̂, m, n),
}


def verdict_of(layer, x=X):
    report = check_layer(layer, x)
    assert [row.ok for row in report.rows[:2]] == [True, True], str(report)
    assert report.ok == report.rows[2].ok
    return report.rows[2].verdict


@pytest.mark.parametrize("axis", [0, 1])
def test_right_ones_are_right(axis):
    assert verdict_of(Norm(right, axis)) == "right"
    assert verdict_of(Norm(unbiased, axis, ddof=1)) == "right"
    if axis == 0:
        constant = WRONG["statistics held constant"]
        assert verdict_of(Norm(constant).eval()) == "right"


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("name", WRONG)
def test_wrong_ones_are_named(name, axis):
    assert verdict_of(Norm(WRONG[name], axis)) == name


@pytest.mark.parametrize("axis", [0, 1])
def test_an_unbiased_variance_in_forward_alone(axis):
    assert verdict_of(Norm(right, axis, ddof=1)) == "N for N − 1"


@pytest.mark.parametrize("axis", [0, 1])
def test_a_missing_γ_is_named_though_γ_is_1(axis):
    assert verdict_of(Norm(WRONG["γ left out"], axis, ones=True)) == "γ left out"


def test_batch_statistics_in_the_backward_of_evaluation():
    assert verdict_of(Norm(right).eval()) == "statistics not constant"


def test_the_gradient_of_γ_with_x_for_x_hat_is_wrong():
    class OfTheInput(BatchNorm1d):
        def forward(self, x):
            self.x = x
            return super().forward(x)

        def backward(self, grad_output):
            given = super().backward(grad_output)
            self.weight.grad = (grad_output * self.x).sum(axis=0)
            return given

    report = check_layer(OfTheInput(4), X)
    assert [row.ok for row in report.rows] == [False, True, True]


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_librarys_own_in_a_net(training, dtype):
    rng = np.random.default_rng(2)
    model = Sequential(
        Linear(4, 6, rng=rng, dtype=dtype),
        BatchNorm1d(6, dtype=dtype),
        Linear(6, 3, rng=rng, dtype=dtype),
        LayerNorm(3, dtype=dtype),
    ).train(training)
    before = model.state_dict()
    report = check_gradients(model, MSELoss(), X, rng.normal(size=(5, 3)))
    assert report.ok, str(report)
    after = model.state_dict()
    assert all(np.array_equal(before[name], after[name]) for name in before)


@pytest.mark.parametrize("kind", [BatchNorm1d, LayerNorm])
def test_a_mistake_in_a_net_is_named_where_it_is_made(kind):
    class Constant(kind):
        def forward(self, x):
            y = super().forward(x)
            axis = 0 if kind is BatchNorm1d else 1
            self.s = 1 / np.sqrt(x.var(axis=axis, keepdims=True) + self.eps)
            return y

        def backward(self, grad_output):
            super().backward(grad_output)
            return self.s * self.weight.data * grad_output

    rng = np.random.default_rng(2)
    model = Sequential(Linear(4, 6, rng=rng), Constant(6), Linear(6, 3, rng=rng))
    report = check_gradients(model, MSELoss(), X, rng.normal(size=(5, 3)))
    wrong = {row.name: row.verdict for row in report.rows if not row.ok}
    assert wrong.pop("all of these") == "see above"
    assert wrong == {"1.x": "statistics held constant"}


def test_only_what_keeps_a_shape_of_rows_can_be_normalised():
    x = X - X.mean(axis=0)
    assert [found.axis for found in normalized(x, 3 * x, [])] == [0, 1]
    for given, y in ((x, 3 * x[:4]), (x, np.array(1.0)), (x[0], 3 * x[0])):
        assert not [*normalized(given, y, [])]
