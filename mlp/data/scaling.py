"""Standardizer: columns of mean 0 and standard deviation 1."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mlp._shared import arrays, frames
from mlp._shared.arrays import Array


class Standardizer:
    """z = (x − mean) / std, column by column.

    With features in different units, such as pounds and cylinders, one lr
    is too large for some weights and too small for others. After scaling,
    one lr suits all of them. Fit it on the training rows only, and
    transform the test rows with the mean and std of the training rows.

    Attributes
    ----------
    mean, std : array of shape (columns,), or None before fit
        The mean of each column and the root of its mean squared deviation
        (divided by N), in float64. A column that is constant, up to the
        rounding of its mean (std ≤ N ε |mean|) or to denormal numbers, has
        std 1, so that it becomes 0 and rounding errors do not grow.
    feature_names_in_ : tuple of str, or None
        The names of the columns, if fit got a DataFrame. Other DataFrames
        must then have the same names in the same order.

    Raises
    ------
    ValueError
        If a table is not (N, columns), has no rows, holds NaN or infinity,
        or its columns differ from those of fit, in number or in name.
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
    feature_names_in_: frames.Names = None

    def fit(self, x: npt.ArrayLike) -> Standardizer:
        """Compute mean and std of the columns of x, and return self."""
        table = arrays.matrix("Standardizer.fit", "x", x)
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
        self.feature_names_in_ = frames.names_of(x)
        return self

    def transform(self, x: npt.ArrayLike) -> Array:
        """Return (x − mean) / std, in x's floating dtype."""
        table, mean, std = self._fitted("transform", x)
        with np.errstate(under="ignore"):
            z = (table - mean) / std
        return arrays.real_array("Standardizer.transform", "x", z, table.dtype)

    def inverse_transform(self, x: npt.ArrayLike) -> Array:
        """Return x · std + mean, in x's floating dtype."""
        table, mean, std = self._fitted("inverse_transform", x)
        with np.errstate(under="ignore"):
            z = table * std + mean
        return arrays.real_array("Standardizer.inverse_transform", "x", z, table.dtype)

    def _fitted(self, method: str, x: npt.ArrayLike) -> tuple[Array, Array, Array]:
        if self.mean is None or self.std is None:
            raise RuntimeError(
                f"Standardizer.{method}: expected to be fitted, got no fit before; "
                f"write scaler = Standardizer().fit(x_train)"
            )
        who = f"Standardizer.{method}"
        frames.same_names(who, "x", x, self.feature_names_in_, "scaler")
        table = arrays.matrix(who, "x", x, len(self.mean))
        return table, self.mean, self.std

    def __repr__(self) -> str:
        """Return the number of columns, if fitted."""
        if self.mean is None:
            return "Standardizer()"
        n = len(self.mean)
        return f"Standardizer(fitted to {n} column{'s' * (n != 1)})"
