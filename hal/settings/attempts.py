"""What was tried before: a change that waits for a reboot and fails twice alike is not tried a third time.

A change that is planned again after the reboot that should have brought it has failed; so has one that raised. Without
this, whoever reboots for it would reboot for ever. The attempts are kept on the state partition; where there is none,
nothing is remembered and nothing is stopped.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from attrs import frozen

from hal.errors import HalError
from hal.json_file import read_object
from hal.model import Change, Cost
from hal.record import Record
from hal.root import Root

FILE = "mnt/state/hal-attempts.json"
BOOT_ID = "proc/sys/kernel/random/boot_id"
MOST = 2
"""Failed attempts after which the same change is not tried again."""


@frozen(kw_only=True, repr=False, eq=False)
class Stopped(Record):
    """A change that is not tried any more, and why. `hal apply --again` forgets its attempts."""

    path: str
    previous: str
    value: str
    reason: str


class Attempts:
    """The last change of each setting that waits for a reboot: from what to what, how often, how it ended."""

    def __init__(self, root: Root) -> None:
        self._root = root
        self._boot = root.read_value(BOOT_ID) or "unknown"
        self._found = self._read()
        self._kept = dict(self._found)

    def stopped(self, path: str, change: Change) -> Stopped | None:
        """Why this change is not tried again; `None` where it may be."""
        last = self._found.get(path)
        if change.cost is not Cost.REBOOT or last is None or not _same(last, change):
            return None
        failed = last["times"] - (0 if self._over(last) else 1)
        if failed < MOST:
            return None
        how = last["error"] or "it was written, and after the next boot it was not so"
        reason = f"tried {last['times']} times, and each time: {how}; not tried again"
        return Stopped(path=path, previous=change.previous, value=change.value, reason=reason)

    def note(self, path: str, change: Change, error: HalError | None = None) -> None:
        """Note one attempt: before it, because it may end the machine, and again if it raised.

        Raises `HalError` where that cannot be kept: then it must not be tried, or it would be for ever.
        """
        if change.cost is not Cost.REBOOT:
            return
        last = self._found.get(path)
        times = last["times"] if last is not None and _same(last, change) else 0
        # Within one boot the same change made anew is the same attempt: only a reboot begins another.
        times += 0 if times and last and last["boot"] == self._boot else 1
        self._kept[path] = {
            "previous": change.previous,
            "value": change.value,
            "times": times,
            "boot": self._boot,
            "error": error.message if error else "",
        }
        self._write()

    def settle(self, planned: Iterable[str]) -> None:
        """Forget attempts of settings that are as they should be after a boot, and keep what is news."""
        still = set(planned)
        for path, last in self._found.items():
            if path not in still and last["boot"] != self._boot:
                self._kept.pop(path, None)
        self._write()

    def forget(self) -> None:
        """Begin anew."""
        self._found, self._kept = {}, {}
        self._write()

    def _over(self, last: dict[str, Any]) -> bool:
        """Whether an attempt can be judged: it raised, or the boot that it waited for has come."""
        return bool(last["error"]) or last["boot"] != self._boot

    def _read(self) -> dict[str, dict[str, Any]]:
        """What is no sound list of attempts is none: it only ever stops a change."""
        try:
            found = read_object(self._root, FILE)
        except HalError:
            return {}
        kinds = {"previous": str, "value": str, "times": int, "boot": str, "error": str}
        return {
            path: last
            for path, last in found.items()
            if isinstance(last, dict) and all(isinstance(last.get(name), kind) for name, kind in kinds.items())
        }

    def _write(self) -> None:
        if not self._root.is_dir("mnt/state") or self._kept == self._read():
            return
        if self._kept:
            self._root.replace(FILE, (json.dumps(self._kept, indent=1) + "\n").encode(), mode=0o600)
        else:
            self._root.remove(FILE)


def _same(last: dict[str, Any], change: Change) -> bool:
    """The same wish; what it would change may be another each time."""
    return bool(last["value"] == change.value)
