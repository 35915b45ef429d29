"""Mistakes that only a second call can show.

A gradient can be right in one call and wrong in the next: backward may
replace .grad instead of adding to it, or not be linear in grad_output. And
an entry that seems wrong may be at a kink. Each function here calls the
layer or loss again with one thing changed.
"""

from __future__ import annotations

import numpy as np

from mlp._shared.arrays import Array
from mlp.checking.differences import CLOSE, SURE, Measured, off
from mlp.checking.pieces import LayerPiece, Piece
from mlp.checking.slopes import Move, one_sided
from mlp.checking.verdicts import ROUGHLY, Verdict


def at_kinks(piece: Piece, name: str, m: Measured) -> bool:
    """Return whether each wrong entry is between the slopes at a kink."""
    wrong = np.flatnonzero(m.wrong())
    for i in wrong:
        move = Move(piece.inputs[name], m.places[i])
        low, high, error = one_sided(piece.run, move, piece.grad_output)
        apart = CLOSE * max(abs(low), abs(high)) + SURE * error
        is_between = low - apart <= m.analytic[i] <= high + apart
        if not (high - low > apart and is_between):
            return False
    return wrong.size > 0


def nonlinear(
    piece: Piece, name: str, first: Array, rng: np.random.Generator
) -> Verdict | None:
    """Return a verdict if backward is not linear in grad_output."""
    if not isinstance(piece, LayerPiece) or not piece.grad_output.any():
        return None

    def given(g: Array) -> Array:
        gradient = piece.with_grad_output(g).gradients()[name]
        return np.zeros_like(first) if gradient is None else gradient

    g = piece.grad_output
    size = 2.0 ** np.floor(np.log2(np.abs(g).max()))  # scaled exactly by powers of 2
    for target, what in ((-(2.0**20), "large"), (2.0**-20, "small")):
        a = target / size
        if not _alike(given(a * g) / a, first):
            return Verdict(
                "not linear",
                f"backward(a g) is not a times backward(g) for a {what} grad_output: "
                f"it is clipped, or compared with some bound; clip gradients after "
                f"backward, if at all",
            )
    other = size * rng.standard_normal(g.shape)
    if not _alike(given(g + other), first + given(other)):
        return Verdict(
            "not linear",
            "backward(g + h) is not backward(g) + backward(h): grad_output is divided "
            "by its norm, perhaps, or sorted; a backward is linear in grad_output",
        )
    return None


def _alike(a: Array, b: Array) -> bool:
    """Return whether two gradients are equal up to the rounding of float32."""
    return bool(np.abs(a - b).max() <= ROUGHLY * np.abs(b).max())


def repeated(piece: Piece, name: str, first: Array, m: Measured) -> Verdict | None:
    """Return a verdict if a second backward gives a wrong gradient."""

    def again(**how: bool) -> Array:
        given = piece.gradients(**how)[name]
        return np.zeros_like(first) if given is None else given

    second, third = again(), again()
    grown = np.array([(third - second)[place] for place in m.places])
    is_sum = bool(m.places) and np.all(off(grown, m.numerical, m.error) <= 1)
    if is_sum and np.any(off(third, second, 0.0) > 1):
        return Verdict(
            "added up over two backwards",
            "a second backward, after the gradients were zeroed, adds to the first: "
            "the layer keeps a sum of its own, which zero_grad does not know",
        )
    if m.wrong().any() or name not in piece.parameters():
        return None
    if not np.all(off(again(zeroed=False), 2 * first, 0.0) <= 1):
        return Verdict(
            "replaced",
            "a second backward without zero_grad replaces the gradient and should add "
            "to it; write parameter.add_grad(g)",
        )
    if not np.all(off(again(needs_input_grad=False), first, 0.0) <= 1):
        return Verdict(
            "lost without grad_input",
            "the gradient is not added when needs_input_grad is False, as train_step "
            "calls the first layer",
        )
    return None


def redrawn(piece: Piece, name: str) -> Verdict | None:
    """Return a verdict if backward draws random numbers."""
    if name in piece.parameters() or not piece.redraws():
        return None
    return Verdict(
        "mask drawn again",
        "backward draws random numbers of its own, so its mask is another than "
        "forward's; keep the mask in forward, and use it in backward",
    )
