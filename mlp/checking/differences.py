"""Measure the derivatives for a whole array.

In a small array each entry is measured. In a large one some entries are
measured, and some directions in all of them. slopes.py measures one
derivative. verdicts.py looks for a mistake in the numbers from here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from mlp._shared.arrays import Array
from mlp.checking.slopes import Move, Slope, rms, slope

ALL = 100  # in an array of up to this many entries, each is measured
SAMPLE = 40  # in a larger one, this many random entries,
LARGEST = 10  # this many with the largest gradient,
DIRECTIONS = 3  # and this many random directions in all entries
CLOSE = 1e-6  # a difference due to rounding in float64, relative to the largest entry
SURE = 10.0  # a measured slope may be wrong by this many estimated errors
PROBES = 3  # this many entries of an array are measured first, with all steps


class Measured(NamedTuple):
    """A gradient and its measured slopes, for E entries and D directions.

    Attributes
    ----------
    places : list of index
        The indices of the E measured entries.
    analytic : array of shape (E,)
        The gradient from backward at these entries.
    numerical, error, plain : array of shape (E,)
        The value, error and plain of each entry's Slope.
    own : array of shape (E,)
        The Slope's term of the entry of y with the same index; NaN if y has
        another shape.
    rows : array of shape (E, N)
        The rows of each Slope.
    along : array of shape (3, D)
        Analytic, numerical and error along random directions. D is 0 if
        each entry was measured.
    refused : int
        The number of entries that could not be moved.
    """

    places: list[tuple[int, ...]]
    analytic: Array
    numerical: Array
    error: Array
    plain: Array
    own: Array
    rows: Array
    along: Array
    refused: int

    def wrong(self) -> npt.NDArray[np.bool_]:
        """Return which entries differ by more than the errors allow."""
        return off(self.analytic, self.numerical, self.error) > 1

    def relative_error(self) -> float:
        """Return ‖analytic − numerical‖ over the larger norm, or 0."""
        a, n, _ = self.along
        return max(_relative(self.analytic, self.numerical), _relative(a, n))

    def agrees(self, tolerance: float | None) -> bool:
        """Return whether backward and the differences agree."""
        if tolerance is not None:
            return self.relative_error() <= tolerance
        return not (self.wrong().any() or np.any(off(*self.along) > 1))


def measure(
    f: Callable[[], Array],
    array: Array,
    analytic: Array,
    grad_output: Any,
    rng: np.random.Generator,
    within: npt.NDArray[np.bool_] | None = None,
) -> Measured:
    """Measure entries of an array, and directions in a large one.

    Parameters
    ----------
    f : callable
        As in slope.
    array : array
        An array that f reads. measure writes into it, and restores it.
    analytic : array of array's shape
        The gradient from backward.
    grad_output : array, or 1
        As in slope.
    rng : np.random.Generator
        Draws the entries and directions of a large array.
    within : array of bool of array's shape, optional
        True for the entries that may be measured; by default all.

    Examples
    --------
    >>> import numpy as np
    >>> from mlp.checking.differences import measure
    >>> x, rng = np.array([1.0, 2.0, 3.0]), np.random.default_rng(0)
    >>> m = measure(lambda: x**2, x, 2 * x, np.ones(3), rng)
    >>> m.places, m.agrees(None)
    ([(0,), (1,), (2,)], True)
    >>> measure(lambda: x**2, x, x, np.ones(3), rng).wrong()
    array([ True,  True,  True])
    """
    along = np.zeros((3, 0))
    places = _sample(analytic, rng)
    if within is not None:
        places = [place for place in places if within[place]]
    g, noise, size = grad_output, None, 0.0
    slopes: dict[tuple[int, ...], Slope] = {}
    places.sort(key=lambda place: -abs(analytic[place]))
    for place in places[:PROBES]:
        slopes[place] = slope(f, [Move(array, place)], g)
    if slopes:
        noise = float(np.median([s.noise for s in slopes.values()]))
    if array.size > ALL:
        signs = rng.choice([-1.0, 1.0], (DIRECTIONS, array.size))
        if within is not None:
            signs *= within.ravel()
        signs = signs[signs.any(axis=1)]
        pairs = [(array, analytic)]
        found = [_along(f, pairs, v, g, noise) for v in signs]
        along = np.array(found).reshape(-1, 3).T
        differs = off(*along) > 1
        if differs.any():
            v = signs[int(np.argmax(differs))]
            places.append(_halved(f, array, analytic, g, v, noise))
    for place in places:
        if place not in slopes:
            known = [abs(s.value) for s in slopes.values() if not np.isnan(s.value)]
            size = max(known, default=0.0)
            move = [Move(array, place)]
            slopes[place] = slope(f, move, g, noise=noise, size=size)
    m = _measured(analytic, slopes, along)
    for place in [m.places[i] for i in np.flatnonzero(m.wrong())]:  # at every step
        slopes[place] = slope(f, [Move(array, place)], g, noise=noise)
    return _measured(analytic, slopes, along)


def along_all(
    f: Callable[[], npt.ArrayLike],
    pairs: Sequence[tuple[Array, Array | None]],
    rng: np.random.Generator,
    count: int = DIRECTIONS,
) -> Measured:
    """Measure random directions in several arrays together.

    Parameters
    ----------
    f : callable
        Returns a number, computed from the present contents of the arrays.
    pairs : sequence of (array, array or None)
        Each array and its gradient from backward; None means zero.
    rng : np.random.Generator
        Draws the directions.
    count : int
        The number of directions.

    Examples
    --------
    >>> import numpy as np
    >>> from mlp.checking.differences import along_all
    >>> x, y = np.array([1.0, 2.0]), np.array([3.0])
    >>> rng = np.random.default_rng(0)
    >>> pairs = [(x, 6 * x), (y, [5.0])]
    >>> m = along_all(lambda: np.sum(x**2) * y[0], pairs, rng)
    >>> m.agrees(None), m.along.shape
    (True, (3, 3))
    """
    size = sum(array.size for array, _ in pairs)
    directions = rng.standard_normal((count, size))
    return _measured(
        np.zeros(0), {}, np.array([_along(f, pairs, v) for v in directions]).T
    )


def _measured(
    analytic: Array, slopes: dict[tuple[int, ...], Slope], along: Array
) -> Measured:
    """Return the slopes that could be measured, as arrays."""
    found = {at: slopes[at] for at in sorted(slopes) if not np.isnan(slopes[at].value)}
    of_one = [s.terms.shape == analytic.shape for s in found.values()]
    own = zip(found.items(), of_one, strict=True)
    return Measured(
        places=list(found),
        analytic=np.array([analytic[at] for at in found], np.float64),
        numerical=np.array([s.value for s in found.values()]),
        error=np.array([s.error for s in found.values()]),
        plain=np.array([s.plain for s in found.values()]),
        own=np.array([s.terms[at] if one else np.nan for (at, s), one in own]),
        rows=np.array([s.rows for s in found.values()]),
        along=along,
        refused=len(slopes) - len(found),
    )


def off(analytic: Any, numerical: Any, error: Any) -> Array:
    """Return |analytic − numerical|, divided by the allowed difference.

    A difference is allowed up to ten times the estimated error of the
    entry, plus a millionth of the largest entry. So more than 1 is wrong.

    Examples
    --------
    >>> import numpy as np
    >>> from mlp.checking.differences import off
    >>> a, n = np.array([1.0, 2.5]), np.array([1.0, 2.0])
    >>> off(a, n, np.array([0.0, 0.1]))
    array([0.        , 0.49999875])
    """
    largest = np.maximum(np.abs(analytic), np.abs(numerical)).max(initial=0)
    allowed = CLOSE * largest + SURE * error
    apart = np.asarray(np.abs(analytic - numerical))
    result = np.zeros_like(apart)
    return np.asarray(np.divide(apart, allowed, where=apart != 0, out=result))


def _relative(a: Array, n: Array) -> float:
    larger = max(float(np.linalg.norm(a)), float(np.linalg.norm(n)))
    return float(np.linalg.norm(a - n)) / larger if larger else 0.0


def _sample(analytic: Array, rng: np.random.Generator) -> list[tuple[int, ...]]:
    """Return all entries; in a large array random ones and the largest."""
    if analytic.size <= ALL:
        return list(np.ndindex(analytic.shape))
    drawn = rng.choice(analytic.size, SAMPLE, replace=False)
    largest = np.argsort(-np.abs(analytic), axis=None, kind="stable")[:LARGEST]
    flat = dict.fromkeys(int(i) for i in (*drawn, *largest))
    return [tuple(map(int, np.unravel_index(i, analytic.shape))) for i in flat]


def _along(
    f: Callable[[], npt.ArrayLike],
    pairs: Sequence[tuple[Array, Array | None]],
    v: Array,
    grad_output: Any = 1.0,
    noise: float | None = None,
) -> tuple[float, float, float]:
    """Return analytic, numerical and error along v, scaled to length 1."""
    v, moves, a = v / np.linalg.norm(v), [], 0.0
    for array, analytic in pairs:
        part, v = v[: array.size].reshape(array.shape), v[array.size :]
        part = part * rms(array)  # so each array changes by the same relative amount
        moves.append(Move(array, ..., part))
        a += 0.0 if analytic is None else float(np.vdot(analytic, part))
    s = slope(f, moves, grad_output, scale=1.0, noise=noise, size=0.0)
    if noise is not None and abs(a - s.value) > CLOSE * abs(a) + SURE * s.error:
        s = slope(f, moves, grad_output, scale=1.0, noise=noise)  # at every step
    return (a, a, 0.0) if np.isnan(s.value) else (a, s.value, s.error)


def _halved(
    f: Callable[[], Array],
    array: Array,
    analytic: Array,
    grad_output: Any,
    v: Array,
    noise: float | None,
) -> tuple[int, ...]:
    """Return an entry that makes a direction wrong, by halving the entries."""
    entries = np.flatnonzero(v)
    while len(entries) > 1:
        half, rest = np.array_split(entries, 2)
        part = np.zeros_like(v)
        part[half] = v[half]
        a, n, error = _along(f, [(array, analytic)], part, grad_output, noise)
        is_wrong = off(np.array([a]), np.array([n]), error)[0] > 1
        entries = half if is_wrong else rest
    return tuple(map(int, np.unravel_index(entries[0], array.shape)))
