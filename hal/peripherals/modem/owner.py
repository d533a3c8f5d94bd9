"""Who else acts on a modem. Each stick has exactly one that switches it, and each port one that talks to it.

usb_modeswitch acts through its udev rules (40-usb_modeswitch.rules): on Huawei devices whose interface 0 is storage,
and on the ids it lists, at every `add` and `change`. It has no property by which a rule could keep it away, so it is
either masked or left to do the work. ModemManager takes every port that udev tags as a candidate.
"""

from __future__ import annotations

from hal.errors import HalError
from hal.model import ModemState
from hal.peripherals.modem.conf import is_on
from hal.peripherals.modem.match import Modem
from hal.root import Root

RULES = "40-usb_modeswitch.rules"
_FOLDERS = ("etc/udev/rules.d", "run/udev/rules.d", "usr/lib/udev/rules.d", "lib/udev/rules.d")
"""Where udev looks, the first that has a file of this name counts."""
_HUAWEI = 0x12D1


def switcher(root: Root, modem: Modem) -> str | None:
    """Who else reacts to this modem, in words; `None` where nobody does."""
    text = _rules(root)
    if text is None or is_on(root, "DisableSwitching"):
        return None
    device = modem.device
    listed = f'ATTR{{idVendor}}=="{device.vendor_id:04x}", ATTR{{idProduct}}=="{device.product_id:04x}"'
    generic = device.vendor_id == _HUAWEI and modem.state is ModemState.STORAGE and device.manufacturer != "Android"
    return "usb_modeswitch" if generic or listed in text else None


def _rules(root: Root) -> str | None:
    """The rules in force; `None` where there are none, or an empty file stands in their place."""
    for folder in _FOLDERS:
        name = f"{folder}/{RULES}"
        try:
            if root.is_file(name):
                text = root.read_text(name)
                return text if any(line.strip() and not line.startswith("#") for line in text.splitlines()) else None
        except HalError:
            return None
        if RULES in root.listdir(folder):  # a link to /dev/null
            return None
    return None


def port_owner(root: Root, tty: str) -> str | None:
    """Who has a serial port: ModemManager, where it runs and the port is a candidate that no tag keeps from it."""
    udev = properties(root, tty)
    if not udev or udev.get("ID_MM_CANDIDATE") != "1":
        return None
    if "1" in (udev.get("ID_MM_PORT_IGNORE"), udev.get("ID_MM_DEVICE_IGNORE")):
        return None
    return "ModemManager" if _runs(root, "ModemManager") else None


def properties(root: Root, tty: str) -> dict[str, str]:
    """What udev's database has on a serial port; empty where it has nothing."""
    number = root.read_value(f"sys/class/tty/{tty}/dev")
    text = root.read_value(f"run/udev/data/c{number}") if number else None
    pairs = (line[2:].partition("=") for line in (text or "").splitlines() if line.startswith("E:"))
    return {name: value for name, _, value in pairs}


def _runs(root: Root, program: str) -> bool:
    """Whether a process of this name runs; the kernel cuts names to 15 characters."""
    return any(root.read_value(name) == program[:15] for name in root.glob("proc/[0-9]*/comm"))
