"""The UEFI firmware of an Orin: a capsule left where the firmware finds it at the next boot, and then asked for.

Order: an older request is taken back, the partition types are put right, the capsule is written and flushed, the two
variables that name the board are set, and last the request, one write of 12 bytes. Whatever cuts that short, nothing is
asked for while the capsule is not whole. The firmware takes the request back itself once it looked at the capsule.

Where the firmware already has the version of the OS that is to boot, nothing is staged; a capsule of another OS that
still waits is called off. Attempts are counted in the file of jetson-qspi-manager: after the fourth that changed
nothing, an update is refused. Putting an OS back is never refused for that.

Sources: balena-jetson-orin 7.0.5+rev2 (99-resin-bootfiles-*, 98-clear-agx-orin-unused-capsule, jetson-qspi-helpers);
meta-tegra (setup-nv-boot-control); UEFI specification 2.10 sections 8.5.4 and 8.5.5.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from functools import partial

from hal.backends import efi_variables
from hal.backends.changes import Change, perform
from hal.errors import Damaged, ProgramFault, ValueRefused
from hal.model import Capsule, DeviceType, Update, UpdateStep, UpdateStepFact
from hal.root import Root
from hal_jetson_orin import capsule_place, firmware, partition_types

PREFIX = "99-resin-bootfiles-"
CLEAR = "98-clear-agx-orin-unused-capsule"
FOLDER = "opt/tegra-binaries"
ACCEPTED = ("35.5", "36.3", "36.4", "36.5")
"""Firmware that takes these capsules; an older one must first be updated by an OS of L4T 35.5."""
NVIDIA = "781e084c-a330-417c-b678-38e696380cb9"
PLATFORM, COMPATIBLE, REQUEST = "TegraPlatformSpec", "TegraPlatformCompatSpec", "OsIndications"
FILE_CAPSULE = 0x04
"""Bit of OsIndications: look for capsules in files."""
RETRIES = "mnt/boot/jetson-qspi-retry-count"
MOST_RETRIES = 3
RULE = "usr/bin/uefi_common.func"
"""NVIDIA's rule that makes a compatible specification of a board's: a shell function of the OS, `gen_compat_spec`."""
SECONDS = 30.0

_PACKED_LIMIT = 128 * 1024 * 1024
_BOUND, _UNBIND = "sys/bus/spi/drivers/qspi_mtd/spi6.0", "sys/bus/spi/drivers/qspi_mtd/unbind"
_MODULES = ("spi_tegra210_quad", "spi_tegra114", "mtdblock")
_SPEC = re.compile(r"[0-9]{4}-[A-Z0-9]*-[0-9]*-[A-Z0-9.]*-[0-9]*-[0-9]*")
_COUNT = re.compile(r"jetson_capsule_retries=(\d{1,4})\n?")
_ASK_RULE = '. "$1" && printf "%s\\n" "$2" | gen_compat_spec'


def step(fact: UpdateStepFact, device_type: DeviceType, capsule: Capsule, root: Root) -> UpdateStep:
    """Stage the capsule of the OS that is to boot next."""

    def run(update: Update) -> tuple[str, ...]:
        return perform(update, _changes(root, device_type, capsule, update))

    return UpdateStep(name=fact.name, phase=fact.phase, purpose=fact.purpose, run=run)


def clear_step(fact: UpdateStepFact, root: Root) -> UpdateStep:
    """Remove a capsule from the boot partition of the board whose firmware looks for it elsewhere."""
    place = capsule_place.InBoot(root=root)

    def run(update: Update) -> tuple[str, ...]:
        file = f"{capsule_place.BOOT}/{capsule_place.FILE}"
        return perform(update, [Change(file, "removed", place.clear)] if root.exists(file) else [])

    return UpdateStep(name=fact.name, phase=fact.phase, purpose=fact.purpose, run=run)


def _changes(root: Root, device_type: DeviceType, capsule: Capsule, update: Update) -> Iterator[Change]:
    place = capsule_place.of(capsule, root)
    packed = f"{update.source}/{FOLDER}/{capsule.file}".lstrip("/")
    version = firmware.running(root)
    if version == firmware.wanted(root, update.source):
        yield from _call_off(root, place, packed)
        return
    if version not in ACCEPTED:
        allowed = ", ".join(ACCEPTED)
        raise ValueRefused(f"firmware {version}: takes no capsule of this OS, only {allowed} do", allowed=ACCEPTED)
    retries = _retries(root, update)
    data = _unpacked(root, packed)
    specs = list(_specs(root, capsule, update))
    types = list(partition_types.changes(root, device_type.slug))
    asked, staged = _asked(root), place.held() == data
    if asked and staged and not specs and not types:
        return
    place.check(len(data))
    yield from _quiet(root)
    if asked and not staged:
        yield Change("the capsule that waits", "called off", partial(_ask, root, asked=False))
    yield from types
    if not staged:
        yield Change(packed, f"unpacked to {capsule_place.FILE}", partial(place.put, data))
    yield from specs
    if not asked or not staged:
        yield Change("the firmware", "asked to apply the capsule at the next boot", partial(_ask, root, asked=True))
    if not asked:  # one that was called off was never tried
        yield Change(RETRIES, f"set to {retries + 1}", partial(_count, root, retries + 1))


def _call_off(root: Root, place: capsule_place.Place, packed: str) -> Iterator[Change]:
    """The firmware is right: another OS's capsule must not replace it, and counting attempts is over."""
    if _asked(root):
        held = place.held()
        if held is None or held != _unpacked(root, packed):
            yield from _quiet(root)
            yield Change("the capsule that waits", "called off", partial(_ask, root, asked=False))
            if held is not None:
                yield Change(capsule_place.FILE, "removed", place.clear)
    if root.exists(RETRIES):
        yield Change(RETRIES, "removed", lambda: root.remove(RETRIES))


# -- the capsule and its attempts ----------------------------------------------------------------------------------


def _unpacked(root: Root, name: str) -> bytes:
    """A capsule, unpacked. Raises `Damaged` for what is no gzip file, or not of the size its own header states."""
    unpacker = zlib.decompressobj(wbits=31)
    try:
        data = unpacker.decompress(root.read_bytes(name, limit=_PACKED_LIMIT), capsule_place.LARGEST)
    except zlib.error as error:
        raise Damaged(f"no gzip file: {error}", path=name) from error
    if not unpacker.eof or unpacker.unused_data:
        raise Damaged("a gzip file that is cut short, goes on behind its end, or is too large", path=name)
    header, size = int.from_bytes(data[16:20], "little"), int.from_bytes(data[24:28], "little")
    if len(data) < 28 or not 28 <= header <= size <= len(data):
        raise Damaged(f"{len(data)} bytes that are no UEFI capsule", path=name)
    return data


def _retries(root: Root, update: Update) -> int:
    """Attempts so far. Refused after too many, except where an OS is put back."""
    if not root.exists(RETRIES):
        return 0
    match = _COUNT.fullmatch(root.read_bytes(RETRIES).decode("ascii", "replace"))
    if match is None and not update.recovering:
        raise Damaged("jetson_capsule_retries=N is expected; remove the file to count anew", path=RETRIES)
    count = int(match[1]) if match else 0
    if count > MOST_RETRIES and not update.recovering:
        raise ValueRefused(
            f"{RETRIES}: {count} capsules changed nothing, {MOST_RETRIES + 1} are tried; flash the QSPI by cable, or "
            "remove the file to try again",
            path=RETRIES,
        )
    return count


def _count(root: Root, number: int) -> None:
    root.replace(RETRIES, f"jetson_capsule_retries={number}\n".encode())


# -- EFI variables ---------------------------------------------------------------------------------------------------


def _specs(root: Root, capsule: Capsule, update: Update) -> Iterator[Change]:
    """The variables by which the firmware finds its board in the capsule. Known ones stay, as in balenaOS.

    Only the compatible one is corrected, and only under an OS of L4T 36.
    """
    board = root.run(["tegra-boardspec"], timeout_seconds=SECONDS).stdout.strip()
    rule = next((name for name in (f"{update.source}/{RULE}", RULE) if root.is_file(name)), None)
    if rule is None:
        raise ProgramFault(f"{RULE}: no such file, so the board's compatible specification is not known", path=RULE)
    words = ["sh", "-c", _ASK_RULE, "sh", str(root.resolve(rule)), board]
    compatible = root.run(words, timeout_seconds=SECONDS).stdout.strip()
    for told, who in ((board, "tegra-boardspec"), (compatible, RULE)):
        if not _SPEC.fullmatch(told):
            raise ProgramFault(f"{who}: {told!r} is no board specification", path=who)
    corrected = (firmware.of_kernel(root) or "").startswith("36.")
    for name, spec in ((PLATFORM, board), (COMPATIBLE, compatible)):
        value = f"{spec}-{capsule.spec_suffix}-".encode()
        old = efi_variables.read(root, name, NVIDIA)
        if old is None or (name == COMPATIBLE and corrected and old.value != value):
            write = partial(efi_variables.write, root, name, NVIDIA, value)
            yield Change(f"EFI variable {name}", f"set to {value.decode()}", write)


def _bits(root: Root) -> int:
    old = efi_variables.read(root, REQUEST, efi_variables.GLOBAL)
    if old is None:
        return 0
    if len(old.value) != 8:
        file = efi_variables.file_of(REQUEST, efi_variables.GLOBAL)
        raise Damaged(f"a value of {len(old.value)} bytes, 8 are expected", path=file)
    return int.from_bytes(old.value, "little")


def _asked(root: Root) -> bool:
    return bool(_bits(root) & FILE_CAPSULE)


def _ask(root: Root, *, asked: bool) -> None:
    """Set or clear the request, and leave what else is asked of the firmware."""
    bits = _bits(root) | FILE_CAPSULE if asked else _bits(root) & ~FILE_CAPSULE
    efi_variables.write(root, REQUEST, efi_variables.GLOBAL, bits.to_bytes(8, "little"))


def _quiet(root: Root) -> Iterator[Change]:
    """Let go of the flash chip that also holds the EFI variables: its drivers make writing them hang.

    They come back with the next boot.
    """
    if root.exists(_BOUND) and root.exists(_UNBIND):
        yield Change("the QSPI flash", "let go by its driver", lambda: root.write(_UNBIND, "spi6.0"))
    loaded = {line.partition(" ")[0] for line in (root.read_value("proc/modules") or "").splitlines()}
    for module in _MODULES:
        if module in loaded:
            unload = partial(root.run, ["rmmod", module], timeout_seconds=SECONDS)
            yield Change(f"the module {module}", "unloaded", unload)
