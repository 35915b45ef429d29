"""Points in the plane: data sets that can be drawn.

The points have two features, so that you can draw a decision boundary, and
no straight line separates the classes. Each function draws n points; x is
(n, 2).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mlp._shared import numbers
from mlp._shared.arrays import Array
from mlp._shared.numbers import Rng
from mlp.data import Dataset, one_hot


def make_moons(n: int, *, noise: float = 0.1, rng: Rng = None) -> Dataset:
    """Return two half circles of radius 1 that interlock.

    Class 0 is (cos t, sin t), class 1 is (1 − cos t, ½ − sin t), with t
    evenly from 0 to π.

    Parameters
    ----------
    n : int
        The number of points, half of them in each class. If n is odd, class
        0 has one point less.
    noise : float
        The standard deviation of the noise that is added to each
        coordinate, at least 0.
    rng : int, np.random.Generator or None
        What the noise and the order of the rows are drawn from.

    Returns
    -------
    Dataset
        y is (n, 1), 0 or 1.

    Raises
    ------
    ValueError
        If n is not at least the number of classes, or noise is below 0.
    TypeError
        If one of them is not a number.

    Examples
    --------
    >>> from mlp.datasets import make_moons
    >>> data = make_moons(100, noise=0.0, rng=0)
    >>> data.x.shape, data.y.sum()
    ((100, 2), np.float64(50.0))

    References
    ----------
    sklearn.datasets.make_moons, of the same shape.
    """
    lower, upper, noise, generator = _arguments("make_moons", n, 2, noise, rng)
    t, s = np.linspace(0, np.pi, lower), np.linspace(0, np.pi, upper)
    points: list[Array] = [
        np.column_stack([np.cos(t), np.sin(t)]),
        np.column_stack([1 - np.cos(s), 0.5 - np.sin(s)]),
    ]
    return _dataset("make_moons", points, noise, generator)


def make_circles(n: int, *, noise: float = 0.1, rng: Rng = None) -> Dataset:
    """Return a circle of radius 1, class 0, around one of radius 1/2, class 1.

    Parameters, result and errors are those of make_moons.

    Examples
    --------
    >>> import numpy as np
    >>> from mlp.datasets import make_circles
    >>> data = make_circles(100, noise=0.0, rng=0)
    >>> radius = np.linalg.norm(data.x, axis=1)
    >>> np.allclose(radius, np.where(data.y[:, 0] == 1, 0.5, 1.0))
    True

    References
    ----------
    sklearn.datasets.make_circles, with factor 1/2.
    """
    *counts, noise, generator = _arguments("make_circles", n, 2, noise, rng)
    points: list[Array] = []
    for radius, count in zip((1.0, 0.5), counts, strict=True):
        t = np.linspace(0, 2 * np.pi, count, endpoint=False)
        points.append(radius * np.column_stack([np.cos(t), np.sin(t)]))
    return _dataset("make_circles", points, noise, generator)


def make_spirals(
    n: int, *, classes: int = 3, noise: float = 0.2, rng: Rng = None
) -> Dataset:
    """Return the arms of a spiral, one for each class, each 4 radians long.

    A point of arm k at radius r, from 0 to 1, has the angle 4 (k + r) plus
    noise. With three arms a linear classifier is right for about half of
    the points.

    Parameters
    ----------
    n : int
        The number of points, as equally divided among classes as possible.
    classes : int
        The number of arms, at least 2.
    noise : float
        The standard deviation of the noise of each angle, in radians.
    rng : int, np.random.Generator or None
        What the noise and the order of the rows are drawn from.

    Returns
    -------
    Dataset
        y is one-hot, (n, classes).

    Raises
    ------
    ValueError, TypeError
        As make_moons.

    Examples
    --------
    >>> from mlp.datasets import make_spirals
    >>> data = make_spirals(300, rng=0)
    >>> data.x.shape, data.y.sum(axis=0)
    ((300, 2), array([100., 100., 100.]))

    References
    ----------
    Stanford's CS231n, notes on "Minimal neural network case study", which
    has these three arms.
    """
    who = "make_spirals"
    k = numbers.positive_int(who, "classes", classes)
    if k < 2:
        raise ValueError(f"{who}: expected at least 2 classes, got {k}")
    *counts, noise, generator = _arguments(who, n, k, noise, rng)
    points: list[Array] = []
    for arm, count in enumerate(counts):
        r = np.linspace(0, 1, count)
        angle = 4 * (arm + r) + noise * generator.standard_normal(count)
        points.append(
            r[:, np.newaxis] * np.column_stack([np.sin(angle), np.cos(angle)])
        )
    return _dataset(who, points, 0.0, generator, tuple(f"arm {i}" for i in range(k)))


def make_xor(n: int, *, noise: float = 0.1, rng: Rng = None) -> Dataset:
    """Return points from (−1, 1)², of class 1 where x₁ and x₂ differ in sign.

    The class is that of the point before noise is added. Parameters, result
    and errors are as for make_moons, but the sizes of the classes are
    random.

    Examples
    --------
    >>> import numpy as np
    >>> from mlp.datasets import make_xor
    >>> data = make_xor(100, noise=0.0, rng=0)
    >>> np.array_equal(data.y[:, 0] == 1, data.x.prod(axis=1) < 0)
    True

    References
    ----------
    Minsky and Papert, Perceptrons, 1969: one perceptron cannot learn XOR.
    """
    *_, noise, generator = _arguments("make_xor", n, 2, noise, rng)
    x = generator.uniform(-1, 1, (n, 2))
    differ = x[:, 0] * x[:, 1] < 0
    return _dataset("make_xor", [x[~differ], x[differ]], noise, generator)


def _arguments(
    who: str, n: int, classes: int, noise: float, rng: Rng
) -> tuple[Any, ...]:
    """Return the number of points of each class, the noise and the generator."""
    count = numbers.positive_int(who, "n", n)
    if count < classes:
        raise ValueError(
            f"{who}: expected n of at least {classes}, a point for each class, got {n}"
        )
    counts = [(count + k) // classes for k in range(classes)]
    noise = numbers.number(who, "noise", noise, least=0)
    return *counts, noise, numbers.generator(who, rng)


def _dataset(
    who: str,
    points: list[Array],
    noise: float,
    rng: np.random.Generator,
    target_names: tuple[str, ...] = ("class",),
) -> Dataset:
    """Return the points of each class in one Dataset, with noise, in random order."""
    x = np.concatenate(points)
    x += noise * rng.standard_normal(x.shape)
    labels = np.repeat(np.arange(len(points)), [len(p) for p in points])
    order = rng.permutation(len(x))
    y, classes = labels[:, np.newaxis] * 1.0, None
    if len(target_names) > 1:
        y, classes = one_hot(labels, len(points)), list(target_names)
    source = f"mlp.datasets.{who}"
    return Dataset(x[order], y[order], ("x1", "x2"), target_names, source, classes)
