"""The base classes and contracts of layers, losses and optimizers.

A net needs an array that has a gradient (Parameter), a function that knows
its own derivative (Layer), a number to make small (Loss), and a rule for
the next step (Optimizer). Each class here is a contract: it says which
methods a class of your own must have, to be used like those of the library.
Read parameter.py first, then layer.py, loss.py and optimizer.py; mlp.layers
comes next.
"""

from mlp.core.layer import Layer as Layer
from mlp.core.loss import Loss as Loss
from mlp.core.loss import Reduction as Reduction
from mlp.core.optimizer import Optimizer as Optimizer
from mlp.core.parameter import Buffer as Buffer
from mlp.core.parameter import Parameter as Parameter
from mlp.core.parameter import StaleGradientWarning as StaleGradientWarning

__all__ = [
    "Parameter",
    "Buffer",
    "Layer",
    "Loss",
    "Reduction",
    "Optimizer",
    "StaleGradientWarning",
]
