"""Argument checks, and the wording of their errors.

A wrong argument is stopped where it enters the library, before any arithmetic
can broadcast it into a number; the sentence says who was called, what was
expected, what came, and the usual cure. Each check returns its argument in the
form that the mathematics wants, so that a forward or backward needs one line
of checking; those lines are in every training step, so the first test in such
a check is the one that right input passes.
"""

from __future__ import annotations

import errno
import math
import operator
import os
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from numbers import Real
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from mlp import _files

Array: TypeAlias = npt.NDArray[np.floating[Any]]
RealArray: TypeAlias = npt.NDArray[Any]
Rng: TypeAlias = "int | np.random.Generator | None"  # numpy.random is slow to load

_FLOAT_DTYPES = (np.dtype(np.float64), np.dtype(np.float32))


# ------------------------------------------------------------------ arrays


def real_array(
    who: str, name: str, value: npt.ArrayLike, dtype: npt.DTypeLike | None = None
) -> RealArray:
    """Return value as an array of real numbers: of its own dtype, or of dtype."""
    array = _as_array(who, name, value)
    if array.dtype.kind not in "fiub":
        array = _from_columns(who, name, value, array)
    if dtype is None or array.dtype == dtype:
        return array
    try:
        with np.errstate(all="ignore", over="raise"):
            return array.astype(dtype)
    except FloatingPointError:
        raise ValueError(
            f"{who}: expected {name} within the range of {np.dtype(dtype)}, "
            f"got {np.abs(array[np.isfinite(array)]).max():.3g}; "
            f"scale it, or use float64"
        ) from None


def _as_array(who: str, name: str, value: npt.ArrayLike) -> npt.NDArray[Any]:
    """Return np.asarray(value), which must not drop a mask or stumble on rows."""
    if _has_mask(value):
        inside = "" if isinstance(value, np.ma.MaskedArray) else ", in a list"
        raise TypeError(
            f"{who}: expected {name} without a mask, got a masked array{inside}; "
            f"fill or drop its masked entries first"
        )
    try:
        return np.asarray(value)
    except ValueError:  # numpy's word for a list of ragged rows
        raise ValueError(
            f"{who}: expected {name} to have rows of one length, got a ragged list"
        ) from None


def _has_mask(value: Any) -> bool:
    """Return whether a value is a masked array, or a sequence with one inside."""
    if not isinstance(value, Sequence) or isinstance(value, str | bytes):
        return isinstance(value, np.ma.MaskedArray)
    kinds = {
        kind
        for kind in set(map(type, value))
        if issubclass(kind, Sequence | np.ma.MaskedArray)
    }
    return bool(kinds) and any(_has_mask(v) for v in value if type(v) in kinds)


def _from_columns(
    who: str, name: str, value: Any, array: npt.NDArray[Any]
) -> RealArray:
    """Return the numbers of a table whose columns are of several sorts.

    NumPy makes objects of a pandas DataFrame with a bool column, or with a
    column that may have missing values; column by column they are numbers.
    """
    if hasattr(value, "columns") and hasattr(value, "items"):
        columns = [
            _column_of_table(who, f"column {label!r} of {name}", column)
            for label, column in value.items()
        ]
        return np.column_stack(columns) if columns else np.empty(array.shape)
    if hasattr(value, "dtype") and hasattr(value, "to_numpy"):  # a Series
        return _column_of_table(who, name, value)
    got = type(value).__name__
    if array.dtype != object or isinstance(value, np.ndarray | list | tuple):
        got += f" of dtype {array.dtype}"
    raise _no_numbers(who, name, got, array)


def _column_of_table(who: str, name: str, column: Any) -> RealArray:
    """Return a column of a table as an array of numbers."""
    array = np.asarray(column)
    if array.dtype.kind in "fiub":
        return array
    dtype = getattr(column.dtype, "numpy_dtype", np.dtype(object))  # of Int64: int64
    if dtype.kind not in "fiub":
        raise _no_numbers(who, name, f"dtype {column.dtype}", array)
    missing = np.asarray(column.isna())
    if missing.any():
        raise ValueError(
            f"{who}: expected {name} without missing values, got "
            f"{np.count_nonzero(missing)} of {missing.size}, the first in row "
            f"{int(missing.argmax())}; drop or fill these rows first"
        )
    return np.asarray(column.to_numpy(dtype=dtype))


def _no_numbers(who: str, name: str, got: str, array: npt.NDArray[Any]) -> TypeError:
    """Return the error of values that are no real numbers."""
    cure = "convert it to a float array first"
    if any(isinstance(item, str | bytes) for item in array.flat):
        cure = f"mlp.one_hot turns labels into rows of numbers; else {cure}"
    return TypeError(f"{who}: expected {name} to hold real numbers, got {got}; {cure}")


def floating(who: str, name: str, value: npt.ArrayLike) -> Array:
    """Return value as an array that keeps a floating dtype; integers to float64."""
    array = real_array(who, name, value)
    return array if array.dtype.kind == "f" else array.astype(np.float64)


def activation_input(layer: object, x: npt.ArrayLike) -> Array:
    """Return the x of an activation's forward: any shape, a floating dtype."""
    if type(x) is np.ndarray and x.dtype.kind == "f":
        return x
    return floating(f"{type(layer).__name__}.forward", "x", x)


def array(who: str, name: str, value: npt.ArrayLike) -> RealArray:
    """Return value as an array; the first layer that has it checks the rest."""
    if type(value) is np.ndarray and value.dtype.kind == "f":
        return value
    return real_array(who, name, value)


def linear_input(layer: object, x: npt.ArrayLike, weight: Array) -> Array:
    """Return the x of a linear forward: shape (N, width), the weight's dtype."""
    if not isinstance(
        weight, np.ndarray
    ):  # such as the .data of an array, not a Parameter
        raise TypeError(
            f"{type(layer).__name__}.forward: expected weight to be a Parameter, got "
            f"something else assigned; write layer.weight.data[...] = value"
        )
    if type(x) is not np.ndarray or x.dtype != weight.dtype:
        x = real_array(f"{type(layer).__name__}.forward", "x", x, weight.dtype)
    width = weight.shape[1]
    if x.ndim == 2 and x.shape[1] == width:
        return x
    raise ValueError(
        f"{type(layer).__name__}.forward: expected x of shape (N, {width}), "
        f"got {x.shape}{_reshapes('x', x)}"
    )


def _reshapes(name: str, x: RealArray) -> str:
    """Return the two matrices that an array of one dimension may be meant for."""
    if x.ndim != 1:
        return ""
    return (
        f"; {name}.reshape(1, -1) is one sample, (1, {x.size}), "
        f"{name}.reshape(-1, 1) is {x.size} samples of one feature, ({x.size}, 1)"
    )


def upstream(
    layer: object, kept: Array | None, grad_output: npt.ArrayLike, width: int = -1
) -> tuple[Array, Array]:
    """Return what forward kept, and grad_output: shape and dtype of the output.

    What it kept is the output, or, of a linear layer, the input; then width is
    that of the output.
    """
    if kept is None:
        raise no_forward(layer, "prediction = model.forward(x) (step 1)")
    shape = kept.shape if width < 0 else (len(kept), width)
    if type(grad_output) is not np.ndarray or grad_output.dtype != kept.dtype:
        who = f"{type(layer).__name__}.backward"
        grad_output = real_array(who, "grad_output", grad_output, kept.dtype)
    if grad_output.shape == shape:
        return kept, grad_output
    cure = (
        "did another batch go through model.forward between steps 1 and 4? there, "
        "write model.predict(x), which leaves what backward needs alone; or did the "
        "loss broadcast its target?"
    )
    if grad_output.ndim == 0:
        cure = "it is not the loss that goes back: model.backward(criterion.backward())"
    raise ValueError(
        f"{type(layer).__name__}.backward: expected grad_output of shape {shape}, "
        f"that of the last output, got {grad_output.shape}; {cure}"
    )


def no_forward(owner: object, call: str) -> RuntimeError:
    """Return the error of a backward that has no forward to go back through."""
    return RuntimeError(
        f"{type(owner).__name__}.backward: expected a forward to go back through, "
        f"got none: each backward uses up one forward; write {call} before it"
    )


def prediction_and_target(
    loss: object, prediction: npt.ArrayLike, target: npt.ArrayLike, per_row: bool
) -> tuple[Array, Array]:
    """Return the two arrays of a loss: one shape, one dtype, not empty.

    The dtype is the prediction's if that is float32 or float64, else float64.
    per_row says that the loss divides by the number of rows, so there are some.
    """
    if (
        type(prediction) is np.ndarray
        and type(target) is np.ndarray
        and prediction.dtype == target.dtype
        and prediction.dtype in _FLOAT_DTYPES
        and prediction.shape == target.shape
        and prediction.ndim > 0
        and prediction.size > 0
    ):
        return prediction, target
    who = f"{type(loss).__name__}.forward"
    prediction = floating(who, "prediction", prediction)
    if prediction.dtype not in _FLOAT_DTYPES:
        prediction = prediction.astype(np.float64)
    target = real_array(who, "target", target, prediction.dtype)
    if prediction.shape != target.shape:
        raise ValueError(
            f"{who}: expected prediction and target of one shape, got "
            f"{prediction.shape} and {target.shape}{_cure(prediction, target)}"
        )
    if prediction.size == 0:
        raise ValueError(
            f"{who}: expected at least one entry, got shape {prediction.shape}: "
            f"an empty batch has no loss"
        )
    if per_row and prediction.ndim == 0:
        raise ValueError(
            f"{who}: expected rows to divide by, as reduction is 'batchmean', got "
            f"a prediction of shape (); use 'mean' or 'sum'"
        )
    return prediction, target


def _cure(prediction: Array, target: Array) -> str:
    """Return the reshape that makes a target fit, where there is an honest one."""

    def squeezed(shape: tuple[int, ...]) -> list[int]:
        return [n for n in shape if n != 1]

    if squeezed(prediction.shape) == squeezed(target.shape):
        if target.ndim == 1 and prediction.shape == (target.size, 1):
            return "; write target.reshape(-1, 1)"
        return f"; write target.reshape({prediction.shape})"
    if target.ndim < 2 <= prediction.ndim and len(prediction) == target.size:
        return "; class labels become such rows by mlp.one_hot(labels)"
    return ""


def gradient(value: npt.ArrayLike, data: Array, who: str) -> Array:
    """Return value as a gradient of data: its shape and its dtype."""
    if type(value) is not np.ndarray or value.dtype != data.dtype:
        value = real_array(who, "the gradient", value, data.dtype)
    if value.shape == data.shape:
        own = value is data or value.base is data  # into which a step will write
        return value.copy() if own else value
    cure = ""
    if value.ndim > 1 and value.shape == data.shape[::-1]:
        cure = "; it looks transposed"
    elif value.ndim > data.ndim and value.shape[1:] == data.shape:
        cure = "; sum it over the batch, axis 0"
    elif value.size == data.size:
        cure = f"; write grad.reshape({data.shape})"
    raise ValueError(
        f"{who}: expected a gradient of the parameter's shape {data.shape}, "
        f"got {value.shape}{cure}"
    )


def in_unit_interval(loss: object, name: str, values: Array, cure: str) -> None:
    """Raise unless every entry is in [0, 1]; NaN is not."""
    if values.min() >= 0 and values.max() <= 1:
        return
    wrong = ~((values >= 0) & (values <= 1))
    if name == "prediction" and np.isnan(values).any():
        cure = "the numbers grew out of range: try a smaller lr, or x that is scaled"
    raise ValueError(
        f"{type(loss).__name__}.forward: expected {name} in [0, 1], got "
        f"{_count_and_place(values, wrong)}; {cure}"
    )


def finite(
    who: str, name: str, values: RealArray, cure: str = "drop or fill these rows first"
) -> None:
    """Raise if an entry is NaN or infinite; count them and name the first."""
    finite = np.isfinite(values)
    if not finite.all():
        raise ValueError(
            f"{who}: expected {name} to be finite, got "
            f"{_count_and_place(values, ~finite)}; {cure}"
        )


def _count_and_place(values: RealArray, wrong: npt.NDArray[np.bool_]) -> str:
    place = tuple(int(i) for i in np.argwhere(wrong)[0])
    return (
        f"{np.count_nonzero(wrong)} of {wrong.size} entries outside it, the first "
        f"{values[place]} at index {place}"
    )


def matrix(
    who: str, name: str, value: npt.ArrayLike, width: int | None = None
) -> Array:
    """Return value as a finite table, rows by columns."""
    array = _rows(who, name, value, width, "")
    finite(who, name, array)
    return array


def rows_of(who: str, name: str, value: npt.ArrayLike, width: int, of: str) -> Array:
    """Return a batch of rows, of the width that an end of a net has; at least one."""
    return _rows(who, name, value, width, f", as {of} has it", least=1)


def _rows(
    who: str,
    name: str,
    value: npt.ArrayLike,
    width: int | None,
    reason: str,
    least: int = 0,
) -> Array:
    """Return value as rows of a width, or of any."""
    array = floating(who, name, value)
    fits = array.ndim == 2 and width in (None, array.shape[1]) and len(array) >= least
    if not fits:
        columns = "columns" if width is None else width
        raise ValueError(
            f"{who}: expected {name} of shape (N, {columns}){reason}, got "
            f"{array.shape}{_reshapes(name, array)}"
        )
    return array


def paired_rows(
    who: str, x: npt.ArrayLike, y: npt.ArrayLike
) -> tuple[RealArray, RealArray]:
    """Return x and y as arrays whose rows belong together, at least one."""
    x, y = real_array(who, "x", x), real_array(who, "y", y)
    if x.ndim == 0 or y.ndim == 0 or len(x) != len(y) or len(x) == 0:
        raise ValueError(
            f"{who}: expected x and y with the same number of rows, at least one, "
            f"got shapes {x.shape} and {y.shape}"
        )
    return x, y


def scored_rows(
    who: str, prediction: npt.ArrayLike, target: npt.ArrayLike
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the two arrays of a metric: rows of one shape, finite, not empty."""
    ŷ = real_array(who, "prediction", prediction, np.float64)
    y = real_array(who, "target", target, np.float64)
    if ŷ.shape != y.shape or ŷ.ndim != 2 or ŷ.size == 0:
        raise ValueError(
            f"{who}: expected prediction and target of one shape (N, K), at least one "
            f"row, got {ŷ.shape} and {y.shape}"
            f"{_cure(ŷ, y) if ŷ.ndim == 2 else '; one column is (N, 1)'}"
        )
    finite(who, "prediction", ŷ)
    finite(who, "target", y)
    return ŷ, y


def classes(who: str, name: str, y: RealArray) -> None:
    """Raise unless y is a column of 0 and 1, or has one 1 and else 0 in each row."""
    wrong = ((y != 0) & (y != 1)).any(axis=1)
    if y.shape[1] > 1:
        wrong |= y.sum(axis=1) != 1
    if wrong.any():
        rows = "one-hot rows" if y.shape[1] > 1 else "0 or 1 in each row"
        raise ValueError(
            f"{who}: expected {name} to be {rows}, got {y[wrong][0]} in row "
            f"{int(wrong.argmax())}; mlp.one_hot makes such rows of labels"
        )


def training_rows(
    who: str, x: npt.ArrayLike, y: npt.ArrayLike, x_dtype: Any, y_dtype: Any
) -> tuple[RealArray, RealArray]:
    """Return x and y as paired rows, finite; floats in the dtypes of a net's ends.

    Integers stay as they are, since a layer or a loss may use them as labels.
    """
    rows = []
    arrays = zip("xy", paired_rows(who, x, y), (x_dtype, y_dtype), strict=True)
    for name, array, dtype in arrays:
        finite(who, name, array)
        is_float = array.dtype.kind == "f"
        rows.append(real_array(who, name, array, dtype if is_float else None))
    return rows[0], rows[1]


def held_out_rows(
    who: str, pair: Any, x: RealArray, y: RealArray, x_dtype: Any, y_dtype: Any
) -> tuple[RealArray, RealArray]:
    """Return the pair of validation data, as training_rows does, of the same widths."""
    if not (isinstance(pair, tuple | list) and len(pair) == 2):
        raise TypeError(
            f"{who}: expected validation to be a pair (x, y), got "
            f"{type(pair).__name__}; write validation=(x_test, y_test)"
        )
    x_held, y_held = pair
    held_out = training_rows(f"{who}, validation", x_held, y_held, x_dtype, y_dtype)
    for name, rows, other in zip("xy", held_out, (x, y), strict=True):
        if rows.shape[1:] != other.shape[1:]:
            raise ValueError(
                f"{who}: expected validation {name} to have rows like {name}'s, of "
                f"shape {other.shape[1:]}, got {rows.shape[1:]}"
            )
    return held_out


def all_finite(arrays: list[Array]) -> bool:
    """Return whether no entry is NaN or infinite."""
    # one pass and no temporary; a sum of squares may overflow, so it is only a hint
    with np.errstate(all="ignore"):
        squares = sum([float(np.vdot(a, a)) for a in arrays])
    return math.isfinite(squares) or all(bool(np.isfinite(a).all()) for a in arrays)


def labels(who: str, name: str, value: npt.ArrayLike) -> npt.NDArray[Any]:
    """Return value as one label a row, shape (N,): finite numbers, or text."""
    array = _as_array(who, name, value)
    if array.dtype.kind == "U" and not isinstance(value, np.ndarray):
        array = np.asarray(value, object)  # [1, "a"] is no text
    if array.dtype == object and all(isinstance(item, str) for item in array.flat):
        array = array.astype(str)
    if array.dtype.kind not in "fiubU":
        raise TypeError(
            f"{who}: expected {name} to be numbers or text, got {array.dtype}"
        )
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1 or array.size == 0:
        raise ValueError(
            f"{who}: expected {name} of shape (N,), one each, got {array.shape}"
        )
    if array.dtype.kind == "f":
        finite(who, name, array)
        if np.any(array != np.floor(array)):
            raise ValueError(
                f"{who}: expected {name} to be whole numbers or text, got "
                f"{array[array != np.floor(array)][0]}"
            )
    return array


def names(
    who: str, expected: Collection[str], state: Any, optional: Collection[str] = ()
) -> None:
    """Raise unless state is a mapping with the names expected, and no unknown."""
    if not isinstance(state, Mapping):
        raise TypeError(
            f"{who}: expected a mapping of names to values, got "
            f"{type(state).__name__}; state_dict() makes one"
        )
    missing = [name for name in expected if name not in state]
    unknown = [n for n in state if n not in expected and n not in optional]
    if missing or unknown:
        raise ValueError(
            f"{who}: expected the names {list(expected)}, got a state that lacks "
            f"{missing} and has {unknown} besides; is it another's?"
        )


def writable(who: str, arrays: Iterable[Array]) -> None:
    """Raise unless all parameters can be written to."""
    if not all([array.flags.writeable for array in arrays]):
        raise ValueError(
            f"{who}: expected parameters that can be written to, got one in read-only "
            f"memory, as joblib hands them to its processes; train "
            f"copy.deepcopy(model)"
        )


def load_arrays(who: str, targets: Mapping[str, Array], state: Any) -> None:
    """Write state's arrays into the targets of the same names, or change none."""
    names(who, targets, state)
    writable(who, targets.values())
    arrays = {}
    for name, target in targets.items():
        array = real_array(who, f"{name!r}", state[name], target.dtype)
        arrays[name] = array.copy()  # it might be another target's own
        if arrays[name].shape != target.shape:
            raise ValueError(
                f"{who}: expected {name!r} of shape {target.shape}, got "
                f"{arrays[name].shape}; is it of another net?"
            )
    for name, target in targets.items():
        target[...] = arrays[name]


# ----------------------------------------------------------------- numbers


def positive_int(who: str, name: str, value: Any) -> int:
    """Return value as an int of at least 1."""
    try:
        number = operator.index(value)
    except TypeError:
        number = None
    if number is None or isinstance(value, bool | np.bool_):
        raise TypeError(f"{who}: expected {name} to be an int, got {value!r}")
    if number < 1:
        raise ValueError(f"{who}: expected {name} of at least 1, got {number}")
    return number


def number(
    who: str,
    name: str,
    value: Any,
    *,
    above: float = -math.inf,
    least: float = -math.inf,
    below: float = math.inf,
) -> float:
    """Return value as a finite Python float with above < value, least <= value < below.

    A Python float takes the dtype of the array that it multiplies; a NumPy
    float64 would turn a float32 array into float64.
    """
    value = _scalar(value)
    if isinstance(value, bool | np.bool_) or not isinstance(value, Real):
        raise TypeError(f"{who}: expected {name} to be a number, got {value!r}")
    try:
        result = float(value)
    except OverflowError:  # an int beyond float64
        result = math.inf
    if math.isfinite(result) and above < result and least <= result < below:
        return result
    low = f"above {above:g}" if above > -math.inf else f"of at least {least:g}"
    high = f" and below {below:g}" if below < math.inf else " and finite"
    raise ValueError(f"{who}: expected {name} {low}{high}, got {value!r}")


def real_number(who: str, name: str, value: Any) -> float:
    """Return value as a Python float, which may be NaN or infinite."""
    value = _scalar(value)
    if not isinstance(value, Real):
        raise TypeError(f"{who}: expected {name} to be a number, got {value!r}")
    return float(value)


def patience(who: str, value: Any, has_validation: bool) -> int:
    """Return value as an int of at least 1, if there is something to wait for."""
    if not has_validation:
        raise ValueError(
            f"{who}: expected validation with patience, got none; hold rows out by "
            f"mlp.train_test_split and give validation=(x_test, y_test)"
        )
    return positive_int(who, "patience", value)


def place_for_a_file(who: str, name: str, path: Any) -> None:
    """Raise unless path is one, and a file can be written there: it is tried."""
    if not isinstance(path, str | os.PathLike):
        raise TypeError(f"{who}: expected {name} to be a str or path, got {path!r}")
    try:
        _files.try_place(path)
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


def flag(who: str, name: str, value: Any) -> bool:
    """Return value as a bool; a number in its place is a misplaced argument."""
    value = _scalar(value)
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{who}: expected {name} to be True or False, got {value!r}")
    return bool(value)


def _scalar(value: Any) -> Any:
    """Return what an array of no dimensions holds, as a file gives numbers back."""
    return value[()] if isinstance(value, np.ndarray) and value.ndim == 0 else value


def one_of(who: str, name: str, value: Any, known: Collection[str]) -> str:
    """Return value if it is one of the known words."""
    if not (isinstance(value, str) and value in known):
        words = ", ".join(map(repr, known))
        raise ValueError(f"{who}: expected {name} to be one of {words}, got {value!r}")
    return value


def column(
    who: str, name: str, value: npt.ArrayLike, length: int, of: str
) -> npt.NDArray[np.float64]:
    """Return one data point as a column of float64, of the length that a net has."""
    array = real_array(who, name, value, np.float64)
    if array.shape != (length,):
        raise ValueError(
            f"{who}: expected {name} of shape ({length},), one data point, as {of} has "
            f"it, got {array.shape}"
        )
    return array[:, np.newaxis]


def steps_some(who: str, optimizer: Any, kind: Any, parameters: list[Any]) -> None:
    """Raise unless an optimizer is None, or a plain one of a net's parameters."""
    if optimizer is None:
        return
    instance(who, "optimizer", optimizer, kind)
    if type(optimizer).step is not kind.step:
        raise NotImplementedError(
            f"{who}: expected an optimizer whose step is {kind.__name__}'s, got a "
            f"{type(optimizer).__name__} with its own; leave it out"
        )
    holds_some(who, optimizer, parameters)


def holds_some(who: str, optimizer: Any, parameters: list[Any]) -> None:
    """Raise unless an optimizer steps one of the parameters."""
    if not any(map(optimizer.holds, parameters)):
        raise ValueError(
            f"{who}: expected an optimizer of the model's parameters, got one that "
            f"holds none of them; write SGD(model.parameters(), lr=…)"
        )


def to_be_trained(who: str, optimizer: Any, parameters: list[Any]) -> None:
    """Raise unless there are parameters, finite, and an optimizer of some of them."""
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
            f"infinity; make the model anew, or load weights that are finite"
        )


def some_weights(who: str, there_are: bool) -> None:
    """Raise unless a net has a layer with weights."""
    if not there_are:
        raise ValueError(
            f"{who}: expected at least one layer with weights, got none; the widths of "
            f"a net are theirs"
        )


def fits(who: str, layer: str, width: int, below: str, given: int) -> None:
    """Raise unless a layer takes as many features as the one below it gives."""
    if width != given:
        raise ValueError(
            f"{who}: expected {layer} to take the {given} features that {below} gives, "
            f"got one that takes {width}"
        )


def instance(who: str, name: str, value: Any, kind: Any) -> None:
    """Raise unless value is an instance of a class, or of one in a union."""
    if not isinstance(value, kind):
        one = kind if isinstance(kind, type) else kind.__args__[0]  # of One | None
        is_class = isinstance(value, type) and issubclass(value, kind)
        cure = f"; make one, {value.__name__}(…)" if is_class else ""
        raise TypeError(
            f"{who}: expected {name} to be of {one.__name__}, got {value!r}{cure}"
        )


def function(who: str, name: str, value: Any) -> None:
    """Raise unless value can be called."""
    if not callable(value):
        raise TypeError(f"{who}: expected {name} to be a function, got {value!r}")


def functions(who: str, name: str, value: Any) -> None:
    """Raise unless value is a mapping of names to functions."""
    if not (isinstance(value, Mapping) and all(isinstance(key, str) for key in value)):
        raise TypeError(
            f"{who}: expected {name} to be a dict of names to functions, got "
            f"{value!r}; write {name}={{'accuracy': mlp.metrics.accuracy}}"
        )
    for key in value:
        function(who, f"{name}[{key!r}]", value[key])


def rule(who: str, name: str, thing: Any, rules: Mapping[type, Any], of: Any) -> None:
    """Raise unless the table of rules has an entry of the right sort for a thing."""
    kind = type(thing)
    known = rules.get(kind)
    if isinstance(known, of):
        return
    entry = f"mlp.derivation.RULES[{kind.__name__}]"
    if name == "the loss":
        name, cure = f"{name} {kind.__name__}", f"add one, {entry} = LossRule(…)"
    elif thing.parameters():
        cure = (
            f"if it computes W x + b and nothing else, write {entry} = Affine(); other "
            f"layers with parameters cannot be shown yet"
        )
    else:
        cure = (
            f"if it works element by element, write {entry} = Elementwise(lambda x: "
            f"Apply('f', f, x), lambda x, y: …); a layer that mixes the features or "
            f"the rows cannot be shown yet"
        )
    got = "none" if known is None else f"a {type(known).__name__}"
    raise NotImplementedError(f"{who}: expected a rule for {name}, got {got}; {cure}")


def float_dtype(who: str, dtype: Any) -> np.dtype[Any]:
    """Return dtype as np.dtype, if it is float64 or float32."""
    try:
        result: np.dtype[Any] = np.dtype(dtype)
    except (TypeError, ValueError, SyntaxError):  # numpy's words for no dtype
        result = np.dtype(object)
    if result not in _FLOAT_DTYPES:
        raise TypeError(f"{who}: expected dtype float64 or float32, got {dtype!r}")
    return result


def generator(who: str, rng: Any) -> np.random.Generator:
    """Return np.random.default_rng(rng) for an int, a Generator or None."""
    wrong_type = isinstance(rng, bool | np.bool_) or not (
        rng is None or isinstance(rng, int | np.integer | np.random.Generator)
    )
    if wrong_type:
        raise TypeError(
            f"{who}: expected rng to be an int, a np.random.Generator or None, "
            f"got {rng!r}"
        )
    if isinstance(rng, int | np.integer) and rng < 0:
        raise ValueError(f"{who}: expected a seed of at least 0, got rng={rng}")
    return np.random.default_rng(rng)


# ---------------------------------------------------------------- warnings


def stacklevel_outside() -> int:
    """Return the stacklevel with which a warning names the caller's own line."""
    package = __name__.partition(".")[0]
    level, frame = 1, sys._getframe(1)
    while (
        frame.f_globals.get("__name__", "").partition(".")[0] == package
        and frame.f_back
    ):
        level, frame = level + 1, frame.f_back
    return level
