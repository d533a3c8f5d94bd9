"""What is to be done with a modem, and the reason that is given."""

from __future__ import annotations

from pathlib import Path

import pytest
from peripherals.modem import sticks
from peripherals.modem.test_match import found

from hal.model import AtSetting, BulkMessages, ModemMode, SelectConfiguration
from hal.peripherals.modem.decide import Action, decide

M = ModemMode
EVERY = frozenset({"cdc_mbim", "qmi_wwan", "cdc_ncm", "cdc_ether", "rndis_host", "option", "cdc_acm"})
WITHOUT_ETHER = EVERY - {"cdc_ether"}
NOTHING, SWITCH, LEAVE = Action.NOTHING, Action.SWITCH, Action.LEAVE

CASES = {
    "storage": (sticks.storage(0x12D1, 0x14FE), 1, (), EVERY, SWITCH, "it is in storage mode"),
    "in service, nothing preferred": (
        sticks.EC20_QMI, 1, (), EVERY, NOTHING, "it is in service (qmi), and no mode is preferred",
    ),
    "preferred already": (sticks.EC20_QMI, 1, (M.QMI,), EVERY, NOTHING, "it is in the preferred mode qmi"),
    "HiLink, already switched (R25)": (
        sticks.HILINK, 1, (), EVERY, NOTHING, "it is in service (ecm), and no mode is preferred",
    ),
    "by AT": (sticks.EC20_QMI, 1, (M.ECM,), EVERY, SWITCH, "it is in qmi, and preferred is ecm"),
    "no driver, next one": (
        sticks.EC20_QMI, 1, (M.ECM, M.QMI), WITHOUT_ETHER, NOTHING,
        "it is in the preferred mode qmi; ecm: this kernel has no cdc_ether",
    ),
    "no driver at all": (
        sticks.EC20_QMI, 1, (M.ECM,), WITHOUT_ETHER, LEAVE, "it stays in qmi; ecm: this kernel has no cdc_ether",
    ),
    "no way back": (
        sticks.SIM7600_9001, 1, (M.ECM,), EVERY, LEAVE,
        "it stays in qmi; ecm: no AT port would be left, so there would be no way back",
    ),
    "not offered": (
        sticks.HUAWEI_A, 1, (M.MBIM,), EVERY, LEAVE, "it stays in ncm; mbim: the model offers no way to it",
    ),
    "by configuration": (sticks.ME909S, 3, (), EVERY, SWITCH, "it is in mbim, and preferred is ecm"),
    "by configuration, MBIM": (sticks.ME909S, 2, (M.MBIM,), EVERY, SWITCH, "it is in ecm, and preferred is mbim"),
    "no driver for the first": (
        sticks.ME909S, 3, (), WITHOUT_ETHER, NOTHING,
        "it is in the preferred mode mbim; ecm: this kernel has no cdc_ether",
    ),
    "u-blox as balenaOS wants it": (sticks.TOBY_RNDIS, 1, (), EVERY, SWITCH, "it is in rndis, and preferred is ecm"),
    "u-blox in ECM": (sticks.TOBY_ECM, 1, (), EVERY, NOTHING, "it is in the preferred mode ecm"),
    "no configuration": (sticks.ME909S, None, (), EVERY, LEAVE, "it has no configuration yet"),
    "emergency download": (
        sticks.functions(0x05C6, 0x9008, (0xFF, 0xFF, 0xFF)), 1, (), EVERY, LEAVE,
        "it is in emergency download: its firmware is missing or being written",
    ),
    "storage without a way out": (
        sticks.storage(0x2C7C, 0x0125), 1, (), EVERY, LEAVE,
        "it shows storage first, and no way out of that is known for these ids; a model file can tell one",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("descriptors", "chosen", "prefers", "drivers", "action", "reason"), CASES.values(), ids=CASES)
def test_a_decision_and_its_reason(
    tmp_path: Path,
    descriptors: bytes,
    chosen: int | None,
    prefers: tuple[ModemMode, ...],
    drivers: frozenset[str],
    action: Action,
    reason: str,
) -> None:
    decision = decide(found(tmp_path, descriptors, chosen), drivers.__contains__, prefers)
    assert (decision.action, decision.reason) == (action, reason)
    assert (decision.switch is not None) == (action is SWITCH)


@pytest.mark.parametrize(
    ("descriptors", "chosen", "prefers", "kind"),
    [
        (sticks.storage(0x12D1, 0x14FE), 1, (), BulkMessages),
        (sticks.EC20_QMI, 1, (M.MBIM,), AtSetting),
        (sticks.ME909S, 3, (M.ECM,), SelectConfiguration),
    ],
)
def test_each_way_is_one_mechanism(
    tmp_path: Path, descriptors: bytes, chosen: int, prefers: tuple[ModemMode, ...], kind: type
) -> None:
    switch = decide(found(tmp_path, descriptors, chosen), EVERY.__contains__, prefers).switch
    assert switch is not None
    assert [type(step) for step in switch.steps] == [kind]


def test_a_configuration_is_chosen_by_what_it_offers(tmp_path: Path) -> None:
    switch = decide(found(tmp_path, sticks.ME909S, 3), EVERY.__contains__, (M.ECM,)).switch
    assert switch is not None
    assert switch.steps == (SelectConfiguration(value=2),)
