"""What is no net of layers is refused, with its place."""

import numpy as np
import pytest
from derivations import net
from strangers import Residual

from mlp import SGD, Linear, MSELoss, ReLU, Sequential, derive, trace


@pytest.mark.parametrize(
    ("model", "criterion", "options", "error", "sentence"),
    [
        (
            [Linear(1, 1), 3],
            MSELoss(),
            {},
            TypeError,
            r"layer 1 \(int\) to be of Layer",
        ),
        (3, MSELoss(), {}, TypeError, r"layer 0 \(int\) to be of Layer, got 3"),
        (Sequential(), MSELoss(), {}, ValueError, "at least one layer"),
        (
            Sequential(ReLU()),
            MSELoss(),
            {},
            ValueError,
            "at least one layer with weights",
        ),
        (
            Sequential(Linear(2, 3), ReLU(), Linear(4, 1)),
            MSELoss(),
            {},
            ValueError,
            r"layer 2 \(Linear\) to take the 3 features that layer 1 \(ReLU\) gives.*4",
        ),
        (
            Sequential(Linear(2, 3), Sequential(ReLU(), Linear(4, 1))),
            MSELoss(),
            {},
            ValueError,
            r"layer 1\.1 \(Linear\) to take the 3 features that layer 1\.0",
        ),
        (net(), MSELoss, {}, TypeError, "criterion to be of Loss"),
        (net(), ReLU(), {}, TypeError, "criterion to be of Loss"),
        (net(), None, {}, TypeError, "criterion to be of Loss"),
        (
            net(),
            MSELoss(),
            dict(optimizer=0.1),
            TypeError,
            "optimizer to be of Optimizer",
        ),
        (net(), MSELoss(), dict(layout="row"), ValueError, "layout to be one of"),
        (net(), MSELoss(), dict(nested=1), TypeError, "nested to be True or False"),
    ],
)
def test_what_is_no_net_is_refused_with_its_place(
    model, criterion, options, error, sentence
):
    with pytest.raises(error, match=f"derive: expected {sentence}"):
        derive(model, criterion, **options)


@pytest.mark.parametrize("call", ["evaluate", "check"])
@pytest.mark.parametrize(
    ("x", "y", "error", "sentence"),
    [
        ([1, 2], [1, 2], ValueError, r"x of shape \(3,\), one.*layer 0.*got \(2,\)"),
        ([[1, 2, 3]], [1, 2], ValueError, r"x of shape \(3,\).*got \(1, 3\)"),
        ([1, 2, 3], [1], ValueError, r"y of shape \(2,\).*layer 3.*got \(1,\)"),
        ([1, 2, 3], 1.0, ValueError, r"y of shape \(2,\).*got \(\)"),
        ("abc", [1, 2], TypeError, "x to hold real numbers"),
    ],
)
def test_a_data_point_of_the_wrong_length_is_refused(call, x, y, error, sentence):
    with pytest.raises(error, match=f"derive: expected {sentence}"):
        getattr(derive(net(), MSELoss()), call)(x, y)


@pytest.mark.parametrize(
    "model",
    [
        Residual(Linear(2, 2), ReLU()),
        Sequential(Linear(2, 2), Residual(Linear(2, 2))),
        Sequential(Linear(2, 2), Sequential(Residual(Linear(2, 2)))),
        [Linear(2, 2), Residual(Linear(2, 2))],
    ],
)
def test_what_is_not_its_layers_is_not_opened(model):
    optimizer = SGD(Linear(2, 2).parameters(), lr=0.1)
    for call in (
        lambda: derive(model, MSELoss()),
        lambda: trace(model, MSELoss(), optimizer, [[1, 2]], [[3, 4]]),
    ):
        with pytest.raises(NotImplementedError, match=r"\(Residual\), got none"):
            call()


def test_a_forward_replaced_on_the_instance_is_not_opened():
    model = Sequential(Linear(2, 2), ReLU())
    d, own = derive(model, MSELoss()), model.forward
    assert d.check([1, 2], [3, 4]) < 1e-12
    model.forward = lambda x: np.asarray(x) + own(x)
    with pytest.raises(NotImplementedError, match=r"layer 0 \(Sequential\), got none"):
        derive(model, MSELoss())
    with pytest.raises(NotImplementedError, match=r"layer 0 \(Sequential\), got none"):
        d.check([1, 2], [3, 4])
