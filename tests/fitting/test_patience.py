"""Patience: what it watches, when a run stops, and which parameters it leaves."""

import numpy as np
import pytest
from fitting_runs import ROWS, data, overfitting, problem, run, same

from mlp import SGD, History, Linear, MSELoss, fit
from mlp.fitting.patience import Patience


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


# ---------------------------------------------------- a Patience of its own


def scored(values, patience, epochs=20, **more):
    """Return the history of a run whose metric "a" has these values, and states."""
    model, optimizer, x, y = problem()
    states, given = [], iter(values)
    history = run(
        model,
        optimizer,
        x,
        y,
        epochs=epochs,
        metrics={"a": lambda prediction, target: next(given)},
        on_epoch=lambda history, model: states.append([w.copy() for w in data(model)]),
        patience=patience,
        **more,
    )
    return history, states, data(model)


@pytest.mark.parametrize(
    ("values", "least", "epochs", "best"),
    [
        ([1, 3, 2, 3, 0, 9, 9], 0.0, 5, 1),  # an equal one is not better
        ([1, 2, 2.5, 3, 3.5, 9, 9], 1.0, 4, 3),  # 3 − 2.5 and 2.5 − 2 are too little
        ([1, 2, 3.5, 5, 5, 4, 3], 1.0, 7, 3),
        ([np.nan, 1, np.nan, 0, 0, 9, 9], 0.0, 5, 1),
    ],
)
@pytest.mark.parametrize("keeps_best", [False, True])
def test_a_metric_is_waited_for_and_its_best_kept(
    values, least, epochs, best, keeps_best
):
    history, states, ends = scored(values, Patience(3, "a", least, keeps_best))
    assert (len(history.loss), history.stopped) == (epochs, "patience")
    assert same(ends, states[best if keeps_best else -1])


def test_the_training_loss_is_waited_for_without_validation():
    model, optimizer, x, y = problem()
    patience = Patience(2, "loss", 0.01, keeps_best=False)
    history = run(model, optimizer, x, y, epochs=500, patience=patience)
    losses, stopped = np.array(history.loss), len(history.loss)
    assert stopped < 500 and "patience ran out" in str(history)
    falls = np.minimum.accumulate(losses)[:-1] - losses[1:] > 0.01
    assert not falls[-2:].any()
    assert all(falls[i : i + 2].any() for i in range(len(falls) - 2))


def test_a_number_is_a_patience_for_the_validation_loss():
    ends = []
    for patience in (2, Patience(2), Patience(2, "validation_loss", 0.0, True)):
        model, optimizer, x, y = problem()
        more = {"validation": (x, -y), "patience": patience}
        ends.append((run(model, optimizer, x, y, **more), data(model)))
    assert ends[0][0] == ends[1][0] == ends[2][0]
    assert same(ends[0][1], ends[1][1]) and same(ends[0][1], ends[2][1])


@pytest.mark.parametrize("keeps_best", [False, True])
@pytest.mark.parametrize("cut", [1, 3, 4])
def test_a_run_that_was_cut_waits_as_one_that_was_not(tmp_path, keeps_best, cut):
    values = [1, 3, 2, 2, 2, 2, 9, 9]
    patience = Patience(4, "a", 0.5, keeps_best)
    whole, _, ends = scored(values, patience, rng=1)
    path = {"checkpoint": tmp_path / "run.npz", "rng": 1}
    scored(values, patience, epochs=cut, **path)
    model, optimizer, x, y = problem()
    given = iter(values[cut:])
    metrics = {"a": lambda prediction, target: next(given)}
    more = {"patience": patience, "metrics": metrics, **path}
    assert run(model, optimizer, x, y, epochs=20, **more) == whole
    assert same(data(model), ends)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"epochs": 0}, "Patience: expected epochs of at least 1"),
        ({"epochs": 1, "watch": 3}, "Patience: expected watch to be of str"),
        ({"epochs": 1, "least": -1.0}, "Patience: expected least of at least 0"),
        ({"epochs": 1, "keeps_best": 1}, "expected keeps_best to be True or False"),
    ],
)
def test_a_wrong_setting_is_refused(settings, message):
    with pytest.raises((TypeError, ValueError), match=message):
        Patience(**settings)


def test_what_is_watched_has_to_be_there():
    model, optimizer, x, y = problem()
    for watch, message in (
        ("b", "what patience watches to be one of 'validation_loss', 'loss', 'a'"),
        ("validation_loss", "expected validation with patience, got none"),
    ):
        with pytest.raises(ValueError, match=message):
            metrics = {"a": lambda prediction, target: 1.0}
            run(model, optimizer, x, y, patience=Patience(1, watch), metrics=metrics)


@pytest.mark.parametrize("shuffle", [False, True])
def test_rows_keep_their_order_if_they_are_not_shuffled(shuffle):
    seen = []

    class Spy(Linear):
        def forward(self, x):
            seen.extend(np.asarray(x).ravel().tolist())
            return super().forward(x)

    model, rows = Spy(1, 1, rng=0), np.arange(7.0).reshape(-1, 1)
    optimizer = SGD(model.parameters(), lr=1e-3)
    more = {"epochs": 2, "batch_size": 3, "rng": 0, "shuffle": shuffle}
    fit(model, MSELoss(), optimizer, rows, rows, **more)
    assert (seen == [*range(7)] * 2) is not shuffle
    assert sorted(seen) == sorted([*range(7)] * 2)
    with pytest.raises(TypeError, match="expected shuffle to be True or False"):
        fit(model, MSELoss(), optimizer, rows, rows, **more | {"shuffle": 0})
