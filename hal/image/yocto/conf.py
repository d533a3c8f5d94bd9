"""The configuration of the layer: layer.conf, the include for the machine, and the class that comes with it."""

from __future__ import annotations

from collections.abc import Iterator

from hal.image.output import Line, OutputFile, text_file
from hal.image.yocto import kernel, runtime
from hal.image.yocto.syntax import fixed, listed, quoted
from hal.image.yocto.target import Target
from hal.model import Build, PartKind

PRIORITY = 1338
"""One above every layer of balenaOS: what this layer says is applied last."""
CHOSEN = "HAL_DEVICE_TYPE"
"""Set by the include. A device repository builds for many machines, and device types share some; this is for one."""
FOUND = "${LAYERDIR}/recipes-*/*/*.bb ${LAYERDIR}/recipes-*/*/*.bbappend"


def files(target: Target) -> Iterator[OutputFile]:
    """The three files."""
    yield text_file("conf/layer.conf", _layer(target))
    yield text_file(f"conf/machine/include/{target.name}.inc", _include(target))
    yield text_file(f"classes/{target.name}.bbclass", _class(target))


def _layer(target: Target) -> Iterator[Line]:
    name, release = target.name, target.release
    yield from fixed(('BBPATH .= ":${LAYERDIR}"', ""), "bitbake finds the include and the class of this layer")
    yield from fixed(
        (
            f"""BBFILES += "${{@'{FOUND}' if d.getVar('{CHOSEN}', True) == '{target.slug}' else ''}}\"""",
            f'BBFILE_COLLECTIONS += "{name}"',
            f'BBFILE_PATTERN_{name} = "^${{LAYERDIR_RE}}/"',
            f'BBFILE_PATTERN_IGNORE_EMPTY_{name} = "1"',
        ),
        "bitbake finds the recipes of this layer where the include is required, and for no other machine",
    )
    yield Line(text=f'BBFILE_PRIORITY_{name} = "{PRIORITY}"', why="one above every layer of balenaOS")
    needed = ["core"]
    needed += [] if release.old_syntax else ["balena-common"]
    needed += ["meta-python"] if runtime.carried(target) else []
    needed += ["raspberrypi"] if target.raspberry_pi else []
    why = "layers whose recipes this one appends, or needs; with old releases balena-common may have another name"
    yield Line(text=f'LAYERDEPENDS_{name} = "{" ".join(needed)}"', why=why)
    yield Line(text=f'LAYERSERIES_COMPAT_{name} = "{release.name}"', why="the release this layer is written for")
    if not release.own_unpackdir:
        yield from fixed(
            ("", 'UNPACKDIR ??= "${WORKDIR}"'),
            f"recipes of meta-balena 7.5.0 and of this layer use UNPACKDIR, which {release.name} does not know",
        )


def _include(target: Target) -> Iterator[Line]:
    row, build = target.image.device_type, target.image.build
    yield from fixed(
        (
            f"# {row.slug}: {row.name}. Required by the machine's configuration, or by local.conf.",
            f'{CHOSEN} = "{row.slug}"',
            f'INHERIT += "{target.name}"',
        ),
        "the class holds what a configuration file cannot: functions",
    )
    packages = " ".join(build.network_manager_packages)
    yield Line(
        text=f"NETWORK_MANAGER_PACKAGES = {quoted(packages, what='NETWORK_MANAGER_PACKAGES')}",
        parts=tuple(part for part in target.of(PartKind.PACKAGE) if part.name in build.network_manager_packages),
        why="NETWORK_MANAGER_PACKAGES of the build",
    )
    consoles = target.of(PartKind.CONSOLE)
    spoken = [(f"{part.text};{part.name}", part) for part in consoles if part.value]
    yield from listed(target.forced("SERIAL_CONSOLES"), "=", spoken, why="consoles with a login")
    yield from listed(
        target.forced("OS_KERNEL_CMDLINE"),
        "=",
        ((part.name, part) for part in target.media[0].image.of(PartKind.KERNEL_ARGUMENT)),
        why="what the bootloaders give the kernel that the device runs, in place of meta-balena's default",
    )
    yield from kernel.variable(target)
    yield from listed(
        "HAL_DEVICE_TREES",
        "=",
        (
            (f"{part.name}.{'dtb' if part.kind is PartKind.DEVICE_TREE else 'dtbo'}", part)
            for part in target.of(PartKind.DEVICE_TREE, PartKind.OVERLAY)
        ),
        why="the machine's kernel builds them; the image is checked for them",
    )


SIGNED = (
    '    if not d.getVar("SIGN_API", True):',
    '        bb.fatal("this layer was made for secure boot, and without SIGN_API nothing is signed")',
)


def _flags(build: Build) -> tuple[tuple[str, str, str], ...]:
    """Flags of bitbake's that the layer was made for: name, value, and what an unset one stands for."""
    development = str(int(build.os_development))
    return (("OS_DEVELOPMENT", development, "0"), ("BALENA_STORAGE", str(build.balena_storage), "overlay2"))


def _class(target: Target) -> Iterator[Line]:
    build = target.image.build
    yield from fixed(
        (
            "python hal_check_build () {",
            f"    for name, made, default in {_flags(build)!r}:",
            "        told = d.getVar(name, True) or default",
            "        if told != made:",
            f'            bb.fatal("{target.name} was made for %s=%s, and this build has %s" % (name, made, told))',
            *(SIGNED if build.secure_boot else ()),
            "}",
            "addhandler hal_check_build",
            'hal_check_build[eventmask] = "bb.event.ConfigParsed"',
        ),
        "boot files, kernel symbols and arguments were made for one value of each flag, so another is an error",
    )
    yield from kernel.class_lines(target)
