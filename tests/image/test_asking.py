"""Asking: row, flags and plugins make one image; a wrong plugin ends the build; what is not known is said."""

from __future__ import annotations

import pytest
from acme import HEAD
from conftest import Site

from hal.errors import BoardUnknown, Disagreement, PluginFault, ValueRefused
from hal.image.asking import image
from hal.image.flags import build
from hal.model import Build, PartKind
from hal.plugins import Catalog

SLUGS = sorted({row.slug for module in Catalog().index.board_modules() for row in Catalog().table(module)})
HEAD_IMAGE = f"{HEAD}from hal.model import ImagePart\n"
BOARD = f"""{HEAD_IMAGE}
@hookimpl
def hal_device_types(): return (DeviceType(slug="acme-gateway", name="Acme Gateway", consoles={{consoles}}),)
@hookimpl
def hal_image(): return ({{parts}})
"""
ADD_ON = f"{HEAD_IMAGE}@hookimpl\ndef hal_image(): return ({{parts}})\n"


@pytest.mark.parametrize("slug", SLUGS)
@pytest.mark.parametrize("flags", [{}, {"OS_DEVELOPMENT": "1"}], ids=["production", "development"])
def test_every_device_type_has_an_image(slug: str, flags: dict[str, str]) -> None:
    catalog = Catalog()
    told = image(catalog, slug, build(flags))
    assert told.device_type.slug == slug
    assert told.of(PartKind.KERNEL_SYMBOL)
    assert all(each.asked and all(one.reason for one in each.asked) for each in told.parts)
    if told.device_type.bootloader is None:
        assert any(each.fact == "bootloader" for each in told.lacking)
    else:
        assert told.of(PartKind.RENDERED_FILE) or told.lacking
    assert catalog.problems == []


@pytest.mark.parametrize(
    ("slug", "flags", "facts", "there", "gone"),
    [
        ("generic-amd64", {"OS_DEVELOPMENT": "1"}, {}, "console=ttyS0,115200n8", "quiet"),
        ("generic-amd64", {}, {}, "quiet", "console=ttyS0,115200n8"),
        ("raspberrypi5", {"BALENA_STORAGE": "aufs"}, {}, "AUFS_FS", "OVERLAY_FS"),
        ("raspberrypi5", {}, {}, "OVERLAY_FS", "AUFS_FS"),
        ("generic-amd64", {"NETWORK_MANAGER_PACKAGES": "connman"}, {}, "connman", "networkmanager"),
        ("generic-amd64", {}, {"flasher": True}, "boot/EFI/BOOT/grub.cfg", "boot/EFI/BOOT/grubenv"),
        ("generic-amd64", {}, {"secure_boot": True}, "KEXEC_SIG_FORCE", "boot/EFI/BOOT/grub_extraenv"),
        ("raspberrypicm4-ioboard-sb", {}, {"secure_boot": True}, "MODULE_SIG", "KEXEC_SIG_FORCE"),
        ("jetson-orin-nano-devkit-nvme", {"OS_DEVELOPMENT": "1"}, {}, "mminit_loglevel=4", "quiet"),
    ],
)
def test_each_flag_changes_the_outcome(
    slug: str, flags: dict[str, str], facts: dict[str, bool], there: str, gone: str
) -> None:
    names = {part.name for part in image(Catalog(), slug, build(flags, **facts)).parts}
    assert there in names
    assert gone not in names


@pytest.mark.parametrize("slug", ["generic-amd64", "jetson-tx2", "raspberrypicm4-ioboard-sb"])
def test_a_flasher_knows_what_it_installs(slug: str) -> None:
    flasher, installed = image(Catalog(), slug, Build(flasher=True)), image(Catalog(), slug, Build())
    assert flasher.installs == installed
    assert installed.installs is None


def test_a_board_that_is_encrypted_only_says_so_without_secure_boot() -> None:
    def told(secure_boot: bool) -> bool:
        lacking = image(Catalog(), "raspberrypicm4-ioboard-sb", Build(secure_boot=secure_boot)).lacking
        return any(each.fact == "secure_boot" for each in lacking)

    assert (told(False), told(True)) == (True, False)


def test_a_flasher_needs_no_state_of_what_it_installs() -> None:
    told = image(Catalog(), "generic-amd64", Build(flasher=True))
    assert told.sourceless() == ()
    assert not [each for each in told.lacking if each.fact.startswith("boot_files")]
    assert image(Catalog(), "up-board", Build()).sourceless() == ("configfs.json",)


def test_secure_boot_takes_the_encrypted_layout() -> None:
    told = image(Catalog(), "generic-amd64", Build(secure_boot=True))
    assert {part.name: part.value for part in told.of(PartKind.PARTITION)} == {
        "efi": "1", "boot": "2", "root-a": "3", "root-b": "4", "state": "5", "data": "6",
    }  # fmt: skip


def test_the_release_is_the_device_repositorys_unless_told() -> None:
    assert image(Catalog(), "raspberrypi5", Build()).build.yocto_release == "kirkstone"
    assert image(Catalog(), "raspberrypi5", Build(yocto_release="scarthgap")).build.yocto_release == "scarthgap"
    assert image(Catalog(), "up-core", Build()).build.yocto_release is None


@pytest.mark.parametrize(
    ("slug", "build_", "add_ons", "error", "told"),
    [
        ("raspberrypi4-64", Build(secure_boot=True), None, ValueRefused, "raspberrypi4-64: no layout with secure boot"),
        ("raspberrypi4-64", Build(flasher=True), None, ValueRefused, "has no flasher"),
        ("up-core", Build(flasher=True), None, ValueRefused, "up-core: whether it has a flasher is not known"),
        ("raspberrypi4-65", Build(), None, BoardUnknown, "the closest known are"),
        (
            "raspberrypi4-64",
            Build(),
            ["modem"],
            ValueRefused,
            "add-on 'modem' is not installed; installed: modems, wifi",
        ),
    ],
)
def test_what_is_refused(
    slug: str, build_: Build, add_ons: list[str] | None, error: type[Exception], told: str
) -> None:
    with pytest.raises(error, match=told):
        image(Catalog(), slug, build_, add_ons)


def test_add_ons_are_those_asked_for() -> None:
    def plugins(add_ons: list[str] | None) -> tuple[str, ...]:
        return image(Catalog(), "raspberrypi4-64", Build(), add_ons).plugins

    assert plugins([]) == ("hal_raspberrypi",)
    assert plugins(["wifi"]) == plugins(["hal_wifi", "wifi"]) == ("hal_raspberrypi", "hal_wifi")
    assert plugins(None) == ("hal_raspberrypi", "hal_modems", "hal_wifi")


# -- plugins of others -----------------------------------------------------------------------------------------------


def acme(site: Site, parts: str, consoles: str = "()") -> None:
    site.install("hal_acme", BOARD.format(parts=parts, consoles=consoles), "slug:acme-gateway")


def extra(site: Site, part: str) -> None:
    site.install("hal_extra", ADD_ON.format(parts=f"{part},"), "usb:v1234p*")


def test_a_plugins_argument_reaches_the_boot_file(site: Site) -> None:
    extra(site, 'ImagePart(kind="kernel-argument", name="acme.mode=2", reason="the gateway wants it")')
    told = image(site.catalog(), "generic-amd64", Build(), ["extra"])
    (config,) = [part for part in told.of(PartKind.RENDERED_FILE) if part.name.endswith("grub.cfg")]
    assert b" consoleblank=0 acme.mode=2 $" in config.data


def test_two_plugins_that_disagree_end_the_build(site: Site) -> None:
    acme(site, 'ImagePart(kind="kernel-symbol", name="USB_ACM", value="y", reason="the modem is soldered on"),')
    extra(site, 'ImagePart(kind="kernel-symbol", name="USB_ACM", value="n", reason="no room")')
    with pytest.raises(Disagreement) as refused:
        image(site.catalog(), "acme-gateway", Build(), ["extra"])
    assert refused.value.conflicts == (
        "kernel-symbol USB_ACM: hal_acme (the modem is soldered on) says y but hal_extra (no room) says n",
    )
    assert image(site.catalog(), "acme-gateway", Build(), []).of(PartKind.KERNEL_SYMBOL)


@pytest.mark.parametrize(
    ("parts", "consoles", "told"),
    [
        ('ImagePart(kind="kernel-symbol", name="CONFIG_X", value="y", reason="r"),', "()", "a symbol without CONFIG_"),
        ('ImagePart(kind="colour", name="x", reason="r"),', "()", "'colour' is not a valid PartKind"),
        ('"a text",', "()", "answered hal_image with str"),
        ("1 / 0", "()", "ZeroDivisionError"),
        ("", '(__import__("hal.model").model.Console(tty="tty S0"),)', "its row acme-gateway: console 'tty S0'"),
    ],
)
def test_a_broken_plugin_ends_the_build(site: Site, parts: str, consoles: str, told: str) -> None:
    acme(site, parts, consoles)
    with pytest.raises(PluginFault, match="plugin hal_acme: ") as fault:
        image(site.catalog(), "acme-gateway", Build(), [])
    assert told in fault.value.message
