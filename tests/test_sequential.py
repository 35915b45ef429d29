"""Sequential: the chain rule, predict, names, and what it refuses."""

import copy
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles import frozen, numerical_gradient, random_net, seeds, sizes
from small import Averaging, Double, small_net

from mlp import (
    SGD,
    BCELoss,
    Identity,
    Linear,
    MSELoss,
    Parameter,
    ReLU,
    Sequential,
    Sigmoid,
    fit,
    train_step,
)
from mlp.sequential import is_plain, numbered_layers


@given(seeds, st.lists(sizes, min_size=2, max_size=7), st.integers(1, 4))
def test_gradients_of_random_nets_against_central_differences(seed, widths, rows):
    rng = np.random.default_rng(seed)
    model = random_net(rng, widths, activations=(Sigmoid, Identity))  # no kinks
    loss = MSELoss("sum")
    x = rng.normal(size=(rows, widths[0]))
    y = rng.normal(size=(rows, widths[-1]))

    def value():
        return loss.forward(model.forward(x), y)

    expected = [numerical_gradient(value, p.data) for p in model.parameters()]
    expected_input = numerical_gradient(value, x)
    value()
    grad_input = model.backward(loss.backward())
    np.testing.assert_allclose(grad_input, expected_input, rtol=1e-6, atol=1e-7)
    for p, gradient in zip(model.parameters(), expected, strict=True):
        np.testing.assert_allclose(p.grad, gradient, rtol=1e-6, atol=1e-7)


@given(seeds, st.lists(sizes, min_size=3, max_size=7), sizes, sizes)
def test_gradients_of_a_batch_are_the_sum_of_those_of_its_parts(seed, widths, n, m):
    rng = np.random.default_rng(seed)
    model = random_net(rng, widths)
    x, g = rng.normal(size=(n + m, widths[0])), rng.normal(size=(n + m, widths[-1]))
    model.forward(x)
    grad_input = model.backward(g)
    whole = [p.grad for p in model.parameters()]
    model.zero_grad()
    parts = []
    for part in (slice(n), slice(n, None)):
        model.forward(x[part])
        parts.append(model.backward(g[part]))
    np.testing.assert_allclose(np.concatenate(parts), grad_input, rtol=1e-10)
    for p, gradient in zip(model.parameters(), whole, strict=True):
        np.testing.assert_allclose(p.grad, gradient, rtol=1e-9, atol=1e-12)


def test_nesting_changes_nothing():
    flat = small_net()
    nested = Sequential(Sequential(flat[0], flat[1]), Sequential(flat[2], flat[3]))
    x, g = np.ones((2, 3)), np.array([[1.0, -2.0], [0.5, 3.0]])
    y, grad_input = flat.forward(x), flat.backward(g)
    grads = [p.grad for p in flat.parameters()]
    flat.zero_grad()
    assert np.array_equal(nested.forward(x), y)
    assert np.array_equal(nested.backward(g), grad_input)
    assert all(
        np.array_equal(p.grad, grad)
        for p, grad in zip(nested.parameters(), grads, strict=True)
    )
    assert list(nested.state_dict()) == [
        "0.0.weight",
        "0.0.bias",
        "1.0.weight",
        "1.0.bias",
    ]


@pytest.mark.parametrize(
    "first", [lambda: Linear(3, 3, rng=0), ReLU, Sigmoid, Identity]
)
def test_without_need_of_the_input_gradient_none_comes_back(first):
    model = Sequential(first(), Linear(3, 2, rng=1))
    model.forward(np.ones((4, 3)))
    assert model.backward(np.ones((4, 2)), needs_input_grad=False) is None
    assert all(p.grad is not None for p in model.parameters())


def test_only_the_first_layer_is_told_what_is_not_needed():
    told = []

    class Spy(Identity):
        def backward(self, grad_output, **options):
            told.append(options)
            return super().backward(grad_output)

    model = Sequential(Spy(), Spy(), Spy())
    model.forward(np.ones((1, 1)))
    model.backward(np.ones((1, 1)), needs_input_grad=False)
    assert told == [{}, {}, {"needs_input_grad": False}]


# ------------------------------------------------------------------- predict


@given(seeds, st.integers(0, 9), st.integers(1, 11))
def test_predict_in_batches_is_forward(seed, rows, batch_size):
    x = np.random.default_rng(seed).normal(size=(rows, 3))
    model = small_net()
    expected = model.forward(x)
    np.testing.assert_allclose(model.predict(x), expected, rtol=1e-14)
    np.testing.assert_allclose(
        model.predict(x, batch_size=batch_size), expected, rtol=1e-14
    )


def test_predict_between_forward_and_backward_disturbs_nothing():
    g = np.array([[1.0, -2.0]] * 4)
    results = []
    for disturbed in (False, True):
        model = Sequential(Averaging(), Sequential(*small_net()))
        model.forward(np.ones((4, 3)))
        if disturbed:
            model.predict(np.full((7, 3), 0.5))
            model.predict(np.full((4, 3), 0.5), batch_size=2)
        results.append([model.backward(g), *(p.grad for p in model.parameters())])
        assert model[0].seen == [4]
    assert all(map(np.array_equal, *results))


def test_predict_holds_a_batch_of_activations_beyond_its_output():
    widths, rows, batch = [50, 400, 400, 400, 10], 20_000, 500
    model = random_net(np.random.default_rng(0), widths, (ReLU,))
    x = np.ones((rows, widths[0]))
    model.predict(x[:1])
    tracemalloc.start()
    try:
        result = model.predict(x, batch_size=batch)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    of_a_batch = batch * sum(2 * n for n in widths[1:]) * 8  # Linear's and ReLU's
    assert peak - result.nbytes < of_a_batch


def test_predict_converts_a_batch_at_a_time():
    model = Sequential(Linear(400, 2, dtype=np.float32))
    x = np.ones((20_000, 400), np.uint8)
    tracemalloc.start()
    try:
        model.predict(x, batch_size=100)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1_000_000  # all of x in float32 would be 32 MB


def test_predict_takes_lists_and_keeps_float32():
    model = small_net(dtype=np.float32)
    assert model.predict([[1, 2, 3]] * 5, batch_size=2).dtype == np.float32
    assert model.predict([[1, 2, 3]] * 5).shape == (5, 2)


@pytest.mark.parametrize("batch_size", [0, -1])
def test_predict_refuses_a_batch_size_below_one(batch_size):
    with pytest.raises(ValueError, match="batch_size of at least 1"):
        small_net().predict(np.ones((2, 3)), batch_size=batch_size)


@pytest.mark.parametrize("batch_size", [1.0, "2", True])
def test_predict_refuses_a_batch_size_that_is_no_int(batch_size):
    with pytest.raises(TypeError, match="batch_size to be an int"):
        small_net().predict(np.ones((2, 3)), batch_size=batch_size)


def test_predict_refuses_what_forward_refuses():
    with pytest.raises(ValueError, match=r"\(N, 3\), got \(2, 4\)"):
        small_net().predict(np.ones((2, 4)), batch_size=2)
    with pytest.raises(TypeError, match=r"Sequential\.predict: expected x"):
        small_net().predict("abc", batch_size=1)
    with pytest.raises(ValueError, match="rows"):
        Sequential(ReLU()).predict(1.0, batch_size=1)
    assert Sequential(ReLU()).predict(-1.0) == 0


# -------------------------------------------------------- dtype and writes


@given(seeds, st.lists(sizes, min_size=2, max_size=5))
def test_a_float32_net_is_float32_in_every_array(seed, widths):
    rng = np.random.default_rng(seed)
    model = random_net(rng, widths, dtype=np.float32)
    z = rng.normal(size=(3, widths[0]))
    for layer in model:
        z = layer.forward(z)
        assert z.dtype == np.float32
    assert model.backward(np.ones(z.shape)).dtype == np.float32
    assert {p.grad.dtype for p in model.parameters()} == {np.dtype(np.float32)}
    assert {a.dtype for a in model.state_dict().values()} == {np.dtype(np.float32)}


def test_no_argument_is_written_to_and_no_output_later():
    rng, model, loss = np.random.default_rng(0), small_net(), BCELoss()
    for _ in range(3):
        x, y = frozen(rng.normal(size=(5, 3))), frozen(rng.uniform(size=(5, 2)))
        frozen(model.predict(x))
        loss.forward(frozen(model.forward(x)), y)
        frozen(model.backward(frozen(loss.backward())))
        for p in model.parameters():
            frozen(p.grad)


# ------------------------------------------- a refused forward, and subclasses


def test_lists_reach_a_readers_layer_as_arrays():
    model = Sequential(Double(), ReLU(), Double())
    assert model.forward([[1.0, -2.0]]).tolist() == [[4, 0]]
    assert model.predict([[1.0, -2.0]]).tolist() == [[4, 0]]
    assert model.backward([[1.0, 1.0]]).tolist() == [[4, 0]]
    with pytest.raises(TypeError, match=r"Sequential\.forward: expected x to hold"):
        model.forward("abc")
    with pytest.raises(TypeError, match=r"Sequential\.backward: expected grad_output"):
        model.backward("abc")


def test_after_a_forward_refused_on_its_way_backward_gives_no_gradient():
    model = Sequential(Identity(), Linear(3, 1))
    model.forward(np.ones((5, 3)))
    with pytest.raises(ValueError):
        model.forward(np.ones((5, 4)))
    with pytest.raises(RuntimeError, match="uses up one forward"):
        model.backward(np.ones((5, 1)))
    assert model[1].weight.grad is None
    model.forward(np.ones((5, 3)))
    assert model.backward(np.ones((5, 1))).shape == (5, 3)


def test_a_forward_refused_at_the_door_leaves_the_last_one():
    model = small_net()
    model.forward(np.ones((2, 3)))
    with pytest.raises(TypeError):
        model.forward("abc")
    assert model.backward(np.ones((2, 2))).shape == (2, 3)


class Residual(Sequential):
    """x + f(x), with a learned factor."""

    def __init__(self, *layers):
        super().__init__(*layers)
        self.factor = Parameter([3.0])

    def forward(self, x):
        self.x = x
        return x + self.factor.data * super().forward(x)


def test_a_subclass_predicts_by_its_own_forward_and_has_its_own_parameters():
    model = Residual(Linear(2, 2, rng=0))
    x = np.ones((3, 2))
    y = model.forward(x)
    assert np.array_equal(model.predict(np.zeros((1, 2))), [3 * model[0].bias.data])
    assert np.array_equal(model.predict(x, batch_size=2), y)
    assert model.x is x
    assert list(model.state_dict()) == ["0.weight", "0.bias", "factor"]
    assert len(model.parameters()) == 3


def test_predict_in_batches_refuses_a_layer_that_mixes_rows():
    class Mean(Double):
        def forward(self, x):
            return x.mean(axis=0, keepdims=True)

    with pytest.raises(ValueError, match=r"2 rows of output.*got shape \(1, 3\)"):
        Sequential(Mean()).predict(np.ones((4, 3)), batch_size=2)
    assert Sequential(Mean()).predict(np.ones((4, 3))).shape == (1, 3)


# ------------------------------------------------------ container and errors


def test_len_index_slice_and_iteration():
    model = small_net()
    assert len(model) == 4
    assert model[-1] is list(model)[3]
    assert [id(layer) for layer in model[1:3]] == [id(model[1]), id(model[2])]
    assert isinstance(model[1:3], Sequential)
    with pytest.raises(IndexError):
        model[4]


def test_repr_is_pytorchs():
    assert repr(Sequential(Linear(2, 1), Sequential(ReLU()))) == (
        "Sequential(\n"
        "  (0): Linear(in_features=2, out_features=1, bias=True)\n"
        "  (1): Sequential(\n"
        "    (0): ReLU()\n"
        "  )\n"
        ")"
    )
    assert repr(Sequential()) == "Sequential()"


@pytest.mark.parametrize(
    "wrong",
    [ReLU, "ReLU", None, [Linear(1, 1), ReLU()], 3, Parameter([1.0]), MSELoss()],
)
def test_what_is_no_layer_is_refused_with_its_index(wrong):
    with pytest.raises(TypeError, match="expected layer 1 to be a Layer"):
        Sequential(Linear(1, 1), wrong)


def test_a_layer_twice_is_refused_at_any_depth():
    relu = ReLU()
    with pytest.raises(ValueError, match=r"the ReLU\(\) of layer 0 again in layer 2"):
        Sequential(relu, Linear(1, 1), relu)
    with pytest.raises(ValueError, match=r"the ReLU\(\) of layer 0 again in layer 1"):
        Sequential(relu, Sequential(Linear(1, 1), relu))
    with pytest.raises(ValueError, match=r"of layer 0 again in layer 1"):
        Sequential(relu, Sequential(Sequential(Sequential(relu))))
    averaging = Averaging()
    with pytest.raises(ValueError, match=r"Linear.* of layer 0 again in layer 1"):
        Sequential(averaging, averaging.branches[0])


def test_a_layer_may_reach_one_of_its_own_in_two_ways():
    averaging = Averaging()
    averaging.first = averaging.branches[0]
    assert len(Sequential(averaging).parameters()) == 4


def test_a_net_of_no_layers_has_nothing_to_say():
    for call in (Sequential().forward, Sequential().predict, Sequential().backward):
        with pytest.raises(ValueError, match="expected at least one layer, got none"):
            call([[1.0]])


def test_backward_before_forward_and_twice():
    model = small_net()
    with pytest.raises(RuntimeError, match="Sigmoid.backward.*uses up one forward"):
        model.backward(np.ones((1, 2)))
    model.forward(np.ones((1, 3)))
    model.backward(np.ones((1, 2)))
    with pytest.raises(RuntimeError, match="uses up one forward"):
        model.backward(np.ones((1, 2)))


def test_an_evaluation_forward_in_between_is_noticed_by_its_shape():
    model = small_net()
    model.forward(np.ones((4, 3)))
    model.forward(np.ones((9, 3)))
    with pytest.raises(ValueError, match=r"\(9, 2\).*got \(4, 2\).*model\.predict"):
        model.backward(np.ones((4, 2)))


def test_a_deep_copy_goes_on_alone_in_the_middle_of_a_step():
    model = small_net()
    model.forward(np.ones((2, 3)))
    other = copy.deepcopy(model)
    g = np.array([[1.0, 2.0], [3.0, 4.0]])
    assert np.array_equal(other.backward(g), model.backward(g))
    other[0].weight.data += 1
    assert not np.any(other[0].weight.data == model[0].weight.data)


class OwnBackward(Sequential):
    def backward(self, grad_output):
        return 2 * super().backward(grad_output)


class Named(Sequential):
    """One that is no more than a name."""


def test_only_a_sequential_that_runs_its_layers_is_plain():
    replaced = Sequential(ReLU())
    replaced.forward = lambda x: x
    kinds = Sequential(), Named(ReLU()), Residual(), OwnBackward(ReLU()), replaced
    assert [is_plain(model) for model in kinds] == [True, True, False, False, False]
    assert not is_plain(ReLU()) and not is_plain([ReLU()])


# ------------------------------------------------------ NaN, threads, processes


@pytest.mark.parametrize("batch_size", [None, 2, 1000])
@pytest.mark.parametrize("rows", [5, 40_000])
@pytest.mark.parametrize(
    "make",
    [
        lambda: Sequential(Linear(3, 2)),
        lambda: Sequential(Linear(3, 1)),
        lambda: Sequential(Linear(3, 2), ReLU()),
        lambda: Sequential(ReLU()),
        lambda: Sequential(Sequential(Linear(3, 2))),
        lambda: Residual(Linear(3, 3)),
    ],
)
def test_predict_counts_nan_and_infinity_and_says_where(make, rows, batch_size):
    model, x = make(), np.ones((rows, 3))
    for p in model.parameters():
        p.data[...] = 0  # 0 times infinity is NaN
    x[1, 2], x[3, 0] = -np.inf, np.nan
    with pytest.raises(
        ValueError,
        match=rf"predict: expected x .*2 of {3 * rows} .*-inf at index \(1, 2\)",
    ):
        model.predict(x, batch_size=batch_size)


def test_predict_of_a_net_that_overflows_is_no_fault_of_x():
    model = Sequential(Linear(3, 2), ReLU())
    model[0].weight.data[...] = np.inf
    x = np.ones((40_000, 3))
    assert np.isinf(model.predict(x)).all()


def test_what_joblib_hands_to_a_process_predicts_and_says_that_it_cannot_train():
    joblib = pytest.importorskip("joblib")
    model, x = Sequential(Linear(300, 600, rng=0), ReLU()), np.ones((2, 300))
    with joblib.Parallel(n_jobs=2) as parallel:
        found = parallel(joblib.delayed(work_on)(model, x) for _ in range(2))
    for y, step, load in found:
        np.testing.assert_allclose(y, model.predict(x), rtol=1e-12)
        assert "SGD.step: expected parameters that can be written to" in step
        assert "load_state_dict: expected parameters that can be written" in load


def test_read_only_parameters_predict_and_do_not_train():
    model, x = Sequential(Linear(3, 6, rng=0), ReLU()), np.ones((2, 3))
    expected = model.predict(x)
    for p in model.parameters():
        p.data.flags.writeable = False
    y, step, load = work_on(model, x)
    np.testing.assert_array_equal(y, expected)
    assert "can be written to" in step
    assert "can be written to" in load
    with pytest.raises(ValueError, match=r"fit: .*can be written to"):
        fit(model, MSELoss(), SGD(model.parameters(), lr=0.1), x, y, epochs=1)
    twin = copy.deepcopy(model)
    train_step(twin, MSELoss(), SGD(twin.parameters(), lr=0.1), x, 0 * y)


def work_on(model, x):
    """Return what a net predicts, and why it cannot be trained or loaded."""
    y = model.predict(x)
    optimizer = SGD(model.parameters(), lr=0.1)
    reasons = []
    for call in (
        lambda: train_step(model, MSELoss(), optimizer, x, 0 * y),
        lambda: model.load_state_dict(model.state_dict()),
    ):
        try:
            call()
        except ValueError as error:
            reasons.append(str(error))
    return y, *reasons


# ------------------------------------------------------- what a net is made of


@pytest.mark.parametrize("depth", [0, 1])
def test_a_layer_that_knows_its_net_is_not_made_of_it(depth):
    knows = Identity()
    net = Sequential(Linear(2, 2), knows, ReLU())
    for _ in range(depth):
        net = Sequential(net, Sigmoid())
    knows.net = net
    assert list(knows.members()) == []
    assert len(net.parameters()) == 2
    knows.other = Sequential(ReLU(), Sequential(Linear(2, 2)))  # of which it is no part
    assert [name for name, _ in knows.members()] == ["other"]


def test_layers_are_numbered_through_lists_and_plain_nets_alone():
    own = Residual(Linear(2, 2))
    layers = [Linear(2, 2), (ReLU(), Sequential(Sigmoid())), own]
    for model in (layers, Sequential(layers[0], Sequential(*layers[1]), own)):
        assert [name for name, _ in numbered_layers(model)] == [
            "layer 0 (Linear)",
            "layer 1.0 (ReLU)",
            "layer 1.1.0 (Sigmoid)",
            "layer 2 (Residual)",
        ]
    assert numbered_layers(own) == [("layer 0 (Residual)", own)]
    assert numbered_layers([]) == []
