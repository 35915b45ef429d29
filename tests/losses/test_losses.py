"""What the losses that go entry by entry have in common."""

import contextlib

import library
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles import frozen, numerical_gradient, seeds, sizes

LOSSES = [kind for kind in library.LOSSES if not kind.takes_labels]
REDUCTIONS = ["mean", "sum", "batchmean"]


def operands(rng, shape, low=0.01):
    """Return a prediction and a target that all of them take, off the bounds."""
    return rng.uniform(low, 1 - low, shape), rng.uniform(0, 1, shape)


@pytest.mark.parametrize("make", LOSSES)
@pytest.mark.parametrize("reduction", REDUCTIONS)
@given(seed=seeds, shape=st.lists(sizes, min_size=1, max_size=3))
def test_backward_is_the_derivative_of_forward(make, reduction, seed, shape):
    loss = make(reduction)
    prediction, target = operands(np.random.default_rng(seed), shape, low=0.1)
    expected = numerical_gradient(lambda: loss.forward(prediction, target), prediction)
    loss.forward(prediction, target)
    np.testing.assert_allclose(loss.backward(), expected, rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize("make", LOSSES)
@given(seed=seeds, rows=sizes, columns=sizes)
def test_sum_is_entries_times_mean_and_rows_times_batchmean(make, seed, rows, columns):
    prediction, target = operands(np.random.default_rng(seed), (rows, columns))
    value, gradient = {}, {}
    for reduction in REDUCTIONS:
        loss = make(reduction)
        value[reduction] = loss.forward(prediction, target)
        gradient[reduction] = loss.backward()
    for factor, other in ((rows * columns, "mean"), (rows, "batchmean")):
        assert value["sum"] == pytest.approx(factor * value[other], rel=1e-13)
        np.testing.assert_allclose(
            gradient["sum"], factor * gradient[other], rtol=1e-13
        )


@pytest.mark.parametrize("make", LOSSES)
@given(seed=seeds, rows=sizes, more=sizes, columns=sizes)
def test_the_sum_over_a_batch_is_the_sum_over_its_parts(
    make, seed, rows, more, columns
):
    loss = make("sum")
    prediction, target = operands(np.random.default_rng(seed), (rows + more, columns))
    whole, gradient = loss.forward(prediction, target), loss.backward()
    parts = 0.0
    for part in (slice(rows), slice(rows, None)):
        parts += loss.forward(prediction[part], target[part])
        np.testing.assert_allclose(loss.backward(), gradient[part], rtol=1e-14)
    assert whole == pytest.approx(parts, rel=1e-13)


@pytest.mark.parametrize("make", LOSSES)
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_a_single_number_has_the_loss_of_one_entry(make, reduction):
    loss = make(reduction)
    expected, row = loss.forward([[0.5]], [[1.0]]), loss.backward()
    assert loss.forward(0.5, 1.0) == expected
    gradient = loss.backward()
    assert type(gradient) is np.ndarray
    assert gradient.shape == () and gradient == row


@pytest.mark.parametrize("make", LOSSES)
def test_no_argument_is_written_to_and_no_output_later(make):
    rng, loss = np.random.default_rng(0), make()
    for _ in range(3):
        prediction, target = map(frozen, operands(rng, (4, 2)))
        loss.forward(prediction, target)
        frozen(loss.backward())


@pytest.mark.parametrize("make", LOSSES)
def test_each_backward_uses_up_one_forward(make):
    loss = make()
    with pytest.raises(RuntimeError, match=r"uses up one forward.*step 2"):
        loss.backward()
    loss.forward([0.5], [1.0])
    loss.backward()
    with pytest.raises(RuntimeError, match=r"uses up one forward.*step 2"):
        loss.backward()


@pytest.mark.parametrize("make", LOSSES)
def test_a_refused_forward_leaves_the_last_one_to_go_back_through(make):
    loss = make()
    loss.forward([0.5], [1.0])
    expected = loss.backward()
    loss.forward([0.5], [1.0])
    with pytest.raises(ValueError):
        loss.forward([0.5, 0.5], [1.0])
    with np.errstate(over="raise"), contextlib.suppress(FloatingPointError, ValueError):
        loss.forward(np.full(8, 1e308), np.full(8, -1e308))
    assert loss.backward() == expected


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("make", LOSSES)
def test_an_underflow_in_a_loss_stops_nothing(make, dtype):
    tiny = np.finfo(dtype).tiny
    target = np.array([[tiny, 1.0, 0.0]], dtype)
    for row in ([0.0, 1.0, tiny], [3 * tiny, 0.0, 1.0], [1.0, tiny, 0.5]):
        loss, prediction = make(), np.array([row], dtype)
        expected = loss.forward(prediction, target), loss.backward().tolist()
        with np.errstate(all="raise"):
            assert (
                loss.forward(prediction, target),
                loss.backward().tolist(),
            ) == expected
