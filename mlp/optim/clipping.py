"""clip_grad_norm: limit the norm of the gradients."""

from __future__ import annotations

from collections.abc import Iterable

from mlp._shared import numbers, sums
from mlp.core.optimizer import parameter_tuple
from mlp.core.parameter import Parameter


def clip_grad_norm(parameters: Iterable[Parameter], max_norm: float) -> float:
    """Scale all gradients by one factor: their norm is at most max_norm.

    The norm is that of all gradients as one vector, so the direction of
    this vector does not change. Call it between backward and step; fit does
    so with max_grad_norm.

    Parameters
    ----------
    parameters : iterable of Parameter
        Those without a gradient are ignored.
    max_norm : float
        Above 0.

    Returns
    -------
    float
        ‖∂ℓ/∂Θ‖ before scaling; 0.0 if there is no gradient.

    Raises
    ------
    ValueError
        If max_norm is not above 0, or there are no parameters.
    TypeError
        If parameters is a model, say, and not its parameters().

    Derivation
    ----------
        ‖∂ℓ/∂Θ‖ = √(Σ ‖∂ℓ/∂θ‖²)      over all parameters
        factor = min(1, max_norm / (‖∂ℓ/∂Θ‖ + 10⁻⁶))
        ∂ℓ/∂θ ← factor · ∂ℓ/∂θ       a new array

    Clipping each entry separately would change the direction.

    Examples
    --------
    >>> from mlp import Parameter, clip_grad_norm
    >>> p = Parameter([0.0, 0.0])
    >>> p.grad = [30.0, 40.0]
    >>> clip_grad_norm([p], 5.0)
    50.0
    >>> p.grad.round(6)
    array([3., 4.])

    References
    ----------
    Pascanu, Mikolov and Bengio, On the difficulty of training recurrent
    neural networks, ICML 2013. torch.nn.utils.clip_grad_norm_, whose
    factor this is.
    """
    who = "clip_grad_norm"
    most = numbers.number(who, "max_norm", max_norm, above=0)
    held = [(p, p.grad) for p in parameter_tuple(who, parameters)]
    norm = sums.norm([grad for _, grad in held if grad is not None])
    factor = most / (norm + 1e-6)
    if factor < 1:
        for p, grad in held:
            p.grad = None if grad is None else sums.times(factor, grad)
    return norm
