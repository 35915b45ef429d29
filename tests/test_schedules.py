"""The schedules: where they begin and end, what lies between, what they refuse."""

import copy
import math
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlp.schedules import constant, cosine, step, warm_up

counts = st.integers(1, 30)


def factors(schedule, epochs):
    return [schedule(epoch) for epoch in range(epochs)]


def test_constant_is_one():
    assert factors(constant(), 5) == [1.0] * 5


@given(counts, st.floats(0, 2))
def test_step_drops_by_one_factor_every_so_many_epochs(every, factor):
    values = factors(step(every, factor), 3 * every)
    assert values == [1.0] * every + [factor] * every + [factor**2] * every


@given(counts, st.floats(0, 1))
def test_cosine_goes_from_1_down_to_least_and_stays_there(epochs, least):
    schedule = cosine(epochs, least)
    values = factors(schedule, epochs + 5)
    assert values[0] == 1
    assert values[epochs:] == [pytest.approx(least, abs=1e-15)] * 5
    assert values == sorted(values, reverse=True)
    for epoch in range(epochs + 1):  # symmetric about the middle
        pair = schedule(epoch) + schedule(epochs - epoch)
        assert pair == pytest.approx(1 + least)
    if epochs % 3 == 0:  # cos 60° = 1/2
        assert schedule(epochs // 3) == pytest.approx(least + (1 - least) * 3 / 4)


@given(counts)
def test_warm_up_rises_in_equal_steps_to_what_follows(epochs):
    values = factors(warm_up(epochs, step(2, 0.5)), epochs + 4)
    assert values[epochs:] == [1, 1, 0.5, 0.5]
    rises = [b - a for a, b in zip([0.0, *values], values[: epochs + 1], strict=False)]
    assert rises == pytest.approx([1 / (epochs + 1)] * (epochs + 1))


@pytest.mark.parametrize(
    ("make", "kind", "sentence"),
    [
        (lambda: step(0), ValueError, "step: expected every of at least 1, got 0"),
        (lambda: step(2.0), TypeError, "step: expected every to be an int"),
        (lambda: step(1, -1), ValueError, "factor of at least 0"),
        (lambda: step(1, math.nan), ValueError, "factor of at least 0"),
        (lambda: cosine(0), ValueError, "cosine: expected epochs of at least 1"),
        (lambda: cosine(3, -0.1), ValueError, "least of at least 0"),
        (lambda: warm_up(0, constant()), ValueError, "warm_up: expected epochs"),
        (lambda: warm_up(3, 1.0), TypeError, "then to be a function, got 1.0"),
    ],
)
def test_what_is_refused(make, kind, sentence):
    with pytest.raises(kind, match=sentence):
        make()


@pytest.mark.parametrize(
    "schedule",
    [constant(), step(3, 0.5), cosine(7, 0.1), warm_up(2, warm_up(1, cosine(4)))],
)
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_schedule_can_be_pickled_and_its_repr_makes_it_again(schedule, protocol):
    for twin in (
        pickle.loads(pickle.dumps(schedule, protocol)),
        copy.deepcopy(schedule),
        eval(repr(schedule)),
    ):
        assert factors(twin, 12) == factors(schedule, 12)
