"""What a boot splash is: the image in use, the default that is kept, and what the firmware draws before."""

from __future__ import annotations

from attrs import frozen

from hal.record import Record


@frozen(kw_only=True, repr=False, eq=False)
class SplashImage(Record):
    """A PNG file of the boot splash, as far as it can be read.

    `file` is its name below the root. `whole` is whether every pixel was decoded, `None` where that was not tried.
    `problem` says what is wrong with it, and is empty where nothing is known to be.
    """

    file: str
    size_bytes: int | None = None
    width_pixels: int | None = None
    height_pixels: int | None = None
    sha256: str | None = None
    whole: bool | None = None
    problem: str = ""


@frozen(kw_only=True, repr=False, eq=False)
class FirmwareSplash(Record):
    """What the firmware draws before the OS does; nothing here changes it.

    `shown` is whether it is drawn, `None` where nothing tells. `file` is where the OS sees the picture or the switch.
    """

    name: str
    shown: bool | None = None
    file: str | None = None
    size_bytes: int | None = None
    width_pixels: int | None = None
    height_pixels: int | None = None
    note: str = ""


@frozen(kw_only=True, repr=False, eq=False)
class SplashState(Record):
    """The boot splash as it is, damaged or not.

    `image` is the one that is drawn, `None` where there is no file. `default` is the copy that a reset goes back to,
    `None` where none is kept yet. `custom` is whether the two differ, `None` where that cannot be told. `legacy` is
    whether the image has the name that older releases of the OS use. `requested` is whether the running kernel was
    started with `splash`, without which none is drawn; `None` where that cannot be read.
    """

    image: SplashImage | None
    default: SplashImage | None = None
    custom: bool | None = None
    legacy: bool = False
    requested: bool | None = None
    firmware: tuple[FirmwareSplash, ...] = ()
    notes: tuple[str, ...] = ()
