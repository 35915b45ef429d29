"""What all pictures have in common: Axes in and out, and nothing else is changed."""

import doctest
import subprocess
import sys

import numpy as np
import pytest
from plotted import LABELS, SPIRALS, busy, state_of

import mlp
from mlp import CrossEntropyLoss

pytest.importorskip("matplotlib")

from matplotlib.figure import Figure

from mlp.plotting import decision_boundary, loss_surface, network, weights

DRAW = {
    "decision_boundary": lambda m, **o: decision_boundary(m, SPIRALS.x, LABELS, **o),
    "loss_surface": lambda m, **o: loss_surface(
        *(m, CrossEntropyLoss(), SPIRALS.x, SPIRALS.y), points=3, **o
    ),
    "weights": lambda m, **o: weights(m[0], (1, 2), **o),
    "network": lambda m, **o: network(
        *(m, SPIRALS.x[0], SPIRALS.y[0], CrossEntropyLoss()), **o
    ),
}


@pytest.mark.parametrize("name", [*DRAW, "activations"])
def test_the_example_of_the_docstring_runs(name):
    text = getattr(mlp.plotting, name).__doc__
    example = doctest.DocTestParser().get_doctest(text, {}, name, None, None)
    assert any(doctest.SKIP in line.options for line in example.examples)
    for line in example.examples:
        line.options.pop(doctest.SKIP, None)  # where there may be no matplotlib
    assert doctest.DocTestRunner().run(example).failed == 0


@pytest.mark.parametrize("name", DRAW)
def test_it_draws_on_the_axes_given_and_leaves_the_net_alone(name):
    model = busy()
    before = state_of(model)
    ax = Figure().subplots()
    assert DRAW[name](model, ax=ax) is ax
    assert ax.has_data()
    np.testing.assert_equal(state_of(model), before)


@pytest.mark.parametrize("name", DRAW)
def test_without_axes_it_makes_some_that_a_notebook_shows(name):
    ax = DRAW[name](busy())
    assert ax._repr_png_().startswith(b"\x89PNG")
    with pytest.raises(TypeError, match=f"{name}: expected ax to be matplotlib Axes"):
        DRAW[name](busy(), ax="here")


def test_no_pyplot_no_display_and_no_setting_is_touched():
    code = (
        "import sys, matplotlib, numpy as np\n"
        "def settings():  # to ask for the backend would choose one\n"
        "    rc = matplotlib.rcParams\n"
        "    return {key: rc[key] for key in rc if key != 'backend'}\n"
        "before = settings()\n"
        "from mlp import Linear, MSELoss\n"
        "from mlp import plotting as p\n"
        "m, x = Linear(2, 1, rng=0), np.eye(2)\n"
        "p.decision_boundary(m, x, [0, 1]); p.weights(m, (1, 2)); p.network(m)\n"
        "p.activations(m, x); p.loss_surface(m, MSELoss(), x, x[:, :1], points=3)\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
        "assert settings() == before\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)
