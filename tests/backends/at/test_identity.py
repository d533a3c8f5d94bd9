"""Who a modem is, and its SIM: one row a form that was seen, or that must be refused."""

from __future__ import annotations

from typing import Any

import pytest

from hal.backends.at import identity
from hal.backends.at.fields import Unreadable
from hal.model import (
    FunctionalMode,
    ModemMaker,
    SimState,
)


@pytest.mark.parametrize(
    ("text", "maker"),
    [
        ("huawei", ModemMaker.HUAWEI),
        ("Huawei Technologies Co., Ltd.", ModemMaker.HUAWEI),
        ("Quectel", ModemMaker.QUECTEL),
        ("SIMCOM INCORPORATED", ModemMaker.SIMCOM),
        ("u-blox", ModemMaker.U_BLOX),
        ("QUALCOMM INCORPORATED", None),
        ("Sierra Wireless, Incorporated", None),
        ("", None),
    ],
)
def test_maker(text: str, maker: ModemMaker | None) -> None:
    assert identity.maker_of(text) is maker


ABOUT = [
    (
        ("Quectel", "EC20F", "Revision: EC20CEFDR02A09M4G"),
        {"maker_text": "Quectel", "model": "EC20F", "revision": "EC20CEFDR02A09M4G"},
    ),
    (
        (
            "Manufacturer: SIMCOM INCORPORATED",
            "Model: SIMCOM_SIM7600E-H",
            "Revision: SIM7600M22_V1.1",
            "IMEI: 49015420323751",
        ),
        {
            "maker_text": "SIMCOM INCORPORATED",
            "model": "SIMCOM_SIM7600E-H",
            "revision": "SIM7600M22_V1.1",
            "imei": "49015420323751",
        },
    ),
    (
        ("Model: ME909s-120", "Manufacturer: Huawei Technologies Co., Ltd.", "IMEI:"),
        {"maker_text": "Huawei Technologies Co., Ltd.", "model": "ME909s-120"},
    ),
]


@pytest.mark.parametrize(("lines", "found"), ABOUT)
def test_about(lines: tuple[str, ...], found: dict[str, str]) -> None:
    assert identity.about(lines) == found


@pytest.mark.parametrize("lines", [(), ("Model: x",), ("\x01",)])
def test_not_about(lines: tuple[str, ...]) -> None:
    with pytest.raises(Unreadable):
        identity.about(lines)


@pytest.mark.parametrize(
    ("line", "state"),
    [
        ("READY", SimState.READY),
        ("SIM PIN", SimState.PIN),
        ('"SIM PUK"', SimState.PUK),
        ("SIM PIN2", SimState.PIN2),
        ("SIM PUK2", SimState.PUK2),
        ("PH-SIM PIN", SimState.NETWORK_LOCKED),
        ("PH-NET PIN", SimState.NETWORK_LOCKED),
        ("BLOCKED", SimState.OTHER),
    ],
)
def test_sim(line: str, state: SimState) -> None:
    assert identity.sim_state(line) is state


@pytest.mark.parametrize(
    ("line", "mode"),
    [
        ("0", FunctionalMode.MINIMUM),
        ("1", FunctionalMode.FULL),
        ("1,0", FunctionalMode.FULL),
        ('"4"', FunctionalMode.RADIO_OFF),
        ("7", FunctionalMode.OTHER),
    ],
)
def test_functional_mode(line: str, mode: FunctionalMode) -> None:
    assert identity.functional_mode(line) is mode


@pytest.mark.parametrize(
    ("read", "line", "found"),
    [
        (identity.imei, "490154203237518", "490154203237518"),
        (identity.imei, '"490154203237518"', "490154203237518"),
        (identity.imei, "IMEI: 49015420323751", "49015420323751"),
        (identity.iccid, "89860012345678901236", "89860012345678901236"),
        (identity.iccid, '"8986001234567890123F"', "8986001234567890123"),
        (identity.iccid, "894921007608519523ff", "894921007608519523"),
        (identity.text, "SubEdition: V04", "V04"),
    ],
)
def test_texts(read: Any, line: str, found: str) -> None:
    assert read(line) == found


@pytest.mark.parametrize(
    ("read", "line"),
    [
        (identity.imei, "12345"),
        (identity.imei, "EC20F"),
        (identity.iccid, "12860012345678901236"),
        (identity.iccid, "89"),
        (identity.text, ""),
        (identity.text, '""'),
        (identity.text, "a\x01"),
        (identity.text, "�"),
        (identity.sim_state, "?"),
        (identity.functional_mode, "full"),
        (identity.functional_mode, ""),
    ],
)
def test_no_texts(read: Any, line: str) -> None:
    with pytest.raises(Unreadable):
        read(line)
