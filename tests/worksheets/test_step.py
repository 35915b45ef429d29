"""One training step with numbers: right, and with the slips that have a name."""

import numpy as np
import pytest
from homework import NETS, gradients, key_of, made, row, sheet_of

from mlp import (
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
from mlp.derivation import RULES
from mlp.worksheets import worksheet
from mlp.worksheets.step import rise_or_fall


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


READS = {  # on Linear(3, 4), ReLU, Linear(4, 3)
    "Z₁": ["X"],
    "Z₂": ["Z₁"],
    "Ŷ": ["Z₂"],
    "ℓ": ["Ŷ"],
    "G₃": ["Ŷ"],
    "∂ℓ/∂W⁽²⁾": ["G₃", "Z₂"],
    "∂ℓ/∂b⁽²⁾": ["G₃", "Z₂"],
    "G₂": ["G₃", "Z₂"],
    "G₁": ["G₂", "Z₁", "Z₂"],
    "∂ℓ/∂W⁽¹⁾": ["G₁", "X"],
    "∂ℓ/∂b⁽¹⁾": ["G₁", "X"],
    "W⁽¹⁾ after": ["∂ℓ/∂W⁽¹⁾"],
    "b⁽¹⁾ after": ["∂ℓ/∂b⁽¹⁾"],
    "W⁽²⁾ after": ["∂ℓ/∂W⁽²⁾"],
    "b⁽²⁾ after": ["∂ℓ/∂b⁽²⁾"],
}


def test_each_number_is_asked_for_after_those_that_it_follows_from(sheet):
    asked = [q for key, q in sheet.asked.items() if key.startswith("5.")]
    assert [(q.letter, q.reads) for q in asked] == [*READS.items()]
    assert [q.key for q in asked] == [f"5.{k}" for k in range(1, 16)]
    for k, question in enumerate(asked):
        assert [*question.before] == [*READS][:k]


@pytest.mark.parametrize("name", NETS)
def test_a_number_follows_from_those_that_it_reads_and_from_no_other(name):
    sheet = made(name, questions="numbers")
    seen = set()
    for question in sheet.asked.values():
        for letter, earlier in question.before.items():
            values = dict(sheet.training.values)
            earlier.write(values, 0.9 * earlier.solution)
            kept = dict(values)
            got = question.run(values)
            assert values.keys() == kept.keys()
            assert all(values[name] is kept[name] for name in kept)
            changed = not np.allclose(got, question.solution, rtol=1e-6, atol=0)
            assert letter in question.reads or not changed
            seen |= {(question.letter, letter)} if changed else set()
    assert {"ℓ", "Ŷ", "W⁽¹⁾ after", "∂ℓ/∂W⁽²⁾"} <= {letter for letter, _ in seen}


def test_slips_of_a_square_weight_are_transposed_somewhere():
    sheet = sheet_of(Linear(2, 2), Sigmoid(), Linear(2, 2), seed=1)
    v = sheet.training.values
    turned = sheet.x @ v["W⁽¹⁾"] + v["b⁽¹⁾"].T
    assert row(sheet, "Z₁", lambda a: turned)[1:] == (
        "transposed: the weight in it is transposed", "transposed"
    )  # fmt: skip
    stepped = v["W⁽²⁾"] - sheet.lr * v["∂ℓ/∂W⁽²⁾"]
    assert row(sheet, "W⁽²⁾ after", lambda a: stepped)[1:] == (
        "transposed: the gradient is not transposed back", "transposed"
    )  # fmt: skip
    columns = sheet_of(Linear(2, 2), layout="denominator", seed=1)
    g = columns.training.values["∂ℓ/∂W⁽¹⁾"]
    after = columns.training.values["W⁽¹⁾"] - columns.lr * g.T
    assert row(columns, "W⁽¹⁾ after", lambda a: after)[2] != "transposed"


@pytest.mark.parametrize("bias", [True, False])
def test_a_wrong_output_of_a_linear_layer_that_is_not_square_is_no_slip(bias):
    sheet = sheet_of(Linear(3, 4, bias=bias), ReLU(), Linear(4, 2), seed=1)
    assert row(sheet, "Z₁", lambda a: np.roll(a, 1))[2] == "differs"
    if bias:
        b = sheet.training.values["b⁽¹⁾"].T
        assert row(sheet, "Z₁", lambda a: a - 2 * b)[2] == "bias sign"


def test_the_diagonal_of_a_softmax_alone_is_named():
    sheet = sheet_of(Linear(2, 3), Softmax(), Linear(3, 2), seed=1)
    v = sheet.training.values
    alone = v["G₂"] * v["Z₂"] * (1 - v["Z₂"])
    assert row(sheet, "G₁", lambda a: alone)[2] == "diagonal only"
    one_row = v["G₃"][:1].T @ v["Z₂"][:1]  # of ∂ℓ/∂W⁽²⁾, in the layout of the sheet
    assert row(sheet, "∂ℓ/∂W⁽²⁾", lambda a: one_row.T)[2] == "not summed"


def asked_of(sheet):
    return {text.split(". ")[0]: sheet.solution[k] for k, text in
            sheet.questions.items()}  # fmt: skip


@pytest.mark.parametrize(
    ("layers", "loss", "sentence", "factor"),
    [
        (lambda: [Linear(2, 3)], MSELoss(), "1/K of its mean", 3),
        (lambda: [Linear(2, 1)], MSELoss(), "1/N of its mean", 2),
        (lambda: [Linear(2, 3)], CrossEntropyLoss(), "1/N of its mean", 2),
        (lambda: [Linear(2, 3)], MSELoss("sum"), None, None),
    ],
)
def test_the_mean_that_a_backward_forgets_is_that_of_the_loss(
    layers, loss, sentence, factor
):
    net = Sequential(*layers())
    asked = asked_of(worksheet(net, loss, questions="mistakes"))
    found = [(text, n) for text, n in asked.items() if "forgets" in text]
    if sentence is None:
        assert found == []
    else:
        ((text, answer),) = found
        assert sentence in text and answer == factor


def test_the_backward_that_returns_what_it_is_given_is_that_of_the_last_curve():
    layers = Linear(2, 2), Tanh(), Linear(2, 2), Sigmoid(), Linear(2, 1), Identity()
    sheet = sheet_of(*layers, questions=["numbers", "mistakes"])
    asked, values = asked_of(sheet), sheet.training.values
    assert np.array_equal(
        asked["The backward of f₂ returns what it is given"], values["G₄"]
    )
    straight = asked_of(sheet_of(Linear(2, 2), Identity(), questions="mistakes"))
    assert not [text for text in straight if "returns what it is given" in text]


def test_arrays_of_rows_have_no_other_layout(sheet):
    for letter in ("Z₁", "G₂"):
        assert row(sheet, letter, np.transpose)[::2] == (0, "transposed")
    assert "returns what it is given" in sheet.questions["6.3"]
    marks = sheet.grade({"6.3": sheet.solution["6.3"].T})
    assert (marks.total, marks.verdicts["6.3"]) == (0, "transposed")


def test_what_goes_wrong_follows_from_the_answers_before(sheet):
    key, letter = key_of(sheet, "∂ℓ/∂b⁽²⁾"), "6.2"
    wrong = sheet.solution[key] + [1.0, -2.0, 0.5]
    marks = sheet.grade({key: wrong, letter: 2 * wrong})
    assert marks.verdicts[letter] == "carried"
    assert sheet.grade({letter: wrong}).verdicts[letter] == "differs"
    assert sheet.grade({letter: sheet.solution[key]}).total == 0


@pytest.mark.parametrize("name", NETS)
def test_from_zero_as_many_gradients_are_not_0_as_the_net_has_there(name):
    sheet = made(name, questions="mistakes")
    (key,) = (k for k, text in sheet.questions.items() if "are 0 at the start" in text)
    total = sum(p.data.size for p in sheet.model.parameters())
    assert f"All {total} parameters" in sheet.questions[key]
    for parameter in sheet.model.parameters():
        parameter.data[...] = 0
    assert sheet.solution[key] == sum(
        np.count_nonzero(g) for g in gradients(sheet).values()
    )


def test_from_zero_a_loss_that_refuses_the_prediction_gives_no_gradient(monkeypatch):
    class Positive(MSELoss):
        def forward(self, prediction, target, weight=None):
            if not np.all(prediction):
                raise ValueError("expected a prediction that is not 0")
            return super().forward(prediction, target)

    monkeypatch.setitem(RULES, Positive, RULES[MSELoss])
    sheet = worksheet(Sequential(Linear(2, 1)), Positive(), questions="mistakes")
    assert [*sheet.solution.values()][-1] == 0


def test_a_step_uphill_raises_the_loss_and_leaves_the_net_alone():
    sheet = made("homework", questions="steps")
    before = sheet.model.state_dict()
    assert rise_or_fall(sheet.derivation, sheet.x, sheet.y) == "rises"
    for name, array in sheet.model.state_dict().items():
        assert np.array_equal(array, before[name])
