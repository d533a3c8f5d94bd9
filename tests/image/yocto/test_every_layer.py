"""Every layer of every device type for every release, parsed by bitbake: no complaint, and the table's values."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from image.yocto.building import KERNELS, Bitbake, base, build, remove, write_layer

from hal.errors import ValueRefused
from hal.image.asking import image
from hal.image.yocto import RELEASES, Release, layer
from hal.image.yocto.installed import read_installed
from hal.model import ABSENT, Build, Image, ImageKind, PartKind
from hal.plugins import Catalog

ROWS = {row.slug: row for module in Catalog().index.board_modules() for row in Catalog().table(module)}
PYTHON_PACKAGES = frozenset(f"python3-{name}" for name in (
    "attrs", "click", "compression", "core", "crypt", "ctypes", "datetime", "difflib", "email", "fcntl", "io", "json",
    "logging", "math", "modules", "netclient", "numbers", "pickle", "pluggy", "shell", "stringold", "threading",
    "tomli", "tomllib",
))  # fmt: skip
"""Recipes and packages of openembedded-core's python3 and of meta-python, in every release that has the runtime."""
SIZES = {"boot": "BALENA_BOOT_SIZE", "root-a": "IMAGE_ROOTFS_SIZE", "state": "BALENA_STATE_SIZE"}
CONF, IMAGE, FLASHER = "configuration", "balena-image", "balena-image-flasher"


def wanted(slug: str, release: Release) -> Image:
    """The flasher where a device type comes as one: its layer is for both images."""
    flasher = ROWS[slug].image is ImageKind.FLASHER
    return image(Catalog(), slug, Build(yocto_release=release.name, flasher=flasher))


def kernel(asked: Image) -> str:
    return asked.device_type.kernel_recipe or "linux-yocto"


@pytest.mark.parametrize("name", RELEASES)
def test_every_device_type(name: str, bitbake: Bitbake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hal.image.yocto.read_installed", cache(read_installed))  # the same for all of them
    release = RELEASES[name]
    if bitbake.understands(release) is None:
        pytest.skip("this bitbake does not have the syntax of that release")
    images = {slug: wanted(slug, release) for slug in ROWS}
    layers, folders = base(tmp_path / "layers", release), []
    for slug, asked in images.items():
        made = write_layer(tmp_path / f"meta-hal-{slug}", layer(asked), tmp_path / "shared")
        others = " ".join(f"/{each}_" for each in KERNELS if each not in (kernel(asked), "linux-intel"))
        local = f'PREFERRED_PROVIDER_virtual/kernel = "{kernel(asked)}"\nBBMASK = "{others}"\n'
        folders.append(build(tmp_path / f"build-{slug}", layers, made, include=f"hal-{slug}", local=local))
    told = bitbake.parse(folders, old_syntax=release.old_syntax)
    wrong = {
        slug: problems for slug, answer in zip(images, told, strict=True) if (problems := check(images[slug], answer))
    }
    assert wrong == {}
    remove(tmp_path)


def check(asked: Image, told: dict[str, Any]) -> list[str]:
    """What is wrong with this answer, in words: complaints first, then values that are not the table's."""
    if told["said"] or "recipes" not in told:
        return [str(line) for line in told["said"]] or ["nothing was parsed"]
    installed = asked.installs or asked
    recipes = told["recipes"]
    found = Found()
    found.words("kernel arguments", told[CONF]["OS_KERNEL_CMDLINE"], installed.names(PartKind.KERNEL_ARGUMENT))
    consoles = [f"{part.value};{part.name}" for part in asked.of(PartKind.CONSOLE) if part.value]
    found.words("consoles", told[CONF]["SERIAL_CONSOLES"], consoles or ["9600;ttyDefault0"])
    trees = [f"{name}.dtb" for name in asked.names(PartKind.DEVICE_TREE)]
    trees += [f"{name}.dtbo" for name in asked.names(PartKind.OVERLAY)]
    found.words("device trees", told[CONF].get("HAL_DEVICE_TREES", ""), trees)
    found.words("network", told[CONF]["NETWORK_MANAGER_PACKAGES"], asked.build.network_manager_packages)
    for recipe, medium in ((IMAGE, installed), (FLASHER, asked)):
        if recipe == IMAGE or asked is not installed:
            _image(found, recipe, medium, recipes[recipe])
    targets = asked.names(PartKind.INSTALL_TARGET)
    found.words("targets", recipes["resin-init-flasher"]["variables"]["INTERNAL_DEVICE_KERNEL"], targets)
    firmware = set(recipes["packagegroup-balena-connectivity"]["variables"]["CONNECTIVITY_FIRMWARES"].split())
    found.holds(
        "firmware", firmware, installed.wanted(PartKind.FIRMWARE_PACKAGE), installed.refused(PartKind.FIRMWARE_PACKAGE)
    )
    _kernel(found, asked, recipes)
    listed = set(recipes["hostapp-update-hooks"]["variables"]["BALENA_BOOTFILES_BLACKLIST"].split())
    states = [p.name.removeprefix("boot") for p in installed.of(PartKind.RENDERED_FILE) if p.fresh_only]
    found.holds("state", listed, states, ())
    _raspberry_pi(found, asked, recipes)
    _names(found, asked, told)
    return found.wrong


class Found:
    """Collects differences."""

    def __init__(self) -> None:
        self.wrong: list[str] = []

    def words(self, what: str, told: str, expected: Any) -> None:
        if told.split() != list(expected):
            self.wrong.append(f"{what}: {told.split()} is not {list(expected)}")

    def holds(self, what: str, told: set[str], there: Any, gone: Any) -> None:
        if missing := set(there) - told:
            self.wrong.append(f"{what}: {sorted(missing)} missing")
        if left := set(gone) & told:
            self.wrong.append(f"{what}: {sorted(left)} left")


def _image(found: Found, recipe: str, medium: Image, told: dict[str, Any]) -> None:
    variables = told["variables"]
    pairs = [pair.partition(":")[::2] for pair in variables["BALENA_BOOT_PARTITION_FILES"].split()]
    last = {to: source for source, to in pairs}
    for part in medium.of(PartKind.BOOT_FILE):
        if last.get(f"/{part.name}") != part.value:
            found.wrong.append(f"{recipe}: {part.name} comes from {last.get(f'/{part.name}')}")
    places = [f"/{part.name}" for part in medium.of(PartKind.SPLASH)]
    for part in medium.of(PartKind.RENDERED_FILE):
        name = part.name.removeprefix("boot/")
        if part.name.startswith("boot/"):
            encrypted = medium.build.secure_boot and not medium.build.flasher and name.endswith("/grub.cfg")
            places.append(f"/{name.removesuffix('grub.cfg')}grub-luks.cfg" if encrypted else f"/{name}")
    found.holds(recipe, set(last), places, ())
    packages = set(variables["IMAGE_INSTALL"].split())
    found.holds(recipe, packages, medium.wanted(PartKind.PACKAGE), medium.refused(PartKind.PACKAGE))
    unwanted = {part.name for part in medium.of(PartKind.PACKAGE, PartKind.FIRMWARE_PACKAGE) if part.value == ABSENT}
    found.holds(recipe, set(variables["BAD_RECOMMENDATIONS"].split()), unwanted, packages)
    if medium.build.flasher:
        return
    sizes = {part.name: part.value for part in medium.of(PartKind.PARTITION_SIZE)}
    for name, variable in (
        ("boot", "BALENA_BOOT_SIZE"),
        ("root-a", "IMAGE_ROOTFS_SIZE"),
        ("state", "BALENA_STATE_SIZE"),
    ):
        if name in sizes and variables[variable] != sizes[name]:
            found.wrong.append(f"{recipe}: {variable} is {variables[variable]}, not {sizes[name]}")
    partitions = medium.device_type.partitions
    if partitions is not None and variables["PARTITION_TABLE_TYPE"] != partitions.table:
        found.wrong.append(f"{recipe}: partition table {variables['PARTITION_TABLE_TYPE']}")


def _kernel(found: Found, asked: Image, recipes: dict[str, Any]) -> None:
    told = recipes[kernel(asked)]
    symbols = [f"CONFIG_{p.name}={p.value}" for p in asked.of(PartKind.KERNEL_SYMBOL) if " " not in str(p.value)]
    found.words("kernel symbols", told["flags"].get("BALENA_CONFIGS[hal]", ""), symbols)
    switched = [
        name for name, recipe in recipes.items() if "hal" in recipe["variables"].get("BALENA_CONFIGS", "").split()
    ]
    found.words("kernels", " ".join(switched), [kernel(asked)])
    found.holds("kernel", set(told["variables"]["BALENA_CONFIGS"].split()), ("balena", "systemd"), ())


def _raspberry_pi(found: Found, asked: Image, recipes: dict[str, Any]) -> None:
    if asked.device_type.repository == "balena-raspberrypi":
        recipe = "rpi-cmdline" if "rpi-cmdline" in recipes else kernel(asked)
        line = recipes[recipe]["variables"]["CMDLINE"].split()
        given = (asked.installs or asked).names(PartKind.KERNEL_ARGUMENT)
        found.holds("cmdline.txt", set(line), (*given, "rootwait"), ("flasher", "migrate"))
        if line.count("quiet") > 1:
            found.wrong.append("cmdline.txt says quiet twice")


def _names(found: Found, asked: Image, told: dict[str, Any]) -> None:
    """Every name that the layer uses is one that a recipe below it has: variables, tasks, recipes, packages."""
    recipes = told["recipes"]
    for name, recipe in recipes.items():
        for new in recipe["new"]:
            known = re.sub(r"[:_](append|forcevariable)$", "", new) in recipe["variables"]
            if not (known or new.startswith(("hal_", "HAL_")) or new == "PYTHON_SITEPACKAGES_DIR"):
                found.wrong.append(f"{name}: nothing below knows {new}")
        for flag, value in recipe["flags"].items():
            for word in value.split() if flag.endswith("[depends]") else ():
                other, _, task = word.partition(":")
                if task not in recipes.get(other, {"variables": {}})["variables"]:
                    found.wrong.append(f"{name}: {flag} names {word}")
        variables = recipe["variables"]
        for word in variables.get("RDEPENDS_PN", variables.get(f"RDEPENDS:{name}", "")).split():
            if word not in PYTHON_PACKAGES and word not in recipes:
                found.wrong.append(f"{name}: depends on {word}")
    runtime = {name for name in recipes if name == "device-hal" or name in {p.replace("_", "-") for p in asked.plugins}}
    packages = set(recipes[IMAGE]["variables"]["IMAGE_INSTALL"].split())
    found.holds("runtime", packages, runtime, ())
    if runtime and len(runtime) != 1 + len(asked.plugins):
        found.wrong.append(f"runtime: {sorted(runtime)}")


@pytest.mark.parametrize("slug", [slug for slug, row in ROWS.items() if row.yocto_release is None])
def test_a_release_has_to_be_told_where_none_is_known(slug: str) -> None:
    with pytest.raises(ValueRefused, match=f"{slug}: no Yocto release is known for it; say which: pyro, .*, wrynose"):
        layer(image(Catalog(), slug, Build()))
