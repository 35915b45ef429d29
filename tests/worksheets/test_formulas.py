"""Formulas as students write them, read."""

import doctest
import random
import sys

import pytest
from homework import lines, marked, paper, sheet_of

from mlp import Linear
from mlp.worksheets import formulas
from mlp.worksheets.formulas import FormulaError, read, signs

pytest.importorskip("lark")


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
softmax 4.1 | z2_j δ_ji - z2_i z2_j
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


@pytest.mark.parametrize(("at", "answer"), lines(RIGHT))
def test_what_is_equal_is_right(at, answer):
    name, key = at.split()
    assert marked(paper(name), key, answer) == (1, "right", "")


@pytest.mark.parametrize(("answer", "sentence", "place"), lines(UNREAD))
def test_what_cannot_be_read_has_no_mark_and_points_at_the_place(
    answer, sentence, place
):
    mark, verdict, text = marked(paper("relu"), "2.1", answer, hints="none")
    assert mark is None and verdict == "unread"
    assert sentence in text.splitlines()[0]
    assert text.splitlines()[1:] == [f"    {answer}", place.rstrip()]


def test_a_formula_is_never_run_and_never_takes_the_machine():
    for answer in ("9^9^9^9^9", "(" * 700 + "x" + ")" * 700, "x" * 10**6,
                   "W1 x + b1 + 0 e^{e^{e^{e^{9}}}}", "1/0", "log(0 - 1)"):  # fmt: skip
        mark, _, text = marked(paper("relu"), "2.1", answer)
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
        mark, verdict, text = marked(paper("relu"), key, answer)
        assert verdict == "right" or text, answer


def test_signs_keep_the_length_of_a_formula():
    for _, answer in lines(RIGHT):
        assert len(signs(answer)) == len(answer)


def test_an_error_points_into_the_line_where_it_is():
    with pytest.raises(FormulaError) as error:
        read("W1 x\n + § b1")
    assert str(error.value).splitlines()[1:] == ["     + § b1", "       ^"]


def test_the_example_that_needs_lark_runs():
    example = doctest.DocTestParser().get_doctest(read.__doc__, {}, "read", None, None)
    assert any(doctest.SKIP in line.options for line in example.examples)
    for line in example.examples:
        line.options.pop(doctest.SKIP, None)
    assert doctest.DocTestRunner().run(example).failed == 0


def test_without_lark_a_formula_is_a_sentence_and_numbers_are_marked(monkeypatch):
    monkeypatch.setitem(sys.modules, "lark", None)
    formulas._parser.cache_clear()
    sheet = sheet_of(Linear(2, 1), questions=["forward", "numbers"])
    numbers = {k: a for k, a in sheet.solution.items() if k.startswith("5.")}
    assert sheet.grade(numbers).total == len(numbers)
    with pytest.raises(ImportError, match=r"pip install '\.\[formulas\]'"):
        sheet.grade({"2.1": "W1 x + b1 + 0"})


def test_more_words_are_functions_and_else_they_are_letters_side_by_side():
    assert [t.data for t in read("sin(x)", ("sin", "cos")).children] == ["call"]
    assert [t.data for t in read("sin(x)").children] == ["times"]
    assert [t.data for t in read("sine(x)", ("sin", "cos")).children] == ["times"]
