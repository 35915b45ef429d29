"""Weights of rows: what they do to each loss and to its gradient."""

import copy
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from library import LOSSES
from oracles import frozen, numerical_gradient, seeds, sizes
from strangers import LogCosh

from mlp import (
    SGD,
    CrossEntropyLoss,
    Linear,
    MSELoss,
    train_step,
)

REDUCTIONS = ["mean", "sum", "batchmean"]
every_loss = pytest.mark.parametrize("make", LOSSES)
every_reduction = pytest.mark.parametrize("reduction", REDUCTIONS)


def operands(rng, n, k, dtype=np.float64):
    """Return a prediction and a target that all of them take, off the bounds."""
    target = rng.uniform(0.1, 1, (n, k))
    target /= target.sum(axis=1, keepdims=True)
    return rng.uniform(0.1, 0.9, (n, k)).astype(dtype), target.astype(dtype)


@every_loss
@every_reduction
@settings(max_examples=15)
@given(seed=seeds, n=sizes, k=sizes)
def test_backward_is_the_derivative_of_the_weighted_forward(
    make, reduction, seed, n, k
):
    rng, loss = np.random.default_rng(seed), make(reduction)
    prediction, target = operands(rng, n, k)
    w = rng.uniform(0, 3, n)
    expected = numerical_gradient(
        lambda: loss.forward(prediction, target, w), prediction
    )
    loss.forward(prediction, target, w)
    np.testing.assert_allclose(loss.backward(), expected, rtol=1e-7, atol=1e-8)


@every_loss
@every_reduction
@settings(max_examples=15)
@given(seed=seeds, w=st.lists(st.integers(0, 4), min_size=1, max_size=6).filter(any))
def test_a_row_counts_as_often_as_its_weight(make, reduction, seed, w):
    loss = make(reduction)
    prediction, target = operands(np.random.default_rng(seed), len(w), 3)
    value, gradient = loss(prediction, target, w), loss.backward()
    rows = np.repeat(np.arange(len(w)), w)
    assert value == pytest.approx(loss(prediction[rows], target[rows]), rel=1e-12)
    summed = np.zeros_like(prediction)
    np.add.at(summed, rows, loss.backward())
    np.testing.assert_allclose(gradient, summed, rtol=1e-12, atol=1e-15)


@every_loss
@every_reduction
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_weights_that_are_all_alike_change_no_bit_of_a_mean(make, reduction, dtype):
    loss = make(reduction)
    prediction, target = operands(np.random.default_rng(0), 7, 3, dtype)
    value, gradient = loss.forward(prediction, target), loss.backward()
    for number in (1,) if reduction == "sum" else (1, 0.1, 3, 1e-30):
        assert loss.forward(prediction, target, np.full(7, number)) == value
        again = loss.backward()
        assert again.dtype == dtype
        assert np.array_equal(again, gradient)


@every_loss
@pytest.mark.parametrize("reduction", ["mean", "batchmean"])
def test_a_mean_has_no_unit_of_weight_and_a_sum_has(make, reduction):
    prediction, target = operands(np.random.default_rng(0), 3, 2)
    w = np.array([1.0, 2.0, 5.0])
    mean, total = make(reduction), make("sum")
    assert mean(prediction, target, 7 * w) == pytest.approx(mean(prediction, target, w))
    sevenfold = total(prediction, target, 7 * w)
    assert sevenfold == pytest.approx(7 * total(prediction, target, w), rel=1e-14)
    over = 8 if reduction == "batchmean" or make is CrossEntropyLoss else 8 * 2
    assert mean(prediction, target, w) == pytest.approx(sevenfold / 7 / over)


@every_loss
@every_reduction
def test_rows_that_all_count_for_nothing_have_no_loss_and_no_gradient(make, reduction):
    loss = make(reduction)
    assert loss(*operands(np.random.default_rng(0), 3, 2), [0, 0, 0]) == 0
    assert np.array_equal(loss.backward(), np.zeros((3, 2)))


def test_balanced_weights_give_each_class_the_same_say():
    labels, logits = (
        np.array([0, 0, 0, 1]),
        np.random.default_rng(0).normal(size=(4, 2)),
    )
    count = np.bincount(labels)
    w = (len(labels) / (len(count) * count))[labels]
    loss = CrossEntropyLoss()
    of_class = [loss(logits[labels == k], labels[labels == k]) for k in (0, 1)]
    assert loss(logits, labels, w) == pytest.approx(np.mean(of_class), rel=1e-14)


@every_loss
def test_labels_and_more_axes_have_a_weight_for_each_row(make):
    rng = np.random.default_rng(0)
    if make is CrossEntropyLoss:
        z, labels = rng.normal(size=(3, 4)), [1, 0, 3]
        expected = make()(z, np.eye(4)[labels], [1, 2, 3])
        assert make()(z, labels, [1, 2, 3]) == expected
        return
    for shape in [(3,), (3, 2, 2)]:
        prediction, target = rng.uniform(0.1, 0.9, (2, *shape))
        value = make()(prediction, target, [2, 0, 1])
        rows = [0, 0, 2]
        assert value == pytest.approx(make()(prediction[rows], target[rows]))


@every_loss
def test_no_argument_is_written_to_and_copies_keep_the_weights(make):
    loss = make()
    prediction, target = map(frozen, operands(np.random.default_rng(0), 4, 2))
    w = frozen(np.array([0.5, 0.0, 2.0, 1.0]))
    loss.forward(prediction, target, w)
    twin = copy.deepcopy(loss)
    pickle.loads(pickle.dumps(loss))
    expected = loss.backward()
    assert np.array_equal(twin.backward(), expected)
    loss.forward(prediction, target)  # the weights are of one forward
    assert not np.array_equal(loss.backward(), expected)


@every_loss
def test_an_underflow_of_a_weight_stops_nothing(make):
    prediction, target = operands(np.random.default_rng(0), 2, 2)
    loss = make()
    with np.errstate(all="raise"):
        loss.forward(prediction, target, [1e-300, 5e-324])
        loss.backward()
        loss.forward(prediction, target, [1.0, 5e-324])
        loss.backward()


@every_loss
@pytest.mark.parametrize(
    ("weight", "error", "words"),
    [
        ([1, 2], ValueError, r"weight of shape \(3,\), a number for each row, got \(2"),
        ([[1], [2], [3]], ValueError, r"got \(3, 1\); write np.ravel\(weight\)"),
        (2.0, ValueError, r"got \(\)$"),
        ([1, -2, 0], ValueError, "at least 0 and finite, got -2.0 in row 1"),
        ([1, np.nan, 0], ValueError, "got nan in row 1"),
        ([1, 0, np.inf], ValueError, "got inf in row 2"),
        ([1e308] * 3, ValueError, "got a sum beyond float64's range"),
        (["a", "b", "c"], TypeError, "weight to hold real numbers"),
        (np.ma.masked_array([1, 2, 3], [0, 1, 0]), TypeError, "without a mask"),
    ],
)
def test_wrong_weights_are_refused_and_leave_the_last_forward(
    make, weight, error, words
):
    loss = make()
    prediction, target = operands(np.random.default_rng(0), 3, 2)
    loss.forward(prediction, target)
    expected = loss.backward()
    loss.forward(prediction, target)
    with pytest.raises(error, match=rf"{make.__name__}.forward: expected .*{words}"):
        loss.forward(prediction, target, weight)
    assert np.array_equal(loss.backward(), expected)


def test_a_single_number_has_no_rows_to_weigh():
    with pytest.raises(ValueError, match="a number for each row"):
        MSELoss().forward(1.0, 2.0, 3.0)


# ---------------------------------------------------------- losses of a reader's own


class Forwarding(MSELoss):
    def forward(self, *args, **kwargs):
        return super().forward(*args, **kwargs)


class Own(MSELoss):
    def forward(self, prediction, target):
        return super().forward(prediction, target)


def test_a_loss_says_whether_it_takes_weights():
    assert all(make.takes_weight for make in (*LOSSES, Forwarding))
    assert not any(make.takes_weight for make in (LogCosh, Own))


def test_a_loss_without_weights_says_so():
    model, y = Linear(1, 1, rng=0), np.ones((2, 1))
    optimizer = SGD(model.parameters(), lr=0.1)
    train_step(model, LogCosh(), optimizer, y, y)
    words = r"LogCosh.forward: expected an argument weight.*weight=None"
    with pytest.raises(TypeError, match=words):
        train_step(model, LogCosh(), optimizer, y, y, weight=[1, 2])


def test_train_step_steps_down_the_weighted_loss():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(3, 2)), rng.normal(size=(3, 1))
    one, other = Linear(2, 1, rng=0), Linear(2, 1, rng=0)
    weighted = train_step(
        one, MSELoss(), SGD(one.parameters(), lr=0.1), x, y, weight=[2, 0, 1]
    )
    rows = [0, 0, 2]
    repeated = train_step(
        other, MSELoss(), SGD(other.parameters(), lr=0.1), x[rows], y[rows]
    )
    assert weighted == pytest.approx(repeated)
    np.testing.assert_allclose(one.weight.data, other.weight.data, rtol=1e-12)
    before = one.weight.data.copy()
    nothing = [0, 0, 0]
    assert train_step(one, MSELoss(), SGD(one.parameters(), lr=0.1), x, y, nothing) == 0
    assert np.array_equal(one.weight.data, before)
