"""RMSprop, Adam and AdamW."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from mlp._shared import numbers
from mlp._shared.arrays import Array
from mlp.core.optimizer import Optimizer, for_reading
from mlp.core.parameter import Parameter
from mlp.optim.pieces import in_pieces


class RMSprop(Optimizer):
    """θ ← θ − lr g / (√v + ε), with v a running mean of g².

    It divides the gradient of each entry by its usual size. So one lr suits
    entries whose gradients differ by orders of magnitude.

    Parameters
    ----------
    parameters : iterable of Parameter
        What to step; model.parameters(), or some of them.
    lr : float
        The learning rate, above 0.
    alpha : float
        α, in [0, 1): the weight of the old mean in each step.
    eps : float
        ε, above 0: the size below which a gradient counts as noise.
    weight_decay : float
        λ, at least 0: adds λ θ to each gradient.
    momentum : float
        μ, in [0, 1).

    Attributes
    ----------
    lr : float
        May be set between steps.
    alpha, eps, weight_decay, momentum : float
        As given, for reading.

    Raises
    ------
    ValueError
        If a number is out of its range; if there are no parameters, or one
        of them twice.
    TypeError
        If parameters is a model, say, and not its parameters().
    RuntimeError
        If step is called when no parameter has a gradient.

    Derivation
    ----------
    One step, with ∇ = ∂ℓ/∂θ and v = 0 before the first:

        g ← ∇ + λ θ
        v ← α v + (1 − α) g²          entry by entry
        d ← g / (√v + ε)
        θ ← θ − lr d                  or, with momentum,
        u ← μ u + d,   θ ← θ − lr u

    Written out, v_t = (1 − α) Σₛ αᵗ⁻ˢ gₛ²: about the mean of the last
    1 / (1 − α) squares. If |g| = c in many steps, √v = c, and the length of
    each step is lr for every c. In the first step √v = √(1 − α) |g|, so the
    step is 1 / √(1 − α) times as long, ten times for α = 0.99. Adam
    corrects this.

    Examples
    --------
    The gradients of the two entries differ by a factor of 1000, but their
    steps are equal:

    >>> from mlp import Parameter, RMSprop
    >>> p = Parameter([1.0, 1.0])
    >>> optimizer = RMSprop([p], lr=0.01)
    >>> p.grad = [10.0, 0.01]
    >>> optimizer.step()                    # 0.01 / √(1 − 0.99) = 0.1
    >>> p.data.round(6)
    array([0.9     , 0.900001])

    References
    ----------
    Tieleman and Hinton, Neural networks for machine learning, 2012,
    lecture 6.5. The definitions are those of torch.optim.RMSprop.
    """

    slots = ("square_avg", "velocity")

    def __init__(
        self,
        parameters: Iterable[Parameter],
        lr: float = 0.01,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
    ) -> None:
        super().__init__(parameters, lr)
        self._alpha = numbers.number("RMSprop", "alpha", alpha, least=0, below=1)
        self._eps = numbers.number("RMSprop", "eps", eps, above=0)
        self._weight_decay = numbers.number(
            "RMSprop", "weight_decay", weight_decay, least=0
        )
        self._momentum = numbers.number(
            "RMSprop", "momentum", momentum, least=0, below=1
        )

    alpha = for_reading("alpha", "α.")
    eps = for_reading("eps", "ε.")
    weight_decay = for_reading("weight_decay", "λ.")
    momentum = for_reading("momentum", "μ.")

    def update(
        self, parameter: Parameter, gradient: Array, state: dict[str, Any]
    ) -> None:
        """Write θ − lr d, or θ − lr u, into parameter.data; keep v and u."""
        lr, α, ε, λ, μ = (
            self.lr,
            self._alpha,
            self._eps,
            self._weight_decay,
            self._momentum,
        )
        for slot in self.slots if μ else self.slots[:1]:
            if slot not in state:
                state[slot] = np.zeros_like(parameter.data)
        mean_square = state["square_avg"]
        velocity = state["velocity"] if μ else gradient
        whole = parameter.data, gradient, mean_square, velocity
        for θ, g, v, u in in_pieces(whole, 3):
            if λ:
                g = g + λ * θ
            v *= α
            v += (1 - α) * g * g
            d: Array = g / (np.sqrt(v) + ε)
            if μ:
                u *= μ
                u += d
                d = u
            θ -= lr * d


class Adam(Optimizer):
    """θ ← θ − lr m̂ / (√v̂ + ε): momentum over the root of a mean square.

    m is a running mean of the gradient and v a running mean of its square.
    m̂ and v̂ are corrected, because both means start at 0. Each entry of θ
    moves by about lr in a step, for any size of its gradient.

    Parameters
    ----------
    parameters : iterable of Parameter
        What to step; model.parameters(), or some of them.
    lr : float
        The learning rate, above 0.
    betas : pair of float
        β₁ and β₂, each in [0, 1): the weights of the old m and v.
    eps : float
        ε, above 0.
    weight_decay : float
        λ, at least 0: adds λ θ to each gradient. AdamW decays θ itself.

    Attributes
    ----------
    lr : float
        May be set between steps.
    betas, eps, weight_decay : pair of float, float, float
        As given, for reading.

    Raises
    ------
    ValueError
        If a number is out of its range; if there are no parameters, or one
        of them twice.
    TypeError
        If parameters is a model, say, and not its parameters().
    RuntimeError
        If step is called when no parameter has a gradient.

    Derivation
    ----------
    Step t = 1, 2, …, with ∇ = ∂ℓ/∂θ, m = v = 0 before the first:

        g ← ∇ + λ θ
        m ← β₁ m + (1 − β₁) g         v ← β₂ v + (1 − β₂) g²
        m̂ = m / (1 − β₁ᵗ)             v̂ = v / (1 − β₂ᵗ)
        θ ← θ − lr m̂ / (√v̂ + ε)

    Bias correction. Written out, m_t = (1 − β₁) Σₛ β₁ᵗ⁻ˢ gₛ, s from 1 to t.
    The weights sum to (1 − β₁)(1 + β₁ + … + β₁ᵗ⁻¹) = 1 − β₁ᵗ, not to 1: the
    rest, β₁ᵗ, is the weight of the 0 at the start. m̂ is m divided by this
    sum, so it is a weighted mean of the gradients. If all gradients are g,
    then m̂ = g and v̂ = g², and every step is lr g / (|g| + ε). Without the
    correction the first step is (1 − β₁) / √(1 − β₂) = 3.2 times as long,
    for the default betas.

    ε is outside the root, so it can be compared with a gradient: entries
    with √v̂ well above 10⁻⁸ move by lr. If it were inside, √(v̂ + ε) would
    never be below √ε = 10⁻⁴, and gradients between 10⁻⁸ and 10⁻⁴ would no
    longer be scaled.

    Examples
    --------
    The first step is lr long in every entry, against the gradient:

    >>> from mlp import Adam, Parameter
    >>> p = Parameter([1.0, 1.0])
    >>> optimizer = Adam([p], lr=0.1)
    >>> p.grad = [300.0, -0.001]
    >>> optimizer.step()
    >>> p.data.round(5)
    array([0.9, 1.1])
    >>> list(optimizer.state_of(p))
    ['step', 'exp_avg', 'exp_avg_sq']

    References
    ----------
    Kingma and Ba, Adam: a method for stochastic optimization, ICLR 2015,
    algorithm 1 and section 3. The definitions are those of
    torch.optim.Adam.
    """

    slots = ("exp_avg", "exp_avg_sq")
    counts = ("step",)

    def __init__(
        self,
        parameters: Iterable[Parameter],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(parameters, lr)
        who = type(self).__name__
        if not (isinstance(betas, tuple | list) and len(betas) == 2):
            raise TypeError(
                f"{who}: expected betas to be a pair of numbers, got {betas!r}"
            )
        self._betas = tuple(
            numbers.number(who, f"betas[{i}]", β, least=0, below=1)
            for i, β in enumerate(betas)
        )
        self._eps = numbers.number(who, "eps", eps, above=0)
        self._weight_decay = numbers.number(who, "weight_decay", weight_decay, least=0)

    betas = for_reading("betas", "β₁ and β₂.")
    eps = for_reading("eps", "ε.")
    weight_decay = for_reading("weight_decay", "λ.")

    def update(
        self, parameter: Parameter, gradient: Array, state: dict[str, Any]
    ) -> None:
        """Write θ − lr m̂ / (√v̂ + ε) into parameter.data; keep t, m, v."""
        if not state:
            state["step"] = 0
            state["exp_avg"] = np.zeros_like(parameter.data)
            state["exp_avg_sq"] = np.zeros_like(parameter.data)
        state["step"] += 1
        t, lr, ε, (β1, β2) = state["step"], self.lr, self._eps, self._betas
        mean, mean_square = state["exp_avg"], state["exp_avg_sq"]
        whole = parameter.data, gradient, mean, mean_square
        for θ, g, m, v in in_pieces(whole, 3):
            g = self._decayed(θ, g)
            m *= β1
            m += (1 - β1) * g
            v *= β2
            v += (1 - β2) * g * g
            d = np.asarray(np.sqrt(v))
            d /= math.sqrt(1 - β2**t)
            d += ε
            np.divide(m, d, out=d)  # d = m / (√v̂ + ε)
            d *= lr / (1 - β1**t)
            θ -= d

    def _decayed(self, θ: Array, g: Array) -> Array:
        """Return g + λ θ."""
        return g + self._weight_decay * θ if self._weight_decay else g


class AdamW(Adam):
    """θ ← (1 − lr λ) θ − lr m̂ / (√v̂ + ε): Adam with separate weight decay.

    Parameters
    ----------
    parameters, lr, betas, eps
        As in Adam.
    weight_decay : float
        λ, at least 0.

    Attributes
    ----------
    As in Adam.

    Derivation
    ----------
    In Adam, λ θ is a part of g, and so of m and v. The division by √v̂
    changes its size: an entry with large gradients hardly decays, and an
    entry with small gradients decays by up to lr, for any λ. In SGD both
    forms are the same, θ − lr (∇ + λ θ) = (1 − lr λ) θ − lr ∇. AdamW uses
    the second form:

        θ ← θ − lr λ θ
        m, v, m̂, v̂ and the step as in Adam, with g = ∇

    so in each step each weight becomes smaller by the share lr λ.

    Examples
    --------
    Where the gradient is 0, only the decay moves θ, to 2 (1 − 0.1 · 0.5):

    >>> from mlp import AdamW, Parameter
    >>> p = Parameter([2.0])
    >>> p.grad = [0.0]
    >>> AdamW([p], lr=0.1, weight_decay=0.5).step()
    >>> p.data
    array([1.9])

    References
    ----------
    Loshchilov and Hutter, Decoupled weight decay regularization, ICLR 2019.
    The definitions are those of torch.optim.AdamW.
    """

    def __init__(
        self,
        parameters: Iterable[Parameter],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.01,
    ) -> None:
        super().__init__(parameters, lr, betas, eps, weight_decay)

    def _decayed(self, θ: Array, g: Array) -> Array:
        """Return g, with θ itself decayed, θ − lr λ θ."""
        θ *= 1 - self.lr * self._weight_decay
        return g
