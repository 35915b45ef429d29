"""What the losses that go entry by entry take, and what they divide by."""

import copy

import library
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import mlp
from mlp import MSELoss
from mlp.losses.reduced import by_row, check_logits

LOSSES = [kind for kind in library.LOSSES if not kind.takes_labels]


@pytest.mark.parametrize("make", LOSSES)
def test_the_target_takes_the_dtype_of_the_prediction(make):
    loss = make()
    value = loss.forward(np.full((2, 2), 0.5, np.float32), np.ones((2, 2)))
    assert type(value) is float
    assert loss.backward().dtype == np.float32
    loss.forward(np.full((2, 2), 0.5), np.ones((2, 2), np.float32))
    assert loss.backward().dtype == np.float64
    loss.forward([[1, 0]], [[True, False]])
    assert loss.backward().dtype == np.float64


@pytest.mark.parametrize("make", LOSSES)
@pytest.mark.parametrize("dtype", [np.float16, np.longdouble, np.uint8, bool, ">f8"])
def test_two_arrays_of_another_dtype_have_the_loss_of_their_numbers(make, dtype):
    prediction, target = [[0, 1], [1, 1]], [[1, 1], [0, 1]]  # 0 − 1 is no uint8
    loss = make()
    expected, expected_gradient = loss.forward(prediction, target), loss.backward()
    value = loss.forward(np.array(prediction, dtype), np.array(target, dtype))
    gradient = loss.backward()
    assert value == expected
    assert gradient.dtype == np.float64
    assert np.array_equal(gradient, expected_gradient)


@pytest.mark.parametrize("make", LOSSES)
def test_a_list_goes_with_an_array(make):
    a, b = [[0.25], [0.5]], [[1.0], [0.0]]
    expected = make().forward(a, b)
    assert make().forward(np.array(a), b) == expected
    assert make().forward(a, np.array(b)) == expected


@pytest.mark.parametrize("make", LOSSES)
@pytest.mark.parametrize(
    ("prediction", "target", "cure"),
    [
        ((32, 1), (32,), r"target.reshape\(-1, 1\)"),
        ((32,), (32, 1), r"target.reshape\(\(32,\)\)"),
        ((1, 3), (3,), r"target.reshape\(\(1, 3\)\)"),
        ((32, 10), (32,), "one_hot"),
        ((3, 2), (2, 3), r"got \(3, 2\) and \(2, 3\)$"),
        ((4, 1), (4, 3), r"got \(4, 1\) and \(4, 3\)$"),
        ((4, 3), (1, 3), r"got \(4, 3\) and \(1, 3\)$"),
        ((4, 3), (), r"got \(4, 3\) and \(\)$"),
    ],
)
def test_shapes_never_broadcast(make, prediction, target, cure):
    with pytest.raises(ValueError, match=f"prediction and target of one shape.*{cure}"):
        make().forward(np.full(prediction, 0.5), np.full(target, 0.5))


@pytest.mark.parametrize("make", LOSSES)
@given(
    a=st.lists(st.integers(1, 3), max_size=3), b=st.lists(st.integers(1, 3), max_size=3)
)
def test_any_two_shapes_are_equal_or_refused(make, a, b):
    loss = make()
    if a == b:
        assert loss.forward(np.full(a, 0.5), np.full(b, 0.5)) >= 0
    else:
        with pytest.raises(ValueError, match="one shape"):
            loss.forward(np.full(a, 0.5), np.full(b, 0.5))


@pytest.mark.parametrize("make", LOSSES)
@pytest.mark.parametrize("shape", [(0,), (0, 3), (3, 0)])
def test_an_empty_batch_has_no_loss(make, shape):
    with pytest.raises(ValueError, match="empty batch"):
        make().forward(np.empty(shape), np.empty(shape))


@pytest.mark.parametrize("make", LOSSES)
@pytest.mark.parametrize("number", [0.5, np.array(0.5)])
def test_batchmean_wants_rows(make, number):
    with pytest.raises(ValueError, match="batchmean"):
        make("batchmean").forward(number, number)


@pytest.mark.parametrize("make", LOSSES)
@pytest.mark.parametrize("wrong", ["a", None, [[1j]], [["x"]], [[None]]])
def test_what_is_not_real_numbers_is_a_type_error(make, wrong):
    with pytest.raises(TypeError, match="expected prediction to hold real numbers"):
        make().forward(wrong, [[1.0]])
    with pytest.raises(TypeError, match="expected target to hold real numbers"):
        make().forward([[1.0]], wrong)


@pytest.mark.parametrize("make", LOSSES)
def test_a_mask_is_never_dropped(make):
    masked, plain = np.ma.masked_array([0.5, 0.5], mask=[True, False]), np.ones(2)
    with pytest.raises(TypeError, match="expected prediction without a mask"):
        make().forward(masked, plain)
    with pytest.raises(TypeError, match="expected target without a mask"):
        make().forward(plain, masked)


@pytest.mark.parametrize("make", LOSSES)
@pytest.mark.parametrize("wrong", ["avg", "Mean", "", None, 1, ["mean"]])
def test_an_unknown_reduction_is_refused(make, wrong):
    with pytest.raises(ValueError, match="reduction to be one of 'mean', 'sum'"):
        make(wrong)


@pytest.mark.parametrize("make", LOSSES)
def test_the_reduction_is_for_reading(make):
    with pytest.raises(AttributeError):
        make().reduction = "sum"


@pytest.mark.parametrize("make", LOSSES)
def test_repr_call_and_copies(make):
    loss = make("batchmean")
    again = eval(repr(loss), vars(mlp))
    assert (type(again), again.reduction) == (make, "batchmean")
    assert repr(again) == repr(loss)
    assert loss([[0.25]], [[1.0]]) == make().forward([[0.25]], [[1.0]])
    assert np.array_equal(copy.deepcopy(loss).backward(), loss.backward())


# ------------------------------------------------------------ weights and logits


@pytest.mark.parametrize("weight", [[2, 0, 1], [2, 2, 2], [0, 0, 0]])
@pytest.mark.parametrize("shape", [(3,), (3, 4), (3, 2, 2)])
@pytest.mark.parametrize("reduction", ["mean", "sum", "batchmean"])
def test_the_sum_of_the_weights_takes_the_place_of_the_number_of_rows(
    reduction, shape, weight
):
    d = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    w = np.array(weight, np.float64).reshape(3, *[1] * (d.ndim - 1))
    rows = sum(weight) or 1  # and nothing to divide where nothing counts
    divisor = {"mean": rows * d[0].size, "sum": 1, "batchmean": rows}[reduction]
    loss = MSELoss(reduction)
    value = loss.forward(d, np.zeros(shape), weight)
    assert value == pytest.approx(np.sum(w * d.astype(np.float64) ** 2) / divisor)
    gradient = loss.backward()
    assert gradient.dtype == np.float32
    np.testing.assert_allclose(gradient, 2 * w * d / divisor, rtol=1e-6)


def test_each_row_is_multiplied_by_its_own_weight():
    a, w = np.random.default_rng(0).normal(size=(3, 2)), np.array([[2.0], [0.0], [0.5]])
    np.testing.assert_array_equal(by_row(w, a), np.diag(w[:, 0]) @ a)
    assert by_row(None, a) is a


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_a_logit_out_of_range_is_named_with_the_loss_and_a_cure(wrong):
    check_logits(MSELoss(), np.array([[1e308, -1e308]]))
    with pytest.raises(
        ValueError, match="^MSELoss.forward: expected the logits .*smaller lr"
    ):
        check_logits(MSELoss(), np.array([[0.0, wrong]]))
