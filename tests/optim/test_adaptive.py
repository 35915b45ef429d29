"""RMSprop, Adam, AdamW: by hand, what they are good for, and what they refuse."""

import copy
import math
import pickle

import numpy as np
import pytest
from oracles import frozen

from mlp import (
    Adam,
    AdamW,
    Linear,
    MSELoss,
    Parameter,
    RMSprop,
    Sequential,
    Tanh,
    train_step,
)
from mlp.optim import pieces

MAKES = [RMSprop, Adam, AdamW]
EVERY = {
    RMSprop: dict(alpha=0.5, eps=0.1, weight_decay=0.2, momentum=0.5),
    Adam: dict(betas=(0.5, 0.25), eps=0.1, weight_decay=0.2),
    AdamW: dict(betas=(0.5, 0.25), eps=0.1, weight_decay=0.2),
}


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


@pytest.mark.parametrize("make", MAKES)
@pytest.mark.parametrize("shape", [(), (3,), (2, 3)])
def test_float32_stays_float32_state_included(make, shape):
    p = Parameter(np.ones(shape, np.float32))
    array, optimizer = p.data, make([p], np.float64(0.1), **EVERY[make])
    for _ in range(3):
        p.grad = frozen(np.ones(shape, np.float32))  # none is written into
        optimizer.step()
    assert p.data is array
    kept = [a for a in optimizer.state_of(p).values() if isinstance(a, np.ndarray)]
    assert len(kept) == 2
    assert {a.dtype for a in (*kept, array)} == {np.dtype(np.float32)}
    assert {a.shape for a in kept} == {shape}


@pytest.mark.parametrize("make", MAKES)
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("shape", [(7, 3), (5,), (2, 3, 2)])
def test_a_step_in_pieces_is_that_of_the_whole_to_the_bit(
    make, order, shape, monkeypatch
):
    rng = np.random.default_rng(0)
    θ, *gradients = (np.asarray(rng.normal(size=shape), order=order) for _ in range(4))
    results = []
    for size in (pieces._PIECE, 1, 16, 60):
        monkeypatch.setattr(pieces, "_PIECE", size)
        monkeypatch.setattr(pieces, "_LEAST", size)
        p = Parameter(θ)
        optimizer = make([p], lr=0.1, **EVERY[make])
        for gradient in gradients:
            p.grad = gradient
            optimizer.step()
        results.append([p.data, *optimizer.state_of(p).values()])
    for result in results[1:]:
        for got, expected in zip(result, results[0], strict=True):
            np.testing.assert_array_equal(got, expected)


def trained(make, steps, **settings):
    """Return a small net, its optimizer and a step to go on with, after some."""
    rng = np.random.default_rng(0)
    model = Sequential(Linear(3, 4, rng=rng), Tanh(), Linear(4, 1, rng=rng))
    optimizer = make(model.parameters(), lr=0.01, **settings)
    x, y = rng.normal(size=(8, 3)), rng.normal(size=(8, 1))
    go_on(model, optimizer, x, y, steps)
    return model, optimizer, x, y


def go_on(model, optimizer, x, y, steps):
    for _ in range(steps):
        train_step(model, MSELoss(), optimizer, x, y)


@pytest.mark.parametrize("make", MAKES)
@pytest.mark.parametrize("by", ["state_dict", "npz", "pickle", "deepcopy"])
def test_a_run_that_is_cut_and_taken_up_is_the_same_to_the_bit(make, by, tmp_path):
    whole, _, x, y = trained(make, 6, **EVERY[make])
    model, optimizer, *_ = trained(make, 3, **EVERY[make])
    if by == "pickle":
        model, optimizer = pickle.loads(pickle.dumps((model, optimizer)))
    elif by == "deepcopy":
        model, optimizer = copy.deepcopy((model, optimizer))
    else:
        state = optimizer.state_dict()
        if by == "npz":
            np.savez(tmp_path / "state.npz", **state)
            with np.load(tmp_path / "state.npz") as file:
                state = dict(file)
        optimizer = make(model.parameters(), lr=5.0)
        optimizer.load_state_dict(state)
    go_on(model, optimizer, x, y, 3)
    for p, q in zip(whole.parameters(), model.parameters(), strict=True):
        np.testing.assert_array_equal(p.data, q.data)


@pytest.mark.parametrize("make", MAKES)
@pytest.mark.parametrize(
    ("change", "error"),
    [
        (dict(lr=0.0), ValueError),
        (dict(eps=0.0), ValueError),
        (dict(weight_decay=-1.0), ValueError),
        (dict(momentum=1.0), ValueError),
        (dict(betas=(0.9, 1.0)), ValueError),
        (dict(betas=(0.9,)), ValueError),
        (dict(nonsense=1.0), ValueError),
        ({"exp_avg.9": np.zeros((4, 3))}, ValueError),
        ({"square_avg.0": np.zeros((3, 4))}, ValueError),
        ({"exp_avg.0": np.zeros((3, 4))}, ValueError),
        ({"exp_avg_sq.0": [["x"] * 3] * 4}, TypeError),
        ({"square_avg.0": [["x"] * 3] * 4}, TypeError),
        ({"step.0": 1.5}, ValueError),
        ({"step.0": -1}, ValueError),
        ({"eps": "x"}, TypeError),
    ],
    ids=str,
)
def test_a_wrong_state_changes_nothing(make, change, error):
    _, optimizer, *_ = trained(make, 2, **EVERY[make])
    state = optimizer.state_dict()
    # a name that belongs to another optimizer is unknown here
    error = error if set(change) <= set(state) else ValueError
    with pytest.raises(error, match=rf"{make.__name__}\.load_state_dict: .*expected"):
        optimizer.load_state_dict(state | change)
    for name, value in optimizer.state_dict().items():
        np.testing.assert_array_equal(value, state[name])


@pytest.mark.parametrize("make", MAKES)
@pytest.mark.parametrize(
    ("settings", "error", "sentence"),
    [
        (dict(lr=0), ValueError, "lr above 0"),
        (dict(lr=-0.1), ValueError, "lr above 0"),
        (dict(eps=0), ValueError, "eps above 0"),
        (dict(eps=math.nan), ValueError, "eps above 0"),
        (dict(weight_decay=-1e-9), ValueError, "weight_decay of at least 0"),
        (dict(weight_decay="x"), TypeError, "weight_decay to be a number"),
    ],
)
def test_settings_out_of_range_are_refused(make, settings, error, sentence):
    with pytest.raises(error, match=f"{make.__name__}: expected {sentence}"):
        make([Parameter([1.0])], **settings)


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


@pytest.mark.parametrize("make", MAKES)
def test_settings_but_lr_are_for_reading(make):
    optimizer = make([Parameter([1.0])])
    for name in optimizer.settings():
        if name != "lr":
            with pytest.raises(AttributeError):
                setattr(optimizer, name, getattr(optimizer, name))
    assert repr(optimizer).startswith(f"{make.__name__}(1 parameter, lr=")


@pytest.mark.parametrize("make", MAKES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_an_underflow_in_a_step_stops_nothing_and_leaves_no_denormal(make, dtype):
    tiny = float(np.finfo(dtype).tiny)

    def steps():
        p = Parameter(np.array([1.0, 3 * tiny, -1.0], dtype))
        optimizer = make([p], lr=0.01, **EVERY[make] | dict(weight_decay=tiny))
        for gradient in (tiny, 3 * tiny, 1e-20, *[0.0] * 300):
            p.grad = np.full(3, gradient, dtype)
            optimizer.step()
        return [p.data, *optimizer.state_of(p).values()]

    expected = steps()
    with np.errstate(all="raise"):
        for got, wanted in zip(steps(), expected, strict=True):
            np.testing.assert_array_equal(got, wanted)
    for kept in expected[1:]:
        assert np.all((kept == 0) | (np.abs(kept) >= tiny))


@pytest.mark.parametrize("make", MAKES)
def test_a_parameter_without_a_gradient_waits(make):
    p, q = Parameter([1.0]), Parameter([2.0])
    optimizer = make([p, q], lr=0.1)
    p.grad = [1.0]
    optimizer.step()
    assert q.data == [2.0]
    assert optimizer.state_of(q) == {}
    q.grad = [1.0]
    optimizer.step()  # its first step
    assert q.data - 2.0 == pytest.approx(path(make, [1.0], θ=2.0, lr=0.1)[0] - 2.0)
