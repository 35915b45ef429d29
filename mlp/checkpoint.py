"""save and load; see mlp.fitting.checkpoint."""

from mlp.fitting.checkpoint import CheckpointError as CheckpointError
from mlp.fitting.checkpoint import load as load
from mlp.fitting.checkpoint import save as save
