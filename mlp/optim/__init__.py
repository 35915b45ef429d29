"""The optimizers: rules for the next step.

Each docstring derives the rule that the code under it runs. Read sgd.py
first, then adaptive.py. What all optimizers have in common is in
mlp.core.optimizer; the module to read next is mlp.training.
"""

from mlp.optim.adaptive import Adam as Adam
from mlp.optim.adaptive import AdamW as AdamW
from mlp.optim.adaptive import RMSprop as RMSprop
from mlp.optim.clipping import clip_grad_norm as clip_grad_norm
from mlp.optim.sgd import SGD as SGD

__all__ = ["SGD", "RMSprop", "Adam", "AdamW", "clip_grad_norm"]
