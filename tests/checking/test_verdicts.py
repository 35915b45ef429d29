"""Each mistake of a layer, an activation or a loss is named."""

import re

import numpy as np
import pytest
from oracles import on_one_line
from reports import batch, linear, right_but, verdicts
from small import elementwise

import mlp
from mlp import (
    BCELoss,
    Identity,
    Layer,
    Linear,
    Loss,
    MSELoss,
    Parameter,
    ReLU,
    Sequential,
    Sigmoid,
    check_gradients,
    check_layer,
    one_hot,
)
from mlp.checking import verdicts as patterns
from mlp.checking.differences import measure

# --------------------------------------------------------- what a layer gets wrong


def test_the_same_code_without_a_mistake_is_right():
    right_but(
        check_layer(linear(lambda x, w, g: (g.T @ x, g.sum(0), g @ w)), batch(5, 3))
    )


@pytest.mark.parametrize(
    ("backward", "wrong", "sentence"),
    [
        (
            lambda x, w, g: (g.T @ x, g.mean(0), g @ w),
            {"bias": "factor 1/N"},
            r"it is 1/N times what it should be \(here 0.2\): backward divides by",
        ),
        (
            lambda x, w, g: (len(x) * g.T @ x, g.sum(0), g @ w),
            {"weight": "factor N"},
            "multiplies by the number of rows",
        ),
        (
            lambda x, w, g: (g.T @ x / 4, g.sum(0), g @ w),
            {"weight": "factor 1/K"},
            "divides by the number of columns of the output",
        ),
        (
            lambda x, w, g: (g.T @ x / (len(x) * 4), g.sum(0), g @ w),
            {"weight": "factor 1/(N·K)"},
            r"it is 1/\(N·K\) times what it should be \(here 0.05\)",
        ),
        (
            lambda x, w, g: (2 * g.T @ x, g.sum(0), g @ w),
            {"weight": "factor 2"},
            "it is 2 times what it should be: it is added twice",
        ),
        (
            lambda x, w, g: (0.3 * g.T @ x, g.sum(0), g @ w / 2),
            {"weight": "factor 0.3", "x": "factor 1/2"},
            "0.3 times",
        ),
        (
            lambda x, w, g: (-g.T @ x, -3 * g.sum(0), g @ w),
            {"weight": "sign", "bias": "factor −3"},
            "a minus is missing, or one too many",
        ),
        (
            lambda x, w, g: (g.T @ x, g[0], g @ w),
            {"bias": "not summed"},
            "of 5 rows, only row 0 is in it",
        ),
        (
            lambda x, w, g: (g[:-1].T @ x[:-1], g.sum(0), g @ w),
            {"weight": "term lost"},
            "row 4 of the batch is not in the sum over its 5 rows",
        ),
        (
            lambda x, w, g: ((x.T @ g).reshape(w.shape), g.sum(0), g @ w),
            {"weight": "transposed"},
            "it is the transpose",
        ),
        (
            lambda x, w, g: (0 * w, g.sum(0), g @ w),
            {"weight": "zero"},
            "zero everywhere",
        ),
        (
            lambda x, w, g: (g.T @ x + 0.01 * w, g.sum(0), g @ w),
            {"weight": "unreported loss"},
            r"0.01 θ, the gradient of 0.005 ‖θ‖²; leave regularisation to SGD",
        ),
        (
            lambda x, w, g: (g.T @ x + 0.01 * np.sign(w), g.sum(0), g @ w),
            {"weight": "unreported loss"},
            r"0.01 sign\(θ\), the gradient of 0.01 Σ \|θ\|",
        ),
        (
            lambda x, w, g: (np.ones_like(g).T @ x, g.sum(0), g @ w),
            {"weight": "grad_output left out"},
            "the gradient for a grad_output of ones",
        ),
        (
            lambda x, w, g: (np.nan * g.T @ x, g.sum(0), g @ w),
            {"weight": "not finite"},
            r"12 of 12 entries are NaN or infinite, the first at \[0, 0\]",
        ),
        (
            lambda x, w, g: (g.T @ x, g.sum(0), (g @ w).T),
            {"x": "wrong shape"},
            r"returns shape \(3, 5\) for what has shape \(5, 3\); it looks transposed",
        ),
        (
            lambda x, w, g: (g.T @ x, g.sum(0), None),
            {"x": "missing"},
            "backward returns None",
        ),
    ],
)
def test_the_mistakes_of_a_linear_layer(backward, wrong, sentence):
    report = right_but(check_layer(linear(backward), batch(5, 3)), **wrong)
    assert re.search(sentence, on_one_line(report)), str(report)
    with pytest.raises(ValueError, match="a gradient is wrong\nGradients of Wrong"):
        report.raise_if_wrong()


@pytest.mark.parametrize(
    ("backward", "wrong", "sentence"),
    [
        (lambda x, w, g: (x.T @ g, g.sum(0), g @ w), "weight", "is the transpose"),
        (
            lambda x, w, g: (g.T @ x, g.sum(0), g @ w.T),
            "x",
            "a weight in it is transposed",
        ),
    ],
)
def test_a_transpose_that_fits(backward, wrong, sentence):
    report = check_layer(linear(backward, 4, 4), batch(6, 4))
    right_but(report, **{wrong: "transposed"})
    assert sentence in on_one_line(report)


def test_a_bias_summed_over_the_wrong_axis():
    report = check_layer(
        linear(lambda x, w, g: (g.T @ x, g.sum(1), g @ w), 3, 5), batch(5, 3)
    )
    right_but(report, bias="wrong axis")


def test_one_wrong_entry_is_shown_beside_what_is_measured():
    def backward(x, w, g):
        dw = g.T @ x
        dw[1, 2] *= 1.01
        return dw, g.sum(0), g @ w

    row = check_layer(linear(backward), batch(5, 3)).rows[0]
    a, n = map(float, re.findall(r"[\d.]+\d", row.sentence)[-2:])
    assert row.verdict == "differs"
    assert "the worst: at [1, 2]" in row.sentence
    assert row.sentence.count(" at [") == 1
    assert a == pytest.approx(1.01 * n, rel=1e-4)
    assert row.relative_error == pytest.approx(abs(a - n) / row.analytic, rel=1e-2)


# -------------------------------------------------------- what an activation gets wrong


@pytest.mark.parametrize(
    ("base", "slope", "verdict"),
    [
        (ReLU, lambda x, y: x <= 0, "wrong side"),
        (Sigmoid, lambda x, y: x * (1 - x), "x for y"),
        (Sigmoid, lambda x, y: 1 / (1 + np.exp(-y)) / (1 + np.exp(y)), "σ twice"),
        (Sigmoid, lambda x, y: 1, "slope left out"),
        (Sigmoid, lambda x, y: y * (y - 1), "sign"),
        (Sigmoid, lambda x, y: y, "differs"),
        (Sigmoid, lambda x, y: y * (1 - y), "right"),
    ],
)
def test_the_mistakes_of_an_activation(base, slope, verdict):
    class Wrong(base):
        def forward(self, x):
            self.x = x
            return super().forward(x)

        def backward(self, grad_output, *, needs_input_grad=True):
            return grad_output * slope(self.x, self._y)

    assert verdicts(check_layer(Wrong(), batch(5, 3))) == {"x": verdict}


def test_tanh_with_the_derivative_of_the_input():
    tanh = elementwise(np.tanh, lambda x, y: 1 - x**2)
    report = check_layer(tanh, batch(5, 3))
    assert verdicts(report) == {"x": "x for y"}
    assert "tanh' is 1 − y²" in str(report)


@pytest.mark.parametrize("shape", [(5, 3), (3, 3), (4,)])
def test_a_softmax_of_which_only_the_diagonal_is_there(shape):
    class Diagonal(Layer):
        def forward(self, x):
            z = np.exp(x)
            self.y = z / z.sum(axis=-1, keepdims=True)
            return self.y

        def backward(self, grad_output, *, needs_input_grad=True):
            return grad_output * self.y * (1 - self.y)

    class Whole(Diagonal):
        def backward(self, grad_output, *, needs_input_grad=True):
            g, y = grad_output, self.y
            return y * (g - np.sum(g * y, axis=-1, keepdims=True))

    class Neither(Diagonal):
        def backward(self, grad_output, *, needs_input_grad=True):
            return grad_output * self.y

    for layer, verdict in (
        (Diagonal, "diagonal only"),
        (Whole, "right"),
        (Neither, "differs"),
    ):
        assert verdicts(check_layer(layer(), batch(*shape))) == {"x": verdict}


def test_a_way_around_that_backward_forgets():
    class Residual(Layer):
        def __init__(self):
            self.inner = Linear(3, 3, rng=0)

        def forward(self, x):
            return x + self.inner.forward(x)

        def backward(self, grad_output, *, needs_input_grad=True):
            return self.inner.backward(grad_output)

    report = check_layer(Residual(), batch(5, 3))
    right_but(report, x="term lost")
    assert set(verdicts(report)) == {"inner.weight", "inner.bias", "x"}
    assert "from the path on which x is added to y" in on_one_line(report)


# ----------------------------------------------------------- what a loss gets wrong


def loss(scale):
    """Return an MSELoss whose gradient is multiplied by scale(N, K)."""

    class Wrong(MSELoss):
        def backward(self):
            return super().backward() * scale(*self._kept_shape)

        def forward(self, prediction, target):
            self._kept_shape = prediction.shape
            return super().forward(prediction, target)

    return Wrong


@pytest.mark.parametrize("reduction", ["mean", "sum", "batchmean"])
@pytest.mark.parametrize("shape", [(5, 3), (3, 2), (4, 2)])
@pytest.mark.parametrize(
    ("scale", "verdict", "sentence"),
    [
        (lambda n, k: 2, "factor 2", "a factor 2 too many"),
        (lambda n, k: 1 / 2, "factor 1/2", "the factor 2 is missing"),
        (lambda n, k: n, "factor N", "the mean over the batch is missing"),
        (lambda n, k: 1 / n, "factor 1/N", "takes a mean over the batch that"),
        (lambda n, k: k, "factor K", "the mean over the columns is missing"),
        (lambda n, k: 1 / k, "factor 1/K", "takes a mean over the columns that"),
        (lambda n, k: n * k, "factor N·K", "the mean over all entries is missing"),
        (lambda n, k: 1 / (n * k), "factor 1/(N·K)", "mean over all entries that"),
        (
            lambda n, k: n * k / 2,
            "factor N·K/2",
            "missing, which forward takes; and the factor 2",
        ),
        (lambda n, k: -2 / n, "factor −2/N", "the sign is wrong"),
        (lambda n, k: n / k, "factor N/K", "it is N/K times"),
        (lambda n, k: -1, "sign", "target − prediction for prediction − target"),
        (lambda n, k: 0.7, "factor 0.7", "it is 0.7 times"),
    ],
)
def test_a_factor_is_named_by_how_it_grows(scale, verdict, sentence, shape, reduction):
    report = check_gradients(
        Sequential(Identity()),
        loss(scale)(reduction),
        batch(*shape),
        batch(*shape, seed=1),
    )
    right_but(report, prediction=verdict, **{"all of these": "see above"})
    assert sentence in on_one_line(report)


def test_a_factor_is_seen_through_rounding():
    class Offset(MSELoss):
        def forward(self, prediction, target):
            return 1e8 + super().forward(prediction, target)

        def backward(self):
            return super().backward() / 2

    report = check_gradients(Identity(), Offset(), batch(5, 3), batch(5, 3, seed=1))
    assert verdicts(report)["prediction"] == "factor 1/2"


def test_a_loss_with_the_derivative_of_the_sigmoid_in_it():
    class Merged(BCELoss):
        def forward(self, prediction, target):
            self.difference = prediction - target
            return super().forward(prediction, target)

        def backward(self):
            return self.difference / self.difference.size

    model = Sequential(Linear(3, 2), Sigmoid())
    report = check_gradients(model, Merged(), batch(5, 3), np.ones((5, 2)))
    right_but(report, prediction="σ' too early", **{"all of these": "see above"})


def test_a_loss_of_class_indices():
    class CrossEntropy(Loss):
        def forward(self, prediction, target):
            z = np.exp(prediction - prediction.max(axis=1, keepdims=True))
            self.p = z / z.sum(axis=1, keepdims=True)
            self.target = target.astype(int)
            return float(-np.log(self.p[np.arange(len(z)), self.target]).mean())

        def backward(self):
            return (self.p - one_hot(self.target, 3)) / self.divisor()

        def divisor(self):
            return len(self.p)

    class Summed(CrossEntropy):
        def divisor(self):
            return 1

    labels = np.array([0, 2, 1, 1])
    assert check_gradients(Linear(2, 3), CrossEntropy(), batch(4, 2), labels).ok
    report = check_gradients(Linear(2, 3), Summed(), batch(4, 2), labels)
    assert verdicts(report)["prediction"] == "factor N"


# ----------------------------------------------- what a reader of the page ran into


def slopes(*, slope=(0.25,), add=None, shape=None):
    """Return a LeakyReLU with learned slopes whose own gradient is given."""

    class Leaky(Layer):
        def __init__(self):
            self.a = Parameter(np.reshape(slope, shape or np.shape(slope)))

        def forward(self, x):
            self.x = x
            return np.where(x > 0, x, self.a.data * x)

        def backward(self, grad_output, *, needs_input_grad=True):
            g, x, a = grad_output, self.x, self.a
            right = np.sum(g * np.where(x > 0, 0, x))
            a.add_grad(np.reshape(add(g, x) if add else right, a.data.shape))
            return g * np.where(x > 0, 1, a.data)

    return Leaky()


@pytest.mark.parametrize("shape", [(), (1,), (1, 1)])
def test_a_parameter_of_one_number(shape):
    right_but(check_layer(slopes(shape=shape), batch(5, 3)))


@pytest.mark.parametrize(
    ("add", "verdict"),
    [
        (lambda g, x: np.sum(g[x < 0]), "differs"),
        (lambda g, x: np.sum(np.where(x > 0, 0, x)), "grad_output left out"),
        (lambda g, x: np.sum((g * np.where(x > 0, 0, x))[0]), "not summed"),
        (lambda g, x: np.sum((g * np.where(x > 0, 0, x))[1:]), "term lost"),
        (lambda g, x: -np.sum(g * np.where(x > 0, 0, x)), "sign"),
        (lambda g, x: np.sum(g * np.where(x > 0, 0, x)) / len(g), "factor 1/N"),
        (lambda g, x: 2 * np.sum(g * np.where(x > 0, 0, x)), "factor 2"),
        (lambda g, x: 0.7 * np.sum(g * np.where(x > 0, 0, x)), "differs"),
    ],
)
def test_of_one_number_not_every_other_is_a_factor(add, verdict):
    report = check_layer(slopes(add=add), batch(5, 3))
    assert verdicts(report)["a"] == verdict, str(report)


def test_of_one_number_not_every_difference_is_a_regularisation():
    report = check_layer(slopes(add=lambda g, x: np.sum(g)), np.abs(batch(5, 3)))
    assert verdicts(report)["a"] == "differs"


@pytest.mark.parametrize(
    ("slope", "sentence"),
    [
        (lambda x, y: y * (1 - y), "the derivative of a sigmoid"),
        (lambda x, y: 1 - np.tanh(y) ** 2, "as if y were an input; tanh' is 1 − y²"),
        (lambda x, y: x > 0, "the derivative of a ReLU"),
        (lambda x, y: np.where(x < 0, 2, 1) * (1 - y**2), "this array is < 0"),
        (lambda x, y: np.where(x > 0, 2, 1) * (1 - y**2), "this array is > 0"),
    ],
)
def test_a_tanh_with_the_slope_of_something_else(slope, sentence):
    report = check_layer(elementwise(np.tanh, slope), batch(5, 3))
    assert not report.ok
    assert sentence in on_one_line(report)


def test_a_sigmoid_with_the_slope_of_a_tanh():
    class Wrong(Sigmoid):
        def backward(self, grad_output, *, needs_input_grad=True):
            return grad_output * (1 - self._y**2)

    assert "the derivative of a tanh" in str(check_layer(Wrong(), batch(5, 3)))


def test_a_slope_says_how_well_it_is_known_only_if_that_is_not_well():
    assert patterns._known(1e6, 1.0) == ""
    assert patterns._known(1.0, 1.0).startswith(" ± ")


def test_no_side_is_named_if_all_are_on_it():
    class Wrong(mlp.Identity):
        def backward(self, grad_output, *, needs_input_grad=True):
            wrong = np.random.default_rng(1).uniform(2, 9, grad_output.shape)
            return super().backward(grad_output) * wrong

    x = np.random.default_rng(0).uniform(0.5, 2, (4, 3))
    for at in (x, -x):
        (row,) = mlp.check_layer(Wrong(), at).rows
        assert row.verdict == "differs"
        assert "it differs just where" not in row.sentence


@pytest.mark.parametrize("c", [2, 0.5, -1])
@pytest.mark.parametrize("off", [1, 1 + 3e-5, 1 + 5e-4])
def test_a_half_is_told_from_what_is_nearly_one(c, off):
    layer = elementwise(np.tanh, lambda x, y: c * off * (1 - y**2))
    (found,) = verdicts(check_layer(layer, batch(5, 3))).values()
    exact = {2: "factor 2", 0.5: "factor 1/2", -1: "sign"}[c]
    assert (found == exact) == (off < 1.0001)


@pytest.mark.parametrize(
    ("error", "labels"), [(0.005, ["factor 2", "sign"]), (0.05, ["differs"] * 2)]
)
def test_slopes_that_are_hardly_known_fit_no_pattern(error, labels):
    """Ten times their error is a twentieth of them, or a half."""
    x = batch(4, 3)
    for c, label in zip((2, -1), labels, strict=True):
        m = measure(lambda: x**2, x, c * 2 * x, 1.0, np.random.default_rng(0))
        m = m._replace(error=error * abs(m.numerical))
        e = patterns.Evidence(
            measured=m, analytic=c * 2 * x, at=x, grad_output=np.ones_like(x),
            output=x**2, parameters=[], draws=False, is_loss=False, is_parameter=False,
            growth=lambda: ({"N": 0, "K": 0}, {"N": 4, "K": 3}),
        )  # fmt: skip
        assert patterns.verdict(e).label == label
