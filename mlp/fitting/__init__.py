"""fit, and what a long run needs: history, progress, checkpoints."""
