"""train_step: the five steps of training.

They are the same for every net, every loss and every optimizer. The usual
mistakes in a training loop are a missing step and a step in the wrong
place. mlp.fitting.fit runs the five steps for epochs; read it next.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mlp.core.layer import Layer
from mlp.core.loss import Loss
from mlp.core.optimizer import Optimizer
from mlp.core.team import ALONE


def train_step(
    model: Layer,
    criterion: Loss,
    optimizer: Optimizer,
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    weight: npt.ArrayLike | None = None,
) -> float:
    """Run forward, loss, zero-grad, backward and step on one batch.

    Parameters
    ----------
    model : Layer
        Usually a Sequential.
    criterion : Loss
        How wrong the model's predictions are.
    optimizer : Optimizer
        Made with the model's parameters(), or some of them.
    x, y : array_like
        A batch of rows, and their targets for the loss.
    weight : array_like of shape (N,), or None
        The weight of each row in the loss, at least 0: help(mlp.losses).

    Returns
    -------
    float
        The loss on this batch, before the step. With several processes
        (mlp.parallel) x is the part of this process, and the result is the
        loss on this part; 0 if the part has no rows.

    Raises
    ------
    ValueError, TypeError
        As the layers and the loss raise them for x, y and weight.

    Derivation
    ----------
    Θ is all the parameters, ŷ = f(x; Θ):

        1. forward          ŷ = f(x; Θ)
        2. loss             ℓ(ŷ, y)
        3. zero the grads   ∂ℓ/∂Θ ← None, because backward adds
        4. backward         ∂ℓ/∂Θ by the chain rule, from ∂ℓ/∂ŷ down
        5. step             Θ ← Θ − lr ∂ℓ/∂Θ           for plain SGD

    ∂ℓ/∂x is not needed, so backward gets needs_input_grad=False.

    Examples
    --------
    ŷ = w x with w = 1, x = 2, y = 3: ∂ℓ/∂w = 2 (ŷ − y) x = −4, so the step
    takes w to 1.4:

    >>> from mlp import SGD, Linear, MSELoss, train_step
    >>> model = Linear(1, 1, bias=False)
    >>> model.weight.data[...] = 1.0
    >>> optimizer = SGD(model.parameters(), lr=0.1)
    >>> train_step(model, MSELoss(), optimizer, [[2.0]], [[3.0]])
    1.0
    >>> model.weight.data
    array([[1.4]])

    References
    ----------
    docs/design.md, "The public surface".
    """
    is_alone = getattr(optimizer, "team", ALONE).size == 1
    if not is_alone:
        optimizer.begin(model, criterion)
        if np.shape(x)[:1] == (0,):  # the others have all rows of this batch
            optimizer.zero_grad()
            optimizer.step(rows=0)
            return 0.0
    prediction = model.forward(x)  # 1. forward
    if weight is None:
        loss = criterion.forward(prediction, y)  # 2. loss
    else:
        loss = criterion(prediction, y, weight)
    optimizer.zero_grad()  # 3. zero the gradients
    model.backward(criterion.backward(), needs_input_grad=False)  # 4. backward
    if is_alone:
        optimizer.step()  # 5. step
    else:
        optimizer.step(rows=len(prediction) if weight is None else np.sum(weight))
    return loss
