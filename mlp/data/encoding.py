"""one_hot: class labels as rows of 0 and 1."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import numpy as np
import numpy.typing as npt

from mlp._shared import frames, numbers
from mlp._shared.arrays import Array, as_array, finite, real_array


def label_column(who: str, name: str, value: npt.ArrayLike) -> npt.NDArray[Any]:
    """Return value as one label a row, shape (N,): finite numbers, or text."""
    array = as_array(who, name, value)
    if array.dtype.kind == "U" and not isinstance(value, np.ndarray):
        array = np.asarray(value, object)  # [1, "a"] is no text
    if array.dtype == object and all(isinstance(item, str) for item in array.flat):
        array = array.astype(str)
    if array.dtype == object and hasattr(value, "isna"):  # a Series, say
        frames.none_missing(who, name, value)
        with suppress(TypeError):  # of texts, which stay as they are
            array = real_array(who, name, value)
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


def one_hot(labels: npt.ArrayLike, classes: int | npt.ArrayLike | None = None) -> Array:
    """Return rows of 0 with a 1 in the column of each label's class.

    A net with ten outputs, one for each digit, needs ten targets of 0 or 1.
    If the label itself were the target, class 4 would be between 3 and 5,
    but classes have no order.

    Parameters
    ----------
    labels : array_like of shape (N,) or (N, 1)
        Integers, whole floats, or text.
    classes : int, array_like of shape (K,), or None
        An int K means the classes 0, …, K − 1. A list gives the classes in
        the order of the columns. None takes the distinct labels, sorted.
        Give the classes if one of them may be missing in these labels.

    Returns
    -------
    array of shape (N, K), float64

    Raises
    ------
    ValueError
        If a label is not one of the classes, a class is there twice, or
        labels does not have one label for each row.
    TypeError
        If the labels are neither numbers nor text.

    Examples
    --------
    >>> from mlp import one_hot
    >>> one_hot([2, 0], classes=3)
    array([[0., 0., 1.],
           [1., 0., 0.]])
    >>> one_hot(["USA", "Japan"], classes=["USA", "Europe", "Japan"])
    array([[1., 0., 0.],
           [0., 0., 1.]])

    References
    ----------
    Bishop, Pattern Recognition and Machine Learning, 2006, section 4.1.3.
    """
    values = label_column("one_hot", "labels", labels)
    if classes is None:
        columns = np.unique(values)
    elif np.ndim(classes) == 0:
        columns = np.arange(numbers.positive_int("one_hot", "classes", classes))
    else:
        columns = label_column("one_hot", "classes", classes)
        if len(np.unique(columns)) < len(columns):
            raise ValueError(
                f"one_hot: expected each class once, got {columns.tolist()}"
            )
    hot = values[:, np.newaxis] == columns
    strangers = values[~hot.any(axis=1)]
    if strangers.size:
        raise ValueError(
            f"one_hot: expected labels among {columns.tolist()}, got "
            f"{strangers[0].item()!r} in {strangers.size} of {values.size} rows"
        )
    return np.asarray(hot, np.float64)
