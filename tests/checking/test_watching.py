"""What is measured of a layer while it runs."""

import pytest

from mlp import Linear, MSELoss, diagnose


def test_a_tiny_gradient_is_not_0():
    model = Linear(1, 1, bias=False)
    model.weight.data[...] = 0
    d = diagnose(model, MSELoss(), [[1.0]], [[1e-200]])  # whose square is 0
    assert d.layers[0].gradient == pytest.approx(2e-200, rel=1e-12, abs=0)
