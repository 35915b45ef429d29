"""What everything here is made of: Parameter, Layer and Loss.

A newcomer should learn that a net needs no more than three ideas: an array
that has a gradient, a function that knows its own derivative, and a number
to make small. Whoever keeps the two contracts below, forward and backward,
can put a layer or a loss of their own among those of the library.
"""

from __future__ import annotations

import functools
import inspect
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from mlp import _checks, _walk
from mlp._checks import Array


class StaleGradientWarning(UserWarning):
    """A backward is adding to a gradient that a step has already used.

    The loop has lost its third step, optimizer.zero_grad(). The gradients
    add up, as they would in PyTorch, so the net follows the sum of all
    gradients since the start: the momentum of a ball that nothing ever
    slows down.
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
        θ: one array for life, into which an optimizer's step writes. To set
        it, write into it: p.data[...] = value.
    grad : array of the same shape and dtype, or None
        ∂ℓ/∂θ, None until a backward has added to it. It may be assigned,
        and None takes it away, which is what zero_grad does.

    Raises
    ------
    TypeError
        If data does not hold real numbers, or is of another floating dtype.
    ValueError
        If a gradient does not have the shape of data.

    Derivation
    ----------
    Where θ is used more than once, by each row of a batch or by two
    backwards before one step, ℓ depends on it along each of these ways, and
    the chain rule adds them up: d/dθ f(θ, θ) = ∂₁f + ∂₂f. So backward adds:

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
        array = _checks.floating("Parameter", "data", data)
        dtype = _checks.float_dtype("Parameter", array.dtype.newbyteorder("="))
        self._data: Array = np.array(array, dtype)
        self._grad: Array | None = None
        self._stale = False  # whether a step has used this gradient

    @property
    def data(self) -> Array:
        """θ, the array itself."""
        return self._data

    @data.setter
    def data(self, value: Array) -> None:
        if value is not self._data:  # p.data -= v arrives here with p.data
            raise AttributeError(
                "Parameter.data: expected to stay one array for life, got another; "
                "write into it: p.data[...] = value"
            )

    @property
    def grad(self) -> Array | None:
        """∂ℓ/∂θ, or None."""
        return self._grad

    @grad.setter
    def grad(self, value: npt.ArrayLike | None) -> None:
        if value is not None:
            value = _checks.gradient(value, self._data, "Parameter.grad")
        if value is not self._grad:  # p.grad *= 0.5 arrives here with p.grad
            self._stale = False
        self._grad = value

    def add_grad(self, grad: npt.ArrayLike) -> None:
        """Add one backward's ∂ℓ/∂θ to grad; a layer's backward calls this.

        Parameters
        ----------
        grad : array_like of data's shape
            It is kept, not copied, when there is no gradient yet; nothing
            in the library writes into it.

        Warns
        -----
        StaleGradientWarning
            If a step has used the present gradient and no zero_grad
            followed.
        """
        grad = _checks.gradient(grad, self._data, "Parameter.add_grad")
        if self._grad is None:
            self._grad = grad
            return
        if self._stale and self._grad.any():  # one filled with 0 by hand is fresh
            warnings.warn(
                "Parameter.add_grad: expected the gradient to be new, got one that "
                "optimizer.step() has used, so the two add up; write "
                "optimizer.zero_grad() (step 3) before model.backward (step 4)",
                StaleGradientWarning,
                stacklevel=_checks.stacklevel_outside(),
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


class _Forward:
    """What has a forward, which keeps what its backward needs; and its copies."""

    forward_keeps: tuple[str, ...] = ()

    def __copy__(self) -> Self:
        """Return one with the same Parameters and its own memory."""
        twin: Self = _walk.Copy(_Forward, False, {}).of(self)
        return twin

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Return one that shares nothing, with its own pending backward."""
        twin: Self = _walk.Copy(_Forward, True, memo).of(self)
        return twin

    def __getstate__(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return what a pickle carries: all but what forward keeps."""
        own = vars(self)
        state: tuple[dict[str, Any], dict[str, Any]] = {}, {}
        for name, value in _walk.attributes(self).items():
            if name not in self.forward_keeps:
                state[name not in own][name] = value
        return state

    def __repr__(self) -> str:
        """Return the name of the class."""
        return f"{type(self).__name__}()"


# The layers whose parameters() is being asked for, so that one that refers back to
# the net it is in does not ask for ever.
_asked: ContextVar[frozenset[int]] = ContextVar("_asked", default=frozenset())


class Layer(_Forward, ABC):
    """y = f(x; θ), with the two products that the chain rule needs of it.

    A layer of your own writes forward and backward, and assigns its
    Parameters and the Layers inside it as attributes; nothing else, not
    even super().__init__().

    Notes
    -----
    Parameters and Layers are found in attributes and __slots__, and in
    lists, tuples, dicts, deques, partials, bound methods, closures and
    objects of your own (a dataclass, say) that are kept there. A set of
    them is refused, since it has no order to name them by. A reference back
    to the Sequential that the layer is in is not followed.

    copy.copy, which predict runs, has the same Parameters and a memory of
    its own: all that is listed above is the copy's own, and methods and
    closures work on the copy. Arrays and all other objects are shared, so
    forward must not write into them in place. copy.deepcopy shares nothing,
    and a backward that is pending can be run on both.

    A pickle of the library's layers and losses has no backward pending: the
    batch that forward kept is left out. One of your own carries all of its
    attributes, unless it names those that forward sets, forward_keeps =
    ("x",).

    Derivation
    ----------
    Let x and y be columns and ∂ℓ/∂y a row. Then

        ∂ℓ/∂x = ∂ℓ/∂y · ∂y/∂x     what backward returns, to the layer below
        ∂ℓ/∂θ = ∂ℓ/∂y · ∂y/∂θ     what backward adds to θ.grad

    Nothing in them asks what comes above or below: a layer is told ∂ℓ/∂y
    and knows its own Jacobians ∂y/∂x and ∂y/∂θ. It hardly ever forms them,
    since their products with a row are cheaper than they are.

    Examples
    --------
    A layer of one's own, y = s x with a learned number s; ∂y/∂x = s and
    ∂y/∂s = x, the latter summed over all entries, since s serves them all:

    >>> import numpy as np
    >>> from mlp import Layer, Parameter
    >>> class Scale(Layer):
    ...     def __init__(self):
    ...         self.s = Parameter([3.0])
    ...     def forward(self, x):
    ...         self.x = x
    ...         return self.s.data * x
    ...     def backward(self, grad_output, *, needs_input_grad=True):
    ...         self.s.add_grad([np.sum(grad_output * self.x)])
    ...         return grad_output * self.s.data
    >>> layer = Scale()
    >>> layer.forward(np.array([[1.0, 2.0]]))
    array([[3., 6.]])
    >>> layer.backward(np.array([[1.0, 10.0]]))
    array([[ 3., 30.]])
    >>> layer.parameters()[0].grad
    array([21.])
    """

    def __init_subclass__(cls, **options: Any) -> None:
        """Let a backward(self, grad_output) be called as every other."""
        super().__init_subclass__(**options)
        if not _takes_needs_input_grad(cls.backward):  # its own, or a mixin's
            cls.backward = _with_needs_input_grad(cls.backward)  # type: ignore[method-assign]

    def __setattr__(self, name: str, value: Any) -> None:
        """Let a backward that one layer is given be called as every other."""
        if name == "backward" and not _takes_needs_input_grad(value):
            value = functools.partial(_without_needs_input_grad, value)
        super().__setattr__(name, value)

    @abstractmethod
    def forward(self, x: npt.ArrayLike) -> Array:
        """Return y, and keep what backward needs.

        What is kept is not copied: leave x and y as they are until
        backward.
        """

    @abstractmethod
    def backward(
        self, grad_output: npt.ArrayLike, *, needs_input_grad: bool = True
    ) -> Array | None:
        """Return ∂ℓ/∂x, given ∂ℓ/∂y, and add ∂ℓ/∂θ to each θ.grad.

        In the library's own layers each backward uses up one forward.

        Parameters
        ----------
        grad_output : array_like of y's shape
            ∂ℓ/∂y, one row for each row of the batch.
        needs_input_grad : bool
            False says that nobody wants ∂ℓ/∂x, as below the first layer of
            a net; a layer may then return None. A layer of your own may
            ignore it, or leave it out: backward(self, grad_output).
        """

    def __call__(self, x: npt.ArrayLike) -> Array:
        """Return forward(x)."""
        return self.forward(x)

    def parameters(self) -> list[Parameter]:
        """Return the Parameters among the attributes, as they were assigned.

        Those of Layers among the attributes are included, where they stand;
        one that is reached in two ways is listed once.
        """
        above = _asked.get()
        if id(self) in above:  # a layer inside refers back to this one
            return []
        found: dict[int, Parameter] = {}
        token = _asked.set(above | {id(self)})
        try:
            for _, member in self._members():
                own = [member] if isinstance(member, Parameter) else member.parameters()
                found.update((id(p), p) for p in own)
        finally:
            _asked.reset(token)
        return list(found.values())

    def _members(self) -> Iterator[tuple[str, Parameter | Layer]]:
        """Yield each Parameter and Layer among the attributes, with its name.

        The one place that says what a layer is made of. A reference back to the
        Sequential that it is in is not a part of it.
        """
        for name, member in _walk.members(self, (Parameter, Layer)):
            if isinstance(member, Parameter) or not member._is_made_of(self):
                yield name, member

    def _is_made_of(self, layer: Layer) -> bool:
        """Return whether a layer is one of those in this row of layers."""
        return False

    def _named_parameters(
        self, above: frozenset[int] = frozenset()
    ) -> Iterator[tuple[str, Parameter]]:
        """Yield each Parameter with the path of names that leads to it."""
        above |= {id(self)}
        for name, member in self._members():
            if isinstance(member, Parameter):
                yield name, member
            elif id(member) not in above:
                for rest, parameter in member._named_parameters(above):
                    yield f"{name}.{rest}", parameter


def _takes_needs_input_grad(backward: Callable[..., Any]) -> bool:
    """Return whether a backward has the keyword, or takes any."""
    try:
        parameters = inspect.signature(backward).parameters
    except ValueError:  # of a function in C, which knows no such keyword
        return False
    return "needs_input_grad" in parameters or any(
        p.kind is p.VAR_KEYWORD for p in parameters.values()
    )


def _with_needs_input_grad(backward: Callable[..., Any]) -> Callable[..., Any]:
    """Return the backward with the keyword, which it ignores."""

    @functools.wraps(backward)
    def taking(
        self: Layer, grad_output: npt.ArrayLike, *, needs_input_grad: bool = True
    ) -> Any:
        return backward(self, grad_output)

    return taking


def _without_needs_input_grad(
    backward: Callable[..., Any],
    grad_output: npt.ArrayLike,
    *,
    needs_input_grad: bool = True,
) -> Any:
    """Call a backward without the keyword; a partial of this can be copied."""
    return backward(grad_output)


class Loss(_Forward, ABC):
    """ℓ(ŷ, y): one number that says how wrong a prediction ŷ of y is.

    A loss of your own writes forward, which returns ℓ as a float and keeps
    what backward needs, and backward, which returns the derivative of
    exactly that number: if forward divides by the number of entries, so
    does backward. It refuses a target of another shape, which NumPy would
    broadcast: (N, 1) − (N,) is (N, N). In the library's own losses and
    layers, each backward uses up one forward.

    Examples
    --------
    The sum of absolute differences, ℓ = Σ |ŷᵢ − yᵢ|, whose derivative is
    ∂ℓ/∂ŷᵢ = sign(ŷᵢ − yᵢ):

    >>> import numpy as np
    >>> from mlp import Loss
    >>> class AbsoluteLoss(Loss):
    ...     def forward(self, prediction, target):
    ...         if prediction.shape != target.shape:
    ...             raise ValueError(f"{prediction.shape}, {target.shape}")
    ...         self.difference = prediction - target
    ...         return float(np.abs(self.difference).sum())
    ...     def backward(self):
    ...         return np.sign(self.difference)
    >>> loss = AbsoluteLoss()
    >>> loss.forward(np.array([[1.0, 5.0]]), np.array([[3.0, 4.5]]))
    2.5
    >>> loss.backward()
    array([[-1.,  1.]])
    """

    @abstractmethod
    def forward(self, prediction: npt.ArrayLike, target: npt.ArrayLike) -> float:
        """Return ℓ(prediction, target), and keep what backward needs."""

    @abstractmethod
    def backward(self) -> Array:
        """Return ∂ℓ/∂ŷ at the last forward, in the shape of the prediction."""

    def __call__(self, prediction: npt.ArrayLike, target: npt.ArrayLike) -> float:
        """Return forward(prediction, target)."""
        return self.forward(prediction, target)
