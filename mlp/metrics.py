"""Metrics: accuracy, the confusion matrix, and R².

A net is trained with a loss, which has a derivative. A metric answers the
question of a user: how many predictions are right, or how much of the
variation is explained? It need not have a derivative. fit takes any
function of prediction and target, in this order, that returns a number.
"""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import numpy.typing as npt

from mlp._shared import numbers
from mlp._shared.arrays import RealArray, as_array, finite, real_array, reshape_cure


def _scored_rows(
    who: str, prediction: npt.ArrayLike, target: npt.ArrayLike
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the two arrays of a metric: rows of one shape, finite, not empty."""
    ŷ = real_array(who, "prediction", prediction, np.float64)
    y = real_array(who, "target", target, np.float64)
    if ŷ.shape != y.shape or ŷ.ndim != 2 or ŷ.size == 0:
        raise ValueError(
            f"{who}: expected prediction and target of one shape (N, K), at least one "
            f"row, got {ŷ.shape} and {y.shape}"
            f"{reshape_cure(ŷ, y) if ŷ.ndim == 2 else '; one column is (N, 1)'}"
        )
    finite(who, "prediction", ŷ)
    finite(who, "target", y)
    return ŷ, y


def _check_classes(who: str, name: str, y: RealArray) -> None:
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


def accuracy(prediction: npt.ArrayLike, target: npt.ArrayLike) -> float:
    """Return the share of rows whose class is the right one.

    Parameters
    ----------
    prediction : array_like of shape (N, 1) or (N, K)
        One column: the probability of class 1, which is predicted if it is
        above 0.5. More columns: the predicted class is the column of the
        largest entry, or the first such column.
    target : array_like of the same shape, or (N,)
        One column: 0 or 1. More columns: one-hot rows, as one_hot makes
        them, or labels of shape (N,), the whole numbers 0 to K − 1.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If the shapes differ, as (N, 1) and (N,), or are not rows; if there
        are no rows; if a prediction is not finite; if the target has
        neither 0 and 1 (one-hot, if it has several columns) nor labels.
    TypeError
        If one of them does not hold real numbers.

    Examples
    --------
    >>> from mlp.metrics import accuracy
    >>> accuracy([[0.9], [0.2], [0.6], [0.4]], [[1], [0], [0], [0]])
    0.75
    >>> accuracy([[0.1, 0.7, 0.2], [0.3, 0.1, 0.2]], [[0, 1, 0], [0, 0, 1]])
    0.5
    >>> accuracy([[0.1, 0.7, 0.2], [0.3, 0.1, 0.2]], [1, 2])
    0.5
    """
    right, answers, _ = _classes("accuracy", prediction, target)
    return float(np.mean(answers == right))


def confusion_matrix(
    prediction: npt.ArrayLike,
    target: npt.ArrayLike,
    classes: npt.ArrayLike | None = None,
) -> npt.NDArray[np.int64]:
    """Return a matrix: entry (i, j) counts rows of class i predicted as j.

    A row of the matrix is a true class, a column is a predicted class. The
    diagonal counts the right predictions.

    Parameters
    ----------
    prediction, target : array_like
        As for accuracy; or both are labels of shape (N,), numbers or text.
    classes : array_like of shape (K,), or None
        For labels: the classes in the order of the matrix; None takes the
        distinct labels, sorted. Otherwise the columns are the classes.

    Returns
    -------
    array of shape (K, K), int64
        K is the number of columns of prediction, or 2 if there is one. For
        labels it is the number of classes.

    Raises
    ------
    ValueError, TypeError
        As for accuracy; if classes are given but prediction and target are
        not labels; if a class is there twice, or a label is not a class.

    Examples
    --------
    One 0 is predicted as 1, and one 2 as 0:

    >>> from mlp.metrics import confusion_matrix
    >>> scores = [[0.9, 0.1, 0.0], [0.2, 0.7, 0.1],
    ...           [0.1, 0.8, 0.1], [0.6, 0.0, 0.4]]
    >>> confusion_matrix(scores, [0, 0, 1, 2])
    array([[1, 1, 0],
           [0, 1, 0],
           [1, 0, 0]])
    >>> confusion_matrix(["cat", "dog", "cat"], ["cat", "cat", "dog"])
    array([[1, 1],
           [1, 0]])
    >>> confusion_matrix(["cat"], ["dog"], classes=["dog", "cat", "cow"])
    array([[0, 1, 0],
           [0, 0, 0],
           [0, 0, 0]])

    References
    ----------
    sklearn.metrics.confusion_matrix, of the same meaning; there the target
    is the first argument, and the prediction a label.
    """
    who = "confusion_matrix"
    if np.ndim(prediction) == 1 and np.ndim(target) == 1:
        right, answers, k = _labels(who, prediction, target, classes)
    elif classes is not None:
        raise ValueError(
            f"{who}: expected classes with labels of shape (N,) on both sides, got a "
            f"prediction of shape {np.shape(prediction)}, whose columns are the classes"
        )
    else:
        right, answers, k = _classes(who, prediction, target)
    return np.bincount(k * right + answers, minlength=k * k).reshape(k, k)


def r2(prediction: npt.ArrayLike, target: npt.ArrayLike) -> float:
    """Return R² = 1 − Σ (y − ŷ)² / Σ (y − mean of y)².

    The share of the target's variation that the prediction explains. It is
    1 for an exact prediction, and 0 if the prediction is as good as always
    predicting the mean; it may be below 0. For several columns it is the
    mean of their R².

    Parameters
    ----------
    prediction, target : array_like of shape (N, K)

    Returns
    -------
    float
        Computed in float64. R² of a column with a constant target is 1 if
        the prediction is exact, else 0.

    Raises
    ------
    ValueError
        If the shapes differ, as (N, 1) and (N,), or are not rows; if there
        are no rows; if a number is not finite.
    TypeError
        If one of them does not hold real numbers.

    Warns
    -----
    UserWarning
        If there is only one row: R² is then NaN.

    Examples
    --------
    >>> from mlp.metrics import r2
    >>> r2([[1.0], [2.0], [6.0]], [[1.0], [3.0], [5.0]])     # 1 − 2/8
    0.75

    References
    ----------
    sklearn.metrics.r2_score, of the same meaning; there the target is the
    first argument.
    """
    ŷ, y = _scored_rows("r2", prediction, target)
    if len(y) == 1:
        warnings.warn(
            "r2: expected at least two rows, got one, of which R² is NaN; give more",
            UserWarning,
            stacklevel=numbers.stacklevel_outside(),
        )
        return math.nan
    d = y - y.mean(axis=0)
    # R² has no unit: in one in which d is near 1, no square is out of range
    _, exponent = np.frexp(np.abs(d).max(axis=0))
    # a prediction far off has R² = −∞, and a square near 0 may be 0
    with np.errstate(over="ignore", under="ignore"):
        unexplained = np.sum(np.ldexp(y - ŷ, -exponent) ** 2, axis=0)
        total = np.sum(np.ldexp(d, -exponent) ** 2, axis=0)
    score = np.where((y == ŷ).all(axis=0), 1.0, 0.0)  # where the target is constant
    varies = y.min(axis=0) < y.max(axis=0)
    score[varies] = 1 - unexplained[varies] / total[varies]
    return float(np.mean(score))


def _classes(
    who: str, prediction: npt.ArrayLike, target: npt.ArrayLike
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], int]:
    """Return the class of each row by the target and by the prediction, and K."""
    prediction = real_array(who, "prediction", prediction)
    target = real_array(who, "target", target)
    if target.ndim == 1 and prediction.ndim == 2 and prediction.shape[1] > 1:
        target = _rows_of_labels(who, target, prediction.shape[1])
    ŷ, y = _scored_rows(who, prediction, target)
    _check_classes(who, "target", y)
    if y.shape[1] == 1:
        return (y[:, 0] == 1).astype(np.intp), (ŷ[:, 0] > 0.5).astype(np.intp), 2
    return y.argmax(axis=1), ŷ.argmax(axis=1), y.shape[1]


def _rows_of_labels(
    who: str, labels: RealArray, classes: int
) -> npt.NDArray[np.float64]:
    """Return the one-hot rows of labels, each a whole number below classes."""
    wrong = ~np.isin(labels, np.arange(classes))
    if wrong.any():
        raise ValueError(
            f"{who}: expected target to be labels from 0 to {classes - 1}, as the "
            f"prediction has {classes} columns, got {labels[wrong][0]} in row "
            f"{int(wrong.argmax())}; mlp.one_hot makes rows of other labels"
        )
    return np.eye(classes)[labels.astype(np.intp)]


def _labels(
    who: str,
    prediction: npt.ArrayLike,
    target: npt.ArrayLike,
    classes: npt.ArrayLike | None,
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], int]:
    """Return the same of labels (N,); without classes, the distinct ones are."""
    answers = _label_column(who, "prediction", prediction)
    right = _label_column(who, "target", target)
    if len(answers) != len(right) or len(right) == 0:
        raise ValueError(
            f"{who}: expected prediction and target of one shape (N,), at least one "
            f"label, got {answers.shape} and {right.shape}"
        )
    if (answers.dtype.kind == "U") != (right.dtype.kind == "U"):
        raise TypeError(
            f"{who}: expected labels of one kind, got text and numbers; give both as "
            f"they stand in the table"
        )
    found, both = np.unique(np.concatenate([right, answers]), return_inverse=True)
    if classes is None:
        return both[: len(right)], both[len(right) :], len(found)
    named = _label_column(who, "classes", classes)
    if len(np.unique(named)) < len(named):
        raise ValueError(f"{who}: expected each of classes once, got {named.tolist()}")
    place = {label: k for k, label in enumerate(named.tolist())}
    strangers = [label for label in found.tolist() if label not in place]
    if strangers:
        raise ValueError(
            f"{who}: expected labels among classes, {named.tolist()}, got "
            f"{strangers[0]!r}"
        )
    both = np.array([place[label] for label in found.tolist()])[both]
    return both[: len(right)], both[len(right) :], len(named)


def _label_column(who: str, name: str, value: npt.ArrayLike) -> npt.NDArray[Any]:
    """Return labels as an array of text, or of whole numbers."""
    labels = as_array(who, name, value)
    if labels.dtype == object and all(isinstance(label, str) for label in labels):
        return labels.astype(str)
    if labels.dtype.kind == "U":
        return labels
    labels = real_array(who, name, value)
    finite(who, name, labels)
    if np.any(labels != np.floor(labels)):
        raise ValueError(
            f"{who}: expected {name} to be labels, whole numbers or text, got "
            f"{labels[labels != np.floor(labels)][0]}; scores are rows (N, K)"
        )
    return labels
