"""Brings the modem at one place into service and into the wanted mode: decide, act, wait, check; every wait ends.

The phases are: deciding, switching, waiting (it is gone, or about to go), ports (it is back, nodes are missing), ready.
Whether it worked is what the device then is, never what it answered. A device that is pulled out in the middle ends the
job with an error, and leaves nothing held.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext

from attrs import define, evolve, field, frozen

from hal.backends.usb.present import DEVICES, look
from hal.errors import HalError, NotApplied, ValueRefused
from hal.model import (
    AtSetting,
    AwaitReturn,
    ModemMode,
    ModemState,
    ModeSwitch,
    Outcome,
    PortRole,
    SelectConfiguration,
    Step,
    UsbDevice,
)
from hal.peripherals.modem import attempts
from hal.peripherals.modem.decide import Action, Decision, HasDriver, decide
from hal.peripherals.modem.known import Known
from hal.peripherals.modem.match import Modem, recognise
from hal.peripherals.modem.owner import switcher
from hal.peripherals.modem.perform import Performed, Tools, perform
from hal.peripherals.modem.ports import mode_of, name_ports
from hal.peripherals.modem.wire import Vanished
from hal.record import Record

PORT_SECONDS = 15.0
"""How long drivers may take to bind after a device is back; modules are loaded meanwhile."""
LISTED_SECONDS = 5.0
"""How long the kernel may take to set a device up and to list it."""
LEAVE_SECONDS = 10.0
"""How long a device may stay after it was told to go."""
STAYS_SECONDS = 3.0
"""A device that seemed to leave, and is there so long after that, has not left."""
_INTERVAL_SECONDS = 0.05

Progress = Callable[[str, str], None]
"""Told each phase, and words about it."""


@frozen(kw_only=True, repr=False, eq=False)
class Brought(Record):
    """What became of the modem at a place. `done` are the steps in words, `seconds` what it took."""

    place: str
    outcome: Outcome
    reason: str
    before: str
    modem: Modem
    done: tuple[str, ...] = ()
    seconds: float = 0
    notes: tuple[str, ...] = ()


@define(kw_only=True, repr=False, eq=False)
class Job:
    """What a job works with: what is known, what the kernel can drive, and the tools of its steps."""

    known: Known
    has_driver: HasDriver
    tools: Tools
    progress: Progress = field(default=lambda phase, words: None)
    now: Callable[[], float] = time.monotonic
    port_seconds: float = PORT_SECONDS
    leave_seconds: float = LEAVE_SECONDS
    stopped: Callable[[], bool] = field(default=lambda: False)
    """Whether the job is to end: asked before each step and while waiting, when no device is held."""
    _told: tuple[str, str] = field(default=("", ""), init=False)

    # -- the way ---------------------------------------------------------------------------------------------------

    def bring_up(
        self,
        place: str,
        prefers: Sequence[ModemMode] = (),
        *,
        again: bool = False,
        take_over: bool = False,
        hold: bool = True,
    ) -> Brought:
        """Bring the modem at a place into the wanted mode, and wait for its ports; twice changes nothing.

        `again` tries once more what failed before; `take_over` switches even where usb_modeswitch would; without `hold`
        the caller has the place already. Raises `ValueRefused` where no known modem is there, and `NotApplied`, with
        what was done and seen, where it failed.
        """
        start = self.now()
        if look(self.tools.root, place) is None:
            raise ValueRefused(f"{place}: no USB device is there", path=place)
        with attempts.held(self.tools.root, place) if hold else nullcontext():
            modem = self._modem(place)
            decision = decide(modem, self.has_driver, prefers)
            self._tell(place, "deciding", decision.reason)
            if decision.action is not Action.SWITCH:
                return self._settled(place, modem, decision, start)
            other = None if take_over else switcher(self.tools.root, modem)
            if other is not None and modem.state is not ModemState.STORAGE:
                reason = (
                    f"it stays as it is: {other} acts on it too, and would undo a change; `hal modem rules` masks it"
                )
                return self._settled(place, modem, evolve(decision, action=Action.LEAVE, reason=reason), start)
            assert decision.switch is not None
            if any(isinstance(step, AtSetting) for step in decision.switch.steps):
                modem = self._ports(place, modem)
                try:
                    self.tools.port(modem)
                except NotApplied as error:
                    if prefers:
                        raise
                    return self._settled(
                        place, modem, evolve(decision, action=Action.LEAVE, reason=error.message), start
                    )
            tried = attempts.read(self.tools.root, place, self.now())
            if tried.identity != modem.device.identity:
                tried = attempts.Tried()
            if tried.failures >= attempts.MOST and not again:
                raise NotApplied(
                    f"{place} ({modem.name}): {tried.failures} attempts failed, the last one so: {tried.failure}; "
                    "pull it out for two minutes, or try again on purpose",
                    path=place,
                )
            return self._switch(place, modem, decision, other, start, tried)

    def _switch(
        self, place: str, modem: Modem, decision: Decision, other: str | None, start: float, tried: attempts.Tried
    ) -> Brought:
        assert decision.switch is not None
        done: list[str] = []
        try:
            if other is None:
                after = self._act(place, modem, decision.switch, done)
            else:
                self._tell(place, "waiting", f"{other} switches it")
                done.append(f"{other} was waited for; `hal modem switch --take-over` switches without it")
                after = self._returned(place, modem.device, decision.switch, modem, done)
            after = self._ports(place, after)
            self._check(place, after, decision, done)
        except HalError as error:
            attempts.note(
                self.tools.root,
                place,
                attempts.Tried(
                    identity=modem.device.identity,
                    failures=tried.failures + 1,
                    failure=error.message,
                    at_seconds=self.now(),
                    phase="failed",
                    words=error.message,
                ),
            )
            self.progress("failed", error.message)
            raise
        attempts.note(
            self.tools.root, place, attempts.Tried(at_seconds=self.now(), phase="ready", words=decision.reason)
        )
        self.progress("ready", _ready(after))
        return Brought(
            place=place,
            outcome=Outcome.APPLIED,
            reason=decision.reason,
            before=modem.device.identity,
            modem=after,
            done=tuple(done),
            seconds=self.now() - start,
            notes=_notes(after, decision.switch),
        )

    def _settled(self, place: str, modem: Modem, decision: Decision, start: float) -> Brought:
        """Nothing is to be done but to wait for ports that are still missing."""
        after = modem if modem.state is not ModemState.SERVICE else self._ports(place, modem)
        self._tell(place, "ready" if after.complete else "left", decision.reason)
        return Brought(
            place=place,
            outcome=Outcome.UNCHANGED,
            reason=decision.reason,
            before=modem.device.identity,
            modem=after,
            seconds=self.now() - start,
            notes=_notes(after),
        )

    # -- acting ----------------------------------------------------------------------------------------------------

    def _act(self, place: str, modem: Modem, switch: ModeSwitch, done: list[str]) -> Modem:
        """The steps in order. A device that has gone in the middle is waited for, as after the last step."""
        self._pause(switch.wait_seconds)
        current = modem
        last: Step | None = None
        for number, step in enumerate(switch.steps, 1):
            words = f"step {number} of {len(switch.steps)}"
            if isinstance(step, AwaitReturn):
                self._tell(place, "waiting", words)
                current = self._returned(place, current.device, evolve(switch, seconds=step.seconds), modem)
                done.append("it went and came back")
                last = step
                continue
            self._tell(place, "switching", words)
            self._pause(0)
            if not self._perform(step, current, words, done):
                break
            last = step
        self._tell(place, "waiting", done[-1] if done else "")
        if isinstance(last, AwaitReturn):
            return current
        if isinstance(last, SelectConfiguration):
            return self._configured(place, modem)
        return self._returned(place, current.device, switch, modem, done)

    def _perform(self, step: object, modem: Modem, words: str, done: list[str]) -> bool:
        """One step; once more where the device seemed to leave and is still there: then it has not heard all.

        Returns whether it is still to be talked to.
        """
        for _ in range(2):
            try:
                did = perform(step, modem, self.tools)
            except Vanished:
                did = Performed(words=f"{words}: it had left", left=True)
            done.append(did.words)
            if not did.left:
                return True
            deadline = self.now() + STAYS_SECONDS
            while self.tools.root.read_value(f"{DEVICES}/{modem.device.name}/devnum") == str(modem.device.number):
                if self.now() >= deadline:
                    break
                self._pause()
            else:
                return False
        return False

    def _configured(self, place: str, modem: Modem) -> Modem:
        """A device whose configuration was chosen does not go; its interfaces are new."""
        deadline = self.now() + self.leave_seconds
        while (device := look(self.tools.root, place)) is not None:
            if device.ready or self.now() >= deadline:
                return recognise(device, self.known) or _unknown(device, modem)
            self._pause()
        raise NotApplied(f"{place} ({modem.name}): pulled out while its configuration was chosen", path=place)

    def _returned(
        self, place: str, before: UsbDevice, switch: ModeSwitch, modem: Modem, done: Sequence[str] = ()
    ) -> Modem:
        """Another presence at the place, with all its interfaces. The second deadline begins when it has left."""
        told = f"; {done[-1]}" if done else ""
        who = f"{place} ({modem.name}, {before.identity})"
        stays = max(self.leave_seconds, switch.seconds)
        leaves, returns = self.now() + stays, None
        while True:
            moment, number = self.now(), self.tools.root.read_value(f"{DEVICES}/{place}/devnum")
            if number != str(before.number) and returns is None:
                returns = moment + switch.seconds
                self._tell(place, "waiting", "it has left")
            late = returns is not None and moment >= returns
            device = None if returns is None else look(self.tools.root, place)
            if device is not None and device.number != before.number and (device.ready or late):
                return recognise(device, self.known) or _unknown(device, modem)
            if late:
                raise NotApplied(f"{who}: left, and did not come back within {switch.seconds:g} s{told}", path=place)
            if returns is None and moment >= leaves:
                raise NotApplied(f"{who}: still there after {stays:g} s{told}", path=place)
            self._pause()

    def _ports(self, place: str, modem: Modem) -> Modem:
        """The same presence, once every port has its node, or nothing more is to be expected."""
        deadline = self.now() + self.port_seconds
        while modem.state is ModemState.SERVICE and self._expects(modem) and self.now() < deadline:
            self._tell(place, "ports", "waiting for drivers")
            self._pause()
            device = look(self.tools.root, place)
            if device is None:
                raise NotApplied(f"{place} ({modem.name}): pulled out while its drivers were bound", path=place)
            if device.number != modem.device.number:
                raise NotApplied(f"{place} ({modem.name}): went again while its drivers were bound", path=place)
            modem = recognise(device, self.known) or _unknown(device, modem)
        return modem

    def _expects(self, modem: Modem) -> bool:
        """Whether interfaces, or nodes that a driver of this kernel makes, are still to come."""
        return not modem.device.ready or any(
            not port.complete and any(map(self.has_driver, port.drivers)) for port in modem.ports
        )

    def _check(self, place: str, modem: Modem, decision: Decision, done: Sequence[str]) -> None:
        """What it is now, against what was wanted."""
        who, told = f"{place} ({modem.name}, {modem.device.identity})", f"; {done[-1]}" if done else ""
        if modem.state is ModemState.STORAGE:
            raise NotApplied(f"{who}: came back in storage mode{told}", path=place)
        if modem.state is None:
            raise NotApplied(f"{who}: came back without a configuration", path=place)
        if decision.wanted is not None and modem.mode is not decision.wanted:
            shown = modem.mode.value if modem.mode else "no known mode"
            raise NotApplied(f"{who}: is in {shown}, and {decision.wanted.value} was wanted{told}", path=place)
        if modem.mode is None:
            raise NotApplied(f"{who}: came back with no port or network that is known{told}", path=place)

    def _pause(self, seconds: float = _INTERVAL_SECONDS) -> None:
        if self.stopped():
            raise NotApplied("stopped on request, before it was done")
        self.tools.sleep(seconds)

    # -- looking ---------------------------------------------------------------------------------------------------

    def _modem(self, place: str) -> Modem:
        device = self._listed(place)
        if device is None:
            raise ValueRefused(f"{place}: no USB device is there", path=place)
        modem = recognise(device, self.known)
        if modem is None:
            raise ValueRefused(f"{place} ({device.identity}): no modem that is known", path=place)
        return modem

    def _listed(self, place: str) -> UsbDevice | None:
        """The device once the kernel has set it up: an event is told before all its interfaces are listed.

        Where texts of its logical units tell makers apart, they are waited for as well: the kernel asks for them late.
        """
        deadline = self.now() + LISTED_SECONDS
        while (device := look(self.tools.root, place)) is not None and self.now() < deadline:
            pairs = self.known.shown_by(device.vendor_id, device.product_id)
            asked = any(each.scsi_vendor or each.scsi_model for each, _ in pairs)
            storage = bool(device.interfaces) and device.interfaces[0].triple[0] == 0x08
            if not pairs or (device.ready and not (asked and storage and not device.scsi)):
                break
            self._pause()
        return device

    def _tell(self, place: str, phase: str, words: str) -> None:
        """Each phase once: to whoever listens, and into the record that `hal modem list` shows."""
        if self._told != (phase, words):
            self._told = (phase, words)
            before = attempts.read(self.tools.root, place, self.now())
            attempts.note(self.tools.root, place, evolve(before, phase=phase, words=words))
            self.progress(phase, words)


def _unknown(device: UsbDevice, before: Modem) -> Modem:
    """A device that came back with ids that nothing knows: what its maker's rules tell of its interfaces counts."""
    ports = name_ports(device, before.models[0].model.ports)
    return evolve(before, device=device, state=ModemState.SERVICE, mode=mode_of(ports), ports=ports, conflict=None)


def _ready(modem: Modem) -> str:
    at = modem.at
    return f"{modem.mode.value if modem.mode else 'no mode'}, AT port {at.tty if at else 'none'}"


def _notes(modem: Modem, switch: ModeSwitch | None = None) -> tuple[str, ...]:
    """What a reader should know although nothing failed."""
    found = []
    for port in modem.ports:
        if not port.complete:
            what = "network interface" if port.role is PortRole.NETWORK else "device node"
            why = f"{port.driver} made none" if port.driver else f"no driver took it ({' or '.join(port.drivers)})"
            found.append(f"interface {port.interface} ({port.role.value}) has no {what}: {why}")
    known = {identity.ids for each in modem.models for identity in each.model.identities}
    expected = known.union(switch.targets if switch else ())
    if (modem.device.vendor_id, modem.device.product_id) not in expected:
        found.append(f"it came back as {modem.device.identity}, which is not in the table of {modem.name}")
    return tuple(found)
