"""The packaged tables, against facts published about them."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

from mlp import datasets

FOLDER = Path(datasets.__file__).parent


@pytest.mark.parametrize(
    ("name", "digest"),
    [
        (
            "auto_mpg.csv.gz",
            "f0059cae0c6bc402206089f0186a8f01a2d58e6f438a2ad5595a577775467d0c",
        ),
        (
            "breast_cancer.csv.gz",
            "cb6ad084628602b0b5340d0a3afaa601e8aebf6509970286f2bd540fcae07684",
        ),
        (
            "digits.csv.gz",
            "ac63c06f4e775b7c87f62608ff4d9571211c7bc7a15b945573b7675eb2e63a84",
        ),
    ],
)
def test_the_files_are_those_whose_sources_are_named(name, digest):
    assert hashlib.sha256((FOLDER / name).read_bytes()).hexdigest() == digest
    assert name in (FOLDER / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("load", "x", "y"),
    [
        (datasets.load_auto_mpg, (392, 9), (392, 1)),
        (datasets.load_breast_cancer, (569, 30), (569, 1)),
        (datasets.load_digits, (1797, 64), (1797, 10)),
    ],
)
def test_shapes_names_and_fresh_arrays(load, x, y):
    data = load()
    assert (data.x.shape, data.y.shape) == (x, y)
    assert data.x.dtype == data.y.dtype == np.float64
    assert (len(data.feature_names), len(data.target_names)) == (x[1], y[1])
    assert np.isfinite(data.x).all()
    data.x[...] = np.nan
    assert np.isfinite(load().x).all()


def test_auto_mpg():
    data = datasets.load_auto_mpg()
    numbers = "cylinders displacement horsepower weight acceleration model_year"
    assert data.feature_names[:6] == tuple(numbers.split())
    assert data.feature_names[6:] == ("origin_USA", "origin_Europe", "origin_Japan")
    first = [8, 307, 130, 3504, 12, 1970, 1, 0, 0]  # a chevrolet chevelle malibu
    assert data.x[0].tolist() == first
    assert data.y[0] == 18
    assert data.x[:, 6:].sum(axis=0).tolist() == [245, 68, 79]
    assert data.y.mean() == pytest.approx(23.445918, abs=1e-6)
    assert data.x[:, 2].mean() == pytest.approx(104.469388, abs=1e-6)
    assert "Donoho and Ramos" in data.source


def test_breast_cancer():
    data = datasets.load_breast_cancer()
    assert np.unique(data.y, return_counts=True)[1].tolist() == [212, 357]
    assert data.target_names == ("benign",)
    assert data.x[:, 0].mean() == pytest.approx(14.127292, abs=1e-6)  # mean radius
    assert "CC BY 4.0" in data.source


def test_digits():
    data = datasets.load_digits()
    counts = [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert data.y.sum(axis=0).tolist() == counts
    assert np.array_equal(data.y.sum(axis=1), np.ones(1797))
    assert (data.x.min(), data.x.max()) == (0, 16)
    assert data.y[:10].argmax(axis=1).tolist() == list(range(10))
    assert data.target_names == tuple("0123456789")
    assert "Alpaydin and Kaynak" in data.source
