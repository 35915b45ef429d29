"""Answers in words, shapes and formulas, and what is found of them."""

import numpy as np
import pytest
from homework import lines, marked, paper, sheet_of

from mlp import Linear
from mlp.worksheets.evaluation import Evaluation
from mlp.worksheets.questions import LAYOUTS, RIGHT, Chosen, Ordered, Question, State

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
relu 4.3 | factor 2 (1/K lost) | 2(ŷ − y)^T = (2/K)(ŷ − y)^T
relu 2.1 | factor 7 | (7 W1 x + 7 b1)^T
relu 2.1 | the question | z1 = z1
relu 3.1 | the question | ∂ℓ/∂W1 = ∂ℓ/∂W1
relu 2.5 | shape | ŷ - y
relu 2.5 | differs | log(-1)
relu 4.3 | shape | 1
relu 3.3 | zero | 0 dl/dyhat W2 dz2/dz1
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


BOTH = LAYOUTS


@pytest.mark.parametrize(
    ("allowed", "found", "share", "said"),
    [
        (BOTH, ["numerator"], 1, ""),
        (BOTH, BOTH, 1, ""),
        (["numerator"], BOTH, 1, ""),
        (BOTH, ["denominator"], 1, "in denominator layout; the sheet is in numerator"),
        (["numerator"], ["denominator"], 0, "in denominator layout; the sheet is in "),
        (["denominator"], ["denominator"], 1, "in denominator layout; the sheet is in"),
        (["denominator"], ["numerator"], 0, "in numerator layout; marks are for denom"),
    ],
)
def test_an_answer_has_its_mark_in_the_layouts_that_are_allowed(
    allowed, found, share, said
):
    result = State("numerator", tuple(allowed), {}).in_layouts(found)
    assert result.share == share and said in result.sentence
    assert (result == RIGHT) is (said == "")
    mirrored = {"numerator": "denominator", "denominator": "numerator"}
    turned = State("denominator", tuple(mirrored[a] for a in allowed), {})
    assert turned.in_layouts([mirrored[f] for f in found]).share == share


def test_the_other_layout_is_the_one_that_the_sheet_is_not_in():
    for layout, other in (BOTH, BOTH[::-1]):
        found = State(layout, BOTH, {}).in_other_layout()
        assert f"in {other} layout; the sheet is in {layout}" in found.sentence


STEPS = "forward", "loss", "zero the gradients", "backward", "step"


@pytest.mark.parametrize(
    ("order", "label"),
    [
        ("12345", "right"),
        ("31245", "right"),
        ("13245", "right"),
        ("12435", "zeroed late"),
        ("12453", "zeroed late"),
        ("21345", "order"),
        ("12354", "order"),
        ("14235", "order"),
        ("1234", "unread"),
        ("112345", "unread"),
    ],
)
def test_an_order_of_the_steps_is_right_or_says_why_not(order, label):
    names = [STEPS[i] for i in (3, 0, 4, 2, 1)]
    question = Ordered("1.1", [], names)
    letters = dict(zip(names, "ABCDE", strict=True))
    given = [letters[STEPS[int(i) - 1]] for i in order]
    found = question.found(" → ".join(given), State("numerator", BOTH, {}))
    assert (found.label, found.share) == (label, float(label == "right"))
    assert question.found([STEPS[int(i) - 1] for i in order], None).label == label
    assert question.solution == "B E D A C"


@pytest.mark.parametrize(
    ("answer", "label"),
    [
        ("rises", "right"),
        (" Rises.\n", "right"),
        ("falls", "the other way round"),
        ("up", "unread"),
        (1, "unread"),
        (None, "unread"),
    ],
)
def test_a_word_is_one_of_a_few(answer, label):
    question = Chosen("6.1", [], ("rises", "falls"), "rises")
    found = question.found(answer, State("numerator", BOTH, {}))
    assert (found.label, found.share) == (label, float(label == "right"))
    assert found.sentence == "expected rises or falls" * (label == "unread")


def test_what_gives_nothing_away_is_said_without_hints():
    sheet = paper("relu")
    for answer, said in (
        ("z1", "z₁ may not stand in this answer"),
        ("W2 x", "W2 is 2 × 4 and cannot multiply x, which is 3 × 1"),
        ("z1 = z1", "an answer is not the question itself"),
        ("(", "the formula ends too early"),
        ("", "expected a formula, as text"),
    ):
        text = marked(sheet, "2.1", answer, hints="none")[2]
        assert text.startswith(said)
    for answer in ("-W1 x - b1", "2 W1 x + 2 b1", "W1 x"):
        assert marked(sheet, "2.1", answer, hints="none")[2] == ""


@pytest.mark.parametrize(
    ("at", "answer", "said"),
    [
        ("4.3", "1", "it is a number and should be 1 × 2"),
        ("2.5", "ŷ − y", "it is 2 × 1 and should be a number"),
        (
            "4.3",
            "I",
            "it is 2 × 2, a matrix; what is asked for is 1 × 2, which has one",
        ),
        ("2.1", "log(-1) x", "it has no finite value at random points"),
        ("2.1", "W1 x", "it has another value at random points"),
        ("3.1", "x dl/dyhat dyhat/dz3 W2", "∂z₂/∂z₁ is left out"),
    ],
)
def test_what_is_wrong_with_a_formula_is_a_sentence(at, answer, said):
    assert said in marked(paper("relu"), at, answer)[2]


def test_a_question_shows_its_answer_and_has_room_for_one():
    asked = paper("relu").asked
    shown = {key: ("".join(map(str, asked[key].shown)), asked[key].room)
             for key in ("2.1", "3.2")}  # fmt: skip
    assert shown == {"2.1": ("W⁽¹⁾x + b⁽¹⁾", 2), "3.2": ("n × h", 1)}
    with pytest.raises(NotImplementedError):
        Question("1", [], "", [], 1).found("", State("numerator", BOTH, {}))


def test_a_formula_that_is_nested_too_deeply_is_left_to_a_person(monkeypatch):
    def deep(self, tree):
        raise RecursionError

    monkeypatch.setattr(Evaluation, "of", deep)
    found = paper("relu").asked["2.1"].found("x", State("numerator", BOTH, {}))
    assert found[:3] == (None, "unread", "it is nested too deeply")
