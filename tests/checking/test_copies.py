"""What draws, remembers or keeps a view: frozen, copied, and judged rightly."""

import numpy as np
import pytest

from mlp import (
    Buffer,
    Dropout,
    Layer,
    Linear,
    MSELoss,
    Parameter,
    Sequential,
    Tanh,
    check_gradients,
    check_layer,
)
from mlp.checking.copies import arrays_of_a_copy, copies

X = np.random.default_rng(0).normal(size=(6, 5))


class Drop(Layer):
    """A reader's dropout, whose backward may be wrong."""

    def __init__(self, backward, p=0.4, scaled=True, rng=0):
        self.rng = np.random.default_rng(rng)
        self.p, self.formula, self.scaled = p, backward, scaled

    def mask(self, shape):
        return self.rng.random(shape) >= self.p

    def forward(self, x):
        self.m = self.mask(x.shape) if self.training else np.ones(x.shape)
        self.c = 1 / (1 - self.p) if self.scaled and self.training else 1.0
        return x * self.m * self.c

    def backward(self, g):
        return self.formula(self, g)


RIGHT = {
    "scaled": Drop(lambda self, g: g * self.m * self.c),
    "not scaled": Drop(lambda self, g: g * self.m * self.c, scaled=False),
    "the library's": Dropout(0.4, rng=0),
}
WRONG = {
    "mask drawn again": Drop(lambda self, g: g * self.mask(g.shape) * self.c),
    "mask not scaled": Drop(lambda self, g: g * self.m),
    "mask scaled in backward": Drop(
        lambda self, g: g * self.m / (1 - self.p), scaled=False
    ),
    "slope left out": Drop(lambda self, g: g),
    "sign": Drop(lambda self, g: -g * self.m * self.c),
    "factor 1/N": Drop(lambda self, g: g * self.m * self.c / len(g)),
    "wrong side": Drop(lambda self, g: g * (1 - self.m) * self.c),
}


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("kind", RIGHT)
def test_a_dropout_is_right_in_both_modes(kind, training):
    report = check_layer(RIGHT[kind].train(training), X)
    assert [row.verdict for row in report.rows] == ["right"], str(report)
    assert report.ok


@pytest.mark.parametrize("kind", WRONG)
def test_a_wrong_dropout_is_named(kind):
    report = check_layer(WRONG[kind], X)
    assert [row.verdict for row in report.rows] == [kind], str(report)
    assert not report.ok


def test_a_mask_drawn_again_is_caught_where_it_is_the_same_by_chance():
    layer = Drop(lambda self, g: g * self.mask(g.shape) * self.c, p=0.001)
    assert check_layer(layer, X[:1, :1]).rows[0].verdict == "mask drawn again"


def test_a_mask_from_a_generator_that_backward_makes():
    layer = Drop(lambda self, g: g * (np.random.default_rng().random(g.shape) > 0.4))
    assert check_layer(layer, X).rows[0].verdict == "mask drawn again"


def test_numbers_from_elsewhere_make_two_outputs():
    other = np.random.default_rng(0)

    class Elsewhere(Layer):
        def forward(self, x):
            return x * other.random(x.shape)

        def backward(self, grad_output):
            return grad_output

    (fault,) = check_layer(Elsewhere(), X).faults
    assert "two outputs for one input" in fault
    assert "keep the Generator as an attribute" in fault


def test_a_count_that_is_no_buffer_makes_two_outputs_and_a_buffer_does_not():
    class Counting(Layer):
        def __init__(self, count):
            self.count = count

        def forward(self, x):
            self.count.data += 1
            self.now = float(self.count.data)
            return x * self.now

        def backward(self, grad_output):
            return grad_output * self.now

    class Box:
        data = np.zeros(())

    assert "two outputs" in check_layer(Counting(Box()), X).faults[0]
    layer = Counting(Buffer(0.0))
    assert check_layer(layer, X).ok
    assert layer.count.data == 0


def net(rng):
    return Sequential(
        Linear(5, 7, rng=1),
        Dropout(0.3, rng=rng),
        Sequential(Tanh(), Dropout(0.5, rng=rng)),
        Linear(7, 2, rng=2),
    )


@pytest.mark.parametrize("training", [True, False])
def test_a_net_with_one_generator_for_all_is_right_and_stays_as_it_was(training):
    rng = np.random.default_rng(3)
    model, state = net(rng).train(training), rng.bit_generator.state
    report = check_gradients(model, MSELoss(), X, X[:, :2])
    assert report.ok, str(report)
    assert report.rows[-1].name == "all of these"
    assert report.rows[-1].relative_error < 1e-6
    assert rng.bit_generator.state == state
    assert all(layer.training == training for layer in model.modules())


class View(Linear):
    """A Linear that keeps a view of its weight."""

    def __init__(self, wrong=False, **options):
        super().__init__(5, 3, rng=0, **options)
        self.wT, self.wrong = self.weight.data.T, wrong
        self.parts = {"rows": [self.weight.data[1:], self.bias.data[::-1]]}

    def forward(self, x):
        self.x = x
        return x @ self.wT + self.parts["rows"][1][::-1]

    def backward(self, grad_output):
        self.weight.add_grad(grad_output.T @ self.x)
        self.bias.add_grad(grad_output.sum(axis=0))
        return grad_output @ (self.kept if self.wrong else self.wT.T)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_view_of_a_parameter_is_no_stale_copy(dtype):
    report = check_layer(View(dtype=dtype), X)
    assert [row.verdict for row in report.rows] == ["right"] * 3, str(report)
    stale = View(wrong=True, dtype=dtype)
    stale.kept = stale.weight.data.copy()
    assert [row.verdict for row in check_layer(stale, X).rows] == [
        "right",
        "right",
        "stale copy",
    ]


@pytest.mark.parametrize("order", ["C", "F"])
def test_views_of_a_copy_are_views_of_the_copys_arrays(order):
    class Keeper(Layer):
        def __init__(self):
            data = np.asarray(
                np.arange(12.0, dtype=np.float32).reshape(3, 4), order=order
            )
            self.p, self.b = Parameter(data), Buffer([1, 2, 3])
            self.views = (self.p.data.T, self.p.data[1:, ::2], self.b.data[::-1])
            self.other = np.ones(3)

        def forward(self, x):
            return x

        def backward(self, grad_output):
            return grad_output

    layer = Keeper()
    (twin,) = copies(layer, dtype=np.float64)
    assert twin.p.data.dtype == np.float64
    for mine, its in zip(layer.views, twin.views, strict=True):
        assert np.array_equal(mine, its)
        assert not np.shares_memory(mine, its)
    twin.p.data[...] *= -1
    twin.b.data[...] *= -1
    for mine, its in zip(layer.views, twin.views, strict=True):
        assert np.array_equal(-mine, its)
    assert id(layer.other) not in arrays_of_a_copy(layer)
