"""Numbers for a sheet, the same in every release.

The numbers are computed from the seed by SHA-256 and the rules in this
file. NumPy's generators are not used, because their numbers may change from
one release to the next. VERSION is increased whenever these rules change,
and each sheet shows it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from mlp._shared.arrays import Array
from mlp.checking.flatness import DEAD, SATURATES
from mlp.core import Layer, Loss
from mlp.derivation.derivation import Derivation
from mlp.derivation.kinds import Affine, Normalized
from mlp.layers import Sigmoid, Softmax, Tanh
from mlp.losses import BCELoss, BCEWithLogitsLoss

VERSION = 1
ROWS = 2  # data points, so that a unit can be on for one and off for the other
TRIES, SHEETS = 200, 60  # the most draws of a unit's weights, and of all numbers
SEEN = 0.0101  # the least size of the largest entry of each gradient
LEAST = (0.0101, 0.00051, 0.0)  # and of its smallest, in each third of the draws

HALVES = (-2.0, -1.5, -1.0, -0.5, 0.5, 1.0, 1.5, 2.0)
SMALL = (-1.0, -0.5, 0.0, 0.5, 1.0)
FLAT, WIDE = 2.0, 8.0  # the largest |z| before a saturating function, and before others


class Drawn:
    """Whole numbers from a seed, by SHA-256.

    Examples
    --------
    >>> from mlp.worksheets.drawing import Drawn
    >>> drawn = Drawn("seed 0")
    >>> [drawn.below(6) for _ in range(5)]
    [3, 3, 2, 0, 2]
    """

    def __init__(self, seed: str) -> None:
        self.seed, self.count = f"mlp worksheet {VERSION}: {seed}", 0

    def below(self, n: int) -> int:
        """Return one of the numbers 0, …, n − 1."""
        word = hashlib.sha256(f"{self.seed}: {self.count}".encode()).digest()
        self.count += 1
        return int.from_bytes(word) % n

    def choices(self, of: Sequence[float], *shape: int) -> Array:
        """Return an array of numbers that are chosen from these."""
        size = int(np.prod(shape))
        return np.array([of[self.below(len(of))] for _ in range(size)]).reshape(shape)

    def shuffled(self, items: Sequence[Any]) -> list[Any]:
        """Return the items in a random order."""
        left, result = list(items), []
        while left:
            result.append(left.pop(self.below(len(left))))
        return result


def _numbers(drawn: Drawn, k: int, last: Layer) -> Array:
    """Return targets for a regression, in the range of the last layer."""
    return drawn.choices(_REACH.get(type(last), (-2.0, -1.0, 1.0, 2.0)), ROWS, k)


def _bits(drawn: Drawn, k: int, last: Layer) -> Array:
    return drawn.choices((0.0, 1.0), ROWS, k)


def _one_hot(drawn: Drawn, k: int, last: Layer) -> Array:
    return np.eye(k)[[drawn.below(k) for _ in range(ROWS)]]


# Tables by class: the outputs of a last layer, and the targets of a loss.
_REACH: dict[type[Layer], tuple[float, ...]] = {
    Sigmoid: (0.0, 1.0),
    Softmax: (0.0, 1.0),
    Tanh: (-1.0, -0.5, 0.5, 1.0),
}
TARGETS: dict[type[Loss], Callable[[Drawn, int, Layer], Array]] = {
    BCELoss: _bits,
    BCEWithLogitsLoss: _bits,
}
"""How to draw y for a loss. A loss that is not here gets numbers or labels."""


def _of_targets(criterion: Loss) -> Callable[[Drawn, int, Layer], Array]:
    """Return the function that draws the targets for a loss."""
    usual = _one_hot if criterion.takes_labels else _numbers
    return TARGETS.get(type(criterion), usual)


class _Degenerate(Exception):
    """These numbers are not good for a sheet; the message says why."""


def draw(d: Derivation, seed: str) -> tuple[Array, Array]:
    """Write small numbers into the parameters of a net, and return x and y.

    Parameters
    ----------
    d : Derivation
        The derivation of the net whose parameters are written.
    seed : str
        All numbers depend on it.

    Raises
    ------
    ValueError
        If 60 draws are degenerate: a ReLU unit is off (0) for each row, a
        sigmoid or softmax is saturated, or a gradient is 0.
    """
    reason = ""
    for attempt in range(SHEETS):
        drawn = Drawn(f"{seed}: {attempt}")
        try:
            return _attempt(d, drawn, attempt * len(LEAST) // SHEETS)
        except _Degenerate as found:
            reason = str(found)
    raise ValueError(
        f"worksheet: expected a net and a loss for which small numbers are not "
        f"degenerate, got {SHEETS} draws with {reason}"
    )


def _attempt(d: Derivation, drawn: Drawn, third: int) -> tuple[Array, Array]:
    """Draw once; each later third of the attempts has weaker conditions.

    In the second third, only the first unit before a ReLU may be off for a
    row: in a deep net, several units that are off can make a gradient 0.
    """
    x = drawn.choices(HALVES, ROWS, d.places[0].below.width.value)
    if np.any(x[0] == x[1]) and x.shape[1] < 4:
        raise _Degenerate("two rows of x with a number in common")
    z = x
    for k, place in enumerate(d.places):
        layer, rule = place.layer, place.rule
        above = [p.layer for p in d.places[k + 1 :]]
        if isinstance(rule, Affine):
            _draw_weights(drawn, layer, z, above, d.criterion, third)
        elif isinstance(rule, Normalized):
            _draw_scale(drawn, layer, rule)
        z = _checked(layer, z, third)
    last = d.places[-1].layer
    y = _of_targets(d.criterion)(drawn, z.shape[1], last)
    _check_gradients(d, x, y, LEAST[third])
    return x, y


def _draw_weights(
    drawn: Drawn, layer: Any, x: Array, above: list[Layer], criterion: Loss, third: int
) -> None:
    """Write each unit's weights; its outputs are neither large nor all off."""
    following = type(above[0]) if above else None
    saturates = SATURATES.get(following) if following else None
    logits = not above and _of_targets(criterion) is not _numbers
    limit = FLAT if saturates is not None or logits else WIDE
    is_off = DEAD.get(following) if following else None
    w, b = layer.weight.data, getattr(layer, "bias", None)
    for unit in range(len(w)):
        for attempt in range(TRIES):
            some = HALVES if attempt < TRIES / 2 else SMALL
            w[unit] = drawn.choices(some, w.shape[1])
            z = x @ w[unit]
            if b is not None:
                b.data[unit] = drawn.choices(SMALL)
                z = z + b.data[unit]
            on = np.all if third == 1 and unit else np.any
            alive = is_off is None or bool(on(z > 0))
            if w[unit].any() and np.abs(z).max() <= limit and alive and z.all():
                break
        else:
            raise _Degenerate("a unit whose output is off or too large")


def _draw_scale(drawn: Drawn, layer: Any, rule: Normalized) -> None:
    """Write γ, β and, if they are used, the running mean and variance."""
    layer.weight.data[...] = drawn.choices((0.5, 1.0, 2.0), *layer.weight.data.shape)
    layer.bias.data[...] = drawn.choices(SMALL, *layer.bias.data.shape)
    if rule.mean is not None and rule.var is not None:
        rule.mean.data[...] = drawn.choices(SMALL, *rule.mean.data.shape)
        rule.var.data[...] = drawn.choices((1.0, 4.0), *rule.var.data.shape)


def _checked(layer: Layer, x: Array, third: int) -> Array:
    """Return a layer's output; refuse it if a unit is off in all rows or flat.

    Except in the last third, also refuse it if all units are off in a row;
    in the first third, also if no unit is off.
    """
    y = np.asarray(layer.forward(x))
    off, slope = DEAD.get(type(layer)), SATURATES.get(type(layer))
    if off is not None and np.any(np.all(off(y), axis=0)):
        raise _Degenerate("a unit that is off in each row")
    if off is not None and third < 2 and y.shape[1] > 1:
        if np.any(np.all(off(y), axis=1)) or (third == 0 and not np.any(off(y))):
            raise _Degenerate("no unit that is off, or all of them")
    if slope is not None and np.any(slope.is_flat(y)):
        raise _Degenerate(f"a saturated {type(layer).__name__}")
    return y


def _check_gradients(d: Derivation, x: Array, y: Array, least: float) -> None:
    """Refuse numbers for which a gradient is 0, or has a very small entry."""
    z = x
    for place in d.places:
        z = np.asarray(place.layer.forward(z))
    try:
        d.criterion.forward(z, y)
    except ValueError as error:
        raise _Degenerate(f"a prediction that the loss refuses: {error}") from error
    between = [np.asarray(d.criterion.backward())]
    for _, parameter in d.parameters:
        parameter.grad = None
    for place in reversed(d.places):
        between.append(np.asarray(place.layer.backward(between[-1])))
    gradients = [np.asarray(parameter.grad) for _, parameter in d.parameters]
    for _, parameter in d.parameters:
        parameter.grad = None
    if min(np.abs(g).max() for g in gradients + between[:-1]) < SEEN:
        raise _Degenerate("a gradient that is 0, or nearly")
    if min(np.abs(g).min() for g in gradients) < least:
        raise _Degenerate("an entry of a gradient that is 0, or nearly")
