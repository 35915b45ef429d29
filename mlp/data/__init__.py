"""Batches, test rows, scaling, one-hot rows, and tables from files.

Many wrong results come from the data and not from the net: rows that are
shuffled once and not in every epoch, x and y that are shuffled differently,
a scale that was computed with the test rows. Each function here does one of
these steps, and returns new arrays. Read batches.py first, then scaling.py,
encoding.py and tables.py; mlp.datasets has tables to try.
"""

from mlp.data.batches import batches as batches
from mlp.data.batches import minibatches as minibatches
from mlp.data.batches import train_test_split as train_test_split
from mlp.data.encoding import one_hot as one_hot
from mlp.data.scaling import Standardizer as Standardizer
from mlp.data.tables import Dataset as Dataset
from mlp.data.tables import read_csv as read_csv

__all__ = [
    "minibatches",
    "train_test_split",
    "Standardizer",
    "one_hot",
    "read_csv",
    "Dataset",
    "batches",
]
