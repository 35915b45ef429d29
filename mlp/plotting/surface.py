"""loss_surface: the loss around the parameters."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import numpy.typing as npt

from mlp._shared import arrays, numbers
from mlp._shared.arrays import Array
from mlp._shared.numbers import Rng
from mlp.core import Layer, Loss, Parameter
from mlp.fitting.history import History
from mlp.plotting.axes import axes_or_new, net_of

LEVELS = 20  # the number of contours


def loss_surface(
    model: Layer,
    criterion: Loss,
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    *,
    history: History | None = None,
    span: float = 1.0,
    points: int = 25,
    rng: Rng = 0,
    ax: Any = None,
) -> Any:
    """Draw contours of ℓ(θ + a δ + b η) for random directions δ and η.

    In each row of a weight matrix, the weights of one unit, δ and η have
    the same norm as this row of θ. They are 0 for biases and other
    parameters of one dimension. The reason for the norms: the weights of a
    ReLU unit can be scaled, and those after it by the inverse, without a
    change of the net's function. The picture should not depend on this.

    Parameters
    ----------
    model : Layer
        θ, at the centre, are its parameters. The function runs a copy of
        it, in evaluation mode.
    criterion : Loss
        The loss.
    x, y : array_like
        The rows for which the loss is computed.
    history : History or None
        From a run of fit with on_epoch=History.keep. The picture shows the
        path of the run, projected on the plane. The title says how much of
        the path is in the plane: the square root of
        Σ ‖projection of θₜ − θ‖² / Σ ‖θₜ − θ‖². This is small in a large
        net, because two random directions are almost orthogonal to any
        other direction.
    span : float
        a and b go from −span to span, or farther if the path does.
    points : int
        The number of points in each direction: the loss is computed points²
        times.
    rng : int, np.random.Generator or None
        Draws the directions.
    ax : matplotlib Axes or None
        Where to draw; None makes a Figure.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError, TypeError
        If a layer or the loss refuses x or y; if history has no parameters,
        or those of another net.
    ImportError
        If matplotlib is not installed.

    Examples
    --------
    >>> from mlp import Linear, MSELoss
    >>> from mlp.plotting import loss_surface
    >>> model = Linear(1, 1, rng=0)
    >>> x, y = [[1.0]], [[2.0]]
    >>> ax = loss_surface(model, MSELoss(), x, y)  # doctest: +SKIP

    References
    ----------
    Li et al., Visualizing the loss landscape of neural nets, NeurIPS 2018,
    section 4; section 7.1 for the path.
    """
    who = "loss_surface"
    numbers.instance(who, "criterion", criterion, Loss)
    span = numbers.number(who, "span", span, above=0)
    points = numbers.positive_int(who, "points", points)
    if points < 2:
        raise ValueError(f"{who}: expected points of at least 2, got 1")
    if history is not None:
        numbers.instance(who, "history", history, History)
    net = copy.deepcopy(net_of(who, model))
    criterion = copy.deepcopy(criterion)
    x, y = arrays.real_array(who, "x", x), arrays.real_array(who, "y", y)
    parameters = net.parameters()
    if not parameters:
        raise ValueError(f"{who}: expected a model with parameters, got none")
    generator = numbers.generator(who, rng)
    center = [p.data.copy() for p in parameters]
    δ, η = (directions(parameters, generator) for _ in range(2))
    path, share = None, 0.0
    if history is not None:
        path, share = projected(_moves(who, net, history), δ, η)
    reach = span if path is None else max(span, 1.1 * float(np.abs(path).max()))
    steps = np.linspace(-reach, reach, points)
    heights = np.empty((points, points))
    for i, b in enumerate(steps):
        for j, a in enumerate(steps):
            for p, at, d, e in zip(parameters, center, δ, η, strict=True):
                p.data[...] = at + a * d + b * e
            with np.errstate(over="ignore", invalid="ignore"):  # far from θ
                heights[i, j] = criterion.forward(net.predict(x), y)
    heights[~np.isfinite(heights)] = np.nan  # no contour is drawn there
    low, high = np.fmin.reduce(heights, None), np.fmax.reduce(heights, None)
    ax = axes_or_new(who, ax)
    levels: Any = LEVELS
    if 0 < 10 * low < high:
        levels = np.geomspace(low, high, LEVELS)
    lines = ax.contour(steps, steps, heights, levels, cmap="viridis")
    ax.clabel(lines, lines.levels[::4], fontsize="x-small")
    ax.plot(0, 0, "k*", markersize=12, label="θ")
    title = "loss around θ"
    if path is not None:
        ax.plot(*path.T, "k.-", linewidth=1, label="path")
        title += f"; {100 * share:.0f} % of the path lies in this plane"
    ax.set(xlabel="a", ylabel="b", title=title)
    ax.legend()
    return ax


def directions(parameters: list[Parameter], rng: np.random.Generator) -> list[Array]:
    """Return a random direction for each parameter.

    Each row has the same norm as that row of the parameter.
    """
    found = []
    for p in parameters:
        d = rng.standard_normal(p.data.shape).astype(p.data.dtype)
        if p.data.ndim < 2:
            d = np.zeros_like(d)
        else:
            d /= np.linalg.norm(d, axis=-1, keepdims=True)
            d *= np.linalg.norm(p.data, axis=-1, keepdims=True)
        found.append(d)
    return found


def _moves(who: str, net: Layer, history: History) -> Array:
    """Return θₜ − θ, one row for each epoch t."""
    if not history.parameters:
        raise ValueError(
            f"{who}: expected a history that kept parameters, got one without; give "
            f"fit on_epoch=History.keep"
        )
    named = dict(net.named_parameters())
    rows = []
    for state in history.parameters:
        shapes = {name: array.shape for name, array in state.items()}
        if any(shapes.get(name) != p.data.shape for name, p in named.items()):
            raise ValueError(
                f"{who}: expected a history of this model, got one whose parameters "
                f"have other names or shapes"
            )
        rows.append(
            np.concatenate([(state[n] - p.data).ravel() for n, p in named.items()])
        )
    return np.array(rows, np.float64)


def projected(moves: Array, δ: list[Array], η: list[Array]) -> tuple[Array, float]:
    """Return the coordinates (a, b) of each move, and the share in the plane."""
    plane = np.stack(
        [np.concatenate([d.ravel() for d in one]) for one in (δ, η)], axis=1
    )
    at = np.linalg.lstsq(plane.astype(np.float64), moves.T, rcond=None)[0].T
    whole = np.linalg.norm(moves)
    return at, float(np.linalg.norm(at @ plane.T) / whole) if whole else 1.0
