"""The disk image of an `Image`: looks at everything first, then makes it, and moves it into its place when it is whole.

The same image, deploy folder and time give the same bytes, on whatever day and in whatever folder: identifiers follow
from the device type and the build, and every file has the one time that is given.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from attrs import frozen

from hal.backends.bootloader import boot_sectors
from hal.errors import ValueRefused
from hal.image import overlay
from hal.image.disk import deploy as deployed
from hal.image.disk import entry, placing, tools
from hal.image.disk.deploy import Deployed
from hal.image.disk.entry import Entry
from hal.image.disk.fat import FIRST_SECOND
from hal.image.disk.layout import KIB, SECTOR, Layout
from hal.image.disk.making import Content, Patch, check_output, folder_beside, make
from hal.image.disk.planning import all_sizes, partitions, plan
from hal.image.output import OutputFile
from hal.model import Image, PartitionTable
from hal.record import Record
from hal.root import Root

DEFAULT_EPOCH = 1_700_000_000
"""The time of everything where nobody gives one."""
LAST_SECOND = 4_102_444_799
"""The end of 2099, the last that every tool agrees on."""
FLASHER_SPACE = 1.3
"""What the root of a flasher is larger than its content, as of Yocto's images."""


@frozen(kw_only=True, repr=False, eq=False)
class Written(Record):
    """A disk that was made: its layout, and what whoever uses it must know."""

    layout: Layout
    notes: tuple[str, ...] = ()


def write(
    image: Image,
    *,
    deploy: Root,
    output: Path,
    epoch: int = DEFAULT_EPOCH,
    sizes: Mapping[str, int] | None = None,
    copy_to_b: bool = False,
) -> Written:
    """Make the disk image in the file `output`, which must not be there yet.

    `deploy` is what the OS build made; see `hal.image.disk.deploy`. `epoch` is the time of everything, in seconds since
    1970. `sizes` are KiB by role, over those of the image. Slot B is empty, or with `copy_to_b` as slot A.

    Raises `CapabilityAbsent` where no disk of this device type can be made, `FileFault` naming every missing source,
    `ValueRefused`, and `ProgramFault`. Then there is no output.
    """
    if not FIRST_SECOND <= epoch <= LAST_SECOND:
        raise ValueRefused(
            f"epoch {epoch}: from {FIRST_SECOND} (1980) to {LAST_SECOND} (2099) is allowed", path="epoch"
        )
    output = output.absolute()
    partitions(image)
    check_output(output)
    tools.check()
    with folder_beside(output) as scratch:
        found = deployed.look(deploy, image, scratch)
        contents = _contents(image, found, copy_to_b=copy_to_b)
        layout = plan(image, _sizes(image, sizes or {}, contents))
        patches, notes = _boot_code(image, layout, found)
        make(layout, contents, output, epoch=epoch, patches=patches)
    return Written(layout=layout, notes=(*notes, *_notes(image, found)))


def _contents(image: Image, found: Deployed, *, copy_to_b: bool) -> dict[str, Content]:
    boot = Content(entries=_boot(image, found))
    root = Content(ready=found.ready_root)
    if found.ready_root is None:
        root = Content(entries=_with(found.root, overlay.root_files(image)))
    contents = {"boot": boot, "root-a": root}
    if not image.build.flasher:
        contents["data"] = Content(ready=found.ready_data)
        if copy_to_b:
            contents["root-b"] = root
    return contents


def _boot(image: Image, found: Deployed) -> tuple[Entry, ...]:
    """Two files for one place are an error, unless they are the same: neither may win in silence. FAT ignores case."""
    own = _entries(placing.boot_files(image))
    there = {each.path.casefold(): each for each in found.boot if each.source is not None}
    for each in own:
        other = there.get(each.path.casefold())
        if other is not None and other.source is not None and other.content() != each.data:
            raise ValueRefused(
                f"boot: {each.path} is made by this image, and {other.source} is another for the same place",
                path=each.path,
            )
    names = {each.path.casefold() for each in own}
    return entry.merged([each for each in found.boot if each.path.casefold() not in names], own)


def _with(root: tuple[Entry, ...], files: Iterable[OutputFile]) -> tuple[Entry, ...]:
    """The root file system with the image's files in it, at the place to which its links lead."""
    more = [entry.file(entry.through_links(root, file.name), file.content, file.mode) for file in files]
    return entry.merged(root, more)


def _entries(files: Iterable[OutputFile]) -> tuple[Entry, ...]:
    return tuple(entry.file(file.name, file.content, file.mode) for file in files)


def _sizes(image: Image, given: Mapping[str, int], contents: Mapping[str, Content]) -> dict[str, int]:
    """The sizes, with those that follow from what is deployed."""
    needed = {}
    for role, content in contents.items():
        if content.ready is not None:
            needed[role] = content.ready.stat().st_size
        elif image.build.flasher and role == "root-a":
            needed[role] = int(sum(each.size + KIB for each in content.entries) * FLASHER_SPACE) + 32 * KIB * KIB
    return all_sizes(image, given, needed)


def _boot_code(image: Image, layout: Layout, found: Deployed) -> tuple[tuple[Patch, ...], tuple[str, ...]]:
    """GRUB's boot sectors for a PC with BIOS, in front of the first partition."""
    if "bios" not in image.device_type.firmware:
        return (), ()
    if found.sectors is None or layout.table is not PartitionTable.MSDOS:
        without = f"{' and '.join(deployed.SECTORS)} are not deployed"
        return (), (f"does not boot with BIOS by itself, with EFI only: {without}",)
    code = boot_sectors.boot_code(found.sectors[0], deployed.SECTORS[0])
    core = boot_sectors.core_image(found.sectors[1], deployed.SECTORS[1])
    gap = layout.volumes[0].start // SECTOR
    if 1 + boot_sectors.sectors(core) > gap:
        raise ValueRefused(
            f"{deployed.SECTORS[1]}: {boot_sectors.sectors(core)} sectors, and there are {gap - 1} before the boot"
            " partition",
            path=deployed.SECTORS[1],
        )
    return (Patch(offset=0, data=code), Patch(offset=SECTOR, data=core)), ()


def _notes(image: Image, found: Deployed) -> Iterable[str]:
    if found.ready_root is not None:
        count = len(overlay.root_files(image))
        yield f"{deployed.READY} is taken as it is: {count} files of the image's root are not put into it"
