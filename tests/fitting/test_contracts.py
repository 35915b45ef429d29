"""Any layer, loss and optimizer goes through fit, save and load, bit for bit."""

import copy
import math
from functools import partial

import library
import numpy as np
import pytest

from mlp import (
    SGD,
    Adam,
    BatchNorm1d,
    Buffer,
    CheckpointError,
    CrossEntropyLoss,
    DivergenceError,
    Dropout,
    Layer,
    Linear,
    Loss,
    MSELoss,
    Optimizer,
    Parameter,
    ReLU,
    Sequential,
    clip_grad_norm,
    fit,
    load,
    minibatches,
    save,
    train_step,
)
from mlp.fitting import archive, contents


class Own(Optimizer):
    """Keeps an array, a number, a vector of another shape, and a text."""

    def __init__(self, parameters, lr, keep=0.5, rule="signs"):
        super().__init__(parameters, lr)
        self.keep, self.rule, self.seen = keep, rule, 0

    def update(self, parameter, gradient, state):
        self.seen += 1
        state["n"] = state.get("n", 0) + 1
        mean = self.keep * state.get("mean", gradient) + gradient
        state["mean"] = mean
        state["last"] = np.array([state["n"], mean.sum(), 3.0])
        parameter.data -= self.lr / state["n"] * (mean + 0.001 * state["last"][1])


class Noise(Layer):
    """Draws in training, counts its rows, keeps a running minimum from inf on."""

    def __init__(self, rng):
        self.inside = [rng]
        self.rows, self.least = Buffer(0), Buffer(np.inf)

    def forward(self, x):
        if not self.training:
            return x
        self.rows.data += len(x)
        np.minimum(self.least.data, x.min(), out=self.least.data)
        return x + 0.01 * self.inside[0].normal(size=x.shape)

    def backward(self, grad_output):
        return grad_output


class Unreduced(Loss):
    """A mean over rows that says nothing of itself."""

    def forward(self, prediction, target):
        self.difference = prediction - target
        return np.float64(np.abs(self.difference).sum() / len(prediction))

    def backward(self):
        return np.sign(self.difference) / len(self.difference)


MAKERS = {
    kind.__name__: partial(kind, lr=0.02, **library.settings(kind))
    for kind in library.OPTIMIZERS
} | {"own": lambda p: Own(p, lr=0.02)}


def net(seed=0, maker="Adam", k=2):
    """Return a net that draws and counts, two layers from one generator."""
    rng, shared = np.random.default_rng(seed), np.random.default_rng(seed + 1)
    model = Sequential(
        Linear(3, 8, rng=rng),
        BatchNorm1d(8),
        ReLU(),
        Dropout(0.4, rng=shared),
        Sequential(Linear(8, 6, rng=rng), Dropout(0.2, rng=shared)),
        Noise(np.random.default_rng(seed + 2)),
        Linear(6, k, rng=rng),
    )
    return model, MAKERS[maker](model.parameters())


def rows(n=31, k=2, seed=5):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, 3)), rng.normal(size=(n, k))


def draws(model):
    return [g.bit_generator.state for _, g in model.named_generators()]


def same(one, other):
    """Return whether two nets with optimizers are the same to the last bit."""
    (a, s), (b, t) = one, other
    states = [m.state_dict() | o.state_dict() for m, o in ((a, s), (b, t))]
    arrays = [{k: np.asarray(v).tobytes() for k, v in d.items()} for d in states]
    return arrays[0] == arrays[1] and draws(a) == draws(b)


def run(pair, criterion=None, k=2, **settings):
    model, optimizer = pair
    settings = {"epochs": 4, "batch_size": 8, "rng": 3} | settings
    return fit(model, criterion or MSELoss(), optimizer, *rows(k=k), **settings)


@pytest.mark.parametrize("maker", MAKERS)
def test_fit_is_the_loop_by_hand(maker):
    by_fit, (model, optimizer) = net(maker=maker), net(maker=maker)
    history = run(by_fit)
    rng, x, y = np.random.default_rng(3), *rows()
    for _ in range(4):
        for batch in minibatches(x, y, 8, rng=rng):
            last = train_step(model, MSELoss(), optimizer, *batch)
    assert same(by_fit, (model, optimizer))
    assert math.isfinite(last) and len(history.loss) == 4


@pytest.mark.parametrize("maker", MAKERS)
@pytest.mark.parametrize("patience", [None, 2])
@pytest.mark.parametrize("cuts", [[1], [2, 3]], ids=str)
@pytest.mark.filterwarnings("ignore:fit. expected .* to leave an epoch to run")
def test_a_run_that_was_cut_is_one_that_was_not(tmp_path, maker, patience, cuts):
    path = tmp_path / "run"
    more = {"validation": rows(9, seed=6), "patience": patience, "max_grad_norm": 0.5}
    whole = net(maker=maker)
    expected = run(whole, epochs=6, **more)
    for i, epochs in enumerate([*cuts, 6]):
        cut = net(seed=i, maker=maker)  # from the second on, all is the file's
        history = run(cut, epochs=epochs, checkpoint=path, **more)
    assert history == expected
    assert same(cut, whole)


def test_the_best_state_has_the_buffers_of_its_epoch(tmp_path):
    path, held_out = tmp_path / "run", rows(9, seed=6)
    pair = net(maker="own")
    history = run(pair, epochs=30, validation=held_out, patience=3, checkpoint=path)
    best = net(maker="own")
    run(best, epochs=history.best_epoch + 1, validation=held_out)
    assert history.best_epoch < len(history.loss) - 1
    for name, array in best[0].state_dict().items():
        np.testing.assert_array_equal(pair[0].state_dict()[name], array, name)
    loaded, last = net(seed=8)[0], net(seed=9)[0]
    load(path, loaded, best=True)
    load(path, last)
    rows_seen = [m[5].rows.data for m in (loaded, last)]
    assert rows_seen == [31 * (history.best_epoch + 1), 31 * len(history.loss)]


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


def test_an_evaluation_is_in_evaluation_mode():
    model, optimizer = net()
    held_out = rows(40, seed=7)
    history = run((model, optimizer), epochs=1, validation=held_out)
    expected = MSELoss().forward(model.predict(held_out[0]), held_out[1])
    assert math.isclose(history.validation_loss[0], expected, rel_tol=1e-12)


# ------------------------------------------------------------------- losses


def test_labels_of_a_loss_that_takes_them_are_not_rounded():
    labels = np.arange(31) % 4
    for y in (labels, labels.astype(np.float64), labels.astype(np.uint8)):
        model, optimizer = net(k=4)
        by_hand, its_optimizer = net(k=4)
        x = rows()[0]
        criterion = CrossEntropyLoss()
        fit(model, criterion, optimizer, x, y, epochs=2, rng=1, validation=(x, y))
        rng = np.random.default_rng(1)
        for _ in range(2):
            for batch in minibatches(x, y, 32, rng=rng):
                train_step(by_hand, criterion, its_optimizer, *batch)
        assert same((model, optimizer), (by_hand, its_optimizer))


class LabelLoss(Loss):
    takes_labels = True
    seen = ()

    def forward(self, prediction, target):
        self.seen = (*self.seen, *target)
        self.shape = prediction.shape
        return 1.0

    def backward(self):
        return np.zeros(self.shape)


def test_a_label_beyond_float32_reaches_the_loss():
    model = Sequential(Linear(3, 1, rng=0, dtype=np.float32))
    criterion, y = LabelLoss(), np.array([2.0**24 + 1, 1.0])
    optimizer = SGD(model.parameters(), lr=0.1)
    fit(model, criterion, optimizer, np.ones((2, 3)), y, epochs=1)
    assert sorted(criterion.seen) == [1.0, 2.0**24 + 1]


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
    history = fit(model, Unreduced(), optimizer, x, y, epochs=1, batch_size=8)
    assert math.isclose(history.loss[0], expected, rel_tol=1e-12)


# --------------------------------------------------------------- few rows


@pytest.mark.parametrize(("n", "batch_size"), [(33, 32), (1, 32), (5, 1), (9, 4)])
def test_a_batch_of_too_few_rows_is_refused_before_the_first_step(n, batch_size):
    model, optimizer = net()
    before = copy.deepcopy(model), copy.deepcopy(optimizer)
    with pytest.raises(
        ValueError, match="^fit: expected at least 2 rows .* BatchNorm1"
    ):
        fit(model, MSELoss(), optimizer, *rows(n), epochs=1, batch_size=batch_size)
    assert same((model, optimizer), before)


@pytest.mark.parametrize(("n", "batch_size"), [(34, 32), (32, 32), (2, 32), (9, 5)])
def test_a_batch_of_enough_rows_is_taken(n, batch_size):
    model, optimizer = net()
    fit(model, MSELoss(), optimizer, *rows(n), epochs=1, batch_size=batch_size)


# ---------------------------------------------------------- max_grad_norm


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


@pytest.mark.parametrize("value", [0, -1.0, math.nan, math.inf])
def test_a_norm_that_is_not_above_0_is_refused(value):
    with pytest.raises(ValueError, match="^fit: expected max_grad_norm above 0"):
        run(net(), max_grad_norm=value)
    with pytest.raises(TypeError, match="^fit: expected max_grad_norm to be a number"):
        run(net(), max_grad_norm="1")


# -------------------------------------------------------------- divergence


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


# ------------------------------------------------------------ save and load


@pytest.mark.parametrize("maker", MAKERS)
def test_what_is_saved_is_loaded(tmp_path, maker):
    path, pair, again = tmp_path / "run", net(maker=maker), net(seed=9, maker=maker)
    run(pair)
    save(path, *pair)
    load(path, *again)
    assert same(pair, again)
    for other in (pair, again):
        run(other, rng=1)
    assert same(pair, again)


def test_settings_of_any_kind_come_back(tmp_path):
    path, pair = tmp_path / "run", net(maker="own")
    pair[1].keep, pair[1].rule = 0.25, "sümme"
    save(path, *pair)
    again = net(maker="own")
    load(path, *again)
    assert again[1].state_dict() == pair[1].state_dict()


def test_fit_takes_the_settings_of_the_call_and_the_count_of_the_file(tmp_path):
    path, pair = tmp_path / "run", net(maker="own")
    run(pair, epochs=1, checkpoint=path)
    again = net(maker="own")
    again[1].keep, again[1].rule, again[1].lr = 0, "new", 0.5
    run(again, epochs=2, checkpoint=path)
    optimizer = again[1]
    assert (optimizer.keep, optimizer.rule, optimizer.lr) == (0, "new", 0.5)
    assert optimizer.seen == 2 * pair[1].seen


@pytest.mark.parametrize("was_shared", [True, False])
@pytest.mark.parametrize("is_shared", [True, False])
def test_generators_are_shared_as_they_were(tmp_path, was_shared, is_shared):
    def make(shared, seed):
        rngs = [np.random.default_rng(seed + i * (not shared)) for i in range(2)]
        rngs = rngs[:1] * 2 if shared else rngs
        return Sequential(*(Dropout(0.5, rng=rng) for rng in rngs), Linear(9, 1))

    model, again, path = make(was_shared, 1), make(is_shared, 7), tmp_path / "run"
    model[0].rng.normal(size=3)
    save(path, model)
    load(path, again)
    assert (again[0].rng is again[1].rng) == was_shared
    x = np.ones((4, 9))
    for layer, other in [(0, 0), (1, 1), (0, 0)]:
        a, b = model[layer].forward(x), again[other].forward(x)
        np.testing.assert_array_equal(a, b)


def test_generators_that_cannot_be_shared_again_are_refused(tmp_path):
    rng, path = np.random.default_rng(0), tmp_path / "run"
    save(path, Sequential(Noise(rng), Noise(rng)))
    model = Sequential(*(Noise(np.random.default_rng(i)) for i in (1, 2)))
    before = draws(model)
    with pytest.raises(CheckpointError, match="share their generators otherwise"):
        load(path, model)
    assert draws(model) == before


@pytest.mark.parametrize(
    "text",
    [b"{}", b"[]", b"1", b'{"3.rng": "no"}', b'{"3.rng": 0}', b"\xff", b"[" * 9000],
)
def test_a_text_of_generators_that_save_does_not_write_is_refused(tmp_path, text):
    path, pair = tmp_path / "run", net()
    save(path, *pair)
    with np.load(path) as file:
        arrays = dict(file) | {"generators": np.array(text)}
    with open(path, "wb") as file:
        archive.write(file, arrays)
    before = copy.deepcopy(pair)
    with pytest.raises(CheckpointError, match="generators|draw from"):
        load(path, *pair)
    assert same(pair, before)


def forged(path, **members):
    with np.load(path) as file:
        arrays = dict(file) | {k.replace("__", "."): v for k, v in members.items()}
    with open(path, "wb") as file:
        archive.write(file, arrays)


@pytest.mark.parametrize(
    "members",
    [
        {"optimizer__exp_avg__0": np.zeros((8, 4))},
        {"optimizer__exp_avg__0": np.zeros((8, 3), np.float32)},
        {"optimizer__step__0": np.array(1.5)},
        {"optimizer__step__0": np.array([1, 2])},
        {"optimizer__velocity__0": np.zeros((8, 3))},
        {"optimizer__exp_avg__99": np.zeros((8, 3))},
        {"optimizer__betas": np.array([0.9])},
        {"optimizer__betas": np.array([0.9, 1.5])},
        {"optimizer__betas": np.array(b'"a text"')},
        {"optimizer__rest": np.array(1.0)},
    ],
    ids=str,
)
def test_a_state_that_is_not_the_optimizers_is_refused(tmp_path, members):
    path, pair = tmp_path / "run", net()
    run(pair, epochs=1)
    save(path, *pair)
    forged(path, **members)
    before = copy.deepcopy(pair)
    with pytest.raises(CheckpointError, match=r"^load: expected .*run to be a checkp"):
        load(path, *pair)
    assert same(pair, before)


@pytest.mark.parametrize("text", [b"signs", b"3", b'"a" ', b"[" * 9000])
def test_a_word_that_save_does_not_write_is_refused(tmp_path, text):
    path, pair = tmp_path / "run", net(maker="own")
    save(path, *pair)
    forged(path, optimizer__rule=np.array(text))
    with pytest.raises(CheckpointError, match="for the optimizer"):
        load(path, *pair)


def test_the_state_of_an_own_optimizer_has_a_limit(tmp_path, monkeypatch):
    path, pair = tmp_path / "run", net(maker="own")
    run(pair, epochs=1)
    save(path, *pair)
    forged(path, optimizer__more__0=np.zeros(3 << 20))
    with pytest.raises(CheckpointError, match="more progress than save allows"):
        load(path, *pair)
    monkeypatch.setattr(contents.values, "MOST_ARRAYS", 0)
    monkeypatch.setattr(contents, "_STATES", 0)
    with pytest.raises(ValueError, match="^save: expected the optimizer's state of at"):
        save(path, *pair)


def test_a_state_of_no_numbers_is_refused(tmp_path):
    class Odd(Own):
        def update(self, parameter, gradient, state):
            state["word"] = {"a": 1}

    model, _ = net()
    optimizer = Odd(model.parameters(), lr=0.1)
    run((model, optimizer), epochs=1)
    with pytest.raises(TypeError, match=r"^save: expected optimizer\.word\.0 to be an"):
        save(tmp_path / "run", model, optimizer)


class NoOptimizer:
    def __init__(self, parameters):
        self.parameters = parameters

    def zero_grad(self):
        pass

    step = zero_grad


def test_an_optimizer_that_is_none_gets_one_sentence(tmp_path):
    model, _ = net()
    optimizer = NoOptimizer(model.parameters())
    path = tmp_path / "run"
    save(path, model)
    calls = {
        "fit": lambda: run((model, optimizer)),
        "save": lambda: save(path, model, optimizer),
        "load": lambda: load(path, model, optimizer),
    }
    for who, call in calls.items():
        with pytest.raises(TypeError, match="derive its class from mlp.Opt") as caught:
            call()
        assert str(caught.value).startswith(f"{who}: expected optimizer to be of Opt")
    with pytest.raises(TypeError, match=r"make one, SGD\(…\)"):
        run((model, SGD))


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
