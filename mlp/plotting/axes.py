"""Axes to draw on: those given by the caller, or new ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from mlp._shared import figures, numbers
from mlp._shared.arrays import Array
from mlp.core import Layer
from mlp.sequential import Sequential

# Ten colours that colour-blind readers can tell apart, and a marker with each.
# Petroff, Accessible color sequences for data visualization, 2021.
COLOURS = (
    *("#3f90da", "#ffa90e", "#bd1f01", "#94a4a2", "#832db6"),
    *("#a96b59", "#e76300", "#b9ac70", "#717581", "#92dadd"),
)
MARKERS = "os^DvPX<>*"


def axes_or_new(who: str, ax: Any, width: float = 6, height: float = 5) -> Any:
    """Return ax, or Axes on a new Figure."""
    if ax is not None:
        if not hasattr(ax, "plot") or not hasattr(ax, "figure"):
            raise TypeError(
                f"{who}: expected ax to be matplotlib Axes, got "
                f"{type(ax).__name__}; leave it out for new ones"
            )
        return ax
    figure = figures.new_figure(who, width, height)
    ax = figure.subplots()
    figures.show_as(ax, figure)
    return ax


def several_axes(who: str, ax: Any, rows: int, columns: int) -> Any:
    """Return an array (rows, columns) of Axes: those given, or new ones."""
    if ax is None:
        figure = figures.new_figure(who, 2.4 * columns + 0.6, 2.2 * rows)
        grid = figure.subplots(rows, columns, squeeze=False).view(_Shown)
        figures.show_as(grid, figure)
        return grid
    grid = np.asarray(ax, dtype=object)
    if grid.size != rows * columns:
        raise ValueError(
            f"{who}: expected ax to be {rows} × {columns} Axes, got {grid.size}; "
            f"figure.subplots({rows}, {columns}) makes them"
        )
    for one in grid.flat:
        axes_or_new(who, one)
    return grid.reshape(rows, columns)


class _Shown(np.ndarray[Any, Any]):
    """An array of Axes, which a notebook shows as their figure."""


def net_of(who: str, model: Any) -> Sequential:
    """Return the model as a Sequential, which can predict."""
    numbers.instance(who, "model", model, Layer)
    return model if isinstance(model, Sequential) else Sequential(model)


def as_numbers(colours: Sequence[str]) -> Array:
    """Return colours as an array (K, 3) of numbers from 0 to 1."""
    from matplotlib.colors import to_rgb

    return np.array([to_rgb(colour) for colour in colours])
