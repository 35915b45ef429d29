"""Where processes meet: what one has to tell is told to all."""

import numpy as np
import pytest
from processes import run
from teams import HELD, Odd, X, Y, every, far, net, raising, refused

from mlp import (
    SGD,
    Buffer,
    DivergenceError,
    Dropout,
    Layer,
    Linear,
    MSELoss,
    Sequential,
    fit,
    train_step,
)
from mlp.parallel import AllReduce, meeting
from mlp.parallel.meeting import Meeting


def met(size, function, dtype=np.float64, length=2):
    """Return what function(team) returned or raised in each of size processes."""
    return run(size, lambda comm: function(Meeting(comm, length, np.dtype(dtype))))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_buffer_is_added_up_and_each_says_its_rows(dtype):
    def job(team):
        buffer, behind = team.blank()
        behind[...] = team.rank + 1, 10.0**team.rank
        rows, summed = team.add_up(buffer, 5.0 * team.rank)
        assert rows.dtype == summed.dtype == dtype
        return rows.tolist(), summed.tolist(), team.blank()[1].tolist()

    assert every(met(3, job, dtype)) == [([0, 5, 10], [6, 111], [0, 0])] * 3


def test_values_are_handed_out_and_gathered_by_rank():
    called = []

    def job(team):
        value = team.of_first(lambda: called.append(team.rank) or {"a": 7})
        return team.gathered(team.rank * value["a"])

    assert every(met(3, job)) == [[0, 7, 14]] * 3 and called == [0]


def test_values_that_differ_are_told_with_their_process():
    refused(
        lambda comm: Meeting(comm, 1, np.dtype(float)).expect_alike(
            "fit", {"epochs": 3, "batch_size": 8 + comm.rank // 2}
        ),
        *(
            ValueError,
            "fit: expected batch_size to be the same in all processes, got 8",
        ),
        size=3,
    )
    assert met(2, lambda team: team.expect_alike("fit", {"a": 1})) == [None, None]


def test_a_net_without_buffers_and_generators_needs_no_call():
    def job(team):
        team.comm.calls.clear()
        team.hand_out(net())
        return team.comm.calls

    assert every(met(2, job)) == [[], []]


def test_an_error_is_told_once_and_the_team_goes_on():
    def job(team):
        calls, told = team.comm.calls, []
        try:
            with team.alike(), team.alike():
                if team.rank == 1:
                    raise LookupError("odd")
                team.gathered(0)
        except LookupError as error:
            told.append(error.args)
        return told, calls.count("Allreduce"), team.gathered(team.rank)

    assert every(met(3, job)) == [([("odd",)], 1, [0, 1, 2])] * 3


def test_what_each_of_them_does_is_told_and_the_meeting_is_over():
    def job(team):
        sentences = []
        for _ in range(2):
            try:
                if team.rank == 0:
                    team.add_up(team.blank()[0], 1.0)
                else:
                    team.gathered(0)
            except RuntimeError as error:
                sentences.append(str(error))
        calls = len(team.comm.calls)
        team.expect_next()
        team.finish()
        team.tell(ValueError())  # to nobody
        assert len(team.comm.calls) == calls == 1
        return sentences

    (first, again), (other, _) = every(met(2, job))
    assert first == again == other
    assert "process 0 that takes step 1 and process 1 that gathers after 0 st" in first


def test_one_that_has_finished_takes_no_part_in_an_error_of_another():
    def job(team):
        if team.rank == 0:
            team.finish()
            return "done"
        try:
            with team.alike():
                raise LookupError("odd")
        except LookupError as error:
            return error.args

    assert every(met(2, job)) == ["done", ("odd",)]


def odd_fit(does, at=6):
    def job(comm):
        model = net(0, np.float64, Dropout(0.5, rng=0))
        optimizer = AllReduce(SGD(model.parameters(), lr=0.01, momentum=0.9), comm)
        criterion = Odd(does, at) if comm.rank == 1 else MSELoss()
        try:
            fit(model, criterion, optimizer, X, Y, epochs=3, batch_size=7, rng=0)
        except BaseException as error:
            return error, [p.data.copy() for p in model.parameters()]

    return run(3, job)


def test_divergence_in_one_process_is_that_of_all():
    results = odd_fit(lambda loss: np.nan)
    for error, arrays in results:
        assert isinstance(error, DivergenceError)
        assert (error.epoch, error.batch) == (1, 1)
        assert all(map(np.array_equal, arrays, results[0][1]))


def test_parameters_that_diverge_are_put_back_in_all():
    def job(comm=None):
        model = net()
        optimizer = SGD(model.parameters(), lr=1e160)
        if comm is not None:
            optimizer = AllReduce(optimizer, comm)
        with pytest.raises(DivergenceError) as raised:
            fit(model, MSELoss(), optimizer, X, Y, epochs=3, batch_size=7, rng=0)
        return model, (raised.value.epoch, raised.value.batch)

    alone, place = job()
    for model, where in every(run(2, job)):
        assert where == place
        assert far(model, alone) < 1e-9


@pytest.mark.parametrize("error", [ValueError("odd"), KeyboardInterrupt()])
def test_an_error_in_one_process_is_raised_in_all(error):
    for told, _ in odd_fit(raising(error)):
        assert type(told) is type(error) and told.args == error.args
    (first, _), (second, _), _ = odd_fit(raising(error))
    assert "process 1 of 3" in first.__notes__[0] and "in does" in first.__notes__[0]
    assert not hasattr(second, "__notes__")


@pytest.mark.parametrize(
    ("wrong", "kind"),
    [
        ({"checkpoint": "no/such/folder/run.npz"}, FileNotFoundError),
        ({"progress": "yes"}, TypeError),
        ({"on_epoch": 3}, TypeError),
    ],
)
def test_a_wrong_argument_that_only_process_0_looks_at_is_refused_in_all(wrong, kind):
    def job(comm):
        model = net()
        for again in (wrong, {}):
            optimizer = AllReduce(SGD(model.parameters(), lr=0.1), comm)
            try:
                fit(model, MSELoss(), optimizer, X, Y, epochs=1, **again)
            except kind as error:
                assert again and next(iter(wrong)) in str(error)
            else:
                assert not again

    every(run(2, job))


def test_an_error_that_cannot_be_pickled_is_told_by_its_text():
    class Local(Exception):
        pass

    told = [type(error).__name__ for error, _ in odd_fit(raising(Local("odd")))]
    assert told == ["RuntimeError", "Local", "RuntimeError"]


def steps_of(*steps, size=2):
    """Return what processes with these numbers of steps raise."""

    def job(comm):
        model = net()
        optimizer = AllReduce(SGD(model.parameters(), lr=0.1), comm)
        try:
            for _ in range(steps[comm.rank]):
                train_step(model, MSELoss(), optimizer, X, Y)
        finally:
            optimizer.team.finish()  # as at exit
        with pytest.raises(RuntimeError, match="no step at exit"):
            train_step(model, MSELoss(), optimizer, X, Y)

    return run(len(steps), job)


def test_processes_of_different_numbers_of_steps_are_told():
    assert steps_of(2, 2, 2) == [None] * 3
    shorter, longer, _ = steps_of(2, 4, 4)
    assert shorter is None and isinstance(longer, RuntimeError)
    assert (
        "process 0 that has finished after 2 steps and process 1 that takes step 3"
        in str(longer)
    )


def test_processes_that_do_not_come_for_the_same_are_told():
    def job(comm):
        model = net()
        optimizer = AllReduce(SGD(model.parameters(), lr=0.1), comm)
        if comm.rank == 0:
            fit(model, MSELoss(), optimizer, X, Y, epochs=1)
        optimizer.begin(model, MSELoss())
        train_step(model, MSELoss(), optimizer, X, Y)

    refused(
        job, RuntimeError, "process 0 that gathers after 0 steps and process 1 that"
    )


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (lambda rank: {"epochs": 2 + rank}, "epochs"),
        (lambda rank: {"batch_size": 2 + rank}, "batch_size"),
        (lambda rank: {"x": X + rank}, "the training rows"),
        (lambda rank: {"x": X[: 20 + rank], "y": Y[: 20 + rank]}, "the training rows"),
        (lambda rank: {"patience": 2 + rank, "validation": HELD}, "patience"),
        (lambda rank: {"max_grad_norm": 1.0 + rank}, "max_grad_norm"),
        (lambda rank: {"validation": (None, HELD)[rank]}, "validation"),
    ],
)
def test_fit_with_different_arguments_is_told(change, name):
    def job(comm):
        model = net()
        optimizer = AllReduce(SGD(model.parameters(), lr=0.1), comm)
        given = {"x": X, "y": Y, "epochs": 1} | change(comm.rank)
        fit(model, MSELoss(), optimizer, **given)

    refused(job, ValueError, f"expected {name}")


class Counting(Layer):
    """The identity, with a buffer and a Generator."""

    def __init__(self, start, rng):
        self.count, self.rng = Buffer(np.array([float(start)])), rng
        self.seen = []

    def forward(self, x):
        self.count.data += len(np.asarray(x))
        self.seen.append(self.rng.integers(1 << 40))
        return np.asarray(x)

    def backward(self, grad_output):
        return grad_output


@pytest.mark.parametrize("bits", ["PCG64", "MT19937", "SFC64", "Philox"])
def test_buffers_are_handed_out_and_masks_differ(bits):
    """The streams of process 0 go on; those of the others begin at its state."""

    def job(comm=None, seed=3, epochs=2):
        layer = Counting(
            100 * seed, np.random.Generator(getattr(np.random, bits)(seed))
        )
        model = Sequential(Linear(3, 2, rng=0), layer)
        optimizer = SGD(model.parameters(), lr=0.1)
        if comm is not None:
            optimizer = AllReduce(optimizer, comm)
        for _ in range(epochs):
            train_step(model, MSELoss(), optimizer, X, Y)
        return layer

    alone = job()
    layers = every(run(3, lambda comm: job(comm, 3 + comm.rank)))
    assert [layer.count.data.item() for layer in layers] == [346.0] * 3
    assert layers[0].seen == alone.seen
    assert len({number for layer in layers for number in layer.seen}) == 6


def test_steps_are_counted_exactly_in_float32():
    assert np.float32(meeting._MOST_STEPS - 1) + 1 == meeting._MOST_STEPS
