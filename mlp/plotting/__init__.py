"""Pictures of a net, its data and its training, by matplotlib.

decision_boundary shows what a net answers in the plane, loss_surface what
the loss looks like around its parameters, activations what each layer
passes on and back, weights what each unit looks at, network the net itself.
live redraws while fit runs. Each takes Axes or makes some, returns them,
and changes nothing else: no pyplot, no display. It needs matplotlib, in the
clone pip install '.[plot]'; read mlp.plotting.boundary next.
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
