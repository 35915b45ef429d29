"""How all processes end when one of them does."""

from types import SimpleNamespace

import pytest
from processes import PROGRAM, start
from teams import X, Y, net, refused

from mlp import SGD, Adam, MSELoss, train_step
from mlp.parallel import AllReduce, ending


def test_nets_one_after_another_of_different_numbers_of_steps_are_told():
    def job(comm):
        for more in (0, comm.rank):
            model = net()
            optimizer = AllReduce(SGD(model.parameters(), lr=0.1), comm)
            for _ in range(2 + more):
                train_step(model, MSELoss(), optimizer, X, Y)
        AllReduce(Adam(model.parameters()), comm)

    refused(
        *(job, RuntimeError),
        "process 0 that makes another AllReduce after 2 steps and process 1 that takes "
        "step 3",
    )


def test_goodbye_is_said_where_the_next_step_may_be():
    """In a net that another came after, it would wait for processes in the other."""
    first, second = SimpleNamespace(comm=1), SimpleNamespace(comm=2)
    before, last = [*ending._awake], {**ending._last}
    try:
        ending.is_new(first)
        ending.is_new(second)
        assert ending._awake == [second]
        ending.used(first)
        ending.used(second)
        ending.used(second)
        assert ending._awake == [first, second]
    finally:
        ending._awake[:] = before
        ending._last = last


@pytest.mark.parametrize(
    ("what", "size", "sentence"),
    [
        ("raised", 3, "process 1 of 3 ended by ValueError; all processes end with it"),
        ("early", 2, "process 1 of 2 ended by ValueError; all processes end with it"),
        ("left", 2, "to make one, got process 1 that has finished before"),
        ("longer", 2, "process 0 that has finished after 3 steps and process 1 that"),
    ],
)
@pytest.mark.usefixtures("mpi")
def test_one_that_ends_ends_all_with_a_sentence(what, size, sentence, tmp_path):
    done = start(size, PROGRAM, what, tmp_path)
    assert done.returncode != 0
    assert sentence in done.stderr
