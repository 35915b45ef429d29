"""After a divergence all is as it was before the step that failed."""

import math
from contextlib import nullcontext

import numpy as np
import pytest
from fitting_runs import data, problem, run, same

from mlp import (
    SGD,
    DivergenceError,
    Layer,
    MSELoss,
    Parameter,
    Sequential,
    minibatches,
    train_step,
)


def by_hand_until_it_diverges(model, optimizer, x, y, criterion, batch_size=5, rng=1):
    """Return epoch, batch and the last finite parameters of the loop by hand."""
    rng = np.random.default_rng(rng)
    with np.errstate(all="ignore"):
        for epoch in range(500):
            rows = minibatches(x, y, batch_size, rng=rng)
            for batch, (x_batch, y_batch) in enumerate(rows):
                before = data(model)
                velocity = [optimizer.velocity_of(p) for p in model.parameters()]
                try:
                    loss = train_step(model, criterion, optimizer, x_batch, y_batch)
                except ValueError:
                    loss = math.nan
                finite = all(np.isfinite(a).all() for a in data(model))
                if not (finite and math.isfinite(loss)):
                    return epoch, batch, before, velocity
    raise RuntimeError("it did not diverge")


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("lr", [2.0, 1e3, 1e30, 1e38])
@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_divergence_leaves_the_parameters_with_which_the_step_began(
    dtype, lr, momentum
):
    settings = {"dtype": dtype, "lr": lr, "momentum": momentum}
    by_hand, its_optimizer, x, y = problem(**settings)
    epoch, batch, before, velocity = by_hand_until_it_diverges(
        by_hand, its_optimizer, x, y, MSELoss()
    )
    model, optimizer, x, y = problem(**settings)
    with pytest.raises(DivergenceError) as caught:
        run(model, optimizer, x, y, epochs=500)
    error = caught.value
    assert (error.epoch, error.batch, error.lr) == (epoch, batch, lr)
    assert same(data(model), before)
    assert all(np.isfinite(a).all() for a in data(model))
    assert same([optimizer.velocity_of(p) for p in model.parameters()], velocity)
    assert len(error.history.loss) == epoch
    assert error.history.stopped == "divergence"
    assert np.isfinite(error.history.loss).all()
    assert all(p.grad is None for p in model.parameters())
    assert optimizer.lr == lr


class Bomb(Layer):
    """y = x; its parameter counts the steps, and then becomes infinite unseen."""

    def __init__(self, steps):
        self.steps, self.count = steps, Parameter([0.0])

    def forward(self, x):
        return x

    def backward(self, grad_output, *, needs_input_grad=True):
        goes_off = self.count.data[0] >= self.steps - 0.5
        self.count.add_grad([-math.inf if goes_off else -1 / self.lr])
        return grad_output


def shrink(model):
    model[1].weight.data[...] *= 0.9


@pytest.mark.parametrize("hook", [None, "schedule", "metric"])
@pytest.mark.parametrize(
    ("steps", "cut"), [(0, False), (2, False), (4, False), (12, False), (12, True)]
)
def test_an_infinite_parameter_that_no_prediction_shows_is_found_and_undone(
    steps, cut, hook, tmp_path
):
    def net(seed=0):
        _, _, x, y = problem()
        model = Sequential(Bomb(steps), *problem(seed)[0])
        return model, SGD(model.parameters(), lr=0.05), x, y

    by_hand, its_optimizer, x, y = net()
    rng = np.random.default_rng(1)
    for epoch in range(3):
        factor = 1 / (1 + epoch) if hook == "schedule" else 1
        if hook == "schedule":
            shrink(by_hand)
        by_hand[0].lr = its_optimizer.lr = 0.05 * factor
        for batch, rows in enumerate(minibatches(x, y, 5, rng=rng)):
            if 5 * epoch + batch == steps:
                break
            train_step(by_hand, MSELoss(), its_optimizer, *rows)
        else:
            if hook == "metric":
                shrink(by_hand)
            continue
        break

    for epochs, seed in [(1, 0), (9, 3)] if cut else [(9, 0)]:
        model, optimizer, x, y = net(seed)
        model[0].lr = 0.05

        def schedule(epoch, model=model):
            shrink(model)
            model[0].lr = 0.05 / (1 + epoch)
            return 1 / (1 + epoch)

        settings = {"epochs": epochs, "checkpoint": tmp_path / "run"}
        if hook == "schedule":
            settings["schedule"] = schedule
        if hook == "metric":
            settings["metrics"] = {"a": lambda p, y, model=model: shrink(model) or 0}
        goes_off = pytest.raises(DivergenceError, match="a parameter that is not")
        with goes_off if epochs == 9 else nullcontext() as caught:
            run(model, optimizer, x, y, **settings)
    assert (caught.value.epoch, caught.value.batch) == divmod(steps, 5)
    assert same(data(model), data(by_hand))
    assert np.isfinite(model[0].count.data).all()
