"""`hal boot-config` through real processes: both kinds of names, dry runs, several stores, errors, and defects."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from acme import ANNOUNCED, TABLE
from small_tree import snapshot

from hal import Device, Root
from hal.ask import ask
from hal.doctor import examine
from hal.errors import PluginFault

if TYPE_CHECKING:
    from tests.conftest import Site

Tree = Callable[[str], Root]
HAL = Path(sys.executable).parent / "hal"
CONFIG, UENV = "mnt/boot/config.txt", "mnt/boot/extra_uEnv.txt"


def hal(root: Root, *words: str) -> subprocess.CompletedProcess[str]:
    command = [HAL, "--root", root.directory, "boot-config", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, env={**os.environ, "LC_ALL": "C.UTF-8"})


def told(root: Root, *words: str) -> Any:
    done = hal(root, *words, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


def refused(root: Root, *words: str, status: int = 1) -> dict[str, Any]:
    before = snapshot(root)
    done = hal(root, *words, "--json")
    assert (done.returncode, done.stdout) == (status, "")
    assert snapshot(root) == before
    found: dict[str, Any] = json.loads(done.stderr)["error"]
    assert hal(root, *words).stderr.startswith("hal: ")
    return found


@pytest.fixture
def pi(hal_tree: Tree) -> Root:
    return hal_tree("raspberrypi4-64")


@pytest.fixture
def tx2(hal_tree: Tree) -> Root:
    return hal_tree("jetson-tx2")


@pytest.mark.parametrize(
    "word", ["gpu_mem", "BALENA_HOST_CONFIG_gpu_mem", "RESIN_HOST_CONFIG_gpu_mem", "config.txt:gpu_mem"]
)
def test_a_key_goes_in_and_comes_out_by_any_of_its_names(word: str, pi: Root) -> None:
    assert hal(pi, "get", word).stdout == "16\n"
    found = told(pi, "set", f"{word}=64")
    assert found == {
        "changes": [
            {
                "store": "config.txt",
                "key": "gpu_mem",
                "previous": "16",
                "value": "64",
                "cost": "reboot",
                "note": "",
            }
        ],
        "outcome": "accepted",
        "cost": "reboot",
    }
    assert told(pi, "get", word) == {
        "store": "config.txt",
        "key": "gpu_mem",
        "value": "64",
        "section": "",
        "variable": "BALENA_HOST_CONFIG_gpu_mem",
        "note": "",
    }
    assert told(pi, "set", f"{word}=64") == {"changes": [], "outcome": "unchanged", "cost": "none"}
    assert hal(pi, "unset", word).stdout.startswith("config.txt gpu_mem: 64 -> not set: accepted")
    assert "is not set in config.txt" in refused(pi, "get", word)["message"]


def test_what_list_prints_as_variables_can_be_set_on_another_device(pi: Root, hal_tree: Tree) -> None:
    hal(pi, "set", "dtoverlay=w1-gpio,gpiopin=4", 'gpio="4=op","5=ip"')
    lines = hal(pi, "list", "--variables").stdout.splitlines()
    assert 'BALENA_HOST_CONFIG_dtoverlay="w1-gpio,gpiopin=4"' in lines
    other = hal_tree("raspberrypi4-64")
    assert hal(other, "set", *lines).returncode == 0
    assert hal(other, "list", "--variables").stdout.splitlines() == lines


def test_a_dry_run_writes_nothing_and_says_what_a_run_would_do(pi: Root) -> None:
    before = snapshot(pi)
    planned = told(pi, "set", "gpu_mem=64", "new=1", "--dry-run")
    assert planned["outcome"] is None
    assert told(pi, "unset", "gpu_mem", "--dry-run")["changes"][0]["value"] is None
    assert snapshot(pi) == before
    assert told(pi, "set", "gpu_mem=64", "new=1")["changes"] == planned["changes"]
    assert "nothing would be written" in hal(pi, "set", "gpu_mem=64", "--dry-run").stdout


def test_the_list_has_what_is_kept_and_under_which_condition(pi: Root) -> None:
    found = told(pi, "list")[0]
    assert (found["name"], found["absence"], found["error"]) == ("config.txt", None, None)
    assert [(each["key"], each["section"]) for each in found["settings"] if each["section"]] == [("otg_mode", "[cm4]")]
    assert [(each["text"], each["why"]) for each in found["kept"]] == [("[cm4]", "condition")]


def test_a_key_that_is_set_under_a_condition_only_is_told_so(pi: Root) -> None:
    assert refused(pi, "get", "otg_mode")["message"] == "otg_mode is not set in config.txt but under [cm4]"


def test_several_stores_are_checked_before_the_first_is_written(tx2: Root) -> None:
    assert refused(tx2, "set", "fdt=a.dtb", "configuration=9")["allowed"] == list("123456")
    found = told(tx2, "set", "fdt=a.dtb", "BALENA_HOST_ODMDATA_configuration=4", "isolcpus=1")
    assert [(each["store"], each["key"]) for each in found["changes"]] == [
        ("extra_uEnv.txt", "fdt"),
        ("extra_uEnv.txt", "isolcpus"),
        ("odmdata", "configuration"),
    ]


def test_a_key_of_a_store_that_is_not_in_use_is_no_choice(tx2: Root) -> None:
    assert told(tx2, "set", "fdt=a.dtb")["changes"][0]["store"] == "extra_uEnv.txt"
    assert refused(tx2, "set", "extlinux.conf:fdt=b.dtb", status=4)["code"] == "capability-absent"
    listed = hal(tx2, "list")
    assert listed.returncode == 0
    assert "extlinux.conf is not in use" in listed.stderr


def test_an_old_os_has_the_other_one(tx2: Root) -> None:
    tx2.resolve("etc/os-release").write_text('META_BALENA_VERSION="2.46.0"\n')
    folder = tx2.resolve("mnt/boot/extlinux")
    folder.mkdir()
    (folder / "extlinux.conf").write_text("DEFAULT a\nLABEL a\nAPPEND quiet\n")
    assert told(tx2, "set", "isolcpus=1")["changes"][0]["store"] == "extlinux.conf"
    assert (folder / "extlinux.conf").read_text() == "DEFAULT a\nLABEL a\nAPPEND quiet isolcpus=1\n"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("set", "kernel=x"), "value-refused"),
        (("set", "gpu_mem=64", "dtoverlay=no-such"), "value-refused"),
        (("set", "gpu_mem=1", "BALENA_HOST_CONFIG_gpu_mem=2"), "value-refused"),
        (("set", "BALENA_HOST_EXTLINUX_fdt=x"), "value-refused"),
        (("set", "BALENA_HOST_CONFIG_power_mode=high"), "value-refused"),
        (("get", "no such key"), "value-refused"),
        (("get", "kernel"), "failed"),
        (("get", "otg_mode"), "failed"),
        (("unset", "a\nb"), "value-refused"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_written(words: tuple[str, ...], code: str, pi: Root) -> None:
    assert refused(pi, *words)["code"] == code


@pytest.mark.parametrize("words", [("set", "gpu_mem"), ("set", "=1"), ("set",), ("unset",), ("get",)])
def test_wrong_usage_ends_with_2(words: tuple[str, ...], pi: Root) -> None:
    assert hal(pi, *words).returncode == 2


@pytest.mark.parametrize("words", [("list",), ("get", "x"), ("set", "x=1"), ("unset", "x")])
def test_a_board_without_any_ends_with_4(words: tuple[str, ...], hal_tree: Tree) -> None:
    root = hal_tree("jetson-xavier")
    done = hal(root, *words)
    assert done.returncode == 4
    assert "has no boot configuration" in done.stderr
    assert refused(root, *words, status=4)["code"] == "capability-absent"


def test_a_store_that_cannot_be_read_does_not_hide_the_others(tx2: Root) -> None:
    device = tx2.resolve("dev/mmcblk0boot0")
    data = bytearray(device.read_bytes())
    data[1659] = 7
    device.write_bytes(data)
    hal(tx2, "set", "isolcpus=1")
    listed = hal(tx2, "list")
    assert "isolcpus" in listed.stdout
    assert "ODMDATA differs at its three places: 0x07, 0x06, 0x06" in listed.stderr
    assert [found.about for found in examine(tx2)] == ["odmdata"]
    assert hal(tx2, "set", "configuration=3").returncode == 0
    assert examine(tx2) == ()


# -- a plugin with a defect in any method ----------------------------------------------------------------------------

DEFECTS = {
    "items": "return 5",
    "kept": "return ('a',)",
    "preview": "raise RuntimeError('in preview')",
    "set": "return None",
    "absence": "return 5",
    "key_for": "return 5",
}
CALLS: dict[str, tuple[object, ...]] = {"preview": ({},), "set": ({},), "key_for": ("a",)}


@pytest.mark.parametrize("method", DEFECTS)
def test_a_defective_store_is_blamed(method: str, acme: Root, site: Site) -> None:
    methods = {
        "items": "return ()",
        "kept": "return ()",
        "preview": "return ()",
        "set": "return None",
        "absence": "return None",
        "key_for": "return None",
        method: DEFECTS[method],
    }
    members = "".join(f"    def {name}(self, *arguments):\n        {body}\n" for name, body in methods.items())
    source = (
        f"{TABLE}\nclass Store:\n    name = 'acme.txt'\n    reads = writes = ()\n{members}"
        "@hookimpl\ndef hal_boot_config(): return (Store(),)\n"
    )
    site.install("hal_acme", source, *ANNOUNCED)
    store = Device.open(acme, catalog=site.catalog()).boot_config[0]
    with pytest.raises(PluginFault, match=r"hal_acme: .*a defect of this plugin"):
        ask(store, method, *CALLS.get(method, ()))
