"""Files that stay whole when a process is killed.

The new content goes into a new file in the same folder, which is then
renamed to path: a kill cannot stop a renaming halfway. Three kinds of path
cannot be replaced without a change that others would see: a device, a file
with several hard links, and a file of another user. They are written into.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Yield a new file; once it is on the disk, it takes the place of path."""
    old = _status(path)
    if old is not None and _is_open_elsewhere(path, old):
        with open(path, "wb") as file:
            yield file
        return
    with _beside(path, old) as file:
        beside = file.name
        try:
            may_replace = old is None or _is_made_like(path, old, file)
            yield file
            file.flush()
            os.fsync(file.fileno())
            file.close()
            if may_replace:
                may_replace = _rename(beside, os.path.realpath(path))
        except BaseException:
            with suppress(OSError):
                os.unlink(beside)
            raise
    if not may_replace:
        _copy(beside, path)


def try_place(path: str | os.PathLike[str]) -> None:
    """Raise what writing to path would: OSError, or ValueError for its name."""
    old = _status(path)
    if old is None or not _is_open_elsewhere(path, old):
        with _beside(path, old) as file:
            pass
        os.unlink(file.name)
    elif not os.access(path, os.W_OK):  # to open a pipe would wait for its reader
        raise OSError(errno.EACCES, os.strerror(errno.EACCES), os.fspath(path))


def _status(path: str | os.PathLike[str]) -> os.stat_result | None:
    """Return the status of path, links followed; None if it does not exist."""
    with suppress(FileNotFoundError):
        return os.stat(path)
    name = os.path.basename(path)
    if name in ("", os.curdir, os.pardir):  # realpath would take the folder's name
        number = errno.EISDIR if os.fspath(path) else errno.ENOENT
        raise OSError(number, os.strerror(number), os.fspath(path))
    return None


def _is_open_elsewhere(path: str | os.PathLike[str], old: os.stat_result) -> bool:
    """Return whether path leads to a device, a pipe or an open file."""
    if stat.S_ISDIR(old.st_mode) or stat.S_ISSOCK(old.st_mode):
        return False  # opening them fails, and says why
    place = os.path.abspath(path)
    while os.path.islink(place):
        folder = os.path.realpath(os.path.dirname(place))
        if folder.startswith("/proc/"):  # a link to an open file, whatever its name
            return True
        place = os.path.join(folder, os.readlink(place))
    return not stat.S_ISREG(old.st_mode)


def _beside(path: str | os.PathLike[str], old: os.stat_result | None) -> BinaryIO:
    """Return a new file beside path; raise if path cannot be written."""
    if old is not None:
        with open(path, "ab"):  # as "wb", but cuts nothing off
            pass
    folder = os.path.dirname(os.path.realpath(path))
    name = os.path.join(folder, f".mlp-{os.urandom(8).hex()}.tmp")
    mode = 0o666 if old is None else 0o600  # until it is made like the old one
    try:  # "x" follows no link and opens no file that is there
        return open(name, "xb", opener=lambda name, flags: os.open(name, flags, mode))
    except OSError as error:
        error.filename = os.fspath(path)
        raise


def _is_made_like(
    path: str | os.PathLike[str], old: os.stat_result, file: BinaryIO
) -> bool:
    """Make a new file like the old one; return whether that worked."""
    if old.st_nlink != 1:
        return False
    wanted, found = _attributes(path), _attributes(file.name)
    try:
        if hasattr(os, "chown"):
            os.chown(file.name, old.st_uid, old.st_gid)
        os.chmod(file.name, stat.S_IMODE(old.st_mode))
        for name in found.keys() - wanted.keys():
            os.removexattr(file.name, name)
        for name, value in wanted.items() - found.items():
            os.setxattr(file.name, name, value)
    except OSError:
        return False
    return os.stat(file.name).st_mode == old.st_mode


def _attributes(path: str | os.PathLike[str]) -> dict[str, bytes]:
    """Return the extended attributes of a file, with its access lists."""
    with suppress(OSError):  # not every file system has them
        if hasattr(os, "listxattr"):
            return {name: os.getxattr(path, name) for name in os.listxattr(path)}
    return {}


def _rename(beside: str, target: str) -> bool:
    """Rename a file; return False if the target is a mount point."""
    try:
        os.replace(beside, target)
    except OSError as error:
        if error.errno == errno.EBUSY:
            return False
        raise
    if os.name == "posix":  # write the renaming to the disk too
        with suppress(OSError):  # some file systems cannot, and some users may not
            folder = os.open(os.path.dirname(target), os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
    return True


def _copy(beside: str, path: str | os.PathLike[str]) -> None:
    """Copy a file into another, and remove it once the copy is on the disk."""
    try:
        with open(beside, "rb") as new, open(path, "wb") as file:
            while block := new.read(1 << 20):
                file.write(block)
            file.flush()
            os.fsync(file.fileno())
    except BaseException as error:
        error.add_note(f"{beside} is whole: it is what {os.fspath(path)} was to become")
        raise
    os.unlink(beside)
