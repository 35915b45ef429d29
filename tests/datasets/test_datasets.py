"""The packaged tables, against facts published about them; files in IDX form."""

import gzip
import hashlib
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from oracles import idx

from mlp import datasets

FOLDER = Path(datasets.__file__).parent


# as sha256sum prints them
DIGESTS = """\
f0059cae0c6bc402206089f0186a8f01a2d58e6f438a2ad5595a577775467d0c  auto_mpg.csv.gz
cb6ad084628602b0b5340d0a3afaa601e8aebf6509970286f2bd540fcae07684  breast_cancer.csv.gz
ac63c06f4e775b7c87f62608ff4d9571211c7bc7a15b945573b7675eb2e63a84  digits.csv.gz
"""


def test_the_files_are_those_whose_sources_are_named():
    files = {path.name: path.read_bytes() for path in sorted(FOLDER.glob("*.gz"))}
    digests = {n: hashlib.sha256(raw).hexdigest() for n, raw in files.items()}
    assert "".join(f"{digest}  {n}\n" for n, digest in digests.items()) == DIGESTS
    sources = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert [name for name in files if f"`{name}`" not in sources] == []


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


# --------------------------------------------------------------- IDX files

SHAPE = (5, 3, 4)
PIXELS = np.random.default_rng(0).integers(0, 256, SHAPE, np.uint8)
LABELS = np.array([9, 0, 3, 3, 1], np.uint8)


@pytest.fixture
def pair(tmp_path):
    """Return the paths of two files, of which each test writes what it needs."""
    images, labels = tmp_path / "images", tmp_path / "labels"
    images.write_bytes(idx(PIXELS))
    labels.write_bytes(idx(LABELS))
    return images, labels


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("zipped", [True, False])
def test_load_idx(pair, dtype, zipped):
    if zipped:  # and named as if it were not
        for path in pair:
            path.write_bytes(gzip.compress(path.read_bytes()))
    data = datasets.load_idx(*pair, dtype=dtype)
    assert data.x.dtype == data.y.dtype == dtype
    assert data.x.shape == (5, 12)
    for i, row, column in np.ndindex(SHAPE):
        name = f"pixel_{row}_{column}"
        assert data.x[i, data.feature_names.index(name)] == PIXELS[i, row, column]
    assert data.y.argmax(axis=1).tolist() == LABELS.tolist()
    assert data.y.sum(axis=1).tolist() == [1] * 5
    assert data.y.shape == (5, 10)
    assert data.target_names == tuple("0123456789")
    assert all(str(path) in data.source for path in pair)


def test_load_idx_is_float64_and_writable_unless_asked(pair):
    data = datasets.load_idx(str(pair[0]), str(pair[1]))
    assert data.x.dtype == data.y.dtype == np.float64
    np.divide(data.x, 255, out=data.x)
    assert data.x.max() <= 1


def refused(pair, which, message):
    with pytest.raises(ValueError, match=message) as caught:
        datasets.load_idx(*pair)
    assert str(caught.value).startswith("load_idx: expected ")
    assert str(pair[which]) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_load_idx_refuses_other_files(pair, tmp_path):
    images, labels = pair
    refused((labels, images), 0, r"\[0, 0, 8, 1\] in place of \[0, 0, 8, 3\]")
    refused((images, images), 1, r"\[0, 0, 8, 3\] in place of \[0, 0, 8, 1\]")
    for raw in (b"", b"\0", b"P5 28 28", idx(PIXELS).replace(b"\x08", b"\x0d", 1)):
        images.write_bytes(raw)
        refused(pair, 0, "begins with the bytes")
    with pytest.raises(FileNotFoundError):
        datasets.load_idx(tmp_path / "none", labels)
    with pytest.raises(TypeError, match="expected dtype float64 or float32"):
        datasets.load_idx(*pair, dtype=np.float16)


@pytest.mark.parametrize("which", [0, 1])
def test_load_idx_refuses_each_cut_and_each_addition(pair, which):
    whole = pair[which].read_bytes()
    zipped = gzip.compress(whole)
    for raw in [*(whole[:n] for n in range(len(whole))), whole + b"\0"]:
        pair[which].write_bytes(raw)
        refused(pair, which, "begins with the bytes|bytes after a head that says")
        pair[which].write_bytes(gzip.compress(raw))
        refused(pair, which, "begins with the bytes|bytes after a head that says")
    for raw in [*(zipped[:n] for n in range(2, len(zipped))), zipped + b"1"]:
        pair[which].write_bytes(raw)
        refused(pair, which, "damaged .gz file")


def test_load_idx_refuses_a_damaged_gz_file(pair):
    zipped = bytearray(gzip.compress(idx(PIXELS)))
    for i in (10, 30, len(zipped) - 8):  # the data, and their checksum
        damaged = bytes([*zipped[:i], zipped[i] ^ 255, *zipped[i + 1 :]])
        pair[0].write_bytes(damaged)
        refused(pair, 0, "damaged .gz file")


def test_load_idx_refuses_counts_that_do_not_match(pair):
    pair[1].write_bytes(idx(LABELS[:4]))
    refused(pair, 1, "expected 5 labels in .* as there are images in .*, got 4")
    pair[1].write_bytes(idx(np.array([0, 1, 10, 3, 3], np.uint8)))
    refused(pair, 1, "expected labels of 0 to 9 in .*, got 10 in place 2")
    pair[0].write_bytes(idx(np.zeros((0, 3, 4), np.uint8)))
    refused(pair, 0, "0 bytes after a head that says")


@pytest.mark.parametrize("zipped", [True, False])
def test_load_idx_allocates_nothing_on_the_word_of_a_head(pair, zipped):
    raw = bytes([0, 0, 8, 3]) + b"\xff" * 12 + b"\0" * 9
    pair[0].write_bytes(gzip.compress(raw) if zipped else raw)
    bomb = gzip.compress(idx(PIXELS) + b"\0" * 10**8, 1)
    tracemalloc.start()
    refused(pair, 0, "9 bytes after a head")
    pair[0].write_bytes(bomb)
    refused(pair, 0, "more bytes after a head")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1e7


def test_classes_are_named_where_y_is_one_hot():
    digits = datasets.load_digits()
    assert digits.classes == list("0123456789") == list(digits.target_names)
    for load in (datasets.load_auto_mpg, datasets.load_breast_cancer):
        assert (load().classes, load().filled) == (None, None)
