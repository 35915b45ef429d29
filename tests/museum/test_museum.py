"""Each exhibit: the wrong lines are told what is wrong, the right ones nothing."""

import runpy
from pathlib import Path

import numpy as np
import pytest
from oracles import on_one_line

from mlp import (
    SGD,
    Adam,
    BatchNorm1d,
    BCELoss,
    CrossEntropyLoss,
    Linear,
    MSELoss,
    Parameter,
    ReLU,
    Sequential,
    Softmax,
    Tanh,
    one_hot,
    train_step,
)
from museum import (
    adaptive,
    batches,
    beginnings,
    classification,
    dropout,
    exhibit,
    layers,
    loops,
    losses,
    normalization,
    optimizers,
)
from museum.tools import Scaled, x, y

ROOT = Path(__file__).parent.parent.parent
ALL = [
    pytest.param(found, id=found.__name__)
    for room in (
        *(layers, losses, optimizers, batches, loops),
        *(classification, adaptive, dropout, normalization, beginnings),
    )
    for found in exhibit.exhibits(room)
]


def test_there_are_enough_of_them():
    assert len(ALL) >= 90
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


def test_a_softmax_before_cross_entropy_stays_high():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 3))
    labels = x.argmax(axis=1)
    for net, low, high in (
        (classification.SoftmaxTwice.wrong, 0.55, 1.0),
        (classification.SoftmaxTwice.right, 0.0, 0.1),
    ):
        loss = trained(net(), lambda: [(x, labels)], 300, CrossEntropyLoss(), lr=1.0)
        assert low <= loss <= high


def moved_by(kind, gradients):
    """Return where an optimizer brings 1 along gradients, one after the other."""
    p = Parameter([1.0])
    optimizer = kind([p], lr=0.1)
    for gradient in gradients:
        p.grad = [gradient]
        optimizer.step()
    return p.data


def test_the_first_steps_of_adam_without_bias_correction_are_too_long():
    for gradients in ([1.0] * 5, [-3e-4] * 5):
        expected = 1 - moved_by(Adam, gradients)
        for kind, factor in (
            (adaptive.NoBiasCorrection.Wrong, 2.0),
            (adaptive.NoBiasCorrection.Right, 1.0),
        ):
            way = (1 - moved_by(kind, gradients)) / expected
            assert way > factor if factor > 1 else way == pytest.approx(1, rel=1e-9)


def test_small_gradients_stay_small_with_epsilon_inside():
    for kind, low, high in (
        (adaptive.EpsilonInside.Wrong, 0.0, 0.02),
        (adaptive.EpsilonInside.Right, 0.9, 1.0),
    ):
        way = abs(1 - moved_by(kind, [1e-6] * 10)) / (10 * 0.1)
        assert low <= way <= high


def test_decay_inside_adam_depends_on_the_gradient():
    def decayed(make, gradient):
        found = []
        for weight_decay in (0.1, 0.0):
            p = Parameter([1.0])
            optimizer = make([p], weight_decay)
            for _ in range(10):
                p.grad = [gradient]
                optimizer.step()
            found.append(p.data[0])
        return found[1] - found[0]

    wrong, right = adaptive.DecayInsideAdam.wrong, adaptive.DecayInsideAdam.right
    assert decayed(right, 100.0) == pytest.approx(decayed(right, 0.5), rel=1e-6)
    assert abs(decayed(wrong, 100.0)) < 1e-3 * decayed(right, 100.0)


def test_all_rows_get_the_same_from_one_row_of_batch_statistics():
    it = normalization.BatchStatisticsInEvaluation
    for layer, are_alike in ((it.Wrong(), True), (it.Right(), False)):
        rows = Sequential(layer).predict(x, batch_size=1)
        assert (np.ptp(rows, axis=0) == 0).all() == are_alike


def test_a_deep_net_of_small_weights_does_not_learn():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(64, 64))
    y = np.tanh(x)
    found = {}
    for side in ("wrong", "right"):
        model = exhibit.of(beginnings.AllSmall, side)()
        first = MSELoss().forward(model.predict(x), y)
        found[side] = trained(model, lambda: [(x, y)], 100, lr=1.0) / first
    assert found["wrong"] > 0.95 > 0.5 > found["right"]


def test_dead_relus_predict_the_mean_of_y():
    for side, low, high in (("wrong", 1 - 1e-9, 1 + 1e-9), ("right", 0.0, 0.95)):
        rng = np.random.default_rng(0)
        x, y = 10 * rng.random((64, 3)), rng.normal(size=(64, 1))
        model = Sequential(Linear(3, 8, rng=rng), ReLU(), Linear(8, 1, rng=rng))
        optimizer = exhibit.of(beginnings.DeadReLUs, side)(model)
        for _ in range(200):
            loss = train_step(model, MSELoss(), optimizer, x, y)
        assert low <= loss / y.var() <= high


# That the right lines are right: beside the library's own.


def test_right_adam_is_adam():
    gradients = np.random.default_rng(0).normal(size=50)
    right = moved_by(adaptive.NoBiasCorrection.Right, gradients)
    assert right == pytest.approx(moved_by(Adam, gradients), rel=1e-9)


@pytest.mark.parametrize(
    "it",
    [
        classification.LogOfASoftmax,
        classification.DividedByNTwice,
        classification.MeanOverTheClasses,
    ],
)
def test_right_cross_entropies_are_crossentropyloss(it):
    logits = 5 * np.random.default_rng(0).normal(size=(6, 4))
    target = np.array([3, 0, 1, 1, 2, 0])
    if it is not classification.DividedByNTwice:
        target = one_hot(target, classes=4)
    loss, expected = it.Right(), CrossEntropyLoss()
    assert loss.forward(logits, target) == pytest.approx(
        expected.forward(logits, target), rel=1e-12
    )
    np.testing.assert_allclose(loss.backward(), expected.backward(), atol=1e-14)


def test_right_softmax_is_softmax():
    layer, expected = classification.SoftmaxWithoutKeepdims.Right(), Softmax()
    x, g = np.random.default_rng(0).normal(size=(2, 6, 4))
    np.testing.assert_allclose(layer.forward(x), expected.forward(x), rtol=1e-13)
    np.testing.assert_allclose(layer.backward(g), expected.backward(g), atol=1e-14)


@pytest.mark.parametrize(
    "kind",
    [
        Scaled,
        normalization.ConstantMeanAndVariance.Right,
        normalization.UnbiasedVarianceInForward.Right,
        normalization.BatchStatisticsInEvaluation.Right,
    ],
)
def test_right_batch_normalisations_are_batchnorm1d(kind):
    layer, expected = kind(), BatchNorm1d(3)
    expected.weight.data[...] = layer.weight.data
    rng = np.random.default_rng(0)
    modes = [True, True]
    if kind is normalization.BatchStatisticsInEvaluation.Right:
        modes.append(False)
    for mode in modes:
        x, g = rng.normal(size=(2, 6, 3))
        layer.train(mode), expected.train(mode)
        np.testing.assert_allclose(layer.forward(x), expected.forward(x), rtol=1e-12)
        np.testing.assert_allclose(layer.backward(g), expected.backward(g), atol=1e-13)
        for p, q in zip(layer.parameters(), expected.parameters(), strict=True):
            np.testing.assert_allclose(p.grad, q.grad, rtol=1e-12)
            p.grad = q.grad = None


def test_two_thirds_of_the_slope_of_tanhs_are_left_with_hes_weights():
    for side, low, high in (("wrong", 0.6, 0.75), ("right", 0.8, 1.0)):
        model = exhibit.of(beginnings.HeForTanh, side)()
        h = np.random.default_rng(5).normal(size=(100, 64))
        for layer in model:
            h = layer.forward(h)
        assert isinstance(layer, Tanh)
        assert low <= np.mean(1 - h**2) <= high


def test_the_page_is_what_the_exhibits_give_now():
    page = (ROOT / "docs" / "bug_museum.md").read_text(encoding="utf-8")
    assert runpy.run_path(str(ROOT / "docs" / "make_museum.py"))["made"]() == page
