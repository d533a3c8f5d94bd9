"""Modems on a real kernel with real udev and real drivers: switched, asked and recovered by this project."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hal.peripherals.modem.messages import HUAWEI_NEW
from lab.modem_stories import AUTOMATIC, BYSTANDERS, FAULTS, MODES, SIDE_BY_SIDE
from lab.switch_bytes import MODES as SPECIAL_MODES
from lab.usb import on_usb_bus

Figures = Callable[..., None]
SWITCH = HUAWEI_NEW[30:62]
"""The command block in the message."""
FIXED_WAIT_SECONDS = 5.0
"""What scripts sleep after usb_modeswitch until ports are there."""
BECOMES = {
    "huawei-14fe": ("applied", "12d1:1506", "ncm", "ttyUSB1"),
    "huawei-14fe-card": ("applied", "12d1:1506", "qmi", "ttyUSB2"),
    "huawei-14fe-153": ("applied", "12d1:1596", "serial", "ttyUSB1"),
    "huawei-1f01": ("applied", "12d1:1506", "ncm", "ttyUSB0"),
    "huawei-1f01-hilink": ("applied", "12d1:14dc", "ecm", None),
    "huawei-1001": ("unchanged", "12d1:1001", "serial", "ttyUSB0"),
    "me909s-120": ("unchanged", "12d1:15c1", "ecm", "ttyUSB2"),
    "ec20-r1": ("unchanged", "05c6:9215", "qmi", "ttyUSB2"),
    "ec20-qmi": ("unchanged", "2c7c:0125", "qmi", "ttyUSB2"),
    "sim7600e-9001": ("unchanged", "1e0e:9001", "qmi", "ttyUSB2"),
    "u-blox-1146": ("applied", "1546:1143", "ecm", "ttyACM0"),
}
"""What the watch does with each, and what it then is."""


def switches(sent: dict[str, Any]) -> list[str]:
    return [block for block in sent["commands"] if block.startswith("11")]


def test_each_modem_goes_from_plugged_in_to_ready_with_no_human_step(figures: Figures) -> None:
    """R27, R28: what is no modem is sent nothing, whatever ports it has."""
    answer = on_usb_bus("lab.modem_stories:automatic", timeout_seconds=600)
    assert (answer["status"], answer["stderr"]) == (0, "")
    found = answer["found"]
    for row in AUTOMATIC:
        story, brought = found[row], found[row]["brought"]
        assert (brought["outcome"], brought["identity"], brought["mode"], brought["at_port"]) == BECOMES[row], row
        assert brought["notes"] == [], row
        stick = row.startswith(("huawei-14fe", "huawei-1f01"))
        assert switches(story["sent"]) == ([SWITCH] if stick else []), row
        assert story["sent"]["refused"] == []
        assert (story["again"]["outcome"], story["later"]) == ("unchanged", {}), row
        links = dict(story["told"]["links"])
        if brought["at_port"] is None:
            assert links["port"] is None
        else:
            assert set(links.values()) == {True}, row
            assert story["told"]["signal"].startswith(("RSSI -", "RSRP -")), row
    assert [twin["brought"]["identity"] for twin in found["twins"]] == ["12d1:1506"] * 2
    assert len({twin["brought"]["at_port"] for twin in found["twins"]}) == 2
    assert all(switches(twin["sent"]) == [SWITCH] for twin in found["twins"])
    for name in BYSTANDERS:
        assert set(found["bystanders"][name]["bulk"]) <= {"disk"}, name
        assert switches(found["bystanders"][name]) == []
    figures(
        "modems-ready",
        varies=["slowest"],
        modems=len(AUTOMATIC),
        slowest=max(found[row]["seconds"] for row in AUTOMATIC),
    )


def test_each_mode_is_reached_and_left_again_and_a_second_time_nothing_is_done() -> None:
    found = on_usb_bus("lab.modem_stories:modes", timeout_seconds=600)
    for row, wanted in MODES.items():
        for turn, mode in zip(found[row], wanted, strict=True):
            assert "error" not in turn["first"], (row, mode, turn["first"])
            assert (turn["second"]["outcome"], turn["later"]) == ("unchanged", {}), (row, mode)
            if (row, mode) == ("sim7600e-9001", "ecm"):
                assert turn["first"]["outcome"] == "unchanged"
                assert "there would be no way back" in turn["first"]["reason"]
            else:
                assert (turn["first"]["outcome"], turn["first"]["mode"]) == ("applied", mode), (row, turn)


SAYS = {
    "the message is refused": "refused with status 1",
    "the message stalls": "stalled twice",
    "the message is ignored": "still there after",
    "it never comes back": "left, and did not come back within",
    "it comes back unswitched": "came back in storage mode",
    "unplugged before the message": "did not come back within",
    "unplugged before the status": "did not come back within",
    "unplugged when it is back": "did not come back within",
    "unplugged while it is asked": "the port vanished",
}


def test_each_fault_ends_in_a_reason_and_the_next_modem_at_that_place_works() -> None:
    found = on_usb_bus("lab.modem_stories:faults", timeout_seconds=600)
    assert set(found) == set(FAULTS) == set(SAYS)
    for name, story in found.items():
        assert SAYS[name] in story["first"].get("error", ""), (name, story["first"])
        assert story["first"]["seconds"] < 30, name
        assert story["after"].get("outcome") == "applied", (name, story["after"])


def test_the_same_sticks_by_usb_modeswitch_have_the_same_end(figures: Figures) -> None:
    """Result for result; how long after the stick was back each could go on, side by side."""
    found = on_usb_bus("lab.modem_stories:side_by_side", timeout_seconds=600)
    ours = theirs = 0.0
    for row in SIDE_BY_SIDE:
        one, other = found[row]["ours"], found[row]["program"]
        assert (one["identity"], one["messages"]) == (other["identity"], other["messages"]), row
        assert (one["outcome"], one["error"]) == ("applied", None), row
        ours += one["ended after it was back"]
        theirs += other["ended after it was back"] + FIXED_WAIT_SECONDS
    figures(
        "modems-side-by-side",
        varies=["ours_of_theirs"],
        sticks=len(SIDE_BY_SIDE),
        ours_of_theirs=round(ours / theirs, 2),
    )


def test_every_special_mode_sends_what_usb_modeswitch_sends(figures: Figures) -> None:
    found = on_usb_bus("lab.switch_bytes:same_bytes", timeout_seconds=600)
    assert set(found) == set(SPECIAL_MODES)
    for mode, sent in found.items():
        assert sent["ours"], mode
        assert sent["ours"] == sent["program"], mode
    figures("modems-same-bytes", modes=len(found))


def test_recovery_goes_up_until_the_modem_answers() -> None:
    """The modem is silent until the host has set it up anew: once, as a reset does, or twice more, by rebinding."""
    found = on_usb_bus("lab.modem_stories:recovery", timeout_seconds=600)
    rungs = {
        name: [(step["rung"], step["tried"], step["works"]) for step in each["climbed"]] for name, each in found.items()
    }
    rescan, reset, rebind = (("rescan", True, False), ("port-reset", True, False), ("rebind", True, False))
    assert rungs == {
        "reset": [rescan, ("port-reset", True, True)],
        "rebind": [rescan, reset, ("rebind", True, True)],
        "never": [rescan, reset, rebind],
    }
    for story in found.values():
        assert {step["reason"] for step in story["climbed"]} <= {"it works", "port: dev/ttyUSB2: AT: no answer in time"}


def test_udev_has_the_roles_and_the_unit_that_the_rules_give() -> None:
    answer = on_usb_bus("lab.modem_stories:ruled", timeout_seconds=600)
    assert (answer["status"], answer["reloaded"]) == (0, 0)
    found = answer["found"]
    wants = {row: each["device"].get("SYSTEMD_WANTS") for row, each in found.items()}
    assert wants == {
        "huawei-14fe": "hal-modem@1-1.service",
        "huawei-1506-d": None,
        "ec20-qmi": None,
        "sim7600e-9011": None,
        "u-blox-1143": "hal-modem@1-1.service",
        "me909s-120": "hal-modem@1-1.service",
        "arduino": None,
        "ftdi": None,
    }
    roles = {
        row: {n: tags.get("ID_HAL_MODEM_PORT") for n, tags in each["ports"].items()} for row, each in found.items()
    }
    assert roles["huawei-1506-d"] == {"0": "modem", "3": "diag", "4": "at"}
    assert roles["ec20-qmi"] == {"0": "diag", "1": "gps", "2": "at", "3": "at-secondary"}
    assert roles["sim7600e-9011"] == {"2": "diag", "3": "gps", "4": "at", "5": "modem", "6": "audio"}
    assert roles["me909s-120"] == {"2": "modem", "3": "diag", "4": "at", "5": "gps", "6": None}
    assert found["ec20-qmi"]["ports"]["3"]["ID_MM_PORT_IGNORE"] == "1"
    assert [each["ports"] for row, each in found.items() if row in ("arduino", "ftdi")] == [{"0": {}}, {"0": {}}]
