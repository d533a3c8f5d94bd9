"""Add-on: the USB modems that balenaOS names as supported, and the identities each of them shows."""

from __future__ import annotations

from hal import hookimpl
from hal.model import ImagePart, ModemModel
from hal_modems.models import MODEMS


@hookimpl
def hal_modems() -> tuple[ModemModel, ...]:
    """Every modem model of the table."""
    return MODEMS


@hookimpl
def hal_image() -> tuple[ImagePart, ...]:
    """Drivers for every model, the rules that name their ports, and the unit that switches them."""
    from hal_modems import image

    return image.parts()
