"""Numbers that can be done on paper, the same for good."""

import hashlib
from collections import Counter

import numpy as np
import pytest
from homework import NETS, gradients, made

from mlp import (
    BCELoss,
    BCEWithLogitsLoss,
    CrossEntropyLoss,
    LayerNorm,
    Linear,
    MSELoss,
    ReLU,
    Sequential,
    Sigmoid,
    Softmax,
    Tanh,
)
from mlp.derivation import RULES
from mlp.derivation.derivation import Derivation
from mlp.worksheets import worksheet
from mlp.worksheets.drawing import Drawn, draw


def is_small(array):
    return bool(np.all(2 * array == np.round(2 * array)) and np.all(abs(array) <= 4))


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_numbers_are_small_and_none_is_degenerate(name, seed):
    sheet = made(name, seed=seed, questions="numbers")
    for array in (sheet.x, sheet.y, *sheet.model.state_dict().values()):
        assert is_small(array)
    assert np.all(sheet.x != 0)
    z = sheet.x
    for layer in sheet.model:
        z = layer.forward(z)
        if isinstance(layer, ReLU):
            assert np.all(np.any(z > 0, axis=0)) and np.all(np.any(z > 0, axis=1))
            assert np.any(z == 0) or name == "deep"
        if isinstance(layer, Sigmoid):
            assert np.all(z * (1 - z) > 0.04)
        if isinstance(layer, Tanh):
            assert np.all(1 - z**2 > 0.04)
        if isinstance(layer, Softmax):
            assert np.all((z > 0) & (z < 0.98))
    assert all(np.all(g != 0) for g in gradients(sheet).values())


X7 = [[-1.0, -2.0, -2.0], [1.5, -1.0, 0.5]]
W7 = [[-2.0, -1.5, 1.5], [-1.5, -0.5, 2.0], [-1.5, 0.5, -1.0], [1.0, 1.0, 1.5]]


def test_the_same_seed_gives_the_same_sheet_for_good():
    sheet = made("homework", seed=7)
    assert sheet.version == 1  # with another version, these numbers may be others
    assert sheet.x.tolist() == X7
    assert sheet.model[0].weight.data.tolist() == W7
    assert str(sheet) == str(made("homework", seed=7))
    assert not np.array_equal(sheet.x, made("homework", seed=8).x)


# Nets that need many draws, some sheets more than 40: small gradients have to do.
DEEPER = (
    lambda: [layer() for layer in [lambda: Linear(2, 2), ReLU] * 3] + [Linear(2, 1)],
    MSELoss,
)
STEEP = (
    lambda: [layer() for layer in [lambda: Linear(2, 2), Sigmoid] * 3],
    MSELoss,
)
SQUASHED = (lambda: [Linear(2, 2), LayerNorm(2), Sigmoid()], BCELoss)
FOR_GOOD = {  # of five sheets each
    "deeper": "dbb3483d02b1",
    "squashed": "466108c8f69e",
    "steep": "764676544f8e",
    "homework": "76d0dec75d9f",
    "sigmoids": "adf1fea49602",
    "logits": "f1e5868de604",
    "classes": "341c59d52780",
    "modes": "183e73fb6c01",
    "deep": "709a2b6733db",
    "no bias": "bb3e6b65fc03",
}


def drawn_for(layers, loss, seed):
    """Return x, y and the net with its numbers."""
    model = Sequential(*layers())
    model.eval()
    d = Derivation(model, loss(), None, "numerator", None, "worksheet")
    return *draw(d, seed), model


@pytest.mark.parametrize("name", FOR_GOOD)
def test_all_numbers_of_a_version_stay_the_same(name):
    layers, loss = {"deeper": DEEPER, "squashed": SQUASHED, "steep": STEEP, **NETS}[
        name
    ]
    digest = hashlib.sha256()
    for seed in range(5):
        x, y, model = drawn_for(layers, loss, str(seed))
        for array in (x, y, *model.state_dict().values()):
            digest.update(str(array.tolist()).encode())
    assert digest.hexdigest()[:12] == FOR_GOOD[name]


@pytest.mark.parametrize("name", ["sigmoids", "logits", "classes", "modes", "homework"])
def test_numbers_before_a_function_that_saturates_are_smaller(name):
    layers, loss = NETS[name]
    for seed in "abcde":
        x, _, model = drawn_for(layers, loss, seed)
        for layer, above in zip(model, [*model][1:] + [None], strict=True):
            x = layer.forward(x)
            if isinstance(layer, Linear):
                saturates = isinstance(above, Sigmoid | Tanh)
                limit = 2 if saturates or (above is None and name != "modes") else 8
                assert np.all(x) and np.abs(x).max() <= limit


@pytest.mark.parametrize("name", ["classes", "modes"])
def test_a_normalisation_has_scales_that_divide_well(name):
    layers, loss = NETS[name]
    x, _, model = drawn_for(layers, loss, "0")
    scaled = model[1]
    assert {*scaled.weight.data} <= {0.5, 1.0, 2.0} and is_small(scaled.bias.data)
    for buffer in (b for n, b in scaled.named_buffers() if n == "running_var"):
        assert {*buffer.data} <= {1.0, 4.0}


@pytest.mark.parametrize(
    ("last", "loss", "allowed"),
    [
        (lambda: [], MSELoss, {-2, -1, 1, 2}),
        (lambda: [Sigmoid()], MSELoss, {0, 1}),
        (lambda: [Softmax()], MSELoss, {0, 1}),
        (lambda: [Tanh()], MSELoss, {-1, -0.5, 0.5, 1}),
        (lambda: [Sigmoid()], BCELoss, {0, 1}),
        (lambda: [], BCEWithLogitsLoss, {0, 1}),
        (lambda: [], CrossEntropyLoss, {0, 1}),
    ],
)
def test_targets_are_what_the_last_layer_can_give(last, loss, allowed):
    found = [drawn_for(lambda: [Linear(2, 3), *last()], loss, s)[1] for s in "abcdef"]
    assert {*np.ravel(found)} == allowed
    if loss is CrossEntropyLoss:
        assert np.all(np.sum(found, axis=2) == 1)
        assert np.any(found, axis=(0, 1)).all()


@pytest.mark.parametrize(
    ("layers", "loss", "reason"),
    [
        (lambda: [Linear(2, 1), Softmax()], MSELoss, "a saturated Softmax"),
        (lambda: [Linear(3, 3), LayerNorm(3)], BCELoss, "a prediction that the loss "),
        (
            lambda: [Linear(2, 3), *(Sigmoid() for _ in range(6))],
            MSELoss,
            "a gradient that is 0, or nearly",
        ),
    ],
)
def test_a_net_of_which_all_numbers_are_degenerate_is_told_why(layers, loss, reason):
    with pytest.raises(ValueError, match=f"degenerate, got 60 draws with {reason}"):
        drawn_for(layers, loss, "0")


def test_no_gradient_is_left_behind():
    _, _, model = drawn_for(*NETS["homework"], "0")
    assert all(parameter.grad is None for parameter in model.parameters())


def test_whole_numbers_are_below_and_equally_often_each():
    drawn = Drawn("often")
    found = np.bincount([drawn.below(6) for _ in range(6000)], minlength=6)
    assert len(found) == 6 and np.all(abs(found - 1000) < 120)  # four σ
    assert [Drawn("a").below(2**64) for _ in range(2)] == [Drawn("a").below(2**64)] * 2
    assert Drawn("a").below(2**64) != Drawn("b").below(2**64)


def test_choices_are_in_a_shape_and_each_is_made():
    of = (-1.0, 0.5, 2.0)
    array = Drawn("0").choices(of, 4, 5)
    assert array.shape == (4, 5) and {*array.ravel()} == {*of}
    assert Drawn("0").choices(of).shape == ()


def test_every_order_comes_and_the_items_stay_as_they_are():
    items, drawn = ["a", "b", "c"], Drawn("orders")
    found = Counter("".join(drawn.shuffled(items)) for _ in range(600))
    assert len(found) == 6 and min(found.values()) > 60
    assert items == ["a", "b", "c"]


class Nats(CrossEntropyLoss):
    """A reader's own loss of classes."""


def test_a_loss_that_takes_labels_has_one_hot_rows(monkeypatch):
    pytest.importorskip("lark")
    monkeypatch.setitem(RULES, Nats, RULES[CrossEntropyLoss])
    sheet = worksheet(Sequential(Linear(2, 3), Tanh(), Linear(3, 3)), Nats(), seed=2)
    assert sorted(sheet.y[0]) == sorted(sheet.y[1]) == [0, 0, 1]
    marks = sheet.grade(sheet.solution)
    assert marks.total == marks.maximum
    loss_by_prediction = max(key for key in sheet.questions if key[0] == "4")
    assert sheet.grade({loss_by_prediction: "(p − y)ᵀ"}).total == 1
