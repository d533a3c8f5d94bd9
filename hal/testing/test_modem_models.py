"""Conformance of modem models: rows that can match, switches that can be sent, ports and modes that fit together."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

from hal.backends.usb.present import DEVICES, present
from hal.model import (
    AtSetting,
    BulkMessages,
    ControlRequest,
    DeviceType,
    ModemMode,
    ModemModel,
    ModemState,
    PortRole,
    Requests,
    ScsiEject,
    SelectConfiguration,
    Step,
    UsbIdentity,
    WifiFirmware,
)
from hal.peripherals.modem.known import Known, KnownModel
from hal.peripherals.modem.match import recognise
from hal.peripherals.modem.ports import CLASS_RULES, speaks_at
from hal.peripherals.modem.rules import rules
from hal.plugins import Catalog, Scope
from hal.root import Root
from hal.settings.udev_rules import fault

PRODUCT = re.compile(r"usb:v[0-9A-F]{4}p[0-9A-F]{4}(?:d.*|\*)")
MESSAGE = re.compile(r"(?:[0-9a-f]{2})+")
STORAGE_COMMAND = "55534243"
PLACE = "9-1"
BYTE, WORD = range(0x100), range(0x10000)


def rows(plugin: str) -> tuple[ModemModel, ...]:
    """What a plugin answers: an add-on for any board, a board's plugin for each of its device types."""
    catalog = Catalog()
    types = catalog.table(plugin) or (DeviceType(slug="any-board", name="Any"),)
    scope = Scope(catalog, (plugin,))
    answers = (row for each in types for row in scope.joined("hal_modems", ModemModel, device_type=each))
    found = tuple(dict.fromkeys(answers))
    assert [problem for problem in catalog.problems if problem.plugin == plugin] == []
    return found


def identities(plugin: str) -> Iterator[tuple[ModemModel, UsbIdentity]]:
    return ((row, identity) for row in rows(plugin) for identity in row.identities)


def steps(row: ModemModel) -> Iterator[Step]:
    """Every step of a row, of its switches and of its modes."""
    for identity in row.identities:
        yield from identity.switch.steps if identity.switch else ()
    for choice in row.modes:
        yield from choice.steps


def test_a_row_says_what_it_is(plugin: str) -> None:
    found = rows(plugin)
    assert set(Counter((row.name, row.maker) for row in found).values()) <= {1}, "a model is in two rows"
    for row in found:
        assert row.name.strip(), "a row without a name"
        assert row.maker.strip(), f"{row.name}: without a maker no rule for udev is written"
        assert row.form_factor in ("usb", "mpcie", "module"), f"{row.name}: {row.form_factor!r}"
        assert row.sources, f"{row.name}: facts without a source"
        assert row.mtu_bytes is None or 576 <= row.mtu_bytes <= 65535, f"{row.name}: MTU {row.mtu_bytes}"
        assert 0 < row.reset_seconds <= 600, f"{row.name}: {row.reset_seconds} s"
        assert len(set(row.ambiguous_with) - {row.name}) == len(row.ambiguous_with), f"{row.name}: {row.ambiguous_with}"
        ids = Counter(identity.ids for identity in row.identities if not (identity.manufacturer or identity.product))
        assert set(ids.values()) <= {1}, f"{row.name}: an id is listed twice"
        assert any(identity.state is ModemState.SERVICE for identity in row.identities), f"{row.name}: never in service"
        for identity in row.identities:
            assert identity.vendor_id in WORD[1:], f"{row.name}: vendor {identity.vendor_id:#x}"
            assert identity.product_id in WORD[1:], f"{row.name}: product {identity.product_id:#x}"


def test_models_that_share_an_id_name_each_other_and_agree_on_its_state(plugin: str) -> None:
    found = rows(plugin)
    for one in found:
        for other in found:
            if one is not other and {each.ids for each in one.identities} & {each.ids for each in other.identities}:
                assert other.name in one.ambiguous_with, f"{one.name} shows an id of {other.name}"
    states: dict[tuple[int, int], set[ModemState]] = {}
    for _, identity in identities(plugin):
        states.setdefault(identity.ids, set()).add(identity.state)
    assert {f"{ids[0]:04x}:{ids[1]:04x}" for ids, several in states.items() if len(several) > 1} == set()


def test_an_add_on_is_announced_for_every_identity_and_for_no_other(plugin: str) -> None:
    """Without its announcement it is not loaded; with that of a whole vendor it is loaded for a mouse."""
    catalog = Catalog()
    wanted = [f"usb:v{each.vendor_id:04X}p{each.product_id:04X}" for _, each in identities(plugin)]
    if catalog.table(plugin) or not wanted:
        return
    announced = [each.pattern for each in catalog.index if each.module == plugin and each.pattern.startswith("usb:")]
    for ids in wanted:
        kernel = f"{ids}d0318dc00dsc00dp00icFFisc00ip00in02"
        assert any(fnmatchcase(kernel, pattern) for pattern in announced), f"{ids} is not announced"
    wifi = Scope(Catalog(), (plugin,)).joined(
        "hal_wifi_firmware", WifiFirmware, device_type=DeviceType(slug="any-board", name="Any")
    )
    others = {pattern[:14] for row in wifi for pattern in row.modaliases}
    for pattern in announced:
        assert PRODUCT.fullmatch(pattern), f"{pattern}: one product, never a whole vendor"
        assert pattern[:14] in {*wanted, *others}, f"{pattern} is announced, and no row has it"


def test_bytes_are_written_as_they_are_sent(plugin: str) -> None:
    for row in rows(plugin):
        for step in steps(row):
            for message in step.messages if isinstance(step, BulkMessages) else _then(step):
                assert MESSAGE.fullmatch(message), f"{row.name}: {message!r}: lower-case hexadecimal, two digits a byte"
                size = len(message) // 2
                assert not message.startswith(STORAGE_COMMAND) or size == 31, f"{row.name}: a command of {size} bytes"
            assert not isinstance(step, BulkMessages) or step.messages, f"{row.name}: a step without messages"
            for transfer in step.transfers if isinstance(step, Requests) else ():
                assert not transfer.data or MESSAGE.fullmatch(transfer.data), f"{row.name}: {transfer.data!r}"
                if isinstance(transfer, ControlRequest):
                    assert transfer.request_type in BYTE, f"{row.name}: {transfer}"
                    assert transfer.request in BYTE, f"{row.name}: {transfer}"
                    assert {transfer.value, transfer.index, transfer.length_bytes} <= set(WORD), (
                        f"{row.name}: {transfer}"
                    )
                    assert not (transfer.data and transfer.request_type & 0x80), f"{row.name}: {transfer}: which way?"


def _then(step: Step) -> tuple[str, ...]:
    return step.then if isinstance(step, ScsiEject) else ()


def test_what_begins_as_storage_has_a_way_out(plugin: str) -> None:
    for row, identity in identities(plugin):
        name = f"{row.name} {identity.vendor_id:04x}:{identity.product_id:04x}"
        if identity.state is not ModemState.STORAGE:
            assert identity.switch is None, f"{name}: is not in storage, and has a switch"
            continue
        assert identity.switch is not None, f"{name}: no switch"
        assert identity.switch.steps, f"{name}: a switch without steps"
        assert identity.switch.targets or identity.switch.target_class is not None, f"{name}: what does it become?"
        assert all(each in WORD[1:] for target in identity.switch.targets for each in target), name
        assert identity.ids not in identity.switch.targets, f"{name}: its target is itself"
        assert 0 < identity.switch.seconds <= 600, f"{name}: {identity.switch.seconds} s"
    for row in rows(plugin):
        switches = [identity.switch for identity in row.identities if identity.switch is not None]
        targets = {target for switch in switches for target in switch.targets}
        service = {identity.ids for identity in row.identities if identity.state is ModemState.SERVICE}
        assert not targets or targets & service, f"{row.name}: nothing that it becomes is one of its identities"


def test_a_port_has_a_sane_rule(plugin: str) -> None:
    for row in rows(plugin):
        for rule in row.ports:
            name = f"{row.name}: {rule}"
            assert rule.triples or rule.interface is not None or rule.endpoints is not None, f"{name}: fits anything"
            if rule.role is PortRole.NETWORK:
                assert rule.mode not in (None, ModemMode.SERIAL), f"{name}: a network function has a mode"
            else:
                assert rule.mode is None, f"{name}: only a network function has a mode"
            assert rule.interface is None or rule.interface in BYTE, name
            assert rule.endpoints is None or 0 <= rule.endpoints <= 30, name
            assert all(number is None or number in BYTE for triple in rule.triples for number in triple), name
            assert all(product in WORD[1:] for product in rule.products), name
    text = rules(known(plugin))
    assert fault(text) is None, f"the rules for udev that come of it: {fault(text)}"


def test_a_mode_can_be_reached(plugin: str) -> None:
    for row in rows(plugin):
        assert set(Counter(choice.mode for choice in row.modes).values()) <= {1}, f"{row.name}: two ways to one mode"
        service = {identity.ids for identity in row.identities if identity.state is ModemState.SERVICE}
        for choice in row.modes:
            name = f"{row.name} {choice.mode.value}"
            assert choice.steps, f"{name}: a way without steps"
            by_at = any(isinstance(step, AtSetting) for step in choice.steps)
            assert not by_at or speaks_at(row.ports), f"{name}: by AT command, and no port rule is for AT"
            assert choice.identity is None or choice.identity in service, f"{name}: becomes none of its identities"
        offered = {rule.mode for rule in (*row.ports, *CLASS_RULES) if rule.mode is not None}
        reachable = offered | {choice.mode for choice in row.modes}
        reachable |= {ModemMode.SERIAL} if speaks_at(row.ports) else set()
        assert set(row.prefers) <= reachable, f"{row.name}: prefers {', '.join(set(row.prefers) - reachable)}"
        assert len(set(row.prefers)) == len(row.prefers), f"{row.name}: prefers a mode twice"


def test_a_setting_can_be_asked_for_and_understood(plugin: str) -> None:
    for row in rows(plugin):
        for step in steps(row):
            if isinstance(step, SelectConfiguration):
                assert (step.value is None) != (step.mode is None), f"{row.name}: {step}: by value or by mode"
                assert step.value is None or step.value in BYTE[1:], f"{row.name}: {step}"
            if not isinstance(step, AtSetting):
                continue
            for command in (step.query, step.command, step.reset):
                assert command.strip(), f"{row.name}: an empty command"
                assert re.fullmatch(r"[ -~]+", command), f"{row.name}: {command!r}: one line of ASCII"
                assert not command.upper().startswith("AT"), f"{row.name}: {command}: AT is put before it"
            try:
                shown = re.compile(step.shown)
            except re.error as error:
                raise AssertionError(f"{row.name}: {step.shown!r} is no pattern: {error}") from None
            assert not shown.search(""), f"{row.name}: {step.shown!r} fits an empty answer, so it is never set"


# -- plugged in --------------------------------------------------------------------------------------------------------


def known(plugin: str) -> Known:
    return Known(KnownModel(model=row, origin=plugin, rank=3) for row in rows(plugin))


def plug(root: Root, identity: UsbIdentity) -> None:
    """A device with these ids and texts: storage where it is to be storage, else a vendor's interface."""
    storage = identity.state is ModemState.STORAGE
    triple = dict(zip(("Class", "SubClass", "Protocol"), ("08", "06", "50") if storage else ("ff",) * 3, strict=True))
    values = {"idVendor": f"{identity.vendor_id:04x}", "idProduct": f"{identity.product_id:04x}"}
    values |= {"bcdDevice": "0100", "busnum": "9", "devnum": "2", "bConfigurationValue": "1"}
    values |= {f"bDevice{part}": "00" for part in triple}
    values |= {"manufacturer": identity.manufacturer, "product": identity.product}
    values |= {f"{PLACE}:1.0/bInterface{part}": word for part, word in triple.items()}
    values[f"{PLACE}:1.0/bInterfaceNumber"] = "00"
    values |= {f"{PLACE}:1.0/host0/target0:0:0/0:0:0:0/{name}": text for name, text in _scsi(identity).items()}
    for name, value in values.items():
        path = Path(root.directory, DEVICES, PLACE, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{value}\n")
    Path(root.directory, DEVICES, f"{PLACE}:1.0").symlink_to(Path(PLACE, f"{PLACE}:1.0"))


def _scsi(identity: UsbIdentity) -> dict[str, str]:
    return {"vendor": identity.scsi_vendor, "model": identity.scsi_model}


def test_one_that_is_plugged_in_is_recognised_in_its_state(plugin: str, tmp_path: Path) -> None:
    """And two rows that show the same ids want the same bytes, else nothing would be sent."""
    for number, (row, identity) in enumerate(identities(plugin)):
        (tmp_path / str(number)).mkdir()
        root = Root(tmp_path / str(number))
        plug(root, identity)
        (device,) = present(root)
        modem = recognise(device, known(plugin))
        name = f"{row.name} {device.identity}"
        assert modem is not None, name
        assert row.name in [each.model.name for each in modem.models], f"{name} is taken for {modem.name}"
        assert (modem.state, modem.conflict) == (identity.state, None), name
