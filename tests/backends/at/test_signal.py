"""Signal strength: one row a form that was seen, or that must be refused."""

from __future__ import annotations

from typing import Any

import pytest

from hal.backends.at import signal
from hal.backends.at.fields import Unreadable
from hal.model import (
    Bound,
    ModemSignal,
    RadioTechnology,
)

CSQ = [
    ("0,99", {"rssi_dbm": -113, "rssi_bound": Bound.AT_MOST}),
    ("1,0", {"rssi_dbm": -111}),
    ("23,0", {"rssi_dbm": -67}),
    ('"15","99"', {"rssi_dbm": -83}),
    ("30,7", {"rssi_dbm": -53}),
    ("31,99", {"rssi_dbm": -51, "rssi_bound": Bound.AT_LEAST}),
    ("99,99", {}),
    ("199,99", {}),
    ("100,99", {"rscp_dbm": -116, "technology": RadioTechnology.TD_SCDMA}),
    ("191,99", {"rscp_dbm": -25, "technology": RadioTechnology.TD_SCDMA}),
]


@pytest.mark.parametrize(("line", "found"), CSQ)
def test_csq(line: str, found: dict[str, Any]) -> None:
    assert signal.csq(line) == ModemSignal(command="+CSQ", **found)


@pytest.mark.parametrize("line", ["", "23", "32,0", "98,0", "192,0", "198,0", "200,0", "-1,0", "a,b", "1,2,3", "23,"])
def test_no_csq(line: str) -> None:
    with pytest.raises(Unreadable):
        signal.csq(line)


CESQ = [
    ("99,99,255,255,20,40", {"rsrq_db": -10, "rsrp_dbm": -101}),
    ("99,99,255,255,34,97", {"rsrq_db": -3, "rsrp_dbm": -44}),
    ("99,99,255,255,0,0", {"rsrq_db": -20, "rsrp_dbm": -141}),
    ("63,0,255,255,255,255", {"rssi_dbm": -48}),
    ("0,99,255,255,255,255", {"rssi_dbm": -111}),
    ("99,99,0,0,255,255", {"rscp_dbm": -121, "ecio_db": -24.5}),
    ("99,99,96,49,255,255", {"rscp_dbm": -25, "ecio_db": 0}),
    ("99,99,255,255,255,255", {}),
]


@pytest.mark.parametrize(("line", "found"), CESQ)
def test_cesq(line: str, found: dict[str, Any]) -> None:
    assert signal.cesq(line) == ModemSignal(command="+CESQ", **found)


@pytest.mark.parametrize(
    "line",
    ["64,99,255,255,0,0", "99,99,97,255,0,0", "99,99,255,50,0,0", "99,99,255,255,35,0", "99,99,255,255,0,98", "99,99"],
)
def test_no_cesq(line: str) -> None:
    with pytest.raises(Unreadable):
        signal.cesq(line)


HCSQ = [
    (
        '"LTE",30,19,66,0',
        {"technology": RadioTechnology.LTE, "rssi_dbm": -91, "rsrp_dbm": -122, "sinr_db": -7.0, "rsrq_db": -20},
    ),
    (
        '"LTE",255,255,255,255',
        {"technology": RadioTechnology.LTE},
    ),
    (
        '"LTE", 56, 52, 151, 22',
        {"technology": RadioTechnology.LTE, "rssi_dbm": -65, "rsrp_dbm": -89, "sinr_db": 10.0, "rsrq_db": -9},
    ),
    ('"WCDMA",30,30,58', {"technology": RadioTechnology.UMTS, "rssi_dbm": -91, "ecio_db": -3.5}),
    ('"WCDMA",30,30,255', {"technology": RadioTechnology.UMTS, "rssi_dbm": -91}),
    ('"GSM",36,255', {"technology": RadioTechnology.GSM, "rssi_dbm": -85}),
    ('"NOSERVICE"', {}),
    ('"CDMA",1,2', {"technology": RadioTechnology.OTHER}),
]


@pytest.mark.parametrize(("line", "found"), HCSQ)
def test_hcsq(line: str, found: dict[str, Any]) -> None:
    assert signal.hcsq(line) == ModemSignal(command="^HCSQ", **found)


@pytest.mark.parametrize(
    "line", ["", '""', '"LTE",30,19,66', '"WCDMA",30', '"LTE",a,b,c,d', '"LTE",256,0,0,0', '"GSM"']
)
def test_no_hcsq(line: str) -> None:
    with pytest.raises(Unreadable):
        signal.hcsq(line)
