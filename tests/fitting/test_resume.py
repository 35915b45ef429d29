"""A run that was cut goes on to the last bit; a file of another run is refused."""

import math

import fitting_runs
import numpy as np
import pytest
from fitting_runs import data, overfitting, problem, run, same
from strangers import LogCosh

from mlp import (
    SGD,
    CheckpointError,
    DivergenceError,
    Linear,
    MSELoss,
    ReLU,
    Sequential,
    Sigmoid,
    load,
    minibatches,
    save,
    train_step,
)
from mlp.schedules import cosine


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
    run(*problem(), criterion=LogCosh(), checkpoint=path)


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
        (of_another_loss, "this call's criterion, MSELoss, .*got one of LogCosh"),
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
