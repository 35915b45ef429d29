"""Each layer, loss and optimizer of the library, for the tests that all of them pass.

A new class is in them once it is exported. An argument without a default, or one that
is to be tested at another value than its default, gets a value in SETTINGS.
"""

import inspect

import numpy as np

import mlp

LAYERS = tuple(mlp.layers.__all__)
LOSSES, OPTIMIZERS = (
    tuple(
        kind for name in package.__all__ if isinstance(kind := getattr(mlp, name), type)
    )
    for package in (mlp.losses, mlp.optim)
)
SIZES = ("in_features", "out_features", "num_features", "normalized_shape")
SETTINGS = {
    **{"negative_slope": 0.2, "p": 0.4, "eps": 0.1, "momentum": 0.5},
    **{"weight_decay": 0.2, "nesterov": True, "alpha": 0.5, "betas": (0.5, 0.25)},
}


def settings(kind, **others):
    """Return arguments of a class that are not its defaults."""
    known, taken = SETTINGS | others, inspect.signature(kind).parameters
    return {name: value for name, value in known.items() if name in taken}


def layer(name, n=3, *, rng=0, dtype=np.float64, **others):
    """Return a layer by its name, from n numbers to n."""
    kind, sizes = getattr(mlp, name), dict.fromkeys(SIZES, n)
    return kind(**settings(kind, rng=rng, dtype=dtype, **sizes | others))
