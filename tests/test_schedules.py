"""The schedules: where they begin and end, what lies between, what they refuse."""

import copy
import math
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlp.schedules import (
    constant,
    cosine,
    exponential,
    inverse_time,
    step,
    warm_up,
)

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


@pytest.mark.parametrize("rate", [1.0, 0.9, 1e-3])
def test_exponential_is_a_power(rate):
    schedule = exponential(rate)
    assert schedule(0) == 1
    for epoch in range(20):
        assert schedule(epoch + 1) == pytest.approx(rate * schedule(epoch), rel=1e-14)
    assert exponential(0.5)(10_000) == 0.0


@pytest.mark.parametrize("every", [1, 3])
def test_inverse_time_by_hand(every):
    schedule = inverse_time(0.5, every=every)
    steps = [schedule(epoch) for epoch in range(4 * every)]
    expected = [1, 1 / 1.5, 1 / 2, 1 / 2.5]
    assert steps[::every] == pytest.approx(expected, rel=1e-15)
    assert steps[every - 1] == 1
    assert inverse_time(0)(1000) == 1


@pytest.mark.parametrize(
    ("make", "error", "sentence"),
    [
        (lambda: exponential(0), ValueError, "exponential: expected rate above 0"),
        (lambda: exponential(1.1), ValueError, "exponential: .* at most 1"),
        (lambda: exponential(-0.5), ValueError, "exponential: expected rate above 0"),
        (lambda: exponential(math.nan), ValueError, "exponential: expected rate"),
        (lambda: exponential("x"), TypeError, "exponential: expected rate"),
        (lambda: inverse_time(-1), ValueError, "inverse_time: expected rate of at l"),
        (lambda: inverse_time(math.inf), ValueError, "inverse_time: expected rate"),
        (lambda: inverse_time(1, 0), ValueError, "inverse_time: expected every of"),
        (lambda: inverse_time(1, 1.5), TypeError, "inverse_time: expected every to"),
    ],
)
def test_rates_out_of_range_are_refused(make, error, sentence):
    with pytest.raises(error, match=sentence):
        make()


@pytest.mark.parametrize("schedule", [exponential(0.5), inverse_time(0.1, every=2)])
def test_new_schedules_are_pickled_and_read_as_calls(schedule):
    twin = pickle.loads(pickle.dumps(schedule))
    assert [twin(e) for e in range(9)] == [schedule(e) for e in range(9)]
    assert repr(twin) == repr(schedule)
    assert repr(schedule).startswith(f"{type(schedule).__name__}(rate=")


def test_without_a_word_a_step_is_to_a_tenth():
    assert [step(2)(epoch) for epoch in range(4)] == [1, 1, 0.1, 0.1]
