"""Every service that obeys config.json, in the order in which they are brought up to date."""

from __future__ import annotations

from hal.settings.services.access import DEVELOPMENT, ROOT_CA, SSH
from hal.settings.services.network import CHRONY, CONNECTIVITY, DNSMASQ, WIFI
from hal.settings.services.service import Service
from hal.settings.services.system import FIRMWARE, HOSTNAME, JOURNALD, UDEV

SERVICES: tuple[Service, ...] = (
    SSH,
    ROOT_CA,
    WIFI,
    CONNECTIVITY,
    DNSMASQ,
    CHRONY,
    UDEV,
    FIRMWARE,
    JOURNALD,
)
"""What keeps the device reachable comes first."""

ENGINE: tuple[Service, ...] = (HOSTNAME, DEVELOPMENT)
"""What restarts the engine comes last, behind the board's own settings."""
