"""derive: the homework's answers to the letter, nesting and names."""

import pydoc

from derivations import deep, net, texts
from oracles import on_one_line

import mlp.derivation
from mlp import (
    BCELoss,
    CrossEntropyLoss,
    LayerNorm,
    Linear,
    MSELoss,
    Sequential,
    Sigmoid,
    derive,
)
from mlp.derivation import RULES

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


# ---------------------------------------------------------- nesting and names


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


def test_one_layer_and_activations_first():
    assert texts(derive(Linear(2, 1), MSELoss("sum")).forward) == [
        ("Linear₁", "x", "W⁽¹⁾x + b⁽¹⁾"),
        ("Loss", "that, and y", "‖W⁽¹⁾x + b⁽¹⁾ − y‖²"),
    ]
    d = derive(Sequential(Sigmoid(), Linear(2, 1), Linear(1, 2)), MSELoss())
    assert texts(d.forward)[2][2] == "W⁽²⁾(W⁽¹⁾σ(x) + b⁽¹⁾) + b⁽²⁾"
    assert d.check([0.3, -0.7], [1, 2]) < 1e-12


def test_help_lists_the_public_names():
    page = pydoc.plain(pydoc.render_doc(mlp.derivation))
    for name in ("Affine", "Apply", "Derivation", "Elementwise", "LossRule", "derive("):
        assert name in page
    assert set(mlp.derivation.__all__) >= {"derive", "RULES", "Elementwise"}


def test_gradient_rows_stand_in_parameters_order():
    model = Sequential(Linear(2, 3), LayerNorm(3), Linear(3, 1))
    d = derive(model, MSELoss())
    shapes = [p.data.shape for p in model.parameters()]
    assert [p.data.shape for _, p in d.parameters] == shapes
    letters = ["W⁽¹⁾", "b⁽¹⁾", "γ⁽¹⁾", "β⁽¹⁾", "W⁽²⁾", "b⁽²⁾"]
    assert [str(row.parameter) for row in d.gradients] == letters


def test_gradient_rows_stand_in_the_order_of_ones_own_layer(monkeypatch):
    class BiasFirst(Linear):
        def __init__(self, n, m):
            super().__init__(n, m, rng=0)
            weight = self.weight
            del self.weight
            self.weight = weight

    monkeypatch.setitem(RULES, BiasFirst, RULES[Linear])
    model = Sequential(BiasFirst(2, 3), Linear(3, 1, rng=1))
    d = derive(model, MSELoss())
    letters = ["b⁽¹⁾", "W⁽¹⁾", "W⁽²⁾", "b⁽²⁾"]
    assert [str(row.parameter) for row in d.gradients] == letters
    assert [p.data.ndim for p in model.parameters()] == [1, 2, 2, 1]
    assert d.check([0.5, -1], [2]) < 1e-12


def test_the_legend_says_each_letter_once():
    model = Sequential(Linear(2, 3), LayerNorm(3))
    text = on_one_line(derive(model, CrossEntropyLoss()))
    assert text.split(" ──")[0] == (
        "Derivation of Linear₁ → LayerNorm₁ with CrossEntropyLoss Forward pass In "
        "columns; layer k gives zₖ; x̂⁽¹⁾ is a row of X̂⁽¹⁾ as a column; P = softmax of "
        "each row of Ŷ; p = softmax ŷ; n = 2; K = 3."
    )
