"""clip_grad_norm: the norm, the direction, and what it refuses."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles import frozen, seeds

from mlp import Linear, Parameter, clip_grad_norm


def with_gradients(*gradients):
    parameters = [Parameter(np.zeros(np.shape(g))) for g in gradients]
    for p, g in zip(parameters, gradients, strict=True):
        p.grad = frozen(np.array(g))
    return parameters


@given(seeds, st.floats(1e-3, 1e3))
def test_the_norm_is_bounded_and_the_direction_stays(seed, most):
    rng = np.random.default_rng(seed)
    gradients = [rng.normal(size=(3, 2)), rng.normal(size=4)]
    parameters = with_gradients(*gradients)
    norm = math.sqrt(sum(float(np.sum(g * g)) for g in gradients))
    assert clip_grad_norm(parameters, most) == pytest.approx(norm, rel=1e-13)
    factor = min(1, most / (norm + 1e-6))
    for p, g in zip(parameters, gradients, strict=True):
        np.testing.assert_allclose(p.grad, factor * g, rtol=1e-13)


def test_a_small_gradient_is_left_as_it_is():
    (p,) = with_gradients([3.0, 4.0])
    gradient = p.grad
    assert clip_grad_norm([p], 5.1) == pytest.approx(5.0, rel=1e-15)
    assert p.grad is gradient


def test_no_gradient_array_is_written_into():
    (p,) = with_gradients([30.0, 40.0])
    gradient = p.grad
    clip_grad_norm([p], 1.0)
    assert p.grad is not gradient
    assert gradient.tolist() == [30.0, 40.0]


def test_without_gradients_it_is_0():
    p = Parameter([1.0])
    assert clip_grad_norm([p], 1.0) == 0.0
    assert p.grad is None
    (q,) = with_gradients([3.0, 4.0])
    assert clip_grad_norm([p, q], 1.0) == pytest.approx(5.0)
    assert p.grad is None


@pytest.mark.parametrize(("dtype", "size"), [(np.float32, 1e30), (np.float64, 1e200)])
def test_squares_out_of_range_are_no_matter(dtype, size):
    for scale in (size, 1 / size):
        p = Parameter(np.zeros(2, dtype))
        p.grad = np.array([3 * scale, 4 * scale], dtype)
        with np.errstate(all="raise"):
            norm = clip_grad_norm([p], 1e-40 if scale < 1 else 1.0)
        assert norm == pytest.approx(5 * scale, rel=1e-6)
        assert p.grad.dtype == dtype
    p.grad = np.array([3 * size, 4 * size], dtype)
    clip_grad_norm([p], 1.0)
    np.testing.assert_allclose(p.grad, [0.6, 0.8], rtol=1e-6)


@pytest.mark.parametrize("wrong", [0, -1.0, math.nan, math.inf])
def test_the_bound_is_above_0(wrong):
    with pytest.raises(ValueError, match="clip_grad_norm: expected max_norm above 0"):
        clip_grad_norm([Parameter([1.0])], wrong)


@pytest.mark.parametrize(
    ("parameters", "error"),
    [
        (Linear(2, 1), TypeError),
        ([1.0], TypeError),
        ([], ValueError),
        (Parameter([1.0]), TypeError),
    ],
)
def test_it_takes_parameters(parameters, error):
    with pytest.raises(error, match="clip_grad_norm: expected"):
        clip_grad_norm(parameters, 1.0)
