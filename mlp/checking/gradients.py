"""Check that backward is the derivative of forward.

check_layer and check_gradients change each input a little, and measure how
much the loss changes. They compare this slope with the gradient from
backward. If the two differ, they name the mistake. Read slopes.py next: it
measures one derivative. Then read check.py.
"""

from __future__ import annotations

import numpy.typing as npt

from mlp._shared import numbers
from mlp._shared.numbers import Rng
from mlp.checking.check import Check
from mlp.checking.report import GradientReport
from mlp.core.layer import Layer
from mlp.core.loss import Loss

SEED = 1986  # not 0, from which x may be drawn: grad_output would be equal to it


def check_gradients(
    model: Layer,
    criterion: Loss,
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    *,
    tolerance: float | None = None,
    rng: Rng = SEED,
) -> GradientReport:
    """Compare ∂ℓ/∂θ and ∂ℓ/∂x from backward with differences of forward.

    Parameters
    ----------
    model : Layer
        The net. Each layer of a Sequential is measured separately, with the
        grad_output that reaches it. So a mistake is reported in its own
        layer, and not in the layers below.
    criterion : Loss
        The loss. It is measured separately too: its row is "prediction",
        for ∂ℓ/∂ŷ.
    x, y : array_like
        A batch and its targets. Three or a few more rows are enough. Use
        rows that all differ, and numbers of rows, inputs and outputs that
        all differ. Otherwise a sum over rows and a sum over columns, for
        example, may look the same.
    tolerance : float or None
        The largest relative error that a row of the report may have. With
        None, an entry may differ by 10 times its estimated error plus 10⁻⁶
        times the largest entry.
    rng : int, np.random.Generator or None
        Draws the entries, the directions and the grad_outputs.

    Returns
    -------
    GradientReport
        The result for copies in float64, in the model's present mode
        (training or evaluation). model and criterion are not changed.

    Raises
    ------
    TypeError
        If model is not a Layer, criterion is not a Loss, or forward does
        not return an array or a number.
    ValueError
        If x is empty or not finite, or if a layer or the loss raises it.

    Derivation
    ----------
    mlp.checking.slopes derives how one slope is measured, and its error.
    For y = f(θ) and the grad_output g that reaches f, backward must return

        ∂ℓ/∂θᵢ = Σⱼ gⱼ ∂yⱼ/∂θᵢ ≈ Σⱼ gⱼ (yⱼ(θ + h eᵢ) − yⱼ(θ − h eᵢ)) / 2h

    The differences of y are computed before the sum with g. So a gradient
    of 10⁻¹², as below many Sigmoids, is measured as precisely as one of 1.

    In an array of up to 100 entries, each entry is measured. In a larger
    array, these are measured: 40 random entries, the 10 entries with the
    largest gradient, and 3 random directions v in all entries, Σᵢ vᵢ
    ∂ℓ/∂θᵢ. If a direction differs, its entries are halved until one wrong
    entry is found.

    If some entries differ, the gradient is measured again at a point
    nearby. If it agrees there, these entries may be at a kink, such as 0
    for ReLU: there each slope from the left one to the right one is
    accepted. Otherwise mlp.checking.verdicts looks for the mistake.

    Each forward starts from the same state of the layer's Generators, so
    the mask of a Dropout is constant. Buffers are restored before each
    forward, so running statistics have no effect.

    The last row of the report checks that the layers are combined
    correctly: it compares the slopes of the loss along random directions in
    all parameters and x together.

    Examples
    --------
    >>> import numpy as np
    >>> from mlp import Linear, MSELoss, Sequential, Sigmoid
    >>> from mlp import check_gradients
    >>> class Halved(MSELoss):
    ...     def backward(self):
    ...         return super().backward() / 2
    >>> rng = np.random.default_rng(0)
    >>> model = Sequential(Linear(2, 4, rng=rng), Sigmoid())
    >>> x, y = rng.normal(size=(3, 2)), rng.normal(size=(3, 4))
    >>> check_gradients(model, MSELoss(), x, y).ok
    True
    >>> report = check_gradients(model, Halved(), x, y)
    >>> report.rows[0].name, report.rows[0].verdict
    ('prediction', 'factor 1/2')
    >>> report.rows[0].sentence.partition(": ")[2]
    'the factor 2 is missing, from the derivative of a square'

    References
    ----------
    Bottou, Stochastic gradient descent tricks, 2012, section 4.2, "Check
    the gradients". torch.autograd.gradcheck also uses directions.
    """
    who = "check_gradients"
    numbers.instance(who, "model", model, Layer)
    numbers.instance(who, "criterion", criterion, Loss)
    return Check(who, tolerance, rng).of_a_net(model, criterion, x, y)


def check_layer(
    layer: Layer,
    x: npt.ArrayLike,
    *,
    tolerance: float | None = None,
    rng: Rng = SEED,
) -> GradientReport:
    """Compare a layer's backward with differences of its forward.

    It works as check_gradients does, but with a random grad_output instead
    of a loss. A grad_output of ones would not show that backward leaves it
    out, or divides by it.

    Parameters
    ----------
    layer : Layer
        A layer of your own, or a Sequential, whose layers are measured one
        by one.
    x : array_like
        The input of forward. If it has rows, use three or more.
    tolerance, rng
        As in check_gradients.

    Returns
    -------
    GradientReport
        The result for a copy in float64; layer is not changed.

    Raises
    ------
    TypeError
        If layer is not a Layer, or forward does not return an array.
    ValueError
        If x is empty or not finite, or if the layer raises it.

    Examples
    --------
    >>> import numpy as np
    >>> from mlp import Linear, check_layer
    >>> class MeanBias(Linear):
    ...     def backward(self, grad_output, *, needs_input_grad=True):
    ...         grad_input = super().backward(grad_output)
    ...         self.bias.grad = grad_output.mean(axis=0)
    ...         return grad_input
    >>> x = np.random.default_rng(0).normal(size=(5, 3))
    >>> report = check_layer(MeanBias(3, 2), x)
    >>> for row in report.rows:
    ...     print(row.name, row.verdict, row.measured)
    weight right all 6
    bias factor 1/N all 2
    x right all 15
    """
    numbers.instance("check_layer", "layer", layer, Layer)
    return Check("check_layer", tolerance, rng).of_a_layer(layer, x)
