"""A piece: one layer or loss to be checked.

Layers and losses are checked in the same way, so each piece has the same
few things: input arrays to change, a forward, a backward, and a
grad_output. A loss is treated as a layer whose output is one number.
check.py checks the pieces of a net.
"""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Self, TypeAlias

import numpy as np
import numpy.typing as npt

from mlp._shared import arrays
from mlp._shared.arrays import Array
from mlp.checking.copies import Frozen, arrays_of_a_copy
from mlp.checking.differences import Measured
from mlp.checking.slopes import Move, slope
from mlp.checking.verdicts import Evidence
from mlp.core.layer import Layer
from mlp.core.loss import Loss
from mlp.core.parameter import Parameter
from mlp.losses.binary import BCELoss
from mlp.sequential import is_plain

AWAY = 0.01  # the distance to the second point, relative to the size of the inputs
# For each class of loss that bounds its gradient: the predictions at which it does.
# There the gradient is not the derivative.
BOUNDED: dict[type[Loss], Callable[[Array], npt.NDArray[np.bool_]]] = {
    BCELoss: lambda ŷ: (0 < ŷ) & (ŷ < 1) & (ŷ * (1 - ŷ) < 1e-12),
}
Gradients: TypeAlias = dict[str, Array | None]


class Piece(ABC):
    """A layer or a loss, and the arrays that it has gradients for.

    The arguments are copied before each call, so that forward and backward
    cannot change them. faults() checks whether they write into them.
    """

    who: str
    is_loss: bool
    grad_output: Array

    @property
    @abstractmethod
    def inputs(self) -> dict[str, Array]:
        """The input arrays by name: parameters and x, or the prediction."""

    @abstractmethod
    def forward(self) -> Any:
        """Call forward with copies of the inputs."""

    def run(self) -> Array:
        """Return a copy of the output for the present inputs."""
        try:
            given = self.forward()
        except Exception as error:
            shapes = [f"{name} {array.shape}" for name, array in self.inputs.items()]
            error.add_note(f"in forward of {self.who}: {', '.join(shapes)}")
            raise
        return np.array(_array(self.who, given))

    @abstractmethod
    def gradients(
        self, zeroed: bool = True, needs_input_grad: bool = True
    ) -> Gradients:
        """Call forward and backward, and return the gradient of each input.

        With zeroed, each .grad is set to None first.
        """

    def is_judged(self, name: str) -> npt.NDArray[np.bool_]:
        """Return which entries' gradient should be the derivative."""
        return np.ones(self.inputs[name].shape, np.bool_)

    @abstractmethod
    def faults(self) -> Iterator[str]:
        """Yield a sentence for each mistake that is not in a gradient."""

    @abstractmethod
    def doubled(self, letter: str) -> Piece:
        """Return a piece with twice as many rows, "N", or columns, "K".

        Raises
        ------
        ValueError
            If there are none, or their number must not change.
        """

    def evidence(self, name: str, analytic: Array, m: Measured) -> Evidence:
        """Return the evidence that verdict needs."""
        parameters = self.parameters()
        return Evidence(
            m,
            analytic,
            self.inputs[name],
            self.grad_output,
            self.run(),
            [p.data for p in parameters.values()],
            self.draws(),
            self.is_loss,
            name in parameters,
            lambda: self._growth(name),
        )

    def parameters(self) -> dict[str, Parameter]:
        """Return the parameters among the inputs."""
        return {}

    def copied(self) -> Self:
        """Return a deep copy."""
        return copy.deepcopy(self)

    def moved_away(
        self, rng: np.random.Generator, *names: str, by: float = AWAY
    ) -> Piece:
        """Return a copy with the named inputs moved, or with all moved."""
        near = self.copied()
        inputs = near.inputs
        move_away([inputs[name] for name in names or inputs], rng, by)
        return near

    def follows(self, name: str, rng: np.random.Generator) -> bool:
        """Return whether the output changes when this input changes."""
        far = self.moved_away(rng, by=10.0)  # so far that a dead unit may be active
        return not np.array_equal(
            far.moved_away(rng, name, by=10.0).run(), far.run(), equal_nan=True
        )

    def draws(self) -> bool:
        """Return whether forward draws random numbers."""
        return False

    def redraws(self) -> bool:
        """Return whether backward draws random numbers of its own."""
        return False

    def _growth(self, name: str) -> tuple[dict[str, int], dict[str, int]]:
        """Return the powers of N and K in a factor, and N and K.

        They are found with a batch of twice the size. If the layer or loss
        refuses such a batch, they are found from the value of the factor.
        """
        shape = self._shape()
        sizes = {"N": shape[0] if shape else 1, "K": shape[1] if len(shape) > 1 else 1}
        ratio = self._ratio(name)
        growths = {letter: self._grown(letter, name) / ratio for letter in sizes}
        known = {letter: g for letter, g in growths.items() if np.isfinite(g)}
        powers = {letter: _power(grown, 2) for letter, grown in known.items()}
        rest = ratio
        for letter, power in powers.items():
            rest /= sizes[letter] ** power
        for letter in (letter for letter in sizes if letter not in known):
            tells = sizes[letter] > 2 and (known or sizes["N"] != sizes["K"])
            powers[letter] = _power(rest, sizes[letter]) if tells else 0
        return {letter: powers[letter] for letter in sizes}, sizes

    def _grown(self, letter: str, name: str) -> float:
        """Return the ratio for twice the rows or columns, or NaN."""
        try:
            return self.doubled(letter)._ratio(name)
        except Exception:  # a user's own code may refuse such a batch
            return np.nan

    def _ratio(self, name: str) -> float:
        """Return analytic / numerical, along the analytic gradient."""
        analytic = np.asarray(self.gradients()[name])
        v = analytic / np.linalg.norm(analytic)
        along = slope(self.run, [Move(self.inputs[name], ..., v)], self.grad_output)
        return float(np.vdot(analytic, v) / along.value)

    def _shape(self) -> tuple[int, ...]:
        """Return (N, K)."""
        return self.grad_output.shape


def _power(factor: float, unit: int) -> int:
    """Return 1 if factor is ± unit, −1 if it is ± 1 / unit, otherwise 0."""
    found = (p for p in (1, -1) if np.isclose(abs(factor), float(unit) ** p, rtol=1e-4))
    return next(found, 0)


class LayerPiece(Piece):
    """A layer, the x that it is given, and the grad_output that reaches it."""

    is_loss = False

    def __init__(
        self, path: str, x_name: str, layer: Layer, x: Array, grad_output: Array
    ) -> None:
        self.path, self.x_name, self.layer = path, x_name, layer
        self.x, self.grad_output = x, grad_output
        self.who, self.frozen = called(path, layer), Frozen(layer)

    def copied(self) -> Self:
        """Return a deep copy, in which views stay views."""
        return copy.deepcopy(self, dict[int, Any](arrays_of_a_copy(self.layer)))

    def parameters(self) -> dict[str, Parameter]:
        """Return the layer's parameters, by their names in the net."""
        named = {self.path + name: p for name, p in self.layer.named_parameters()}
        known = set(map(id, named.values()))
        rest = [p for p in self.layer.parameters() if id(p) not in known]
        return named | {f"{self.path}parameter {i}": p for i, p in enumerate(rest)}

    @property
    def inputs(self) -> dict[str, Array]:
        """The data of the parameters, and x."""
        data = {name: p.data for name, p in self.parameters().items()}
        return data | {self.x_name: self.x}

    def forward(self) -> Any:
        """Return y, always from the same state of Generators and Buffers."""
        return self._forward(self.x.copy())

    def _forward(self, x: Array) -> Any:
        self.frozen.restore()
        return self.layer.forward(x)

    def with_grad_output(self, g: Array) -> LayerPiece:
        """Return a piece of the same layer with another grad_output."""
        other = copy.copy(self)
        other.grad_output = g
        return other

    def gradients(
        self, zeroed: bool = True, needs_input_grad: bool = True
    ) -> Gradients:
        """Return each parameter's .grad, and the result of backward."""
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

    def draws(self) -> bool:
        """Return whether forward draws random numbers."""
        self.frozen.restore()
        before = self.frozen.draws()
        self.run()
        return self.frozen.draws() != before

    def redraws(self) -> bool:
        """Return whether backward draws random numbers of its own."""
        first, second = (np.asarray(self.gradients()[self.x_name]) for _ in range(2))
        after = self.frozen.draws()
        self.run()
        is_same = first.dtype == object or np.array_equal(first, second, equal_nan=True)
        return self.frozen.draws() != after or not is_same

    def faults(self) -> Iterator[str]:
        """Yield a sentence for each array written into or not finite."""
        if not np.array_equal(self.run(), self.run(), equal_nan=True):
            yield f"{self.who}: {TWO_OUTPUTS}"
            return
        x, g = self.x.copy(), self.grad_output.copy()
        y = self._forward(x)
        if not np.array_equal(x, self.x):
            yield f"{self.who}: forward writes into x, which belongs to the caller"
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
                f"{self.who}: backward writes into grad_output, which belongs to the "
                f"caller; make a new array, g = grad_output * …"
            )
        if not np.array_equal(y, given, equal_nan=True):
            yield (
                f"{self.who}: backward writes into the y that forward has handed out; "
                f"make a new array"
            )

    def doubled(self, letter: str) -> LayerPiece:
        """Return a piece of this layer with each row of x twice."""
        if letter == "K":
            raise ValueError(
                f"{self.who}: expected rows, N, to be doubled, got columns"
            )
        twice = self.copied()
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

    def forward(self) -> Any:
        """Return the loss."""
        loss = self.criterion.forward(self.prediction.copy(), self.target.copy())
        if np.ndim(loss):
            raise TypeError(
                f"{self.who}.forward: expected one number, got an array of shape "
                f"{np.shape(loss)}; sum it, or take its mean"
            )
        return loss

    def is_judged(self, name: str) -> npt.NDArray[np.bool_]:
        """Return at which predictions the loss does not bound its gradient."""
        kinds = type(self.criterion).__mro__
        bounded = next((BOUNDED[kind] for kind in kinds if kind in BOUNDED), None)
        if bounded is None:
            return super().is_judged(name)
        return ~bounded(self.prediction)

    def gradients(
        self, zeroed: bool = True, needs_input_grad: bool = True
    ) -> Gradients:
        """Return ∂ℓ/∂ŷ from backward."""
        self.run()
        return {"prediction": _copy(self.criterion.backward())}

    def faults(self) -> Iterator[str]:
        """Yield a sentence for each argument that is written into."""
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
                yield f"{self.who}: it writes into the {name} of the caller"

    def doubled(self, letter: str) -> LossPiece:
        """Return a piece of this loss with each row, or column, twice."""
        pair = (
            np.concatenate([array, array], "NK".index(letter))
            for array in (self.prediction, self.target)
        )
        return LossPiece(copy.deepcopy(self.criterion), *pair)

    def _shape(self) -> tuple[int, ...]:
        return self.prediction.shape


TWO_OUTPUTS = (
    "forward gives two outputs for one input, so nothing can be compared: it draws "
    "random numbers that no np.random.Generator among its attributes gives, or "
    "remembers the call before; keep the Generator as an attribute, and what changes "
    "with each call in a Buffer"
)


def _copy(given: Any) -> Array | None:
    return None if given is None else np.array(given)


def _array(who: str, value: Any) -> Array:
    """Return the output of forward as an array of real numbers."""
    if value is None:
        raise TypeError(f"{who}.forward: expected a result, got None; is it returned?")
    return np.asarray(arrays.real_array(f"{who}.forward", "its result", value))


def called(path: str, layer: Layer) -> str:
    """Return the name of the layer at a path, for messages."""
    kind = type(layer).__name__
    return f"layer {path[:-1]} ({kind})" if path else kind


def leaves(model: Any, path: str = "") -> Iterator[tuple[str, Layer]]:
    """Yield the layers of a Sequential, each with its path."""
    if not is_plain(model):
        yield path, model
        return
    for i, layer in enumerate(model):
        yield from leaves(layer, f"{path}{i}.")


def outputs(model: Layer, x: Array) -> list[Array]:
    """Return x and then the output of each layer."""
    outputs = [x]
    for path, layer in leaves(model):
        y = _array(called(path, layer), layer.forward(outputs[-1].copy()))
        outputs.append(y.astype(np.float64))
    return outputs


def move_away(
    arrays: Iterable[Array], rng: np.random.Generator, by: float = AWAY
) -> None:
    """Move each entry by a part of its size, an entry 0 by a part of the rms."""
    for array in arrays:
        rms = np.sqrt(np.mean(np.square(array))) or 1.0
        size = np.where(array == 0, rms, np.abs(array))
        array += by * size * rng.choice([-1, 1], array.shape) * rng.uniform(0.5, 1)
