"""derive: the derivation of a net, as five tables.

The tables follow from one rule for each class (rules.py) and from the chain
rule. Each formula in them can be evaluated and checked. The formulas are in
expressions.py and operations.py. places.py writes the rows of each layer,
and derivation.py combines them into the tables. trace.py shows one training
step with numbers. Read rules.py first.
"""

from __future__ import annotations

from mlp.derivation.derivation import Derivation, derive
from mlp.derivation.kinds import (
    Affine,
    Elementwise,
    LossRule,
    Normalized,
    StepRule,
    Vectorwise,
)
from mlp.derivation.operations import Apply, RowMeans, RowSums
from mlp.derivation.rules import RULES

__all__ = [
    "derive",
    "Derivation",
    "RULES",
    "Affine",
    "Elementwise",
    "Vectorwise",
    "Normalized",
    "LossRule",
    "StepRule",
    "Apply",
    "RowMeans",
    "RowSums",
]
