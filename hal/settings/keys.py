"""Every key of config.json that the OS is known to read: what it may be, who reads it, and what a change costs.

Source: public documentation and scripts of meta-balena 8.0.2 and balena-supervisor 19.0.5.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from attrs import frozen

from hal.model import Cost
from hal.record import Record
from hal.settings import kinds
from hal.settings.kinds import Kind

TEXT = kinds.text("a text of one line")
SETTING = kinds.setting()
URL = kinds.text("an http or https address", kinds.URL)
SECRET = kinds.text("a text without blanks", r"[!-~]+")
MILLISECONDS = kinds.number("a number of milliseconds", 1, 2**31 - 1)
FLAG = kinds.flag()
NOTHING, RESTART, REBOOT = Cost.NONE, Cost.SERVICE_RESTART, Cost.REBOOT


@frozen(kw_only=True, repr=False, eq=False)
class Key(Record):
    """One key. `path` is dotted; `reader` are the units or programs that read it, of the OS or the supervisor.

    `cost` is what the OS needs before a change is in effect. `public` keys say nothing about the owner, so a recorded
    tree keeps them; the value of a `secret` one is never shown. An `owned` key is put into effect by `hal apply`.
    """

    path: str
    kind: Kind
    means: str
    reader: str
    cost: Cost = NOTHING
    default: str = ""
    public: bool = False
    secret: bool = False
    owned: bool = False


KEYS: tuple[Key, ...] = (
    # -- what the OS sets up -----------------------------------------------------------------------------------------
    Key(
        path="hostname",
        kind=kinds.text("a host name", rf"(?=.{{1,64}}$){kinds.LABEL}(?:\.{kinds.LABEL})*", most=64),
        means="host name",
        reader="balena-hostname; engine, dnsmasq and avahi follow",
        cost=RESTART,
        default="the first 7 characters of uuid",
    ),
    Key(
        path="persistentLogging",
        kind=FLAG,
        means="keep the journal over reboots, on the data partition",
        reader="balena-persistent-logs",
        cost=REBOOT,
        default="false",
        public=True,
    ),
    Key(
        path="developmentMode",
        kind=FLAG,
        means="open SSH and engine, and a login on the serial console",
        reader="development-features, engine, balena-info",
        cost=RESTART,
        default="false; true in a development image",
        public=True,
    ),
    Key(
        path="country",
        kind=kinds.text("a country's two capital letters, or 00 for the world", r"[A-Z]{2}|00", most=2),
        means="regulatory domain of WiFi",
        reader="balena-net-config",
        default="the driver's",
        public=True,
    ),
    Key(
        path="ntpServers",
        kind=kinds.words_of("host names or addresses", kinds.is_host),
        means="time servers",
        reader="balena-ntp-config; chronyd reads its sources again",
        cost=NOTHING,
        default="four pools",
        public=True,
    ),
    Key(
        path="dnsServers",
        kind=kinds.words_of("addresses, ADDRESS#PORT, or null for none", kinds.is_dns_server),
        means="name servers of dnsmasq",
        reader="balena-net-config, dnsmasq",
        cost=RESTART,
        default="8.8.8.8",
        public=True,
    ),
    Key(
        path="balenaRootCA",
        kind=kinds.certificates(),
        means="further root certificates",
        reader="extract-balena-ca at boot; supervisor",
        cost=REBOOT,
    ),
    # -- os ------------------------------------------------------------------------------------------------------------
    Key(
        path="os.power.mode",
        kind=SETTING,
        means="power mode",
        reader="os-power-mode at boot",
        cost=REBOOT,
        default="the vendor's",
        public=True,
        owned=True,
    ),
    Key(
        path="os.fan.profile",
        kind=SETTING,
        means="fan profile",
        reader="os-fan-profile",
        cost=RESTART,
        default="the vendor's",
        public=True,
        owned=True,
    ),
    Key(
        path="os.kernel.extraFirmwareVol",
        kind=kinds.text("the name of an engine volume", r"[a-zA-Z0-9][a-zA-Z0-9_.-]*", most=255),
        means="volume with further firmware files",
        reader="os-extra-firmware",
    ),
    Key(
        path="os.network.connectivity.uri",
        kind=kinds.text("an http or https address, or null for none", rf"{kinds.URL}|null"),
        means="what is fetched to see whether there is a network",
        reader="os-networkmanager; timesync-https at boot",
        cost=RESTART,
        default="<apiEndpoint>/connectivity-check",
    ),
    Key(
        path="os.network.connectivity.interval",
        kind=kinds.number("a number of seconds, 0 for never", 0, 2**31 - 1),
        means="seconds between two looks",
        reader="os-networkmanager",
        cost=RESTART,
        default="3600",
        public=True,
    ),
    Key(
        path="os.network.connectivity.response",
        kind=TEXT,
        means="what the answer begins with",
        reader="os-networkmanager, which does not watch this key itself",
        cost=RESTART,
        default="an empty one",
    ),
    Key(
        path="os.network.wifi.randomMacAddressScan",
        kind=FLAG,
        means="look for networks with a made-up MAC address",
        reader="os-networkmanager",
        cost=RESTART,
        default="NetworkManager's",
        public=True,
    ),
    Key(
        path="os.udevRules",
        kind=kinds.udev_rules(),
        means="rules files of udev",
        reader="os-udevrules",
        cost=RESTART,
    ),
    Key(
        path="os.sshKeys",
        kind=kinds.ssh_keys(),
        means="who may log in as root over SSH",
        reader="os-sshkeys, at the next connection",
        cost=NOTHING,
    ),
    # -- installation --------------------------------------------------------------------------------------------------
    Key(
        path="installer.secureboot",
        kind=FLAG,
        means="install with secure boot and encrypted disks",
        reader="flasher",
        default="false",
        public=True,
    ),
    Key(
        path="installer.migrate.force",
        kind=FLAG,
        means="replace the OS that runs",
        reader="flasher",
        default="false",
    ),
    Key(
        path="installer.target_devices",
        kind=kinds.words_of("names of disks", lambda word: all(c.isalnum() or c in "/_.-" for c in word)),
        means="where to install; the first that is there",
        reader="flasher",
        default="the device type's list",
    ),
    Key(
        path="installer.whitelist_pcr2",
        kind=FLAG,
        means="accept firmware of cards in the TPM's measurement",
        reader="flasher",
        default="false",
    ),
    # -- who the device is, and where it reports ---------------------------------------------------------------------
    Key(path="apiEndpoint", kind=URL, means="the cloud's API", reader="os-config, supervisor", cost=RESTART),
    Key(path="deltaEndpoint", kind=URL, means="where deltas of images come from", reader="supervisor"),
    Key(
        path="logsEndpoint",
        kind=kinds.text("an address without blanks", r"[!-~]+"),
        means="where logs go",
        reader="supervisor",
    ),
    Key(path="apiKey", kind=SECRET, means="key for registering", reader="prepare-openvpn", cost=RESTART, secret=True),
    Key(path="deviceApiKey", kind=SECRET, means="key of this device", reader="supervisor", secret=True),
    Key(path="mixpanelToken", kind=SECRET, means="key for usage reports", reader="supervisor", secret=True),
    Key(
        path="uuid",
        kind=kinds.text("7 to 64 digits, 0-9 and a-f", r"[0-9a-f]{7,64}", most=64),
        means="who this device is",
        reader="every service",
    ),
    Key(path="deviceId", kind=kinds.number("a number", 0, 2**53), means="number of the device", reader="supervisor"),
    Key(
        path="registered_at",
        kind=kinds.number("a time in seconds or milliseconds", 0, 2**53),
        means="when it was registered",
        reader="supervisor",
    ),
    Key(
        path="applicationId",
        kind=kinds.number("a number", 0, 2**53),
        means="number of the fleet",
        reader="supervisor",
    ),
    Key(
        path="deviceType",
        kind=kinds.text("the slug of a device type", r"[a-z0-9]+(?:[-.][a-z0-9]+)*", most=128),
        means="what this device is",
        reader="every service",
        public=True,
    ),
    Key(path="initialDeviceName", kind=TEXT, means="name to register with", reader="supervisor"),
    Key(
        path="listenPort",
        kind=kinds.number("a TCP port", 1, 65535),
        means="port of the supervisor",
        reader="supervisor",
        cost=RESTART,
        default="48484",
    ),
    Key(
        path="appUpdatePollInterval",
        kind=MILLISECONDS,
        means="between two looks for updates",
        reader="supervisor",
        default="900000",
    ),
    Key(
        path="apiTimeout",
        kind=MILLISECONDS,
        means="wait for an answer of the API",
        reader="supervisor",
        default="900000",
    ),
    Key(
        path="bootstrapRetryDelay",
        kind=MILLISECONDS,
        means="between two tries to register",
        reader="supervisor",
        default="30000",
    ),
)
"""Times and intervals without a unit in their row are in milliseconds."""

BY_PATH = {key.path: key for key in KEYS}
KNOWN = frozenset(BY_PATH)
"""All known keys, as dotted paths; what stands below one of them belongs to it."""

OWNED = tuple(key.path for key in KEYS if key.owned)
"""Keys that `hal plan` compares with the board and `hal apply` puts into effect."""

PUBLIC = frozenset(key.path for key in KEYS if key.public)
"""Keys whose value says nothing about the owner: only these are kept in a recorded tree."""

FOLDERS = frozenset(key.rsplit(".", n)[0] for key in KNOWN for n in range(1, key.count(".") + 1))
"""Objects that hold keys, as dotted paths."""


def unknown(config: dict[str, Any], prefix: str = "") -> tuple[str, ...]:
    """Paths of the keys that no part of the OS is known to read, in file order. They are kept and reported."""
    found: list[str] = []
    for key, value in config.items():
        path = f"{prefix}{key}"
        if "." in key:  # a name with a dot is no path
            found.append(f'{prefix}"{key}"')
            continue
        if path in KNOWN:
            continue
        if path in FOLDERS and isinstance(value, dict):
            found.extend(unknown(value, f"{path}."))
        elif path not in FOLDERS:
            found.append(path)
    return tuple(found)


def values(config: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, object]]:
    """Every known key that is set, and every object of keys that is none, as path and value, in file order."""
    for name, value in config.items():
        path = f"{prefix}{name}"
        if value is None or "." in name:
            continue
        if path in FOLDERS and isinstance(value, dict):
            yield from values(value, f"{path}.")
        elif path in FOLDERS or (path in KNOWN and value != ""):
            yield path, value


def schema() -> dict[str, Any]:
    """JSON Schema of config.json, as far as it can say what is allowed. Unknown keys are allowed everywhere."""
    whole: dict[str, Any] = {"type": "object", "properties": {}}
    for key in KEYS:
        place = whole
        *folders, name = key.path.split(".")
        for folder in folders:
            place = place["properties"].setdefault(folder, {"type": ["object", "null"], "properties": {}})
        facts = {"description": f"{key.means}; read by {key.reader}"}
        place["properties"][name] = {**facts, "anyOf": [{"enum": [None, ""]}, dict(key.kind.schema)]}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "config.json of balenaOS",
        "description": "What a device is configured with. `null` and an empty text mean that a key is not set.",
        **whole,
    }
