"""The lines of forward, loss and backward, each worked out as it stands."""

import numpy as np
import pytest
from derivations import LAYERS, LOSSES, OPTIMIZERS, assert_reads_back, made

from mlp import (
    SGD,
    BCELoss,
    CrossEntropyLoss,
    Linear,
    Sequential,
    Sigmoid,
    trace,
    train_step,
)


@pytest.mark.parametrize("layout", ["numerator", "denominator"])
@pytest.mark.parametrize(
    ("name", "training"),
    [*((name, True) for name in LAYERS), ("Dropout", False), ("BatchNorm1d", False)],
)
def test_every_line_of_any_layers_trace_is_read_back(name, layout, training):
    first = 2 * LAYERS.index(name) + (layout == "denominator")
    for seed, make in enumerate(LOSSES):
        rng = np.random.default_rng(seed)
        optimizer = OPTIMIZERS[(first + seed) % len(OPTIMIZERS)]
        model = made(rng, [2, 2], [name], training)
        held = optimizer(model.parameters())
        x, y = rng.normal(size=(2, 2)), np.eye(3)[[0, 2]]
        for _ in range(2):  # the second with slots that are not 0
            t = trace(model, make(), held, x, y, layout=layout)
            assert_reads_back(t)
            assert t.loss == train_step(model, make(), held, x, y)
            for key, p in model.named_parameters():
                np.testing.assert_array_equal(t.after[key], p.data)


def test_labels_and_rows_have_one_trace():
    model = Linear(2, 3, rng=0)
    sgd = SGD(model.parameters(), 0.1)
    x = [[1.0, 2.0], [0.5, -1.0]]
    rows = trace(model, CrossEntropyLoss(), sgd, x, [[0, 0, 1], [1, 0, 0]])
    assert str(trace(model, CrossEntropyLoss(), sgd, x, [2, 0])) == str(rows)


def test_the_bounds_of_bce_are_shown():
    model = Sequential(Linear(1, 1, bias=False), Sigmoid())
    model[0].weight.data[...] = -1000.0
    optimizer = SGD(model.parameters(), lr=0.1)
    text = str(trace(model, BCELoss(), optimizer, [[1.0]], [[1.0]]))
    assert "ℓ = −(1 · max(log(0), −100) + (1 − 1) · log(1 − 0)) = 100" in text
    assert "max" not in str(trace(model, BCELoss(), optimizer, [[1e-3]], [[1.0]]))


def test_where_a_bound_of_bce_is_active_no_false_equation_is_shown():
    model = Sequential(Linear(1, 1, bias=False), Sigmoid())
    model[0].weight.data[...] = -1000.0
    optimizer = SGD(model.parameters(), lr=0.1)
    text = str(trace(model, BCELoss(), optimizer, [[1.0]], [[1.0]]))
    assert "(∂ℓ/∂ŷ)₁ = (0 − 1)/max(0 · (1 − 0), 1e−12) = −1e+12\n" in text
