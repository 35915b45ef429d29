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
"""

from mlp.losses.binary import BCELoss as BCELoss
from mlp.losses.binary import BCEWithLogitsLoss as BCEWithLogitsLoss
from mlp.losses.categorical import CrossEntropyLoss as CrossEntropyLoss
from mlp.losses.squared import MSELoss as MSELoss

__all__ = ["MSELoss", "BCELoss", "BCEWithLogitsLoss", "CrossEntropyLoss"]
