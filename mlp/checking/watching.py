"""Measure what one layer does in a step."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from mlp._shared.arrays import Array
from mlp.checking.flatness import SHARE, Flat, Probe
from mlp.core.layer import Layer

LIVELY = 1e-4  # above this, ‖∂ℓ/∂θ‖ / ‖θ‖ says that the loss is not at a minimum


class LayerRecord(NamedTuple):
    """What one layer did in the step; None for a number that does not exist.

    Diagnosis says what each number is.
    """

    name: str
    shape: tuple[int, ...]
    mean: float
    spread: float
    dead: float | None
    saturated: float | None
    gradient: float | None
    parameter_gradient: float | None
    update: float | None


class Watch:
    """A layer of the copied net, and what is measured while it runs.

    It measures each array immediately, because a layer of the user's own
    may write into its arguments. Its forward and backward are set as
    attributes of the layer, so the net calls them instead of the layer's.
    """

    mean = spread = math.nan
    flat = Flat()
    gradient: float | None = None
    parameter_gradient: float | None = None
    update: float | None = None
    has_like_units = has_like_gradients = False  # all columns of y, and of ∂ℓ/∂y
    is_lively: bool  # whether its gradient is large enough to need a step
    output: Array  # y of a layer that can saturate
    shape: tuple[int, ...] = ()

    def __init__(self, name: str, layer: Layer) -> None:
        self.name, self.probe = name, Probe(layer)
        self.kind = type(layer).__name__
        self.parameters = layer.parameters()
        self.finite = dict.fromkeys(("output", "gradient", "∂ℓ/∂θ", "θ", "Δθ"), True)
        self.ran, self._is_watching = False, True
        self._forward, self._backward = layer.forward, layer.backward
        vars(layer).update(forward=self.forward, backward=self.backward)

    def stop(self) -> None:
        """Stop measuring; the layer still runs."""
        self._is_watching = False

    def forward(self, x: npt.ArrayLike) -> Array:
        """Run the layer's forward, and measure its output."""
        if not self._is_watching:
            return self._forward(x)
        given, y = np.array(x), self._forward(x)
        out = np.asarray(y, np.float64)
        self.ran, self.shape, self.finite["output"] = True, out.shape, is_finite(out)
        if out.size:
            self.mean, self.spread = float(out.mean()), float(out.std())
            self.has_like_units = are_alike(np.asarray(y))
            self.flat = self.probe.flat(given, out)
            if self.flat.saturated is not None:
                self.output = out.copy()
        return y

    def backward(self, grad_output: npt.ArrayLike, **options: Any) -> Array | None:
        """Measure grad_output, and run the layer's backward."""
        if self._is_watching:
            g = np.asarray(grad_output)
            self.gradient, self.finite["gradient"] = norm([g]), is_finite(g)
            self.has_like_gradients = are_alike(g)
        return self._backward(grad_output, **options)

    def measure(self, before: list[Array], held: set[int]) -> None:
        """Measure the gradients of the parameters, and the step taken."""
        grads = [p.grad for p in self.parameters if p.grad is not None]
        if grads:
            self.parameter_gradient = norm(grads)
        self.finite["θ"] = is_finite(*before)
        self.finite["∂ℓ/∂θ"] = is_finite(*grads)
        self.finite["Δθ"] = is_finite(*(p.data for p in self.parameters))
        pairs = zip(self.parameters, before, strict=True)
        moved = [(p, θ) for p, θ in pairs if id(p) in held]
        size = norm([θ for _, θ in moved])
        if size > 0:
            self.update = norm([p.data - θ for p, θ in moved]) / size
            g = norm([p.grad for p, _ in moved if p.grad is not None])
            self.is_lively = g > LIVELY * size

    def record(self) -> LayerRecord:
        """Return the measured numbers."""
        return LayerRecord(*(getattr(self, field) for field in LayerRecord._fields))

    @property
    def blocks(self) -> bool:
        """Whether this layer is what stops the gradient."""
        return self.dead == 1 or (self.saturated or 0) >= SHARE

    @property
    def dead(self) -> float | None:
        """The share of the units that are dead."""
        return self.flat.dead

    @property
    def saturated(self) -> float | None:
        """The share of the outputs that are saturated."""
        return self.flat.saturated


def is_finite(*arrays: Array) -> bool:
    """Return whether all numbers in the arrays are finite."""
    return all(bool(np.isfinite(a).all()) for a in arrays)


def are_alike(array: Array) -> bool:
    """Return whether all columns of an array are equal, up to rounding.

    It is False for fewer than two columns and for an array of zeros.
    """
    if array.ndim < 2 or array.shape[-1] < 2 or array.dtype.kind != "f":
        return False
    largest = float(np.abs(array).max(initial=0))
    rounding = 100 * float(np.finfo(array.dtype).eps) * largest
    return largest > 0 and bool(np.all(np.ptp(array, axis=-1) <= rounding))


def norm(arrays: Iterable[Array]) -> float:
    """Return the root of the sum of squares, without underflow of a square."""
    numbers = np.concatenate([np.zeros(0), *map(np.ravel, arrays)])  # in float64
    largest = float(np.abs(numbers).max(initial=0))
    if largest == 0 or not math.isfinite(largest):
        return largest
    return largest * float(np.linalg.norm(numbers / largest))
