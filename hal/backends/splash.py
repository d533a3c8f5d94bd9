"""The boot splash of balenaOS: one PNG file on the boot partition, on every board.

    splash/balena-logo.png           the image that is drawn
    splash/resin-logo.png            its name in older releases, used where the first is missing
    splash/balena-logo-default.png   the image as it was before the first change; the supervisor makes this copy, too

The default is written, flushed and read back before the image is touched, and `Root.replace` leaves each file old or
new, whole. So a power cut leaves one of: nothing changed; the default kept, the old image; the default kept, the new
image. A default that is there is not written again, unless a reset mends one that is damaged.

The supervisor writes these files through fatrw, whose readers prefer an interrupted write to the file. What fatrw has
pending for the default counts as the default; what it has pending for the image is dropped, after an image is set.

Facts: balena-supervisor 19.0.5 (its splash back end), meta-balena 8.0.2 (plymouth theme, hook 1-bootfiles).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import NamedTuple

from hal.backends.bootloader.base import LOCKS
from hal.backends.firmware_splash import Look
from hal.errors import Damaged, FileFault, HalError
from hal.model import Change, Cost, Outcome, SetResult, SplashImage, SplashState
from hal.root import Root

BOOT = "mnt/boot"
FOLDER = f"{BOOT}/splash"
LOGO = f"{FOLDER}/balena-logo.png"
LEGACY = f"{FOLDER}/resin-logo.png"
DEFAULT = f"{FOLDER}/balena-logo-default.png"

SHIPPED = "resin-boot/splash/balena-logo.png"
"""The image that the running OS brings along, for where no whole default is kept."""

_LOCK_SECONDS = 20.0
_NOTE = "drawn from the next boot on"


class _Decision(NamedTuple):
    """What is written in order, what is removed afterwards, and what that changes."""

    writes: tuple[tuple[str, bytes], ...]
    removes: tuple[str, ...]
    previous: str
    value: str
    note: str

    @property
    def is_due(self) -> bool:
        return bool(self.writes or self.removes)


class BootSplash:
    """The boot splash, and what the firmware draws before it. Every method may raise `HalError`."""

    reads: tuple[str, ...] = ()
    """None must be intact: an image that is damaged can be replaced."""

    writes = (LOGO, LEGACY, DEFAULT)

    def __init__(self, root: Root, firmware: tuple[Look, ...] = ()) -> None:
        self.root = root
        self._firmware = firmware

    # -- reading -------------------------------------------------------------------------------------------------

    def read(self) -> bytes:
        """The image in use. Raises `FileFault` where there is none, and `Damaged` for what is no PNG image."""
        from hal.backends import png

        name = self._place()
        data = self.root.read_bytes(name)
        judged = png.judge(data, decode=False)
        if judged.whole is False:
            raise Damaged(judged.wrong, path=name)
        return data

    def state(self, *, decode: bool = True) -> SplashState:
        """The splash as it is, damaged or not; without `decode`, images are not decoded and Pillow is not loaded."""
        place = self._place()
        image, default = self._image(place, decode), self._image(DEFAULT, decode)
        sums = [each.sha256 for each in (image, default) if each is not None and each.sha256 is not None]
        command_line = self.root.read_value("proc/cmdline")
        return SplashState(
            image=image,
            default=default,
            custom=sums[0] != sums[1] if len(sums) == 2 else None,
            legacy=place == LEGACY,
            requested=None if command_line is None else "splash" in command_line.split(),
            firmware=tuple(found for look in self._firmware if (found := look(self.root)) is not None),
            notes=tuple(self._notes(place)),
        )

    def _place(self) -> str:
        """The file that is drawn, or would be."""
        return LEGACY if not self._is_there(LOGO) and self._is_there(LEGACY) else LOGO

    def _is_there(self, name: str) -> bool:
        """Whether anything has this name; what it is, is found out by who reads it."""
        try:
            return self.root.exists(name)
        except FileFault:
            return True

    def _image(self, name: str, decode: bool) -> SplashImage | None:
        from hashlib import sha256

        from hal.backends import png

        try:
            data = self._content(name)
        except FileFault as fault:
            return SplashImage(file=name, whole=False, problem=fault.message)
        if data is None:
            return None
        judged = png.judge(data, decode=decode)
        return SplashImage(
            file=name,
            size_bytes=len(data),
            width_pixels=judged.width,
            height_pixels=judged.height,
            sha256=sha256(data).hexdigest(),
            whole=judged.whole,
            problem=judged.wrong,
        )

    def _notes(self, place: str) -> Iterator[str]:
        if place == LOGO and self._is_there(LEGACY):
            yield f"{LEGACY} is there too, and is not drawn"
        for name in (LOGO, LEGACY, DEFAULT):
            with suppress(FileFault):
                for journal in self._journals(name):
                    yield f"{journal} is an interrupted write of {name}"

    def _content(self, name: str) -> bytes | None:
        """What a file has; `None` where there is none. Raises `FileFault` for what is no file, or cannot be read."""
        return self.root.read_bytes(name) if self.root.exists(name) else None

    def _journals(self, name: str) -> tuple[str, ...]:
        from hal.backends.bootloader import fatrw

        return tuple(journal.name for journal in fatrw.journals(self.root, name))

    # -- setting -------------------------------------------------------------------------------------------------

    def preview(self, wanted: bytes | str | None) -> Change | None:
        """What `set` would change. Raises what it would raise before its first write."""
        decision = self._decide(wanted)
        if not decision.is_due:
            return None
        return Change(previous=decision.previous, value=decision.value, cost=Cost.REBOOT, note=decision.note)

    def set(self, wanted: bytes | str | None) -> SetResult:
        """Use an image from the next boot on: PNG bytes, base64 or a data URI; `None` and blank text mean the default.

        Raises `ValueRefused` for what is no whole PNG image within the limits, `FileFault` where there is no room or
        something else than a file is in the way, and `HalError` where Pillow is not installed; nothing is written then.
        """
        with self._locked():
            decision = self._decide(wanted)
            if decision.writes:
                self.root.make_folder(FOLDER)
            for name, data in decision.writes:
                self.root.replace(name, data)
                if self.root.read_bytes(name, limit=len(data)) != data:
                    raise FileFault(f"{name}: reads back different from what was written", path=name)
            for name in decision.removes:
                self.root.remove(name)
        due = decision.is_due
        return SetResult(
            previous=decision.previous,
            value=decision.value,
            outcome=Outcome.ACCEPTED if due else Outcome.UNCHANGED,
            cost=Cost.REBOOT if due else Cost.NONE,
            note=decision.note,
        )

    def reset(self) -> SetResult:
        """Back to the default. Raises `FileFault` where no whole one is kept and the OS brings none."""
        return self.set(None)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """One writer at a time: between the look for a default and the first write nobody changes the image."""
        with ExitStack() as held:
            for name in LOCKS:
                if self.root.exists(name):
                    held.enter_context(self.root.lock(name, timeout_seconds=_LOCK_SECONDS))
            yield

    def _decide(self, wanted: bytes | str | None) -> _Decision:
        """Everything is decided, and refused, before the first write."""
        from hal.backends.bootloader import fatrw
        from hal.backends.splash_value import asks_for_default, image_of

        if not self.root.is_dir(BOOT):
            raise FileFault(f"{BOOT}: not a folder, so there is no boot partition", path=BOOT)
        place = self._place()
        current = self._content(place)
        stored = self._content(DEFAULT)
        pending = fatrw.pending(self.root, DEFAULT)
        kept = stored if pending is None else pending
        default: bytes | None
        if wanted is None or asks_for_default(wanted):
            new = self._default(current, kept)
            kept = kept if kept is not None and _is_sound(kept) else None
            default = new if kept is None else kept
        else:
            new = _accepted(image_of(wanted))
            default = self._worth_keeping(current) if kept is None else kept
        wished = [(name, data) for name, data in ((DEFAULT, default), (place, new)) if data is not None]
        contents = {DEFAULT: stored, place: current}
        writes = tuple((name, data) for name, data in wished if data != contents[name])
        if new == current and stored is None and pending is None:
            writes = ()  # it was never changed, so there is nothing to keep yet
        self._check_room(writes, contents)
        removes = tuple(each for name in (LOGO, LEGACY, DEFAULT) for each in self._journals(name))
        return _Decision(
            writes=writes,
            removes=removes,
            previous=_words(current, default if writes else kept),
            value=_words(new, default if writes else kept),
            note=_NOTE if writes else "an interrupted write is dropped" if removes else "",
        )

    def _default(self, current: bytes | None, kept: bytes | None) -> bytes:
        """What a reset goes back to; an image that was never changed is the default itself."""
        for data in (current if kept is None else kept, self._shipped()):
            if data is not None and _is_sound(data):
                return data
        instead = (
            "set an image instead" if kept is None else "remove the file, and the next change keeps the image in use"
        )
        raise FileFault(
            f"{DEFAULT}: no whole default is kept, and the OS brings none in {SHIPPED}; {instead}", path=DEFAULT
        )

    def _worth_keeping(self, current: bytes | None) -> bytes | None:
        """What becomes the default before the first change."""
        return current if current is not None and _is_sound(current) else self._shipped()

    def _shipped(self) -> bytes | None:
        with suppress(FileFault):
            data = self._content(SHIPPED)
            return data if data is not None and _is_sound(data) else None
        return None

    def _check_room(self, writes: tuple[tuple[str, bytes], ...], contents: dict[str, bytes | None]) -> None:
        """A new file needs whole clusters beside the old one, and its folder may need one more.

        What stays free afterwards must do for the next OS update, unless it becomes more than it was.
        """
        from hal.backends.boot_files import RESERVE
        from hal.backends.boot_partition import whole

        if not writes:
            return
        cluster, free = self.root.cluster_bytes(BOOT), self.root.free_bytes(BOOT)
        needed = taken = 0
        for name, data in writes:
            needed = max(needed, taken + whole(len(data), cluster) + cluster)
            taken += whole(len(data), cluster) - whole(len(contents[name] or b""), cluster)
        if taken > 0:
            needed = max(needed, taken + RESERVE)
        if free < needed:
            raise FileFault(
                f"{BOOT}: {free} bytes are free and {needed} are needed, so that {RESERVE} are left for an OS update; "
                "nothing was written",
                path=BOOT,
            )


def _accepted(data: bytes) -> bytes:
    """The image, if every pixel of it was decoded."""
    from hal.backends import png
    from hal.backends.splash_value import refused

    judged = png.judge(data)
    if judged.wrong:
        raise refused(judged.wrong)
    if judged.whole is None:
        raise HalError(f"splash: {png.LIBRARY_MISSING}; nothing was written", path="splash")
    return data


def _is_sound(data: bytes) -> bool:
    """Whether an image that was there before may be put back: not known to be damaged, whatever its size."""
    from hal.backends import png

    return png.judge(data).whole is not False


def _words(data: bytes | None, default: bytes | None) -> str:
    from hashlib import sha256

    from hal.backends import png

    if data is None:
        return "no image"
    width, height, whole, _ = png.judge(data, decode=False)
    if whole is False:
        return f"no PNG image of {len(data)} bytes"
    is_default = ", the default" if data == default else ""
    return f"{width} x {height} pixels, {len(data)} bytes, sha256 {sha256(data).hexdigest()[:12]}{is_default}"
