"""Names, time sources, regulatory domain, and NetworkManager's own settings.

Formats and places as balenaOS's scripts have them, so that either reads what the other wrote (meta-balena 8.0.2).
"""

from __future__ import annotations

import re
import time

from attrs import frozen

from hal.backends.regulatory import parse_domains
from hal.errors import NotApplied
from hal.model import Cost
from hal.root import Root
from hal.settings.services.places import File
from hal.settings.services.service import Asked, Found, Service, TakeUp, Wanted, needs, restart
from hal.settings.values import truth

# -- dnsmasq -----------------------------------------------------------------------------------------------------------

DNS = File("run/dnsmasq.servers")
DNS_DEFAULT = "8.8.8.8"


def _dns(asked: Asked, found: Found) -> Wanted | None:
    """One `server=` line each; none with the word null, Google's where nothing is asked."""
    if asked.is_wrong("dnsServers"):
        return None
    words = str(asked.values.get("dnsServers", DNS_DEFAULT)).split() or [DNS_DEFAULT]
    return {DNS: "".join(f"server={word}\n" for word in words if word != "null").encode()}


def _after(mark: str, found: Found, place: File) -> str:
    """The words behind a mark in every line, in one line."""
    text = (found.get(place) or b"").decode(errors="replace")
    return " ".join(line.partition(mark)[2].split(" ")[0] for line in text.split("\n") if mark in line) or "none"


DNSMASQ = Service(
    path="dnsServers",
    keys=("dnsServers",),
    places=lambda root: (DNS,),
    wanted=_dns,
    words=lambda found: _after("server=", found, DNS),
    absence=needs("dnsmasq", "dnsmasq"),
    take_up=(restart("dnsmasq.service"),),
    units=("dnsmasq.service",),
    where=DNS.name,
)

# -- chrony ------------------------------------------------------------------------------------------------------------

NTP = File("run/chrony/added_config.sources", folder_mode=0o770)


def _ntp(asked: Asked, found: Found) -> Wanted | None:
    """One `pool` line each, asked every 2^14 s like the OS's own four; they add to those."""
    if asked.is_wrong("ntpServers"):
        return None
    words = str(asked.values.get("ntpServers", "")).split()
    lines = "".join(f"pool {word} iburst minpoll 14 maxpoll 14 maxsources 1\n" for word in words)
    return {NTP: lines.encode() or None}


CHRONY = Service(
    path="ntpServers",
    keys=("ntpServers",),
    places=lambda root: (NTP,),
    wanted=_ntp,
    words=lambda found: _after("pool ", found, NTP),
    absence=needs("chronyc", "chrony"),
    take_up=(TakeUp(argv=("chronyc", "reload", "sources"), active="chronyd.service"),),
    units=("chronyd.service",),
    cost=Cost.NONE,
    where=NTP.name,
)

# -- NetworkManager ----------------------------------------------------------------------------------------------------

NM_FOLDER = "etc/NetworkManager/conf.d"
NM = File(f"{NM_FOLDER}/os-networkmanager.conf")
_KEY = "os.network."
NM_KEYS = {
    "os.network.wifi.randomMacAddressScan": ("device", "wifi.scan-rand-mac-address"),
    "os.network.connectivity.uri": ("connectivity", "uri"),
    "os.network.connectivity.interval": ("connectivity", "interval"),
    "os.network.connectivity.response": ("connectivity", "response"),
}
"""Section and key of NetworkManager for each key of config.json."""


def _network(asked: Asked, found: Found) -> Wanted | None:
    """Where the value of one key was refused, what stands there for it is kept."""
    now = _settings(found.get(NM))
    told = {key: asked.values.get(key) for key in NM_KEYS}
    random, uri, interval, response = NM_KEYS.values()
    settings: dict[tuple[str, str], str] = {}
    if told["os.network.wifi.randomMacAddressScan"] is not None:
        settings[random] = "yes" if truth(told["os.network.wifi.randomMacAddressScan"]) else "no"
    endpoint = asked.values.get("apiEndpoint")
    address = told["os.network.connectivity.uri"] or (f"{endpoint}/connectivity-check" if endpoint else None)
    if address is None and asked.is_wrong("apiEndpoint") and uri in now:
        address = now[uri]
    if address == "null":
        settings[uri] = ""
    elif address is not None:
        settings[uri] = str(address)
        settings[interval] = str(told["os.network.connectivity.interval"] or "3600").lstrip("0") or "0"
        if told["os.network.connectivity.interval"] == 0:
            settings[interval] = "0"
        settings[response] = str(told["os.network.connectivity.response"] or "")
    for key, place in NM_KEYS.items():
        if asked.is_wrong(key):
            settings.pop(place, None)
            if place in now:
                settings[place] = now[place]
    return {NM: _keyfile({place: settings[place] for place in NM_KEYS.values() if place in settings})}


def _keyfile(settings: dict[tuple[str, str], str]) -> bytes | None:
    """NetworkManager's file, in GLib's key file format; `None` where there is nothing to say."""
    if not settings:
        return None
    lines = ["# Made from config.json; changes here are lost."]
    for section in dict.fromkeys(section for section, _ in settings):
        lines += ["", f"[{section}]"]
        lines += [f"{key}={_escaped(value)}" for (each, key), value in settings.items() if each == section]
    return ("\n".join(lines) + "\n").encode()


_SPELLED = {"s": " ", "t": "\t", "\\": "\\"}


def _escaped(value: str) -> str:
    """A backslash is doubled, and blanks at either end are written `\\s`: GLib strips them."""
    value = value.replace("\\", "\\\\").replace("\t", "\\t")
    inner = value.strip(" ")
    left = len(value) - len(value.lstrip(" "))
    return value if inner == value else "\\s" * left + inner + "\\s" * (len(value) - left - len(inner))


def _settings(data: bytes | None) -> dict[tuple[str, str], str]:
    """What such a file says; the reverse of `_keyfile`."""
    section, found = "", {}
    for line in (data or b"").decode(errors="replace").split("\n"):
        header = re.fullmatch(r"\[(.*)\]\s*", line.strip())
        key, mark, value = line.partition("=")
        if header:
            section = header[1]
        elif mark and not line.startswith("#"):
            found[section, key.strip()] = re.sub(
                r"\\(.)", lambda match: _SPELLED.get(match[1], match[0]), value.strip(" ")
            )
    return found


def _network_words(found: Found) -> str:
    return ", ".join(f"{key}={value}" for (_, key), value in _settings(found.get(NM)).items()) or "nothing"


CONNECTIVITY = Service(
    path="os.network",
    keys=(*NM_KEYS, "apiEndpoint"),
    places=lambda root: (NM,),
    wanted=_network,
    words=_network_words,
    absence=lambda root: None if root.is_dir(NM_FOLDER) else f"this OS has no NetworkManager (no folder {NM_FOLDER})",
    take_up=(
        TakeUp(argv=("systemctl", "reload-or-restart", "NetworkManager.service"), active="NetworkManager.service"),
    ),
    units=("NetworkManager.service",),
    where=NM.name,
)

# -- regulatory domain -------------------------------------------------------------------------------------------------

REGULATORY_SECONDS = 5.0
"""The kernel loads its database and asks the drivers before the domain changes."""


@frozen
class RegulatoryDomain:
    """The kernel's regulatory domain of WiFi, through `iw`. Nothing asked leaves it to the driver."""

    name: str = "the regulatory domain"

    def read(self, root: Root) -> bytes | None:
        """Two letters; `None` where iw tells none."""
        told = root.run(["iw", "reg", "get"], timeout_seconds=REGULATORY_SECONDS, check=False).stdout
        country = parse_domains(told).get("global")
        return country.encode() if country else None

    def write(self, root: Root, data: bytes | None) -> None:
        """Set, and wait until the kernel tells it."""
        country = (data or b"00").decode()
        root.run(["iw", "reg", "set", country], timeout_seconds=REGULATORY_SECONDS)
        deadline = time.monotonic() + REGULATORY_SECONDS
        while (told := self.read(root)) != data:
            if time.monotonic() >= deadline:
                now = (told or b"none").decode()
                raise NotApplied(
                    f"country: the regulatory domain is {now} instead of {country} after {REGULATORY_SECONDS:g} s",
                    path="country",
                )
            time.sleep(0.1)

    def same(self, found: bytes | None, wanted: bytes | None) -> bool:
        """The same country."""
        return found == wanted


DOMAIN = RegulatoryDomain()


def _country(asked: Asked, found: Found) -> Wanted | None:
    country = asked.values.get("country")
    return None if country is None else {DOMAIN: str(country).encode()}


def _no_wifi(root: Root) -> str | None:
    if not root.is_dir("sys/module/cfg80211"):
        return "this kernel has no WiFi (no cfg80211)"
    return needs("iw", "WiFi")(root)


WIFI = Service(
    path="country",
    keys=("country",),
    places=lambda root: (),
    wanted=_country,
    words=lambda found: (found.get(DOMAIN) or b"none").decode(),
    absence=_no_wifi,
    cost=Cost.NONE,
    where="the kernel, through `iw reg set`",
)
