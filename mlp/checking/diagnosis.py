"""diagnose: what each layer does in one step.

A newcomer should learn that a net which does not learn says why, if it is
asked: each layer passes numbers up and gradients down, and either can die
out, grow without bound, or meet a slope that is 0.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from mlp._shared import arrays, numbers
from mlp._shared.arrays import Array
from mlp._shared.printing import paragraph, text_table
from mlp.core.layer import Layer
from mlp.core.loss import Loss
from mlp.layers.activations import ReLU, Sigmoid
from mlp.sequential import numbered_layers

VANISHING, EXPLODING = 1e-3, 1e2  # the lowest layer's gradient over the highest's
SHARE = 0.5  # of the units dead, of the outputs saturated
ROWS = 32  # in fewer, a unit that is 0 in all of them need not be dead
SLOPE = 0.01  # of a sigmoid, y (1 − y), below which it is saturated
WRONG = 0.1  # of an output layer's saturated sigmoids
SMALL_UPDATE, LARGE_UPDATE = 1e-6, 1.0  # over the weight
LIVELY = 1e-4  # a gradient over the weight, above which a step has work to do


class LayerRecord(NamedTuple):
    """What one layer did in the step; None where there is no such number."""

    name: str
    shape: tuple[int, ...]
    mean: float
    spread: float
    dead: float | None
    saturated: float | None
    gradient: float | None
    parameter_gradient: float | None
    update: float | None


class Diagnosis:
    """What each layer did in one training step, and what is wrong with it.

    diagnose makes it; print it.

    Attributes
    ----------
    layers : list of LayerRecord
        In the order in which they ran, each a named tuple:

        name                 as errors have it, "layer 0 (Linear)"
        shape                of the output y
        mean, spread         of all entries of y; spread is their standard
                             deviation
        dead                 of a ReLU: the share of its units, columns of
                             y, that are 0 in every row
        saturated            of a Sigmoid: the share of the entries of y
                             with a slope y (1 − y) below 0.01
        gradient             ‖∂ℓ/∂y‖, of all entries
        parameter_gradient   ‖∂ℓ/∂θ‖, of all its parameters together
        update               ‖Δθ‖ / ‖θ‖, of those that the optimizer holds
    loss : float
        On this batch, before the step.
    loss_after : float or None
        After it; None without an optimizer, NaN where the prediction is no
        longer finite.
    findings : list of str
        A sentence for all that is out of the ordinary, or that the batch is
        too small to judge.
    ok : bool
        Whether there is no finding.

    Examples
    --------
    >>> from mlp import Linear, MSELoss, diagnose
    >>> model = Linear(1, 1, bias=False)
    >>> model.weight.data[...] = 3.0
    >>> d = diagnose(model, MSELoss(), [[1.0]], [[2.0]])
    >>> d.loss, d.layers[0].gradient        # (3 − 2)², 2 (3 − 2)
    (1.0, 2.0)
    """

    def __init__(
        self,
        layers: list[LayerRecord],
        loss: float,
        loss_after: float | None,
        findings: list[str],
    ) -> None:
        self.layers, self.findings = layers, findings
        self.loss, self.loss_after = loss, loss_after

    @property
    def ok(self) -> bool:
        """Whether nothing is out of the ordinary."""
        return not self.findings

    def __str__(self) -> str:
        """Return the table, the loss, and a paragraph for each finding."""
        head = ["layer", "mean", "spread", "off", "‖∂ℓ/∂y‖", "‖∂ℓ/∂θ‖", "‖Δθ‖/‖θ‖"]
        loss = f"loss {_figure(self.loss)}"
        if self.loss_after is not None:
            loss += f", after the step {_figure(self.loss_after)}"
        findings = self.findings or ["Nothing is out of the ordinary."]
        parts = [text_table(head, list(map(_cells, self.layers))), loss, *findings]
        return "\n\n".join([parts[0], *map(paragraph, parts[1:])])

    def __repr__(self) -> str:
        """Return how many layers and findings there are."""
        layers, findings = len(self.layers), len(self.findings)
        return (
            f"<Diagnosis of {layers} layer{'s' * (layers != 1)}: "
            f"{findings} finding{'s' * (findings != 1)}>"
        )


def diagnose(
    model: Layer,
    criterion: Loss,
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    *,
    optimizer: Any = None,
) -> Diagnosis:
    """Return what each layer does in one training step, and what is wrong.

    Parameters
    ----------
    model : Layer
        A Sequential, as a rule; those inside it are opened. Layers of your
        own will do.
    criterion : Loss
        The loss.
    x, y : array_like
        A batch, as a step of training has it.
    optimizer : SGD, or whatever has a step() and holds parameters
        Of this model. Without one there is no step to judge.

    Returns
    -------
    Diagnosis
        To be printed. A copy ran: model, criterion and optimizer are as
        they were.

    Raises
    ------
    ValueError, TypeError
        As the layers and the loss raise them for x and y; or if model is no
        Layer, criterion no Loss, or optimizer none of the model's.

    Derivation
    ----------
    What is out of the ordinary. What is looked at, the 1/1000 and the 40 %
    are from the sources below. How far from ordinary is too far is this
    library's own choice: bounds so wide that no step of training the nets
    in examples/ crossed one, at 4 seeds. The table shows what is on its way
    to a sentence.

    not finite
        NaN or infinite, at the first place in the order of the step. It is
        then the only sentence, as all that follows is its doing.
    dead
        Half of a ReLU's units or more are 0 in every row, and there are at
        least 32 rows; or all of them are, in at least 32 entries. Nothing
        flows back through a dead unit. CS231n gives 40 % of a net as a case
        from practice. In fewer rows half of a healthy net can be 0. If all
        is 0 in fewer entries, the sentence says that they are too few to
        judge.
    alike
        All units of a hidden layer give the same output and get the same
        gradient: they began with equal weights, and stay equal.
    saturated
        Half of a Sigmoid's outputs or more have a slope y (1 − y) below
        0.01, 1/25 of its greatest, so y is outside [0.01, 0.99]. Through
        these next to nothing flows back (LeCun et al.; Glorot and Bengio).
        The net's last layer may be as sure as that where it is right: it
        gets the sentence if y is on the other side of 1/2 for at least a
        tenth of them; a net that is 99 % sure with good reason is wrong in
        one of a hundred.
    vanishing, exploding
        ‖∂ℓ/∂y‖ of the lowest layer with parameters over that of the highest
        is below 1/1000, or above 100 (Hochreiter; Glorot and Bengio, who
        look at this ratio). It is about 1 with He's initial weights. A
        gradient that is small in all layers is no fault: the loss is at its
        minimum. Where all of a ReLU is dead, or a Sigmoid saturated, that
        is the reason, and vanishing is not said.
    update too large, too small
        ‖Δθ‖ / ‖θ‖ is about 1/1000 for a good lr (CS231n); the bounds are a
        thousand times that and a thousandth of it. Too large: above 1, and
        the loss of the batch is higher after the step. Too small: below
        10⁻⁶, although ‖∂ℓ/∂θ‖ is above 10⁻⁴ ‖θ‖; at a minimum every update
        is small. Layers whose parameters are all 0 have no ratio.

    Examples
    --------
    A Sigmoid whose inputs are ±50, where its slope is 2e−22:

    >>> from mlp import Linear, MSELoss, Sequential, Sigmoid, diagnose
    >>> first, last = Linear(1, 1, bias=False), Linear(1, 1, bias=False)
    >>> first.weight.data[...], last.weight.data[...] = 50.0, 1.0
    >>> model = Sequential(first, Sigmoid(), last)
    >>> d = diagnose(model, MSELoss(), [[1.0], [-1.0]], [[2.0], [1.0]])
    >>> d.layers[1].saturated, d.ok
    (1.0, False)
    >>> print(d.findings[0][:58])
    Saturated: in layer 1 (Sigmoid), 100 % of the outputs have

    References
    ----------
    Karpathy, CS231n, Neural Networks Part 1, "Commonly used activation
    functions", and Part 3, "Ratio of weights:updates". LeCun et al.,
    Efficient BackProp, 1998, sections 4.4 and 4.6. Hochreiter, The
    vanishing gradient problem during learning recurrent neural nets, 1998.
    Glorot and Bengio, Understanding the difficulty of training deep
    feedforward neural networks, AISTATS 2010, sections 3 and 4. He et al.,
    Delving deep into rectifiers, ICCV 2015, section 2.2.
    """
    numbers.instance("diagnose", "model", model, Layer)
    numbers.instance("diagnose", "criterion", criterion, Loss)
    x, y = (
        arrays.real_array("diagnose", "x", x),
        arrays.real_array("diagnose", "y", y),
    )
    if x.size == 0:
        raise ValueError(f"diagnose: expected x with some entries, got shape {x.shape}")
    net, loss_of, stepper, held = _copies(model, criterion, optimizer)
    for p in net.parameters():
        p.grad = None
    watches = [_Watch(name, layer) for name, layer in numbered_layers(net)]
    with np.errstate(all="ignore"):  # what overflows gets a sentence
        before = [[p.data.copy() for p in w.parameters] for w in watches]
        loss = float(loss_of.forward(net.forward(x), y))
        net.backward(loss_of.backward())
        for watch in watches:
            watch.stop()
        after = None
        if stepper is not None:
            stepper.step()
            after = _loss_after(net, loss_of, x, y)
        for watch, data in zip(watches, before, strict=True):
            watch.measure(data, held)
        watches = [w for w in watches if w.ran]
        first = _not_finite(watches, x, y, loss)
        findings = [
            *_off(watches, y),
            *_alike(watches),
            *_ratio_of_gradients(watches),
            *_updates(watches, loss, after),
        ]
    if first is not None:
        findings = [first]
    return Diagnosis([w.record() for w in watches], loss, after, findings)


class _Watch:
    """A layer of the copy, and what is measured while it runs.

    It measures at once, since a layer of the reader's own may write into
    what it is given. Its forward and backward stand among the layer's
    attributes, where the net that calls them finds them first.
    """

    mean = spread = math.nan
    dead: float | None = None
    saturated: float | None = None
    gradient: float | None = None
    parameter_gradient: float | None = None
    update: float | None = None
    has_like_units = has_like_gradients = False  # all columns of y, and of ∂ℓ/∂y
    is_lively = False  # whether its gradient asks for a step
    output: Array  # of a Sigmoid
    shape: tuple[int, ...] = ()

    def __init__(self, name: str, layer: Layer) -> None:
        self.name, self.layer = name, layer
        self.parameters = layer.parameters()
        self.finite = dict.fromkeys(("output", "gradient", "∂ℓ/∂θ", "θ", "Δθ"), True)
        self.ran, self._is_watching = False, True
        self._forward, self._backward = layer.forward, layer.backward
        vars(layer).update(forward=self.forward, backward=self.backward)

    def stop(self) -> None:
        """Let the layer run from now on without being measured."""
        self._is_watching = False

    def forward(self, x: npt.ArrayLike) -> Array:
        """Run the layer's forward, and measure its output."""
        y = self._forward(x)
        if not self._is_watching:
            return y
        out = np.asarray(y, np.float64)
        self.ran, self.shape, self.finite["output"] = True, out.shape, _is_finite(out)
        if out.size:
            self.mean, self.spread = float(out.mean()), float(out.std())
            self.has_like_units = _are_alike(np.asarray(y))
            if isinstance(self.layer, ReLU):
                self.dead = float(np.mean(np.all(out == 0, axis=0)))
            if isinstance(self.layer, Sigmoid):
                self.output = out.copy()
                self.saturated = float(np.mean(out * (1 - out) < SLOPE))
        return y

    def backward(self, grad_output: npt.ArrayLike, **options: Any) -> Array | None:
        """Measure what comes down, and run the layer's backward."""
        if self._is_watching:
            g = np.asarray(grad_output, np.float64)
            self.gradient, self.finite["gradient"] = _norm([g]), _is_finite(g)
            self.has_like_gradients = _are_alike(np.asarray(grad_output))
        return self._backward(grad_output, **options)

    def measure(self, before: list[Array], held: set[int]) -> None:
        """Measure the gradients of the parameters, and the step taken."""
        grads = [p.grad for p in self.parameters if p.grad is not None]
        if grads:
            self.parameter_gradient = _norm(grads)
        self.finite["θ"] = _is_finite(*before)
        self.finite["∂ℓ/∂θ"] = _is_finite(*grads)
        self.finite["Δθ"] = _is_finite(*(p.data for p in self.parameters))
        pairs = zip(self.parameters, before, strict=True)
        moved = [(p, θ) for p, θ in pairs if id(p) in held]
        size = _norm([θ for _, θ in moved])
        if size > 0:
            self.update = _norm([p.data - θ for p, θ in moved]) / size
            g = _norm([p.grad for p, _ in moved if p.grad is not None])
            self.is_lively = g > LIVELY * size

    def record(self) -> LayerRecord:
        """Return what was measured."""
        return LayerRecord(*(getattr(self, field) for field in LayerRecord._fields))

    @property
    def blocks(self) -> bool:
        """Whether that a gradient does not come through is its doing."""
        return self.dead == 1 or (self.saturated or 0) >= SHARE


def _copies(
    model: Layer, criterion: Loss, optimizer: Any
) -> tuple[Layer, Loss, Any, set[int]]:
    """Return copies of the three, and the ids of the parameters that step."""
    has_step = callable(getattr(optimizer, "step", None))
    if optimizer is not None and (isinstance(optimizer, type) or not has_step):
        raise TypeError(
            f"diagnose: expected an optimizer with a step(), got {optimizer!r}; write "
            f"SGD(model.parameters(), lr=…)"
        )
    copied: dict[int, Any] = {}  # what deepcopy has copied, by the id of the original
    stepper = copy.deepcopy(optimizer, copied)
    held = {id(copied[id(p)]) for p in model.parameters() if id(p) in copied}
    if optimizer is not None and not held:  # its step would not stay in the copy
        raise ValueError(
            "diagnose: expected an optimizer of the model's parameters, got one that "
            "holds none of them; write SGD(model.parameters(), lr=…)"
        )
    net, loss = copy.deepcopy((model, criterion), copied)
    return net, loss, stepper, held


def _loss_after(net: Layer, loss: Loss, x: Any, y: Any) -> float:
    """Return the loss after the step, NaN if the prediction is not finite."""
    prediction = net.forward(x)
    return float(loss.forward(prediction, y)) if _is_finite(prediction) else math.nan


def _is_finite(*arrays: Array) -> bool:
    return all(bool(np.isfinite(a).all()) for a in arrays)


def _are_alike(array: Array) -> bool:
    """Return whether all columns of an array are equal but for rounding.

    It has two or more, and not of 0: then nothing has come through.
    """
    if array.ndim < 2 or array.shape[-1] < 2 or array.dtype.kind != "f":
        return False
    largest = float(np.abs(array).max(initial=0))
    rounding = 100 * float(np.finfo(array.dtype).eps) * largest
    return largest > 0 and bool(np.all(np.ptp(array, axis=-1) <= rounding))


def _norm(arrays: Iterable[Array]) -> float:
    """Return the root of the sum of squares, none of which may underflow."""
    flat = [np.asarray(a, np.float64).ravel() for a in arrays]
    numbers = np.concatenate([np.zeros(0), *flat])
    largest = float(np.abs(numbers).max(initial=0))
    if largest == 0 or not math.isfinite(largest):
        return largest
    return largest * float(np.linalg.norm(numbers / largest))


def _not_finite(watches: list[_Watch], x: Any, y: Any, loss: float) -> str | None:
    """Return a sentence for the first place that is not finite."""
    for name, given in (("x", x), ("y", y)):
        array = np.asarray(given)
        if array.dtype.kind == "f" and not _is_finite(array):
            wrong = np.count_nonzero(~np.isfinite(array))
            return (
                f"Not finite: {wrong} of the {array.size} entries of {name}. Drop or "
                f"fill those rows."
            )
    for w in watches:
        if not w.finite["θ"]:
            return (
                f"Not finite: the parameters of {w.name}, before this step; an earlier "
                f"one has gone too far. Begin anew, with a smaller lr."
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


def _off(watches: list[_Watch], target: Any) -> Iterator[str]:
    """Yield a sentence for dead ReLUs, and for saturated Sigmoids."""
    dead = [
        w
        for w in watches
        if ((w.dead or 0) >= SHARE and w.shape[:1] >= (ROWS,))
        or (w.dead == 1 and math.prod(w.shape) >= ROWS)
    ]
    if dead:
        yield (
            f"Dead: in {_names(dead)}, {_shares([w.dead for w in dead])} of the units "
            f"are 0 in all {dead[0].shape[0]} rows, so nothing flows back through "
            f"them. Try a smaller lr, standardised x, biases of 0, and He's initial "
            f"weights, U(±√(6/in_features))."
        )
    few = [w for w in watches if w.dead == 1 and w not in dead]
    if few:
        yield (
            f"Too few rows to judge: in {_names(few)}, all units are 0 in all "
            f"{few[0].shape[0] if few[0].shape else 1} rows, so nothing flows back in "
            f"this step; of so few, that may be chance. Diagnose a batch of {ROWS} "
            f"rows or more."
        )
    saturated = [w for w in watches if (w.saturated or 0) >= SHARE]
    last = max((i for i, w in enumerate(watches) if w.parameters), default=-1)
    hidden = [w for w in saturated if w in watches[:last]]
    if hidden:
        yield (
            f"Saturated: in {_names(hidden)}, {_shares([w.saturated for w in hidden])} "
            f"of the outputs have a slope y (1 − y) below {SLOPE}, so next to nothing "
            f"flows back through them. Try standardised x and smaller initial "
            f"weights, or a ReLU in its place."
        )
    for w in (w for w in saturated if w not in hidden):
        y = np.asarray(target)
        if y.shape != w.shape:
            continue
        sure = w.output * (1 - w.output) < SLOPE
        wrong = float(np.mean(((w.output > 0.5) != (y > 0.5))[sure]))
        if wrong >= WRONG:
            yield (
                f"Saturated: in {w.name}, the output, {_shares([w.saturated])} of the "
                f"predictions are above 0.99 or below 0.01, and {_shares([wrong])} of "
                f"these are on the wrong side of 1/2, where the slope y (1 − y) is "
                f"nearly 0. Try standardised x, smaller initial weights or a smaller "
                f"lr."
            )


def _alike(watches: list[_Watch]) -> Iterator[str]:
    """Yield a sentence if all units of a hidden layer are the same."""
    last = max((i for i, w in enumerate(watches) if w.parameters), default=0)
    alike = [
        w
        for w in watches[:last]
        if w.parameters and w.has_like_units and w.has_like_gradients
    ]
    if alike:
        yield (
            f"Alike: in {_names(alike)}, all units give the same output and get the "
            f"same gradient, so they stay alike, and a layer of "
            f"{alike[0].shape[-1]} units does what one unit can. Begin with random "
            f"weights, such as Linear's own."
        )


def _ratio_of_gradients(watches: list[_Watch]) -> Iterator[str]:
    """Yield a sentence if the gradient dies out or grows on its way down."""
    ends = [i for i, w in enumerate(watches) if w.parameters and w.gradient is not None]
    way = watches[ends[0] : ends[-1] + 1] if ends else []
    if len(way) < 2 or not way[-1].gradient:
        return
    low, high = way[0].gradient or 0.0, way[-1].gradient
    ratio = low / high
    text = (
        f"‖∂ℓ/∂y‖ is {_figure(high)} at {way[-1].name} and {_figure(low)} at "
        f"{way[0].name}"
    )
    if ratio > EXPLODING:
        yield (
            f"Exploding: {text}, {_figure(ratio)} times as much. Try smaller initial "
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
                f"Vanishing: {text}; {where.name} sends down a gradient of 0. {cure} "
                f"whether its backward loses the gradient."
            )
            return
        cure = "He's initial weights, U(±√(6/in_features)), or fewer layers"
        if any(isinstance(w.layer, Sigmoid) for w in way):
            cure = f"ReLU in place of Sigmoid, with {cure}"
        yield (
            f"Vanishing: {text}, {_figure(ratio)} times as much, so the lowest layers "
            f"hardly learn. Try {cure}."
        )


def _updates(watches: list[_Watch], loss: float, after: float | None) -> Iterator[str]:
    """Yield a sentence if the step is too large, or too small."""
    if after is None:
        return
    stepped = [w for w in watches if w.update is not None]
    ratios = {w.name: w.update or 0.0 for w in stepped}
    large = [w for w in stepped if ratios[w.name] > LARGE_UPDATE]
    if large and not after <= loss:
        worst = max(ratios.values())
        yield (
            f"Update too large: in {_names(large)}, ‖Δθ‖ is up to {_figure(worst)} "
            f"times ‖θ‖, and the loss goes from {_figure(loss)} to {_figure(after)}. "
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
            f"Update too small: in {_names(small)}, ‖Δθ‖ is at most {_figure(best)} "
            f"times ‖θ‖, though there is a gradient to follow. {cure}"
        )


def _names(watches: list[_Watch]) -> str:
    """Return the names of the layers, of three at most."""
    names = ", ".join(w.name for w in watches[:3])
    rest = len(watches) - 3
    return f"{names} and {rest} more" if rest > 0 else names


def _shares(shares: list[Any]) -> str:
    """Return the least and the greatest share in per cent."""
    low, high = (f"{100 * share:.0f}" for share in (min(shares), max(shares)))
    return f"{low} %" if low == high else f"{low} to {high} %"


def _figure(number: float) -> str:
    return f"{number:.3g}".replace("-", "−")


def _cells(r: LayerRecord) -> list[str]:
    """Return a row of the table."""
    off = ""
    if r.dead is not None:
        off = f"{_shares([r.dead])} dead"
    if r.saturated is not None:
        off = f"{_shares([r.saturated])} saturated"
    numbers = r.gradient, r.parameter_gradient, r.update
    figures = ["" if n is None else _figure(n) for n in numbers]
    return [r.name, _figure(r.mean), _figure(r.spread), off, *figures]
