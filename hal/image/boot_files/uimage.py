"""boot.scr: a U-Boot script in a legacy image, as `mkimage -T script` makes it.

The header is 64 bytes, big endian: magic, CRC-32 of the header (counted with zeroes in its place), time, size of the
body, load address, entry point, CRC-32 of the body, operating system, architecture, type, compression (one byte each),
and a name of up to 32 bytes. The body of a script is a list of sizes that ends with 0, and then the script.
"""

from __future__ import annotations

import zlib
from struct import pack

from hal.errors import HalError
from hal.model import Arch

MAGIC = 0x27051956
LINUX, SCRIPT, NO_COMPRESSION = 5, 6, 0
ARCHITECTURES = {Arch.RPI: 2, Arch.ARMV7HF: 2, Arch.AARCH64: 22}
"""U-Boot's numbers: 2 is `arm`, 22 is `arm64`."""

NAME_SIZE = 32


def script_image(script: bytes, *, arch: Arch, name: str, time: int = 0) -> bytes:
    """The image of this script; `time` counts seconds since 1970. Raises `HalError` for what has no place in it."""
    if arch not in ARCHITECTURES:
        raise HalError(f"boot.scr: U-Boot's number of architecture {arch} is not known", path="arch")
    if len(name.encode()) > NAME_SIZE:
        raise HalError(f"boot.scr: the name {name!r} is longer than {NAME_SIZE} bytes", path="boot.scr")
    body = pack(">II", len(script), 0) + script
    kind = pack(">BBBB", LINUX, ARCHITECTURES[arch], SCRIPT, NO_COMPRESSION)
    rest = pack(">IIIII", time, len(body), 0, 0, zlib.crc32(body)) + kind + name.encode().ljust(NAME_SIZE, b"\0")
    checksum = zlib.crc32(pack(">II", MAGIC, 0) + rest)
    return pack(">II", MAGIC, checksum) + rest + body
