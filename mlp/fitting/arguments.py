"""The checks of the arguments of fit, save and load."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping
from typing import Any

import numpy.typing as npt

from mlp._shared.arrays import (
    RealArray,
    all_finite,
    finite,
    holds_some,
    paired_rows,
    real_array,
    row_weights,
    writable,
)
from mlp._shared.numbers import function, instance, one_of, positive_int
from mlp.core.layer import Layer
from mlp.core.loss import Loss
from mlp.core.optimizer import Optimizer
from mlp.fitting import files
from mlp.fitting.evaluation import Rows
from mlp.fitting.patience import Patience


def check_optimizer(who: str, optimizer: Any) -> None:
    """Raise unless it is an Optimizer."""
    if isinstance(optimizer, type):
        instance(who, "optimizer", optimizer, Optimizer)
    if not isinstance(optimizer, Optimizer):
        raise TypeError(
            f"{who}: expected optimizer to be of Optimizer, got {optimizer!r}; derive "
            f"its class from mlp.Optimizer, and write update"
        )


def check_layers(who: str, layers: Any) -> Mapping[str, type[Layer]]:
    """Return the classes of a reader's layers, by name; {} for None."""
    layers = {} if layers is None else layers
    if isinstance(layers, Mapping) and all(
        isinstance(name, str) and isinstance(kind, type) and issubclass(kind, Layer)
        for name, kind in layers.items()
    ):
        return layers
    raise TypeError(
        f"{who}: expected layers to be a dict of names and classes of layers, as "
        f'{{"Softplus": Softplus}}, got {layers!r}'
    )


def training_rows(
    who: str, criterion: Loss, x: npt.ArrayLike, y: npt.ArrayLike, dtypes: Any
) -> tuple[RealArray, RealArray]:
    """Return x and y as paired finite rows, floats in the dtypes of a net.

    Integers stay as they are, since a layer or a loss may use them as
    labels. So does one label a row, for a loss that takes labels.
    """
    rows = []
    for name, array, dtype in zip("xy", paired_rows(who, x, y), dtypes, strict=True):
        finite(who, name, array)
        is_label = name == "y" and criterion.takes_labels and array.ndim == 1
        is_kept = is_label or array.dtype.kind != "f"
        rows.append(real_array(who, name, array, None if is_kept else dtype))
    return rows[0], rows[1]


def with_weights(
    who: str, name: str, criterion: Loss, weight: npt.ArrayLike, rows: Rows, dtype: Any
) -> Rows:
    """Return x, y and the weights, without the rows whose weight is 0."""
    criterion.expect_takes_weight()
    w = row_weights(who, name, weight, rows[0], dtype)
    if not w.any():
        raise ValueError(
            f"{who}: expected {name} with one above 0 at least, got only 0; there is "
            f"no row to learn from"
        )
    rows = (*rows, w)
    return rows if w.all() else tuple([array[w > 0] for array in rows])


def held_out_rows(
    who: str, criterion: Loss, given: Any, training: Rows, dtypes: Any
) -> Rows:
    """Return the validation data as training_rows does, of the same widths."""
    if not (isinstance(given, tuple | list) and len(given) in (2, 3)):
        raise TypeError(
            f"{who}: expected validation to be a pair (x, y), or (x, y, weight), got "
            f"{type(given).__name__}; write validation=(x_test, y_test)"
        )
    x_held, y_held, *weights = given
    inside = f"{who}, validation"
    held_out: Rows = training_rows(inside, criterion, x_held, y_held, dtypes)
    for weight in weights:
        held_out = with_weights(
            inside, "weight", criterion, weight, held_out, dtypes[1]
        )
    for name, rows, other in zip("xy", held_out, training, strict=False):
        if rows.shape[1:] != other.shape[1:]:
            raise ValueError(
                f"{who}: expected validation {name} to have rows like {name}'s, of "
                f"shape {other.shape[1:]}, got {rows.shape[1:]}"
            )
    return held_out


def as_patience(
    who: str, value: Any, has_validation: bool, metrics: Mapping[str, Any]
) -> Patience:
    """Return value as a Patience, if there is something to wait for."""
    if isinstance(value, Patience):
        patience = value
    else:
        patience = Patience(positive_int(who, "patience", value))
    if patience.watch == "validation_loss" and not has_validation:
        raise ValueError(
            f"{who}: expected validation with patience, got none; hold rows out by "
            f"mlp.train_test_split and give validation=(x_test, y_test)"
        )
    watched = ("validation_loss", "loss", *metrics)
    one_of(who, "what patience watches", patience.watch, watched)
    return patience


def place_for_a_file(who: str, name: str, path: Any) -> None:
    """Raise unless path is one, and a file can be written there: it is tried."""
    if not isinstance(path, str | os.PathLike):
        raise TypeError(f"{who}: expected {name} to be a str or path, got {path!r}")
    try:
        files.try_place(path)
    except OSError as error:
        number, sentence = error.errno, _no_place(name, os.fsdecode(path), error)
    except ValueError:
        number = errno.EINVAL
        sentence = (
            f"expected {name} without signs that no name may have; leave them out"
        )
    else:
        return
    raise OSError(number, f"{who}: {sentence}", os.fspath(path)) from None


def _no_place(name: str, path: str, error: OSError) -> str:
    """Return what is wrong with the place of a file, and what to do about it."""
    if not path:
        return f"expected {name} to name a file, got ''; leave it out, or give a name"
    if error.errno == errno.EISDIR:
        return f"expected {name} to be a file, got a folder; give a name in it"
    if error.errno == errno.ENXIO:
        return f"expected {name} to be a file, got a socket; give another name"
    if error.errno == errno.ENAMETOOLONG:
        return f"expected {name} of a shorter name, got {len(path)} characters; cut it"
    if error.errno == errno.ELOOP:
        return f"expected {name} to be a file, got links in a circle; remove the link"
    if os.path.exists(path) and not os.access(path, os.W_OK):
        return (
            f"expected {name} to be a file that can be written to, got one that cannot "
            f"({error.strerror}); change its permissions, or give another name"
        )
    folder = os.path.dirname(os.path.realpath(path))
    cure = "change its permissions, or take another folder"
    if error.errno == errno.ENOENT:
        cure = "make it first"
    elif error.errno == errno.ENOTDIR:
        cure = "take a folder in place of a file"
    link = ", to which the link leads" if os.path.islink(path) else ""
    return (
        f"expected {name} in a folder that can be written to, got {folder}{link} "
        f"({error.strerror}); {cure}"
    )


def to_be_trained(who: str, optimizer: Any, parameters: list[Any]) -> None:
    """Raise unless there are finite parameters that the optimizer holds."""
    if not parameters:
        raise ValueError(
            f"{who}: expected a model with parameters to learn, got none; does it have "
            f"a Linear?"
        )
    holds_some(who, optimizer, parameters)
    writable(who, [p.data for p in parameters if optimizer.holds(p)])
    if not all_finite([p.data for p in parameters]):
        raise ValueError(
            f"{who}: expected the model's parameters to be finite, got NaN or "
            f"infinity; make a new model, or load weights that are finite"
        )


def enough_rows(
    who: str, model: Layer, n: int, batch_size: int, processes: int = 1
) -> None:
    """Raise if a part of a batch has too few rows for a layer."""
    last = n % batch_size or batch_size
    least = max(last // processes, 1)  # a part without rows runs no layer
    of_which = f", divided among {processes} processes" if processes > 1 else ""
    for layer in model.modules():
        if least < layer.least_rows:
            raise ValueError(
                f"{who}: expected at least {layer.least_rows} rows in each batch, as "
                f"{type(layer).__name__} needs in training, got {least} in the last "
                f"one of {n} rows in batches of {batch_size}{of_which}; take another "
                f"batch_size"
            )


def functions(who: str, name: str, value: Any) -> None:
    """Raise unless value is a mapping of names to functions."""
    if not (isinstance(value, Mapping) and all(isinstance(key, str) for key in value)):
        raise TypeError(
            f"{who}: expected {name} to be a dict of names to functions, got "
            f"{value!r}; write {name}={{'accuracy': mlp.metrics.accuracy}}"
        )
    for key in value:
        function(who, f"{name}[{key!r}]", value[key])
