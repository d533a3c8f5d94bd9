"""Registration, operator, time and system: one row a form that was seen, or that must be refused."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from hal.backends.at import network
from hal.backends.at.fields import Unreadable, newest
from hal.model import (
    ModemOperator,
    ModemRegistration,
    ModemSystem,
    RadioTechnology,
    RegistrationState,
)
from hal.stdlib import UTC

REGISTERED = [
    ("0,0", RegistrationState.IDLE),
    ("0,1", RegistrationState.HOME),
    ('2,1,"1A2B","01A2D001",7', RegistrationState.HOME),
    ("0, 2", RegistrationState.SEARCHING),
    ("1,3", RegistrationState.DENIED),
    ('"0","4"', RegistrationState.UNKNOWN),
    ("2,5,1A2B,1A2D001,7", RegistrationState.ROAMING),
    ("0,6", RegistrationState.SMS_ONLY),
    ("0,8", RegistrationState.EMERGENCY_ONLY),
    ("0,10", RegistrationState.RESTRICTED),
]


@pytest.mark.parametrize(("line", "found"), REGISTERED)
def test_registration(line: str, found: RegistrationState) -> None:
    assert network.registration(line) is found


@pytest.mark.parametrize(
    "line",
    ["1", "5", '1,"21","01A2D001",7', '5,"1A2B"', '1,"1A2B","01A2D001"', "0,11", "0,99", "", "a,b", "0,1x", "0"],
    ids=repr,
)
def test_what_is_unsolicited_or_no_registration(line: str) -> None:
    with pytest.raises(Unreadable):
        network.registration(line)


def test_an_unsolicited_line_before_the_answer_is_no_answer() -> None:
    read = newest(network.registration)
    assert read(("0,1", '5,"21"')) is RegistrationState.HOME
    assert read(("3", "0,1")) is RegistrationState.HOME
    with pytest.raises(Unreadable):
        read(("3", '5,"21"'))


HOME, ROAMING, DENIED = RegistrationState.HOME, RegistrationState.ROAMING, RegistrationState.DENIED


@pytest.mark.parametrize(
    ("circuit", "packet", "lte", "possible"),
    [
        (DENIED, None, HOME, True),
        (RegistrationState.IDLE, DENIED, ROAMING, True),
        (HOME, ROAMING, None, True),
        (HOME, DENIED, RegistrationState.SEARCHING, False),
        (HOME, DENIED, None, False),
        (HOME, None, None, None),
        (None, None, None, None),
        (HOME, RegistrationState.RESTRICTED, RegistrationState.EMERGENCY_ONLY, False),
    ],
)
def test_data_is_possible_by_packet_or_lte_alone(
    circuit: RegistrationState | None, packet: RegistrationState | None, lte: RegistrationState | None, possible: bool
) -> None:
    assert network.registrations(circuit, packet, lte) == ModemRegistration(
        circuit=circuit, packet=packet, lte=lte, data_possible=possible
    )


OPERATORS = [
    ('0,0,"name",7', ModemOperator(name="name", technology=RadioTechnology.LTE, automatic=True)),
    ('1,2,"26201",2', ModemOperator(name="26201", technology=RadioTechnology.UMTS, automatic=False)),
    ('0,0,"a, b"', ModemOperator(name="a, b", automatic=True)),
    ('0,0,"",0', ModemOperator(technology=RadioTechnology.GSM, automatic=True)),
    ('0,0,"x",13', ModemOperator(name="x", technology=RadioTechnology.OTHER, automatic=True)),
    ("0", ModemOperator(automatic=True)),
    ("2", ModemOperator()),
]


@pytest.mark.parametrize(("line", "found"), OPERATORS)
def test_operator(line: str, found: ModemOperator) -> None:
    assert network.operator(line) == found


@pytest.mark.parametrize("line", ["", "5", "0,0", '0,0,"x",7,9', "name"])
def test_no_operator(line: str) -> None:
    with pytest.raises(Unreadable):
        network.operator(line)


CLOCKS = [
    ('"26/11/24,20:31:05+04"', datetime(2026, 11, 24, 20, 31, 5, tzinfo=timezone(timedelta(hours=1)))),
    ('"26/11/24,20:31:05-22"', datetime(2026, 11, 24, 20, 31, 5, tzinfo=timezone(-timedelta(hours=5, minutes=30)))),
    ('"26/11/24,20:31:05+00"', datetime(2026, 11, 24, 20, 31, 5, tzinfo=UTC)),
    ("26/11/24,20:31:05+0", datetime(2026, 11, 24, 20, 31, 5, tzinfo=UTC)),
    ('"26/11/24,20:31:05"', datetime(2026, 11, 24, 20, 31, 5)),
    ('"80/01/06,00:00:17+00"', datetime(1980, 1, 6, 0, 0, 17, tzinfo=UTC)),
    ('"00/01/01,00:00:00+00"', datetime(2000, 1, 1, tzinfo=UTC)),
]


@pytest.mark.parametrize(("line", "found"), CLOCKS)
def test_clock(line: str, found: datetime) -> None:
    assert (network.clock(line), network.clock(line).utcoffset()) == (found, found.utcoffset())


@pytest.mark.parametrize(
    "line", ["", '"26/13/24,20:31:05+04"', '"26/02/30,00:00:00+00"', '"26/11/24,20:31:05+97"', "x"]
)
def test_no_clock(line: str) -> None:
    with pytest.raises(Unreadable):
        network.clock(line)


def test_system_info() -> None:
    """The recorded answer has a domain and a roaming state that no table has: they are not known."""
    found = network.system('2,4,5,1,,3,"WCDMA",41,"HSPA+"')
    assert found == ModemSystem(service="valid", sim_valid=True, system="WCDMA", subsystem="HSPA+")
    assert network.system('1,3,1,255,,6,"LTE",101,"LTE"') == ModemSystem(
        service="restricted", domain="both", roaming=True, sim_valid=False, system="LTE", subsystem="LTE"
    )
    for line in ("", "2,3,0,1", '2,3,0,1,,3,"WCDMA",41', 'a,3,0,1,,3,"WCDMA",41,"HSPA+"'):
        with pytest.raises(Unreadable):
            network.system(line)
