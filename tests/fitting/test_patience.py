"""Patience: when a run stops, and which parameters it leaves."""

import numpy as np
import pytest
from fitting_runs import ROWS, data, overfitting, problem, run, same

from mlp import SGD, History, Linear, MSELoss


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
