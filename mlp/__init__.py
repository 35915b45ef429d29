"""Multilayer perceptrons in pure NumPy, with every gradient derived.

The names in __all__ are in reading order: what a net is made of, the
layers, the losses, the chain of layers, the optimizers, the five steps, and
the tools. Each docstring derives the code under it. The README has an
example; read mlp.core next. Each name is imported when it is first used, so
that a script does not wait for what it does not use.
"""

from _thread import RLock as _RLock

__version__ = "0.1.0"

_LOADING = _RLock()  # two threads that import NumPy at once can meet half of it

# The module that each name lives in; __init__.pyi says the same to type checkers.
_HOME = {
    "Parameter": "core",
    "Buffer": "core",
    "Layer": "core",
    "Linear": "layers",
    "ReLU": "layers",
    "LeakyReLU": "layers",
    "Sigmoid": "layers",
    "Tanh": "layers",
    "Softmax": "layers",
    "Identity": "layers",
    "Dropout": "layers",
    "BatchNorm1d": "layers",
    "LayerNorm": "layers",
    "Loss": "core",
    "MSELoss": "losses",
    "BCELoss": "losses",
    "BCEWithLogitsLoss": "losses",
    "CrossEntropyLoss": "losses",
    "Sequential": "sequential",
    "Optimizer": "core",
    "SGD": "optim",
    "RMSprop": "optim",
    "Adam": "optim",
    "AdamW": "optim",
    "clip_grad_norm": "optim",
    "train_step": "training",
    "fit": "fitting.fit",
    "History": "fitting.history",
    "save": "fitting.checkpoint",
    "load": "fitting.checkpoint",
    "load_model": "fitting.checkpoint",
    "check_gradients": "checking.gradients",
    "check_layer": "checking.gradients",
    "derive": "derivation",
    "trace": "derivation.trace",
    "diagnose": "checking.diagnosis",
    "jacobian": "derivation.jacobian",
    "minibatches": "data",
    "train_test_split": "data",
    "Standardizer": "data",
    "one_hot": "data",
    "Dataset": "data",
    "StaleGradientWarning": "core",
    "DivergenceError": "fitting.divergence",
    "CheckpointError": "fitting.checkpoint",
}

__all__ = [
    *_HOME,
    "data",
    "datasets",
    "derivation",
    "initializers",
    "metrics",
    "schedules",
    "__version__",
]


def __getattr__(name: str) -> object:
    """Return a name of _HOME, or a module of this package, loaded now.

    Python asks here, by PEP 562, for what is not among the globals yet.
    """
    from importlib import import_module

    if name in _HOME:
        with _LOADING:
            value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
        return globals().setdefault(name, value)
    if name.isidentifier() and not name.startswith("__"):
        module = f"{__name__}.{name}"
        try:
            with _LOADING:
                return import_module(module)  # which makes it a global too
        except ModuleNotFoundError as error:
            if error.name != module:  # it is there, and lacks what it imports
                raise
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """Return the public names and modules, loaded or not."""
    from pkgutil import iter_modules

    modules = {module.name for module in iter_modules(__path__)}
    return sorted({*__all__, "__all__"} | {m for m in modules if m[0] != "_"})
