"""The last decision of this boot, `run/hal/init-time.json`: for people, for the guard, and so that an alarm comes once.

It is kept in memory (`run`), and counts only in the boot that wrote it.
"""

from __future__ import annotations

import json
from datetime import timedelta
from math import isfinite
from typing import Any, NamedTuple

from hal.errors import HalError
from hal.init_time.evidence import Alarm, Evidence, InitTime, Source, Weighed
from hal.init_time.system_clock import SystemClock
from hal.json_file import read_object
from hal.root import Root
from hal.stdlib import UTC, read_time

RECORD = "run/hal/init-time.json"
BOOT_ID = "proc/sys/kernel/random/boot_id"

_SCHEMA = 1


class Last(NamedTuple):
    """What the system clock should show by now, and the alarms that were raised."""

    evidence: Evidence
    alarms: tuple[tuple[str, str], ...] = ()


def read(root: Root, system: SystemClock) -> Last:
    """The last decision, carried on by the time since; evidence of nothing where this boot has none that is whole."""

    def nothing(problem: str) -> Last:
        return Last(Evidence(source=Source.LAST, problem=problem))

    try:
        if not root.exists(RECORD):
            return nothing("the first of this boot")
        found = read_object(root, RECORD)
        if found["schema"] != _SCHEMA or found["boot_id"] != root.read_value(BOOT_ID):
            return nothing("from another boot")
        since = system.up_seconds() - float(found["up_seconds"])
        if not isfinite(since) or since < 0:
            return nothing("damaged: made after now")
        moment = read_time(found["time"]).astimezone(UTC) + timedelta(seconds=since)
        alarms = tuple((str(each["about"]), str(each["code"])) for each in found["alarms"])
    except HalError as error:
        return nothing(f"damaged: {error.message}")
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        return nothing(f"damaged: {type(error).__name__}: {error}")
    trusted = found["trusted"] is True
    return Last(Evidence(source=Source.LAST, time=moment, verified=trusted), alarms)


def write(root: Root, done: InitTime) -> None:
    """Keep what was decided and done. Raises `FileFault`."""
    root.make_folder(RECORD.rpartition("/")[0])
    root.replace(RECORD, (json.dumps(document(root, done), indent=2) + "\n").encode())


def document(root: Root, done: InitTime) -> dict[str, Any]:
    """A run of the chain as JSON; `up_seconds` and `boot_id` say when it was."""
    made = done.decision
    return {
        "schema": _SCHEMA,
        "time": done.time.isoformat(),
        "source": made.source.value,
        "name": made.name,
        "reason": made.reason,
        "step_seconds": round(made.step_seconds, 3),
        "outcome": done.outcome.value if done.outcome else None,
        "trusted": made.trusted,
        "floor": made.floor.isoformat(),
        "bound": made.bound.isoformat(),
        "evidence": [_weighed(each) for each in made.weighed],
        "clocks_set": list(done.clocks_set),
        "alarms": [_alarm(each) for each in done.alarms],
        "new_alarms": [_alarm(each) for each in done.new_alarms],
        "boot_id": root.read_value(BOOT_ID),
        "up_seconds": done.up_seconds,
    }


def _weighed(each: Weighed) -> dict[str, Any]:
    return {
        "source": each.source.value,
        "name": each.name,
        "time": None if each.time is None else each.time.isoformat(),
        "taken": each.taken,
        "verdict": each.verdict,
    }


def _alarm(each: Alarm) -> dict[str, str]:
    return {"about": each.about, "code": each.code, "message": each.message}
