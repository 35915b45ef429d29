"""What formulas come to at a point."""

import pytest
from homework import marked, paper

from mlp.worksheets.evaluation import Evaluation

pytest.importorskip("lark")


def test_shapes_that_do_not_fit_are_a_sentence():
    _, _, text = marked(paper("relu"), "3.1", "x W^{(2)}", hints="none")
    assert text.splitlines() == [
        "x is 3 × 1 and cannot multiply W^{(2)}, which is 2 × 4",
        "    x W^{(2)}",
        "    ^^^^^^^^^",
    ]


def test_the_order_of_two_indices_counts():
    points = paper("relu").asked["4.1"].targets["numerator"]
    point = points[0].point
    straight, turned = (
        Evaluation(text, point).sides()[0].array() for text in ("W1_{ij}", "W1_{ji}")
    )
    assert straight.tolist() == point.values["W⁽¹⁾"].tolist() == turned.T.tolist()
