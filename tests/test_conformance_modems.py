"""The conformance suite on modem models: a sound add-on passes, and one with a fault fails where it is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from suite import failures

import hal

if TYPE_CHECKING:
    from tests.conftest import Site

SUITE = Path(hal.__file__).parent / "testing/test_modem_models.py"
ROW = "test_a_row_says_what_it_is"
SHARED = "test_models_that_share_an_id_name_each_other_and_agree_on_its_state"
ANNOUNCED = "test_an_add_on_is_announced_for_every_identity_and_for_no_other"
BYTES = "test_bytes_are_written_as_they_are_sent"
STORAGE = "test_what_begins_as_storage_has_a_way_out"
PORT = "test_a_port_has_a_sane_rule"
MODE = "test_a_mode_can_be_reached"
SETTING = "test_a_setting_can_be_asked_for_and_understood"
PLUGGED = "test_one_that_is_plugged_in_is_recognised_in_its_state"
SOURCE = """
from attrs import evolve
from hal import hookimpl
from hal.model import (
    AtSetting, BulkMessages, ControlRequest, ModeChoice, ModemMode, ModemModel, ModemState, ModeSwitch, PortRole,
    PortRule, Requests, ScsiEject, SelectConfiguration, UsbIdentity,
)

SWITCH = ModeSwitch(
    steps=(
        BulkMessages(messages=("55534243123456780000000000000011062000000101000100000000000000",)),
        Requests(transfers=(ControlRequest(request_type=0x40, request=0x70, value=2, data="00ff"),)),
        ScsiEject(then=("00ff",)),
    ),
    targets=((0x12D1, 0xACE1),),
    seconds=30,
)
STORED = UsbIdentity(vendor_id=0x12D1, product_id=0xACE0, state=ModemState.STORAGE, switch=SWITCH)
SERVICE = UsbIdentity(vendor_id=0x12D1, product_id=0xACE1, state=ModemState.SERVICE)
SETTING = AtSetting(query="+X?", shown=r"\\+X: 1", command="+X=1", reset="+CFUN=1,1")
MODEL = ModemModel(
    name="Acme LTE",
    maker="Acme",
    form_factor="usb",
    identities=(STORED, SERVICE),
    ports=(
        PortRule(role=PortRole.AT, interface=2),
        PortRule(role=PortRole.NETWORK, mode=ModemMode.NCM, interface=4, endpoints=3),
        PortRule(role=PortRole.GPS, triples=((0xFF, 0, None),)),
    ),
    modes=(
        ModeChoice(mode=ModemMode.ECM, steps=(SETTING,), identity=(0x12D1, 0xACE1)),
        ModeChoice(mode=ModemMode.MBIM, steps=(SelectConfiguration(value=3),)),
    ),
    prefers=(ModemMode.ECM, ModemMode.SERIAL),
    ambiguous_with=("Other",),
    sources=("a field dump",),
)


@hookimpl
def hal_modems():
    return (MODEL,)
"""
IDS = ("usb:v12D1pACE0*", "usb:v12D1pACE1*")
MESSAGE = "5553424312345678000000000000001106200000010100010000000000000"
WRONG: dict[str, tuple[str, str, set[str]]] = {
    "sound": ("", "", set()),
    # what it is
    "no name": ('name="Acme LTE"', 'name=" "', {ROW}),
    "no maker": ('maker="Acme"', 'maker=""', {ROW}),
    "a form of nowhere": ('form_factor="usb"', 'form_factor="stick"', {ROW}),
    "no source": ('("a field dump",)', "()", {ROW}),
    "an MTU of another unit": ("sources=", "mtu_bytes=15, sources=", {ROW}),
    "a reset without end": ("sources=", "reset_seconds=6000, sources=", {ROW}),
    "ambiguous with itself": ('("Other",)', '("Acme LTE",)', {ROW}),
    "an id twice": ("(STORED, SERVICE)", "(STORED, SERVICE, SERVICE)", {ROW}),
    "never in service": ("state=ModemState.SERVICE", "state=ModemState.DOWNLOAD", {ROW, STORAGE, MODE}),
    "a model twice": ("return (MODEL,)", "return (MODEL, evolve(MODEL, mtu_bytes=1400))", {ROW, SHARED}),
    "an id that is none": (
        "identities=(STORED, SERVICE)",
        "identities=(STORED, SERVICE, evolve(SERVICE, product_id=0))",
        {ROW, ANNOUNCED},
    ),
    # who shares
    "a sibling that is not named": (
        "return (MODEL,)",
        'return (MODEL, evolve(MODEL, name="Other", ambiguous_with=()))',
        {SHARED},
    ),
    "a sibling of another state": (
        "return (MODEL,)",
        'return (MODEL, evolve(MODEL, name="Other", ambiguous_with=("Acme LTE",), identities=(SERVICE, '
        "evolve(STORED, state=ModemState.SERVICE, switch=None)), modes=(), prefers=()))",
        {SHARED},
    ),
    "siblings that want different bytes": (
        "return (MODEL,)",
        'return (MODEL, evolve(MODEL, name="Other", ambiguous_with=("Acme LTE",), identities=(SERVICE, '
        "evolve(STORED, switch=evolve(SWITCH, steps=(ScsiEject(),))))))",
        {PLUGGED},
    ),
    # announced
    "an id that is not announced": (
        "identities=(STORED, SERVICE)",
        "identities=(STORED, SERVICE, evolve(SERVICE, product_id=0xACE2))",
        {ANNOUNCED},
    ),
    "an announcement without a row": ("(STORED, SERVICE)", "(SERVICE,)", {ANNOUNCED}),
    # bytes
    "a short storage command": (f'"{MESSAGE}0"', f'"{MESSAGE[:-1]}"', {BYTES}),
    "half a byte": (f'"{MESSAGE}0"', f'"{MESSAGE}"', {BYTES}),
    "capital letters": ('data="00ff"', 'data="00FF"', {BYTES}),
    "no hexadecimal behind an eject": ('then=("00ff",)', 'then=("eject",)', {BYTES}),
    "no messages": (f'messages=("{MESSAGE}0",)', "messages=()", {BYTES}),
    "a request type of two bytes": ("request_type=0x40", "request_type=0x140", {BYTES}),
    "a request of two bytes": ("request=0x70", "request=0x170", {BYTES}),
    "a value of three bytes": ("value=2,", "value=0x10000,", {BYTES}),
    "data against the direction": ("request_type=0x40", "request_type=0xC0", {BYTES}),
    # storage
    "storage without a switch": (", switch=SWITCH)", ")", {STORAGE}),
    "a switch without steps": (
        "STORED = ", "SWITCH = evolve(SWITCH, steps=(), target_class=0xFF)\nSTORED = ", {STORAGE},
    ),
    "no target": ("targets=((0x12D1, 0xACE1),),", "", {STORAGE}),
    "itself as target": ("((0x12D1, 0xACE1),)", "((0x12D1, 0xACE0), (0x12D1, 0xACE1))", {STORAGE}),
    "a target that is no identity": ("((0x12D1, 0xACE1),)", "((0x12D1, 0xACE2),)", {STORAGE}),
    "no time to come back": ("seconds=30", "seconds=0", {STORAGE}),
    "a switch in service": (
        "product_id=0xACE1, state=", "product_id=0xACE1, switch=SWITCH, state=", {STORAGE},
    ),
    # ports
    "a rule that fits anything": ("PortRule(role=PortRole.AT, interface=2)", "PortRule(role=PortRole.AT)", {PORT}),
    "a network function without a mode": ("mode=ModemMode.NCM, ", "", {PORT}),
    "a network function that is serial": ("ModemMode.NCM", "ModemMode.SERIAL", {PORT}),
    "an AT port with a mode": ("PortRole.AT, ", "PortRole.AT, mode=ModemMode.NCM, ", {PORT}),
    "an interface of two bytes": ("interface=2", "interface=256", {PORT}),
    "a class of two bytes": ("(0xFF, 0, None)", "(0x1FF, 0, None)", {PORT}),
    "too many endpoints": ("endpoints=3", "endpoints=31", {PORT}),
    "a product of three bytes": ("interface=2", "interface=2, products=(0x10000,)", {PORT}),
    # modes
    "by AT, without an AT port": ("role=PortRole.AT", "role=PortRole.DIAG", {MODE}),
    "a way without steps": ("steps=(SETTING,)", "steps=()", {MODE}),
    "two ways to one mode": ("mode=ModemMode.MBIM", "mode=ModemMode.ECM", {MODE}),
    "becomes what it never is": ("identity=(0x12D1, 0xACE1)", "identity=(0x12D1, 0xACE0)", {MODE}),
    "prefers what cannot be": ("ModemMode.SERIAL)", "ModemMode.QMI)", {MODE}),
    "prefers twice": ("ModemMode.SERIAL)", "ModemMode.ECM)", {MODE}),
    # settings
    "no pattern": ('shown=r"\\+X: 1"', 'shown="(X"', {SETTING}),
    "a pattern that fits nothing said": ('shown=r"\\+X: 1"', 'shown="(X)?"', {SETTING}),
    "AT before a command": ('query="+X?"', 'query="AT+X?"', {SETTING}),
    "two lines": ('command="+X=1"', 'command="+X=1\\r+X=2"', {SETTING}),
    "no reset": ('reset="+CFUN=1,1"', 'reset=""', {SETTING}),
    "a configuration by nothing": ("(value=3)", "()", {SETTING}),
    "a configuration that is none": ("(value=3)", "(value=0)", {SETTING}),
}  # fmt: skip


def test_the_suite(site: Site, tmp_path: Path) -> None:
    """All of them at once, each a plugin of its own."""
    expected: set[tuple[str, str]] = set()
    chosen: list[str] = []
    for number, (old, new, failing) in enumerate(WRONG.values()):
        assert SOURCE.count(old) == 1 or not old, old
        module = f"hal_acme_modem_{number}"
        site.install(module, SOURCE.replace(old, new) if old else SOURCE, *IDS)
        expected |= {(test, module) for test in failing}
        chosen.append(module)
    for module, patterns, failing in (
        ("hal_acme_modem_vendor", ("usb:v12D1*",), {ANNOUNCED}),
        ("hal_acme_modem_more", (*IDS, "usb:v12D1pBEEF*"), {ANNOUNCED}),
    ):
        site.install(module, SOURCE, *patterns)
        expected |= {(test, module) for test in failing}
        chosen.append(module)
    failed, printed = failures(site, tmp_path, SUITE, chosen)
    cases = dict(zip(chosen, [*WRONG, "a whole vendor", "more than its rows"], strict=True))
    assert failed == expected, sorted(
        (cases[module], test, (test, module) in failed) for test, module in failed ^ expected
    )
    assert f"{9 * len(cases) - len(expected)} passed" in printed
