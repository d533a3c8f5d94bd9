"""Peripherals: what sysfs says is present decides which add-ons are loaded, and nothing in it stops a board."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hal.device import Device
from hal.root import Root

if TYPE_CHECKING:
    from tests.conftest import Site

Tree = Callable[[str], Root]
PI_5 = "raspberrypi5"
USB = "usb:v12D1p14FEd0102dc00dsc00dp00ic08isc06ip50in00"


def plug_in(root: Root, modalias: str = USB, name: str = "1-1:1.0") -> None:
    """A USB interface, as sysfs shows it."""
    folder = root.directory / "sys/bus/usb/devices" / name
    folder.mkdir(parents=True)
    (folder / "modalias").write_text(f"{modalias}\n")


def usb_device(root: Root, name: str, **attributes: str) -> Path:
    folder = root.directory / "sys/bus/usb/devices" / name
    folder.mkdir(parents=True)
    for attribute, value in attributes.items():
        (folder / attribute).write_text(f"{value}\n")
    return folder


def test_a_usb_device_without_a_configuration_is_seen(hal_tree: Tree) -> None:
    """Its firmware is missing, so it has no interface and no modalias; the device descriptor is there."""
    root = hal_tree(PI_5)
    usb_device(
        root, "1-1", idVendor="0a5c", idProduct="bd1e", bcdDevice="0001", bDeviceClass="ff", bConfigurationValue=""
    )
    usb_device(root, "usb1", idVendor="1d6b", idProduct="0002")
    assert Device.open(root).plugins == ("hal_raspberrypi", "hal_wifi")


@pytest.mark.parametrize(
    "attributes",
    [
        {},
        {"idVendor": ""},
        {"idVendor": "0a5c"},
        {"idVendor": "zzzz", "idProduct": "*"},
        {"modalias": ""},
        {"modalias": "x"},
    ],
)
def test_a_usb_device_that_says_little_matches_nothing(attributes: dict[str, str], hal_tree: Tree) -> None:
    root = hal_tree(PI_5)
    usb_device(root, "1-1", **attributes)
    device = Device.open(root)
    assert (device.plugins, device.problems) == (("hal_raspberrypi",), ())


def test_hostile_names_in_sysfs_stop_nothing(hal_tree: Tree) -> None:
    root = hal_tree(PI_5)
    plug_in(root)
    folder = usb_device(root, "1-2")
    for name, target in (("idVendor", "../" * 20 + "etc/hostname"), ("modalias", "../" * 20 + "etc/hostname")):
        (folder / name).symlink_to(target)
    usb_device(root, "1-3", idVendor="12d1").joinpath("idProduct").symlink_to("idProduct")
    usb_device(root, "1-4").joinpath("modalias").mkdir()
    usb_device(root, "1-5").joinpath("modalias").write_bytes(b"\xff\xfe\0usb:\n\n")
    usb_device(root, "1-6").joinpath("modalias").write_text("slug:jetson-nano\nof:N*T*Cnvidia,tegra210\n")
    usb_device(root, "1-7").joinpath("modalias").write_text("dmi:*")
    (root.directory / "sys/bus/usb/devices/1-8").symlink_to("../" * 20 + "sys")
    (root.directory / "sys/bus/usb/devices/1-9").symlink_to("1-9")
    (root.directory / "sys/bus/usb/devices/1-10").write_text("a file")
    assert Device.open(root).plugins == ("hal_raspberrypi", "hal_modems")


def test_a_link_as_sysfs_has_it_is_followed(hal_tree: Tree) -> None:
    root = hal_tree(PI_5)
    real = root.directory / "sys/devices/platform/usb1/1-1/1-1:1.0"
    real.mkdir(parents=True)
    (real / "modalias").write_text(f"{USB}\n")
    (root.directory / "sys/bus/usb/devices").mkdir(parents=True)
    (root.directory / "sys/bus/usb/devices/1-1:1.0").symlink_to("../../../devices/platform/usb1/1-1/1-1:1.0")
    assert Device.open(root).plugins == ("hal_raspberrypi", "hal_modems")


def test_an_add_on_for_a_device_tree_or_dmi_name_is_loaded(site: Site, evidence: Callable[..., Root]) -> None:
    head = "from hal import hookimpl\n"
    site.install("hal_hat", head, "of:N*T*Cacme,hat*")
    site.install("hal_case", head, "dmi:*pnCase*")
    site.install("hal_clock", head, "i2c:ds3231")
    root = evidence(config=PI_5, compatible=("raspberrypi,5-model-b", "acme,hat-2"), dmi="dmi:svnX:pnCase9:")
    folder = root.directory / "sys/bus/i2c/devices/1-0068"
    folder.mkdir(parents=True)
    (folder / "modalias").write_text("i2c:ds3231\n")
    device = Device.open(root, catalog=site.catalog())
    assert device.plugins == ("hal_raspberrypi", "hal_case", "hal_clock", "hal_hat")


def test_an_add_on_for_a_clock_that_the_device_tree_declares_is_loaded(
    site: Site, evidence: Callable[..., Root]
) -> None:
    """On a board with a device tree the kernel names an I²C chip `of:NrtcT(null)C…`, not `i2c:…`."""
    site.install("hal_clock", "from hal import hookimpl\n", "i2c:ds3231", "of:N*T*Cmaxim,ds3231*")
    root = evidence(config=PI_5, compatible=("raspberrypi,5-model-b",))
    folder = root.directory / "sys/bus/i2c/devices/1-0068"
    folder.mkdir(parents=True)
    (folder / "modalias").write_text("of:NrtcT(null)Cmaxim,ds3231\n")
    assert Device.open(root, catalog=site.catalog()).plugins == ("hal_raspberrypi", "hal_clock")
