"""check_gradients and check_layer: each mistake is named, and right is right."""

import re

import numpy as np
import pytest
from hypothesis import given
from oracles import frozen, random_net, seeds

from mlp import (
    SGD,
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
    train_step,
)


def batch(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def verdicts(report):
    return {row.name: row.verdict for row in report.rows}


def on_one_line(report):
    return " ".join(str(report).split())


def right_but(report, **wrong):
    """Assert that these gradients are wrong in this way, and no others."""
    expected = {name: wrong.get(name, "right") for name in verdicts(report)}
    assert verdicts(report) == expected
    assert set(wrong) <= set(expected)
    assert report.ok == all(v.startswith("right") for v in wrong.values())
    return report


# ------------------------------------------------------------ what is right


@given(seeds)
def test_the_librarys_own_nets_are_right(seed):
    rng = np.random.default_rng(seed)
    dtype = (np.float32, np.float64)[rng.integers(2)]
    widths = [int(n) for n in rng.integers(1, 7, rng.integers(2, 5))]
    model = random_net(rng, widths, dtype=dtype)
    n, reduction = int(rng.integers(1, 7)), ("mean", "sum", "batchmean")[seed % 3]
    x, y = rng.normal(size=(n, widths[0])), rng.random((n, widths[-1]))
    criterion = MSELoss(reduction)
    if seed % 2:
        model, criterion = Sequential(model, Sigmoid()), BCELoss(reduction)
    report = check_gradients(model, criterion, x, y)
    assert report.ok, str(report)


@pytest.mark.parametrize("layer", [ReLU, Sigmoid, Identity])
@pytest.mark.parametrize("shape", [(), (4,), (3, 2), (2, 3, 4)])
def test_activations_of_any_shape_are_right(layer, shape):
    report = right_but(check_layer(layer(), batch(*shape)))
    assert report.rows[0].shape == shape
    assert report.rows[0].numerical > 0 or shape == () or layer is ReLU


def test_norms_are_those_of_the_gradients():
    model, x, y = Sequential(Linear(3, 2, rng=0)), batch(5, 3), batch(5, 2, seed=1)
    report = check_gradients(model, MSELoss(), x, y)
    criterion = MSELoss()
    criterion.forward(model.forward(x), y)
    grad_input = model.backward(criterion.backward())
    rows = {row.name: row for row in report.rows}
    for name, gradient in (
        ("0.weight", model[0].weight.grad),
        ("0.bias", model[0].bias.grad),
        ("x", grad_input),
    ):
        norm = np.linalg.norm(gradient)
        assert rows[name].analytic == pytest.approx(norm, rel=1e-12)
        assert rows[name].numerical == pytest.approx(norm, rel=1e-8)
        assert rows[name].relative_error < 1e-8
        assert rows[name].shape == gradient.shape
        assert rows[name].measured == f"all {gradient.size}"


def test_nothing_is_changed():
    model, criterion = Sequential(Linear(3, 2), Sigmoid()), BCELoss()
    x, y = frozen(batch(4, 3)), frozen(np.ones((4, 2)))
    criterion.forward(model.forward(x), y)
    gradient = criterion.backward()
    before = model.state_dict()
    model.parameters()[0].grad = old = np.ones((2, 3))
    check_gradients(model, criterion, x, y)
    check_layer(model, x)
    assert model.parameters()[0].grad is old
    assert all(np.array_equal(before[k], v) for k, v in model.state_dict().items())
    model.backward(gradient)  # the forward is still there


def test_float32_is_checked_in_float64_and_says_so():
    model = Sequential(Linear(3, 2, dtype=np.float32))
    report = check_gradients(model, MSELoss(), batch(4, 3), batch(4, 2))
    assert report.ok
    assert "float32 parameters were checked in a float64 copy" in str(report)
    assert max(row.relative_error for row in report.rows) < 1e-8
    assert model[0].weight.data.dtype == np.float32
    again = check_gradients(
        Sequential(Linear(3, 2)), MSELoss(), batch(4, 3), [[1, 2]] * 4
    )
    assert "float32" not in str(again)


def test_a_deep_net_of_sigmoids_is_measured_though_its_gradient_vanishes():
    rng = np.random.default_rng(0)
    layers = [f for _ in range(12) for f in (Linear(4, 4, rng=rng), Sigmoid())]
    report = check_gradients(Sequential(*layers), MSELoss(), batch(5, 4), batch(5, 4))
    first = next(row for row in report.rows if row.name == "0.weight")
    assert report.ok
    assert 0 < first.numerical < 1e-7
    assert first.relative_error < 1e-6

    class Halved(Linear):
        def backward(self, grad_output, *, needs_input_grad=True):
            return super().backward(grad_output / 2)

    layers[0] = Halved(4, 4, rng=rng)
    report = check_gradients(Sequential(*layers), MSELoss(), batch(5, 4), batch(5, 4))
    assert verdicts(report)["0.weight"] == "factor 1/2"


def test_a_kink_is_no_mistake():
    x = np.array([[0.0, 1.0, -1.0], [0.0, 2.0, 3.0]])
    report = right_but(check_layer(ReLU(), x), x="right but for a kink")
    assert "2 of 6 entries sit at a kink" in str(report)
    model = Sequential(Linear(2, 3), ReLU(), Linear(3, 1))
    model[0].bias.data[...] = 0
    x = np.array([[0.0, 0.0], [1.0, 2.0]])
    report = check_gradients(model, MSELoss(), x, [[1.0], [2.0]])
    assert report.ok
    assert verdicts(report)["1.x"] == "right but for a kink"


def test_a_relu_of_slope_1_at_0_is_none_either():
    class Closed(ReLU):
        def backward(self, grad_output, *, needs_input_grad=True):
            return grad_output * (self._y >= 0) * (self.x >= 0)

        def forward(self, x):
            self.x = x
            return super().forward(x)

    assert check_layer(Closed(), np.array([[0.0, 1.0, -1.0]])).ok


def test_a_mistake_beside_which_there_is_nothing_is_no_kink():
    class Log(Layer):
        def forward(self, x):
            self.x = x
            return np.log(x)

        def backward(self, grad_output, *, needs_input_grad=True):
            return 2 * grad_output / self.x

    report = check_layer(Log(), np.array([[1e-5, 2e-5, 1.0], [3e-5, 1e-5, 1e-5]]))
    assert verdicts(report) == {"x": "factor 2"}


def test_predictions_at_the_edge_of_what_the_loss_takes():
    identity, x = Sequential(Identity()), np.array([[0.0, 0.5], [1.0, 0.25]])
    report = check_gradients(identity, BCELoss(), x, np.ones((2, 2)))
    assert report.ok
    assert verdicts(report)["prediction"] == "right up to the edge"
    assert "2 of 4 entries could not be moved" in str(report)
    report = check_gradients(identity, BCELoss(), x[:, :1], np.ones((2, 1)))
    assert not report.ok
    assert verdicts(report)["prediction"] == "not measured"


# --------------------------------------------------------- what a layer gets wrong


def linear(backward, n=3, m=4, **more):
    """Return a Linear whose backward is given, as f(x, W, g) -> dW, db, dx."""

    class Wrong(Linear):
        def backward(self, grad_output, *, needs_input_grad=True):
            dw, db, dx = backward(self._x, self.weight.data, grad_output)
            self.weight.add_grad(dw)
            self.bias.add_grad(db)
            return dx

    return Wrong(n, m, rng=0, **more)


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
            "what a grad_output of ones would give",
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


def test_one_wrong_entry_of_many_is_found():
    def backward(x, w, g):
        dw = g.T @ x
        dw[61, 37] += 0.1
        return dw, g.sum(0), g @ w

    row = check_layer(linear(backward, 90, 80), batch(5, 90)).rows[0]
    assert row.verdict == "differs"
    assert "at [61, 37]" in row.sentence
    assert row.measured.endswith(" of 7200")
    assert 40 < int(row.measured.split()[0]) <= 51


def test_large_arrays_are_sampled_and_the_report_says_how_many():
    report = check_layer(Linear(20, 10), batch(3, 20))
    counts = {row.name: row.measured for row in report.rows}
    assert counts["bias"] == "all 10"
    assert counts["x"] == "all 60"
    assert re.fullmatch(r"(4\d|50) of 200", counts["weight"])
    assert "40 at random, the 10 with the largest gradient and 3 random" in on_one_line(
        report
    )
    assert "3 random" not in str(check_layer(Linear(2, 2), batch(3, 2)))


class Broken(Linear):
    """A Linear of which one thing is wrong at a time."""

    def __init__(self, fault):
        super().__init__(3, 4, rng=0)
        self.fault, self.total = fault, 0

    def forward(self, x):
        y = super().forward(x)
        if self.fault == "random":
            y = y * np.random.default_rng().random()
        if self.fault == "x":
            x *= 2
        return None if self.fault == "returns" else y

    def backward(self, grad_output, *, needs_input_grad=True):
        x, w, g = self._x, self.weight.data, grad_output
        if self.fault == "missing":
            return g @ w
        if self.fault == "asked" and not needs_input_grad:
            return None
        if self.fault == "twice":
            self.total = self.total + g.sum(0)
            self.bias.grad = self.total
        elif self.fault == "replaced":
            self.bias.grad = g.sum(0)
        else:
            self.bias.add_grad(g.sum(0))
        self.weight.add_grad(g.T @ x)
        dx = g @ (w.T if self.fault == "product" else w)
        if self.fault == "grad_output":
            g *= 2
        return dx


@pytest.mark.parametrize(
    ("fault", "wrong"),
    [
        ("none", {}),
        ("missing", {"weight": "missing", "bias": "missing"}),
        ("twice", {"bias": "added up over two backwards"}),
        ("replaced", {"bias": "replaced"}),
        (
            "asked",
            {"weight": "lost without grad_input", "bias": "lost without grad_input"},
        ),
    ],
)
def test_mistakes_that_a_second_backward_shows(fault, wrong):
    right_but(check_layer(Broken(fault), batch(5, 3)), **wrong)


def test_a_sum_that_was_begun_before_the_check():
    layer = Broken("twice")
    layer.forward(batch(5, 3))
    layer.backward(batch(5, 4))
    report = check_layer(layer, batch(5, 3))
    right_but(report, bias="added up over two backwards")


@pytest.mark.parametrize(
    ("fault", "sentence", "rows"),
    [
        ("grad_output", "backward writes into grad_output", ["right"] * 3),
        ("x", "forward writes into x", ["factor 2", "right", "right"]),
        ("random", "forward gives two outputs for one input", []),
    ],
)
def test_faults_besides_the_gradients(fault, sentence, rows):
    report = check_layer(Broken(fault), batch(5, 3))
    assert not report.ok
    assert f"Broken: {sentence}" in on_one_line(report)
    assert list(verdicts(report).values()) == rows
    net = Sequential(Linear(2, 3), Broken(fault))
    report = check_gradients(net, MSELoss(), batch(5, 2), batch(5, 4))
    assert f"layer 1 (Broken): {sentence}" in on_one_line(report)
    assert "all of these" not in verdicts(report)


def test_a_gradient_that_is_added_in_place_is_right():
    class InPlace(Linear):
        def backward(self, grad_output, *, needs_input_grad=True):
            if self.bias.grad is None:
                self.bias.grad = np.zeros(self.out_features)
            self.bias.grad += grad_output.sum(axis=0)
            self.weight.add_grad(grad_output.T @ self._x)
            return grad_output @ self.weight.data

    right_but(check_layer(InPlace(3, 4), batch(5, 3)))


def test_a_backward_that_writes_into_what_forward_returned():
    class Worn(Sigmoid):
        def backward(self, grad_output, *, needs_input_grad=True):
            self._y *= 1 - self._y
            return grad_output * self._y

    report = check_layer(Worn(), batch(5, 3))
    assert "backward writes into the y that forward has handed out" in on_one_line(
        report
    )


def test_an_error_in_a_backward_comes_with_the_shapes():
    with pytest.raises(ValueError, match="mismatch") as caught:
        check_layer(Broken("product"), batch(5, 3))
    assert caught.value.__notes__ == [
        "in backward of Broken: grad_output (5, 4), weight (4, 3), bias (4,), x (5, 3)"
    ]


def test_a_forward_that_returns_nothing():
    with pytest.raises(
        TypeError, match=r"Broken\.forward: expected a result, got None"
    ):
        check_layer(Broken("returns"), batch(5, 3))


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
    class Tanh(Layer):
        def forward(self, x):
            self.x = x
            return np.tanh(x)

        def backward(self, grad_output, *, needs_input_grad=True):
            return grad_output * (1 - self.x**2)

    report = check_layer(Tanh(), batch(5, 3))
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
    assert "from the way on which x goes around to y" in on_one_line(report)


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
        (lambda n, k: 2, "factor 2", "a 2 is too many"),
        (lambda n, k: 1 / 2, "factor 1/2", "the 2 is missing"),
        (lambda n, k: n, "factor N", "the mean over the batch is missing"),
        (lambda n, k: 1 / n, "factor 1/N", "takes a mean over the batch that"),
        (lambda n, k: k, "factor K", "the mean over the columns is missing"),
        (lambda n, k: 1 / k, "factor 1/K", "takes a mean over the columns that"),
        (lambda n, k: n * k, "factor N·K", "the mean over all entries is missing"),
        (lambda n, k: 1 / (n * k), "factor 1/(N·K)", "mean over all entries that"),
        (
            lambda n, k: n * k / 2,
            "factor N·K/2",
            "missing, which forward takes; and the 2",
        ),
        (lambda n, k: -2 / n, "factor −2/N", "the sign is turned around"),
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


def test_a_loss_that_broadcasts():
    class Broadcast(Loss):
        def forward(self, prediction, target):
            self.difference = prediction - target
            return float(np.mean(self.difference**2))

        def backward(self):
            return 2 * self.difference / self.difference.size

    report = check_gradients(Linear(3, 1), Broadcast(), batch(5, 3), batch(5))
    right_but(report, prediction="wrong shape")
    assert "did (N, 1) − (N,) broadcast to (N, N)?" in on_one_line(report)


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


@pytest.mark.parametrize(
    ("what", "sentence"),
    [
        ("prediction", "it writes into the prediction"),
        ("target", "it writes into the target"),
        ("total", "forward gives two outputs for one input"),
    ],
)
def test_faults_of_a_loss_besides_its_gradient(what, sentence):
    class Faulty(MSELoss):
        total = 0.0

        def forward(self, prediction, target):
            value = super().forward(prediction, target)
            if what == "prediction":
                prediction -= target
            if what == "target":
                target -= 1
            if what == "total":
                self.total = value = self.total + value
            return value

    report = check_gradients(Linear(3, 2), Faulty(), batch(5, 3), batch(5, 2))
    assert not report.ok
    assert f"Faulty: {sentence}" in on_one_line(report)


def test_a_loss_that_returns_no_number():
    class Entries(MSELoss):
        def forward(self, prediction, target):
            super().forward(prediction, target)
            return prediction - target

    with pytest.raises(
        TypeError, match=r"Entries.forward: expected one number, got an"
    ):
        check_gradients(Linear(3, 2), Entries(), batch(5, 3), batch(5, 2))


# -------------------------------------------------------------- the whole, and nets


def test_the_mistake_is_named_where_it_is_made_and_nowhere_else():
    model = Sequential(
        Linear(3, 4, rng=0),
        ReLU(),
        Sequential(linear(lambda x, w, g: (g.T @ x, g.sum(0), -g @ w), 4, 4)),
        Sigmoid(),
    )
    report = check_gradients(model, BCELoss(), batch(5, 3), np.ones((5, 4)))
    right_but(report, **{"2.0.x": "sign", "all of these": "see above"})
    assert [row.name for row in report.rows] == [
        "prediction",
        "3.x",
        "2.0.weight",
        "2.0.bias",
        "2.0.x",
        "1.x",
        "0.weight",
        "0.bias",
        "x",
        "all of these",
    ]
    assert report.rows[-1].shape == (12 + 4 + 16 + 4 + 15,)


def test_a_loss_without_a_slope_hides_no_mistake():
    """A perfect prediction, or a gradient that is NaN: another g goes down."""
    wrong = linear(lambda x, w, g: (2 * g.T @ x, g.sum(0), g @ w))
    x = batch(5, 3)
    report = check_gradients(wrong, MSELoss(), x, wrong.forward(x))
    assert verdicts(report)["weight"] == "factor 2"

    class NotANumber(MSELoss):
        def backward(self):
            return super().backward() * np.nan

    report = check_gradients(wrong, NotANumber(), x, batch(5, 4))
    assert verdicts(report)["prediction"] == "not finite"
    assert verdicts(report)["weight"] == "factor 2"


def test_after_a_step_of_training():
    model, criterion = Linear(3, 2), MSELoss()
    optimizer = SGD(model.parameters(), lr=0.1)
    train_step(model, criterion, optimizer, batch(5, 3), batch(5, 2))
    assert check_gradients(model, criterion, batch(5, 3), batch(5, 2)).ok


def test_a_container_of_ones_own_is_measured_as_one():
    class Forgetful(Sequential):
        def backward(self, grad_output, *, needs_input_grad=True):
            return self[0].backward(grad_output)

    model = Forgetful(Linear(3, 3, rng=0), Sigmoid())
    assert verdicts(check_layer(model, batch(5, 3)))["0.weight"] == "differs"
    assert check_layer(Sequential(Linear(3, 3), Sigmoid()), batch(5, 3)).ok


def test_layers_that_share_a_memory_are_wrong_together():
    class Noted(Identity):
        notes = {}

        def forward(self, x):
            self.notes["x"] = x
            return np.square(x)

        def backward(self, grad_output, *, needs_input_grad=True):
            return 2 * self.notes["x"] * grad_output

    model = Sequential(Noted(), Noted())
    report = check_gradients(model, MSELoss(), batch(5, 3), batch(5, 3))
    right_but(report, **{"all of these": "differs"})
    assert "each layer is right by itself" in on_one_line(report)


def test_a_parameter_used_twice():
    first, second = Linear(3, 3, rng=0), Linear(3, 3, rng=1)
    second.weight = first.weight
    model = Sequential(first, Sigmoid(), second)
    assert check_gradients(model, MSELoss(), batch(5, 3), batch(5, 3)).ok


def test_parameters_that_only_the_method_knows():
    kept = []

    class Hidden(Layer):
        def __init__(self):
            self.number = len(kept)
            kept.append(Parameter([2.0]))

        def parameters(self):
            return [kept[self.number]]

        def __deepcopy__(self, memo):
            return Hidden()

        def forward(self, x):
            self.x = x
            return x * kept[self.number].data

        def backward(self, grad_output, *, needs_input_grad=True):
            kept[self.number].add_grad([np.sum(grad_output * self.x)])
            return grad_output * kept[self.number].data

    report = check_layer(Hidden(), batch(5, 3))
    assert verdicts(report) == {"parameter 0": "right", "x": "right"}


def test_tolerance_decides_instead_of_the_estimate():
    def backward(x, w, g):
        return 1.001 * g.T @ x, g.sum(0), g @ w

    layer, x = linear(backward), batch(5, 3)
    assert verdicts(check_layer(layer, x))["weight"] == "factor 1.001"
    assert check_layer(layer, x, tolerance=0.01).ok
    assert not check_layer(layer, x, tolerance=1e-4).ok
    assert not check_layer(Sigmoid(), x, tolerance=1e-17).ok
    assert not check_gradients(
        Linear(3, 1), MSELoss(), x, batch(5, 1), tolerance=1e-17
    ).ok


def test_the_report_reads_well():
    model = Sequential(Linear(3, 2, rng=0))
    report = check_gradients(model, MSELoss(), batch(5, 3), batch(5, 2))
    assert (
        repr(report) == "GradientReport(ok=True, Sequential with MSELoss: 5 gradients)"
    )
    lines = str(report).splitlines()
    assert lines[0] == "Gradients of Sequential with MSELoss"
    assert lines[3].split()[:2] == ["parameter", "shape"]
    assert lines[5].split()[0] == "prediction"
    assert max(map(len, lines)) <= 100
    assert report.raise_if_wrong() is None
    assert str(check_layer(model, batch(5, 3), rng=1)) != str(
        check_layer(model, batch(5, 3), rng=2)
    )
    assert str(check_layer(model, batch(5, 3))) == str(check_layer(model, batch(5, 3)))


def test_what_cannot_be_checked_is_refused():
    model, x, y = Linear(3, 2), batch(5, 3), batch(5, 2)
    with pytest.raises(
        TypeError, match="check_gradients: expected model to be of Layer"
    ):
        check_gradients(MSELoss(), model, x, y)
    with pytest.raises(TypeError, match="expected criterion to be of Loss"):
        check_gradients(model, SGD, x, y)
    with pytest.raises(TypeError, match="check_layer: expected layer to be of Layer"):
        check_layer(Linear, x)
    with pytest.raises(
        ValueError, match="check_layer: expected x to be finite, got 1 of"
    ):
        check_layer(Sigmoid(), [1.0, np.nan])
    with pytest.raises(ValueError, match=r"some entries, got shape \(0, 3\)"):
        check_gradients(model, MSELoss(), x[:0], y[:0])
    with pytest.raises(ValueError, match=r"expected tolerance above 0"):
        check_layer(model, x, tolerance=0)
    with pytest.raises(TypeError, match="expected rng to be an int"):
        check_layer(model, x, rng="one")
    with pytest.raises(
        ValueError, match=r"Linear.forward: expected x of shape \(N, 3\)"
    ):
        check_gradients(model, MSELoss(), batch(5, 4), y)
    with pytest.raises(ValueError, match=r"one shape, got \(5, 2\) and \(5,\)"):
        check_gradients(model, MSELoss(), x, batch(5))


def test_a_whole_that_jumps_at_the_edge_of_the_loss_is_not_called_wrong():
    model = Sequential(Linear(1, 1, bias=False), Sigmoid())
    model[0].weight.data[...] = 36.7  # σ is 1 − 10⁻¹⁶ there, and 1 a little above
    x, y = [[1.0], [0.01], [-0.02]], [[0.0], [1.0], [0.0]]
    report = check_gradients(model, BCELoss(), x, y)
    assert report.ok
    assert verdicts(report)["all of these"] == "right up to the edge"


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
        (lambda x, y: np.where(x < 0, 2, 1) * (1 - y**2), "what it is taken by is < 0"),
        (lambda x, y: np.where(x > 0, 2, 1) * (1 - y**2), "what it is taken by is > 0"),
    ],
)
def test_a_tanh_with_the_slope_of_something_else(slope, sentence):
    class Tanh(Layer):
        def forward(self, x):
            self.x, self.y = x, np.tanh(x)
            return self.y

        def backward(self, grad_output, *, needs_input_grad=True):
            return grad_output * slope(self.x, self.y)

    report = check_layer(Tanh(), batch(5, 3))
    assert not report.ok
    assert sentence in on_one_line(report)


def test_a_sigmoid_with_the_slope_of_a_tanh():
    class Wrong(Sigmoid):
        def backward(self, grad_output, *, needs_input_grad=True):
            return grad_output * (1 - self._y**2)

    assert "the derivative of a tanh" in str(check_layer(Wrong(), batch(5, 3)))


def test_nan_in_y_or_from_a_forward_is_said_to_be_that():
    y = batch(5, 2)
    y[3, 1] = np.nan
    with pytest.raises(ValueError, match=r"expected y to be finite, got 1 of 10"):
        check_gradients(Linear(3, 2), MSELoss(), batch(5, 3), y)

    class Overflowing(Layer):
        def forward(self, x):
            with np.errstate(all="ignore"):
                self.y = np.sinh(x) / np.cosh(x)
            return self.y

        def backward(self, grad_output, *, needs_input_grad=True):
            return grad_output * (1 - self.y**2)

    report = check_layer(Overflowing(), np.array([[1.0, 1000.0], [2.0, 0.5]]))
    assert not report.ok
    assert "forward gives NaN or infinity in 1 of the 4 entries" in on_one_line(report)


def test_a_slope_as_small_as_what_differences_may_be_off():
    report = check_layer(Sigmoid(), np.full((2, 2), 37.0))
    assert verdicts(report) == {"x": "too flat to tell"}
    assert report.ok


# ------------------------------------------- right layers, and how they are written


def layer_of(f, backward):
    """Return a layer of its own f(x), whose backward is given as backward(x, y, g)."""

    class Own(Layer):
        def forward(self, x):
            self.x, self.y = x, f(x)
            return self.y

        def backward(self, grad_output):
            return backward(self.x, self.y, grad_output)

    return Own()


def single(x):
    return x.astype(np.float32)


@pytest.mark.parametrize("shape", [(5, 3), (40, 30)])
@pytest.mark.parametrize(
    ("f", "backward"),
    [
        (lambda x: np.tanh(single(x)), lambda x, y, g: g * (1 - y**2)),
        (lambda x: np.tanh(single(x)).astype(float), lambda x, y, g: g * (1 - y**2)),
        (lambda x: (single(x) * single(x)).astype(float), lambda x, y, g: 2 * g * x),
        (lambda x: x + np.tanh(single(x)), lambda x, y, g: g * (2 - (y - x) ** 2)),
        (np.tanh, lambda x, y, g: single(g) * (1 - y**2)),
    ],
)
def test_float32_inside_is_no_mistake(f, backward, shape):
    assert verdicts(check_layer(layer_of(f, backward), batch(*shape))) == {"x": "right"}
    halved = layer_of(f, lambda x, y, g: backward(x, y, g) / 2)
    assert verdicts(check_layer(halved, batch(*shape))) == {"x": "factor 1/2"}


def test_a_layer_that_returns_one_array_again_and_again():
    class Buffered(Layer):
        def forward(self, x):
            if not hasattr(self, "y") or self.y.shape != x.shape:
                self.y = np.empty_like(x)
            return np.tanh(x, out=self.y)

        def backward(self, grad_output):
            return grad_output * (1 - self.y**2)

    right_but(check_layer(Buffered(), batch(5, 3)))
    net = Sequential(Linear(3, 4), Buffered(), Linear(4, 2))
    right_but(check_gradients(net, MSELoss(), batch(5, 3), batch(5, 2)))


@pytest.mark.parametrize("size", [1e-6, 1.0, 1e3, 1e6])
def test_a_sine_far_from_0(size):
    sine = layer_of(np.sin, lambda x, y, g: g * np.cos(x))
    right_but(check_layer(sine, size * (1 + batch(5, 3))))
    turned = layer_of(np.sin, lambda x, y, g: -g * np.cos(x))
    assert verdicts(check_layer(turned, size * (1 + batch(5, 3)))) == {"x": "sign"}


@pytest.mark.parametrize("logit", [-50, -30, -28, 36])
@pytest.mark.parametrize("label", [0.0, 1.0])
@pytest.mark.parametrize("rows", [1, 4])
def test_where_bceloss_is_bounded_its_gradient_is_not_judged(logit, label, rows):
    model = Sequential(Linear(1, 1, bias=False), Sigmoid())
    model[0].weight.data[...] = logit
    x = np.array([[1.0], [0.01], [-0.02], [0.03]])[:rows]
    report = check_gradients(model, BCELoss(), x, np.full((rows, 1), label))
    assert report.ok
    assert verdicts(report)["prediction"] == "right up to the edge"

    class Halved(BCELoss):
        def backward(self):
            return super().backward() / 2

    report = check_gradients(model, Halved(), x, np.full((rows, 1), label))
    assert (verdicts(report)["prediction"] == "factor 1/2") == (rows > 1)


@pytest.mark.parametrize("c", [1 + 1e-5, 1 - 1e-5, 1 + 3.2e-6, 1.0002])
def test_a_factor_near_1_is_a_number_with_enough_digits(c):
    row = check_layer(
        layer_of(np.tanh, lambda x, y, g: c * g * (1 - y**2)), batch(5, 3)
    ).rows[0]
    number = float(row.verdict.removeprefix("factor "))
    assert number - 1 == pytest.approx(c - 1, rel=0.05)
    assert f"it is {number:.10g} times what it should be" in row.sentence
    known = float(row.sentence.rpartition("within ")[2])
    assert known < abs(c - 1)


def test_what_the_numbers_do_not_tell_gets_no_name():
    """A slope of 1 beside 10¹⁰, where differences know it to a few units."""
    noisy = layer_of(lambda x: single(1e5 + x), lambda x, y, g: 300 * g)
    row = check_layer(noisy, batch(5, 3)).rows[0]
    assert row.verdict in ("differs", "too flat to tell")
    assert "±" in row.sentence or row.ok


# ------------------------------------------------------------------ kinks


@pytest.mark.parametrize(
    ("f", "slope", "ok"),
    [
        (np.abs, np.sign, True),
        (np.abs, lambda x: np.where(x >= 0, 1, -1), True),
        (np.abs, lambda x: np.where(x == 0, 1.5, np.sign(x)), False),
        (lambda x: np.maximum(x, 0), lambda x: np.where(x == 0, 0.5, x > 0), True),
        (lambda x: np.maximum(x, 0), lambda x: np.where(x == 0, -0.1, x > 0), False),
        (lambda x: np.maximum(x, 0), lambda x: np.where(x == 0, 1.1, x > 0), False),
        (lambda x: np.maximum(x, 0.1 * x), lambda x: np.where(x > 0, 1, 0.1), True),
        (lambda x: 2 * x, lambda x: 2 * (x != 0), False),
        (lambda x: 2 * x, lambda x: 2 * (np.abs(x) > 1e-4), False),
        (lambda x: 2 * x, lambda x: np.where(x == 0, 3, 2), False),
        (np.exp, lambda x: np.exp(x) * (x != 0), False),
    ],
)
def test_a_kink_is_where_the_slopes_differ_and_what_is_given_lies_between(f, slope, ok):
    layer = layer_of(f, lambda x, y, g: g * slope(x))
    x = np.array([[0.0, 1.0, -1.0], [2.0, 1e-5, 3.0], [0.0, -2.0, 0.5]])
    assert check_layer(layer, x).ok == ok


def test_a_kink_that_is_a_tie():
    class Largest(Layer):
        def forward(self, x):
            self.is_largest = x == x.max(axis=1, keepdims=True)
            return x.max(axis=1, keepdims=True)

        def backward(self, grad_output):
            is_first = np.cumsum(self.is_largest, axis=1) == 1
            return grad_output * (self.is_largest & is_first)

    x = np.array([[3.0, 3.0, 1.0], [0.0, 2.0, -1.0]])
    right_but(check_layer(Largest(), x), x="right but for a kink")


def test_a_kink_hides_no_mistake_elsewhere():
    layer = layer_of(
        lambda x: np.maximum(x, 0), lambda x, y, g: g * (x > 0) * (1 + (x > 2))
    )
    assert not check_layer(layer, np.array([[0.0, 1.0, -1.0], [0.0, 2.5, 1.5]])).ok


@pytest.mark.parametrize("x", [1e-12, -1e-12, 1e-6, -1e-6, 2e-4, -2e-4])
def test_a_place_near_a_kink(x):
    assert check_layer(ReLU(), np.array([[x]])).ok
    assert check_layer(ReLU(), np.array([[x, 1.0], [-1.0, 2.0]])).ok


# --------------------------------------------- batches that a layer does not take


def test_a_loss_with_a_weight_for_each_row():
    weights = np.arange(1.0, 6.0)[:, np.newaxis]

    class Weighted(Loss):
        def forward(self, prediction, target):
            self.difference = prediction - target
            return float(np.sum(weights * self.difference**2))

        def backward(self):
            return weights * self.difference

    report = check_gradients(Linear(3, 2), Weighted(), batch(5, 3), batch(5, 2))
    assert verdicts(report)["prediction"] == "factor 1/2"


@pytest.mark.parametrize("error", [AssertionError, RuntimeError, IndexError, None])
def test_a_layer_for_batches_of_one_size(error):
    mask = (batch(5, 3) > 0).astype(float)

    def f(x):
        if error and len(x) != 5:
            raise error("five rows")
        return mask * x**2

    for c, verdict in ((1, "factor 1/2"), (2, "right"), (2 / 5, "factor 1/N")):
        layer = layer_of(f, lambda x, y, g, c=c: c * g * mask * x)
        assert verdicts(check_layer(layer, batch(5, 3))) == {"x": verdict}


@pytest.mark.parametrize("error", [AssertionError, RuntimeError])
def test_an_error_of_a_loss_says_where_it_came_from(error):
    class Own(MSELoss):
        def forward(self, prediction, target):
            if np.any((prediction < 0) | (prediction > 1)):
                raise error("no probability")
            return super().forward(prediction, target)

    model = Sequential(Linear(1, 1, bias=False), Sigmoid())
    model[0].weight.data[...] = 40
    with pytest.raises(error, match="no probability") as caught:
        check_gradients(model, Own(), [[1.0], [0.01]], [[0.0], [1.0]])
    assert caught.value.__notes__[0] == "in forward of Own: prediction (2, 1)"
    assert "an input was moved by" in caught.value.__notes__[1]


# -------------------------------------------------- a second point, and another g


class Copying(Linear):
    """A Linear in which something is kept that should not be, by its name."""

    def __init__(self, kept):
        super().__init__(3, 4, rng=0)
        self.kept, self.first = kept, None
        self.held = self.weight.data  # the array itself: it follows
        self.copied = self.weight.data.copy()

    def forward(self, x):
        if self.first is None:
            self.first = x, self.weight.data.T.copy()
        self.x = self.first[0] if self.kept == "x" else x
        w = self.copied if self.kept in ("forward", "both") else self.held
        return x @ (self.first[1] if self.kept == "first" else w.T) + self.bias.data

    def backward(self, grad_output):
        self.weight.add_grad(grad_output.T @ self.x)
        self.bias.add_grad(grad_output.sum(axis=0))
        w = self.copied if self.kept in ("backward", "both") else self.held
        return grad_output @ w


@pytest.mark.parametrize(
    ("kept", "wrong", "sentence"),
    [
        ("nothing", {}, ""),
        ("backward", {"x": "stale copy"}, "wrong once the parameters have changed"),
        ("x", {"weight": "stale copy"}, "wrong for another x"),
        (
            "forward",
            {"weight": "stale copy", "x": "stale copy"},
            "forward does not follow it",
        ),
        ("both", {"weight": "stale copy"}, "forward does not follow it"),
        (
            "first",
            {"weight": "stale copy", "x": "stale copy"},
            "forward does not follow it",
        ),
    ],
)
def test_a_copy_that_does_not_follow(kept, wrong, sentence):
    layer = Copying(kept)
    report = right_but(check_layer(layer, batch(5, 3)), **wrong)
    assert sentence in on_one_line(report)
    net = Sequential(Linear(2, 3), layer, Sigmoid())
    assert check_gradients(net, BCELoss(), batch(5, 2), np.ones((5, 4))).ok == report.ok


@pytest.mark.parametrize(
    ("h", "verdict"),
    [
        (lambda g: np.clip(g, -4, 4), "not linear"),
        (lambda g: np.clip(g, -1e5, 1e5), "not linear"),
        (lambda g: np.maximum(g, -50), "not linear"),
        (lambda g: g * (np.abs(g) > 1e-5), "not linear"),
        (lambda g: g * min(1, 100 / np.linalg.norm(g)), "not linear"),
        (lambda g: g.astype(np.float32), "right"),
    ],
)
def test_a_backward_is_linear_in_grad_output(h, verdict):
    layer = layer_of(np.tanh, lambda x, y, g: h(g) * (1 - y**2))
    assert verdicts(check_layer(layer, batch(5, 3))) == {"x": verdict}
    net = Sequential(Linear(3, 3, rng=0), layer)
    report = check_gradients(net, MSELoss(), batch(5, 3), batch(5, 3))
    assert verdicts(report)["1.x"] == verdict


def test_a_backward_adds_up_over_two_grad_outputs():
    """Of degree 1, right for each sign of g that was tried, and not a sum."""
    first = []

    def sorted_by(x, y, g):
        first.append(np.sign(g[0, 0]) * np.sign(g))
        return (
            g * (1 - y**2) * np.where(first[0] == np.sign(g[0, 0]) * np.sign(g), 1, 2)
        )

    report = check_layer(layer_of(np.tanh, sorted_by), batch(5, 3))
    assert verdicts(report) == {"x": "not linear"}
    assert "backward(g + h) is not backward(g) + backward(h)" in on_one_line(report)
