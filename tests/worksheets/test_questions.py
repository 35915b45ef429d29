"""Answers in words, shapes and formulas, and what is found of them."""

import numpy as np
import pytest
from homework import lines, marked, paper, sheet_of

from mlp import Linear

pytest.importorskip("lark")


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


@pytest.mark.parametrize(("at", "verdict", "answer"), lines(WRONG))
def test_what_is_wrong_is_named(at, verdict, answer):
    name, key = at.split()
    mark, found, text = marked(paper(name), key, answer)
    assert (mark, found) == (0, verdict) and text


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
    sheet = paper(name)
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
    assert marked(paper("relu"), "3.2", answer)[0] == 1
    assert marked(paper("relu"), "3.6", answer)[0] == 0


@pytest.mark.parametrize("answer", ["1 × h", "h × 1", "h", [4], (1, 4), "4x1"])
def test_the_gradient_of_a_bias_is_a_row_or_a_column(answer):
    is_row = str(answer)[0] in "(1"
    for name, is_own in (("relu", is_row), ("columns", not is_row)):
        sheet = paper(name)
        mark, verdict, _ = marked(sheet, "3.4", answer)
        assert (mark, verdict == "right") == (1, is_own)
        assert marked(sheet, "3.4", answer, layout=sheet.layout)[0] == is_own


@pytest.mark.parametrize("answer", [5, "", "  ", [], {}, [["x"]], True, 1j])
def test_no_formula_at_all_is_unread(answer):
    assert marked(paper("relu"), "2.1", answer)[:2] == (None, "unread")


def test_steps_may_be_numbered_and_a_word_may_end_in_a_full_stop(sheet):
    assert sheet.grade({"6.1": f"{sheet.solution['6.1']}."}).total == 1
    steps = sheet_of(Linear(2, 2), questions="steps")
    numbered = [f"{k}) {s}" for k, s in enumerate(steps.solution["1.1"].split(), 1)]
    assert steps.grade({"1.1": " ".join(numbered)}).total == 1


def test_the_order_of_the_steps():
    sheet = sheet_of(Linear(2, 1), questions="steps")
    right = sheet.solution["1.1"].split()
    f, loss, zero, b, step = right
    for answer in (right, " ".join(right).lower(), [zero, f, loss, b, step],
                   "forward, loss, zero the gradients, backward, step"):  # fmt: skip
        assert sheet.grade({"1.1": answer}).total == 1
    late, early = [f, loss, b, zero, step], [loss, f, zero, b, step]
    for answer in (late, early, "A B C D", 5, [f] * 5):
        assert sheet.grade({"1.1": answer}).total == 0
