"""diagnose: what each layer does in one step.

A net that does not learn says why, if it is asked: each layer passes
numbers up and gradients down, and either can die out, grow without bound,
or meet a slope that is 0. watching.py is how a layer is measured,
flatness.py what is dead or saturated, and findings.py has the sentences.
"""

from __future__ import annotations

import copy
import math
from html import escape
from typing import Any

import numpy as np
import numpy.typing as npt

from mlp._shared import arrays, html, numbers
from mlp._shared.printing import paragraph, text_table
from mlp.checking.copies import arrays_of_a_copy
from mlp.checking.findings import figure, findings_of, shares
from mlp.checking.watching import LayerRecord, Watch, is_finite
from mlp.core.layer import Layer
from mlp.core.loss import Loss
from mlp.sequential import numbered_layers

COLUMNS = ("layer", "mean", "spread", "off", "‖∂ℓ/∂y‖", "‖∂ℓ/∂θ‖", "‖Δθ‖/‖θ‖")
NOTHING = "Nothing is out of the ordinary."


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
        saturated            of a layer that saturates, as a Sigmoid or a
                             Tanh: the share of the entries of y with a
                             slope below 1/25 of the greatest
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
        below = [self._losses(), *(self.findings or [NOTHING])]
        table = text_table(COLUMNS, list(map(_cells, self.layers)))
        return "\n\n".join([table, *map(paragraph, below)])

    def _losses(self) -> str:
        loss = f"loss {figure(self.loss)}"
        if self.loss_after is not None:
            loss += f", after the step {figure(self.loss_after)}"
        return loss

    def _repr_html_(self) -> str:
        """Return the findings, and below them the table, for a notebook."""
        rows = ([escape(cell) for cell in _cells(layer)] for layer in self.layers)
        findings = [html.paragraph(finding, right=False) for finding in self.findings]
        return html.fragment(
            *(findings or [html.paragraph(NOTHING, right=True)]),
            html.table(COLUMNS, rows),
            html.paragraph(self._losses()),
        )

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
    optimizer : Optimizer, or whatever has a step() and holds parameters
        Of this model. Without one there is no step to judge.

    Returns
    -------
    Diagnosis
        To be printed. A copy ran, in the mode that the model is in: model
        (its buffers and Generators too), criterion and optimizer are as
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
        Half of a layer's outputs or more have a slope below 1/25 of its
        greatest: of a Sigmoid y (1 − y) below 0.01, so y is outside [0.01,
        0.99]; of a Tanh 1 − y² below 0.04, so y is outside [−0.98, 0.98];
        of a Softmax 1 − Σ y² of a row below (K − 1) / 25 K. Through these
        next to nothing flows back (LeCun et al.; Glorot and Bengio). Of a
        layer of your own that works entry by entry the slope is measured,
        with its backward; mlp.checking.flatness has the table to which you
        can add its formula. The net's last layer may be as sure as that
        where it is right. It gets the sentence if y is on the other side of
        the middle for at least a tenth of them; a net that is 99 % sure
        with good reason is wrong in one of a hundred.
    vanishing, exploding
        ‖∂ℓ/∂y‖ of the lowest layer with parameters over that of the highest
        is below 1/1000, or above 100 (Hochreiter; Glorot and Bengio, who
        look at this ratio). It is about 1 with He's initial weights. A
        gradient that is small in all layers is no fault: the loss is at its
        minimum. Where all of a ReLU is dead, or a layer saturated, that is
        the reason, and vanishing is not said.
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
    watches = [Watch(name, layer) for name, layer in numbered_layers(net)]
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
        findings = findings_of(watches, x, _as_rows(loss_of, y, watches), loss, after)
    return Diagnosis([w.record() for w in watches], loss, after, findings)


def _copies(
    model: Layer, criterion: Loss, optimizer: Any
) -> tuple[Layer, Loss, Any, set[int]]:
    """Return copies of the three, and the ids of the parameters that step."""
    has_step = callable(getattr(optimizer, "step", None))
    if optimizer is not None and (isinstance(optimizer, type) or not has_step):
        raise TypeError(
            f"diagnose: expected an optimizer with a step(), got {optimizer!r}; "
            f"write SGD(model.parameters(), lr=…), say"
        )
    # What deepcopy has copied, by the id of the original.
    copied: dict[int, Any] = dict(arrays_of_a_copy(model))
    stepper = copy.deepcopy(optimizer, copied)
    held = {id(copied[id(p)]) for p in model.parameters() if id(p) in copied}
    if optimizer is not None and not held:  # its step would not stay in the copy
        raise ValueError(
            "diagnose: expected an optimizer of the model's parameters, got one that "
            "holds none of them; write SGD(model.parameters(), lr=…), say"
        )
    net, loss = copy.deepcopy((model, criterion), copied)
    return net, loss, stepper, held


def _as_rows(criterion: Loss, y: Any, watches: list[Watch]) -> Any:
    """Return class labels as rows of the prediction's shape, all else as it is."""
    shape = watches[-1].shape if watches else ()
    if criterion.takes_labels and len(shape) == 2 and np.shape(y) == shape[:1]:
        return y[:, np.newaxis] == np.arange(shape[1])
    return y


def _loss_after(net: Layer, loss: Loss, x: Any, y: Any) -> float:
    """Return the loss after the step, NaN if the prediction is not finite."""
    prediction = net.forward(x)
    return float(loss.forward(prediction, y)) if is_finite(prediction) else math.nan


def _cells(r: LayerRecord) -> list[str]:
    """Return a row of the table."""
    off = ""
    if r.dead is not None:
        off = f"{shares([r.dead])} dead"
    if r.saturated is not None:
        off = f"{shares([r.saturated])} saturated"
    numbers = r.gradient, r.parameter_gradient, r.update
    figures = ["" if n is None else figure(n) for n in numbers]
    return [r.name, figure(r.mean), figure(r.spread), off, *figures]
