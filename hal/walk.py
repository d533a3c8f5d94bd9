"""From a name below a root to the path on this machine: every symbolic link followed as the device would follow it.

An absolute target starts at the root again; a name or link that climbs above the root is an error. Names are walked as
text: making a `Path` of each part took several times what the kernel takes to answer.
"""

from __future__ import annotations

import os
from errno import EINVAL, ENOENT, ENOTDIR
from typing import NamedTuple

from hal.errors import FileFault, OutsideRoot

_MAX_LINKS = 40


class Place(NamedTuple):
    """A path, and whether something is there: `None` where the walk did not see it, as for the root itself."""

    path: str
    there: bool | None


def walk(top: str, name: str, *, follow: bool = True) -> Place:
    """The place of `name` below the folder `top`. With `follow=False` the last part is not followed, nor looked at.

    The file need not exist. Raises `OutsideRoot`, and `FileFault` for what can be no name and for links without end.
    """
    if "\0" in name:
        raise OutsideRoot(f"{name!r}: a name cannot contain NUL", path=name)
    try:
        os.fsencode(name)
    except UnicodeEncodeError as error:
        raise FileFault(f"{name!r}: no file can have such a name", path=name) from error
    pending = parts(name)[::-1]
    start = here = top.rstrip("/")
    links = 0
    there: bool | None = None
    while pending:
        part = pending.pop()
        if part == "..":
            if here == start:
                raise OutsideRoot(f"{name}: leads out of {top}", path=name)
            here, there = here.rpartition("/")[0], None
            continue
        here = f"{here}/{part}"
        if there is False:
            continue  # below nothing is nothing
        if not (pending or follow):
            return Place(here, None)
        try:
            target = os.readlink(here)  # noqa: PTH115 - see above
        except OSError as error:
            there = True if error.errno == EINVAL else False if error.errno in (ENOENT, ENOTDIR) else None
            continue
        links += 1
        if links > _MAX_LINKS:
            raise FileFault(f"{name}: more than {_MAX_LINKS} symbolic links, probably a loop", path=name)
        here, there = start if target.startswith("/") else here.rpartition("/")[0], None
        pending.extend(reversed(parts(target)))
    return Place(here or "/", there)


def parts(name: str) -> list[str]:
    """The parts of a name. `/` and `.` are none, and two slashes are one: `pathlib` would keep a leading `//`."""
    return [part for part in name.split("/") if part not in ("", ".")]
