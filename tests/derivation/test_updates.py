"""The lines of an optimizer's step, entry by entry."""

import numpy as np
import pytest
from derivations import OPTIMIZERS, assert_reads_back
from reading import read
from small import Signs

from mlp import Adam, Linear, MSELoss, Parameter, trace
from mlp.derivation.expressions import Symbol
from mlp.derivation.figures import Line
from mlp.derivation.updates import Moved, step_lines

W = Symbol("W", above="(1)")


def moved(optimizer, parameter, gradient):
    """Return a step of an optimizer that holds one parameter."""
    before, kept = parameter.data.copy(), optimizer.state_of(parameter)
    parameter.grad = gradient
    optimizer.step()
    after, kept_after = parameter.data.copy(), optimizer.state_of(parameter)
    return Moved(W, before, after, gradient, kept, kept_after)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("make", [*OPTIMIZERS, lambda p: Signs(p, 0.1)])
def test_each_line_is_read_as_what_the_optimizer_made_of_the_entry(make, dtype):
    rng = np.random.default_rng(0)
    θ = Parameter(rng.normal(size=(2, 3)).astype(dtype))
    optimizer = make([θ])
    for _ in range(2):  # the second with slots that are not 0
        step = moved(optimizer, θ, rng.normal(size=(2, 3)).astype(dtype))
        found = [*step_lines(optimizer, step, 99)]
        for one in found:
            near = dict(abs=1e-6) if dtype is np.float32 else dict(rel=1e-7, abs=1e-12)
            value = pytest.approx(one.value.number, **near)
            assert read(str(one.formula)) == value
        by_name = {one.entry: one.value.number for one in found}
        for place in np.ndindex(2, 3):
            index = "".join("₁₂₃"[k] for k in place)
            assert by_name[f"(W⁽¹⁾){index}"] == step.after[place]  # to the last digit


def test_a_count_is_one_line_for_all_entries():
    θ = Parameter(np.ones((2, 3)))
    adam = Adam([θ], 0.1)
    for before in 0, 1:
        lines = map(str, step_lines(adam, moved(adam, θ, np.ones((2, 3))), 99))
        counts = [one for one in lines if one.startswith("t(")]
        assert counts == [f"t(W⁽¹⁾) = {before} + 1 = {before + 1}"]


def test_arrays_that_are_too_large_are_summed_up_and_a_count_is_a_number():
    θ = Parameter(np.ones((2, 3)))
    adam = Adam([θ], 0.1)
    lines = [*step_lines(adam, moved(adam, θ, np.ones((2, 3))), 0)]
    assert not any(isinstance(one, Line) for one in lines)
    assert lines[0] == "t(W⁽¹⁾): 1"
    assert lines[-1] == "W⁽¹⁾: 2 × 3 numbers, mean 0.9, from 0.9 to 0.9"


def test_an_optimizer_of_ones_own_is_traced_by_its_changes():
    model = Linear(2, 1, rng=0)
    t = trace(model, MSELoss(), Signs(model.parameters(), 0.1), [[1, 2]], [[3]])
    assert "5. step of Signs, as a change" in str(t)
    assert_reads_back(t)
