"""Progress beside the parameters: what it may hold comes back, other is refused."""

import re

import numpy as np
import pytest
from checkpoints import arrays_of, forged, net, refused

from mlp import load, save

BIT_GENERATORS = ["MT19937", "PCG64", "PCG64DXSM", "Philox", "SFC64"]


PROGRESS = [
    0,
    -(2**200),
    True,
    None,
    0.1,
    -0.0,
    5e-324,
    "ü\n\ud800",
    "",
    [],
    [0.1, -0.0, 1e308],
    [np.nan, np.inf, 1.0],
    ["benign", "malignant"],
    [1, 0.5, None, True],
    {},
    np.array(2.5),
    np.arange(6, dtype=np.int16).reshape(2, 3).T,
    np.zeros((0, 3), np.float32),
    np.array([True, False]),
    np.array([2**64 - 1], np.uint64),
    np.arange(3.0).astype(">f8"),
    {"0.weight": np.array([[0.1]], np.float32), "a[]": np.array([3])},
]


def same(a, b):
    """Return whether two values of progress are of one type and the same bits."""
    if isinstance(a, np.ndarray):
        native = a.astype(a.dtype.newbyteorder("="))
        return native.dtype == b.dtype and native.tobytes() == b.tobytes()
    if isinstance(a, dict | list):
        pairs = zip(a, b, strict=True)
        if isinstance(a, dict):
            pairs = [*pairs, *zip(a.values(), b.values(), strict=True)]
        return type(a) is type(b) and all(same(*pair) for pair in pairs)
    return type(a) is type(b) and repr(a) == repr(b)


@pytest.mark.parametrize("value", PROGRESS, ids=repr)
def test_progress_comes_back_as_it_was(path, value):
    model, _ = net()
    save(path, model, value=value, other=1)
    found = load(path, model)
    assert list(found) == ["value", "other"]
    assert same(value, found["value"])


def test_numpy_numbers_come_back_as_pythons(path):
    model, _ = net()
    save(path, model, a=np.float32(0.1), b=np.int64(3), c=np.bool_(True))
    found = load(path, model)
    assert found == {"a": float(np.float32(0.1)), "b": 3, "c": True}
    assert [type(value) for value in found.values()] == [float, int, bool]


@pytest.mark.parametrize("kind", BIT_GENERATORS)
def test_a_generator_goes_on_where_it_was(path, kind):
    rng = np.random.Generator(getattr(np.random, kind)(3))
    rng.random(5)
    rng.integers(9, dtype=np.uint32)  # leaves half a word for the next
    model, _ = net()
    save(path, model, rng=rng)
    again = load(path, model)["rng"]
    assert again.integers(2**32, dtype=np.uint32) == rng.integers(
        2**32, dtype=np.uint32
    )
    assert again.permutation(700).tolist() == rng.permutation(700).tolist()


@pytest.mark.parametrize("dtype", "? u1 i8 f2 f4 f8 >f8 c16 O U3".split())
def test_an_array_with_a_mask_is_refused_whatever_its_dtype(path, dtype):
    for mask in (False, [True, False]):
        array = np.ma.array([0, 1], mask=mask).astype(dtype)
        for value in (array, array[0:0], array[:1].reshape(()), {"b": array}):
            with pytest.raises(
                TypeError, match="expected a.* without a mask, got a mas"
            ):
                save(path, net()[0], a=value)
    assert not path.exists()


# ------------------------------------------------------- what save did not write


TEXTS = [
    b"NaN",
    b"1e999",
    b"[[1]]",
    b'{"a": 1}',
    b"1 ",
    b"\xff",
    b"[" * 100_000,
    b"9" * 5000,
    b'{"generator": 1}',
    b'{"generator": {"bit_generator": "PCG63"}}',
    b'{"generator": {"bit_generator": "PCG64", "state": {}}}',
]


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: repr(text[:50]))
def test_a_text_that_save_does_not_write_is_refused(path, text):
    model, optimizer = net()
    save(path, model, optimizer)
    forged(path, progress__value=np.array(text))
    refused(path, model, optimizer, "in its progress")


@pytest.mark.parametrize(
    ("kind", "old", "new"),
    [
        ("MT19937", '"pos": 623', '"pos": 625'),
        ("MT19937", '"pos": 623', '"pos": -1'),
        ("MT19937", '"key": [', '"key": [1, '),
        ("Philox", '"buffer_pos": 4', '"buffer_pos": 5'),
        ("Philox", '"buffer_pos": 4', '"buffer_pos": -9'),
        ("PCG64", '"inc": ', '"inc": -'),
        ("PCG64", '"has_uint32": 0', '"has_uint32": 0.5'),
        ("PCG64", '"has_uint32": 0', '"more": 1, "has_uint32": 0'),
        ("SFC64", '"state": [', '"state": ["a", '),
    ],
)
def test_a_forged_generator_is_refused(path, kind, old, new):
    model, optimizer = net()
    save(path, model, rng=np.random.Generator(getattr(np.random, kind)(3)))
    text = arrays_of(path)["progress.rng"].item().decode()
    assert old in text
    forged(path, progress__rng=np.array(text.replace(old, new).encode()))
    refused(path, model, match="in its progress")


@pytest.mark.parametrize(
    "member",
    [
        {"progress.": np.ones(1)},
        {"progress.a b": np.ones(1)},
        {"progress..b": np.ones(1)},
        {"progress.a[]": np.ones(1), "progress.a": np.ones(1)},
        {"progress.a": np.ones(1), "progress.a.b": np.ones(1)},
        {"progress.a.b": np.array(b"1")},
        {"progress.a": np.array([b"1", b"2"])},
        {"progress.a[]": np.ones(1, np.float32)},
        {"progress.a[]": np.ones((1, 1))},
        {"progress.a": np.array([np.nan])},
        {"progress.a.b[]": np.array([np.nan])},
    ],
    ids=str,
)
def test_progress_that_save_does_not_write_is_refused(path, member):
    model, optimizer = net()
    save(path, model)
    forged(path, **member)
    refused(path, model)


# --------------------------------------------------------- what save refuses


@pytest.mark.parametrize(
    "value",
    [
        object(),
        1j,
        b"a",
        (1, 2),
        [[1.0]],
        {1, 2},
        {"a": 1.0},
        {1: np.ones(1)},
        np.array(["a"]),
        np.array([1j]),
        np.array([None]),
        np.ones(1, np.longdouble),
        np.random.RandomState(0),
        np.random.PCG64(0),
    ],
    ids=lambda value: re.sub(" at 0x.*", "", repr(value), flags=re.IGNORECASE),
)
def test_progress_of_other_types_is_a_type_error(path, value):
    with pytest.raises(TypeError, match="save: expected "):
        save(path, net()[0], value=value)
    assert not path.exists()


def test_progress_is_named_plainly(path):
    for name in ("", "a.b", "a b", "a[]", "1"):
        with pytest.raises(ValueError, match="expected progress by plain names"):
            save(path, net()[0], **{name: 1})


def test_progress_has_a_limit(path):
    model, _ = net()
    for value in ("a" * 2**20, np.zeros(2**21 + 10_000), [0.5] * (2**21 + 10_000)):
        with pytest.raises(ValueError, match="16 MiB of arrays more than the param"):
            save(path, model, a=value)
    save(path, model, a="a" * (2**20 - 2), b=np.zeros(2**21 - 2**18))
    assert len(load(path, model)["a"]) == 2**20 - 2
