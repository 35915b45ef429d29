"""Training: the questions of one training step.

The numbers are computed by the rules of mlp.derivation. With the right
numbers of earlier questions, a rule gives the solution. With a student's
earlier answers, it gives what follows from them. The questions on typical
mistakes are here too. Read computed.py first.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from mlp._shared.arrays import Array
from mlp.derivation.derivation import Derivation
from mlp.derivation.expressions import Derivative, Expr, Of
from mlp.derivation.kinds import Affine, Elementwise
from mlp.derivation.rendering import Cell
from mlp.derivation.tables import is_one, spelled
from mlp.worksheets import slips
from mlp.worksheets.computed import Computed, Values
from mlp.worksheets.questions import LOSS
from mlp.worksheets.slips import Slip, Traces


class Training:
    """The questions of one training step, and those on typical mistakes.

    Parameters
    ----------
    d : Derivation
        The derivation of the net, with its numbers.
    x, y : array
        The data points, in rows.
    lr : float
        The learning rate of step 5.
    """

    def __init__(self, d: Derivation, x: Array, y: Array, lr: float) -> None:
        self.d, self.y, self.lr = d, y, lr
        with np.errstate(all="ignore"):
            self.values: Values = d.values_at(x.T, y.T) | {"lr": lr}
        self.before: dict[str, Computed] = {}
        n, k = y.shape
        self.sizes = slips.sizes_of(d.criterion, n, k)
        self.criterion = copy.deepcopy(d.criterion)

    def questions(self) -> Iterator[Computed]:
        """Yield the questions of section 5."""
        d = self.d
        for place in d.places:
            yield self._forward(place)
        yield self._loss()
        yield self._top()
        for place in reversed(d.places):
            for θ, parameter in place.parameters():
                yield self._gradient(place, θ, parameter)
            if place is not d.places[0]:
                yield self._below(place)
        for θ, parameter in d.parameters:
            yield self._step(θ, parameter)

    def question(
        self,
        asks: list[Cell],
        letter: Any,
        reads: list[str],
        run: Callable[[Values], Array],
        write: Callable[[Values, Array], None],
        **more: Any,
    ) -> Computed:
        """Return a question, whose answer later questions may use."""
        key = f"5.{len(self.before) + 1}"
        values = self.values
        made = Computed(key, asks, str(letter), reads, run, write, values, **more)
        made.before = dict(self.before)
        self.before[str(letter)] = made
        return made

    def _forward(self, place: Any) -> Computed:
        z, batch = place.above.z, place.above.batch

        def write(values: Values, array: Array) -> None:
            values[str(batch)], values[str(z)] = array, array.T

        def wrong(values: Values) -> Iterator[Slip]:
            x = values[str(place.below.batch)]
            if isinstance(place.rule, Affine):
                (w, _), *bias = place.parameters()
                weight = values[str(w)]
                if bias:
                    b = values[str(bias[0][0])].T
                    yield Slip("bias left out", "b is not added", x @ weight.T)
                    yield Slip("bias sign", "b is subtracted", x @ weight.T - b)
                else:
                    b = 0.0
                if weight.shape[0] == weight.shape[1]:
                    says = "the weight in it is transposed"
                    yield Slip("transposed", says, x @ weight + b)
            elif x.shape == values[str(batch)].shape:
                says = f"{place.name} is left out: it is its input"
                yield Slip("activation left out", says, x)

        size = f"{len(self.y)} × {place.above.width.value}"
        asks: list[Cell] = [batch, f" ({size}), what ", place.name, " gives"]
        return self.question(
            asks,
            batch,
            [str(place.below.batch)],
            lambda values: spelled(place.output(place.below.z)).value(values).T,
            write,
            wrong=wrong,
        )

    def _loss(self) -> Computed:
        top = str(self.d.top.batch)

        def write(values: Values, array: Array) -> None:
            values["ℓ"] = float(array)

        return self.question(
            [LOSS, f", the {type(self.criterion).__name__} of both data points"],
            "ℓ",
            [top],
            lambda values: np.asarray(self.criterion.forward(values[top], self.y)),
            write,
            sizes=self.sizes,
        )

    def _written(self, letter: Any) -> Callable[[Values, Array], None]:
        def write(values: Values, array: Array) -> None:
            values[str(letter)] = array

        return write

    def _top(self) -> Computed:
        top, row = self.d.top, self.d.batch[0]

        def traces(values: Values) -> Traces:
            ŷ = values[str(top.batch)]
            none = np.full(ŷ.size, np.nan)
            return Traces(
                ŷ, np.ones(()), np.ones(()), none[:, None], none, none, True, False
            )

        return self.question(
            [Derivative(LOSS, top.batch), ", a row for each data point"],
            top.grad,
            [str(top.batch)],
            row.formula.value,
            self._written(top.grad),
            traces=traces,
            sizes=self.sizes,
        )

    def _backward(self, place: Any, letter: Any, values: Values) -> Array:
        """Return a gradient from the backward of a layer, by its rules."""
        values = dict(values)
        for quantity, formula, _ in place.batch_rows():
            values[str(quantity)] = formula.value(values)
        return np.asarray(values[str(letter)])

    def _reads(self, place: Any) -> list[str]:
        letters = place.above.grad, place.below.batch, place.above.batch
        linear = isinstance(place.rule, Affine)
        return [str(letter) for letter in letters[: 2 if linear else 3]]

    def _parts(self, place: Any, letter: Any, values: Values) -> dict[str, Any]:
        """Return rows, plain and own of Traces; a backward is linear in G."""
        g = values[str(place.above.grad)]

        def of(masked: Array) -> Array:
            return self._backward(
                place, letter, values | {str(place.above.grad): masked}
            )

        eye = np.eye(len(g))[:, :, np.newaxis]
        rows = np.stack([of(g * row).ravel() for row in eye], axis=1)
        own = np.full(rows.shape[0], np.nan)
        if g.size == rows.shape[0] and letter is place.below.grad:
            columns = [of(g * e)[:, k] for k, e in enumerate(np.eye(g.shape[1]))]
            own = np.stack(columns, axis=1).ravel()
        return {"rows": rows, "plain": of(np.ones_like(g)).ravel(), "own": own}

    def _gradient(self, place: Any, θ: Expr, parameter: Any) -> Computed:
        letter = Derivative(LOSS, θ)
        is_weight = parameter.data.ndim == 2

        def run(values: Values) -> Array:
            gradient = self._backward(place, Of(".grad", θ), values)
            return gradient.T if is_weight and self.d.is_numerator else gradient

        def traces(values: Values) -> Traces:
            parts = self._parts(place, Of(".grad", θ), values)
            g, out = (values[str(a)] for a in (place.above.grad, place.above.batch))
            return Traces(
                parameter.data, g, out, is_loss=False, is_parameter=True, **parts
            )

        return self.question(
            [letter],
            letter,
            self._reads(place),
            run,
            self._written(letter),
            is_laid=is_weight,
            traces=traces,
            sizes=self.sizes,
        )

    def _below(self, place: Any) -> Computed:
        letter = place.below.grad

        def traces(values: Values) -> Traces:
            ends = place.below.batch, place.above.grad, place.above.batch
            parts = self._parts(place, letter, values)
            x, g, out = (values[str(end)] for end in ends)
            return Traces(x, g, out, is_loss=False, is_parameter=False, **parts)

        return self.question(
            [Derivative(LOSS, place.below.batch)],
            letter,
            self._reads(place),
            lambda values: self._backward(place, letter, values),
            self._written(letter),
            traces=traces,
            sizes=self.sizes,
        )

    def _step(self, θ: Expr, parameter: Any) -> Computed:
        """Return the question for a parameter after step 5."""
        gradient = str(Derivative(LOSS, θ))
        before, name = parameter.data.copy(), f"{θ} after"
        turn = parameter.data.ndim == 2 and self.d.is_numerator

        def g(values: Values) -> Array:
            held: Array = values[gradient]
            return (held.T if turn else held).reshape(before.shape)

        def wrong(values: Values) -> Iterator[Slip]:
            yield Slip(
                "sign", "the step is added: it climbs", before + self.lr * g(values)
            )
            yield Slip("not stepped", "it is as it was", before)
            yield Slip("lr left out", "the step is not times lr", before - g(values))
            if turn and before.shape[0] == before.shape[1]:
                says = "the gradient is not transposed back"
                yield Slip("transposed", says, before - self.lr * g(values).T)

        return self.question(
            [θ, f" after a step of SGD with lr = {self.lr:g}"],
            name,
            [gradient],
            lambda values: before - self.lr * g(values),
            self._written(name),
            wrong=wrong,
        )

    # ------------------------------------------------------ what goes wrong if

    def mistakes(self) -> Iterator[Computed]:
        """Yield the questions of section 6 that are answered with numbers."""
        d = self.d
        θ, parameter = [p for place in d.places for p in place.parameters()][-1]
        letter = str(Derivative(LOSS, θ))
        yield self._mistake(
            ["The gradients are not set to None, and the same batch goes forward and "
             "backward again before the step. ", Derivative(LOSS, θ), " is then:"],
            [letter],
            lambda values: values[letter] + values[letter],
            is_laid=parameter.data.ndim == 2,
        )  # fmt: skip
        for place in reversed(d.places):
            rule = place.rule
            if isinstance(rule, Elementwise) and place is not d.places[0]:
                if not is_one(place.rule.slope(place.below.z, place.above.z)):
                    above = str(place.above.grad)
                    yield self._mistake(
                        ["The backward of ", place.name, " returns what it is given. ",
                         Derivative(LOSS, place.below.batch), " is then:"],
                        [above],
                        lambda values, above=above: values[above],
                    )  # fmt: skip
                    break
        divisor = {k: v for k, v in self.sizes.items() if v > 1}
        if divisor:
            name, times = next(iter(divisor.items()))
            yield self._mistake(
                [f"The backward of the loss forgets the 1/{name} of its mean. By which "
                 "factor is every gradient too large?"],
                [],
                lambda values: np.asarray(float(times)),
            )  # fmt: skip
        count = self._from_zero()
        total = sum(parameter.data.size for _, parameter in d.parameters)
        yield self._mistake(
            [f"All {total} parameters are 0 at the start. How many of their {total} "
             "gradients are not 0 after the first backward?"],
            [],
            lambda values: np.asarray(float(count)),
        )  # fmt: skip

    def _mistake(
        self, asks: list[Cell], reads: list[str], run: Any, *, is_laid: bool = False
    ) -> Computed:
        def write(values: Values, array: Array) -> None:
            """Write nothing: no later answer depends on this one."""

        made = Computed("", asks, "", reads, run, write, self.values, is_laid=is_laid)
        made.before = dict(self.before)
        return made

    def _from_zero(self) -> int:
        """Return how many gradients are not 0 if all parameters are 0."""
        layers, criterion = copy.deepcopy(
            ([place.layer for place in self.d.places], self.criterion)
        )
        z = self.values["X"]
        for layer in layers:
            for parameter in layer.parameters():
                parameter.data[...] = 0
                parameter.grad = None
            z = layer.forward(z)
        try:
            criterion.forward(z, self.y)
        except ValueError:  # a prediction of 0 that the loss refuses
            return 0
        g = criterion.backward()
        for layer in reversed(layers):
            g = layer.backward(g)
        grads = [p.grad for layer in layers for p in layer.parameters()]
        return int(sum(np.count_nonzero(grad) for grad in grads))


def rise_or_fall(d: Derivation, x: Array, y: Array) -> str:
    """Return whether ℓ rises or falls if a small step is added."""
    layers, criterion = copy.deepcopy(
        ([place.layer for place in d.places], d.criterion)
    )

    def loss() -> float:
        z = x
        for layer in layers:
            z = layer.forward(z)
        return float(criterion.forward(z, y))

    before = loss()
    g = criterion.backward()
    for layer in reversed(layers):
        g = layer.backward(g)
    for layer in layers:
        for parameter in layer.parameters():
            parameter.data += 1e-6 * parameter.grad
    return "rises" if loss() > before else "falls"
