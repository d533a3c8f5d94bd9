"""What is done to a modem by AT commands: restart it, and switch its radio on and off."""

from __future__ import annotations

from hal.backends.at import commands
from hal.backends.at.channel import SILENT, Channel
from hal.backends.at.commands import of_maker
from hal.errors import AtFault, NotApplied, ValueRefused
from hal.model import AtFaultKind, Cost, FunctionalMode, ModemMaker, ModemReset, Outcome, SetResult

GONE_SECONDS = 10.0
"""How long the port of a modem that restarts is watched: it vanishes before the modem is up again."""


def reset(
    channel: Channel, maker: ModemMaker, *, seconds: float | None = None, gone_seconds: float = GONE_SECONDS
) -> ModemReset:
    """Restart a modem by its maker's command, sent once, and tell what was seen; the caller verifies the return.

    The modem must have named this maker (`identify`). It has the command's deadline to answer, or `seconds` where that
    is less; then its port is watched. A lost answer is a success where the port vanishes, else its `AtFault` is raised,
    as it is where the modem refuses.
    """
    command = of_maker(commands.RESET, maker)
    if command is None:
        known = [name for row in commands.RESET for name in row.makers]
        raise ValueRefused(f"{channel.name}: no reset of {maker} is known", path=channel.name, allowed=known)
    lost: AtFault | None = None
    try:
        channel.ask(command, seconds=seconds)
    except AtFault as fault:
        if fault.kind is AtFaultKind.PORT_GONE:
            return ModemReset(answered=False, port_gone=True)
        if fault.kind not in SILENT or fault.command != f"AT{command.text}":  # or it was not even sent
            raise
        lost = fault
    gone = channel.gone_within(gone_seconds)
    if lost and not gone:
        raise lost
    return ModemReset(answered=lost is None, port_gone=gone)


def set_functional_mode(channel: Channel, mode: FunctionalMode) -> SetResult:
    """Switch a modem's radio: `full`, `radio-off` or `minimum`, and read it back; what is already so writes nothing.

    `radio-off` is not on every Huawei; those have `minimum`. Raises `ValueRefused` for another mode, `AtFault` where
    the modem refuses, and `NotApplied` where it then tells another mode.
    """
    command = commands.SET_MODE.get(mode)
    if command is None:
        allowed = tuple(commands.SET_MODE)
        raise ValueRefused(f"{channel.name}: {mode} cannot be set", path=channel.name, allowed=allowed)
    previous = channel.ask(commands.MODE)
    outcome = Outcome.UNCHANGED
    if previous is not mode:
        channel.ask(command)
        outcome = Outcome.APPLIED
        if (found := channel.ask(commands.MODE)) is not mode:
            raise NotApplied(f"{channel.name}: asked for {mode}, the modem says {found}", path=channel.name)
    return SetResult(previous=previous, value=mode, outcome=outcome, cost=Cost.NONE)
