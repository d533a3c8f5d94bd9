"""The lab's figures: how much was tried, and what came of it. Fewer than the last recorded figure fails.

A test notes its figures under a name. They are printed at the end of the run, written to
`build/lab/figures/NAME.json`, and compared with `tests/lab/recorded.json`, where each scale has its own: a number that
counts trials (`states`, `boots`, `kills` …) may not fall, and one that counts what went wrong (`bad`, `wrong`,
`unbootable` …) may not rise. `make lab-record` sets it.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parents[2]
FOLDER = REPOSITORY / "build/lab/figures"
RECORDED = Path(__file__).with_name("recorded.json")

TRIALS = (
    *("states", "boots", "kills", "decisions", "environments", "cases", "scenarios", "cuts", "found"),
    *("modems", "modes", "sticks"),
)
FAULTS = ("bad", "wrong", "unbootable", "disagreements", "lost", "unsettled")

VARIES = 0.85
"""Of what depends on time, and on the order in which the kernel writes back, this share is recorded."""


class FewerThanRecorded(AssertionError):
    """A figure is worse than the recorded one."""


def note(name: str, scale: str, figures: dict[str, Any]) -> None:
    """Keep and compare. Raises `FewerThanRecorded`."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    fresh = FOLDER / f".{name}.{os.getpid()}"
    fresh.write_text(json.dumps({"scale": scale, **figures}, indent=2) + "\n")
    fresh.rename(FOLDER / f"{name}.json")
    last = recorded().get(scale, {}).get(name, {})
    worse = [
        f"{key}: {figures.get(key)} now, {value} recorded"
        for key, value in last.items()
        if (key in TRIALS and figures.get(key, 0) < value) or (key in FAULTS and figures.get(key, 0) > value)
    ]
    if worse:
        raise FewerThanRecorded(f"{name}: {'; '.join(worse)}")


def shown(figures: dict[str, Any]) -> str:
    """One line of them."""
    return ", ".join(f"{key} {value}" for key, value in figures.items())


def recorded() -> dict[str, dict[str, dict[str, Any]]]:
    """The recorded figures, by scale and name."""
    return json.loads(RECORDED.read_text()) if RECORDED.is_file() else {}


def record() -> None:
    """Take what is in `build/lab/figures` as recorded, each name under the scale it was run at.

    Nothing recorded is made easier: whoever wants less of something edits the file.
    """
    found = recorded()
    for file in sorted(FOLDER.glob("*.json")):
        figures = json.loads(file.read_text())
        scale = figures.pop("scale")
        varies = figures.pop("varies", ())
        kept = {key: value for key, value in figures.items() if key in (*TRIALS, *FAULTS, "seed")}
        kept |= {key: int(kept[key] * VARIES) for key in varies}
        last = found.get(scale, {}).get(file.stem, {})
        kept |= {key: max(kept[key], last[key]) for key in TRIALS if key in kept and key in last}
        kept |= {key: min(kept[key], last[key]) for key in FAULTS if key in kept and key in last}
        found.setdefault(scale, {})[file.stem] = kept
    RECORDED.write_text(json.dumps(found, indent=2, sort_keys=True) + "\n")


if __name__ == "__main__":
    record()
