"""Arithmetic that keeps its digits.

A float32 has 24 bits. Adding a small number to a large sum loses those of
its bits that lie below the last bit of the sum, so a sum of 10⁷ float32
numbers in float32 has only four or five right digits. Here long sums are
made of pieces, in float64.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable
from typing import Any, TypeVar, cast

import numpy as np

from mlp._shared.arrays import Array

_Method = TypeVar("_Method", bound=Callable[..., Any])
_PIECE = 1 << 13  # entries added up at a time, which fit into a cache as float64
_SHORT = 1 << 8  # terms, or rows, that the dtype itself can add up
_FEW = 1 << 11  # entries that the slower of two loops has done first
_LARGE = 1 << 16  # entries of a product that take longer to zero than it to start


def product(a: Array, b: Array) -> Array:
    """Return the matrix product a @ b.

    a.dot(b) starts faster, which matters for small matrices, but fills its
    result with zeros first.

    Examples
    --------
    >>> import numpy as np
    >>> from mlp._shared.sums import product
    >>> product(np.array([[1.0, 2.0]]), np.array([[3.0], [4.0]]))
    array([[11.]])
    """
    try:  # underflow_is_zero, without its call
        result: Array = a @ b if len(a) * b.shape[1] > _LARGE else a.dot(b)
    except FloatingPointError as error:
        result = _again(error, np.matmul, a, b)
    return result


def dot(a: Array, b: Array) -> float:
    """Return Σ aᵢ bᵢ over all entries of two arrays of one shape.

    Examples
    --------
    >>> import numpy as np
    >>> from mlp._shared.sums import dot
    >>> tenths = np.full(10**6, 0.1, np.float32)
    >>> round(dot(tenths, np.ones_like(tenths)), 4)         # 0.1 in float32
    100000.0015
    """
    if a.size <= _SHORT:
        return float(np.vdot(a, b))
    if a.size <= _PIECE:
        return _dot_in_float64(a, b)
    a, b = a.ravel(), b.ravel()
    return math.fsum(
        _dot_in_float64(a[start : start + _PIECE], b[start : start + _PIECE])
        for start in range(0, a.size, _PIECE)
    )


def _dot_in_float64(a: Array, b: Array) -> float:
    wide = _in_float64(a)
    return float(np.vdot(wide, wide if b is a else b))


def sum_of_rows(a: Array) -> Array:
    """Return the sum of a matrix's rows, in its dtype.

    It is 1ᵀ a, a product with a row of ones: faster than a.sum(axis=0).

    Examples
    --------
    >>> import numpy as np
    >>> from mlp._shared.sums import sum_of_rows
    >>> sum_of_rows(np.array([[1.0, 2.0], [3.0, 4.0]]))
    array([4., 6.])
    """
    n, width = a.shape
    if n <= _SHORT:
        short: Array = ones(n, a.dtype).dot(a)
        return short
    rows = max(1, _PIECE // max(1, width))
    total = np.zeros(width)
    for start in range(0, n, rows):
        piece = _in_float64(a[start : start + rows])
        total += ones(len(piece), piece.dtype).dot(piece)
    with np.errstate(under="ignore"):
        result: Array = total.astype(a.dtype)
    return result


def mean_of_rows(a: Array) -> Array:
    """Return the mean of a matrix's rows, in its dtype.

    Examples
    --------
    >>> import numpy as np
    >>> from mlp._shared.sums import mean_of_rows
    >>> mean_of_rows(np.array([[1.0, 2.0], [3.0, 4.0]]))
    array([2., 3.])
    """
    result: Array = sum_of_rows(a) / a.dtype.type(len(a))
    return result


def difference(a: Array, b: Array) -> tuple[Array, Array]:
    """Return a − b, and what its rounding loses.

    The two together are a − b exactly, whichever is larger.

    Examples
    --------
    >>> import numpy as np
    >>> from mlp._shared.sums import difference
    >>> difference(np.array(1.0), np.array(1e-20))
    (np.float64(1.0), np.float64(-1e-20))

    References
    ----------
    Knuth, The Art of Computer Programming, volume 2, section 4.2.2.
    """
    s = a - b
    back = s - a
    return s, (a - (s - back)) - (b + back)


def norm(arrays: Iterable[Array]) -> float:
    """Return ‖·‖ of all entries as one vector; squares may overflow.

    Examples
    --------
    >>> import numpy as np
    >>> from mlp._shared.sums import norm
    >>> round(norm([np.array([3.0]), np.array([[4.0]])]), 12)
    5.0
    """
    whole = [np.asarray(a, np.float64) for a in arrays]
    largest = max((float(np.abs(a).max(initial=0)) for a in whole), default=0.0)
    if largest == 0 or not math.isfinite(largest):
        return largest
    with np.errstate(under="ignore"):
        return largest * math.sqrt(
            math.fsum(dot(a / largest, a / largest) for a in whole)
        )


def logistic(x: Array) -> Array:
    """Return σ(x) = 1 / (1 + e⁻ˣ), exact to a few ulp and without an overflow.

    With numerator and denominator multiplied by eˣ it is eˣ / (1 + eˣ); the
    line below is that for x < 0 and the other for x ≥ 0.

    Examples
    --------
    >>> import numpy as np
    >>> from mlp._shared.sums import logistic
    >>> logistic(np.array([0.0, np.log(3), -1000.0]))
    array([0.5 , 0.75, 0.  ])
    """
    return np.asarray(np.exp(np.minimum(x, 0)) / (1 + np.exp(-np.abs(x))))


@functools.lru_cache(maxsize=4)  # a batch and the last of an epoch, two dtypes
def ones(n: int, dtype: np.dtype[Any]) -> Array:
    """Return the row 1ᵀ of n ones, which nobody may write into.

    Examples
    --------
    >>> import numpy as np
    >>> from mlp._shared.sums import ones
    >>> ones(3, np.dtype(np.float32))
    array([1., 1., 1.], dtype=float32)
    """
    row = np.ones(n, dtype)
    row.flags.writeable = False
    return row


@functools.lru_cache(maxsize=32)
def scalar(value: float, dtype: np.dtype[Any]) -> Array:
    """Return a number as an array without axes, which nobody may write into.

    NumPy takes it faster than a float, which it would convert each time.

    Examples
    --------
    >>> import numpy as np
    >>> from mlp._shared.sums import scalar
    >>> scalar(0.5, np.dtype(np.float32))
    array(0.5, dtype=float32)
    """
    array = np.array(value, dtype)
    array.flags.writeable = False
    return array


def positive_part(a: Array) -> Array:
    """Return max(0, a), element by element; NaN stays NaN.

    np.maximum starts faster, but is run without vector instructions.

    Examples
    --------
    >>> import numpy as np
    >>> from mlp._shared.sums import positive_part
    >>> positive_part(np.array([-1.0, 0.0, 2.0, np.nan]))
    array([ 0.,  0.,  2., nan])
    """
    zero = scalar(0, a.dtype)
    if a.size <= _FEW:
        return np.asarray(np.maximum(a, zero))
    return a.clip(zero, scalar(math.inf, a.dtype))


def _in_float64(a: Array) -> Array:
    return a.astype(np.float64, copy=False)


def underflow_is_zero(method: _Method) -> _Method:
    """Return a method that np.seterr(under="raise") does not stop.

    A result below the smallest number is 0, or nearly, and right: σ(−1000),
    or the square of 10⁻²⁰⁰. np.errstate would cost a small net some percent
    of each step, so the method runs as it is, and again only if it is
    stopped; it must not have changed anything by then.

    Examples
    --------
    >>> import numpy as np
    >>> from mlp._shared.sums import underflow_is_zero
    >>> class Number(float):
    ...     @underflow_is_zero
    ...     def exp(self):
    ...         return float(np.exp(self))
    >>> with np.errstate(all="raise"):
    ...     Number(-1000.0).exp()
    0.0
    """

    # One form for each form of method: *args and **kwargs would cost a small net
    # some percent of a step.
    def alone(self: Any) -> Any:
        try:
            return method(self)
        except FloatingPointError as error:
            return _again(error, method, self)

    def of_one(self: Any, x: Any) -> Any:
        try:
            return method(self, x)
        except FloatingPointError as error:
            return _again(error, method, self, x)

    def of_a_loss(self: Any, prediction: Any, target: Any, weight: Any = None) -> Any:
        try:
            return method(self, prediction, target, weight)
        except FloatingPointError as error:
            return _again(error, method, self, prediction, target, weight)

    def backward(self: Any, grad_output: Any, *, needs_input_grad: bool = True) -> Any:
        try:
            return method(self, grad_output, needs_input_grad=needs_input_grad)
        except FloatingPointError as error:
            return _again(
                error, method, self, grad_output, needs_input_grad=needs_input_grad
            )

    code = method.__code__
    forms: dict[int, Callable[..., Any]] = {1: alone, 2: of_one, 4: of_a_loss}
    running = backward if code.co_kwonlyargcount else forms[code.co_argcount]
    # a code object of its own, since CPython adapts one to the method that it calls
    running.__code__ = running.__code__.replace(co_name=method.__name__)
    return cast(_Method, functools.wraps(method)(running))


def times(a: float | Array, b: Array) -> Array:
    """Return a b, a number times an array, of which an underflow is 0.

    Examples
    --------
    >>> import numpy as np
    >>> from mlp._shared.sums import times
    >>> with np.errstate(all="raise"):
    ...     times(1e-200, np.array([1e-200, 1e200]))
    array([0., 1.])
    """
    try:  # underflow_is_zero, without its call
        result = a * b
    except FloatingPointError as error:
        result = _again(error, np.multiply, a, b)
    return result


def _again(
    error: FloatingPointError, function: Callable[..., Any], *args: Any, **kwargs: Any
) -> Any:
    """Return what a function returns that only an underflow has stopped."""
    if not str(error).startswith("underflow"):
        raise error
    with np.errstate(under="ignore"):
        return function(*args, **kwargs)
