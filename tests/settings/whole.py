"""A config.json with every key, and what is wrong for each: what many tests of settings start from."""

from __future__ import annotations

import base64
import json
import subprocess
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hal import Device, Root
from hal.settings.keys import KEYS, KNOWN

CONFIG = "mnt/boot/config.json"
FAMILIES = ("jetson-agx-orin-devkit", "jetson-tx2", "raspberrypi4-64", "genericx86-64-ext", "beaglebone-black")
"""A device type of each family."""
SSH_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq"
RULE = 'SUBSYSTEM=="rtc", TAG+="systemd"'


@cache
def certificate() -> str:
    """A real one, by OpenSSL."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        words = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        words += ["-days", "1", "-subj", "/CN=lab", "-keyout", str(folder / "key"), "-out", str(folder / "pem")]
        subprocess.run(words, check=True, capture_output=True, timeout=60)
        return base64.b64encode((folder / "pem").read_bytes()).decode()


def values() -> dict[str, Any]:
    """A sound value for every key of the table, by path; those that hold for one board alone are the default."""
    found: dict[str, Any] = {
        "hostname": "greenhouse",
        "persistentLogging": True,
        "developmentMode": True,
        "country": "DE",
        "ntpServers": "time.example.org 192.0.2.7",
        "dnsServers": "192.0.2.53 2001:db8::53#5353",
        "balenaRootCA": certificate(),
        "os.power.mode": "default",
        "os.fan.profile": "default",
        "os.kernel.extraFirmwareVol": "extra-firmware",
        "os.network.connectivity.uri": "https://probe.example.org/ok?a=b#c",
        "os.network.connectivity.interval": "600",
        "os.network.connectivity.response": " it = \\ works ",
        "os.network.wifi.randomMacAddressScan": False,
        "os.udevRules": {"70-demo": RULE, "80-usb": 'SUBSYSTEM=="usb", ATTR{idVendor}=="12d1", MODE="0660"\n'},
        "os.sshKeys": [f"{SSH_KEY} one@desk", f"{SSH_KEY} two@desk"],
        "installer.secureboot": False,
        "installer.migrate.force": False,
        "installer.target_devices": "nvme0n1 mmcblk0",
        "installer.whitelist_pcr2": False,
        "apiEndpoint": "https://api.example.org",
        "deltaEndpoint": "https://delta.example.org",
        "logsEndpoint": "https://logs.example.org",
        "apiKey": "0123abcd",
        "deviceApiKey": "4567cdef",
        "mixpanelToken": "89abcdef",
        "uuid": "00112233445566778899aabbccddeeff",
        "deviceId": 7,
        "registered_at": 1600000000,
        "applicationId": 8,
        "deviceType": "set by whole()",
        "initialDeviceName": "green house",
        "listenPort": 48484,
        "appUpdatePollInterval": 900000,
        "apiTimeout": "900000",
        "bootstrapRetryDelay": 30000,
    }
    assert found.keys() == KNOWN, "every key of the table has a value here"
    return found


def nested(flat: dict[str, Any]) -> dict[str, Any]:
    """Dotted paths as objects."""
    whole: dict[str, Any] = {}
    for path, value in flat.items():
        place = whole
        *folders, name = path.split(".")
        for folder in folders:
            place = place.setdefault(folder, {})
        place[name] = value
    return whole


def whole(slug: str, **changed: Any) -> dict[str, Any]:
    """Every key, for a device type, with some changed (dots are written as two underscores)."""
    flat = values() | {"deviceType": slug} | {key.replace("__", "."): value for key, value in changed.items()}
    return nested({path: value for path, value in flat.items() if value is not ...})


def put(root: Root, config: dict[str, Any] | bytes) -> None:
    """Write a device's config.json, and the engine's volume that the whole one names."""
    data = config if isinstance(config, bytes) else json.dumps(config, indent=1).encode()
    Path(root.directory, "mnt/data/docker/volumes/extra-firmware/_data").mkdir(parents=True, exist_ok=True)
    root.replace(CONFIG, data)


def opened(root: Root, slug: str) -> Device:
    return Device.open(root, board=slug)


def files(root: Root) -> dict[str, bytes]:
    """Every file of a tree but the log of its programs, and the attempts, which tell of how it came to be so."""
    return {
        str(path.relative_to(root.directory)): path.read_bytes()
        for path in sorted(root.directory.rglob("*"))
        if path.is_file() and not path.is_symlink() and path.name not in ("log", "hal-attempts.json")
    }


PATHS = tuple(key.path for key in KEYS)
