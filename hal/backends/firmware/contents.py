"""The bytes of a firmware file as the kernel would hand them to a driver, or why it would not.

Source for xz: the kernel's `Documentation/staging/xz.rst`. Its unpacker knows CRC-32 alone, and `xz` makes CRC-64
unless it is told otherwise: such a file can be unpacked everywhere but in the kernel.
"""

from __future__ import annotations

from importlib import import_module

from attrs import frozen

from hal.errors import FileFault
from hal.record import Record
from hal.root import Root

LIMIT = 64 * 1024 * 1024
"""Bytes of the largest firmware that is looked at, packed or not."""
_XZ = b"\xfd7zXZ\0"
_CHECKS = {0: "none", 1: "CRC-32", 4: "CRC-64", 10: "SHA-256"}


@frozen(kw_only=True, repr=False, eq=False)
class Contents(Record):
    """Unpacked bytes; `data` is `None` where they cannot be had here, and `problem` says why the kernel would not."""

    data: bytes | None = None
    problem: str = ""

    @property
    def size_bytes(self) -> int | None:
        """How many."""
        return None if self.data is None else len(self.data)

    @property
    def sha256(self) -> str | None:
        """Their SHA-256."""
        import hashlib

        return None if self.data is None else hashlib.sha256(self.data).hexdigest()


def contents(root: Root, file: str, suffix: str) -> Contents:
    """Read a file that is there, and unpack it as its suffix says."""
    try:
        data = root.read_bytes(file, limit=LIMIT)
    except FileFault as fault:
        if isinstance(fault.__cause__, PermissionError):
            return Contents()  # the kernel may read what whoever asks here may not
        return Contents(problem=fault.message.removeprefix(f"{file}: "))
    if not data:
        return Contents(problem="empty")
    if suffix == ".xz":
        return _unpack_xz(data)
    if suffix == ".zst":
        return _unpack_zst(data)
    return Contents(data=data)


def _unpack_xz(data: bytes) -> Contents:
    if not data.startswith(_XZ) or len(data) < 12:
        return Contents(problem="not in the xz format")
    check = data[7] & 0x0F
    if check > 1:
        kind = _CHECKS.get(check, f"of kind {check}")
        return Contents(problem=f"packed with check {kind}, which no kernel unpacks: pack it with `xz --check=crc32`")
    try:
        import lzma
    except ImportError:  # a small Python may come without
        return Contents()
    unpacker = lzma.LZMADecompressor(format=lzma.FORMAT_XZ)
    try:
        found = unpacker.decompress(data, LIMIT + 1)
    except (lzma.LZMAError, EOFError) as error:
        return Contents(problem=f"cannot be unpacked: {str(error).lower()}")
    if len(found) > LIMIT:
        return Contents(problem=f"unpacks to more than {LIMIT} bytes")
    return Contents(data=found) if unpacker.eof else Contents(problem="cannot be unpacked: it ends too early")


def _unpack_zst(data: bytes) -> Contents:
    """Only a Python that has zstd (3.14 on) can look inside."""
    if not data.startswith(b"\x28\xb5\x2f\xfd"):
        return Contents(problem="not in the zstd format")
    try:
        zstd = import_module("compression.zstd")
    except ImportError:
        return Contents()
    try:
        unpacker = zstd.ZstdDecompressor()
        found = unpacker.decompress(data, LIMIT + 1)
    except zstd.ZstdError as error:
        return Contents(problem=f"cannot be unpacked: {str(error).lower()}")
    if len(found) > LIMIT:
        return Contents(problem=f"unpacks to more than {LIMIT} bytes")
    return Contents(data=found) if unpacker.eof else Contents(problem="cannot be unpacked: it ends too early")
