"""The layers: Linear, and the activations between them.

A layer is a formula and its derivative: forward runs the formula, backward
multiplies by the derivative. Each class is the derivation note of the code
under it, for one sample as a column first, then for a batch of rows. Read
linear.py first, then activations.py; mlp.losses comes next.
"""

from mlp.layers.activations import Identity as Identity
from mlp.layers.activations import ReLU as ReLU
from mlp.layers.activations import Sigmoid as Sigmoid
from mlp.layers.linear import Linear as Linear

__all__ = ["Linear", "ReLU", "Sigmoid", "Identity"]
