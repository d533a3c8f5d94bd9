"""What devices in the field are like: units that are not there, masked rules, a store that no boot rebuilds."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from settings.whole import FAMILIES, RULE, opened, put, whole

from hal import Root

Tree = Callable[[str], Root]
SLUG = FAMILIES[2]


def failed(root: Root) -> dict[str, str]:
    device = opened(root, SLUG)
    return {each.path: str(each.error) for each in device.apply(device.plan()) if each.error}


@pytest.mark.parametrize("unit", ["avahi-daemon", "dnsmasq", "balena"])
def test_a_unit_that_does_not_run_holds_nothing_up(unit: str, hal_tree: Tree) -> None:
    root = hal_tree(SLUG)
    root.remove(f"run/hal-tree/{unit}.active")
    put(root, {"deviceType": SLUG, "hostname": "box"})
    assert failed(root) == {}
    log = root.read_text("run/hal-tree/log").split("\n")
    others = {"avahi-daemon", "dnsmasq", "balena"} - {unit}
    assert {line.removeprefix("restart ") for line in log if line} == others
    assert opened(root, SLUG).plan().changes == ()


def test_certificates_that_were_not_put_into_the_store_are_after_a_reboot(hal_tree: Tree) -> None:
    """The OS finds the file in its place and rebuilds nothing, so the mark must not go with the boot."""
    root = hal_tree(SLUG)
    put(root, whole(SLUG))
    program = Path(root.directory, "usr/sbin/update-ca-certificates")
    sound = program.read_bytes()
    program.write_text("#!/bin/sh\nexit 1\n")
    assert "not read by the service yet" in failed(root)["balenaRootCA"]
    program.write_bytes(sound)
    shutil.rmtree(root.resolve("run/hal"), ignore_errors=True)
    assert [change.path for change in opened(root, SLUG).plan().changes] == ["balenaRootCA"]
    assert failed(root) == {}
    assert "update-ca-certificates" in root.read_text("run/hal-tree/log")
    assert opened(root, SLUG).plan().changes == ()


def test_what_is_no_file_among_the_rules_is_left_and_holds_nothing_up(hal_tree: Tree) -> None:
    root = hal_tree(SLUG)
    rules = Path(root.directory, "etc/udev/rules.d")
    (rules / "60-masked.rules").symlink_to("/dev/null")
    (rules / "61-folder.rules").mkdir()
    (rules / "62-old.rules").write_text(f"{RULE}\n")
    put(root, {"deviceType": SLUG, "os": {"udevRules": {"70-demo": RULE}}})
    assert failed(root) == {}
    assert sorted(path.name for path in rules.iterdir()) == ["60-masked.rules", "61-folder.rules", "70-demo.rules"]
    assert opened(root, SLUG).plan().changes == ()
    assert opened(root, SLUG).plan().refused == ()


def test_a_board_without_wifi_says_so_and_is_asked_nothing(hal_tree: Tree) -> None:
    root = hal_tree(SLUG)
    root.resolve("sys/module/cfg80211").rmdir()
    put(root, {"deviceType": SLUG, "country": "DE"})
    plan = opened(root, SLUG).plan()
    assert plan.changes == ()
    assert [(each.path, each.reason) for each in plan.unavailable] == [
        ("country", "this kernel has no WiFi (no cfg80211)")
    ]


def test_a_login_in_an_address_is_not_shown(hal_tree: Tree) -> None:
    root = hal_tree(SLUG)
    put(root, {"deviceType": SLUG, "apiEndpoint": "https://me:top-secret@api.example.org"})
    (refused,) = opened(root, SLUG).plan().refused
    assert "top-secret" not in f"{refused.message} {refused.value}"


@pytest.mark.parametrize("blank", [" ", "  ", "\t"])
def test_blank_name_servers_are_the_default(blank: str, hal_tree: Tree) -> None:
    root = hal_tree(SLUG)
    put(root, {"deviceType": SLUG, "dnsServers": blank})
    plan = opened(root, SLUG).plan()
    assert "dnsServers" not in {change.path for change in plan.changes}


def test_an_odd_file_of_one_service_does_not_end_the_plan(hal_tree: Tree) -> None:
    root = hal_tree(SLUG)
    config = Path(root.directory, "etc/ssh/sshd_config_development")
    config.unlink()
    config.symlink_to(config.name)
    put(root, {"deviceType": SLUG, "hostname": "box", "developmentMode": True})
    plan = opened(root, SLUG).plan()
    assert "hostname" in {change.path for change in plan.changes}
