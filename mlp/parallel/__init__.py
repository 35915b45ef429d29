"""AllReduce: one training run on several processes, by MPI.

Each process has the whole net and a part of every batch. Before each step,
AllReduce combines the gradients of all processes into that of the whole
batch. So all processes take the same step, the one that a single process
would take with the whole batch. Read allreduce.py first, then meeting.py,
on how the processes communicate, and ending.py, on how they end together.
docs/parallel.md says when training is faster this way.
"""

from mlp.parallel.allreduce import AllReduce as AllReduce

__all__ = ["AllReduce"]
