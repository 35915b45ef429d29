"""minibatches and train_test_split: each row once, with its own y."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles import frozen, seeds

from mlp import minibatches, train_test_split

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


def test_shards_are_the_parts_of_each_batch():
    rows = np.arange(11)
    whole = list(minibatches(rows, 10 * rows, 4, rng=7))
    shards = [minibatches(rows, 10 * rows, 4, rng=7, shard=(r, 4)) for r in range(4)]
    for (x, y), *parts in zip(whole, *shards, strict=True):
        for array, i in ((x, 0), (y, 1)):
            assert (
                np.concatenate([part[i] for part in parts]).tolist() == array.tolist()
            )
        sizes = [len(part[0]) for part in parts]
        assert sizes == [1, 1, 1, 1 if len(x) == 4 else 0]
    (part,) = minibatches(rows, rows, 11, shuffle=False, shard=(1, 4))
    assert part[0].tolist() == [3, 4, 5]


@pytest.mark.parametrize(
    ("shard", "error", "match"),
    [
        ((2, 2), ValueError, "expected a rank from 0 to 1 in shard, got 2"),
        ((-1, 2), ValueError, "rank in shard"),
        ((0, 0), ValueError, "size in shard"),
        ((0.5, 2), ValueError, "rank in shard to be whole"),
        (3, TypeError, r"write shard=\(comm.rank, comm.size\)"),
        ((0, 1, 2), TypeError, "a pair"),
        (("0", 2), TypeError, "rank in shard"),
    ],
)
def test_a_wrong_shard(shard, error, match):
    with pytest.raises(error, match=match):
        minibatches([1.0], [1.0], 1, rng=0, shard=shard)


def test_several_processes_need_one_order():
    with pytest.raises(ValueError, match="draws an order of its own"):
        minibatches([1.0], [1.0], 1, shard=(0, 2))
    assert len(list(minibatches([1.0], [1.0], 1, shard=(0, 2), shuffle=False))) == 1
    assert len(list(minibatches([1.0], [1.0], 1, shard=(0, 1)))) == 1
