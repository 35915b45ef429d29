"""SGD: a step against the gradient, with momentum."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from mlp._shared import arrays, numbers
from mlp._shared.arrays import Array
from mlp._shared.sums import underflow_is_zero
from mlp.core.parameter import Parameter

_PIECE = 1 << 20  # bytes of a parameter that are updated at a time, at most
_LEAST = 1 << 15  # and at least


class SGD:
    """θ ← θ − lr d, with d the gradient, or a running sum of gradients.

    Stochastic, since the gradient is that of a batch and not of all the
    data. The definitions, and the order of the terms, are those of
    torch.optim.SGD with dampening 0.

    Parameters
    ----------
    parameters : iterable of Parameter
        What to step; model.parameters(), or some of them.
    lr : float
        The learning rate, above 0.
    momentum : float
        μ, in [0, 1).
    weight_decay : float
        λ, at least 0: adds λ θ to each gradient, as a term (λ/2) ‖θ‖² of
        the loss would, biases included.
    nesterov : bool
        Whether to look one step ahead along v; needs momentum.

    Attributes
    ----------
    lr : float
        May be set between steps.
    momentum, weight_decay, nesterov : float, float, bool
        As given, for reading.

    Raises
    ------
    ValueError
        If a number is out of its range; if there are no parameters, or one
        of them twice; if nesterov has no momentum.
    TypeError
        If parameters is a model, say, and not its parameters().
    RuntimeError
        If step is called when no parameter has a gradient.

    Derivation
    ----------
    ∇ = ∂ℓ/∂θ points up, and ℓ(θ − lr ∇) = ℓ(θ) − lr ‖∇‖² + O(lr²): for a
    small lr, plain SGD lowers the loss of this batch. One step:

        g ← ∇ + λ θ                       weight decay
        v ← μ v + g                       velocity, 0 before the first
        d ← v         or, Nesterov,       d ← g + μ v
        θ ← θ − lr d

    Without momentum d is g. Why momentum is a running sum: the second line,
    unrolled at step t, is

        v_t = g_t + μ g_{t−1} + μ² g_{t−2} + … + μ^{t−1} g₁

    Gradients that agree from step to step add up, to at most g / (1 − μ),
    ten steps in one at μ = 0.9; those that change sign, as across a narrow
    valley, cancel. The sum is not an average: the same lr goes up to
    1 / (1 − μ) times as far, so multiply lr by 1 − μ when you add momentum.

    Nesterov takes the gradient not at θ but where the velocity will have
    carried it, θ − lr μ v. Written in the point looked ahead to, the step
    is the one above: with v new, d = g + μ v, as if the next step's
    gradient were this one's.

    Examples
    --------
    >>> from mlp import SGD, Parameter
    >>> p = Parameter([1.0])
    >>> optimizer = SGD([p], lr=0.1, momentum=0.5)
    >>> for _ in range(3):                  # v = 1, 1.5, 1.75: up to 2
    ...     optimizer.zero_grad()
    ...     p.add_grad([1.0])
    ...     optimizer.step()
    ...     print(p.data.round(12))         # 1 − 0.1, − 0.15, − 0.175
    [0.9]
    [0.75]
    [0.575]
    >>> optimizer
    SGD(1 parameter, lr=0.1, momentum=0.5, weight_decay=0.0, nesterov=False)

    References
    ----------
    Robbins and Monro, A stochastic approximation method, 1951. Polyak, Some
    methods of speeding up the convergence of iteration methods, 1964.
    Sutskever et al., On the importance of initialization and momentum in
    deep learning, ICML 2013, for Nesterov's form. Krogh and Hertz, A simple
    weight decay can improve generalization, 1991.
    """

    def __init__(
        self,
        parameters: Iterable[Parameter],
        lr: float,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
    ) -> None:
        self._parameters = _parameter_list(parameters)
        self._velocity: list[Array | None] = [None] * len(self._parameters)
        self._configure("SGD", lr, momentum, weight_decay, nesterov)

    def _configure(
        self, who: str, lr: Any, momentum: Any, weight_decay: Any, nesterov: Any
    ) -> None:
        """Check the four settings, then set them."""
        checked_lr = numbers.number(who, "lr", lr, above=0)
        μ = numbers.number(who, "momentum", momentum, least=0, below=1)
        λ = numbers.number(who, "weight_decay", weight_decay, least=0)
        looks_ahead = numbers.flag(who, "nesterov", nesterov)
        if looks_ahead and μ == 0:
            raise ValueError(
                f"{who}: expected momentum above 0 for nesterov=True, got 0; there "
                f"is no velocity to look ahead along, give momentum=0.9, say"
            )
        self._lr, self._momentum = checked_lr, μ
        self._weight_decay, self._nesterov = λ, looks_ahead

    @property
    def lr(self) -> float:
        """The learning rate."""
        return self._lr

    @lr.setter
    def lr(self, value: float) -> None:
        self._lr = numbers.number("SGD", "lr", value, above=0)

    @property
    def momentum(self) -> float:
        """μ."""
        return self._momentum

    @property
    def weight_decay(self) -> float:
        """λ."""
        return self._weight_decay

    @property
    def nesterov(self) -> bool:
        """Whether the step looks ahead."""
        return self._nesterov

    def holds(self, parameter: Parameter) -> bool:
        """Return whether it steps this parameter."""
        return any(parameter is p for p in self._parameters)

    def velocity_of(self, parameter: Parameter) -> Array:
        """Return a copy of v of a parameter; 0 before its first step."""
        for p, v in zip(self._parameters, self._velocity, strict=True):
            if p is parameter and v is not None:
                return v.copy()
        return np.zeros_like(parameter.data)

    def zero_grad(self) -> None:
        """Set the gradient of each parameter held to None: step 3 of training."""
        for p in self._parameters:
            p.grad = None

    def step(self) -> None:
        """Write θ − lr d into each parameter that has a gradient.

        Raises
        ------
        RuntimeError
            If none has one.
        """
        arrays.writable("SGD.step", [p._data for p in self._parameters])
        if self._momentum:
            underflows: list[str] = []
            with np.errstate(
                under="call", call=lambda kind, _: underflows.append(kind)
            ):
                stepped = self._step()
            if underflows:
                self._flush()
        else:
            stepped = self._step()
        if not stepped:
            raise RuntimeError(
                "SGD.step: expected a gradient to step along, got none in any "
                "parameter; write model.backward(criterion.backward()) (step 4) "
                "between zero_grad and step"
            )

    def _step(self) -> bool:
        """Step, and return whether there was a gradient."""
        stepped = False
        lr = np.array(self._lr)  # of θ's dtype: NumPy takes it sooner than a float
        # The arrays of θ's size that _update makes; all pieces of them fit into one.
        made = 3 if self._weight_decay or self._nesterov else 1
        whole = _PIECE if made == 1 else _LEAST
        for i, p in enumerate(self._parameters):
            θ, g = p._data, p._grad
            if g is None:
                continue
            if lr.dtype != θ.dtype:
                lr = np.array(self._lr, θ.dtype)
            v = None
            if self._momentum:
                v = self._velocity[i]
                if v is None:
                    v = self._velocity[i] = np.zeros_like(θ)
            if θ.nbytes <= whole:
                self._update(θ, g, v, lr)
            else:  # some rows at a time: lr d, and its like, stays small and cached
                rows = max(1, len(θ) * min(_PIECE, θ.nbytes // made) // θ.nbytes)
                for start in range(0, len(θ), rows):
                    piece = slice(start, start + rows)
                    v_piece = None if v is None else v[piece]
                    self._update(θ[piece], g[piece], v_piece, lr)
            p._stale = stepped = True
        return stepped

    def _flush(self) -> None:
        """Set to 0 what is below the smallest normal number in a velocity.

        Where there is no gradient any more, v shrinks to such denormal numbers and
        then stays, since μ v rounds to v; the processor is many times slower there.
        """
        for v in self._velocity:
            if v is not None:
                least = np.finfo(v.dtype).smallest_normal
                v[(v < least) & (v > -least)] = 0

    @underflow_is_zero
    def _update(self, θ: Array, g: Array, v: Array | None, lr: Array) -> None:
        """Write θ − lr d into θ, and the new velocity into v, if there is one."""
        μ, λ = self._momentum, self._weight_decay
        if λ:
            g = g + λ * θ
        d = g
        if v is not None:
            v *= μ
            v += g
            d = g + μ * v if self._nesterov else v
        θ -= lr * d

    def state_dict(self) -> dict[str, Any]:
        """Return a copy of the settings and of each parameter's velocity.

        Returns
        -------
        dict
            "lr", "momentum", "weight_decay" and "nesterov", and
            "velocity.0", "velocity.1", …, an array for each parameter that
            has stepped with momentum. np.savez(path, **state) keeps it.
        """
        settings = {
            "lr": self._lr,
            "momentum": self._momentum,
            "weight_decay": self._weight_decay,
            "nesterov": self._nesterov,
        }
        velocity = {
            f"velocity.{i}": v.copy()
            for i, v in enumerate(self._velocity)
            if v is not None
        }
        return settings | velocity

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what state_dict returned, for the same shapes.

        All of it is checked before any of it is taken over, so after an
        error the optimizer is as it was.

        Raises
        ------
        ValueError
            If a name is missing or unknown, a setting is out of its range,
            or a velocity has another shape than its parameter.
        TypeError
            If something is of the wrong type.
        """
        who = "SGD.load_state_dict"
        settings = ("lr", "momentum", "weight_decay", "nesterov")
        slots = {f"velocity.{i}": p for i, p in enumerate(self._parameters)}
        arrays.names(who, settings, state, optional=slots)
        velocity = [
            np.array(arrays.gradient(state[name], p.data, f"{who}: {name}"))
            if name in state
            else None
            for name, p in slots.items()
        ]
        self._configure(who, *(state[name] for name in settings))
        self._velocity = velocity

    def __repr__(self) -> str:
        """Return how many parameters it holds, and the settings."""
        n = len(self._parameters)
        return (
            f"SGD({n} parameter{'s' * (n != 1)}, lr={self._lr}, "
            f"momentum={self._momentum}, weight_decay={self._weight_decay}, "
            f"nesterov={self._nesterov})"
        )


def _parameter_list(parameters: Iterable[Parameter]) -> list[Parameter]:
    """Return the parameters as a list: some, all Parameters, none twice."""
    if isinstance(parameters, Parameter) or not isinstance(parameters, Iterable):
        raise TypeError(
            f"SGD: expected an iterable of Parameters, got {parameters!r}; write "
            f"SGD(model.parameters(), lr=…)"
        )
    result = list(parameters)
    for i, p in enumerate(result):
        if not isinstance(p, Parameter):
            raise TypeError(
                f"SGD: expected parameter {i} to be a Parameter, got {p!r}; write "
                f"SGD(model.parameters(), lr=…)"
            )
    if len({id(p) for p in result}) < len(result):
        raise ValueError(
            "SGD: expected each parameter once, got one twice; it would be stepped "
            "twice"
        )
    if not result:
        raise ValueError(
            "SGD: expected at least one parameter, got none; does the model have a "
            "Linear, or a layer of your own a Parameter among its attributes?"
        )
    return result
