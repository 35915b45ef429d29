"""Nets of all layers, losses and optimizers: what derive and trace say is what runs."""

import numpy as np
import pytest
from derivations import LAYERS, LOSSES, OPTIMIZERS, made, net
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import random_net, seeds, sizes

from mlp import (
    SGD,
    Adam,
    BatchNorm1d,
    BCELoss,
    CrossEntropyLoss,
    Dropout,
    Identity,
    LayerNorm,
    Linear,
    MSELoss,
    ReLU,
    Sequential,
    Sigmoid,
    Softmax,
    Tanh,
    derive,
    jacobian,
    trace,
)
from mlp.derivation import RULES, Elementwise, LossRule
from mlp.derivation.expressions import Number
from mlp.derivation.operations import Equal, That

layouts = st.sampled_from(["numerator", "denominator"])


@settings(max_examples=20)
@given(
    seed=seeds,
    widths=st.lists(st.integers(2, 4), min_size=2, max_size=4),
    names=st.lists(st.sampled_from(LAYERS), min_size=3, max_size=3),
    training=st.booleans(),
    make=st.sampled_from(LOSSES),
    reduction=st.sampled_from(["mean", "sum", "batchmean"]),
    optimizer=st.sampled_from(OPTIMIZERS),
    layout=layouts,
)
def test_every_cell_of_any_net_is_what_the_library_computes(
    seed, widths, names, training, make, reduction, optimizer, layout
):
    rng = np.random.default_rng(seed)
    model, criterion = made(rng, widths, names, training), make(reduction)
    d = derive(model, criterion, optimizer=optimizer(model.parameters()), layout=layout)
    assert d.check(rng.normal(size=widths[0]), rng.dirichlet(np.ones(3))) <= 1e-10
    str(d), d.to_markdown(), d.to_latex(), d.to_html()


def test_masks_below_and_above_a_batch_norm_are_checked():
    rng = np.random.default_rng(3)  # one for all
    model = Sequential(
        *(Linear(3, 5, rng=rng), Dropout(0.5, rng=rng), Tanh(), Linear(5, 6, rng=rng)),
        *(Dropout(0.5, rng=rng), Linear(6, 4, rng=rng)),
        *(BatchNorm1d(4), Dropout(0.3, rng=rng), Linear(4, 2, rng=rng)),
    )
    x, state = rng.normal(size=(4, 3)), rng.bit_generator.state
    for layout in ("numerator", "denominator"):
        d = derive(
            *(model, CrossEntropyLoss()),
            optimizer=Adam(model.parameters()),
            layout=layout,
        )
        assert d.check([1, 2, 3], [1, 0]) < 1e-10
    t = trace(model, CrossEntropyLoss(), Adam(model.parameters()), x, [0, 1, 1, 0])
    assert "M⁽¹⁾" in str(t) or "m⁽¹⁾" in str(t)
    assert rng.bit_generator.state == state


@pytest.mark.parametrize("layer", [LayerNorm(3), BatchNorm1d(3), Softmax(), Tanh()])
def test_check_sees_a_backward_that_is_wrong(layer, monkeypatch):
    kind = type(layer)
    model = Sequential(Linear(2, 3, rng=0), layer, Tanh(), Linear(3, 2, rng=1))
    d = derive(model, MSELoss())
    assert d.check([1, 2], [3, 4]) <= 1e-10
    own = kind.backward
    monkeypatch.setattr(kind, "backward", lambda self, g, **o: own(self, g, **o) * 1.01)
    assert d.check([1, 2], [3, 4]) > 1e-5


# ----------------------------------------------------- any cell that is wrong


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
def test_check_sees_the_least_mistake_in_a_backward(wrong, monkeypatch):
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


@pytest.mark.parametrize("layer", [Sigmoid(), BatchNorm1d(4)], ids=repr)
@pytest.mark.parametrize("scale", [1e-6, 1e6])
def test_the_difference_is_relative(scale, layer):
    model = net(lambda: layer)
    model[2].weight.data *= scale
    model[2].bias.data *= scale
    largest = 3 if scale < 1 else 4  # the row of the batch, ∂ℓ/∂W⁽²⁾ or G₂
    for table, k, field in ("gradients", -1, "gradient"), ("batch", largest, "formula"):
        d = derive(model, MSELoss())
        assert d.check([1, -2, 3], [0.0, 0.0]) < 1e-10
        rows = getattr(d, table)
        wrong = Number(1 + 1e-6) * getattr(rows[k], field)
        rows[k] = rows[k]._replace(**{field: wrong})
        assert 1e-7 < d.check([1, -2, 3], [0.0, 0.0]) < 1e-5


def test_the_bounds_of_bce_give_no_false_proof():
    model = net(g=Sigmoid)
    model[2].bias.data[...] = 1000
    assert derive(model, BCELoss()).check([1, 2, 3], [0, 1]) == np.inf


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
