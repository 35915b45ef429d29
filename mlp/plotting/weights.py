"""weights: what each unit of a layer looks at."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from mlp._shared import numbers
from mlp.plotting.axes import axes_or_new

GAP = 1  # pixels between two units


def weights(layer: Any, shape: tuple[int, int], *, ax: Any = None) -> Any:
    """Draw the weights of each unit as a picture of the inputs' shape.

    Row i of W is what output i multiplies the inputs by, so it has their
    shape: that of an image, where the inputs are pixels. 0 is white, in all
    of them alike, and the largest size of a weight is the darkest.

    Parameters
    ----------
    layer : Linear, or any layer with a weight (out_features, in_features)
        The lowest of the net, as a rule.
    shape : (height, width)
        Of the inputs, row by row, as reshape has them.
    ax : matplotlib Axes or None
        Where to draw; None makes a Figure.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    TypeError
        If the layer has no matrix of weights.
    ValueError
        If height times width is not in_features.

    Examples
    --------
    >>> from mlp import Linear
    >>> from mlp.plotting import weights
    >>> ax = weights(Linear(64, 32, rng=0), (8, 8))  # doctest: +SKIP
    """
    who = "weights"
    w = getattr(getattr(layer, "weight", None), "data", None)
    if not isinstance(w, np.ndarray) or w.ndim != 2:
        raise TypeError(
            f"{who}: expected a layer with a weight of shape (out_features, "
            f"in_features), got {type(layer).__name__}; of a net take one layer, "
            f"model[0]"
        )
    try:
        height, width = (numbers.positive_int(who, "shape", side) for side in shape)
    except (TypeError, ValueError):
        raise ValueError(
            f"{who}: expected shape to be (height, width), got {shape!r}"
        ) from None
    if height * width != w.shape[1]:
        raise ValueError(
            f"{who}: expected a shape of {w.shape[1]} entries, as in_features is, "
            f"got {height} × {width} = {height * width}"
        )
    units = len(w)
    columns = math.ceil(math.sqrt(units * height / width))
    rows = -(-units // columns)
    mosaic = np.full(
        (rows * (height + GAP) - GAP, columns * (width + GAP) - GAP), np.nan
    )
    for i, row in enumerate(w):
        top, left = i // columns * (height + GAP), i % columns * (width + GAP)
        mosaic[top : top + height, left : left + width] = row.reshape(height, width)
    ax = axes_or_new(who, ax)
    largest = float(np.abs(w).max()) or 1.0
    image = ax.imshow(
        mosaic, cmap="PuOr", vmin=-largest, vmax=largest, interpolation="nearest"
    )
    ax.figure.colorbar(image, ax=ax, shrink=0.8)
    ax.set(xticks=[], yticks=[], title=f"weights of {units} units, {height} × {width}")
    return ax
