"""AllReduce: one training run on several processes, by MPI.

Each process has the whole net and a part of every batch. Before a step the
gradients of all processes are made one, the mean over the batch, so that
all take the step that one process would take on the whole batch. Read
allreduce.py first; meeting.py is how processes talk, ending.py how they
end together. docs/parallel.md says when this pays.
"""

from mlp.parallel.allreduce import AllReduce as AllReduce

__all__ = ["AllReduce"]
