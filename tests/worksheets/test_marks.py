"""grade: rounding, layouts, slips, and errors carried forward."""

import json
import sys

import numpy as np
import pytest

from mlp import BCELoss, Linear, MSELoss, ReLU, Sequential, Sigmoid
from mlp.worksheets import formulas, worksheet


def sheet_of(*layers, loss=MSELoss, **how):
    how.setdefault("questions", ["numbers", "mistakes"])
    return worksheet(Sequential(*layers), loss(), **how)


@pytest.fixture(scope="module")
def sheet():
    return sheet_of(Linear(3, 4), ReLU(), Linear(4, 3), seed=1)


@pytest.fixture(scope="module")
def curved():
    return sheet_of(
        Linear(2, 3), Sigmoid(), Linear(3, 3), Sigmoid(), loss=BCELoss, seed=1
    )


def key_of(sheet, letter):
    return next(k for k, q in sheet.asked.items() if q.letter == letter)


def row(sheet, letter, change, **how):
    """Grade the solution with one answer changed, and return its row."""
    key = key_of(sheet, letter)
    answers = sheet.solution
    answers[key] = change(answers[key])
    marks = sheet.grade(answers, **{"hints": "all"} | how)
    found = next(row for row in marks.rows if row.question == key)
    return found.mark, found.text, marks.verdicts[key]


def test_one_unit_of_the_last_digit_is_allowed_for(curved):
    for letter in ("Z₁", "ℓ", "∂ℓ/∂W⁽¹⁾", "b⁽²⁾ after"):
        assert row(curved, letter, lambda a: np.round(a, curved.digits))[0] == 1
        unit = 10.0**-curved.digits
        assert row(curved, letter, lambda a, unit=unit: a + unit)[0] == 1
        near = row(curved, letter, lambda a, u=unit: np.round(a, curved.digits) - u)
        assert near[0] == 1
        for off in (1.7, -2.5):
            mark, _, verdict = row(
                curved, letter, lambda a, off=off: a + off * 10.0**-curved.digits
            )
            assert (mark, verdict) == (0, "rounding")


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


@pytest.mark.parametrize(
    ("letter", "change", "verdict"),
    [
        ("∂ℓ/∂W⁽²⁾", lambda a: 7 * a, "factor 7"),
        ("∂ℓ/∂W⁽¹⁾", lambda a: 2 * a, "factor 2 (1/N lost)"),
        ("G₃", lambda a: 3 * a, "factor 3 (1/K lost)"),
        ("G₃", lambda a: 6 * a, "factor 6 (1/(N·K) lost)"),
        ("G₃", lambda a: a / 3, "factor 0.3333 (1/K taken twice)"),
        ("ℓ", lambda a: 2 * a, "factor 2 (1/N lost)"),
        ("G₂", lambda a: -a, "sign"),
        ("Z₁", lambda a: -a, "sign"),
        ("Z₁", lambda a: a.T, "transposed"),
        ("b⁽¹⁾ after", lambda a: 0 * a, "zero"),
        ("G₁", lambda a: np.roll(a, 1), "differs"),
    ],
)
def test_a_slip_is_named(sheet, letter, change, verdict):
    mark, text, found = row(sheet, letter, change)
    assert (mark, found) == (0, verdict)
    assert verdict.split(" (")[0] in text


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


def test_the_other_layout_is_named_and_has_its_mark_as_the_teacher_sets(sheet):
    for layout, expected in ((None, 1), ("denominator", 1), ("numerator", 0)):
        for hints in ("none", "some", "all"):
            mark, text, verdict = row(
                sheet, "∂ℓ/∂W⁽¹⁾", np.transpose, layout=layout, hints=hints
            )
            assert (mark, verdict) == (expected, "transposed (other layout)")
            assert "transposed: in denominator layout" in text
    assert row(sheet, "∂ℓ/∂W⁽¹⁾", lambda a: a, layout="numerator")[0] == 1


def test_the_layout_of_the_sheet_has_no_marks_if_the_teacher_sets_the_other():
    pytest.importorskip("lark")
    layers = Linear(3, 4), ReLU(), Linear(4, 3), Sigmoid()
    sheet = sheet_of(*layers, questions="all", seed=1)
    marks = sheet.grade(sheet.solution, layout="denominator")
    lost = {row.question for row in marks.rows if not row.mark}
    laid = {
        key
        for key, text in sheet.questions.items()
        if key[0] == "3" or (key[0] == "5" and text in ("∂ℓ/∂W⁽¹⁾", "∂ℓ/∂W⁽²⁾"))
    }
    loss_by_prediction = max(key for key in sheet.questions if key[0] == "4")
    assert lost == laid | {loss_by_prediction}  # what is symmetric keeps its mark
    assert all("marks are for denominator" in r.text for r in marks.rows if not r.mark)


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


def test_steps_may_be_numbered_and_a_word_may_end_in_a_full_stop(sheet):
    assert sheet.grade({"6.1": f"{sheet.solution['6.1']}."}).total == 1
    steps = sheet_of(Linear(2, 2), questions="steps")
    numbered = [f"{k}) {s}" for k, s in enumerate(steps.solution["1.1"].split(), 1)]
    assert steps.grade({"1.1": " ".join(numbered)}).total == 1


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


def test_missing_and_unknown_questions_are_rows(sheet):
    marks = sheet.grade({"5.1 ": sheet.solution["5.1"], "5.111": 3, 7: "x"})
    assert marks.total == 1
    assert marks.maximum == len(sheet.questions)
    assert {r.text for r in marks.rows[1:-2]} == {"no answer"}
    assert "did you mean 5.1" in marks.rows[-2].text
    assert marks.rows[-1][:3] == ("7", None, 0)
    assert "no such question" in str(marks) and "Total 1 of" in str(marks)


def test_hints_say_nothing_something_or_all(sheet):
    said = {
        h: row(sheet, "Z₁", lambda a: -a, hints=h)[1] for h in ("none", "some", "all")
    }
    assert said["none"] == ""
    assert said["some"] == "look at: a sign"
    assert said["all"].startswith("sign: ")
    with pytest.raises(ValueError, match="hints"):
        sheet.grade({}, hints="much")
    with pytest.raises(ValueError, match="layout"):
        sheet.grade({}, layout="rows")


def test_answers_from_a_file(sheet, tmp_path):
    path = tmp_path / "answers.json"
    solution = {k: np.asarray(a).tolist() for k, a in sheet.solution.items()}
    path.write_text(json.dumps(solution), encoding="utf-8-sig")
    assert sheet.grade(path).total == sheet.grade(str(path)).total == len(solution)
    for text in ("{", "[1, 2]", "", "\x00"):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(ValueError, match=r"grade: expected .*answers.json"):
            sheet.grade(path)
    with pytest.raises(FileNotFoundError):
        sheet.grade(tmp_path / "none.json")
    with pytest.raises(TypeError, match="answers as a dict"):
        sheet.grade([1, 2])


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


def test_without_lark_a_formula_is_a_sentence_and_numbers_are_marked(monkeypatch):
    monkeypatch.setitem(sys.modules, "lark", None)
    formulas._parser.cache_clear()
    sheet = sheet_of(Linear(2, 1), questions=["forward", "numbers"])
    numbers = {k: a for k, a in sheet.solution.items() if k.startswith("5.")}
    assert sheet.grade(numbers).total == len(numbers)
    with pytest.raises(ImportError, match=r"pip install '\.\[formulas\]'"):
        sheet.grade({"2.1": "W1 x + b1 + 0"})
