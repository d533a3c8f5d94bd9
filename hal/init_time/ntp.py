"""Time servers as a source, asked through chrony's own client: `chronyd -Q` prints the offset and sets nothing.

The four pools are balenaOS's; `ntpServers` of config.json adds to them. Source: meta-balena 8.0.2 (chrony), chrony 4.3.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from math import isfinite
from typing import Any

from hal.errors import HalError
from hal.init_time.evidence import Evidence, Source
from hal.root import Root
from hal.stdlib import UTC

POOLS = tuple(f"{number}.resinio.pool.ntp.org" for number in range(4))
PROGRAM = "chronyd"
AGREEMENT = "minsources 2"

_HOST = re.compile(r"[0-9A-Za-z]([0-9A-Za-z._:-]{0,253}[0-9A-Za-z])?", re.ASCII)
_OFFSET = re.compile(r"System clock wrong by (-?\d+(?:\.\d+)?) seconds", re.ASCII)
_SPARE_SECONDS = 2.0
_MOST_SERVERS = 16


def directives(config: Mapping[str, Any]) -> tuple[str, ...]:
    """chrony's directives for the servers of config.json and the pools; what is no host name or address is left out.

    Asked once, chronyd takes the first answer that is plausible. So two servers must agree, and one that lies is
    outvoted.
    """
    value = config.get("ntpServers")
    own = value.split() if isinstance(value, str) else []
    hosts = [host for host in own if _HOST.fullmatch(host)][:_MOST_SERVERS]
    return (AGREEMENT, *(f"pool {host} iburst maxsources 1" for host in (*hosts, *POOLS)))


def ask(root: Root, sources: Sequence[str], seconds: float) -> Evidence:
    """The time that the servers agree on, within `seconds`. Nothing is authenticated, and nothing is set."""
    if root.which(PROGRAM) is None:
        return Evidence(source=Source.NTP, problem=f"there is no {PROGRAM}")
    try:
        done = root.run(
            [PROGRAM, "-Q", "-t", str(max(1, int(seconds))), *sources],
            timeout_seconds=seconds + _SPARE_SECONDS,
            check=False,
        )
    except HalError as error:
        return Evidence(source=Source.NTP, problem=error.message)
    ended, now = time.monotonic(), datetime.now(UTC)
    offset = parse_offset(f"{done.stdout}\n{done.stderr}")
    if offset is None:
        lines = (done.stderr.strip() or done.stdout.strip()).splitlines()
        said = next((line for line in reversed(lines) if "exiting" not in line), "") or f"exit status {done.status}"
        return Evidence(source=Source.NTP, problem=f"no answer within {seconds:g} s ({_without_stamp(said)})")
    try:
        moment = now + timedelta(seconds=offset)
    except OverflowError:
        return Evidence(source=Source.NTP, problem=f"an offset of {offset:g} s")
    return Evidence(source=Source.NTP, time=moment, taken_at=ended)


def parse_offset(output: str) -> float | None:
    """Seconds to add to the clock of the machine that ran the program; `None` where it found no time."""
    found = _OFFSET.findall(output)
    offset = float(found[-1]) if found else None
    return offset if offset is not None and isfinite(offset) else None


def _without_stamp(line: str) -> str:
    return re.sub(r"^\d{4}-\d\d-\d\dT\S+ ", "", line)
