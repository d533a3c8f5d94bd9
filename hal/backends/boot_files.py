"""The boot files of an OS, deployed to the boot partition so that no power cut and no full partition loses a device.

`plan` decides everything before the first write: what is new or changed (by content), what belongs to the user or to
the state of the bootloader and is kept, in which order, and how much room the worst moment needs. `deploy` does it.

Every file is written beside the old one and renamed, so after a power cut each is old or new, whole, and a second run
completes. Sets mix, in the order of the ranks: parts, loaders, first stages, then what selects, then the fingerprint.

* Parts old and new (device trees, overlays, firmware): the old loader runs with parts of both. Whichever slot boots
  must do with the new parts after the update anyway, because both slots share this partition. An overlay that does
  not fit its device tree is left out by the firmware, with its hardware. GRUB's modules must be of one version with
  GRUB: balenaOS builds them in, and modules in files would be parts that may not fit for a while.
* Loader new, selecting file old: the loader must read the files of the OS before it. Nothing here checks that. A new
  `grub.cfg` or `boot.scr` never meets an old loader, except while a failed update is taken back, for it is the same
  order with the older OS.
* Loaders of several stages (MLO and u-boot.img; tiboot3.bin, sysfw.itb and tispl.bin; bootcode.bin, start*.elf and
  kernel*.img): a stage of one version loads the next of the other. That usually boots, and nobody promises it.
* Pairs that boot only together: a file and its signature, boot.img and boot.sig, start*.elf and its fixup*.dat. They
  are written next to each other, but between the two renames there is a window in which such a device does not boot.
  It lasts as long as writing the second file. Only a medium with two copies closes it.

The fingerprint is old until all else is new, and only says so.

Facts: meta-balena 8.0.2, recipes-support/hostapp-update-hooks and os-helpers-fs.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType

from attrs import field, frozen

from hal.backends.boot_order import FileWrite, Why, arranged, rank
from hal.backends.boot_partition import (
    FINGERPRINT,
    JOURNAL,
    TEMPORARY,
    Kind,
    is_link,
    is_listed,
    listing,
    md5_of,
    names_of,
    same,
    walk,
    whole,
)
from hal.backends.bootloader import fatrw
from hal.backends.bootloader.lock import locked
from hal.backends.bootloader.names import COMMITTED
from hal.backends.bootloader.storage import readable
from hal.errors import FileFault, HalError
from hal.record import Record
from hal.root import Root

RESERVE = 512 * 1024
"""Bytes that stay free at the worst moment, as in balenaOS: for what the user and the supervisor write."""

USER: Mapping[str, str] = MappingProxyType(
    {
        "config.json": "the configuration of the device",
        "config.txt": "firmware settings of the user",
        "extra_uEnv.txt": "bootloader settings of the user",
        "EFI/BOOT/grub_extraenv": "bootloader settings of the user",
        "grub/grub_extraenv": "bootloader settings of the user",
        "configfs.json": "hardware settings of the user",
        "hw_intfc.conf": "hardware settings of the user",
        "splash/balena-logo.png": "the boot splash of the user",
    }
)
"""Files of the user by their name in the partition, and why each is kept. Where one is missing it is created."""

STATE = ("grubenv", "bootenv", "resinOS_uEnv.txt", "bootcount.env", COMMITTED)
"""What a bootloader's back end writes: never deployed, in whatever folder, not even where it is missing."""

LOGO, OLD_LOGO = "splash/balena-logo.png", "splash/resin-logo.png"

Route = Callable[[str], str | None]
"""The mount for a name in the source, as `mnt/efi` for `EFI/BOOT/grub.cfg`; `None`: not for this device."""

_STATE = frozenset(name.casefold() for name in STATE)
_LOCK_SECONDS = 20.0


@frozen(kw_only=True, repr=False, eq=False)
class KeptFile(Record):
    """A file that the OS has too and that stays as it is, or one that is left alone, and why."""

    name: str
    why: str


@frozen(kw_only=True, repr=False, eq=False)
class Room(Record):
    """The room on a mount, in bytes: free now, freed by removing what is stale, and needed.

    `needed` is the growth up to the worst moment, the temporary file of that moment (of `at`), the folders' own growth
    and `RESERVE`. It is 0 where nothing is written.
    """

    mount: str
    free: int
    freed: int
    needed: int
    at: str | None


@frozen(kw_only=True, repr=False, eq=False)
class DeployPlan(Record):
    """What a deployment would do, in this order: `stale` is removed, `writes` are made, `fingerprints` renewed.

    All names are below the root. `fingerprints` are mounts. With nothing in these three, everything is as it should be.
    """

    source: str
    target: str
    keep: Mapping[str, str] = field(eq=False)
    route: Route | None = field(eq=False)
    stale: tuple[str, ...]
    writes: tuple[FileWrite, ...]
    kept: tuple[KeptFile, ...]
    identical: tuple[str, ...]
    rooms: tuple[Room, ...] = field(eq=False)
    fingerprints: tuple[str, ...] = field(eq=False)


def plan(
    root: Root,
    *,
    source: str,
    target: str = "mnt/boot",
    keep: Mapping[str, str] = USER,
    route: Route | None = None,
) -> DeployPlan:
    """What deploying the folder `source` would do; nothing is written.

    `keep` names what is only created, never replaced, and why. `route` says which mount takes a name, by default
    `target`. Raises `HalError` for a source or target that is not sound, and `FileFault` where there is no room.
    """
    source, target = source.strip("/"), target.strip("/")
    names = names_of(root, source)
    if not names:
        raise FileFault(f"{source}: no boot files there", path=source)
    mounts: dict[str, list[str]] = {}
    kept: list[KeptFile] = []
    for name in names:
        mount = route(name) if route else target
        mount = mount and mount.strip("/")
        inside = mount is not None and (f"{mount}/".startswith(f"{source}/") or f"{source}/".startswith(f"{mount}/"))
        if inside or not source or mount == "":
            raise FileFault(f"{source or '/'}: boot files cannot go to {mount or '/'}, one in the other", path=source)
        if mount is None:
            kept.append(KeptFile(name=f"{source}/{name}", why="belongs to no partition of this device"))
        else:
            mounts.setdefault(mount, []).append(name)
    decisions = [_Decision(root, source, mount, mounts[mount], keep) for mount in sorted(mounts)]
    rooms = tuple(each.room() for each in decisions)
    for room in rooms:
        if room.at is not None and room.free + room.freed < room.needed:
            raise FileFault(
                f"{room.mount}: {room.needed} bytes are needed, {RESERVE} of them in reserve, and {room.free} are free"
                f"{f', {room.freed} more without what is stale' if room.freed else ''}: "
                f"{room.at} does not fit; nothing was written",
                path=room.mount,
            )
    return DeployPlan(
        source=source,
        target=target,
        keep=keep,
        route=route,
        stale=tuple(name for each in decisions for name in each.stale),
        # Stable, so the order within a mount stays; each rank is complete everywhere before the next begins.
        writes=tuple(sorted((write for each in decisions for write in each.writes), key=rank)),
        kept=(*kept, *(file for each in decisions for file in each.kept)),
        identical=tuple(name for each in decisions for name in each.identical),
        rooms=rooms,
        fingerprints=tuple(each.mount for each in decisions if each.due),
    )


def deploy(root: Root, planned: DeployPlan) -> tuple[str, ...]:
    """Do what was planned, under the locks of whoever writes boot files; answers the names that were written.

    Raises `HalError` before the first write where the plan no longer holds. Any later error leaves every file old or
    new, whole, and the same deployment completes it.
    """
    with locked(root, timeout_seconds=_LOCK_SECONDS):
        now = plan(root, source=planned.source, target=planned.target, keep=planned.keep, route=planned.route)
        if now != planned:
            raise HalError(
                f"{planned.source}: the boot files or what they replace changed since this was planned; "
                "nothing was written",
                path=planned.source,
            )
        for name in now.stale:
            root.remove(name)
        for write in now.writes:
            root.make_folder(write.name.rpartition("/")[0])
            data = root.read_bytes(write.source, limit=write.size)
            if len(data) != write.size:
                raise FileFault(f"{write.source}: {len(data)} bytes, not the {write.size} planned", path=write.source)
            root.replace(write.name, data)
            if not same(root, write.source, write.name):
                raise FileFault(f"{write.name}: reads back different from what was written", path=write.name)
            for name in write.removes:
                root.remove(name)
        written = [write.name for write in now.writes]
        for mount in now.fingerprints:
            name, data = f"{mount}/{FINGERPRINT}", listing(root, mount)
            if readable(root, name) != data:
                root.replace(name, data)
                written.append(name)
    return tuple(written)


class _Decision:
    """What happens on one mount: `names` of `source` belong there."""

    def __init__(self, root: Root, source: str, mount: str, names: Sequence[str], keep: Mapping[str, str]) -> None:
        if not root.is_dir(mount):
            raise FileFault(f"{mount}: not a folder, so there is no boot partition to deploy to", path=mount)
        self.root, self.source, self.mount = root, source, mount
        self.keep = {name.casefold(): why for name, why in keep.items()}
        self.names = [name for name in names if name.casefold() != FINGERPRINT]
        found = tuple(walk(root, mount))
        self.there = [name for name, kind in found if kind is Kind.FILE]
        self._entries = Counter(name for name, _ in found)
        self.stale: list[str] = []
        self.writes: tuple[FileWrite, ...] = ()
        self.kept: list[KeptFile] = []
        self.identical: list[str] = []
        self._cluster = root.cluster_bytes(mount)
        finished = tuple(self._finish())
        done = {write.name.casefold() for write in finished}
        decided = (self._decide(name) for name in self.names if self._full(name).casefold() not in done)
        self.writes = arranged([*finished, *(write for write in decided if write)], self._cluster)
        listed = self._place(FINGERPRINT)
        self.due = bool(self.writes or self.stale or not listed)
        if not self.due:
            self.due = readable(root, self._full(FINGERPRINT)) != listing(root, mount)
        if self.due and not (self.writes or self.stale):
            # Nothing that boots is to change. A list that has no room only stays as it is.
            room = self.room()
            self.due = room.free >= room.needed

    def _full(self, name: str) -> str:
        return f"{self.mount}/{name}"

    def _keep(self, name: str, why: str) -> None:
        self.kept.append(KeptFile(name=self._full(name), why=why))

    def _finish(self) -> Iterator[FileWrite]:
        """Stale are the temporaries of interrupted writes, and journals for files that the OS replaces anyway.

        A journal for another file is the latest wish of somebody, so it is finished. One of the state is left alone.
        """
        owned = {name.casefold() for name in (*self.names, FINGERPRINT)} - set(self.keep)
        journals: dict[str, list[str]] = {}
        for name in self.there:
            folder, slash, base = name.rpartition("/")
            match = JOURNAL.fullmatch(base)
            if match is None or match[2] == "tmp":
                if match or TEMPORARY.fullmatch(base):
                    self.stale.append(self._full(name))
            elif _is_state(match[1]):
                self._keep(name, "an interrupted write of the bootloader's state, which its back end finishes")
            elif f"{folder}{slash}{match[1]}".casefold() in owned:
                self.stale.append(self._full(name))
            else:
                journals.setdefault(f"{folder}{slash}{match[1]}", []).append(self._full(name))
        for name, found in sorted(journals.items()):
            try:
                sound = [each for each in fatrw.journals(self.root, self._full(name)) if each.content is not None]
            except FileFault as error:
                self._keep(name, f"its interrupted write cannot be finished: {error.message}")
                continue
            if not sound or sound[0].content == readable(self.root, self._full(name)):
                self.stale += found
            else:
                yield self._write(name, sound[0].name, why=Why.FINISHED, removes=tuple(found))

    def _decide(self, name: str) -> FileWrite | None:
        """The write that this name of the source needs, if any."""
        if _is_state(name):
            self._keep(name, "state of the bootloader")
        elif name.casefold() not in self.keep:
            write = self._write(name, f"{self.source}/{name}")
            if write.why is Why.NEW or not self._is_same(write):
                return write
            self.identical.append(write.name)
        elif name.casefold() == LOGO and OLD_LOGO in self.there and OLD_LOGO not in self.names:
            return self._move_logo(name)
        elif self._occupied(name):
            self._keep(name, self.keep[name.casefold()])
        else:
            return self._write(name, f"{self.source}/{name}")
        return None

    def _move_logo(self, name: str) -> FileWrite | None:
        """The boot splash under its old name: an own one moves to the new name, the shipped one gives way to the OS's.

        Where both names are there, the new one counts, so it is kept; an old one that differs from it and is the
        user's is kept, too.
        """
        old = self._full(OLD_LOGO)
        listed = readable(self.root, self._full(FINGERPRINT)) or b""
        shipped = f"{md5_of(self.root, old)}  {OLD_LOGO}".encode() in listed.splitlines()
        if not self._occupied(name):
            return self._write(name, f"{self.source}/{name}" if shipped else old, removes=(old,))
        self._keep(name, self.keep[LOGO])
        if shipped or (self.root.is_file(self._full(name)) and same(self.root, old, self._full(name))):
            self.stale.append(old)
        else:
            self._keep(OLD_LOGO, f"a boot splash of the user, but {LOGO} is the one that is shown")
        return None

    def _occupied(self, name: str) -> bool:
        return self.root.exists(self._full(name)) or is_link(self.root, self._full(name))

    def _is_same(self, write: FileWrite) -> bool:
        return write.size == write.old_size and same(self.root, write.source, write.name)

    def _write(self, name: str, source: str, *, why: Why | None = None, removes: tuple[str, ...] = ()) -> FileWrite:
        full = self._full(name)
        there = self._place(name)
        return FileWrite(
            mount=self.mount,
            name=full,
            source=source,
            why=why or (Why.CHANGED if there else Why.NEW),
            size=self.root.size(source),
            old_size=self.root.size(full) if there else 0,
            removes=removes,
        )

    def _place(self, name: str) -> bool:
        """Whether there is a file of this name; refuses a place that takes none."""
        full = self._full(name)
        for match in re.finditer("/", name):
            folder = self._full(name[: match.start()])
            if is_link(self.root, folder) or (self.root.exists(folder) and not self.root.is_dir(folder)):
                raise FileFault(f"{folder}: not a folder, and {full} belongs into it; nothing was written", path=folder)
        fault = None
        if is_link(self.root, full) or (self.root.exists(full) and not self.root.is_file(full)):
            fault = "not a regular file, and a boot file belongs there"
        elif self._entries[name] > 1:
            fault = "there are two directory entries of this name; which one is read is chance, so repair that first"
        if fault:
            raise FileFault(f"{full}: {fault}; nothing was written", path=full)
        return self.root.exists(full)

    def room(self) -> Room:
        """The room at the worst moment; what a later removal frees is not counted on."""
        steps = [(write.name, write.size, write.old_size) for write in self.writes]
        if self.due:
            name = self._full(FINGERPRINT)
            steps.append((name, self._listing_size(), self.root.size(name) if self.root.exists(name) else 0))
        freed = sum(whole(self.root.size(name), self._cluster) for name in self.stale)
        free = self.root.free_bytes(self.mount)
        now, needed, at = self._folder_growth(), 0, None
        for name, size, old in steps:
            moment = now + whole(size, self._cluster) + RESERVE
            if needed <= free + freed and moment > needed:
                at = name  # the worst so far, or the first that does not fit
            needed = max(needed, moment)
            now += whole(size, self._cluster) - whole(old, self._cluster)
        return Room(mount=self.mount, free=free, freed=freed, needed=needed, at=at)

    def _listing_size(self) -> int:
        """Of the fingerprint once all is written."""
        gone = {*self.stale, *(name for write in self.writes for name in write.removes)}
        names = {name.casefold(): name for name in self.there if self._full(name) not in gone}
        names.update({name.casefold(): name for name in (w.name[len(self.mount) + 1 :] for w in self.writes)})
        return sum(35 + len(os.fsencode(name)) for name in names.values() if is_listed(name))

    def _folder_growth(self) -> int:
        """What folders may grow by: 32 bytes for each entry and for each 13 characters of its name."""
        temporary = 32 * (2 + 255 // 13)
        sizes = {self.mount: temporary} if self.due else {}
        for write in self.writes:
            name, new = write.name, write.why is Why.NEW
            if not new:
                sizes.setdefault(name.rpartition("/")[0], temporary)
            while new:
                folder, _, base = name.rpartition("/")
                new = folder not in sizes and not self.root.exists(folder)
                sizes[folder] = sizes.get(folder, temporary) + 32 * (2 + len(base) // 13)
                name = folder
        return sum(whole(size, self._cluster) for size in sizes.values())


def _is_state(name: str) -> bool:
    return name.rpartition("/")[2].casefold() in _STATE
