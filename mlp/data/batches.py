"""minibatches and train_test_split: rows in random order."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from mlp._shared import arrays, numbers
from mlp._shared.arrays import RealArray
from mlp._shared.numbers import Rng


def minibatches(
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    batch_size: int,
    *,
    rng: Rng = None,
    shuffle: bool = True,
    shard: tuple[int, int] = (0, 1),
) -> Iterator[tuple[RealArray, ...]]:
    """Yield (x_batch, y_batch) until each row has been in one batch.

    One call is one epoch. Each call shuffles the rows again, so that each
    batch is a new random sample of the rows.

    Parameters
    ----------
    x, y : array_like
        The same number of rows, at least one.
    batch_size : int
        Rows in a batch; the last batch has the rows that are left.
    rng : int, np.random.Generator or None
        Draws the order. Make one Generator before the epochs: an int gives
        the same order in each call.
    shuffle : bool
        False keeps the order of the rows.
    shard : (rank, size)
        Yields only the part of each batch for process number rank of size
        processes. The sizes of the parts differ by at most one row; a part
        may have no rows. All processes must pass the same x, y and rng, see
        mlp.parallel.

    Yields
    ------
    x_batch, y_batch : array
        New arrays, of the dtypes of x and y.

    Raises
    ------
    ValueError
        If x and y have different numbers of rows, or none; if batch_size is
        below 1; if not 0 ≤ rank < size; if several processes shuffle and
        rng is None.
    TypeError
        If one of the arguments is of the wrong type.

    Examples
    --------
    >>> import numpy as np
    >>> from mlp import minibatches
    >>> x = np.arange(5).reshape(5, 1)
    >>> rng = np.random.default_rng(0)
    >>> for epoch in range(2):
    ...     for x_batch, y_batch in minibatches(x, 10 * x, 3, rng=rng):
    ...         print(epoch, x_batch.ravel(), y_batch.ravel())
    0 [2 4 3] [20 40 30]
    0 [0 1] [ 0 10]
    1 [4 1 2] [40 10 20]
    1 [0 3] [ 0 30]

    References
    ----------
    Bottou, Stochastic gradient descent tricks, 2012, section 5.1: shuffle.
    """
    x, y = arrays.paired_rows("minibatches", x, y)
    size = numbers.positive_int("minibatches", "batch_size", batch_size)
    generator = numbers.generator("minibatches", rng)
    rank, processes = _shard("minibatches", shard)
    if numbers.flag("minibatches", "shuffle", shuffle):
        if rng is None and processes > 1:
            raise ValueError(
                "minibatches: expected rng with shard, got None, by which each process "
                "draws an order of its own; give all the same seed, once, before the "
                "epochs: rng = np.random.default_rng(0)"
            )
        order = generator.permutation(len(x))
    else:
        order = np.arange(len(x))
    return batches((x, y), size, order, (rank, processes))


def _shard(who: str, shard: tuple[int, int]) -> tuple[int, int]:
    """Return the rank and the number of processes, which are whole numbers."""
    if not (isinstance(shard, tuple | list) and len(shard) == 2):
        raise TypeError(
            f"{who}: expected shard to be a pair (rank, size), got {shard!r}; write "
            f"shard=(comm.rank, comm.size)"
        )
    rank = numbers.whole_number(who, "the rank in shard", shard[0])
    size = numbers.positive_int(who, "the size in shard", shard[1])
    if not 0 <= rank < size:
        raise ValueError(
            f"{who}: expected a rank from 0 to {size - 1} in shard, got {rank}; ranks "
            f"are counted from 0"
        )
    return rank, size


def batches(
    columns: tuple[RealArray, ...],
    size: int,
    order: npt.NDArray[np.intp],
    shard: tuple[int, int] = (0, 1),
) -> Iterator[tuple[RealArray, ...]]:
    """Yield size rows of x, y, … at a time in this order, unchecked.

    Examples
    --------
    >>> import numpy as np
    >>> from mlp.data.batches import batches
    >>> x = np.arange(3).reshape(3, 1)
    >>> order = np.array([2, 0, 1])
    >>> [x_batch.ravel() for x_batch, _ in batches((x, x), 2, order)]
    [array([2, 0]), array([1])]
    """
    rank, processes = shard
    for start in range(0, len(order), size):
        rows = order[start : start + size]
        if processes > 1:
            rows = np.array_split(rows, processes)[rank]
        yield tuple([_take(column, rows) for column in columns])


def _take(a: RealArray, rows: npt.NDArray[np.intp]) -> RealArray:
    """Return a[rows], by the faster way where that copies these rows only."""
    return a.take(rows, axis=0) if a.flags.c_contiguous else a[rows]


def train_test_split(
    x: npt.ArrayLike, y: npt.ArrayLike, *, test_size: float = 0.25, rng: Rng = None
) -> tuple[RealArray, RealArray, RealArray, RealArray]:
    """Return x_train, x_test, y_train, y_test: the rows in two random parts.

    The error on the training rows says little about the error on new rows.
    Use the test rows only at the end, and not to compute a scale.

    Parameters
    ----------
    x, y : array_like
        The same number of rows N, at least two.
    test_size : float or int
        A float is the share of test rows, between 0 and 1: ⌈share · N⌉ rows
        are taken. An int is their number.
    rng : int, np.random.Generator or None
        Draws the order.

    Returns
    -------
    x_train, x_test, y_train, y_test : array
        New arrays, of the dtypes of x and y; at least one row each.

    Raises
    ------
    ValueError
        If x and y have different numbers of rows, or a part would be empty.
    TypeError
        If one of the arguments is of the wrong type.

    Examples
    --------
    >>> from mlp import train_test_split
    >>> x = [[0], [1], [2], [3]]
    >>> x_train, x_test, y_train, y_test = train_test_split(x, x, rng=0)
    >>> x_train.ravel(), x_test.ravel()
    (array([0, 1, 3]), array([2]))

    References
    ----------
    sklearn.model_selection.train_test_split does the same.
    """
    who = "train_test_split"
    x, y = arrays.paired_rows(who, x, y)
    n = len(x)
    if isinstance(test_size, int | np.integer):
        n_test = numbers.positive_int(who, "test_size", test_size)
    else:
        share = numbers.number(who, "test_size", test_size, above=0, below=1)
        n_test = max(1, math.ceil(round(share * n, 6)))  # 0.07 · 100 is above 7
    if n_test >= n:
        raise ValueError(
            f"{who}: expected more rows than the {n_test} to be held out, got {n}; "
            f"take a smaller test_size, or more rows"
        )
    order = numbers.generator(who, rng).permutation(n)
    test, train = order[:n_test], order[n_test:]
    return x[train], x[test], y[train], y[test]
