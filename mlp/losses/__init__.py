"""The losses of a regression and of classes.

A loss is where the chain rule starts: forward turns a batch of predictions
into one number, and backward is the derivative of exactly that number, its
mean included. Read squared.py first, then binary.py and categorical.py;
mlp.sequential next.

Reductions, for a prediction of N rows and K columns:

    "mean"       divides the sum by N·K, the number of entries; the default.
                 CrossEntropyLoss, which has one term a row, divides by N
    "batchmean"  divides it by N, the number of rows
    "sum"        divides it by 1

Why a mean lets lr stay when the batch size changes: the gradient of a sum
over N samples is the sum of N gradients, so it grows with N; a step of
lr·gradient that was right for 32 samples is twice too long for 64. The
gradient of the mean over N samples estimates the gradient over all the
data, whatever N is: a larger batch makes it less noisy, not longer. Hence

    sum = N·K·mean,   so lr for the sum = lr for the mean / (N·K)

and a weight decay, which is no mean, must be N·K times larger beside a sum
to have the same effect. The last, smaller batch of an epoch takes as long a
step as a full one, so each of its rows weighs more.

Weights of rows, forward(prediction, target, weight): row n with terms ℓₙₖ
counts as if it stood there wₙ ≥ 0 times. W = Σₙ wₙ takes the place of N, so
that M is W·K for "mean", W for "batchmean", and 1 for "sum":

    ℓ = (1/M) Σₙ wₙ Σₖ ℓₙₖ
    ∂ℓ/∂ŷₙ = (wₙ/M) Σₖ ∂ℓₙₖ/∂ŷₙ      no other term holds ŷₙ, and M no ŷ

So row n of the gradient is that of the sum without weights, times wₙ/M. A
mean does not change if all weights are multiplied by one number, so weights
that are all alike change nothing. Where all are 0 the loss is 0, and so is
its gradient. If class k has cₖ of N rows, the weight N / (K cₖ) for each of
them gives every class the sum N/K, and all together N:

    >>> import numpy as np
    >>> from mlp import MSELoss
    >>> d, w = np.array([[2.0, 0.0], [1.0, 3.0]]), np.array([3.0, 1.0])
    >>> mean, plain, y = MSELoss(), MSELoss("sum"), np.zeros((2, 2))
    >>> mean.forward(d, y, weight=w)           # (3·(4 + 0) + 1 + 9) / (4·2)
    2.75
    >>> plain.forward(d, y)
    14.0
    >>> expected = w[:, np.newaxis] / (4 * 2) * plain.backward()
    >>> np.allclose(mean.backward(), expected, rtol=1e-15)
    True
"""

from mlp.losses.binary import BCELoss as BCELoss
from mlp.losses.binary import BCEWithLogitsLoss as BCEWithLogitsLoss
from mlp.losses.categorical import CrossEntropyLoss as CrossEntropyLoss
from mlp.losses.squared import MSELoss as MSELoss

__all__ = ["MSELoss", "BCELoss", "BCEWithLogitsLoss", "CrossEntropyLoss"]
