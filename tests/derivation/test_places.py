"""What each kind of layer writes into the tables."""

import numpy as np
import pytest
from derivations import LAYERS, made

from mlp import (
    SGD,
    BatchNorm1d,
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
    trace,
)
from mlp.derivation.expressions import Symbol
from mlp.derivation.places import PLACES, Place
from mlp.derivation.rules import rule_of
from mlp.derivation.tables import Level, Width


def test_the_jacobian_of_a_softmax_and_its_batch_line():
    d = derive(Sequential(Linear(2, 3), Softmax()), MSELoss())
    assert str(d.jacobians[0].elements) == "ŷᵢ(1 if i = j, else 0) − ŷᵢŷⱼ"
    assert str(d.batch[1].formula) == "Ŷ ⊙ (G₂ − the row sums of G₂ ⊙ Ŷ)"


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


def of(layer, k=1):
    """Return the place of a layer with 3 inputs and outputs, between z₁ and z₂."""
    widths = Width(Symbol("h"), 3), Width(Symbol("K"), 3)
    below, above = (
        Level(Symbol("z", i), Symbol("Z", i), Symbol("G", i), width)
        for i, width in zip("12", widths, strict=True)
    )
    kind = PLACES[type(rule_of(layer))]
    return kind(layer, Symbol("f"), k, below, above)


@pytest.mark.parametrize("layout", ["numerator", "denominator"])
@pytest.mark.parametrize(
    ("name", "training"),
    [*((name, True) for name in LAYERS), ("Dropout", False), ("BatchNorm1d", False)],
)
def test_each_cell_of_any_layer_is_what_the_library_computes(name, training, layout):
    rng = np.random.default_rng(0)
    model = made(rng, [2, 3], [name], training)
    d = derive(model, MSELoss(), layout=layout)
    assert d.check(rng.normal(size=2), rng.normal(size=3)) <= 1e-10


@pytest.mark.parametrize(
    ("layer", "elements", "line"),
    [
        (Identity(), "I", "G₂"),
        (ReLU(), "1 if i = j and (z₁)ᵢ > 0, else 0", "G₂ ⊙ [Z₂ > 0]"),
        (Sigmoid(), "(z₂)ᵢ(1 − (z₂)ᵢ) if i = j, else 0", "G₂ ⊙ Z₂ ⊙ (1 − Z₂)"),
        (
            LayerNorm(3),
            "(γ⁽¹⁾)ᵢs⁽¹⁾((1 if i = j, else 0) − (1 + (x̂⁽¹⁾)ᵢ(x̂⁽¹⁾)ⱼ)/K)",
            "∂ℓ/∂C⁽¹⁾ − the row means of ∂ℓ/∂C⁽¹⁾ = s⁽¹⁾ ⊙ (Ĝ⁽¹⁾ − the row means of "
            "Ĝ⁽¹⁾ − (the row means of Ĝ⁽¹⁾ ⊙ X̂⁽¹⁾) ⊙ X̂⁽¹⁾)",
        ),
        (BatchNorm1d(3).eval(), "(γ⁽¹⁾)ᵢ(s⁽¹⁾)ᵢ if i = j, else 0", "s⁽¹⁾ ⊙ Ĝ⁽¹⁾"),
    ],
    ids=repr,
)
def test_the_jacobian_of_a_layer_and_its_batch_line(layer, elements, line):
    place = of(layer)
    ((symbol, found, shape),) = place.jacobian_rows("ij")
    assert (str(symbol), str(found), shape.value) == ("∂z₂/∂z₁", elements, (3, 3))
    assert str([*place.batch_rows()][-1].formula) == line


def test_a_layer_with_weights_is_its_own_link():
    biased, bare = of(Linear(3, 3), k=2), of(Linear(3, 3, bias=False), k=2)
    assert [str(letter) for letter, _ in biased.parameters()] == ["W⁽²⁾", "b⁽²⁾"]
    assert [str(letter) for letter, _ in bare.parameters()] == ["W⁽²⁾"]
    assert str(biased.link()) == str(bare.link()) == "W⁽²⁾"
    assert str(biased.output(Symbol("z", "1"))) == "W⁽²⁾z₁ + b⁽²⁾"
    assert str(bare.output(Symbol("z", "1"))) == "W⁽²⁾z₁"
    assert [*biased.jacobian_rows("ij")] == []  # its entries are those of W


@pytest.mark.parametrize("over", ["rows", "columns", "nothing"])
def test_the_nodes_of_a_normalisation_are_worked_out_one_after_another(over):
    rng = np.random.default_rng(0)
    x = rng.normal(2, 3, (4, 3))
    layer = LayerNorm(3, eps=0.1) if over == "columns" else BatchNorm1d(3, eps=0.1)
    layer.forward(x + 1)  # running means that are not 0
    place = of(layer.train(over != "nothing"))
    assert place.is_coupled is (over == "rows")
    nodes = {a: node.value({"Z₁": x}) for a, node in place.nodes().items()}
    if over == "nothing":
        mean, var = layer.running_mean.data, layer.running_var.data
    else:
        axis = 0 if over == "rows" else 1
        mean, var = (f(x, axis=axis, keepdims=axis == 1) for f in (np.mean, np.var))
    np.testing.assert_allclose(nodes["μ"], mean)
    np.testing.assert_allclose(nodes["C"], x - mean)
    np.testing.assert_allclose(nodes["v"], var)
    np.testing.assert_allclose(nodes["X̂"], (x - mean) / np.sqrt(var + 0.1))


def test_a_mask_is_what_the_next_forward_draws_and_draws_nothing_itself():
    layer, x = Dropout(0.5, rng=3), np.ones((4, 3))
    place = of(layer, k=12)
    masks = place.mask(layer, x)
    rows, columns = masks["M⁽¹²⁾"], masks["m⁽¹²⁾"]
    np.testing.assert_array_equal(columns, rows.T)
    first = place.first_mask(masks)
    np.testing.assert_array_equal(first["M⁽¹²⁾"], rows[:1])
    np.testing.assert_array_equal(first["m⁽¹²⁾"], rows[:1].T)
    np.testing.assert_array_equal(layer.forward(x), 2 * rows)
    assert not np.array_equal(layer.forward(x), 2 * rows)  # the next draws anew
    assert of(layer.eval()).mask(layer, x) == {}


@pytest.mark.parametrize(
    "call", [lambda p: p.output(Symbol("x")), lambda p: [*p.batch_rows()]]
)
def test_a_kind_of_place_without_a_formula_says_so(call):
    level = of(ReLU()).below
    with pytest.raises(NotImplementedError):
        call(Place(ReLU(), Symbol("f"), 1, level, level))
