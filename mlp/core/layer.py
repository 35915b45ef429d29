"""Layer: a function that knows its own derivative.

This is the contract of mlp.layers and of any layer of your own: forward and
backward. Read mlp.core.loss next.
"""

from __future__ import annotations

import functools
import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any

import numpy.typing as npt

from mlp._shared import walking
from mlp._shared.arrays import Array
from mlp.core.forward import _Forward
from mlp.core.parameter import Parameter

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
        for name, member in walking.members(self, (Parameter, Layer)):
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
