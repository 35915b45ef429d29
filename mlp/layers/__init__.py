"""The layers: Linear, the activations, dropout and normalization.

A layer is a formula and its derivative: forward runs the formula, backward
multiplies by the derivative. The docstring of each class derives the code
under it, first for one sample as a column, then for a batch of rows. Read
linear.py first, then activations.py; mlp.losses comes next.
"""

from mlp.layers.activations import Identity as Identity
from mlp.layers.activations import LeakyReLU as LeakyReLU
from mlp.layers.activations import ReLU as ReLU
from mlp.layers.activations import Sigmoid as Sigmoid
from mlp.layers.activations import Softmax as Softmax
from mlp.layers.activations import Tanh as Tanh
from mlp.layers.dropout import Dropout as Dropout
from mlp.layers.linear import Linear as Linear
from mlp.layers.normalization import BatchNorm1d as BatchNorm1d
from mlp.layers.normalization import LayerNorm as LayerNorm

__all__ = [
    "Linear",
    "ReLU",
    "LeakyReLU",
    "Sigmoid",
    "Tanh",
    "Softmax",
    "Identity",
    "Dropout",
    "BatchNorm1d",
    "LayerNorm",
]
