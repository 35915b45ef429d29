"""Whether backward is the derivative of forward.

A backward is not believed but measured: each number is moved a little, and
what the loss does is compared with what backward says. Where the two
disagree, check_layer and check_gradients name the mistake. Read slopes.py
next, how one derivative is measured, and then check.py.
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
        A Sequential is taken apart: each of its layers is measured by
        itself, with the grad_output that reaches it, so a mistake is named
        where it is made and does not show in the layers below.
    criterion : Loss
        Measured by itself too, as "prediction": ∂ℓ/∂ŷ.
    x, y : array_like
        A batch, and its targets. A few rows will do, three or more, none
        like another and no size like another: then a missing sum over rows,
        say, cannot be mistaken for one over columns.
    tolerance : float or None
        How large a row's relative error may be. None: as large as what the
        estimated error of each measured entry explains, ten times over,
        plus 10⁻⁶ of the largest entry.
    rng : int, np.random.Generator or None
        What entries, directions and grad_outputs are drawn from.

    Returns
    -------
    GradientReport
        Copies in float64 were measured, in the mode that the model is in:
        model and criterion are as they were.

    Raises
    ------
    TypeError
        If model is no Layer or criterion no Loss, or forward returns no
        array or number.
    ValueError
        If x is empty or not finite, or as the layers and the loss raise it.

    Derivation
    ----------
    mlp.checking.slopes derives how one slope is measured, and its error.
    For y = f(θ) and the grad_output g that reaches f, backward is to return

        ∂ℓ/∂θᵢ = Σⱼ gⱼ ∂yⱼ/∂θᵢ ≈ Σⱼ gⱼ (yⱼ(θ + h eᵢ) − yⱼ(θ − h eᵢ)) / 2h

    The differences of y are taken before the sum with g, so that a gradient
    of 10⁻¹², as below many Sigmoids, is measured as well as one of 1.

    An array of up to 100 entries is measured whole. Of a larger one, 40
    entries at random, the 10 with the largest gradient, and 3 random
    directions v through all of them, Σᵢ vᵢ ∂ℓ/∂θᵢ. A direction that does
    not agree is halved until an entry is found that does not.

    Where the two differ, all is measured again a little away. If it agrees
    there, the entry sits at a kink, x at ReLU's 0, where any slope between
    left and right will do. Otherwise
    mlp.checking.verdicts looks for the mistake.

    Each forward draws from the same state of the layer's Generators, so the
    mask of a Dropout is a constant, and Buffers are put back, so running
    statistics do not matter.

    The last row is the loss along random directions through all parameters
    and x at once: that the layers are put together right.

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
    the gradients". torch.autograd.gradcheck, for directions beside entries.
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

    As check_gradients, with a random grad_output in place of a loss: ones
    would hide a mistake that divides by it, or leaves it out.

    Parameters
    ----------
    layer : Layer
        A reader's own, say. A Sequential is taken apart.
    x : array_like
        What forward is given; three or more rows, if it takes rows.
    tolerance, rng
        As in check_gradients.

    Returns
    -------
    GradientReport
        A copy in float64 was measured.

    Raises
    ------
    TypeError
        If layer is no Layer, or forward returns no array.
    ValueError
        If x is empty or not finite, or as the layer raises it.

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
