"""The modem table and what pyproject.toml announces for it."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from itertools import combinations
from pathlib import Path

import hal_modems
import pluggy
import pytest
from hal_modems.models import MODEMS

from hal import hookspecs
from hal.model import DeviceType, ModemModel, ModemState, UsbIdentity
from hal.stdlib import read_toml

PYPROJECT = read_toml((Path(__file__).parents[1] / "pyproject.toml").read_text())
ANNOUNCED: dict[str, str] = PYPROJECT["project"]["entry-points"]["hal"]
IDENTITIES = tuple(identity for model in MODEMS for identity in model.identities)

MODALIASES = {
    "Huawei storage mode": "usb:v12D1p14FEd0102dc00dsc00dp00ic08isc06ip50in00",
    "Huawei storage mode, MS2131": "usb:v12D1p1F01d0102dc00dsc00dp00ic08isc06ip50in00",
    "Huawei 1506, AT port": "usb:v12D1p1506d0102dc00dsc00dp00icFFisc03ip12in01",
    "Huawei 1506, storage that stays": "usb:v12D1p1506d0102dc00dsc00dp00ic08isc06ip50in03",
    "Huawei 1001, modem port": "usb:v12D1p1001d0102dc00dsc00dp00icFFiscFFipFFin00",
    "Huawei 1596, AT port": "usb:v12D1p1596d0102dc00dsc00dp00icFFisc02ip02in01",
    "ME909s-120, ECM configuration": "usb:v12D1p15C1d0102dc00dsc00dpFFic02isc06ip00in00",
    "ME909s-120, MBIM configuration": "usb:v12D1p15C1d0102dc00dsc00dpFFic02isc0Eip00in00",
    "EC20 R1": "usb:v05C6p9215d0232dc00dsc00dp00icFFiscFFipFFin04",
    "EC20 R2, AT port": "usb:v2C7Cp0125d0318dcEFdsc02dp01icFFisc00ip00in02",
    "EC20, emergency download": "usb:v05C6p9008d0000dc00dsc00dp00icFFiscFFipFFin00",
    "SIM7600E, AT port": "usb:v1E0Ep9001d0318dc00dsc00dp00icFFisc00ip00in02",
    "SIM7600E, RNDIS": "usb:v1E0Ep9011d0318dc00dsc00dp00ic02isc02ipFFin00",
    "SIM7600E, AT only": "usb:v1E0Ep902Ad0318dc00dsc00dp00icFFisc00ip00in00",
    "TOBY-L2, RNDIS": "usb:v1546p1146d0100dcEFdsc02dp01icE0isc01ip03in00",
    "TOBY-L2, ECM": "usb:v1546p1143d0100dcEFdsc02dp01ic02isc06ip00in00",
}

UNRELATED = {
    "root hub": "usb:v1D6Bp0002d0601dc09dsc00dp01ic09isc00ip00in00",
    "Teensy board": "usb:v16C0p0483d0280dc02dsc00dp00ic02isc02ip01in00",
    "FTDI serial adapter": "usb:v0403p6001d0600dc00dsc00dp00icFFiscFFipFFin00",
    "Huawei ME936, same vendor": "usb:v12D1p15BBd0102dc00dsc00dpFFic02isc0Eip00in00",
    "Huawei ME909u, same vendor": "usb:v12D1p1573d0102dc00dsc00dpFFicFFisc01ip01in00",
    "u-blox GNSS receiver, same vendor": "usb:v1546p01A8d0201dc02dsc00dp00ic02isc02ip01in00",
    "SIMCom SIM70x0, same vendor": "usb:v1E0Ep9205d0000dc00dsc00dp00icFFisc00ip00in00",
    "Panda PAU09 WiFi": "usb:v148Fp5572d0101dc00dsc00dp00icFFiscFFipFFin00",
    "a device tree": "of:N(null)T(null)Craspberrypi,4-model-bCbrcm,bcm2711",
    "a PC": "dmi:bvnIntelCorp.:bvrX:bd01/01/2020:svnIntel:pnNUC:pvr1:rvnIntel:rnNUC:rvr1:cvnIntel:ct3:cvr1:",
}


def _matches(modalias: str) -> list[str]:
    return [pattern for pattern in ANNOUNCED if fnmatchcase(modalias, pattern)]


def test_announced_is_what_the_table_holds() -> None:
    assert set(ANNOUNCED) == {identity.modalias() for identity in IDENTITIES}
    assert set(ANNOUNCED.values()) == {"hal_modems"}


@pytest.mark.parametrize("pattern", ANNOUNCED)
def test_announcement_names_one_product_never_a_whole_vendor(pattern: str) -> None:
    assert re.fullmatch(r"usb:v[0-9A-F]{4}p[0-9A-F]{4}\*", pattern)


@pytest.mark.parametrize("modalias", MODALIASES.values(), ids=MODALIASES)
def test_real_modalias_is_matched_once(modalias: str) -> None:
    assert len(_matches(modalias)) == 1


def test_every_pattern_matches_what_the_kernel_would_say() -> None:
    for identity in IDENTITIES:
        kernel = f"usb:v{identity.vendor_id:04X}p{identity.product_id:04X}d0318dc00dsc00dp00icFFisc00ip00in02"
        assert _matches(kernel) == [identity.modalias()]


@pytest.mark.parametrize("modalias", UNRELATED.values(), ids=UNRELATED)
def test_unrelated_device_is_not_matched(modalias: str) -> None:
    assert _matches(modalias) == []


@pytest.mark.parametrize("identity", IDENTITIES, ids=UsbIdentity.modalias)
def test_ids_are_in_range(identity: UsbIdentity) -> None:
    assert 0 < identity.vendor_id <= 0xFFFF
    assert 0 < identity.product_id <= 0xFFFF


def _ids(model: ModemModel) -> set[tuple[int, int]]:
    return {(identity.vendor_id, identity.product_id) for identity in model.identities}


@pytest.mark.parametrize(("one", "other"), list(combinations(MODEMS, 2)), ids=lambda model: str(model.name))
def test_models_that_share_an_id_name_each_other_and_only_they(one: ModemModel, other: ModemModel) -> None:
    shared = bool(_ids(one) & _ids(other))
    assert (other.name in one.ambiguous_with, one.name in other.ambiguous_with) == (shared, shared)


def test_one_id_means_one_state_whichever_model_shows_it() -> None:
    states: dict[str, set[ModemState]] = {}
    for identity in IDENTITIES:
        states.setdefault(identity.modalias(), set()).add(identity.state)
    assert {pattern: found for pattern, found in states.items() if len(found) > 1} == {}


@pytest.mark.parametrize("model", MODEMS, ids=lambda model: str(model.name))
def test_row_is_sound(model: ModemModel) -> None:
    assert [other.name for other in MODEMS].count(model.name) == 1
    assert len(_ids(model)) == len(model.identities), "an id is listed twice"
    assert len(set(model.ambiguous_with) - {model.name}) == len(model.ambiguous_with)
    assert any(identity.state is ModemState.SERVICE for identity in model.identities)
    assert model.sources


@pytest.mark.parametrize("model", [model for model in MODEMS if model.form_factor != "usb"], ids=lambda m: str(m.name))
def test_cards_have_no_storage_mode(model: ModemModel) -> None:
    """Also SIM7600E's 9007: it carries mass storage, but beside its ports."""
    assert ModemState.STORAGE not in {identity.state for identity in model.identities}


def test_hook_answers_with_the_table() -> None:
    manager = pluggy.PluginManager("hal")
    manager.add_hookspecs(hookspecs)
    manager.register(hal_modems)
    manager.check_pending()
    assert manager.hook.hal_modems(device_type=DeviceType(slug="any-board", name="Any")) == [MODEMS]
