"""DivergenceError: what it says, and that it can be pickled."""

import copy
import pickle

import pytest
from fitting_runs import problem, run

from mlp import DivergenceError


def test_the_error_says_what_to_try_and_survives_pickle():
    model, optimizer, x, y = problem(lr=1e200)
    with pytest.raises(DivergenceError, match=r"SGD\(lr=1e\+199\)") as caught:
        run(model, optimizer, x, y)
    error = caught.value
    assert isinstance(error, ArithmeticError)
    for again in (pickle.loads(pickle.dumps(error)), copy.deepcopy(error)):
        assert str(again) == str(error)
        assert again.history == error.history
        assert (again.epoch, again.batch, again.lr) == (
            error.epoch,
            error.batch,
            error.lr,
        )
