"""`hal rtc`, and where clocks show in `hal show`, `hal doctor` and the capability document: real processes on trees."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from hal.backends.rtc.node import FLAGS, packed
from hal.root import Root
from hal.stdlib import UTC

Tree = Callable[[str], Root]
HAL = Path(sys.executable).parent / "hal"
ORIN, GATEWAY, IO_BOARD = "jetson-agx-orin-devkit", "beaglebone-green-gateway", "raspberrypicm4-ioboard"
AT = "2031-07-09T21:45:30+00:00"
TIME = datetime.fromisoformat(AT)


def hal(root: Root, *words: str) -> subprocess.CompletedProcess[str]:
    answer = subprocess.run([HAL, "--root", root.directory, *words], capture_output=True, text=True, timeout=60)
    assert "Traceback" not in answer.stderr
    return answer


def show(root: Root, number: int, time: datetime, flags: int | None = None) -> None:
    """What a clock of the tree shows from now on."""
    data = packed(time) + (b"" if flags is None else FLAGS.pack(flags))
    (root.directory / f"dev/rtc{number}").write_bytes(data)


def states(root: Root) -> dict[str, dict[str, object]]:
    return {state["name"]: state for state in json.loads(hal(root, "rtc", "list", "--json").stdout)}


# -- list and read ---------------------------------------------------------------------------------------------------


def test_list_is_in_order_of_preference(hal_tree: Tree) -> None:
    root = hal_tree(GATEWAY)
    lines = hal(root, "rtc", "list").stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["clock", "ds1340", "am33xx-rtc"]
    assert list(states(root)) == ["ds1340", "am33xx-rtc"]
    assert states(root)["ds1340"]["battery"] is True


def test_a_clock_that_no_row_names_is_listed_behind(hal_tree: Tree) -> None:
    root = hal_tree(IO_BOARD)
    folder = root.directory / "sys/class/rtc/rtc7"
    folder.mkdir()
    (folder / "name").write_text("rtc-pcf2127 3-0052\n")
    show(root, 7, TIME)
    assert list(states(root)) == ["pcf85063a", "rtc7"]
    assert hal(root, "rtc", "read", "rtc7").stdout == f"{AT}\n"


def test_read_takes_the_first_with_nothing_the_matter(hal_tree: Tree) -> None:
    root = hal_tree(ORIN)
    show(root, 1, TIME)
    assert hal(root, "rtc", "read").stdout == "2026-01-01T00:00:00+00:00\n"
    show(root, 0, datetime(1970, 1, 1, 0, 3, tzinfo=UTC))
    assert hal(root, "rtc", "read").stdout == f"{AT}\n"
    answer = hal(root, "rtc", "read", "nvvrs-pseq-rtc")
    assert (answer.stdout, answer.returncode) == ("1970-01-01T00:03:00+00:00\n", 0)
    assert answer.stderr == "note: nvvrs-pseq-rtc: health: never-set\n"


def test_a_clock_is_named_by_its_node_too(hal_tree: Tree) -> None:
    root = hal_tree(ORIN)
    show(root, 1, TIME)
    assert hal(root, "rtc", "read", "rtc1").stdout == hal(root, "rtc", "read", "tegra-rtc").stdout == f"{AT}\n"


def test_what_is_wrong_is_said(hal_tree: Tree) -> None:
    root = hal_tree(IO_BOARD)
    show(root, 0, TIME, flags=0x12)
    answer = hal(root, "rtc", "list")
    assert "battery-low" in answer.stdout
    assert "it has run on its battery" in answer.stderr
    show(root, 0, TIME, flags=0x01)
    answer = hal(root, "rtc", "read")
    assert (answer.returncode, answer.stdout) == (1, "")
    assert "not valid; set it" in answer.stderr
    assert json.loads(hal(root, "rtc", "read", "--json").stderr)["error"]["code"] == "damaged"


# -- set -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "number"),
    [
        ((AT,), 0),
        (("2031-07-09T21:45:30",), 0),
        (("2031-07-09T21:45:30Z",), 0),
        (("2031-07-09 23:45:30+02:00",), 0),
        (("rtc1", AT), 1),
        (("tegra-rtc", AT), 1),
        (("nvvrs-pseq-rtc", AT), 0),
    ],
)
def test_set(words: tuple[str, ...], number: int, hal_tree: Tree) -> None:
    root = hal_tree(ORIN)
    planned = hal(root, "rtc", "set", *words, "--dry-run")
    assert planned.stdout.endswith(f"2026-01-01T00:00:00+00:00 -> {AT}; nothing was written\n")
    assert hal(root, "rtc", "read", f"rtc{number}").stdout == "2026-01-01T00:00:00+00:00\n"
    assert hal(root, "rtc", "set", *words).stdout == f"2026-01-01T00:00:00+00:00 -> {AT}: applied\n"
    assert hal(root, "rtc", "read", f"rtc{number}").stdout == f"{AT}\n"
    assert hal(root, "rtc", "read", f"rtc{1 - number}").stdout == "2026-01-01T00:00:00+00:00\n"
    assert hal(root, "rtc", "set", *words).stdout == f"{AT}: already so, nothing written\n"
    assert hal(root, "rtc", "set", *words, "--dry-run").stdout == "already so: nothing would be written\n"
    assert json.loads(hal(root, "rtc", "set", *words, "--json").stdout)["outcome"] == "unchanged"


@pytest.mark.parametrize("words", [(), ("now",), ("tegra-rtc",), ("rtc1", "now")])
def test_set_to_now(words: tuple[str, ...], hal_tree: Tree) -> None:
    """With one word, a clock's name is a clock, and its time is now."""
    root = hal_tree(ORIN)
    before = datetime.now(UTC)
    assert hal(root, "rtc", "set", *words).returncode == 0
    number = "rtc1" if {"tegra-rtc", "rtc1"} & set(words) else "rtc0"
    shown = datetime.fromisoformat(hal(root, "rtc", "read", number).stdout.strip())
    assert timedelta(seconds=-1) <= shown - before <= timedelta(seconds=60)


def test_set_takes_the_best_clock_whatever_is_wrong_with_it(hal_tree: Tree) -> None:
    root = hal_tree(ORIN)
    show(root, 0, datetime(1970, 1, 1, tzinfo=UTC))
    hal(root, "rtc", "set", AT)
    assert (states(root)["nvvrs-pseq-rtc"]["time"], states(root)["nvvrs-pseq-rtc"]["healthy"]) == (AT, None)


REFUSED: dict[str, tuple[tuple[str, ...], int, str, str]] = {
    "no clock": (("read", "rtc9"), 1, "value-refused", "allowed are pcf85063a, rtc0"),
    "no clock to set": (("set", "rtc9", "now"), 1, "value-refused", "allowed are pcf85063a, rtc0"),
    "no time": (("set", "yesterday"), 1, "value-refused", "neither a clock of this board nor a time"),
    "too early": (("set", "1999-12-31T23:59:59"), 1, "value-refused", "2000-01-01T00:00:00+00:00 at the earliest"),
    "too late": (("set", "2100-01-01"), 1, "value-refused", "2099-12-31T23:59:59+00:00 at the latest"),
    "too late, only said": (("set", "2100-01-01", "--dry-run"), 1, "value-refused", "at the latest"),
    "too many": (("set", "rtc0", "now", "then"), 2, "usage", "a NAME and a TIME at most"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused_writes_nothing(case: str, hal_tree: Tree) -> None:
    words, status, code, told = REFUSED[case]
    root = hal_tree(IO_BOARD)
    before = (root.directory / "dev/rtc0").read_bytes()
    answer = hal(root, "rtc", *words, "--json")
    assert (answer.returncode, answer.stdout) == (status, "")
    error = json.loads(answer.stderr)["error"]
    assert error["code"] == code
    assert told in error["message"]
    assert (root.directory / "dev/rtc0").read_bytes() == before


@pytest.mark.parametrize(
    ("slug", "reason"),
    [
        ("raspberrypi3-64", "before the Raspberry Pi 5 none carries a clock"),
        ("beaglebone-ai64", "TPS6594"),
        ("jetson-nano", "none is known of it, and the kernel has none"),
        ("generic-aarch64", "only where the firmware offers it"),
    ],
)
def test_a_board_without_a_clock_says_so(slug: str, reason: str, hal_tree: Tree) -> None:
    root = hal_tree(slug)
    listed = hal(root, "rtc", "list")
    assert listed.returncode == 0
    assert reason in listed.stderr
    for words in (("read",), ("set",), ("set", "now", "--dry-run")):
        answer = hal(root, "rtc", *words)
        assert (answer.returncode, answer.stdout) == (4, "")
        assert reason in answer.stderr
    assert json.loads(hal(root, "rtc", "read", "--json").stderr)["error"]["code"] == "capability-absent"


# -- elsewhere -------------------------------------------------------------------------------------------------------


def test_show_and_doctor_name_a_clock_with_a_problem(hal_tree: Tree) -> None:
    root = hal_tree(IO_BOARD)
    assert "clocks       pcf85063a\n" in hal(root, "show").stdout
    assert hal(root, "doctor").stdout == "nothing wrong found\n"
    show(root, 0, TIME, flags=0x02)
    assert "clocks       pcf85063a (battery-low)\n" in hal(root, "show").stdout
    answer = hal(root, "doctor", "--json")
    assert answer.returncode == 1
    (finding,) = json.loads(answer.stdout)["findings"]
    assert (finding["code"], finding["about"]) == ("battery-low", "clock pcf85063a")
    assert finding["advice"].startswith("change its battery")


def test_an_absent_clock_is_nothing_wrong(hal_tree: Tree) -> None:
    """Where only some boards of a device type have it, nothing is wrong with the others."""
    root = hal_tree("generic-aarch64")
    assert "rtc-efi (absent)" in hal(root, "show").stdout
    assert hal(root, "doctor").stdout == "nothing wrong found\n"


def test_the_document_has_the_clock_without_its_time(hal_tree: Tree) -> None:
    root = hal_tree(IO_BOARD)

    def clocks() -> list[dict[str, object]]:
        found: list[dict[str, object]] = json.loads(hal(root, "capabilities", "--json").stdout)["capabilities"][
            "clocks"
        ]
        return found

    before = clocks()
    assert (before[0]["name"], before[0]["node"], before[0]["i2c_bus"]) == ("pcf85063a", "dev/rtc0", 10)
    show(root, 0, TIME)
    assert clocks() == before, "a document does not change by the second"
