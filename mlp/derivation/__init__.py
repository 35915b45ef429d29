"""derive: the derivation of a net, cell by cell.

A newcomer should learn that the solution sheet of a net can be generated
from six rules and the chain rule, and that each of its lines can be run.
Rules are in rules.py, trees in expressions.py, tables in tables.py, and how
they look in print in rendering.py.
"""

from __future__ import annotations

from mlp.derivation.derivation import Derivation, derive
from mlp.derivation.expressions import Apply
from mlp.derivation.rules import RULES, Affine, Elementwise, LossRule

__all__ = [
    "derive",
    "Derivation",
    "RULES",
    "Affine",
    "Elementwise",
    "LossRule",
    "Apply",
]
