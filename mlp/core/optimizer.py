"""Optimizer: a rule for the next step.

A gradient says in which direction the loss rises. An optimizer says how far
to go in the opposite direction. All optimizers have parameters, a learning
rate, and perhaps a few arrays for each parameter. mlp.optim has the usual
rules; read it next.
"""

from __future__ import annotations

import copy
import inspect
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Self

import numpy as np

from mlp._shared import arrays, numbers
from mlp._shared.arrays import Array
from mlp.core.layer import Layer
from mlp.core.loss import Loss
from mlp.core.parameter import Parameter
from mlp.core.team import ALONE, Team


def for_reading(name: str, doc: str) -> Any:
    """Return a property that shows a setting, which is not to be set."""
    return property(lambda self: getattr(self, f"_{name}"), doc=doc)


class Optimizer(ABC):
    """θ ← θ + Δθ, for each parameter that has a gradient: step 5.

    To write an optimizer of your own, write update, and __init__ if it has
    settings besides lr. This class does everything else.

    Parameters
    ----------
    parameters : iterable of Parameter
        What to update: model.parameters(), or some of them.
    lr : float
        The learning rate, above 0.

    Attributes
    ----------
    parameters : tuple of Parameter
        As given.
    lr : float
        May be set between steps.

    Raises
    ------
    ValueError
        If lr is not above 0; if there are no parameters, or one of them
        twice.
    TypeError
        If parameters is a model, say, and not its parameters().

    Notes
    -----
    A setting is an argument of __init__ that is kept in an attribute of its
    name (lr, momentum) or of that name after an underscore. state_dict()
    holds the settings, each other number that the optimizer keeps, and what
    update keeps for each parameter: state["velocity"] of parameter 0 is
    "velocity.0".

    Keep everything that changes from step to step in state, or in an
    attribute that is a number: a checkpoint does not save arrays in other
    attributes. Do not keep the id() of a parameter, because diagnose, trace
    and pickle work on copies.

    Examples
    --------
    Steps whose length does not depend on the size of the gradient, along a
    running mean of its signs:

    >>> import numpy as np
    >>> from mlp import Optimizer, Parameter
    >>> class Signs(Optimizer):
    ...     def __init__(self, parameters, lr, keep=0.5):
    ...         super().__init__(parameters, lr)
    ...         self.keep = keep
    ...     def update(self, parameter, gradient, state):
    ...         sign = np.sign(gradient)
    ...         before = state.get("mean", sign)
    ...         state["mean"] = self.keep * before + (1 - self.keep) * sign
    ...         parameter.data -= self.lr * state["mean"]
    >>> p = Parameter([1.0, 1.0])
    >>> optimizer = Signs([p], lr=0.1)
    >>> p.grad = [300.0, -0.001]
    >>> optimizer.step()
    >>> p.data
    array([0.9, 1.1])
    >>> optimizer.state_dict()
    {'lr': 0.1, 'keep': 0.5, 'mean.0': array([ 1., -1.])}
    """

    slots: tuple[str, ...] | None = None
    """The names under which update keeps arrays of the parameter's shape; a
    loaded state is checked by them. None: any names, any shapes."""

    counts: tuple[str, ...] = ()
    """The names under which update keeps whole numbers, such as a step's."""

    watches_underflow: bool = True
    """Whether np.seterr says nothing of an underflow in update, and what
    fades away in the arrays that it keeps becomes 0."""

    team: Team = ALONE
    """The processes that take each step together: mlp.parallel."""

    def __init__(self, parameters: Iterable[Parameter], lr: float) -> None:
        self.parameters = parameter_tuple(type(self).__name__, parameters)
        self.lr = lr
        self._states: list[dict[str, Any]] = [{} for _ in self.parameters]

    @property
    def lr(self) -> float:
        """The learning rate."""
        return self._lr

    @lr.setter
    def lr(self, value: float) -> None:
        self._lr = numbers.number(type(self).__name__, "lr", value, above=0)

    @abstractmethod
    def update(
        self, parameter: Parameter, gradient: Array, state: dict[str, Any]
    ) -> None:
        """Write the next θ into parameter.data, in place.

        Parameters
        ----------
        parameter : Parameter
            θ.
        gradient : array
            ∂ℓ/∂θ. Do not write into it.
        state : dict of str to array or number
            What to keep for this parameter between steps; empty at first.
        """

    @property
    def inner(self) -> Optimizer:
        """The optimizer that updates: itself, unless it wraps another."""
        return self

    def begin(self, model: Layer, criterion: Loss) -> None:
        """Do what a team has to before its first step with a model."""
        self.team.hand_out(model)

    def combine(self, rows: float | None = None) -> None:
        """Make the gradients of all processes' parts that of the batch.

        rows is as in step.
        """
        return None  # alone there is nothing to do

    def step(self, rows: float | None = None) -> None:
        """Update each parameter that has a gradient.

        Parameters
        ----------
        rows : float or None
            The number of rows of this process's part of the batch, or the
            sum of their weights. Only an AllReduce of several processes
            uses it.

        Raises
        ------
        RuntimeError
            If no parameter has a gradient.
        """
        for p in self.parameters:
            if not p._data.flags.writeable:
                arrays.writable(f"{type(self).__name__}.step", [p._data])
        if self.watches_underflow:
            stepped = self._update_watching_for_underflow()
        else:
            stepped = self._update_all()
        if not stepped:
            raise RuntimeError(
                f"{type(self).__name__}.step: expected a parameter with a gradient, "
                f"got none; write model.backward(criterion.backward()) (step 4) "
                f"between zero_grad and step"
            )

    def _update_all(self) -> bool:
        """Update each parameter that has a gradient; return whether one has."""
        stepped = False
        for parameter, state in zip(self.parameters, self._states, strict=True):
            if parameter._grad is not None:
                self.update(parameter, parameter._grad, state)
                parameter._stale = stepped = True
        return stepped

    def _update_watching_for_underflow(self) -> bool:
        """Update, whatever np.seterr says of an underflow, and flush after one."""
        underflows: list[str] = []
        with np.errstate(under="call", call=lambda kind, _: underflows.append(kind)):
            stepped = self._update_all()
        if underflows:
            self._flush()
        return stepped

    def _flush(self) -> None:
        """Set to 0 what is below the smallest normal number in what is kept.

        Where there is no gradient any more, a running sum shrinks to such
        denormal numbers and stays there, and the processor is many times
        slower with them.
        """
        for state in self._states:
            for kept in state.values():
                if isinstance(kept, np.ndarray) and kept.dtype.kind == "f":
                    least = np.finfo(kept.dtype).smallest_normal
                    kept[(kept < least) & (kept > -least)] = 0

    def zero_grad(self) -> None:
        """Set the gradient of each parameter to None: step 3 of training."""
        for parameter in self.parameters:
            parameter._grad, parameter._stale = None, False

    def holds(self, parameter: Parameter) -> bool:
        """Return whether the optimizer updates this parameter."""
        return any(parameter is p for p in self.parameters)

    def state_of(self, parameter: Parameter) -> dict[str, Any]:
        """Return a copy of what is kept for a parameter; {} at first."""
        for p, state in zip(self.parameters, self._states, strict=True):
            if p is parameter:
                return copy.deepcopy(state)
        return {}

    @contextmanager
    def at_lr(self, lr: float) -> Iterator[None]:
        """Use another lr for the steps inside a with block.

        It may be 0, because a schedule may return 0. Elsewhere lr = 0 is
        refused as a mistake.
        """
        before, self._lr = self._lr, numbers.number("at_lr", "lr", lr, least=0)
        try:
            yield
        finally:
            self._lr = before

    def settings(self) -> dict[str, Any]:
        """Return the present arguments of __init__, without parameters."""
        kept = self._kept()
        arguments = inspect.signature(type(self)).parameters
        return {name: kept[name] for name in arguments if name in kept}

    def _kept(self) -> dict[str, Any]:
        """Return each number, flag, word or tuple of numbers among the attributes."""
        kept = {"lr": self._lr}
        for name, value in vars(self).items():
            if _is_setting(value):
                kept[name.removeprefix("_")] = value
        return kept

    def state_dict(self) -> dict[str, Any]:
        """Return a copy of the settings and of what update keeps.

        Returns
        -------
        dict
            "lr" and the other settings by name, and "velocity.0",
            "velocity.1", …: what update keeps for parameter 0, 1, …
            np.savez(path, **state) writes it to a file.
        """
        states = {
            f"{slot}.{i}": copy.copy(value)
            for i, state in enumerate(self._states)
            for slot, value in state.items()
        }
        return self._kept() | states

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what state_dict returned, for the same parameters.

        All of it is checked before anything is changed, so an error leaves
        the optimizer unchanged.

        Raises
        ------
        ValueError
            If a name is missing or unknown, a setting is out of its range,
            or an array has another shape than its parameter.
        TypeError
            If something is of the wrong type.
        """
        who = f"{type(self).__name__}.load_state_dict"
        kept, slots = self._kept(), self._slots_in(state)
        arrays.names(who, kept, state, optional=slots)
        values = {name: _as_kept(who, name, state[name], kept[name]) for name in kept}
        self._check_settings(who, values)
        states: list[dict[str, Any]] = [{} for _ in self.parameters]
        for name, (slot, i) in slots.items():
            states[i][slot] = self._as_slot(who, name, slot, i, state[name])
        for name in [name for name in vars(self) if name.removeprefix("_") in values]:
            setattr(self, name, values[name.removeprefix("_")])
        self._states = states

    def _slots_in(self, state: Any) -> dict[str, tuple[str, int]]:
        """Return the slot and the place of each name in a state that is of a slot."""
        found = {}
        for name in state if isinstance(state, Mapping) else ():
            slot, dot, place = str(name).rpartition(".")
            is_one = dot and place.isdecimal() and int(place) < len(self.parameters)
            if is_one and (self.slots is None or slot in self.slots + self.counts):
                found[name] = slot, int(place)
        return found

    def _as_slot(self, who: str, name: str, slot: str, i: int, value: Any) -> Any:
        """Return one value that update is to keep, a copy, checked."""
        data = self.parameters[i].data
        if slot in self.counts:
            return numbers.whole_number(who, name, value)
        if self.slots is not None:
            return np.array(arrays.gradient(value, data, f"{who}: {name}"))
        array = np.array(arrays.real_array(who, name, value))
        return array if array.ndim or not data.ndim else array.item()

    def _check_settings(self, who: str, values: Mapping[str, Any]) -> None:
        """Raise, as __init__ does, if a setting is out of its range."""
        lr = numbers.number(who, "lr", values["lr"], above=0)
        try:
            self._made_with(values)
        except Exception as error:
            try:
                self._made_with(self._kept() | {"lr": lr})
            except Exception:  # an __init__ of another form, which cannot be asked
                return
            if not isinstance(error, ValueError | TypeError):
                raise
            sentence = str(error).removeprefix(f"{type(self).__name__}: ")
            raise type(error)(f"{who}: {sentence}") from None

    def _made_with(self, values: Mapping[str, Any]) -> Self:
        """Return one of the same class and parameters, with other settings."""
        settings = {name: values[name] for name in self.settings()}
        return type(self)(self.parameters, **settings)

    def __repr__(self) -> str:
        """Return how many parameters it holds, and the settings."""
        n = len(self.parameters)
        settings = (f"{name}={value!r}" for name, value in self.settings().items())
        return (
            f"{type(self).__name__}({n} parameter{'s' * (n != 1)}, "
            f"{', '.join(settings)})"
        )


def _is_setting(value: Any) -> bool:
    """Return whether a value is a number, a flag, a word or a tuple of numbers."""
    if isinstance(value, tuple):
        return value != () and all(isinstance(v, int | float) for v in value)
    return isinstance(value, bool | int | float | str | np.number | np.bool_)


def _as_kept(who: str, name: str, value: Any, like: Any) -> Any:
    """Return a value of a state as the optimizer keeps it, as a float for a float."""
    if isinstance(like, bool | np.bool_):
        return numbers.flag(who, name, value)
    if isinstance(like, str):
        return str(value)
    if isinstance(like, tuple):
        items = value if isinstance(value, tuple | list) else np.asarray(value).tolist()
        if not isinstance(items, tuple | list) or len(items) != len(like):
            raise ValueError(
                f"{who}: expected {name} to be {len(like)} numbers, got {value!r}"
            )
        pairs = zip(items, like, strict=True)
        return tuple(_as_kept(who, name, v, w) for v, w in pairs)
    if isinstance(like, int | np.integer):
        return numbers.whole_number(who, name, value)
    return numbers.number(who, name, value)


def parameter_tuple(who: str, parameters: Iterable[Parameter]) -> tuple[Parameter, ...]:
    """Return the parameters as a tuple: some, all Parameters, none twice."""
    if isinstance(parameters, Parameter) or not isinstance(parameters, Iterable):
        raise TypeError(
            f"{who}: expected an iterable of Parameters, got {parameters!r}; write "
            f"{who}(model.parameters(), lr=…)"
        )
    result = list(parameters)
    for i, p in enumerate(result):
        if not isinstance(p, Parameter):
            raise TypeError(
                f"{who}: expected parameter {i} to be a Parameter, got {p!r}; write "
                f"{who}(model.parameters(), lr=…)"
            )
    if len({id(p) for p in result}) < len(result):
        raise ValueError(
            f"{who}: expected each parameter once, got one twice; it would be updated "
            "twice"
        )
    if not result:
        raise ValueError(
            f"{who}: expected at least one parameter, got none; does the model have a "
            "Linear, or a layer of your own a Parameter among its attributes?"
        )
    return tuple(result)
