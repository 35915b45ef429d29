"""Wrong arguments of fit are refused before the first step."""

import math

import numpy as np
import pytest
from fitting_runs import ROWS, data, problem, run, same

from mlp import Linear, MSELoss, ReLU, Sequential, fit


def with_nan(x):
    x = x.copy()
    x[[3, 4], [1, 2]] = np.nan, -np.inf
    return x


BAD = r"expected {} to be finite, got 2 of {} entries outside it, the first nan at"


@pytest.mark.parametrize(
    ("change", "kind", "sentence"),
    [
        (lambda a: {"x": with_nan(a["x"])}, ValueError, BAD.format("x", 69)),
        (
            lambda a: {"y": with_nan(a["x"])},
            ValueError,
            BAD.format("y", 69),
        ),
        (
            lambda a: {"validation": (with_nan(a["x"]), a["y"])},
            ValueError,
            ", validation: " + BAD.format("x", 69) + r" index \(3, 1\)",
        ),
        (lambda a: {"x": a["x"][1:]}, ValueError, "the same number of rows"),
        (lambda a: {"x": [], "y": []}, ValueError, "at least one"),
        (lambda a: {"x": [["a"]] * ROWS}, TypeError, "x to hold real numbers"),
        (lambda a: {"validation": a["x"]}, TypeError, r"a pair \(x, y\)"),
        (lambda a: {"validation": (a["x"],)}, TypeError, r"a pair \(x, y\)"),
        (
            lambda a: {"validation": (a["y"], a["y"])},
            ValueError,
            r"validation x to have rows like x's, of shape \(3,\), got \(2,\)",
        ),
        (
            lambda a: {"validation": (a["x"], a["x"])},
            ValueError,
            r"validation y to have rows like y's, of shape \(2,\), got \(3,\)",
        ),
        (lambda a: {"model": MSELoss()}, TypeError, "model to be of Layer"),
        (lambda a: {"criterion": a["model"]}, TypeError, "criterion to be of Loss"),
        (lambda a: {"optimizer": 0.1}, TypeError, "optimizer to be of Optimizer"),
        (lambda a: {"model": Sequential(ReLU())}, ValueError, "with parameters"),
        (lambda a: {"model": Linear(3, 2)}, ValueError, "holds none of them"),
        (lambda a: {"epochs": 0}, ValueError, "epochs of at least 1"),
        (lambda a: {"epochs": 1.5}, TypeError, "epochs to be an int"),
        (lambda a: {"batch_size": 0}, ValueError, "batch_size of at least 1"),
        (lambda a: {"rng": "a"}, TypeError, "rng to be an int"),
        (lambda a: {"patience": 3}, ValueError, "validation with patience, got none"),
        (
            lambda a: {"patience": 0, "validation": (a["x"], a["y"])},
            ValueError,
            "patience of at least 1",
        ),
        (lambda a: {"schedule": 0.5}, TypeError, "schedule to be a function"),
        (
            lambda a: {"schedule": lambda epoch: -1},
            ValueError,
            r"schedule\(0\) of at least 0",
        ),
        (
            lambda a: {"schedule": lambda epoch: math.nan},
            ValueError,
            r"schedule\(0\) of at least 0",
        ),
        (
            lambda a: {"schedule": lambda epoch: None},
            TypeError,
            r"schedule\(0\) to be a number",
        ),
        (lambda a: {"metrics": [len]}, TypeError, "metrics to be a dict of names"),
        (lambda a: {"metrics": {1: len}}, TypeError, "metrics to be a dict of names"),
        (
            lambda a: {"metrics": {"a": 1}},
            TypeError,
            r"metrics\['a'\] to be a function",
        ),
        (lambda a: {"checkpoint": 3}, TypeError, "checkpoint to be a str or path"),
        (
            lambda a: {"checkpoint": "/no/such/folder/run"},
            OSError,
            "in a folder that can be written to, got /no/such/folder",
        ),
        (lambda a: {"progress": 1}, TypeError, "progress to be True or False"),
    ],
)
def test_a_wrong_argument_is_refused_before_the_first_step(change, kind, sentence):
    model, optimizer, x, y = problem()
    before = data(model)
    arguments = {
        "model": model,
        "criterion": MSELoss(),
        "optimizer": optimizer,
        "x": x,
        "y": y,
        "epochs": 1,
    }
    with pytest.raises(kind, match=rf"^(\[Errno 2\] )?fit.*{sentence}"):
        fit(**arguments | change(arguments))
    assert same(data(model), before)
    assert optimizer.lr == 0.05


def test_parameters_that_are_not_finite_are_refused():
    model, optimizer, x, y = problem()
    model[0].weight.data[0, 0] = math.nan
    with pytest.raises(ValueError, match="model's parameters to be finite"):
        run(model, optimizer, x, y)
    model, optimizer, x, y = problem(dtype=np.float32)
    model[0].weight.data[0, 0] = 1e30  # whose square is not
    run(model, optimizer, 0 * x, y)


def test_a_number_beyond_float32_is_refused():
    model, optimizer, x, y = problem(dtype=np.float32)
    with pytest.raises(ValueError, match="fit: expected x within the range of float32"):
        run(model, optimizer, x.astype(np.float64) * 1e39, y)
