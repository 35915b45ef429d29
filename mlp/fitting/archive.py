"""Arrays in an .npz file, read without trust.

An .npz file is a zip archive whose members are .npy files. save writes one
form of it only: the members uncompressed, one after another from the first
byte on, and then the list of members that ends every zip archive. Each head
is made by one of the functions below. A reader makes each head anew from
the few values in it and compares the two, so that a file that differs in
one byte is refused. The caller sees the size that a member claims before
memory is allocated for it.
"""

from __future__ import annotations

import math
import re
import struct
import zlib
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from mlp._shared.arrays import RealArray

_NUMBERS = {
    f"{'|' if size == 1 else '<'}{kind}{size}"
    for kind, sizes in (("f", (2, 4, 8)), ("i", (1, 2, 4, 8)), ("u", (1, 2, 4, 8)))
    for size in sizes
} | {"|b1"}
_MAGIC = b"\x93NUMPY\x01\x00"
_NPY_HEAD = re.compile(
    r"\{'descr': '([<|][a-zS]\d{1,9})', 'fortran_order': False, "
    r"'shape': \(((?:\d{1,19}, ?){0,64}(?:\d{1,19})?)\), \} *\n"
)
_LOCAL = struct.Struct("<4s5H3L2H")
_IN_EXTRA = 0xFFFFFFFF  # in place of a size: it is in the extra field, 64 bits
_BLOCK = 1 << 20


class Damaged(ValueError):
    """A file is not as write makes it; its message fits after "got"."""


class Head(NamedTuple):
    """What a member says of itself, before its data."""

    name: str
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    crc: int
    crc_of_head: int

    @property
    def nbytes(self) -> int:
        """The size of the data; an int that cannot overflow."""
        return math.prod(self.shape) * self.dtype.itemsize


def is_number(dtype: np.dtype[Any]) -> bool:
    """Return whether arrays of a dtype can be saved: numbers of a fixed size."""
    return dtype.newbyteorder("<").str in _NUMBERS


def write(file: BinaryIO, arrays: Mapping[str, RealArray]) -> None:
    """Write an archive of the arrays, in their order."""
    entries, start = [], 0
    for name, array in arrays.items():
        array = np.asarray(array, array.dtype.newbyteorder("<"), order="C")
        head = _npy_head(array.dtype, array.shape)
        data = array.reshape(-1).view(np.uint8).data
        crc = zlib.crc32(data, zlib.crc32(head))
        size = len(head) + data.nbytes
        local = _local(name, crc, size)
        for part in (local, head, data):
            file.write(part)
        entries.append((name, crc, size, start))
        start += len(local) + size
    file.write(_directory(entries, start))


class Reader:
    """Yields the Head of each member; call read or skip before the next.

    Raises
    ------
    Damaged
        Where the file is not, byte for byte, what write makes.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._place = file, 0

    def __iter__(self) -> Iterator[Head]:
        """Yield the heads in turn, and check the list after the last member."""
        entries: list[tuple[str, int, int, int]] = []
        start = 0
        while (local := self._file.read(_LOCAL.size))[:4] == b"PK\3\4":
            self._place = start
            local += self._exactly(_LOCAL.size - len(local))
            crc, _, _, length = _LOCAL.unpack(local)[6:10]
            local += self._exactly(length + 20)
            try:
                name = local[_LOCAL.size : -20].decode().removesuffix(".npy")
            except UnicodeDecodeError:
                raise self._wrong() from None
            size = int.from_bytes(local[-8:], "little")
            if local != _local(name, crc, size):
                raise self._wrong()
            head = self._npy_head(name, crc, size)
            yield head
            entries.append((name, crc, size, start))
            start += len(local) + size
        self._place = start
        expected = _directory(entries, start)
        if local + self._file.read(len(expected)) != expected:
            raise self._wrong()

    def _npy_head(self, name: str, crc: int, size: int) -> Head:
        """Return the Head of a member, read from its .npy file."""
        raw = self._exactly(len(_MAGIC) + 2)
        raw += self._exactly(int.from_bytes(raw[-2:], "little"))
        text = raw[len(_MAGIC) + 2 :].decode("latin-1")
        if (match := _NPY_HEAD.fullmatch(text)) is None:
            raise self._wrong()
        descr, numbers = match.groups()
        if not (descr in _NUMBERS or descr.startswith("|S")):
            raise self._wrong()
        shape = tuple(int(n) for n in re.findall(r"\d+", numbers))
        head = Head(name, np.dtype(descr), shape, crc, zlib.crc32(raw))
        if raw != _npy_head(head.dtype, shape) or size != len(raw) + head.nbytes:
            raise self._wrong()
        return head

    def read(self, head: Head) -> RealArray:
        """Return the data of a member as a new array of head.nbytes."""
        try:
            array = np.empty(head.shape, head.dtype)
        except ValueError:  # no entries, by dimensions beyond NumPy
            raise self._wrong() from None
        data = array.reshape(-1).view(np.uint8).data
        # as every file of open has it, though BinaryIO does not say so
        if self._file.readinto(data) != data.nbytes:  # type: ignore[attr-defined]
            raise self._wrong()
        if zlib.crc32(data, head.crc_of_head) != head.crc:
            raise self._wrong()
        return array.astype(head.dtype.newbyteorder("="), copy=False)

    def skip(self, head: Head) -> None:
        """Skip the data of a member, and check that it is whole."""
        crc, left = head.crc_of_head, head.nbytes
        while left:
            block = self._exactly(min(left, _BLOCK))
            crc, left = zlib.crc32(block, crc), left - len(block)
        if crc != head.crc:
            raise self._wrong()

    def _exactly(self, size: int) -> bytes:
        data = self._file.read(size)
        if len(data) != size:
            raise self._wrong()
        return data

    def _wrong(self) -> Damaged:
        return Damaged(
            f"a file that save did not write, or that was cut or altered since: it is "
            f"wrong in the part from byte {self._place} on"
        )


def _npy_head(dtype: np.dtype[Any], shape: tuple[int, ...]) -> bytes:
    """Return the head of an .npy file, version 1.0, padded to 64 bytes."""
    text = f"{{'descr': '{dtype.str}', 'fortran_order': False, 'shape': {shape}, }}"
    length = -(-(len(_MAGIC) + 2 + len(text) + 1) // 64) * 64 - len(_MAGIC) - 2
    line = text.encode().ljust(length - 1) + b"\n"
    return _MAGIC + struct.pack("<H", length) + line


def _local(name: str, crc: int, size: int) -> bytes:
    """Return what stands before a member: its name, checksum and size.

    Always in zip64, as numpy.savez does, so that there is one form for any
    size. The date is always 1 January 1980, the first that zip has, so that
    equal arrays give equal files.
    """
    raw = f"{name}.npy".encode()
    fixed = _LOCAL.pack(
        b"PK\3\4", 45, 0x800, 0, 0, 0x21, crc, _IN_EXTRA, _IN_EXTRA, len(raw), 20
    )
    return fixed + raw + struct.pack("<2H2Q", 1, 16, size, size)


def _directory(entries: list[tuple[str, int, int, int]], start: int) -> bytes:
    """Return the end of an archive: the list of members, and where it begins."""
    parts = []
    for name, crc, size, place in entries:
        raw = f"{name}.npy".encode()
        fixed = (0x32D, 45, 0x800, 0, 0, 0x21, crc, _IN_EXTRA, _IN_EXTRA)
        rest = (len(raw), 28, 0, 0, 0, 0o100644 << 16, _IN_EXTRA)
        parts += [
            struct.pack("<4s6H3L5H2L", b"PK\1\2", *fixed, *rest),
            raw,
            struct.pack("<2H3Q", 1, 24, size, size, place),
        ]
    members = b"".join(parts)
    n, size = len(entries), len(members)
    end64 = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, n, n, size, start)
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, start + size, 1)
    elsewhere = (0xFFFF, 0xFFFF, _IN_EXTRA, _IN_EXTRA)  # in end64
    return (
        members
        + end64
        + locator
        + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, *elsewhere, 0)
    )
