"""Find dead units and saturated outputs.

They have almost no slope, so almost no gradient goes back through them.
SATURATES and DEAD are the tables of rules for diagnose, with one entry for
each class. For a layer without an entry, the slope ∂y/∂x is computed with
its backward.
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

SHARE = 0.5  # the share of dead units, or of saturated outputs, that is reported
ROWS = 32  # in fewer rows, a unit may be flat in all of them by chance
SLOPE = 1 / 25  # an output with less than this share of the largest slope is saturated
Bools = npt.NDArray[np.bool_]


class Slope(NamedTuple):
    """The slope of a layer that saturates, from its output y.

    Attributes
    ----------
    of : callable
        Returns the slope at each entry of y.
    greatest : float
        The largest possible slope.
    flat : str
        The words for a slope below 1/25 of the largest.
    middle : float, or None
        The value of y between the two answers, if this is the net's last
        layer.
    far : str
        The words for the values of y with such a slope.
    """

    of: Callable[[Array], Array]
    greatest: float
    flat: str
    middle: float | None = None
    far: str = ""

    def is_flat(self, y: Array) -> Bools:
        """Return which entries of y have a slope below 1/25 of greatest."""
        return np.asarray(self.of(y) < SLOPE * self.greatest)


def _softmax_slope(y: Array) -> Array:
    """Return 1 − Σ y² of each row, the trace of its Jacobian, scaled to ≤ 1/4."""
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
"""The slope of each class that can saturate; None for a class that cannot.

To add your own class: SATURATES[Softsign] = Slope(lambda y: (1 - abs(y)) ** 2, 1.0,
"(1 − |y|)² below 0.04").
"""

DEAD: dict[type[Layer], Callable[[Array], Array]] = {ReLU: lambda y: y == 0}
"""For each class whose units can be dead, a function: which entries of y are off."""


class Flat(NamedTuple):
    """The dead units and the saturated entries of one output.

    Attributes
    ----------
    dead, saturated : float or None
        The share of dead units and the share of saturated entries; None
        without a rule.
    entries : array of bool, or None
        Which entries are saturated.
    slope : Slope or None
        The rule; None if the slope was measured.
    """

    dead: float | None = None
    saturated: float | None = None
    entries: Bools | None = None
    slope: Slope | None = None


class Probe:
    """Finds the dead and the saturated outputs of one layer."""

    def __init__(self, layer: Layer) -> None:
        self.slope: Slope | None = _entry(SATURATES, layer)
        self.off: Callable[[Array], Array] | None = _entry(DEAD, layer)
        has_rule = any(kind in SATURATES for kind in type(layer).__mro__)
        draws = any(layer.named_generators())
        simple = not has_rule and not draws and len(layer.modules()) == 1
        self.twin = copies(layer)[0] if simple else None

    def flat(self, x: npt.ArrayLike, y: Array) -> Flat:
        """Return which part of y is dead or saturated."""
        dead = None
        if self.off is not None:
            dead = float(np.mean(np.all(self.off(y), axis=0)))
        entries = None if self.slope is None else self.slope.is_flat(y)
        if self.twin is not None and np.shape(x) == y.shape:
            entries = _measured(self.twin, np.asarray(x), y)
        saturated = None if entries is None else float(np.mean(entries))
        return Flat(dead, saturated, entries, self.slope)


def _entry(table: dict[type[Layer], Any], layer: Layer) -> Any:
    """Return the table's entry for a layer's class, or for its next base."""
    return next((table[k] for k in type(layer).__mro__ if k in table), None)


def _measured(layer: Layer, x: Array, y: Array) -> Bools | None:
    """Return which outputs are saturated, from the slopes of backward.

    These are the outputs with a slope below 1/25 of the largest. A layer
    such as ReLU, which is flat only where y is near 0, does not saturate.
    Of its units only those count that are flat in all rows, for at least 32
    rows. Return None if the layer does not work entry by entry.
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
    """Return ∂yᵢ/∂xᵢ, or None if another output than yᵢ depends on xᵢ."""
    rng = np.random.default_rng(0)
    found = []
    try:
        for _ in range(2):
            g = rng.uniform(0.5, 2, x.shape) * rng.choice([-1, 1], x.shape)
            layer.forward(x.copy())
            found.append(np.asarray(layer.backward(g.copy()), np.float64) / g)
    except Exception:  # a user's own code may refuse these numbers
        return None
    first, second = found
    largest = float(np.abs(first).max()) if first.shape == x.shape else np.nan
    if not np.isfinite(largest) or first.shape != second.shape:
        return None
    return first if np.allclose(first, second, 1e-3, 1e-6 * largest) else None
