"""fit: the loop by hand to the last bit, and the schedule."""

import math

import numpy as np
import pytest
from fitting_runs import ROWS, data, problem, run, same
from hypothesis import given
from hypothesis import strategies as st
from oracles import frozen, random_net, seeds
from strangers import LogCosh

from mlp import (
    SGD,
    BCELoss,
    DivergenceError,
    Identity,
    Layer,
    Linear,
    Loss,
    MSELoss,
    Parameter,
    ReLU,
    Sequential,
    Sigmoid,
    minibatches,
    train_step,
)
from mlp.metrics import accuracy


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@given(seeds, st.integers(1, 30))
def test_fit_is_the_loop_by_hand_to_the_last_bit(dtype, seed, batch_size):
    settings = {"lr": 0.005, "weight_decay": 0.01, "nesterov": True}
    model, optimizer, x, y = problem(seed, dtype, **settings)
    by_hand, its_optimizer, _, _ = problem(seed, dtype, **settings)
    history = run(
        model, optimizer, frozen(x), frozen(y), batch_size=batch_size, rng=seed
    )
    rng = np.random.default_rng(seed)
    for epoch in range(3):
        seen = []
        for x_batch, y_batch in minibatches(x, y, batch_size, rng=rng):
            loss = train_step(by_hand, MSELoss(), its_optimizer, x_batch, y_batch)
            seen += [loss] * len(x_batch)  # the mean over samples
        assert history.loss[epoch] == pytest.approx(np.mean(seen))
    assert same(data(model), data(by_hand))
    for p, q in zip(model.parameters(), by_hand.parameters(), strict=True):
        assert p.data.dtype == dtype
        v, w = optimizer.velocity_of(p), its_optimizer.velocity_of(q)
        assert v.dtype == dtype and np.array_equal(v, w)
    assert len(history.seconds) == 3 and min(history.seconds) > 0
    assert history.lr == [0.005] * 3
    assert history.validation_loss == [] and history.metrics == {}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rows_are_converted_once_and_not_in_the_loop(dtype):
    met = []

    class Spy(Identity):
        def forward(self, x):
            met.append(x.dtype)
            return super().forward(x)

    model, optimizer, x, y = problem(dtype=dtype)
    spied = Sequential(Spy(), *model)
    lists = np.round(x, 2).astype(np.float64).tolist(), (y > 0).tolist()
    history = run(spied, optimizer, *lists, validation=lists)
    assert set(met) == {np.dtype(dtype)}
    model, optimizer, _, _ = problem(dtype=dtype)
    arrays = [np.array(rows, dtype) for rows in lists]
    assert run(model, optimizer, *arrays).loss == history.loss


class OwnCrossEntropy(Loss):
    """A loss of a reader's own, of labels (N,): −log softmax(ŷ)[label], the mean."""

    def forward(self, prediction, target):
        e = np.exp(prediction - prediction.max(axis=1, keepdims=True))
        self.p, self.target = e / e.sum(axis=1, keepdims=True), target
        return float(-np.log(self.p[np.arange(len(target)), target]).mean())

    def backward(self):
        gradient = self.p.copy()
        gradient[np.arange(len(gradient)), self.target] -= 1
        return gradient / len(gradient)


class Embedding(Layer):
    """y = W[x], a row for each whole number x."""

    def __init__(self, rows, columns, rng):
        self.weight = Parameter(rng.normal(size=(rows, columns)))

    def forward(self, x):
        self.x = x
        return self.weight.data[x]

    def backward(self, grad_output, *, needs_input_grad=True):
        gradient = np.zeros_like(self.weight.data)
        np.add.at(gradient, self.x, grad_output)
        self.weight.add_grad(gradient)


INTEGERS = [np.int64, np.uint8, np.bool_]


def assert_as_by_hand(make, criterion, x, y, **settings):
    """Assert that fit takes what the loop by hand takes, to the last bit."""
    model, by_hand = make(), make()
    optimizer, its_optimizer = (SGD(m.parameters(), lr=0.05) for m in (model, by_hand))
    history = run(model, optimizer, x, y, criterion, **settings)
    rng = np.random.default_rng(1)
    for epoch in range(3):
        total = 0.0
        for x_batch, y_batch in minibatches(x, y, 5, rng=rng):
            loss = train_step(by_hand, criterion, its_optimizer, x_batch, y_batch)
            total += loss * len(x_batch)
        assert history.loss[epoch] == pytest.approx(total / len(x))
    assert same(data(model), data(by_hand))
    return history, model


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", INTEGERS)
def test_labels_reach_a_loss_that_takes_them(dtype, kind):
    x = problem(dtype=dtype)[2]
    y = np.random.default_rng(2).integers(0, 2, ROWS)
    if kind is not np.bool_:  # which would be a mask
        y = y.astype(kind)
    seen = []

    def share(prediction, target):
        seen.append(target.dtype)
        return np.mean(prediction.argmax(axis=1) == target)

    history, model = assert_as_by_hand(
        lambda: problem(dtype=dtype)[0],
        OwnCrossEntropy(),
        x,
        y,
        validation=(x, y),
        metrics={"own": share, "accuracy": accuracy},
        patience=3,
    )
    assert set(seen) == {y.dtype}
    assert history.metrics["own"] == history.metrics["accuracy"]
    loss = OwnCrossEntropy().forward(model.predict(x), y)
    assert loss == pytest.approx(min(history.validation_loss))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", INTEGERS)
@pytest.mark.parametrize("criterion", [MSELoss(), BCELoss(), LogCosh()])
def test_integers_for_numbers_are_as_by_hand(criterion, kind, dtype):
    x, y = (problem()[i] for i in (2, 3))
    x, y = np.abs(5 * x).astype(np.int64).astype(kind), (y > 0).astype(kind)
    assert_as_by_hand(
        lambda: Sequential(*problem(dtype=dtype)[0], Sigmoid()), criterion, x, y
    )


def test_whole_numbers_reach_a_layer_that_takes_them():
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 4, ROWS), rng.normal(size=(ROWS, 2))

    def make():
        rng = np.random.default_rng(1)
        return Sequential(Embedding(4, 3, rng), Linear(3, 2, rng=rng))

    history, _ = assert_as_by_hand(make, MSELoss(), x, y, validation=(x, y))
    assert len(history.validation_loss) == 3


def test_a_loss_that_is_no_number_is_refused():
    class Vector(LogCosh):
        def forward(self, prediction, target):
            super().forward(prediction, target)
            return np.abs(self.e).mean(axis=0)

    with pytest.raises(TypeError, match="fit: expected the loss to be a number"):
        run(*problem(), Vector())

    class Single(LogCosh):
        def forward(self, prediction, target):
            return np.float32(super().forward(prediction, target))

    model, optimizer, x, y = problem()
    history = run(model, optimizer, x, y, Single(), validation=(x, y))
    assert {type(v) for v in history.loss + history.validation_loss} == {float}

    many = np.tile(x, (200, 1)), np.tile(y, (200, 1))
    history = run(model, optimizer, x, y, Single(), epochs=1, validation=many)
    total = 0.0
    for first in range(0, 200 * ROWS, 1024):
        x, y = (rows[first : first + 1024] for rows in many)
        total += float(Single().forward(model.predict(x), y)) * len(x) / (200 * ROWS)
    assert history.validation_loss[0] == pytest.approx(total, rel=1e-14)


def test_a_generator_is_drawn_from_where_it_stands():
    model, optimizer, x, y = problem()
    rng = np.random.default_rng(5)
    first = run(model, optimizer, x, y, rng=rng, epochs=1)
    second = run(model, optimizer, x, y, rng=rng, epochs=1)
    model, optimizer, x, y = problem()
    whole = run(model, optimizer, x, y, rng=5, epochs=2)
    assert first.loss + second.loss == whole.loss


def test_a_layer_alone_and_an_optimizer_of_some_parameters_will_do():
    layer = Linear(3, 2, rng=0)
    _, _, x, y = problem()
    bias = layer.bias.data.copy()
    optimizer = SGD([layer.weight], lr=0.1)
    history = run(layer, optimizer, x, y, validation=(x, y))
    assert history.loss[-1] < history.loss[0]
    assert np.array_equal(layer.bias.data, bias)


# ----------------------------------------------------------------- schedules


def test_lr_follows_the_schedule_and_comes_back():
    model, optimizer, x, y = problem(momentum=0.0)
    asked, met = [], []

    def schedule(epoch):
        asked.append(epoch)
        return [1, 0, np.float32(0.5)][epoch]

    class Spy(SGD):
        def step(self):
            met.append((self.lr, data(model)))
            super().step()

    optimizer = Spy(model.parameters(), lr=0.1)
    history = run(model, optimizer, x, y, schedule=schedule, batch_size=ROWS)
    assert asked == [0, 1, 2]
    assert history.lr == [0.1, 0, 0.05] == [lr for lr, _ in met]
    assert optimizer.lr == 0.1
    assert not same(met[0][1], met[1][1])
    assert same(met[1][1], met[2][1])  # no step at lr 0
    assert not same(met[2][1], data(model))


@pytest.mark.parametrize("error", [KeyError, KeyboardInterrupt, DivergenceError])
def test_lr_comes_back_after_an_error(error):
    model, optimizer, x, y = problem()

    class Fails(Identity):
        def forward(self, x):
            if optimizer.lr == 0.025:
                if error is DivergenceError:
                    return x * math.inf
                raise error
            return super().forward(x)

    with pytest.raises(error):
        schedule = [1, 0.5].__getitem__
        run(Sequential(*model, Fails()), optimizer, x, y, schedule=schedule)
    assert optimizer.lr == 0.05


def set_lr_in_a_schedule(model, optimizer, settings):
    settings["schedule"] = lambda epoch: setattr(optimizer, "lr", 0.01) or 1


def set_lr_in_a_metric(model, optimizer, settings):
    settings["metrics"] = {"a": lambda p, y: setattr(optimizer, "lr", 0.01) or 1}


def set_lr_in_a_layer(model, optimizer, settings):
    relu = model[1]
    relu.forward = lambda x: setattr(optimizer, "lr", 0.01) or ReLU.forward(relu, x)


@pytest.mark.parametrize("epochs", [1, 3])
@pytest.mark.parametrize(
    "set_lr", [set_lr_in_a_schedule, set_lr_in_a_metric, set_lr_in_a_layer]
)
def test_lr_set_from_outside_is_refused(set_lr, epochs):
    model, optimizer, x, y = problem()
    settings = {"epochs": epochs}
    set_lr(model, optimizer, settings)
    with pytest.raises(RuntimeError, match="got 0.01 for 0.05 in epoch 0, counted"):
        run(model, optimizer, x, y, **settings)
    assert optimizer.lr == 0.05


def test_a_metric_may_read_lr_and_a_schedule_may_follow_a_metric():
    model, optimizer, x, y = problem()
    factor, seen = [1.0], []

    def halve(prediction, target):
        seen.append(optimizer.lr)
        factor[0] /= 2
        return factor[0]

    settings = {"schedule": lambda epoch: factor[0], "metrics": {"a": halve}}
    history = run(model, optimizer, x, y, **settings)
    assert history.lr == [0.05, 0.025, 0.0125]
    assert seen == [0.05] * 3
    assert optimizer.lr == 0.05


def test_random_nets_learn():
    rng = np.random.default_rng(0)
    for _ in range(5):
        model = random_net(rng, [3, 8, 2], (ReLU, Sigmoid))
        x = rng.normal(size=(40, 3))
        y = random_net(rng, [3, 8, 2], (ReLU, Sigmoid)).predict(x)
        optimizer = SGD(model.parameters(), lr=0.1, momentum=0.9)
        history = run(model, optimizer, x, y, epochs=30)
        assert history.loss[-1] <= history.loss[0]
