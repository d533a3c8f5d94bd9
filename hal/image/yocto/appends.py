"""Appends of meta-balena's other recipes: connectivity, the flasher, updates, GRUB, and the initramfs."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hal.image.boot_files.balena import STEP
from hal.image.output import Line, OutputFile, part_file, text_file
from hal.image.yocto import payload
from hal.image.yocto.images import firmware
from hal.image.yocto.syntax import fixed, listed, path
from hal.image.yocto.target import Medium, Target
from hal.model import ABSENT, PRESENT, JoinedPart, PartKind

HOOK = "1-bootfiles"
STEP_FILE = "hal-abroot"
SED = re.compile(r"[/&\\]")
"""What means something to the sed with which meta-balena fills in its GRUB configurations."""


def files(target: Target) -> Iterator[OutputFile]:
    """Those that have something to say."""
    for name, lines in (
        ("recipes-core/packagegroups/packagegroup-balena-connectivity", _connectivity(target)),
        ("recipes-support/resin-init/resin-init-flasher", _flasher(target)),
        ("recipes-support/hostapp-update-hooks/hostapp-update-hooks", _hooks(target)),
    ):
        written = tuple(lines)
        if written:
            yield text_file(f"{name}.bbappend", written)
    yield from _grub(target)
    yield from _initramfs(target)


def _connectivity(target: Target) -> Iterator[Line]:
    """Firmware. A package that carries a wanted file is wanted, unless somebody says that it must not be there."""
    medium = target.media[0]
    wanted = {part.name: part for part in firmware(medium, PRESENT)}
    unwanted = {part.name: part for part in firmware(medium, ABSENT)}
    for part in medium.image.of(PartKind.FIRMWARE_FILE):
        if part.text not in unwanted:
            wanted.setdefault(part.text, part)
    for operator, found in (("append", wanted), ("remove", unwanted)):
        name = target.named("CONNECTIVITY_FIRMWARES", operator)
        yield from listed(name, "=", found.items(), why="firmware packages of the image")


def _flasher(target: Target) -> Iterator[Line]:
    targets = target.of(PartKind.INSTALL_TARGET)
    yield from listed(
        target.forced("INTERNAL_DEVICE_KERNEL"),
        "=",
        ((part.name, part) for part in targets),
        why="the flasher installs to the first of these that is there",
    )


def states(target: Target) -> Iterator[tuple[str, JoinedPart]]:
    """Files of the boot partition that hold state, with their places in it."""
    medium = target.media[0]
    named = [*payload.rendered(medium, "boot")]
    named += [(part, part.name) for part in medium.image.of(PartKind.BOOT_FILE, PartKind.SPLASH)]
    for part, name in named:
        if part.fresh_only:
            yield f"/{path(name, what=part.kind)}", part


def _hooks(target: Target) -> Iterator[Line]:
    """An update copies every file of the image's boot partition over the device's, but for those in its list.

    meta-balena's list has the wrong name for `grub_extraenv` (two slashes), and lacks the other state files.
    """
    found = list(states(target))
    if not found:
        return
    yield from listed(
        target.named("BALENA_BOOTFILES_BLACKLIST", "append"),
        "=",
        found,
        why="files that hold state: an update leaves those of the device alone",
    )
    hook = f"${{D}}${{sysconfdir}}/hostapp-update-hooks.d/{HOOK}"
    why = "an update that overwrites state is worse than a build that stops"
    yield from fixed(("", f"{target.named('do_install', 'append')}() {{"), why)
    for name, part in found:
        pattern = re.sub(r"[.+]", r"\\\g<0>", name)
        test = f"""    grep -qE '^bootfiles_blacklist="(.*[[:space:]])?{pattern}[[:space:]]' "{hook}\""""
        yield Line(text=f'{test} || bbfatal "{HOOK} would overwrite {name}"', parts=(part,))
    yield Line(text="}", why=why)


def _grub(target: Target) -> Iterator[OutputFile]:
    """meta-balena's recipe makes, signs and deploys the configurations; this one gives it their text."""
    configs: dict[str, JoinedPart] = {}
    for medium in target.media:
        configs.update(_configs(medium))
    if not configs:
        return
    folder = "recipes-bsp/grub"
    yield text_file(f"{folder}/grub-conf.bbappend", _grub_append(target, configs))
    for name, part in configs.items():
        yield part_file(f"{folder}/hal/hal-{name}", part)


def _configs(medium: Medium) -> Iterator[tuple[str, JoinedPart]]:
    for part, name in payload.rendered(medium, "boot"):
        names = payload.grub_names(medium, name)
        if names is not None:
            yield names[0], part


def _grub_append(target: Target, configs: dict[str, JoinedPart]) -> Iterator[Line]:
    why = "the GRUB configurations of this layer in place of meta-balena's, before they are signed and deployed"
    yield Line(text=f'{target.named("FILESEXTRAPATHS", "prepend")} := "${{THISDIR}}/hal:"', why=why)
    yield from listed(
        target.named("SRC_URI", "append"),
        "=",
        ((f"file://hal-{name}", part) for name, part in configs.items()),
        why=why,
    )
    arguments = target.media[0].image.of(PartKind.KERNEL_ARGUMENT)
    if any(SED.search(part.name) for part in arguments):
        escaped = ((SED.sub(r"\\\g<0>", part.name), part) for part in arguments)
        yield from listed(
            target.forced("OS_KERNEL_CMDLINE"),
            "=",
            escaped,
            why="meta-balena puts the arguments through sed in this recipe, and a slash would end its expression",
        )
    yield from fixed(("", f"{target.named('do_compile', 'append')}() {{"), why)
    for name, part in configs.items():
        yield Line(text=f'    cp "${{UNPACKDIR}}/hal-{name}" "${{B}}/{name}"', parts=(part,))
    yield Line(text="}", why=why)


def _initramfs(target: Target) -> Iterator[OutputFile]:
    """The step that chooses the slot replaces meta-balena's, at the same place in the order."""
    for part, name in payload.rendered(target.media[0], "initramfs"):
        if name == STEP:
            folder = "recipes-core/initrdscripts"
            why = "this project's step in place of meta-balena's"
            lines = fixed(
                (
                    f'{target.named("FILESEXTRAPATHS", "prepend")} := "${{THISDIR}}/hal:"',
                    f'{target.named("SRC_URI", "append")} = " file://{STEP_FILE}"',
                    "",
                    f"{target.named('do_install', 'append')}() {{",
                    f'    install -m 0755 "${{UNPACKDIR}}/{STEP_FILE}" "${{D}}/{STEP}"',
                    "}",
                ),
                why,
            )
            yield text_file(f"{folder}/initramfs-module-abroot_%.bbappend", lines)
            yield part_file(f"{folder}/hal/{STEP_FILE}", part, mode=0o755)
