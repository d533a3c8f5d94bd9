"""Plain data for `--json`: the capability document, and any attrs value as dictionaries and lists.

The capability document has a JSON Schema, `hal/schema/capabilities.json`. Its `schema` number rises when a reader of
the old form would misread the new one; keys may be added without that.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import TYPE_CHECKING, Any

import attrs

from hal.ask import ask
from hal.device import Device
from hal.errors import HalError, blame
from hal.protocols import BootConfig, Fan, Power, Rtc, Splash

if TYPE_CHECKING:
    from hal.model import ModemModel

SCHEMA = 1


def plain(value: object) -> Any:
    """attrs classes become dictionaries, enums their values, tuples lists; unset facts stay, as `null` or `[]`."""
    if isinstance(value, Enum):
        return value.value
    if attrs.has(type(value)):
        return {name: plain(item) for name, item in fields(value)}
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if hasattr(value, "isoformat"):  # a datetime; asked so, since few programs have loaded that module
        return value.isoformat()
    return value


def fields(value: Any) -> tuple[tuple[str, object], ...]:
    """Name and value of every field of an attrs object."""
    return tuple(attrs.asdict(value, recurse=False).items())


def error(fault: HalError) -> dict[str, Any]:
    """An error as every command prints it with `--json`; keys that do not apply are left out."""
    found: dict[str, Any] = {"code": fault.code, "message": fault.message, "path": fault.path}
    for name in ("allowed", "slugs", "line", "column", "candidates", "command", "kind", "number", "told"):
        extra = getattr(fault, name, None)
        if extra or extra == 0:
            found[name] = plain(extra)
    return found


def capabilities(device: Device) -> dict[str, Any]:
    """What this board can do, computed from the objects its plugins returned. Starts no program."""
    identity = device.identity
    row = identity.device_type
    document: dict[str, Any] = {
        "schema": SCHEMA,
        "device_type": {
            "slug": row.slug,
            "name": row.name,
            "arch": plain(row.arch),
            "machine": row.machine,
            "bootloader": plain(row.bootloader),
            "plugin": identity.plugin,
        },
        "board": {
            "name": identity.board.name if identity.board else None,
            "compatible": list(identity.compatible),
            "model": identity.model,
        },
        "capabilities": {
            "bootloader": _one(device, "bootloader", lambda _: {}),
            "fan": _one(device, "fan", _fan),
            "power": _one(device, "power", _power),
            "splash": _one(device, "splash", _splash),
            "boot_config": [_boot_config(item) for item in device.boot_config],
            "clocks": [_clock(clock) for clock in device.clocks],
            "modems": [_modem(model) for model in device.modems],
            "modem_power": [{"place": line.place, "name": line.name} for line in device.modem_power],
            "wifi_firmware": plain(device.wifi_firmware),
            "health_checks": [{"name": check.name, "purpose": check.purpose} for check in device.health_checks],
            "update_steps": [
                {"name": step.name, "phase": plain(step.phase), "purpose": step.purpose} for step in device.update_steps
            ],
        },
        "plugins": list(device.plugins),
        "warnings": list(identity.warnings),
    }
    document["problems"] = plain(device.problems)
    return document


def _one(device: Device, noun: str, describe: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
    """A capability that is there or not; one whose files are damaged is there, with the error."""
    capability = getattr(device, noun)
    if capability is None:
        return {"supported": False, "reason": device.absent[noun]}
    found: dict[str, Any] = {"supported": True, "reads": list(capability.reads), "writes": list(capability.writes)}
    try:
        found.update(describe(capability))
    except HalError as fault:
        found["error"] = error(fault)
    return found


def _boot_config(store: BootConfig) -> dict[str, Any]:
    """A store of boot configuration: its settings, or why there are none."""
    found: dict[str, Any] = {"name": store.name, "reads": [], "writes": [], "absence": None, "settings": []}
    try:
        with blame(store):
            found.update(reads=list(store.reads), writes=list(store.writes))
        found["absence"] = ask(store, "absence")
        found["settings"] = plain(ask(store, "items"))
    except HalError as fault:
        found["error"] = error(fault)
    return found


def _clock(clock: Rtc) -> dict[str, Any]:
    """A clock, there or not, and its health. Its time is left out: a document does not change by the second."""
    from hal.model import RtcState

    found: dict[str, Any] = {}
    try:
        with blame(clock):
            found["name"] = str(clock.name)
        state: RtcState = ask(clock, "state")
    except HalError as fault:
        unknown: dict[str, Any] = dict(fields(RtcState(name=found.get("name", type(clock).__name__))))
        found = {**unknown, "error": error(fault)}
    else:
        found = dict(fields(state))
    for name in ("time", "fault"):
        del found[name]
    return {name: plain(value) for name, value in found.items()}


def _modem(model: ModemModel) -> dict[str, Any]:
    """A model, without the bytes of its switch and the rules of its ports: those are for whoever switches it."""
    shown = ("name", "maker", "form_factor", "prefers", "mtu_bytes", "quirks", "ambiguous_with", "sources")
    return {
        **{name: plain(getattr(model, name)) for name in shown},
        "identities": [
            {name: plain(getattr(identity, name)) for name in ("vendor_id", "product_id", "state", "note")}
            for identity in model.identities
        ],
        "modes": [plain(choice.mode) for choice in model.modes],
    }


def _fan(fan: Fan) -> dict[str, Any]:
    return {"profiles": plain(ask(fan, "profiles")), "configured": ask(fan, "state", live=False).configured}


def _power(power: Power) -> dict[str, Any]:
    return {"modes": plain(ask(power, "modes")), "configured": ask(power, "state", live=False).configured.name}


def _splash(splash: Splash) -> dict[str, Any]:
    """Headers only: an image is decoded by whoever asks for its state."""
    state = ask(splash, "state", decode=False)
    return {name: plain(getattr(state, name)) for name in ("image", "default", "custom", "legacy", "firmware")}
