"""check_gradients and check_layer: what is right is right, and nets are whole."""

import numpy as np
import pytest
from hypothesis import given, settings
from oracles import frozen, on_one_line, random_net, seeds
from reports import batch, linear, right_but, verdicts
from small import Own

from mlp import (
    SGD,
    BCELoss,
    BCEWithLogitsLoss,
    CrossEntropyLoss,
    Identity,
    Layer,
    Linear,
    MSELoss,
    Parameter,
    ReLU,
    Sequential,
    Sigmoid,
    check_gradients,
    check_layer,
    train_step,
)

# ------------------------------------------------------------ what is right


@settings(max_examples=50)
@given(seeds)
def test_the_librarys_own_nets_are_right(seed):
    rng = np.random.default_rng(seed)
    dtype = (np.float32, np.float64)[rng.integers(2)]
    widths = [int(n) for n in rng.integers(1, 4, rng.integers(2, 5))]
    model = random_net(rng, widths, dtype=dtype)
    n, reduction = int(rng.integers(1, 5)), ("mean", "sum", "batchmean")[seed % 3]
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


# ------------------------------------------- right layers, and how they are written


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
    assert verdicts(check_layer(Own(f, backward), batch(*shape))) == {"x": "right"}
    halved = Own(f, lambda x, y, g: backward(x, y, g) / 2)
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
    sine = Own(np.sin, lambda x, y, g: g * np.cos(x))
    right_but(check_layer(sine, size * (1 + batch(5, 3))))
    turned = Own(np.sin, lambda x, y, g: -g * np.cos(x))
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
        Own(np.tanh, lambda x, y, g: c * g * (1 - y**2)), batch(5, 3)
    ).rows[0]
    number = float(row.verdict.removeprefix("factor "))
    assert number - 1 == pytest.approx(c - 1, rel=0.05)
    assert f"it is {number:.10g} times what it should be" in row.sentence
    known = float(row.sentence.rpartition("within ")[2])
    assert known < abs(c - 1)


def test_what_the_numbers_do_not_tell_gets_no_name():
    """A slope of 1 beside 10¹⁰, where differences know it to a few units."""
    noisy = Own(lambda x: single(1e5 + x), lambda x, y, g: 300 * g)
    row = check_layer(noisy, batch(5, 3)).rows[0]
    assert row.verdict in ("differs", "too flat to tell")
    assert "±" in row.sentence or row.ok


@pytest.mark.parametrize("size", [1.0, 1e3, 1e6, 1e30])
def test_losses_of_logits_with_labels_and_rows(size):
    z, labels = size * batch(5, 3), np.arange(5) % 3
    for loss, y in (
        (CrossEntropyLoss(), labels),
        (CrossEntropyLoss("sum"), np.eye(3)[labels]),
        (BCEWithLogitsLoss(), np.eye(3)[labels]),
    ):
        report = check_gradients(Identity(), loss, z, y)
        assert report.ok, str(report)


def test_a_mean_that_a_loss_of_labels_forgets_is_named():
    class Summed(CrossEntropyLoss):
        def backward(self):
            gradient = super().backward()
            return len(gradient) * gradient

    report = check_gradients(Identity(), Summed(), batch(5, 3), np.arange(5) % 3)
    assert report.rows[0].verdict == "factor N"
