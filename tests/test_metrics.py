"""The metrics: cases counted by hand, invariances, what they refuse."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles import frozen, seeds, sizes

from mlp import one_hot
from mlp.metrics import accuracy, confusion_matrix, r2


@given(seeds, sizes)
def test_accuracy_of_one_column_counts_the_right_sides_of_one_half(seed, n):
    rng = np.random.default_rng(seed)
    truth, right = rng.integers(0, 2, n), rng.integers(0, 2, n)
    distance = rng.uniform(0.01, 0.5, n)
    side = np.where(
        truth == right, 1, -1
    )  # above 1/2 if yes and right, or no and wrong
    prediction = frozen((0.5 + side * distance).reshape(-1, 1))
    says_yes = prediction[:, 0] > 0.5
    by_hand = sum(bool(a) == bool(b) for a, b in zip(says_yes, truth, strict=True)) / n
    assert accuracy(prediction, frozen(truth.reshape(-1, 1))) == by_hand


def test_accuracy_of_one_column_is_neither_always_1_nor_argmax():
    assert accuracy([[0.9], [0.8], [0.1]], [[0], [0], [0]]) == 1 / 3
    assert accuracy([[0.5]], [[0]]) == 1  # a yes is above one half


@given(seeds, sizes, sizes)
def test_accuracy_of_rows_counts_the_columns_that_agree(seed, n, k):
    rng = np.random.default_rng(seed)
    k += 1
    truth, guess = rng.integers(0, k, n), rng.integers(0, k, n)
    prediction = 0.1 * rng.uniform(size=(n, k)) + 0.2 * one_hot(guess, k)
    right = accuracy(frozen(prediction), frozen(one_hot(truth, k)))
    assert right == pytest.approx(np.mean(truth == guess))


def test_r2_by_hand():
    assert r2([[2.0], [2.0]], [[1.0], [3.0]]) == 0  # always the mean
    assert r2([[1.0], [3.0]], [[1.0], [3.0]]) == 1
    assert r2([[3.0], [1.0]], [[1.0], [3.0]]) == 1 - 8 / 2
    # the mean of 1 − 0/2 and 1 − 1/8, each column over its own variation
    assert r2([[1.0, 5.0], [3.0, 8.0]], [[1.0, 4.0], [3.0, 8.0]]) == (1 + 7 / 8) / 2


@given(seeds)
def test_r2_does_not_ask_for_units(seed):
    rng = np.random.default_rng(seed)
    y = rng.normal(size=(6, 2))
    ŷ = y + rng.normal(size=(6, 2))
    scale, shift = rng.uniform(0.5, 2, 2), rng.normal(size=2)
    assert r2(scale * ŷ + shift, scale * y + shift) == pytest.approx(r2(ŷ, y))


def test_float32_is_summed_in_float64():
    y = np.array([[1.0], [2.0], [4.0]], np.float32)
    assert type(r2(y, y)) is type(accuracy(y, [[1], [0], [1]])) is float
    large = np.array([[1e19], [2e19]], np.float32)  # whose squares are not float32
    assert r2(large, large) == 1


@pytest.mark.parametrize("metric", [accuracy, r2])
@pytest.mark.parametrize(
    ("prediction", "target", "kind", "sentence"),
    [
        (np.ones((3, 1)), np.ones(3), ValueError, r"reshape\(-1, 1\)"),
        (np.ones(3), np.ones((3, 1)), ValueError, r"one column is \(N, 1\)"),
        (np.ones(3), np.ones(3), ValueError, r"one column is \(N, 1\)"),
        (np.ones((3, 1)), np.ones((2, 1)), ValueError, r"\(3, 1\) and \(2, 1\)"),
        (np.ones((0, 1)), np.ones((0, 1)), ValueError, "at least one row"),
        ([[np.nan], [1.0]], [[0], [1]], ValueError, "prediction to be finite"),
        ([[1.0], [1.0]], [[0], [np.inf]], ValueError, "target to be finite"),
        ([["a"]], [[1]], TypeError, "prediction to hold real numbers"),
    ],
)
def test_what_both_refuse(metric, prediction, target, kind, sentence):
    with pytest.raises(kind, match=rf"{metric.__name__}: .*{sentence}"):
        metric(prediction, target)


@pytest.mark.parametrize(
    ("target", "sentence"),
    [
        ([[1], [0.5]], r"0 or 1 in each row, got \[0.5\] in row 1"),
        ([[1, 0], [1, 1]], r"one-hot rows, got \[1. 1.\] in row 1"),
        ([[0, 0], [1, 0]], r"one-hot rows, got \[0. 0.\] in row 0"),
        ([[2, -1], [1, 0]], r"one-hot rows, got \[ 2. -1.\] in row 0"),
    ],
)
def test_accuracy_refuses_what_is_no_class(target, sentence):
    with pytest.raises(ValueError, match=sentence):
        accuracy(np.full(np.shape(target), 0.5), target)


def test_r2_of_labels_names_the_cure():
    with pytest.raises(ValueError, match=r"r2: .*mlp.one_hot\(labels\)"):
        r2(np.ones((3, 4)), [0, 1, 2])


@pytest.mark.parametrize("dtype", [np.int64, np.uint8, np.float64])
def test_labels_are_as_good_as_their_rows(dtype):
    rng = np.random.default_rng(0)
    prediction, labels = rng.normal(size=(50, 3)), rng.integers(0, 3, 50)
    expected = accuracy(prediction, one_hot(labels, 3))
    assert 0 < expected < 1
    assert accuracy(frozen(prediction), labels.astype(dtype)) == expected


@pytest.mark.parametrize(
    ("labels", "sentence"),
    [
        ([0, 3], "labels from 0 to 2, as the prediction has 3 columns, got 3 in row 1"),
        ([-1, 0], "got -1 in row 0"),
        ([0, 0.5], "got 0.5 in row 1"),
        ([np.nan, 0], "got nan in row 0"),
        ([0, 1, 2], r"got \(2, 3\) and \(3, 3\)"),
        ([0], r"got \(2, 3\) and \(1, 3\)"),
    ],
)
def test_what_is_no_label_is_refused(labels, sentence):
    with pytest.raises(ValueError, match=f"accuracy: .*{sentence}"):
        accuracy(np.ones((2, 3)), labels)


def test_r2_is_scikit_learns():
    score = pytest.importorskip("sklearn.metrics").r2_score
    rng = np.random.default_rng(0)
    for columns in (1, 3):
        for _ in range(20):
            y = rng.integers(0, 2, (4, columns)).astype(float)  # often constant
            ŷ = np.where(rng.uniform(size=y.shape) < 0.7, y, 0.5)  # often exact
            assert r2(ŷ, y) == pytest.approx(score(y, ŷ), rel=1e-12)


def test_r2_of_a_constant_column_is_1_if_exact_else_0():
    y = [[0.1, 1.0], [0.1, 2.0], [0.1, 3.0]]  # whose mean is not 0.1
    exact, off = [[0.1, 2.0]] * 3, [[0.2, 2.0]] * 3
    assert r2(exact, y) == 1 / 2
    assert r2(off, y) == 0
    assert r2(y, y) == 1


def test_r2_of_one_row_is_nan_with_a_warning():
    for y in ([[1.0]], [[1.0, 2.0]]):
        with pytest.warns(UserWarning, match="r2: expected at least two rows") as seen:
            assert np.isnan(r2(y, y))
        assert seen[0].filename == __file__


@pytest.mark.parametrize("unit", [1e-300, 1e-170, 1e170, 1e300])
def test_r2_of_numbers_whose_squares_are_out_of_range(unit):
    y, ŷ = np.array([[1.0], [3.0], [5.0]]), np.array([[1.0], [2.0], [6.0]])
    assert r2(unit * ŷ, unit * y) == pytest.approx(0.75)
    assert r2(1e300 * ŷ, y) == -np.inf


# ------------------------------------------------------------ confusion matrix


@given(seeds, st.integers(1, 40), st.integers(2, 5))
def test_a_confusion_matrix_counts_each_pair(seed, rows, k):
    rng = np.random.default_rng(seed)
    ŷ, labels = rng.normal(size=(rows, k)), rng.integers(0, k, rows)
    matrix = confusion_matrix(ŷ, labels)
    assert matrix.dtype == np.int64
    expected = np.zeros((k, k), int)
    for row, label in zip(ŷ, labels, strict=True):
        expected[label, int(np.argmax(row))] += 1
    np.testing.assert_array_equal(matrix, expected, strict=True)
    np.testing.assert_array_equal(confusion_matrix(ŷ, np.eye(k)[labels]), expected)
    assert np.trace(matrix) / rows == pytest.approx(accuracy(ŷ, labels))


def test_a_confusion_matrix_of_one_column_is_two_by_two():
    matrix = confusion_matrix([[0.9], [0.2], [0.6], [0.5]], [[1], [0], [0], [1]])
    assert matrix.tolist() == [[1, 1], [1, 1]]
    matrix = confusion_matrix([[0.9], [0.8]], [[1], [0]])
    assert matrix.tolist() == [[0, 1], [0, 1]]  # rows are the truth


@pytest.mark.parametrize("names", [[0, 1, 2], [-5, 7, 30], ["ant", "bee", "cow"]])
def test_a_confusion_matrix_of_labels_is_that_of_their_rows(names):
    rng, names = np.random.default_rng(0), np.array(names)
    right, answers = rng.integers(0, 3, 40), rng.integers(0, 3, 40)
    expected = confusion_matrix(np.eye(3)[answers], right)
    for kind in (np.asarray, list):
        matrix = confusion_matrix(kind(names[answers]), kind(names[right]))
        np.testing.assert_array_equal(matrix, expected)


@pytest.mark.parametrize("names", [[3, -1, 2, 8], ["cow", "ant", "bee", "yak"]])
def test_the_classes_of_a_confusion_matrix_are_its_order(names):
    rng, array = np.random.default_rng(0), np.array(names)
    right, answers = rng.integers(0, 3, 40), rng.integers(0, 3, 40)  # never the last
    expected = confusion_matrix(np.eye(4)[answers], right)
    matrix = confusion_matrix(array[answers], array[right], classes=names)
    np.testing.assert_array_equal(matrix, expected)


@pytest.mark.parametrize(
    ("prediction", "classes", "error", "sentence"),
    [
        (["a", "z"], ["a", "b"], ValueError, r"among classes, .*got 'z'"),
        (["a", "b"], ["a", "b", "a"], ValueError, "each of classes once"),
        (["a", "b"], [0, 1], ValueError, "among classes"),
        (["a", "b"], [0.5, 1], ValueError, "classes to be labels"),
        (np.eye(2), ["a", "b"], ValueError, "whose columns are the classes"),
    ],
)
def test_classes_that_do_not_fit_are_refused(prediction, classes, error, sentence):
    with pytest.raises(error, match=sentence):
        confusion_matrix(prediction, ["a", "b"], classes=classes)


@pytest.mark.parametrize(
    ("prediction", "target", "error", "sentence"),
    [
        ([0.2, 0.7], [0, 1], ValueError, "labels, whole numbers or text, got 0.2"),
        (["a", "b"], [0, 1], TypeError, "of one kind, got text and numbers"),
        ([0, 1, 1], [0, 1], ValueError, r"one shape .* got \(3,\) and \(2,\)"),
        ([], [], ValueError, "at least one label"),
        ([0, np.nan], [0, 1], ValueError, "prediction"),
        ([None, "a"], ["a", "a"], TypeError, "prediction"),
    ],
)
def test_labels_that_are_none_are_refused(prediction, target, error, sentence):
    with pytest.raises(error, match=sentence):
        confusion_matrix(prediction, target)


@pytest.mark.parametrize("metric", [accuracy, confusion_matrix])
@pytest.mark.parametrize(
    ("prediction", "target", "sentence"),
    [
        ([[0.1, 0.9]], [2], "labels from 0 to 1, .* got 2 in row 0"),
        ([[0.1, 0.9]], [-1], "labels from 0 to 1"),
        ([[0.1, 0.9]], [0.5], "labels from 0 to 1"),
        ([[0.1, 0.9]], [0, 1], "one shape"),
        ([[0.1, 0.9]], [[1, 1]], "one-hot rows"),
        ([[0.1], [0.2]], [0, 1], "one shape"),
        ([[np.nan, 0.9]], [0], "prediction to be finite"),
        ([], [], "one shape"),
    ],
)
def test_what_is_no_class_is_a_sentence(metric, prediction, target, sentence):
    with pytest.raises(ValueError, match=f"{metric.__name__}: expected .*{sentence}"):
        metric(prediction, target)
