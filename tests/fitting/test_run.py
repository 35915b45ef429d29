"""A run: modes, the loss of an epoch, clipping, the way back from a failed step."""

import math

import numpy as np
import pytest
from lively import MAKERS, net, rows, run, same
from small import Absolute

from mlp import (
    SGD,
    Adam,
    Buffer,
    DivergenceError,
    Layer,
    Linear,
    MSELoss,
    Parameter,
    Sequential,
    clip_grad_norm,
    fit,
    minibatches,
    train_step,
)


def test_fit_trains_in_training_mode_and_leaves_each_mode_as_it_was():
    model, optimizer = net()
    model.eval()
    model[1].train()
    modes = [layer.training for layer in model.modules()]
    assert set(modes) == {True, False}
    seen = []

    def metric(prediction, target):
        seen.append([layer.training for layer in model.modules()])
        model.eval()  # which must not stay
        return 0.0

    run((model, optimizer), metrics={"m": metric})
    assert set(map(tuple, seen)) == {(True,) * len(modes)}
    assert [layer.training for layer in model.modules()] == modes
    assert model[5].rows.data == 4 * 31
    with pytest.raises(ZeroDivisionError):
        run((model, optimizer), schedule=lambda epoch: 1 / 0)
    assert [layer.training for layer in model.modules()] == modes


@pytest.mark.parametrize(
    ("criterion", "factor"),
    [(MSELoss(), 1), (MSELoss("sum"), 2 * 31), (MSELoss("batchmean"), 2)],
    ids=repr,
)
def test_the_loss_of_an_epoch_is_weighted_by_the_reduction(criterion, factor):
    model = Sequential(Linear(3, 2, rng=0))
    optimizer = SGD(model.parameters(), lr=1e-300)  # which moves nothing
    x, y = rows()
    history = fit(
        model, criterion, optimizer, x, y, epochs=1, batch_size=8, validation=(x, y)
    )
    mean = MSELoss().forward(model.predict(x), y)
    expected = mean * (2 if factor > 1 else 1)
    assert math.isclose(history.loss[0], expected, rel_tol=1e-12)
    assert math.isclose(history.validation_loss[0], expected, rel_tol=1e-12)


def test_a_loss_without_a_reduction_is_a_mean_over_rows():
    model = Sequential(Linear(3, 2, rng=0))
    x, y = rows()
    expected = np.abs(model.predict(x) - y).sum() / 31
    optimizer = SGD(model.parameters(), lr=1e-300)
    history = fit(model, Absolute(), optimizer, x, y, epochs=1, batch_size=8)
    assert math.isclose(history.loss[0], expected, rel_tol=1e-12)


@pytest.mark.parametrize("max_norm", [0.1, 1e9])
def test_gradients_are_clipped_between_backward_and_step(max_norm):
    by_fit, (model, optimizer) = net(maker="SGD"), net(maker="SGD")
    run(by_fit, epochs=2, max_grad_norm=max_norm)
    rng, criterion = np.random.default_rng(3), MSELoss()
    for _ in range(2):
        for x, y in minibatches(*rows(), 8, rng=rng):
            criterion.forward(model.forward(x), y)
            optimizer.zero_grad()
            model.backward(criterion.backward())
            clip_grad_norm(model.parameters(), max_norm)
            optimizer.step()
    assert same(by_fit, (model, optimizer))
    unclipped = net(maker="SGD")
    run(unclipped, epochs=2)
    assert same(by_fit, unclipped) == (max_norm > 1)


class Spike(Layer):
    """Multiplies by what a step says, in training."""

    def __init__(self, at, factor):
        self.at, self.factor, self.steps = at, factor, Buffer(0)

    def forward(self, x):
        self.steps.data += self.training
        return x * (self.factor if self.steps.data == self.at else 1.0)

    def backward(self, grad_output):
        return grad_output * (self.factor if self.steps.data == self.at else 1.0)


@pytest.mark.parametrize("maker", MAKERS)
@pytest.mark.parametrize("factor", [1e200, math.nan])
@pytest.mark.parametrize("metrics", [None, {"m": lambda p, t: 0.0}])
def test_a_step_that_fails_is_undone_with_buffers_and_generators(
    maker, factor, metrics
):
    def make(factor):
        base = net(maker=maker)[0]
        model = Sequential(*base, Spike(7, factor))
        return model, MAKERS[maker](model.parameters())

    model, optimizer = make(factor)
    with pytest.raises(DivergenceError) as caught:
        run((model, optimizer), metrics=metrics)
    assert (caught.value.epoch, caught.value.batch) == (1, 2)  # of four in an epoch
    by_hand, rng, done = make(1.0), np.random.default_rng(3), 0
    for _ in range(2):
        for batch in minibatches(*rows(), 8, rng=rng):
            if done < 6:
                train_step(by_hand[0], MSELoss(), by_hand[1], *batch)
            done += 1
    assert same((model, optimizer), by_hand)


def test_the_cure_names_the_optimizer_in_use():
    with pytest.raises(DivergenceError, match=r"try Adam\(lr=0.002\)"):
        model, _ = net()
        model = Sequential(*model, Spike(2, math.nan))
        run((model, Adam(model.parameters(), lr=0.02)))


def test_a_parameter_without_a_name_is_trained_and_its_best_kept():
    class Hidden(Layer):
        def __init__(self):
            self.get = {"a": lambda: held}.get
            held = Parameter(np.ones(3))
            self.parameters = lambda: [held]

        def forward(self, x):
            self.x = x
            return x * self.parameters()[0].data

        def backward(self, grad_output):
            self.parameters()[0].add_grad((grad_output * self.x).sum(axis=0))
            return grad_output * self.parameters()[0].data

    layer = Hidden()
    x, _ = rows()
    optimizer = SGD(layer.parameters(), lr=0.1)
    fit(
        layer,
        MSELoss(),
        optimizer,
        x,
        2 * x,
        epochs=200,
        validation=(x, 2 * x),
        patience=2,
    )
    np.testing.assert_allclose(layer.parameters()[0].data, 2, atol=0.1)
