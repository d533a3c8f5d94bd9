"""The kernel: symbols through meta-balena's BALENA_CONFIGS, and as a fragment for kernels that merge those.

BALENA_CONFIGS is put behind the kernel's own configuration and checked afterwards, for any kernel; it is split at
blanks. So a text with blanks goes into the fragment only, which kernels of the linux-yocto style merge.
"""

from __future__ import annotations

from collections.abc import Iterator

from hal.image.output import Line, OutputFile, text_file
from hal.image.overlay import kernel_config
from hal.image.yocto import raspberrypi
from hal.image.yocto.syntax import fixed, listed
from hal.image.yocto.target import FLAG, Target
from hal.model import JoinedPart, PartKind

FRAGMENT = "hal.cfg"
VARIABLE = "HAL_KERNEL_CONFIG"


def symbols(target: Target) -> tuple[JoinedPart, ...]:
    """Every kernel symbol."""
    return target.of(PartKind.KERNEL_SYMBOL)


def fragment_only(part: JoinedPart) -> bool:
    """Whether BALENA_CONFIGS cannot carry it."""
    return any(letter.isspace() for letter in part.text)


def files(target: Target) -> Iterator[OutputFile]:
    """The append of the kernel's recipe and the fragment, where the recipe is known."""
    recipe = target.image.device_type.kernel_recipe
    if recipe is None:
        return
    yield text_file(f"recipes-kernel/linux/{recipe}_%.bbappend", _append(target))
    if symbols(target):
        yield text_file(f"recipes-kernel/linux/hal/{FRAGMENT}", _fragment(target))


def _append(target: Target) -> Iterator[Line]:
    if symbols(target):
        yield from fixed(
            (
                f'{target.named("FILESEXTRAPATHS", "prepend")} := "${{THISDIR}}/hal:"',
                f'{target.named("SRC_URI", "append")} = " file://{FRAGMENT}"',
                f'{target.named("BALENA_CONFIGS", "append")} = " {FLAG}"',
            ),
            "the kernel's recipe takes the symbols of this layer",
        )
        yield from _words(target, f"BALENA_CONFIGS[{FLAG}]")
    if target.raspberry_pi and not target.release.rpi_cmdline:
        yield from raspberrypi.cmdline(target)


def _words(target: Target, name: str) -> Iterator[Line]:
    words = ((f"CONFIG_{part.name}={part.text}", part) for part in symbols(target) if not fragment_only(part))
    yield from listed(name, "=", words, why="kernel symbols in meta-balena's form")


def _fragment(target: Target) -> Iterator[Line]:
    for part in symbols(target):
        yield Line(text=kernel_config(part), parts=(part,))


def variable(target: Target) -> Iterator[Line]:
    """The symbols as a variable of the configuration, where the class below has to find the kernel."""
    if target.image.device_type.kernel_recipe is None:
        yield from _words(target, VARIABLE)


def class_lines(target: Target) -> Iterator[Line]:
    """In the class that every recipe inherits: the kernel is the one the machine prefers, whatever it is called.

    The kernel of the balena bootloader is another recipe, and keeps its own, small configuration.
    """
    if target.image.device_type.kernel_recipe is not None:
        return
    actions: list[str] = []
    if any(not fragment_only(part) for part in symbols(target)):
        actions += [
            f'        d.setVarFlag("BALENA_CONFIGS", "{FLAG}", d.getVar("{VARIABLE}", True))',
            f'        d.appendVar("BALENA_CONFIGS", " {FLAG}")',
            f'        d.appendVarFlag("do_kernel_resin_injectconfig", "vardeps", " {VARIABLE}")',
        ]
    if target.raspberry_pi and not target.release.rpi_cmdline:
        actions += [f"        {line}" for line in raspberrypi.CMDLINE]
    if actions:
        head = (
            "",
            "python () {",
            '    name = d.getVar("PN", True)',
            '    preferred = d.getVar("PREFERRED_PROVIDER_virtual/kernel", True) or name',
            '    if name == preferred and bb.data.inherits_class("kernel", d):',
        )
        why = "the name of the kernel's recipe is not known, so this is for the kernel that the machine prefers"
        yield from fixed((*head, *actions, "}"), why)
