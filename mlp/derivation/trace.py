"""trace: one training step with all its numbers.

trace writes the formula of each entry of each array in the step, with
numbers instead of letters. entries.py writes the lines of a layer and of
the loss, updates.py those of the optimizer's step.
"""

from __future__ import annotations

import copy
import textwrap
from html import escape
from typing import Any

import numpy as np
import numpy.typing as npt

from mlp._shared import arrays, html, numbers
from mlp._shared.arrays import Array
from mlp._shared.printing import WIDTH, paragraph, printable
from mlp.core import Layer, Loss, Optimizer
from mlp.derivation.derivation import Derivation
from mlp.derivation.entries import At, AtLoss, backward_lines, forward_lines
from mlp.derivation.figures import ENTRIES, SMALL, Line, figure
from mlp.derivation.rendering import in_html
from mlp.derivation.steps import has_rule
from mlp.derivation.tables import LAYOUTS
from mlp.derivation.updates import Moved, step_lines
from mlp.sequential import Sequential, is_plain


class Trace:
    """One training step of a net, with its numbers.

    trace returns it. Print it to see the step.

    Attributes
    ----------
    steps : list of (int, str, list of Line or str)
        The number, the name and the lines of each of the five steps. A line
        is a str if the array is too large to show each entry.
    layout : str
        The layout of the lines of ∂ℓ/∂W, "numerator" or "denominator".
    before, after, gradients : dict of str to array
        The parameters before and after the step, and their .grad, by the
        names of state_dict. In both layouts .grad has the shape of the
        parameter.
    loss, loss_after : float
        The loss of this batch before and after the step.
    predicted_change : float
        Σ ⟨∂ℓ/∂θ, Δθ⟩ over the parameters that the optimizer has: the change
        of a linear loss. With plain SGD it is −lr ‖∂ℓ/∂θ‖².
    change : float
        The real change, loss_after − loss.

    Examples
    --------
    >>> from mlp import SGD, Linear, MSELoss, trace
    >>> model = Linear(1, 1, bias=False)
    >>> model.weight.data[...] = 3.0
    >>> sgd = SGD([model.weight], lr=0.1)
    >>> t = trace(model, MSELoss(), sgd, [[1.0]], [[2.0]])
    >>> t.loss, t.after["0.weight"].item()       # (3 − 2)², 3 − 0.1 · 2
    (1.0, 2.8)
    """

    def __init__(
        self,
        title: str,
        layout: str,
        steps: list[tuple[int, str, list[Line | str]]],
        before: dict[str, Array],
        after: dict[str, Array],
        gradients: dict[str, Array],
        losses: tuple[float, float],
        predicted_change: float,
    ) -> None:
        self.title, self.layout, self.steps = title, layout, steps
        self.before, self.after, self.gradients = before, after, gradients
        self.loss, self.loss_after = losses
        self.change, self.predicted_change = losses[1] - losses[0], predicted_change

    def __str__(self) -> str:
        """Return the five steps and the change of the loss."""
        remark = paragraph("".join(map(str, LAYOUTS[self.layout])))
        parts = [paragraph(self.title), remark]
        for number, name, lines in self.steps:
            parts += ["", f"{number}. {name}", *map(_indented, lines)]
        losses = [(printable(name), number) for name, number in self._losses()]
        width = max(len(name) for name, _ in losses) + 3
        figures = [f"{name:<{width}}{figure(n)}" for name, n in losses]
        return "\n".join([*parts, "", *map(printable, figures)])

    def _losses(self) -> list[tuple[str, float]]:
        """Return the losses and the changes, each with its name."""
        return [
            ("loss before the step", self.loss),
            ("loss after it", self.loss_after),
            ("its change", self.change),
            ("predicted, Σ ⟨∂ℓ/∂θ, Δθ⟩", self.predicted_change),
        ]

    def _repr_html_(self) -> str:
        """Return the losses and the five steps for a notebook, with MathML."""
        parts = [f"<h3>{escape(self.title)}</h3>"]
        losses = [(escape(name), in_html(figure(n))) for name, n in self._losses()]
        parts.append(html.table([], losses))
        parts.append(f"<p>{''.join(map(in_html, LAYOUTS[self.layout]))}</p>")
        for number, name, lines in self.steps:
            parts.append(f"<h4>{number}. {escape(name)}</h4>")
            parts.append(html.table([], map(_line_in_html, lines)))
        return html.fragment(*parts)

    def __repr__(self) -> str:
        """Return the title in angle brackets."""
        return printable(f"<{self.title}>")


def trace(
    model: Layer,
    criterion: Loss,
    optimizer: Optimizer,
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    *,
    layout: str = "numerator",
) -> Trace:
    """Return one training step, each formula with its numbers.

    Parameters
    ----------
    model : Sequential, or one layer
        A small net. An array that is too large is summarized in one line.
    criterion : Loss
        The loss.
    optimizer : Optimizer
        An optimizer of the model's parameters. If it has no entry in RULES,
        step 5 shows the old value and the change of each entry.
    x, y : array_like of shape (N, in_features) and (N, out_features)
        A batch, usually of one row. With several rows, the first index of
        an entry is its row. With CrossEntropyLoss, y may be labels (N,).
    layout : "numerator" or "denominator"
        As in derive: ∂ℓ/∂W has the shape of Wᵀ ("numerator") or of W
        ("denominator").

    Returns
    -------
    Trace
        The step; print it. trace runs copies, and does not change model,
        criterion or optimizer.

    Raises
    ------
    ValueError, TypeError
        If a layer or the loss refuses x or y, or derive refuses the net.
    NotImplementedError
        If a layer or the loss has no entry in mlp.derivation.RULES.

    Examples
    --------
    >>> from mlp import SGD, Linear, MSELoss, trace
    >>> model = Linear(2, 1)
    >>> model.weight.data[...], model.bias.data[...] = [[0.15, 0.2]], 0.35
    >>> sgd = SGD(model.parameters(), lr=0.5)
    >>> print(trace(model, MSELoss(), sgd, [[0.05, 0.1]], [[0.4]]))
    One training step of Linear₁ with MSELoss
    In numerator layout: ∂ℓ/∂W has the shape of Wᵀ.
    <BLANKLINE>
    1. forward
       ŷ₁ = 0.15 · 0.05 + 0.20 · 0.10 + 0.35 = 0.3775
    <BLANKLINE>
    2. loss
       ℓ = (0.3775 − 0.4)² = 0.00050625
    <BLANKLINE>
    3. zero the gradients
       W⁽¹⁾.grad ← None
       b⁽¹⁾.grad ← None
    <BLANKLINE>
    4. backward
       (∂ℓ/∂ŷ)₁ = 2 · (0.3775 − 0.4) = −0.045
       (∂ℓ/∂W⁽¹⁾)₁₁ = 0.05 · (−0.045) = −0.00225
       (∂ℓ/∂W⁽¹⁾)₂₁ = 0.10 · (−0.045) = −0.00450
       (∂ℓ/∂b⁽¹⁾)₁ = −0.045
    <BLANKLINE>
    5. step
       (W⁽¹⁾)₁₁ = 0.15 − 0.5 · (−0.00225) = 0.151125
       (W⁽¹⁾)₁₂ = 0.20 − 0.5 · (−0.00450) = 0.202250
       (b⁽¹⁾)₁ = 0.35 − 0.5 · (−0.045) = 0.3725
    <BLANKLINE>
    loss before the step       0.00050625
    loss after it              7.91015625e−08
    its change                 −0.000506170898
    predicted, Σ ⟨∂ℓ/∂θ, Δθ⟩   −0.00102515625

    References
    ----------
    Mazur, A Step by Step Backpropagation Example, 2015;
    examples/by_hand.py prints its numbers.
    """
    numbers.instance("trace", "criterion", criterion, Loss)
    numbers.instance("trace", "optimizer", optimizer, Optimizer)
    numbers.one_of("trace", "layout", layout, LAYOUTS)
    derived = Derivation(model, criterion, optimizer, layout, caller="trace")
    d: Any = copy.deepcopy(derived)
    layers = [place.layer for place in d.places]
    net = d.model if is_plain(d.model) else Sequential(*layers)
    optimizer, criterion = d.optimizer, d.criterion
    before = _named(net)

    n, k = d.places[0].below.width.value, d.top.width.value
    x = arrays.rows_of("trace", "x", x, n, d.layers[0][0])
    target = _target(criterion, y, k, d.layers[-1][0])

    generators = [(g, g.bit_generator.state) for _, g in net.named_generators()]
    outputs, drawn = [x], []  # 1. forward
    for place in d.places:
        drawn.append(place.mask(place.layer, outputs[-1]) if place.draws else {})
        outputs.append(place.layer.forward(outputs[-1]))
    loss = criterion.forward(outputs[-1], target)  # 2. loss
    net.zero_grad()  # 3. zero the gradients
    grads = [criterion.backward()]  # 4. backward
    for place in reversed(d.places):
        grads.insert(0, place.layer.backward(grads[0]))
    size = sum(p.data.size for _, p in d.parameters)
    limit = ENTRIES if size <= SMALL else 0
    order = 1 if d.is_numerator else -1
    ats = [
        At(place, x, out, grad_x, grad_out, m, limit, order)
        for place, x, out, grad_x, grad_out, m in zip(
            d.places, outputs, outputs[1:], grads, grads[1:], drawn, strict=False
        )
    ]
    rows = np.eye(k)[target.astype(np.intp)] if target.ndim == 1 else target
    at_loss = AtLoss(criterion, outputs[-1], rows, limit)
    forward = [line for at in ats for line in forward_lines(at)]
    backward = list(at_loss.gradient_lines(grads[-1]))
    for at in reversed(ats):
        backward += backward_lines(at)
    letters = {id(p): letter for letter, p in d.parameters}
    named = dict(net.named_parameters())
    gradients: dict[str, Any] = {name: p.grad for name, p in named.items()}
    held = {name: p for name, p in named.items() if optimizer.holds(p)}
    kept = {name: optimizer.state_of(p) for name, p in held.items()}
    optimizer.step()  # 5. step
    after = _named(net)
    for generator, state in generators:  # loss_after uses the same masks as loss
        generator.bit_generator.state = state
    step: list[Line | str] = []
    for name, p in held.items():
        ends = before[name], after[name], gradients[name]
        moved = Moved(letters[id(p)], *ends, kept[name], optimizer.state_of(p))
        step += step_lines(optimizer, moved, limit)
    equations = [str(equation) for equation in d.steps[2].equations]
    cleared: list[Line | str] = [*equations] if limit else [", ".join(equations)]
    says = "" if has_rule(optimizer) else f" of {type(optimizer).__name__}, as a change"
    return Trace(
        d.title().replace("Derivation", "One training step"),
        layout,
        [
            (1, "forward", forward),
            (2, "loss", at_loss.value_line(loss)),
            (3, "zero the gradients", cleared),
            (4, "backward", backward),
            (5, f"step{says}", step),
        ],
        before,
        after,
        gradients,
        (loss, criterion.forward(net.forward(x), target)),
        float(
            sum(np.vdot(gradients[name], after[name] - before[name]) for name in held)
        ),
    )


def _named(net: Layer) -> dict[str, Array]:
    """Return a copy of each parameter, by its name."""
    return {name: p.data.copy() for name, p in net.named_parameters()}


def _target(criterion: Loss, y: npt.ArrayLike, width: int, of: str) -> Array:
    """Return the target of a batch: rows, or labels if the loss takes them."""
    if criterion.takes_labels and np.ndim(y) == 1:
        return arrays.real_array("trace", "y", y)  # integers stay, as indices
    return arrays.rows_of("trace", "y", y, width, of)


def _line_in_html(line: Line | str) -> list[str]:
    """Return a line of the trace as cells: the entry, the formula, the number."""
    if isinstance(line, str):
        return [escape(line), "", ""]
    cells = [in_html(part) for part in (line.formula, line.value)]
    formula, value = cells if cells[0] != cells[1] else ("", cells[1])
    return [escape(line.entry), formula and f"= {formula}", f"= {value}"]


def _indented(line: Line | str) -> str:
    """Return a line of the trace, indented and wrapped for a terminal."""
    return textwrap.fill(
        printable(str(line)), WIDTH, initial_indent=" " * 3, subsequent_indent=" " * 9
    )
