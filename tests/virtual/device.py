"""A virtual device in a port: one physical thing that comes, is switched, goes and comes again as another row.

Everything that a program of the host sends is kept in `sent`: data for an endpoint, and control requests that are not
standard ones (which drivers make too). `log` has what happened, with the seconds since the device was made.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Event, RLock, Timer

from attrs import define, frozen
from virtual import vhci
from virtual.at_modem import PERSONALITIES, AtModem
from virtual.enumeration import Enumeration
from virtual.models import ROWS, Row
from virtual.usbip import Stall


@define(kw_only=True)
class Faults:
    """What goes wrong. Steps: `configured`, `message` (before its status), `status` (after it), `back`, `at`."""

    refuse_message: bool = False
    """A message that would switch it is answered with a failing status."""
    stall_message: bool = False
    """A message stalls the endpoint."""
    ignore_message: bool = False
    """A message is answered with success, and nothing happens."""
    never_back: bool = False
    """Once it has left for another row, it stays away."""
    back_unchanged: int = 0
    """So many times it comes back as what it was."""
    unplugged_at: str = ""
    """Leaves for good at this step."""
    greets_early: bool = False
    """What it says of itself after a restart waits for whoever opens the port first, as the terminal's echo does."""
    late_seconds: float = 0.0
    """AT answers come this much later."""


@frozen
class Sent:
    """What a program of the host has sent. `to` is the function's name, `endpoint` 0 for a control request."""

    row: str
    to: str
    endpoint: int
    data: bytes
    seconds: float


class Device:
    """Make it, `plug` it; it then lives in threads until `unplug`."""

    def __init__(
        self,
        row: str,
        port: int,
        *,
        faults: Faults | None = None,
        ejected_to: str | None = None,
        leaves_seconds: float = 0.2,
        gone_seconds: float = 0.5,
    ) -> None:
        """`ejected_to` is the row that an eject by SCSI makes of it; without one, it stays what it is.

        `leaves_seconds` after a message or a reset it is gone, and `gone_seconds` later it is back.
        """
        self.row, self.port = ROWS[row], port
        self.faults = faults or Faults()
        self.ejected_to, self.leaves_seconds, self.gone_seconds = ejected_to, leaves_seconds, gone_seconds
        self.sent: list[Sent] = []
        self.commands: list[bytes] = []
        """Every SCSI command block."""
        self.refused: list[bytes] = []
        """Those vendor commands among them that it does not do."""
        self.log: list[tuple[float, str, str]] = []
        self.modem = AtModem(PERSONALITIES[self.row.personality]) if self.row.personality else None
        self.enumeration: Enumeration | None = None
        self._lock, self._began, self._ended = RLock(), time.monotonic(), Event()
        self._timers: list[Timer] = []
        self._leaving = self._come_before = False
        self._greeting = b""

    @property
    def name(self) -> str:
        """Its name in sysfs, whatever row it is in."""
        return vhci.name(self.port)

    def plug(self) -> None:
        """Into the port, as the row that it is."""
        self._ended.clear()
        self._come(self.row)

    def unplug(self) -> None:
        """Gone for good, at once."""
        with self._lock:
            self._ended.set()
            for timer in self._timers:
                timer.cancel()
            self._leave()

    def note(self, what: str, detail: str = "") -> None:
        """One line of `log`."""
        self.log.append((round(time.monotonic() - self._began, 3), what, detail))

    def keep(self, to: str, endpoint: int, data: bytes) -> None:
        """One line of `sent`."""
        self.sent.append(Sent(self.row.name, to, endpoint, data, round(time.monotonic() - self._began, 3)))

    def step(self, name: str) -> None:
        """A step that a fault may end at. Raises `Stall` where the device has gone."""
        if self.faults.unplugged_at == name:
            self.note("unplugged", name)
            self.unplug()
            raise Stall

    # -- coming and going ----------------------------------------------------------------------------------------

    def become(self, row: str | None) -> None:
        """Leave, and come back as this row; `None` is for good. The faults have their say; a second call has none."""
        if self._leaving:
            return
        self._leaving = True
        self.note("leaves", row or "for good")
        self._later(self.leaves_seconds, lambda: self._left_for(row))

    def _left_for(self, row: str | None) -> None:
        self._leave()
        if row is None or self._ended.is_set() or self.faults.never_back:
            return
        if self.faults.back_unchanged:
            self.faults.back_unchanged -= 1
            row = self.row.name
        self._later(self.gone_seconds, lambda: self._come(ROWS[row]))

    def _leave(self) -> None:
        with self._lock:
            if (there := self.enumeration) is not None:
                self.enumeration = None
                self.note("left", self.row.name)
                there.link.close()

    def detached(self, enumeration: Enumeration) -> None:
        """The host has let go of it, by itself: it stays in the port, unused, until it is plugged in again."""
        with self._lock:
            if self.enumeration is enumeration:
                self.enumeration = None
                self.note("detached", self.row.name)

    def _come(self, row: Row) -> None:
        vhci.wait_until_free(self.port)
        with self._lock:
            if self._ended.is_set():
                return
            greeting, self._greeting = self._greeting, b""
            self.row, self._leaving = row, False
            self.enumeration = Enumeration(self, row, greeting)
            self.note("attached", row.name)
            if self._come_before and self.faults.unplugged_at == "back":
                self._later(self.leaves_seconds, self.unplug)
            self._come_before = True

    def _later(self, seconds: float, action: Callable[[], None]) -> None:
        timer = Timer(seconds, action)
        timer.daemon = True
        self._timers.append(timer)
        timer.start()

    def say(self, text: str, function: str = "at") -> bool:
        """A line that nobody asked for; `False` where the device has no such function now."""
        there = self.enumeration
        return there is not None and self.modem is not None and there.say(self.modem.unsolicited(text), function)

    # -- what its functions decide ------------------------------------------------------------------------------

    def heard(self, block: bytes) -> None:
        """Every SCSI command block."""
        self.commands.append(block)

    def message(self, block: bytes) -> Callable[[], None] | None:
        """A vendor command: what follows its status, or `None` where it is refused."""
        self.note("message", block.hex())
        self.step("message")
        if self.faults.stall_message:
            raise Stall
        known = [row for start, row in self.row.messages.items() if block.hex().startswith(start)]
        if self.faults.refuse_message or not known:
            self.refused.append(block)
            return None
        if self.faults.ignore_message:
            return lambda: None
        return lambda: self._switched(known[0])

    def _switched(self, row: str) -> None:
        if self.faults.unplugged_at == "status":
            self.unplug()
        else:
            self.become(row)

    def ejected(self) -> None:
        """The host has ejected the medium."""
        self.note("ejected")
        if self.ejected_to:
            self.become(self.ejected_to)

    def at(self, line: bytes) -> bytes:
        """A whole AT line: what the modem says, and what that makes of the device."""
        if self.modem is None or self._leaving:
            return b""
        self.step("at")
        answer = self.modem.feed(line)
        if self.modem.reset_requested:
            greeting = self.modem.restart()
            self._greeting = greeting if self.faults.greets_early else b""
            mode = self.modem.usbnet if self.modem.usbnet is not None else self.modem.usb_product_id
            self.become(self.row.modes.get(mode) if self.row.modes else self.row.name)
        elif self.modem.powered_off:
            self.become(None)
        return answer

    def say_later(self, say: Callable[[bytes], None], data: bytes) -> None:
        """An answer, at once or late."""
        if self.faults.late_seconds:
            self._later(self.faults.late_seconds, lambda: say(data))
        else:
            say(data)
