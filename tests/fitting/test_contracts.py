"""Any layer, loss and optimizer goes through fit, save and load, bit for bit."""

import copy
import math

import numpy as np
import pytest
from lively import MAKERS, Own, net, rows, run, same

from mlp import (
    SGD,
    CheckpointError,
    CrossEntropyLoss,
    Linear,
    Loss,
    MSELoss,
    Sequential,
    fit,
    load,
    minibatches,
    save,
    train_step,
)
from mlp.fitting import archive, contents


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


@pytest.mark.parametrize("value", [0, -1.0, math.nan, math.inf])
def test_a_norm_that_is_not_above_0_is_refused(value):
    with pytest.raises(ValueError, match="^fit: expected max_grad_norm above 0"):
        run(net(), max_grad_norm=value)
    with pytest.raises(TypeError, match="^fit: expected max_grad_norm to be a number"):
        run(net(), max_grad_norm="1")


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
