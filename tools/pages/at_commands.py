"""at-commands.md: every AT command that is sent to a modem, and what its errors mean."""

from __future__ import annotations

from typing import Any

from hal.backends.at.channel import RETRIES, WAKE_TRIES
from hal.backends.at.cme import CME
from hal.backends.at.commands import COMMANDS, Command
from hal.model import AtFaultKind
from tools.pages.markdown import code, page, prose, table

MEANINGS = {
    AtFaultKind.RETRY: "passing; a question is asked again",
    AtFaultKind.UNSUPPORTED: "this modem does not have the command, or not now",
    AtFaultKind.LOCKED: "the modem is locked to a phone, a network or a provider",
    AtFaultKind.SIM: "no SIM, or one that does not work",
    AtFaultKind.SIM_LOCKED: "the SIM waits for a PIN or PUK",
    AtFaultKind.STOP: "wrong password; never tried again",
    AtFaultKind.RADIO: "no network, or for emergency calls only",
    AtFaultKind.BUG: "the command or its parameters are wrong",
    AtFaultKind.SUBSCRIPTION: "the network refuses this SIM or this modem",
    AtFaultKind.NO_ANSWER: "nothing came before the deadline",
    AtFaultKind.GARBAGE: "what came is no answer to this command",
    AtFaultKind.PORT_GONE: "the port vanished",
    AtFaultKind.UNKNOWN: "a failure without a reason that any table has",
}


def answer(row: Command[Any]) -> str:
    """How a line is known to belong to the answer."""
    prefix = f"{code(f'{row.prefix}:')} lines" if row.prefix else ""
    if row.free:
        return f"{prefix}, or lines without a prefix" if prefix else "lines without a prefix"
    return prefix or code("OK")


def numbers(kind: AtFaultKind) -> str:
    """The CME numbers of a kind, in ranges."""
    parts: list[list[int]] = []
    for number in sorted(number for number, (_, found) in CME.items() if found is kind):
        if parts and number == parts[-1][-1] + 1:
            parts[-1].append(number)
        else:
            parts.append([number])
    return ", ".join(str(part[0]) if len(part) == 1 else f"{part[0]} to {part[-1]}" for part in parts)


def write() -> str:
    return page(
        "AT commands",
        prose(
            """What is sent to a modem is in this table and nothing else. No command carries a PIN, a password or a
            telephone number. A command of one maker is sent only after the modem itself has named that maker in answer
            to `AT+CGMI`: USB ids are shared between makers. What changes something is sent once."""
        ),
        "## Commands",
        table(
            ("Command", "Asks or does", "Sent to modems of", "Answer", "Deadline"),
            [
                (
                    code(f"AT{row.text}"),
                    row.purpose,
                    ", ".join(row.makers) or "anybody",
                    answer(row),
                    f"{row.seconds:g} s",
                )
                for row in COMMANDS
            ],
        ),
        prose(
            f"""`AT` is sent up to {WAKE_TRIES} times until somebody answers; any error that a modem has proves a port,
            too. Other questions are asked again up to {RETRIES} times after a passing error, within their deadline.
            After a command that was not answered the port is settled first, so that a late answer is not taken for that
            of the next command."""
        ),
        "## Errors",
        prose(
            """Every failure is an `AtFault` with one of these kinds. The numbers are those of 3GPP TS 27.007; a modem
            that sends their texts instead is understood as well."""
        ),
        table(
            ("Kind", "Meaning", "`+CME ERROR` numbers"),
            [(code(kind.value), MEANINGS[kind], numbers(kind)) for kind in AtFaultKind],
        ),
        "## The port",
        prose(
            """The port is opened raw, with DTR, by its tty name in sysfs (`ttyUSB2`), and locked, so that two programs
            of this project take turns. ModemManager does not see that lock: it must have let go of the modem before.
            In a tree, `dev/ttyUSB2` may be a file that names a pseudo terminal (`/dev/pts/5`) with a simulated modem at
            its other end. pyserial comes with `device-hal[modems]`."""
        ),
    )
