"""What formulas come to at a point."""

import doctest

import numpy as np
import pytest
from homework import lines, marked, paper

from mlp.worksheets.evaluation import Evaluation
from mlp.worksheets.formulas import FormulaError, ShapeError
from mlp.worksheets.values import FUNCTIONS, Point

pytest.importorskip("lark")

RNG = np.random.default_rng(5)
SHAPES = {
    "x": (3, 1), "y": (4, 1), "ŷ": (4, 1), "W⁽¹⁾": (4, 3), "W⁽²⁾": (4, 4),
    "b⁽¹⁾": (4, 1), "z₁": (4, 1), "z₂": (4, 1), "∂ℓ/∂ŷ": (1, 4), "∂z₂/∂z₁": (4, 4),
    "∂ℓ/∂W⁽¹⁾": (3, 4), "x̂⁽¹⁾": (4, 1), "γ⁽¹⁾": (4, 1),
}  # fmt: skip
VALUES = {name: RNG.normal(size=shape) for name, shape in SHAPES.items()}
VALUES |= {"K": 4, "h": 5.0, "ℓ": 1.25}
OWN = FUNCTIONS | {"f": FUNCTIONS["tanh"]}
POINT = Point(VALUES, OWN, {"a1": "z₂", "z3": "ŷ"}, 4)
x, y, ŷ, W1, W2, b1, z1, z2, g, J, D, normed, γ = [*VALUES.values()][: len(SHAPES)]
s1 = 1 / (1 + np.exp(-z1))


# A formula, and the same in NumPy. An entry of one index is a row, of two a matrix.
EQUAL = {
    "W1 x + b1": W1 @ x + b1,
    "W1 x - b1 + z1": W1 @ x - b1 + z1,
    "-W1 x": -(W1 @ x),
    "+x": x,
    "W1 @ x": W1 @ x,
    "2 @ x": 2 * x,
    "2 x": 2 * x,
    "x · 2": 2 * x,
    "z1^T z2": z1.T @ z2,
    "z1 z2": z1 * z2,  # of one shape, and no product of matrices
    "W2 W2": W2 @ W2,  # of one shape, and one
    "z1 ⊙ z2": z1 * z2,
    "z1 / z2": z1 / z2,
    "z1 / K": z1 / 4,
    "K / z1": 4 / z1,
    "6 / 2 / 3": 1.0,
    "½ + .5 + 1e-1": 1.1,
    r"\frac12 + \frac1K": 0.75,
    r"\frac{z1}{2}": z1 / 2,
    "(z1ᵀ z1) W2": np.sum(z1**2) * W2,
    "‖z1 − z2‖²": np.sum((z1 - z2) ** 2),
    "norm(z1)": np.sqrt(np.sum(z1**2)),
    "sum(z1) + mean(z2) + max(z1)": z1.sum() + z2.mean() + z1.max(),
    "max(0, z1)": np.maximum(0, z1),
    "max(z1, z2)": np.maximum(z1, z2),
    "(z1)^+ + z2_+": np.maximum(z1, 0) + np.maximum(z2, 0),
    "diag(z1)": np.diag(z1.ravel()),
    "σ(z1) + sigmoid(z1)": 2 * s1,
    "σ'(z1)": s1 * (1 - s1),
    "f(z1) + f'(z2)": np.tanh(z1) + 1 - np.tanh(z2) ** 2,
    "tanh²(z1)": np.tanh(z1) ** 2,
    "tanh(z1)^2": np.tanh(z1) ** 2,
    "log(exp(z1))": z1,
    "ln(e^{z1})": z1,
    "e^2": np.exp(2),
    "2^{z1}": 2**z1,
    "z1²": z1**2,
    "z1^{-1}": 1 / z1,
    "W^{(1)}": W1,
    "W_1^T": W1.T,
    "W^{1T}": W1.T,
    "(W1 x)ᵀ": (W1 @ x).T,
    "a1 + a_1 + z_3": 2 * z2 + ŷ,
    "γ": γ,  # of which there is one
    "γ1 ⊙ x̂ + x̂1": γ * normed + normed,
    "I": np.eye(4),
    "I^T W1": W1,
    "dl/dyhat": g,
    r"\frac{\partial l}{\partial \hat{y}} dz2/dz1": g @ J,
    "∂L/∂W_1": D,
    "∂ℓ/∂z3": g,
    "ŷ_i": ŷ.ravel(),
    "(dl/dyhat)_i": g.ravel(),
    "(W1 x + b1)_i": (W1 @ x + b1).ravel(),
    "z1_i z2_j": np.outer(z1, z2),
    "z1_j z2_i": np.outer(z2, z1),
    "W2_ij": W2,
    "W2_ji": W2.T,
    "z_{1,i}": z1.ravel(),
    "δ_ij": np.eye(4),
    "δ_ij z1_i": np.diag(z1.ravel()),
    "Σᵢ z1_i": z1.sum(),
    "Σ_j W2_ij": W2.sum(axis=1),
    "Σ_i W2_ij": W2.sum(axis=0),
    "Σ W2_ij": W2.sum(),
    "Σ z1": z1.sum(),
    "2 Σ_i z1_i": 2 * z1.sum(),
    "1 if i = j, else 0": np.eye(4),
    "1 if i ≠ j else 3": 1 + 2 * np.eye(4),
    "1 if i == j and z1_i > 0, else 0": np.diag(z1.ravel() > 0),
    "2 if z1 > 0, z2 if z1 <= 0": np.where(z1 > 0, 2, z2),
    "z1 if z1 > 0": np.maximum(z1, 0),
    "[z1 > z2] + [z1 < 0]": (z1 > z2) * 1.0 + (z1 < 0),
    "1[z1 ≥ 0] - 1(z1 ≤ 0)": np.sign(z1),
    "[K = 4] + [K != 4] + [K >= 4] + [K <= 4]": 3.0,
    "[K > 4] + [K < 4] + [K ≠ 4] + [K == 4]": 1.0,
}  # fmt: skip


@pytest.mark.parametrize("text", EQUAL)
def test_a_formula_comes_to_what_numpy_says(text):
    (value,) = Evaluation(text, POINT).sides()
    got, expected = value.array(), np.asarray(EQUAL[text])
    if value.is_number:
        got, expected = got.reshape(()), expected.reshape(())
    assert got.shape == expected.shape and got.dtype == np.float64
    np.testing.assert_allclose(got, expected, rtol=1e-13)


def test_each_side_of_an_equation_has_a_value():
    sides = Evaluation("W1 x + b1 = z1 = 2", POINT).sides()
    expected = W1 @ x + b1, z1, np.asarray(2.0)
    for side, right in zip(sides, expected, strict=True):
        np.testing.assert_allclose(side.array(), right)


@pytest.mark.parametrize(
    ("text", "used"),
    [
        ("W1 x + b^{(1)}", ["W⁽¹⁾", "x", "b⁽¹⁾"]),
        ("a1_i δ_ij + e^{ŷ_j}", ["z₂", "ŷ"]),
        ("2 dl/dz3", ["∂ℓ/∂ŷ"]),
        ("‖z1‖ + e + I", ["z₁"]),
        (r"\frac1K", ["K"]),
    ],
)
def test_the_letters_in_a_formula_are_known_as_the_sheet_prints_them(text, used):
    formula = Evaluation(text, POINT)
    formula.sides()
    assert formula.used == used


def test_a_letter_without_a_number_is_that_of_layer_1_where_there_is_one():
    assert np.array_equal(Evaluation("γ", POINT).sides()[0].data, γ)
    two = POINT._replace(values=VALUES | {"γ⁽²⁾": γ})
    with pytest.raises(FormulaError, match=r"γ is no letter.*, x, x̂⁽¹⁾, y,.*γ⁽²⁾"):
        Evaluation("γ", two).sides()


# A formula with what is pointed at in «», whether its shapes are at fault, and why.
REFUSED = r"""
«x + z1» | shape | x is 3 × 1 and z1 is 4 × 1; they cannot be added
«x - z1» | shape | x is 3 × 1 and z1 is 4 × 1; they cannot be subtracted
«W1 / z1» | shape | W1 is 4 × 3 and z1 is 4 × 1; they cannot be divided
1 + «x ⊙ z1» | shape | they cannot be multiplied entry by entry
[«x > z1»] | shape | they cannot be compared
max(«x, z1») | shape | they cannot be compared
«x W1» + 1 | shape | x is 3 × 1 and cannot multiply W1, which is 4 × 3
«(z1ᵀ z1) @ W2» | shape | (z1ᵀ z1) is 1 × 1 and cannot multiply W2, which is 4 × 4
«x @ x» | shape | x is 3 × 1 and cannot multiply x, which is 3 × 1
«z1_i + z2» | shape | z1_i is an entry and z2 a whole array; they cannot be added
«z1 z2_i» | shape | z2_i is an entry and z1 a whole array; they cannot be multiplied
«x_i + z1_i» | shape | i runs to 3 and to 4
«x_i z1_j if x_j > 0» | shape | j runs to 3 and to 4
1 if «x_i > 0 and z1_i > 0» | shape | i runs to 3 and to 4
Σ_j «z1_i» | unread | there is no index j to sum over
(«x, z1») | unread | a list with commas cannot stand here
«z1 if z1_i > 0» | unread | an entry and a whole array in one case
«x if z1 > 0» | shape | arrays of two shapes in one case
«\frac1x» | shape | x is no number to divide by
«dx/dz1» | unread | ∂x/∂z₁ is not among the letters of this sheet
«W7» x | unread | W₇ is no letter of this sheet; there are K, W⁽¹⁾, W⁽²⁾, b⁽¹⁾, h, x,
(W1 x)«^{(2)}» | unread | what stands before this has no layers
W1«^{x}» | shape | an exponent is a number
x«^{z1 = 2}» | unread | an equation cannot stand here
K«_i» | unread | a number has no entries
W1«_i» | shape | an array of 4 × 3 has no entry i
W1«_{ijk}» | shape | an array of 4 × 3 has no entry ijk
«δ»x | unread | δ needs two indices, δᵢⱼ
diag«(W1)» | unread | diag of an array of 4 × 3
softmax'«(x)» | unread | there is no function softmax'
tanh''«(x)» | unread | there is no function tanh''
"""


@pytest.mark.parametrize(("marked", "kind", "sentence"), lines(REFUSED))
def test_what_has_no_value_is_pointed_at(marked, kind, sentence):
    before, rest = marked.split("«")
    place, after = rest.split("»")
    with pytest.raises(FormulaError) as error:
        Evaluation(before + place + after, POINT).sides()
    says, text, mark = str(error.value).splitlines()
    assert sentence.strip() in says
    assert text == f"    {before}{place}{after}"
    assert mark == f"    {' ' * len(before)}{'^' * len(place)}"
    assert isinstance(error.value, ShapeError) is (kind == "shape")


def test_without_entries_i_and_j_have_no_meaning_and_the_identity_is_1():
    point = POINT._replace(size=0)
    assert Evaluation("I", point).sides()[0].array() == 1
    for text in ("δ_ij", "1 if i = j, else 0"):
        with pytest.raises(FormulaError, match="i and j have no meaning"):
            Evaluation(text, point).sides()


def test_a_long_product_takes_no_longer_than_it_is_long():
    text = " ".join(["z1_i"] * 250)
    assert len(text) < 1500
    assert Evaluation(text, POINT).sides()[0].array() == pytest.approx(
        z1.ravel() ** 250
    )


def test_what_has_no_number_is_no_warning():
    for text in ("1/0", "log(0 - 1)", "e^{9^9}", "0/0"):
        assert not np.isfinite(Evaluation(text, POINT).sides()[0].data)


def test_shapes_that_do_not_fit_are_a_sentence():
    _, _, text = marked(paper("relu"), "3.1", "x W^{(2)}", hints="none")
    assert text.splitlines() == [
        "x is 3 × 1 and cannot multiply W^{(2)}, which is 2 × 4",
        "    x W^{(2)}",
        "    ^^^^^^^^^",
    ]


def test_the_example_that_needs_lark_runs():
    example = doctest.DocTestParser().get_doctest(
        Evaluation.__doc__, {}, "Evaluation", None, None
    )
    assert any(doctest.SKIP in line.options for line in example.examples)
    for line in example.examples:
        line.options.pop(doctest.SKIP, None)
    assert doctest.DocTestRunner().run(example).failed == 0
