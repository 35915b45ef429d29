"""The optimizers: rules for the next step.

Each docstring derives the rule that the code under it runs. Read sgd.py
first. What all optimizers have in common is in mlp.core.optimizer; the
module to read next is mlp.training.
"""

from mlp.optim.sgd import SGD as SGD

__all__ = ["SGD"]
