"""`hal modem`, and where modems show in `hal doctor`: real processes on trees, with a modem on a pseudo terminal."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from backends.at.line import Line, line
from backends.usb.sysfs import plug
from peripherals.modem import sticks

from hal.plugins import Catalog
from hal.root import Root
from hal.settings.udev_rules import fault

Tree = Callable[[str], Root]
HAL = Path(sys.executable).parent / "hal"
BOARD = "raspberrypi4-64"
BOARDS = {name: Catalog().table(name)[0].slug for name in Catalog().index.board_modules()}
STORAGE = sticks.storage(0x12D1, 0x14FE)
NODES = {2: ("ttyUSB2",), 4: ("net/wwan0", "usbmisc/cdc-wdm0")}
NONE = "note: no modem that is known is plugged in\n"
FILE = """
[[model]]
name = "Acme LTE"
maker = "Acme"
mtu_bytes = 1358

[[model.identities]]
ids = "ace0:0001"
state = "service"

[[model.ports]]
role = "at"
interface = 0
"""


def hal(root: Root, *words: str) -> subprocess.CompletedProcess[str]:
    answer = subprocess.run([HAL, "--root", root.directory, *words], capture_output=True, text=True, timeout=60)
    assert "Traceback" not in answer.stderr
    return answer


def told(root: Root, *words: str) -> Any:
    return json.loads(hal(root, *words, "--json").stdout)


def files(root: Root) -> dict[str, bytes]:
    """What a command that only looks may not change."""
    return {
        str(path): path.read_bytes()
        for path in sorted(root.directory.rglob("*"))
        if path.is_file() and "run/hal" not in str(path)
    }


def put(root: Root, name: str, text: str) -> None:
    path = root.directory / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.fixture
def tree(hal_tree: Tree) -> Root:
    return hal_tree(BOARD)


@pytest.fixture
def ec20(tree: Root) -> Iterator[Line]:
    """A modem in service at 1-1.2, and its AT port."""
    plug(tree.directory, "1-1.2", sticks.EC20_QMI, nodes=NODES)
    with line("EC20F", tree.directory) as made:
        yield made


# -- list --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("family", BOARDS)
def test_a_board_of_each_family(family: str, hal_tree: Tree) -> None:
    root = hal_tree(BOARDS[family])
    answer = hal(root, "modem", "list")
    assert (answer.returncode, answer.stdout) == (0, "")
    assert NONE in answer.stderr
    assert told(root, "modem", "list") == []
    plug(root.directory, "1-1", STORAGE)
    plug(root.directory, "1-2", sticks.EC20_QMI, number=6, nodes=NODES)
    plug(root.directory, "1-3", sticks.SECURITY_KEY, number=7)
    assert [(each["place"], each["state"], each["mode"], each["at_port"]) for each in told(root, "modem", "list")] == [
        ("1-1", "storage", None, None),
        ("1-2", "service", "qmi", "ttyUSB2"),
    ]


def test_list(ec20: Line) -> None:
    head, row = hal(ec20.root, "modem", "list").stdout.splitlines()
    assert [word.strip() for word in head.split("  ") if word] == [
        "place", "model", "id", "state", "mode", "AT port", "network", "described by",
    ]  # fmt: skip
    assert [word.strip() for word in row.split("  ") if word.strip()] == [
        "1-1.2", "EC20 R2", "2c7c:0125", "service", "qmi", "ttyUSB2", "wwan0", "hal_modems",
    ]  # fmt: skip
    (found,) = told(ec20.root, "modem", "list")
    assert (found["identity"], found["models"]) == (
        "2c7c:0125", [{"name": "EC20 R2", "maker": "Quectel", "origin": "hal_modems"}],
    )  # fmt: skip
    assert [(port["interface"], port["role"]) for port in found["ports"]] == [
        (0, "diag"), (1, "gps"), (2, "at"), (3, "at-secondary"), (4, "network"),
    ]  # fmt: skip
    assert ec20.modem.received == [], "a list opens no port"


def test_a_user_s_file_is_the_origin(tree: Root) -> None:
    plug(tree.directory, "1-1", sticks.functions(0xACE0, 1, (0xFF, 0, 0)), nodes={0: ("ttyUSB0",)})
    plug(tree.directory, "1-2", sticks.EC20_QMI, number=6)  # a modem that is known, so that a plugin is there too
    assert [each["place"] for each in told(tree, "modem", "list")] == ["1-2"]
    put(tree, "mnt/boot/modems.d/acme.toml", FILE)
    answer = hal(tree, "modem", "list")
    assert answer.stdout.splitlines()[1].split() == [
        "1-1", "Acme", "LTE", "ace0:0001", "service", "serial", "ttyUSB0", "-", "mnt/boot/modems.d/acme.toml",
    ]  # fmt: skip
    assert "note: 1-1: its network may need an MTU of 1358 bytes\n" in answer.stderr


# -- switch ------------------------------------------------------------------------------------------------------------


def test_dry_run_says_what_would_be_sent_and_sends_nothing(ec20: Line) -> None:
    before = files(ec20.root)
    answer = hal(ec20.root, "modem", "switch", "1-1.2", "--mode", "ecm", "--dry-run")
    assert answer.returncode == 0
    first, step = answer.stdout.splitlines()
    assert first == "1-1.2 (EC20 R2): switch: it is in qmi, and preferred is ecm"
    assert '+QCFG="usbnet",1' in step
    (found,) = told(ec20.root, "modem", "switch", "--mode", "ecm", "--dry-run")
    assert (found["place"], found["decision"]["action"], found["decision"]["wanted"]) == ("1-1.2", "switch", "ecm")
    assert (ec20.modem.received, files(ec20.root)) == ([], before)
    assert not (ec20.root.directory / "run/hal/modems").exists()


@pytest.mark.parametrize("words", [(), ("1-1.2",), ("1-1.2", "--mode", "qmi")])
def test_what_is_in_service_stays(words: tuple[str, ...], tree: Root) -> None:
    plug(tree.directory, "1-1.2", sticks.EC20_QMI, nodes={each: (f"ttyUSB{each}",) for each in range(4)} | NODES)
    answer = hal(tree, "modem", "switch", *words)
    assert answer.returncode == 0
    assert answer.stdout.startswith("1-1.2 (EC20 R2): unchanged: qmi, AT port ttyUSB2; it is in ")
    (found,) = told(tree, "modem", "switch", *words)
    assert (found["outcome"], found["done"]) == ("unchanged", [])


def test_a_tree_has_no_device_to_switch(tree: Root) -> None:
    """Never one of the machine that runs the tests; and after two attempts it is left alone until told."""
    plug(tree.directory, "1-1", STORAGE)
    answer = hal(tree, "modem", "switch", "1-1")
    assert answer.returncode == 1
    assert "1-1 (12d1:14fe): a tree has no USB device to send messages to" in answer.stderr
    (found,) = told(tree, "modem", "switch")
    assert (found["place"], found["error"]["code"]) == ("1-1", "failed")
    assert "2 attempts failed" in hal(tree, "modem", "switch").stderr
    assert "a tree has no USB device" in hal(tree, "modem", "switch", "--again").stderr
    (listed,) = told(tree, "modem", "list")
    assert listed["switching"]["phase"] == "failed"


def test_one_that_fails_does_not_keep_the_others_from_being_brought_up(tree: Root) -> None:
    plug(tree.directory, "1-1", STORAGE)
    plug(tree.directory, "1-2", sticks.HILINK, number=6, nodes={0: ("net/eth1",)})
    found = told(tree, "modem", "switch")
    assert [(each["place"], each.get("outcome")) for each in found] == [("1-1", None), ("1-2", "unchanged")]


REFUSED: dict[str, tuple[tuple[str, ...], int, str]] = {
    "switch nowhere": (("switch", "9-9"), 1, "9-9: no USB device is there"),
    "switch nowhere, only said": (("switch", "9-9", "--dry-run"), 1, "plugged in there; there are 1-1.2"),
    "switch what is no modem": (("switch", "1-1.4"), 1, "no modem that is known"),
    "switch upwards": (("switch", "../../etc"), 1, "no USB device is there"),
    "info nowhere": (("info", "9-9"), 1, "plugged in there; there are 1-1.2"),
    "check nowhere": (("check", "9-9"), 1, "plugged in there; there are 1-1.2"),
    "no mode": (("switch", "--mode", "lte"), 2, "'lte' is not one of"),
    "no rung": (("recover", "1-1.2", "--up-to", "prayer"), 1, "allowed are rescan, port-reset, rebind, hub-power"),
    "recover no place": (("recover", "../1-1"), 1, "a place on USB is written as in 1-1.2"),
    "recover what": (("recover",), 2, "Missing argument 'PLACE'"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused_sends_nothing(case: str, ec20: Line) -> None:
    words, status, message = REFUSED[case]
    plug(ec20.root.directory, "1-1.4", sticks.SECURITY_KEY, number=9)
    before = files(ec20.root)
    answer = hal(ec20.root, "modem", *words)
    assert (answer.returncode, message in answer.stderr) == (status, True), answer.stderr
    assert (ec20.modem.received, files(ec20.root)) == ([], before)


# -- info and check ----------------------------------------------------------------------------------------------------


def test_info(ec20: Line) -> None:
    answer = hal(ec20.root, "modem", "info")
    assert answer.returncode == 0
    facts = dict(line.split(maxsplit=1) for line in answer.stdout.splitlines() if "switched on" not in line)
    assert (facts["place"], facts["model"], facts["SIM"][:5]) == ("1-1.2 (2c7c:0125)", "EC20F", "ready")
    (found,) = told(ec20.root, "modem", "info", "1-1.2")
    assert (found["place"], found["model"]) == ("1-1.2", "EC20 R2")
    assert (found["info"]["identity"]["model"], found["info"]["sim"]["state"]) == ("EC20F", "ready")


def test_without_a_modem_there_is_nothing_to_ask(tree: Root) -> None:
    for verb in ("info", "check"):
        answer = hal(tree, "modem", verb, "--json")
        assert (answer.returncode, answer.stdout) == (4, "")
        assert json.loads(answer.stderr)["error"]["code"] == "capability-absent"


def test_check(ec20: Line) -> None:
    answer = hal(ec20.root, "modem", "check")
    assert answer.returncode == 0
    assert [each.split(":")[:2] for each in answer.stdout.splitlines()[1:]] == [
        [f"  {link}", " ok"] for link in ("usb", "switch", "driver", "port", "sim", "registration", "signal")
    ]
    ec20.modem.sim = 10
    answer = hal(ec20.root, "modem", "check", "1-1.2")
    assert answer.returncode == 1
    assert answer.stdout.splitlines()[-2:] == [
        "  sim: broken: missing", "    put a SIM in, the right way round, with the modem switched off",
    ]  # fmt: skip
    (found,) = told(ec20.root, "modem", "check")
    assert (found["links"][-1]["link"], found["links"][-1]["holds"]) == ("sim", False)


def test_what_a_modem_says_cannot_write_on_the_terminal(ec20: Line) -> None:
    ec20.modem.signal["cops"] = '0,0,"Net\x1b[2J",7'
    assert "\x1b" not in hal(ec20.root, "modem", "info").stdout


# -- recover and rules -------------------------------------------------------------------------------------------------


def test_recover_stops_where_it_works(ec20: Line) -> None:
    for number in (0, 1, 3):
        put(ec20.root, f"sys/devices/platform/soc/usb1/1-1.2/1-1.2:1.{number}/ttyUSB{number}/uevent", "")
    answer = hal(ec20.root, "modem", "recover", "1-1.2")
    assert (answer.returncode, answer.stdout) == (0, "rescan: works: it works\n")


def test_recover_goes_as_far_as_it_may(tree: Root) -> None:
    plug(tree.directory, "1-1", STORAGE)
    answer = hal(tree, "modem", "recover", "1-1", "--up-to", "port-reset")
    assert answer.returncode == 1
    assert [each.split(":")[:2] for each in answer.stdout.splitlines()] == [
        ["rescan", " tried"], ["port-reset", " tried"],
    ]  # fmt: skip
    assert "a tree has no USB device to reset" in answer.stdout
    found = told(tree, "modem", "recover", "1-1", "--up-to", "rescan")
    assert [(each["rung"], each["tried"], each["works"]) for each in found] == [("rescan", True, False)]


def test_rules(ec20: Line) -> None:
    answer = hal(ec20.root, "modem", "rules")
    assert answer.returncode == 0
    assert fault(answer.stdout) is None
    assert 'ENV{ID_HAL_MODEM}="EC20 R2"' in answer.stdout
    found = told(ec20.root, "modem", "rules")
    assert (found["name"], found["rules"]) == ("75-hal-modem.rules", answer.stdout)


# -- doctor ------------------------------------------------------------------------------------------------------------


def findings(root: Root) -> list[tuple[str, str, str, str]]:
    return [(each["code"], each["about"], each["message"], each["advice"]) for each in told(root, "doctor")["findings"]]


def test_doctor_tells_the_first_broken_link_of_each_modem(ec20: Line) -> None:
    assert findings(ec20.root) == []
    plug(ec20.root.directory, "1-1", STORAGE)
    ec20.modem.sim = 10
    assert findings(ec20.root) == [
        (
            "modem", "modem 1-1", "MS2131i-8 or MS2372 or E173s: switch: it is in storage mode",
            "run `hal modem switch 1-1`",
        ),
        (
            "modem", "modem 1-1.2", "EC20 R2: sim: missing",
            "put a SIM in, the right way round, with the modem switched off",
        ),
    ]  # fmt: skip
    assert hal(ec20.root, "doctor").returncode == 1


def test_doctor_leaves_a_port_alone_that_modemmanager_has(ec20: Line) -> None:
    ec20.modem.sim = 10
    put(ec20.root, "sys/class/tty/ttyUSB2/dev", "188:2\n")
    put(ec20.root, "run/udev/data/c188:2", "E:ID_MM_CANDIDATE=1\n")
    put(ec20.root, "proc/412/comm", "ModemManager\n")
    assert findings(ec20.root) == []
    assert ec20.modem.received == []


def test_doctor_names_a_file_that_is_not_used(tree: Root) -> None:
    """Also where no modem is known: the file may be why."""
    put(tree, "mnt/boot/modems.d/acme.toml", FILE.replace("service", "servce"))
    ((code, about, message, advice),) = findings(tree)
    assert (code, about) == ("damaged", "mnt/boot/modems.d/acme.toml")
    assert "allowed are storage, service, download" in message
    assert advice == "mend the file, or remove it; nothing of it is used"


@pytest.mark.parametrize("steps", [(), (sticks.MEMORY_STICK,)])
def test_where_no_modem_is_plugged_in_the_doctor_reads_no_entries_and_no_code_for_ports(
    steps: tuple[bytes, ...], tree: Root
) -> None:
    put(tree, "usr/share/usb_modeswitch/configPack.tar.gz", "no archive")
    for descriptors in steps:
        plug(tree.directory, "1-1", descriptors)
    told = subprocess.run(
        [HAL, "--root", tree.directory, "doctor"],
        capture_output=True, text=True, timeout=60, env={**os.environ, "PYTHONPROFILEIMPORTTIME": "1"},
    )  # fmt: skip
    loaded = {line.rpartition("|")[2].strip() for line in told.stderr.splitlines()}
    assert "hal.peripherals.modem.known" in loaded
    assert not loaded & {"hal.peripherals.modem.check", "hal.backends.at.channel", "hal_modems", "usb"}
    assert (told.stdout == "nothing wrong found\n") == (not steps), "with a device, its entry is looked for"
