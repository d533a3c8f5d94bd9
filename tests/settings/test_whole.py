"""Every key of config.json, on a board of every family: planned, applied, planned empty; each made wrong in turn."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from settings.whole import FAMILIES, PATHS, RULE, SSH_KEY, files, opened, put, whole

from hal import Root
from hal.model import Outcome
from hal.settings.services.table import ENGINE, SERVICES

Tree = Callable[[str], Root]
SERVICE_PATHS = tuple(service.path for service in (*SERVICES, *ENGINE))
WRONG = {
    "type": [["nothing"], {"no": "thing"}, 1.5],
    "syntax": ["\0", "a\nb", "\ud800"],
    "size": ["x" * 70_000],
    "range": [-1, 10**30],
}
JUDGED_BY_THE_BOARD = ("os.power.mode", "os.fan.profile")
"""A number stands for its digits there, and a board that lacks the setting has no range for it."""


def applied(root: Root, slug: str) -> None:
    device = opened(root, slug)
    for result in device.apply(device.plan()):
        assert result.error is None, result.error


@pytest.mark.parametrize("slug", FAMILIES)
def test_every_key_is_planned_applied_and_planned_empty(slug: str, hal_tree: Tree) -> None:
    root = hal_tree(slug)
    put(root, whole(slug))
    plan = opened(root, slug).plan()
    assert (plan.refused, plan.unknown_keys, plan.stopped) == ((), (), ())
    assert [change.path for change in plan.changes if change.path in SERVICE_PATHS] == list(SERVICE_PATHS)
    applied(root, slug)
    again = opened(root, slug).plan()
    assert again.changes == ()
    before = files(root)
    applied(root, slug)
    assert files(root) == before, "applied twice, written twice"


@pytest.mark.parametrize("slug", FAMILIES)
def test_what_was_asked_for_once_can_be_left_out_again(slug: str, hal_tree: Tree) -> None:
    root = hal_tree(slug)
    put(root, {"deviceType": slug})
    assert opened(root, slug).plan().changes == () or slug.startswith("jetson-agx"), "nothing asked, nothing changed"
    applied(root, slug)
    before = files(root)
    put(root, whole(slug))
    applied(root, slug)
    put(root, {"deviceType": slug})
    applied(root, slug)
    after = files(root)
    for each in ("bind-etc-ssl-certs", "bind-var-log-journal", "systemd-udev-trigger"):
        del after[f"run/hal-tree/{each}.active"]
    names = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    # The name stays: who the device is, is known no more. The journal ends with this boot.
    assert names == {
        "etc/hostname",
        "proc/sys/kernel/hostname",
        "run/hal/journal-ends",
        "sys/module/firmware_class/parameters/path",
        "var/lib/hal-tree/regulatory-domain",
        *{name for name in names if name.startswith("mnt/state/hal-")},
    }
    assert opened(root, slug).plan().changes == ()


@pytest.mark.parametrize("slug", FAMILIES)
@pytest.mark.parametrize("path", PATHS)
def test_a_wrong_value_is_refused_by_path_and_all_others_applied(path: str, slug: str, hal_tree: Tree) -> None:
    """The key alone is told; what it named before stays, and nothing else differs from a config without the key."""
    root, other = hal_tree(slug), hal_tree(slug)
    key = path.replace(".", "__")
    for config, where in ((whole(slug), root), (whole(slug), other)):
        put(where, config)
        applied(where, slug)
    put(other, whole(slug, **{key: ...}))
    rest = {change.path for change in opened(other, slug).plan().changes}
    for kind, examples in WRONG.items():
        if kind == "range" and path in JUDGED_BY_THE_BOARD:
            continue
        for value in examples:
            put(root, whole(slug, **{key: value}))
            plan = opened(root, slug).plan()
            refused = {each.path for each in plan.refused}
            assert refused, f"{kind}: nothing refused"
            assert all(each == path or each.startswith((f"{path}.", f"{path}[")) for each in refused), refused
            assert {change.path for change in plan.changes} <= rest, "another setting changed"
            assert not {change.path for change in plan.changes if change.path in SERVICE_PATHS}, "the old one is gone"


def test_a_bad_key_among_good_ones_locks_nobody_out(hal_tree: Tree) -> None:
    slug = FAMILIES[0]
    root = hal_tree(slug)
    put(root, whole(slug, os__sshKeys=[f"{SSH_KEY} old"]))
    applied(root, slug)
    keys = "home/root/.ssh/authorized_keys_local"
    put(root, whole(slug, os__sshKeys=["no key", f"{SSH_KEY} new"]))
    applied(root, slug)
    assert root.read_text(keys) == f"{SSH_KEY} new\n"
    put(root, whole(slug, os__sshKeys=["no key"]))
    applied(root, slug)
    assert root.read_text(keys) == f"{SSH_KEY} new\n"
    put(root, whole(slug) | {"os": "x"})
    applied(root, slug)
    assert root.read_text(keys) == f"{SSH_KEY} new\n"
    put(root, whole(slug, os__sshKeys=[]))
    applied(root, slug)
    assert not root.exists(keys)


def test_a_bad_rule_keeps_its_former_text_and_the_others_are_applied(hal_tree: Tree) -> None:
    """R22: a misspelt keyword is told with its position."""
    slug = FAMILIES[2]
    root = hal_tree(slug)
    put(root, whole(slug, os__udevRules={"70-a": RULE, "80-b": RULE}))
    applied(root, slug)
    misspelt = f'# one\n{RULE}, KERNL=="x"\n'
    put(root, whole(slug, os__udevRules={"70-a": misspelt, "90-c": RULE}))
    plan = opened(root, slug).plan()
    (refused,) = plan.refused
    assert (refused.path, refused.message) == (
        "os.udevRules.70-a",
        "os.udevRules.70-a: line 2, column 35: 'KERNL' is no key of udev's rules; KERNEL is one",
    )
    applied(root, slug)
    assert {name: root.read_text(name) for name in root.glob("etc/udev/rules.d/*")} == {
        "etc/udev/rules.d/70-a.rules": f"{RULE}\n",
        "etc/udev/rules.d/90-c.rules": f"{RULE}\n",
    }


def test_a_service_that_the_os_lacks_is_told_and_stops_nothing(hal_tree: Tree) -> None:
    slug = FAMILIES[2]
    root = hal_tree(slug)
    for name in (
        "usr/sbin/iw",
        "usr/bin/chronyc",
        "usr/sbin/dnsmasq",
        "usr/sbin/sshd",
        "etc/ssh/sshd_config_development",
    ):
        root.remove(name)
    root.resolve("etc/NetworkManager/conf.d").rmdir()
    put(root, whole(slug))
    plan = opened(root, slug).plan()
    lacking = {each.path: each.reason for each in plan.unavailable}
    assert {"country", "ntpServers", "dnsServers", "os.sshKeys", "developmentMode"} <= lacking.keys()
    assert any(path.startswith("os.network.") for path in lacking)
    assert all(
        reason.startswith(("this OS has no ", "this kernel has no "))
        for path, reason in lacking.items()
        if path in SERVICE_PATHS
    )
    applied(root, slug)
    assert opened(root, slug).plan().changes == ()


def test_results_say_how_far_a_change_got(hal_tree: Tree) -> None:
    slug = FAMILIES[2]
    root = hal_tree(slug)
    put(root, whole(slug))
    device = opened(root, slug)
    results = {each.path: each.result for each in device.apply(device.plan()) if each.result}
    assert results["balenaRootCA"].outcome is Outcome.ACCEPTED
    assert {results[path].outcome for path in SERVICE_PATHS if path != "balenaRootCA"} == {Outcome.APPLIED}
    log = root.read_text("run/hal-tree/log").split("\n")
    assert "reload-or-restart NetworkManager" in log
    assert log.index("restart dnsmasq") < log.index("restart balena") < log.index("restart development-features.target")
    put(root, whole(slug, persistentLogging=False))
    device = opened(root, slug)
    (change,) = device.plan().changes
    assert (change.path, change.change.cost) == ("persistentLogging", "reboot")
