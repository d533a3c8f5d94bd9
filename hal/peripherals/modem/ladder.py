"""Recovers a modem that does not work, by rungs from the mildest to the harshest, each with a budget and a reason.

After a rung the modem is brought into service again, and looked at; the first rung after which it works is the last
one. A rung that a board or a kernel does not have is passed over, and says so.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

from attrs import frozen

from hal.backends.usb.present import DEVICES, look
from hal.errors import FileFault, HalError, NotApplied, ValueRefused, blame
from hal.model import ModemState
from hal.peripherals.modem.attempts import BOOT, FOLDER, PLACE, held
from hal.peripherals.modem.job import Job
from hal.peripherals.modem.match import recognise
from hal.record import Record
from hal.root import Root
from hal.stdlib import StrEnum

WINDOW_SECONDS = 3600.0
_OFF_SECONDS = 3.0
"""How long power is off: modems keep theirs in capacitors."""
_BACK_SECONDS = 60.0
_INTERVAL_SECONDS = 0.1
LOG = f"{FOLDER}/recovery.log"
_LOG_BYTES = 64 * 1024


class Rung(StrEnum):
    """The rungs, mildest first."""

    RESCAN = "rescan"
    """Look again, and wait for drivers: it may only have been late."""
    PORT_RESET = "port-reset"
    """Reset the device through its hub; it keeps its place and its power."""
    REBIND = "rebind"
    """Make the USB core let go of the device and take it again, so that every driver starts anew."""
    HUB_POWER = "hub-power"
    """Switch its port of the hub off and on, where the kernel can (6.0 and later) and the hub has switches."""
    BOARD_POWER = "board-power"
    """Switch the modem's own power line, where the board has one."""


BUDGET: Mapping[Rung, int] = {
    Rung.RESCAN: 12,
    Rung.PORT_RESET: 6,
    Rung.REBIND: 4,
    Rung.HUB_POWER: 3,
    Rung.BOARD_POWER: 2,
}
"""How often an hour each may be tried at one place: what does not help is not repeated for ever."""


@frozen(kw_only=True, repr=False, eq=False)
class Climbed(Record):
    """One rung: whether it was tried, whether the modem works after it, and the reason either way."""

    rung: Rung
    tried: bool
    works: bool
    reason: str


PowerLine = Callable[[bool], None]
"""Switches a modem's power on or off."""
Works = Callable[[str], str | None]
"""Why the modem at a place does not work; `None` where it does."""


@frozen(kw_only=True, repr=False, eq=False)
class Ladder(Record):
    """What recovery works with. `power_lines` are those of the board, by the place they feed."""

    root: Root
    job: Job
    works: Works
    reset: Callable[[str], None]
    """Resets the device at a place through its hub. Raises `HalError`."""
    power_lines: Mapping[str, PowerLine]
    sleep: Callable[[float], None] = time.sleep
    now: Callable[[], float] = time.monotonic

    def climb(self, place: str, rungs: Sequence[Rung] = tuple(Rung)) -> tuple[Climbed, ...]:
        """Try the rungs in order until the modem works.

        Raises `ValueRefused` for what is no place on USB, or is no modem, and `FileFault` where another job is at work
        there or the rungs cannot be logged.
        """
        if not PLACE.fullmatch(place):
            raise ValueRefused(f"{place!r}: a place on USB is written as in 1-1.2", path=place)
        found: list[Climbed] = []
        for rung in rungs:
            self._is_modem(place)
            with held(self.root, place):  # a switch that is at work there is not cut short
                step = self._rung(place, rung)
            found.append(step)
            self._log(place, step)
            if step.works:
                break
        return tuple(found)

    def _is_modem(self, place: str) -> None:
        """What is there must be a modem; nothing at all may be one that is lost. Raises `ValueRefused`.

        Firmware that is being written is not interrupted.
        """
        device = look(self.root, place)
        if device is None:
            return
        modem = recognise(device, self.job.known)
        if modem is None:
            raise ValueRefused(f"{place} ({device.identity}): no modem that is known, so it is left alone", path=place)
        if modem.state is ModemState.DOWNLOAD:
            raise ValueRefused(
                f"{place} ({modem.name}): in emergency download: its firmware may be being written; left alone",
                path=place,
            )

    def _rung(self, place: str, rung: Rung) -> Climbed:
        used = sum(1 for each in self._logged() if each["place"] == place and each["rung"] == rung.value)
        if used >= BUDGET[rung]:
            reason = f"tried {used} times within an hour, which is its budget"
            return Climbed(rung=rung, tried=False, works=False, reason=reason)
        try:
            absent = _ACTIONS[rung](self, place)
        except HalError as error:
            return Climbed(rung=rung, tried=True, works=False, reason=error.message)
        if absent is not None:
            return Climbed(rung=rung, tried=False, works=False, reason=absent)
        failed = None
        try:
            self._await(place)
            self.job.bring_up(place, again=True, hold=False)
        except HalError as error:
            failed = error.message
        wrong = self.works(place)
        if wrong is not None and failed is not None:
            wrong = failed
        return Climbed(rung=rung, tried=True, works=wrong is None, reason=wrong or "it works")

    # -- the rungs -------------------------------------------------------------------------------------------------

    def _rescan(self, place: str) -> str | None:
        return None

    def _port_reset(self, place: str) -> str | None:
        if look(self.root, place) is None:
            return "no device is there to reset"
        self.reset(place)
        return None

    def _rebind(self, place: str) -> str | None:
        folder = "sys/bus/usb/drivers/usb"
        if look(self.root, place) is None:
            return "no device is there to bind"
        if not self.root.exists(f"{folder}/unbind"):
            return "the USB core offers no unbind here"
        self.root.write(f"{folder}/unbind", place)
        try:
            self.sleep(_INTERVAL_SECONDS)
        finally:
            self.root.write(f"{folder}/bind", place)
        return None

    def _hub_power(self, place: str) -> str | None:
        """The port's `disable` attribute; its hub is the place without its last number."""
        name = _port(self.root, place)
        if name is None:
            return "the hub's port has no switch in sysfs: a kernel before 6.0, or a hub that cannot"
        self._off_and_on(lambda on: self.root.write(name, "0\n" if on else "1\n"))
        return None

    def _board_power(self, place: str) -> str | None:
        line = self.power_lines.get(place)
        if line is None:
            return "this board has no power line for a modem here"
        with blame(line):
            self._off_and_on(line)
        return None

    def _off_and_on(self, switch: PowerLine) -> None:
        """Power comes back whatever happens in between."""
        try:
            switch(False)
            self.sleep(_OFF_SECONDS)
        finally:
            switch(True)

    def _await(self, place: str) -> None:
        deadline = self.now() + _BACK_SECONDS
        while look(self.root, place) is None:
            if self.now() >= deadline:
                raise NotApplied(f"{place}: nothing came back within {_BACK_SECONDS:g} s", path=place)
            self.sleep(_INTERVAL_SECONDS)

    # -- the log ---------------------------------------------------------------------------------------------------

    def _logged(self) -> Iterator[dict[str, str]]:
        """What was tried in this boot within the window."""
        if not self.root.is_file(LOG):
            return
        for line in self._text().splitlines():
            try:
                told = json.loads(line)
                recent = 0 <= self.now() - float(told["at_seconds"]) <= WINDOW_SECONDS
                if recent and told["boot"] == self.root.read_value(BOOT) and told["tried"] is True:
                    yield {"place": str(told["place"]), "rung": str(told["rung"])}
            except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
                continue

    def _text(self) -> str:
        """The log, whatever became of it: damage costs the budget its count, never the recovery."""
        try:
            data = self.root.read_bytes(LOG, limit=2 * _LOG_BYTES) if self.root.is_file(LOG) else b""
        except FileFault:
            return ""
        text = data.decode(errors="replace")
        return text if not text or text.endswith("\n") else f"{text}\n"

    def _log(self, place: str, step: Climbed) -> None:
        """One line a rung, the newest last; the oldest go when there are too many."""
        self.root.make_folder(FOLDER)
        told = {
            "boot": self.root.read_value(BOOT),
            "at_seconds": round(self.now(), 1),
            "place": place,
            "rung": step.rung.value,
            "tried": step.tried,
            "works": step.works,
            "reason": step.reason,
        }
        before = self._text()
        kept = before[-_LOG_BYTES:].partition("\n")[2] if len(before) > _LOG_BYTES else before
        self.root.write(LOG, f"{kept}{json.dumps(told)}\n", create=True)


def _port(root: Root, place: str) -> str | None:
    """The switch of the port that a device hangs on: `1-1.2` is port 2 of hub `1-1`, `1-3` is one of the root."""
    bus, _, chain = place.partition("-")
    hub, _, port = chain.rpartition(".")
    interface = f"{bus}-{hub}:1.0" if hub else f"{bus}-0:1.0"
    name = f"{DEVICES}/{interface}/{f'{bus}-{hub}' if hub else f'usb{bus}'}-port{port}/disable"
    return name if root.exists(name) else None


_ACTIONS: Mapping[Rung, Callable[[Ladder, str], str | None]] = {
    Rung.RESCAN: Ladder._rescan,
    Rung.PORT_RESET: Ladder._port_reset,
    Rung.REBIND: Ladder._rebind,
    Rung.HUB_POWER: Ladder._hub_power,
    Rung.BOARD_POWER: Ladder._board_power,
}
"""Each rung's action; what it answers is why this device has no such rung."""
