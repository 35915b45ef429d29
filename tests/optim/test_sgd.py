"""SGD: each update by hand, its state, and what it refuses."""

import copy
import math
import pickle
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles import frozen, seeds

from mlp import SGD, Linear, Parameter, ReLU, Sequential
from mlp.optim import pieces


def run(gradients, θ=1.0, dtype=np.float64, **settings):
    """Return θ after each step along these gradients, as Python floats."""
    p = Parameter(np.array([θ], dtype))
    optimizer, path = SGD([p], **settings), []
    for gradient in gradients:
        optimizer.zero_grad()
        p.add_grad(np.array([gradient], dtype))
        optimizer.step()
        path.append(float(p.data[0]))
    return path


def test_plain_steps_by_hand():
    assert run([1.0, -2.0], lr=0.25) == [0.75, 1.25]


def test_momentum_by_hand():
    # v = 1; 0.5·1 + 2 = 2.5; 0.5·2.5 − 1 = 0.25
    assert run([1.0, 2.0, -1.0], lr=0.5, momentum=0.5) == [0.5, -0.75, -0.875]


def test_nesterov_by_hand():
    # v = 1, 2.5; g + 0.5 v = 1.5, 2 + 1.25 = 3.25
    path = run([1.0, 2.0], lr=0.5, momentum=0.5, nesterov=True)
    assert path == [0.25, -1.375]


def test_weight_decay_by_hand():
    # g = 0 + 0.5 θ: 1 − 0.5·0.5 = 0.75, then 0.75 (1 − 0.25)
    assert run([0.0, 0.0], lr=0.5, weight_decay=0.5) == [0.75, 0.5625]


def test_weight_decay_enters_the_velocity():
    # g = 0.5·1; v = 0.5; θ = 0.75. g = 0.375; v = 0.25 + 0.375; θ = 0.75 − 0.3125
    assert run([0.0, 0.0], lr=0.5, momentum=0.5, weight_decay=0.5) == [0.75, 0.4375]


@given(st.floats(0.01, 0.95), st.integers(1, 30), seeds)
def test_velocity_is_the_sum_that_the_docstring_unrolls(momentum, steps, seed):
    gradients = np.random.default_rng(seed).normal(size=steps)
    p = Parameter([0.0])
    optimizer = SGD([p], lr=1.0, momentum=momentum)
    for gradient in gradients:
        p.grad = [gradient]
        optimizer.step()
    unrolled = sum(momentum**age * g for age, g in enumerate(gradients[::-1]))
    v = optimizer.state_dict()["velocity.0"]
    np.testing.assert_allclose(v, unrolled, rtol=1e-9, atol=1e-12)


def test_a_constant_gradient_is_taken_up_to_one_over_one_minus_momentum_times():
    path = run([1.0] * 400, lr=0.001, momentum=0.9)
    assert path[-2] - path[-1] == pytest.approx(0.001 / (1 - 0.9), rel=1e-9)


def test_a_small_plain_step_goes_down_by_lr_times_the_squared_norm():
    a, θ, lr = np.array([1.0, 3.0]), np.array([2.0, -1.0]), 1e-6

    def loss(θ):
        return float(np.sum(a * θ**2))

    p = Parameter(θ)
    p.grad = 2 * a * θ
    SGD([p], lr=lr).step()
    fall = loss(θ) - loss(p.data)
    assert fall == pytest.approx(lr * np.sum((2 * a * θ) ** 2), rel=1e-5)


@pytest.mark.parametrize("shape", [(), (3,), (2, 3)])
@pytest.mark.parametrize("nesterov", [False, True])
def test_float32_stays_float32_state_included(shape, nesterov):
    p = Parameter(np.ones(shape, np.float32))
    array = p.data
    optimizer = SGD([p], np.float64(0.1), np.float64(0.9), np.float64(0.1), nesterov)
    for _ in range(3):
        p.grad = np.ones(shape)
        optimizer.step()
    assert p.data is array
    assert array.dtype == np.float32
    assert optimizer.state_dict()["velocity.0"].dtype == np.float32
    assert type(optimizer.lr) is float


@pytest.mark.parametrize("momentum", [0.0, 0.5])
def test_step_writes_into_no_gradient(momentum):
    p = Parameter([1.0])
    optimizer = SGD([p], lr=0.1, momentum=momentum, weight_decay=0.1)
    for _ in range(3):
        p.grad = frozen(np.array([1.0]))
        optimizer.step()
    optimizer = SGD([p], lr=0.1, momentum=momentum)
    for _ in range(3):
        p.grad = frozen(np.array([1.0]))
        optimizer.step()


@pytest.mark.parametrize(
    "settings",
    [
        dict(),
        dict(weight_decay=0.1),
        dict(momentum=0.9),
        dict(momentum=0.9, weight_decay=0.1, nesterov=True),
    ],
)
@pytest.mark.parametrize("shape", [(7, 3), (5,), (2, 3, 2)])
@pytest.mark.parametrize("order", ["C", "F"])
def test_a_step_in_pieces_is_that_of_the_whole_to_the_bit(
    settings, shape, order, monkeypatch
):
    rng = np.random.default_rng(0)
    θ, *gradients = (np.asarray(rng.normal(size=shape), order=order) for _ in range(4))
    results = []
    for size in (pieces._PIECE, 1, 16, 60):  # bytes: all rows, one, two or so
        monkeypatch.setattr(pieces, "_PIECE", size)
        monkeypatch.setattr(pieces, "_LEAST", size)
        p = Parameter(θ)
        optimizer = SGD([p], lr=0.1, **settings)
        for gradient in gradients:
            p.grad = frozen(gradient)
            optimizer.step()
        results.append((p.data, optimizer.velocity_of(p)))
    for data, velocity in results[1:]:
        assert np.array_equal(data, results[0][0])
        assert np.array_equal(velocity, results[0][1])


@pytest.mark.parametrize("size", [2 * pieces._LEAST, pieces._PIECE, 8 * pieces._PIECE])
@pytest.mark.parametrize(
    "settings",
    [
        dict(),
        dict(momentum=0.9),
        dict(weight_decay=0.1),
        dict(momentum=0.9, nesterov=True),
        dict(momentum=0.9, weight_decay=0.1, nesterov=True),
    ],
)
def test_a_step_takes_the_room_of_its_parameter_or_of_three_pieces(settings, size):
    p = Parameter(np.ones((size // 512, 64)))
    p.grad = np.ones(p.data.shape)
    optimizer = SGD([p], lr=0.1, **settings)
    optimizer.step()  # which makes the velocity
    tracemalloc.start()
    try:
        optimizer.step()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak <= min(size, 3 * pieces._PIECE) + 4096


def test_a_parameter_steps_in_its_own_dtype_whatever_the_others_have():
    θ, g = np.random.default_rng(0).normal(size=(2, 100))
    dtypes = (np.float32, np.float64, np.float32)
    parameters = [Parameter(θ.astype(dtype)) for dtype in dtypes]
    for p in parameters:
        p.grad = g
    SGD(parameters, lr=0.1).step()
    for p, dtype in zip(parameters, dtypes, strict=True):
        expected = θ.astype(dtype) - dtype(0.1) * g.astype(dtype)
        assert expected.dtype == p.data.dtype
        assert np.array_equal(p.data, expected)


def test_each_step_has_the_lr_of_its_moment_however_that_was_set():
    p = Parameter([0.0])
    p.grad = [1.0]
    optimizer = SGD([p], lr=0.5)
    other = SGD([p], lr=0.25).state_dict()
    moved = []

    def step():
        before = p.data.item()
        optimizer.step()
        moved.append(before - p.data.item())

    step()
    optimizer.lr = 2.0
    step()
    with optimizer.at_lr(4.0):
        step()
    step()
    optimizer.load_state_dict(other)
    step()
    assert moved == [0.5, 2.0, 4.0, 2.0, 0.25]


def test_some_of_the_parameters_step_and_the_others_stay():
    a, b, c = Parameter([1.0]), Parameter([1.0]), Parameter([1.0])
    for p in (a, c):
        p.grad = [1.0]
    SGD([a, b], lr=0.5).step()
    assert [float(p.data[0]) for p in (a, b, c)] == [0.5, 1.0, 1.0]


def test_velocity_of_a_skipped_parameter_starts_with_its_first_gradient():
    a, b = Parameter([1.0]), Parameter([1.0])
    optimizer = SGD([a, b], lr=1.0, momentum=0.5)
    a.grad = [1.0]
    optimizer.step()
    assert "velocity.1" not in optimizer.state_dict()
    b.grad = [2.0]
    optimizer.step()
    assert b.data == -1.0


def test_zero_grad_leaves_no_gradient():
    a, b = Parameter([1.0]), Parameter([1.0])
    a.grad = [1.0]
    SGD([a, b], lr=1.0).zero_grad()
    assert a.grad is None and b.grad is None


def test_the_velocity_that_is_shown_is_a_copy_of_its_own_parameters():
    a, b, stranger = Parameter([1.0]), Parameter([1.0]), Parameter([1.0])
    optimizer = SGD([a, b], lr=1.0, momentum=0.5)
    b.grad = [2.0]
    optimizer.step()
    assert [float(optimizer.velocity_of(p)[0]) for p in (a, b, stranger)] == [0, 2, 0]
    assert [optimizer.holds(p) for p in (a, b, stranger)] == [True, True, False]
    shown = optimizer.velocity_of(b)
    optimizer.step()
    assert shown == 2.0


def test_step_without_any_gradient_names_step_four():
    optimizer = SGD(Linear(2, 1).parameters(), lr=0.1)
    with pytest.raises(
        RuntimeError, match=r"SGD\.step: .*none.*model\.backward.*step 4"
    ):
        optimizer.step()


def test_lr_may_be_set_between_steps():
    p = Parameter([1.0])
    optimizer = SGD([p], lr=1.0)
    optimizer.lr = np.float32(0.25)
    assert type(optimizer.lr) is float
    p.grad = [1.0]
    optimizer.step()
    assert p.data == 0.75


BAD = [
    (dict(lr=0), ValueError, "lr above 0 and finite, got 0"),
    (dict(lr=-0.1), ValueError, "lr above 0"),
    (dict(lr=math.nan), ValueError, "lr above 0"),
    (dict(lr=math.inf), ValueError, "lr above 0"),
    (dict(lr=10**400), ValueError, "lr above 0"),
    (dict(lr="0.1"), TypeError, "lr to be a number, got '0.1'"),
    (dict(lr=None), TypeError, "lr to be a number"),
    (dict(lr=True), TypeError, "lr to be a number"),
    (dict(lr=1j), TypeError, "lr to be a number"),
    (dict(momentum=1.0), ValueError, "momentum of at least 0 and below 1, got 1.0"),
    (dict(momentum=-0.1), ValueError, "momentum of at least 0 and below 1"),
    (dict(momentum=math.nan), ValueError, "momentum of at least 0"),
    (dict(momentum="0.9"), TypeError, "momentum to be a number"),
    (dict(weight_decay=-1e-9), ValueError, "weight_decay of at least 0 and finite"),
    (dict(weight_decay=math.inf), ValueError, "weight_decay of at least 0"),
    (dict(weight_decay=math.nan), ValueError, "weight_decay of at least 0"),
    (dict(nesterov=True), ValueError, "momentum above 0 for nesterov=True"),
    (dict(momentum=0.9, nesterov=1), TypeError, "nesterov to be True or False"),
]


@pytest.mark.parametrize(("settings", "error", "sentence"), BAD)
def test_settings_out_of_range_are_refused(settings, error, sentence):
    with pytest.raises(error, match=f"SGD: expected {sentence}"):
        SGD([Parameter([1.0])], **{"lr": 0.1, **settings})


@pytest.mark.parametrize(
    ("settings", "error", "sentence"), [row for row in BAD if "lr" in row[0]]
)
def test_lr_is_checked_when_it_is_set(settings, error, sentence):
    optimizer = SGD([Parameter([1.0])], lr=0.1)
    with pytest.raises(error, match=f"SGD: expected {sentence}"):
        optimizer.lr = settings["lr"]
    assert optimizer.lr == 0.1


def test_the_other_settings_are_for_reading():
    optimizer = SGD([Parameter([1.0])], 0.1, 0.9, 0.01, True)
    assert (optimizer.momentum, optimizer.weight_decay) == (0.9, 0.01)
    assert optimizer.nesterov is True
    for name in ("momentum", "weight_decay", "nesterov"):
        with pytest.raises(AttributeError):
            setattr(optimizer, name, 0.5)


@pytest.mark.parametrize(
    ("parameters", "error", "sentence"),
    [
        ([], ValueError, "at least one parameter, got none"),
        (Sequential(ReLU()).parameters(), ValueError, "at least one parameter"),
        ([Parameter([1.0])] * 2, ValueError, "each parameter once"),
        (Parameter([1.0]), TypeError, r"SGD\(model.parameters\(\)"),
        (Linear(1, 1), TypeError, r"SGD\(model.parameters\(\)"),
        (Sequential(Linear(1, 1)), TypeError, "parameter 0 to be a Parameter"),
        ([np.ones(3)], TypeError, "parameter 0 to be a Parameter"),
        (None, TypeError, "iterable of Parameters, got None"),
        (0.1, TypeError, "iterable of Parameters, got 0.1"),
    ],
)
def test_what_it_steps_has_to_be_parameters(parameters, error, sentence):
    with pytest.raises(error, match=sentence):
        SGD(parameters, lr=0.1)


def test_parameters_may_come_from_a_generator():
    model = Linear(2, 1)
    assert "2 parameters" in repr(SGD((p for p in model.parameters()), lr=0.1))


# ------------------------------------------------------------------- state


def trained(steps=2, **settings):
    model = Sequential(Linear(3, 2, rng=0), ReLU(), Linear(2, 1, rng=1))
    optimizer = SGD(model.parameters(), lr=0.1, **settings)
    more(model, optimizer, steps)
    return model, optimizer


def more(model, optimizer, steps=2):
    for _ in range(steps):
        optimizer.zero_grad()
        model.forward(np.ones((2, 3)))
        model.backward(np.ones((2, 1)))
        optimizer.step()


def test_a_run_that_is_cut_and_taken_up_is_the_same_to_the_bit():
    model, optimizer = trained(momentum=0.9, weight_decay=0.01, nesterov=True)
    again, fresh = trained(0)
    again.load_state_dict(model.state_dict())
    fresh.load_state_dict(optimizer.state_dict())
    more(model, optimizer)
    more(again, fresh)
    for p, q in zip(model.parameters(), again.parameters(), strict=True):
        assert np.array_equal(p.data, q.data)


def velocities(optimizer):
    state = optimizer.state_dict()
    return [state[name] for name in state if name.startswith("velocity")]


def test_without_momentum_a_velocity_is_neither_used_nor_changed():
    model, optimizer = trained(momentum=0.9)
    plain, plain_optimizer = trained(0)
    plain.load_state_dict(model.state_dict())
    before = velocities(optimizer)
    optimizer.load_state_dict({**optimizer.state_dict(), "momentum": 0.0})
    more(model, optimizer)
    more(plain, plain_optimizer)
    assert all(map(np.array_equal, velocities(optimizer), before))
    assert not velocities(plain_optimizer)
    for p, q in zip(model.parameters(), plain.parameters(), strict=True):
        assert np.array_equal(p.data, q.data)


def test_state_is_a_copy():
    _, optimizer = trained(momentum=0.9)
    for v in velocities(optimizer):
        v[...] = 77
    assert not any(np.any(v == 77) for v in velocities(optimizer))
    state = optimizer.state_dict()
    optimizer.load_state_dict(state)
    for name in state:
        if name.startswith("velocity"):
            state[name][...] = 77
    assert not any(np.any(v == 77) for v in velocities(optimizer))


def test_state_survives_an_npz_file(tmp_path):
    _, optimizer = trained(momentum=0.9, nesterov=True)
    np.savez(tmp_path / "state.npz", **optimizer.state_dict())
    _, fresh = trained(0)
    with np.load(tmp_path / "state.npz", allow_pickle=False) as state:
        fresh.load_state_dict(state)
    assert repr(fresh) == repr(optimizer)
    assert all(map(np.array_equal, velocities(fresh), velocities(optimizer)))


@pytest.mark.parametrize(
    ("change", "error", "sentence"),
    [
        ({"lr": 0.0}, ValueError, "lr above 0"),
        ({"momentum": 2}, ValueError, "momentum of at least 0"),
        ({"momentum": 0.0}, ValueError, "momentum above 0 for nesterov"),
        ({"velocity.0": None}, TypeError, "velocity.0: expected the gradient to hold"),
        ({"velocity.0": np.ones(3)}, ValueError, r"shape \(2, 3\), got \(3,\)"),
        ({"velocity.4": np.ones(3)}, ValueError, r"has \['velocity.4'\] besides"),
        ({"more": 1}, ValueError, r"has \['more'\] besides"),
    ],
)
def test_a_wrong_state_changes_nothing(change, error, sentence):
    _, optimizer = trained(momentum=0.9, nesterov=True)
    before = velocities(optimizer)
    with pytest.raises(error, match=f"SGD.load_state_dict.*{sentence}"):
        optimizer.load_state_dict({**optimizer.state_dict(), "lr": 0.5, **change})
    assert optimizer.lr == 0.1
    assert all(map(np.array_equal, velocities(optimizer), before))


def test_a_state_is_a_mapping_with_all_names():
    _, optimizer = trained()
    with pytest.raises(TypeError, match="expected a mapping"):
        optimizer.load_state_dict(None)
    with pytest.raises(ValueError, match=r"lacks \['lr', "):
        optimizer.load_state_dict({})


@pytest.mark.parametrize(
    "twin", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))]
)
def test_repr_and_copies(twin):
    p = Parameter([1.0])
    optimizer = SGD([p], lr=0.5, momentum=0.5)
    text = "SGD(1 parameter, lr=0.5, momentum=0.5, weight_decay=0.0, nesterov=False)"
    assert repr(optimizer) == text
    p.grad = [1.0]
    other = twin(optimizer)
    other.step()
    assert p.data == 1.0
    optimizer.step()
    assert p.data == 0.5


def test_a_copy_of_net_and_optimizer_together_stays_together():
    model, optimizer = trained(momentum=0.9)
    twin, twin_optimizer = copy.deepcopy((model, optimizer))
    more(twin, twin_optimizer)
    more(model, optimizer)
    for p, q in zip(model.parameters(), twin.parameters(), strict=True):
        assert p is not q
        assert np.array_equal(p.data, q.data)


# --------------------------------------------------------- numbers at the edge


@pytest.mark.parametrize("nesterov", [False, True])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_velocity_without_gradients_ends_at_zero_and_is_never_denormal(
    nesterov, dtype
):
    p = Parameter(np.zeros(3, dtype))
    optimizer = SGD([p], lr=0.1, momentum=0.9, nesterov=nesterov)
    for g in [1e10 * np.finfo(dtype).tiny, *[0.0] * 300]:
        p.grad = [g, -g, 3 * g]
        optimizer.step()
        v = np.abs(optimizer.velocity_of(p))
        assert np.all((v == 0) | (v >= np.finfo(dtype).smallest_normal))
    assert not v.any()


@pytest.mark.parametrize(
    "settings", [{}, {"momentum": 0.9}, {"momentum": 0.9, "nesterov": True}]
)
@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
def test_an_underflow_in_a_step_stops_nothing(settings, weight_decay):
    def steps():
        p = Parameter([1e-300, 1.0])
        optimizer = SGD([p], lr=1e-9, weight_decay=weight_decay, **settings)
        for g in (1e-303, 1e-305, 0.0):
            p.grad = [g, 1.0]
            optimizer.step()
        return p.data

    expected = steps()
    with np.errstate(all="raise"):
        np.testing.assert_array_equal(steps(), expected)


def test_a_step_into_read_only_memory_is_refused_before_any_parameter_changes():
    first, second = Parameter([1.0]), Parameter([2.0])
    optimizer = SGD([first, second], lr=0.1)
    first.grad, second.grad = [1.0], [1.0]
    second.data.flags.writeable = False
    with pytest.raises(ValueError, match=r"SGD\.step: .*can be written to.*deepcopy"):
        optimizer.step()
    assert first.data == 1.0


def test_without_momentum_nothing_is_kept_that_could_fade_away():
    p = Parameter([0.0])
    assert [SGD([p], 0.1, m).watches_underflow for m in (0, 0.9)] == [False, True]
