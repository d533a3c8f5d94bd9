"""The rules for udev: sound, for known devices only, and of one mind with what names the ports."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import pytest
from attrs import evolve
from backends.usb.sysfs import plug
from hal_modems.models import MODEMS
from hypothesis import given
from hypothesis import strategies as st
from peripherals.modem import sticks

from hal.backends.usb.present import present
from hal.model import (
    BulkMessages,
    ModemMode,
    ModemModel,
    ModemState,
    ModeSwitch,
    PortRole,
    PortRule,
    UsbDevice,
    UsbIdentity,
)
from hal.peripherals.modem.known import Known, KnownModel, know
from hal.peripherals.modem.match import recognise
from hal.peripherals.modem.rules import rules
from hal.root import Root
from hal.settings.udev_rules import fault

TOKEN = re.compile(r'([A-Z]+)(?:\{([^}]*)\})?(==|\+=|=)"([^"]*)"(?:, |$)')
Rule = list[tuple[str, str, str, str]]


def known(*models: ModemModel, rank: int = 3) -> Known:
    return Known(KnownModel(model=model, origin="hal_modems", rank=rank) for model in models)


ALL = known(*MODEMS)
TEXT = rules(ALL)


def lines(text: str) -> list[Rule]:
    """Each rule as its tokens; a line that is not made of tokens alone is a fault."""
    found = []
    for line in text.splitlines():
        if line.startswith(("SUBSYSTEM", "ACTION")):
            tokens = TOKEN.findall(line)
            assert sum(len(match[0]) for match in TOKEN.finditer(line)) == len(line), line
            found.append(tokens)
    return found


# -- udev, as far as these rules use it --------------------------------------------------------------------------------


def judged(text: str, kind: str, own: dict[str, str], properties: dict[str, str]) -> dict[str, str]:
    """What the rules make of one event: the properties afterwards; `own` are attributes of it, or of its interface."""
    env = dict(properties)
    for rule in lines(text):
        fits = True
        for key, inside, operator, value in rule:
            if operator == "==":
                has = {"SUBSYSTEM": kind, "ACTION": "add"}.get(key)
                has = env.get(inside, "") if key == "ENV" else own.get(inside) if key in ("ATTR", "ATTRS") else has
                fits = fits and has == value
            elif fits and key == "ENV":
                joined = f"{env.get(inside, '')} {value}".strip()
                env[inside] = joined if operator == "+=" else value
    return {name: value for name, value in env.items() if name not in properties}


def on_device(text: str, device: UsbDevice) -> dict[str, str]:
    ids = {"idVendor": f"{device.vendor_id:04x}", "idProduct": f"{device.product_id:04x}"}
    return judged(text, "usb", ids, {"DEVTYPE": "usb_device"})


def on_port(text: str, device: UsbDevice, number: int) -> dict[str, str]:
    """What a serial port on this interface gets."""
    interface = device.interface(number)
    (configuration,) = [each for each in device.configurations if each.value == device.configuration]
    function = configuration.function(number)
    assert interface is not None
    assert function is not None
    names = ("bInterfaceClass", "bInterfaceSubClass", "bInterfaceProtocol", "bNumEndpoints")
    values = (*interface.triple, len(function.endpoints))
    properties = {
        "ID_VENDOR_ID": f"{device.vendor_id:04x}",
        "ID_MODEL_ID": f"{device.product_id:04x}",
        "ID_USB_INTERFACE_NUM": f"{number:02x}",
    }
    return judged(text, "tty", {name: f"{each:02x}" for name, each in zip(names, values, strict=True)}, properties)


def plugged(directory: Path, descriptors: bytes, chosen: int = 1) -> UsbDevice:
    plug(directory, "1-1", descriptors, chosen=chosen)
    (found,) = present(Root(directory))
    return found


# -- the whole table ---------------------------------------------------------------------------------------------------


def test_every_line_is_one_that_udev_takes() -> None:
    assert fault(TEXT) is None
    assert len(lines(TEXT)) > 200


def test_each_line_names_one_product() -> None:
    """Nothing is done to a device for its vendor, or its class, alone."""
    ids = {f"{each.vendor_id:04x}:{each.product_id:04x}" for model in MODEMS for each in model.identities}
    pairs = (("idVendor", "idProduct"), ("ID_VENDOR_ID", "ID_MODEL_ID"))
    for rule in lines(TEXT)[1:]:
        told = {inside: value for _, inside, operator, value in rule if operator == "=="}
        named = [f"{told[one]}:{told[two]}" for one, two in pairs if one in told and two in told]
        assert len(named) == 1, rule
        assert named[0] in ids


@pytest.mark.parametrize("name", sticks.OTHERS)
def test_what_is_no_modem_gets_nothing(name: str, tmp_path: Path) -> None:
    device = plugged(tmp_path, sticks.OTHERS[name])
    assert on_device(TEXT, device) == {}
    assert all(on_port(TEXT, device, each.number) == {} for each in device.interfaces)


PLUGGED = {
    name: (value, chosen)
    for name, value in vars(sticks).items()
    if isinstance(value, bytes) and name.isupper() and name not in ("STORAGE", "PAIR") and value[1] == 1
    for chosen in range(1, value[17] + 1)
} | {"ME909S 1": (sticks.ME909S, 1), "ME909S 2": (sticks.ME909S, 2)}


@pytest.mark.parametrize("name", PLUGGED)
def test_the_ports_are_those_that_the_code_names(name: str, tmp_path: Path) -> None:
    device = plugged(tmp_path, *PLUGGED[name])
    modem = recognise(device, ALL)
    silent = (PortRole.NETWORK, PortRole.STORAGE)
    named = {port.interface: port.role.value for port in modem.ports if port.role not in silent} if modem else {}
    found = {each.number: on_port(TEXT, device, each.number) for each in device.interfaces}
    if modem and modem.identity.shared:  # other makers' devices show these ids, so nothing is said of their ports
        named = {}
    assert {number: told["ID_HAL_MODEM_PORT"] for number, told in found.items() if told} == named
    assert on_device(TEXT, device).get("ID_HAL_MODEM", "") == (modem.models[0].model.name if modem else "")


def test_the_devices_above_have_ports() -> None:
    """So that the test before this one compares something."""
    assert {"HUAWEI_A", "ME909S", "EC20_QMI", "SIM7600_9011", "TOBY_ECM", "HILINK", "SECURITY_KEY"} <= set(PLUGGED)


@pytest.mark.parametrize("descriptors", [sticks.storage(0x12D1, each) for each in (0x14FE, 0x1F01, 0x1C0B)])
def test_a_stick_in_storage_starts_its_switch(descriptors: bytes, tmp_path: Path) -> None:
    told = on_device(TEXT, plugged(tmp_path, descriptors))
    assert set(told["SYSTEMD_WANTS"].split()) == {"hal-modem@%k.service"}
    tagged = [rule for rule in lines(TEXT) if ("TAG", "", "+=", "systemd") in rule]
    wanting = [rule for rule in lines(TEXT) if ("ENV", "SYSTEMD_WANTS", "+=", "hal-modem@%k.service") in rule]
    assert tagged == wanting
    assert all(key != "ACTION" for rule in wanting for key, *_ in rule), "a change behind the add takes it away"


def test_what_is_to_stay_as_it_comes_starts_nothing(tmp_path: Path) -> None:
    assert "SYSTEMD_WANTS" not in on_device(TEXT, plugged(tmp_path, sticks.EC20_QMI))


def test_emergency_download_gets_nothing(tmp_path: Path) -> None:
    device = plugged(tmp_path, sticks.functions(0x05C6, 0x9008, (0xFF, 0xFF, 0xFF)))
    assert (on_device(TEXT, device), on_port(TEXT, device, 0)) == ({}, {})


# -- one model ---------------------------------------------------------------------------------------------------------

NET = PortRule(role=PortRole.NETWORK, mode=ModemMode.QMI, interface=4)


def model(*ports: PortRule, name: str = "Acme", product: int = 0x0001, **given: str) -> ModemModel:
    identity = UsbIdentity(vendor_id=0xACE0, product_id=product, state=ModemState.SERVICE, **given)
    return ModemModel(name=name, maker="Acme", form_factor="usb", identities=(identity,), ports=ports)


@pytest.mark.parametrize(("others", "kept"), [((NET,), True), ((), False)])
def test_the_second_at_port_is_kept_only_beside_a_network_function(
    others: tuple[PortRule, ...], kept: bool, tmp_path: Path
) -> None:
    """Where PPP is the only way, it is ModemManager's."""
    ports = (PortRule(role=PortRole.AT, interface=0), PortRule(role=PortRole.AT_SECONDARY, interface=1), *others)
    text = rules(known(model(*ports)))
    device = plugged(tmp_path, sticks.functions(0xACE0, 1, (0xFF, 0, 0), (0xFF, 0, 0)))
    assert on_port(text, device, 0) == {"ID_HAL_MODEM_PORT": "at", "ID_MM_PORT_TYPE_AT_PRIMARY": "1"}
    tag = "ID_MM_PORT_IGNORE" if kept else "ID_MM_PORT_TYPE_AT_SECONDARY"
    assert on_port(text, device, 1) == {"ID_HAL_MODEM_PORT": "at-secondary", tag: "1"}


def test_endpoints_count_as_in_the_code(tmp_path: Path) -> None:
    ports = (PortRule(role=PortRole.AT, endpoints=3), PortRule(role=PortRole.DIAG, endpoints=2, interface=1))
    text = rules(known(model(*ports)))
    triple = (0xFF, 0, 0)
    device = plugged(tmp_path, sticks.functions(0xACE0, 1, triple, triple, triple, ends={1: 2, 2: 1}))
    assert fault(text) is None
    told = [on_port(text, device, number).get("ID_HAL_MODEM_PORT") for number in range(3)]
    assert told == ["at", "diag", None]


def test_a_user_s_model_counts_before_a_plugin_s(tmp_path: Path) -> None:
    """Whatever its name; the plugin's rules add nothing to a port that it left out."""
    ours = model(PortRule(role=PortRole.AT, interface=0), PortRule(role=PortRole.GPS, interface=1), name="Ours")
    theirs = model(PortRule(role=PortRole.AT, interface=1), name="Theirs")
    both = Known(
        (
            KnownModel(model=ours, origin="hal_modems", rank=3),
            KnownModel(model=theirs, origin="mnt/boot/modems.d/a.toml", rank=0),
        )
    )
    text = rules(both)
    device = plugged(tmp_path, sticks.functions(0xACE0, 1, (0xFF, 0, 0), (0xFF, 0, 0)))
    modem = recognise(device, both)
    assert modem is not None
    assert [(port.interface, port.role) for port in modem.ports] == [(1, PortRole.AT)]
    assert [on_port(text, device, number).get("ID_HAL_MODEM_PORT") for number in range(2)] == [None, "at"]
    assert on_device(text, device)["ID_HAL_MODEM"] == "Theirs"


def test_ids_that_only_texts_tell_apart_name_no_port(tmp_path: Path) -> None:
    """A port's rule cannot see them, and another maker's device may show the same ids."""
    text = rules(known(model(PortRule(role=PortRole.AT), manufacturer="Acme")))
    device = plugged(tmp_path, sticks.functions(0xACE0, 1, (0xFF, 0, 0)))
    assert on_port(text, device, 0) == {}


# -- what a file says --------------------------------------------------------------------------------------------------

SWITCH = ModeSwitch(steps=(BulkMessages(messages=("5553",)),))


def untouched(text: str, names: Iterable[str]) -> None:
    """The rules are those of a harmless name, but for the name and the comment."""
    plain = rules(_named("Acme", "Acme", "hal_modems"))
    assert fault(text) is None

    def bare(each: str) -> list[Rule]:
        return [
            [token for token in rule if token[:3] != ("ENV", "ID_HAL_MODEM", "=")]
            for rule in lines(each)
        ]  # fmt: skip

    assert bare(text) == bare(plain), names
    assert len(text.split("\n")) == len(plain.split("\n"))


def _named(name: str, maker: str, origin: str) -> Known:
    base = model(PortRule(role=PortRole.AT, interface=0))
    storage = UsbIdentity(vendor_id=0xACE0, product_id=2, state=ModemState.STORAGE, switch=SWITCH)
    row = evolve(base, name=name, maker=maker, identities=(*base.identities, storage))
    return Known([KnownModel(model=row, origin=origin, rank=0)])


HOSTILE = (
    'x", RUN+="/bin/sh',
    'x"\nRUN+="/bin/sh"',
    "x\\",
    "$env{PATH} %k $$",
    "#",
    "x\r\nSUBSYSTEM==\"usb\"",
    "x\u2028y",
    '", GOTO="elsewhere',
)  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_cannot_break_out_of_its_rule(name: str) -> None:
    untouched(rules(_named(name, name, name)), name)


@given(name=st.text(min_size=1), maker=st.text(min_size=1), origin=st.text())
def test_no_name_whatever_can(name: str, maker: str, origin: str) -> None:
    untouched(rules(_named(name, maker, origin)), name)


def test_a_name_in_a_file_on_the_boot_partition_cannot_either(tmp_path: Path) -> None:
    folder = tmp_path / "mnt/boot/modems.d"
    folder.mkdir(parents=True)
    (folder / "a.toml").write_text(
        "[[model]]\nname = 'x\", RUN+=\"/bin/sh'\nmaker = 'y\\'\n"
        '[[model.identities]]\nids = "ace0:0001"\nstate = "service"\n'
    )
    found = know(Root(tmp_path), {})
    assert [each.model.name for each in found.models] == ['x", RUN+="/bin/sh']
    text = rules(found)
    assert fault(text) is None
    assert not [token for rule in lines(text) for token in rule if token[0] == "RUN"]
