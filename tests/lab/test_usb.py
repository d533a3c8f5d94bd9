"""Virtual USB devices on a real kernel, with real udev and real usb_modeswitch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from virtual.models import BYSTANDERS, MODEMS, ROWS, Row

from lab.usb import on_usb_bus
from lab.usb_modes import CHANGES
from lab.usb_rows import EXPECTED
from lab.usb_switching import BLOCK, BURST, NEW_MODE, WRONG

KERNELS_OWN = {0x00, 0x03, 0x12, 0x1A, 0x1B, 0x1E, 0x23, 0x25, 0x28, 0x43, 0x46, 0x4A, 0x51, 0x5A}
"""SCSI commands by which the kernel and udev look at a drive; none of them writes."""


def listed(row: Row) -> str:
    """`ID_USB_INTERFACES` as udev makes it: each class of every configuration once, in order."""
    triples = [setting.triple for each in row.configurations for setting in each.settings]
    return ":".join(["", *dict.fromkeys(f"{a:02x}{b:02x}{c:02x}" for a, b, c in triples), ""])


def test_every_row_enumerates(figures: Callable[..., None]) -> None:
    """Drivers and nodes by interface, udev's properties; AT ports answer; nobody wrote to what is no modem."""
    found: dict[str, dict[str, Any]] = on_usb_bus("lab.usb_rows:enumerate_rows")
    assert {name: row["bound"] for name, row in found.items()} == EXPECTED
    for name, row in found.items():
        model, udev = ROWS[name], row["udev"]
        assert row["id"] == f"{udev['ID_VENDOR_ID']}:{udev['ID_MODEL_ID']}" == model.id
        assert udev["ID_USB_INTERFACES"] == listed(model), name
        assert udev["ID_PATH"] == f"platform-vhci_hcd.0-usb-0:{row['name'].partition('-')[2]}"
        assert udev["DEVNAME"] == f"/dev/bus/usb/{udev['BUSNUM']}/{udev['DEVNUM']}"
        assert udev["PRODUCT"] == f"{model.vendor:x}/{model.product:x}/{model.revision:x}"
        drivers = {f"{int(number):02x}": driver for number, driver in row["drivers"].items()}
        for child, known in row["children"].items():
            assert known.get("DEVNAME", f"/dev/{known.get('INTERFACE')}") == f"/dev/{child}", (name, child)
            assert known.get("ID_VENDOR_ID") == udev["ID_VENDOR_ID"], (name, child)
            assert known["ID_USB_DRIVER"] == drivers[known["ID_USB_INTERFACE_NUM"]], (name, child)
    answering = {name: row["answers"] for name, row in found.items() if row["answers"]}
    assert set(answering) == {name for name in MODEMS if any("tty" in each for each in EXPECTED[name])}
    for name, answers in answering.items():
        assert set(answers.values()) == {"AT\r\r\nOK\r\n"}, (name, answers)
        bulk = found[name]["told"]["bulk"]
        assert {port: bytes.fromhex(bulk.get(port, "")) for port in answers} == dict.fromkeys(answers, b"AT\r"), name
        before = found[name]["before"]["bulk"]
        assert not set(before) - {"cdrom", "card"}, (name, before)
    for name, row in found.items():
        opcodes = {int(block[:2], 16) for block in row["told"]["commands"]}
        assert opcodes <= KERNELS_OWN, (name, opcodes - KERNELS_OWN)
        assert row["told"]["refused"] == []
    for bystander in BYSTANDERS:
        assert set(found[bystander.name]["told"]["bulk"]) <= {"disk"}, bystander.name
    figures("usb-rows", found=len(found), answering=len(answering))


def messages(told: dict[str, Any]) -> list[str]:
    """The vendor commands that a stick was sent."""
    return [block for block in told["commands"] if block.startswith("11")]


def happened(told: dict[str, Any]) -> list[str]:
    """What became of a stick, in order."""
    return [f"{what} {detail}".strip() for _, what, detail in told["log"] if what in ("attached", "ejected", "left")]


SWITCHED = ["attached huawei-14fe", "left huawei-14fe", "attached huawei-1506-a"]
AFTER_FAULT: dict[str, tuple[set[str | None], str | None, list[str]]] = {
    "refused": ({"sense 5/20/00"}, "12d1:14fe", SWITCHED[:1]),
    "stalled": ({"host status 7"}, "12d1:14fe", SWITCHED[:1]),
    "ignored": ({"ok"}, "12d1:14fe", SWITCHED[:1]),
    "never back": ({"ok"}, None, SWITCHED[:2]),
    "back unchanged": ({"ok"}, "12d1:14fe", [*SWITCHED[:2], SWITCHED[0]]),
    "gone before the status": ({"host status 7"}, None, SWITCHED[:2]),
    "gone after the status": ({"host status 7", "ok"}, None, SWITCHED[:2]),  # the status may be lost with the device
    "gone when back": ({"ok"}, None, [*SWITCHED, "left huawei-1506-a"]),
    "gone when configured": ({None}, None, SWITCHED[:2]),
}


def test_sticks_leave_storage_mode_or_do_not(figures: Callable[..., None]) -> None:
    found: dict[str, dict[str, Any]] = on_usb_bus("lab.usb_switching:switches")

    program = found["program"]
    assert (program["done"]["status"], "Mode switch succeeded" in program["done"]["stdout"]) == (0, True)
    assert happened(program["told"]) == SWITCHED
    assert NEW_MODE in program["told"]["bulk"]["cdrom"]
    assert messages(program["told"]) == [BLOCK.hex()]
    assert program["seen"]["id"] == "12d1:1506"
    assert program["seen"]["udev"]["ID_PATH"] == "platform-vhci_hcd.0-usb-0:1"
    assert program["seen"]["nodes"]["0"] == ["ttyUSB0"]

    wrong = found["wrong"]
    assert (wrong["done"]["status"], "Mode switch has failed" in wrong["done"]["stdout"]) == (0, True)
    assert "status 1" in wrong["done"]["stdout"]
    assert wrong["told"]["refused"] == [bytes.fromhex(WRONG)[15:].hex()]
    assert happened(wrong["told"]) == SWITCHED[:1]
    assert wrong["seen"]["drivers"] == {"0": None}  # the program has taken the driver away, and leaves it so

    scsi = found["scsi"]
    assert {name: (one["answer"], one["seen"]["id"], one["seen"]["name"]) for name, one in scsi.items()} == {
        "twin": (None, "12d1:14fe", "1-1"),
        "block": ("ok", "12d1:1506", "1-2"),
        "block with card": ("ok", "12d1:1506", "1-3"),
        "eject": ("ok", "12d1:1506", "1-4"),
        "eject in vain": ("ok", "12d1:14fe", "1-5"),
    }
    assert messages(scsi["twin"]["told"]) == []
    assert messages(scsi["block"]["told"]) == [BLOCK.hex()]
    assert {name for name, one in scsi.items() if "ejected" in happened(one["told"])} == {"eject", "eject in vain"}
    assert scsi["eject in vain"]["seen"]["drivers"] == {"0": "usb-storage"}

    last = found["burst"]["seen"]
    assert (last["name"], list(last["drivers"].values())) == ("1-1", [*["option"] * 4, "qmi_wwan"])

    for name, (answers, identity, story) in AFTER_FAULT.items():
        one = found["faults"][name]
        assert one["answer"] in answers, name
        assert (one["id"], happened(one["told"])) == (identity, story), name
        assert one["told"]["refused"] == ([BLOCK.hex()] if name == "refused" else []), name
        assert messages(one["told"]) == ([] if one["answer"] is None else [BLOCK.hex()]), name
    assert found["faults"].keys() == AFTER_FAULT.keys()
    seconds = {name.replace(" ", "_"): value for name, value in program["seconds"].items()}
    figures("usb-switching", cases=len(scsi) + len(AFTER_FAULT) + 2, bursts=BURST, **seconds)


def test_modems_change_their_composition(figures: Callable[..., None]) -> None:
    """By AT commands, by configuration, and with a driver that is told of an id it did not know."""
    found: dict[str, dict[str, Any]] = on_usb_bus("lab.usb_modes:changes")
    for row, (lines, after) in CHANGES.items():
        assert found[row]["answers"] == [f"{line}\r\r\nOK\r\n" for line in lines], row
        assert found[row]["greeted"] == "AT\r\r\nOK\r\n", row
        assert found[row]["bound"] == EXPECTED[after], row
        assert happened(found[row]["told"]) == [f"attached {row}", f"left {row}", f"attached {after}"]
        assert found[row]["told"]["bulk"] == {"at": "".join(f"{line}\r" for line in (*lines, "AT")).encode().hex()}

    me909s = found["me909s"]
    assert (me909s["kernel's choice"], me909s["id"]) == ("2", "12d1:15c1")
    assert list(me909s["3"].values()) == ["cdc_mbim", "cdc_mbim", "option"]
    assert list(me909s["1"].values()) == [*["option"] * 3, "huawei_cdc_ncm"]
    assert list(me909s["2"].values()) == [*["cdc_ether"] * 2, *["option"] * 5]
    assert me909s["1 says"] == me909s["2 says"] == "AT+CGMM\r\r\nME909s-120\r\n\r\nOK\r\n"

    # a driver that is told an id by new_id takes every interface, those for QMI and ADB too
    assert found["9002"] == {"before": {}, "ports": list(range(7)), "says": "AT\r\r\nOK\r\n"}
    assert found["late"] == {"early": "", "late": "AT\r\r\nOK\r\n", "mute": "", "gone": "EIO"}

    rows, plugged, taken, told, nothing, unplugged, unknown, quit_ = found["program"]
    assert rows["ok"] == {row.name: row.id for row in ROWS.values()}
    assert plugged == {"status": 0, "ok": {"port": 3, "name": "1-4"}}
    assert told["ok"]["bulk"] == {}
    assert [each["status"] for each in (taken, nothing, unknown)] == [1, 1, 1]
    assert "jump" in unknown["error"]
    assert [unplugged, quit_] == [{"status": 0, "ok": None}] * 2
    figures("usb-modes", cases=len(CHANGES) + 8)


def test_usb_modeswitchs_rules_at_work(figures: Callable[..., None]) -> None:
    """What is plugged in is switched, or left alone, without anybody's doing."""
    found: dict[str, dict[str, Any]] = on_usb_bus("lab.usb_rules:left_alone", switching=True)
    assert {row: one["seen"]["id"] for row, one in found.items() if "seen" in one} == {
        "huawei-14fe": "12d1:1506",
        "huawei-1f01-hilink": "12d1:14dc",
        "usb-stick": "0781:5567",
        "security-key": "0483:a2ca",
        "arduino": "2341:0043",
        "ec20-qmi": "2c7c:0125",
    }
    assert {row for row, one in found.items() if "told" in one and messages(one["told"])} == {
        "huawei-14fe",
        "huawei-1f01-hilink",
    }
    assert NEW_MODE in found["huawei-14fe"]["told"]["bulk"]["cdrom"]
    for row in ("security-key", "arduino", "ec20-qmi"):
        assert found[row]["told"]["bulk"] == {}, row
    assert list(found["me909s"]["drivers"].values()) == ["cdc_mbim", "cdc_mbim", "option"]
    configured = [detail for _, what, detail in found["me909s"]["told"]["log"] if what == "configured"]
    assert configured == ["2", "0", "3"]
    figures("usb-rules", cases=len(found) - 1, plug_to_ttyUSB=found["seconds"]["plug to ttyUSB"])


def test_wifi_adapters_ask_for_their_firmware(figures: Callable[..., None]) -> None:
    """The kernel names the file that is missing; with one of the right form, the chip gets it byte by byte."""
    found: dict[str, dict[str, Any]] = on_usb_bus("lab.usb_wifi:firmware")
    broadcom, ralink = found["bcm43143"], found["rt5572"]
    assert any("failed with error -2" in line for line in broadcom["missing"])
    assert all("brcm/brcmfmac43143.bin" in line for line in broadcom["missing"])
    assert (broadcom["nodes"], broadcom["whole"]) == ({}, True)
    assert ralink["up"]["status"] != 0
    assert any("rt2870.bin failed with error -2" in line for line in ralink["missing"])
    assert any("version: 0.36" in line for line in ralink["detected"])
    assert (ralink["none uploaded"], ralink["whole"]) == (0, True)
    said = {
        (name, when): next(each for each in part[when]["report"]["adapters"] if each["identity"] == identity)
        for name, identity, part in (("bcm43143", "0a5c:bd1e", broadcom), ("rt5572", "148f:5572", ralink))
        for when in ("without", "with")
    }
    for name, file, package in (
        ("bcm43143", "brcm/brcmfmac43143.bin", "debian:firmware-brcm80211"),
        ("rt5572", "rt2870.bin", "debian:firmware-misc-nonfree"),
    ):
        without, with_file = said[name, "without"], said[name, "with"]
        assert without["verdict"] == "firmware-missing"
        assert f"get the file {file}" in without["advice"][0]
        assert package in without["advice"][0]
        assert with_file["files"][0]["state"] == "sound", with_file
    figures("usb-wifi", cases=len(found))
