"""One QEMU at the other end of a serial line: what it says, what is typed into it, and how a boot ended."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Sequence
from io import StringIO
from time import monotonic
from types import TracebackType
from typing import TYPE_CHECKING, Literal

import pexpect
from attrs import frozen

from lab.disk import Disk
from lab.payload import Slot

if TYPE_CHECKING:
    from typing import Self  # from Python 3.11 on

# How a boot ended: a kernel of the lab ran; the loader asks a person or has given up; the machine reset or powered
# off by itself; nothing of that happened in the time that was given.
Ended = Literal["kernel", "prompt", "reset", "deadline"]

COMMON = ("-accel", "tcg", "-nodefaults", "-display", "none", "-nic", "none", "-serial", "stdio", "-no-reboot")
KERNEL_EXIT = 33  # what payload.x86 makes QEMU end with
KERNEL_SAID = re.compile(r"^LAB-KERNEL slot=([AB])\r*\nLAB-CMDLINE ([^\r\n]*)", re.MULTILINE)


class QemuError(Exception):
    """QEMU itself failed, which says nothing about the guest; the text is what it wrote."""


@frozen
class Booted:
    """What one boot came to: the slot whose kernel ran, None without one; its command line; all that was said."""

    slot: Slot | None
    cmdline: str | None
    console: str
    ended: Ended


class Machine:
    """A running QEMU, from entering to leaving the `with` block at most; it also dies with this process.

    Every wait shares one deadline, `timeout_seconds` after the start.
    """

    def __init__(self, words: Sequence[str], *, timeout_seconds: float) -> None:
        self._deadline = monotonic() + timeout_seconds
        self._said = StringIO()
        self._qemu = pexpect.spawn(words[0], list(words[1:]), encoding="latin-1", echo=False)
        self._qemu.logfile_read = self._said
        self._qemu.delaybeforesend = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._qemu.isalive():
            os.kill(self._qemu.pid, signal.SIGKILL)
            self._qemu.wait()
        self._qemu.close()

    @property
    def pid(self) -> int:
        return int(self._qemu.pid)

    @property
    def said(self) -> str:
        return self._said.getvalue()

    def send(self, text: str) -> None:
        self._qemu.send(text)

    def until(self, *patterns: str) -> int | None:
        """Reads on until one of the patterns comes: its index. None when QEMU ended; TimeoutError at the deadline."""
        try:
            return int(self._qemu.expect(list(patterns), timeout=max(0.0, self._deadline - monotonic())))
        except pexpect.TIMEOUT:
            raise TimeoutError(self.said) from None
        except pexpect.EOF:
            self._qemu.wait()
            if self._qemu.exitstatus not in (0, KERNEL_EXIT):
                raise QemuError(self.said) from None
            return None

    def before(self) -> str:
        """What was said between the last two matches of `until`."""
        return str(self._qemu.before)

    def outcome(self, *prompts: str, pauses: Sequence[str] = ()) -> Booted:
        """Waits until the boot is decided. At a pause, which the loader ends by itself some time, a key is pressed."""
        try:
            while (seen := self.until(*prompts, *pauses)) is not None and seen >= len(prompts):
                self.send(" ")
            ended: Ended = "reset" if seen is None else "prompt"
        except TimeoutError:
            ended = "deadline"
        said = KERNEL_SAID.search(self.said)
        if said is None:
            return Booted(None, None, self.said, ended)
        return Booted("A" if said[1] == "A" else "B", said[2], self.said, "kernel")


def drive(disk: Disk, device: str) -> tuple[str, ...]:
    """QEMU's words for this disk on that device; what the guest writes is in the file at once."""
    name = str(disk.path).replace(",", ",,")
    return ("-drive", f"if=none,id=disk,format=raw,cache=writethrough,file={name}", "-device", f"{device},drive=disk")
