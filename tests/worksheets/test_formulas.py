"""Formulas as students write them: read, compared, and named if wrong."""

import doctest
import random

import numpy as np
import pytest

from mlp import (
    BCELoss,
    CrossEntropyLoss,
    Identity,
    Linear,
    MSELoss,
    ReLU,
    Sequential,
    Sigmoid,
    Softmax,
    Tanh,
)
from mlp.worksheets import worksheet
from mlp.worksheets.evaluation import Evaluation
from mlp.worksheets.formulas import FormulaError, read, signs

pytest.importorskip("lark")


def made(criterion, *layers, **how):
    sections = ["forward", "gradients", "jacobians"]
    return worksheet(Sequential(*layers), criterion, questions=sections, **how)


SHEETS = {
    "relu": made(MSELoss(), Linear(3, 4), ReLU(), Linear(4, 2), Identity()),
    "sum": made(MSELoss("sum"), Linear(3, 4), ReLU(), Linear(4, 2)),
    "bce": made(BCELoss(), Linear(3, 4), Sigmoid(), Linear(4, 2), Sigmoid()),
    "classes": made(CrossEntropyLoss(), Linear(3, 4), Tanh(), Linear(4, 2)),
    "columns": made(
        MSELoss(), Linear(3, 4), ReLU(), Linear(4, 2), layout="denominator"
    ),
    "softmax": made(MSELoss(), Linear(2, 3), Softmax(), Linear(3, 1)),
}

RIGHT = r"""
relu 2.1 | W⁽¹⁾x + b⁽¹⁾
relu 2.1 | W1 x + b1
relu 2.1 | W_1x+b_1
relu 2.1 | W^{(1)} x + b^{(1)}
relu 2.1 | $W^[1] x + b^[1]$
relu 2.1 | \mathbf{W}^{(1)}\mathbf{x} + \mathbf{b}^{(1)}
relu 2.1 | z1 = W₁·x + b₁ = (xᵀ W1^T + b1')'
relu 2.1 | \[ \mathbf{W}^{(1)} x + {\bf b}^{(1)} \]
relu 2.1 | \(W_1 x + \boldsymbol b_1\)
relu 2.2 | max(0, W1 x + b1)
relu 3.1 | x \frac{\partial l}{\partial \hat{\mathbf{y}}} W_2 ∂z₂/∂z₁
relu 4.3 | \frac{2}{K} \bigl(\mathbf{\hat{y}} - \mathbf y\bigr)^\mathsf{T}
relu 4.3 | \frac{2}{K} (\hat{\bm{y}} - y)^{\mathsf T}
relu 4.3 | \frac{2}{K} (\hat{y} - y)^{\mathrm{T}}
relu 2.2 | \mathrm{ReLU}\left(W^{(1)}x+b^{(1)}\right)
relu 2.2 | (W1 x + b1)^+
relu 2.2 | [W1 x + b1]_+
relu 2.2 | f(W1 x + b1)
relu 2.2 | (W1 x + b1) ⊙ 1[W1 x + b1 > 0]
relu 2.5 | 1/K ||W2 relu(W1 x + b1) + b2 - y||^2
relu 2.5 | \frac{1}{K}\lVert W^{(2)}\max(0,W^{(1)}x+b^{(1)})+b^{(2)}-y\rVert^2
relu 2.5 | ½ (ŷ − y)ᵀ(ŷ − y)
relu 2.5 | \frac1K \sum_{i=1}^{K} (\hat{y}_i - y_i)^2
relu 2.5 | mean((yhat - y)^2)
relu 3.1 | x · ∂ℓ/∂ŷ · W⁽²⁾ · ∂z₂/∂z₁
relu 3.1 | x \frac{\partial l}{\partial \hat{y}} W^{(2)} \frac{∂ z_2}{∂ z_1}
relu 3.1 | x dl/dyhat I W2 dz2/dz1
relu 3.1 | x (2/K) (ŷ - y)^T W2 diag(1[z1 > 0])
relu 3.1 | ∂ℓ/∂W1 = x ∂L/∂z₁
relu 3.1 | x dl/dyhat dyhat/dz3 dz3/dz2 dz2/dz1
relu 4.1 | 1 if i = j and (z₁)ᵢ > 0, else 0
relu 4.1 | diag(\mathbb{1}_{z_1 > 0})
relu 4.1 | δ_ij 1[z_{1,i} > 0]
relu 4.1 | \begin{cases} 1 & \text{if } i=j ∧ z_{1,i}>0 \\ 0 & \text{else}\end{cases}
relu 4.1 | \begin{cases}1 & i=j \wedge z_{1i} \geq 0\\0 & \text{otherwise}\end{cases}
relu 4.1 | diag(relu'(z1))
relu 4.1 | 1 if i=j and z_1i > 0, 0 otherwise
relu 4.2 | I
relu 4.2 | 1 if i = j else 0
relu 4.3 | (2/K) (ŷ − y)ᵀ
relu 4.3 | \frac{2}{K} \left( \hat{y} - y \right)^{\top}
relu 4.3 | 2(ŷ_i − y_i)/K
sum 4.2 | 2(yhat - y)^T
sum 3.1 | x · ∂ℓ/∂ŷ · W⁽²⁾ · ∂z₂/∂z₁
bce 4.1 | diag(σ'(z1))
bce 4.1 | diag(z2 ⊙ (1 - z2))
bce 4.1 | a1_i (1 - a1_i) δ_ij
bce 4.1 | \sigma(z_{1,i})(1-\sigma(z_{1,i})) if i = j, else 0
bce 4.1 | diag(1/(1 + e^{-z_1}) ⊙ (1 - 1/(1 + e^{-z_1})))
bce 4.3 | -\frac{1}{K}\left(\frac{y_i}{\hat{y}_i}-\frac{1-y_i}{1-\hat{y}_i}\right)
bce 4.3 | ((ŷ − y)/(ŷ(1 − ŷ)))^T / K
bce 2.5 | −1/K Σᵢ yᵢ log ŷᵢ − 1/K Σᵢ (1 − yᵢ) log(1 − ŷᵢ)
bce 2.5 | -\frac1K \sum_{i=1}^{K} [y_i \log \hat{y}_i + (1-y_i)\log(1-\hat{y}_i)]
classes 4.2 | (p − y)ᵀ
classes 4.2 | (softmax(ŷ) − y)^T
classes 4.2 | e^{ŷ_i} / sum(e^{ŷ}) − y_i
classes 2.4 | -\sum_k y_k \log p_k
classes 4.1 | diag(1 - tanh(z1)^2)
columns 3.1 | ∂z₂/∂z₁ · W⁽²⁾ᵀ · ∂ℓ/∂ŷ · xᵀ
columns 3.1 | ∂z₂/∂z₁ · ∂ŷ/∂z₂ · ∂ℓ/∂ŷ · xᵀ
columns 4.2 | (2/K)(ŷ − y)
relu 4.3 | \frac{2}{K}\bigl(\hat{\mathbf{y}} - \mathbf{y}\bigr)^\top
relu 4.3 | \[\tfrac{2}{K}\bigg(\hat{\boldsymbol{y}} - \boldsymbol y\bigg)^T.\]
relu 2.1 | \(\mathbf W^{(1)}\mathbf x+\mathbf b^{(1)}\)
relu 2.2 | \max\left\{0, W_1 x + b_1\right\}.
relu 2.2 | np.maximum(0, W1 @ x + b1)
relu 2.5 | .5 * sum((yhat - y)**2)
relu 3.1 | x \frac{∂ l}{∂ \hat{\mathbf y}} W^{(2)} \frac{∂ \mathbf{z}_2}{∂ \mathbf z_1}
relu 4.1 | \begin{cases}1, & i=j ∧ z_{1,i}>0, \\ 0, & \text{otherwise.} \\ \end{cases}
relu 4.2 | \begin{cases}1, & \text{if } i=j \\ 0, & \text{if } i \neq j.\end{cases}
bce 4.1 | diag(\sigma^{\prime}(z_1))
classes 2.4 | \log\sum_j e^{\hat{y}_j} - \sum_i y_i \hat{y}_i
classes 4.1 | 1 - \tanh^2(z_{1,i}) if i=j, else 0
classes 4.1 | diag(1 - tanh²(z₁))
softmax 4.1 | diag(z2) − z2 z2^T
softmax 4.1 | z2_i(1 - z2_i) if i = j, -z2_i z2_j if i ≠ j
softmax 4.1 | (z_2)_i (\delta_{ij} - (z_2)_j)
"""

WRONG = r"""
relu 2.5 | factor 2 (1/K lost) | ||ŷ - y||^2
relu 2.1 | shape | x W1 + b1
relu 2.1 | shape | W1 W2 x
relu 2.1 | letter | z1
relu 2.1 | sign | -W1 x - b1
relu 2.1 | transposed | x^T W1^T + b1^T
relu 2.1 | letter | ∂ℓ/∂z₁
relu 2.2 | differs | σ(W1 x + b1)
relu 3.1 | letter | ∂ℓ/∂W1
relu 3.1 | slope left out | x dl/dyhat W2
relu 3.1 | sign | -x dl/dyhat W2 dz2/dz1
relu 3.1 | factor 7 | 7 x dl/dyhat W2 dz2/dz1
relu 3.1 | shape | W2 dl/dyhat x
relu 4.1 | shape | [z1 > 0]^T [z1 > 0] x
relu 4.1 | diagonal not said | 1 if (z1)_i > 0, else 0
relu 4.1 | diagonal not said | [z1 > 0]
relu 4.1 | differs | I
relu 4.3 | factor 2 (1/K lost) | 2(ŷ − y)^T
relu 4.3 | sign | (2/K)(y − ŷ)^T
relu 4.3 | δ in a row | δᵢⱼ 2(ŷᵢ − yᵢ)/K
relu 4.3 | factor 1/2 (1/K taken twice) | (2/K)(ŷ − y)^T / 2
relu 4.3 | letter | ∂ℓ/∂ŷ
bce 4.3 | σ' too early | (ŷ − y)^T/K
relu 4.3 | factor 2 (1/K lost) | (2/K)(ŷ − y)^T = 2(ŷ − y)^T
"""

UNREAD = r"""
W1 x + | ends too early |           ^
W1 x + b1) | ')' cannot stand here |              ^
W9 x | W₉ is no letter of this sheet |     ^^
W x | W is no letter |     ^
import os | i is no letter |     ^
__import__('os') | '_' cannot stand here |     ^
W1 x + 🙂 | cannot stand here |            ^
blah(W1 x) | b is no letter |     ^
x^{W1 = b1} | an equation cannot stand here |      ^^^^^^^^^^
∂y/∂x | ∂y/∂x is not among the letters |     ^^^^^
softmax'(x) | no function softmax' |             ^^^
"""


def lines(text):
    return [line.split(" | ") for line in text.strip().splitlines()]


def marked(sheet, key, answer, **how):
    marks = sheet.grade({key: answer}, **{"hints": "all"} | how)
    row = next(row for row in marks.rows if row.question == key)
    return row.mark, marks.verdicts[key], row.text


@pytest.mark.parametrize(("at", "answer"), lines(RIGHT))
def test_what_is_equal_is_right(at, answer):
    name, key = at.split()
    assert marked(SHEETS[name], key, answer) == (1, "right", "")


@pytest.mark.parametrize(("at", "verdict", "answer"), lines(WRONG))
def test_what_is_wrong_is_named(at, verdict, answer):
    name, key = at.split()
    mark, found, text = marked(SHEETS[name], key, answer)
    assert (mark, found) == (0, verdict) and text


@pytest.mark.parametrize(("answer", "sentence", "place"), lines(UNREAD))
def test_what_cannot_be_read_has_no_mark_and_points_at_the_place(
    answer, sentence, place
):
    mark, verdict, text = marked(SHEETS["relu"], "2.1", answer, hints="none")
    assert mark is None and verdict == "unread"
    assert sentence in text.splitlines()[0]
    assert text.splitlines()[1:] == [f"    {answer}", place.rstrip()]


def test_shapes_that_do_not_fit_are_a_sentence():
    _, _, text = marked(SHEETS["relu"], "3.1", "x W^{(2)}", hints="none")
    assert text.splitlines() == [
        "x is 3 × 1 and cannot multiply W^{(2)}, which is 2 × 4",
        "    x W^{(2)}",
        "    ^^^^^^^^^",
    ]


@pytest.mark.parametrize(
    ("name", "key", "answer", "layout"),
    [
        ("relu", "3.1", "(dl/dyhat W2 dz2/dz1)^T x^T", "denominator"),
        ("relu", "3.1", "dz2/dz1 W2^T dl/dyhat x^T", "denominator"),
        ("relu", "4.3", "2/K (ŷ - y)", "denominator"),
        ("relu", "3.2", "h × n", "denominator"),
        ("columns", "3.1", "x · ∂ℓ/∂ŷ · W⁽²⁾ · ∂z₂/∂z₁", "numerator"),
        ("columns", "4.2", "(2/K)(ŷ − y)ᵀ", "numerator"),
    ],
)
def test_the_other_layout_is_named(name, key, answer, layout):
    sheet = SHEETS[name]
    for how, expected in ((None, 1), (layout, 1), (sheet.layout, 0)):
        mark, _, text = marked(sheet, key, answer, layout=how)
        assert mark == expected and f"in {layout} layout" in text


@pytest.mark.parametrize(
    "answer",
    [
        *("n × h", "n x h", "(n, h)", "3×4", [3, 4], ["n", "h"], r"$n \times h$"),
        *(np.array([3, 4]), np.array(["n", "h"])),
    ],
)
def test_a_shape_is_said_in_letters_or_numbers(answer):
    assert marked(SHEETS["relu"], "3.2", answer)[0] == 1
    assert marked(SHEETS["relu"], "3.6", answer)[0] == 0


@pytest.mark.parametrize("answer", ["1 × h", "h × 1", "h", [4], (1, 4), "4x1"])
def test_the_gradient_of_a_bias_is_a_row_or_a_column(answer):
    is_row = str(answer)[0] in "(1"
    for name, is_own in (("relu", is_row), ("columns", not is_row)):
        sheet = SHEETS[name]
        mark, verdict, _ = marked(sheet, "3.4", answer)
        assert (mark, verdict == "right") == (1, is_own)
        assert marked(sheet, "3.4", answer, layout=sheet.layout)[0] == is_own


@pytest.mark.parametrize("answer", [5, "", "  ", [], {}, [["x"]], True, 1j])
def test_no_formula_at_all_is_unread(answer):
    assert marked(SHEETS["relu"], "2.1", answer)[:2] == (None, "unread")


def test_a_formula_is_never_run_and_never_takes_the_machine():
    for answer in ("9^9^9^9^9", "(" * 700 + "x" + ")" * 700, "x" * 10**6,
                   "W1 x + b1 + 0 e^{e^{e^{e^{9}}}}", "1/0", "log(0 - 1)"):  # fmt: skip
        mark, _, text = marked(SHEETS["relu"], "2.1", answer)
        assert not mark and text


def test_nothing_that_a_student_writes_crashes():
    rng = random.Random(1)
    parts = RIGHT.replace("|", " ").split() + list(
        "()[]{}^_+-*/=|'<>,.0123ijKTxyzWb∂Σσ"
    )
    parts += [
        "^{",
        "_{",
        "}",
        "^T",
        "_i",
        "diag(",
        "Σᵢ",
        "max(",
        "else",
        "\\frac{",
        "‖",
    ]
    for _ in range(400):
        answer = "".join(rng.choices(parts, k=rng.randint(1, 7)))
        key = rng.choice(["2.1", "2.5", "3.1", "4.1", "4.3"])
        mark, verdict, text = marked(SHEETS["relu"], key, answer)
        assert verdict == "right" or text, answer


def test_the_order_of_two_indices_counts():
    points = SHEETS["relu"].asked["4.1"].targets["numerator"]
    point = points[0].point
    straight, turned = (
        Evaluation(text, point).sides()[0].array() for text in ("W1_{ij}", "W1_{ji}")
    )
    assert straight.tolist() == point.values["W⁽¹⁾"].tolist() == turned.T.tolist()


def test_signs_keep_the_length_of_a_formula():
    for _, answer in lines(RIGHT):
        assert len(signs(answer)) == len(answer)


def test_an_error_points_into_the_line_where_it_is():
    with pytest.raises(FormulaError) as error:
        read("W1 x\n + § b1")
    assert str(error.value).splitlines()[1:] == ["     + § b1", "       ^"]


@pytest.mark.parametrize("thing", [Evaluation, read])
def test_the_examples_that_need_lark_run(thing):
    text = thing.__doc__
    example = doctest.DocTestParser().get_doctest(text, {}, thing.__name__, None, None)
    assert any(doctest.SKIP in line.options for line in example.examples)
    for line in example.examples:
        line.options.pop(doctest.SKIP, None)
    assert doctest.DocTestRunner().run(example).failed == 0
