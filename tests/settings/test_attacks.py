"""A hundred attacks on config.json. None does anything outside its own key, and none is anything but a clear refusal.

A device has a whole config.json applied. Then one thing in the file is made hostile, and `plan` and `apply` run as on a
device. Nothing may differ afterwards but what that key alone stands for, nothing may appear outside the tree, and no
hostile text may be in a rendered file where a program would read it as more than a value.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from settings.whole import CONFIG, FAMILIES, RULE, SSH_KEY, files, opened, put, whole

from hal import Root
from hal.errors import HalError
from hal.settings.services.table import ENGINE, SERVICES

Tree = Callable[[str], Root]
SLUG = FAMILIES[0]
DEEP = 100_000
BIG = "x" * (10 * 1024 * 1024)
OF_KEY = {key: service.path for service in (*SERVICES, *ENGINE) for key in service.keys}

TEXTS = {
    "path separator": "../../../etc/passwd",
    "absolute path": "/etc/shadow",
    "NUL": "a\0b",
    "line feed": "a\nserver=203.0.113.66",
    "carriage return": "a\rb",
    "double quote": 'a" || reboot "',
    "single quote": "a'; reboot; '",
    "command": "$(reboot)",
    "backquotes": "`reboot`",
    "variable": "${HOME}",
    "option": "--conf-file=/etc/passwd",
    "lone surrogate": "\ud800",
    "10 MiB": BIG,
    "section": "a\n[main]\nplugins=evil",
    "sed": "a/&\\1/e",
}
"""Hostile texts; each is put in the place of every one of KEYS."""
KEYS = ("hostname", "country", "dnsServers", "ntpServers", "os.network.connectivity.uri")
OTHER_KEYS: dict[str, tuple[str, Any]] = {
    "response with a section": ("os.network.connectivity.response", "a\n[main]\nplugins=evil"),
    "interval with a line": ("os.network.connectivity.interval", "1\nuri=http://evil"),
    "interval beyond any number": ("os.network.connectivity.interval", 10**400),
    "power mode with a command": ("os.power.mode", "0 >\n< PM_CONFIG DEFAULT=9"),
    "fan profile for sed": ("os.fan.profile", "quiet/e;s/x/"),
    "volume that climbs": ("os.kernel.extraFirmwareVol", "../../../../etc"),
    "volume with a blank": ("os.kernel.extraFirmwareVol", "a firmware_class.path=/evil"),
    "certificate that is none": ("balenaRootCA", "LS0tLS1CRUdJTg=="),
    "certificate that is a key": ("balenaRootCA", "cm9vdDp4OjA6MDpyb290Oi9yb290Oi9iaW4vc2g="),
    "keys as an object": ("os.sshKeys", {"0": SSH_KEY}),
    "key with a second line": ("os.sshKeys", [f"{SSH_KEY}\n{SSH_KEY} evil"]),
    "key of another type inside": ("os.sshKeys", [SSH_KEY.replace("ssh-ed25519", "ssh-rsa")]),
    "rule that climbs": ("os.udevRules", {"../../../tmp/evil": RULE}),
    "rule in a folder": ("os.udevRules", {"a/b": RULE}),
    "rule named by a dot": ("os.udevRules", {"..": RULE}),
    "rule with NUL in its name": ("os.udevRules", {"a\0": RULE}),
    "rule with a quote in its name": ("os.udevRules", {'a"; touch x; "': RULE}),
    "rule with a name beyond what is shown": ("os.udevRules", {"../../../home/root/" + "x" * 60: RULE}),
    "rule with a name too long": ("os.udevRules", {"a" * 65: RULE}),
    "rule of white space that is none": ("os.udevRules", {"70-x": ",\f"}),
    "key behind a comment mark": ("os.sshKeys", [f"# {SSH_KEY}"]),
    "key behind a misspelt option": ("os.sshKeys", [f'frm="192.0.2.1" {SSH_KEY}']),
    "key with a lone surrogate": ("os.sshKeys", [f"{SSH_KEY} \ud800"]),
    "name server with a port of many digits": ("dnsServers", "8.8.8.8#0655350000"),
    "rule with a misspelt key": ("os.udevRules", {"70-x": 'RUNN+="/bin/sh"'}),
    "rule that is no text": ("os.udevRules", {"70-x": [RULE]}),
    "flag that is a text": ("developmentMode", "true; reboot"),
    "flag that is a list": ("persistentLogging", [True]),
    "flag that is 2": ("developmentMode", 2),
}
PLACES = ("os", "os.network", "os.power", "os.fan", "os.kernel", "os.udevRules")
STRANGE: dict[str, Any] = {"null in a list": [None], "number": 1.5, "text": "os"}


def at(config: dict[str, Any], path: str, value: object) -> dict[str, Any]:
    """The whole config with one thing replaced, wherever it is."""
    place: Any = config
    *folders, name = path.split(".")
    for folder in folders:
        place = place[folder]
    place[name] = value
    return config


VALUES = [
    *((f"{word} in {key}", key, text) for key in KEYS for word, text in TEXTS.items()),
    *((name, key, value) for name, (key, value) in OTHER_KEYS.items()),
    *((f"{word} for {path}", path, value) for path in PLACES for word, value in STRANGE.items()),
]
BYTES: dict[str, bytes] = {
    "depth 100,000 of lists": b'{"a":' + b"[" * DEEP + b"]" * DEEP + b"}",
    "depth 100,000 of objects": b'{"a":' * DEEP + b"1" + b"}" * DEEP,
    "a key twice": b'{"hostname": "a", "hostname": "b"}',
    "a key twice, spelt otherwise": b'{"hostname": "a", "host\\u006eame": "b"}',
    "NaN": b'{"a": NaN}',
    "Infinity": b'{"a": -Infinity}',
    "1e999": b'{"a": 1e999}',
    "a number of 100,000 digits": b'{"a": ' + b"9" * 100_000 + b"}",
    "no UTF-8": b'{"hostname": "\xff\xfe"}',
    "UTF-16": '{"hostname": "a"}'.encode("utf-16"),
    "zeros": bytes(4096),
    "erased flash": b"\xff" * 4096,
    "cut off": b'{"hostname": "a", "os": {"pow',
    "a comma too many": b'{"hostname": "a",}',
    "a comment": b'{"hostname": "a"} // x',
    "two documents": b'{"hostname": "a"}{"hostname": "b"}',
    "10 MiB of blanks": b" " * len(BIG),
    "a list": b'["hostname"]',
}


@pytest.fixture
def root(hal_tree: Tree) -> Root:
    root = hal_tree(SLUG)
    put(root, whole(SLUG))
    device = opened(root, SLUG)
    assert all(each.error is None for each in device.apply(device.plan()))
    return root


def test_there_are_a_hundred() -> None:
    names = [*(name for name, _, _ in VALUES), *BYTES, *ODD_FILES]
    assert len(set(names)) == len(names) >= 100


@pytest.mark.parametrize(("path", "value"), [row[1:] for row in VALUES], ids=[row[0] for row in VALUES])
def test_a_hostile_value_does_nothing_outside_its_key(path: str, value: object, root: Root) -> None:
    hostile = json.dumps(at(whole(SLUG), path, value)).encode()
    outside = sorted(root.directory.parent.iterdir())
    root.replace(CONFIG, hostile)
    before = files(root)
    device = opened(root, SLUG)
    plan = device.plan()
    assert plan.refused
    if len(hostile) < 1024 * 1024:
        assert all(each.path.startswith(path) for each in plan.refused), [each.path for each in plan.refused]
    mine = {OF_KEY.get(key, key) for key in (*OF_KEY, "os.power.mode", "os.fan.profile") if key.startswith(path)}
    assert {change.path for change in plan.changes} <= mine
    device.apply(plan)
    after = files(root)
    del after["mnt/state/hal-config.json"], before["mnt/state/hal-config.json"]
    assert {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)} == set()
    assert sorted(root.directory.parent.iterdir()) == outside
    for refused in plan.refused:
        assert len(refused.message) < 1000, "a refusal can be read"
        refused.message.encode()


@pytest.mark.parametrize("name", BYTES)
def test_what_is_no_json_is_left_and_the_last_good_copy_stands_in(name: str, root: Root) -> None:
    root.replace(CONFIG, BYTES[name])
    before = files(root)
    device = opened(root, SLUG)
    plan = device.plan()
    assert [each.path for each in plan.refused] == [CONFIG]
    assert plan.changes == ()
    device.apply(plan)
    assert files(root) == before


def _link(path: Path) -> None:
    path.symlink_to("/etc/passwd")


def _climbing(path: Path) -> None:
    path.symlink_to("../../../../../../../../etc/passwd")


def _loop(path: Path) -> None:
    path.symlink_to(path.name)


ODD_FILES: dict[str, Callable[[Path], None]] = {
    "a link out of the tree": _climbing,
    "a link to nothing": _link,
    "a link to itself": _loop,
    "a FIFO": os.mkfifo,
    "a folder": Path.mkdir,
    "nothing": lambda path: None,
}


@pytest.mark.parametrize("name", ODD_FILES)
def test_another_thing_in_the_files_place_is_an_error_and_changes_nothing(name: str, root: Root) -> None:
    path = root.directory / CONFIG
    path.unlink()
    ODD_FILES[name](path)
    before = files(root)
    with pytest.raises(HalError) as error:
        opened(root, SLUG).plan()
    assert CONFIG in str(error.value)
    assert files(root) == before
