"""Where a layer is flat: dead, or saturated.

SATURATES and DEAD are diagnose's table of rules, one entry a class. A layer
that has no entry is measured: its backward is asked for the slope ∂y/∂x.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from mlp._shared.arrays import Array
from mlp.checking.copies import copies
from mlp.core.layer import Layer
from mlp.layers import (
    BatchNorm1d,
    Dropout,
    Identity,
    LayerNorm,
    LeakyReLU,
    Linear,
    ReLU,
    Sigmoid,
    Softmax,
    Tanh,
)

SHARE = 0.5  # of the units dead, of the outputs saturated
ROWS = 32  # in fewer, a unit that is flat in all of them may be so by chance
SLOPE = 1 / 25  # of the greatest slope, below which an output is saturated
Bools = npt.NDArray[np.bool_]


class Slope(NamedTuple):
    """The slope of a layer that saturates, from its output y.

    Attributes
    ----------
    of : callable
        Returns the slope at each entry of y.
    greatest : float
        What it is at most.
    flat : str
        How a sentence says that it is below 1/25 of that.
    middle : float, or None
        What of y separates one answer from the other, in the net's last
        layer.
    far : str
        How a sentence says where y is flat.
    """

    of: Callable[[Array], Array]
    greatest: float
    flat: str
    middle: float | None = None
    far: str = ""

    def is_flat(self, y: Array) -> Bools:
        """Return which entries of y have next to no slope."""
        return np.asarray(self.of(y) < SLOPE * self.greatest)


def _softmax_slope(y: Array) -> Array:
    """Return 1 − Σ y² of each row, the trace of its Jacobian; 1/4 at most."""
    k = y.shape[-1] if y.ndim else 1
    trace = 1 - np.sum(y * y, axis=-1, keepdims=True)
    return np.broadcast_to(trace * (0.25 * k / max(k - 1, 1)), y.shape)


SATURATES: dict[type[Layer], Slope | None] = {
    Sigmoid: Slope(
        lambda y: y * (1 - y),
        0.25,
        "y (1 − y) below 0.01",
        0.5,
        "above 0.99 or below 0.01",
    ),
    Tanh: Slope(
        lambda y: 1 - y * y,
        1.0,
        "1 − y² below 0.04",
        0.0,
        "above 0.98 or below −0.98",
    ),
    Softmax: Slope(
        _softmax_slope,
        0.25,
        "1 − Σ y², of a row of K, below (K − 1) / 25 K",
        0.5,
        "near 1 or 0",
    ),
    ReLU: None,
    LeakyReLU: None,
    Identity: None,
    Linear: None,
    Dropout: None,
    BatchNorm1d: None,
    LayerNorm: None,
}
"""The slope of each class that saturates; None for one that does not.

A line adds yours: SATURATES[Softsign] = Slope(lambda y: (1 - abs(y)) ** 2, 1.0,
"(1 − |y|)² below 0.04").
"""

DEAD: dict[type[Layer], Callable[[Array], Array]] = {ReLU: lambda y: y == 0}
"""For each class whose units die, the entries of y that are off."""


class Flat(NamedTuple):
    """What of one output is flat.

    Attributes
    ----------
    dead, saturated : float or None
        Shares of the units and of the outputs; None where there is no
        rule.
    entries : array of bool, or None
        Which outputs are saturated.
    slope : Slope or None
        By which rule; None if the slope was measured.
    """

    dead: float | None = None
    saturated: float | None = None
    entries: Bools | None = None
    slope: Slope | None = None


class Probe:
    """A copy of a layer, which tells what of its output is flat."""

    def __init__(self, layer: Layer) -> None:
        self.slope: Slope | None = _entry(SATURATES, layer)
        self.off: Callable[[Array], Array] | None = _entry(DEAD, layer)
        has_rule = any(kind in SATURATES for kind in type(layer).__mro__)
        draws = any(layer.named_generators())
        simple = not has_rule and not draws and len(layer.modules()) == 1
        self.twin = copies(layer)[0] if simple else None

    def flat(self, x: npt.ArrayLike, y: Array) -> Flat:
        """Return what of y is flat."""
        dead = None
        if self.off is not None:
            dead = float(np.mean(np.all(self.off(y), axis=0)))
        entries = None if self.slope is None else self.slope.is_flat(y)
        if self.twin is not None and np.shape(x) == y.shape:
            entries = _measured(self.twin, np.asarray(x), y)
        saturated = None if entries is None else float(np.mean(entries))
        return Flat(dead, saturated, entries, self.slope)


def _entry(table: dict[type[Layer], Any], layer: Layer) -> Any:
    """Return what a table has of a layer's class, or of the next base."""
    return next((table[k] for k in type(layer).__mro__ if k in table), None)


def _measured(layer: Layer, x: Array, y: Array) -> Bools | None:
    """Return which outputs are saturated, by the slopes that backward gives.

    Those are flat where the slope is below 1/25 of the greatest. A layer
    that is flat only where y is near 0, as a ReLU is where a unit is off,
    saturates nowhere; of it those units count that are flat in all of 32
    rows or more. None if the layer does not work entry by entry.
    """
    small = x / max(float(np.abs(x).max()), 1.0)
    found = [_slopes(layer, at) for at in (x, small, -small)]
    slopes = [np.abs(slope) for slope in found if slope is not None]
    if len(slopes) < len(found):
        return None
    flat = slopes[0] < SLOPE * max(float(slope.max()) for slope in slopes)
    is_off = np.abs(y) <= SLOPE * np.abs(y).max()
    if np.count_nonzero(flat & ~is_off) >= SHARE * np.count_nonzero(~is_off) > 0:
        return np.asarray(flat)
    is_flat_unit = np.all(flat, axis=0) & (y.shape[:1] >= (ROWS,))
    return np.asarray(flat & is_flat_unit)


def _slopes(layer: Layer, x: Array) -> Array | None:
    """Return ∂yᵢ/∂xᵢ, or None if xᵢ moves another y than yᵢ."""
    rng = np.random.default_rng(0)
    found = []
    try:
        for _ in range(2):
            g = rng.uniform(0.5, 2, x.shape) * rng.choice([-1, 1], x.shape)
            layer.forward(x.copy())
            found.append(np.asarray(layer.backward(g.copy()), np.float64) / g)
    except Exception:  # of a reader's code, which does not take these numbers
        return None
    first, second = found
    largest = float(np.abs(first).max()) if first.shape == x.shape else np.nan
    if not np.isfinite(largest) or first.shape != second.shape:
        return None
    return first if np.allclose(first, second, 1e-3, 1e-6 * largest) else None
