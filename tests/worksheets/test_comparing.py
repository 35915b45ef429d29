"""How numbers differ, in a sentence, and in which line an error was raised."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small import Double

from mlp import check_layer
from mlp.worksheets.comparing import (
    differs,
    drawn,
    sentence_of_error,
    unchanged,
    verdict,
)

RIGHT = np.array([[1.0, -2.0, 0.5], [3.0, 0.0, -1.0]])


@pytest.mark.parametrize(
    ("got", "right", "said"),
    [
        (RIGHT.tolist(), RIGHT, ""),
        (RIGHT.astype(np.float32) * (1 + 1e-9), RIGHT, ""),
        (RIGHT + 1e-10, RIGHT, ""),
        (RIGHT > 0, RIGHT > 0, ""),
        ([], np.zeros(0), ""),
        (RIGHT.T, RIGHT, "f: transposed: expected shape (2, 3), got (3, 2)"),
        (-RIGHT.T, RIGHT, "f: expected shape (2, 3), got (3, 2)"),
        (1.0, np.ones(1), "f: expected shape (1,), got ()"),
        (3 * RIGHT, RIGHT, "f: factor 3: it is 3 times what is right"),
        (-RIGHT / 3, RIGHT, "f: factor -0.3333: it is -0.3333 times what is right"),
        (2.0, 1.0, "f: factor 2: it is 2 times what is right"),
        (2.0, 0.0, "f: expected 0, got 2"),
        (0 * RIGHT, RIGHT, "f: 5 of 6 entries differ; at (0, 0) expected 1, got 0"),
        ([1, 2, 3], [1, 2, 4], "f: 1 of 3 entries differ; at (2,) expected 4, got 3"),
        ([1, np.nan, np.inf], [1, 2, 3], "f: expected finite numbers, got nan"),
        ([1, np.inf], [1, 2], "f: expected finite numbers, got inf"),
    ],
)
def test_how_numbers_differ_is_a_sentence(got, right, said):
    assert differs("f", got, right) == said


@pytest.mark.parametrize(
    ("got", "kind"),
    [
        (None, "NoneType"),
        ("1", "str"),
        ([[1.0], [1.0, 2.0]], "list"),
        ([1 + 0j], "list"),
        (np.array([1 + 2j]), "complex128"),
        (np.array(["1"]), "<U1"),
        (np.array([None]), "object"),
    ],
)
def test_what_is_no_real_number_is_said_so(got, kind):
    assert differs("f", got, [1.0]) == f"f: expected numbers, got {kind}"


def test_a_small_difference_can_be_seen_in_the_sentence():
    assert differs("f", RIGHT * (1 + 1e-4), RIGHT, rtol=1e-3) == ""
    near = "f: 5 of 6 entries differ; at (0, 0) expected 1, got 1.000001"
    assert differs("f", RIGHT * (1 + 1e-6), RIGHT) == near
    single = differs("f", np.float32(1 / 3), 1 / 3, rtol=0)
    assert single == "f: expected 0.333333333333, got 0.333333343267"


@given(c=st.floats(-100, 100).filter(lambda c: abs(c) > 1e-3 and abs(c - 1) > 2e-3))
def test_any_factor_is_named(c):
    assert differs("f", c * RIGHT, RIGHT).startswith(f"f: factor {c:.4g}: it is ")


def raised(source):
    namespace = {"np": np}
    try:
        exec(compile(source, "some/folder/submission.py", "exec"), namespace)
        namespace["f"]()
    except Exception as error:
        return sentence_of_error(error, "another/submission.py")


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (
            "def g():\n    return 1 / 0\n\ndef f():\n    g()\n",
            "line 2: ZeroDivisionError: division by zero",
        ),
        (
            "x = 1\ndef f(:",
            "line 2: SyntaxError: invalid syntax (submission.py, line 2)",
        ),
        ("x = 1\ndef f():\n    raise KeyError", "line 3: KeyError"),
        ("def f():\n    raise ValueError('a\\n\\n  b')", "line 2: ValueError: a b"),
        (
            "def f():\n    return np.linalg.inv(np.zeros((2, 2)))",  # raised in NumPy
            "line 2: LinAlgError: Singular matrix",
        ),
        (
            "def f():\n    raise NotImplementedError('your code here')",
            "it is not written yet",
        ),
        (
            "def f():\n    raise NotImplementedError('later')",
            "line 2: NotImplementedError: later",
        ),
        (
            "def f():\n    raise ValueError('your code here')",
            "line 2: ValueError: your code here",
        ),
    ],
)
def test_an_error_is_told_with_the_line_of_the_file_where_it_arose(source, said):
    assert raised(source) == said


def test_an_error_from_elsewhere_has_no_line_and_a_long_one_is_cut():
    error = ValueError("x" * 2000)
    assert sentence_of_error(error, "submission.py") == f"ValueError: {'x' * 500}"


def test_what_is_written_into_is_named():
    x, g = drawn(2, 3), drawn(4)
    changed = np.where(np.arange(4) == 3, 0.0, g)
    assert unchanged(("x", x, x.copy()), ("g", g, g.copy())) == ""
    said = "it writes into g, which belongs to the caller"
    assert unchanged(("x", x, x.copy()), ("g", g, changed)) == said


def test_numbers_are_the_same_each_time_and_others_for_another_shape_or_seed():
    assert np.array_equal(drawn(40, 50), drawn(40, 50))
    assert drawn(40, 50).shape == (40, 50)
    assert abs(drawn(40, 50).mean()) < 0.1 and abs(drawn(40, 50).std() - 1) < 0.1
    assert not np.any(drawn(4) == drawn(4, seed=8))
    assert not np.any(drawn(2, 3).ravel() == drawn(6))


def test_the_verdict_on_one_gradient_is_a_sentence():
    class Sevenfold(Double):
        def backward(self, grad_output, *, needs_input_grad=True):
            return 7 * super().backward(grad_output)

    x = drawn(2, 3)
    assert verdict(check_layer(Double(), x), "x") == ""
    report = check_layer(Sevenfold(), x)
    assert verdict(report, "x").startswith("x: factor 7: it is 7 times")
    assert verdict(report, "weight") == ""
    silent = report.rows[0]._replace(sentence="")
    report.rows[:] = [silent._replace(name="other"), silent]
    assert verdict(report, "x") == "x: factor 7"
