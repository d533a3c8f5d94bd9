"""Asking a capability: a plugin's methods are called here, and what they answer is compared with what they declare.

A plugin may have a defect in any method. Whoever asks through `ask` gets the declared type or a `HalError`: the
plugin's own, or a `PluginFault` that names it.
"""

from __future__ import annotations

from typing import Any

from hal.errors import PluginFault, blame
from hal.model import (
    BootConfigResult,
    BootSetting,
    BootSettingChange,
    BootStatus,
    BootWrite,
    Change,
    FanProfile,
    FanState,
    KeptLine,
    PowerMode,
    PowerState,
    SetResult,
)
from hal.protocols import BootConfig, Bootloader, Rtc, Splash

_ONE: dict[str, tuple[type, ...]] = {
    "state": (FanState, PowerState),
    "preview": (Change, type(None)),
    "set": (SetResult,),
    "absence": (str, type(None)),
}
_MANY: dict[str, type] = {"profiles": FanProfile, "modes": PowerMode}

_BOOT_ONE: dict[str, tuple[type, ...]] = {
    "status": (BootStatus,),
    **dict.fromkeys(("switch", "commit", "clear_boot_count", "roll_back"), (SetResult,)),
}
_BOOT_MANY: dict[str, type] = {"preview": BootWrite}

_CONFIG_ONE: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(("absence", "key_for"), (str, type(None))),
    "set": (BootConfigResult,),
}
_CONFIG_MANY: dict[str, type] = {"items": BootSetting, "kept": KeptLine, "preview": BootSettingChange}


def _splash_one() -> dict[str, tuple[type, ...]]:
    from hal.model import SplashState

    return {
        "state": (SplashState,),
        "read": (bytes,),
        "preview": (Change, type(None)),
        **dict.fromkeys(("set", "reset"), (SetResult,)),
    }


def _rtc_one() -> dict[str, tuple[type, ...]]:
    from datetime import datetime

    from hal.model import RtcState

    return {
        **dict.fromkeys(("node", "absence"), (str, type(None))),
        "state": (RtcState,),
        "read": (datetime,),
        "preview": (Change, type(None)),
        "set": (SetResult,),
    }


def _declared(capability: object) -> tuple[dict[str, tuple[type, ...]], dict[str, type]]:
    """What the methods of a capability answer: one object, or a tuple of many."""
    if isinstance(capability, Bootloader):
        return _BOOT_ONE, _BOOT_MANY
    if isinstance(capability, BootConfig):
        return _CONFIG_ONE, _CONFIG_MANY
    if isinstance(capability, Splash):
        return _splash_one(), {}
    if isinstance(capability, Rtc):
        return _rtc_one(), {}
    return _ONE, _MANY


def ask(capability: object, method: str, *arguments: Any, **named: Any) -> Any:
    """Call a method of a capability, and return its answer as declared in `hal.protocols`."""
    one, many = _declared(capability)
    with blame(capability):
        answer = getattr(capability, method)(*arguments, **named)
        if method in one:
            sound = isinstance(answer, one[method])
        else:
            sound = isinstance(answer, tuple) and all(isinstance(item, many[method]) for item in answer)
    if not sound:
        plugin = type(capability).__module__.partition(".")[0]
        declared = " or ".join(kind.__name__ for kind in one.get(method, ())) or f"a tuple of {many[method].__name__}"
        raise PluginFault(
            f"{plugin}: {method}() answered {type(answer).__name__} instead of {declared}; a defect of this plugin, "
            "report it to its author",
            path=plugin,
        )
    return answer
