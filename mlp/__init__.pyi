"""What a type checker sees of mlp, where __init__.py loads each name late."""

from mlp import data, datasets, derivation, initializers, metrics, schedules
from mlp.checking.diagnosis import diagnose
from mlp.checking.gradients import check_gradients, check_layer
from mlp.core import Buffer, Layer, Loss, Optimizer, Parameter, StaleGradientWarning
from mlp.data import Dataset, Standardizer, minibatches, one_hot, train_test_split
from mlp.derivation import derive
from mlp.derivation.jacobian import jacobian
from mlp.derivation.trace import trace
from mlp.fitting.checkpoint import CheckpointError, load, load_model, save
from mlp.fitting.divergence import DivergenceError
from mlp.fitting.fit import fit
from mlp.fitting.history import History
from mlp.layers import (
    BatchNorm1d,
    Dropout,
    Identity,
    LayerNorm,
    LeakyReLU,
    Linear,
    ReLU,
    Sigmoid,
    Softmax,
    Tanh,
)
from mlp.losses import BCELoss, BCEWithLogitsLoss, CrossEntropyLoss, MSELoss
from mlp.optim import SGD, Adam, AdamW, RMSprop, clip_grad_norm
from mlp.sequential import Sequential
from mlp.training import train_step

__version__: str

__all__ = [
    "Parameter",
    "Buffer",
    "Layer",
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
    "Loss",
    "MSELoss",
    "BCELoss",
    "BCEWithLogitsLoss",
    "CrossEntropyLoss",
    "Sequential",
    "Optimizer",
    "SGD",
    "RMSprop",
    "Adam",
    "AdamW",
    "clip_grad_norm",
    "train_step",
    "fit",
    "History",
    "save",
    "load",
    "load_model",
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
    "initializers",
    "metrics",
    "schedules",
    "__version__",
]
