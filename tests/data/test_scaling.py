"""Standardizer: columns of mean 0 and std 1, constant ones too."""

import copy
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles import frozen, seeds

from mlp import Standardizer


@given(seeds, st.integers(2, 30), st.integers(1, 4))
def test_standardized_columns_have_mean_0_and_std_1_and_go_back(seed, n, columns):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, columns)) * rng.uniform(1, 1e3, columns) + 50
    scaler = Standardizer().fit(frozen(x))
    z = scaler.transform(x)
    np.testing.assert_allclose(z.mean(axis=0), 0, atol=1e-10)
    np.testing.assert_allclose(z.std(axis=0), 1, rtol=1e-10)
    np.testing.assert_allclose(scaler.inverse_transform(z), x, rtol=1e-10)


def test_test_rows_are_scaled_by_what_the_training_rows_said():
    scaler = Standardizer().fit([[0.0], [2.0]])
    assert scaler.transform([[5.0], [7.0]]).tolist() == [[4.0], [6.0]]


@pytest.mark.parametrize(
    "value", [0.1, 1e17 / 3, -1e-300, 0.0, np.longdouble(0.1) + np.longdouble(1e-18)]
)
def test_a_constant_column_becomes_exactly_zero(value):
    x = np.full((3, 1), value)  # the mean of three 0.1 is 0.10000000000000002
    scaler = Standardizer().fit(x)
    assert not scaler.transform(x).any()
    assert np.array_equal(scaler.inverse_transform(np.zeros_like(x)), x)


@pytest.mark.parametrize("size", [1e-300, 1e-200, 1e200, 1e307])
def test_standardizer_of_very_small_and_very_large_numbers(size):
    x = size * np.array([[1.0], [3.0]])
    scaler = Standardizer().fit(x)
    assert scaler.transform(x).ravel().tolist() == pytest.approx([-1, 1])
    np.testing.assert_allclose(scaler.inverse_transform([[1.0]]), [[3 * size]])
    with pytest.raises(ValueError, match="range of float32"):
        Standardizer().fit([[1e40], [9e40]]).inverse_transform(np.float32([[0.5]]))


def test_standardizer_keeps_float32_and_measures_in_float64():
    x = np.random.default_rng(0).normal(1e4, 1, (5000, 2)).astype(np.float32)
    scaler = Standardizer().fit(x)
    assert scaler.mean.dtype == scaler.std.dtype == np.float64
    np.testing.assert_allclose(scaler.mean, x.astype(float).mean(axis=0), rtol=1e-12)
    assert scaler.transform(x).dtype == np.float32
    assert scaler.inverse_transform(x).dtype == np.float32
    assert scaler.transform([[1, 2]]).dtype == np.float64


@pytest.mark.parametrize(
    ("x", "error", "sentence"),
    [
        (
            [1.0, 2.0],
            ValueError,
            r"shape \(N, columns\), got \(2,\); .*reshape\(-1, 1\)",
        ),
        (np.ones((2, 2, 2)), ValueError, r"got \(2, 2, 2\)"),
        (np.ones((0, 2)), ValueError, "at least one row and column"),
        (np.ones((2, 0)), ValueError, "at least one row and column"),
        (
            [[1.0], [np.nan], [np.inf]],
            ValueError,
            r"2 of 3 entries.*nan at index \(1, 0\)",
        ),
        ([["a"]], TypeError, "real numbers"),
    ],
)
def test_standardizer_refuses(x, error, sentence):
    with pytest.raises(error, match=f"Standardizer.fit: expected .*{sentence}"):
        Standardizer().fit(x)


def test_standardizer_refuses_other_columns_and_use_before_fit():
    with pytest.raises(RuntimeError, match=r"Standardizer\(\).fit\(x_train\)"):
        Standardizer().transform([[1.0]])
    with pytest.raises(RuntimeError, match="inverse_transform: expected to be fitted"):
        Standardizer().inverse_transform([[1.0]])
    scaler = Standardizer().fit([[1.0, 2.0], [2.0, 3.0]])
    for call in (scaler.transform, scaler.inverse_transform):
        with pytest.raises(ValueError, match=r"shape \(N, 2\), got \(1, 1\)"):
            call([[1.0]])  # which NumPy would broadcast


def test_standardizer_repr_and_copies():
    scaler = Standardizer()
    assert repr(scaler) == "Standardizer()"
    scaler.fit([[1.0], [3.0]])
    assert repr(scaler) == "Standardizer(fitted to 1 column)"
    for other in (copy.deepcopy(scaler), pickle.loads(pickle.dumps(scaler))):
        assert other.transform([[2.0]]) == 0


# ------------------------------------------------------ nearly constant columns

ONE_ULP = 2.0**-52


@pytest.mark.parametrize(
    "column",
    [
        [0.1 + 0.2, 0.3, 0.3, 0.3],
        [1e9, 1e9 + 2e-7, 1e9 - 2e-7],
        [-1.0, -1.0 - ONE_ULP],
        [5e-324, 0.0, 1e-323],
        [1e-310, 2e-310, 3e-310],
        [1e300, 1e300 * (1 + ONE_ULP)],
    ],
)
def test_a_column_that_varies_by_rounding_is_constant(column):
    x = np.array(column)[:, np.newaxis]
    scaler = Standardizer().fit(x)
    assert scaler.std == 1
    new = x[:1] + 0.01 * np.abs(x[:1])
    np.testing.assert_allclose(scaler.transform(new), new - scaler.mean, rtol=1e-9)
    np.testing.assert_allclose(scaler.inverse_transform(scaler.transform(x)), x)


def test_the_rounding_of_float32_is_its_own():
    x = np.array([[0.3], [np.nextafter(np.float32(0.3), 1)]], np.float32)
    assert Standardizer().fit(x).std == 1
    assert Standardizer().fit(x.astype(float)).std < 1e-7


@given(
    seeds,
    st.integers(2, 50),
    st.integers(-12, 12),
    st.integers(-18, 12),
)
def test_means_and_stds_are_scikit_learns(seed, n, mean, std):
    sklearn = pytest.importorskip("sklearn.preprocessing")
    rng = np.random.default_rng(seed)
    x = 10.0**mean + 10.0**std * rng.normal(size=(n, 2))
    scaler, other = Standardizer().fit(x), sklearn.StandardScaler().fit(x)
    np.testing.assert_allclose(scaler.mean, other.mean_, rtol=1e-12)
    bound = n * np.finfo(float).eps * 10.0**mean  # below it a column is constant
    clear = (x.std(axis=0) < bound / 2) | (x.std(axis=0) > 2 * bound)
    assert np.array_equal((scaler.std == 1)[clear], (other.scale_ == 1)[clear])
    ulps = 1e-9 + 4 * n * ONE_ULP * 10.0**mean / other.scale_
    assert np.all((np.abs(scaler.std / other.scale_ - 1) <= ulps)[clear])
    back = scaler.inverse_transform(scaler.transform(x))
    np.testing.assert_allclose(back, x, rtol=1e-12, atol=1e-12 * 10.0**std)


def test_standardizing_underflows_in_silence():
    x = np.array([[1e-300, 1e-300], [1.0, 1e300], [2.0, 1e290]])
    with np.errstate(all="raise"):
        scaler = Standardizer().fit(x)
        z = scaler.transform(x)
        scaler.inverse_transform(1e-300 * z)
    assert np.isfinite(z).all()
