"""Layer: a function that knows its own derivative.

This is the contract of mlp.layers and of any layer of your own: forward and
backward. Read mlp.core.loss next.
"""

from __future__ import annotations

import functools
import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from mlp._shared import arrays, numbers, walking
from mlp._shared.arrays import Array, RealArray
from mlp.core.forward import _Forward, takes_keyword
from mlp.core.parameter import Buffer, Parameter

# The layers whose parameters() is being asked for, so that one that refers back to
# the net it is in does not ask for ever.
_asked: ContextVar[frozenset[int]] = ContextVar("_asked", default=frozenset())


class Layer(_Forward, ABC):
    """y = f(x; θ), with the two products that the chain rule needs of it.

    To write a layer of your own, write forward and backward, and assign its
    Parameters and the Layers inside it as attributes. It needs nothing
    else, not even super().__init__().

    Notes
    -----
    Parameters and Layers are found in attributes and __slots__, and in
    lists, tuples, dicts, deques, partials, bound methods, closures and
    objects of your own (a dataclass, say) that are kept there. A set of
    them is refused, because a set has no order to name them by. A reference
    back to the Sequential that the layer is in is not followed.

    predict runs a copy.copy. It shares the Parameters, but everything else
    that is listed above is the copy's own, and methods and closures work on
    the copy. Arrays and all other objects are shared, so forward must not
    write into them in place. A copy.deepcopy shares nothing; after a
    forward, backward can be run on both, once each.

    A pickle of the library's layers and losses leaves out the batch that
    forward kept, so backward needs a new forward. A pickle of your own
    layer has all of its attributes. To leave out those that forward sets,
    name them: forward_keeps = ("x",).

    Derivation
    ----------
    Let x and y be columns and ∂ℓ/∂y a row. Then

        ∂ℓ/∂x = ∂ℓ/∂y · ∂y/∂x     what backward returns, to the layer below
        ∂ℓ/∂θ = ∂ℓ/∂y · ∂y/∂θ     what backward adds to θ.grad

    They do not depend on the other layers: a layer gets ∂ℓ/∂y, and it knows
    its own Jacobians ∂y/∂x and ∂y/∂θ. It rarely computes these matrices,
    because a row times a Jacobian can be computed with less work.

    Examples
    --------
    A layer of your own, y = s x with a learned number s. ∂y/∂x = s, and
    ∂y/∂s = x; the gradient of s is a sum over all entries, because all of
    them use s:

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
        if not takes_keyword(cls.backward, "needs_input_grad"):  # its own, or a mixin's
            # a method to mypy, which is not to be assigned; here it is wrapped
            cls.backward = _with_needs_input_grad(cls.backward)  # type: ignore[method-assign]

    training: bool = True
    """Whether it is in training mode, which train() and eval() set."""

    keeps_shape: bool = False
    """Whether y has the shape of x, whatever that is."""

    least_rows: int = 1
    """How many rows a batch has at least in training."""

    @abstractmethod
    def forward(self, x: npt.ArrayLike) -> Array:
        """Return y, and keep what backward needs.

        The arrays that are kept are not copied: do not change x and y
        before backward.
        """

    @abstractmethod
    def backward(
        self, grad_output: npt.ArrayLike, *, needs_input_grad: bool = True
    ) -> Array | None:
        """Return ∂ℓ/∂x, given ∂ℓ/∂y, and add ∂ℓ/∂θ to each θ.grad.

        In the library's own layers each backward needs a new forward.

        Parameters
        ----------
        grad_output : array_like of y's shape
            ∂ℓ/∂y, one row for each row of the batch.
        needs_input_grad : bool
            False says that ∂ℓ/∂x is not needed, as in the first layer of
            a net; a layer may then return None. A layer of your own may
            ignore this, or leave it out: backward(self, grad_output).
        """

    def __call__(self, x: npt.ArrayLike) -> Array:
        """Return forward(x)."""
        return self.forward(x)

    def train(self, mode: bool = True) -> Self:
        """Set training mode here and in the layers inside, and return self.

        A layer that computes something else in training, such as Dropout,
        asks self.training in its forward.
        """
        mode = numbers.flag(f"{type(self).__name__}.train", "mode", mode)
        for layer in self.modules():
            layer.training = mode
        return self

    def eval(self) -> Self:
        """Set evaluation mode, train(False), and return self."""
        return self.train(False)

    def settings(self) -> dict[str, Any]:
        """Return the arguments that make such a layer again.

        save writes them to the file, so that load_model can make the layer
        again. Each argument of __init__ is read from the attribute of the
        same name; rng is left out, because the state of a Generator is
        saved separately. If your layer has other attributes, write its own
        settings().

        Raises
        ------
        AttributeError
            If an argument has no attribute of its name.
        TypeError
            If __init__ takes any number of arguments.

        Examples
        --------
        >>> from mlp import LeakyReLU
        >>> LeakyReLU(0.1).settings()
        {'negative_slope': 0.1}
        """
        arguments = inspect.signature(type(self)).parameters.values()
        if any(a.kind in (a.VAR_POSITIONAL, a.VAR_KEYWORD) for a in arguments):
            raise TypeError(
                f"{type(self).__name__}.settings: expected arguments with names, got "
                f"an __init__ that takes any; write settings(self)"
            )
        return {a.name: getattr(self, a.name) for a in arguments if a.name != "rng"}

    def members(self) -> Iterator[tuple[str, Parameter | Buffer | Layer]]:
        """Yield each Parameter, Buffer and Layer among the attributes.

        All other methods use it to find what a layer is made of. A
        reference back to the Sequential that it is in is not a part of it.
        """
        for name, member in walking.members(self, (Parameter, Buffer, Layer)):
            if not (isinstance(member, Layer) and member._is_made_of(self)):
                yield name, member

    def modules(self) -> list[Layer]:
        """Return the layer and those inside it, at any depth, each once."""
        found: dict[int, Layer] = {id(self): self}
        waiting: list[Layer] = [self]
        while waiting:
            for _, member in waiting.pop().members():
                if isinstance(member, Layer) and id(member) not in found:
                    found[id(member)] = member
                    waiting.append(member)
        return list(found.values())

    def parameters(self) -> list[Parameter]:
        """Return the Parameters among the attributes, as they were assigned.

        Those of the Layers among the attributes are included, in the same
        order. A Parameter that is found twice is listed once.
        """
        above = _asked.get()
        if id(self) in above:  # a layer inside refers back to this one
            return []
        found: dict[int, Parameter] = {}
        token = _asked.set(above | {id(self)})
        try:
            for _, member in self.members():
                if isinstance(member, Parameter):
                    found[id(member)] = member
                elif isinstance(member, Layer):
                    found.update((id(p), p) for p in member.parameters())
        finally:
            _asked.reset(token)
        return list(found.values())

    def named_parameters(self) -> Iterator[tuple[str, Parameter]]:
        """Yield each Parameter with the path of names that leads to it."""
        for name, member in self._named(frozenset()):
            if isinstance(member, Parameter):
                yield name, member

    def named_buffers(self) -> Iterator[tuple[str, Buffer]]:
        """Yield each Buffer with the path of names that leads to it."""
        for name, member in self._named(frozenset()):
            if isinstance(member, Buffer):
                yield name, member

    def named_generators(self) -> Iterator[tuple[str, np.random.Generator]]:
        """Yield each Generator that is drawn from, with its path; each once."""
        seen: set[int] = set()
        layers = (
            pair for pair in self._named(frozenset()) if isinstance(pair[1], Layer)
        )
        for path, layer in [("", self), *layers]:
            for name, found in walking.members(layer, (np.random.Generator, Layer)):
                if isinstance(found, np.random.Generator) and id(found) not in seen:
                    seen.add(id(found))
                    yield f"{path}.{name}".removeprefix("."), found

    def _named(
        self, above: frozenset[int]
    ) -> Iterator[tuple[str, Parameter | Buffer | Layer]]:
        """Yield each member at any depth with its path; above are those it is in."""
        above |= {id(self)}
        for name, member in self.members():
            if id(member) in above:
                continue
            yield name, member
            if isinstance(member, Layer):
                for rest, inside in member._named(above):
                    yield f"{name}.{rest}", inside

    def _is_made_of(self, layer: Layer) -> bool:
        """Return whether a layer is one of those in this row of layers."""
        return False

    def zero_grad(self) -> None:
        """Set the gradient of each parameter to None.

        optimizer.zero_grad() does this for the parameters that it updates.
        This method also does it for those that no optimizer has.
        """
        for parameter in self.parameters():
            parameter.grad = None

    def state_arrays(self) -> dict[str, RealArray]:
        """Return the arrays of parameters and buffers by name, not copied.

        Raises
        ------
        RuntimeError
            If a parameter has no name, because only parameters() knows it.
        """
        named: list[tuple[str, Parameter | Buffer]] = [*self.named_parameters()]
        if not {id(p) for p in self.parameters()} <= {id(p) for _, p in named}:
            raise RuntimeError(
                f"{type(self).__name__}: expected each parameter among the attributes "
                f"of its layer, got one that only parameters() knows; make it an "
                f"attribute, so that it has a name"
            )
        named += self.named_buffers()
        return {name: member.data for name, member in named}

    def state_dict(self) -> dict[str, RealArray]:
        """Return copies of all parameters and buffers, by PyTorch's names.

        Returns
        -------
        dict
            "0.weight", "0.bias", "2.weight", …: in a Sequential the layer's
            index, a dot, and the attribute of the layer.

        Examples
        --------
        >>> from mlp import Linear, ReLU, Sequential
        >>> model = Sequential(ReLU(), Linear(2, 3))
        >>> {name: a.shape for name, a in model.state_dict().items()}
        {'1.weight': (3, 2), '1.bias': (3,)}
        """
        return {name: data.copy() for name, data in self.state_arrays().items()}

    def load_state_dict(self, state: Mapping[str, npt.ArrayLike]) -> None:
        """Write the arrays of a state_dict into parameters and buffers.

        All of them are checked before the first is written, so an error
        leaves the net unchanged.

        Parameters
        ----------
        state : mapping of str to array_like
            As state_dict() returns it, here or in the same torch.nn
            module. Each array is converted to the dtype of its parameter.

        Raises
        ------
        ValueError
            If a name is missing or unknown, or an array has another shape.
        TypeError
            If state is no mapping, or an array does not hold real numbers.
        """
        who = f"{type(self).__name__}.load_state_dict"
        arrays.load_arrays(who, self.state_arrays(), state)


def _with_needs_input_grad(backward: Callable[..., Any]) -> Callable[..., Any]:
    """Return the backward with the keyword, which it ignores."""

    @functools.wraps(backward)
    def taking(
        self: Layer, grad_output: npt.ArrayLike, *, needs_input_grad: bool = True
    ) -> Any:
        return backward(self, grad_output)

    return taking
