"""derive: the derivation of a net, cell by cell.

The solution sheet of a net is generated from one rule a class (rules.py)
and the chain rule, and each of its lines is run. Formulas are in
expressions.py and operations.py, a layer's share of the tables in
places.py, the tables in derivation.py; trace.py puts numbers in.
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
