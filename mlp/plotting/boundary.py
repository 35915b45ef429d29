"""decision_boundary: predicted classes in the plane."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from mlp._shared import arrays, figures, numbers, sums
from mlp._shared.arrays import Array
from mlp.core import Layer
from mlp.data.encoding import label_column
from mlp.plotting.axes import COLOURS, MARKERS, as_numbers, axes_or_new, net_of
from mlp.sequential import Sequential, numbered_layers

MARGIN = 0.1  # space around the points, as a share of their extent
PALE = 0.75  # the share of the colour at probability 1


def decision_boundary(
    model: Layer,
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    *,
    classes: Sequence[str] | None = None,
    points: int = 200,
    ax: Any = None,
) -> Any:
    """Draw the classes of a net over the plane, and the points in it.

    The colour at a point is the mean of the classes' colours, weighted by
    their probabilities, Σ p_k · colour_k. A line shows where the two
    largest probabilities are equal.

    Parameters
    ----------
    model : Layer
        A net with two features and one output, or K outputs. If the last
        layer has parameters, or an output is outside [0, 1], the outputs
        are taken for logits, and their sigmoid or softmax is drawn.
        Otherwise they are taken for probabilities.
    x : array_like of shape (N, 2)
        The points.
    y : array_like of shape (N,), (N, 1) or (N, K)
        Their classes: labels (numbers, or texts, sorted to give the order
        of the classes), or one-hot rows.
    classes : list of K str, or None
        Names for the legend, in the order of the outputs.
    points : int
        The net is evaluated at points² points, in rows and columns.
    ax : matplotlib Axes or None
        Where to draw; None makes a Figure.

    Returns
    -------
    matplotlib Axes
        A notebook shows them if they are new.

    Raises
    ------
    ValueError, TypeError
        If x does not have two columns; if y does not have one of the
        model's classes for each row of x; if there are more than ten
        classes.
    ImportError
        If matplotlib is not installed.

    Examples
    --------
    >>> from mlp import Linear, Sequential, Sigmoid
    >>> from mlp.datasets import make_moons
    >>> from mlp.plotting import decision_boundary
    >>> data = make_moons(100, rng=0)
    >>> model = Sequential(Linear(2, 1, rng=0), Sigmoid())
    >>> ax = decision_boundary(model, data.x, data.y)  # doctest: +SKIP
    """
    who = "decision_boundary"
    net = net_of(who, model)
    points = numbers.positive_int(who, "points", points)
    places = _points(who, x)
    ax = axes_or_new(who, ax)
    low, high = places.min(axis=0), places.max(axis=0)
    room = MARGIN * np.where(high > low, high - low, 1.0)
    (left, bottom), (right, top) = low - room, high + room
    across, up = np.linspace(left, right, points), np.linspace(bottom, top, points)
    grid = np.stack(np.meshgrid(across, up), axis=-1)
    p = probabilities(net, grid.reshape(-1, 2)).reshape(points, points, -1)
    k = p.shape[-1]
    label = _labels(who, y, len(places), k)
    names = _names(who, classes, y, label, k)
    colours = as_numbers(COLOURS[:k])
    shades = 1 - PALE * (1 - p @ colours)
    extent = (left, right, bottom, top)
    ax.imshow(shades, extent=extent, origin="lower", aspect="auto", zorder=0)
    for this in range(k if k > 2 else 1):
        lead = p[..., this] - np.delete(p, this, axis=-1).max(axis=-1)
        if lead.min() < 0 < lead.max():
            ax.contour(across, up, lead, [0.0], colors="black", linewidths=1)
    for this in np.unique(label):
        rows = places[label == this]
        ax.scatter(
            *rows.T,
            marker=MARKERS[this],
            color=COLOURS[this],
            edgecolor="black",
            linewidth=0.6,
            label=figures.plain(names[this]),
        )
    ax.set(xlim=(left, right), ylim=(bottom, top), xlabel="x₁", ylabel="x₂")
    ax.legend()
    return ax


def _points(who: str, x: npt.ArrayLike) -> Array:
    """Return x as an array (N, 2) of finite numbers."""
    places = arrays.floating(who, "x", x)
    if places.ndim != 2 or places.shape[1] != 2 or len(places) == 0:
        raise ValueError(
            f"{who}: expected x of shape (N, 2), a point in the plane each, got "
            f"{places.shape}; choose two of the features, or project them to two"
        )
    arrays.finite(who, "x", places)
    return places


def probabilities(net: Sequential, x: Array) -> Array:
    """Return the probability of each class in each row, (N, K), K ≥ 2."""
    y = net.predict(x)
    if y.ndim != 2:
        raise ValueError(
            f"decision_boundary: expected a model that gives rows, got shape {y.shape}"
        )
    y = y.astype(np.float64)
    if _are_logits(net, y):
        y = y - y.max(axis=1, keepdims=True) if y.shape[1] > 1 else y
        y = np.exp(y) if y.shape[1] > 1 else sums.logistic(y)
    if y.shape[1] == 1:
        return np.hstack([1 - y, y])
    total = y.sum(axis=1, keepdims=True)
    even = np.full_like(y, 1 / y.shape[1])
    return np.asarray(np.divide(y, total, out=even, where=total > 0))


def _are_logits(net: Sequential, y: Array) -> bool:
    """Return whether the outputs are logits and not probabilities."""
    _, last = numbered_layers(net)[-1]
    return bool(last.parameters()) or y.min() < 0 or y.max() > 1


def _labels(who: str, y: npt.ArrayLike, n: int, k: int) -> npt.NDArray[np.intp]:
    """Return the class of each row, from 0 to k − 1."""
    if k > len(COLOURS):
        raise ValueError(
            f"{who}: expected at most {len(COLOURS)} classes, whose colours can be "
            f"told apart, got {k}"
        )
    if np.ndim(y) == 2 and np.shape(y)[1] > 1:
        label = arrays.real_array(who, "y", y).argmax(axis=1)
    else:
        label = label_column(who, "y", y)
        if label.dtype.kind == "U":
            label = np.unique(label, return_inverse=True)[1]
    if len(label) != n or not np.isin(label, np.arange(k)).all():
        raise ValueError(
            f"{who}: expected y to be a class from 0 to {k - 1} for each of the {n} "
            f"rows of x, as the model has them, got {len(label)} from "
            f"{label.min()} to {label.max()}"
        )
    return np.asarray(label, np.intp)


def _names(
    who: str, classes: Any, y: Any, label: npt.NDArray[np.intp], k: int
) -> Sequence[str]:
    """Return the name of each class: from classes, from y, or its number."""
    if classes is not None:
        if len(classes) != k:
            raise ValueError(
                f"{who}: expected {k} classes, one for each output, got {len(classes)}"
            )
        return [str(name) for name in classes]
    names = [str(this) for this in range(k)]
    if np.asarray(y).dtype.kind in "UO":
        for this, text in zip(label, np.ravel(y), strict=True):
            names[this] = str(text)
    return names
