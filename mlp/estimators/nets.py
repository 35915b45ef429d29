"""The net and the optimizer for an estimator's settings."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from mlp._shared import numbers
from mlp._shared.arrays import Array
from mlp.core.layer import Layer
from mlp.core.optimizer import Optimizer
from mlp.layers.activations import Identity, ReLU, Sigmoid, Tanh
from mlp.layers.dropout import Dropout
from mlp.layers.linear import Linear
from mlp.layers.normalization import BatchNorm1d, LayerNorm
from mlp.optim.adaptive import Adam
from mlp.optim.sgd import SGD
from mlp.sequential import Sequential

# scikit-learn's names, and our layers
ACTIVATIONS: dict[str, type[Layer]] = {
    "identity": Identity,
    "logistic": Sigmoid,
    "tanh": Tanh,
    "relu": ReLU,
}
NORMALISATIONS: dict[str, Any] = {"batch": BatchNorm1d, "layer": LayerNorm}


def hidden_sizes(who: str, value: Any) -> list[int]:
    """Return hidden_layer_sizes, one int or several, as a list.

    Examples
    --------
    >>> from mlp.estimators.nets import hidden_sizes
    >>> hidden_sizes("MLPClassifier", 5), hidden_sizes("MLPClassifier", ())
    ([5], [])
    """
    name = "hidden_layer_sizes"
    if np.ndim(value) == 0:
        return [numbers.positive_int(who, name, value)]
    return [numbers.positive_int(who, f"{name}[{i}]", n) for i, n in enumerate(value)]


def net(
    who: str,
    widths: list[int],
    activation: str,
    dropout: float,
    normalisation: str | None,
    dtype: np.dtype[Any],
    rng: np.random.Generator,
) -> Sequential:
    """Return Linear, normalisation, activation, Dropout, …, Linear.

    Parameters
    ----------
    who : str
        The name of the estimator, for errors.
    widths : list of int
        The widths of the input, the hidden layers and the output.
    activation, dropout, normalisation, dtype
        As in the estimator.
    rng : np.random.Generator
        Draws the weights, and later the masks of Dropout.

    Examples
    --------
    >>> import numpy as np
    >>> from mlp.estimators.nets import net
    >>> rng, dtype = np.random.default_rng(0), np.dtype(float)
    >>> net("MLPRegressor", [2, 3, 1], "tanh", 0.2, "layer", dtype, rng)
    Sequential(
      (0): Linear(in_features=2, out_features=3, bias=True)
      (1): LayerNorm(3, eps=1e-05)
      (2): Tanh()
      (3): Dropout(p=0.2)
      (4): Linear(in_features=3, out_features=1, bias=True)
    )
    """
    kind = ACTIVATIONS[numbers.one_of(who, "activation", activation, ACTIVATIONS)]
    factor = 2 if kind is Sigmoid else 6
    p = numbers.number(who, "dropout", dropout, least=0, below=1)
    if normalisation is not None:
        numbers.one_of(who, "normalisation", normalisation, NORMALISATIONS)
    layers: list[Layer] = []
    for n, m in zip(widths[:-2], widths[1:-1], strict=True):
        layers.append(_linear(n, m, factor, dtype, rng))
        if normalisation is not None:
            layers.append(NORMALISATIONS[normalisation](m, dtype=dtype))
        layers.append(kind())
        if p > 0:
            layers.append(Dropout(p, rng=rng))
    n, m = widths[-2:]
    layers.append(_linear(n, m, factor, dtype, rng))
    return Sequential(*layers)


def _linear(
    n: int, m: int, factor: int, dtype: np.dtype[Any], rng: np.random.Generator
) -> Linear:
    """Return a Linear that is initialized as in scikit-learn.

    Weights and biases are drawn from U(−a, a), a = √(factor / (n + m)).
    Factor 6 is Glorot's initialization.
    """
    bound = math.sqrt(factor / (n + m))

    def drawn(shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        return rng.uniform(-bound, bound, shape)

    layer = Linear(n, m, rng=rng, dtype=dtype, init=drawn)
    if layer.bias is not None:
        layer.bias.data[...] = drawn((m,), rng)
    return layer


def optimizer(who: str, settings: Any, model: Sequential) -> Optimizer:
    """Return the optimizer that solver names, for the net's parameters."""
    if settings.solver == "lbfgs":
        raise ValueError(
            f"{who}: expected solver to be 'sgd' or 'adam', got 'lbfgs', which needs "
            f"all rows in one batch and is not here; scikit-learn's own {who} has it"
        )
    solver = numbers.one_of(who, "solver", settings.solver, ("sgd", "adam"))
    lr = numbers.number(who, "learning_rate_init", settings.learning_rate_init, above=0)
    if solver == "adam":
        betas = settings.beta_1, settings.beta_2
        for i, β in enumerate(betas, start=1):
            numbers.number(who, f"beta_{i}", β, least=0, below=1)
        eps = numbers.number(who, "epsilon", settings.epsilon, above=0)
        return Adam(model.parameters(), lr, betas, eps)
    μ = numbers.number(who, "momentum", settings.momentum, least=0, below=1)
    nesterov = numbers.flag(who, "nesterovs_momentum", settings.nesterovs_momentum)
    return SGD(model.parameters(), lr, μ, nesterov=nesterov and μ > 0)
