"""A layer or a loss by itself: what it gives, what is wrong with it, how it grows."""

import numpy as np
import pytest
from oracles import on_one_line
from reports import Broken, batch, verdicts
from small import Own
from strangers import Residual

from mlp import (
    BCELoss,
    Dropout,
    Linear,
    Loss,
    MSELoss,
    Parameter,
    ReLU,
    Sequential,
    Sigmoid,
    check_gradients,
    check_layer,
)
from mlp.checking.pieces import LayerPiece, LossPiece, leaves, move_away, outputs

X, G = batch(5, 3), batch(5, 4, seed=1)
RNG = np.random.default_rng(2)


def piece(layer, x=X, g=G, path=""):
    return LayerPiece(path, f"{path}x", layer, x, g)


def of_a_loss(criterion, shape=(5, 3)):
    return LossPiece(criterion, batch(*shape), batch(*shape, seed=1))


# ------------------------------------------------------------------ what it gives


def test_the_gradients_of_a_layer_have_the_names_that_they_have_in_the_net():
    layer = Linear(3, 4, rng=0)
    one, w = piece(layer, path="2.0."), layer.weight.data
    assert one.who == "layer 2.0 (Linear)"
    assert piece(layer).who == "Linear"
    right = {"2.0.weight": G.T @ X, "2.0.bias": G.sum(axis=0), "2.0.x": G @ w}
    assert list(one.inputs) == list(right)
    assert one.inputs["2.0.weight"] is w  # which a check moves
    assert one.inputs["2.0.x"] is X
    for _ in range(2):  # of an earlier backward, nothing stays
        given = one.gradients()
        assert list(given) == list(right)
        for name, gradient in right.items():
            np.testing.assert_allclose(given[name], gradient)
    twice = one.gradients(zeroed=False)
    np.testing.assert_allclose(twice["2.0.weight"], 2 * G.T @ X)
    assert one.gradients(needs_input_grad=False)["2.0.x"] is None
    np.testing.assert_allclose(one.run(), X @ w.T + layer.bias.data)


def test_parameters_that_have_no_name_are_numbered():
    class Hidden(Linear):
        def parameters(self):
            return [*super().parameters(), *more]

    more = [Parameter([1.0]), Parameter([2.0])]
    names = list(piece(Hidden(3, 4), path="1.").parameters())
    assert names == ["1.weight", "1.bias", "1.parameter 0", "1.parameter 1"]


def test_the_gradient_of_a_loss_is_that_by_the_prediction():
    one = of_a_loss(MSELoss())
    (gradient,) = one.gradients().values()
    difference = one.prediction - one.target
    np.testing.assert_allclose(gradient, 2 * difference / difference.size)
    assert one.run() == pytest.approx(np.mean(difference**2))
    assert (list(one.inputs), one.parameters()) == (["prediction"], {})
    assert one.grad_output == 1
    assert one.who == "MSELoss"


def test_what_writes_into_its_arguments_writes_into_copies():
    for fault in ("x", "grad_output"):
        one = piece(Broken(fault), X.copy(), G.copy())
        one.gradients()
        assert np.array_equal(one.x, X)
        assert np.array_equal(one.grad_output, G)


def test_another_grad_output_is_given_to_the_same_layer():
    one = piece(Linear(3, 4, rng=0))
    other = one.with_grad_output(3 * G)
    assert other.layer is one.layer
    assert one.grad_output is G
    np.testing.assert_allclose(other.gradients()["x"], 3 * one.gradients()["x"])


def test_a_forward_that_gives_no_numbers_is_refused():
    with pytest.raises(
        TypeError, match=r"Own\.forward: expected its result to hold re"
    ):
        piece(Own(lambda x: np.array(["a"]), None)).run()


# ----------------------------------------------------------------- how it is moved


def test_each_entry_is_moved_by_up_to_a_part_of_its_size():
    array = np.array([[3.0, -4.0, 0.0], [0.0, 0.0, 5.0]])
    sizes = np.where(array == 0, np.sqrt(np.mean(array**2)), abs(array))
    moved = array.copy()
    move_away([moved], RNG, by=0.1)
    away = abs(moved - array) / sizes
    assert np.all((0.05 <= away) & (away <= 0.1 + 1e-15))
    assert len({*np.sign(moved - array).flat}) == 2  # to both sides
    zeros = np.zeros(3)
    move_away([zeros], RNG)
    assert np.all((0.005 <= abs(zeros)) & (abs(zeros) <= 0.01))


@pytest.mark.parametrize("names", [(), ("x",), ("weight", "bias")])
def test_a_piece_elsewhere_is_a_copy_of_which_some_is_moved(names):
    layer = Linear(3, 4, rng=0)
    layer.wT = layer.weight.data.T
    one = piece(layer)
    before = {name: array.copy() for name, array in one.inputs.items()}
    near = one.moved_away(RNG, *names)
    for name, array in before.items():
        assert np.array_equal(one.inputs[name], array)
        is_moved = not np.array_equal(near.inputs[name], array)
        assert is_moved == (name in names or not names)
    assert np.shares_memory(near.layer.wT, near.layer.weight.data)


def test_forward_follows_what_it_reads_though_it_is_off_here():
    assert piece(Linear(3, 4, rng=0)).follows("weight", RNG)
    assert piece(ReLU(), np.full((5, 3), -1.0), X).follows("x", RNG)
    for number in (1.0, np.nan):
        constant = Own(lambda x, number=number: np.full(3, number), None)
        assert not piece(constant).follows("x", RNG)


# -------------------------------------------------------------- what is known of it


def test_near_0_and_1_the_gradient_of_bceloss_is_not_judged():
    class Own(BCELoss):
        pass

    prediction = np.array([0.0, 1e-13, 1e-11, 0.5, 1 - 1e-13, 1.0])
    for kind in (BCELoss, Own):
        judged = LossPiece(kind(), prediction, prediction).is_judged("prediction")
        assert judged.tolist() == [True, False, True, True, False, True]
    assert of_a_loss(MSELoss()).is_judged("prediction").all()
    assert piece(Linear(3, 4)).is_judged("weight").tolist() == [[True] * 3] * 4


def test_the_evidence_is_what_was_given_and_what_came_out():
    layer = Linear(3, 4, rng=0)
    one = piece(layer)
    for name, is_parameter in (("weight", True), ("x", False)):
        e = one.evidence(name, one.gradients()[name], None)
        assert e.analytic is not None
        assert e.at is one.inputs[name]
        assert e.grad_output is G
        np.testing.assert_allclose(e.output, layer.forward(X))
        weight, bias = e.parameters
        assert (weight is layer.weight.data, bias is layer.bias.data) == (True, True)
        assert (e.is_parameter, e.is_loss, e.draws) == (is_parameter, False, False)
    e = of_a_loss(MSELoss()).evidence("prediction", X, None)
    assert (e.parameters, e.is_parameter, e.is_loss, e.draws) == (
        [],
        False,
        True,
        False,
    )


def test_whether_forward_or_backward_draws():
    class Twice(Dropout):
        def backward(self, grad_output):
            return grad_output * self.rng.random(grad_output.shape)

    class Hidden(Dropout):
        def backward(self, grad_output):
            return grad_output * np.random.default_rng().random(grad_output.shape)

    class Silent(Dropout):
        def backward(self, grad_output):
            return None

    for layer, draws, redraws in (
        (Dropout(0.5, rng=0), True, False),
        (Dropout(0.5, rng=0).eval(), False, False),
        (Twice(0.5, rng=0), True, True),
        (Hidden(0.5, rng=0), True, True),
        (Silent(0.5, rng=0), True, False),
        (Twice(0.5, rng=0).eval(), False, True),
        (ReLU(), False, False),
        (Own(np.abs, lambda x, y, g: g * np.nan), False, False),
    ):
        one = piece(layer, X, X)
        assert (one.redraws(), one.draws()) == (redraws, draws), type(layer)
    loss = of_a_loss(MSELoss())
    assert (loss.draws(), loss.redraws()) == (False, False)


# --------------------------------------------------------------------- its faults


def faults(one):
    return [" ".join(fault.split()) for fault in one.faults()]


def test_what_is_right_has_no_faults():
    assert faults(piece(Linear(3, 4))) == faults(of_a_loss(MSELoss())) == []


def test_nan_is_the_same_as_nan():
    class Undefined(MSELoss):
        def forward(self, prediction, target):
            return super().forward(prediction, target) * np.nan

    assert faults(of_a_loss(Undefined())) == []
    half = Own(lambda x: np.where(x > 0, x, np.nan), lambda x, y, g: g)
    (fault,) = faults(piece(half, X, X))
    assert fault.startswith(
        f"Own: forward gives NaN or infinity in {np.sum(X <= 0)} of the 15 entries"
    )


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
        layer = Own(f, lambda x, y, g, c=c: c * g * mask * x)
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


# -------------------------------------------------------------------- how it grows


def growth(one, name):
    """Return the powers of N and K in analytic over numerical, and N and K."""
    powers, sizes = one.evidence(name, None, None).growth()
    return (powers["N"], powers["K"]), (sizes["N"], sizes["K"])


def rowwise(c, rows=None, size=1.0):
    """Return a layer whose gradient is c(N) times the right one; of so many rows."""

    def f(x):
        if rows and len(x) != rows:
            raise IndexError("another number of rows")
        return size * np.tanh(x)

    return Own(f, lambda x, y, g: c(len(x)) * g * size / np.cosh(x) ** 2)


@pytest.mark.parametrize(
    ("layer", "shape", "powers"),
    [
        (rowwise(lambda n: n), (5, 3), (1, 0)),
        (rowwise(lambda n: -1 / n), (5, 3), (-1, 0)),
        (rowwise(lambda n: 1 / n, size=1e14), (5, 3), (-1, 0)),
        (rowwise(lambda n: 5), (5, 3), (0, 0)),  # it stays 5 with twice the rows
        (rowwise(lambda n: 3 / n), (5, 3), (-1, 1)),  # 3 columns, which are not doubled
        (rowwise(lambda n: 2), (5, 2), (0, 0)),  # of 2 columns; any mistake may be 2
        (rowwise(lambda n: 5, rows=5), (5, 3), (1, 0)),  # 5 rows, which are not either
        (rowwise(lambda n: 1 / 3, rows=5), (5, 3), (0, -1)),
        (rowwise(lambda n: 9, rows=9), (9, 3), (1, 0)),
        (rowwise(lambda n: 3, rows=3), (3, 9), (1, 0)),
        (rowwise(lambda n: 4, rows=4), (4, 4), (0, 0)),  # rows or columns?
        (rowwise(lambda n: 7), (7,), (0, 0)),
        (rowwise(lambda n: n), (7,), (1, 0)),
    ],
)
def test_a_factor_of_a_layer_is_a_power_of_its_rows_or_columns(layer, shape, powers):
    sizes = (*shape, 1)[:2]
    assert growth(piece(layer, batch(*shape), batch(*shape)), "x") == (powers, sizes)


def test_a_number_has_one_row_and_one_column():
    double = Own(lambda x: 2 * x, lambda x, y, g: g)
    assert growth(piece(double, np.array(3.0), np.array(1.5)), "x") == ((0, 0), (1, 1))


@pytest.mark.parametrize("shape", [(5, 3), (4, 4), (6,)])
@pytest.mark.parametrize("powers", [(1, 0), (0, -1), (-1, -1), (0, 0)])
def test_a_factor_of_a_loss_is_seen_with_twice_the_rows_and_columns(powers, shape):
    class Wrong(MSELoss):
        def forward(self, prediction, target):
            n, k = self.sizes = (*prediction.shape, 1)[:2]
            return super().forward(prediction, target)

        def backward(self):
            return super().backward() * np.prod(
                np.power(self.sizes, 1.0 * np.array(powers))
            )

    expected = powers if len(shape) == 2 else (powers[0], 0)
    found = growth(of_a_loss(Wrong(), shape), "prediction")
    assert found == (expected, (*shape, 1)[:2])


def test_doubled_each_row_or_column_is_there_twice():
    layer = Linear(3, 4, rng=0)
    twice = piece(layer).doubled("N")
    np.testing.assert_allclose(twice.run(), np.tile(layer.forward(X), (2, 1)))
    np.testing.assert_allclose(twice.gradients()["bias"], 2 * G.sum(axis=0))
    with pytest.raises(ValueError, match="Linear: expected rows, N, to be doubled"):
        piece(layer).doubled("K")
    loss = of_a_loss(MSELoss("sum"))
    for letter, shape in (("N", (10, 3)), ("K", (5, 6))):
        twice = loss.doubled(letter)
        assert twice.prediction.shape == twice.target.shape == shape
        assert twice.run() == pytest.approx(2 * loss.run())
    with pytest.raises(ValueError, match="axis 1 is out of bounds"):
        of_a_loss(MSELoss(), (5,)).doubled("K")


# ----------------------------------------------------------- the pieces of a net


def test_the_leaves_of_a_net_and_what_goes_between_them():
    inner = Sequential(Sigmoid(), Linear(4, 4, rng=1))
    model = Sequential(Linear(3, 4, rng=0), inner, Residual(Linear(4, 4, rng=2)))
    layers = [model[0], *inner, model[2]]
    paths = ["0.", "1.0.", "1.1.", "2."]
    assert list(leaves(model)) == list(zip(paths, layers, strict=True))
    assert list(leaves(model[2])) == [("", model[2])]
    x, *between = outputs(model, X)
    assert x is X
    for n, y in enumerate(between):
        np.testing.assert_array_equal(y, Sequential(*layers[: n + 1]).forward(X))
    np.testing.assert_array_equal(between[-1], model.forward(X))


def test_between_two_layers_nothing_is_written_into_and_all_is_float64():
    model = Sequential(Own(lambda x: x.astype(np.float32), None), Broken("x"))
    _, middle, last = outputs(model, X)
    np.testing.assert_array_equal(middle, X.astype(np.float32))
    assert middle.dtype == last.dtype == np.float64
    with pytest.raises(
        TypeError, match=r"layer 0 \(Broken\)\.forward: expected a result"
    ):
        outputs(Sequential(Broken("returns")), X)
