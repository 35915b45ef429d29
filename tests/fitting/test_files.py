"""Where save puts a file: modes, owners, links, devices; faults on the way."""

import contextlib
import errno
import os
import pathlib
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

import numpy as np
import pytest
from checkpoints import bits, net

from mlp import Linear, MSELoss, Sequential, fit, load, save
from mlp.fitting.arguments import place_for_a_file


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
    assert caught.value.__notes__ == [
        f"{left} is whole: it is what {path} was to become"
    ]
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
