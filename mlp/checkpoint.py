"""save, load and load_model; see mlp.fitting.checkpoint."""

from mlp.fitting.checkpoint import CheckpointError as CheckpointError
from mlp.fitting.checkpoint import load as load
from mlp.fitting.checkpoint import load_model as load_model
from mlp.fitting.checkpoint import save as save
