"""A layer, or the loss, by itself, as it is checked.

A newcomer should learn that whatever is to be checked comes down to the
same few things: arrays to move, a forward to watch, a backward to ask, and
the grad_output between them. A loss is a layer whose output is one number.
"""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from typing import Any, TypeAlias

import numpy as np

from mlp import _checks
from mlp._checks import Array
from mlp.core import Layer, Loss, Parameter
from mlp.differences import Measured, Move, slope
from mlp.sequential import is_plain
from mlp.verdicts import Evidence

AWAY = 0.01  # how far, relative to what is moved, a kink is gone away from

Gradients: TypeAlias = dict[str, Array | None]


class Piece(ABC):
    """A layer or a loss, and the arrays that it is differentiated by.

    Its arguments are copied before each call, so that forward and backward
    cannot write into them; faults() looks whether they would.
    """

    who: str
    is_loss: bool
    grad_output: Array

    @property
    @abstractmethod
    def inputs(self) -> dict[str, Array]:
        """What is moved, by name: parameters and x, or the prediction."""

    @abstractmethod
    def run(self) -> Array:
        """Return what forward gives now."""

    @abstractmethod
    def gradients(
        self, zeroed: bool = True, needs_input_grad: bool = True
    ) -> Gradients:
        """Return what backward gives for each input, after a forward.

        zeroed says whether what an earlier backward has added is taken away
        first.
        """

    @abstractmethod
    def faults(self) -> Iterator[str]:
        """Yield what is wrong besides the gradients."""

    @abstractmethod
    def doubled(self, letter: str) -> Piece | None:
        """Return this with twice as many rows, "N", or columns, "K"."""

    def evidence(self, name: str, analytic: Array, m: Measured) -> Evidence:
        """Return what verdict asks for."""
        parameters = self.parameters()
        square = [
            p.data for p in parameters.values() if p.data.shape[:1] * 2 == p.data.shape
        ]
        return Evidence(
            m,
            analytic,
            self.inputs[name],
            self.grad_output,
            self.run(),
            square,
            self.is_loss,
            name in parameters,
            lambda: self._growth(name),
        )

    def parameters(self) -> dict[str, Parameter]:
        """Return the parameters among the inputs."""
        return {}

    def moved_away(self, rng: np.random.Generator) -> Piece:
        """Return a copy whose inputs are a little elsewhere."""
        near = copy.deepcopy(self)
        move_away(near.inputs.values(), rng)
        return near

    def _growth(self, name: str) -> tuple[dict[str, int], dict[str, int]]:
        """Return the powers of N and K in a factor, and N and K."""
        shape = self._shape()
        sizes = {"N": shape[0] if shape else 1, "K": shape[1] if len(shape) > 1 else 1}
        rest = ratio = self._ratio(name)
        powers = {}
        for letter, size in sizes.items():
            twice = self.doubled(letter)
            if twice is None:  # no such batch can be made: go by the value
                grown, unit = rest, size if size > 2 else 0
            else:
                grown, unit = twice._ratio(name) / ratio, 2
            powers[letter] = sum(
                power
                for power in (1, -1)
                if unit and np.isclose(grown, unit**power, rtol=1e-4)
            )
            rest /= size ** powers[letter]
        return powers, sizes

    def _ratio(self, name: str) -> float:
        """Return analytic / numerical, along the analytic gradient."""
        analytic = np.asarray(self.gradients()[name])
        v = analytic / np.linalg.norm(analytic)
        along = slope(self.run, [Move(self.inputs[name], ..., v)], self.grad_output)
        return float(np.vdot(analytic, v) / along.value)

    def _shape(self) -> tuple[int, ...]:
        """Return (N, K)."""
        return self.grad_output.shape


class LayerPiece(Piece):
    """A layer, the x that it is given, and the grad_output that reaches it."""

    is_loss = False

    def __init__(
        self, path: str, x_name: str, layer: Layer, x: Array, grad_output: Array
    ) -> None:
        self.path, self.x_name, self.layer = path, x_name, layer
        self.x, self.grad_output = x, grad_output
        self.who = called(path, layer)

    def parameters(self) -> dict[str, Parameter]:
        """Return the layer's parameters, by their names in the net."""
        named = {self.path + name: p for name, p in self.layer._named_parameters()}
        known = set(map(id, named.values()))
        rest = [p for p in self.layer.parameters() if id(p) not in known]
        return named | {f"{self.path}parameter {i}": p for i, p in enumerate(rest)}

    @property
    def inputs(self) -> dict[str, Array]:
        """The data of the parameters, and x."""
        data = {name: p.data for name, p in self.parameters().items()}
        return data | {self.x_name: self.x}

    def run(self) -> Array:
        """Return y."""
        return _array(self.who, self.layer.forward(self.x.copy()))

    def gradients(
        self, zeroed: bool = True, needs_input_grad: bool = True
    ) -> Gradients:
        """Return each parameter's .grad, and what backward returns."""
        parameters = self.parameters()
        for p in parameters.values() if zeroed else ():
            p.grad = None
        self.run()
        given = self._backward(self.grad_output.copy(), needs_input_grad)
        grads = {name: _copy(p.grad) for name, p in parameters.items()}
        return grads | {self.x_name: _copy(given)}

    def _backward(self, g: Array, needs_input_grad: bool = True) -> Any:
        try:
            return self.layer.backward(g, needs_input_grad=needs_input_grad)
        except Exception as error:
            shapes = [f"{name} {array.shape}" for name, array in self.inputs.items()]
            error.add_note(
                f"in backward of {self.who}: grad_output {g.shape}, {', '.join(shapes)}"
            )
            raise

    def faults(self) -> Iterator[str]:
        """Yield which arguments are written into, and what is not taken."""
        if not np.array_equal(self.run(), self.run(), equal_nan=True):
            yield f"{self.who}: {TWO_OUTPUTS}"
            return
        x, g = self.x.copy(), self.grad_output.copy()
        y = self.layer.forward(x)
        if not np.array_equal(x, self.x):
            yield f"{self.who}: forward writes into x, which is the caller's"
        given = _array(self.who, y).copy()
        if not np.isfinite(given).all():
            wrong = np.count_nonzero(~np.isfinite(given))
            yield (
                f"{self.who}: forward gives NaN or infinity in {wrong} of the "
                f"{given.size} entries of y, for an x that is finite"
            )
        self._backward(g)
        if not np.array_equal(g, self.grad_output):
            yield (
                f"{self.who}: backward writes into grad_output, which is the caller's; "
                f"make a new array, g = grad_output * …"
            )
        if not np.array_equal(y, given, equal_nan=True):
            yield (
                f"{self.who}: backward writes into the y that forward has handed out; "
                f"make a new array"
            )

    def doubled(self, letter: str) -> LayerPiece | None:
        """Return this layer with each row of x twice."""
        if letter == "K" or self.x.ndim == 0 or self.grad_output.ndim == 0:
            return None
        twice = copy.deepcopy(self)
        twice.x = np.concatenate([self.x, self.x])
        twice.grad_output = np.concatenate([self.grad_output, self.grad_output])
        return twice


class LossPiece(Piece):
    """A loss, and the prediction and target that it is given."""

    is_loss = True
    grad_output = np.ones(())

    def __init__(self, criterion: Loss, prediction: Array, target: Any) -> None:
        self.criterion, self.prediction, self.target = criterion, prediction, target
        self.who = type(criterion).__name__

    @property
    def inputs(self) -> dict[str, Array]:
        """The prediction."""
        return {"prediction": self.prediction}

    def run(self) -> Array:
        """Return the loss."""
        loss = self.criterion.forward(self.prediction.copy(), self.target.copy())
        value = _array(self.who, loss)
        if value.ndim:
            raise TypeError(
                f"{self.who}.forward: expected one number, got an array of shape "
                f"{value.shape}; sum it, or take its mean"
            )
        return value

    def gradients(
        self, zeroed: bool = True, needs_input_grad: bool = True
    ) -> Gradients:
        """Return what backward returns, ∂ℓ/∂ŷ."""
        self.run()
        return {"prediction": _copy(self.criterion.backward())}

    def faults(self) -> Iterator[str]:
        """Yield which arguments are written into."""
        if not np.array_equal(self.run(), self.run(), equal_nan=True):
            yield f"{self.who}: {TWO_OUTPUTS}"
            return
        prediction, target = self.prediction.copy(), self.target.copy()
        self.criterion.forward(prediction, target)
        self.criterion.backward()
        for name, now, before in (
            ("prediction", prediction, self.prediction),
            ("target", target, self.target),
        ):
            if not np.array_equal(now, before):
                yield f"{self.who}: it writes into the {name}, which is the caller's"

    def doubled(self, letter: str) -> LossPiece | None:
        """Return this loss with each row, or column, twice."""
        axis = "NK".index(letter)
        if min(self.prediction.ndim, self.target.ndim) <= axis:
            return None
        pair = (
            np.concatenate([array, array], axis)
            for array in (self.prediction, self.target)
        )
        return LossPiece(copy.deepcopy(self.criterion), *pair)

    def _shape(self) -> tuple[int, ...]:
        return self.prediction.shape


TWO_OUTPUTS = (
    "forward gives two outputs for one input: it draws random numbers, or remembers "
    "the call before; nothing can be compared until it is a function of its input"
)


def _copy(given: Any) -> Array | None:
    return None if given is None else np.array(given)


def _array(who: str, value: Any) -> Array:
    """Return what forward gave, as an array of real numbers."""
    if value is None:
        raise TypeError(f"{who}.forward: expected a result, got None; is it returned?")
    return np.asarray(_checks.real_array(f"{who}.forward", "its result", value))


def called(path: str, layer: Layer) -> str:
    """Return what to call the layer at a path of names."""
    kind = type(layer).__name__
    return f"layer {path[:-1]} ({kind})" if path else kind


def leaves(model: Any, path: str = "") -> Iterator[tuple[str, Layer]]:
    """Yield the layers of a Sequential, each with the path of its name."""
    if not is_plain(model):
        yield path, model
        return
    for i, layer in enumerate(model):
        yield from leaves(layer, f"{path}{i}.")


def outputs(model: Layer, x: Array) -> list[Array]:
    """Return x and the output of each layer, in turn."""
    outputs = [x]
    for path, layer in leaves(model):
        y = _array(called(path, layer), layer.forward(outputs[-1].copy()))
        outputs.append(y.astype(np.float64))
    return outputs


def move_away(arrays: Iterable[Array], rng: np.random.Generator) -> None:
    """Move each entry by up to AWAY of its size, or of its array's."""
    for array in arrays:
        size = np.abs(array) + (np.sqrt(np.mean(np.square(array))) or 1)
        array += AWAY * size * rng.uniform(-1, 1, array.shape)
