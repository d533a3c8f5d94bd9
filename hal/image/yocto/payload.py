"""The files that the layer carries: a recipe deploys them, and the image recipes take them from there.

Files of the root file system are laid over it as its last step, and not packaged. The layers below may have packages
with files of the same names, whose content the table tells as well: two packages with one file end a build.
"""

from __future__ import annotations

from collections.abc import Iterator

from attrs import evolve, frozen

from hal.errors import ValueRefused
from hal.image import overlay
from hal.image.boot_files.balena import STEP
from hal.image.output import Line, OutputFile, part_file, text_file
from hal.image.yocto.syntax import fixed, path
from hal.image.yocto.target import Medium, Target
from hal.model import JoinedPart, PartKind

FOLDER = "recipes-hal/hal-board"
RECIPE = "hal-board"
DEPLOYED = "hal"
"""The folder below DEPLOY_DIR_IMAGE; one of each medium is in it."""

FOLDERS = {"usr/lib/udev/": "${nonarch_base_libdir}/udev/", "usr/lib/systemd/": "${systemd_unitdir}/"}
"""Folders in bitbake's words, which know whether `/lib` is a link to `/usr/lib` or what udev and systemd read."""

GRUB_CONFIG = "grub.cfg"
LICENSE = "file://${COMMON_LICENSE_DIR}/Apache-2.0;md5=89aea4e17d99a7cacdbeed46a0096b10"
"""The text is in every release's openembedded-core."""


@frozen
class Placed:
    """A file for the root file system: what it is, and where it goes as bitbake writes it, with a leading slash."""

    file: OutputFile
    to: str


def boot_files(medium: Medium) -> Iterator[tuple[str, JoinedPart]]:
    """`source:destination` of every file of the boot partition, the source below DEPLOY_DIR_IMAGE."""
    for part in medium.image.of(PartKind.BOOT_FILE):
        path(part.text, what=f"source of boot-file {part.name}")
        yield f"{part.text}:/{path(part.name, what='boot-file')}", part
    for part in medium.image.of(PartKind.SPLASH):
        yield f"{DEPLOYED}/{medium.name}/boot/{part.name}:/{path(part.name, what='splash')}", part
    for part, name in rendered(medium, "boot"):
        source, to = grub_names(medium, name) or (f"{DEPLOYED}/{medium.name}/boot/{name}", name)
        yield f"{source}:/{path(to, what='rendered-file')}", part


def rendered(medium: Medium, where: str) -> Iterator[tuple[JoinedPart, str]]:
    """Rendered files of one place, with their names there."""
    for part in medium.image.of(PartKind.RENDERED_FILE):
        if part.name.startswith(f"{where}/"):
            yield part, part.name.removeprefix(f"{where}/")


def grub_names(medium: Medium, name: str) -> tuple[str, str] | None:
    """What meta-balena deploys this GRUB configuration as, and where it goes; `None` for any other file.

    Its recipe makes three of them: for the flasher, for the medium the device runs from, and for an encrypted one,
    which is signed, and put in place by the flasher and by updates.
    """
    folder, _, file = name.rpartition("/")
    if file != GRUB_CONFIG:
        return None
    build = medium.image.build
    if build.flasher:
        return "grub.cfg_external", name
    if build.secure_boot:
        return "grub.cfg_internal_luks", f"{folder}/grub-luks.cfg"
    return "grub.cfg_internal", name


def root_files(medium: Medium) -> Iterator[Placed]:
    """Every file that is laid over the root file system."""
    for file in overlay.root_files(medium.image):
        place = next((each for each in FOLDERS if file.name.startswith(each)), "")
        to = f"{FOLDERS.get(place, '/')}{file.name.removeprefix(place)}"
        yield Placed(evolve(file, name=f"{FOLDER}/{RECIPE}/{medium.name}/root/{file.name}"), to)


def carried(target: Target) -> bool:
    """Whether there is a file at all."""
    return any(True for _ in _carried(target))


def _carried(target: Target) -> Iterator[OutputFile]:
    for medium in target.media:
        for part, name in rendered(medium, "boot"):
            if grub_names(medium, name) is None:
                yield part_file(f"{FOLDER}/{RECIPE}/{medium.name}/boot/{name}", part)
        for part in medium.image.of(PartKind.SPLASH):
            yield part_file(f"{FOLDER}/{RECIPE}/{medium.name}/boot/{part.name}", part)
        yield from (placed.file for placed in root_files(medium))


def files(target: Target) -> Iterator[OutputFile]:
    """The recipe with its files."""
    _check_initramfs(target)
    if carried(target):
        yield text_file(f"{FOLDER}/{RECIPE}.bb", _recipe(target))
        yield from _carried(target)


def _recipe(target: Target) -> Iterator[Line]:
    folders = [medium.name for medium in target.media if any(f"/{medium.name}/" in f.name for f in _carried(target))]
    yield from fixed(
        (
            f'SUMMARY = "Files of {target.slug} for its boot partition and root file system"',
            'LICENSE = "Apache-2.0"',
            f'LIC_FILES_CHKSUM = "{LICENSE}"',
            "",
            f'SRC_URI = "{" ".join(f"file://{folder}" for folder in folders)}"',
            'S = "${UNPACKDIR}"',
            'PACKAGE_ARCH = "${MACHINE_ARCH}"',
            'INHIBIT_DEFAULT_DEPS = "1"',
            "",
            "inherit deploy nopackages",
            "",
            'do_configure[noexec] = "1"',
            'do_compile[noexec] = "1"',
            'do_install[noexec] = "1"',
            "",
            "do_deploy() {",
            f'    install -d "${{DEPLOYDIR}}/{DEPLOYED}"',
            *(f'    cp -R "${{UNPACKDIR}}/{folder}" "${{DEPLOYDIR}}/{DEPLOYED}/"' for folder in folders),
            "}",
            "addtask deploy after do_install before do_build",
        ),
        "deploys the files, so that the image recipes find them",
    )


def _check_initramfs(target: Target) -> None:
    for medium in target.media:
        for _, name in rendered(medium, "initramfs"):
            if name != STEP:
                raise ValueRefused(
                    f"initramfs/{name}: meta-balena has no recipe that this layer could put it into",
                    path=name,
                    allowed=(STEP,),
                )
