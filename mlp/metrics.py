"""Metrics: what the loss means in the words of whoever asked.

A newcomer should learn that the loss is what a net can be trained on, being
smooth, and that a metric is what one wants to know: how many answers are
right, how much of the variation is explained. It need not have a
derivative. fit takes any function of prediction and target, in this order.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mlp import _checks


def accuracy(prediction: npt.ArrayLike, target: npt.ArrayLike) -> float:
    """Return the share of rows whose class is the right one.

    Parameters
    ----------
    prediction : array_like of shape (N, 1) or (N, K)
        One column: the probability of a yes, which is one above 0.5. More:
        the class is the column of the largest entry, the first of several.
    target : array_like of the same shape
        One column: 0 or 1. More: one-hot rows, as one_hot makes them.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If the shapes differ, as (N, 1) and (N,), or are not rows; if there
        are none; if a prediction is not finite, or the target not of 0 and
        1 with, in more than one column, a single 1 a row.
    TypeError
        If one of them does not hold real numbers.

    Examples
    --------
    >>> from mlp.metrics import accuracy
    >>> accuracy([[0.9], [0.2], [0.6], [0.4]], [[1], [0], [0], [0]])
    0.75
    >>> accuracy([[0.1, 0.7, 0.2], [0.3, 0.1, 0.2]], [[0, 1, 0], [0, 0, 1]])
    0.5
    """
    ŷ, y = _checks.scored_rows("accuracy", prediction, target)
    _checks.classes("accuracy", "target", y)
    if y.shape[1] == 1:
        return float(np.mean((ŷ > 0.5) == (y == 1)))
    return float(np.mean(ŷ.argmax(axis=1) == y.argmax(axis=1)))


def r2(prediction: npt.ArrayLike, target: npt.ArrayLike) -> float:
    """Return R² = 1 − Σ (y − ŷ)² / Σ (y − mean of y)².

    The share of the target's variation that the prediction explains: 1 if
    it is exact, 0 if it is no better than always saying the mean, below 0
    if it is worse. Of several columns it is the mean of each one's R².

    Parameters
    ----------
    prediction, target : array_like of shape (N, K)

    Returns
    -------
    float
        Computed in float64.

    Raises
    ------
    ValueError
        If the shapes differ, as (N, 1) and (N,), or are not rows; if there
        are none; if a number is not finite; if a column of the target is
        constant, so that there is nothing to explain.
    TypeError
        If one of them does not hold real numbers.

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
    ŷ, y = _checks.scored_rows("r2", prediction, target)
    _checks.varies("r2", "target", y)
    unexplained = np.sum((y - ŷ) ** 2, axis=0)
    total = np.sum((y - y.mean(axis=0)) ** 2, axis=0)
    return float(np.mean(1 - unexplained / total))
