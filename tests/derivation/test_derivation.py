"""derive: the homework's answers to the letter, and every cell run."""

import pydoc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles import random_net, seeds, sizes

import mlp.derivation
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
    derive,
    jacobian,
    trace,
)
from mlp.derivation import RULES, Apply, Elementwise, LossRule
from mlp.derivation.expressions import (
    Number,
    Symbol,
)
from mlp.derivation.operations import Equal, That


def net(f=ReLU, g=Identity, n=3, h=4, k=2, **options):
    rng = np.random.default_rng(0)
    return Sequential(
        Linear(n, h, rng=rng, **options), f(), Linear(h, k, rng=rng, **options), g()
    )


def texts(rows):
    return [tuple(str(cell) for cell in row) for row in rows]


# ------------------------------------------------- the homework, to the letter

GRADIENTS = [
    ("W⁽¹⁾", "x · ∂ℓ/∂ŷ · ∂ŷ/∂z₃ · W⁽²⁾ · ∂z₂/∂z₁", "n × h"),
    ("b⁽¹⁾", "∂ℓ/∂ŷ · ∂ŷ/∂z₃ · W⁽²⁾ · ∂z₂/∂z₁", "1 × h"),
    ("W⁽²⁾", "z₂ · ∂ℓ/∂ŷ · ∂ŷ/∂z₃", "h × K"),
    ("b⁽²⁾", "∂ℓ/∂ŷ · ∂ŷ/∂z₃", "1 × K"),
]


def test_regression_to_the_letter():
    d = derive(net(), MSELoss("sum"))
    assert texts(d.forward) == [
        ("Linear₁", "x", "W⁽¹⁾x + b⁽¹⁾"),
        ("f", "W⁽¹⁾x + b⁽¹⁾", "(W⁽¹⁾x + b⁽¹⁾)⁺"),
        ("Linear₂", "(W⁽¹⁾x + b⁽¹⁾)⁺", "W⁽²⁾(W⁽¹⁾x + b⁽¹⁾)⁺ + b⁽²⁾"),
        ("g", "W⁽²⁾(W⁽¹⁾x + b⁽¹⁾)⁺ + b⁽²⁾", "the same"),
        ("Loss", "that, and y", "‖W⁽²⁾(W⁽¹⁾x + b⁽¹⁾)⁺ + b⁽²⁾ − y‖²"),
    ]
    assert texts(d.gradients) == GRADIENTS
    assert [row.shape.value for row in d.gradients] == [(3, 4), (1, 4), (4, 2), (1, 2)]
    assert texts(d.jacobians) == [
        ("∂z₂/∂z₁", "1 if i = j and (z₁)ᵢ > 0, else 0", "h × h"),
        ("∂ŷ/∂z₃", "I", "K × K"),
        ("∂ℓ/∂ŷ", "2(ŷ − y)ᵀ", "1 × K"),
    ]


SLOPES = [
    ("∂z₂/∂z₁", "(z₂)ᵢ(1 − (z₂)ᵢ) if i = j, else 0", "h × h"),
    ("∂ŷ/∂z₃", "ŷᵢ(1 − ŷᵢ) if i = j, else 0", "K × K"),
]


def test_classification_with_the_same_loss_to_the_letter():
    d = derive(net(Sigmoid, Sigmoid), MSELoss("sum"))
    assert [row[2] for row in texts(d.forward)] == [
        "W⁽¹⁾x + b⁽¹⁾",
        "σ(W⁽¹⁾x + b⁽¹⁾)",
        "W⁽²⁾σ(W⁽¹⁾x + b⁽¹⁾) + b⁽²⁾",
        "σ(W⁽²⁾σ(W⁽¹⁾x + b⁽¹⁾) + b⁽²⁾)",
        "‖σ(W⁽²⁾σ(W⁽¹⁾x + b⁽¹⁾) + b⁽²⁾) − y‖²",
    ]
    assert texts(d.gradients) == GRADIENTS
    assert texts(d.jacobians) == [*SLOPES, ("∂ℓ/∂ŷ", "2(ŷ − y)ᵀ", "1 × K")]


def test_classification_with_cross_entropy_to_the_letter():
    d = derive(net(Sigmoid, Sigmoid), BCELoss())
    with_mse = derive(net(Sigmoid, Sigmoid), MSELoss("sum"))
    assert texts(d.forward)[:-1] == texts(with_mse.forward)[:-1]
    assert texts(d.forward)[-1] == (
        "Loss",
        "that, and y",
        "−(1/K) Σᵢ [yᵢ log ŷᵢ + (1 − yᵢ) log(1 − ŷᵢ)]",
    )
    assert texts(d.gradients) == GRADIENTS
    entries = "−(1/K) (yᵢ/ŷᵢ − (1 − yᵢ)/(1 − ŷᵢ)) = (1/K) (ŷᵢ − yᵢ)/(ŷᵢ(1 − ŷᵢ))"
    assert texts(d.jacobians) == [*SLOPES, ("∂ℓ/∂ŷ", entries, "1 × K")]


def test_denominator_layout_has_the_shapes_of_the_parameters():
    model = net()
    d = derive(model, MSELoss("sum"), layout="denominator")
    assert texts(d.gradients) == [
        ("W⁽¹⁾", "∂z₂/∂z₁ · W⁽²⁾ᵀ · ∂ŷ/∂z₃ · ∂ℓ/∂ŷ · xᵀ", "h × n"),
        ("b⁽¹⁾", "∂z₂/∂z₁ · W⁽²⁾ᵀ · ∂ŷ/∂z₃ · ∂ℓ/∂ŷ", "h"),
        ("W⁽²⁾", "∂ŷ/∂z₃ · ∂ℓ/∂ŷ · z₂ᵀ", "K × h"),
        ("b⁽²⁾", "∂ŷ/∂z₃ · ∂ℓ/∂ŷ", "K"),
    ]
    assert texts(d.jacobians)[-1] == ("∂ℓ/∂ŷ", "2(ŷ − y)", "K × 1")
    shapes = [row.shape.value for row in d.gradients]
    assert shapes == [p.data.shape for p in model.parameters()]


def test_the_batch_form_is_what_backward_runs():
    d = derive(net(), MSELoss())
    assert texts(d.batch) == [
        ("G₄", "(2/(NK)) (Ŷ − Y)", "N × K"),
        ("G₃", "G₄", "N × K"),
        ("b⁽²⁾.grad", "sum of the rows of G₃", "K"),
        ("W⁽²⁾.grad", "G₃ᵀZ₂", "K × h"),
        ("G₂", "G₃W⁽²⁾", "N × h"),
        ("G₁", "G₂ ⊙ [Z₂ > 0]", "N × h"),
        ("b⁽¹⁾.grad", "sum of the rows of G₁", "h"),
        ("W⁽¹⁾.grad", "G₁ᵀX", "h × n"),
        ("G₀", "G₁W⁽¹⁾", "N × n"),
    ]
    sigmoid = derive(net(Sigmoid, Sigmoid), BCELoss("batchmean"))
    assert texts(sigmoid.batch)[0][1] == "(1/N) (Ŷ − Y)/(Ŷ ⊙ (1 − Ŷ))"
    assert texts(sigmoid.batch)[1][1] == "G₄ ⊙ Ŷ ⊙ (1 − Ŷ)"


def test_the_five_steps():
    d = derive(Sequential(Linear(2, 1), Identity()), MSELoss())
    assert [(s.number, s.name, [str(q) for q in s.equations]) for s in d.steps] == [
        (1, "forward", ["z₁ = W⁽¹⁾x + b⁽¹⁾", "ŷ = z₁"]),
        (2, "loss", ["ℓ = (1/K) ‖ŷ − y‖²"]),
        (3, "zero the gradients", ["W⁽¹⁾.grad ← None", "b⁽¹⁾.grad ← None"]),
        (
            4,
            "backward",
            [
                "∂ℓ/∂ŷ = (2/K) (ŷ − y)ᵀ",
                "∂ℓ/∂z₁ = ∂ℓ/∂ŷ · ∂ŷ/∂z₁",
                "∂ℓ/∂W⁽¹⁾ = x · ∂ℓ/∂z₁",
                "∂ℓ/∂b⁽¹⁾ = ∂ℓ/∂z₁",
            ],
        ),
        (
            5,
            "step",
            [
                "W⁽¹⁾ ← W⁽¹⁾ − lr · (∂ℓ/∂W⁽¹⁾)ᵀ",
                "b⁽¹⁾ ← b⁽¹⁾ − lr · (∂ℓ/∂b⁽¹⁾)ᵀ",
            ],
        ),
    ]


def test_step_five_is_the_optimizers_own():
    model = Sequential(Linear(2, 1, bias=False))
    sgd = SGD(model.parameters(), 0.1, momentum=0.9, weight_decay=0.01, nesterov=True)
    d = derive(model, MSELoss(), optimizer=sgd, layout="denominator")
    assert [str(equation) for equation in d.steps[4].equations] == [
        "v(W⁽¹⁾) ← 0.9 · v(W⁽¹⁾) + ∂ℓ/∂W⁽¹⁾ + 0.01 · W⁽¹⁾",
        "W⁽¹⁾ ← W⁽¹⁾ − 0.1 · (∂ℓ/∂W⁽¹⁾ + 0.01 · W⁽¹⁾ + 0.9 · v(W⁽¹⁾))",
    ]


def test_an_optimizer_of_some_parameters_steps_those():
    model = net()
    d = derive(model, MSELoss(), optimizer=SGD([model[2].weight], lr=0.5))
    assert [str(q) for q in d.steps[4].equations] == ["W⁽²⁾ ← W⁽²⁾ − 0.5 · (∂ℓ/∂W⁽²⁾)ᵀ"]
    assert d.check([0.5, -1.0, 2.0], [0.0, 1.0]) < 1e-12


# ---------------------------------------------------------- nesting and names


def deep(depth, width=2, activation=ReLU):
    rng = np.random.default_rng(0)
    layers = []
    for _ in range(depth):
        layers += [Linear(width, width, rng=rng), activation()]
    return Sequential(*layers)


def test_a_row_too_long_to_read_begins_anew_from_the_output_before():
    d = derive(deep(4), MSELoss())
    rows = texts(d.forward)
    assert rows[4][2] == "W⁽³⁾(W⁽²⁾(W⁽¹⁾x + b⁽¹⁾)⁺ + b⁽²⁾)⁺ + b⁽³⁾"
    assert rows[6] == ("Linear₄", "z₆", "W⁽⁴⁾z₆ + b⁽⁴⁾")
    assert rows[8] == ("Loss", "that, and y", "(1/K) ‖ŷ − y‖²")


def test_nested_forces_either_form():
    flat = derive(net(), MSELoss("sum"), nested=False)
    assert [row[1:] for row in texts(flat.forward)] == [
        ("x", "W⁽¹⁾x + b⁽¹⁾"),
        ("z₁", "(z₁)⁺"),
        ("z₂", "W⁽²⁾z₂ + b⁽²⁾"),
        ("z₃", "the same"),
        ("that, and y", "‖ŷ − y‖²"),
    ]
    whole = derive(deep(6, activation=Sigmoid), BCELoss(), nested=True)
    for row in texts(whole.forward):
        assert "z" not in row[2]
        assert "ŷ" not in row[2]
    assert texts(whole.forward)[-1][2].count("W⁽⁶⁾") == 2


def test_hidden_widths_and_activations_are_numbered_where_there_are_several():
    rng = np.random.default_rng(0)
    model = Sequential(
        Linear(2, 3, rng=rng),
        ReLU(),
        Sequential(Linear(3, 4, rng=rng, bias=False), Sigmoid()),
        Linear(4, 5, rng=rng),
    )
    d = derive(model, MSELoss())
    assert [str(row.layer) for row in d.forward] == [
        "Linear₁", "f₁", "Linear₂", "f₂", "Linear₃", "Loss",
    ]  # fmt: skip
    assert [row[0] for row in texts(d.gradients)] == [
        "W⁽¹⁾", "b⁽¹⁾", "W⁽²⁾", "W⁽³⁾", "b⁽³⁾",
    ]  # fmt: skip
    assert [row[2] for row in texts(d.gradients)] == [
        "n × h₁", "1 × h₁", "h₁ × h₂", "h₂ × K", "1 × K",
    ]  # fmt: skip
    assert d.check([0.3, -0.7], [1, 2, 3, 4, 5]) < 1e-12


def test_one_layer_and_activations_first():
    assert texts(derive(Linear(2, 1), MSELoss("sum")).forward) == [
        ("Linear₁", "x", "W⁽¹⁾x + b⁽¹⁾"),
        ("Loss", "that, and y", "‖W⁽¹⁾x + b⁽¹⁾ − y‖²"),
    ]
    d = derive(Sequential(Sigmoid(), Linear(2, 1), Linear(1, 2)), MSELoss())
    assert texts(d.forward)[2][2] == "W⁽²⁾(W⁽¹⁾σ(x) + b⁽¹⁾) + b⁽²⁾"
    assert d.check([0.3, -0.7], [1, 2]) < 1e-12


# ------------------------------------------------------- every cell is run


@given(
    seed=seeds,
    widths=st.lists(sizes, min_size=2, max_size=6),
    bce=st.booleans(),
    reduction=st.sampled_from(["mean", "sum", "batchmean"]),
    layout=st.sampled_from(["numerator", "denominator"]),
    nested=st.sampled_from([None, True, False]),
    momentum=st.sampled_from([None, 0.0, 0.9]),
)
def test_every_cell_is_what_the_library_computes(
    seed, widths, bce, reduction, layout, nested, momentum
):
    rng = np.random.default_rng(seed)
    model = random_net(rng, widths)
    if bce:
        model = Sequential(*model, Sigmoid())
    optimizer = None
    if momentum is not None:
        nesterov = momentum > 0 and bool(rng.integers(2))
        optimizer = SGD(model.parameters(), 0.1, momentum, 0.01, nesterov)
    criterion = BCELoss(reduction) if bce else MSELoss(reduction)
    d = derive(model, criterion, optimizer=optimizer, layout=layout, nested=nested)
    x, y = rng.normal(size=widths[0]), rng.uniform(size=widths[-1])
    assert d.check(x, y) <= 1e-10


def test_evaluate_gives_the_numbers_of_every_table():
    model, x, y = net(), [0.5, -1.0, 2.0], [1.0, 0.0]
    optimizer = SGD(model.parameters(), lr=0.5)
    d = derive(model, MSELoss("sum"), optimizer=optimizer)
    values = d.evaluate(x, y)
    output = model.forward([x])[0]
    np.testing.assert_allclose(values.forward[0].input, x)
    np.testing.assert_allclose(values.forward[3].output, output)
    np.testing.assert_allclose(values.forward[4].input, [output, y])
    assert values.forward[4].output == pytest.approx(np.sum((output - y) ** 2))
    loss = MSELoss("sum")
    loss.forward([output], [y])
    model.backward(loss.backward())
    for row, p in zip(values.gradients, model.parameters(), strict=True):
        assert row.gradient.shape == row.shape.value
        np.testing.assert_allclose(row.gradient.T.reshape(p.data.shape), p.grad)
    np.testing.assert_allclose(values.jacobians[1].elements, np.eye(2))
    np.testing.assert_allclose(values.jacobians[2].elements, [2 * (output - y)])
    optimizer.step()
    np.testing.assert_allclose(values.steps[4].equations[0], model[0].weight.data)
    np.testing.assert_allclose(values.steps[1].equations, [values.forward[4].output])


def test_evaluate_follows_the_parameters_and_changes_nothing():
    model = net()
    optimizer = SGD(model.parameters(), lr=0.5, momentum=0.5)
    d = derive(model, MSELoss(), optimizer=optimizer)
    before = d.evaluate([1, 2, 3], [4, 5]).forward[-1].output
    state = model.state_dict()
    d.check([1, 2, 3], [4, 5])
    assert all(np.array_equal(state[k], v) for k, v in model.state_dict().items())
    assert all(p.grad is None for p in model.parameters())
    assert "velocity.0" not in optimizer.state_dict()
    model[0].weight.data += 1
    assert d.evaluate([1, 2, 3], [4, 5]).forward[-1].output != before
    assert d.check([1, 2, 3], [4, 5]) < 1e-12


def test_momentum_in_progress_is_part_of_step_five():
    model = net()
    optimizer = SGD(model.parameters(), lr=0.5, momentum=0.5)
    for p in model.parameters():
        p.grad = np.ones(p.data.shape)
    optimizer.step()
    assert (
        derive(model, MSELoss(), optimizer=optimizer).check([1, 2, 3], [4, 5]) < 1e-12
    )


def test_check_of_a_float32_net_is_near_its_rounding():
    d = derive(net(Sigmoid, Sigmoid, dtype=np.float32), BCELoss())
    assert 1e-12 < d.check([0.5, -1, 2], [0.2, 1.0]) < 1e-5


@pytest.mark.parametrize(
    "wrong",
    [
        lambda layer, g: -layer.own_backward(g),
        lambda layer, g: 2 * layer.own_backward(g),
        lambda layer, g: layer.own_backward(g) * (1 + 1e-9),
    ],
)
def test_check_sees_a_backward_that_is_wrong(wrong, monkeypatch):
    monkeypatch.setattr(Sigmoid, "own_backward", Sigmoid.backward, raising=False)
    monkeypatch.setattr(
        Sigmoid, "backward", lambda layer, g, needs_input_grad=True: wrong(layer, g)
    )
    assert derive(net(Sigmoid), MSELoss()).check([1, 2, 3], [4, 5]) > 1e-10


@pytest.mark.parametrize(
    ("rule", "layer"),
    [
        (Elementwise(RULES[Sigmoid].output, lambda x, y: y * (1 + y)), Sigmoid),
        (Elementwise(lambda x: x + x, RULES[Sigmoid].slope), Sigmoid),
        (RULES[Identity], ReLU),
    ],
)
def test_check_sees_a_rule_that_is_wrong(rule, layer, monkeypatch):
    monkeypatch.setitem(RULES, layer, rule)
    assert derive(net(layer, layer), MSELoss()).check([1, -2, 3], [4, 5]) > 1e-10


def test_check_sees_a_loss_rule_whose_sides_differ(monkeypatch):
    right = RULES[BCELoss]
    wrong = LossRule(
        right.value,
        lambda ŷ, y, scale, t: right.slope(ŷ, y, lambda k, e: scale(2 * k, e), t),
        right.batch_form,
    )
    monkeypatch.setitem(RULES, BCELoss, wrong)
    assert derive(net(g=Sigmoid), BCELoss()).check([1, 2, 3], [0, 1]) > 1e-10


def tampered(row, field):
    """Return a row with three times a cell in its place."""
    cell = getattr(row, field)
    if isinstance(cell, That):
        return row._replace(**{field: That(3 * cell.args[0], cell.args[1])})
    if isinstance(cell, Equal):
        return row._replace(**{field: type(cell)(cell.args[0], 3 * cell.args[1])})
    return row._replace(**{field: 3 * cell})


CELLS = [
    *(("forward", k, "input") for k in range(1, 5)),
    *(("forward", k, "output") for k in range(5)),
    *(("gradients", k, "gradient") for k in range(4)),
    *(("jacobians", k, "elements") for k in range(3)),
    *(("batch", k, "formula") for k in range(9)),
]


@pytest.mark.parametrize("make", [MSELoss, BCELoss])
@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: f"{cell[0]}-{cell[1]}")
def test_check_sees_any_cell_that_is_wrong(cell, make):
    table, k, field = cell
    d = derive(net(Sigmoid, Sigmoid), make())
    assert d.check([1, -2, 3], [0.2, 1.0]) < 1e-10
    rows = getattr(d, table)
    rows[k] = tampered(rows[k], field)
    assert d.check([1, -2, 3], [0.2, 1.0]) > 1e-10


STEPS = [(1, 4), (2, 1), (3, 4), (4, 8), (5, 8)]  # how many equations each has


@pytest.mark.parametrize(
    ("step", "k"), [(step, k) for step, count in STEPS for k in range(count)]
)
def test_check_sees_any_equation_that_is_wrong(step, k):
    model = net(Sigmoid, Sigmoid)
    optimizer = SGD(model.parameters(), 0.5, 0.9, 0.1) if step == 5 else None
    d = derive(model, BCELoss(), optimizer=optimizer)
    equations = list(d.steps[step - 1].equations)
    left, right = equations[k].args
    wrong = Number(0) if step == 3 else 3 * right  # 0 is not None
    equations[k] = type(equations[k])(left, wrong)
    d.steps[step - 1] = d.steps[step - 1]._replace(equations=equations)
    assert d.check([1, -2, 3], [0.2, 1.0]) > 1e-10


def test_check_compares_both_sides_of_an_equation():
    d = derive(net(g=Sigmoid), BCELoss())
    left, right = d.jacobians[-1].elements.args
    d.jacobians[-1] = d.jacobians[-1]._replace(elements=Equal(3 * left, right))
    assert d.check([1, -2, 3], [0.2, 1.0]) > 0.1


def test_check_compares_with_jacobians_from_backward(monkeypatch):
    d = derive(net(Sigmoid), MSELoss())
    assert d.check([1, -2, 3], [0.2, 1.0]) < 1e-10
    monkeypatch.setattr(
        "mlp.derivation.proof.jacobian", lambda layer, x: 1.5 * jacobian(layer, x)
    )
    assert d.check([1, -2, 3], [0.2, 1.0]) > 0.1


def test_evaluation_is_in_float64():
    d = derive(net(dtype=np.float32), MSELoss())
    values = d.evaluate([1, 2, 3], [4, 5])
    assert values.forward[0].output.dtype == np.float64
    assert values.gradients[0].gradient.dtype == np.float64
    assert values.steps[2].equations == [None] * 4


@pytest.mark.parametrize("scale", [1e-6, 1e6])
def test_the_difference_is_relative(scale, monkeypatch):
    model = net(Sigmoid)
    model[2].weight.data *= scale
    model[2].bias.data *= scale
    d = derive(model, MSELoss())
    assert d.check([1, -2, 3], [0.0, 0.0]) < 1e-10
    d.gradients[3] = d.gradients[3]._replace(
        gradient=Number(1 + 1e-6) * d.gradients[3].gradient
    )
    assert 1e-7 < d.check([1, -2, 3], [0.0, 0.0]) < 1e-5


def test_the_logistic_function_of_the_rules_is_exact_far_out():
    σ = RULES[Sigmoid].output(Symbol("x"))
    assert σ.value({"x": -720.0}) == pytest.approx(np.exp(-720), rel=1e-14, abs=0)
    assert σ.value({"x": -1000.0}) == 0


def test_step_five_without_an_optimizer_is_worth_nan():
    values = derive(net(), MSELoss()).evaluate([1, 2, 3], [4, 5])
    assert all(np.isnan(value).all() for value in values.steps[4].equations)


def test_an_optimizer_of_another_net_is_refused():
    with pytest.raises(ValueError, match=r"holds none of them; write SGD\(model"):
        derive(net(), MSELoss(), optimizer=SGD(net().parameters(), lr=0.1))


def test_an_optimizer_without_a_rule_is_named_in_step_five():
    class Own(SGD):
        def update(self, parameter, gradient, state):
            parameter.data -= self.lr * np.sign(gradient)

    model = net()
    d = derive(model, MSELoss(), optimizer=Own(model.parameters(), lr=0.1))
    line = "W⁽¹⁾ ← what Own.update makes of it; RULES has no Own"
    assert str(d.steps[4].equations[0]) == line
    assert d.check([0.5, -1.0, 2.0], [0.0, 1.0]) < 1e-12


def test_a_small_learning_rate_is_written_out():
    model = net()
    d = derive(model, MSELoss(), optimizer=SGD(model.parameters(), lr=1e-5))
    assert "− 0.00001 · " in str(d.steps[4].equations[0])
    assert "e-05" not in d.to_latex()


def test_names_of_ones_own_are_escaped_in_latex_and_markdown(monkeypatch):
    class My_Tanh(Layer):
        def forward(self, x):
            return np.tanh(x)

        def backward(self, grad_output, *, needs_input_grad=True):
            return grad_output

    rule = Elementwise(lambda x: Apply("my_tanh|", np.tanh, x), lambda x, y: 1 - y * y)
    monkeypatch.setitem(RULES, My_Tanh, rule)
    d = derive(Sequential(Linear(1, 1), My_Tanh()), MSELoss())
    for text in (d.to_latex(), d.to_markdown()):
        assert r"my\_tanh$\vert$" in text
    assert r"is My\_Tanh;" in d.to_latex()


def test_a_slope_may_be_a_number(monkeypatch):
    class Half(Layer):
        def forward(self, x):
            return np.asarray(x) / 2

        def backward(self, grad_output, *, needs_input_grad=True):
            return grad_output / 2

    rule = Elementwise(lambda x: x / 2, lambda x, y: Number(0.5))
    monkeypatch.setitem(RULES, Half, rule)
    assert (
        derive(Sequential(Linear(2, 3), Half()), MSELoss()).check([1, 2], [3, 4, 5])
        < 1e-12
    )


# -------------------------------------------------------- rules of one's own


class Softplus(Layer):
    """y = log(1 + eˣ)."""

    def forward(self, x):
        self.x = np.asarray(x)
        return np.log1p(np.exp(self.x))

    def backward(self, grad_output, *, needs_input_grad=True):
        return grad_output / (1 + np.exp(-self.x))


def test_a_layer_without_a_rule_is_named_and_told_how():
    with pytest.raises(NotImplementedError) as error:
        derive(Sequential(Linear(2, 2), Softplus()), MSELoss())
    for part in ("layer 1 (Softplus)", "RULES[Softplus] = Elementwise(", "Apply("):
        assert part in str(error.value)


def test_a_rule_of_ones_own_is_one_line(monkeypatch):
    monkeypatch.setitem(RULES, Softplus, None)  # to be taken back after the test
    RULES[Softplus] = Elementwise(
        lambda x: Apply("softplus", lambda a: np.log1p(np.exp(a)), x),
        lambda x, y: 1 - Apply("exp", np.exp, -y),
    )  # noqa: E501 - one line, as promised
    d = derive(Sequential(Linear(2, 2, rng=0), Softplus()), MSELoss())
    assert str(d.forward[1].output) == "softplus(W⁽¹⁾x + b⁽¹⁾)"
    assert str(d.jacobians[0].elements) == "1 − exp(−ŷᵢ) if i = j, else 0"
    assert d.check([0.5, -2.0], [1.0, 0.0]) < 1e-10


def test_a_loss_without_a_rule_is_named():
    class Huber(Loss):
        def forward(self, prediction, target):
            return 0.0

        def backward(self):
            return np.zeros(1)

    with pytest.raises(
        NotImplementedError, match=r"the loss Huber.*RULES\[Huber\] = LossRule"
    ):
        derive(net(), Huber())


# ------------------------------------------------------------ wrong arguments


@pytest.mark.parametrize(
    ("model", "criterion", "options", "error", "sentence"),
    [
        (
            [Linear(1, 1), 3],
            MSELoss(),
            {},
            TypeError,
            r"layer 1 \(int\) to be of Layer",
        ),
        (3, MSELoss(), {}, TypeError, r"layer 0 \(int\) to be of Layer, got 3"),
        (Sequential(), MSELoss(), {}, ValueError, "at least one layer"),
        (
            Sequential(ReLU()),
            MSELoss(),
            {},
            ValueError,
            "at least one layer with weights",
        ),
        (
            Sequential(Linear(2, 3), ReLU(), Linear(4, 1)),
            MSELoss(),
            {},
            ValueError,
            r"layer 2 \(Linear\) to take the 3 features that layer 1 \(ReLU\) gives.*4",
        ),
        (
            Sequential(Linear(2, 3), Sequential(ReLU(), Linear(4, 1))),
            MSELoss(),
            {},
            ValueError,
            r"layer 1\.1 \(Linear\) to take the 3 features that layer 1\.0",
        ),
        (net(), MSELoss, {}, TypeError, "criterion to be of Loss"),
        (net(), ReLU(), {}, TypeError, "criterion to be of Loss"),
        (net(), None, {}, TypeError, "criterion to be of Loss"),
        (
            net(),
            MSELoss(),
            dict(optimizer=0.1),
            TypeError,
            "optimizer to be of Optimizer",
        ),
        (net(), MSELoss(), dict(layout="row"), ValueError, "layout to be one of"),
        (net(), MSELoss(), dict(nested=1), TypeError, "nested to be True or False"),
    ],
)
def test_what_is_no_net_is_refused_with_its_place(
    model, criterion, options, error, sentence
):
    with pytest.raises(error, match=f"derive: expected {sentence}"):
        derive(model, criterion, **options)


@pytest.mark.parametrize("call", ["evaluate", "check"])
@pytest.mark.parametrize(
    ("x", "y", "error", "sentence"),
    [
        ([1, 2], [1, 2], ValueError, r"x of shape \(3,\), one.*layer 0.*got \(2,\)"),
        ([[1, 2, 3]], [1, 2], ValueError, r"x of shape \(3,\).*got \(1, 3\)"),
        ([1, 2, 3], [1], ValueError, r"y of shape \(2,\).*layer 3.*got \(1,\)"),
        ([1, 2, 3], 1.0, ValueError, r"y of shape \(2,\).*got \(\)"),
        ("abc", [1, 2], TypeError, "x to hold real numbers"),
    ],
)
def test_a_data_point_of_the_wrong_length_is_refused(call, x, y, error, sentence):
    with pytest.raises(error, match=f"derive: expected {sentence}"):
        getattr(derive(net(), MSELoss()), call)(x, y)


def test_the_bounds_of_bce_give_no_false_proof():
    model = net(g=Sigmoid)
    model[2].bias.data[...] = 1000
    assert derive(model, BCELoss()).check([1, 2, 3], [0, 1]) == np.inf


# ------------------------------------------------------- the model itself, whole


class Residual(Sequential):
    """y = x + f(x)."""

    def forward(self, x):
        return x + super().forward(x)

    def backward(self, grad_output, *, needs_input_grad=True):
        return grad_output + super().backward(grad_output)


@pytest.mark.parametrize(
    "model",
    [
        Residual(Linear(2, 2), ReLU()),
        Sequential(Linear(2, 2), Residual(Linear(2, 2))),
        Sequential(Linear(2, 2), Sequential(Residual(Linear(2, 2)))),
        [Linear(2, 2), Residual(Linear(2, 2))],
    ],
)
def test_what_is_not_its_layers_is_not_opened(model):
    optimizer = SGD(Linear(2, 2).parameters(), lr=0.1)
    for call in (
        lambda: derive(model, MSELoss()),
        lambda: trace(model, MSELoss(), optimizer, [[1, 2]], [[3, 4]]),
    ):
        with pytest.raises(NotImplementedError, match=r"\(Residual\), got none"):
            call()


def test_a_forward_replaced_on_the_instance_is_not_opened():
    model = Sequential(Linear(2, 2), ReLU())
    d, own = derive(model, MSELoss()), model.forward
    assert d.check([1, 2], [3, 4]) < 1e-12
    model.forward = lambda x: np.asarray(x) + own(x)
    with pytest.raises(NotImplementedError, match=r"layer 0 \(Sequential\), got none"):
        derive(model, MSELoss())
    with pytest.raises(NotImplementedError, match=r"layer 0 \(Sequential\), got none"):
        d.check([1, 2], [3, 4])


def test_check_runs_the_model_itself(monkeypatch):
    d = derive(net(), MSELoss())
    for method, wrong in (("forward", 2), ("backward", -1)):
        with monkeypatch.context() as patch:
            own = getattr(Sequential, method)
            patch.setattr(
                Sequential, method, lambda self, x, own=own, k=wrong: k * own(self, x)
            )
            assert d.check([1, -2, 3], [4, 5]) > 0.1
    assert d.check([1, -2, 3], [4, 5]) < 1e-12


def test_check_sees_a_model_that_is_wrong_for_a_batch_only(monkeypatch):
    own = Sequential.forward
    monkeypatch.setattr(
        Sequential, "forward", lambda self, x: own(self, x) * (1 + (len(x) > 1))
    )
    assert derive(net(), MSELoss()).check([1, -2, 3], [4, 5]) > 0.1


@pytest.mark.parametrize("make", [MSELoss, BCELoss])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("z", [18.0, -18.0, 100.0, -120.0])
@pytest.mark.parametrize("y", [0.0, 1.0])
def test_a_saturated_sigmoid_is_checked_without_a_warning(make, dtype, z, y):
    model = Sequential(Linear(1, 1, dtype=dtype, rng=0), Sigmoid())
    model[0].weight.data[...], model[0].bias.data[...] = 0.5, z - 0.5
    d = derive(model, make(), optimizer=SGD(model.parameters(), lr=0.1))
    d.evaluate([1.0], [y])
    found = d.check([1.0], [y])
    ŷ = model.predict([[1.0]]).item()
    if make is BCELoss and ŷ * (1 - ŷ) < 1e-12:
        assert found > 0.5  # a bound is active
    else:
        assert found < (1e-10 if dtype is np.float64 else 1e-5)


class Softmax(Layer):
    def forward(self, x):
        e = np.exp(x)
        return e / e.sum(axis=1, keepdims=True)

    def backward(self, grad_output, *, needs_input_grad=True):
        return grad_output


class Scaled(Softmax):
    def __init__(self):
        self.weight = Parameter([1.0])


def test_the_advice_for_a_layer_without_a_rule_is_right():
    with pytest.raises(NotImplementedError) as error:
        derive(Sequential(Linear(2, 2), Softmax()), MSELoss())
    for part in ("if it works element by element", "mixes the features", "cannot be"):
        assert part in str(error.value)
    with pytest.raises(NotImplementedError) as error:
        derive(Sequential(Linear(2, 2), Scaled()), MSELoss())
    assert "if it computes W x + b and nothing else" in str(error.value)
    assert "Elementwise" not in str(error.value)


def test_a_rule_of_the_wrong_sort_is_named(monkeypatch):
    monkeypatch.setitem(RULES, Softmax, RULES[MSELoss])
    with pytest.raises(NotImplementedError, match="got a LossRule"):
        derive(Sequential(Linear(2, 2), Softmax()), MSELoss())


def test_help_lists_the_public_names():
    page = pydoc.plain(pydoc.render_doc(mlp.derivation))
    for name in ("Affine", "Apply", "Derivation", "Elementwise", "LossRule", "derive("):
        assert name in page
    assert set(mlp.derivation.__all__) >= {"derive", "RULES", "Elementwise"}
