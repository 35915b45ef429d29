"""What is saved is loaded bit for bit; another file is refused and changes nothing."""

import errno
import json
import os
import pickle
import resource
import stat
import subprocess
import sys
import textwrap
import tracemalloc
import zipfile

import numpy as np
import pytest

import mlp
from mlp import (
    SGD,
    CheckpointError,
    Identity,
    Linear,
    MSELoss,
    Parameter,
    ReLU,
    Sequential,
    Sigmoid,
    _archive,
    load,
    save,
    train_step,
)

BIT_GENERATORS = ["MT19937", "PCG64", "PCG64DXSM", "Philox", "SFC64"]


def net(seed=0, *, widths=(2, 3, 1), dtype=np.float64, **settings):
    """Return a net and its optimizer, after two steps."""
    rng = np.random.default_rng(seed)
    n, h, k = widths
    model = Sequential(
        Linear(n, h, rng=rng, dtype=dtype), ReLU(), Linear(h, k, rng=rng, dtype=dtype)
    )
    optimizer = SGD(model.parameters(), lr=0.1, **{"momentum": 0.9} | settings)
    steps(model, optimizer, rng, 2)
    return model, optimizer


def steps(model, optimizer, rng, n):
    for _ in range(n):
        x = rng.normal(size=(4, model[0].in_features))
        y = rng.normal(size=(4, model[-1].out_features))
        train_step(model, MSELoss(), optimizer, x, y)


def bits(model, optimizer=None):
    """Return all that a load might change, down to the last bit."""
    state = dict(model.state_dict())
    if optimizer is not None:
        state |= {f"optimizer.{k}": v for k, v in optimizer.state_dict().items()}
    return {
        name: (np.asarray(value).tobytes(), np.asarray(value).dtype)
        for name, value in state.items()
    }


def refused(path, model, optimizer=None, match=None):
    """Assert that a file is refused in one sentence, and changes nothing."""
    before, raw = bits(model, optimizer), path.read_bytes()
    with pytest.raises(CheckpointError, match=match) as caught:
        load(path, model, optimizer)
    assert str(caught.value).startswith("load: expected ")
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert bits(model, optimizer) == before
    assert path.read_bytes() == raw


def arrays_of(path):
    with np.load(path, allow_pickle=False) as file:
        return dict(file)


def forged(path, **changes):
    """Write a file of save's form anew with these members put in or, None, left out."""
    arrays = arrays_of(path) | {k.replace("__", "."): v for k, v in changes.items()}
    with open(path, "wb") as file:
        _archive.write(file, {k: v for k, v in arrays.items() if v is not None})


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run.npz"


# ------------------------------------------------------------- a whole file


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("settings", [{"momentum": 0.0}, {"nesterov": True}], ids=str)
def test_a_run_goes_on_bit_for_bit(path, dtype, settings):
    model, optimizer = net(0, dtype=dtype, weight_decay=0.01, **settings)
    save(path, model, optimizer)
    again, its_optimizer = net(1, dtype=dtype)
    assert bits(again, its_optimizer) != bits(model, optimizer)
    assert load(path, again, its_optimizer) == {}
    for _ in range(3):
        assert bits(again, its_optimizer) == bits(model, optimizer)
        for pair in ((model, optimizer), (again, its_optimizer)):
            steps(*pair, np.random.default_rng(5), 1)


def test_numpy_and_zip_read_it(path):
    model, optimizer = net()
    save(path, model, optimizer, epoch=7, mean=np.array([1.5, 2.5]))
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        assert {i.compress_type for i in archive.infolist()} == {zipfile.ZIP_STORED}
    raw = path.read_bytes()
    place = int.from_bytes(raw[-34:-26], "little")  # which Python's zipfile ignores
    assert raw[place : place + 4] == b"PK\6\6"
    arrays = arrays_of(path)
    assert arrays.pop("format_version") == 1
    assert json.loads(arrays.pop("architecture").item()) == {
        "": {"class": "Sequential"},
        "0": {"class": "Linear"},
        "1": {"class": "ReLU"},
        "2": {"class": "Linear"},
    }
    assert json.loads(arrays.pop("optimizer.class").item()) == {"class": "SGD"}
    assert arrays.pop("progress.epoch") == b"7"
    assert arrays.pop("progress.mean").tolist() == [1.5, 2.5]
    expected = model.state_dict()
    for name, value in optimizer.state_dict().items():
        expected[f"optimizer.{name}"] = np.asarray(value)
    assert list(arrays) == list(expected)
    for name, array in arrays.items():
        np.testing.assert_array_equal(array, expected[name], strict=True)


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


def test_equal_states_give_equal_files(path, tmp_path):
    for name in ("run.npz", "other.npz"):
        save(tmp_path / name, *net(), epoch=3)
    assert path.read_bytes() == (tmp_path / "other.npz").read_bytes()


def test_parameters_in_the_order_of_columns_are_kept(path):
    class Table(Sequential):
        def __init__(self):
            super().__init__(Linear(2, 1))
            self.table = Parameter(np.asfortranarray(np.arange(6.0).reshape(2, 3)))

    model = Table()
    save(path, model)
    again = Table()
    again.table.data[...] = 0
    load(path, again)
    assert again.table.data.tolist() == model.table.data.tolist()


def test_the_optimizer_may_be_passed_over(path):
    model, optimizer = net(0)
    save(path, model, optimizer, epoch=2)
    again, its_optimizer = net(1)
    before = its_optimizer.state_dict()
    assert load(path, again) == {"epoch": 2}
    assert bits(again) == bits(model)
    assert {k: np.asarray(v).tobytes() for k, v in before.items()} == {
        k: np.asarray(v).tobytes() for k, v in its_optimizer.state_dict().items()
    }


def test_the_path_is_taken_as_it_stands(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    model, _ = net()
    (tmp_path / "link").symlink_to("run.npz")
    save("link", model)
    save("plain", model)
    assert sorted(os.listdir()) == ["link", "plain", "run.npz"]
    assert (tmp_path / "link").is_symlink()
    old = os.umask(0o027)
    try:
        save(path, model)
    finally:
        os.umask(old)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


# ----------------------------------------------------------- a damaged file


def smallest(path):
    """Save a net of one weight, its optimizer and progress of each kind."""
    model = Sequential(Linear(1, 1, rng=0))
    optimizer = SGD(model.parameters(), lr=0.1, momentum=0.9)
    train_step(model, MSELoss(), optimizer, [[1.0]], [[2.0]])
    save(path, model, optimizer, epoch=3, loss=[0.5], best={"0.bias": np.ones(1)})
    return path.read_bytes()


@pytest.mark.parametrize(("with_optimizer", "stride"), [(True, 1), (False, 7)])
def test_each_byte_flipped_is_refused(path, with_optimizer, stride):
    raw = smallest(path)
    model = Sequential(Linear(1, 1, rng=1))
    optimizer = SGD(model.parameters(), lr=0.5) if with_optimizer else None
    before, rng = bits(model, optimizer), np.random.default_rng(0)
    with open(path, "r+b", buffering=0) as file:
        for i in range(0, len(raw), stride):
            os.pwrite(file.fileno(), bytes([raw[i] ^ int(rng.integers(1, 256))]), i)
            with pytest.raises(CheckpointError, match="run.npz"):
                load(path, model, optimizer)
            os.pwrite(file.fileno(), raw[i : i + 1], i)
    assert bits(model, optimizer) == before
    load(path, model, optimizer)
    assert bits(model, optimizer) != before


def test_each_prefix_and_each_addition_is_refused(path):
    raw = smallest(path)
    model = Sequential(Linear(1, 1, rng=1))
    optimizer = SGD(model.parameters(), lr=0.5)
    before = bits(model, optimizer)
    for changed in (raw + b"\0", b"\0" + raw):
        path.write_bytes(changed)
        refused(path, model, optimizer)
    path.write_bytes(raw)
    for length in reversed(range(len(raw))):
        os.truncate(path, length)
        with pytest.raises(CheckpointError, match="run.npz"):
            load(path, model, optimizer)
    assert bits(model, optimizer) == before


def test_other_files_are_refused(path):
    model, optimizer = net()
    for raw in (b"", b"PK", b"PK\3\4", os.urandom(1000), pickle.dumps([1])):
        path.write_bytes(raw)
        refused(path, model, optimizer, "a file that save did not write, or that was")
    for write in (np.savez, np.savez_compressed):
        save(path, model, optimizer)
        write(path, **arrays_of(path))
        refused(path, model, optimizer, "a file that save did not write, or that was")


class Payload:
    def __init__(self, made):
        self.made = made

    def __reduce__(self):
        return os.mkdir, (self.made,)


def test_a_pickle_in_disguise_is_not_run(path, tmp_path):
    made = str(tmp_path / "made by the pickle")
    model, optimizer = net()
    save(path, model, optimizer)
    arrays = arrays_of(path)
    arrays["0.weight"] = np.array([[Payload(made)]], object)
    np.savez(path, **arrays)
    refused(path, model, optimizer)
    path.write_bytes(pickle.dumps(Payload(made)))
    refused(path, model, optimizer)
    save(path, model)
    raw = path.read_bytes().replace(b"'descr': '<f8'", b"'descr': '|O8'")
    path.write_bytes(raw)
    refused(path, model, optimizer)
    assert not os.path.exists(made)


@pytest.mark.parametrize(
    "name", ["0.weight", "optimizer.velocity.0", "progress.x", "progress.x[]", "other"]
)
@pytest.mark.parametrize("with_optimizer", [True, False])
@pytest.mark.parametrize(
    "shape",
    [(2**40,), (2**40, 0), (2**63, 2**63), (0, 2**62, 2**62), (0, 10**19 - 1)],
    ids=str,
)
def test_a_forged_header_is_refused_before_allocation(
    path, name, with_optimizer, shape
):
    model, optimizer = net()
    head = _archive._npy_head(np.dtype("<f8"), shape)
    size = len(head) + 8 * int(np.prod(np.array(shape, object)))
    save(path, model)
    first = path.read_bytes().partition(b"0.weight")[0][: -_archive._LOCAL.size]
    path.write_bytes(first + _archive._local(name, 0, size % 2**64) + head + b"\0" * 99)
    tracemalloc.start()
    refused(path, model, optimizer if with_optimizer else None)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2e6


def test_a_head_that_save_does_not_write_is_refused(path, monkeypatch):
    model, _ = net()
    head, local, directory = _archive._npy_head, _archive._local, _archive._directory

    def more_spaces(dtype, shape):
        text = head(dtype, shape)[10:-1] + b" " * 64 + b"\n"
        return _archive._MAGIC + len(text).to_bytes(2, "little") + text

    def larger(entries, start):
        rows = [(*e[:2], e[2] + 1, e[3] + i) for i, e in enumerate(entries)]
        return directory(rows, start + len(rows))

    monkeypatch.setattr(_archive, "_npy_head", more_spaces)
    save(path, model)
    monkeypatch.undo()
    names = ["format_version", "architecture", *model.state_dict()]
    assert list(arrays_of(path)) == names
    refused(path, model)
    monkeypatch.setattr(_archive, "_local", lambda n, c, size: local(n, c, size + 1))
    monkeypatch.setattr(_archive, "_directory", larger)
    save(path, model)
    monkeypatch.undo()
    refused(path, model)


def test_a_header_without_end_is_refused(path):
    model, _ = net()
    save(path, model)
    first = path.read_bytes().partition(b"0.weight")[0][: -_archive._LOCAL.size]
    for digits in (b"1" * 60_000, b"1, " * 20_000, b"1" * 1800, b"[" * 60_000):
        text = b"{'descr': '<f8', 'fortran_order': False, 'shape': (" + digits
        head = _archive._MAGIC + len(text).to_bytes(2, "little") + text
        path.write_bytes(first + _archive._local("0.weight", 0, len(head)) + head)
        refused(path, model)


def test_too_many_or_too_large_members_are_refused(path):
    model, _ = net()
    save(path, model)
    forged(path, progress__text=np.array(b'"' + b"a" * 2**20 + b'"'))
    refused(path, model, match="more progress than save allows")
    save(path, model)
    forged(path, progress__x=np.zeros(2**21 + 10_000))
    refused(path, model, match="more progress than save allows")
    for prefix in ("progress.x", "optimizer.velocity."):
        save(path, model)
        forged(path, **{f"{prefix}{i}": np.zeros(0) for i in range(17_000)})
        refused(path, model, match="more progress than save allows")


def test_a_member_that_is_there_twice_is_refused(path):
    model, _ = net()

    class Twice(dict):
        def items(self):
            return [*super().items(), ("0.weight", self["0.weight"])]

    save(path, model)
    arrays = Twice(arrays_of(path))
    with open(path, "wb") as file:
        _archive.write(file, arrays)
    refused(path, model, match="0.weight twice")


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


# ------------------------------------------------- a whole file of another


def test_a_file_of_another_net_is_refused(path):
    model, optimizer = net()
    for widths in ((3, 3, 1), (2, 4, 1), (2, 3, 2)):
        save(path, *net(widths=widths))
        refused(path, model, optimizer, "is it another net's")
    save(path, *net(dtype=np.float32))
    refused(path, model, optimizer, r"in float32 where \(3, 2\) in float64 is needed")
    save(path, Sequential(*model, ReLU(), Linear(1, 1)))
    refused(path, model, match="got 4.weight besides")
    save(path, model[:1])
    refused(path, model, match=r"lacks \['2.weight', '2.bias'\]")


def test_a_file_of_another_optimizer_is_refused(path):
    model, optimizer = net()
    save(path, model)
    refused(path, model, optimizer, r"lacks \['optimizer.lr', .*another optimizer's")
    save(path, model, optimizer)
    some = SGD(model.parameters()[:2], lr=0.1)
    refused(path, model, some, "got optimizer.velocity.2 besides")
    some = SGD(model.parameters()[::-1], lr=0.1)
    refused(path, model, some, "optimizer.velocity.0 of shape")
    forged(path, optimizer__lr=np.array(-1.0))
    refused(path, model, optimizer, "expected lr above 0")
    forged(path, optimizer__lr=np.array(0.1), optimizer__nesterov=np.array(1.0))
    refused(path, model, optimizer, "optimizer.nesterov of shape")


class Residual(Sequential):
    def forward(self, x):
        return x + super().forward(x)


class Block(ReLU):
    def __init__(self, inside):
        self.inside = inside


@pytest.mark.parametrize(
    ("saved", "loaded", "sentence"),
    [
        (Sequential(ReLU()), Sequential(Sigmoid()), "ReLU where .* Sigmoid"),
        (Sequential(ReLU()), Sequential(), "Sequential, ReLU where .* Sequential;"),
        (
            Sequential(),
            Sequential(ReLU()),
            "Linear, Sequential where .* Sequential, ReLU",
        ),
        (Residual(ReLU()), Sequential(ReLU()), "Linear, Residual, ReLU where"),
        (Sequential(ReLU()), Residual(ReLU()), "where this is of .*Residual"),
        (Block(ReLU()), Block(Sigmoid()), "Block, ReLU where .* Block, Sigmoid"),
        (
            Sequential(ReLU(), Identity()),
            Sequential(Identity(), ReLU()),
            "ReLU, Identity where .* Identity, ReLU",
        ),
    ],
)
def test_a_file_of_layers_of_other_classes_is_refused(path, saved, loaded, sentence):
    save(path, Sequential(Linear(2, 2), saved))
    refused(path, Sequential(Linear(2, 2), loaded), match=sentence)
    load(path, Sequential(Linear(2, 2), saved))


def test_a_file_of_an_optimizer_of_another_class_is_refused(path):
    class Own(SGD):
        """An optimizer of a reader's own."""

    model, optimizer = net()
    own = Own(model.parameters(), lr=0.1)
    save(path, model, own)
    refused(path, model, optimizer, "one of Own where this is of SGD")
    load(path, model, own)
    load(path, model)
    save(path, model, optimizer)
    refused(path, model, own, "one of SGD where this is of Own")


def test_a_file_from_before_classes_were_written_is_read(path):
    model, optimizer = net()
    save(path, model, optimizer, epoch=3)
    forged(path, architecture=None, optimizer__class=None)
    again, its_optimizer = net(1)
    assert load(path, again, its_optimizer) == {"epoch": 3}
    assert bits(again, its_optimizer) == bits(model, optimizer)


@pytest.mark.parametrize("name", ["architecture", "optimizer.class"])
@pytest.mark.parametrize(
    "forgery",
    [
        np.array(b"{"),
        np.array(b"[" * 100_000),
        np.array(b"null"),
        np.array(b'{"class": "SGD" }'),
        np.array(b"\xff\n"),
        np.array([b"{}"]),
        np.array(1.0),
        np.array(b"a" * (2**20 + 1)),
    ],
    ids=lambda array: f"{array!r:.20}",
)
def test_a_text_of_classes_that_save_does_not_write_is_refused(path, name, forgery):
    model, optimizer = net()
    save(path, model, optimizer)
    arrays = arrays_of(path)
    with open(path, "wb") as file:
        _archive.write(file, arrays | {name: forgery})
    is_read = forgery.dtype.kind == "S" and not forgery.ndim and forgery.nbytes < 2**20
    sentence = "one of .* where this is of" if is_read else f"without a text in {name}"
    refused(path, model, optimizer, match=sentence)


# ------------------------------------------------------- the best parameters


def test_best_gives_the_best_and_else_the_last(path):
    model, optimizer = net()
    best = {name: array + 1 for name, array in model.state_dict().items()}
    save(path, model, optimizer, best=best, epoch=2)
    last, its_optimizer = net(1)
    assert load(path, last)["epoch"] == 2
    assert bits(last) == bits(model)
    assert load(path, last, its_optimizer, best=True)["epoch"] == 2
    for name, array in last.state_dict().items():
        np.testing.assert_array_equal(array, best[name], strict=True)
    model.load_state_dict(best)
    assert bits(last, its_optimizer) == bits(model, optimizer)


@pytest.mark.parametrize(
    "progress",
    [
        {},
        {"best": 0.5},
        {"best": {"0.weight": np.zeros((3, 2))}},
        {"best": np.zeros(3)},
    ],
    ids=str,
)
def test_a_file_without_the_best_says_so(path, progress):
    model, optimizer = net()
    save(path, *net(1), **progress)
    before = bits(model, optimizer)
    sentence = "got one without best parameters, which fit writes with patience"
    with pytest.raises(CheckpointError, match=f"^load: expected .*{sentence}"):
        load(path, model, optimizer, best=True)
    assert bits(model, optimizer) == before
    with pytest.raises(TypeError, match="load: expected best to be True or False"):
        load(path, model, best=1)


@pytest.mark.parametrize(
    "change", [lambda a: a.astype(np.float32), lambda a: a[..., np.newaxis]]
)
def test_best_parameters_of_another_net_are_refused(path, change):
    model, optimizer = net()
    best = {name: change(array) for name, array in model.state_dict().items()}
    save(path, model, best=best)
    before = bits(model)
    with pytest.raises(CheckpointError, match="without best parameters"):
        load(path, model, best=True)
    assert bits(model) == before


def test_another_version_of_the_format_is_refused(path, monkeypatch):
    model, _ = net()
    monkeypatch.setattr(mlp.checkpoint, "_VERSION", 2)
    save(path, model)
    monkeypatch.undo()
    refused(path, model, match="one of format 2, where this version of mlp reads 1")
    forged(path, format_version=None)
    refused(path, model, match="lacks")


@pytest.mark.parametrize("name", ["0.weight", "optimizer.velocity.0"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_file_with_numbers_that_are_not_finite_is_refused(path, name, value):
    model, optimizer = net()
    save(path, model, optimizer)
    array = arrays_of(path)[name]
    array[1, 0] = value
    forged(path, **{name: array})
    refused(path, model, optimizer, f"NaN or infinity in {name}")


def test_no_file_is_no_checkpoint_error(path, tmp_path):
    model, _ = net()
    with pytest.raises(FileNotFoundError):
        load(path, model)
    with pytest.raises(FileNotFoundError):
        save(tmp_path / "no folder" / "run.npz", model)
    with pytest.raises(OSError):
        load(tmp_path, model)


# --------------------------------------------------------- what save refuses


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_numbers_that_are_not_finite_are_not_saved(path, value):
    model, optimizer = net()
    save(path, model, optimizer)
    before = path.read_bytes()
    for progress in (
        {"a": value},
        {"a": np.float64(value)},
        {"a": [1, value]},
        {"a": np.array([0.0, value])},
        {"a": {"b": np.array([value], np.float32)}},
        {"a": {"b[]": np.array([value])}},
    ):
        with pytest.raises(ValueError, match=r"save: expected .*a.* to be finite"):
            save(path, model, **progress)
    optimizer.load_state_dict(
        optimizer.state_dict() | {"velocity.1": np.array([0.0, value, 0.0])}
    )
    with pytest.raises(ValueError, match=r"optimizer.velocity.1 .* index \(1,\)"):
        save(path, model, optimizer)
    model[2].bias.data[...] = value
    with pytest.raises(ValueError, match="save: expected 2.bias to be finite"):
        save(path, model)
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == ["run.npz"]


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
    ids=repr,
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


def test_wrong_models_and_optimizers_are_type_errors(path):
    model, optimizer = net()
    save(path, model)
    for f in (save, load):
        with pytest.raises(TypeError, match=f"{f.__name__}: expected model to be of"):
            f(path, model[0])
        with pytest.raises(TypeError, match=f"{f.__name__}: expected optimizer to be"):
            f(path, model, 0.1)


def test_a_parameter_by_a_name_of_the_file_is_refused(path):
    class Net(Sequential):
        def __init__(self):
            super().__init__(Linear(1, 1))
            self.format_version = Parameter([1.0])

    with pytest.raises(ValueError, match="rename that attribute of the model"):
        save(path, Net())


# ------------------------------------------------------------------- faults


def unchanged_by(fault, path, model):
    """Assert that a save that fails leaves the old file, and nothing beside it."""
    before = path.read_bytes()
    with pytest.raises(fault):
        save(path, model, epoch=2)
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == [path.name]


@pytest.mark.parametrize("function", ["fsync", "replace"])
@pytest.mark.parametrize(
    "fault", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()]
)
def test_a_fault_on_the_way_leaves_the_old_file(path, function, fault, monkeypatch):
    model, _ = net()
    save(path, model, epoch=1)

    def fail(*_):
        raise fault

    monkeypatch.setattr(os, function, fail)
    unchanged_by(type(fault), path, model)


def test_a_full_disk_leaves_the_old_file(path):
    model, _ = net(widths=(50, 40, 1))
    save(path, model, epoch=1)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    size = path.stat().st_size
    for room in (0, 1, 1000, size // 2, size - 1):
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))  # a write beyond fails
        try:
            unchanged_by(OSError, path, model)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    save(path, model, epoch=2)
    assert load(path, model) == {"epoch": 2}


def test_all_is_on_the_disk_before_the_name_changes(path, monkeypatch):
    calls = []

    def noted(function):
        def call(*arguments):
            size = os.stat(arguments[0]).st_size if function.__name__ == "fsync" else 0
            calls.append((function.__name__, size))
            return function(*arguments)

        return call

    for function in (os.fsync, os.replace):
        monkeypatch.setattr(os, function.__name__, noted(function))
    save(path, net()[0])
    names = [name for name, _ in calls]
    assert names == ["fsync", "replace", "fsync"]  # the file, then its folder
    assert calls[0][1] == path.stat().st_size


KILLED = """
    import os, random, signal, sys, time
    import numpy as np
    from mlp import SGD, Linear, MSELoss, Sequential, load, save, train_step

    path = sys.argv[1]
    model = Sequential(Linear(100, 60))
    optimizer = SGD(model.parameters(), lr=0.1, momentum=0.9)
    train_step(model, MSELoss(), optimizer, np.ones((1, 100)), np.ones((1, 60)))
    state, random, last = optimizer.state_dict(), random.Random(0), -1
    in_the_middle = False
    start = time.perf_counter()
    for _ in range(3):
        save(path, model)
    a_save = (time.perf_counter() - start) / 3
    os.unlink(path)
    for kill in range(50):
        runs, begun = os.pipe()
        child = os.fork()
        if child == 0:
            os.write(begun, b"!")
            for epoch in range(last + 1, 10**9):
                for p in model.parameters():
                    p.data[...] = epoch
                for i, v in enumerate(model.parameters()):
                    state[f"velocity.{i}"][...] = epoch
                optimizer.load_state_dict(state)
                save(path, model, optimizer, epoch=epoch)
        os.read(runs, 1)  # on a busy machine that may take longer than five saves
        os.close(runs)
        os.close(begun)
        time.sleep(5 * a_save * random.random())
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        in_the_middle |= len(os.listdir(os.path.dirname(path))) > 1
        if os.path.exists(path):
            epoch = load(path, model, optimizer)["epoch"]
            arrays = [p.data for p in model.parameters()]
            arrays += [optimizer.velocity_of(p) for p in model.parameters()]
            assert all((a == epoch).all() for a in arrays)
            assert epoch >= last
            last = epoch
    print(last >= 0, in_the_middle)
"""


def test_kills_at_any_moment_leave_a_whole_file(path):
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(KILLED), str(path)],
        capture_output=True,
        text=True,
        env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},
    )
    # some saves were done, and some kills came in the middle of one
    assert (done.stdout, done.stderr) == ("True True\n", "")
