"""Which questions a sheet has, their numbers, and what an answer may be made of."""

import numpy as np
import pytest
from homework import lines, made, paper, sheet_of

from mlp import LeakyReLU, Linear

# On Linear(3, 4), ReLU, Linear(4, 2), Identity and MSELoss.
ASKED = r"""
2.1 | What Linear₁ gives, from x
2.2 | What f gives, from x and the parameters
2.3 | What Linear₂ gives, from x and the parameters
2.4 | What g gives, from x and the parameters
2.5 | The loss of one data point
3.1 | ∂ℓ/∂W⁽¹⁾, as a product that begins or ends with ∂ℓ/∂ŷ
3.2 | The shape of ∂ℓ/∂W⁽¹⁾
3.3 | ∂ℓ/∂b⁽¹⁾, as a product that begins or ends with ∂ℓ/∂ŷ
3.4 | The shape of ∂ℓ/∂b⁽¹⁾
3.5 | ∂ℓ/∂W⁽²⁾, as a product that begins or ends with ∂ℓ/∂ŷ
3.6 | The shape of ∂ℓ/∂W⁽²⁾
3.7 | ∂ℓ/∂b⁽²⁾, as a product that begins or ends with ∂ℓ/∂ŷ
3.8 | The shape of ∂ℓ/∂b⁽²⁾
4.1 | ∂z₂/∂z₁, which is h × h: row i, column j
4.2 | ∂ŷ/∂z₃, which is K × K: row i, column j
4.3 | ∂ℓ/∂ŷ, which is 1 × K: entry i
"""


def test_sections_keep_their_numbers():
    whole, some = made("homework"), made("homework", questions=["numbers", "steps"])
    assert set(some.questions) < set(whole.questions)
    assert list(some.questions)[0] == "1.1" and list(some.questions)[-1] == "5.17"
    assert made("homework", questions="steps").questions == {
        "1.1": whole.questions["1.1"]
    }


def test_what_is_asked_for_in_formulas():
    assert list(paper("relu").questions.items()) == list(map(tuple, lines(ASKED)))


def test_the_steps_are_asked_for_in_the_order_in_which_they_were_shuffled():
    sheet = made("homework", questions="steps")
    question = sheet.asked["1.1"]
    shuffled = question.names.values()
    assert sorted(shuffled) == sorted(
        ["forward", "loss", "zero the gradients", "backward", "step"]
    )
    listed = ", ".join(map(" ".join, zip("ABCDE", shuffled, strict=True)))
    assert sheet.questions["1.1"].endswith(f"in order: {listed}.")


def test_a_long_net_is_asked_for_layer_by_layer():
    layers = [layer() for layer in [lambda: Linear(2, 2), LeakyReLU] * 4]
    long = sheet_of(*layers, questions="forward")
    assert long.questions["2.2"] == "What f₁ gives, from x and the parameters"
    assert long.questions["2.6"] == "What f₃ gives, from z₅"
    assert long.questions["2.9"] == "The loss of one data point, from ŷ and y"
    asked = long.asked["2.6"]
    assert asked.may("z₅") and not asked.may("z₄")


@pytest.mark.parametrize(
    ("key", "letters", "forbidden"),
    [
        ("2.1", ["x", "W⁽¹⁾", "b⁽²⁾", "K", "n", "h", "y"], ["z₁", "ŷ", "∂ℓ/∂z₁"]),
        ("2.5", ["x", "W⁽²⁾", "ŷ", "p", "y", "K"], ["z₁", "z₃", "∂ℓ/∂ŷ"]),
        ("3.1", ["∂ℓ/∂ŷ", "∂z₂/∂z₁", "∂ℓ/∂z₁", "z₂", "x"], ["∂ℓ/∂W⁽¹⁾", "∂ℓ/∂b⁽²⁾"]),
        ("4.1", ["z₁", "z₂", "x", "W⁽¹⁾"], ["∂z₂/∂z₁", "∂ℓ/∂ŷ"]),
    ],
)
def test_an_answer_is_made_of_some_letters(key, letters, forbidden):
    question = paper("relu").asked[key]
    assert all(map(question.may, letters))
    assert not any(map(question.may, forbidden))


@pytest.mark.parametrize(
    ("name", "sizes"), [("relu", {"K": 2}), ("sum", {}), ("classes", {})]
)
def test_one_data_point_is_divided_by_its_columns_alone(name, sizes):
    asked = paper(name).asked
    assert all(asked[key].sizes == sizes for key in ("2.1", "3.1", "4.1"))


@pytest.mark.parametrize("name", ["relu", "columns"])
def test_the_layout_turns_gradients_and_jacobians_but_no_output(name):
    for key, question in paper(name).asked.items():
        if key in ("3.2", "3.4", "3.6", "3.8"):
            continue
        assert question.is_laid is (key[0] != "2")
        pairs = zip(*question.targets.values(), strict=True)
        for numerator, denominator in pairs:
            turned = numerator.array.T if key[0] != "2" else numerator.array
            np.testing.assert_allclose(denominator.array, turned, rtol=1e-12)


def test_entries_have_the_size_that_i_and_j_run_to_and_products_none():
    asked = paper("relu").asked
    sizes = {key: asked[key].targets["numerator"][0].point.size for key in
             ("2.1", "3.1", "4.1", "4.2", "4.3")}  # fmt: skip
    assert sizes == {"2.1": 0, "3.1": 0, "4.1": 4, "4.2": 2, "4.3": 2}


def test_mistakes_are_those_of_the_step_though_it_is_not_asked_for():
    whole, alone = made("homework").solution, made("homework", questions="mistakes")
    assert list(alone.solution) == ["6.1", "6.2", "6.3", "6.4", "6.5"]
    for key, answer in alone.solution.items():
        assert np.array_equal(answer, whole[key])
    assert alone.grade(alone.solution).total == 5
