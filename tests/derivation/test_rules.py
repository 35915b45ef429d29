"""The rules of the library: what they say, and far out."""

import numpy as np
import pytest

from mlp import (
    CrossEntropyLoss,
    Linear,
    Sigmoid,
    derive,
)
from mlp.derivation import RULES
from mlp.derivation.expressions import Symbol


def test_the_logistic_function_of_the_rules_is_exact_far_out():
    σ = RULES[Sigmoid].output(Symbol("x"))
    assert σ.value({"x": -720.0}) == pytest.approx(np.exp(-720), rel=1e-14, abs=0)
    assert σ.value({"x": -1000.0}) == 0


def test_cross_entropy_ends_in_p_minus_y():
    d = derive(Linear(2, 3), CrossEntropyLoss())
    assert str(d.jacobians[-1].elements).endswith(" = (p − y)ᵀ")
    assert str(d.batch[0].formula) == "(1/N) (P − Y)"
    assert "p = softmax ŷ" in str(d)
