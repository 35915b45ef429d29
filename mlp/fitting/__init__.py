"""fit, and what a long run needs: history and checkpoints."""
