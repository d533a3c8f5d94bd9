"""Every key of config.json that the OS is known to read, and which of them this version turns into board settings.

Source: public documentation and scripts of meta-balena 8.0.2 and balena-supervisor 19.0.5.
"""

from __future__ import annotations

from typing import Any

OWNED = ("os.power.mode", "os.fan.profile")
"""Keys that `hal plan` compares with the board and `hal apply` puts into effect."""

_OTHERS = (
    "apiEndpoint",
    "apiKey",
    "apiTimeout",
    "appUpdatePollInterval",
    "applicationId",
    "balenaRootCA",
    "bootstrapRetryDelay",
    "country",
    "deltaEndpoint",
    "developmentMode",
    "deviceApiKey",
    "deviceId",
    "deviceType",
    "dnsServers",
    "hostname",
    "initialDeviceName",
    "installer.migrate.force",
    "installer.secureboot",
    "installer.target_devices",
    "installer.whitelist_pcr2",
    "listenPort",
    "logsEndpoint",
    "mixpanelToken",
    "ntpServers",
    "os.kernel.extraFirmwareVol",
    "os.network.connectivity.interval",
    "os.network.connectivity.response",
    "os.network.connectivity.uri",
    "os.network.wifi.randomMacAddressScan",
    "os.sshKeys",
    "os.udevRules",
    "persistentLogging",
    "registered_at",
    "uuid",
)

KNOWN = frozenset((*OWNED, *_OTHERS))
"""All known keys, as dotted paths; what stands below one of them belongs to it."""

PUBLIC = frozenset(
    (
        "deviceType",
        "country",
        "developmentMode",
        "persistentLogging",
        "os.power.mode",
        "os.fan.profile",
        "dnsServers",
        "ntpServers",
        "os.network.connectivity.interval",
        "os.network.wifi.randomMacAddressScan",
        "installer.secureboot",
    )
)
"""Keys whose value says nothing about the owner: only these are kept in a recorded tree."""

_FOLDERS = frozenset(key.rsplit(".", n)[0] for key in KNOWN for n in range(1, key.count(".") + 1))


def unknown(config: dict[str, Any], prefix: str = "") -> tuple[str, ...]:
    """Paths of the keys that no part of the OS is known to read, in file order. They are kept and reported."""
    found: list[str] = []
    for key, value in config.items():
        path = f"{prefix}{key}"
        if path in KNOWN:
            continue
        if path in _FOLDERS and isinstance(value, dict):
            found.extend(unknown(value, f"{path}."))
        elif path not in _FOLDERS:
            found.append(path)
    return tuple(found)
