"""The checks of linear, relu and sigmoid."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from mlp._shared.arrays import Array
from mlp.checking.gradients import check_layer
from mlp.layers import Linear, ReLU, Sigmoid
from mlp.worksheets import contracts
from mlp.worksheets.comparing import Check, differs, drawn, unchanged, verdict


def _linear(cls: Any, n: int = 3, m: int = 4) -> tuple[Any, dict[str, Any], Linear]:
    """Return a student's layer, its parameters, and a Linear with the same."""
    layer = contracts.instance_of(cls, n, m, rng=np.random.default_rng(0))
    shapes = {"weight": (m, n), "bias": (m,)}
    parameters = {k: contracts.parameter(layer, k, s) for k, s in shapes.items()}
    ours = Linear(n, m, rng=1)
    for name, mine in ours.named_parameters():
        parameters[name].data[...] = mine.data
    return layer, parameters, ours


def _linear_made(cls: Any) -> str:
    _linear(cls)
    made = [
        contracts.instance_of(cls, 3, 4, rng=np.random.default_rng(i)) for i in (0, 1)
    ]
    first, second = (contracts.parameter(p, "weight", (4, 3)).data for p in made)
    if np.array_equal(first, second) or len(np.unique(first)) < first.size:
        return "expected a weight whose entries are drawn, got equal ones"
    return ""


def _linear_forward(cls: Any) -> str:
    for n, m, rows in ((3, 4, 5), (4, 4, 2), (2, 1, 1)):
        layer, _, ours = _linear(cls, n, m)
        x = drawn(rows, n)
        wrong = differs("forward", layer.forward(x.copy()), ours.forward(x))
        if wrong:
            return wrong
    return ""


def _linear_gradient(name: str) -> Callable[[Any], str]:
    def run(cls: Any) -> str:
        faults: dict[str, str] = {}
        layer, parameters, _ = _linear(cls)
        wrapped = contracts.as_layer(layer, parameters, faults)
        report = check_layer(wrapped, drawn(5, 3))
        return faults.get(name) or verdict(report, name)

    return run


def _linear_adds(cls: Any) -> str:
    layer, parameters, ours = _linear(cls)
    x, g = drawn(5, 3), drawn(5, 4)
    for part in (slice(0, 2), slice(2, 5)):
        for each in (layer, ours):
            each.forward(x[part].copy())
            each.backward(g[part].copy())
    last = Linear(3, 4)
    last.forward(x[2:])
    last.backward(g[2:])
    for name, mine in ours.named_parameters():
        got = parameters[name].grad
        if not differs(name, got, dict(last.named_parameters())[name].grad):
            return f"the second backward overwrites {name}.grad; expected it to add"
        wrong = differs(f"{name}.grad after two backwards", got, mine.grad)
        if wrong:
            return wrong
    return ""


def _linear_arguments(cls: Any) -> str:
    layer, parameters, _ = _linear(cls)
    x, g = drawn(5, 3), drawn(5, 4)
    kept = x.copy(), g.copy()
    data = {name: p.data.copy() for name, p in parameters.items()}
    layer.forward(x)
    layer.backward(g)
    return unchanged(
        ("x", kept[0], x),
        ("grad_output", kept[1], g),
        *((f"{name}.data", data[name], p.data) for name, p in parameters.items()),
    )


def _modes(layer: Any, x: Array) -> str:
    """Return how outputs differ between the modes, or between two calls."""
    first = np.array(layer.forward(x.copy()))
    for mode in ("eval", "train"):
        if callable(getattr(layer, mode, None)):
            getattr(layer, mode)()
        wrong = differs(f"forward after {mode}()", layer.forward(x.copy()), first)
        if wrong:
            return wrong
    return ""


def _activation(ours: type[ReLU] | type[Sigmoid], extreme: Check) -> tuple[Check, ...]:
    made = contracts.instance_of

    def forward(cls: Any) -> str:
        x = drawn(5, 3)
        return differs("forward", made(cls).forward(x.copy()), ours().forward(x))

    def gradient(cls: Any) -> str:
        faults: dict[str, str] = {}
        report = check_layer(contracts.as_layer(made(cls), {}, faults), drawn(5, 3))
        return faults.get("x") or verdict(report, "x")

    def shapes(cls: Any) -> str:
        for shape in ((4,), (1, 1), (2, 3, 2)):
            layer, own, x, g = made(cls), ours(), drawn(*shape), drawn(*shape, seed=1)
            wrong = differs(
                f"forward of shape {shape}", layer.forward(x.copy()), own.forward(x)
            ) or differs(
                f"backward of shape {shape}", layer.backward(g.copy()), own.backward(g)
            )
            if wrong:
                return wrong
        return ""

    def dtype(cls: Any) -> str:
        layer, x = made(cls), drawn(4, 3).astype(np.float32)
        for what, got in (
            ("forward", layer.forward(x)),
            ("backward", layer.backward(x)),
        ):
            if getattr(got, "dtype", None) != np.float32:
                kind = getattr(got, "dtype", type(got).__name__)
                return f"{what}: expected float32 of float32, got {kind}"
        return ""

    def arguments(cls: Any) -> str:
        layer, x, g = made(cls), drawn(5, 3), drawn(5, 3, seed=1)
        kept = x.copy(), g.copy()
        y = layer.forward(x)
        before = np.array(y)
        layer.backward(g)
        return unchanged(
            ("x", kept[0], x), ("grad_output", kept[1], g), ("its output", before, y)
        )

    return (
        Check("forward", 2, forward),
        Check("gradient by x", 3, gradient),
        extreme,
        Check("any shape", 1, shapes),
        Check("dtype", 1, dtype),
        Check("modes", 1, lambda cls: _modes(made(cls), drawn(5, 3))),
        Check("arguments unchanged", 1, arguments),
    )


def _at(what: str, ours: Any, x: Array) -> Callable[[Any], str]:
    """Return a check of forward and backward for given numbers."""

    def run(cls: Any) -> str:
        layer, own = contracts.instance_of(cls), ours()
        return differs(
            f"forward {what}", layer.forward(x.copy()), own.forward(x)
        ) or differs(
            f"backward {what}",
            layer.backward(np.ones_like(x)),
            own.backward(np.ones_like(x)),
        )

    return run


LINEAR: tuple[Check, ...] = (
    Check("weight and bias", 1, _linear_made),
    Check("forward", 2, _linear_forward),
    Check("gradient by weight", 2, _linear_gradient("weight")),
    Check("gradient by bias", 1, _linear_gradient("bias")),
    Check("gradient by x", 1, _linear_gradient("x")),
    Check("gradients add up", 1, _linear_adds),
    Check("modes", 1, lambda cls: _modes(_linear(cls)[0], drawn(5, 3))),
    Check("arguments unchanged", 1, _linear_arguments),
)
RELU = _activation(
    ReLU, Check("at 0", 1, _at("at 0", ReLU, np.array([[-1.0, 0.0, 2.0]])))
)
SIGMOID = _activation(
    Sigmoid,
    Check(
        "large numbers",
        1,
        _at("of ±1000", Sigmoid, np.array([[-1000.0, 0.0, 1000.0]])),
    ),
)
