"""`hal wifi`, and where WiFi shows in `hal doctor` and the capability document: real processes on trees."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from peripherals.wifi.trees import (
    BCM_FILE,
    BCM_WHOLE,
    PAU_FILE,
    PAU_WHOLE,
    Step,
    bcm,
    file,
    kernel,
    loaded,
    pau,
    put,
    says,
    stick,
)

from hal.root import Root

Tree = Callable[[str], Root]
HAL = Path(sys.executable).parent / "hal"
BOARD = "raspberrypi4-64"
KERNEL = kernel("brcmfmac", "rt2800usb", "r8712u")
ISSUE = "r8712u 1-1.4:1.0: Direct firmware load for rtlwifi/rtl8712u.bin failed with error -2"
NONE = "note: no WiFi adapter that an installed plugin knows is plugged in\n"


def hal(root: Root, *words: str | Path) -> subprocess.CompletedProcess[str]:
    answer = subprocess.run([HAL, "--root", root.directory, *words], capture_output=True, text=True, timeout=60)
    assert "Traceback" not in answer.stderr
    return answer


def tree(hal_tree: Tree, *steps: Step, slug: str = BOARD) -> Root:
    root = hal_tree(slug)
    for step in (KERNEL, *steps):
        step(root)
    return root


# -- list --------------------------------------------------------------------------------------------------------------


def test_list(hal_tree: Tree) -> None:
    root = tree(hal_tree, bcm(), pau())
    answer = hal(root, "wifi", "list")
    assert [line.split()[:4] for line in answer.stdout.splitlines()] == [
        ["place", "id", "driver", "interface"],
        ["1-1.2", "0a5c:bd1e", "brcmfmac", "-"],
        ["1-1.3", "148f:5572", "rt2800usb", "wlan2"],
    ]
    assert (answer.returncode, answer.stderr) == (0, "")
    found = json.loads(hal(root, "wifi", "list", "--json").stdout)
    assert [(each["place"], each["interfaces"], each["bands_ghz"]) for each in found] == [
        ("1-1.2", [], ["2.4"]),
        ("1-1.3", ["wlan2"], ["2.4", "5"]),
    ]


@pytest.mark.parametrize("steps", [(), (stick,)])
def test_none_is_said_and_is_no_failure(steps: tuple[Step, ...], hal_tree: Tree) -> None:
    root = tree(hal_tree, *steps)
    for verb in ("list", "check"):
        answer = hal(root, "wifi", verb)
        assert answer.returncode == 0
        assert NONE in answer.stderr
    assert hal(root, "wifi", "list", "--json").stdout == "[]\n"
    assert json.loads(hal(root, "wifi", "check", "--json").stdout)["adapters"] == []


# -- check -------------------------------------------------------------------------------------------------------------

STATUS: dict[str, tuple[tuple[Step, ...], int, str]] = {
    "all work": ((BCM_WHOLE, PAU_WHOLE, bcm(works=True), pau(up=True)), 0, "working"),
    "one waits": ((PAU_WHOLE, pau()), 0, "waiting-for-up"),
    "one of two lacks its file": ((BCM_WHOLE, bcm(works=True), pau()), 1, "firmware-missing"),
    "damaged": ((file(PAU_FILE, b"x"), pau()), 1, "firmware-damaged"),
    "no driver": ((kernel(), bcm()), 1, "driver-missing"),
    "to be tried again": ((BCM_WHOLE, loaded("brcmfmac"), bcm()), 1, "reprobe-needed"),
}


@pytest.mark.parametrize("case", STATUS)
def test_the_status_tells_whether_all_work(case: str, hal_tree: Tree) -> None:
    steps, status, verdict = STATUS[case]
    root = tree(hal_tree, *steps)
    answer = hal(root, "wifi", "check")
    assert answer.returncode == status
    assert f"  verdict    {verdict}: " in answer.stdout
    document = hal(root, "wifi", "check", "--json")
    assert document.returncode == status
    assert verdict in [each["verdict"] for each in json.loads(document.stdout)["adapters"]]


def test_what_is_missing_is_named_with_package_place_and_next_step(hal_tree: Tree) -> None:
    root = tree(hal_tree, loaded("brcmfmac"), bcm())
    told = hal(root, "wifi", "check").stdout
    for words in (
        "1-1.2: Broadcom BCM43143 (Raspberry Pi USB WiFi dongle), 0a5c:bd1e\n",
        f"  firmware   {BCM_FILE}, missing; looked in lib/firmware/updates/6.1.77-v8, lib/firmware/updates",
        "yocto:linux-firmware-bcm43143, yocto:linux-firmware-broadcom-license\n",
        f"/var/lib/docker/volumes/extra-firmware/_data/{BCM_FILE}\n",
        "`hal config set os.kernel.extraFirmwareVol=extra-firmware`, then `hal apply`",
        "echo 1 > /sys/bus/usb/devices/1-1.2/bConfigurationValue\n",
    ):
        assert words in told


def test_the_steps_that_are_told_work(hal_tree: Tree) -> None:
    """The commands of the advice, run as they are told, lead to the next verdict."""
    root = tree(hal_tree, pau())
    data = (root.directory / "lib/firmware", PAU_WHOLE)
    PAU_WHOLE(root)
    whole = (data[0] / PAU_FILE).read_bytes()
    (data[0] / PAU_FILE).unlink()
    put(root, f"mnt/data/docker/volumes/extra-firmware/_data/{PAU_FILE}", whole)
    assert hal(root, "wifi", "check").returncode == 1
    assert hal(root, "config", "set", "os.kernel.extraFirmwareVol=extra-firmware").returncode == 0
    assert hal(root, "apply").returncode == 0
    answer = hal(root, "wifi", "check")
    assert answer.returncode == 0
    assert "waiting-for-up" in answer.stdout
    assert f"mnt/data/docker/volumes/extra-firmware/_data/{PAU_FILE}, sound, 8192 bytes, version 0.36" in answer.stdout


def test_a_log_from_a_file(hal_tree: Tree, tmp_path: Path) -> None:
    root = tree(hal_tree, stick)
    answer = hal(root, "wifi", "check")
    assert "note: the kernel's log cannot be seen here" in answer.stderr
    log = tmp_path / "kernel.log"
    log.write_text(f"[    4.000000] {ISSUE}\n")
    answer = hal(root, "wifi", "check", "--log", log)
    assert answer.returncode == 1
    assert answer.stdout.startswith(
        "1-1.4:1.0 (Realtek RTL8191S WLAN Adapter 0bda:8172): r8712u, asked in vain for rtlwifi/rtl8712u.bin\n"
    )
    assert "log cannot be seen" not in answer.stderr


def test_a_log_that_is_not_there(hal_tree: Tree, tmp_path: Path) -> None:
    answer = hal(tree(hal_tree), "wifi", "check", "--log", tmp_path / "none", "--json")
    assert (answer.returncode, answer.stdout) == (1, "")
    assert json.loads(answer.stderr)["error"]["code"] == "file"


def test_a_log_cannot_move_the_cursor(hal_tree: Tree) -> None:
    hostile = "rt2800usb 1-1.3:1.0: firmware: failed to load \x1b[2Jrt2870.bin (-2)"
    other = "r8712u 1-1.4:1.0: Direct firmware load for \x1b]0;x\x07 failed with error -2"
    root = tree(hal_tree, stick, pau(), says(hostile, other))
    told = hal(root, "wifi", "check")
    assert "\x1b" not in told.stdout + told.stderr
    assert "\x1b" not in hal(root, "doctor").stdout


def test_the_regulatory_domain_is_told(hal_tree: Tree) -> None:
    root = tree(hal_tree, PAU_WHOLE, pau(up=True))
    told = hal(root, "wifi", "check").stdout
    assert "regulatory domain\n  asked     no country\n  kernel    00\n  database  none\n" in told


# -- elsewhere ---------------------------------------------------------------------------------------------------------


def test_doctor_has_one_finding_for_each_broken_adapter(hal_tree: Tree) -> None:
    root = tree(hal_tree, BCM_WHOLE, bcm(works=True), pau(up=True), PAU_WHOLE)
    assert hal(root, "doctor").stdout == "nothing wrong found\n"
    root = tree(hal_tree, loaded("brcmfmac"), bcm(), pau(), stick, says(ISSUE))
    answer = hal(root, "doctor", "--json")
    assert answer.returncode == 1
    findings = json.loads(answer.stdout)["findings"]
    assert [(each["code"], each["about"]) for each in findings] == [
        ("firmware-missing", "WiFi adapter 1-1.2"),
        ("firmware-missing", "WiFi adapter 1-1.3"),
        ("firmware-missing", "WiFi driver r8712u"),
    ]
    assert BCM_FILE in findings[0]["message"]
    assert findings[0]["advice"].startswith(f"get the file {BCM_FILE}; packages with it: debian:firmware-brcm80211")


def test_the_document_has_the_rows_of_what_is_plugged_in(hal_tree: Tree) -> None:
    found = json.loads(hal(tree(hal_tree, pau()), "capabilities", "--json").stdout)["capabilities"]["wifi_firmware"]
    by_driver = {each["driver"]: each for each in found}
    assert by_driver["rt2800usb"]["loaded_at"] == "first-up"
    assert by_driver["rt2800usb"]["files"][0]["form"] == "ralink"
    assert json.loads(hal(tree(hal_tree), "capabilities", "--json").stdout)["capabilities"]["wifi_firmware"] == []
