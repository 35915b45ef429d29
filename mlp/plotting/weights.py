"""weights: the weights of each unit as a picture."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from mlp._shared import numbers
from mlp.plotting.axes import axes_or_new

GAP = 1  # pixels between two units


def weights(layer: Any, shape: tuple[int, int], *, ax: Any = None) -> Any:
    """Draw the weights of each unit as a picture of the inputs' shape.

    Row i of W has one weight for each input of unit i. If the inputs are
    the pixels of an image, the row can be drawn as an image of the same
    shape. All units have the same colours: 0 is white, and the largest
    |weight| of the layer is the darkest.

    Parameters
    ----------
    layer : Linear, or any layer with a weight (out_features, in_features)
        Usually the first layer of a net.
    shape : (height, width)
        The shape of the inputs. The weights fill it row by row, as in
        reshape.
    ax : matplotlib Axes or None
        Where to draw; None makes a Figure.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    TypeError
        If the layer has no weight matrix.
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
