"""fit: the loop by hand to the last bit, what it writes down, and every fault."""

import copy
import math
import pickle
from contextlib import nullcontext

import fitting_runs
import numpy as np
import pytest
from fitting_runs import ROWS, data, problem, run, same
from hypothesis import given
from hypothesis import strategies as st
from oracles import frozen, random_net, seeds

from mlp import (
    SGD,
    BCELoss,
    CheckpointError,
    DivergenceError,
    History,
    Identity,
    Layer,
    Linear,
    Loss,
    MSELoss,
    Parameter,
    ReLU,
    Sequential,
    Sigmoid,
    fit,
    load,
    minibatches,
    save,
    train_step,
)
from mlp.metrics import accuracy, r2
from mlp.schedules import cosine


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


class OwnMean(Loss):
    """A loss of a reader's own, without a reduction: mean |ŷ − y| over rows."""

    def forward(self, prediction, target):
        self.d = prediction - target
        return float(np.abs(self.d).sum() / len(self.d))

    def backward(self):
        return np.sign(self.d) / len(self.d)


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
@pytest.mark.parametrize("criterion", [MSELoss(), BCELoss(), OwnMean()])
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


def test_the_validation_has_a_dtype_of_its_own():
    model, optimizer, x, _ = problem()
    whole, half = np.ones((ROWS, 2), int), np.full((ROWS, 2), 0.5)
    history = run(model, optimizer, x, whole, validation=(x, half))
    loss = MSELoss().forward(model.predict(x), half)
    assert history.validation_loss[-1] == pytest.approx(loss)


def test_a_loss_that_is_no_number_is_refused():
    class Vector(OwnMean):
        def forward(self, prediction, target):
            super().forward(prediction, target)
            return np.abs(self.d).mean(axis=0)

    with pytest.raises(TypeError, match="fit: expected the loss to be a number"):
        run(*problem(), Vector())

    class Single(OwnMean):
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


# ------------------------------------------------------- what is written down


@pytest.mark.parametrize(
    "criterion",
    [MSELoss(), MSELoss("sum"), MSELoss("batchmean"), BCELoss("sum"), OwnMean()],
)
def test_losses_are_means_over_samples(criterion):
    # with an lr next to nothing each step sees the same net, so that the loss of
    # the epoch is the loss of all rows, whatever the batches are
    model, _, x, y = problem()
    model, y = Sequential(*model, Sigmoid()), (y > 0).astype(float)
    optimizer = SGD(model.parameters(), lr=1e-300)
    held_out = np.tile(x, (100, 1)), np.tile(y[::-1], (100, 1))  # more than 1024
    history = run(model, optimizer, x, y, criterion, epochs=1, validation=held_out)
    for (inputs, targets), loss in (
        ((x, y), history.loss[0]),
        (held_out, history.validation_loss[0]),
    ):
        expected = criterion.forward(model.predict(inputs), targets)
        if getattr(criterion, "reduction", None) == "sum":
            expected /= len(inputs)
        assert loss == pytest.approx(expected, rel=1e-12)


def test_metrics_see_all_rows_of_the_validation_or_else_of_the_training_data():
    model, optimizer, x, y = problem()
    seen = []

    def spy(prediction, target):
        seen.append((prediction, target))
        return len(seen)

    held_out = np.tile(x, (60, 1))[:1300], np.tile(y, (60, 1))[:1300]
    history = run(
        model, optimizer, x, y, epochs=2, metrics={"m²": spy}, validation=held_out
    )
    assert history.metrics == {"m²": [1.0, 2.0]}
    assert np.array_equal(seen[-1][1], held_out[1])
    np.testing.assert_allclose(seen[-1][0], model.predict(held_out[0]), rtol=1e-12)
    history = run(model, optimizer, x, y, epochs=1, metrics={"m": spy})
    assert history.metrics == {"m": [3.0]}
    assert np.array_equal(seen[-1][1], y)
    np.testing.assert_allclose(seen[-1][0], model.predict(x), rtol=1e-12)
    assert history.validation_loss == []


def test_validation_changes_nothing():
    some = problem()
    other = problem()
    plain = run(*some)
    watched = run(
        *other, validation=(some[2], some[3]), metrics={"one": lambda p, y: 1}
    )
    assert plain.loss == watched.loss
    assert same(data(some[0]), data(other[0]))


def test_an_evaluation_sends_a_bounded_number_of_rows_at_a_time():
    most = []

    class Spy(Identity):
        def forward(self, x):
            most.append(len(x))
            return super().forward(x)

    model, optimizer, x, y = problem()
    held_out = np.tile(x, (200, 1)), np.tile(y, (200, 1))
    run(Sequential(Spy(), *model), optimizer, x, y, validation=held_out, epochs=1)
    assert max(most) <= 1024 < len(held_out[0])
    assert sum(most) == len(x) + len(held_out[0])


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


# ------------------------------------------------------------------- metrics


@pytest.mark.parametrize("value", [None, math.nan, -math.inf])
def test_a_metric_may_have_no_value(value, tmp_path):
    metrics = {"a": lambda p, y: value}
    path = tmp_path / "run"
    history = run(*problem(), metrics=metrics, checkpoint=path)
    expected = [math.nan if value is None else value] * 3
    np.testing.assert_array_equal(history.metrics["a"], expected)
    history = run(*problem(), metrics=metrics, checkpoint=path, epochs=4)
    assert len(history.metrics["a"]) == 4


def raising(error, epoch):
    """Return a metric that has no value in one epoch."""
    calls = []

    def metric(prediction, target):
        calls.append(None)
        if len(calls) == epoch + 1:
            raise error
        return 0.5

    return metric


@pytest.mark.parametrize("epoch", [0, 1])
@pytest.mark.parametrize(
    "error", [ValueError("one class"), ZeroDivisionError("0/0"), OverflowError("big")]
)
def test_a_metric_that_raises_has_no_value_in_that_epoch(error, epoch):
    sentence = rf"metrics\['a'\] to have a value, got {type(error).__name__}: {error}"
    metrics = {"a": raising(error, epoch), "b": lambda p, y: 1}
    with pytest.warns(UserWarning, match=sentence) as warned:
        history = run(*problem(), metrics=metrics)
    assert len(warned) == 1 and warned[0].filename == fitting_runs.__file__
    expected = [0.5] * 3
    expected[epoch] = math.nan
    np.testing.assert_array_equal(history.metrics["a"], expected)
    assert history.metrics["b"] == [1.0] * 3
    plain = run(*problem())
    assert history.loss == plain.loss


@pytest.mark.parametrize("error", [TypeError, KeyError, IndexError, AttributeError])
def test_a_mistake_in_a_metric_is_raised(error):
    with pytest.raises(error):
        run(*problem(), metrics={"a": raising(error("a"), 1)})


def test_r2_of_one_row_does_not_end_a_run():
    model, optimizer, x, y = problem()
    with pytest.warns(UserWarning, match="r2: expected at least two rows"):
        history = run(
            model, optimizer, x, y, validation=(x[:1], y[:1]), metrics={"R²": r2}
        )
    assert np.isnan(history.metrics["R²"]).all()


# ------------------------------------------------------------------ patience


def overfitting():
    """Return what learns noise by heart, and so gets worse on other noise."""
    model, optimizer, x, y = problem(lr=0.1)
    rng = np.random.default_rng(7)
    return model, optimizer, x, y, (rng.normal(size=(9, 3)), rng.normal(size=(9, 2)))


@pytest.mark.parametrize("patience", [1, 4])
def test_patience_stops_and_puts_the_best_back(patience):
    model, optimizer, x, y, held_out = overfitting()
    states = []
    history = run(
        model,
        optimizer,
        x,
        y,
        epochs=200,
        validation=held_out,
        patience=patience,
        metrics={"spy": lambda p, y: states.append(data(model)) or 0},
    )
    losses = history.validation_loss
    best = int(np.argmin(losses))
    assert len(losses) < 200
    assert (history.best_epoch, history.stopped) == (best, "patience")
    assert len(losses) == best + 1 + patience
    records = np.minimum.accumulate(losses)
    for end in range(patience, len(losses) - 1):  # it did not have to stop before
        assert records[end] < records[end - patience]
    assert same(data(model), states[best])
    assert not same(data(model), states[-1])


def test_without_an_end_of_patience_the_best_come_back_too():
    model, optimizer, x, y, held_out = overfitting()
    history = run(model, optimizer, x, y, epochs=30, validation=held_out, patience=1000)
    assert len(history.loss) == 30
    assert history.stopped == "epochs"
    loss = MSELoss().forward(model.predict(held_out[0]), held_out[1])
    assert loss == pytest.approx(min(history.validation_loss))
    assert loss < history.validation_loss[-1]


def test_the_history_is_not_searched_in_each_epoch():
    looks = []

    class Watched(list):
        """Counts how many of its entries are looked at."""

        def __iter__(self):
            for item in super().__iter__():
                looks.append(item)
                yield item

        def index(self, *arguments):
            looks.extend(self)
            return super().index(*arguments)

        def __getitem__(self, place):
            looks.append(place)
            return super().__getitem__(place)

    def looks_in(epochs):
        model, optimizer, x, y, held_out = overfitting()
        settings = {"validation": held_out, "patience": epochs, "batch_size": ROWS}

        def watch(epoch):
            if not isinstance(history.validation_loss, Watched):
                for name in ("loss", "validation_loss", "lr", "seconds"):
                    setattr(history, name, Watched(getattr(history, name)))
            return 1

        looks.clear()
        with pytest.MonkeyPatch.context() as patch:
            history = History()
            patch.setattr("mlp.fitting.run.History", lambda **kw: history)
            run(model, optimizer, x, y, epochs=epochs, schedule=watch, **settings)
        assert len(history.loss) == epochs
        return len(looks)

    few, many = looks_in(20), looks_in(80)
    assert many <= 4 * max(few, 20)


def test_as_good_is_not_better():
    # of rows of zeros a layer without bias says 0, whatever it has learned
    layer, (_, _, x, y) = Linear(3, 2, bias=False, rng=0), problem()
    optimizer = SGD(layer.parameters(), lr=0.1)
    settings = {"validation": (0 * x, y), "patience": 3}
    history = run(layer, optimizer, x, y, epochs=50, **settings)
    assert len(set(history.validation_loss)) == 1
    assert len(history.loss) == 4
    first = Linear(3, 2, bias=False, rng=0)
    run(first, SGD(first.parameters(), lr=0.1), x, y, epochs=1)
    assert same(data(layer), data(first))


# ---------------------------------------------------------------- divergence


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


def test_a_nan_behind_bceloss_is_a_divergence():
    class Breaks(Identity):
        calls = 0

        def forward(self, x):
            Breaks.calls += 1
            return super().forward(x) * (math.nan if Breaks.calls == 7 else 1.0)

    model, optimizer, x, y = problem()
    model = Sequential(*model, Sigmoid(), Breaks())
    with pytest.raises(DivergenceError, match="prediction that is not") as caught:
        run(model, optimizer, x, (y > 0) * 1.0, BCELoss())
    assert isinstance(caught.value.__cause__, ValueError)
    assert (caught.value.epoch, caught.value.batch) == (1, 1)


def test_other_errors_of_a_loss_stay_what_they_are():
    model, optimizer, x, y = problem()
    model = Sequential(*model, Sigmoid())
    with pytest.raises(ValueError, match=r"target in \[0, 1\]"):
        run(model, optimizer, x, y, BCELoss())
    with pytest.raises(ValueError, match=r"write target.reshape\(-1, 1\)"):
        layer = Linear(3, 1)
        run(layer, SGD(layer.parameters(), lr=0.1), x, y[:, 0])


def test_a_prediction_that_a_loss_hides_is_seen():
    class Blind(Loss):
        def forward(self, prediction, target):
            self.shape = prediction.shape
            return 1.0

        def backward(self):
            return np.ones(self.shape)

    class Infinite(Identity):
        def forward(self, x):
            return x + math.inf

    model, optimizer, x, y = problem()
    before = data(model)
    with pytest.raises(DivergenceError, match="prediction that is not"):
        run(Sequential(*model, Infinite()), optimizer, x, y, Blind())
    assert same(data(model), before)


@pytest.mark.parametrize("criterion", [MSELoss(), BCELoss()])
def test_what_is_not_finite_in_the_validation_alone(criterion):
    model, optimizer, x, y = problem()
    y = (y > 0) * 1.0

    class Inverse(Identity):  # 1/0 in the row of zeros that only the validation has
        def forward(self, x):
            with np.errstate(all="ignore"):
                return x / np.abs(x).sum(axis=1, keepdims=True)

        def backward(self, grad_output, *, needs_input_grad=True):
            return grad_output

    net = Sequential(Inverse(), *model, Sigmoid())
    with pytest.raises(DivergenceError, match="at the end of epoch 0") as caught:
        run(net, optimizer, x, y, criterion, validation=(0 * x, y), patience=2)
    assert caught.value.batch is None
    assert caught.value.history.loss == []


def test_a_loss_of_the_validation_alone_that_overflows():
    model, optimizer, x, y = problem()
    with pytest.raises(DivergenceError, match="a loss that is not, at the end"):
        run(model, optimizer, x, y, validation=(1e200 * x, y))


def test_no_forward_of_the_evaluation_waits_for_a_backward():
    criterion = MSELoss()
    model, optimizer, x, y = problem()
    run(model, optimizer, x, y, criterion, validation=(x, y))
    with pytest.raises(RuntimeError, match="each backward uses up one forward"):
        criterion.backward()


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


# --------------------------------------------------------------- checkpoints


def resumable(path, seed, epochs, dtype, momentum, patience, metrics, rng=4):
    """Run to so many epochs in a process of its own, as it were."""
    _, _, x, y = problem(0, dtype)
    model, optimizer, _, _ = problem(seed, dtype, momentum=momentum, lr=0.1)
    held_out = np.random.default_rng(7).normal(size=(9, 5)).astype(dtype)
    history = run(
        model,
        optimizer,
        x,
        y,
        epochs=epochs,
        rng=rng,
        validation=(held_out[:, :3], held_out[:, 3:]),
        patience=patience,
        schedule=cosine(20, least=0.5),
        metrics={"a": lambda p, y: float(np.mean(p)), "R²": lambda p, y: math.nan}
        if metrics
        else None,
        checkpoint=path,
    )
    return model, optimizer, history


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize(
    ("patience", "metrics"), [(None, False), (None, True), (3, False), (100, True)]
)
@pytest.mark.parametrize("cuts", [[1], [2, 3, 11]])
@pytest.mark.filterwarnings("ignore:fit. expected .* to leave an epoch to run")
def test_a_run_that_was_cut_is_one_that_was_not(
    tmp_path, dtype, momentum, patience, metrics, cuts
):
    setting = dtype, momentum, patience, metrics
    whole, its_optimizer, its_history = resumable(None, 0, 12, *setting)
    for seed, epochs in enumerate([*cuts, 12]):  # other weights at each new start
        rng = np.random.default_rng(9 if seed else 4)
        model, optimizer, history = resumable(
            tmp_path / "run", seed, epochs, *setting, rng=rng
        )
    assert same(data(model), data(whole))
    assert all(p.data.dtype == dtype for p in model.parameters())
    mine, its = optimizer.state_dict(), its_optimizer.state_dict()
    assert mine.keys() == its.keys()
    assert all(np.array_equal(mine[name], its[name]) for name in mine)
    for name in ("loss", "validation_loss", "lr", "stopped", "best_epoch"):
        assert getattr(history, name) == getattr(its_history, name)
    assert history.metrics.keys() == its_history.metrics.keys()
    for name, values in history.metrics.items():
        np.testing.assert_array_equal(values, its_history.metrics[name])
    assert len(history.seconds) == len(history.loss)
    if patience == 3:
        assert len(history.loss) < 12


def test_a_generator_given_ends_where_it_would_have(tmp_path):
    ends = []
    for cuts in ([6], [2, 6]):
        for epochs in cuts:
            rng = np.random.default_rng(4)
            path = tmp_path / str(len(cuts))
            run(*problem(), epochs=epochs, rng=rng, checkpoint=path)
        ends.append(rng.integers(2**60))
    assert ends[0] == ends[1]


def test_without_a_seed_the_order_goes_on_from_the_file(tmp_path):
    path = tmp_path / "run"
    model, optimizer, x, y = problem()
    run(model, optimizer, x, y, rng=None, epochs=2, checkpoint=path)
    copied = path.read_bytes()
    results = []
    for _ in range(2):
        path.write_bytes(copied)
        model, optimizer, x, y = problem()
        run(model, optimizer, x, y, rng=None, epochs=5, checkpoint=path)
        results.append(data(model))
    assert same(*results)


@pytest.mark.parametrize("patience", [None, 2])
def test_a_run_that_is_over_returns_at_once(tmp_path, patience):
    path = tmp_path / "run"
    setting = np.float64, 0.9, patience, True
    model, _, history = resumable(path, 0, 40, *setting)
    content = path.read_bytes()
    reason = "patience" if patience else "epochs"
    sentence = f"got a run that has stopped by {reason} after {len(history.loss)} epoch"
    with pytest.warns(UserWarning, match=sentence) as warned:
        again, _, its_history = resumable(path, 1, 90 if patience else 40, *setting)
    assert [w.filename for w in warned] == [fitting_runs.__file__]
    assert str(path) in str(warned[0].message)
    assert its_history.stopped == history.stopped == reason
    assert path.read_bytes() == content
    assert same(data(again), data(model))
    assert its_history.validation_loss == history.validation_loss
    assert its_history.seconds == history.seconds
    assert (len(history.loss) < 40) == (patience is not None)


def test_the_file_holds_the_last_state_and_beside_it_the_best(tmp_path):
    path = tmp_path / "run"
    states = []
    model, optimizer, x, y, held_out = overfitting()
    history = run(
        model,
        optimizer,
        x,
        y,
        epochs=40,
        validation=held_out,
        patience=2,
        schedule=lambda epoch: 0.5,
        checkpoint=path,
        metrics={"spy": lambda p, y: states.append(model.state_dict()) or 0},
    )
    other, its_optimizer, _, _ = problem(seed=5)
    progress = load(path, other, its_optimizer)
    assert same(other.state_dict().values(), states[-1].values())
    best = states[int(np.argmin(history.validation_loss))]
    assert progress["best"].keys() == best.keys()
    assert same(progress["best"].values(), best.values())
    assert same(model.state_dict().values(), best.values())
    assert its_optimizer.lr == 0.1  # the schedule is not in it
    load(path, other, best=True)
    assert same(other.state_dict().values(), best.values())


def test_a_file_from_before_the_criterion_was_written_is_gone_on_from(tmp_path):
    path = tmp_path / "run"
    model, optimizer, x, y = problem()
    run(model, optimizer, x, y, epochs=1, checkpoint=path)
    progress = load(path, model, optimizer)
    del progress["criterion"]
    save(path, model, optimizer, **progress)
    history = run(model, optimizer, x, y, epochs=3, checkpoint=path)
    assert history == run(*problem(), epochs=3)


def test_settings_are_those_of_the_call(tmp_path):
    path = tmp_path / "run"
    run(*problem(), epochs=2, checkpoint=path)
    model, optimizer, x, y = problem(lr=0.005, momentum=0.5, weight_decay=0.1)
    history = run(model, optimizer, x, y, epochs=4, checkpoint=path)
    assert history.lr == [0.05, 0.05, 0.005, 0.005]
    assert (optimizer.lr, optimizer.momentum, optimizer.weight_decay) == (
        0.005,
        0.5,
        0.1,
    )
    by_hand, its_optimizer, x, y = problem()
    rng = np.random.default_rng(1)
    for epoch in range(4):
        if epoch == 2:
            state = {"lr": 0.005, "momentum": 0.5, "weight_decay": 0.1}
            its_optimizer.load_state_dict(its_optimizer.state_dict() | state)
        for x_batch, y_batch in minibatches(x, y, 5, rng=rng):
            train_step(by_hand, MSELoss(), its_optimizer, x_batch, y_batch)
    assert same(data(model), data(by_hand))


def damaged(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def of_another_net(path):
    path.unlink()
    model, _, x, y = problem()
    model = Sequential(Linear(3, 5), ReLU(), Linear(5, 2))
    run(model, SGD(model.parameters(), lr=0.1), x, y, checkpoint=path)


def not_of_fit(path):
    model, optimizer, _, _ = problem()
    save(path, model, optimizer, epoch=3)


def with_too_few_losses(path):
    model, optimizer, _, _ = problem()
    progress = load(path, model, optimizer)
    save(path, model, optimizer, **progress | {"loss": progress["loss"][1:]})


def with_a_text_for_a_loss(path):
    model, optimizer, _, _ = problem()
    progress = load(path, model, optimizer)
    save(path, model, optimizer, **progress | {"loss": ["a", "b", "c"]})


def with_another_generator(path):
    path.unlink()
    rng = np.random.Generator(np.random.MT19937(1))
    run(*problem(), checkpoint=path, rng=rng)


def with_a_metric(path):
    path.unlink()
    run(*problem(), checkpoint=path, metrics={"a": lambda p, y: 1})


def of_another_activation(path):
    path.unlink()
    model, optimizer, x, y = problem()
    run(Sequential(model[0], Sigmoid(), model[2]), optimizer, x, y, checkpoint=path)


def of_another_loss(path):
    path.unlink()
    run(*problem(), criterion=OwnMean(), checkpoint=path)


def of_another_optimizer(path):
    class Own(SGD):
        """An optimizer of a reader's own."""

    path.unlink()
    model, _, x, y = problem()
    run(model, Own(model.parameters(), lr=0.1), x, y, checkpoint=path)


def with_validation(path):
    path.unlink()
    model, optimizer, x, y = problem()
    run(model, optimizer, x, y, checkpoint=path, validation=(x, y))


def with_patience(path):
    path.unlink()
    model, optimizer, x, y = problem()
    run(model, optimizer, x, y, checkpoint=path, validation=(x, y), patience=9)


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (damaged, "load: expected .* to be a checkpoint"),
        (of_another_net, "is it another net's"),
        (not_of_fit, r"that fit wrote, got one with the progress \['epoch'\]"),
        (with_too_few_losses, "of a run with this call's"),
        (with_a_text_for_a_loss, "that fit wrote"),
        (with_another_generator, "MT19937"),
        (with_a_metric, r"with the metrics \['a'\]"),
        (of_another_activation, "Linear, Sigmoid, Linear where this is of .*ReLU"),
        (of_another_loss, "this call's criterion, MSELoss, .*got one of OwnMean"),
        (of_another_optimizer, "one of Own where this is of SGD"),
        (with_validation, "with validation, without patience"),
        (with_patience, "with validation, with patience"),
    ],
)
def test_a_file_that_does_not_fit_is_refused_and_left_alone(tmp_path, spoil, sentence):
    path = tmp_path / "run"
    run(*problem(), checkpoint=path)
    spoil(path)
    content = path.read_bytes()
    model, optimizer, x, y = problem(seed=2)
    rng = np.random.default_rng(0)
    before, state = data(model), rng.bit_generator.state
    with pytest.raises(CheckpointError, match=sentence) as caught:
        run(model, optimizer, x, y, epochs=9, checkpoint=path, rng=rng)
    assert "\n" not in str(caught.value)
    assert path.read_bytes() == content
    assert same(data(model), before)
    assert rng.bit_generator.state == state
    assert not any(optimizer.velocity_of(p).any() for p in model.parameters())


def spoiled_best(path, settings):
    settings["patience"] = 9
    progress = load(path, *problem()[:2])
    save(path, *problem()[:2], **progress | {"best": {"0.weight": np.zeros((6, 3))}})


def without_patience(path, settings):
    del settings["patience"]


def of_another_metric(path, settings):
    settings["metrics"] = {"b": lambda p, y: 1}


@pytest.mark.parametrize("change", [spoiled_best, without_patience, of_another_metric])
def test_a_file_of_other_settings_is_refused(tmp_path, change):
    path = tmp_path / "run"
    model, optimizer, x, y = problem()
    settings = {"validation": (x, y), "metrics": {"a": lambda p, y: 1}, "patience": 9}
    run(model, optimizer, x, y, checkpoint=path, **settings)
    change(path, settings)
    model, optimizer, x, y = problem()
    before = data(model)
    with pytest.raises(CheckpointError, match="of a run with this call's"):
        run(model, optimizer, x, y, checkpoint=path, **settings)
    assert same(data(model), before)


def test_after_a_divergence_the_file_is_that_of_the_last_whole_epoch(tmp_path):
    path = tmp_path / "run"
    model, optimizer, x, y = problem(lr=2.0)
    with pytest.raises(DivergenceError) as caught:
        run(model, optimizer, x, y, epochs=500, checkpoint=path)
    epoch = caught.value.epoch
    assert epoch > 1
    assert load(path, model)["loss"] == caught.value.history.loss
    optimizer = SGD(model.parameters(), lr=1e-200)
    history = run(model, optimizer, x, y, epochs=epoch + 1, checkpoint=path)
    assert history.lr == [2.0] * epoch + [1e-200]


# ---------------------------------------------------------- wrong arguments


def with_nan(x):
    x = x.copy()
    x[[3, 4], [1, 2]] = np.nan, -np.inf
    return x


BAD = r"expected {} to be finite, got 2 of {} entries outside it, the first nan at"


@pytest.mark.parametrize(
    ("change", "kind", "sentence"),
    [
        (lambda a: {"x": with_nan(a["x"])}, ValueError, BAD.format("x", 69)),
        (
            lambda a: {"y": with_nan(a["x"])},
            ValueError,
            BAD.format("y", 69),
        ),
        (
            lambda a: {"validation": (with_nan(a["x"]), a["y"])},
            ValueError,
            ", validation: " + BAD.format("x", 69) + r" index \(3, 1\)",
        ),
        (lambda a: {"x": a["x"][1:]}, ValueError, "the same number of rows"),
        (lambda a: {"x": [], "y": []}, ValueError, "at least one"),
        (lambda a: {"x": [["a"]] * ROWS}, TypeError, "x to hold real numbers"),
        (lambda a: {"validation": a["x"]}, TypeError, r"a pair \(x, y\)"),
        (lambda a: {"validation": (a["x"],)}, TypeError, r"a pair \(x, y\)"),
        (
            lambda a: {"validation": (a["y"], a["y"])},
            ValueError,
            r"validation x to have rows like x's, of shape \(3,\), got \(2,\)",
        ),
        (
            lambda a: {"validation": (a["x"], a["x"])},
            ValueError,
            r"validation y to have rows like y's, of shape \(2,\), got \(3,\)",
        ),
        (lambda a: {"model": MSELoss()}, TypeError, "model to be of Layer"),
        (lambda a: {"criterion": a["model"]}, TypeError, "criterion to be of Loss"),
        (lambda a: {"optimizer": 0.1}, TypeError, "optimizer to be of Optimizer"),
        (lambda a: {"model": Sequential(ReLU())}, ValueError, "with parameters"),
        (lambda a: {"model": Linear(3, 2)}, ValueError, "holds none of them"),
        (lambda a: {"epochs": 0}, ValueError, "epochs of at least 1"),
        (lambda a: {"epochs": 1.5}, TypeError, "epochs to be an int"),
        (lambda a: {"batch_size": 0}, ValueError, "batch_size of at least 1"),
        (lambda a: {"rng": "a"}, TypeError, "rng to be an int"),
        (lambda a: {"patience": 3}, ValueError, "validation with patience, got none"),
        (
            lambda a: {"patience": 0, "validation": (a["x"], a["y"])},
            ValueError,
            "patience of at least 1",
        ),
        (lambda a: {"schedule": 0.5}, TypeError, "schedule to be a function"),
        (
            lambda a: {"schedule": lambda epoch: -1},
            ValueError,
            r"schedule\(0\) of at least 0",
        ),
        (
            lambda a: {"schedule": lambda epoch: math.nan},
            ValueError,
            r"schedule\(0\) of at least 0",
        ),
        (
            lambda a: {"schedule": lambda epoch: None},
            TypeError,
            r"schedule\(0\) to be a number",
        ),
        (lambda a: {"metrics": [len]}, TypeError, "metrics to be a dict of names"),
        (lambda a: {"metrics": {1: len}}, TypeError, "metrics to be a dict of names"),
        (
            lambda a: {"metrics": {"a": 1}},
            TypeError,
            r"metrics\['a'\] to be a function",
        ),
        (lambda a: {"checkpoint": 3}, TypeError, "checkpoint to be a str or path"),
        (
            lambda a: {"checkpoint": "/no/such/folder/run"},
            OSError,
            "in a folder that can be written to, got /no/such/folder",
        ),
        (lambda a: {"progress": 1}, TypeError, "progress to be True or False"),
    ],
)
def test_a_wrong_argument_is_refused_before_the_first_step(change, kind, sentence):
    model, optimizer, x, y = problem()
    before = data(model)
    arguments = {
        "model": model,
        "criterion": MSELoss(),
        "optimizer": optimizer,
        "x": x,
        "y": y,
        "epochs": 1,
    }
    with pytest.raises(kind, match=rf"^(\[Errno 2\] )?fit.*{sentence}"):
        fit(**arguments | change(arguments))
    assert same(data(model), before)
    assert optimizer.lr == 0.05


def test_parameters_that_are_not_finite_are_refused():
    model, optimizer, x, y = problem()
    model[0].weight.data[0, 0] = math.nan
    with pytest.raises(ValueError, match="model's parameters to be finite"):
        run(model, optimizer, x, y)
    model, optimizer, x, y = problem(dtype=np.float32)
    model[0].weight.data[0, 0] = 1e30  # whose square is not
    run(model, optimizer, 0 * x, y)


def test_a_metric_that_is_no_number_is_refused():
    with pytest.raises(TypeError, match=r"metrics\['all'\] to be a number"):
        run(*problem(), metrics={"all": lambda p, y: p})


def test_a_number_beyond_float32_is_refused():
    model, optimizer, x, y = problem(dtype=np.float32)
    with pytest.raises(ValueError, match="fit: expected x within the range of float32"):
        run(model, optimizer, x.astype(np.float64) * 1e39, y)


def test_random_nets_learn():
    rng = np.random.default_rng(0)
    for _ in range(5):
        model = random_net(rng, [3, 8, 2], (ReLU, Sigmoid))
        x = rng.normal(size=(40, 3))
        y = random_net(rng, [3, 8, 2], (ReLU, Sigmoid)).predict(x)
        optimizer = SGD(model.parameters(), lr=0.1, momentum=0.9)
        history = run(model, optimizer, x, y, epochs=30)
        assert history.loss[-1] <= history.loss[0]
