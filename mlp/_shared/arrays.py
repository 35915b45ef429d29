"""Checks of arrays, and the wording of their errors.

A wrong argument is stopped where it enters the library, before any
arithmetic can broadcast it into a number; the sentence says who was called,
what was expected, what came, and the usual cure. Each check returns its
argument in the form that the mathematics wants. Checks are in every
training step, so the first test in such a check is the one that right input
passes.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from mlp._shared import frames

Array: TypeAlias = npt.NDArray[np.floating[Any]]
RealArray: TypeAlias = npt.NDArray[Any]


def real_array(
    who: str, name: str, value: npt.ArrayLike, dtype: npt.DTypeLike | None = None
) -> RealArray:
    """Return value as an array of real numbers: of its own dtype, or of dtype."""
    array = as_array(who, name, value)
    if array.dtype.kind not in "fiub":
        array = frames.numbers_of(who, name, value, array)
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


def as_array(who: str, name: str, value: npt.ArrayLike) -> npt.NDArray[Any]:
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


def floating(who: str, name: str, value: npt.ArrayLike) -> Array:
    """Return value as a floating array; integers become float64."""
    array = real_array(who, name, value)
    return array if array.dtype.kind == "f" else array.astype(np.float64)


def array(who: str, name: str, value: npt.ArrayLike) -> RealArray:
    """Return value as an array; the first layer that has it checks the rest."""
    if type(value) is np.ndarray and value.dtype.kind == "f":
        return value
    return real_array(who, name, value)


def reshapes(name: str, x: RealArray) -> str:
    """Return the two matrices that an array of one dimension may be meant for."""
    if x.ndim != 1:
        return ""
    return (
        f"; {name}.reshape(1, -1) is one sample, (1, {x.size}), "
        f"{name}.reshape(-1, 1) is {x.size} samples of one feature, ({x.size}, 1), as "
        f"of a Series {name}.to_frame() is"
    )


def upstream(
    layer: object, kept: Array | None, grad_output: npt.ArrayLike, width: int = -1
) -> tuple[Array, Array]:
    """Return what forward kept, and grad_output, of the shape of the output.

    What it kept is the output, or, of a linear layer, the input; then width
    is that of the output.
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
        "write model.predict(x), which does not change what backward needs; or did "
        "the loss broadcast its target?"
    )
    if grad_output.ndim == 0:
        cure = "pass the loss's gradient: model.backward(criterion.backward())"
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


def reshape_cure(prediction: Array, target: Array) -> str:
    """Return the reshape that makes a target fit, if there is an honest one."""

    def squeezed(shape: tuple[int, ...]) -> list[int]:
        return [n for n in shape if n != 1]

    if squeezed(prediction.shape) == squeezed(target.shape):
        if target.ndim == 1 and prediction.shape == (target.size, 1):
            return "; write target.reshape(-1, 1), of a Series target.to_frame()"
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


def finite(
    who: str, name: str, values: RealArray, cure: str = "drop or fill these rows first"
) -> None:
    """Raise if an entry is NaN or infinite; count them and name the first."""
    finite = np.isfinite(values)
    if not finite.all():
        raise ValueError(
            f"{who}: expected {name} to be finite, got "
            f"{count_and_place(values, ~finite)}; {cure}"
        )


def count_and_place(values: RealArray, wrong: npt.NDArray[np.bool_]) -> str:
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
    """Return a batch of rows, at least one, of the width of an end of a net."""
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
            f"{array.shape}{reshapes(name, array)}"
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


def row_weights(
    who: str,
    name: str,
    value: npt.ArrayLike,
    rows: RealArray,
    dtype: npt.DTypeLike | None,
) -> Array:
    """Return the weights of rows: shape (N,), at least 0, of a finite sum."""
    array = real_array(who, name, value, dtype)
    if rows.ndim == 0 or array.shape != rows.shape[:1]:
        column = "" if array.ndim < 2 else f"; write np.ravel({name})"
        raise ValueError(
            f"{who}: expected {name} of shape {rows.shape[:1]}, a number for each row, "
            f"got {array.shape}{column}"
        )
    with np.errstate(over="ignore"):
        total = array.sum(dtype=np.float64)
    if not (math.isfinite(total) and array.min(initial=0) >= 0):
        wrong = ~((array >= 0) & np.isfinite(array))
        got = "a sum beyond float64's range"
        if wrong.any():
            got = f"{array[wrong][0]} in row {int(wrong.argmax())}"
        raise ValueError(
            f"{who}: expected {name} of at least 0 and finite, got {got}; a row that "
            f"should not count has the weight 0"
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
            f"{missing} and has {unknown} besides; is it of another model or optimizer?"
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


def holds_some(who: str, optimizer: Any, parameters: list[Any]) -> None:
    """Raise unless an optimizer steps one of the parameters."""
    if not any(map(optimizer.holds, parameters)):
        raise ValueError(
            f"{who}: expected an optimizer of the model's parameters, got one that "
            f"holds none of them; write SGD(model.parameters(), lr=…)"
        )


def all_finite(arrays: list[Array]) -> bool:
    """Return whether no entry is NaN or infinite."""
    # one pass and no temporary; a sum of squares may overflow, so it is only a hint
    with np.errstate(all="ignore"):
        squares = sum([float(np.vdot(a, a)) for a in arrays])
    return math.isfinite(squares) or all(bool(np.isfinite(a).all()) for a in arrays)


def activation_input(layer: object, x: npt.ArrayLike) -> Array:
    """Return the x of an activation's forward: any shape, a floating dtype."""
    if type(x) is np.ndarray and x.dtype.kind == "f":
        return x
    return floating(f"{type(layer).__name__}.forward", "x", x)


def rows_of_width(layer: object, x: npt.ArrayLike, width: int, weight: Array) -> Array:
    """Return the x of a layer's forward: shape (N, width), the weight's dtype."""
    if not isinstance(weight, np.ndarray):  # the .data of an array, say
        raise TypeError(
            f"{type(layer).__name__}.forward: expected weight to be a Parameter, got "
            f"something else assigned; write layer.weight.data[...] = value"
        )
    if type(x) is not np.ndarray or x.dtype != weight.dtype:
        x = real_array(f"{type(layer).__name__}.forward", "x", x, weight.dtype)
    if x.ndim == 2 and x.shape[1] == width:
        return x
    raise ValueError(
        f"{type(layer).__name__}.forward: expected x of shape (N, {width}), "
        f"got {x.shape}{reshapes('x', x)}"
    )
