"""diagnose: what each layer does in one step.

It helps to find out why a net does not learn: its outputs or its gradients
may become too small, too large or NaN, or a layer may have a slope of 0.
Read watching.py next: it measures a layer. flatness.py decides which units
are dead or saturated, and findings.py writes the sentences.
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
    """What each layer did in one training step, and what is unusual.

    diagnose returns it. Print it to see the table and the findings.

    Attributes
    ----------
    layers : list of LayerRecord
        One named tuple for each layer, in the order in which they ran:

        name                 as in error messages, "layer 0 (Linear)"
        shape                the shape of the output y
        mean, spread         the mean and the standard deviation of all
                             entries of y
        dead                 for a ReLU: the share of its units (columns of
                             y) that are 0 in every row
        saturated            for a layer that can saturate, such as Sigmoid
                             or Tanh: the share of the entries of y with a
                             slope below 1/25 of the largest
        gradient             ‖∂ℓ/∂y‖, over all entries
        parameter_gradient   ‖∂ℓ/∂θ‖, over all its parameters
        update               ‖Δθ‖ / ‖θ‖, over the parameters that the
                             optimizer has
    loss : float
        The loss of this batch before the step.
    loss_after : float or None
        The loss of this batch after the step. None without an optimizer,
        NaN if the prediction is no longer finite.
    findings : list of str
        One sentence for each unusual thing, or for what cannot be judged
        because the batch is too small.
    ok : bool
        Whether there are no findings.

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
        """Whether there are no findings."""
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
        """Return the findings and then the table, for a notebook."""
        rows = ([escape(cell) for cell in _cells(layer)] for layer in self.layers)
        findings = [html.paragraph(finding, right=False) for finding in self.findings]
        return html.fragment(
            *(findings or [html.paragraph(NOTHING, right=True)]),
            html.table(COLUMNS, rows),
            html.paragraph(self._losses()),
        )

    def __repr__(self) -> str:
        """Return the numbers of layers and of findings."""
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
    """Return what each layer does in one training step, and what is unusual.

    Parameters
    ----------
    model : Layer
        The net, usually a Sequential; its layers are measured one by one.
        Layers of your own are allowed.
    criterion : Loss
        The loss.
    x, y : array_like
        A batch and its targets, as in a training step.
    optimizer : Optimizer, or any object with a step() and parameters
        An optimizer of this model. Without it, updates are not judged.

    Returns
    -------
    Diagnosis
        The results; print it. diagnose runs a copy, in the model's present
        mode (training or evaluation). It changes neither the model (with
        its buffers and Generators) nor criterion nor optimizer.

    Raises
    ------
    ValueError, TypeError
        If model is not a Layer, criterion is not a Loss, or optimizer has
        none of the model's parameters; or if a layer or the loss refuses x
        or y.

    Derivation
    ----------
    The list below has all the findings. The quantities, the 1/1000 and the
    40 % come from the references. The bounds are this library's own choice:
    they are so wide that training the nets in examples/, with 4 seeds each,
    did not cross one in any step. The table also shows values that are near
    a bound.

    not finite
        A number is NaN or infinite. The sentence names the first place in
        the order of the step. It is the only sentence then, because the
        rest follows from it.
    dead
        At least half of a ReLU's units are 0 in every row, for at least 32
        rows; or all of its units are, for at least 32 entries. No gradient
        goes back through a dead unit. CS231n reports 40 % of a net as a
        case from practice. With fewer rows, half of the units of a good net
        can be 0. If all entries are 0 but there are fewer than 32, the
        sentence says that they are too few to judge.
    alike
        All units of a hidden layer give the same output and get the same
        gradient. They began with equal weights, and stay equal.
    saturated
        At least half of a layer's outputs have a slope below 1/25 of its
        largest slope. For a Sigmoid, this is y (1 − y) < 0.01: y is below
        0.01 or above 0.99. For a Tanh, 1 − y² < 0.04: y is below −0.98 or
        above 0.98. For a row of a Softmax, 1 − Σ y² < (K − 1) / 25 K.
        Almost no gradient goes back through such outputs (LeCun et al.;
        Glorot and Bengio). For a layer of your own that works entry by
        entry, backward gives the slope; you can also add its formula to the
        table in mlp.checking.flatness. In the net's last layer, a saturated
        output is good if it is right. There the sentence appears only if at
        least a tenth of the saturated outputs are wrong, so that the target
        is on the other side of the middle (1/2 for a Sigmoid). An output of
        0.99 should be wrong in about one case of a hundred.
    vanishing, exploding
        ‖∂ℓ/∂y‖ of the lowest layer with parameters, divided by that of the
        highest, is below 1/1000 or above 100 (Hochreiter; Glorot and
        Bengio, who use this ratio). With He's initial weights it is about
        1. A gradient that is small in all layers is not reported: the loss
        is near a minimum. If a whole ReLU is dead or a layer is saturated,
        that is the reason, and the vanishing gradient is not reported.
    update too large, too small
        ‖Δθ‖ / ‖θ‖ is about 1/1000 for a good lr (CS231n). The bounds are a
        thousand times as large and a thousand times as small. Too large: it
        is above 1, and the loss of the batch is higher after the step. Too
        small: it is below 10⁻⁶, although ‖∂ℓ/∂θ‖ is above 10⁻⁴ ‖θ‖, so
        the loss is not at a minimum. A layer whose parameters are all 0 has
        no such ratio.

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
    """Return copies of the three, and the ids of the parameters to update."""
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
    """Return class labels as one-hot rows; return any other target unchanged."""
    shape = watches[-1].shape if watches else ()
    if criterion.takes_labels and len(shape) == 2 and np.shape(y) == shape[:1]:
        return y[:, np.newaxis] == np.arange(shape[1])
    return y


def _loss_after(net: Layer, loss: Loss, x: Any, y: Any) -> float:
    """Return the loss after the step, NaN if the prediction is not finite."""
    prediction = net.forward(x)
    return float(loss.forward(prediction, y)) if is_finite(prediction) else math.nan


def _cells(r: LayerRecord) -> list[str]:
    """Return the cells of a layer's row in the table."""
    off = ""
    if r.dead is not None:
        off = f"{shares([r.dead])} dead"
    if r.saturated is not None:
        off = f"{shares([r.saturated])} saturated"
    numbers = r.gradient, r.parameter_gradient, r.update
    figures = ["" if n is None else figure(n) for n in numbers]
    return [r.name, figure(r.mean), figure(r.spread), off, *figures]
