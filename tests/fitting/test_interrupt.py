"""Ctrl-C waits until nothing is half done; a second one does not."""

import os
import signal
import threading

import numpy as np
import pytest
from fitting_runs import data, problem, run, same

from mlp import Identity, MSELoss, Sequential, load, minibatches, train_step


@pytest.fixture(autouse=True)
def ctrl_c_is_heard():
    """Undo what a shell does to what it starts in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


class Press(Identity):
    """Presses Ctrl-C in the middle of the backward of a step."""

    def __init__(self, step, presses=1):
        self.left, self.presses = step, presses

    def backward(self, grad_output, *, needs_input_grad=True):
        self.left -= 1
        if self.left == 0:
            for _ in range(self.presses):
                os.kill(os.getpid(), signal.SIGINT)
        return super().backward(grad_output)


def steps_by_hand(n):
    model, optimizer, x, y = problem()
    rng = np.random.default_rng(1)
    while True:
        for x_batch, y_batch in minibatches(x, y, 5, rng=rng):
            train_step(model, MSELoss(), optimizer, x_batch, y_batch)
            n -= 1
            if n == 0:
                return model, optimizer


def test_ctrl_c_waits_for_the_step_and_keeps_the_whole_epochs(tmp_path):
    handler = signal.getsignal(signal.SIGINT)
    model, optimizer, x, y = problem()
    path = tmp_path / "run"
    net = Sequential(*model, Press(step=13))  # the third of the third epoch's five
    with pytest.raises(KeyboardInterrupt):
        run(net, optimizer, x, y, epochs=9, checkpoint=path, schedule=lambda e: 1)
    by_hand, its_optimizer = steps_by_hand(13)
    assert same(data(model), data(by_hand))
    for p, q in zip(model.parameters(), by_hand.parameters(), strict=True):
        v, w = optimizer.velocity_of(p), its_optimizer.velocity_of(q)
        assert np.array_equal(v, w)
    assert signal.getsignal(signal.SIGINT) is handler
    assert load(path, net)["epoch"] == 2

    again, optimizer, _, _ = problem(seed=3)
    unpressed = Sequential(*again, Press(step=0))
    history = run(unpressed, optimizer, x, y, epochs=9, checkpoint=path)
    whole = problem()
    assert run(*whole, epochs=9) == history
    assert same(data(again), data(whole[0]))


def test_ctrl_c_at_the_end_of_an_epoch_waits_for_its_checkpoint(tmp_path):
    model, optimizer, x, y = problem()
    path = tmp_path / "run"

    def press(prediction, target):
        os.kill(os.getpid(), signal.SIGINT)
        return 1.0

    with pytest.raises(KeyboardInterrupt):
        run(model, optimizer, x, y, checkpoint=path, metrics={"press": press})
    other = problem(seed=3)[0]
    assert load(path, other)["epoch"] == 1
    assert same(data(other), data(model))


def test_a_second_ctrl_c_does_not_wait():
    handler = signal.getsignal(signal.SIGINT)
    model, optimizer, x, y = problem()
    before = data(model)
    with pytest.raises(KeyboardInterrupt):
        run(Sequential(*model, Press(1, presses=2)), optimizer, x, y)
    assert same(data(model), before)
    assert signal.getsignal(signal.SIGINT) is handler


def test_a_program_with_a_handler_of_its_own_keeps_it():
    pressed = []
    before = signal.signal(signal.SIGINT, lambda *args: pressed.append(args))
    try:
        model, optimizer, x, y = problem()
        run(Sequential(*model, Press(2)), optimizer, x, y)  # goes on to the end
        assert [number for number, _ in pressed] == [signal.SIGINT]
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        run(Sequential(*model, Press(2)), optimizer, x, y)
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
    whole = problem()
    run(*whole)
    run(*whole)
    assert same(data(model), data(whole[0]))


def test_in_another_thread():
    histories = []
    model, optimizer, x, y = problem()
    thread = threading.Thread(
        target=lambda: histories.append(run(model, optimizer, x, y))
    )
    thread.start()
    thread.join()
    assert histories == [run(*problem())]
