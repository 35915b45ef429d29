"""The guide's section on nets that were trained elsewhere, run where they can be."""

import contextlib
import io
import re
import textwrap
from pathlib import Path

import numpy as np
import pytest

GUIDE = Path(__file__).parent.parent / "docs" / "guide.md"
HEADING = "## I have a trained scikit-learn or PyTorch net"


def blocks():
    """Return the section's blocks, each with the bold words above it, in order."""
    text = GUIDE.read_text(encoding="utf-8").partition(HEADING)[2].partition("\n## ")[0]
    parts = re.split(r"^\*\*(.*?)\*\*", text, flags=re.MULTILINE)[1:]
    return {
        words: [
            textwrap.dedent(block)
            for block in re.findall(r"(?:^(?: {4}.*)?\n)+", part, re.MULTILINE)
            if block.strip()
        ]
        for words, part in zip(parts[::2], parts[1::2], strict=True)
    }


def run(words, namespace):
    """Run the blocks under some words, and return what they print."""
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        for block in blocks()[words]:
            exec(compile(block, GUIDE.name, "exec"), namespace)
    return output.getvalue()


def test_the_section_has_the_blocks_that_are_run_here():
    assert {words: len(found) for words, found in blocks().items()} == {
        "From scikit-learn.": 1,
        "To scikit-learn.": 1,
        "From PyTorch and back.": 2,
    }


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
def test_weights_from_scikit_learn_and_back():
    pytest.importorskip("sklearn")
    found = {}
    assert run("From scikit-learn.", found) == "True\n"
    x, model, theirs = found["z"], found["model"], found["theirs"]
    assert model[0].weight.data.shape == (16, 4)
    for parameter in model.parameters():
        parameter.data[...] = np.random.default_rng(0).normal(size=parameter.data.shape)
    p = found["Softmax"]().forward(model.predict(x))
    assert not np.allclose(p, theirs.predict_proba(x))
    run("To scikit-learn.", found)
    np.testing.assert_allclose(theirs.predict_proba(x), p, rtol=1e-9, atol=1e-300)


def test_weights_from_pytorch_and_back():
    pytest.importorskip("torch")
    from mlp import Linear, Sequential

    found = {"np": np, "Linear": Linear, "Sequential": Sequential}
    assert run("From PyTorch and back.", found) == "True\nTrue\n"


@pytest.mark.parametrize(
    ("activation", "layer"),
    [
        ("relu", "ReLU"),
        ("tanh", "Tanh"),
        ("logistic", "Sigmoid"),
        ("identity", "Identity"),
    ],
)
@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
def test_the_table_says_which_layers_a_net_has(activation, layer):
    neural_network = pytest.importorskip("sklearn.neural_network")
    import mlp

    rng = np.random.default_rng(0)
    x, values = rng.normal(size=(2, 30, 3))
    targets = {
        "regression": (neural_network.MLPRegressor, values[:, :2], None),
        "two": (neural_network.MLPClassifier, rng.integers(2, size=30), mlp.Sigmoid()),
        "labels": (neural_network.MLPClassifier, values[:, :2] > 0, mlp.Sigmoid()),
        "three": (neural_network.MLPClassifier, np.arange(30) % 3, mlp.Softmax()),
    }
    for make, y, last in targets.values():
        settings = {"hidden_layer_sizes": (5,), "max_iter": 5, "random_state": 0}
        theirs = make(activation=activation, **settings).fit(x, y)
        (first, w), (b, c) = theirs.coefs_, theirs.intercepts_
        linear, out = mlp.Linear(*first.shape), mlp.Linear(*w.shape)
        linear.load_state_dict({"weight": first.T, "bias": b})
        out.load_state_dict({"weight": w.T, "bias": c})
        prediction = mlp.Sequential(linear, getattr(mlp, layer)(), out).predict(x)
        if last is None:
            np.testing.assert_allclose(prediction, theirs.predict(x), rtol=1e-9)
        else:
            p = theirs.predict_proba(x)
            p = p[:, 1:] if len(p[0]) == 2 and y.ndim == 1 else p
            np.testing.assert_allclose(last.forward(prediction), p, rtol=1e-9)
