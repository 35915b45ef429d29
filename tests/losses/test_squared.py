"""MSELoss: by hand, and all its digits."""

import numpy as np
import pytest

from mlp import MSELoss


def test_mse_by_hand():
    prediction, target = [[1.0, 2.0, 4.0], [0.0, 0.0, 1.0]], [[0.0, 2.0, 1.0]] * 2
    #                    1² + 0² + 3² + 0² + 2² + 0² = 14
    for reduction, value, factor in (
        ("mean", 14 / 6, 1 / 3),
        ("sum", 14, 2),
        ("batchmean", 7, 1),
    ):
        loss = MSELoss(reduction)
        assert loss.forward(prediction, target) == pytest.approx(value, rel=1e-15)
        expected = factor * np.array([[1.0, 0.0, 3.0], [0.0, -2.0, 0.0]])
        np.testing.assert_allclose(loss.backward(), expected, rtol=1e-15)


@pytest.mark.parametrize("n", [200, 5000, 10**7])
def test_mse_of_float32_has_all_its_digits(n):
    d = np.full((n, 1), 0.1, np.float32)  # whose roundings all go one way
    exact = float(d[0, 0]) ** 2
    assert abs(MSELoss().forward(d, 0 * d) / exact - 1) < 1e-7
    assert abs(MSELoss("sum").forward(d, 0 * d) / (n * exact) - 1) < 1e-7
