"""activations: histograms of outputs and gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from mlp._shared import arrays, numbers
from mlp._shared.arrays import Array
from mlp.checking.copies import copies
from mlp.core import Layer, Loss
from mlp.plotting.axes import net_of, several_axes
from mlp.sequential import numbered_layers

BINS = 40


def activations(
    model: Layer,
    x: npt.ArrayLike,
    y: npt.ArrayLike | None = None,
    criterion: Loss | None = None,
    *,
    ax: Any = None,
) -> Any:
    """Draw histograms of the outputs and gradients of each layer.

    The upper row has the entries of each layer's output y, the lower row
    those of ∂ℓ/∂y. In a net that trains well, the histograms of all layers
    are about equally wide. If they are not, mlp.diagnose says what is
    wrong.

    Parameters
    ----------
    model : Layer
        The function runs a copy of it, in the same mode.
    x : array_like of shape (N, in_features)
        A batch.
    y, criterion : array_like and Loss, or None
        The target and the loss, which give ℓ. Without them, the gradient of
        the last output is drawn from the standard normal distribution, with
        seed 0. The picture then shows how it shrinks or grows from layer to
        layer.
    ax : array of 2 · L matplotlib Axes, or None
        Where to draw; L is the number of layers. None makes a Figure.

    Returns
    -------
    array of matplotlib Axes, (2, L)

    Raises
    ------
    ValueError, TypeError
        If a layer or the loss refuses x or y; if only one of y and
        criterion is given.

    Examples
    --------
    >>> import numpy as np
    >>> from mlp import Linear, ReLU, Sequential
    >>> from mlp.plotting import activations
    >>> model = Sequential(Linear(5, 4, rng=0), ReLU(), Linear(4, 2, rng=1))
    >>> grid = activations(model, np.ones((9, 5)))  # doctest: +SKIP

    References
    ----------
    CS231n, Neural Networks Part 2, "Weight Initialization"; Glorot and
    Bengio, Understanding the difficulty of training deep feedforward neural
    networks, 2010, figures 6 and 7.
    """
    who = "activations"
    net_of(who, model)
    if (y is None) != (criterion is None):
        raise ValueError(
            f"{who}: expected y and criterion together, or neither, got one of them"
        )
    if criterion is not None:
        numbers.instance(who, "criterion", criterion, Loss)
    x = arrays.floating(who, "x", x)
    if not numbered_layers(model):
        raise ValueError(f"{who}: expected a model with layers, got none")
    names, outputs, gradients = passed(model, x, y, criterion, _random)
    grid = several_axes(who, ax, 2, len(names))
    for column, name in enumerate(names):
        for row, values in enumerate((outputs[column + 1], gradients[column + 1])):
            _histogram(grid[row, column], values)
        grid[0, column].set_title(name, fontsize="small")
    grid[0, 0].set_ylabel("output")
    grid[1, 0].set_ylabel("gradient")
    return grid


def passed(
    model: Layer, x: Array, y: Any, criterion: Loss | None, top: Callable[[Array], Any]
) -> tuple[list[str], list[Array], list[Array]]:
    """Return the layers' names, x and each output, and ∂ℓ/∂ of each of these.

    A copy of the model runs. The gradient of the last output is that of the
    loss, or without a loss what top returns for this output.
    """
    model, criterion = copies(model, criterion)
    model.zero_grad()
    layers = numbered_layers(model)
    outputs = [x]
    for _, layer in layers:
        outputs.append(np.array(layer.forward(outputs[-1])))
    if criterion is None:
        gradients = [np.asarray(top(outputs[-1]), dtype=outputs[-1].dtype)]
    else:
        criterion.forward(outputs[-1], y)
        gradients = [np.array(criterion.backward())]
    for _, layer in reversed(layers):
        gradients.insert(0, np.array(layer.backward(gradients[0])))
    return [name for name, _ in layers], outputs, gradients


def _random(output: Array) -> Array:
    return np.random.default_rng(0).standard_normal(output.shape)


def _histogram(ax: Any, values: Array) -> None:
    """Draw a histogram, with the mean and the standard deviation above it."""
    values = values.astype(np.float64)
    finite = values[np.isfinite(values)]
    ax.hist(finite, bins=BINS)
    ax.set_yticks([])
    ax.tick_params(labelsize="x-small")
    text = "nothing finite"
    if finite.size:
        scale = np.abs(finite).max() or 1.0  # a square could be infinite
        mean, std = (finite / scale).mean(), (finite / scale).std()
        text = f"{mean * scale:.2g} ± {std * scale:.2g}"
    ax.set_xlabel(text, fontsize="small")
