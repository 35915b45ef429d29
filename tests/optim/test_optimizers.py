"""What all optimizers have in common: each through every test."""

import copy
import math
import pickle

import numpy as np
import pytest
from library import OPTIMIZERS, settings
from oracles import frozen

from mlp import Linear, MSELoss, Parameter, Sequential, Tanh, train_step
from mlp.optim import pieces

every_optimizer = pytest.mark.parametrize("make", OPTIMIZERS)


@every_optimizer
@pytest.mark.parametrize("shape", [(), (3,), (2, 3)])
def test_float32_stays_float32_state_included(make, shape):
    p = Parameter(np.ones(shape, np.float32))
    array, optimizer = p.data, make([p], np.float64(0.1), **settings(make))
    for _ in range(3):
        p.grad = frozen(np.ones(shape, np.float32))  # none is written into
        optimizer.step()
    assert p.data is array
    state = optimizer.state_of(p)
    assert set(state) == {*make.slots, *make.counts}
    kept = [state[slot] for slot in make.slots]
    assert {a.dtype for a in (*kept, array)} == {np.dtype(np.float32)}
    assert {a.shape for a in kept} == {shape}


@every_optimizer
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
        optimizer = make([p], lr=0.1, **settings(make))
        for gradient in gradients:
            p.grad = gradient
            optimizer.step()
        results.append([p.data, *optimizer.state_of(p).values()])
    for result in results[1:]:
        for got, expected in zip(result, results[0], strict=True):
            np.testing.assert_array_equal(got, expected)


def trained(make, steps):
    """Return a small net, its optimizer and a step to go on with, after some."""
    rng = np.random.default_rng(0)
    model = Sequential(Linear(3, 4, rng=rng), Tanh(), Linear(4, 1, rng=rng))
    optimizer = make(model.parameters(), lr=0.01, **settings(make))
    x, y = rng.normal(size=(8, 3)), rng.normal(size=(8, 1))
    go_on(model, optimizer, x, y, steps)
    return model, optimizer, x, y


def go_on(model, optimizer, x, y, steps):
    for _ in range(steps):
        train_step(model, MSELoss(), optimizer, x, y)


@every_optimizer
@pytest.mark.parametrize("by", ["state_dict", "npz", "pickle", "deepcopy"])
def test_a_run_that_is_cut_and_taken_up_is_the_same_to_the_bit(make, by, tmp_path):
    whole, _, x, y = trained(make, 6)
    model, optimizer, *_ = trained(make, 3)
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


OUT_OF_RANGE = {
    **{"lr": [0.0], "eps": [0.0], "weight_decay": [-1.0], "momentum": [1.0]},
    **{"alpha": [1.0], "betas": [(0.9, 1.0), (0.9,)]},
}


def wrong_states(make, state):
    """Yield each setting, array and count, changed to what cannot be."""
    yield "nonsense", 1.0
    for name in ("lr", *settings(make)):
        yield from ((name, value) for value in ("x", *OUT_OF_RANGE.get(name, ())))
    for slot in make.slots:
        yield f"{slot}.9", state[f"{slot}.0"]
        yield f"{slot}.0", state[f"{slot}.0"].T
        yield f"{slot}.0", np.full_like(state[f"{slot}.0"], "x", dtype="U1")
    for count in make.counts:
        yield f"{count}.0", 1.5
        yield f"{count}.0", -1


@every_optimizer
def test_a_wrong_state_changes_nothing(make):
    _, optimizer, *_ = trained(make, 2)
    state = optimizer.state_dict()
    for change in wrong_states(make, state):
        with pytest.raises(
            (TypeError, ValueError),
            match=rf"{make.__name__}\.load_state_dict: .*expected",
        ):
            optimizer.load_state_dict(state | dict([change]))
        for name, value in optimizer.state_dict().items():
            np.testing.assert_array_equal(value, state[name])


@pytest.mark.parametrize(
    ("make", "name", "value", "error", "sentence"),
    [
        (make, name, *row)
        for make in OPTIMIZERS
        for name, *row in (
            ("lr", 0, ValueError, "lr above 0"),
            ("lr", -0.1, ValueError, "lr above 0"),
            ("eps", 0, ValueError, "eps above 0"),
            ("eps", math.nan, ValueError, "eps above 0"),
            ("weight_decay", -1e-9, ValueError, "weight_decay of at least 0"),
            ("weight_decay", "x", TypeError, "weight_decay to be a number"),
        )
        if name in {"lr", *settings(make)}
    ],
)
def test_settings_out_of_range_are_refused(make, name, value, error, sentence):
    with pytest.raises(error, match=f"{make.__name__}: expected {sentence}"):
        make([Parameter([1.0])], **{"lr": 0.1, name: value})


@every_optimizer
def test_settings_but_lr_are_for_reading(make):
    optimizer = make([Parameter([1.0])], lr=0.1)
    for name in optimizer.settings():
        if name != "lr":
            with pytest.raises(AttributeError):
                setattr(optimizer, name, getattr(optimizer, name))
    assert repr(optimizer).startswith(f"{make.__name__}(1 parameter, lr=")


@every_optimizer
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_an_underflow_in_a_step_stops_nothing_and_leaves_no_denormal(make, dtype):
    tiny = float(np.finfo(dtype).tiny)

    def steps():
        p = Parameter(np.array([1.0, 3 * tiny, -1.0], dtype))
        optimizer = make([p], lr=0.01, **settings(make, weight_decay=tiny))
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


@every_optimizer
def test_a_parameter_without_a_gradient_waits(make):
    p, q = Parameter([1.0]), Parameter([2.0])
    optimizer = make([p, q], lr=0.1)
    p.grad = [1.0]
    optimizer.step()
    assert q.data == [2.0]
    assert optimizer.state_of(q) == {}
    q.grad = [1.0]
    optimizer.step()  # its first step
    alone = Parameter([2.0])
    first = make([alone], lr=0.1)
    alone.grad = [1.0]
    first.step()
    assert q.data == alone.data != 2.0
