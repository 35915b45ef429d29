"""Three real tables to ship: cars, biopsies, digits.

A newcomer should learn what data looks like before a net sees it: rows are
samples, columns are features in units of their own, and each file says who
measured it. The words of the sources stand in README.md beside the files.
"""

from __future__ import annotations

import numpy as np

from mlp import _tables
from mlp.data import Dataset, one_hot

_ORIGINS = ("USA", "Europe", "Japan")


def load_auto_mpg() -> Dataset:
    """Return 392 cars of 1970 to 1982 and the miles each goes on a gallon.

    Returns
    -------
    Dataset
        x : (392, 9): cylinders; displacement in cubic inches; horsepower;
        weight in pounds; acceleration in seconds from 0 to 60 mph;
        model_year; origin_USA, origin_Europe, origin_Japan, one of which is
        1. y : (392, 1): mpg, miles per US gallon.

    Notes
    -----
    The file has 406 cars; the 14 that lack mpg or horsepower are left out.

    Examples
    --------
    >>> from mlp.datasets import load_auto_mpg
    >>> cars = load_auto_mpg()
    >>> cars.x.shape, round(float(cars.y.mean()), 2)
    ((392, 9), 23.45)

    References
    ----------
    Donoho and Ramos, PRIMDATA, 1982; StatLib.
    """
    table = _packaged("auto_mpg.csv.gz")
    needed = [table.names.index(name) for name in ("mpg", "horsepower")]
    complete = [row for row in table.rows if all(row[1][j] for j in needed)]
    table = table._replace(rows=complete)
    features = table.names[1:7]  # the numbers: all but mpg, origin and name
    origin = [fields[table.names.index("origin")] for _, fields in table.rows]
    numbers = [table.column(name) for name in features]
    return Dataset(
        x=np.column_stack([*numbers, one_hot(origin, _ORIGINS)]),
        y=table.column("mpg")[:, np.newaxis],
        feature_names=(*features, *(f"origin_{name}" for name in _ORIGINS)),
        target_names=("mpg",),
        source="Donoho and Ramos, PRIMDATA, 1982; the 1983 exposition of the "
        "American Statistical Association; StatLib",
    )


def load_breast_cancer() -> Dataset:
    """Return 569 biopsies: 30 measures of cell nuclei, and the finding.

    Returns
    -------
    Dataset
        x : (569, 30): mean, error and worst (largest) value of radius,
        texture, perimeter, area, smoothness, compactness, concavity,
        concave points, symmetry and fractal dimension. y : (569, 1):
        benign, 1 for 357 of them, or 0 for the 212 malignant.

    Examples
    --------
    >>> from mlp.datasets import load_breast_cancer
    >>> biopsies = load_breast_cancer()
    >>> biopsies.x.shape, int(biopsies.y.sum())
    ((569, 30), 357)

    References
    ----------
    Wolberg, Street and Mangasarian, Wisconsin Diagnostic Breast Cancer,
    1995, UCI repository, CC BY 4.0.
    """
    x, y, features = _packaged("breast_cancer.csv.gz").features_and_target("benign")
    source = (
        "Wolberg, Street and Mangasarian, Wisconsin Diagnostic Breast Cancer, 1995, "
        "UCI repository, CC BY 4.0"
    )
    return Dataset(x, y, features, ("benign",), source)


def load_digits() -> Dataset:
    """Return 1797 handwritten digits, 8 by 8 pixels, and which digit each is.

    Returns
    -------
    Dataset
        x : (1797, 64): pixels row by row, 0 (white) to 16 (black).
        y : (1797, 10): one-hot, column d for the digit d.

    Examples
    --------
    >>> from mlp.datasets import load_digits
    >>> digits = load_digits()
    >>> digits.x.shape, digits.y.shape
    ((1797, 64), (1797, 10))
    >>> digits.y[3].argmax()
    np.int64(3)

    References
    ----------
    Alpaydin and Kaynak, Optical Recognition of Handwritten Digits (test
    part), 1998, UCI repository, CC BY 4.0.
    """
    x, y, features = _packaged("digits.csv.gz").features_and_target("digit")
    source = (
        "Alpaydin and Kaynak, Optical Recognition of Handwritten Digits (test part), "
        "1998, UCI repository, CC BY 4.0"
    )
    return Dataset(x, one_hot(y, classes=10), features, tuple("0123456789"), source)


def _packaged(name: str) -> _tables.Table:
    """Return the table of a file that stands beside this module."""
    import gzip  # here, since import mlp is to cost little more than numpy
    import io
    from importlib import resources

    with (
        resources.files(__name__).joinpath(name).open("rb") as file,
        gzip.open(file) as unpacked,
    ):
        lines = io.TextIOWrapper(unpacked, encoding="utf-8", newline="")
        return _tables.read(f"datasets: {name}", lines)
