"""The kernel's log, as `dmesg` or the journal prints it: who says what, and what the firmware loader itself says.

Messages change between kernels, and old ones drop out of the buffer; so what is read here is a hint and no proof.
Source: `drivers/base/firmware_loader/main.c`, `drivers/usb/core/hub.c` of Linux, and the messages of Debian's kernels.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from attrs import frozen

from hal.errors import FileFault, ProgramFault
from hal.model import LogMeaning
from hal.record import Record
from hal.root import Root

SECONDS = 10.0
LIMIT = 16 * 1024 * 1024
"""Bytes of the longest log that is read."""
NOT_FOUND = -2
_BEFORE = re.compile(
    r"(?:<\d+>|[a-z]+ *:[a-z]+ *: *)?"  # level, as the raw buffer or `dmesg -x` has it
    r"(?:(?:\S+ +){1,4}?kernel: )?"  # the journal's date and host
    r"(?:\[[^\]]*\](?:\[[^\]]*\])? ?)?"  # the time, and who printed it
)
_WHO = re.compile(r"([A-Za-z0-9_.-]+)(?: ([^\s:]+(?::[^\s:]+)*))?: (.*)")
_USB_NEW = re.compile(r"new \S+(?: \S+)? USB device number \d+")


@frozen(kw_only=True, repr=False, eq=False)
class Message(Record):
    """A line by its parts, as in `rt2800usb 1-1.2:1.0: Direct firmware load …`; `device` may be empty."""

    driver: str
    device: str
    text: str


@frozen(kw_only=True, repr=False, eq=False)
class Word(Record):
    """What the kernel itself says about firmware, with the file and the error number where it names them."""

    means: LogMeaning
    file: str = ""
    error: int | None = None


_LOADER: tuple[tuple[re.Pattern[str], LogMeaning], ...] = (
    (re.compile(r"Direct firmware load for (?P<file>.+?) failed with error (?P<error>-?\d+)"), LogMeaning.MISSING),
    (re.compile(r"firmware: failed to load (?P<file>.+?) \((?P<error>-?\d+)\)"), LogMeaning.MISSING),
    (re.compile(r"firmware: direct-loading firmware (?P<file>.+)"), LogMeaning.LOADED),
    (re.compile(r"loading (?P<file>/.+?) failed with error (?P<error>-?\d+)"), LogMeaning.DAMAGED),
    (re.compile(r"xz decompression failed \(xz_ret=\d+\)"), LogMeaning.DAMAGED),
    (re.compile(r"loaded firmware version "), LogMeaning.LOADED),
)
"""What the firmware loader prints, and iwlwifi's word that one of the files it asked for was there."""


def log(root: Root) -> str | None:
    """What `dmesg` prints; `None` where there is none, or whoever asks may not see it."""
    if root.which("dmesg") is None:
        return None
    try:
        return root.run(["dmesg"], timeout_seconds=SECONDS).stdout
    except (ProgramFault, FileFault):
        return None


def messages(text: str) -> tuple[Message, ...]:
    """The lines that name who speaks. Of a USB device only what was said since it was last plugged in."""
    found: list[Message] = []
    for message in _messages(text):
        if message.driver == "usb" and (_USB_NEW.match(message.text) or message.text.startswith("USB disconnect")):
            found = [each for each in found if not belongs(each, message.device)]
        found.append(message)
    return tuple(found)


def belongs(message: Message, place: str) -> bool:
    """Whether a message is about the USB device at a place, or one of its interfaces."""
    return message.device == place or message.device.startswith(f"{place}:")


def word(message: Message) -> Word | None:
    """What a message says about firmware, where the kernel itself speaks. Not found and not usable are told apart."""
    for pattern, means in _LOADER:
        match = pattern.search(message.text)
        if match is None:
            continue
        parts = match.groupdict()
        if not _is_name(parts.get("file") or ""):
            return None
        error = int(parts["error"]) if parts.get("error") else None
        if means is LogMeaning.MISSING and error != NOT_FOUND:
            means = LogMeaning.DAMAGED
        return Word(means=means, file=parts.get("file") or "", error=error)
    return None


def _is_name(file: str) -> bool:
    """Whether it can be the name of a firmware file. Blanks are in some; the kernel refuses `..` itself."""
    return file.isprintable() and ".." not in file.split("/")


def _messages(text: str) -> Iterator[Message]:
    for line in text.splitlines():
        before = _BEFORE.match(line)
        match = _WHO.match(line, before.end() if before else 0)
        if match:
            yield Message(driver=match[1], device=match[2] or "", text=match[3])
