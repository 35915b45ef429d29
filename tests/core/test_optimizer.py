"""The Optimizer's contract, kept by optimizers of a reader's own."""

import copy
import math
import pickle

import numpy as np
import pytest

from mlp import SGD, Linear, MSELoss, Optimizer, Parameter
from mlp.core.team import Team


class Own(Optimizer):
    """One with an array, a number, a flag, a word and a pair among its settings."""

    def __init__(self, parameters, lr, keep=0.5, *, pair=(0.1, 0.2), on=True, by="sum"):
        super().__init__(parameters, lr)
        if not 0 <= keep < 1:
            raise ValueError(f"Own: expected keep in [0, 1), got {keep}")
        self.keep, self._pair, self.on, self._by = keep, tuple(pair), on, by

    def update(self, parameter, gradient, state):
        state["mean"] = self.keep * state.get("mean", 0 * gradient) + gradient
        state["seen"] = state.get("seen", 0) + 1
        parameter.data -= self.lr * state["mean"]


def stepped(steps=2):
    p, q = Parameter([1.0, 2.0]), Parameter(np.ones((2, 1), np.float32))
    optimizer = Own([p, q], 0.1, keep=0.25, pair=(0.3, 0.4), on=False, by="mean")
    for _ in range(steps):
        p.grad, q.grad = [1.0, -1.0], [[2.0], [3.0]]
        optimizer.step()
    return optimizer


def test_settings_and_what_update_keeps_are_in_the_state():
    state = stepped().state_dict()
    assert {k: v for k, v in state.items() if "." not in k} == dict(
        lr=0.1, keep=0.25, pair=(0.3, 0.4), on=False, by="mean"
    )
    assert state["mean.0"].tolist() == [1.25, -1.25]
    assert state["mean.1"].dtype == np.float32
    assert state["seen.0"] == state["seen.1"] == 2
    assert stepped().settings() == {k: v for k, v in state.items() if "." not in k}


def test_a_state_is_a_copy_both_ways():
    optimizer, other = stepped(), stepped(0)
    state = optimizer.state_dict()
    other.load_state_dict(state)
    state["mean.0"][...] = 99
    for one in (optimizer, other):
        assert one.state_dict()["mean.0"].tolist() == [1.25, -1.25]
    optimizer.state_of(optimizer.parameters[0])["mean"][...] = 99
    assert optimizer.state_dict()["mean.0"].tolist() == [1.25, -1.25]
    assert optimizer.state_of(Parameter([1.0])) == {}


@pytest.mark.parametrize("by", ["dict", "npz", "pickle", "deepcopy"])
def test_what_is_taken_up_goes_on_as_before(by, tmp_path):
    whole, cut = stepped(4), stepped(2)
    if by in ("dict", "npz"):
        state = cut.state_dict()
        if by == "npz":
            np.savez(tmp_path / "s.npz", **state)
            with np.load(tmp_path / "s.npz") as file:
                state = dict(file)
        fresh = Own(cut.parameters, 7.0)
        fresh.load_state_dict(state)
        cut = fresh
    else:
        cut = pickle.loads(pickle.dumps(cut)) if by == "pickle" else copy.deepcopy(cut)
    assert cut.settings() == whole.settings()
    for _ in range(2):
        p, q = cut.parameters
        p.grad, q.grad = [1.0, -1.0], [[2.0], [3.0]]
        cut.step()
    for p, q in zip(whole.parameters, cut.parameters, strict=True):
        np.testing.assert_array_equal(p.data, q.data)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (dict(lr=0), ValueError),
        (dict(keep=2.0), ValueError),
        (dict(pair=(0.1,)), ValueError),
        (dict(pair=("x", "y")), TypeError),
        (dict(on=3), TypeError),
        (dict(lr="x"), TypeError),
        ({"mean.7": np.ones(2)}, ValueError),
        ({"mean.0": "x"}, TypeError),
        (dict(unknown=1), ValueError),
    ],
    ids=str,
)
def test_a_wrong_state_is_a_sentence_and_changes_nothing(change, error):
    optimizer = stepped()
    before = optimizer.state_dict()
    with pytest.raises(error, match=r"Own\.load_state_dict: .*expected"):
        optimizer.load_state_dict(before | change)
    after = optimizer.state_dict()
    assert list(after) == list(before)
    for name, value in before.items():
        np.testing.assert_array_equal(after[name], value)


@pytest.mark.parametrize("wrong", [None, 3, [("lr", 0.1)]])
def test_a_state_is_a_mapping(wrong):
    with pytest.raises(TypeError, match="expected a mapping"):
        stepped().load_state_dict(wrong)


@pytest.mark.parametrize(
    ("wrong", "error", "sentence"),
    [
        (np.ones(3), ValueError, r"mean\.0: expected a gradient of .* shape \(2,\)"),
        (["a", "b"], TypeError, r"mean\.0: expected the gradient to hold real"),
        (2.0, ValueError, r"mean\.0: expected a gradient of the parameter's shape"),
    ],
)
def test_where_slots_say_what_is_kept_a_state_has_the_shape_of_its_parameter(
    wrong, error, sentence, monkeypatch
):
    optimizer = stepped()
    state = optimizer.state_dict()
    monkeypatch.setattr(Own, "slots", ("mean",))
    monkeypatch.setattr(Own, "counts", ("seen",))
    optimizer.load_state_dict(state)
    with pytest.raises(error, match=sentence):
        optimizer.load_state_dict(state | {"mean.0": wrong})
    assert optimizer.state_dict()["mean.0"].tolist() == [1.25, -1.25]


def test_a_parameter_in_read_only_memory_is_refused_before_any_is_stepped():
    p, q = Parameter([1.0]), Parameter([2.0])
    optimizer = Own([p, q], 0.1)
    p.grad, q.grad = [1.0], [1.0]
    q.data.flags.writeable = False
    with pytest.raises(ValueError, match=r"Own\.step: .*got one in read-only memory"):
        optimizer.step()
    assert (p.data.item(), q.data.item()) == (1, 2)
    q.data.flags.writeable = True
    optimizer.step()
    assert p.data.item() < 1


def test_at_lr_may_be_0_and_ends():
    optimizer = stepped(0)
    with pytest.raises(ZeroDivisionError), optimizer.at_lr(0):
        assert optimizer.lr == 0
        raise ZeroDivisionError
    assert optimizer.lr == 0.1
    for wrong in (-1, math.nan, "x"):
        with pytest.raises((ValueError, TypeError)), optimizer.at_lr(wrong):
            pass
    assert optimizer.lr == 0.1


def test_it_has_to_have_an_update():
    with pytest.raises(TypeError, match="abstract"):
        Optimizer([Parameter([1.0])], 0.1)


@pytest.mark.parametrize("wrong", [0, -1, math.nan, math.inf])
def test_lr_is_checked_in_the_name_of_the_class(wrong):
    with pytest.raises(ValueError, match="Own: expected lr above 0"):
        Own([Parameter([1.0])], wrong)
    optimizer = stepped(0)
    with pytest.raises(ValueError, match="Own: expected lr above 0"):
        optimizer.lr = wrong


def test_what_fades_in_an_own_optimizer_ends_at_0_in_silence():
    class Fading(Optimizer):
        def update(self, parameter, gradient, state):
            state["mean"] = 1e-100 * state.get("mean", gradient)

    p = Parameter([1.0])
    optimizer = Fading([p], 0.1)
    with np.errstate(all="raise"):
        for _ in range(5):
            p.grad = [1.0]
            optimizer.step()
    assert optimizer.state_dict()["mean.0"] == 0


def test_step_marks_gradients_as_used_and_holds_knows_its_own():
    optimizer = stepped(0)
    p, q = optimizer.parameters
    assert optimizer.holds(p)
    assert not optimizer.holds(Parameter([1.0]))
    with pytest.raises(
        RuntimeError, match=r"Own\.step: expected a parameter with a.*step 4"
    ):
        optimizer.step()
    p.grad = [1.0, 1.0]
    optimizer.step()
    assert optimizer.state_of(q) == {}
    optimizer.zero_grad()
    assert p.grad is None
    assert repr(optimizer).startswith("Own(2 parameters, lr=0.1, keep=0.25, pair=")


def test_what_fades_away_is_0_and_the_smallest_normal_number_stays():
    least = np.finfo(float).smallest_normal

    class Fading(Optimizer):
        def update(self, parameter, gradient, state):
            kept = np.array([least, least / 2, -least, -least / 2, 1.0])
            state["a"] = kept * np.where(np.abs(kept) < least, 0.7, 1)  # underflows

    p = Parameter([0.0])
    optimizer = Fading([p], lr=0.1)
    p.add_grad([1.0])
    optimizer.step()
    assert optimizer.state_of(p)["a"].tolist() == [least, 0, -least, 0, 1]


def test_to_begin_with_a_model_is_to_let_the_team_hand_it_out():
    handed = []

    class Others(Team):
        def hand_out(self, model):
            handed.append(model)

    layer = Linear(1, 1)
    optimizer = SGD(layer.parameters(), lr=0.1)
    optimizer.team = Others()
    optimizer.begin(layer, MSELoss())
    assert handed == [layer]


class Grouped(Optimizer):
    """One that is made of groups, each with a factor for lr."""

    def __init__(self, groups, lr, power=1.0):
        super().__init__([p for group in groups for p in group["parameters"]], lr)
        self.groups, self.power = groups, power

    def update(self, parameter, gradient, state):
        for group in self.groups:
            if any(parameter is p for p in group["parameters"]):
                parameter.data -= self.lr * group["factor"] ** self.power * gradient


class Around(Optimizer):
    """One that is made of another, whose parameters are no argument."""

    def __init__(self, base, lr, keep=0.5):
        super().__init__(base.parameters, lr)
        self.base, self.keep = base, keep

    def update(self, parameter, gradient, state):
        state["mean"] = self.keep * state.get("mean", 0) + gradient
        parameter.data -= self.lr * state["mean"]


@pytest.mark.parametrize(
    "make",
    [
        lambda p, q: Grouped(
            [{"parameters": [p], "factor": 1}, {"parameters": [q], "factor": 0.1}], 0.5
        ),
        lambda p, q: Around(SGD([p, q], lr=0.1), 0.5),
    ],
)
def test_one_that_is_not_made_of_parameters_takes_over_a_state(make):
    def made(lr):
        optimizer = make(Parameter([1.0]), Parameter([2.0]))
        optimizer.lr = lr
        return optimizer

    def steps(optimizer):
        for gradient in ([3.0], [4.0]):
            for p in optimizer.parameters:
                p.grad = gradient
            optimizer.step()
        return [p.data.item() for p in optimizer.parameters]

    one, other = made(0.25), made(0.5)
    steps(one)
    for p, q in zip(other.parameters, one.parameters, strict=True):
        p.data[...] = q.data
    other.load_state_dict(one.state_dict())
    assert steps(other) == steps(one)
    with pytest.raises(ValueError, match=r"load_state_dict: expected lr above 0"):
        other.load_state_dict(other.state_dict() | {"lr": -1.0})
    assert other.lr == 0.25


def test_an_error_of_an_init_that_can_be_asked_passes():
    class Table(Own):
        def __init__(self, parameters, lr, by="sum"):
            super().__init__(parameters, lr, by={"sum": "s", "mean": "m"}[by])
            self._by = by

    optimizer = Table([Parameter([1.0])], 0.1)
    with pytest.raises(KeyError, match="^'median'$"):
        optimizer.load_state_dict(optimizer.state_dict() | {"by": "median"})
    assert optimizer.settings()["by"] == "sum"
