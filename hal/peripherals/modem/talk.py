"""Talking to a modem by AT commands: which port, whether somebody else has it, and what it says.

A port is opened only where a known model names it an AT port, and only while ModemManager does not have it: two that
read one port each get half of an answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from hal.backends.at.channel import Channel, opened
from hal.backends.at.commands import Command
from hal.errors import NotApplied
from hal.model import ModemInfo, ModemMaker
from hal.peripherals.modem.match import Modem
from hal.peripherals.modem.owner import port_owner
from hal.peripherals.modem.ports import ModemPort, at_ports
from hal.root import Root

_SECONDS = 30.0
"""For a command that changes a mode or restarts: as long as the slowest maker takes."""
_PREFIX = re.compile(r"[+^*$%#&]\w+")


def free_port(root: Root, modem: Modem) -> ModemPort:
    """The first AT port that nobody else has. Raises `NotApplied` with the reason where there is none."""
    ports = at_ports(modem.ports)
    if not ports:
        raise NotApplied(f"{modem.device.name} ({modem.name}): no AT port", path=modem.device.name)
    owned = []
    for port in ports:
        assert port.tty is not None
        owner = port_owner(root, port.tty)
        if owner is None:
            return port
        owned.append(f"{owner} has {port.tty}")
    raise NotApplied(
        f"{modem.device.name} ({modem.name}): {', '.join(owned)}; `mmcli --inhibit-device=/sys/bus/usb/devices/"
        f"{modem.device.name}` frees it while that runs, and `hal modem rules` keeps one port from it",
        path=modem.device.name,
    )


@contextmanager
def channel(root: Root, modem: Modem) -> Iterator[Channel]:
    """Its AT channel, awake. Raises `AtFault` where nobody answers, `NotApplied` where there is no free port."""
    port = free_port(root, modem)
    assert port.tty is not None
    with opened(root, port.tty) as open_channel:
        open_channel.wake()
        yield open_channel


def info(root: Root, modem: Modem) -> ModemInfo:
    """What it tells of itself; what it does not tell has its reason there. Raises as `channel`."""
    from hal.backends.at.info import read_info

    with channel(root, modem) as open_channel:
        return read_info(open_channel, maker(modem))


def maker(modem: Modem) -> ModemMaker | None:
    """Who made it, as far as all the models agree that it may be."""
    named = {known.model.maker for known in modem.models}
    if len(named) != 1 or (name := named.pop()) not in [each.value for each in ModemMaker]:
        return None
    return ModemMaker(name)


def say(root: Root, tty: str, command: str) -> str:
    """One command of a model's way into a mode; its answer as the modem writes it. Raises `HalError`."""
    owner = port_owner(root, tty)
    if owner is not None:
        raise NotApplied(f"dev/{tty}: {owner} has it", path=tty)
    prefix = _PREFIX.match(command)
    sent = Command(
        text=command,
        purpose="mode",
        seconds=_SECONDS,
        read=lambda lines: lines,
        prefix=prefix[0] if prefix else "",
        free=True,
        changes="=" in command,
    )
    with opened(root, tty) as open_channel:
        open_channel.wake()
        lines = open_channel.ask(sent)
    return "\n".join(f"{sent.prefix}: {line}" for line in lines)
