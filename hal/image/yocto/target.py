"""What a layer is made for: the image, the release, and the names that all files of the layer use."""

from __future__ import annotations

from attrs import frozen

from hal.image.row import layout
from hal.image.yocto.installed import Installed
from hal.image.yocto.releases import Release
from hal.image.yocto.syntax import named
from hal.model import Image, JoinedPart, Partitions, PartKind
from hal.record import Record

FLAG = "hal"
"""The word in BALENA_CONFIGS for the kernel symbols of this layer."""


@frozen(kw_only=True, repr=False, eq=False)
class Medium(Record):
    """An image recipe of meta-balena, and what goes into that image. `name` is also its folder of files."""

    name: str
    image: Image


@frozen(kw_only=True, repr=False, eq=False)
class Target(Record):
    """The image that is asked for, for one release. A flasher comes with the image that it installs."""

    image: Image
    release: Release
    distributions: tuple[Installed, ...]
    """What would run on the device: the core, the board's plugin, the add-ons."""

    @property
    def slug(self) -> str:
        """The device type's."""
        return self.image.device_type.slug

    @property
    def name(self) -> str:
        """The collection, the class and the machine include of this layer."""
        return f"hal-{self.slug}"

    @property
    def media(self) -> tuple[Medium, ...]:
        """The images of the OS build that this layer has a say in."""
        if self.image.installs is None:
            return (Medium(name="balena-image", image=self.image),)
        return (
            Medium(name="balena-image", image=self.image.installs),
            Medium(name="balena-image-flasher", image=self.image),
        )

    @property
    def layout(self) -> Partitions | None:
        """The partitions of the medium that the device runs from."""
        return layout(self.image.device_type, self.image.build)

    @property
    def raspberry_pi(self) -> bool:
        """Whether its firmware reads config.txt and cmdline.txt, and meta-raspberrypi is in the build."""
        row = self.image.device_type
        return row.repository == "balena-raspberrypi" or bool(self.of(PartKind.CONFIG_TXT))

    def of(self, *kinds: PartKind) -> tuple[JoinedPart, ...]:
        """The parts of these kinds of all media, for what is built once for them: kernel and configuration."""
        found = {(part.kind, part.name): part for medium in reversed(self.media) for part in medium.image.of(*kinds)}
        order = [(part.kind, part.name) for medium in self.media for part in medium.image.of(*kinds)]
        return tuple(found[key] for key in dict.fromkeys(order))

    def named(self, variable: str, *overrides: str) -> str:
        """A variable with overrides or an operator, in this release's syntax."""
        return named(self.release, variable, *overrides)

    def forced(self, variable: str) -> str:
        """A variable that wins over what a board's layer sets with an override of the machine."""
        return self.named(variable, "forcevariable")
