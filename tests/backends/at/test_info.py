"""What a modem tells of itself, whole and with one thing wrong; over a real pseudo terminal."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from backends.at.line import Line, line
from virtual.at_modem import PERSONALITIES
from virtual.at_personalities import ICCID, IMEI

from hal.backends.at import channel as channels
from hal.backends.at import commands
from hal.backends.at.channel import Channel
from hal.backends.at.info import identify, read_info
from hal.document import plain
from hal.errors import AtFault
from hal.model import AtFaultKind, FunctionalMode, ModemMaker, ModemSim, RegistrationState, SimState

MAKERS = {
    "MS2131i-8": ModemMaker.HUAWEI,
    "MS2372h-517": ModemMaker.HUAWEI,
    "ME909s-120": ModemMaker.HUAWEI,
    "EC20F": ModemMaker.QUECTEL,
    "SIM7600E-H": ModemMaker.SIMCOM,
    "TOBY-L2": ModemMaker.U_BLOX,
}


@contextmanager
def talking(name: str, tree: Path) -> Iterator[tuple[Line, Channel]]:
    with line(name, tree) as made, channels.opened(made.root, "ttyUSB2", pause_seconds=0.01) as channel:
        channel.wake()
        made.modem.received.clear()
        yield made, channel


# -- whole -----------------------------------------------------------------------------------------------------------

TOLD: dict[str, dict[str, Any]] = {
    "MS2131i-8": {
        "identity": ("huawei", "MS2131i-8", "21.315.01.00.00"),
        "usb": ("A1,A2;12,10,16,A1,A2", "NCM", None),
        "signals": [("^HCSQ", -91, None), ("+CSQ", -83, None)],
        "operator": "umts",
        "lte": None,
    },
    "MS2372h-517": {
        "identity": ("huawei", "MS2372h-517", "21.328.02.01.00"),
        "usb": ("A1,A2;12,10,16,A1,A2", "NCM", None),
        "signals": [("^HCSQ", -91, -122), ("+CESQ", None, -101), ("+CSQ", -85, None)],
        "operator": "lte",
        "lte": "home",
    },
    "ME909s-120": {
        "identity": ("Huawei Technologies Co., Ltd.", "ME909s-120", "11.617.15.00.00"),
        "usb": ("FF;10,12,16", "NCM", None),
        "signals": [("^HCSQ", -65, -89), ("+CESQ", None, -44), ("+CSQ", -51, None)],
        "operator": "lte",
        "lte": "home",
    },
    "EC20F": {
        "identity": ("Quectel", "EC20F", "EC20CEFDR02A09M4G"),
        "usb": ("0", "QMI", None),
        "signals": [("+CESQ", None, -94), ("+CSQ", -77, None)],
        "operator": "lte",
        "lte": "home",
    },
    "SIM7600E-H": {
        "identity": ("SIMCOM INCORPORATED", "SIMCOM_SIM7600E-H", "LE11B14SIM7600M22_211104"),
        "usb": ("9001", "rmnet", 0x9001),
        "signals": [("+CESQ", None, -91), ("+CSQ", -67, None)],
        "operator": "lte",
        "lte": "home",
    },
    "TOBY-L2": {
        "identity": ("u-blox", "TOBY-L210", "15.63"),
        "usb": ('3,"RNDIS"', "RNDIS", 0x1146),
        "signals": [("+CESQ", None, -99), ("+CSQ", -73, None)],
        "operator": "lte",
        "lte": "home",
    },
}


@pytest.mark.parametrize("name", PERSONALITIES)
@pytest.mark.parametrize("hard", [False, True], ids=["plain", "unsolicited, doubled returns, byte by byte"])
def test_all_that_a_model_tells(name: str, hard: bool, tmp_path: Path) -> None:
    told = TOLD[name]
    with talking(name, tmp_path) as (made, channel):
        if hard:
            made.piece = 1
            made.modem.faults.doubled_return = True
            made.modem.faults.between = (
                "RDY",
                "+CREG: 3",
                '+CGREG: 3,"21"',
                "^RSSI: 12",
                "+CSQ: 1,1",
                "+CPIN: SIM PIN",
            )
        info = read_info(channel, MAKERS[name])
    assert info.unknown == ()
    assert info.port == "dev/ttyUSB2"
    assert (info.identity.maker_text, info.identity.model, info.identity.revision) == told["identity"]
    assert (info.identity.maker, info.identity.imei) == (MAKERS[name], IMEI)
    assert info.mode is FunctionalMode.FULL
    assert info.sim == ModemSim(state=SimState.READY, iccid=ICCID)
    assert info.usb_mode is not None
    assert (info.usb_mode.value, info.usb_mode.means, info.usb_mode.product_id) == told["usb"]
    assert [(each.command, each.rssi_dbm, each.rsrp_dbm) for each in info.signals] == told["signals"]
    assert info.operator is not None
    assert (info.operator.name, info.operator.technology) == ("Test Net", told["operator"])
    assert info.registration is not None
    assert (info.registration.circuit, info.registration.lte) == ("home", told["lte"])
    assert info.registration.data_possible is True
    assert (info.system is not None) == (MAKERS[name] is ModemMaker.HUAWEI)
    assert info.clock is not None
    assert info.clock.isoformat() == "2026-11-24T20:31:05+01:00"
    assert json.loads(json.dumps(plain(info)))["identity"]["imei"] == IMEI
    maker_rows = {f"AT{row.text}" for row in commands.COMMANDS if row.makers and MAKERS[name] not in row.makers}
    assert maker_rows.isdisjoint(made.modem.received)
    assert made.modem.received[0] == "AT+CGMI", "nobody's own command comes before the maker is known"
    assert not any(f"AT{row.text}" in made.modem.received for row in commands.COMMANDS if row.changes)


# -- one thing wrong -------------------------------------------------------------------------------------------------

FACTS = {
    "model": "+CGMM", "revision": "+CGMR", "imei": "+CGSN", "mode": "+CFUN?", "operator": "+COPS?", "clock": "+CCLK?",
    "usb_mode": '+QCFG="USBNET"', "iccid": "+QCCID", "registration.packet": "+CGREG?", "signal.csq": "+CSQ",
}  # fmt: skip


@pytest.mark.parametrize("name", FACTS)
@pytest.mark.parametrize(
    ("error", "kind"), [("ERROR", AtFaultKind.UNKNOWN), (30, AtFaultKind.RADIO), ("OK", AtFaultKind.GARBAGE)]
)
def test_a_fact_that_fails_leaves_the_others(name: str, error: int | str, kind: AtFaultKind, tmp_path: Path) -> None:
    with talking("EC20F", tmp_path) as (made, channel):
        whole = plain(read_info(channel))
        made.modem.faults.errors = {FACTS[name]: error}
        info = read_info(channel)
    assert [(each.name, each.kind) for each in info.unknown] == [(name, kind)]
    assert info.unknown[0].reason.upper().startswith(f"DEV/TTYUSB2: AT{FACTS[name]}: ")
    found = plain(info)
    changed = {key for key in whole if found[key] != whole[key]} - {"unknown"}
    section = {"iccid": "sim", "registration.packet": "registration", "signal.csq": "signals"}.get(name, name)
    assert changed == {"identity" if name in ("model", "revision", "imei") else section}


SIMS = [
    ("READY", SimState.READY, True),
    ("SIM PIN", SimState.PIN, True),
    ("SIM PUK", SimState.PUK, True),
    ("PH-NET PIN", SimState.NETWORK_LOCKED, True),
    (10, SimState.MISSING, False),
    (13, SimState.FAILED, False),
    (15, SimState.FAILED, False),
    (12, SimState.PUK, False),
]


@pytest.mark.parametrize(("sim", "state", "numbered"), SIMS)
@pytest.mark.parametrize("level", [1, 2])
def test_sim(sim: str | int, state: SimState, numbered: bool, level: int, tmp_path: Path) -> None:
    with talking("SIM7600E-H", tmp_path) as (made, channel):
        made.modem.sim = sim
        made.modem.cmee = level
        info = read_info(channel)
    assert info.sim == ModemSim(state=state, iccid=ICCID if numbered else None)
    assert not any("CPIN=" in command for command in made.modem.received)
    assert info.registration is not None
    assert info.registration.data_possible == (state is SimState.READY)
    if state is SimState.MISSING:
        assert info.unknown == ()
        assert "AT+CICCID" not in made.modem.received


@pytest.mark.parametrize(
    ("registration", "lte", "possible"),
    [
        ({"CREG": 3, "CGREG": 0, "CEREG": 1}, RegistrationState.HOME, True),
        ({"CREG": 0, "CGREG": 5, "CEREG": 5}, RegistrationState.ROAMING, True),
        ({"CREG": 3, "CGREG": 3, "CEREG": 3}, RegistrationState.DENIED, False),
        ({"CREG": 2, "CGREG": 2, "CEREG": 2}, RegistrationState.SEARCHING, False),
        ({"CREG": 1, "CGREG": 0, "CEREG": 0}, RegistrationState.IDLE, False),
    ],
)
def test_registration(registration: dict[str, int], lte: RegistrationState, possible: bool, tmp_path: Path) -> None:
    with talking("TOBY-L2", tmp_path) as (made, channel):
        made.modem.registration = registration
        found = read_info(channel).registration
    assert found is not None
    assert (found.lte, found.data_possible) == (lte, possible)


def test_a_modem_whose_radio_is_off(tmp_path: Path) -> None:
    with talking("MS2372h-517", tmp_path) as (made, channel):
        made.modem.cfun = "0"
        info = read_info(channel)
    assert info.mode is FunctionalMode.MINIMUM
    assert {each.rssi_dbm for each in info.signals} == {None}
    assert info.operator is not None
    assert info.operator.name is None
    assert info.unknown == ()


# -- who made it -----------------------------------------------------------------------------------------------------


def test_a_modem_is_believed_rather_than_its_usb_ids(tmp_path: Path) -> None:
    """05c6:9215 may be anybody's: no Quectel command goes to a modem that did not say so."""
    with talking("SIM7600E-H", tmp_path) as (made, channel):
        info = read_info(channel, ModemMaker.QUECTEL)
    assert info.identity.maker is ModemMaker.SIMCOM
    assert [(each.name, each.reason) for each in info.unknown] == [
        ("maker", "dev/ttyUSB2: USB ids say Quectel, the modem says SIMCOM INCORPORATED")
    ]
    assert not any("QC" in command for command in made.modem.received)


def test_a_maker_that_nobody_knows_gets_standard_commands_only(tmp_path: Path) -> None:
    with talking("EC20F", tmp_path) as (made, channel):
        made.modem.faults.errors = {"+CGMI": "QUALCOMM INCORPORATED\r\n\r\nOK"}
        info = read_info(channel, ModemMaker.QUECTEL)
    assert (info.identity.maker, info.identity.maker_text) == (None, "QUALCOMM INCORPORATED")
    assert (info.usb_mode, info.sim) == (None, ModemSim(state=SimState.READY))
    assert {command.removeprefix("AT") for command in made.modem.received} <= {
        row.text for row in commands.COMMANDS if not row.makers
    }


@pytest.mark.parametrize(
    ("missing", "asked"),
    [(("+CGMI",), ["AT+CGMI", "AT+GMI"]), (("+CGMI", "+GMI"), ["AT+CGMI", "AT+GMI", "ATI"])],
)
def test_the_maker_is_asked_for_in_three_ways(missing: tuple[str, ...], asked: list[str], tmp_path: Path) -> None:
    with talking("ME909s-120", tmp_path) as (made, channel):
        made.modem.faults.errors = dict.fromkeys(missing, "ERROR")
        found = identify(channel)
    assert (found.maker, found.model) == (ModemMaker.HUAWEI, "ME909s-120")
    assert made.modem.received[: len(asked)] == asked


def test_what_one_answer_tells_fills_in_for_another(tmp_path: Path) -> None:
    with talking("ME909s-120", tmp_path) as (made, channel):
        made.modem.faults.errors = dict.fromkeys(("+CGMI", "+GMI", "+CGMM", "+CGMR", "+CGSN"), "ERROR")
        info = read_info(channel)
    assert (info.identity.model, info.identity.revision) == ("ME909s-120", "11.617.15.00.00")
    assert info.identity.imei == IMEI
    assert info.unknown == ()


def test_a_modem_that_does_not_name_its_maker_at_all(tmp_path: Path) -> None:
    with talking("EC20F", tmp_path) as (made, channel):
        made.modem.faults.errors = dict.fromkeys(("+CGMI", "+GMI", "I"), "ERROR")
        with pytest.raises(AtFault, match="ATI: answers ERROR"):
            read_info(channel)
    assert made.modem.received == ["AT+CGMI", "AT+GMI", "ATI"]


# -- time and absence ------------------------------------------------------------------------------------------------


def test_all_questions_together_have_a_deadline(tmp_path: Path) -> None:
    with talking("EC20F", tmp_path) as (made, channel):
        made.modem.faults.silent = {"+CFUN?", "+CPIN?", "+CSQ"}
        started = time.monotonic()
        info = read_info(channel, seconds=1)
        assert time.monotonic() - started < 2
    assert info.identity.model == "EC20F"
    assert {each.kind for each in info.unknown} == {AtFaultKind.NO_ANSWER}
    reasons = {each.name: each.reason for each in info.unknown}
    assert reasons["mode"].endswith("AT+CFUN?: no answer in time")
    assert reasons["clock"].endswith("AT+CCLK?: not asked, the time for all questions is over")


def test_a_port_that_vanishes_ends_the_questions(tmp_path: Path) -> None:
    with talking("EC20F", tmp_path) as (made, channel):
        made.modem.faults.silent = {"+CPIN?"}
        timer = threading.Timer(0.5, made.unplug)
        timer.start()
        started = time.monotonic()
        info = read_info(channel)
        timer.join()
        assert time.monotonic() - started < 5
    assert info.mode is FunctionalMode.FULL
    assert {each.kind for each in info.unknown} == {AtFaultKind.PORT_GONE}
    assert {"sim", "operator", "clock", "usb_mode"} <= {each.name for each in info.unknown}


def test_a_port_that_nobody_answers(tmp_path: Path) -> None:
    with line("EC20F", tmp_path) as made, channels.opened(made.root, "ttyUSB2") as channel:
        made.modem.faults.silent = {"*"}
        with pytest.raises(AtFault) as caught:
            read_info(channel, seconds=0.3)
    assert caught.value.kind is AtFaultKind.NO_ANSWER
