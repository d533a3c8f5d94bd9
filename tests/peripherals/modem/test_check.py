"""The check names the first broken link, and says what to do: one scripted fault at each link."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partialmethod
from pathlib import Path

import pytest
from backends.at.line import Line, line
from backends.usb.sysfs import plug
from hal_modems.models import MODEMS
from peripherals.modem import sticks
from peripherals.modem.bench import ALL

from hal.backends.at.channel import Channel
from hal.peripherals.modem.check import Checked, Link, check
from hal.peripherals.modem.here import look
from hal.root import Root

Nodes = Mapping[int, tuple[str, ...]]
EC20_NODES: Nodes = {2: ("ttyUSB2",), 4: ("net/wwan0", "usbmisc/cdc-wdm0")}


def walked(root: Root, drivers: frozenset[str] = ALL) -> tuple[Checked, ...]:
    (modem,), _ = look(root, {"hal_modems": MODEMS})
    return check(root, modem, drivers.__contains__)


def stops_at(found: tuple[Checked, ...], link: Link, told: str, advice: str) -> None:
    """Every link before it holds, it is the last that was looked at, and it says what to do."""
    assert [each.link for each in found] == list(Link)[: list(Link).index(link) + 1]
    assert [(each.holds, each.advice) for each in found[:-1]] == [(True, "")] * (len(found) - 1)
    assert found[-1].holds is False
    assert told in found[-1].found
    assert advice, "a broken link without advice"
    assert advice in found[-1].advice


# -- before any port ---------------------------------------------------------------------------------------------------

DEVICES: dict[str, tuple[bytes, int | None, Nodes, frozenset[str], Link, str, str]] = {
    "no configuration": (sticks.EC20_QMI, None, {}, ALL, Link.USB, "without a configuration", "without enough power"),
    "storage": (
        sticks.storage(0x12D1, 0x14FE), 1, {}, ALL, Link.SWITCH, "in storage mode", "run `hal modem switch 1-1`",
    ),
    "storage that no table knows": (
        sticks.storage(0x2C7C, 0x0125), 1, {}, ALL, Link.SWITCH, "no way out of that is known", "in a model file",
    ),
    "emergency download": (
        sticks.functions(0x05C6, 0x9008, (0xFF, 0xFF, 0xFF)), 1, {}, ALL, Link.SWITCH, "emergency download", "firmware",
    ),
    "a kernel without drivers": (
        sticks.EC20_QMI, 1, {}, frozenset(), Link.DRIVER, "this kernel has none of cdc_acm, option, qcserial, qmi_wwan",
        "to the image's kernel",
    ),
    "a driver that does not know the id": (
        sticks.EC20_QMI, 1, {}, ALL, Link.DRIVER, "no driver has taken any of its 5", "may not know 2c7c:0125",
    ),
    "a composition without known roles": (
        sticks.functions(0x1E0E, 0x9020, (0xFF, 0, 0)), 1, {0: ("ttyUSB0",)}, ALL, Link.DRIVER,
        "none of its 1 interfaces has a role that is known", "in a model file",
    ),
    "an AT port without its node": (
        sticks.EC20_QMI, 1, {4: ("net/wwan0", "usbmisc/cdc-wdm0")}, ALL, Link.PORT, "no AT port", "`hal modem list`",
    ),
    "a node that is gone": (
        sticks.EC20_QMI, 1, EC20_NODES, ALL, Link.PORT, "dev/ttyUSB2", "`hal modem list`",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", DEVICES)
def test_a_fault_that_no_port_is_needed_to_see(case: str, tmp_path: Path) -> None:
    descriptors, chosen, nodes, drivers, link, told, advice = DEVICES[case]
    plug(tmp_path, "1-1", descriptors, chosen=chosen, nodes=nodes)
    stops_at(walked(Root(tmp_path), drivers), link, told, advice)


def test_a_router_without_an_at_port_is_whole_as_far_as_can_be_seen(tmp_path: Path) -> None:
    plug(tmp_path, "1-1", sticks.HILINK, nodes={0: ("net/eth1",)})
    last = walked(Root(tmp_path))[-1]
    assert (last.link, last.holds) == (Link.PORT, None)
    assert last.found.startswith("it has none in ecm mode: SIM and network are seen by its own page")


# -- through the port --------------------------------------------------------------------------------------------------


@pytest.fixture
def ec20(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Line]:
    """A modem in service behind a pseudo terminal; one that does not answer is given up soon."""
    monkeypatch.setattr(Channel, "wake", partialmethod(Channel.wake, tries=2, seconds=0.2))
    plug(tmp_path, "1-1", sticks.EC20_QMI, nodes=EC20_NODES)
    with line("EC20F", tmp_path) as made:
        yield made


def test_a_modem_that_works_has_every_link(ec20: Line) -> None:
    found = walked(ec20.root)
    assert [(each.link, each.holds, each.advice) for each in found] == [(link, True, "") for link in Link]
    assert found[-1].found.endswith("dBm")
    assert "EC20F" in found[3].found


def sim(state: str | int) -> Callable[[Line], None]:
    return lambda made: setattr(made.modem, "sim", state)


def registration(state: int) -> Callable[[Line], None]:
    return lambda made: made.modem.registration.update(dict.fromkeys(made.modem.registration, state))


def no_signal(made: Line) -> None:
    made.modem.signal |= {"csq": "99,99", "cesq": "99,99,255,255,255,255"}


FAULTS: dict[str, tuple[Callable[[Line], None], Link, str, str]] = {
    "silent": (lambda made: made.modem.faults.silent.add("*"), Link.PORT, "", "run `hal modem recover 1-1`"),
    "garbage": (
        lambda made: setattr(made.modem.faults, "garbage", bytes(range(128, 256))), Link.PORT, "",
        "run `hal modem recover 1-1`",
    ),
    "another device's answers": (
        lambda made: setattr(made.modem.faults, "garbage", b"$GPGGA,,,,,,0,,,,,,,,*66\r\n"), Link.PORT, "",
        "run `hal modem recover 1-1`",
    ),
    "no SIM": (sim(10), Link.SIM, "missing", "put a SIM in"),
    "SIM failed": (sim(13), Link.SIM, "failed", "try another SIM"),
    "PIN": (sim("SIM PIN"), Link.SIM, "pin", "set the PIN"),
    "PUK": (sim("SIM PUK"), Link.SIM, "puk", "the operator's PUK"),
    "of another operator": (sim("PH-NET PIN"), Link.SIM, "network-locked", "only SIMs of its operator"),
    "not registered": (registration(0), Link.REGISTRATION, "packet idle", "check the antenna"),
    "searching": (registration(2), Link.REGISTRATION, "packet searching", "check the antenna"),
    "denied": (registration(3), Link.REGISTRATION, "packet denied", "the network refuses this SIM"),
    "no signal": (no_signal, Link.SIGNAL, "no signal", "check the antenna"),
}  # fmt: skip


@pytest.mark.parametrize("case", FAULTS)
def test_a_fault_behind_the_port(case: str, ec20: Line) -> None:
    breaks, link, told, advice = FAULTS[case]
    breaks(ec20)
    stops_at(walked(ec20.root), link, told, advice)


def owned(root: Root, program: str = "ModemManager", **tags: str) -> None:
    """udev's database and the process list of a device where this program runs."""
    folder = root.directory
    told = {"ID_MM_CANDIDATE": "1", **tags}
    files = {
        "sys/class/tty/ttyUSB2/dev": "188:2\n",
        "run/udev/data/c188:2": "".join(f"E:{name}={value}\n" for name, value in told.items()),
        "proc/412/comm": f"{program}\n",
    }
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def test_a_port_that_modemmanager_has_is_not_opened(ec20: Line) -> None:
    owned(ec20.root)
    found = walked(ec20.root)
    assert [each.holds for each in found] == [True, True, True, None]
    assert (found[-1].link, found[-1].advice) == (Link.PORT, "use `mmcli`, or follow the message")
    assert "ModemManager has ttyUSB2" in found[-1].found
    assert ec20.modem.received == []


@pytest.mark.parametrize(
    ("program", "tags"),
    [("sshd", {}), ("ModemManager", {"ID_MM_PORT_IGNORE": "1"}), ("ModemManager", {"ID_MM_DEVICE_IGNORE": "1"})],
)
def test_a_port_that_nobody_has_is_asked(program: str, tags: dict[str, str], ec20: Line) -> None:
    owned(ec20.root, program, **tags)
    assert all(each.holds for each in walked(ec20.root))
    assert ec20.modem.received
