"""Answers in numbers: read, right, and right given the answers before."""

import json

import numpy as np
import pytest
from homework import key_of, row, sheet_of

from mlp import Linear, ReLU
from mlp.worksheets.computed import Computed
from mlp.worksheets.questions import LAYOUTS, RIGHT, State
from mlp.worksheets.slips import Slip


@pytest.mark.parametrize(
    "written",
    [
        lambda a: json.dumps(a.tolist()),
        lambda a: [[f" {n!r} ".replace("-", "−") for n in r] for r in a.tolist()],
        lambda a: np.array(a, str),
        lambda a: [json.dumps(r) for r in a.tolist()],
        lambda a: [[f"{2 * n:g}/2" for n in r] for r in a.tolist()],
    ],
)
def test_numbers_may_be_written_as_text(sheet, written):
    assert row(sheet, "Z₁", written) == (1, "", "right")
    assert row(sheet, "Z₁", lambda a: written(-a))[::2] == (0, "sign")


LOOP: list = []
LOOP.append(LOOP)


@pytest.mark.parametrize(
    "answer",
    ["", "a", "1/0", "1/2/3", "[[1, 2", "[" * 10_000, [["1", "b"]], {"a": []}, b"1",
     "9" * 9999 + "x", "[{}]", "nan", "1" * 400, object(), [[1], [2, 3]], LOOP],
)  # fmt: skip
def test_what_is_no_number_is_said_so_in_a_short_sentence(sheet, answer):
    mark, text, verdict = row(sheet, "Z₁", lambda _: answer)
    assert (mark, verdict) == (0, "unread")
    assert text and len(text) < 130 and "one_hot" not in text


def test_an_answer_may_leave_out_sides_of_one_and_be_a_list():
    sheet = sheet_of(Linear(2, 2), ReLU(), Linear(2, 1))
    flat = {k: np.ravel(a).tolist() if np.ndim(a) and 1 in np.shape(a) else a
            for k, a in sheet.solution.items()}  # fmt: skip
    flat |= {k: np.asarray(a)[np.newaxis] for k, a in sheet.solution.items()
             if np.ndim(a) == 1}  # fmt: skip
    assert sheet.grade(flat).total == len(flat)


def student(sheet, wrong_at, slip):
    """Return the answers of one who makes a slip, and goes on rightly from it."""
    values, answers = dict(sheet.training.values), {}
    for key, question in sheet.asked.items():
        if isinstance(question.solution, str):
            answers[key] = question.solution
            continue
        array = np.round(question.run(values), sheet.digits)
        if question.letter == wrong_at:
            array = slip(array)
        question.write(values, array)
        answers[key] = array.tolist()
    return answers


@pytest.mark.parametrize("slip", [lambda a: -a, lambda a: a + 0.25, lambda a: 0.5 * a])
@pytest.mark.parametrize("which", ["sheet", "curved"])
def test_an_error_that_is_carried_forward_costs_one_mark(request, which, slip):
    sheet = request.getfixturevalue(which)
    letters = [q.letter for q in sheet.asked.values() if getattr(q, "letter", "")]
    for letter in letters:
        if which == "curved" and letter == "Ŷ":
            continue  # BCELoss refuses what is not within 0 and 1
        answers = student(sheet, letter, slip)
        wrong = [r for r in sheet.grade(answers).rows if r.mark != 1]
        assert [r.question for r in wrong] == [key_of(sheet, letter)], wrong


def test_a_carried_answer_says_what_it_follows_from(sheet):
    answers = student(sheet, "Z₁", lambda a: a + 1)
    texts = {r.question: r.text for r in sheet.grade(answers).rows}
    assert texts[key_of(sheet, "Z₂")] == "right, given your 5.1"
    answers["5.3"] = [[9.0] * 3] * 2  # a second slip counts too
    marks = {r.question: r.mark for r in sheet.grade(answers).rows}
    assert (marks["5.1"], marks["5.2"], marks["5.3"]) == (0, 1, 0)


def test_a_transposed_answer_is_turned_back_before_it_is_carried(sheet):
    answers = sheet.solution
    for letter in ("Z₁", "Z₂", "∂ℓ/∂W⁽¹⁾"):
        answers[key_of(sheet, letter)] = answers[key_of(sheet, letter)].T
    wrong = [r.question for r in sheet.grade(answers).rows if r.mark != 1]
    assert wrong == [key_of(sheet, "Z₁"), key_of(sheet, "Z₂")]


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        ("a word", "real numbers"),
        ([[1, 2], [3]], ""),
        ([1.0, 2.0], "expected 2 × 4, got 2"),
        (np.nan, "NaN"),
        ([[np.inf] * 4] * 2, "NaN or infinity"),
        ([["a", "b"]], ""),
        ({"a": 1}, ""),
        ([], "expected 2 × 4"),
        (1 + 2j, ""),
        (True, ""),
        ([[1e400] * 4] * 2, "infinity"),
        ([[10**400] * 4] * 2, ""),
        (None, "no answer"),
        ("", ""),
        ([[[[1.0]]]], "expected 2 × 4"),
    ],
)
def test_what_is_no_answer_gets_a_text_and_never_a_crash(sheet, answer, text):
    marks = sheet.grade(sheet.solution | {"5.1": answer}, hints="none")
    row = marks.rows[0]
    assert row.mark == 0 and row.text and text in row.text
    assert marks.total == marks.maximum - 1


class Chain:
    """a, b = 2 a, c = 1000 a ⊙ b and d = a bᵀ, each from the ones before."""

    A = np.array([[1 / 3], [-1.5]])

    def __init__(self, layout="numerator", allowed=LAYOUTS):
        values, self.asked = {}, {}
        for letter, reads, run, more in (
            ("a", [], lambda v: self.A, {}),
            ("b", ["a"], lambda v: 2 * v["a"], {}),
            ("c", ["a", "b"], lambda v: 1000 * v["a"] * v["b"], {}),
            ("d", ["a"], lambda v: v["a"] @ [[1.0, 2.0, 3.0]], {"is_laid": True}),
            ("e", ["a"], root, {"wrong": lambda v: [Slip("own", "its", v["a"][:1])]}),
        ):

            def write(values, array, letter=letter):
                values[letter] = array

            key = f"question {letter}"
            made = Computed(key, [], letter, reads, run, write, values, **more)
            made.before = dict(self.asked)
            self.asked[letter] = made
        self.state = State(layout, tuple(allowed), dict(values))

    def found(self, letter, answer):
        return self.asked[letter].found(answer, self.state)


def root(values):
    if values["a"][0] < 0:
        raise ValueError("expected numbers that are not negative")
    return np.sqrt(values["a"][:1])


def test_a_right_answer_is_kept_as_it_was_given():
    chain = Chain()
    given = np.round(chain.A, 4)
    assert chain.found("a", given.tolist()) == RIGHT
    assert np.array_equal(chain.state.values["a"], given)
    assert chain.state.given == {"a": "question a"} and chain.state.right == {"a"}


def test_what_follows_from_a_wrong_answer_is_right_and_so_is_what_does_not():
    chain = Chain()
    assert chain.found("a", [[2.0], [7.0]]).label == "differs"
    carried = chain.found("b", [[4.0], [14.0]])
    assert carried == (1, "carried", "right, given your question a", True)
    assert chain.state.right == set()
    assert chain.found("b", 2 * chain.A) == RIGHT


def test_each_answer_may_be_the_one_that_another_follows_from():
    wrong_a, wrong_b = np.array([[2.0], [7.0]]), np.array([[1.0], [9.0]])
    for a, b, keys in (
        (wrong_a, wrong_b, "question a and question b"),
        (wrong_a, 2 * Chain.A, "question a"),
        (Chain.A, wrong_b, "question b"),
    ):
        chain = Chain()
        chain.found("a", wrong_a)
        chain.found("b", wrong_b)
        assert chain.found("c", 1000 * a * b).sentence == f"right, given your {keys}"


def test_an_answer_between_rounded_and_exact_is_right_if_those_before_are():
    exact = 1000 * Chain.A * 2 * Chain.A
    a, b = np.round(Chain.A, 4), np.round(2 * Chain.A, 4)
    rounded = 1000 * a * b  # off by 0.04 and more
    between = 0.4 * exact + 0.6 * rounded
    chain = Chain()
    chain.found("a", a)
    chain.found("b", b)
    assert chain.found("c", between) == RIGHT
    assert chain.found("c", rounded + 2 * (rounded - exact)).share == 0
    wrong = Chain()
    wrong.found("a", a)
    wrong.found("b", b + 1)
    assert wrong.found("c", between).share == 0


def test_an_answer_in_the_other_layout_is_turned_before_it_is_kept():
    right = Chain.A @ [[1.0, 2.0, 3.0]]
    for allowed, share in ((LAYOUTS, 1), (["numerator"], 0), (["denominator"], 1)):
        chain = Chain(allowed=allowed)
        found = chain.found("d", right.T)
        assert (found.share, found.label) == (share, "transposed (other layout)")
        assert np.array_equal(chain.state.values["d"], right)
    chain = Chain(allowed=["denominator"])
    assert chain.found("d", right).share == 0
    assert np.array_equal(chain.state.values["d"], right)


def test_the_other_layout_of_what_follows_from_a_wrong_answer_is_named_too():
    chain = Chain()
    chain.found("a", [[2.0], [7.0]])
    right = np.array([[2.0], [7.0]]) @ [[1.0, 2.0, 3.0]]
    assert chain.found("d", right.T).label == "transposed (other layout)"
    assert chain.found("d", right).label == "carried"


def test_a_column_may_lie_and_a_number_may_stand_in_brackets():
    chain = Chain()
    assert chain.found("a", chain.A.ravel()) == RIGHT
    assert chain.found("b", 2 * chain.A.T) == RIGHT
    assert chain.found("e", [[[np.sqrt(1 / 3)]]]) == RIGHT
    assert chain.found("e", "0.5774") == RIGHT


@pytest.mark.parametrize(
    ("letter", "answer", "label", "sentence"),
    [
        ("a", [1.0, 2.0, 3.0], "shape", "expected 2 × 1, got 3"),
        ("a", 1.0, "shape", "expected 2 × 1, got one number"),
        ("d", np.zeros((2, 2)), "shape", "expected 2 × 3, got 2 × 2"),
        ("a", [np.nan, 1.0], "unread", "it holds NaN or infinity"),
        ("a", "one", "unread", "expected real numbers, such as 0.5 or [[0.5, -1], [2"),
        ("a", [[1 / 3], [-2.5]], "differs", "in 1 of 2 numbers"),
        ("e", [[1 / 3]], "own", "its"),
        ("b", [[-2 / 3], [3.0]], "sign", "the sign is wrong"),
    ],
)
def test_what_is_wrong_with_numbers_is_said(letter, answer, label, sentence):
    found = Chain().found(letter, answer)
    assert (found.share, found.label) == (0, label)
    assert found.sentence.startswith(sentence)
    assert found.is_said is (label in ("shape", "unread"))


def test_what_cannot_be_read_changes_nothing_that_follows():
    chain = Chain()
    chain.found("a", "one")
    chain.found("a", [1.0, 2.0, 3.0])
    assert chain.state.given == {} and np.array_equal(chain.state.values["a"], chain.A)
    assert chain.found("b", 2 * chain.A) == RIGHT


def test_a_slip_is_named_after_a_wrong_answer_as_after_a_right_one():
    for answer in ([[-4.0], [-14.0]], -2 * Chain.A):  # of their number, and of ours
        chain = Chain()
        chain.found("a", [[2.0], [7.0]])
        assert chain.found("b", answer).label == "sign"
    chain = Chain()
    chain.found("a", [[2.0], [7.0]])
    assert chain.found("e", [[2.0]]).label == "own"
    assert chain.found("e", [[1 / 3]]).label == "own"


def test_numbers_from_which_nothing_follows_cost_one_mark():
    chain = Chain()
    chain.found("a", [[-2.0], [7.0]])  # of which there is no root
    assert chain.found("e", np.sqrt(1 / 3)) == RIGHT
    assert chain.found("e", 3.0).share == 0


def test_a_matrix_has_a_line_for_each_row():
    asked = Chain().asked
    assert {letter: question.room for letter, question in asked.items()} == {
        "a": 2, "b": 2, "c": 2, "d": 2, "e": 1
    }  # fmt: skip
