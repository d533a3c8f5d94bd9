"""Which modem a device is, in which state, and what each port is for."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from backends.usb.sysfs import configuration, device, interface, plug
from hal_modems.models import MODEMS
from peripherals.modem import sticks

from hal.backends.usb.present import present
from hal.model import (
    BulkMessages,
    ModemMode,
    ModemModel,
    ModemState,
    ModeSwitch,
    PortRole,
    UsbDevice,
    UsbIdentity,
)
from hal.peripherals.modem.entry import read_entry
from hal.peripherals.modem.known import PACKED, Known, KnownModel, know
from hal.peripherals.modem.match import Modem, modems, recognise
from hal.root import Root

KNOWN = Known(KnownModel(model=model, origin="hal_modems", rank=3) for model in MODEMS)


def plugged(directory: Path, descriptors: bytes, chosen: int | None = 1, **strings: str) -> UsbDevice:
    plug(directory, "1-1", descriptors, chosen=chosen, strings=strings)
    (found,) = present(Root(directory))
    return found


def found(directory: Path, descriptors: bytes, chosen: int | None = 1, known: Known = KNOWN) -> Modem:
    modem = recognise(plugged(directory, descriptors, chosen), known)
    assert modem is not None
    return modem


STATES = {
    "14fe": (sticks.storage(0x12D1, 0x14FE), 1, "MS2131i-8 or MS2372 or E173s", ModemState.STORAGE, None),
    "1f01": (sticks.storage(0x12D1, 0x1F01), 1, "MS2131i-8 or E3372h", ModemState.STORAGE, None),
    "1c0b (R26)": (sticks.storage(0x12D1, 0x1C0B), 1, "E173s", ModemState.STORAGE, None),
    "1506 a": (sticks.HUAWEI_A, 1, "MS2131i-8 or MS2372", ModemState.SERVICE, ModemMode.NCM),
    "1506 d": (sticks.HUAWEI_D, 1, "MS2131i-8 or MS2372", ModemState.SERVICE, ModemMode.QMI),
    "14dc (R25)": (sticks.HILINK, 1, "E3372h", ModemState.SERVICE, ModemMode.ECM),
    "ME909s 1": (sticks.ME909S, 1, "ME909s-120", ModemState.SERVICE, ModemMode.NCM),
    "ME909s 2": (sticks.ME909S, 2, "ME909s-120", ModemState.SERVICE, ModemMode.ECM),
    "ME909s 3": (sticks.ME909S, 3, "ME909s-120", ModemState.SERVICE, ModemMode.MBIM),
    "EC20 QMI": (sticks.EC20_QMI, 1, "EC20 R2", ModemState.SERVICE, ModemMode.QMI),
    "EC20 ECM": (sticks.EC20_ECM, 1, "EC20 R2", ModemState.SERVICE, ModemMode.ECM),
    "EC20 R1": (sticks.EC20_R1, 1, "EC20 R1", ModemState.SERVICE, ModemMode.QMI),
    "download": (
        sticks.functions(0x05C6, 0x9008, (0xFF, 0xFF, 0xFF)),
        1,
        "EC20 R1 or EC20 R2",
        ModemState.DOWNLOAD,
        None,
    ),
    "9001": (sticks.SIM7600_9001, 1, "SIM7600E", ModemState.SERVICE, ModemMode.QMI),
    "9011": (sticks.SIM7600_9011, 1, "SIM7600E", ModemState.SERVICE, ModemMode.RNDIS),
    "1146": (sticks.TOBY_RNDIS, 1, "TOBY-L2 or MPCI-L2", ModemState.SERVICE, ModemMode.RNDIS),
    "1143": (sticks.TOBY_ECM, 1, "TOBY-L2 or MPCI-L2", ModemState.SERVICE, ModemMode.ECM),
    "unconfigured": (sticks.ME909S, None, "ME909s-120", None, None),
}


@pytest.mark.parametrize(("descriptors", "chosen", "name", "state", "mode"), STATES.values(), ids=STATES)
def test_a_modem_is_told_with_its_state_and_mode(
    tmp_path: Path, descriptors: bytes, chosen: int | None, name: str, state: ModemState | None, mode: ModemMode | None
) -> None:
    modem = found(tmp_path, descriptors, chosen)
    assert (modem.name, modem.state, modem.mode, modem.origin, modem.conflict) == (
        name,
        state,
        mode,
        "hal_modems",
        None,
    )


R = PortRole
PORTS = {
    "1506 a": (sticks.HUAWEI_A, 1, {0: R.MODEM, 1: R.AT, 2: R.NETWORK, 3: R.STORAGE, 4: R.STORAGE}, 1),
    "1506 b": (sticks.HUAWEI_B, 1, {0: R.AT, 1: R.NETWORK, 2: R.STORAGE}, 0),
    "1506 d": (
        sticks.HUAWEI_D, 1,
        {0: R.MODEM, 1: R.NETWORK, 3: R.DIAG, 4: R.AT, 5: R.STORAGE, 6: R.STORAGE}, 4,
    ),
    "ME909s 2": (sticks.ME909S, 2, {0: R.NETWORK, 2: R.MODEM, 3: R.DIAG, 4: R.AT, 5: R.GPS}, 4),
    "ME909s 3": (sticks.ME909S, 3, {0: R.NETWORK, 2: R.GPS}, None),
    "EC20 QMI": (sticks.EC20_QMI, 1, {0: R.DIAG, 1: R.GPS, 2: R.AT, 3: R.AT_SECONDARY, 4: R.NETWORK}, 2),
    "EC20 ECM": (sticks.EC20_ECM, 1, {0: R.DIAG, 1: R.GPS, 2: R.AT, 3: R.AT_SECONDARY, 4: R.NETWORK}, 2),
    "9001": (
        sticks.SIM7600_9001, 1,
        {0: R.DIAG, 1: R.GPS, 2: R.AT, 3: R.AT_SECONDARY, 4: R.AUDIO, 5: R.NETWORK}, 2,
    ),
    "9011": (
        sticks.SIM7600_9011, 1,
        {0: R.NETWORK, 2: R.DIAG, 3: R.GPS, 4: R.AT, 5: R.MODEM, 6: R.AUDIO}, 4,
    ),
    "1146": (sticks.TOBY_RNDIS, 1, {0: R.NETWORK, 2: R.AT}, 2),
    "1143": (sticks.TOBY_ECM, 1, {0: R.NETWORK, 2: R.AT, 4: R.AT, 6: R.AT}, 2),
    "HiLink": (sticks.HILINK, 1, {0: R.NETWORK}, None),
}  # fmt: skip


@pytest.mark.parametrize(("descriptors", "chosen", "roles", "at"), PORTS.values(), ids=PORTS)
def test_each_port_has_the_role_that_its_interface_has(
    tmp_path: Path, descriptors: bytes, chosen: int, roles: dict[int, PortRole], at: int | None
) -> None:
    """The numbers of the ttys are turned round on purpose: nothing may follow from them."""
    ttys = {number: (f"ttyUSB{9 - number}",) for number in range(9)}
    plug(tmp_path, "1-1", descriptors, chosen=chosen, nodes=ttys)
    (modem,) = modems(present(Root(tmp_path)), KNOWN)
    assert {port.interface: port.role for port in modem.ports} == roles
    assert (modem.at.interface if modem.at else None) == at


@pytest.mark.parametrize("descriptors", sticks.OTHERS.values(), ids=sticks.OTHERS)
def test_what_is_no_modem_is_none_whatever_ports_it_has(tmp_path: Path, descriptors: bytes) -> None:
    assert recognise(plugged(tmp_path, descriptors), KNOWN) is None


def test_a_thousand_other_identities_are_no_modems(tmp_path: Path) -> None:
    """What is not recognised is refused before anything is sent: `test_job` shows that."""
    place = tmp_path / PACKED
    place.parent.mkdir(parents=True)
    place.write_bytes(Path("/", PACKED).read_bytes())
    everything = know(Root(tmp_path), {"hal_modems": MODEMS})
    assert len(everything.models) > 512
    ids = {identity.ids for known in everything.models for identity in known.model.identities}
    draw = Random(20261124)
    known_vendors = sorted({vendor for vendor, _ in ids})
    for _ in range(1000):
        vendor = draw.choice([*known_vendors, draw.randrange(1, 0x10000)])
        product = draw.randrange(0x10000)
        if (vendor, product) not in ids:
            triple = draw.choice([(8, 6, 0x50), (2, 2, 1), (0xFF, 0xFF, 0xFF), (0xFF, 3, 0x12)])
            other = UsbDevice(
                name="1-1",
                vendor_id=vendor,
                product_id=product,
                revision=1,
                triple=triple,
                bus=1,
                number=2,
                configuration=1,
            )
            assert recognise(other, everything) is None, other.identity


def entry(name: str, text: str, rank: int = 4) -> KnownModel:
    return KnownModel(model=read_entry(name, text.encode(), name), origin=name, rank=rank)


STICK = UsbIdentity(
    vendor_id=0x12D1,
    product_id=0x14FE,
    state=ModemState.STORAGE,
    switch=ModeSwitch(steps=(BulkMessages(messages=("00",)),)),
)


def test_the_description_that_ranks_first_counts(tmp_path: Path) -> None:
    mine = ModemModel(name="mine", maker="I", form_factor="usb", identities=(STICK,))
    user = KnownModel(model=mine, origin="mnt/boot/modems.d/mine.toml", rank=0)
    modem = found(tmp_path, sticks.storage(0x12D1, 0x14FE), known=Known((*KNOWN.models, user)))
    assert (modem.name, modem.origin, modem.identity.switch) == ("mine", user.origin, STICK.switch)


def test_two_that_rank_alike_and_differ_are_a_conflict(tmp_path: Path) -> None:
    other = ModemModel(name="other", maker="X", form_factor="usb", identities=(STICK,))
    modem = found(
        tmp_path,
        sticks.storage(0x12D1, 0x14FE),
        known=Known((*KNOWN.models, KnownModel(model=other, origin="hal_other", rank=3))),
    )
    assert modem.conflict == (
        "MS2131i-8 (hal_modems) and other (hal_other) want different switches; a model file decides"
    )


@pytest.mark.parametrize(
    ("manufacturer", "name"), [("Qualcomm Incorporated", "first"), ("AnyDATA", "second"), ("Acme", None)]
)
def test_texts_tell_makers_apart_that_share_an_id(tmp_path: Path, manufacturer: str, name: str | None) -> None:
    known = Known(
        (
            entry("05c6:1000:uMa=Qualcomm", "# first\nStandardEject=1\n"),
            entry("05c6:1000:uMa=AnyDATA", "# second\nTargetProduct=0x6000\nStandardEject=1\n"),
        )
    )
    modem = recognise(plugged(tmp_path, sticks.storage(0x05C6, 0x1000), manufacturer=manufacturer), known)
    assert (modem.name if modem else None) == name


def test_the_vendor_of_a_logical_unit_tells_too(tmp_path: Path) -> None:
    known = Known((entry("05c6:1000:sVe=GT", "# GT\nStandardEject=1\n"),))
    plug(tmp_path, "1-1", sticks.storage(0x05C6, 0x1000))
    unit = tmp_path / "sys/bus/usb/devices/1-1/1-1:1.0/host2/target2:0:0/2:0:0:0"
    unit.mkdir(parents=True)
    (unit / "vendor").write_text("GT      \n")
    (unit / "model").write_text("CDROM\n")
    assert len(modems(present(Root(tmp_path)), known)) == 1


def test_ids_that_stay_the_class_tells_the_state(tmp_path: Path) -> None:
    known = Known((entry("0af0:6971", "# Option\nTargetClass=0xff\nOptionMode=1\n"),))
    before, after = sticks.storage(0x0AF0, 0x6971), sticks.functions(0x0AF0, 0x6971, (0xFF, 0xFF, 0xFF))
    assert found(tmp_path / "a", before, known=known).state is ModemState.STORAGE
    assert found(tmp_path / "b", after, known=known).state is ModemState.SERVICE


def test_a_known_id_that_shows_storage_is_left_alone(tmp_path: Path) -> None:
    modem = found(tmp_path, sticks.storage(0x2C7C, 0x0125))
    assert modem.state is ModemState.STORAGE
    assert "no way out of that is known" in (modem.conflict or "")


def test_storage_behind_the_ports_is_no_storage_mode(tmp_path: Path) -> None:
    assert found(tmp_path, sticks.HUAWEI_B).state is ModemState.SERVICE


def test_a_card_with_no_rule_for_its_interfaces_has_no_ports(tmp_path: Path) -> None:
    odd = device(0x12D1, 0x1506, configuration(1, interface(0, (0xFF, 9, 9))))
    modem = found(tmp_path, odd)
    assert (modem.ports, modem.mode, modem.at, modem.complete) == ((), None, None, False)


def test_a_configuration_that_is_in_use_is_no_storage(tmp_path: Path) -> None:
    known = Known((entry("1199:9051", "# Netgear AC340U\nConfiguration=1\n"),))
    descriptors = device(
        0x1199, 0x9051, configuration(1, interface(0, (0xFF, 0, 0))), configuration(2, interface(0, (8, 6, 0x50)))
    )
    assert found(tmp_path / "one", descriptors, 1, known).state is ModemState.SERVICE
    assert found(tmp_path / "two", descriptors, 2, known).state is ModemState.STORAGE


def test_requests_go_to_what_is_storage_alone(tmp_path: Path) -> None:
    known = Known((entry("1199:0fff", "# Sierra\nTargetProduct=0x6813\nSierraMode=1\n"),))
    assert found(tmp_path / "one", sticks.storage(0x1199, 0x0FFF), known=known).state is ModemState.STORAGE
    service = found(tmp_path / "two", sticks.functions(0x1199, 0x0FFF, (0xFF, 0xFF, 0xFF)), known=known)
    assert service.state is ModemState.SERVICE
