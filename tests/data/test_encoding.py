"""one_hot: labels of any kind as rows."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlp import one_hot

# -------------------------------------------------------------------- one_hot


@given(st.lists(st.integers(-3, 3), min_size=1), st.booleans())
def test_one_hot_rows_lead_back_to_the_labels(labels, as_float):
    labels = np.array(labels, float if as_float else int)
    classes = np.unique(labels)
    hot = one_hot(labels)
    assert hot.shape == (len(labels), len(classes))
    assert hot.dtype == np.float64
    assert np.array_equal(hot.sum(axis=1), np.ones(len(labels)))
    assert np.array_equal(classes[hot.argmax(axis=1)], labels)


def test_one_hot_takes_a_column_text_and_a_number_of_classes():
    assert one_hot([[1.0], [0.0]], 3).tolist() == [[0, 1, 0], [1, 0, 0]]
    assert one_hot(["b", "a"]).tolist() == [[0, 1], [1, 0]]
    assert one_hot(np.array(["b", "a"], object), ["b", "c", "a"]).tolist() == [
        [1, 0, 0],
        [0, 0, 1],
    ]
    assert one_hot([5, 7], np.array([7, 5])).tolist() == [[0, 1], [1, 0]]


@pytest.mark.parametrize(
    ("labels", "classes", "error", "sentence"),
    [
        ([0, 3, 3], 3, ValueError, r"among \[0, 1, 2\], got 3 in 2 of 3 rows"),
        ([-1], 3, ValueError, "got -1"),
        ([0.5], 3, ValueError, "whole numbers or text, got 0.5"),
        ([7.0], 3, ValueError, "got 7.0"),
        (["a", 1], None, TypeError, "numbers or text, got object"),
        ([[1], [2, 3]], None, ValueError, "ragged"),
        (np.ma.array([1, 2], mask=[0, 1]), None, TypeError, "without a mask"),
        ([1], np.array(3.0), TypeError, "classes to be an int"),
        ([np.nan], None, ValueError, "finite"),
        (["x"], ["a", "b"], ValueError, "got 'x'"),
        (["1"], 3, ValueError, "got '1'"),
        ([1, 2], [1, 2, 1], ValueError, "each class once"),
        ([[1, 2], [3, 4]], None, ValueError, r"shape \(N,\), one each, got \(2, 2\)"),
        ([], None, ValueError, r"got \(0,\)"),
        (3, None, ValueError, r"got \(\)"),
        ([1j], None, TypeError, "numbers or text"),
        ([None], None, TypeError, "numbers or text"),
        ([1], 0, ValueError, "classes of at least 1"),
        ([1], 2.5, TypeError, "classes to be an int"),
    ],
)
def test_one_hot_refuses(labels, classes, error, sentence):
    with pytest.raises(error, match=f"one_hot: expected .*{sentence}"):
        one_hot(labels, classes)
