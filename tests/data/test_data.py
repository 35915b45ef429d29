"""Batches, split, scale, one-hot rows, and tables from files."""

import copy
import errno
import io
import os
import pathlib
import pickle
import tempfile
import time
import tracemalloc

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from oracles import frozen, seeds

from mlp import Standardizer, minibatches, one_hot, train_test_split
from mlp.data import read_csv
from mlp.data import tables as _tables

rows = st.integers(1, 40)


def numbered(n):
    """Return x and y of n rows that tell which row they are."""
    return np.arange(n)[:, np.newaxis] * [1.0, 10.0], 100.0 * np.arange(n)


# ---------------------------------------------------------------- minibatches


@given(seeds, rows, st.integers(1, 50), st.booleans())
def test_an_epoch_has_each_row_once_with_its_own_y(seed, n, batch_size, shuffle):
    x, y = numbered(n)
    batches = list(minibatches(x, y, batch_size, rng=seed, shuffle=shuffle))
    assert all(len(xb) == batch_size for xb, _ in batches[:-1])
    assert 1 <= len(batches[-1][0]) <= batch_size
    xs, ys = (np.concatenate(parts) for parts in zip(*batches, strict=True))
    order = np.argsort(ys)
    assert np.array_equal(xs[order], x)
    assert np.array_equal(ys[order], y)
    assert np.array_equal(xs[:, 0] * 100, ys)
    if not shuffle:
        assert np.array_equal(xs, x)


def test_rows_not_batches_are_shuffled_and_anew_at_each_call():
    x, y = numbered(100)
    rng = np.random.default_rng(0)
    epochs = [
        [frozenset(yb) for _, yb in minibatches(x, y, 10, rng=rng)] for _ in range(2)
    ]
    in_order = {frozenset(y[i : i + 10]) for i in range(0, 100, 10)}
    assert not in_order & set(epochs[0])
    assert not set(epochs[0]) & set(epochs[1])


def test_the_same_seed_gives_the_same_batches():
    x, y = numbered(10)
    first, second = (list(minibatches(x, y, 3, rng=0)) for _ in range(2))
    assert all(
        np.array_equal(a, b) for (_, a), (_, b) in zip(first, second, strict=True)
    )


@pytest.mark.parametrize("shuffle", [True, False])
def test_batches_are_new_arrays_of_the_same_dtypes(shuffle):
    x, y = np.arange(8, dtype=np.float32).reshape(4, 2), np.arange(4, dtype=np.int8)
    for x_batch, y_batch in minibatches(frozen(x), frozen(y), 2, shuffle=shuffle):
        assert (x_batch.dtype, y_batch.dtype) == (np.float32, np.int8)
        x_batch[...] = y_batch[...] = 99
    assert x.max() == 7


@pytest.mark.parametrize(
    "laid_out",
    [
        np.asfortranarray,
        lambda a: np.repeat(a, 2, axis=0)[::2],
        lambda a: a[::-1].copy()[::-1],
    ],
)
def test_how_x_and_y_lie_in_memory_changes_no_batch(laid_out):
    x, y = np.random.default_rng(0).normal(size=(2, 10, 3))
    expected = minibatches(x, y, 4, rng=1)
    batches = minibatches(laid_out(x), laid_out(y), 4, rng=1)
    for pair, expected_pair in zip(batches, expected, strict=True):
        assert all(map(np.array_equal, pair, expected_pair))


@pytest.mark.parametrize("order", ["C", "F"])
def test_a_batch_takes_the_room_of_its_rows_and_not_of_all(order):
    x, y = np.ones((20_000, 50), order=order), np.ones(20_000)
    tracemalloc.start()
    try:
        next(minibatches(x, y, 32))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < x.nbytes / 10


@pytest.mark.parametrize(
    ("x", "y", "batch_size", "options", "error", "sentence"),
    [
        ([1, 2, 3], [1, 2], 2, {}, ValueError, r"same number of rows.*\(3,\).*\(2,\)"),
        ([1], [1, 2], 2, {}, ValueError, r"same number of rows.*\(1,\).*\(2,\)"),
        ([], [], 2, {}, ValueError, "at least one"),
        (1.0, 1.0, 2, {}, ValueError, "same number of rows"),
        (["a"], [1], 2, {}, TypeError, "expected x to hold real numbers"),
        ([1], [None], 2, {}, TypeError, "expected y to hold real numbers"),
        ([1], [1], 0, {}, ValueError, "batch_size of at least 1"),
        ([1], [1], 2.0, {}, TypeError, "batch_size to be an int"),
        ([1], [1], 2, dict(rng="0"), TypeError, "rng to be an int"),
        ([1], [1], 2, dict(shuffle=1), TypeError, "shuffle to be True or False"),
    ],
)
def test_minibatches_refuses_at_the_call(x, y, batch_size, options, error, sentence):
    with pytest.raises(error, match=f"minibatches: expected .*{sentence}|{sentence}"):
        minibatches(x, y, batch_size, **options)  # not only at the first batch


# ----------------------------------------------------------- train_test_split


@given(seeds, st.integers(2, 40), st.floats(0.01, 0.99))
def test_split_parts_have_each_row_once_with_its_own_y(seed, n, share):
    x, y = numbered(n)
    held_out = max(1, np.ceil(np.round(share * n, 6)))
    if held_out >= n:
        with pytest.raises(ValueError, match="more rows"):
            train_test_split(x, y, test_size=share, rng=seed)
        return
    x_train, x_test, y_train, y_test = train_test_split(x, y, test_size=share, rng=seed)
    assert len(x_test) == held_out
    ys = np.concatenate([y_train, y_test])
    assert np.array_equal(np.sort(ys), y)
    assert np.array_equal(np.concatenate([x_train, x_test])[:, 0] * 100, ys)


def test_split_is_random_and_repeatable():
    x, y = numbered(100)
    first, again, other = (
        train_test_split(x, y, rng=rng)[3].tolist() for rng in (0, 0, 1)
    )
    assert first == again != other
    assert len(first) == 25
    assert first != sorted(first)


@pytest.mark.parametrize("percent", range(1, 100))
def test_split_of_a_hundred_rows_takes_that_many_percent(percent):
    assert len(train_test_split(*numbered(100), test_size=percent / 100)[1]) == percent


def test_split_takes_a_number_of_rows():
    x, y = numbered(10)
    assert len(train_test_split(x, y, test_size=3)[1]) == 3


def test_a_share_of_next_to_nothing_is_one_row():
    assert len(train_test_split(*numbered(10), test_size=1e-9)[1]) == 1


@pytest.mark.parametrize(
    ("test_size", "error"),
    [(0.0, ValueError), (1.0, ValueError), (-0.5, ValueError), (1.5, ValueError),
     (np.nan, ValueError), (0, ValueError), (4, ValueError), (-1, ValueError),
     ("0.5", TypeError), (None, TypeError), (True, TypeError)],
)  # fmt: skip
def test_split_refuses_a_part_without_rows(test_size, error):
    with pytest.raises(error, match="train_test_split: expected"):
        train_test_split(*numbered(4), test_size=test_size)


def test_split_refuses_one_row_and_unequal_rows():
    with pytest.raises(ValueError, match="more rows than the 1 to be held out, got 1"):
        train_test_split([[1.0]], [1.0])
    with pytest.raises(ValueError, match="same number of rows"):
        train_test_split([[1.0], [2.0]], [1.0])


# --------------------------------------------------------------- Standardizer


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


# ------------------------------------------------------------------- read_csv


def written(tmp_path, text, encoding="utf-8"):
    path = tmp_path / "table.csv"
    path.write_bytes(text.encode(encoding))
    return path


def test_read_csv_takes_the_target_out_of_its_place(tmp_path):
    path = written(tmp_path, "a,t,b\n1,2,3\n-4,5e-1,.6\n")
    data = read_csv(path, "t")
    assert data.x.tolist() == [[1, 3], [-4, 0.6]]
    assert data.y.tolist() == [[2], [0.5]]
    assert data.feature_names == ("a", "b")
    assert data.target_names == ("t",)
    assert data.source == str(path)
    assert "x of shape (2, 2), y of shape (2, 1)" in repr(data)


@pytest.mark.parametrize(
    "text",
    [
        "\ufeffa,t\r\n1,2\r\n",  # as a spreadsheet writes it
        'a , t\n"1", 2\n',
        "a,t\n1,2\n\n,\n\n",
        "a,t\n1,2",
    ],
)
def test_read_csv_takes_what_other_programs_write(tmp_path, text):
    data = read_csv(str(written(tmp_path, text)), "t")
    assert (data.x.tolist(), data.y.tolist()) == ([[1]], [[2]])
    assert data.feature_names == ("a",)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a,t\n1,2\n,2\n", "row 3, column 'a': expected a finite number, got ''"),
        ("a,t\n1,x\n", "row 2, column 't': expected a finite number, got 'x'"),
        ("a,t\n1,nan\n", "row 2, column 't': expected a finite number, got 'nan'"),
        ("a,t\n-inf,1\n", "row 2, column 'a': .*got '-inf'"),
        ("a,t\n1_000,1\n", "row 2, column 'a': .*got '1_000'"),
        ('a,t\n"1,5",1\n', "row 2, column 'a': .*got '1,5'"),
        ("a,b,t\n1,2,3\n4,5\n", "row 3: expected 3 fields, got 2; column 't'"),
        ("a,t\n1,2\n\n3,4\n", "row 3: expected 2 fields, got 0; column 'a'"),
        ("a,t\n1,2,3\n", "row 2: expected 2 fields, got 3"),
        ("a,b\n1,2\n", "row 1: expected a column 't' as the target, got 'a', 'b'"),
        ("a;t\n1;2\n", "row 1: expected names with commas between, got 'a;t'"),
        ("a,,t\n1,2,3\n", "row 1: expected a name for each column.*place 2"),
        ("t\n1\n", "row 1: expected a column to predict 't' from"),
        ("a,a,t\n1,2,3\n", "row 1: expected each name once, got 'a' twice"),
        ("a,t\n", "at least one of numbers, got 1 row$"),
        ("", "at least one of numbers, got 0 rows"),
        ("\n\n", "at least one of numbers, got 0 rows"),
        ("\na,t\n1,2\n", "row 1: expected the names of columns, got a blank row"),
        ("a,t\n1,\0\n", r"row 2"),
        ('a,t\n"2"3,1\n', "row 2: expected comma-separated text.* is each quote"),
        ('a,t\n1,2\n1,"2', "row 3: expected comma-separated text.*unexpected end"),
        ('a,t\n1,"2\n3,4\n5,6\n', "row 2: expected comma-separated text"),
        ('a,"t\n1,2\n', "row 1: expected comma-separated text"),
        ('a,t\n2"3,1\n', "row 2, column 'a': expected a finite number, got '2\"3'"),
        (",a,t\n0,1,2\n", r"place 1; is it an index\? .* df.to_csv\(path, index=False"),
        ('"","a","t"\n"1",1,2\n', r"place 1; is it an index\?"),
        ("a,t\n0,1,2\n", "expected 2 fields, got 3.*an index without a name"),
        ("t\u200b,a\n1,2\n", r"got 't\\u200b' \('t\\u200b'\), 'a'"),
        ("т,a\n1,2\n", r"column 't' as the target, got 'т' \('\\u0442'\), 'a'"),
        ("a,t\n1,2\n１_0,4\n", r"row 3, column 'a': .*got '１_0' \('\\uff11_0'\)"),
        ("a,t\n1," + "x" * 999 + "\n", r"got 'x{60}'…; fill it"),
    ],
)
def test_read_csv_names_file_row_and_column(tmp_path, text, sentence):
    path = written(tmp_path, text)
    with pytest.raises(ValueError, match=f"read_csv: {path}.*{sentence}"):
        read_csv(path, "t")


def test_read_csv_of_another_encoding(tmp_path):
    with pytest.raises(ValueError, match="expected comma-separated text in UTF-8"):
        read_csv(written(tmp_path, "größe,t\n1,2\n", "latin-1"), "t")


@pytest.mark.parametrize("row", [1, 2, 3, 4000])
def test_read_csv_names_the_row_of_a_byte_that_is_no_text(tmp_path, row):
    lines = [b"a,t"] + [b"1,2"] * 5000
    lines[row - 1] += b"\xff"
    path = tmp_path / "table.csv"
    path.write_bytes(b"\n".join(lines))
    with pytest.raises(ValueError, match=f"row {row}: .*in UTF-8, got the byte 0xff"):
        read_csv(path, "t")


def test_read_csv_of_no_file(tmp_path):
    path = tmp_path / "no.csv"
    with pytest.raises(FileNotFoundError, match=r"no\.csv: cannot be read") as caught:
        read_csv(path, "t")
    assert (caught.value.errno, caught.value.filename) == (errno.ENOENT, str(path))
    with pytest.raises(IsADirectoryError, match="cannot be read"):
        read_csv(tmp_path, "t")


NUMBERS = ["1", " -2.5 ", "+.5", "1.", "1e-300", "0", "-0.0", "1E5", "\u0661"]
OTHERS = ["", " ", "x", "nan", "-Infinity", "1e999", "1_0", "0x1", "1,5", "1 2", "1\n"]
QUOTED = [f'"{text}"' for text in (*NUMBERS, "\r\n7", "8\n")]


@given(
    st.lists(
        st.lists(
            st.sampled_from(NUMBERS * 4 + QUOTED + OTHERS), min_size=3, max_size=3
        ),
        min_size=1,
        max_size=8,
    ),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from([1, 10, 2**18]),
)
def test_read_csv_is_float_of_each_field_and_names_the_first_that_is_none(
    rows, ending, block
):
    """Whatever NumPy reads and whatever the csv module does, it is one reader."""
    texts = [[field.strip('"') for field in row] for row in rows]
    assume(any(texts[-1]))  # blank rows at the end are passed over
    first = next(
        (
            f"row {i + 2}, column {'atb'[j]!r}: "
            for i, row in enumerate(texts)
            for j in (0, 2, 1)  # features, then the target
            if row[j] in OTHERS[:-1]
        ),
        None,
    )
    fields = [[f'"{f}"' if f in {"1,5", "1\n"} else f for f in row] for row in rows]
    text = ending.join(",".join(row) for row in [["a", "t", "b"], *fields])
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(_tables, "_BLOCK", block)
        path = written(pathlib.Path(folder), text)
        if first is None:
            data = read_csv(path, "t")
            found = np.column_stack([data.x[:, :1], data.y, data.x[:, 1:]])
            assert found.tolist() == [[float(t) for t in row] for row in texts]
        else:
            with pytest.raises(ValueError) as caught:
                read_csv(path, "t")
            assert first in str(caught.value)


def test_read_csv_gives_arrays_of_their_own(tmp_path):
    data = read_csv(written(tmp_path, 'a,t,b\n1,2,3\n"4",5,6\n'), "t")
    for array in (data.x, data.y):
        assert array.dtype == np.float64
        assert array.flags.c_contiguous and array.flags.writeable
        assert pickle.loads(pickle.dumps(array)).tolist() == array.tolist()
    data.x[...] = 0
    assert data.y.tolist() == [[2], [5]]


ENDLESS = {
    "zeros": "\0" * 2**16,
    "commas": "," * 2**16,
    "digits": "1" * 2**16,
    "numbers": "1," * 2**15,
    "fields over lines": '"\n",' * 2**13,
    "one quoted field": '"' + "1\n" * 2**15,
}


@pytest.mark.parametrize("start", ["", "a,t\n1,2\n"], ids=["header", "row"])
@pytest.mark.parametrize("name", ENDLESS)
def test_a_row_without_end_is_a_sentence_and_takes_no_more_memory(
    start, name, monkeypatch
):
    monkeypatch.setattr(_tables, "_LONGEST", 2**17)

    class Endless(io.RawIOBase):
        left = start.encode()

        def readable(self):
            return True

        def readinto(self, buffer):
            self.left = self.left or ENDLESS[name].encode()
            part = self.left[: len(buffer)]
            self.left = self.left[len(part) :]
            buffer[: len(part)] = part
            return len(part)

    file = io.TextIOWrapper(io.BufferedReader(Endless()), newline="")
    tracemalloc.start()
    with pytest.raises(ValueError, match=f"^f, row {3 if start else 1}: expected "):
        _tables.read("f", file).features_and_target("t")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**23


@pytest.mark.skipif(not os.path.exists("/dev/zero"), reason="no such device")
def test_read_csv_of_a_device_without_end():
    with pytest.raises(ValueError, match="/dev/zero, row 1: expected at most 8388608"):
        read_csv("/dev/zero", "t")


def test_read_csv_needs_little_more_than_the_room_of_the_numbers(tmp_path):
    x = np.random.default_rng(0).integers(0, 256, (2000, 300))
    names = ",".join(f"c{i}" for i in range(299)) + ",t"
    path = tmp_path / "table.csv"
    for quote in ("", '"'):  # read by NumPy, and by the csv module
        lines = [names, *(",".join(f"{quote}{v}{quote}" for v in row) for row in x)]
        path.write_text("\n".join(lines))
        tracemalloc.start()
        data = read_csv(path, "t")
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert np.array_equal(np.hstack([data.x, data.y]), x)
        assert peak < 1.5 * 8 * x.size + 2e6


def test_read_csv_of_many_columns_is_linear(tmp_path):
    """40,000 names compared with each other took 24 seconds."""
    n = 40_000
    header = ",".join(["t", *(f"c{i}" for i in range(n))])
    path = written(tmp_path, f"{header}\n{'1,' * n}2\n")
    start = time.process_time()
    assert read_csv(path, "t").x.shape == (1, n)
    with pytest.raises(ValueError, match=rf"'t', 'c0', .*'c18', … \({n + 1} columns\)"):
        read_csv(path, "u")
    assert time.process_time() - start < 5


def test_read_csv_of_the_wrong_types(tmp_path):
    with pytest.raises(TypeError, match="target to be a str, got 0"):
        read_csv(tmp_path, 0)
    with pytest.raises(TypeError, match="path to be a str or path, got 0"):
        read_csv(0, "t")


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
    assert np.array_equal(scaler.std == 1, other.scale_ == 1)
    ulps = 1e-9 + 4 * n * ONE_ULP * 10.0**mean / other.scale_
    assert np.all(np.abs(scaler.std / other.scale_ - 1) <= ulps)
    back = scaler.inverse_transform(scaler.transform(x))
    np.testing.assert_allclose(back, x, rtol=1e-12, atol=1e-12 * 10.0**std)


def test_standardizing_underflows_in_silence():
    x = np.array([[1e-300, 1e-300], [1.0, 1e300], [2.0, 1e290]])
    with np.errstate(all="raise"):
        scaler = Standardizer().fit(x)
        z = scaler.transform(x)
        scaler.inverse_transform(1e-300 * z)
    assert np.isfinite(z).all()
