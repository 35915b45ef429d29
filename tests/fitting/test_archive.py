"""The file's form: NumPy and zip read it; what is damaged or forged is refused."""

import json
import os
import pickle
import tracemalloc
import zipfile

import numpy as np
import pytest
from checkpoints import arrays_of, bits, net, refused

from mlp import (
    SGD,
    CheckpointError,
    Linear,
    MSELoss,
    Sequential,
    load,
    save,
    train_step,
)
from mlp.fitting import archive as _archive


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
    sizes = {"in_features": 2, "out_features": 3, "bias": True, "dtype": "float64"}
    assert json.loads(arrays.pop("architecture").item()) == {
        "": {"class": "Sequential", "settings": {}},
        "0": {"class": "Linear", "settings": sizes},
        "1": {"class": "ReLU", "settings": {}},
        "2": {
            "class": "Linear",
            "settings": sizes | {"in_features": 3, "out_features": 1},
        },
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


# ---------------------------------------------- arrays that lie as they like


def laid_out():
    """Yield arrays of one kind each in how their numbers lie in memory."""
    a = np.arange(24.0).reshape(4, 6)
    yield from (a[:, 0], a[::-1], a[:, ::-2], a[1:3, 2:4], a.T, np.asfortranarray(a))
    yield from (np.broadcast_to(7.0, (3, 2)), np.broadcast_to(a[0], (5, 6)))
    yield from (np.array(2.5), a[1, 2, ...], a[:0, ::2], a[:1][::-1], a[::3][:1, :1])
    yield from (a.astype(">f8")[:, ::-1], a.astype(">i2").T, a[::2].astype(np.float16))
    yield from (a > 3, (a > 3)[:, ::5], np.arange(9, dtype=np.uint8)[::-3])
    yield from (a.view(np.matrix), a.view(np.matrix)[:, 1], a.view(np.recarray)[:, 2])
    yield np.lib.stride_tricks.sliding_window_view(a[0], 3)
    yield np.frombuffer(b"\0" + a.tobytes(), np.float64, offset=1)[::2]


@pytest.mark.parametrize("array", [*laid_out()], ids=lambda a: f"{a.dtype}{a.strides}")
def test_an_array_is_kept_however_it_lies_in_memory(path, array):
    model, _ = net()
    save(path, model, a=array, b={"c": array})
    found = load(path, model)
    for again in (found["a"], found["b"]["c"], arrays_of(path)["progress.a"]):
        assert type(again) is np.ndarray
        assert again.shape == array.shape
        assert again.dtype == array.dtype.newbyteorder("=")
        assert again.tolist() == np.asarray(array).tolist()


def test_an_array_in_a_file_is_kept(path, tmp_path):
    mapped = np.memmap(tmp_path / "map", np.float32, "w+", shape=(4, 3))
    mapped[...] = np.arange(12).reshape(4, 3)
    save(path, net()[0], a=mapped[::-1, 1])
    assert load(path, net()[0])["a"].tolist() == [10, 7, 4, 1]


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
