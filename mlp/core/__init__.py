"""What everything is made of: Parameter, Layer, Loss.

A net needs an array that has a gradient, a function that knows its own
derivative, a number to make small, and a rule for the next step. Each class
is a contract: whoever keeps it can put a layer, a loss or an optimizer of
their own among those of the library. Read parameter.py first, then layer.py,
loss.py and optimizer.py; mlp.layers comes next.
"""

from mlp.core.layer import Layer as Layer
from mlp.core.loss import Loss as Loss
from mlp.core.parameter import Parameter as Parameter
from mlp.core.parameter import StaleGradientWarning as StaleGradientWarning

__all__ = ["Parameter", "Layer", "Loss", "StaleGradientWarning"]
