"""Which device type, on which board, and how that was decided."""

from __future__ import annotations

from attrs import frozen

from hal.model.device_type import Board, DeviceType
from hal.record import Record


@frozen(kw_only=True, repr=False, eq=False)
class Evidence(Record):
    """One thing read from the device, and what it decided.

    `kind` is `software` (what the system was built for), `hardware` (what it runs on) or `override`. `source` is the
    file and key. `value` is `None` where there was nothing to read, and `verdict` says why.
    """

    kind: str
    source: str
    value: str | None = None
    verdict: str


@frozen(kw_only=True, repr=False, eq=False)
class Candidate(Record):
    """A device type that fits, with the reasons; `rank` sorts candidates, the lowest first."""

    slug: str
    name: str
    plugin: str
    rank: int
    reasons: tuple[str, ...]


@frozen(kw_only=True, repr=False, eq=False)
class Identity(Record):
    """Which device type a system was built for, on which board it runs, and how that was decided."""

    device_type: DeviceType
    plugin: str
    """Import name of the plugin that owns the device type."""
    board: Board | None = None
    """The hardware, where a row of the owner's table fits it."""
    compatible: tuple[str, ...] = ()
    model: str | None = None
    dmi: str | None = None
    evidence: tuple[Evidence, ...] = ()
    candidates: tuple[Candidate, ...] = ()
    warnings: tuple[str, ...] = ()
