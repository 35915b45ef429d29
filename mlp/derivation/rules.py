"""The rules of derive and trace for each class.

A rule has the formula of its class and the derivative of this formula.
derive needs nothing else, because the chain rule is the same for every net.
kinds.py explains the parts of a rule. Read places.py next: it uses them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from mlp.core import Layer, Loss, Optimizer
from mlp.derivation.expressions import Chain, Expr, Number, Product, Quotient, Sum
from mlp.derivation.kinds import (
    Affine,
    Elementwise,
    Equations,
    LayerRule,
    LossRule,
    Normalized,
    Scaled,
    StepRule,
    Vectorwise,
)
from mlp.derivation.operations import (
    Apply,
    AtLeast,
    Entry,
    Equal,
    IsPositive,
    Named,
    Positive,
    PowerOf,
    RowSums,
    Same,
    SquaredNorm,
    SumOver,
    Transpose,
)
from mlp.layers import (
    BatchNorm1d,
    Dropout,
    Identity,
    LayerNorm,
    LeakyReLU,
    Linear,
    ReLU,
    Sigmoid,
    Softmax,
    Tanh,
)
from mlp.losses import BCELoss, BCEWithLogitsLoss, CrossEntropyLoss, MSELoss
from mlp.optim import SGD, Adam, AdamW, RMSprop

# ------------------------------------------------------------------- functions


def _logistic(x: Any) -> Any:
    return np.exp(np.minimum(x, 0)) / (1 + np.exp(-abs(x)))


def log(x: Any) -> Any:
    """Return log x, which is −∞ at 0 without a warning."""
    with np.errstate(divide="ignore"):
        return np.log(x)


def _softmax(x: Any) -> Any:
    """Return the softmax of each column."""
    e = np.exp(x - np.max(x, axis=0))
    return e / e.sum(axis=0)


def _softmax_of_rows(x: Any) -> Any:
    return _softmax(x.T).T


_log, _sigma, _exp = (
    partial(Apply, name, function)
    for name, function in (("log", log), ("σ", _logistic), ("exp", np.exp))
)


class LogOfRest(Apply):
    """log(1 − p), computed with log1p as in BCELoss: precise for p near 0."""

    def __init__(self, p: Expr) -> None:
        super().__init__("log", log, 1 - p)
        self.p = p

    def value(self, values: Mapping[str, Any]) -> Any:
        """Return log(1 − p)."""
        with np.errstate(divide="ignore"):
            return np.log1p(-self.p.value(values))


class LogOf(Apply):
    """log p, computed from the logits, because p may be rounded to 0 or 1."""

    def __init__(self, p: Expr, exact: Callable[[Any], Any], logits: Expr) -> None:
        super().__init__("log", log, p)
        self.exact, self.logits = exact, logits

    def value(self, values: Mapping[str, Any]) -> Any:
        """Return log p."""
        return np.ravel(self.exact(self.logits.value(values)))


# ---------------------------------------------------------------------- layers


def _leaky(layer: LeakyReLU) -> Elementwise:
    """Return the rule of (x)⁺ − a (−x)⁺, with slope 1 or a."""
    a = layer.negative_slope

    def slope(x: Expr) -> Expr:
        return a + Product(Number(1 - a), IsPositive(x))

    return Elementwise(
        lambda x: Sum(Positive(x), Product(Number(-a), Positive(-x))),
        lambda x, y: slope(x),
        lambda X, Y: slope(X),
    )


def _mask(layer: Dropout, x: Any) -> Any:
    """Return whether the next forward keeps each entry; True counts as 1."""
    return layer.forward(np.ones_like(x)) != 0


def _dropout(layer: Dropout) -> Elementwise:
    """Return the rule of m ⊙ x / (1 − p) in training, of x in evaluation."""
    if not layer.training:
        return _IDENTITY
    kept = Sum(Number(1), Number(-layer.p))
    return Elementwise(
        lambda x, m: m * x / kept,
        lambda x, y, m: m / kept,
        drawn=_mask,
    )


def _softmax_entry(x: Sequence[Expr], i: int) -> Expr:
    """Return e^(xᵢ) / Σⱼ e^(xⱼ); subtract the largest x if they are large."""
    values = [a.value({}) for a in x]
    if max(map(abs, values)) > 300:
        x = [a - x[int(np.argmax(values))] for a in x]
    powers = [_exp(a) for a in x]
    return powers[i] / (Sum(*powers) if len(powers) > 1 else powers[0])


def _batch_norm(layer: BatchNorm1d) -> Normalized:
    if layer.training:
        return Normalized("rows", layer.eps)
    return Normalized("nothing", layer.eps, layer.running_mean, layer.running_var)


_IDENTITY = Elementwise(Same, lambda x, y: Number(1))

# ---------------------------------------------------------------------- losses


def _bce(ŷ: Expr, y: Expr, scale: Scaled) -> Expr:
    p, t = Entry(ŷ), Entry(y)
    return -scale(1, SumOver(t * _log(p) + (1 - t) * LogOfRest(p)))


def _bce_slope(ŷ: Expr, y: Expr, scale: Scaled, t: Any) -> Expr:
    p, t_ = Entry(ŷ), Entry(y)
    as_it_comes = -scale(1, t_ / p - (1 - t_) / (1 - p))
    return Equal(as_it_comes, scale(1, (p - t_) / (p * (1 - p))))


def _bounded_log(a: Expr) -> Expr:
    """Return log a, with the bound of BCELoss where it is active."""
    logarithm = _log(a)
    return logarithm if logarithm.value({}) >= -100 else AtLeast(logarithm, -100)


def _logits_bce(z: Expr, y: Expr, scale: Scaled) -> Expr:
    p, t, rest = Entry(Named("p", _sigma(z))), Entry(y), _minus_softplus
    log_yes, log_no = LogOf(p, rest, -z), LogOf(1 - p, rest, z)
    return -scale(1, SumOver(t * log_yes + (1 - t) * log_no))


def _minus_softplus(z: Any) -> Any:
    """Return log σ(−z) = −log(1 + eᶻ)."""
    return -np.logaddexp(0, z)


def _logits_bce_slope(z: Expr, y: Expr, scale: Scaled, t: Any) -> Expr:
    p, t_ = Entry(Named("p", _sigma(z))), Entry(y)
    as_it_comes = -scale(1, (t_ / p - (1 - t_) / (1 - p)) * (p * (1 - p)))
    return Equal(as_it_comes, scale(1, p - t_))


def _categorical(z: Expr, y: Expr, scale: Scaled) -> Expr:
    p = Entry(Named("p", Apply("softmax", _softmax, z)))
    return -scale(1, SumOver(Entry(y) * LogOf(p, _log_softmax, z)))


def _log_softmax(z: Any) -> Any:
    s = z - np.max(z, axis=0)
    return s - np.log(np.exp(s).sum(axis=0))


def _categorical_slope(z: Expr, y: Expr, scale: Scaled, t: Any) -> Expr:
    """Return −(y/p)ᵀ times the Jacobian of p, and its simpler form (p − y)ᵀ."""
    p = Named("p", Apply("softmax", _softmax, z))
    jacobian = Apply("diag", lambda a: np.diag(np.ravel(a)), p) - Product(
        p, Transpose(p)
    )
    as_it_comes = -scale(1, t(Chain(jacobian, y / p)))
    return Equal(as_it_comes, scale(1, t(p - y)))


def _rows(Z: Expr) -> Expr:
    return Named("P", Apply("softmax of each row of", _softmax_of_rows, Z))


# ------------------------------------------------------------------ optimizers


def _sgd(o: Any, θ: Expr, g: Expr, v: Expr) -> Equations:
    if o.weight_decay.number:
        g = g + Chain(o.weight_decay, θ)
    d = g
    if o.momentum.number:
        v = yield "velocity", Chain(o.momentum, v) + g
        d = g + Chain(o.momentum, v) if o.nesterov else v
    yield "θ", θ - Chain(o.lr, d)


def _rmsprop(o: Any, θ: Expr, g: Expr, v: Expr, u: Expr) -> Equations:
    if o.weight_decay.number:
        g = yield "g", g + Chain(o.weight_decay, θ)
    v = yield "square_avg", Chain(o.alpha, v) + Chain(1 - o.alpha, g**2)
    d: Expr = Quotient(g, v**0.5 + o.eps)
    if o.momentum.number:
        d = yield "velocity", Chain(o.momentum, u) + d
    yield "θ", θ - Chain(o.lr, d)


def _adam(o: Any, θ: Expr, g: Expr, t: Expr, m: Expr, v: Expr) -> Equations:
    """Yield the step of Adam, with the weight decay λ θ added to g."""
    if o.weight_decay.number:
        g = yield "g", g + Chain(o.weight_decay, θ)
    yield from _adam_step(o, θ, g, t, m, v)


def _adamw(o: Any, θ: Expr, g: Expr, t: Expr, m: Expr, v: Expr) -> Equations:
    """Yield the step of Adam, after the weight decay of θ."""
    decay = o.weight_decay
    θ = θ - Chain(o.lr, decay, θ) if decay.number else θ
    yield from _adam_step(o, θ, g, t, m, v)


def _adam_step(o: Any, θ: Expr, g: Expr, t: Expr, m: Expr, v: Expr) -> Equations:
    β1, β2 = o.betas
    t = yield "step", t + 1
    m = yield "exp_avg", Chain(β1, m) + Chain(1 - β1, g)
    v = yield "exp_avg_sq", Chain(β2, v) + Chain(1 - β2, g**2)
    m = yield "m̂", m / (1 - PowerOf(β1, t))
    v = yield "v̂", v / (1 - PowerOf(β2, t))
    yield "θ", θ - Chain(o.lr, m / (v**0.5 + o.eps))


_ADAM = {"step": "t", "exp_avg": "m", "exp_avg_sq": "v"}

Rule = LayerRule | LossRule | StepRule
RULES: dict[
    type[Layer] | type[Loss] | type[Optimizer], Rule | Callable[[Any], Rule]
] = {
    Linear: Affine("W", "b"),
    Identity: _IDENTITY,
    ReLU: Elementwise(Positive, lambda x, y: IsPositive(x), lambda x, y: IsPositive(y)),
    LeakyReLU: _leaky,
    Sigmoid: Elementwise(_sigma, lambda x, y: y * (1 - y)),
    Tanh: Elementwise(partial(Apply, "tanh", np.tanh), lambda x, y: 1 - y * y),
    Softmax: Vectorwise(
        partial(Apply, "softmax", _softmax),
        lambda xi, yi, xj, yj, same: Product(yi, same) - Product(yi, yj),
        lambda X, Y, G: Y * (G - RowSums(G * Y)),
        _softmax_entry,
    ),
    Dropout: _dropout,
    BatchNorm1d: _batch_norm,
    LayerNorm: lambda layer: Normalized("columns", layer.eps),
    MSELoss: LossRule(
        lambda ŷ, y, scale: scale(1, SquaredNorm(ŷ - y)),
        lambda ŷ, y, scale, t: scale(2, t(ŷ - y)),
        lambda ŷ, y, scale: scale(2, ŷ - y),
        lambda ŷ, y: (ŷ - y) ** 2,
    ),
    BCELoss: LossRule(
        _bce,
        _bce_slope,
        lambda ŷ, y, scale: scale(1, (ŷ - y) / (ŷ * (1 - ŷ))),
        lambda ŷ, y: y * _bounded_log(ŷ) + (1 - y) * _bounded_log(1 - ŷ),
        lambda ŷ, y, scale: scale(1, (ŷ - y) / AtLeast(ŷ * (1 - ŷ), 1e-12)),
        sign=-1,
    ),
    BCEWithLogitsLoss: LossRule(
        _logits_bce,
        _logits_bce_slope,
        lambda Z, Y, scale: scale(1, (1 - Y) * _sigma(Z) - Y * _sigma(-Z)),
        lambda p, y: y * _log(p) + (1 - y) * _log(1 - p),
        lambda p, y, scale: scale(1, p - y),
        sign=-1,
        inner=lambda z, i: _sigma(z[i]),
    ),
    CrossEntropyLoss: LossRule(
        _categorical,
        _categorical_slope,
        lambda Z, Y, scale: scale(1, _rows(Z) - Y),
        lambda p, y: y * _log(p),
        lambda p, y, scale: scale(1, p - y),
        sign=-1,
        inner=_softmax_entry,
    ),
    SGD: StepRule(_sgd, {"velocity": "v"}),
    RMSprop: StepRule(_rmsprop, {"square_avg": "v", "velocity": "u"}),
    Adam: StepRule(_adam, _ADAM),
    AdamW: StepRule(_adamw, _ADAM),
}
"""For each class its rule, or a function that returns the rule of a layer.

RULES[YourLayer] = Elementwise(…) adds a rule.
"""


def rule_of(thing: object) -> Rule | None:
    """Return the present rule of a layer or a loss, or None."""
    # get returns None for any other class, too
    found = RULES.get(type(thing))  # type: ignore[arg-type]
    if found is None or isinstance(found, tuple):
        return found
    return found(thing)


def step_rule(optimizer: Optimizer) -> StepRule | None:
    """Return the rule for an optimizer's update, perhaps inherited, or None."""
    for kind in type(optimizer).__mro__:
        rule: Any = RULES.get(kind)
        if isinstance(rule, StepRule):
            own: Any = type(optimizer)
            known: Any = kind
            same = own.update is known.update and own.step is known.step
            return rule if same else None
    return None
