"""The lines of forward, loss and backward, each worked out as it stands."""

import tracemalloc

import library
import numpy as np
import pytest
from derivations import LAYERS, LOSSES, OPTIMIZERS, assert_reads_back, made
from reading import read

from mlp import (
    SGD,
    BCELoss,
    BCEWithLogitsLoss,
    CrossEntropyLoss,
    Dropout,
    Identity,
    Layer,
    LayerNorm,
    Linear,
    MSELoss,
    Sequential,
    Sigmoid,
    Softmax,
    Tanh,
    trace,
    train_step,
)
from mlp.derivation import RULES, Apply, Vectorwise
from mlp.derivation.entries import AtLoss
from mlp.derivation.figures import figure


def test_labels_and_rows_have_one_trace():
    model = Linear(2, 3, rng=0)
    sgd = SGD(model.parameters(), 0.1)
    x = [[1.0, 2.0], [0.5, -1.0]]
    rows = trace(model, CrossEntropyLoss(), sgd, x, [[0, 0, 1], [1, 0, 0]])
    assert str(trace(model, CrossEntropyLoss(), sgd, x, [2, 0])) == str(rows)


def test_the_bounds_of_bce_are_shown():
    model = Sequential(Linear(1, 1, bias=False), Sigmoid())
    model[0].weight.data[...] = -1000.0
    optimizer = SGD(model.parameters(), lr=0.1)
    text = str(trace(model, BCELoss(), optimizer, [[1.0]], [[1.0]]))
    assert "ℓ = −(1 · max(log(0), −100) + (1 − 1) · log(1 − 0)) = 100" in text
    assert "max" not in str(trace(model, BCELoss(), optimizer, [[1e-3]], [[1.0]]))


def test_where_a_bound_of_bce_is_active_no_false_equation_is_shown():
    model = Sequential(Linear(1, 1, bias=False), Sigmoid())
    model[0].weight.data[...] = -1000.0
    optimizer = SGD(model.parameters(), lr=0.1)
    text = str(trace(model, BCELoss(), optimizer, [[1.0]], [[1.0]]))
    assert "(∂ℓ/∂ŷ)₁ = (0 − 1)/max(0 · (1 − 0), 1e−12) = −1e+12\n" in text


@pytest.mark.parametrize(
    ("reduction", "line", "slope"),
    [
        ("sum", "(0.5 − 1)² + (2.0 − 0)² = 4.25", "2 · (0.5 − 1) = −1"),
        ("mean", "((0.5 − 1)² + (2.0 − 0)²)/2 = 2.125", "2/2 · (0.5 − 1) = −0.5"),
    ],
)
def test_a_loss_is_the_sum_of_its_terms_over_its_divisor(reduction, line, slope):
    criterion, ŷ, y = MSELoss(reduction), np.array([[0.5, 2]]), np.array([[1.0, 0]])
    value = criterion.forward(ŷ, y)
    at = AtLoss(criterion, ŷ, y, 12)
    assert [*map(str, at.value_line(value))] == [f"ℓ = {line}"]
    assert str(next(at.gradient_lines(criterion.backward()))) == f"(∂ℓ/∂ŷ)₁ = {slope}"


@pytest.mark.parametrize("reduction", ["mean", "sum", "batchmean"])
@pytest.mark.parametrize("make", library.LOSSES)
def test_each_line_of_a_loss_is_read_as_what_the_loss_returns(make, reduction):
    rng = np.random.default_rng(0)
    criterion, ŷ, y = make(reduction), rng.uniform(size=(2, 3)), np.eye(3)[[2, 0]]
    value, grad = criterion.forward(ŷ, y), criterion.backward()
    at = AtLoss(criterion, ŷ, y, 12)
    *shown, last = at.value_line(value)
    slopes = [*at.gradient_lines(grad)]
    assert last.value.number == value
    assert [one.value.number for one in slopes] == grad.ravel().tolist()
    assert len(shown) == (6 if make in (BCEWithLogitsLoss, CrossEntropyLoss) else 0)
    for one in [*shown, last, *slopes]:
        assert str(one.formula) != str(one.value)  # a formula, not the number again
        expected = pytest.approx(one.value.number, rel=1e-6)
        assert read(str(one.formula)) == expected


def test_a_loss_of_more_than_six_terms_is_a_number():
    for columns, is_formula in (6, True), (7, False):
        ŷ, y = np.ones((1, columns)), np.zeros((1, columns))
        (found,) = AtLoss(MSELoss(), ŷ, y, 12).value_line(1.0)
        assert ("²" in str(found)) is is_formula


@pytest.mark.parametrize("make", [BCEWithLogitsLoss, CrossEntropyLoss])
def test_of_many_rows_no_formula_is_made(make):
    ŷ = np.ones((1000, 3))
    tracemalloc.start()
    try:
        at = AtLoss(make(), ŷ, ŷ, 12)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < ŷ.nbytes
    assert at.value_line(0.25) == ["ℓ = 0.25"]
    (line,) = at.gradient_lines(ŷ)
    assert line == "∂ℓ/∂ŷ: 1000 × 3 numbers, mean 1, from 1 to 1"


def test_a_layer_mixed_by_ones_own_rule_without_entries_shows_its_values(monkeypatch):
    class Reversed(Layer):
        def forward(self, x):
            return np.asarray(x)[:, ::-1]

        def backward(self, grad_output):
            return grad_output[:, ::-1]

    rule = Vectorwise(
        lambda x: Apply("reversed", lambda a: a[::-1], x),
        lambda xi, yi, xj, yj, same: 1 - same,
        lambda X, Y, G: Apply("reversed", lambda a: a[:, ::-1], G),
    )
    monkeypatch.setitem(RULES, Reversed, rule)
    model = Sequential(Linear(2, 2, rng=0), Reversed())
    sgd = SGD(model.parameters(), 0.1)
    t = trace(model, MSELoss(), sgd, [[1.0, 2.0]], [[0.5, 0.25]])
    assert assert_reads_back(t) > 10
    ŷ = model.forward([[1.0, 2.0]])
    assert f"ŷ₁ = {figure(ŷ[0, 0])}\n" in str(t)


@pytest.mark.parametrize(
    ("layer", "line"),
    [
        (Linear(7, 2, rng=0), "ŷ: 2 numbers, mean "),
        (Softmax(), "ŷ: 7 numbers, mean "),
        (LayerNorm(7), "μ⁽¹⁾: 1 × 1 numbers, mean "),
        (LayerNorm(7), "v⁽¹⁾: 1 × 1 numbers, mean "),
        (Tanh(), "ŷ₇ = tanh("),
        (Dropout(0.5, rng=0), "ŷ₇ = "),
    ],
    ids=repr,
)
def test_an_entry_of_more_than_six_terms_is_summed_up(layer, line):
    model = Sequential(Linear(1, 7, rng=0), layer)
    y = [[0.5] * (2 if isinstance(layer, Linear) else 7)]
    t = trace(model, MSELoss(), SGD(model.parameters(), lr=0.1), [[1]], y)
    assert f"   {line}" in str(t)


def test_a_formula_that_is_not_the_value_is_left_out(monkeypatch):
    right = RULES[MSELoss]
    wrong = right._replace(
        term=lambda ŷ, y: (ŷ - y) ** 3,
        batch_form=lambda ŷ, y, scale: scale(3, ŷ - y),
    )
    monkeypatch.setitem(RULES, MSELoss, wrong)
    at = AtLoss(MSELoss(), np.array([[3.0]]), np.array([[1.0]]), 12)
    assert [*map(str, at.value_line(4.0))] == ["ℓ = 4"]
    assert [*map(str, at.gradient_lines(np.array([[4.0]])))] == ["(∂ℓ/∂ŷ)₁ = 4"]


def test_the_identity_hands_a_gradient_down_as_it_is():
    model = Sequential(Linear(1, 1, bias=False), Identity())
    model[0].weight.data[...] = 3.0
    sgd = SGD(model.parameters(), lr=0.1)
    text = str(trace(model, MSELoss(), sgd, [[1.0]], [[0.5]]))
    assert "ŷ₁ = 3\n" in text
    assert "(∂ℓ/∂z₁)₁ = 5\n" in text


def test_no_line_says_what_the_first_layer_would_hand_down():
    for first in Linear(2, 2, rng=0), LayerNorm(2):
        model = Sequential(first, Linear(2, 2, rng=1))
        sgd = SGD(model.parameters(), 0.1)
        text = str(trace(model, MSELoss(), sgd, [[1, 2]], [[3, 4]]))
        assert "∂ℓ/∂x" not in text
        assert "(∂ℓ/∂z₁)₂ = " in text


@pytest.mark.parametrize("layout", ["numerator", "denominator"])
@pytest.mark.parametrize(
    ("name", "training"),
    [*((name, True) for name in LAYERS), ("Dropout", False), ("BatchNorm1d", False)],
)
def test_every_line_of_any_layers_trace_is_read_back(name, layout, training):
    first = 2 * LAYERS.index(name) + (layout == "denominator")
    for seed, make in enumerate(LOSSES):
        rng = np.random.default_rng(seed)
        optimizer = OPTIMIZERS[(first + seed) % len(OPTIMIZERS)]
        model = made(rng, [2, 2], [name], training)
        held = optimizer(model.parameters())
        x, y = rng.normal(size=(2, 2)), np.eye(3)[[0, 2]]
        for _ in range(2):  # the second with slots that are not 0
            t = trace(model, make(), held, x, y, layout=layout)
            assert_reads_back(t)
            assert t.loss == train_step(model, make(), held, x, y)
            for key, p in model.named_parameters():
                np.testing.assert_array_equal(t.after[key], p.data)
