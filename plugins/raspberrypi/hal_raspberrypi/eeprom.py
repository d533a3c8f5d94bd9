"""The boot EEPROM of the Raspberry Pi 4 class: a newer image is left in the boot partition, the EEPROM takes it itself.

From April 2022 on the loader in the EEPROM looks there at boot: where `pieeprom.sig` names the SHA-256 of
`pieeprom.upd`, it writes that image. A signature alone, or one that does not fit, starts nothing. So the old signature
goes first and the new one comes last, and between them the old EEPROM boots.

An older loader, and one whose own configuration says `ENABLE_SELF_UPDATE=0`, can only be overwritten from the running
system with flashrom, which a power cut does not survive; that is not done here. The firmware of the USB chip
(`vl805-latest-stable.bin`) is left alone too: nothing reads it under that name.

Sources: balena-raspberrypi 7.4.0+rev7 (98-pieeprom, pieeprom-update.sh, rpi-eeprom_git.bb), raspberrypi/rpi-eeprom
(rpi-eeprom-update, rpi-eeprom-digest).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator

from hal.backends.changes import Change, perform
from hal.errors import FileFault, HalError, ValueRefused
from hal.model import Update, UpdateStep, UpdateStepFact
from hal.root import Root

NAME = "98-pieeprom"
SOURCE, BOOT = "resin-boot", "mnt/boot"
IMAGE, SIGNATURE = "pieeprom.upd", "pieeprom.sig"
TIMESTAMP = "proc/device-tree/chosen/bootloader/build-timestamp"
"""When the loader that runs was built: 4 bytes, seconds since 1970, most significant byte first."""
FIRST_SELF_UPDATING = 1650968668
"""2022-04-26, the first release that updates itself, as rpi-eeprom-update has it."""
SECONDS = 30.0
_LIMIT = 4 * 1024 * 1024
_SPARE_BYTES = 64 * 1024
_BUILT = re.compile(rb"BUILD_TIMESTAMP=(\d{1,10})")
_DIGEST = re.compile(r"[0-9a-f]{64}")


def step(fact: UpdateStepFact, root: Root) -> UpdateStep:
    """The step that the row names."""

    def run(update: Update) -> tuple[str, ...]:
        return perform(update, _changes(root, update))

    return UpdateStep(name=fact.name, phase=fact.phase, purpose=fact.purpose, run=run, owns=(IMAGE, SIGNATURE))


def _changes(root: Root, update: Update) -> Iterator[Change | str]:
    folder = f"{update.source}/{SOURCE}".lstrip("/")
    image = root.read_bytes(f"{folder}/{IMAGE}", limit=_LIMIT)
    signature = root.read_bytes(f"{folder}/{SIGNATURE}", limit=_LIMIT)
    brought = version_of(image, f"{folder}/{IMAGE}")
    _check(image, signature, f"{folder}/{SIGNATURE}")
    settings = _settings(root)
    if "FREEZE_VERSION=1" in settings or _forbidden(root):
        return
    running = _running(root)
    if running is not None and running >= brought:
        return
    if running is None or running < FIRST_SELF_UPDATING or "ENABLE_SELF_UPDATE=0" in settings:
        why = "its version is not known" if running is None else f"its loader ({running}) does not update itself"
        yield f"the boot EEPROM was left as it is: {why}"
        return
    target = {name: f"{BOOT}/{name}" for name in (IMAGE, SIGNATURE)}
    held = {name: _held(root, file) for name, file in target.items()}
    if held == {IMAGE: image, SIGNATURE: signature}:
        return
    if held[IMAGE] != image:
        if root.free_bytes(BOOT) < len(image) + len(signature) + _SPARE_BYTES:
            raise FileFault(f"{target[IMAGE]}: no room for {len(image)} bytes beside the old one", path=target[IMAGE])
        if held[SIGNATURE] is not None:
            yield Change(target[SIGNATURE], "removed", lambda: root.remove(target[SIGNATURE]))
        yield Change(target[IMAGE], f"written ({brought})", lambda: _put(root, target[IMAGE], image))
    yield Change(target[SIGNATURE], "written", lambda: _put(root, target[SIGNATURE], signature))


def version_of(image: bytes, name: str) -> int:
    """When an EEPROM image was built, in seconds since 1970. Raises `ValueRefused` for what is no such image."""
    found = {int(text) for text in _BUILT.findall(image)}
    if len(found) != 1:
        raise ValueRefused(f"{name}: {len(found)} build timestamps, 1 is expected of an EEPROM image", path=name)
    return found.pop()


def _check(image: bytes, signature: bytes, name: str) -> None:
    """The first line of a signature is the image's SHA-256."""
    stated = signature.partition(b"\n")[0].decode("ascii", "replace").strip()
    if not _DIGEST.fullmatch(stated):
        raise ValueRefused(f"{name}: {stated[:80]!r} is no SHA-256 in lower-case hex", path=name)
    digest = hashlib.sha256(image).hexdigest()
    if stated != digest:
        raise ValueRefused(f"{name}: names {stated}, but {IMAGE} has {digest}", path=name)


def _running(root: Root) -> int | None:
    """When the loader that started this system was built; `None` where nothing tells."""
    if root.is_file(TIMESTAMP):
        data = root.read_bytes(TIMESTAMP)
        if len(data) == 4 and any(data):
            return int.from_bytes(data, "big")
    match = re.search(r"^timestamp (\d{1,10})$", _ask(root, "bootloader_version"), re.MULTILINE)
    return int(match[1]) or None if match else None


def _settings(root: Root) -> list[str]:
    """The lines of the EEPROM's own configuration. The loader heeds it too, so it may be unknown here."""
    return [line.strip() for line in _ask(root, "bootloader_config").splitlines()]


def _ask(root: Root, question: str) -> str:
    if root.which("vcgencmd") is None:
        return ""
    return root.run(["vcgencmd", question], timeout_seconds=SECONDS).stdout


def _forbidden(root: Root) -> bool:
    """Whether config.txt turns updates of the EEPROM off."""
    config = f"{BOOT}/config.txt"
    if not root.is_file(config):
        return False
    lines = root.read_bytes(config).decode("utf-8", "replace").splitlines()
    return any(line.startswith("bootloader_update=0") for line in lines)


def _held(root: Root, file: str) -> bytes | None:
    try:
        return root.read_bytes(file, limit=_LIMIT) if root.exists(file) else None
    except HalError:  # too large to be one
        return b""


def _put(root: Root, file: str, data: bytes) -> None:
    root.replace(file, data)
    if root.read_bytes(file, limit=_LIMIT) != data:
        raise FileFault(f"{file}: reads back different from what was written", path=file)
