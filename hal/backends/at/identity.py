"""Who a modem is, and its SIM: texts without a form of their own, so that each is checked for what it must be."""

from __future__ import annotations

import re

from hal.backends.at.fields import Unreadable
from hal.model import FunctionalMode, ModemMaker, SimState

_LABEL = re.compile(r"(Manufacturer|Model|Revision|SubEdition|IMEI|SVN): *(.*)", re.IGNORECASE)
_MAKERS = {
    "huawei": ModemMaker.HUAWEI,
    "quectel": ModemMaker.QUECTEL,
    "simcom": ModemMaker.SIMCOM,
    "u-blox": ModemMaker.U_BLOX,
}
"""A word of what `AT+CGMI` says, in small letters."""

_SIM = {
    "READY": SimState.READY,
    "SIM PIN": SimState.PIN,
    "SIM PUK": SimState.PUK,
    "SIM PIN2": SimState.PIN2,
    "SIM PUK2": SimState.PUK2,
}
SIM_BY_CME = {
    10: SimState.MISSING, 11: SimState.PIN, 12: SimState.PUK, 13: SimState.FAILED, 14: SimState.BUSY,
    15: SimState.FAILED, 17: SimState.PIN2, 18: SimState.PUK2, 5: SimState.NETWORK_LOCKED, 6: SimState.NETWORK_LOCKED,
    7: SimState.NETWORK_LOCKED, **dict.fromkeys(range(40, 48), SimState.NETWORK_LOCKED),
}  # fmt: skip
"""What an error of `AT+CPIN?` says of the SIM."""
_MODES = {0: FunctionalMode.MINIMUM, 1: FunctionalMode.FULL, 4: FunctionalMode.RADIO_OFF}


def maker_of(text: str) -> ModemMaker | None:
    """The maker by what the modem calls it; `None` for any other, and for the maker of a chip inside."""
    return next((maker for word, maker in _MAKERS.items() if word in text.casefold()), None)


def text(line: str) -> str:
    """A text, without quotes and without a label such as `Revision:`."""
    found = line.strip().strip('"').strip()
    if label := _LABEL.fullmatch(found):
        found = label[2].strip()
    if not found or not found.isprintable() or "�" in found:
        raise Unreadable(f"{line!r}: not a text")
    return found


def imei(line: str) -> str:
    """Fourteen to seventeen digits: the check digit may be missing, or the software version stand there instead."""
    found = text(line)
    if not re.fullmatch(r"[0-9]{14,17}", found):
        raise Unreadable(f"{line!r}: not an IMEI")
    return found


def iccid(line: str) -> str:
    """Eighteen to twenty-two digits; fillers (`F`) at the end of an odd number of digits are no part of it."""
    found = text(line).upper().rstrip("F")
    if not re.fullmatch(r"89[0-9]{16,20}", found):
        raise Unreadable(f"{line!r}: not a SIM's number")
    return found


def about(lines: tuple[str, ...]) -> dict[str, str]:
    """`ATI`: lines with a label, or maker, model and revision one after the other. Keys are those of the identity."""
    names = {"manufacturer": "maker_text", "model": "model", "revision": "revision", "imei": "imei"}
    found: dict[str, str] = {}
    bare = []
    for line in lines:
        if label := _LABEL.fullmatch(line.strip()):
            if (name := names.get(label[1].casefold())) and label[2].strip():
                found[name] = text(label[2])
        else:
            bare.append(text(line))
    found = {**dict(zip(("maker_text", "model", "revision"), bare, strict=False)), **found}
    if "maker_text" not in found:
        raise Unreadable(f"{lines!r}: names no maker")
    return found


def sim_state(line: str) -> SimState:
    """`READY`, what the SIM waits for, or what the modem is locked to (`PH-NET PIN`)."""
    found = text(line).upper()
    if found.startswith("PH-"):
        return SimState.NETWORK_LOCKED
    if not re.fullmatch(r"[A-Z0-9 -]{1,40}", found):
        raise Unreadable(f"{line!r}: not a state of a SIM")
    return _SIM.get(found, SimState.OTHER)


def functional_mode(line: str) -> FunctionalMode:
    """The number of `AT+CFUN?`; 5, 6, 7 and others are a maker's own."""
    if not re.fullmatch(r"\"?[0-9]{1,3}\"?", line.split(",")[0].strip()):
        raise Unreadable(f"{line!r}: not a functional mode")
    return _MODES.get(int(line.split(",")[0].strip().strip('"')), FunctionalMode.OTHER)
