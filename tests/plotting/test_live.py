"""live draws now and then, the last epoch always, and costs 3 % at most."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest

from mlp import Adam, CrossEntropyLoss, History, Linear, MSELoss, Sequential, fit
from mlp.datasets import make_spirals

pytest.importorskip("matplotlib")

from mlp._shared import figures
from mlp.plotting import live
from mlp.plotting.live import Live

DATA = make_spirals(30, rng=0)
MODEL = Sequential(Linear(2, 3, rng=0))


class Clock:
    """A clock that drawing moves by what it costs."""

    def __init__(self, monkeypatch, cost):
        self.now, self.cost = 0.0, cost
        fake = SimpleNamespace(perf_counter=lambda: self.now)
        monkeypatch.setattr(sys.modules[Live.__module__], "time", fake)
        monkeypatch.setattr(figures, "png", lambda figure: b"")  # which is slow


class Shown:
    """Stands for IPython's display: keeps the pictures."""

    def __init__(self, clock=None):
        self.pictures, self.clock = [], clock

    def __call__(self, picture, display_id):
        assert display_id is True
        self.update(picture)
        return self

    def update(self, picture):
        self.pictures.append(picture._repr_png_())
        if self.clock:
            self.clock.now += self.clock.cost


def run(monkeypatch, cost, epochs, every=0.5, seconds=0.1):
    clock = Clock(monkeypatch, cost)
    shown = Shown(clock)
    watch = Live(None, None, every, shown)
    history, times = History(), []
    for _ in range(epochs):
        clock.now += seconds
        history.loss.append(1.0)
        before = len(shown.pictures)
        begun = clock.now
        watch(history, MODEL)
        if len(shown.pictures) > before:
            times.append(begun)
    return watch, times, clock.now


def test_it_draws_at_most_twice_a_second(monkeypatch):
    _, times, _ = run(monkeypatch, cost=0.0, epochs=100)
    assert 15 <= len(times) <= 20
    assert np.diff(times).min() >= 0.5 - 1e-9


def test_it_takes_three_percent_of_the_run_at_most(monkeypatch):
    watch, times, now = run(monkeypatch, cost=0.3, epochs=1000)
    # the first picture is drawn before its cost is known
    assert watch.seconds - 0.3 <= 0.03 * now
    assert len(times) >= 0.02 * now / 0.3
    assert watch.drawn == len(times)


def test_the_last_epoch_is_always_drawn(monkeypatch):
    clock = Clock(monkeypatch, cost=0.0)
    shown = Shown(clock)
    watch = Live(None, None, 0.5, shown)
    history = History(loss=[1.0])
    watch(history, MODEL)
    assert shown.pictures == []
    history.stopped = "epochs"
    watch(history, MODEL)
    assert len(shown.pictures) == 1


def test_fit_shows_losses_and_the_plane():
    shown, model = Shown(), Sequential(Linear(2, 3, rng=0))
    watch = Live(DATA.x, DATA.y, 0.0, shown)
    optimizer = Adam(model.parameters())
    fit(
        *(model, CrossEntropyLoss(), optimizer, DATA.x, DATA.y),
        epochs=3,
        validation=(DATA.x, DATA.y),
        on_epoch=watch,
    )
    assert shown.pictures[-1].startswith(b"\x89PNG")
    losses, plane = watch.figure.axes
    assert [len(line.get_xdata()) for line in losses.lines] == [3, 3]
    assert plane.get_images()


def test_other_than_two_features_have_losses_alone():
    watch = Live(np.ones((4, 3)), np.ones(4), 0.0, Shown())
    watch(History(loss=[1.0, -1.0], stopped="epochs"), MODEL)
    assert len(watch.figure.axes) == 1
    assert watch.figure.axes[0].get_yscale() == "linear"


def test_wrong_arguments_are_sentences():
    with pytest.raises(ValueError, match="live: expected x and y together"):
        live(DATA.x)
    with pytest.raises(ValueError, match="live: expected every"):
        live(every=-1)


def test_without_ipython_a_sentence_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "IPython.display", None)
    with pytest.raises(ImportError, match=r"expected IPython .* History\.plot"):
        live()


def test_what_the_boundary_refuses_does_not_end_the_run():
    model, watch = (
        Sequential(Linear(2, 1, rng=0)),
        Live(DATA.x, DATA.x[:, :1], 0.0, Shown()),
    )
    history = fit(
        *(model, MSELoss(), Adam(model.parameters()), DATA.x, DATA.x[:, :1]),
        epochs=2,
        on_epoch=watch,
    )
    assert len(history.loss) == 2
    (text,) = watch.figure.axes[1].texts
    assert "expected y to be whole numbers or text" in " ".join(text.get_text().split())


def test_another_run_has_a_picture_and_a_budget_of_its_own(monkeypatch):
    clock = Clock(monkeypatch, cost=0.3)
    displays = []

    def display(picture, display_id):
        displays.append(Shown(clock))
        return displays[-1](picture, display_id)

    watch = Live(None, None, 0.5, display)
    for _ in range(2):
        clock.now += 1000  # of which no run may draw
        history = History()
        for _ in range(100):
            clock.now += 0.1
            history.loss.append(1.0)
            watch(history, MODEL)
        assert watch.drawn <= 1
        history.stopped = "epochs"
        watch(history, MODEL)
        assert watch.seconds == pytest.approx(0.3 * watch.drawn)
    assert len(displays) == 2
