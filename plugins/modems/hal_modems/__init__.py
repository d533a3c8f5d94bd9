"""Add-on: the USB modems that balenaOS names as supported, and the identities each of them shows."""

from __future__ import annotations

from hal import hookimpl
from hal.model import ModemModel
from hal_modems.models import MODEMS


@hookimpl
def hal_modems() -> tuple[ModemModel, ...]:
    """Every modem model of the table."""
    return MODEMS
