"""The regulatory domain: what config.json asks for, what the kernel has, and whether it can know the country."""

from __future__ import annotations

from collections.abc import Iterator

from hal.backends.kernel_config import options
from hal.backends.kernel_log import Message
from hal.backends.regulatory import PACKAGES, WORLD, Database, database, domains
from hal.errors import HalError
from hal.identify import CONFIG
from hal.json_file import read_object
from hal.model import RegulatoryReport
from hal.peripherals.wifi.recognise import Seen
from hal.root import Root

_REFUSED = "regulatory.db is malformed or signature is missing"
"""What cfg80211 says of a database that it does not take."""
_SIGNED = "CFG80211_REQUIRE_SIGNED_REGDB"


def regulatory(root: Root, here: tuple[Seen, ...], said: tuple[Message, ...]) -> RegulatoryReport:
    """Look at all three. A kernel without WiFi has no domain, and nothing is wrong with that."""
    asked = _asked(root)
    if not root.is_dir("sys/module/cfg80211"):
        return RegulatoryReport(asked=asked, kernel=None)
    told = domains(root)
    found = database(root)
    kernel = told.get("global")
    faults = (*_database(root, found, said), *_country(asked, kernel, found, here))
    return RegulatoryReport(
        asked=asked,
        kernel=kernel,
        radios=tuple(f"{radio} {country}" for radio, country in told.items() if radio != "global"),
        database=found.file,
        signature=found.signature,
        problems=tuple(problem for problem, _ in faults),
        advice=tuple(dict.fromkeys(step for _, step in faults)),
    )


def _asked(root: Root) -> str | None:
    """`country` of config.json; a file that cannot be read asks for nothing here, and other commands say so."""
    try:
        value = read_object(root, CONFIG).get("country")
    except HalError:
        return None
    return value if isinstance(value, str) and value else None


def _database(root: Root, found: Database, said: tuple[Message, ...]) -> Iterator[tuple[str, str]]:
    carried = f"have the image carry the database; packages with it: {', '.join(PACKAGES)}"
    if found.problem:
        yield found.problem, carried
        return
    known = options(root)
    if found.signature is None and known is not None and known.get(_SIGNED) == "y":
        yield f"{found.file} has no signature beside it, and this kernel wants one", carried
    elif any(each.driver == "cfg80211" and _REFUSED in each.text for each in said):
        yield f"the kernel does not take {found.file}: malformed, or its signature is missing or not good", carried


def _country(
    asked: str | None, kernel: str | None, found: Database, here: tuple[Seen, ...]
) -> Iterator[tuple[str, str]]:
    if asked is not None and found.countries and asked not in found.countries:
        yield (
            f"{found.file} does not know the country {asked}",
            "ask for a country that it knows: `hal config set country=…`",
        )
    elif asked is not None and kernel is not None and asked != kernel:
        yield f"config.json asks for {asked}, but the kernel has {kernel}", "run `hal apply`"
    fast = [seen.device.name for seen in here if "5" in seen.row.bands_ghz]
    if asked is None and kernel == WORLD and fast:
        yield (
            f"no country is set, so most of 5 GHz is for listening only ({', '.join(fast)})",
            "set the country: `hal config set country=DE` for Germany, then `hal apply`",
        )
