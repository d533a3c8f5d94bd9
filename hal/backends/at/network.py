"""Registration, operator and time: standard answers, and Huawei's `^SYSINFOEX`."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone

from hal.backends.at.fields import Unreadable, fields, number
from hal.model import ModemOperator, ModemRegistration, ModemSystem, RadioTechnology, RegistrationState

REGISTRATION = {
    0: RegistrationState.IDLE,
    1: RegistrationState.HOME,
    2: RegistrationState.SEARCHING,
    3: RegistrationState.DENIED,
    4: RegistrationState.UNKNOWN,
    5: RegistrationState.ROAMING,
    6: RegistrationState.SMS_ONLY,
    7: RegistrationState.SMS_ONLY,
    8: RegistrationState.EMERGENCY_ONLY,
    9: RegistrationState.RESTRICTED,
    10: RegistrationState.RESTRICTED,
}
TECHNOLOGIES = {
    0: RadioTechnology.GSM,
    1: RadioTechnology.GSM,
    2: RadioTechnology.UMTS,
    3: RadioTechnology.EDGE,
    4: RadioTechnology.HSDPA,
    5: RadioTechnology.HSUPA,
    6: RadioTechnology.HSPA,
    7: RadioTechnology.LTE,
}
_ANSWER = re.compile(r'\s*"?[0-9]"?\s*,\s*("?)([0-9]{1,2})\1\s*(?:,.*)?')
_UNSOLICITED = re.compile(r'\s*[0-9]{1,2}\s*(?:,\s*".*)?')
_CLOCK = re.compile(r'"?(\d\d)/(\d\d)/(\d\d),(\d\d):(\d\d):(\d\d)(?:([+-])(\d{1,2}))?"?', re.ASCII)
_SERVICE = {0: "none", 1: "restricted", 2: "valid", 3: "regional", 4: "hibernate"}
_DOMAIN = {0: "none", 1: "circuit", 2: "packet", 3: "both"}
_ROAMING = {0: False, 1: True}
_SIM_VALID = {0: False, 1: True, 2: False, 3: False, 4: False, 255: False}


def registration(line: str) -> RegistrationState:
    """The second number. An unsolicited line with the same prefix has one number, or one and a text behind it."""
    match = _ANSWER.fullmatch(line)
    if not match or (_UNSOLICITED.fullmatch(line) and match[1]):
        raise Unreadable(f"{line!r}: not an answer with a state of registration")
    if (state := int(match[2])) not in REGISTRATION:
        raise Unreadable(f"{line!r}: {state} is no state of registration")
    return REGISTRATION[state]


def registrations(
    circuit: RegistrationState | None, packet: RegistrationState | None, lte: RegistrationState | None
) -> ModemRegistration:
    """All domains together: data is possible where packet or LTE is registered, at home or abroad."""
    told = [state for state in (packet, lte) if state is not None]
    possible = any(state in (RegistrationState.HOME, RegistrationState.ROAMING) for state in told)
    return ModemRegistration(circuit=circuit, packet=packet, lte=lte, data_possible=possible if told else None)


def operator(line: str) -> ModemOperator:
    """`mode[,format,name[,technology]]`; the mode alone where there is no network."""
    found = fields(line)
    mode = number(found[0])
    if mode not in range(5) or len(found) not in (1, 3, 4):
        raise Unreadable(f"{line!r}: not an operator")
    technology = TECHNOLOGIES.get(number(found[3]), RadioTechnology.OTHER) if len(found) == 4 and found[3] else None
    return ModemOperator(
        name=(found[2] or None) if len(found) > 1 else None,
        technology=technology,
        automatic={0: True, 1: False, 4: False}.get(mode),
    )


def clock(line: str) -> datetime:
    """`yy/MM/dd,hh:mm:ss±zz`, the zone in quarters of an hour. Without a zone the time has none either.

    A year from 80 on is one of the last century: chips that were never set count from 1980.
    """
    match = _CLOCK.fullmatch(line.strip())
    if not match:
        raise Unreadable(f"{line!r}: not a time")
    year, month, day, hour, minute, second = map(int, match.group(1, 2, 3, 4, 5, 6))
    zone = None
    try:
        if match[7]:
            zone = timezone(timedelta(minutes=15 * int(match[7] + match[8])))
        return datetime(year + (1900 if year >= 80 else 2000), month, day, hour, minute, second, tzinfo=zone)
    except ValueError as error:
        raise Unreadable(f"{line!r}: no such time ({error})") from error


def system(line: str) -> ModemSystem:
    """`service,domain,roaming,SIM,reserved,number,"system",number,"subsystem"`; what a table lacks is not known."""
    found = fields(line)
    if len(found) != 9:
        raise Unreadable(f"{line!r}: {len(found)} fields, 9 are expected")
    service, domain, roaming, sim = map(number, found[:4])
    return ModemSystem(
        service=_SERVICE.get(service),
        domain=_DOMAIN.get(domain),
        roaming=_ROAMING.get(roaming),
        sim_valid=_SIM_VALID.get(sim),
        system=found[6],
        subsystem=found[8],
    )
