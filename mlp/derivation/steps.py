"""The equations of step 5, with letters.

Step 5 is the optimizer's step. Its equations come from the optimizer's
StepRule in rules.py. updates.py writes them with numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import SimpleNamespace
from typing import Any, cast

import numpy as np

from mlp.core import Optimizer, Parameter
from mlp.derivation.expressions import Expr, Number, Of, Scalar
from mlp.derivation.kinds import StepRule
from mlp.derivation.operations import Becomes, Equal, Words
from mlp.derivation.rules import RULES, step_rule
from mlp.optim import SGD


class GradientOf(Of):
    """W.grad as a column or a matrix."""

    def __init__(self, θ: Expr) -> None:
        super().__init__(".grad", θ)

    def value(self, values: Mapping[str, Any]) -> Any:
        """Return the gradient; that of a vector is a column."""
        gradient = values[str(self)]
        return gradient.reshape(len(gradient), -1)


class Count(Of):
    """t(W⁽¹⁾), a whole number that an optimizer keeps for a parameter."""

    def __init__(self, name: str, owner: Expr) -> None:
        super().__init__(name, owner)
        self.is_array = False


def settings_of(optimizer: Any, number: Callable[[float], Expr]) -> SimpleNamespace:
    """Return the settings of an optimizer, with numbers as expressions."""

    def written(value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(map(written, value))
        return value if isinstance(value, bool | str) else number(value)

    settings = optimizer.settings() | {"lr": optimizer.lr}
    return SimpleNamespace(**{name: written(v) for name, v in settings.items()})


_PLAIN = SimpleNamespace(
    lr=Scalar("lr"), momentum=Number(0), weight_decay=Number(0), nesterov=False
)


def has_rule(optimizer: Any) -> bool:
    """Return whether RULES has a rule for an optimizer's step."""
    return optimizer is not None and step_rule(optimizer) is not None


def _plain(θ: Expr, g: Expr) -> Expr:
    """Return θ − lr g, by the rule of SGD."""
    rule = cast(StepRule, RULES[SGD])
    return next(rule.equations(_PLAIN, θ, g, θ))[1]


def slot_letters(optimizer: Optimizer, rule: StepRule, θ: Expr) -> dict[str, Expr]:
    """Return the letter of each slot for one parameter."""
    return {
        slot: (Count if slot in optimizer.counts else Of)(letter, θ)
        for slot, letter in rule.slots.items()
    }


def updates(optimizer: Any, θ: Expr, parameter: Parameter, g: Expr) -> Iterator[Expr]:
    """Yield the equations of one parameter, if the optimizer has it."""
    if optimizer is None:
        yield Becomes(θ, _plain(θ, g))
        return
    if not optimizer.holds(parameter):
        return
    rule = step_rule(optimizer)
    if rule is None:
        kind = type(optimizer).__name__
        yield Becomes(θ, Words(f"what {kind}.update makes of it; RULES has no {kind}"))
        return
    letters = slot_letters(optimizer, rule, θ)
    run = rule.equations(settings_of(optimizer, Number), θ, g, *letters.values())
    letter: Any = None
    try:
        while True:
            name, formula = run.send(letter)
            known = {"θ": θ, **letters}
            letter = known.get(name, Of(name, θ))
            yield (Becomes if name in known else Equal)(letter, formula)
    except StopIteration:
        return


def slot_values(optimizer: Any, θ: Expr, parameter: Parameter) -> dict[str, Any]:
    """Return the values of an optimizer's slots, by letter; 0 at first."""
    rule = step_rule(optimizer) if optimizer is not None else None
    if rule is None:
        return {}
    kept, shape = optimizer.state_of(parameter), (len(parameter.data), -1)
    values: dict[str, Any] = {}
    for slot, letter in slot_letters(optimizer, rule, θ).items():
        if slot in optimizer.counts:
            values[str(letter)] = float(kept.get(slot, 0))
        else:
            array = kept.get(slot, np.zeros(parameter.data.shape))
            values[str(letter)] = np.asarray(array, np.float64).reshape(shape)
    return values
