"""The regulatory domain of WiFi: what the kernel has, and the database it takes the limits from.

Source: `net/wireless/reg.c` of Linux (the format of `regulatory.db`, version 20), and what `iw reg get` prints. The
kernel looks for both files where it looks for firmware. Whether a signature is good only the kernel can tell, which has
the keys.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator

from attrs import frozen

from hal.backends.firmware.search import search
from hal.errors import HalError
from hal.record import Record
from hal.root import Root

SECONDS = 5.0
DATABASE, SIGNATURE = "regulatory.db", "regulatory.db.p7s"
WORLD = "00"
"""The domain of a kernel that was told no country: what is allowed everywhere."""
PACKAGES = ("debian:wireless-regdb", "yocto:wireless-regdb-static")
_HEADER = struct.Struct(">4sI")
_COUNTRY = struct.Struct(">2sH")
_VERSION = 20


@frozen(kw_only=True, repr=False, eq=False)
class Database(Record):
    """The database: the file that the kernel takes, its countries, and what is wrong with it."""

    file: str | None = None
    countries: tuple[str, ...] = ()
    problem: str = ""
    signature: str | None = None
    """The file of its signature; `None` where there is none."""


def domains(root: Root) -> dict[str, str]:
    """What `iw reg get` tells: the country of the whole kernel under `global`, and those of radios with their own.

    Empty where there is no `iw`, or it tells nothing.
    """
    try:
        told = root.run(["iw", "reg", "get"], timeout_seconds=SECONDS, check=False).stdout
    except HalError:
        return {}
    return parse_domains(told)


def parse_domains(told: str) -> dict[str, str]:
    """Sections begin with `global` or `phy#N`, and have a line `country XX: …`; old versions print no `global`."""
    found: dict[str, str] = {}
    section = "global"
    for line in told.splitlines():
        radio = re.match(r"phy#(\d+)", line)
        country = re.match(r"country ([0-9A-Z]{2}):", line)
        if radio:
            section = f"phy{radio[1]}"
        elif line.strip() == "global":
            section = "global"
        elif country:
            found.setdefault(section, country[1])
    return found


def database(root: Root) -> Database:
    """The database as the kernel would find it."""
    found = search(root, DATABASE)
    signed = search(root, SIGNATURE).taken
    signature = signed.name if signed else None
    if found.taken is None:
        there = found.candidates[0] if found.candidates else None
        problem = (
            f"{there.name}: {there.passed_over}" if there else f"no {DATABASE} where the kernel looks for firmware"
        )
        return Database(problem=problem, signature=signature)
    taken = found.taken
    if taken.contents is None or taken.contents.data is None:
        return Database(file=taken.name, signature=signature)
    data = taken.contents.data
    countries, problem = tuple(_countries(data)), ""
    if len(data) < _HEADER.size or _HEADER.unpack_from(data)[0] != b"RGDB":
        problem = "not a regulatory database"
    elif _HEADER.unpack_from(data)[1] != _VERSION:
        problem = f"version {_HEADER.unpack_from(data)[1]} instead of {_VERSION}, which no kernel reads"
    elif not countries:
        problem = "names no country"
    return Database(file=taken.name, countries=countries, problem=problem, signature=signature)


def _countries(data: bytes) -> Iterator[str]:
    """The list behind the header ends with an entry that leads nowhere."""
    at = _HEADER.size
    while at + _COUNTRY.size <= len(data):
        name, leads = _COUNTRY.unpack_from(data, at)
        if not leads:
            return
        yield name.decode("ascii", errors="replace")
        at += _COUNTRY.size
