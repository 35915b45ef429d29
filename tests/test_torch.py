"""The same net in PyTorch: gradients and parameters over several steps.

Runs where torch is installed; the other tests need no torch, and hold the same
gradients against central differences and cases worked by hand.
"""

import itertools

import library
import numpy as np
import pytest
from oracles import random_net

from mlp import (
    SGD,
    Adam,
    AdamW,
    BatchNorm1d,
    BCELoss,
    CrossEntropyLoss,
    Identity,
    Linear,
    MSELoss,
    Parameter,
    ReLU,
    RMSprop,
    Sequential,
    Sigmoid,
    Softmax,
    clip_grad_norm,
    save,
    train_step,
)

torch = pytest.importorskip("torch", reason="the comparison needs torch")

# Of each layer that has another name or other arguments there.
TWINS = {
    Sequential: lambda layer: modules_of(layer),
    Softmax: lambda layer: torch.nn.Softmax(dim=-1),
}
SETTINGS = [
    {},
    {"momentum": 0.9},
    {"weight_decay": 0.1},
    {"momentum": 0.9, "nesterov": True},
    {"momentum": 0.5, "weight_decay": 0.01, "nesterov": True},
]


def to_torch(array):
    return torch.from_numpy(np.array(array))


def net_of(depth, rng, last, dtype=np.float64):
    """Return a net of this many Linear layers of random widths and activations."""
    widths = [3, *map(int, rng.integers(1, 7, depth - 1)), 2]
    layers = random_net(rng, widths, dtype=dtype)
    return Sequential(*layers[:-1], last())


def modules_of(model):
    return torch.nn.Sequential(*map(module_of, model))


def module_of(layer):
    """Return the layer of the same name and settings."""
    if type(layer) in TWINS:
        return TWINS[type(layer)](layer)
    settings = {k: v for k, v in layer.settings().items() if k != "dtype"}
    return getattr(torch.nn, type(layer).__name__)(**settings)


def twin_of(model, dtype=torch.float64):
    twin = modules_of(model).to(dtype)
    state = {name: to_torch(array) for name, array in model.state_dict().items()}
    twin.load_state_dict(state)
    return twin


@pytest.mark.parametrize("depth", range(1, 7))
@pytest.mark.parametrize("reduction", ["mean", "sum", "batchmean"])
@pytest.mark.parametrize("make", [MSELoss, BCELoss])
@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_five_steps_give_pytorchs_gradients_and_parameters(
    depth, reduction, make, settings
):
    rng = np.random.default_rng([depth, len(reduction), len(settings)])
    model = net_of(depth, rng, last=Sigmoid if make is BCELoss else Identity)
    twin = twin_of(model)
    optimizer = SGD(model.parameters(), lr=0.05, **settings)
    twin_optimizer = torch.optim.SGD(twin.parameters(), lr=0.05, **settings)
    criterion = make(reduction)
    in_torch = "mean" if reduction == "mean" else "sum"
    twin_criterion = getattr(torch.nn, make.__name__)(reduction=in_torch)
    for _ in range(5):
        n = int(rng.integers(1, 9))
        x, y = rng.normal(size=(n, 3)), rng.uniform(size=(n, 2))
        value = train_step(model, criterion, optimizer, x, y)

        twin_optimizer.zero_grad()
        twin_value = twin_criterion(twin(to_torch(x)), to_torch(y))
        if reduction == "batchmean":
            twin_value = twin_value / n
        twin_value.backward()
        twin_optimizer.step()

        assert value == pytest.approx(twin_value.item(), rel=1e-9)
        for p, q in zip(model.parameters(), twin.parameters(), strict=True):
            scale = np.abs(q.grad.numpy()).max()
            np.testing.assert_allclose(
                p.grad, q.grad.numpy(), rtol=1e-9, atol=1e-12 * scale
            )
            np.testing.assert_allclose(p.data, q.detach().numpy(), rtol=1e-9)


@pytest.mark.parametrize("prediction", [0.0, 1.0, 1e-50, 1e-13, 1 - 1e-13, 1e-8])
@pytest.mark.parametrize("target", [0.0, 0.3, 1.0])
def test_bce_at_its_bounds_is_pytorchs(prediction, target):
    p = torch.tensor([prediction], dtype=torch.float64, requires_grad=True)
    value = torch.nn.BCELoss()(p, torch.tensor([target], dtype=torch.float64))
    value.backward()
    loss = BCELoss()
    assert loss.forward([prediction], [target]) == pytest.approx(
        value.item(), rel=1e-12, abs=0
    )
    # PyTorch's 1e-12 is a float32, which is 4e-9 off
    np.testing.assert_allclose(loss.backward(), p.grad.numpy(), rtol=1e-8)


def test_relu_at_zero_is_pytorchs():
    x = torch.zeros(1, requires_grad=True)
    torch.relu(x).backward()
    layer = ReLU()
    layer.forward([0.0])
    assert layer.backward([1.0]) == x.grad.item()


def test_sigmoid_is_pytorchs_to_a_few_ulp():
    x = np.linspace(-700, 700, 20_001)
    y = torch.sigmoid(to_torch(x)).numpy()
    np.testing.assert_allclose(Sigmoid().forward(x), y, rtol=1e-15)


def test_repr_is_pytorchs():
    model = Sequential(Linear(2, 3), ReLU(), Linear(3, 1, bias=False), Sigmoid())
    assert repr(model) == repr(twin_of(model))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_weights_travel_both_ways_bit_for_bit(dtype):
    rng = np.random.default_rng(0)
    inner = Sequential(Linear(4, 4, bias=False, rng=rng, dtype=dtype), Sigmoid())
    model = Sequential(*net_of(3, rng, ReLU, dtype), Linear(2, 4, dtype=dtype), inner)
    twin = twin_of(model, getattr(torch, np.dtype(dtype).name))
    state, twins = model.state_dict(), twin.state_dict()
    assert list(twins) == list(state)
    for name, array in state.items():
        np.testing.assert_array_equal(twins[name].numpy(), array, strict=True)
    with torch.no_grad():
        for q in twin.parameters():
            q += torch.randn_like(q)
    model.load_state_dict(twin.state_dict())
    for name, array in model.state_dict().items():
        np.testing.assert_array_equal(twins[name].numpy(), array, strict=True)
    x = rng.normal(size=(4, 3)).astype(dtype)
    np.testing.assert_allclose(
        model.predict(x), twin(to_torch(x)).detach().numpy(), rtol=1e-5
    )


def test_a_checkpoint_loads_into_torch(tmp_path):
    model = net_of(3, np.random.default_rng(0), Sigmoid)
    optimizer = SGD(model.parameters(), lr=0.1)
    save(tmp_path / "run.npz", model, optimizer, epoch=3)
    twin = twin_of(net_of(3, np.random.default_rng(0), Sigmoid))
    with torch.no_grad():
        for q in twin.parameters():
            q.zero_()
    with np.load(tmp_path / "run.npz", allow_pickle=False) as file:
        state = {name: to_torch(file[name]) for name in twin.state_dict()}
    twin.load_state_dict(state)
    x = np.random.default_rng(1).normal(size=(4, 3))
    y = twin(to_torch(x)).detach().numpy()
    np.testing.assert_allclose(model.predict(x), y, rtol=1e-12)


def test_weights_of_another_net_do_not_travel():
    twin = twin_of(net_of(2, np.random.default_rng(0), Sigmoid))
    with pytest.raises(ValueError, match="is it of another model"):
        net_of(3, np.random.default_rng(0), Sigmoid).load_state_dict(twin.state_dict())


# ------------------------------------------------------------- every layer


def layer_of(name):
    return library.layer(name, 5, p=0.0)  # the two draw different masks


def close(ours, theirs, rtol=1e-9):
    theirs = theirs.detach().numpy()
    atol = 1e-13 * max(1.0, np.abs(theirs).max(initial=0))
    np.testing.assert_allclose(ours, theirs, rtol=rtol, atol=atol)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("name", library.LAYERS)
def test_three_forwards_and_backwards_of_a_layer_are_pytorchs(name, training):
    rng = np.random.default_rng(0)
    layer = layer_of(name).train(training)
    for p in layer.parameters():
        p.data[...] = rng.normal(size=p.data.shape)
    for _, buffer in layer.named_buffers():
        buffer.data[...] = rng.uniform(1, 3, buffer.data.shape)
    twin = twin_of(Sequential(layer)).train(training)
    for _ in range(3):
        x, g = rng.normal(size=(2, 7, 5)) * 2 + 1
        z = to_torch(x).requires_grad_()
        y = twin(z)
        y.backward(to_torch(g))
        close(layer.forward(x), y, rtol=1e-12)
        close(layer.backward(g), z.grad)
    for p, q in zip(layer.parameters(), twin.parameters(), strict=True):
        close(p.grad, q.grad)
    buffers = dict(Sequential(layer).named_buffers())
    assert list(buffers) == [key for key, _ in twin.named_buffers()]
    for key, q in twin.named_buffers():
        close(buffers[key].data, q, rtol=1e-13)


def net_of_every_layer():
    layers = map(layer_of, library.LAYERS)
    return Sequential(
        Linear(4, 5, rng=1), *layers, Sequential(BatchNorm1d(5), Linear(5, 3, rng=2))
    )


def test_a_net_of_every_layer_travels_both_ways():
    rng = np.random.default_rng(0)
    model = net_of_every_layer()
    for _ in range(3):
        model.forward(rng.normal(size=(6, 4)))
    twin = twin_of(model).eval()
    state = model.state_dict()
    assert set(twin.state_dict()) == set(state)
    assert any("num_batches_tracked" in name for name in state)
    x = rng.normal(size=(9, 4))
    np.testing.assert_allclose(
        model.predict(x), twin(to_torch(x)).detach().numpy(), rtol=1e-12, atol=1e-12
    )
    twin.train()
    for _ in range(3):  # other running statistics
        twin(to_torch(rng.normal(2, 3, size=(6, 4))))
    with torch.no_grad():
        for q in twin.parameters():
            q += torch.randn_like(q)
    model.load_state_dict(twin.state_dict())
    for name, array in twin.state_dict().items():
        np.testing.assert_array_equal(model.state_dict()[name], array.numpy())
    expected = twin.eval()(to_torch(x)).detach().numpy()
    np.testing.assert_allclose(model.predict(x), expected, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(
        model.eval().forward(x), expected, rtol=1e-12, atol=1e-12
    )


# -------------------------------------------------------------- every loss


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("scale", [1.0, 30.0])
def test_losses_of_any_numbers_are_pytorchs(reduction, scale):
    rng = np.random.default_rng(0)
    z = rng.normal(size=(7, 5)) * scale
    labels, rows = rng.integers(0, 5, 7), rng.dirichlet(np.ones(5), 7)
    every = [kind for kind in library.LOSSES if kind is not BCELoss]
    for make, y in ((CrossEntropyLoss, labels), *((make, rows) for make in every)):
        loss, t = make(reduction), to_torch(z).requires_grad_()
        value = getattr(torch.nn, make.__name__)(reduction=reduction)(t, to_torch(y))
        value.backward()
        assert loss.forward(z, y) == pytest.approx(value.item(), rel=1e-13)
        np.testing.assert_allclose(
            loss.backward(), t.grad.numpy(), rtol=1e-9, atol=1e-15
        )


# ----------------------------------------------------------- every optimizer


def choices(**settings):
    return [
        dict(zip(settings, values, strict=True))
        for values in itertools.product(*settings.values())
    ]


OPTIMIZERS = [
    *((SGD, s | {"lr": 0.01}) for s in SETTINGS),
    *(
        (RMSprop, s)
        for s in choices(
            lr=[0.01],
            alpha=[0.99, 0.5],
            eps=[1e-8, 1e-3],
            weight_decay=[0, 0.1],
            momentum=[0, 0.9],
        )
    ),
    *(
        (make, s)
        for make in (Adam, AdamW)
        for s in choices(
            lr=[0.01],
            betas=[(0.9, 0.999), (0.0, 0.5)],
            eps=[1e-8, 1e-3],
            weight_decay=[0, 0.1],
        )
    ),
    *((make, {}) for make in library.OPTIMIZERS if make is not SGD),  # which has no lr
]


@pytest.mark.parametrize(("make", "settings"), OPTIMIZERS, ids=str)
def test_fifty_steps_of_an_optimizer_are_pytorchs(make, settings):
    rng = np.random.default_rng(0)
    θ = rng.normal(size=(90, 60))  # larger than a piece
    p, q = Parameter(θ), torch.nn.Parameter(to_torch(θ))
    optimizer = make([p], **settings)
    twin = getattr(torch.optim, make.__name__)([q], **settings)
    for _ in range(50):
        p.grad = rng.normal(size=θ.shape) * 10 ** rng.uniform(-6, 1, θ.shape)
        q.grad = to_torch(p.grad)
        optimizer.step()
        twin.step()
    # of θ, or of the way it went where it ended near 0
    np.testing.assert_allclose(p.data, q.detach().numpy(), rtol=1e-9, atol=1e-13)


@pytest.mark.parametrize("most", [0.1, 5.0, 1e3])
def test_a_clipped_gradient_is_pytorchs(most):
    rng = np.random.default_rng(0)
    parameters, twins = [], []
    for shape in ((3, 4), (5,), ()):
        g = rng.normal(size=shape)
        parameters.append(Parameter(np.zeros(shape)))
        twins.append(torch.nn.Parameter(torch.zeros(shape, dtype=torch.float64)))
        parameters[-1].grad, twins[-1].grad = g, to_torch(g)
    norm = clip_grad_norm(parameters, most)
    assert norm == pytest.approx(
        torch.nn.utils.clip_grad_norm_(twins, most).item(), rel=1e-13
    )
    for p, q in zip(parameters, twins, strict=True):
        np.testing.assert_allclose(p.grad, q.grad.numpy(), rtol=1e-12)
