"""stub: files in which students write code.

A stub has the classes and methods of the library, but their bodies only
raise NotImplementedError. The docstrings are those of the library, without
the derivations, examples and references, which would show the answer.
"""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from mlp.core import Layer, Loss, Optimizer
from mlp.layers import Linear, ReLU, Sigmoid
from mlp.losses import CrossEntropyLoss
from mlp.optim import SGD
from mlp.training import train_step
from mlp.worksheets.exercises import names_of

HOLE = 'raise NotImplementedError("your code here")'
_SECTIONS = ("Parameters", "Attributes", "Returns", "Shapes")


class _Stub(NamedTuple):
    """A class or function of the library, and the signatures in its stub."""

    subject: Any
    base: Any
    methods: dict[str, str]


_LAYER = {"forward": "self, x", "backward": "self, grad_output"}
_STUBS = {
    "linear": _Stub(
        Linear,
        Layer,
        {"__init__": "self, in_features, out_features, *, rng=None"} | _LAYER,
    ),
    "relu": _Stub(ReLU, Layer, _LAYER),
    "sigmoid": _Stub(Sigmoid, Layer, _LAYER),
    "softmax_cross_entropy": _Stub(
        CrossEntropyLoss,
        Loss,
        {"forward": "self, prediction, target", "backward": "self"},
    ),
    "sgd": _Stub(SGD, Optimizer, {"update": "self, parameter, gradient, state"}),
    "loop": _Stub(train_step, None, {}),
}
# The arguments that a stub's docstring describes.
_ARGUMENTS = {
    "linear": ("in_features", "out_features", "rng"),
    "sgd": ("parameters", "lr"),
    "loop": ("model", "criterion", "optimizer", "x", "y"),
}
# Settings that a stub does not have as arguments.
_SETTINGS = {"reduction", "momentum", "weight_decay", "nesterov"}
_SAYS = {
    "linear": "Write self.weight = Parameter(…) and self.bias = Parameter(…) in "
    "__init__. backward adds to the gradients by parameter.add_grad(…).",
    "sgd": "Plain SGD: d is the gradient. mlp.Optimizer has the rest.",
}


def stub(exercises: str | Sequence[str]) -> str:
    """Return a Python file in which students write some exercises.

    Raises
    ------
    ValueError
        If an exercise is unknown, or given twice.

    Examples
    --------
    >>> from mlp.worksheets.stubs import stub
    >>> print(stub("relu").splitlines()[-1].strip())
    raise NotImplementedError("your code here")
    """
    names = names_of(exercises)
    bases = {s.base.__name__ for s in map(_STUBS.__getitem__, names) if s.base}
    imports = sorted(bases | ({"Parameter"} if "linear" in names else set()))
    head = (
        '"""Write the missing code, and keep the names.\n\nTo see your marks, run\n\n'
        f"    python -m mlp grade FILE --exercise {','.join(names)}\n\n"
        "x, grad_output, prediction and target are arrays, a row for each sample.\n"
        'Do not change them; return new arrays.\n"""\n\nimport numpy as np\n'
    )
    if imports:
        head += f"\nfrom mlp import {', '.join(imports)}\n"
    return "\n\n".join([head, *map(_written, names)])


def _written(name: str) -> str:
    """Return the stub of one exercise."""
    subject, base, methods = _STUBS[name]
    text = _docstring(name, subject)
    if base is None:
        signature = f"def {subject.__name__}({', '.join(_ARGUMENTS[name])}):"
        return f"{signature}\n{_indented(text)}\n    {HOLE}\n"
    parts = [f"class {subject.__name__}({base.__name__}):\n{_indented(text)}\n"]
    for method, arguments in methods.items():
        says = _summary(getattr(base, method)) if method != "__init__" else ""
        if base is Layer and method == "backward" and name != "linear":
            says = "Return ∂ℓ/∂x, given ∂ℓ/∂y."
        doc = f'        """{says or "Make the parameters."}"""\n'
        parts.append(f"    def {method}({arguments}):\n{doc}        {HOLE}\n")
    return "\n".join(parts)


def _summary(method: Callable[..., Any]) -> str:
    """Return the first line of a docstring."""
    return (inspect.getdoc(method) or "").partition("\n")[0]


def _docstring(name: str, subject: Any) -> str:
    """Return the head and the sections of a docstring that show no answer."""
    text = inspect.getdoc(subject) or ""
    head, *sections = re.split(r"(?m)^(?=\w+\n-+$)", text)
    kept = [head.partition("\n\n")[0].rstrip()]
    if name in _SAYS:
        kept.append(textwrap.fill(_SAYS[name], 70))
    for section in sections:
        title, _, *lines = section.rstrip().splitlines()
        if title not in _SECTIONS:
            continue
        if title == "Parameters":
            lines = _entries(lines, lambda names: names <= {*_ARGUMENTS.get(name, ())})
        if title == "Attributes":
            lines = _entries(lines, _SETTINGS.isdisjoint)
        if title == "Shapes":
            lines = _entries(lines, {"weight"}.isdisjoint)
        if title == "Returns":
            lines = [re.split(r"(?<=\.) ", "\n".join(lines))[0]]
        if lines:
            kept.append("\n".join([title, "-" * len(title), *lines]))
    return '"""' + "\n\n".join(kept) + '\n"""'


def _entries(lines: list[str], wanted: Callable[[set[str]], bool]) -> list[str]:
    """Return the entries of a section whose names are wanted."""
    entries = re.split(r"(?m)^(?=\S)", "\n".join(lines))
    return [
        line
        for entry in entries
        if wanted(set(re.split(r",\s*", entry.partition(" :")[0])))
        for line in entry.rstrip().splitlines()
    ]


def _indented(text: str) -> str:
    return textwrap.indent(text, "    ")
