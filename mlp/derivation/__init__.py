"""derive: the derivation of a net, cell by cell.

A newcomer should learn that the solution sheet of a net can be generated
from six rules and the chain rule, and that each of its lines can be run.
Rules are in rules.py, trees in expressions.py, tables in tables.py, and how
they look in print in rendering.py.
"""

from mlp.derivation.expressions import Apply as Apply
from mlp.derivation.rules import RULES as RULES
from mlp.derivation.rules import Affine as Affine
from mlp.derivation.rules import Elementwise as Elementwise
from mlp.derivation.rules import LossRule as LossRule
from mlp.derivation.tables import Derivation as Derivation
from mlp.derivation.tables import derive as derive
