"""Parameter: an array for life, its gradient, and one that went stale."""

import copy
import pickle
import warnings

import numpy as np
import pytest
from small import Shift

from mlp import SGD, Linear, MSELoss, Parameter, ReLU, Sequential, StaleGradientWarning

# ----------------------------------------------------------------- Parameter


def test_parameter_copies_and_keeps_the_dtype():
    data = np.ones(3, np.float32)
    p = Parameter(data)
    data[...] = 7
    assert p.data.tolist() == [1, 1, 1]
    assert p.data.dtype == np.float32
    assert Parameter([1, 2]).data.dtype == np.float64
    assert Parameter(3).data.shape == ()


@pytest.mark.parametrize("wrong", [None, "a", [1j], [None], np.ones(2, np.float16)])
def test_parameter_refuses_what_it_cannot_learn(wrong):
    with pytest.raises(TypeError, match="Parameter: expected"):
        Parameter(wrong)


def test_parameter_of_another_byte_order_is_native():
    assert Parameter(np.ones(2, ">f4")).data.dtype == np.float32


def test_data_is_one_array_for_life():
    p = Parameter([1.0, 2.0])
    array = p.data
    p.data[...] = 5
    p.data += 1  # assigns p.data to itself
    assert p.data is array
    assert array.tolist() == [6, 6]
    with pytest.raises(AttributeError, match=r"write into it: p.data\[\.\.\.\] = "):
        p.data = np.zeros(2)


def test_grad_adds_up_in_a_new_array_each_time():
    p = Parameter([0.0, 0.0])
    assert p.grad is None
    first = np.array([1.0, 2.0])
    p.add_grad(first)
    assert p.grad is first
    p.add_grad([10.0, 20.0])
    assert first.tolist() == [1, 2]
    assert p.grad.tolist() == [11, 22]


def test_grad_may_be_assigned_and_takes_dtype_and_shape_of_data():
    p = Parameter(np.zeros(2, np.float32))
    p.grad = [1, 2]
    assert p.grad.dtype == np.float32
    p.grad *= 2
    assert p.grad.tolist() == [2, 4]
    p.grad = None
    assert p.grad is None


@pytest.mark.parametrize("assign", [Parameter.add_grad, Parameter.grad.fset])
def test_a_gradient_of_another_dtype_takes_that_of_data_and_drops_no_mask(assign):
    for dtype in (np.float64, np.longdouble, np.int8, bool, ">f4"):
        p = Parameter(np.zeros(2, np.float32))
        assign(p, np.array([0, 1], dtype))
        assert p.grad.dtype == np.float32
        assert p.grad.tolist() == [0, 1]
    with pytest.raises(TypeError, match="expected the gradient without a mask"):
        assign(p, np.ma.masked_array(np.ones(2, np.float32), mask=[True, False]))


@pytest.mark.parametrize("assign", [Parameter.add_grad, Parameter.grad.fset])
@pytest.mark.parametrize("view", [lambda a: a, lambda a: a[:]])
def test_a_gradient_that_is_the_data_is_copied_before_the_step(assign, view):
    p = Parameter([1.0, 2.0])
    assign(p, view(p.data))
    gradient = p.grad
    SGD([p], lr=0.5).step()
    assert gradient.tolist() == [1, 2]


@pytest.mark.parametrize("assign", [Parameter.add_grad, Parameter.grad.fset])
def test_a_gradient_of_another_shape_is_refused_with_its_cure(assign):
    with pytest.raises(ValueError, match=r"shape \(2, 3\), got \(3, 2\); .*transposed"):
        assign(Parameter(np.zeros((2, 3))), np.zeros((3, 2)))
    with pytest.raises(ValueError, match=r"shape \(3,\), got \(8, 3\); sum it over"):
        assign(Parameter(np.zeros(3)), np.zeros((8, 3)))
    with pytest.raises(ValueError, match=r"got \(\); write grad.reshape\(\(1,\)\)$"):
        assign(Parameter([0.25]), np.float64(1.0))
    with pytest.raises(ValueError, match=r"shape \(3,\), got \(1,\)$"):
        assign(Parameter(np.zeros(3)), np.zeros(1))
    with pytest.raises(ValueError, match=r"shape \(3,\), got \(\)$"):
        assign(Parameter(np.zeros(3)), 1.0)
    with pytest.raises(TypeError, match="expected the gradient to hold real numbers"):
        assign(Parameter(np.zeros(3)), "abc")


def test_parameter_repr_copy_and_pickle():
    p = Parameter([1.0, 2.0])
    assert repr(p) == "Parameter(shape=(2,), dtype=float64, grad=None)"
    p.add_grad([3.0, 4.0])
    assert repr(p) == "Parameter(shape=(2,), dtype=float64, grad=set)"
    for other in (copy.deepcopy(p), pickle.loads(pickle.dumps(p))):
        assert other.grad.tolist() == [3, 4]
        other.data[...] = 0
        assert p.data.tolist() == [1, 2]


# ------------------------------------------------- a gradient that went stale


def stepped(p, gradient=(1.0,)):
    p.grad = gradient
    SGD([p], lr=0.1).step()
    return p


def test_backward_after_a_step_without_zero_grad_warns_and_adds_up():
    p = stepped(Parameter([0.0]))
    with pytest.warns(StaleGradientWarning, match=r"zero_grad\(\) \(step 3\)"):
        p.add_grad([10.0])
    assert p.grad.tolist() == [11]


def test_the_warning_names_the_line_of_the_loop():
    model, loss = Sequential(Linear(1, 1), ReLU(), Linear(1, 1)), MSELoss()
    optimizer = SGD(model.parameters(), lr=0.1)
    loss.forward(model.forward([[1.0]]), [[0.0]])
    model.backward(loss.backward())
    optimizer.step()
    loss.forward(model.forward([[1.0]]), [[0.0]])
    with pytest.warns(StaleGradientWarning) as caught:
        model.backward(loss.backward())
    assert {warning.filename for warning in caught} == {__file__}


@pytest.mark.parametrize(
    "refresh",
    [
        lambda p: SGD([p], lr=0.1).zero_grad(),
        lambda p: Sequential(holding(p)).zero_grad(),
        lambda p: Parameter.grad.fset(p, None),
        lambda p: Parameter.grad.fset(p, [5.0]),
        lambda p: p.grad.fill(0),
    ],
)
def test_a_gradient_that_was_reset_in_any_way_is_fresh(refresh):
    p = stepped(Parameter([0.0]))
    refresh(p)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        p.add_grad([1.0])
        p.add_grad([1.0])  # and what was added to it is no staler


def holding(p):
    layer = Shift()
    layer.s = p
    return layer


def test_a_gradient_scaled_in_place_after_the_step_is_still_stale():
    p = stepped(Parameter([0.0]))
    p.grad *= 0.5
    with pytest.warns(StaleGradientWarning):
        p.add_grad([1.0])


def test_two_backwards_before_a_step_add_up_in_silence():
    p = Parameter([0.0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        p.add_grad([1.0])
        p.add_grad([2.0])
    assert p.grad.tolist() == [3]


def test_the_second_backward_after_the_warning_is_silent():
    p = stepped(Parameter([0.0]))
    with pytest.warns(StaleGradientWarning):
        p.add_grad([1.0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        p.add_grad([1.0])


def test_the_array_of_a_parameter_in_a_mapped_file_is_of_the_plain_class(tmp_path):
    state = Parameter([1.0, 2.0]).__getstate__()
    state[1]["_data"] = np.memmap(tmp_path / "map", float, "w+", shape=2)
    p = Parameter([0.0, 0.0])
    p.__setstate__(state)
    assert type(p.data) is np.ndarray
    assert np.shares_memory(p.data, state[1]["_data"])
