"""The checks of cross-entropy, sgd and loop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from mlp._shared.arrays import Array
from mlp.checking.gradients import check_gradients
from mlp.core.forward import takes_keyword
from mlp.core.optimizer import Optimizer
from mlp.core.parameter import Parameter
from mlp.layers import Linear, Sigmoid
from mlp.losses import CrossEntropyLoss, MSELoss
from mlp.optim import SGD
from mlp.sequential import Sequential
from mlp.training import train_step
from mlp.worksheets import contracts
from mlp.worksheets.comparing import Check, differs, drawn, unchanged, verdict

# CrossEntropyLoss

_LABELS = np.array([2, 0, 1, 1, 2])


def _loss_value(target: Array, rows: int = 5) -> Callable[[Any], str]:
    def run(cls: Any) -> str:
        z = 2 * drawn(5, 3)[:rows]
        got = contracts.instance_of(cls).forward(z.copy(), target[:rows].copy())
        right = CrossEntropyLoss().forward(z, target[:rows])
        wrong = differs("ℓ", got, right)
        if wrong and not differs("ℓ", got, rows * right):
            return "factor N: ℓ is the sum over the rows; expected their mean"
        return wrong

    return run


def _loss_gradient(cls: Any) -> str:
    inner, z = contracts.instance_of(cls), drawn(5, 3)
    inner.forward(z, _LABELS.copy())
    faults: dict[str, str] = {}
    contracts.usable("x", inner.backward(), z.shape, faults)
    if faults:
        return faults["x"].replace("∂x", "∂ŷ")
    model = Linear(4, 3, rng=1)
    x = drawn(5, 4)
    report = check_gradients(model, contracts.as_loss(inner), x, _LABELS)
    return verdict(report, "prediction")


def _loss_large(cls: Any) -> str:
    z, labels = np.array([[1000.0, 0.0, -1000.0], [3.0, 800.0, 1.0]]), np.array([1, 1])
    inner, own = contracts.instance_of(cls), CrossEntropyLoss()
    return differs(
        "ℓ of large logits",
        inner.forward(z.copy(), labels.copy()),
        own.forward(z, labels),
    ) or differs("backward of large logits", inner.backward(), own.backward())


def _loss_arguments(cls: Any) -> str:
    inner = contracts.instance_of(cls)
    for y in (_LABELS.copy(), np.eye(3)[_LABELS]):
        z = drawn(5, 3)
        kept = z.copy(), y.copy()
        inner.forward(z, y)
        inner.backward()
        wrong = unchanged(("prediction", kept[0], z), ("target", kept[1], y))
        if wrong:
            return wrong
    return ""


# SGD


def _stepped(cls: Any, steps: int, **settings: Any) -> tuple[list[Any], list[Any], str]:
    """Return a student's parameters and ours after steps, and a difference."""
    is_ours = isinstance(cls, type) and issubclass(cls, Optimizer)
    kind: Any = Parameter if is_ours else contracts.Plain
    start = [drawn(2, 3), drawn(3)]
    theirs, ours = [kind(a) for a in start], [Parameter(a) for a in start]
    optimizers = (
        contracts.instance_of(cls, theirs, 0.1, **settings),
        SGD(ours, 0.1, **settings),
    )
    wrong = ""
    for i in range(steps):
        for parameters in (theirs, ours):
            for p in parameters:
                p.grad = drawn(*p.data.shape, seed=i)
        for optimizer in optimizers:
            optimizer.step()
        for a, b in zip(theirs, ours, strict=True):
            wrong = wrong or differs(f"θ after step {i + 1}", a.data, b.data)
    return theirs, ours, wrong


def _sgd_step(cls: Any) -> str:
    theirs, _, wrong = _stepped(cls, 1)
    start = drawn(2, 3)
    if not differs("", theirs[0].data, start + 0.1 * drawn(2, 3, seed=0)):
        return "sign: it adds lr ∇; θ is to go against the gradient"
    if np.array_equal(theirs[0].data, start):
        return "step does not change θ; write the new one into parameter.data"
    return wrong


def _sgd_settings(cls: Any) -> str:
    wrong = _stepped(cls, 1)[2]
    if wrong:
        return wrong
    for settings in ({"momentum": 0.9}, {"weight_decay": 0.1}):
        [name] = settings
        if takes_keyword(cls.__init__, name):
            wrong = _stepped(cls, 3, **settings)[2]
            if wrong:
                return f"{name}: {wrong}"
    return ""


def _sgd_zero_grad(cls: Any) -> str:
    theirs, _, _ = _stepped(cls, 1)
    optimizer = contracts.instance_of(cls, theirs, 0.1)
    optimizer.zero_grad()
    kept = any(p.grad is not None and np.any(p.grad) for p in theirs)
    return "zero_grad leaves a gradient; set each to None or 0" if kept else ""


def _sgd_without(cls: Any) -> str:
    theirs, _, _ = _stepped(cls, 0)
    optimizer, before = contracts.instance_of(cls, theirs, 0.1), theirs[0].data.copy()
    theirs[0].grad, theirs[1].grad = None, np.ones(3)
    optimizer.step()
    wrong = differs("a parameter whose grad is None", theirs[0].data, before)
    return wrong or differs("the other", theirs[1].data, drawn(3) - 0.1)


def _sgd_gradients(cls: Any) -> str:
    theirs, _, _ = _stepped(cls, 1)
    given = drawn(2, 3, seed=0), drawn(3, seed=0)
    return unchanged(*(("grad", a, p.grad) for a, p in zip(given, theirs, strict=True)))


# train_step


class _Watched:
    """A net, a loss and an optimizer that record which methods are called."""

    def __init__(self) -> None:
        calls: list[str] = []

        class Net(Sequential):
            def forward(self, x: npt.ArrayLike) -> Array:
                calls.append("forward")
                return super().forward(x)

            def backward(
                self, grad_output: npt.ArrayLike, *, needs_input_grad: bool = True
            ) -> Array | None:
                calls.append("backward")
                return super().backward(grad_output, needs_input_grad=needs_input_grad)

        class Squared(MSELoss):
            def forward(
                self,
                prediction: npt.ArrayLike,
                target: npt.ArrayLike,
                weight: npt.ArrayLike | None = None,
            ) -> float:
                calls.append("loss")
                return super().forward(prediction, target, weight)

        class Steps(SGD):
            def zero_grad(self) -> None:
                calls.append("zero_grad")
                super().zero_grad()

            def step(self, rows: float | None = None) -> None:
                calls.append("step")
                super().step(rows)

        Steps.__name__ = "SGD"  # as errors call it
        self.calls = calls
        self.model = Net(Linear(3, 4, rng=3), Sigmoid(), Linear(4, 2, rng=4))
        self.criterion = Squared()
        self.optimizer = Steps(self.model.parameters(), 0.5)

    @property
    def all(self) -> tuple[Any, Any, Any]:
        """The arguments of train_step before x and y."""
        return self.model, self.criterion, self.optimizer


def _loop(function: Any, steps: int) -> tuple[_Watched, list[Any], str]:
    """Return the net and the losses after some steps, and a difference."""
    if isinstance(function, type) or not callable(function):
        raise contracts.Refused(f"expected a function, got {type(function).__name__}")
    theirs, ours, losses = _Watched(), _Watched(), []
    wrong = ""
    for i in range(steps):
        x, y = drawn(5, 3, seed=i), drawn(5, 2, seed=i)
        right = train_step(*ours.all, x, y)
        losses.append((function(*theirs.all, x, y), right))
        for a, b in zip(
            theirs.model.parameters(), ours.model.parameters(), strict=True
        ):
            wrong = wrong or differs(f"θ after step {i + 1}", a.data, b.data)
    return theirs, losses, wrong


def _loop_loss(function: Any) -> str:
    [(got, right)] = _loop(function, 1)[1]
    return differs("ℓ", got, right)


def _loop_calls(function: Any) -> str:
    calls = _loop(function, 1)[0].calls
    for name in ("forward", "loss", "zero_grad", "backward", "step"):
        if calls.count(name) != 1:
            return f"expected {name} to be called once, got {calls.count(name)} times"
    at = calls.index
    if at("step") < at("backward"):
        return "step is called before backward"
    if at("backward") < at("zero_grad") < at("step"):
        return "zero_grad is called between backward and step, and throws ∂ℓ/∂θ away"
    return ""


def _loop_arguments(function: Any) -> str:
    x, y = drawn(5, 3), drawn(5, 2)
    kept = x.copy(), y.copy()
    function(*_Watched().all, x, y)
    return unchanged(("x", kept[0], x), ("y", kept[1], y))


CROSS_ENTROPY: tuple[Check, ...] = (
    Check("loss of labels", 2, _loss_value(_LABELS)),
    Check("loss of one-hot rows", 1, _loss_value(np.eye(3)[_LABELS])),
    Check("loss of one row", 1, _loss_value(_LABELS, 1)),
    Check("gradient by the logits", 3, _loss_gradient),
    Check("large logits", 2, _loss_large),
    Check("arguments unchanged", 1, _loss_arguments),
)
STEPS: tuple[Check, ...] = (
    Check("one step", 3, _sgd_step),
    Check("several steps", 2, lambda cls: _stepped(cls, 3)[2]),
    Check("zero_grad", 2, _sgd_zero_grad),
    Check("a parameter without gradient", 1, _sgd_without),
    Check("momentum and weight decay, if any", 1, _sgd_settings),
    Check("gradients unchanged", 1, _sgd_gradients),
)
LOOP: tuple[Check, ...] = (
    Check("returns the loss", 2, _loop_loss),
    Check("the five calls", 1, _loop_calls),
    Check("one step", 3, lambda function: _loop(function, 1)[2]),
    Check("three steps", 3, lambda function: _loop(function, 3)[2]),
    Check("arguments unchanged", 1, _loop_arguments),
)
