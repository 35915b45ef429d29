"""Multilayer perceptrons in which every formula shown is run.

A newcomer should learn the names in the order in which they stand in
__all__: what a net is made of, the layers, the losses, the chain of layers,
the optimizer, the five steps, and the data. Each docstring derives the code
under it.
"""

from mlp import data, datasets, derivation, metrics, schedules
from mlp.checkpoint import CheckpointError, load, save
from mlp.core import Layer, Loss, Parameter, StaleGradientWarning
from mlp.data import (
    Dataset,
    Standardizer,
    minibatches,
    one_hot,
    train_test_split,
)
from mlp.derivation import derive
from mlp.diagnosing import diagnose
from mlp.gradcheck import check_gradients, check_layer
from mlp.history import History
from mlp.jacobians import jacobian
from mlp.layers import Identity, Linear, ReLU, Sigmoid
from mlp.losses import BCELoss, MSELoss
from mlp.optim import SGD
from mlp.sequential import Sequential
from mlp.tracing import trace
from mlp.training import DivergenceError, fit, train_step

__version__ = "0.1.0"

__all__ = [
    "Parameter",
    "Layer",
    "Linear",
    "ReLU",
    "Sigmoid",
    "Identity",
    "Loss",
    "MSELoss",
    "BCELoss",
    "Sequential",
    "SGD",
    "train_step",
    "fit",
    "History",
    "save",
    "load",
    "check_gradients",
    "check_layer",
    "derive",
    "trace",
    "diagnose",
    "jacobian",
    "minibatches",
    "train_test_split",
    "Standardizer",
    "one_hot",
    "Dataset",
    "StaleGradientWarning",
    "DivergenceError",
    "CheckpointError",
    "data",
    "datasets",
    "derivation",
    "metrics",
    "schedules",
    "__version__",
]
