"""Find the usual mistakes in normalisations.

A normalisation computes y = γ x̂ + β with x̂ = s (x − mean). Its numbers
show it: along the normalised axis, (y − β) / γ is a linear function of x
with slope s. From x̂ and s the right gradient and the usual wrong ones are
computed, to compare them with the gradient from backward.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from mlp._shared.arrays import Array


class Normalized(NamedTuple):
    """x̂, s, γ (broadcast to the shape of x) and the axis of a normalisation."""

    x_hat: Array
    s: Array
    γ: Array
    axis: int


def normalized(x: Array, y: Array, vectors: Sequence[Array]) -> Iterator[Normalized]:
    """Yield each normalisation y = γ s (x − mean) + β that fits the numbers.

    Examples
    --------
    >>> import numpy as np
    >>> from mlp.checking.normalizing import normalized
    >>> x = np.array([[1.0, 5.0], [2.0, 4.0], [6.0, 3.0]])
    >>> y = (x - x.mean(axis=0)) / x.std(axis=0)
    >>> (found,) = normalized(x, y, [])
    >>> found.axis, np.allclose(found.s * x.std(axis=0), 1)
    (0, True)
    """
    if x.shape != y.shape or x.ndim < 2:
        return
    ones, zeros = np.ones(x.shape[-1]), np.zeros(x.shape[-1])
    fitting = [v for v in vectors if v.shape == x.shape[-1:]]
    for γ in (*(v for v in fitting if v.all()), ones):
        for β in (*(v for v in fitting if v is not γ), zeros):
            x_hat = (y - β) / γ
            for axis in (0, x.ndim - 1):
                if x.shape[axis] < 3:  # a line always fits two points
                    continue
                c = x - x.mean(axis, keepdims=True)
                d = x_hat - x_hat.mean(axis, keepdims=True)
                s = (c * d).sum(axis, keepdims=True)
                s = s / np.maximum((c * c).sum(axis, keepdims=True), 1e-300)
                if np.abs(d - s * c).max() <= 1e-6 * np.abs(d).max():
                    yield Normalized(x_hat, s, np.broadcast_to(γ, x.shape), axis)


def backwards(n: Normalized, g: Array) -> Iterator[tuple[str, str, Array, Array]]:
    """Yield each mistake: label, sentence, wrong gradient, right gradient."""
    axis, x_hat, s = n.axis, n.x_hat, n.s
    count = x_hat.shape[axis]
    ĝ = n.γ * g

    def mean(a: Array, over: int = axis) -> Array:
        return np.asarray(a.mean(over, keepdims=True))

    def full(h: Array, over: int = axis, n: float = count) -> Array:
        along = x_hat * mean(h * x_hat, over) * (count / n)
        return np.asarray(s * (h - mean(h, over) - along))

    right, unbiased = full(ĝ), full(ĝ, n=count - 1)
    where = "column" if axis == 0 else "row"
    yield (
        "statistics held constant",
        f"it is s ĝ, with ĝ = γ grad_output, as if mean and variance were constants; "
        f"each entry of x moves those of its {where} too: it is "
        f"s (ĝ − m(ĝ) − x̂ m(ĝ x̂))",
        s * ĝ,
        right,
    )
    yield (
        "mean held constant",
        "m(ĝ) is missing, as if the mean were a constant: it is s (ĝ − m(ĝ) − x̂ "
        "m(ĝ x̂)), with ĝ = γ grad_output",
        s * (ĝ - x_hat * mean(ĝ * x_hat)),
        right,
    )
    yield (
        "variance held constant",
        "x̂ m(ĝ x̂) is missing, as if the variance were a constant: it is s (ĝ − m(ĝ) "
        "− x̂ m(ĝ x̂)), with ĝ = γ grad_output",
        s * (ĝ - mean(ĝ)),
        right,
    )
    yield (
        "γ left out",
        "γ is not in it: grad_output is ∂ℓ/∂y, and ĝ = ∂ℓ/∂x̂ = γ grad_output",
        full(g),
        right,
    )
    yield (
        "N for N − 1",
        "backward is that of the variance that divides by N, and forward takes the "
        "unbiased one, which divides by N − 1; normalise with the one that divides by "
        "N",
        right,
        unbiased,
    )
    yield (
        "N − 1 for N",
        "backward is that of the variance that divides by N − 1, and forward takes the "
        "one that divides by N",
        unbiased,
        right,
    )
    yield (
        "statistics not constant",
        "it is that of batch statistics, s (ĝ − m(ĝ) − x̂ m(ĝ x̂)); forward takes mean "
        "and variance from elsewhere, as in evaluation, and they are constants: it is "
        "s ĝ",
        right,
        s * ĝ,
    )
    for other in range(x_hat.ndim):
        if other != axis:
            yield (
                "wrong axis",
                f"its means are taken over axis {other}; forward normalises over axis "
                f"{axis}",
                full(ĝ, other),
                right,
            )
