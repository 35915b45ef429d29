"""What comes before training: batches, a split, a scale, a table.

Most wrong results are made here and not in the net: rows shuffled once
instead of in every epoch, x and y shuffled apart, test rows that took part
in the scaling. Each function does one of these things and returns new
arrays. batches.py has minibatches and train_test_split, scaling.py the
Standardizer, encoding.py one_hot, and tables.py read_csv.
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
