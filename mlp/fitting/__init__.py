"""fit: training over epochs, with a history and checkpoints."""
