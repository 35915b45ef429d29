"""RMSprop, Adam, AdamW: by hand, what they are good for, and what they refuse."""

import math

import numpy as np
import pytest

from mlp import Adam, AdamW, Parameter, RMSprop


def path(make, gradients, θ=1.0, **settings):
    """Return θ after each step along these gradients."""
    p = Parameter([θ])
    optimizer, points = make([p], **settings), []
    for gradient in gradients:
        p.grad = [gradient]
        optimizer.step()
        points.append(p.data.item())
    return points


def test_rmsprop_by_hand():
    # v = 3/4·4² = 12, then 12/4 + 3/4·2² = 6
    d1, d2 = 4 / (math.sqrt(12) + 1), 2 / (math.sqrt(6) + 1)
    got = path(RMSprop, [4.0, 2.0], lr=0.5, alpha=0.25, eps=1.0)
    assert got == pytest.approx([1 - d1 / 2, 1 - d1 / 2 - d2 / 2], rel=1e-14)
    # u = d1, then d1/2 + d2
    got = path(RMSprop, [4.0, 2.0], lr=0.5, alpha=0.25, eps=1.0, momentum=0.5)
    u2 = d1 / 2 + d2
    assert got == pytest.approx([1 - d1 / 2, 1 - d1 / 2 - u2 / 2], rel=1e-14)


def test_adam_by_hand():
    # m = 2, v = 12; m̂ = 4, v̂ = 16. m = 2, v = 3 + 3 = 6; m̂ = 2/(3/4), v̂ = 6/(15/16)
    first = 1 - 0.5 * 4 / (4 + 1)
    second = first - 0.5 * (8 / 3) / (math.sqrt(6.4) + 1)
    got = path(Adam, [4.0, 2.0], lr=0.5, betas=(0.5, 0.25), eps=1.0)
    assert got == pytest.approx([first, second], rel=1e-14)


def test_decay_is_in_adams_gradient_and_beside_adamws():
    got = path(Adam, [0.0], θ=2.0, lr=0.5, eps=1.0, weight_decay=0.5)
    assert got == pytest.approx([2 - 0.5 * 1 / (1 + 1)], rel=1e-14)  # g = 1
    got = path(AdamW, [1.0], θ=2.0, lr=0.5, eps=1.0, weight_decay=0.5)
    assert got == pytest.approx([2 * (1 - 0.25) - 0.5 * 1 / (1 + 1)], rel=1e-14)
    got = path(RMSprop, [0.0], θ=2.0, lr=0.5, alpha=0.0, eps=1.0, weight_decay=0.5)
    assert got == pytest.approx([2 - 0.5 * 1 / (1 + 1)], rel=1e-14)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e5])
def test_adams_steps_are_lr_long_whatever_the_gradients_size(scale):
    points = np.array([1.0, *path(Adam, [scale] * 20, lr=0.01)])
    np.testing.assert_allclose(-np.diff(points), 0.01, rtol=1e-4)


def test_rmsprops_first_step_is_longer_by_what_the_docstring_says():
    assert path(RMSprop, [7.0], lr=0.01) == pytest.approx([0.9], rel=1e-7)


def test_the_defaults_are_pytorchs():
    p = [Parameter([1.0])]
    assert RMSprop(p).settings() == dict(
        lr=0.01, alpha=0.99, eps=1e-8, weight_decay=0.0, momentum=0.0
    )
    adam = dict(lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0)
    assert Adam(p).settings() == adam
    assert AdamW(p).settings() == adam | dict(weight_decay=0.01)


@pytest.mark.parametrize("make", [Adam, AdamW])
@pytest.mark.parametrize(
    ("betas", "error", "sentence"),
    [
        ((1.0, 0.9), ValueError, r"betas\[0\] of at least 0 and below 1"),
        ((0.9, 1.0), ValueError, r"betas\[1\] of at least 0 and below 1"),
        ((-0.1, 0.9), ValueError, r"betas\[0\] of at least 0"),
        ((0.9, math.nan), ValueError, r"betas\[1\]"),
        (("x", 0.9), TypeError, r"betas\[0\] to be a number"),
        ((0.9,), TypeError, "betas to be a pair of numbers"),
        (0.9, TypeError, "betas to be a pair of numbers"),
        ("ab", TypeError, "betas to be a pair of numbers"),
    ],
)
def test_betas_are_a_pair_of_shares(make, betas, error, sentence):
    with pytest.raises(error, match=f"{make.__name__}: expected {sentence}"):
        make([Parameter([1.0])], betas=betas)


@pytest.mark.parametrize("name", ["alpha", "momentum"])
@pytest.mark.parametrize("value", [1.0, -0.1, math.nan])
def test_rmsprops_shares_are_below_1(name, value):
    with pytest.raises(ValueError, match=f"RMSprop: expected {name} of at least 0 and"):
        RMSprop([Parameter([1.0])], **{name: value})
