"""One training step with numbers: right, and with the slips that have a name."""

import numpy as np
import pytest
from homework import NETS, gradients, made, row, sheet_of

from mlp import Linear, MSELoss, ReLU, Sequential, Sigmoid
from mlp.worksheets import worksheet


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("layout", ["numerator", "denominator"])
def test_the_solution_is_what_the_library_computes(name, layout):
    sheet = made(name, layout=layout, questions="numbers", seed=5)
    letters = {q.letter: q.solution for q in sheet.asked.values()}
    prediction = sheet.model.forward(sheet.x)
    np.testing.assert_allclose(letters["Ŷ"], prediction, rtol=1e-12)
    assert letters["ℓ"] == pytest.approx(sheet.criterion.forward(prediction, sheet.y))
    names = {id(p): n for n, p in sheet.model.named_parameters()}
    computed = gradients(sheet)
    for letter, parameter in sheet.derivation.parameters:
        g = computed[names[id(parameter)]]
        laid = g.T if layout == "numerator" else g
        np.testing.assert_allclose(letters[f"∂ℓ/∂{letter}"], laid, rtol=1e-9)
        after = parameter.data - sheet.lr * g
        np.testing.assert_allclose(letters[f"{letter} after"], after, rtol=1e-9)


# Worked out with a pencil: x₁ = (−1, 1), x₂ = (−½, 2), both y = −1,
# W⁽¹⁾ = [[−2, ½], [−1, −1½]], b⁽¹⁾ = (0, 1), W⁽²⁾ = [[1½, 1½]], b⁽²⁾ = ½, lr = 0.1.
BY_HAND = {
    "5.1": [[2.5, 0.5], [2, -1.5]],  # 2 + ½, 1 − 1½ + 1; 1 + 1, ½ − 3 + 1
    "5.2": [[2.5, 0.5], [2, 0]],
    "5.3": [[5], [3.5]],  # 3¾ + ¾ + ½; 3 + ½
    "5.4": 28.125,  # (6² + 4½²) / 2
    "5.5": [[6], [4.5]],  # 2/2 times 6 and 4½
    "5.6": [[24], [3]],  # 2½ · 6 + 2 · 4½, ½ · 6
    "5.7": [10.5],
    "5.8": [[9, 9], [6.75, 6.75]],
    "5.9": [[9, 9], [6.75, 0]],
    "5.10": [[-12.375, -9], [22.5, 9]],  # −9 − 3⅜, −9; 9 + 13½, 9
    "5.11": [15.75, 9],
    "5.12": [[-0.7625, -1.75], [-0.1, -2.4]],
    "5.13": [-1.575, 0.1],
    "5.14": [[-0.9, 1.2]],
    "5.15": [-0.55],
    "6.1": "rises",
    "6.2": 21,
    "6.3": [[9, 9], [6.75, 6.75]],
    "6.4": 2,
    "6.5": 1,
}


def test_a_sheet_solved_by_hand():
    net = Sequential(Linear(2, 2), ReLU(), Linear(2, 1))
    sheet = worksheet(net, MSELoss(), seed=1, questions=["numbers", "mistakes"])
    marks = sheet.grade(BY_HAND)
    assert [row for row in marks.rows if row.mark != 1 or row.text] == []
    assert list(BY_HAND) == list(sheet.questions)


def test_slips_that_need_the_other_numbers_are_named(sheet, curved):
    values = sheet.training.values
    expected = {
        "Z₁": (lambda a: a - values["b⁽¹⁾"].T, "bias left out"),
        "Z₂": (lambda a: values["Z₁"], "activation left out"),
        "G₁": (lambda a: values["G₂"], "slope left out"),
        "∂ℓ/∂b⁽²⁾": (lambda a: values["G₃"][0], "not summed"),
        "∂ℓ/∂W⁽²⁾": (lambda a: values["Z₂"].T @ np.ones((2, 3)), "grad_output left"),
        "W⁽¹⁾ after": (lambda a: 2 * values["W⁽¹⁾"] - a, "sign"),
        "W⁽²⁾ after": (lambda a: values["W⁽²⁾"], "not stepped"),
        "b⁽²⁾ after": (
            lambda a: values["b⁽²⁾"].ravel() - values["∂ℓ/∂b⁽²⁾"],
            "lr left out",
        ),
    }
    for letter, (change, verdict) in expected.items():
        mark, _, found = row(sheet, letter, change)
        assert mark == 0 and found.startswith(verdict), (letter, found)
    z, g = curved.training.values["Z₁"], curved.training.values["G₂"]
    assert row(curved, "G₁", lambda a: g * z * (1 - z))[2] == "x for y"


def test_without_biases_the_sum_of_two_backwards_has_a_layout_too():
    layers = Linear(2, 3, bias=False), Sigmoid(), Linear(3, 2, bias=False)
    sheet = sheet_of(*layers, seed=1)
    assert "∂ℓ/∂W⁽²⁾" in sheet.questions["6.2"]
    turned = {"6.2": sheet.solution["6.2"].T}
    for layout, mark in ((None, 1), ("denominator", 1), ("numerator", 0)):
        marks = sheet.grade(turned, layout=layout)
        assert (marks.total, marks.verdicts["6.2"]) == (
            mark, "transposed (other layout)"
        )  # fmt: skip
