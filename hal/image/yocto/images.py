"""The image recipes: files of the boot partition, sizes, packages, and what is laid over the root file system."""

from __future__ import annotations

from collections.abc import Iterator

from hal.image.output import Line, OutputFile, text_file
from hal.image.yocto import payload, runtime
from hal.image.yocto.syntax import fixed, listed, shell_quoted
from hal.image.yocto.target import Medium, Target
from hal.model import ABSENT, PRESENT, Filesystem, JoinedPart, PartKind

SIZES = {"boot": "BALENA_BOOT_SIZE", "root-a": "IMAGE_ROOTFS_SIZE", "state": "BALENA_STATE_SIZE"}
"""Variables of meta-balena in KiB. The second root file system is as large as the first."""

BOOT_TASK = "do_resin_boot_dirgen_and_deploy"
"""meta-balena's task that fills the boot partition."""

CHECK = """\
python hal_check_device_trees () {
    import os
    there = set()
    for folder in (d.getVar("BALENA_BOOT_WORKDIR", True), os.path.join(d.getVar("IMAGE_ROOTFS", True), "boot")):
        for _, _, names in os.walk(folder):
            there.update(names)
    for name in (d.getVar("HAL_DEVICE_TREES", True) or "").split():
        if os.path.basename(name) not in there:
            bb.warn("%s is not in this image; the machine's kernel has to build it" % name)
}
"""


def files(target: Target) -> Iterator[OutputFile]:
    """An append for every medium."""
    for medium in target.media:
        yield text_file(f"recipes-core/images/{medium.name}.bbappend", _append(target, medium))


def _append(target: Target, medium: Medium) -> Iterator[Line]:
    yield from listed(
        target.named("BALENA_BOOT_PARTITION_FILES", "append"),
        "=",
        payload.boot_files(medium),
        why="files of the boot partition; the last one for a place wins, and this layer's are last",
    )
    if payload.carried(target):
        why = "the files are there before the image takes them"
        yield from fixed((f'{task}[depends] += "{payload.RECIPE}:do_deploy"' for task in (BOOT_TASK, "do_rootfs")), why)
    if not medium.image.build.flasher:
        yield from _partitions(target, medium)
    yield from _packages(target, medium)
    yield from _root_files(target, medium)
    yield from runtime.image_lines(target)
    if target.of(PartKind.DEVICE_TREE, PartKind.OVERLAY):
        yield from fixed(
            ("", *CHECK.splitlines(), f'{BOOT_TASK}[postfuncs] += "hal_check_device_trees"'),
            "a device tree that the table names and the machine does not build is told",
        )


def _partitions(target: Target, medium: Medium) -> Iterator[Line]:
    numbers = medium.image.of(PartKind.PARTITION)
    if numbers and target.layout is not None:
        told = ", ".join(f"{part.name} {part.text}" for part in numbers)
        yield Line(text=f"# Partitions come out as: {told}", parts=numbers)
        yield Line(text=f'{target.forced("PARTITION_TABLE_TYPE")} = "{target.layout.table}"', parts=numbers)
        if target.layout.boot_filesystem is Filesystem.FAT32:
            yield Line(text='BALENA_BOOT_FAT32 = "1"', parts=numbers[:1])
    for part in medium.image.of(PartKind.PARTITION_SIZE):
        if part.name in SIZES:
            yield Line(text=f'{target.forced(SIZES[part.name])} = "{part.text}"', parts=(part,))
        else:
            yield Line(text=f"# {part.name} is as large as root-a", parts=(part,))


def _packages(target: Target, medium: Medium) -> Iterator[Line]:
    present, absent = (
        [(part.name, part) for part in medium.image.of(PartKind.PACKAGE) if part.value == value]
        for value in (PRESENT, ABSENT)
    )
    yield from listed(target.named("IMAGE_INSTALL", "append"), "=", present, why="packages of the image")
    yield from listed(target.named("IMAGE_INSTALL", "remove"), "=", absent, why="packages that must not be in it")
    dropped = absent + [(part.name, part) for part in firmware(medium, ABSENT)]
    yield from listed(
        target.named("BAD_RECOMMENDATIONS", "append"), "=", dropped, why="nor come with another that only recommends it"
    )


def firmware(medium: Medium, value: str) -> list[JoinedPart]:
    """Firmware packages with this value."""
    return [part for part in medium.image.of(PartKind.FIRMWARE_PACKAGE) if part.value == value]


def _root_files(target: Target, medium: Medium) -> Iterator[Line]:
    placed = list(payload.root_files(medium))
    services = medium.image.of(PartKind.SERVICE)
    if not placed and not services:
        return
    why = "lays the files of this layer over the root file system, as its last step"
    yield from fixed(("", "hal_root_files() {"), why)
    for each in placed:
        source = each.file.name.removeprefix(f"{payload.FOLDER}/{payload.RECIPE}/")
        words = shell_quoted(f"{payload.DEPLOYED}/{source}", what=source)
        parts = each.file.parts or tuple(part for line in each.file.lines for part in line.parts)
        text = f'    install -D -m {each.file.mode:04o} "${{DEPLOY_DIR_IMAGE}}"/{words} {_destination(each.to)}'
        yield Line(text=text, parts=parts)
    for part in services:
        unit = shell_quoted(part.name, what="service")
        if part.value == "enabled":
            text = f'    systemctl --root="${{IMAGE_ROOTFS}}" enable {unit}'
        else:
            text = f'    find "${{IMAGE_ROOTFS}}${{sysconfdir}}/systemd/system" -type l -name {unit} -delete'
        yield Line(text=text, parts=(part,))
    yield from fixed(("}", 'ROOTFS_POSTPROCESS_COMMAND += "; hal_root_files; "'), why)
    if services:
        yield Line(
            text='do_rootfs[depends] += "systemd-systemctl-native:do_populate_sysroot"',
            why="systemctl enables the units",
        )


def _destination(to: str) -> str:
    """The place in the image as words of a shell: a folder of bitbake's variables as it is, any other quoted."""
    variable, brace, rest = to.partition("}") if to.startswith("${") else ("", "", to)
    return f'"${{IMAGE_ROOTFS}}{variable}{brace}"{shell_quoted(rest, what=to)}'
