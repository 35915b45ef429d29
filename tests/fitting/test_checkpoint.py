"""What is saved is loaded bit for bit; another file is refused and changes nothing."""

import contextlib
import errno
import json
import os
import pathlib
import pickle
import re
import resource
import socket
import stat
import struct
import subprocess
import sys
import tempfile
import textwrap
import traceback
import tracemalloc
import zipfile

import numpy as np
import pytest

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
    fit,
    load,
    save,
    train_step,
)
from mlp.fitting import archive as _archive
from mlp.fitting import contents
from mlp.fitting.arguments import place_for_a_file

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
    with umask(0o027):
        save("new", model)
        save(path, model)  # which has its mode already, and keeps it
    assert mode(tmp_path / "new") == 0o640
    assert mode(path) == mode(tmp_path / "plain") != 0o640


# --------------------------------------------------------- a place for a file


def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


@contextlib.contextmanager
def umask(mask):
    old = os.umask(mask)
    try:
        yield
    finally:
        os.umask(old)


@pytest.fixture
def shared():
    """Return a folder that every user may write to, and its path may reach."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o777)
        yield pathlib.Path(folder)


def as_a_user(function):
    """Run a function as a user whom permissions stop, as root they do not."""
    if os.geteuid() != 0:
        return function()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
            function()
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0


is_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")


@pytest.mark.parametrize("bits", [0o600, 0o640, 0o666, 0o755, 0o444, 0o200])
def test_a_file_that_is_there_keeps_its_mode(path, bits):
    model, _ = net()
    path.write_bytes(b"old")
    path.chmod(bits)
    if os.access(path, os.W_OK):
        save(path, model)
        assert path.read_bytes()[:2] == b"PK"
    assert mode(path) == bits
    assert os.listdir(path.parent) == ["run.npz"]


def test_a_read_only_file_is_refused_and_stays(shared):
    model, path = net()[0], shared / "run.npz"
    path.write_bytes(b"old")
    path.chmod(0o444)

    def refused():
        with pytest.raises(PermissionError) as caught:
            save(path, model)
        assert caught.value.filename == str(path)
        with pytest.raises(PermissionError, match="change its permissions, or give"):
            place_for_a_file("fit", "checkpoint", path)

    as_a_user(refused)
    assert path.read_bytes() == b"old"
    assert mode(path) == 0o444
    assert os.listdir(shared) == ["run.npz"]


@is_root
@pytest.mark.parametrize("owner", [0, 1234])
def test_root_leaves_the_owner_as_it_was(path, owner):
    path.write_bytes(b"old")
    os.chown(path, owner, owner + 1)
    before = os.stat(path).st_ino
    save(path, net()[0])
    after = os.stat(path)
    assert (after.st_uid, after.st_gid) == (owner, owner + 1)
    assert after.st_ino != before  # replaced, and so whole after a kill


@is_root
def test_a_file_of_another_user_stays_that_users(shared):
    model, path = net()[0], shared / "run.npz"
    path.write_bytes(b"old")
    path.chmod(0o666)
    as_a_user(lambda: save(path, model))
    assert os.stat(path).st_uid == 0
    assert mode(path) == 0o666
    assert load(path, model) == {}
    assert os.listdir(shared) == ["run.npz"]


def test_hard_links_stay_links(path, tmp_path):
    model, _ = net()
    save(path, model, epoch=1)
    other = tmp_path / "other.npz"
    os.link(path, other)
    save(path, model, epoch=2, more="a" * 10_000)
    assert os.path.samefile(path, other)
    save(other, model, epoch=3)  # shorter: nothing of the longer one is left
    assert load(path, model) == load(other, model) == {"epoch": 3}
    assert sorted(os.listdir(tmp_path)) == ["other.npz", "run.npz"]


def test_a_fault_in_writing_into_a_hard_link_loses_nothing(path, tmp_path, monkeypatch):
    model, _ = net()
    save(path, model, epoch=1)
    os.link(path, tmp_path / "other.npz")
    calls = []

    def second_fails(descriptor):
        calls.append(descriptor)
        if len(calls) == 2:  # the new content is on the disk, the old file not yet
            raise OSError(errno.EIO, "fault")

    monkeypatch.setattr(os, "fsync", second_fails)
    with pytest.raises(OSError, match="fault") as caught:
        save(path, model, epoch=2)
    (left,) = set(tmp_path.iterdir()) - {path, tmp_path / "other.npz"}
    assert caught.value.__notes__ == [f"{left} is whole, and is what {path} was to be"]
    assert load(left, model) == {"epoch": 2}


def test_a_file_that_cannot_be_renamed_onto_is_written_into(path, monkeypatch):
    model, _ = net()
    save(path, model, epoch=1)

    def busy(*_):  # as of a single file that a container has mounted
        raise OSError(errno.EBUSY, "Device or resource busy")

    monkeypatch.setattr(os, "replace", busy)
    save(path, model, epoch=2)
    assert load(path, model) == {"epoch": 2}
    assert os.listdir(path.parent) == ["run.npz"]


@pytest.mark.skipif(not hasattr(os, "setxattr"), reason="no extended attributes")
def test_attributes_and_access_lists_stay(path, tmp_path):
    entry = struct.Struct("<2HI")  # tag, permissions, id: an access list of Linux
    acl = struct.pack("<I", 2) + b"".join(
        entry.pack(*row)
        for row in [
            (1, 6, 2**32 - 1),
            (2, 4, 1234),
            (4, 0, 2**32 - 1),
            (16, 4, 2**32 - 1),
            (32, 0, 2**32 - 1),
        ]
    )
    path.write_bytes(b"old")
    try:
        os.setxattr(path, "user.note", b"mine")
        os.setxattr(path, "system.posix_acl_access", acl)
    except OSError:
        pytest.skip("this file system has none")
    before = mode(path), os.stat(path).st_ino
    save(path, net()[0])
    assert os.getxattr(path, "user.note") == b"mine"
    assert os.getxattr(path, "system.posix_acl_access") == acl
    assert mode(path) == before[0]
    assert os.stat(path).st_ino != before[1]


def test_what_is_no_regular_file_is_written_straight_into(tmp_path):
    model, _ = net()
    save(tmp_path / "run.npz", model, epoch=4)
    expected = (tmp_path / "run.npz").read_bytes()
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with subprocess.Popen(["cat", pipe], stdout=subprocess.PIPE) as reader:
        place_for_a_file("fit", "checkpoint", pipe)
        save(pipe, model, epoch=4)
        assert reader.communicate()[0] == expected
    assert stat.S_ISFIFO(os.stat(pipe).st_mode)
    for name in ("null", "zero", "full"):  # the device itself, and a link to it
        device = f"/dev/{name}"
        if not os.path.exists(device):
            continue
        before = os.stat(device)
        link = tmp_path / name
        link.symlink_to(device)
        for place in (device, link):
            place_for_a_file("fit", "checkpoint", place)
            full = name == "full"
            with pytest.raises(OSError) if full else contextlib.nullcontext():
                save(place, model)
        assert os.path.samestat(before, os.stat(device))
    assert sorted(os.listdir(tmp_path)) == ["full", "null", "pipe", "run.npz", "zero"]


@pytest.mark.parametrize("deleted", [False, True])
@pytest.mark.parametrize("place", ["/dev/stdout", "/proc/self/fd/1", "/dev/fd/1"])
def test_what_this_process_writes_to_is_written_straight_into(tmp_path, place, deleted):
    if not os.path.exists("/proc/self/fd"):
        pytest.skip("no such folder")
    code = (
        "import sys\nfrom mlp import Linear, Sequential, save\n"
        "save(sys.argv[1], Sequential(Linear(1, 1, rng=0)))"
    )
    with open(tmp_path / "out", "w+b") as out:
        if deleted:
            os.unlink(tmp_path / "out")
        subprocess.run([sys.executable, "-c", code, place], stdout=out, check=True)
        save(tmp_path / "run.npz", Sequential(Linear(1, 1, rng=0)))
        assert out.read() == (tmp_path / "run.npz").read_bytes()
    assert os.listdir(tmp_path) == ["run.npz"] if deleted else ["run.npz", "out"]


def test_a_link_in_the_way_of_the_new_file_is_not_followed(path, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "urandom", lambda n: b"\1" * n)
    victim, planted = tmp_path / "victim", tmp_path / f".mlp-{'01' * 8}.tmp"
    victim.write_bytes(b"mine")
    planted.symlink_to(victim)
    with pytest.raises(FileExistsError):
        save(path, net()[0])
    assert victim.read_bytes() == b"mine"
    assert planted.is_symlink()
    assert not path.exists()


def test_writers_at_once_never_share_a_new_file(path, monkeypatch):
    names, open_ = [], os.open

    def noted(name, *arguments, **keywords):
        names.append(os.path.basename(name))
        return open_(name, *arguments, **keywords)

    monkeypatch.setattr(os, "open", noted)
    for _ in range(20):  # one process, one thread: nothing but chance tells them apart
        save(path, net()[0])
    new = [name for name in names if name.endswith(".tmp")]
    assert len(set(new)) == len(new) == 20
    assert all(re.fullmatch(r"\.mlp-[0-9a-f]{16}\.tmp", name) for name in new)


def test_a_folder_that_cannot_be_read_can_be_written_to(shared):
    model, folder = net()[0], shared / "box"

    def saved():
        folder.mkdir()
        folder.chmod(0o300)
        save(folder / "run.npz", model)
        folder.chmod(0o700)
        assert os.listdir(folder) == ["run.npz"]

    as_a_user(saved)


def test_names_of_any_length_that_a_file_may_have_work(tmp_path):
    model, _ = net()
    longest = os.pathconf(tmp_path, "PC_NAME_MAX")
    for n in range(longest - 30, longest + 1):
        place = tmp_path / ("a" * n)
        place_for_a_file("fit", "checkpoint", place)
        save(place, model)
        place.unlink()


CANNOT = [
    ("", errno.ENOENT, "to name a file, got ''"),
    ("no/run", errno.ENOENT, r"in a folder that can be written to, got .*/no \(.*make"),
    ("file/run", errno.ENOTDIR, "got .*/file .*take a folder in place of a file"),
    ("folder", errno.EISDIR, "to be a file, got a folder; give a name in it"),
    ("folder/", errno.EISDIR, "to be a file, got a folder"),
    ("new/", errno.EISDIR, "to be a file, got a folder"),
    ("link to folder", errno.EISDIR, "to be a file, got a folder"),
    ("dangling", errno.ENOENT, "got .*/no, to which the link leads .*; make it first"),
    ("circle", errno.ELOOP, "links in a circle; remove the link"),
    ("a" * 256, errno.ENAMETOOLONG, "of a shorter name, got .* characters; cut it"),
    ("a/" * 3000, errno.ENAMETOOLONG, "of a shorter name, got .* characters; cut it"),
    ("a\0b", errno.EINVAL, "without signs that no name may have"),
    ("a\ud800b", errno.EINVAL, "without signs that no name may have"),
    ("socket", errno.ENXIO, "to be a file, got a socket"),
    ("locked/run", errno.EACCES, "in a folder .* got .*/locked .*; change its perm"),
    ("closed/run", errno.EACCES, "in a folder .* got .*/closed .*; change its perm"),
]


@pytest.mark.parametrize(
    ("name", "number", "sentence"), CANNOT, ids=lambda v: repr(v)[:9]
)
def test_a_path_that_cannot_work_is_refused_before_the_first_epoch(
    shared, name, number, sentence, monkeypatch
):
    monkeypatch.chdir(shared)
    os.mkdir("folder")
    os.mkdir("locked", 0o555)
    os.mkdir("closed", 0o600)
    pathlib.Path("file").touch()
    for link, to in [
        ("dangling", "no/run"),
        ("circle", "circle"),
        ("link to folder", "folder"),
    ]:
        os.symlink(to, link)
    with socket.socket(socket.AF_UNIX) as plug:
        plug.bind("socket")
    os.chmod("socket", 0o777)
    before = sorted(map(str, shared.rglob("*")))
    model, optimizer = net()
    x, y = np.ones((3, 2)), np.ones((3, 1))

    def refused():
        seen = bits(model, optimizer)
        with pytest.raises(
            OSError, match=f"fit: expected checkpoint .*{sentence}"
        ) as e:
            fit(model, MSELoss(), optimizer, x, y, epochs=1, checkpoint=name)
        assert type(e.value) is type(OSError(number, ""))
        assert (e.value.errno, e.value.filename) == (number, name)
        assert bits(model, optimizer) == seen
        with pytest.raises((OSError, ValueError)) as by_save:
            save(name, model)
        if isinstance(by_save.value, OSError):
            assert by_save.value.errno == number
        with pytest.raises((OSError, ValueError)) as by_open:
            open(name, "wb")
        assert type(by_save.value) is type(by_open.value)

    as_a_user(refused)
    assert sorted(map(str, shared.rglob("*"))) == before


def test_a_place_that_works_is_left_as_it_is(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pathlib.Path("file").write_bytes(b"old")
    pathlib.Path("link").symlink_to("later")
    before = os.stat("file")
    for name in ("file", "new", "link", pathlib.Path("file")):
        place_for_a_file("fit", "checkpoint", name)
    assert sorted(os.listdir()) == ["file", "link"]
    assert pathlib.Path("file").read_bytes() == b"old"
    assert os.stat("file").st_mtime_ns == before.st_mtime_ns


def test_a_run_into_a_device_has_nothing_to_go_on_from():
    model, optimizer = net()
    x, y = np.ones((3, 2)), np.ones((3, 1))
    before = os.stat("/dev/null")
    fit(model, MSELoss(), optimizer, x, y, epochs=2, checkpoint="/dev/null")
    assert os.path.samestat(before, os.stat("/dev/null"))


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


def test_a_net_with_a_read_only_array_is_not_half_loaded(path):
    model, optimizer = net()
    save(path, model, optimizer)
    for place in range(4):
        again, its_optimizer = net(1)
        parameter = again.parameters()[place]
        parameter.data.flags.writeable = False
        before = bits(again, its_optimizer)
        for call in (
            lambda: load(path, again, its_optimizer),  # noqa: B023, called at once
            lambda: load(path, again),  # noqa: B023
            lambda: again.load_state_dict(model.state_dict()),  # noqa: B023
        ):
            with pytest.raises(ValueError, match="got one in read-only memory"):
                call()
            assert bits(again, its_optimizer) == before
        parameter.data.flags.writeable = True
        load(path, again, its_optimizer)
        assert bits(again, its_optimizer) == bits(model, optimizer)


def test_an_optimizer_does_not_take_over_that_an_array_is_read_only(path):
    model, optimizer = net()
    state = optimizer.state_dict()
    for name, value in state.items():
        if isinstance(value, np.ndarray):
            value.flags.writeable = False
            assert name.startswith("velocity.")
    optimizer.load_state_dict(state)
    steps(model, optimizer, np.random.default_rng(0), 1)


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
    monkeypatch.setattr(contents, "VERSION", 2)
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
