"""What comes before training: batches, a split, a scale, a table.

A newcomer should learn that most wrong results are made here and not in the
net: rows shuffled once instead of in every epoch, x and y shuffled apart,
test rows that took part in the scaling. Each function does one of these
things, and returns new arrays.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from mlp import _checks, _tables
from mlp._checks import Array, RealArray, Rng


class Dataset(NamedTuple):
    """A table with its names: what the loaders and read_csv return.

    Attributes
    ----------
    x : array of shape (N, features)
        Not scaled; float64, where no other dtype was asked for.
    y : array of shape (N, targets)
        Of x's dtype; classes are one-hot.
    feature_names, target_names : tuple of str
        One for each column of x and of y.
    source : str
        Who collected it, where it was published, and its licence; of a file
        of one's own, its path.
    """

    x: Array
    y: Array
    feature_names: tuple[str, ...]
    target_names: tuple[str, ...]
    source: str

    def __repr__(self) -> str:
        """Return the shapes and the names, not the numbers."""
        return (
            f"Dataset(x of shape {self.x.shape}, y of shape {self.y.shape}, "
            f"target_names={self.target_names}, source={self.source!r})"
        )


def minibatches(
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    batch_size: int,
    *,
    rng: Rng = None,
    shuffle: bool = True,
) -> Iterator[tuple[RealArray, RealArray]]:
    """Yield (x_batch, y_batch) until each row has been in one batch.

    One call is one epoch. Rows, not batches, are shuffled, and anew at each
    call, so that a batch is a fresh sample of the data every time: the
    gradient's noise must not be the same in every epoch.

    Parameters
    ----------
    x, y : array_like
        The same number of rows, at least one.
    batch_size : int
        Rows in a batch; the last one holds what is left.
    rng : int, np.random.Generator or None
        What the order is drawn from. Make one Generator before the epochs:
        an int here is the same order at each call.
    shuffle : bool
        False keeps the rows as they are.

    Yields
    ------
    x_batch, y_batch : array
        New arrays, of the dtypes of x and y.

    Raises
    ------
    ValueError
        If x and y differ in rows or have none, or batch_size is below 1.
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
    x, y = _checks.paired_rows("minibatches", x, y)
    size = _checks.positive_int("minibatches", "batch_size", batch_size)
    generator = _checks.generator("minibatches", rng)
    if _checks.flag("minibatches", "shuffle", shuffle):
        order = generator.permutation(len(x))
    else:
        order = np.arange(len(x))
    return batches(x, y, size, order)


def batches(
    x: RealArray, y: RealArray, size: int, order: npt.NDArray[np.intp]
) -> Iterator[tuple[RealArray, RealArray]]:
    """Yield so many rows of x and y at a time in this order, unchecked.

    Examples
    --------
    >>> import numpy as np
    >>> from mlp.data import batches
    >>> x = np.arange(3).reshape(3, 1)
    >>> order = np.array([2, 0, 1])
    >>> [x_batch.ravel() for x_batch, _ in batches(x, x, 2, order)]
    [array([2, 0]), array([1])]
    """
    for start in range(0, len(order), size):
        rows = order[start : start + size]
        yield _take(x, rows), _take(y, rows)


def _take(a: RealArray, rows: npt.NDArray[np.intp]) -> RealArray:
    """Return a[rows], by the faster way where that copies these rows only."""
    return a.take(rows, axis=0) if a.flags.c_contiguous else a[rows]


def train_test_split(
    x: npt.ArrayLike, y: npt.ArrayLike, *, test_size: float = 0.25, rng: Rng = None
) -> tuple[RealArray, RealArray, RealArray, RealArray]:
    """Return x_train, x_test, y_train, y_test: the rows in two random parts.

    What a net does on rows that it was fitted to says little; the test rows
    must not be looked at before the end, not even to scale the others.

    Parameters
    ----------
    x, y : array_like
        The same number of rows N, at least two.
    test_size : float or int
        The share of test rows, between 0 and 1, of which ⌈share · N⌉ are
        taken; or their number.
    rng : int, np.random.Generator or None
        What the order is drawn from.

    Returns
    -------
    x_train, x_test, y_train, y_test : array
        New arrays, of the dtypes of x and y; at least one row each.

    Raises
    ------
    ValueError
        If x and y differ in rows, or one part would have none.
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
    sklearn.model_selection.train_test_split, of the same meaning.
    """
    who = "train_test_split"
    x, y = _checks.paired_rows(who, x, y)
    n = len(x)
    if isinstance(test_size, int | np.integer):
        n_test = _checks.positive_int(who, "test_size", test_size)
    else:
        share = _checks.number(who, "test_size", test_size, above=0, below=1)
        n_test = max(1, math.ceil(round(share * n, 6)))  # 0.07 · 100 is above 7
    if n_test >= n:
        raise ValueError(
            f"{who}: expected more rows than the {n_test} to be held out, got {n}; "
            f"take a smaller test_size, or more rows"
        )
    order = _checks.generator(who, rng).permutation(n)
    test, train = order[:n_test], order[n_test:]
    return x[train], x[test], y[train], y[test]


class Standardizer:
    """z = (x − mean) / std, column by column: what a net likes to be fed.

    Features in their own units, pounds beside cylinders, make the loss a
    narrow valley in which one lr is too long for some weights and too short
    for others; after scaling, one lr serves all. Fit it on training rows
    only and transform the test rows by what the training rows said.

    Attributes
    ----------
    mean, std : array of shape (columns,), or None before fit
        The mean of each column and the root of its mean squared deviation
        (divided by N), in float64. A column that is constant, up to the
        rounding of its mean (std ≤ N ε |mean|) or to denormal numbers, has
        std 1, so that it becomes 0 and noise is not blown up.

    Raises
    ------
    ValueError
        If a table is not (N, columns), has no rows, holds NaN or infinity,
        or has other columns than that of fit.
    TypeError
        If it does not hold real numbers.
    RuntimeError
        If transform or inverse_transform is called before fit.

    Examples
    --------
    >>> from mlp import Standardizer
    >>> scaler = Standardizer().fit([[1.0, 7.0], [3.0, 7.0]])
    >>> scaler.mean, scaler.std
    (array([2., 7.]), array([1., 1.]))
    >>> scaler.transform([[4.0, 7.0]])
    array([[2., 0.]])
    >>> scaler.inverse_transform([[2.0, 0.0]])
    array([[4., 7.]])

    References
    ----------
    LeCun et al., Efficient BackProp, 1998, section 4.3. The bound of what
    is constant: sklearn.preprocessing.StandardScaler; Chan, Golub and
    LeVeque, Algorithms for computing the sample variance, 1983.
    """

    mean: Array | None = None
    std: Array | None = None

    def fit(self, x: npt.ArrayLike) -> Standardizer:
        """Take mean and std from the columns of x, and return self."""
        table = _checks.matrix("Standardizer.fit", "x", x)
        if table.size == 0:
            raise ValueError(
                f"Standardizer.fit: expected at least one row and column, got shape "
                f"{table.shape}"
            )
        unit = np.abs(table).max(axis=0).astype(np.float64)
        unit[unit == 0] = 1
        n, eps = len(table), np.finfo(np.float64).eps
        with np.errstate(under="ignore"):
            in_units = table / unit  # whose squares neither overflow nor vanish
            m, s = in_units.mean(axis=0), in_units.std(axis=0)
            mean, std = unit * m, unit * s
        # The rounding of n terms, and that of the entries in their own dtype.
        rounding = np.maximum(n * eps, np.finfo(table.dtype).eps) * np.abs(m)
        constant = (s <= rounding) | (std < np.finfo(np.float64).smallest_normal)
        same = table.min(axis=0) == table.max(axis=0)
        self.mean = np.where(same, table[0], mean)  # not off by a rounding
        self.std = np.where(constant | same, 1.0, std)
        return self

    def transform(self, x: npt.ArrayLike) -> Array:
        """Return (x − mean) / std, in x's floating dtype."""
        table, mean, std = self._fitted("transform", x)
        with np.errstate(under="ignore"):
            z = (table - mean) / std
        return _checks.real_array("Standardizer.transform", "x", z, table.dtype)

    def inverse_transform(self, x: npt.ArrayLike) -> Array:
        """Return x · std + mean, in x's floating dtype."""
        table, mean, std = self._fitted("inverse_transform", x)
        with np.errstate(under="ignore"):
            z = table * std + mean
        return _checks.real_array("Standardizer.inverse_transform", "x", z, table.dtype)

    def _fitted(self, method: str, x: npt.ArrayLike) -> tuple[Array, Array, Array]:
        if self.mean is None or self.std is None:
            raise RuntimeError(
                f"Standardizer.{method}: expected to be fitted, got no fit before; "
                f"write scaler = Standardizer().fit(x_train)"
            )
        table = _checks.matrix(f"Standardizer.{method}", "x", x, len(self.mean))
        return table, self.mean, self.std

    def __repr__(self) -> str:
        """Return the number of columns, if fitted."""
        if self.mean is None:
            return "Standardizer()"
        n = len(self.mean)
        return f"Standardizer(fitted to {n} column{'s' * (n != 1)})"


def one_hot(labels: npt.ArrayLike, classes: int | npt.ArrayLike | None = None) -> Array:
    """Return rows of 0 with a 1 in the column of each label's class.

    Ten Sigmoids, one for each digit, want ten answers of yes or no. A label
    as a number would say that a 4 is halfway between a 3 and a 5.

    Parameters
    ----------
    labels : array_like of shape (N,) or (N, 1)
        Integers, whole floats, or text.
    classes : int, array_like of shape (K,), or None
        An int K stands for the classes 0, …, K − 1; a list gives them in
        the order of the columns; None takes the distinct labels, sorted.
        Give them where the labels are a part of the data that may lack a
        class.

    Returns
    -------
    array of shape (N, K), float64

    Raises
    ------
    ValueError
        If a label is none of the classes, a class is there twice, or labels
        is not one label a row.
    TypeError
        If the labels are neither numbers nor text.

    Examples
    --------
    >>> from mlp import one_hot
    >>> one_hot([2, 0], classes=3)
    array([[0., 0., 1.],
           [1., 0., 0.]])
    >>> one_hot(["USA", "Japan"], classes=["USA", "Europe", "Japan"])
    array([[1., 0., 0.],
           [0., 0., 1.]])

    References
    ----------
    Bishop, Pattern Recognition and Machine Learning, 2006, section 4.1.3.
    """
    values = _checks.labels("one_hot", "labels", labels)
    if classes is None:
        columns = np.unique(values)
    elif np.ndim(classes) == 0:
        columns = np.arange(_checks.positive_int("one_hot", "classes", classes))
    else:
        columns = _checks.labels("one_hot", "classes", classes)
        if len(np.unique(columns)) < len(columns):
            raise ValueError(
                f"one_hot: expected each class once, got {columns.tolist()}"
            )
    hot = values[:, np.newaxis] == columns
    strangers = values[~hot.any(axis=1)]
    if strangers.size:
        raise ValueError(
            f"one_hot: expected labels among {columns.tolist()}, got "
            f"{strangers[0].item()!r} in {strangers.size} of {values.size} rows"
        )
    return np.asarray(hot, np.float64)


def read_csv(path: str | os.PathLike[str], target: str) -> Dataset:
    r"""Return a table of numbers from a file, one column of it the target.

    Parameters
    ----------
    path : str or path
        A comma-separated file in UTF-8: names in the first row, numbers in
        all others; blank rows at the end are passed over. A row has at most
        2**23 characters.
    target : str
        The name of the column that is to be predicted.

    Returns
    -------
    Dataset
        x is all other columns in their order, y is (N, 1), source the path.

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If there is no such column, none besides it, or no row; if a name is
        there twice or is missing, as an index's is; if a row is too short
        or too long, a quote is not closed or has text behind it, or a field
        is not a finite number. It names file, row and column; the names are
        row 1, as in a spreadsheet.
    TypeError
        If target is no str.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from mlp.data import read_csv
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "rooms.csv")
    ...     _ = path.write_text("area,rooms,rent\n50,2,700\n80,3,1000\n")
    ...     data = read_csv(path, target="rent")
    >>> data.x
    array([[50.,  2.],
           [80.,  3.]])
    >>> data.y.ravel(), data.feature_names
    (array([ 700., 1000.]), ('area', 'rooms'))
    """
    if not isinstance(target, str):
        raise TypeError(f"read_csv: expected target to be a str, got {target!r}")
    if not isinstance(path, str | os.PathLike):
        raise TypeError(f"read_csv: expected path to be a str or path, got {path!r}")
    who = f"read_csv: {os.fspath(path)}"
    try:
        with open(
            path, newline="", encoding="utf-8-sig", errors="surrogateescape"
        ) as file:
            x, y, features = _tables.read(who, file).features_and_target(target)
    except OSError as error:
        sentence = f"{who}: cannot be read: {error.strerror}"
        raise OSError(error.errno, sentence, os.fspath(path)) from None
    return Dataset(x, y, features, (target,), source=os.fspath(path))
