"""BCELoss and BCEWithLogitsLoss: by hand, at their bounds and far out."""

import decimal
import math
from decimal import Decimal

import numpy as np
import pytest

from mlp import BCELoss, BCEWithLogitsLoss, Sigmoid


def test_bce_by_hand():
    prediction, target = [[0.5, 0.25], [0.8, 0.9]], [[1.0, 0.0], [0.5, 1.0]]
    total = -(
        math.log(0.5)
        + math.log(0.75)
        + 0.5 * math.log(0.8)
        + 0.5 * math.log(0.2)
        + math.log(0.9)
    )
    rows = np.array([[-2.0, 4 / 3], [0.3 / 0.16, -1 / 0.9]])
    for reduction, divisor in (("mean", 4), ("sum", 1), ("batchmean", 2)):
        loss = BCELoss(reduction)
        value = loss.forward(prediction, target)
        assert value == pytest.approx(total / divisor, rel=1e-14)
        np.testing.assert_allclose(loss.backward(), rows / divisor, rtol=1e-13)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize(
    ("prediction", "target", "value", "gradient"),
    [
        (0.0, 1.0, 100.0, -1e12),
        (1.0, 0.0, 100.0, 1e12),
        (0.0, 0.0, 0.0, 0.0),
        (1.0, 1.0, 0.0, 0.0),
        (0.0, 0.25, 25.0, -0.25e12),
        (1.0, 0.25, 75.0, 0.75e12),
    ],
)
def test_bce_at_exactly_zero_and_one(prediction, target, value, gradient, dtype):
    loss = BCELoss()
    assert loss.forward(np.array([prediction], dtype), [target]) == value
    assert loss.backward() == pytest.approx(gradient, rel=1e-6)


def test_bce_of_a_perfect_prediction_is_zero_and_not_minus_zero():
    assert math.copysign(1, BCELoss().forward([1.0, 0.0], [1.0, 0.0])) == 1


@pytest.mark.parametrize("prediction", [5e-324, 1e-300, 1e-44, 1e-43, 1e-13, 1e-11])
def test_bce_near_zero_is_bounded_in_value_and_slope(prediction):
    loss = BCELoss()
    value = loss.forward([prediction], [1.0])
    assert value == pytest.approx(min(-math.log(prediction), 100), rel=1e-14)
    slope = -(1 - prediction) / max(prediction * (1 - prediction), 1e-12)
    assert loss.backward() == pytest.approx(slope, rel=1e-14)


def test_bce_keeps_the_digits_of_a_small_prediction():
    assert BCELoss().forward([1e-20], [0.0]) == pytest.approx(1e-20, rel=1e-14, abs=0)


@pytest.mark.parametrize("wrong", [1.0000001, -1e-300, 7, np.nan, np.inf, -np.inf])
def test_bce_asks_for_probabilities(wrong):
    good, bad = [[0.5, 0.5]], [[0.5, wrong]]
    cure = "smaller lr" if np.isnan(wrong) else "Sigmoid"
    with pytest.raises(ValueError, match=rf"prediction in \[0, 1\].*\(0, 1\).*{cure}"):
        BCELoss().forward(bad, good)
    with pytest.raises(ValueError, match=r"target in \[0, 1\].*1 of 2.*\(0, 1\)"):
        BCELoss().forward(good, bad)


@pytest.mark.parametrize("columns", [1, 3])
def test_bce_of_float32_has_all_its_digits(columns):
    rng = np.random.default_rng(0)
    ŷ = rng.uniform(0.01, 0.99, (10**6, columns)).astype(np.float32)
    y = (rng.random(ŷ.shape) < 0.5).astype(np.float32)
    p = np.where(y == 1, ŷ.astype(float), 1 - ŷ.astype(float))
    for a, b in ((ŷ, y), (ŷ.T, y.T)):
        assert abs(BCELoss().forward(a, b) / -np.log(p).mean() - 1) < 1e-7


# ------------------------------------------------------------------ from logits


def exact(z, y, divisor):
    """Return value and gradient of each logit, to 400 digits and then rounded."""
    with decimal.localcontext(prec=400):
        value, gradient = Decimal(0), np.empty(np.shape(z))
        for place in np.ndindex(np.shape(z)):
            u, v = Decimal(float(z[place])), Decimal(float(y[place]))
            far = (-abs(u)).exp() if abs(u) < 1000 else Decimal(0)
            value += v * max(-u, 0) + (1 - v) * max(u, 0) + (1 + far).ln()
            σ = 1 / (1 + far) if u >= 0 else far / (1 + far)
            not_σ = far / (1 + far) if u >= 0 else 1 / (1 + far)
            gradient[place] = float(((1 - v) * σ - v * not_σ) / divisor)
        return float(value / divisor), gradient


EXTREMES = {np.float32: 1e30, np.float64: 1e300}


@pytest.mark.parametrize("dtype", EXTREMES)
@pytest.mark.parametrize("reduction", ["mean", "sum", "batchmean"])
def test_bce_with_logits_is_exact_to_a_few_ulp_far_out(dtype, reduction):
    far = EXTREMES[dtype]
    points = [0, 1e-8, 0.5, 3, 17, 40, 88, 104, 700, 746, 1e4, far]
    z = np.array([[s * u] for u in points for s in (1, -1)], dtype)
    for target in (0.0, 1.0, 0.25):
        y = np.full(z.shape, target, dtype)
        for rows in [slice(i, i + 1) for i in range(len(z))] + [slice(None)]:
            loss, n = BCEWithLogitsLoss(reduction), len(z[rows])
            divisor = 1 if reduction == "sum" else n
            with np.errstate(all="raise"):
                got, gradient = loss.forward(z[rows], y[rows]), loss.backward()
            value, expected = exact(z[rows], y[rows], divisor)
            eps, tiny = float(np.finfo(dtype).eps), float(np.finfo(dtype).tiny)
            assert got == pytest.approx(value, rel=4 * eps, abs=tiny)
            assert gradient.dtype == dtype
            np.testing.assert_allclose(gradient, expected, rtol=6 * eps, atol=tiny)


def test_a_saturated_right_answer_keeps_its_slope():
    loss = BCEWithLogitsLoss()
    assert loss.forward([[40.0]], [[1.0]]) == pytest.approx(math.exp(-40), rel=1e-15)
    assert loss.backward().item() == pytest.approx(-math.exp(-40), rel=1e-15)


def test_bce_with_logits_is_bce_of_a_sigmoid_where_no_bound_is_active():
    rng = np.random.default_rng(0)
    z, y = rng.normal(0, 3, (5, 4)), rng.uniform(size=(5, 4))
    sigmoid, bce, loss = Sigmoid(), BCELoss(), BCEWithLogitsLoss()
    value = bce.forward(sigmoid.forward(z), y)
    assert loss.forward(z, y) == pytest.approx(value, rel=1e-13)
    np.testing.assert_allclose(
        loss.backward(), sigmoid.backward(bce.backward()), rtol=1e-10
    )


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_a_logit_is_finite(wrong):
    with pytest.raises(ValueError, match=r"the logits to be finite, got 1 of 2.*lr"):
        BCEWithLogitsLoss().forward([[0.0, wrong]], [[0.0, 1.0]])


@pytest.mark.parametrize("wrong", [1.1, -0.1, np.nan, np.inf, 2])
def test_a_target_of_logits_is_a_probability(wrong):
    with pytest.raises(ValueError, match=r"BCEWithLogitsLoss.*target in \[0, 1\]"):
        BCEWithLogitsLoss().forward([[0.0, 1.0]], [[0.0, wrong]])
