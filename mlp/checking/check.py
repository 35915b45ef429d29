"""One check: measure and judge each gradient.

The check splits a net into its layers and its loss (pieces.py), and
measures each gradient of each piece (differences.py). A gradient that
agrees is checked again, at a second point and with a second backward
(again.py). For a gradient that does not agree, verdicts.py finds which
mistake explains the numbers.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mlp._shared import arrays, numbers
from mlp._shared.arrays import Array
from mlp._shared.numbers import Rng
from mlp.checking.again import at_kinks, nonlinear, redrawn, repeated
from mlp.checking.copies import Frozen, copies
from mlp.checking.differences import (
    ALL,
    DIRECTIONS,
    LARGEST,
    SAMPLE,
    Measured,
    along_all,
    measure,
)
from mlp.checking.pieces import (
    TWO_OUTPUTS,
    Gradients,
    LayerPiece,
    LossPiece,
    Piece,
    leaves,
    move_away,
    outputs,
)
from mlp.checking.report import GradientReport, GradientRow
from mlp.checking.verdicts import Verdict, normalization, verdict
from mlp.core.layer import Layer
from mlp.core.loss import Loss

RIGHT, AT_A_KINK = "right", "right but for a kink"
AT_THE_EDGE, UNSURE = "right up to the edge", "too flat to tell"
FINE = (RIGHT, AT_A_KINK, AT_THE_EDGE, UNSURE)


class Check:
    """The settings and the results of one check."""

    def __init__(self, who: str, tolerance: float | None, rng: Rng) -> None:
        if tolerance is not None:
            tolerance = numbers.number(who, "tolerance", tolerance, above=0)
        self.who, self.tolerance = who, tolerance
        self.rng = numbers.generator(who, rng)
        self.rows: list[GradientRow] = []
        self.faults: list[str] = []
        self.notes: list[str] = []

    def of_a_net(self, model: Layer, criterion: Loss, x: Any, y: Any) -> GradientReport:
        """Check the loss, the layers from last to first, and the whole net."""
        what = f"{type(model).__name__} with {type(criterion).__name__}"
        x, target = self._batch(x), np.array(arrays.real_array(self.who, "y", y))
        arrays.finite(self.who, "y", target)
        model, criterion = self._float64(model, criterion)
        between = outputs(model, x)
        loss = LossPiece(criterion, between[-1], target)
        g = self._piece(loss).get("prediction")
        self._layers(model, between, g)
        if g is not None and g.shape == between[-1].shape and not self.faults:
            self._whole(model, criterion, x, target)
        return self._report(what)

    def of_a_layer(self, layer: Layer, x: Any) -> GradientReport:
        """Check one layer, or each layer of a Sequential."""
        x = self._batch(x)
        (layer,) = self._float64(layer)
        self._layers(layer, outputs(layer, x), None)
        return self._report(type(layer).__name__)

    def _batch(self, x: Any) -> Array:
        batch: Array = np.array(arrays.real_array(self.who, "x", x, np.float64))
        arrays.finite(self.who, "x", batch)
        if batch.size == 0:
            raise ValueError(
                f"{self.who}: expected x with some entries, got shape {batch.shape}"
            )
        return batch

    def _float64(self, *given: Any) -> tuple[Any, ...]:
        """Return copies whose parameters are float64, without gradients."""
        parameters = given[0].parameters()
        if any(p.data.dtype != np.float64 for p in parameters):
            self.notes.append("The float32 parameters were checked in a float64 copy.")
        parts = copies(*given, dtype=np.float64)
        for p in parts[0].parameters():
            p.grad = None
        return parts

    def _report(self, what: str) -> GradientReport:
        if any(np.prod(row.shape) > ALL for row in self.rows):
            self.notes.append(
                f"Of an array of more than {ALL} entries, {SAMPLE} at random, the "
                f"{LARGEST} with the largest gradient and {DIRECTIONS} random "
                f"directions through all of them were measured."
            )
        return GradientReport(what, self.rows, self.faults, self.notes)

    def _layers(self, model: Layer, between: list[Array], g: Array | None) -> None:
        """Check the layers from the last to the first."""
        below = ["x", *(f"{path}x" for path, _ in list(leaves(model))[1:])]
        levels = zip(leaves(model), below, between, between[1:], strict=False)
        for (path, layer), name, x, y in reversed(list(levels)):
            if (
                g is None
                or g.shape != y.shape
                or not (np.isfinite(g).all() and g.any())
            ):
                g = np.asarray(self.rng.standard_normal(y.shape))
            g = self._piece(LayerPiece(path, name, layer, x, g)).get(name)

    def _piece(self, piece: Piece) -> Gradients:
        """Check one layer or loss, and return its gradients."""
        faults = list(piece.faults())
        self.faults += faults
        if any(TWO_OUTPUTS in fault for fault in faults):
            return {}
        gradients = piece.gradients()
        self.rows += [self._row(piece, *item) for item in gradients.items()]
        return gradients

    def _row(self, piece: Piece, name: str, given: Array | None) -> GradientRow:
        """Measure one gradient, and find what is wrong with it."""
        array, judged = piece.inputs[name], piece.is_judged(name)
        usable = given is None or (
            given.shape == array.shape and bool(np.isfinite(given).all())
        )
        zero = np.zeros(array.shape)
        analytic = given if usable and given is not None else zero
        m = measure(piece.run, array, analytic, piece.grad_output, self.rng, judged)
        bounded = int(np.count_nonzero(~judged))
        if not m.places and not (bounded and usable):
            found = _UNMEASURED
        elif given is not None and not usable:
            found = _unusable(given, array, piece.is_loss)
        elif m.agrees(self.tolerance):
            found = (
                repeated(piece, name, analytic, m)
                or redrawn(piece, name)
                or nonlinear(piece, name, analytic, self.rng)
                or self._elsewhere(piece, name)
                or _edge(m, bounded)
            )
        elif given is None:
            found = _MISSING[name in piece.parameters()]
        elif not m.numerical.any() and not piece.follows(name, self.rng):
            found = _NOT_FOLLOWED
        else:
            found = (
                self._nearby(piece, name, m)
                or repeated(piece, name, analytic, m)
                or redrawn(piece, name)
                or verdict(piece.evidence(name, analytic, m))
            )
        norms = np.linalg.norm(m.analytic), np.linalg.norm(m.numerical)
        return GradientRow(
            name,
            array.shape,
            float(norms[0]) if usable else np.nan,
            float(norms[1]) if m.places else np.nan,
            m.relative_error() if usable else np.inf,
            found.label in FINE,
            found.label,
            found.sentence,
            f"{len(m.places)} of {array.size}"
            if len(m.places) < array.size
            else f"all {array.size}",
        )

    def _nearby(self, piece: Piece, name: str, m: Measured) -> Verdict | None:
        """Return the verdict of a kink, if each wrong entry is at one."""
        count = int(np.count_nonzero(m.wrong()))
        if not count or not at_kinks(piece, name, m):
            return None
        near = piece.moved_away(self.rng)
        there = self._at(near, name)
        if there is None or not (there.agrees(None) or at_kinks(near, name, there)):
            return None
        return Verdict(
            AT_A_KINK,
            f"{count} of {len(m.places)} entries sit at a kink, such as ReLU's at 0: "
            f"the slopes left and right differ, what backward gives lies between them, "
            f"and a little away all agrees",
        )

    def _at(self, piece: Piece, name: str) -> Measured | None:
        """Measure one gradient of a moved piece, if it can be measured."""
        try:
            with np.errstate(all="ignore"):
                analytic = piece.gradients()[name]
                array = piece.inputs[name]
                if analytic is None or not np.isfinite(analytic).all():
                    return None
                judged, g = piece.is_judged(name), piece.grad_output
                return measure(piece.run, array, analytic, g, self.rng, judged)
        except Exception:  # a user's own code may refuse these numbers
            return None

    def _elsewhere(self, piece: Piece, name: str) -> Verdict | None:
        """Return what is wrong with a gradient that is right only here."""
        if not self._goes_wrong(piece, name, *piece.inputs):
            return None
        if self._goes_wrong(piece, name, *piece.parameters()):
            return self._normalization_nearby(piece, name) or _KEPT_PARAMETER
        return _KEPT_INPUT

    def _normalization_nearby(self, piece: Piece, name: str) -> Verdict | None:
        """Return a mistake of a normalisation that γ = 1 does not show."""
        near = piece.moved_away(self.rng, *piece.parameters(), by=0.5)
        there, given = self._at(near, name), near.gradients()[name]
        if there is None or given is None:
            return None
        return next(normalization(near.evidence(name, given, there)), None)

    def _goes_wrong(self, piece: Piece, name: str, *moved: str) -> bool:
        """Return whether a gradient is wrong when some inputs are moved."""
        if not moved:
            return False
        near = piece.moved_away(self.rng, *moved)
        try:
            with np.errstate(all="ignore"):
                pairs = [(near.inputs[name], near.gradients()[name])]
                m = along_all(
                    lambda: np.sum(near.grad_output * near.run()), pairs, self.rng, 1
                )
        except Exception:  # a user's own code may refuse these numbers
            return False
        if m.agrees(self.tolerance):
            return False
        there = self._at(near, name)
        if there is None or there.agrees(self.tolerance):
            return False
        return not at_kinks(near, name, there)

    def _whole(self, model: Layer, criterion: Loss, x: Array, y: Any) -> None:
        """Check the whole net along directions in all of its inputs."""
        all_right = all(row.ok for row in self.rows)
        m = self._directions(model, criterion, x, y)
        found = Verdict(RIGHT)
        if not m.agrees(self.tolerance):
            if not all_right:
                found = Verdict("see above")
            elif any(row.verdict == AT_THE_EDGE for row in self.rows):
                found = Verdict(AT_THE_EDGE)
            elif self.rows[0].verdict == AT_A_KINK:  # of the loss
                found = Verdict(AT_A_KINK)
            elif self._agrees_nearby(model, criterion, x, y):
                found = Verdict(AT_A_KINK)
            else:
                found = Verdict("differs", _WHOLE)
        self.rows.append(
            GradientRow(
                "all of these",
                (x.size + sum(p.data.size for p in model.parameters()),),
                float(np.linalg.norm(m.along[0])),
                float(np.linalg.norm(m.along[1])),
                m.relative_error(),
                found.label in FINE,
                found.label,
                found.sentence,
                f"{DIRECTIONS} directions",
            )
        )

    def _agrees_nearby(self, model: Layer, criterion: Loss, x: Array, y: Any) -> bool:
        """Return whether the whole net is right at a point nearby."""
        model, criterion, x = copies(model, criterion, x)
        move_away([*(p.data for p in model.parameters()), x], self.rng)
        try:
            return self._directions(model, criterion, x, y).agrees(None)
        except Exception:  # a user's own code may refuse these numbers
            return False

    def _directions(self, model: Layer, criterion: Loss, x: Array, y: Any) -> Measured:
        """Measure the loss along random directions."""
        parameters = model.parameters()
        for p in parameters:
            p.grad = None

        frozen = Frozen(model)

        def loss() -> float:
            frozen.restore()
            return criterion.forward(model.forward(x), y)

        loss()
        grad_input = model.backward(criterion.backward())
        pairs = [(p.data, p.grad) for p in parameters] + [(x, grad_input)]
        return along_all(loss, pairs, self.rng)


_UNMEASURED = Verdict(
    "not measured",
    "no entry could be moved: on one side or the other of where it is, forward is not "
    "finite, or refused, as BCELoss refuses a prediction beyond 0 and 1; check a net "
    "whose outputs are farther from 0 and 1",
)
_MISSING = {
    True: Verdict(
        "missing",
        "backward leaves .grad None; it must call add_grad for each parameter",
    ),
    False: Verdict("missing", "backward returns None; it must return this gradient"),
}
_WHOLE = (
    "each layer is right by itself, but not all of them together: does the model's "
    "backward call them in reverse, each with what the one above it returned, and is "
    "no layer's memory overwritten in between?"
)
_NOT_FOLLOWED = Verdict(
    "stale copy",
    "forward does not follow it: whatever it is, y stays the same, though backward "
    "gives a gradient; does __init__, or the first forward, keep a copy, or a result "
    "of it? Read it anew in each forward",
)
_KEPT_PARAMETER = Verdict(
    "stale copy",
    "it is right now, and wrong once the parameters have changed, as a step changes "
    "them: backward works with a copy that __init__, or the first forward, has made; "
    "read parameter.data anew in each forward",
)
_KEPT_INPUT = Verdict(
    "stale copy",
    "it is right now, and wrong for another x: backward works with what an earlier "
    "forward has kept; keep it anew in each forward",
)


def _edge(m: Measured, bounded: int) -> Verdict:
    """Return that the gradient is right, or how far that can be known."""
    if m.relative_error() > 0.1:
        return Verdict(
            UNSURE,
            "the two differ by no more than the differences may be off, which here is "
            "as much as the gradient itself: forward is too flat to be measured in its "
            "precision, or it jumps",
        )
    if bounded:
        return Verdict(
            AT_THE_EDGE,
            f"{bounded} entries were left out: so near to 0 or 1 the loss bounds its "
            f"gradient, as its docstring says, and it is no derivative there",
        )
    if not m.refused:
        return Verdict(RIGHT)
    return Verdict(
        AT_THE_EDGE,
        f"{m.refused} of {m.refused + len(m.places)} entries could not be moved: "
        f"beyond where they are, forward is not finite, or refused, as BCELoss refuses "
        f"a prediction beyond 0 and 1",
    )


def _unusable(given: Array, array: Array, is_loss: bool) -> Verdict:
    """Return what is wrong: the shape, or an entry that is not finite."""
    if given.shape == array.shape:
        bad = ~np.isfinite(given)
        place = tuple(map(int, np.argwhere(bad)[0]))
        return Verdict(
            "not finite",
            f"{np.count_nonzero(bad)} of {bad.size} entries are NaN or infinite, the "
            f"first at {list(place)}, where forward has a slope",
        )
    cure = ""
    if given.ndim > 1 and given.shape == array.shape[::-1]:
        cure = "; it looks transposed"
    elif is_loss and given.shape == (len(array), len(array)):
        cure = "; did (N, 1) − (N,) broadcast to (N, N)?"
    return Verdict(
        "wrong shape",
        f"backward returns shape {given.shape} for what has shape {array.shape}{cure}",
    )
