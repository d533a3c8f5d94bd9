"""The AT channel to a modem: one command at a time, each with a deadline, each answered by a value or an `AtFault`."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from hal.backends.at import port as ports
from hal.backends.at.answer import MOST_BYTES, Answer, Incoming
from hal.backends.at.cme import meaning
from hal.backends.at.commands import ATTENTION, ECHO_OFF, ERROR_NUMBERS, Command
from hal.backends.at.fields import Unreadable
from hal.errors import AtFault, ValueRefused
from hal.model import AtFaultKind, ModemMaker
from hal.root import Root

T = TypeVar("T")
WAKE_TRIES = 6
"""How often `AT` is sent to a port that does not answer: as often as ModemManager does."""
RETRIES = 2
PAUSE_SECONDS = 0.5
"""Between two tries of a command that fails for a passing reason."""
QUIET_SECONDS = 0.2
"""A port is settled when so long nothing came: then no late answer is on its way."""

SILENT = (AtFaultKind.NO_ANSWER, AtFaultKind.GARBAGE)
_FINALS = {"COMMAND NOT SUPPORT": AtFaultKind.UNSUPPORTED}
"""What a final line without a number means; the others tell no reason."""


class Channel:
    """A modem's AT port while it is open. `maker` is who the modem says made it, `None` until it has been asked."""

    def __init__(self, port: ports.Port, *, pause_seconds: float = PAUSE_SECONDS) -> None:
        self._port = port
        self._pause_seconds = pause_seconds
        self._late = False
        self.name = port.name
        self.maker: ModemMaker | None = None

    def ask(self, command: Command[T], *, seconds: float | None = None) -> T:
        """What a modem answers to a command, within the command's deadline, or `seconds` where that is less.

        A question that fails for a passing reason is asked again while there is time; what changes something is sent
        once. Raises `AtFault`, and `ValueRefused` for a command of a maker that the modem has not named.
        """
        if command.makers and self.maker not in command.makers:
            raise ValueRefused(
                f"{self.name}: AT{command.text} is a command of {', '.join(command.makers)}, and this modem is "
                f"{f'of {self.maker}' if self.maker else 'of no maker that is known'}",
                path=self.name,
                allowed=command.makers,
            )
        if not command.text.isascii() or not command.text.isprintable():
            raise ValueRefused(f"{self.name}: AT{command.text!r} is not one line of printable ASCII", path=self.name)
        deadline = time.monotonic() + min(command.seconds, command.seconds if seconds is None else seconds)
        tries = 0 if command.changes else RETRIES
        while True:
            try:
                return self._once(command, deadline)
            except AtFault as fault:
                if fault.kind is not AtFaultKind.RETRY or not tries:
                    raise
                if time.monotonic() + self._pause_seconds >= deadline:
                    raise
            tries -= 1
            time.sleep(self._pause_seconds)

    def wake(self, *, tries: int = WAKE_TRIES, seconds: float = ATTENTION.seconds) -> None:
        """Make sure that an AT port is there, then switch echo off and error numbers on where the modem lets us.

        Any error that a modem has proves a port, too. Raises the `AtFault` of the last of `tries` that nobody answered,
        each of at most `seconds`.
        """
        for left in reversed(range(tries)):
            try:
                self.ask(ATTENTION, seconds=seconds)
            except AtFault as fault:
                if fault.kind is AtFaultKind.PORT_GONE or (fault.kind in SILENT and not left):
                    raise
                if fault.kind in SILENT:
                    continue
            break
        for command in (ECHO_OFF, ERROR_NUMBERS):
            try:
                self.ask(command, seconds=seconds)
            except AtFault as fault:
                if fault.kind in (*SILENT, AtFaultKind.PORT_GONE):
                    raise

    def gone_within(self, seconds: float) -> bool:
        """Whether the port vanishes within this time; what comes meanwhile is dropped."""
        deadline = time.monotonic() + seconds
        try:
            while time.monotonic() < deadline:
                self._port.read(deadline)
        except ports.Gone:
            return True
        return False

    # -- one command ---------------------------------------------------------------------------------------------

    def _once(self, command: Command[T], deadline: float) -> T:
        if self._late:
            self._settle(command, deadline)
        self._drop(deadline)
        answer = self._exchange(command, deadline)
        if answer.final != "OK":
            raise self._refusal(command, answer.final)
        try:
            return command.read(answer.lines)
        except Unreadable as error:
            raise self._fault(command, AtFaultKind.GARBAGE, f"answers nothing readable: {error}") from error

    def _exchange(self, command: Command[Any], deadline: float) -> Answer:
        """Send, and collect until the final line."""
        sent = f"AT{command.text}"
        incoming = Incoming(sent=sent, prefix=command.prefix, free=command.free)
        try:
            self._port.write(f"{sent}\r".encode("ascii"), deadline)
            while time.monotonic() < deadline:
                if answer := incoming.take(self._port.read(deadline)):
                    return answer
                if incoming.flooded:
                    self._late = True
                    raise self._fault(command, AtFaultKind.GARBAGE, f"{MOST_BYTES} bytes came that are no answer")
        except ports.Gone as error:
            raise self._fault(command, AtFaultKind.PORT_GONE, f"the port vanished ({error})") from error
        except ports.Stuck as error:
            self._late = True
            raise self._fault(command, AtFaultKind.NO_ANSWER, "the modem takes no bytes") from error
        self._late = True
        if odd := incoming.odd or incoming.unfinished():
            raise self._fault(command, AtFaultKind.GARBAGE, f"what came is no answer: {odd[:64]!r}")
        raise self._fault(command, AtFaultKind.NO_ANSWER, "no answer in time")

    def _settle(self, command: Command[T], deadline: float) -> None:
        """After a command without an answer: until one to `AT` came and then nothing for a while.

        Otherwise the late answer would be taken for that of the next command.
        """
        self._exchange(ATTENTION, deadline)
        while time.monotonic() < deadline:
            try:
                if not self._port.read(min(deadline, time.monotonic() + QUIET_SECONDS)):
                    break
            except ports.Gone as error:
                raise self._fault(command, AtFaultKind.PORT_GONE, f"the port vanished ({error})") from error
        else:
            raise self._fault(command, AtFaultKind.GARBAGE, "the port does not become quiet")
        self._late = False

    def _drop(self, deadline: float) -> None:
        """Forget what came unasked, at most as much as an answer may have."""
        try:
            for _ in range(MOST_BYTES // ports.CHUNK):
                if time.monotonic() >= deadline or not self._port.read(0):
                    return
        except ports.Gone:
            return  # sending tells it

    # -- faults --------------------------------------------------------------------------------------------------

    def _refusal(self, command: Command[T], final: str) -> AtFault:
        """What a final line other than OK means."""
        word, _, told = final.partition(":")
        if word == "+CME ERROR":
            number, text, kind = meaning(told)
            return self._fault(command, kind, text, number=number, told=told.strip())
        if word == "+CMS ERROR":
            digits = told.strip()
            number = int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 6 else None
            return self._fault(command, AtFaultKind.UNKNOWN, f"SMS error {digits}", number=number, told=digits)
        return self._fault(command, _FINALS.get(final, AtFaultKind.UNKNOWN), f"answers {final[:64]}", told=final)

    def _fault(
        self, command: Command[Any], kind: AtFaultKind, words: str, *, number: int | None = None,
        told: str = "",
    ) -> AtFault:  # fmt: skip
        sent = f"AT{command.text}"
        return AtFault(
            f"{self.name}: {sent}: {words}", path=self.name, command=sent, kind=kind, number=number, told=told
        )


@contextmanager
def opened(
    root: Root, tty: str, *, wait_seconds: float = ports.OPEN_SECONDS, pause_seconds: float = PAUSE_SECONDS
) -> Iterator[Channel]:
    """The channel of a tty by its name in sysfs (`ttyUSB2`). Nothing is sent yet. Raises `FileFault` as `port.opened`.

    ModemManager must have let go of the modem before: it does not see our lock, and each would read half of an answer.
    """
    with ports.opened(root, tty, wait_seconds=wait_seconds) as port:
        yield Channel(port, pause_seconds=pause_seconds)
