"""How a letter, a number and a bracket look in plain Unicode."""

import unicodedata

import pytest

from mlp.derivation.expressions import Symbol
from mlp.derivation.notation import Notation


@pytest.mark.parametrize("above", ["2", "10", "−1", "(12)", "+", "T", "(3)T"])
def test_a_power_is_the_raised_form_of_its_signs(above):
    text = Notation().power("x", above)
    assert text != f"x{above}"
    assert unicodedata.normalize("NFKC", text) == f"x{above}"


@pytest.mark.parametrize("above", ["0.5", "t", "1e−05", "2n"])
def test_a_power_without_a_raised_form_stands_in_parentheses(above):
    assert Notation().power("x", above) == f"x^({above})"


@pytest.mark.parametrize("below", ["0", "123", "i", "j", "k", "4567", "89"])
def test_an_index_is_the_lowered_form_of_its_signs(below):
    text = Notation().index("z", below)
    assert text != f"z{below}"
    assert unicodedata.normalize("NFKC", text) == f"z{below}"


def test_numbers_brackets_and_signs():
    n = Notation()
    assert n.number("2.5", "−07") == "2.5e−07"
    assert n.number("2.5", "") == "2.5"
    assert n.fence("‖", "a", "‖") == "‖a‖"
    assert n.joined(" ← ", ["a", "b", "c"]) == "a ← b ← c"
    assert n.joined(" + ", ["a"]) == "a"


def test_fractions_in_a_line_need_parentheses_and_stacked_ones_do_not():
    class Stacked(Notation):
        inline_fractions = False

        def fraction(self, above, below):
            return f"<{above} over {below}>"

    a, b, c = map(Symbol, "abc")
    quotient = (a + b) / (b / c)
    assert quotient.layout(Notation()) == "(a + b)/(b/c)"
    assert quotient.layout(Stacked()) == "<a + b over <b over c>>"
