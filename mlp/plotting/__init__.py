"""Pictures of a net, its data and its training, by matplotlib.

decision_boundary draws the classes that a net predicts in the plane,
loss_surface the loss around its parameters, activations the outputs and
gradients of each layer, weights the weights of each unit, and network the
units and weights of a net. Each of them draws on the Axes that it is given
or on new ones, and returns them. It does not use pyplot and opens no
window. live draws the losses again and again while fit runs. All need
matplotlib: in the clone, pip install '.[plot]'. Read boundary.py next.
"""

from mlp.plotting.activations import activations
from mlp.plotting.boundary import decision_boundary
from mlp.plotting.live import live
from mlp.plotting.network import network
from mlp.plotting.surface import loss_surface
from mlp.plotting.weights import weights

__all__ = [
    "activations",
    "decision_boundary",
    "live",
    "loss_surface",
    "network",
    "weights",
]
