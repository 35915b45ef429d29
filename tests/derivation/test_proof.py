"""Nets of all layers, losses and optimizers: what derive and trace say is what runs."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import seeds
from reading import read

from mlp import (
    SGD,
    Adam,
    AdamW,
    BatchNorm1d,
    BCEWithLogitsLoss,
    CrossEntropyLoss,
    Dropout,
    Identity,
    LayerNorm,
    LeakyReLU,
    Linear,
    Loss,
    MSELoss,
    Optimizer,
    ReLU,
    RMSprop,
    Sequential,
    Sigmoid,
    Softmax,
    Tanh,
    derive,
    jacobian,
    trace,
    train_step,
)
from mlp.derivation import RULES, LossRule

LAYERS = {
    "ReLU": lambda n, rng: ReLU(),
    "LeakyReLU": lambda n, rng: LeakyReLU(0.2),
    "Sigmoid": lambda n, rng: Sigmoid(),
    "Tanh": lambda n, rng: Tanh(),
    "Identity": lambda n, rng: Identity(),
    "Softmax": lambda n, rng: Softmax(),
    "Dropout": lambda n, rng: Dropout(0.4, rng=rng),
    "LayerNorm": lambda n, rng: LayerNorm(n, eps=0.01),
    "BatchNorm1d": lambda n, rng: BatchNorm1d(n, eps=0.01),
}
LOSSES = [MSELoss, BCEWithLogitsLoss, CrossEntropyLoss]
OPTIMIZERS = [
    lambda p: SGD(p, 0.1, 0.9, 0.01, nesterov=True),
    lambda p: RMSprop(p, 0.1),
    lambda p: RMSprop(p, 0.1, 0.9, 1e-3, 0.1, 0.5),
    lambda p: Adam(p, 0.1),
    lambda p: Adam(p, 0.1, (0.8, 0.9), 1e-3, 0.1),
    lambda p: AdamW(p, 0.1),
]
layouts = st.sampled_from(["numerator", "denominator"])


def made(rng, widths, names, training=True):
    layers = []
    for n, m, name in zip(widths, widths[1:], names, strict=False):
        layers += [Linear(n, m, rng=rng), LAYERS[name](m, rng)]
    model = Sequential(*layers, Linear(widths[-1], 3, rng=rng))
    for p in model.parameters():
        p.data += rng.normal(size=p.data.shape)
    model.forward(rng.normal(size=(7, widths[0])))  # running means that are not 0
    return model.train(training)


@settings(max_examples=20)
@given(
    seed=seeds,
    widths=st.lists(st.integers(2, 4), min_size=2, max_size=4),
    names=st.lists(st.sampled_from([*LAYERS]), min_size=3, max_size=3),
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


def read_back(t):
    for line in re.sub(r"\n {9,}", " ", str(t)).splitlines():
        if not line.startswith("   ") or line.endswith("← None"):
            continue
        _, *sides = line.split(" = ")
        values = [read(side) for side in sides]
        np.testing.assert_allclose(values, values[-1], rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("layout", ["numerator", "denominator"])
@pytest.mark.parametrize("name", LAYERS)
def test_every_line_of_any_layers_trace_is_read_back(name, layout, training):
    for seed, make in enumerate(LOSSES):
        for optimizer in OPTIMIZERS[seed::3]:
            rng = np.random.default_rng(seed)
            model = made(rng, [2, 2], [name], training)
            held = optimizer(model.parameters())
            x, y = rng.normal(size=(2, 2)), np.eye(3)[[0, 2]]
            for _ in range(2):  # the second with slots that are not 0
                t = trace(model, make(), held, x, y, layout=layout)
                read_back(t)
                assert t.loss == train_step(model, make(), held, x, y)
                for key, p in model.named_parameters():
                    np.testing.assert_array_equal(t.after[key], p.data)


@pytest.mark.parametrize("name", [*LAYERS])
def test_the_jacobian_of_any_layer_is_that_of_its_backward(name):
    model = made(np.random.default_rng(0), [3, 3], [name])
    if name == "BatchNorm1d":
        with pytest.raises(ValueError, match=r"BatchNorm1d.*in training mode"):
            jacobian(model, [1, 2, 3])
        model.eval()
    x, h = np.array([0.3, -0.7, 1.1]), 1e-6
    model.eval() if name != "Dropout" else None
    found = jacobian(model, x)
    state = [(g, g.bit_generator.state) for _, g in model.named_generators()]

    def f(x):
        for g, s in state:
            g.bit_generator.state = s
        return model.forward([x])[0]

    numerical = [(f(x + h * e) - f(x - h * e)) / (2 * h) for e in np.eye(3)]
    np.testing.assert_allclose(found, np.transpose(numerical), atol=1e-8)


def test_the_jacobian_of_a_softmax_and_its_batch_line():
    d = derive(Sequential(Linear(2, 3), Softmax()), MSELoss())
    assert str(d.jacobians[0].elements) == "ŷᵢ(1 if i = j, else 0) − ŷᵢŷⱼ"
    assert str(d.batch[1].formula) == "Ŷ ⊙ (G₂ − the row sums of G₂ ⊙ Ŷ)"


def test_cross_entropy_ends_in_p_minus_y():
    d = derive(Linear(2, 3), CrossEntropyLoss())
    assert str(d.jacobians[-1].elements).endswith(" = (p − y)ᵀ")
    assert str(d.batch[0].formula) == "(1/N) (P − Y)"
    assert "p = softmax ŷ" in str(d)


def test_labels_and_rows_have_one_trace():
    model = Linear(2, 3, rng=0)
    sgd = SGD(model.parameters(), 0.1)
    x = [[1.0, 2.0], [0.5, -1.0]]
    rows = trace(model, CrossEntropyLoss(), sgd, x, [[0, 0, 1], [1, 0, 0]])
    assert str(trace(model, CrossEntropyLoss(), sgd, x, [2, 0])) == str(rows)


def test_a_mask_is_a_letter_and_its_numbers_are_shown():
    model = Sequential(Linear(2, 3, rng=0), Dropout(0.5, rng=3), Linear(3, 1, rng=1))
    d = derive(model, MSELoss())
    assert str(d.forward[1].output) == "m⁽¹⁾ ⊙ (W⁽¹⁾x + b⁽¹⁾)/(1 − 0.5)"
    assert str(derive(model.eval(), MSELoss()).forward[1].output) == "the same"
    model.train()
    t = trace(model, MSELoss(), SGD(model.parameters(), 0.1), [[1, 2]], [[1]])
    assert "(m⁽¹⁾)₁ = " in str(t)
    assert d.evaluate([1, 2], [1]).forward[-1].output == pytest.approx(t.loss)


def test_batch_norm_in_training_is_shown_in_its_batch_form():
    model = Sequential(Linear(2, 3, rng=0), BatchNorm1d(3), Linear(3, 1, rng=1))
    d = derive(model, MSELoss())
    assert "none of one sample" in str(d.gradients[0].gradient)
    assert str(d.gradients[4].gradient) == "z₂ · ∂ℓ/∂ŷ"
    assert "depends on all of Z₁" in str(d.jacobians[0].elements)
    assert str(d.forward[1].output) == "γ⁽¹⁾ ⊙ x̂⁽¹⁾ + β⁽¹⁾"
    with pytest.raises(ValueError, match=r"derive.evaluate: .*write model.eval\(\)"):
        d.evaluate([1, 2], [3])
    model = Sequential(*model[:2], Tanh(), model[2])
    d = derive(model, MSELoss())
    assert d.check([1, 2], [3]) <= 1e-10
    wrong = [row for row in d.batch if "∂C" in str(row.quantity)][0]
    d.batch[d.batch.index(wrong)] = wrong._replace(formula=2 * wrong.formula)
    assert d.check([1, 2], [3]) > 1e-3


@pytest.mark.parametrize("layer", [LayerNorm(3), BatchNorm1d(3), Softmax(), Tanh()])
def test_check_sees_a_backward_that_is_wrong(layer, monkeypatch):
    kind = type(layer)
    model = Sequential(Linear(2, 3, rng=0), layer, Tanh(), Linear(3, 2, rng=1))
    d = derive(model, MSELoss())
    assert d.check([1, 2], [3, 4]) <= 1e-10
    own = kind.backward
    monkeypatch.setattr(kind, "backward", lambda self, g, **o: own(self, g, **o) * 1.01)
    assert d.check([1, 2], [3, 4]) > 1e-5


def test_an_optimizer_of_ones_own_is_traced_by_its_changes():
    class Signs(Optimizer):
        def update(self, parameter, gradient, state):
            parameter.data -= self.lr * np.sign(gradient)

    model = Linear(2, 1, rng=0)
    t = trace(model, MSELoss(), Signs(model.parameters(), 0.1), [[1, 2]], [[3]])
    assert "5. step of Signs, as a change" in str(t)
    read_back(t)


def test_a_loss_without_a_reduction_is_a_mean_over_rows(monkeypatch):
    class Halves(Loss):
        def forward(self, prediction, target):
            self.d = np.asarray(prediction) - target
            return float(np.sum(self.d**2) / 2 / len(self.d))

        def backward(self):
            return self.d / len(self.d)

    right = RULES[MSELoss]
    rule = LossRule(
        lambda ŷ, y, scale: scale(0.5, (right.value(ŷ, y, lambda k, e: e))),
        lambda ŷ, y, scale, t: scale(1, t(ŷ - y)),
        lambda ŷ, y, scale: scale(1, ŷ - y),
        lambda ŷ, y: (ŷ - y) ** 2 / 2,
    )
    monkeypatch.setitem(RULES, Halves, rule)
    model = Linear(2, 3, rng=0)
    assert derive(model, Halves()).check([1, 2], [3, 4, 5]) <= 1e-10
    sgd = SGD(model.parameters(), 0.1)
    read_back(trace(model, Halves(), sgd, [[1, 2], [3, 4]], [[1, 2, 3], [4, 5, 6]]))


def test_gradient_rows_stand_in_parameters_order():
    model = Sequential(Linear(2, 3), LayerNorm(3), Linear(3, 1))
    d = derive(model, MSELoss())
    shapes = [p.data.shape for p in model.parameters()]
    assert [p.data.shape for _, p in d.parameters] == shapes
    letters = ["W⁽¹⁾", "b⁽¹⁾", "γ⁽¹⁾", "β⁽¹⁾", "W⁽²⁾", "b⁽²⁾"]
    assert [str(row.parameter) for row in d.gradients] == letters


def test_weights_that_two_places_share_are_refused():
    shared = Linear(2, 2)
    with pytest.raises(NotImplementedError, match="layer 0 .* and layer 2 .* share"):
        derive([shared, ReLU(), shared], MSELoss())


def test_a_residual_net_gets_one_sentence_with_the_callers_name():
    class Residual(Sequential):
        def forward(self, x):
            return x + super().forward(x)

    model = Residual(Linear(2, 2))
    sgd = SGD(model.parameters(), 0.1)
    with pytest.raises(NotImplementedError, match="^trace: .*forward or backward is"):
        trace(model, MSELoss(), sgd, [[1, 2]], [[3, 4]])
    with pytest.raises(ValueError, match="^trace: expected at least one layer with"):
        trace(Sequential(ReLU()), MSELoss(), sgd, [[1, 2]], [[3, 4]])
