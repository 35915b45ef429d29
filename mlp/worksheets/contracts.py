"""Wrappers, to check a student's classes.

A student's class may be a subclass of the library's class. It may also
import nothing from the library, if it has the same methods, forward and
backward, and parameters with data and grad. Both are checked in the same
way.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from mlp._shared.arrays import Array
from mlp.core.forward import takes_keyword
from mlp.core.layer import Layer
from mlp.core.loss import Loss
from mlp.core.parameter import Parameter


class Plain:
    """A plain parameter, for an optimizer that does not use the library."""

    def __init__(self, data: npt.ArrayLike) -> None:
        self.data = np.array(data, np.float64)
        self.grad: Array | None = None


class Refused(Exception):
    """A student's class lacks something that the checks need."""


def instance_of(cls: Any, *arguments: Any, **optional: Any) -> Any:
    """Return cls(*arguments), with those optional arguments that cls takes."""
    if not isinstance(cls, type):
        raise Refused(f"expected a class, got a {type(cls).__name__}")
    kept = {k: v for k, v in optional.items() if takes_keyword(cls, k)}
    made = cls(*arguments, **kept)
    for name in ("forward", "backward"):
        if not hasattr(cls, "step") and not callable(getattr(made, name, None)):
            raise Refused(f"expected a method {name}, got none; write def {name}(self)")
    return made


def parameter(layer: Any, name: str, shape: tuple[int, ...]) -> Any:
    """Return a layer's parameter; raise unless it has data and grad."""
    found: Any = getattr(layer, name, None)
    if found is None or not (hasattr(found, "data") and hasattr(found, "grad")):
        raise Refused(
            f"expected self.{name} with .data and .grad, got "
            f"{type(found).__name__}; write self.{name} = Parameter(…)"
        )
    data = found.data
    if not isinstance(data, np.ndarray) or data.dtype != np.float64:
        kind = getattr(data, "dtype", type(data).__name__)
        raise Refused(f"expected {name}.data to be a float64 array, got {kind}")
    if data.shape != shape:
        raise Refused(f"expected {name}.data of shape {shape}, got {data.shape}")
    return found


def as_layer(inner: Any, parameters: Mapping[str, Any], faults: dict[str, str]) -> Any:
    """Return a Layer that runs the student's layer.

    If a gradient is None or has another shape, a sentence is written into
    faults, under the parameter's name or "x", and zeros replace it.
    """
    blank = {name: p.grad for name, p in parameters.items()}

    class Wrapped(Layer):
        """Has copies of the parameters, so that a check can change them."""

        def __init__(self) -> None:
            for name, p in parameters.items():
                setattr(self, name, Parameter(p.data))

        def forward(self, x: npt.ArrayLike) -> Array:
            for name, p in parameters.items():
                p.data[...] = getattr(self, name).data
            self.shape = np.shape(x)
            y: Array = inner.forward(x)
            return y

        def backward(
            self, grad_output: npt.ArrayLike, *, needs_input_grad: bool = True
        ) -> Array:
            for name, p in parameters.items():
                p.grad = None if blank[name] is None else np.zeros(p.data.shape)
            given = inner.backward(grad_output)
            for name, p in parameters.items():
                own = getattr(self, name)
                own.add_grad(usable(name, p.grad, own.data.shape, faults))
            return usable("x", given, self.shape, faults)

    Wrapped.__name__ = type(inner).__name__
    return Wrapped()


def as_loss(inner: Any) -> Loss:
    """Return a Loss that runs the student's loss."""

    class Wrapped(Loss):
        """Takes labels, like the library's loss."""

        takes_labels = True

        def forward(self, prediction: npt.ArrayLike, target: npt.ArrayLike) -> float:
            value: float = inner.forward(prediction, target)
            return value

        def backward(self) -> Array:
            gradient: Array = inner.backward()
            return gradient

    Wrapped.__name__ = type(inner).__name__
    return Wrapped()


def usable(
    name: str, given: Any, shape: tuple[int, ...], faults: dict[str, str]
) -> Array:
    """Return a gradient; if it is not valid, zeros, and a sentence in faults."""
    what = f"∂ℓ/∂{name}" if name == "x" else f"{name}.grad"
    if isinstance(given, np.ndarray | np.number) and given.shape == shape:
        return np.asarray(given)
    got = "None" if given is None else f"{type(given).__name__} {np.shape(given)}"
    faults[name] = f"expected {what} of shape {shape}, got {got}"
    if np.shape(given) == shape[::-1] != shape:
        faults[name] = f"transposed: {faults[name]}"
    return np.zeros(shape)
