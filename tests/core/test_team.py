"""A process alone is a team of one: it answers every question by itself."""

import numpy as np
import pytest

from mlp import SGD, Dropout, Linear, Sequential
from mlp.core.team import ALONE, Team


def test_an_optimizer_is_alone_unless_somebody_gives_it_a_team():
    assert SGD(Linear(1, 1).parameters(), lr=0.1).team is ALONE
    assert (type(ALONE), ALONE.rank, ALONE.size) == (Team, 0, 1)


def test_what_the_first_of_a_team_says_is_what_the_function_returned_or_raised():
    value = object()
    assert ALONE.of_first(lambda: value) is value
    with pytest.raises(ZeroDivisionError):
        ALONE.of_first(lambda: 1 / 0)
    assert ALONE.gathered(value) == [value]


def test_nothing_is_unlike_with_nobody_to_compare():
    ALONE.expect_alike("fit", {"epochs": 3})
    with ALONE.alike():
        ALONE.tell(KeyboardInterrupt())
    error = ValueError("in the middle")
    with pytest.raises(ValueError) as caught, ALONE.alike():
        raise error
    assert caught.value is error


def test_a_net_alone_keeps_its_generators_and_buffers():
    rng = np.random.default_rng(0)
    model = Sequential(Linear(2, 2, rng=0), Dropout(0.5, rng=rng))
    before = rng.bit_generator.state
    ALONE.hand_out(model)
    assert model[1].rng is rng
    assert rng.bit_generator.state == before
