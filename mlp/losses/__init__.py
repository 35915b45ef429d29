"""The losses for regression and for classification.

The chain rule starts at the loss: forward turns a batch of predictions into
one number, and backward is the derivative of exactly that number, including
the mean. Read squared.py first, then binary.py and categorical.py;
mlp.sequential comes next.

Reductions, for a prediction of N rows and K columns:

    "mean"       divides the sum by N·K, the number of entries; the default.
                 CrossEntropyLoss, which has one term a row, divides by N
    "batchmean"  divides it by N, the number of rows
    "sum"        divides it by 1

With a mean you can keep lr when you change the batch size. The gradient of
a sum over N samples is the sum of N gradients, so it grows with N: a step
of lr·gradient that is right for 32 samples is twice too long for 64. The
gradient of the mean over N samples estimates the gradient over all the data
for every N: with a larger batch it is less noisy, not longer. Hence

    sum = N·K·mean,   so lr for the sum = lr for the mean / (N·K)

Weight decay is not a mean, so with a sum it must be N·K times larger to
have the same effect. The last batch of an epoch may be smaller. Its step is
as long as that of a full batch, so each of its rows counts more.

Rows may have weights, forward(prediction, target, weight). Row n with terms
ℓₙₖ then counts as if the batch had it wₙ ≥ 0 times. W = Σₙ wₙ replaces N,
so that M is W·K for "mean", W for "batchmean", and 1 for "sum":

    ℓ = (1/M) Σₙ wₙ Σₖ ℓₙₖ
    ∂ℓ/∂ŷₙ = (wₙ/M) Σₖ ∂ℓₙₖ/∂ŷₙ      other terms and M do not contain ŷₙ

So row n of the gradient is that of the sum without weights, times wₙ/M. A
mean does not change if all weights are multiplied by one number, so equal
weights have no effect on it. If all weights are 0, the loss and its
gradient are 0. If class k has cₖ of N rows, give each of them the weight
N / (K cₖ). Then the weights of every class sum to N/K, and all of them to
N:

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
