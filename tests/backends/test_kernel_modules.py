"""Drivers of the running kernel, from the lists that depmod and the kernel's build write; and its configuration."""

from __future__ import annotations

import gzip
import subprocess
from pathlib import Path

import pytest

from hal.backends.kernel_config import LIMIT, options, parse, release
from hal.backends.kernel_modules import Driver, driver
from hal.root import Root

RELEASE = "6.1.77-v8"
FOLDER = f"lib/modules/{RELEASE}"
BCM = ("usb:v0A5CpBD1Ed0001dcFFdsc02dpFFicFFisc02ipFFin00",)
PATH = "kernel/drivers/net/wireless/broadcom/brcm80211/brcmfmac/brcmfmac.ko"
ALIAS = "alias usb:v0A5CpBD1Ed*dc*dsc*dp*ic*isc*ip*in* brcmfmac\n"
SDIO = "alias sdio:c*v02D0dA9A6* brcmfmac\n"


@pytest.fixture
def root(tmp_path: Path) -> Root:
    made = Root(tmp_path)
    put(made, "proc/sys/kernel/osrelease", f"{RELEASE}\n")
    return made


def put(root: Root, name: str, text: str | bytes) -> None:
    (root.directory / name).parent.mkdir(parents=True, exist_ok=True)
    (root.directory / name).write_bytes(text if isinstance(text, bytes) else text.encode())


CASES: dict[str, tuple[dict[str, str], Driver]] = {
    "a module": (
        {"modules.dep": f"kernel/x.ko:\n{PATH}.xz: kernel/y.ko\n", "modules.alias": f"# Aliases\n{SDIO}{ALIAS}"},
        Driver(listed=True, path=f"{PATH}.xz", claims=True),
    ),
    "a module without USB": (
        {"modules.dep": f"{PATH}:\n", "modules.alias": SDIO},
        Driver(listed=True, path=PATH, claims=False),
    ),
    "a module without any alias": (
        {"modules.dep": f"{PATH}:\n", "modules.alias": "alias usb:v* other\n"},
        Driver(listed=True, path=PATH, claims=False),
    ),
    "a module, and no list of aliases": ({"modules.dep": f"{PATH}:\n"}, Driver(listed=True, path=PATH)),
    "built in": (
        {
            "modules.builtin": f"{PATH}\n",
            "modules.builtin.modinfo": "x.alias=usb:v*\0brcmfmac.license=ISC\0brcmfmac.alias=usb:v0A5CpBD1Ed*\0",
        },
        Driver(listed=True, built_in=True, path=PATH, claims=True),
    ),
    "built in, by an old kernel": ({"modules.builtin": f"{PATH}\n"}, Driver(listed=True, built_in=True, path=PATH)),
    "another driver": ({"modules.dep": "kernel/brcmfmac-wcc.ko:\nkernel/xbrcmfmac.ko:\n"}, Driver(listed=True)),
    "no lists": ({}, Driver(listed=False)),
}


@pytest.mark.parametrize("case", CASES)
def test_a_driver(case: str, root: Root) -> None:
    lists, expected = CASES[case]
    for name, text in lists.items():
        put(root, f"{FOLDER}/{name}", text)
    assert driver(root, "brcmfmac", BCM) == expected


def test_names_are_compared_as_modprobe_does(root: Root) -> None:
    put(root, f"{FOLDER}/modules.dep", "kernel/drivers/usb/storage/usb-storage.ko:\n")
    assert driver(root, "usb_storage").path == "kernel/drivers/usb/storage/usb-storage.ko"


@pytest.mark.parametrize("told", ["", "../../etc", ".", "a/b"])
def test_a_release_is_the_name_of_a_folder(told: str, root: Root) -> None:
    put(root, "proc/sys/kernel/osrelease", told)
    assert release(root) is None
    assert driver(root, "brcmfmac") == Driver(listed=False)


def test_lists_of_the_real_depmod(root: Root) -> None:
    """An empty module is enough for depmod to list it by its path."""
    put(root, f"{FOLDER}/kernel/drivers/net/dummy-one.ko", b"")
    put(root, f"{FOLDER}/modules.order", "kernel/drivers/net/dummy-one.ko\n")
    put(root, f"{FOLDER}/modules.builtin", "kernel/drivers/net/dummy-two.ko\n")
    subprocess.run(["depmod", "-b", root.directory, RELEASE], check=True, capture_output=True)
    assert driver(root, "dummy_one").path == "kernel/drivers/net/dummy-one.ko"
    assert driver(root, "dummy_two").built_in


# -- the configuration -------------------------------------------------------------------------------------------------

CONFIG = '# Linux\nCONFIG_A=y\nCONFIG_B=m\n# CONFIG_C is not set\nCONFIG_D="x y"\n\nCONFIG_E=0x10\nnonsense\n'
PACKED = gzip.compress(CONFIG.encode(), mtime=0)
PARSED = {"A": "y", "B": "m", "C": None, "D": "x y", "E": "0x10"}


def test_a_configuration_by_its_lines() -> None:
    assert parse(CONFIG) == PARSED


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("proc/config.gz", PACKED),
        (f"boot/config-{RELEASE}", CONFIG.encode()),
        (f"{FOLDER}/config", CONFIG.encode()),
    ],
    ids=["proc", "boot", "modules"],
)
def test_where_it_is_found(name: str, data: bytes, root: Root) -> None:
    assert options(root) is None
    put(root, name, data)
    assert options(root) == PARSED


@pytest.mark.parametrize(
    "data",
    [b"", b"no gzip", PACKED[:-9], gzip.compress(bytes(LIMIT + 1), mtime=0)],
    ids=["empty", "no gzip", "cut short", "too long"],
)
def test_a_damaged_one_tells_nothing(data: bytes, root: Root) -> None:
    put(root, "proc/config.gz", data)
    assert options(root) is None
    put(root, f"boot/config-{RELEASE}", CONFIG)
    assert options(root) == PARSED
