"""Each exhibit: the wrong lines are told what is wrong, the right ones nothing."""

import runpy
from pathlib import Path

import numpy as np
import pytest

from mlp import SGD, BCELoss, Linear, MSELoss, Parameter, Sequential, train_step
from museum import batches, exhibit, layers, loops, losses, optimizers
from museum.tools import x, y

ROOT = Path(__file__).parent.parent.parent
ALL = [
    pytest.param(found, id=found.__name__)
    for room in (layers, losses, optimizers, batches, loops)
    for found in exhibit.exhibits(room)
]


def on_one_line(text):
    return " ".join(text.split())


def test_there_are_enough_of_them():
    assert len(ALL) >= 24
    titles = [exhibit.text_of(param.values[0])[0] for param in ALL]
    assert len(set(titles)) == len(ALL)


@pytest.mark.parametrize("it", ALL)
def test_the_wrong_lines_are_told_what_is_wrong(it):
    assert it.says
    assert it.says in on_one_line(exhibit.printed(it, "wrong"))


@pytest.mark.parametrize("it", ALL)
def test_the_right_lines_are_clean(it):
    assert exhibit.printed(it, "right") == it.clean
    assert it.says not in on_one_line(it.clean)


@pytest.mark.parametrize("it", ALL)
def test_an_exhibit_that_the_library_does_not_see_says_what_to_look_at(it):
    assert bool(it.instead) == bool(it.clean)
    assert exhibit.text_of(it)[1]


# What the library does not see: that the symptom is the one described.


def trained(model, batches_of, epochs=60, criterion=None, lr=0.1):
    """Return the mean loss of the last epoch."""
    criterion, optimizer = criterion or MSELoss(), SGD(model.parameters(), lr=lr)
    for _ in range(epochs):
        losses_of = [train_step(model, criterion, optimizer, *b) for b in batches_of()]
    return np.mean(losses_of)


def test_rows_shuffled_apart_teach_the_mean():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 2))
    y = x @ [[1.0], [-2.0]]
    for shuffle, low, high in (
        (batches.ShuffledApart.wrong, 0.8, 1.3),
        (batches.ShuffledApart.right, 0.0, 1e-6),
    ):
        model = Linear(2, 1, rng=0)
        loss = trained(model, lambda shuffle=shuffle: [shuffle(x, y, rng)])
        assert low <= loss / y.var() <= high


def test_a_loss_above_two_sigmoids_stays_high():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 3))
    y = (x[:, :2] > 0).astype(float)
    for net, low, high in (
        (losses.DoubleSigmoid.wrong, 0.45, 0.7),
        (losses.DoubleSigmoid.right, 0.0, 0.15),
    ):
        loss = trained(net(), lambda: [(x, y)], 1000, BCELoss(), lr=1.0)
        assert low <= loss <= high


@pytest.mark.parametrize("init", [layers.AllZero, layers.AllAlike])
def test_units_that_begin_alike_stay_alike(init):
    for model, width in ((init.wrong(), 1), (init.right(), 4)):
        loss = trained(model, lambda: [(x, y)], 100)
        assert len(np.unique(model[0].weight.data.round(9), axis=0)) == width
        assert np.isfinite(loss)


def test_an_lr_applied_twice_is_squared():
    for kind, lr in (
        (optimizers.LrTwice.Wrong, 0.01),
        (optimizers.LrTwice.Right, 0.1),
    ):
        p = Parameter([1.0])
        p.grad = [1.0]
        kind([p], lr=0.1).step()
        assert p.data == pytest.approx(1 - lr, rel=1e-12)


def test_an_evaluation_in_between_spoils_the_training():
    rng = np.random.default_rng(0)
    x, held_out = rng.normal(size=(2, 60, 3))
    target = x @ [[1.0, 0.0], [0.0, -1.0], [1.0, 1.0]]
    found = {}
    for side in ("wrong", "right"):
        loop = exhibit.of(loops.EvaluationOfAsManyRows, side)
        model = Linear(3, 2, rng=0)
        criterion, optimizer = MSELoss(), SGD(model.parameters(), lr=0.1)
        for _ in range(300):
            loop(Sequential(model), criterion, optimizer, x, target, held_out)
        found[side] = criterion.forward(model.forward(x), target)
    assert found["right"] < 1e-6 < 0.1 < found["wrong"] or not np.isfinite(
        found["wrong"]
    )


def test_the_page_is_what_the_exhibits_give_now():
    page = (ROOT / "docs" / "bug_museum.md").read_text(encoding="utf-8")
    assert runpy.run_path(str(ROOT / "docs" / "make_museum.py"))["made"]() == page
