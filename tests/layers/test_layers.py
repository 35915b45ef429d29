"""What all layers have in common: one table of layers, each through every test."""

import copy
import pickle
from functools import partial

import library
import numpy as np
import pytest
from oracles import frozen, numerical_gradient

import mlp
from mlp import LayerNorm, Linear, ReLU, Sequential, Softmax

LAYERS = [
    pytest.param(partial(library.layer, name), id=name) for name in library.LAYERS
]


def random(rng, *shape):
    return rng.normal(size=shape)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("make", LAYERS)
@pytest.mark.parametrize("rows", [2, 5])
def test_gradients_against_central_differences(make, training, rows):
    rng = np.random.default_rng(rows)
    layer = make().train(training)
    for p in layer.parameters():
        p.data[...] = random(rng, *p.data.shape)
    for _, buffer in layer.named_buffers():
        buffer.data[...] = rng.uniform(1, 2, buffer.data.shape)
    x, upstream = random(rng, rows, 3), random(rng, rows, 3)

    def value():
        return float(np.sum(copy.deepcopy(layer).forward(x) * upstream))  # one mask

    expected = [numerical_gradient(value, p.data) for p in layer.parameters()]
    expected_input = numerical_gradient(value, x)
    layer.forward(x)
    np.testing.assert_allclose(layer.backward(upstream), expected_input, atol=3e-8)
    for p, gradient in zip(layer.parameters(), expected, strict=True):
        np.testing.assert_allclose(p.grad, gradient, atol=3e-8)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("make", LAYERS)
def test_float32_stays_float32(make, training):
    layer = make(dtype=np.float32).train(training)
    x = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
    y = layer.forward(x)
    grad_input = layer.backward(np.ones((4, 3)))  # from float64
    arrays = [y, grad_input, *(p.grad for p in layer.parameters())]
    arrays += [b.data for _, b in layer.named_buffers() if b.data.ndim]
    assert {a.dtype for a in arrays} == {np.dtype(np.float32)}


@pytest.mark.parametrize("make", LAYERS)
def test_backward_twice_before_a_step_adds_up(make):
    rng = np.random.default_rng(4)
    layer, x, g = make(), random(rng, 4, 3), random(rng, 4, 3)
    layer.forward(x)
    layer.backward(g)
    once = [p.grad.copy() for p in layer.parameters()]
    layer.forward(x)
    layer.backward(g)
    for p, gradient in zip(layer.parameters(), once, strict=True):
        np.testing.assert_allclose(p.grad, 2 * gradient, rtol=1e-14)


@pytest.mark.parametrize("make", LAYERS)
def test_a_pickle_leaves_out_the_batch_and_goes_on(make):
    layer = make()
    x = np.random.default_rng(0).normal(size=(1000, 3))
    empty = len(pickle.dumps(layer))
    layer.forward(x)
    twin = pickle.loads(pickle.dumps(layer))
    assert len(pickle.dumps(layer)) < empty + 200
    with pytest.raises(RuntimeError, match="uses up one forward"):
        twin.backward(x)
    np.testing.assert_array_equal(twin.forward(x), layer.forward(x))


@pytest.mark.parametrize("make", LAYERS)
def test_predict_changes_no_mode_no_buffer_and_no_pending_backward(make):
    model = Sequential(make(), Linear(3, 1, rng=1))
    x, g = np.random.default_rng(0).normal(size=(2, 4, 3))
    model.forward(x)
    twin = copy.deepcopy(model)
    before = model.state_dict()
    alone = model.predict(x[:1])  # one row, which BatchNorm1d refuses in training
    np.testing.assert_allclose(alone, model.predict(x)[:1], rtol=1e-13)
    assert all(layer.training for layer in model.modules())
    for name, array in model.state_dict().items():
        np.testing.assert_array_equal(array, before[name])
    np.testing.assert_array_equal(model.backward(g[:, :1]), twin.backward(g[:, :1]))
    np.testing.assert_array_equal(model.forward(x), twin.forward(x))


@pytest.mark.parametrize("make", LAYERS)
def test_the_mode_is_set_and_returned(make):
    layer = make()
    assert layer.training
    assert layer.eval() is layer
    assert not layer.training
    assert layer.train() is layer
    assert layer.training
    with pytest.raises(TypeError, match="expected mode to be True or False, got 1"):
        layer.train(1)


@pytest.mark.parametrize("make", LAYERS)
def test_an_empty_batch_passes_in_evaluation(make):
    layer = make().eval()
    assert layer.forward(np.empty((0, 3))).shape == (0, 3)
    assert layer.backward(np.empty((0, 3))).shape == (0, 3)


@pytest.mark.parametrize("make", LAYERS)
def test_no_argument_is_written_to_and_no_output_later(make):
    rng = np.random.default_rng(1)
    layer = make()
    handed_out = []
    for _ in range(3):
        x, g = frozen(random(rng, 4, 3)), frozen(random(rng, 4, 3))
        handed_out += [layer.forward(x), layer.backward(g)]
        handed_out += [p.grad for p in layer.parameters()]
        for array in handed_out:
            frozen(array)


@pytest.mark.parametrize("make", LAYERS)
@pytest.mark.parametrize(
    "laid_out",
    [
        np.asfortranarray,
        lambda a: np.repeat(a, 2, axis=0)[::2],
        lambda a: a[::-1, ::-1].copy()[::-1, ::-1],
    ],
)
def test_how_an_array_lies_in_memory_changes_no_number(make, laid_out):
    rng = np.random.default_rng(2)
    x, g = random(rng, 4, 3), random(rng, 4, 3)
    results = []
    for a, b in ((x, g), (laid_out(x), laid_out(g))):
        layer = make()
        results.append([layer.forward(a), layer.backward(b)])
        results[-1] += [p.grad for p in layer.parameters()]
    for result, expected in zip(*results, strict=True):
        np.testing.assert_allclose(result, expected, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("make", LAYERS)
@pytest.mark.parametrize("shape", [(4,), (4, 1), (1, 3), (3, 4), (4, 3, 1), (1, 4, 3)])
def test_backward_refuses_another_shape_and_loses_nothing(make, shape):
    layer = make()
    layer.forward(np.ones((4, 3)))
    with pytest.raises(ValueError, match=r"grad_output of shape \(4, 3\).*predict"):
        layer.backward(np.ones(shape))
    assert layer.backward(np.ones((4, 3))).shape == (4, 3)


@pytest.mark.parametrize("make", LAYERS)
def test_backward_of_the_loss_itself_is_told_what_to_write(make):
    layer = make()
    layer.forward(np.ones((4, 3)))
    with pytest.raises(ValueError, match=r"got \(\); .*criterion\.backward\(\)"):
        layer.backward(0.25)


@pytest.mark.parametrize("make", LAYERS)
def test_each_backward_uses_up_one_forward(make):
    layer = make()
    with pytest.raises(RuntimeError, match="uses up one forward"):
        layer.backward(np.ones((4, 3)))
    layer.forward(np.ones((4, 3)))
    layer.backward(np.ones((4, 3)))
    with pytest.raises(RuntimeError, match=r"uses up one forward.*step 1"):
        layer.backward(np.ones((4, 3)))


WRONG_TYPES = [
    None,
    "abc",
    [["a", "b", "c"]],
    np.ones((4, 3), complex),
    np.ones((4, 3), object),
    np.array(["2020-01-01"], "datetime64[D]"),
    np.ma.masked_array(np.ones((4, 3)), mask=True),
    object(),
    {1.0: 2.0},
]


@pytest.mark.parametrize("make", LAYERS)
@pytest.mark.parametrize("wrong", WRONG_TYPES)
def test_what_is_not_real_numbers_is_a_type_error(make, wrong):
    layer = make()
    with pytest.raises(TypeError, match=r"\.forward: expected x"):
        layer.forward(wrong)
    layer.forward(np.ones((4, 3)))
    with pytest.raises(TypeError, match=r"\.backward: expected grad_output"):
        layer.backward(wrong)


@pytest.mark.parametrize("make", LAYERS)
def test_repr_is_the_call_that_makes_the_layer(make):
    layer = make()
    again = eval(repr(layer), vars(mlp))
    assert again.settings() == layer.settings()
    assert repr(again) == repr(layer)


def test_repr_is_short_and_names_a_dtype_that_is_not_usual():
    assert repr(library.layer("BatchNorm1d")) == "BatchNorm1d(3, eps=0.1, momentum=0.5)"
    assert repr(Linear(3, 2, bias=False, dtype=np.float32)) == (
        "Linear(in_features=3, out_features=2, bias=False, dtype=float32)"
    )


@pytest.mark.parametrize("make", LAYERS)
def test_a_copy_in_the_middle_of_a_step_goes_on_alone(make):
    layer = make()
    x, g = np.full((2, 3), 0.5), np.full((2, 3), 2.0)
    layer.forward(x)
    other = copy.deepcopy(layer)
    np.testing.assert_array_equal(other.backward(g), layer.backward(g))
    for p, q in zip(layer.parameters(), other.parameters(), strict=True):
        np.testing.assert_array_equal(p.grad, q.grad)
        q.data += 1
        assert not np.any(p.data == q.data)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("make", LAYERS)
def test_an_underflow_in_a_layer_stops_nothing(make, training, dtype):
    tiny = np.finfo(dtype).tiny
    x = np.array([[-1000.0, tiny, 1.0], [3 * tiny, 80.0, 1.0]], dtype)

    def results():
        layer = make(dtype=dtype).train(training)
        for p in layer.parameters():
            p.data[...] = 3 * tiny
        y = layer.forward(x)
        grad_input = layer.backward(np.full((2, 3), 5 * tiny, dtype))
        return [y, grad_input, *(p.grad for p in layer.parameters())]

    expected = results()
    with np.errstate(all="raise"):
        for got, wanted in zip(results(), expected, strict=True):
            np.testing.assert_array_equal(got, wanted)


def test_subclasses_of_ndarray_go_in_and_plain_arrays_come_out(tmp_path):
    memory = np.memmap(tmp_path / "x", np.float64, "w+", shape=(2, 2))
    memory[...] = [[1.0, 2.0], [3.0, 4.0]]
    for x in (np.array(memory).view(np.matrix), memory):
        for layer in (Linear(2, 2, rng=0), ReLU(), Softmax(), LayerNorm(2)):
            y = layer.forward(x)
            assert type(y) is np.ndarray
            np.testing.assert_array_equal(y, layer.forward(np.asarray(x)))
            assert type(layer.backward(x)) is np.ndarray


@pytest.mark.parametrize("name", library.LAYERS)
def test_keeps_shape_says_what_forward_does(name):
    layer = library.layer(name, out_features=2)
    x = np.random.default_rng(0).normal(size=(4, 3))
    assert layer.keeps_shape is (layer.forward(x).shape == x.shape)
