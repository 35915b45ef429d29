"""Parameter and Buffer: the arrays that a layer keeps.

A Parameter is learned: it has a gradient, and an optimizer changes it. A
Buffer is saved with the parameters but is not learned. Read layer.py next.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import numpy.typing as npt

from mlp._shared import arrays, numbers
from mlp._shared.arrays import Array, RealArray


class StaleGradientWarning(UserWarning):
    """A backward is adding to a gradient that a step has already used.

    The third step of the training loop is missing: optimizer.zero_grad().
    The gradients add up, as they would in PyTorch, so each step follows the
    sum of all gradients since the start, as with a momentum of 1.
    """


class Parameter:
    """θ and ∂ℓ/∂θ: an array that is learned, and its gradient.

    Parameters
    ----------
    data : array_like
        The first value of θ, which is copied. A float32 or float64 array
        keeps its dtype; integers and lists become float64.

    Attributes
    ----------
    data : array
        θ. It is always the same array, and an optimizer's step writes into
        it. To set it, write into it: p.data[...] = value.
    grad : array of the same shape and dtype, or None
        ∂ℓ/∂θ, or None before the first backward. You may assign it;
        zero_grad assigns None.

    Raises
    ------
    TypeError
        If data does not hold real numbers, or is of another floating dtype.
    ValueError
        If a gradient does not have the shape of data.

    Derivation
    ----------
    If θ is used more than once, by each row of a batch or by two forwards
    before one step, the chain rule has one term for each use, and adds the
    terms: d/dθ f(θ, θ) = ∂₁f + ∂₂f. So backward adds:

        grad ← g           if grad is None          no pass over zeros
        grad ← grad + g    otherwise                a new array, always

    Examples
    --------
    >>> from mlp import Parameter
    >>> p = Parameter([1.0, 2.0])
    >>> p.add_grad([0.5, 0.25])
    >>> p.add_grad([1.0, 1.0])
    >>> p.grad
    array([1.5 , 1.25])
    >>> p
    Parameter(shape=(2,), dtype=float64, grad=set)
    """

    __slots__ = ("_data", "_grad", "_stale")

    def __init__(self, data: npt.ArrayLike) -> None:
        array = arrays.floating("Parameter", "data", data)
        dtype = numbers.float_dtype("Parameter", array.dtype.newbyteorder("="))
        self._data: Array = np.array(array, dtype)
        self._grad: Array | None = None
        self._stale = False  # whether a step has used this gradient

    @property
    def data(self) -> Array:
        """θ, the array itself."""
        return self._data

    @data.setter
    def data(self, value: Array) -> None:
        _check_same(self, value, self._data)

    @property
    def grad(self) -> Array | None:
        """∂ℓ/∂θ, or None."""
        return self._grad

    @grad.setter
    def grad(self, value: npt.ArrayLike | None) -> None:
        if value is not None:
            value = arrays.gradient(value, self._data, "Parameter.grad")
        if value is not self._grad:  # p.grad *= 0.5 arrives here with p.grad
            self._stale = False
        self._grad = value

    def add_grad(self, grad: npt.ArrayLike) -> None:
        """Add one backward's ∂ℓ/∂θ to grad; a layer's backward calls this.

        Parameters
        ----------
        grad : array_like of data's shape
            If there is no gradient yet, this array becomes the gradient,
            without a copy. Nothing in the library writes into it.

        Warns
        -----
        StaleGradientWarning
            If a step has used the present gradient and no zero_grad
            followed.
        """
        grad = arrays.gradient(grad, self._data, "Parameter.add_grad")
        if self._grad is None:
            self._grad = grad
            return
        if self._stale and self._grad.any():  # one filled with 0 by hand is fresh
            warnings.warn(
                "Parameter.add_grad: expected the gradient to be new, got one that "
                "optimizer.step() has used, so the two add up; write "
                "optimizer.zero_grad() (step 3) before model.backward (step 4)",
                StaleGradientWarning,
                stacklevel=numbers.stacklevel_outside(),
            )
        self.grad = self._grad + grad

    def __getstate__(self) -> tuple[None, dict[str, Any]]:
        """Return θ, its gradient, and whether a step has used it."""
        return None, {name: getattr(self, name) for name in self.__slots__}

    def __setstate__(self, state: tuple[None, dict[str, Any]]) -> None:
        """Take them over; θ may be a np.memmap, as joblib has it."""
        for name, value in state[1].items():
            setattr(self, name, value)
        self._data = np.asarray(self._data)  # a view, of the plain class

    def __repr__(self) -> str:
        """Return the shape, the dtype, and whether there is a gradient."""
        grad = "None" if self._grad is None else "set"
        return (
            f"Parameter(shape={self._data.shape}, dtype={self._data.dtype}, "
            f"grad={grad})"
        )


class Buffer:
    """An array that a layer keeps but does not learn, as a running mean.

    A layer assigns it as an attribute. state_dict() has it under its name,
    and checkpoints save it. predict works with a copy of it.

    Parameters
    ----------
    data : array_like
        Its first value, which is copied: real numbers of any dtype.

    Attributes
    ----------
    data : array
        Always the same array. To set it, write into it: b.data[...] = v.

    Raises
    ------
    TypeError
        If data does not hold real numbers.

    Examples
    --------
    A layer that counts the rows it has seen in training:

    >>> import numpy as np
    >>> from mlp import Buffer, Layer, Sequential
    >>> class Counter(Layer):
    ...     def __init__(self):
    ...         self.rows = Buffer(0)
    ...     def forward(self, x):
    ...         if self.training:
    ...             self.rows.data += len(x)
    ...         return x
    ...     def backward(self, grad_output):
    ...         return grad_output
    >>> model = Sequential(Counter())
    >>> _ = model.forward(np.ones((5, 2)))
    >>> _ = model.predict(np.ones((9, 2)))
    >>> model.state_dict()
    {'0.rows': array(5)}
    """

    __slots__ = ("_data",)

    def __init__(self, data: npt.ArrayLike) -> None:
        self._data = np.array(arrays.real_array("Buffer", "data", data))

    @property
    def data(self) -> RealArray:
        """The array itself."""
        return self._data

    @data.setter
    def data(self, value: RealArray) -> None:
        _check_same(self, value, self._data)

    def __copy__(self) -> Buffer:
        """Return one with an array of its own."""
        return Buffer(self._data)

    def __repr__(self) -> str:
        """Return the shape and the dtype."""
        return f"Buffer(shape={self._data.shape}, dtype={self._data.dtype})"


def _check_same(owner: object, value: object, data: object) -> None:
    """Raise unless an assignment to .data is that of an in-place operator."""
    if value is not data:  # p.data -= v arrives here with p.data
        raise AttributeError(
            f"{type(owner).__name__}.data: expected to stay the same array, got "
            f"another; write into it: p.data[...] = value"
        )
