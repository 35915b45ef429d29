"""SGD: a step against the gradient, with momentum."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from mlp._shared import numbers
from mlp._shared.arrays import Array
from mlp._shared.sums import times
from mlp.core.optimizer import Optimizer, for_reading
from mlp.core.parameter import Parameter
from mlp.optim import pieces
from mlp.optim.pieces import in_pieces


class SGD(Optimizer):
    """θ ← θ − lr d, with d the gradient, or a running sum of gradients.

    SGD is stochastic gradient descent: the gradient is that of a random
    batch and not of all the data. The definitions, and the order of the
    terms, are those of torch.optim.SGD with dampening 0.

    Parameters
    ----------
    parameters : iterable of Parameter
        What to step; model.parameters(), or some of them.
    lr : float
        The learning rate, above 0.
    momentum : float
        μ, in [0, 1).
    weight_decay : float
        λ, at least 0: adds λ θ to each gradient, also for biases, as if
        the loss had a term (λ/2) ‖θ‖².
    nesterov : bool
        Whether to look one step ahead along the velocity v; needs momentum.

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
    Let ∇ = ∂ℓ/∂θ. As ℓ(θ − lr ∇) = ℓ(θ) − lr ‖∇‖² + O(lr²), plain SGD
    lowers the loss of this batch for a small lr. One step:

        g ← ∇ + λ θ                       weight decay
        v ← μ v + g                       velocity, 0 before the first
        d ← v         or, Nesterov,       d ← g + μ v
        θ ← θ − lr d

    Without momentum d = g. With momentum v is a running sum: the second
    line, written out for step t, is

        v_t = g_t + μ g_{t−1} + μ² g_{t−2} + … + μ^{t−1} g₁

    If the gradients of all steps are equal, they add up to at most
    g / (1 − μ), ten times g for μ = 0.9. If they change sign in every step,
    they cancel. The sum is not an average: with the same lr a step can be
    1 / (1 − μ) times as long, so multiply lr by 1 − μ when you add
    momentum.

    Nesterov's method takes the gradient not at θ but at θ − lr μ v, the
    point to which the velocity will move θ. The code keeps this point in
    the place of θ. The step is then the one above: with the new v,
    d = g + μ v.

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

    slots = ("velocity",)
    # The last lr and dtype, and lr as an array of it without axes: of several
    # parameters NumPy then converts it once.
    _rate: tuple[float, np.dtype[Any] | None, Array | float] = (0.0, None, 0.0)

    def __init__(
        self,
        parameters: Iterable[Parameter],
        lr: float,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
    ) -> None:
        super().__init__(parameters, lr)
        self._momentum = numbers.number("SGD", "momentum", momentum, least=0, below=1)
        self._weight_decay = numbers.number(
            "SGD", "weight_decay", weight_decay, least=0
        )
        self._nesterov = numbers.flag("SGD", "nesterov", nesterov)
        if self._nesterov and not self._momentum:
            raise ValueError(
                "SGD: expected momentum above 0 for nesterov=True, got 0; there is no "
                "velocity to look ahead along, give momentum=0.9, say"
            )

    momentum = for_reading("momentum", "μ.")
    weight_decay = for_reading("weight_decay", "λ.")
    nesterov = for_reading("nesterov", "Whether the step looks ahead.")

    def velocity_of(self, parameter: Parameter) -> Array:
        """Return a copy of v of a parameter; 0 before its first step."""
        kept = self.state_of(parameter)
        velocity: Array = kept.get("velocity", np.zeros_like(parameter.data))
        return velocity

    @property
    def watches_underflow(self) -> bool:  # type: ignore[override]  # as read only
        """Whether there is a velocity, which may fade away."""
        return self._momentum > 0

    @property
    def _made(self) -> int:
        """How many arrays an update makes on its way at a time, lr d for one."""
        return 3 if self._weight_decay or self._nesterov else 1

    def update(
        self, parameter: Parameter, gradient: Array, state: dict[str, Any]
    ) -> None:
        """Write θ − lr d into parameter.data, and v into state["velocity"]."""
        lr, dtype, rate = self._rate
        if lr is not self._lr or dtype is not gradient.dtype:
            rate = np.array(self._lr, gradient.dtype)
            self._rate = self._lr, gradient.dtype, rate
        velocity = gradient
        if self._momentum:
            if "velocity" not in state:
                state["velocity"] = np.zeros_like(gradient)
            velocity = state["velocity"]
        if gradient.nbytes <= pieces._LEAST:  # of which a loop would be felt
            self._step_along(parameter.data, gradient, velocity, rate)
            return
        for θ, g, v in in_pieces((parameter.data, gradient, velocity), self._made):
            self._step_along(θ, g, v, rate)

    def _step_along(self, θ: Array, g: Array, v: Array, rate: Array | float) -> None:
        """Write θ − lr d into θ, and the new velocity, if there is one, into v."""
        μ, λ = self._momentum, self._weight_decay
        if λ:
            g = g + times(λ, θ)
        d = g
        if μ:
            v *= μ
            v += g
            d = g + μ * v if self._nesterov else v
        θ -= times(rate, d)
