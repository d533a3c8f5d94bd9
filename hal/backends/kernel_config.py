"""The configuration of the running kernel, where it tells: in /proc, or in a file beside the kernel."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from hal.errors import FileFault
from hal.root import Root

RELEASE = "proc/sys/kernel/osrelease"
LIMIT = 8 * 1024 * 1024
"""Bytes of the longest configuration that is read; a large one has a third of a MiB."""


def release(root: Root) -> str | None:
    """The release of the running kernel, as in `6.1.77-v8`; `None` where it does not tell."""
    value = root.read_value(RELEASE)
    return value if value and "/" not in value and value not in (".", "..") else None


def options(root: Root) -> Mapping[str, str | None] | None:
    """Each option without `CONFIG_`, with its value; `None` as a value is *not set*. `None` where nothing tells.

    An option that the kernel's source does not have, or not any more, is not there at all.
    """
    text = _packed(root, "proc/config.gz")
    named = release(root)
    for name in (f"boot/config-{named}", f"lib/modules/{named}/config", f"lib/modules/{named}/build/.config"):
        if text is None and named is not None:
            text = _plain(root, name)
    return None if text is None else MappingProxyType(parse(text))


def parse(text: str) -> dict[str, str | None]:
    """The lines of a configuration; what is none is passed over."""
    found: dict[str, str | None] = {}
    for line in text.splitlines():
        if line.startswith("CONFIG_"):
            name, mark, value = line[len("CONFIG_") :].partition("=")
            if mark:
                found[name] = value.strip('"')
        elif line.startswith("# CONFIG_") and line.endswith(" is not set"):
            found[line[len("# CONFIG_") : -len(" is not set")]] = None
    return found


def _packed(root: Root, name: str) -> str | None:
    """A compressed configuration; one that is damaged, or unpacks to more than the limit, tells nothing."""
    import zlib

    try:
        unpacker = zlib.decompressobj(zlib.MAX_WBITS | 16)
        data = unpacker.decompress(root.read_bytes(name), LIMIT)
    except (FileFault, zlib.error):
        return None
    return data.decode(errors="replace") if unpacker.eof else None


def _plain(root: Root, name: str) -> str | None:
    try:
        return root.read_bytes(name, limit=LIMIT).decode(errors="replace")
    except FileFault:
        return None
