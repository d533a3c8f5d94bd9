"""Recovery: rungs from the mildest to the harshest, what stops them, and what is kept of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from acme import HEAD
from attrs import evolve
from conftest import Site
from peripherals.modem import sticks
from peripherals.modem.bench import Bench

from hal.device import Device
from hal.errors import HalError, NotApplied, ValueRefused
from hal.model import UsbDevice
from hal.peripherals.modem import wire
from hal.peripherals.modem.attempts import held
from hal.peripherals.modem.ladder import BUDGET, LOG, Climbed, Ladder, PowerLine, Rung
from hal.root import Root

DRIVER = "sys/bus/usb/drivers/usb"
R = Rung


class Steps:
    """A bench with a modem that works after one rung, and a record of what was done to it."""

    def __init__(self, directory: Path, mended_by: str = "", place: str = "1-1") -> None:
        self.bench = Bench(directory)
        self.bench.place = place
        self.bench.plug(sticks.EC20_QMI)
        self.mended_by = mended_by
        self.done: list[str] = []
        self.lines: dict[str, PowerLine] = {}

    def note(self, what: str) -> None:
        self.done.append(what)

    def file(self, name: str, text: str = "") -> Path:
        path = self.bench.root.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    @property
    def ladder(self) -> Ladder:
        return Ladder(
            root=self.bench.root,
            job=self.bench.job,
            works=lambda place: None if self.mended_by in self.done else "port: silent",
            reset=lambda place: self.note("reset"),
            power_lines=self.lines,
            sleep=self.bench.sleep,
            now=lambda: self.bench.seconds,
        )

    def climb(self, *rungs: Rung) -> dict[Rung, Climbed]:
        found = self.ladder.climb(self.bench.place, rungs or tuple(Rung))
        return {each.rung: each for each in found}

    def log(self) -> list[dict[str, object]]:
        return [json.loads(each) for each in (self.bench.root.directory / LOG).read_text().splitlines()]


@pytest.fixture
def steps(tmp_path: Path) -> Steps:
    return Steps(tmp_path)


def whole(steps: Steps) -> None:
    """Everything that a rung needs."""
    for name in ("unbind", "bind"):
        steps.file(f"{DRIVER}/{name}")
    steps.file("sys/bus/usb/devices/1-0:1.0/usb1-port1/disable", "0\n")
    steps.lines["1-1"] = lambda on: steps.note(f"power {'on' if on else 'off'}")


# -- the order ---------------------------------------------------------------------------------------------------------


def test_every_rung_in_order_where_none_helps(steps: Steps) -> None:
    whole(steps)
    found = steps.climb()
    assert list(found) == list(Rung)
    assert all((each.tried, each.works, each.reason) == (True, False, "port: silent") for each in found.values())
    assert steps.done == ["reset", "power off", "power on"]
    assert [(steps.bench.root.directory / DRIVER / name).read_text() for name in ("unbind", "bind")] == ["1-1", "1-1"]


@pytest.mark.parametrize(("mended_by", "last"), [("reset", R.PORT_RESET), ("power on", R.BOARD_POWER)])
def test_the_rung_that_helps_is_the_last(mended_by: str, last: Rung, tmp_path: Path) -> None:
    steps = Steps(tmp_path, mended_by)
    whole(steps)
    found = steps.climb()
    assert list(found) == list(Rung)[: list(Rung).index(last) + 1]
    assert [each.works for each in found.values()] == [False] * (len(found) - 1) + [True]
    assert found[last].reason == "it works"


def test_a_modem_that_works_is_only_looked_at(tmp_path: Path) -> None:
    steps = Steps(tmp_path)
    whole(steps)
    steps.note("")  # works from the start
    assert list(steps.climb()) == [R.RESCAN]
    assert steps.done == [""]


def test_rungs_that_are_absent_say_so_and_are_not_counted(steps: Steps) -> None:
    found = steps.climb()
    absent = {rung: each.reason for rung, each in found.items() if not each.tried}
    assert absent == {
        R.REBIND: "the USB core offers no unbind here",
        R.HUB_POWER: "the hub's port has no switch in sysfs: a kernel before 6.0, or a hub that cannot",
        R.BOARD_POWER: "this board has no power line for a modem here",
    }
    for _ in range(BUDGET[R.HUB_POWER] + 1):
        assert "no switch" in steps.climb(R.HUB_POWER)[R.HUB_POWER].reason


def test_a_place_that_is_empty_is_waited_for_and_told(steps: Steps) -> None:
    steps.bench.unplug()
    found = steps.climb()
    assert found[R.RESCAN].reason == "1-1: nothing came back within 60 s"
    assert found[R.PORT_RESET].reason == "no device is there to reset"
    assert found[R.REBIND].reason == "no device is there to bind"
    assert 60 <= steps.bench.seconds < 61


@pytest.mark.parametrize("place", ["", "1", "../1-1", "1-1:1.0", "usb1", "1-1.", "1-1/..", "1-1\n"])
def test_what_is_no_place_is_refused(place: str, steps: Steps) -> None:
    with pytest.raises(ValueRefused, match="a place on USB is written as in"):
        steps.ladder.climb(place)
    assert not (steps.bench.root.directory / LOG).exists()


# -- power -------------------------------------------------------------------------------------------------------------

SWITCHES = {
    "1-1": "1-0:1.0/usb1-port1",
    "2-3": "2-0:1.0/usb2-port3",
    "1-1.2": "1-1:1.0/1-1-port2",
    "1-1.2.4": "1-1.2:1.0/1-1.2-port4",
}


@pytest.mark.parametrize("place", SWITCHES)
def test_the_hub_s_port_is_switched_off_and_on(place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = Steps(tmp_path, place=place)
    name = f"sys/bus/usb/devices/{SWITCHES[place]}/disable"
    steps.file(name, "0\n")
    written: list[str] = []
    write = Root.write

    def noted(root: Root, path: str, value: str | bytes, *, create: bool = False) -> None:
        if path == name:
            written.append(str(value))
        write(root, path, value, create=create)

    monkeypatch.setattr(Root, "write", noted)
    before = steps.bench.seconds
    assert steps.climb(R.HUB_POWER)[R.HUB_POWER].tried
    assert written == ["1\n", "0\n"]
    assert steps.bench.seconds - before >= 3


class Pulled(BaseException):
    """Not even an error: the end of the program."""


@pytest.mark.parametrize("at", ["off", "between"])
@pytest.mark.parametrize("error", [NotApplied("stuck", path="gpio"), Pulled()])
def test_power_comes_back_whatever_happens(at: str, error: BaseException, steps: Steps) -> None:
    def switch(on: bool) -> None:
        steps.note(f"power {'on' if on else 'off'}")
        if at == "off" and not on:
            raise error

    def sleep(seconds: float) -> None:
        if at == "between" and steps.done[-1:] == ["power off"]:
            raise error

    steps.lines["1-1"] = switch
    ladder = steps.ladder
    climbing = Ladder(
        root=ladder.root, job=ladder.job, works=ladder.works, reset=ladder.reset, power_lines=steps.lines, sleep=sleep
    )
    if isinstance(error, HalError):
        (found,) = climbing.climb("1-1", (R.BOARD_POWER,))
        assert (found.tried, found.works, found.reason) == (True, False, "stuck")
    else:
        with pytest.raises(Pulled):
            climbing.climb("1-1", (R.BOARD_POWER,))
    assert steps.done == ["power off", "power on"]


def test_a_device_is_bound_again_whatever_happens(steps: Steps) -> None:
    whole(steps)

    def sleep(seconds: float) -> None:
        raise Pulled

    ladder = steps.ladder
    with pytest.raises(Pulled):
        Ladder(
            root=ladder.root, job=ladder.job, works=ladder.works, reset=ladder.reset, power_lines={}, sleep=sleep
        ).climb("1-1", (R.REBIND,))
    assert (steps.bench.root.directory / DRIVER / "bind").read_text() == "1-1"


def test_a_reset_of_what_has_gone_is_a_rung_that_failed(monkeypatch: pytest.MonkeyPatch, steps: Steps) -> None:
    def gone(device: UsbDevice) -> object:
        raise wire.Vanished(f"{device.name}: gone")

    monkeypatch.setattr(wire, "_found", gone)
    (modem,) = [steps.bench.job._modem("1-1")]
    ladder = steps.ladder
    climbing = Ladder(
        root=ladder.root, job=ladder.job, works=ladder.works, reset=lambda place: wire.Libusb().reset(modem.device),
        power_lines={},
    )  # fmt: skip
    (found,) = climbing.climb("1-1", (R.PORT_RESET,))
    assert (found.tried, found.reason) == (True, "1-1: gone; there is nothing to reset")


LINE = f"""{HEAD}
from hal.model import ModemPowerLine

@hookimpl
def hal_device_types():
    board = Board(name="Acme Gateway", compatible=("acme,gateway",))
    return (DeviceType(slug="acme-gateway", name="Acme Gateway", boards=(board,)),)


@hookimpl
def hal_modem_power(root):
    def switch(on):
        if root.exists("sys/defect"):
            raise ZeroDivisionError("of the plugin")
        root.write("sys/modem-power", "1" if on else "0")
        with open(root.directory / "switched", "a") as file:
            file.write("on " if on else "off ")
    return (ModemPowerLine(place="1-1", name="J5", switch=switch),)
"""


def test_the_line_that_a_board_s_plugin_names_is_switched(site: Site, acme: Root, tmp_path: Path) -> None:
    site.install("hal_acme_power", LINE, "slug:acme-gateway")
    (acme.directory / "sys").mkdir()
    (acme.directory / "sys/modem-power").write_text("1")
    device = Device.open(acme, catalog=site.catalog())
    (named,) = device.modem_power
    assert device.modem_ladder().power_lines == {"1-1": named.switch}
    assert (named.place, named.name) == ("1-1", "J5")
    steps = Steps(tmp_path / "bench")
    steps.lines[named.place] = named.switch
    assert steps.climb(R.BOARD_POWER)[R.BOARD_POWER].tried
    assert (acme.directory / "switched").read_text() == "off on "
    assert (acme.directory / "sys/modem-power").read_text() == "1"
    (acme.directory / "sys/defect").touch()
    assert "hal_acme_power: ZeroDivisionError: of the plugin" in steps.climb(R.BOARD_POWER)[R.BOARD_POWER].reason


# -- budget and log ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rung", Rung)
def test_a_budget_is_spent_and_comes_back_after_an_hour(rung: Rung, steps: Steps) -> None:
    whole(steps)
    for _ in range(BUDGET[rung]):
        assert steps.climb(rung)[rung].tried
    spent = steps.climb(rung)[rung]
    assert (spent.tried, spent.reason) == (False, f"tried {BUDGET[rung]} times within an hour, which is its budget")
    steps.bench.seconds += 3601
    assert steps.climb(rung)[rung].tried


def test_another_boot_and_another_place_have_budgets_of_their_own(steps: Steps) -> None:
    for _ in range(BUDGET[R.PORT_RESET]):
        steps.climb(R.PORT_RESET)
    assert not steps.climb(R.PORT_RESET)[R.PORT_RESET].tried
    steps.bench.unplug()
    steps.bench.place = "1-4"
    steps.bench.plug(sticks.EC20_QMI)
    assert steps.climb(R.PORT_RESET)[R.PORT_RESET].tried
    steps.bench.unplug()
    steps.bench.place = "1-1"
    steps.bench.plug(sticks.EC20_QMI)
    assert not steps.climb(R.PORT_RESET)[R.PORT_RESET].tried
    steps.file("proc/sys/kernel/random/boot_id", "boot-2\n")
    assert steps.climb(R.PORT_RESET)[R.PORT_RESET].tried


def test_the_log_has_a_line_for_each_rung(steps: Steps) -> None:
    steps.climb()
    assert [(each["rung"], each["tried"], each["works"]) for each in steps.log()] == [
        ("rescan", True, False), ("port-reset", True, False), ("rebind", False, False),
        ("hub-power", False, False), ("board-power", False, False),
    ]  # fmt: skip
    assert {each["place"] for each in steps.log()} == {"1-1"}


def test_the_log_is_bounded_and_keeps_the_newest(steps: Steps) -> None:
    steps.file(LOG, "".join(f'{{"old": {number}, "padding": "{"x" * 80}"}}\n' for number in range(1000)))
    steps.climb(R.RESCAN)
    lines = steps.log()
    assert (steps.bench.root.directory / LOG).stat().st_size <= 66 * 1024
    assert (lines[-2]["old"], lines[-1]["rung"]) == (999, "rescan")


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "cut": lambda data: data[:-20],
    "not text": lambda data: b"\xff\xfe\n" + data,
    "huge": lambda data: b"x" * 400_000,
    "numbers": lambda data: b'{"at_seconds": 1' + b"0" * 400 + b', "boot": "boot-1", "tried": true}\n' + data,
    "nested": lambda data: b"[" * 60_000 + b"\n" + data,
    "other JSON": lambda data: b"[]\n1\nnull\n{}\n" + data,
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_log_stops_no_recovery(damage: str, steps: Steps) -> None:
    steps.climb(R.RESCAN)
    path = steps.bench.root.directory / LOG
    path.write_bytes(DAMAGE[damage](path.read_bytes()))
    assert steps.climb(R.RESCAN)[R.RESCAN].tried
    assert json.loads(path.read_text(errors="replace").splitlines()[-1])["rung"] == "rescan"


@pytest.mark.parametrize("descriptors", [sticks.MEMORY_STICK, sticks.functions(0x05C6, 0x9008, (0xFF, 0xFF, 0xFF))])
def test_what_is_no_modem_and_what_writes_its_firmware_is_left_alone(tmp_path: Path, descriptors: bytes) -> None:
    steps = Steps(tmp_path)
    steps.bench.unplug()
    steps.bench.plug(descriptors)
    steps.file(f"{DRIVER}/unbind")
    with pytest.raises(ValueRefused, match="left alone"):
        steps.climb()
    assert steps.done == []
    assert (tmp_path / DRIVER / "unbind").read_text() == ""


def test_a_preference_that_is_not_reached_is_no_reason_to_cut_the_power(tmp_path: Path) -> None:
    """A u-blox stick wants another mode and cannot be asked, since ModemManager has its port; yet it works."""
    steps = Steps(tmp_path)
    steps.bench.unplug()
    steps.bench.plug(sticks.TOBY_RNDIS)
    steps.bench.answers["+UUSBCONF?"] = NotApplied("ModemManager has it")
    ladder = evolve(steps.ladder, works=lambda place: None)
    assert [(each.rung, each.works) for each in ladder.climb("1-1")] == [(R.RESCAN, True)]


def test_a_switch_that_is_at_work_is_not_cut_short(tmp_path: Path) -> None:
    steps = Steps(tmp_path)
    with held(steps.bench.root, "1-1"), pytest.raises(HalError, match="locked"):
        steps.climb(R.PORT_RESET)
    assert steps.done == []
