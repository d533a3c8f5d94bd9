"""What the modems bring into an image: the drivers of every model, worked out from its row."""

from __future__ import annotations

import pytest
from hal_modems.image import SYMBOLS, drivers
from hal_modems.models import MODEMS

from hal.image.asking import image
from hal.model import Build, PartKind
from hal.peripherals.modem.ports import DRIVERS
from hal.plugins import Catalog

MODELS = {model.name: model for model in MODEMS}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("MS2131i-8", {"usb-storage", "sr", "option", "ppp", "qmi_wwan", "huawei_cdc_ncm"}),
        ("ME909s-120", {"option", "ppp", "qmi_wwan", "huawei_cdc_ncm", "cdc_mbim", "cdc_ether"}),
        ("EC20 R1", {"qcserial", "ppp", "qmi_wwan"}),
        ("EC20 R2", {"option", "ppp", "qmi_wwan", "cdc_mbim", "cdc_ether", "rndis_host"}),
        ("SIM7600E", {"option", "ppp", "qmi_wwan", "cdc_mbim", "cdc_ether", "rndis_host"}),
        ("TOBY-L2", {"cdc_acm", "ppp", "cdc_ether", "rndis_host"}),
    ],
)
def test_the_drivers_of_a_model(name: str, expected: set[str]) -> None:
    assert set(drivers(MODELS[name])) == expected


def test_every_driver_that_a_running_device_looks_for_has_its_symbols() -> None:
    assert {driver for several in DRIVERS.values() for driver in several} <= set(SYMBOLS)


def test_a_reason_names_the_models() -> None:
    told = image(Catalog(), "raspberrypi5", Build(), ["modems"])
    reasons = {part.name: part.asked[0].reason for part in told.of(PartKind.KERNEL_SYMBOL)}
    assert reasons["USB_ACM"] == "serial ports of the USB class: TOBY-L2, MPCI-L2"
    assert reasons["USB_NET_RNDIS_HOST"] == "network, RNDIS: EC20 R2, SIM7600E, TOBY-L2, MPCI-L2"


def test_rules_and_unit_are_in_the_image_and_fit_together() -> None:
    told = image(Catalog(), "raspberrypi5", Build(), ["modems"])
    (rule,) = [part for part in told.of(PartKind.UDEV_RULE) if part.name == "75-hal-modem.rules"]
    (unit,) = [part for part in told.of(PartKind.FILE) if part.name.endswith("/hal-modem@.service")]
    assert "hal-modem@%k.service" in rule.text
    assert "ExecStart=/usr/bin/hal modem switch %i" in unit.text


def test_a_program_that_the_image_leaves_out_is_no_disagreement() -> None:
    packages = {
        part.name: part.value for part in image(Catalog(), "intel-nuc", Build(), ["modems"]).of(PartKind.PACKAGE)
    }
    assert (packages["modemmanager"], packages["usb-modeswitch"]) == ("present", "present")
