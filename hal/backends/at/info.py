"""What a modem tells of itself: each fact is asked for on its own, within one deadline for all."""

from __future__ import annotations

import time
from typing import TypeVar

from hal.backends.at import commands
from hal.backends.at.channel import SILENT, Channel
from hal.backends.at.commands import Command, of_maker
from hal.backends.at.identity import SIM_BY_CME, maker_of
from hal.backends.at.network import registrations
from hal.errors import AtFault
from hal.model import (
    AtFaultKind,
    ModemIdentity,
    ModemInfo,
    ModemMaker,
    ModemRegistration,
    ModemSignal,
    ModemSim,
    ModemUnknown,
    RegistrationState,
    SimState,
)

SECONDS = 60.0
"""For all questions together."""
T = TypeVar("T")
MAKERS = (commands.MAKER, commands.MAKER_V250)


class _Questions:
    """Asks until the time is over, and notes what stayed without an answer."""

    def __init__(self, channel: Channel, seconds: float) -> None:
        self.channel = channel
        self._deadline = time.monotonic() + seconds
        self.unknown: dict[str, ModemUnknown] = {}

    def left(self) -> float:
        """Seconds until the time is over."""
        return self._deadline - time.monotonic()

    def ask(self, name: str, command: Command[T] | None) -> T | None:
        """One fact; `None` with a reason in `unknown`. A fact asked for twice keeps its first reason."""
        if command is None:
            return None
        try:
            return self.must(command)
        except AtFault as fault:
            self.unknown.setdefault(name, ModemUnknown(name=name, kind=fault.kind, reason=fault.message))
            return None

    def must(self, command: Command[T]) -> T:
        """One answer, or its fault."""
        if (left := self.left()) <= 0:
            message = f"{self.channel.name}: AT{command.text}: not asked, the time for all questions is over"
            raise AtFault(message, path=self.channel.name, command=f"AT{command.text}", kind=AtFaultKind.NO_ANSWER)
        return self.channel.ask(command, seconds=left)


def identify(channel: Channel, *, seconds: float = SECONDS) -> ModemIdentity:
    """Who the modem says that it is; `channel.maker` is set by it, which lets commands of that maker pass.

    The channel must be awake. Raises `AtFault` where it does not name its maker.
    """
    return _identity(_Questions(channel, seconds))


def read_info(channel: Channel, maker: ModemMaker | None = None, *, seconds: float = SECONDS) -> ModemInfo:
    """All that an awake modem tells within `seconds`. What it does not tell is in `unknown`, each with its reason.

    `maker` is who its USB ids say made it. Where the modem names another, `unknown` says so, and the modem is believed.
    Raises `AtFault` where it does not even name its maker.
    """
    questions = _Questions(channel, seconds)
    identity = _identity(questions)
    if maker and identity.maker is not maker:
        reason = f"{channel.name}: USB ids say {maker}, the modem says {identity.maker_text}"
        questions.unknown["maker"] = ModemUnknown(name="maker", kind=AtFaultKind.UNKNOWN, reason=reason)
    made_by = channel.maker
    return ModemInfo(
        port=channel.name,
        identity=identity,
        mode=questions.ask("mode", commands.MODE),
        sim=_sim(questions),
        registration=_registration(questions),
        operator=questions.ask("operator", commands.OPERATOR),
        signals=_signals(questions),
        system=questions.ask("system", commands.SYSTEM) if made_by is ModemMaker.HUAWEI else None,
        usb_mode=questions.ask("usb_mode", of_maker(commands.USB_MODE, made_by)),
        clock=questions.ask("clock", commands.CLOCK),
        unknown=tuple(questions.unknown.values()),
    )


def _identity(questions: _Questions) -> ModemIdentity:
    """By the standard command, then the older one, then the one that tells all; whoever is silent stays so."""
    about: dict[str, str] = {}
    try:
        maker_text = _first(questions, MAKERS)
    except AtFault as fault:
        if fault.kind in (*SILENT, AtFaultKind.PORT_GONE):
            raise
        about = questions.must(commands.ABOUT)
        maker_text = about["maker_text"]
    questions.channel.maker = maker_of(maker_text)

    def text(name: str, command: Command[str]) -> str | None:
        found = questions.ask(name, command) or about.get(name)
        if found:
            questions.unknown.pop(name, None)
        return found

    return ModemIdentity(
        maker=questions.channel.maker,
        maker_text=maker_text,
        model=text("model", commands.MODEL),
        revision=text("revision", commands.REVISION),
        imei=text("imei", commands.IMEI),
    )


def _first(questions: _Questions, rows: tuple[Command[T], ...]) -> T:
    """The first that the modem has."""
    *others, last = rows
    for command in others:
        try:
            return questions.must(command)
        except AtFault as fault:
            if fault.kind in (AtFaultKind.NO_ANSWER, AtFaultKind.PORT_GONE):
                raise
    return questions.must(last)


def _sim(questions: _Questions) -> ModemSim | None:
    """Its state, which an error may tell as well; a SIM that is missing has no number to ask for."""
    try:
        state = questions.must(commands.SIM)
    except AtFault as fault:
        told = SIM_BY_CME.get(fault.number) if fault.number is not None else None
        if told is None:
            questions.unknown["sim"] = ModemUnknown(name="sim", kind=fault.kind, reason=fault.message)
            return None
        state = told
    if state in (SimState.MISSING, SimState.FAILED):
        return ModemSim(state=state)
    row = of_maker(commands.SIM_NUMBER, questions.channel.maker)
    return ModemSim(state=state, iccid=questions.ask("iccid", row))


def _registration(questions: _Questions) -> ModemRegistration | None:
    """All three domains; one that a modem lacks is a fact, not a failure, unless it lacks all."""
    before = set(questions.unknown)
    rows = {"circuit": commands.CIRCUIT, "packet": commands.PACKET, "lte": commands.LTE}
    told: dict[str, RegistrationState | None] = {
        name: questions.ask(f"registration.{name}", row) for name, row in rows.items()
    }
    if not any(told.values()):
        return None
    _forget_unsupported(questions, before)
    return registrations(told["circuit"], told["packet"], told["lte"])


def _signals(questions: _Questions) -> tuple[ModemSignal, ...]:
    """By every command that the modem has, exact ones first."""
    before = set(questions.unknown)
    rows = [commands.HCSQ] if questions.channel.maker is ModemMaker.HUAWEI else []
    asked = [
        questions.ask(f"signal.{row.text.strip('+^?').lower()}", row) for row in (*rows, commands.CESQ, commands.CSQ)
    ]
    found = tuple(signal for signal in asked if signal is not None)
    if found:
        _forget_unsupported(questions, before)
    return found


def _forget_unsupported(questions: _Questions, before: set[str]) -> None:
    """What a modem lacks is not worth telling where it answered another question about the same."""
    for name in set(questions.unknown) - before:
        if questions.unknown[name].kind is AtFaultKind.UNSUPPORTED:
            del questions.unknown[name]
