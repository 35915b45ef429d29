"""The sentences of diagnose.

There is one sentence for each unusual thing in a step. The docstring of
diagnose says where the bounds come from.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np

from mlp.checking.flatness import ROWS, SHARE
from mlp.checking.watching import Watch, is_finite

VANISHING, EXPLODING = 1e-3, 1e2  # ‖∂ℓ/∂y‖ of the lowest layer over the highest's
WRONG = 0.1  # the share of wrong outputs among the last layer's saturated ones
SMALL_UPDATE, LARGE_UPDATE = 1e-6, 1.0  # ‖Δθ‖ / ‖θ‖


def findings_of(
    watches: list[Watch], x: Any, y: Any, loss: float, after: float | None
) -> list[str]:
    """Return a sentence for each unusual thing in a step."""
    first = _not_finite(watches, x, y, loss)
    if first is not None:
        return [first]
    return [
        *_dead(watches),
        *_saturated(watches, y),
        *_alike(watches),
        *_ratio_of_gradients(watches),
        *_updates(watches, loss, after),
    ]


def _not_finite(watches: list[Watch], x: Any, y: Any, loss: float) -> str | None:
    """Return a sentence for the first place that is NaN or infinite."""
    for name, given in (("x", x), ("y", y)):
        array = np.asarray(given)
        if array.dtype.kind == "f" and not is_finite(array):
            wrong = np.count_nonzero(~np.isfinite(array))
            return (
                f"Not finite: {wrong} of the {array.size} entries of {name}. Drop or "
                f"fill those rows."
            )
    for w in watches:
        if not w.finite["θ"]:
            return (
                f"Not finite: the parameters of {w.name}, before this step; an earlier "
                f"one was too long. Start again, with a smaller lr."
            )
        if not w.finite["output"]:
            return (
                f"Not finite: the output of {w.name}, though its input is; the numbers "
                f"grow too large for their dtype, or its formula divides by 0. Try "
                f"smaller initial weights and standardised x."
            )
    if not math.isfinite(loss):
        return (
            "Not finite: the loss, though the prediction is; it takes a logarithm of "
            "0, divides by 0, or overflows. Bound the argument of the logarithm, and "
            "scale y and the net's outputs to the size of 1."
        )
    above = "the loss"
    for w in reversed(watches):
        if not w.finite["gradient"]:
            return (
                f"Not finite: the gradient that {above}'s backward returns to "
                f"{w.name}, though the loss is finite. See whether that backward "
                f"divides by 0; if the numbers grow too large, try smaller weights."
            )
        if not w.finite["∂ℓ/∂θ"]:
            return (
                f"Not finite: the gradient of the parameters of {w.name}, though what "
                f"comes down to it is finite. See whether its backward divides by 0; "
                f"if the numbers grow too large, scale x and y."
            )
        above = w.name
    for w in watches:
        if not w.finite["Δθ"]:
            return (
                f"Not finite: the parameters of {w.name} after the step, though their "
                f"gradient is finite. Try a much smaller lr."
            )
    return None


def _dead(watches: list[Watch]) -> Iterator[str]:
    """Yield a sentence for layers whose units are dead."""
    dead = [
        w
        for w in watches
        if ((w.dead or 0) >= SHARE and w.shape[:1] >= (ROWS,))
        or (w.dead == 1 and math.prod(w.shape) >= ROWS)
    ]
    if dead:
        yield (
            f"Dead: in {names(dead)}, {shares([w.dead for w in dead])} of the units "
            f"are 0 in all {dead[0].shape[0]} rows, so nothing flows back through "
            f"them. Try a smaller lr, standardised x, biases of 0, and He's initial "
            f"weights, U(±√(6/in_features))."
        )
    few = [w for w in watches if w.dead == 1 and w not in dead]
    if few:
        yield (
            f"Too few rows to judge: in {names(few)}, all units are 0 in all "
            f"{few[0].shape[0] if few[0].shape else 1} rows, so nothing flows back in "
            f"this step; of so few, that may be chance. Diagnose a batch of {ROWS} "
            f"rows or more."
        )


def _saturated(watches: list[Watch], target: Any) -> Iterator[str]:
    """Yield a sentence for saturated layers; layers of one kind share it."""
    saturated = [w for w in watches if (w.saturated or 0) >= SHARE]
    last = max((i for i, w in enumerate(watches) if w.parameters), default=-1)
    hidden = [w for w in saturated if w in watches[:last]]
    for slope in dict.fromkeys(w.flat.slope for w in hidden):
        alike = [w for w in hidden if w.flat.slope is slope]
        flat = slope.flat if slope else "∂y/∂x below 1/25 of its greatest"
        yield (
            f"Saturated: in {names(alike)}, {shares([w.saturated for w in alike])} "
            f"of the outputs have a slope {flat}, so next to nothing "
            f"flows back through them. Try standardised x and smaller initial "
            f"weights, or a ReLU in its place."
        )
    for w in (w for w in saturated if w not in hidden):
        y, slope = np.asarray(target), w.flat.slope
        if slope is None or slope.middle is None or y.shape != w.shape:
            continue
        is_wrong = (w.output > slope.middle) != (y > slope.middle)
        wrong = float(np.mean(is_wrong[w.flat.entries]))
        if wrong >= WRONG:
            middle = f"{Fraction(slope.middle)}"
            yield (
                f"Saturated: in {w.name}, the output, {shares([w.saturated])} of the "
                f"predictions are {slope.far}, and {shares([wrong])} of "
                f"these are on the wrong side of {middle}, where they have a slope "
                f"{slope.flat}. Try standardised x, smaller initial weights or a "
                f"smaller lr."
            )


def _alike(watches: list[Watch]) -> Iterator[str]:
    """Yield a sentence if all units of a hidden layer are the same."""
    last = max((i for i, w in enumerate(watches) if w.parameters), default=0)
    alike = [
        w
        for w in watches[:last]
        if w.parameters and w.has_like_units and w.has_like_gradients
    ]
    if alike:
        yield (
            f"Alike: in {names(alike)}, all units give the same output and get the "
            f"same gradient, so they stay alike, and a layer of "
            f"{alike[0].shape[-1]} units does what one unit can. Begin with random "
            f"weights, such as Linear's own."
        )


def _ratio_of_gradients(watches: list[Watch]) -> Iterator[str]:
    """Yield a sentence if the gradient vanishes or explodes on its way down."""
    ends = [i for i, w in enumerate(watches) if w.parameters and w.gradient is not None]
    way = watches[ends[0] : ends[-1] + 1] if ends else []
    if len(way) < 2 or not way[-1].gradient:
        return
    low, high = way[0].gradient or 0.0, way[-1].gradient
    ratio = low / high
    text = (
        f"‖∂ℓ/∂y‖ is {figure(high)} at {way[-1].name} and {figure(low)} at "
        f"{way[0].name}"
    )
    if ratio > EXPLODING:
        yield (
            f"Exploding: {text}, {figure(ratio)} times as much. Try smaller initial "
            f"weights, such as Linear's own or He's, U(±√(6/in_features)), and y "
            f"scaled to the size of 1."
        )
    if ratio < VANISHING and not any(w.blocks for w in way):
        if low == 0:
            where = next(w for w in way if w.gradient)
            cure = (
                "Its weights must not all be 0 at the start; if they are not, see"
                if where.parameters
                else "See whether it is flat at its inputs, which standardised x and "
                "smaller weights cure, or"
            )
            yield (
                f"Vanishing: {text}; {where.name} returns a gradient of 0. {cure} "
                f"whether its backward loses the gradient."
            )
            return
        squashing = [w for w in way if w.flat.slope is not None]
        steep = [w for w in squashing if w.flat.slope and w.flat.slope.greatest == 1]
        cure = "He's initial weights, U(±√(6/in_features)), or fewer layers"
        if squashing and len(steep) == len(squashing):
            cure = (
                f"Glorot's initial weights, U(±√(6/(in_features + out_features))), or "
                f"ReLU in place of {steep[0].kind}, with {cure}"
            )
        elif squashing:
            kinds = dict.fromkeys(w.kind for w in squashing if w not in steep)
            cure = f"ReLU in place of {' and '.join(kinds)}, with {cure}"
        yield (
            f"Vanishing: {text}, {figure(ratio)} times as much, so the lowest layers "
            f"hardly learn. Try {cure}."
        )


def _updates(watches: list[Watch], loss: float, after: float | None) -> Iterator[str]:
    """Yield a sentence if the step is too large, or too small."""
    if after is None:
        return
    stepped = [w for w in watches if w.update is not None]
    ratios = {w.name: w.update or 0.0 for w in stepped}
    large = [w for w in stepped if ratios[w.name] > LARGE_UPDATE]
    if large and not after <= loss:
        worst = max(ratios.values())
        yield (
            f"Update too large: in {names(large)}, ‖Δθ‖ is up to {figure(worst)} "
            f"times ‖θ‖, and the loss goes from {figure(loss)} to {figure(after)}. "
            f"Try a smaller lr; 1/1000 of ‖θ‖ is a good step."
        )
    small = [w for w in stepped if ratios[w.name] < SMALL_UPDATE and w.is_lively]
    if small:
        best = max(ratios[w.name] for w in small)
        cure = "Try a larger lr; 1/1000 of ‖θ‖ is a good step."
        if best == 0:
            cure = (
                "See whether the optimizer's step writes into p.data, as p.data -= … "
                "does; if so, try a larger lr."
            )
        yield (
            f"Update too small: in {names(small)}, ‖Δθ‖ is at most {figure(best)} "
            f"times ‖θ‖, though there is a gradient to follow. {cure}"
        )


def names(watches: list[Watch]) -> str:
    """Return the names of the layers, at most three of them."""
    names = ", ".join(w.name for w in watches[:3])
    rest = len(watches) - 3
    return f"{names} and {rest} more" if rest > 0 else names


def shares(shares: list[Any]) -> str:
    """Return the smallest and the largest share, in per cent."""
    low, high = (f"{100 * share:.0f}" for share in (min(shares), max(shares)))
    return f"{low} %" if low == high else f"{low} to {high} %"


def figure(number: float) -> str:
    """Return a number with three digits, and − as its minus sign."""
    return f"{number:.3g}".replace("-", "−")
