"""Loss: what is known of a loss of a reader's own from its forward alone."""

import numpy as np
import pytest
from small import Absolute


class Weighted(Absolute):
    def forward(self, prediction, target, weight=None):
        return super().forward(prediction, target) if weight is None else sum(weight)


class WithAny(Absolute):
    def forward(self, prediction, target, **options):
        return options["weight"][0]


def test_without_a_word_a_loss_takes_no_labels():
    assert Absolute.takes_labels is False


def test_a_loss_takes_weights_if_its_forward_does():
    rows = np.zeros((2, 1)), np.ones((2, 1))
    assert [c.takes_weight for c in (Absolute, Weighted, WithAny)] == [0, 1, 1]
    assert Absolute()(*rows) == Weighted()(*rows) == 1.0
    assert Weighted()(*rows, [2.0, 5.0]) == 7.0
    assert WithAny()(*rows, weight=[2.0, 5.0]) == 2.0
    with pytest.raises(TypeError, match=r"Absolute\.forward: expected an argument we"):
        Absolute()(*rows, [2.0, 5.0])
