"""Three real tables, cars, biopsies, digits; and IDX files.

Rows are samples, and columns are features in different units, not scaled.
README.md in the folder of this module has the descriptions that the sources
give of their data.
"""

from __future__ import annotations

import math
import os

import numpy as np
import numpy.typing as npt

from mlp._shared import numbers
from mlp.data import Dataset, rows, tables
from mlp.data.encoding import one_hot
from mlp.datasets.plane import make_circles as make_circles
from mlp.datasets.plane import make_moons as make_moons
from mlp.datasets.plane import make_spirals as make_spirals
from mlp.datasets.plane import make_xor as make_xor

_ORIGINS = ("USA", "Europe", "Japan")


def load_auto_mpg() -> Dataset:
    """Return 392 cars of 1970 to 1982, and their fuel consumption.

    Returns
    -------
    Dataset
        x : (392, 9): cylinders; displacement in cubic inches; horsepower;
        weight in pounds; acceleration in seconds from 0 to 60 mph;
        model_year; origin_USA, origin_Europe, origin_Japan, one of which is
        1. y : (392, 1): mpg, miles per US gallon.

    Notes
    -----
    The source has 406 cars; 14 have no mpg or horsepower and are left out.

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
    measured = ["cylinders", "displacement", "horsepower", "weight", "acceleration"]
    measured.append("model_year")
    table = _packaged(
        "auto_mpg.csv.gz",
        tables.How("origin", [*measured, "mpg"], missing="drop", classes=[*_ORIGINS]),
    )
    return Dataset(
        x=np.column_stack([table.x[:, :-1], table.y]),
        y=table.x[:, -1:].copy(),
        feature_names=(*measured, *(f"origin_{name}" for name in _ORIGINS)),
        target_names=("mpg",),
        source="Donoho and Ramos, PRIMDATA, 1982; the 1983 exposition of the "
        "American Statistical Association; StatLib",
    )


def load_breast_cancer() -> Dataset:
    """Return 569 biopsies: 30 measures of cell nuclei, and the diagnosis.

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
    table = _packaged("breast_cancer.csv.gz", tables.How("benign"))
    source = (
        "Wolberg, Street and Mangasarian, Wisconsin Diagnostic Breast Cancer, 1995, "
        "UCI repository, CC BY 4.0"
    )
    return table._replace(source=source)


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
    table = _packaged("digits.csv.gz", tables.How("digit", classes=[*"0123456789"]))
    source = (
        "Alpaydin and Kaynak, Optical Recognition of Handwritten Digits (test part), "
        "1998, UCI repository, CC BY 4.0"
    )
    return table._replace(source=source)


def load_idx(
    images: str | os.PathLike[str],
    labels: str | os.PathLike[str],
    *,
    dtype: npt.DTypeLike = np.float64,
) -> Dataset:
    """Return the images and labels of two IDX files, as MNIST comes in.

    Fashion-MNIST, KMNIST and others of ten classes come in the same form.

    Parameters
    ----------
    images, labels : str or path
        Gzipped or not: the content of the file decides, not its name.
    dtype : float64 or float32
        Of x and y. 60,000 images of 28 by 28 are 376 MB in float64.

    Returns
    -------
    Dataset
        x : (N, rows · columns): pixels row by row, 0 to 255, as they are in
        the file. y : (N, 10): one-hot, column d for the label d. source is
        the two paths.

    Raises
    ------
    ValueError
        If a file has another format, or is incomplete or damaged; if the
        numbers of labels and images differ; if a label is above 9.
    TypeError
        If dtype is not one of these.
    OSError
        If a file cannot be read.

    Examples
    --------
    Two images of 1 by 2 pixels, labelled 3 and 0:

    >>> import pathlib, tempfile
    >>> from mlp.datasets import load_idx
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     images, labels = (pathlib.Path(folder, name) for name in "xy")
    ...     head = [0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2]
    ...     _ = images.write_bytes(bytes([*head, 0, 255, 1, 2]))
    ...     _ = labels.write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 2, 3, 0]))
    ...     data = load_idx(images, labels)
    >>> data.x
    array([[  0., 255.],
           [  1.,   2.]])
    >>> data.y.argmax(axis=1)
    array([3, 0])

    References
    ----------
    LeCun, Cortes and Burges, The MNIST database, 1998, which defines the
    format.
    """
    kept = numbers.float_dtype("load_idx", dtype)
    pixels = _idx(images, 3, "images")
    n, rows, columns = pixels.shape
    classes = _idx(labels, 1, "labels")
    if len(classes) != n:
        raise ValueError(
            f"load_idx: expected {n} labels in {os.fspath(labels)}, as there are "
            f"images in {os.fspath(images)}, got {len(classes)}; take both files of "
            f"the training part, or both of the test part"
        )
    if classes.max() > 9:
        raise ValueError(
            f"load_idx: expected labels of 0 to 9 in {os.fspath(labels)}, got "
            f"{classes.max()} in place {classes.argmax()}"
        )
    return Dataset(
        x=pixels.reshape(n, rows * columns).astype(kept),
        y=one_hot(classes, classes=10).astype(kept, copy=False),
        feature_names=tuple(
            f"pixel_{row}_{column}" for row in range(rows) for column in range(columns)
        ),
        target_names=tuple("0123456789"),
        source=f"{os.fspath(images)}, {os.fspath(labels)}",
        classes=list("0123456789"),
    )


def _idx(
    path: str | os.PathLike[str], dimensions: int, what: str
) -> npt.NDArray[np.uint8]:
    """Return the bytes of an IDX file as an array of so many dimensions.

    The file begins with two zeros, 8 for bytes and the number of
    dimensions; then come their lengths, 4 bytes each, the highest first.
    """
    import gzip
    import zlib

    magic, length = bytes([0, 0, 8, dimensions]), 4 + 4 * dimensions
    who = f"load_idx: expected {os.fspath(path)} to be an IDX file of {what}, got"
    with open(path, "rb") as file:
        zipped = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        source = gzip.GzipFile(fileobj=file) if zipped else file
        try:
            head = source.read(length)
            if head[:4] != magic:
                raise ValueError(
                    f"{who} one that begins with the bytes {list(head[:4])} in place "
                    f"of {list(magic)}; images end in 3 there, labels in 1"
                )
            shape = tuple(
                int.from_bytes(head[i : i + 4], "big") for i in range(4, length, 4)
            )
            size = math.prod(shape)
            data = bytearray()  # grows with what is there, not with what head claims
            while len(data) <= size and (block := source.read(1 << 20)):
                data += block
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise ValueError(
                f"{who} a damaged .gz file, {error}; get it anew"
            ) from None
    if len(head) < length or len(data) != size or size == 0:
        have = "more" if len(data) > size else len(data)
        raise ValueError(
            f"{who} {have} bytes after a head that says {shape}; is it whole?"
        )
    return np.frombuffer(data, np.uint8).reshape(shape)


def _packaged(name: str, how: tables.How) -> Dataset:
    """Return what is asked of a table that stands beside this module."""
    import gzip  # here, since load_idx needs none of the three
    import io
    from importlib import resources

    with (
        resources.files(__name__).joinpath(name).open("rb") as file,
        gzip.open(file) as unpacked,
    ):
        lines = io.TextIOWrapper(unpacked, encoding="utf-8", newline="")
        return tables.table(rows.Rows(f"datasets: {name}", lines, ",", "."), how)
