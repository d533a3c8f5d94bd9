"""The Yocto layer of a device type, in the syntax of one release, from the same joined answer as everything else."""

from __future__ import annotations

from hal.image.output import OutputFile
from hal.image.yocto import appends, conf, images, kernel, payload, raspberrypi, readme, runtime
from hal.image.yocto.installed import CORE_MODULE, read_installed
from hal.image.yocto.releases import RELEASES, Release, release
from hal.image.yocto.target import Target
from hal.model import Image

__all__ = ["RELEASES", "Release", "layer"]

WRITERS = (conf, kernel, images, appends, raspberrypi, payload, runtime, readme)


def layer(image: Image) -> tuple[OutputFile, ...]:
    """The files of `meta-hal-<slug>`, by name, for the release of the image's build.

    The image of a flasher makes a layer for both: the flasher, and what it installs. Raises `ValueRefused` for a build
    without a release, and for a part that bitbake's language cannot carry; `PluginFault` for a plugin that is not
    installed as a distribution.
    """
    target = Target(
        image=image,
        release=release(image.build, slug=image.device_type.slug),
        distributions=tuple(read_installed(module) for module in (CORE_MODULE, *image.plugins)),
    )
    return tuple(sorted((file for writer in WRITERS for file in writer.files(target)), key=lambda file: file.name))
