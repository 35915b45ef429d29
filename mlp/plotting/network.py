"""network: a picture of a net, with one sample."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import numpy.typing as npt

from mlp._shared import arrays, numbers
from mlp._shared.arrays import Array
from mlp.core import Layer, Loss
from mlp.derivation.jacobian import jacobian
from mlp.plotting.activations import passed
from mlp.plotting.axes import axes_or_new, net_of
from mlp.sequential import numbered_layers

MOST = 9  # units drawn in a layer; if it has more, the first ones and the last
POSITIVE, NEGATIVE, ANY = "#3f90da", "#e76300", "#94a4a2"


def network(
    model: Layer,
    x: npt.ArrayLike | None = None,
    y: npt.ArrayLike | None = None,
    criterion: Loss | None = None,
    *,
    ax: Any = None,
) -> Any:
    """Draw a net: a column of units for x and for each layer's output.

    Each weight is a line, which is wider for a larger |weight|. It is blue
    and solid if the weight is positive, orange and dashed if it is
    negative. With a sample, the number above a unit is its output y, and
    the number below it is ∂ℓ/∂y.

    Parameters
    ----------
    model : Layer
        The function runs a copy of it, in evaluation mode.
    x : array_like of shape (in_features,) or (1, in_features), or None
        One sample.
    y, criterion : array_like and Loss, or None
        The target and the loss, which give ℓ. Without them, ℓ is the
        largest output; in a classifier, that of the predicted class.
    ax : matplotlib Axes or None
        Where to draw; None makes a Figure.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError, TypeError
        If a layer or the loss refuses x or y; if there is no x and no layer
        has in_features; if only one of y and criterion is given.
    ImportError
        If matplotlib is not installed.

    Examples
    --------
    >>> from mlp import Linear, ReLU, Sequential
    >>> from mlp.plotting import network
    >>> model = Sequential(Linear(2, 3, rng=0), ReLU(), Linear(3, 1, rng=1))
    >>> ax = network(model, [1.0, 2.0])  # doctest: +SKIP
    """
    who = "network"
    net = copy.deepcopy(net_of(who, model)).eval()
    if (y is None) != (criterion is None):
        raise ValueError(
            f"{who}: expected y and criterion together, or neither, got one of them"
        )
    if y is not None and x is None:
        raise ValueError(f"{who}: expected x with y, got None")
    if criterion is not None:
        numbers.instance(who, "criterion", criterion, Loss)
    row = _row(who, net, x)
    if y is not None:
        y = _target(y, net.predict(row).shape[-1])
    names, outputs, gradients = passed(net, row, y, criterion, _largest)
    places = [_column(out.shape[-1]) for out in outputs]
    top = max(height for units in places for height in units.values()) + 0.7
    ax = axes_or_new(who, ax, 1.6 * len(outputs) + 1, 1.5 * top + 1.2)
    for i, (_, layer) in enumerate(numbered_layers(net)):
        _lines(ax, layer, outputs[i], i, places)
    for i, (units, name) in enumerate(zip(places, ["x", *names], strict=True)):
        for unit, height in units.items():
            ax.plot(i, height, "o", color="white", markeredgecolor="black", ms=12)
            if x is not None:
                _number(ax, i, height, outputs[i][0, unit], "bottom")
                _number(ax, i, height, gradients[i][0, unit], "top", style="italic")
        width = outputs[i].shape[-1]
        if width > MOST:
            between = min(units.values()) + 1
            ax.text(i, between, "⋮", ha="center", va="center", fontsize="x-large")
        title = name.replace(" (", "\n(") + f"\n{width} unit{'s' * (width != 1)}"
        ax.text(i, -top, title, ha="center", va="top", fontsize="small")
    ax.set(xlim=(-0.6, len(places) - 0.4), ylim=(-top - 0.9, top))
    if x is not None:
        what = "ℓ" if criterion is not None else "the largest ŷ"
        ax.set_title(
            f"above: output; below: gradient of {what} by it", fontsize="medium"
        )
    ax.axis("off")
    return ax


def _row(who: str, net: Layer, x: Any) -> Array:
    """Return the sample as a row; without a sample, a row of zeros."""
    if x is None:
        for _, layer in numbered_layers(net):
            width = getattr(layer, "in_features", None)
            if width is not None:
                return np.zeros((1, width), layer.parameters()[0].data.dtype)
        raise ValueError(
            f"{who}: expected a layer with in_features, got none; give a sample, x"
        )
    row = arrays.floating(who, "x", x)
    arrays.finite(who, "x", row)
    row = row[np.newaxis] if row.ndim == 1 else row
    if row.ndim != 2 or len(row) != 1:
        raise ValueError(
            f"{who}: expected one sample x, of shape (in_features,) or (1, "
            f"in_features), got {np.shape(x)}; take one row, x[0]"
        )
    return row


def _target(y: Any, width: int) -> Array:
    """Return the target of one sample: a row as (1, width), a label as (1,)."""
    row: Array = np.asarray(y)
    return row.reshape(1 if row.size == 1 < width else (1, -1))


def _column(width: int) -> dict[int, float]:
    """Return the units of a layer to draw, each with its height."""
    units = [*range(width)]
    if width > MOST:
        units = [*range(MOST - 2), width - 1]
    heights = [i if unit == i else i + 1 for i, unit in enumerate(units)]
    middle = heights[-1] / 2
    return {unit: middle - h for unit, h in zip(units, heights, strict=True)}


def _lines(
    ax: Any, layer: Layer, row: Array, x: int, places: list[dict[int, float]]
) -> None:
    """Draw lines from each input of a layer to the outputs that depend on it."""
    below, above = places[x : x + 2]
    weight = getattr(getattr(layer, "weight", None), "data", np.empty(0))
    is_matrix = weight.ndim == 2
    largest = float(np.abs(weight).max()) if weight.size else 1.0
    is_mixed = not is_matrix and _is_mixed(jacobian(layer, row[0]))
    for out, top in above.items():
        for unit, bottom in below.items():
            if is_matrix:
                w = float(weight[out, unit])
                look = {
                    "color": POSITIVE if w > 0 else NEGATIVE,
                    "linestyle": "-" if w > 0 else "--",
                    "linewidth": 0.3 + 2.7 * abs(w) / (largest or 1.0),
                }
            elif is_mixed or out == unit:
                look = {"color": ANY, "linewidth": 0.6}
            else:
                continue
            ax.plot([x, x + 1], [bottom, top], zorder=0, **look)


def _is_mixed(slopes: Array) -> bool:
    """Return whether output i depends on other inputs than input i."""
    rows, columns = slopes.shape
    return rows != columns or bool(np.any(slopes[~np.eye(rows, dtype=bool)]))


def _number(ax: Any, x: int, y: float, number: Any, va: str, **font: Any) -> None:
    """Write a number above or below a unit."""
    ax.annotate(
        f"{float(number) + 0.0:.3g}".replace("-", "−"),
        (x, y),
        (0, 7 if va == "bottom" else -7),
        textcoords="offset points",
        ha="center",
        va=va,
        fontsize="small",
        bbox={"boxstyle": "square,pad=0.1", "color": "white", "alpha": 0.7},
        **font,
    )


def _largest(output: Array) -> Array:
    """Return the gradient of the largest entry of a row: 1 there, 0 elsewhere."""
    return np.eye(output.shape[-1])[[int(output.argmax())]]
