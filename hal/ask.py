"""Asking a capability: a plugin's methods are called here, and what they answer is compared with what they declare.

A plugin may have a defect in any method. Whoever asks through `ask` gets the declared type or a `HalError`: the
plugin's own, or a `PluginFault` that names it.
"""

from __future__ import annotations

from typing import Any

from hal.errors import PluginFault, blame
from hal.model import Change, FanProfile, FanState, PowerMode, PowerState, SetResult

_ONE: dict[str, tuple[type, ...]] = {
    "state": (FanState, PowerState),
    "preview": (Change, type(None)),
    "set": (SetResult,),
}
_MANY: dict[str, type] = {"profiles": FanProfile, "modes": PowerMode}


def ask(capability: object, method: str, *arguments: Any, **named: Any) -> Any:
    """Call a method of a fan or power capability, and return its answer as declared in `hal.protocols`."""
    with blame(capability):
        answer = getattr(capability, method)(*arguments, **named)
        if method in _ONE:
            sound = isinstance(answer, _ONE[method])
        else:
            sound = isinstance(answer, tuple) and all(isinstance(item, _MANY[method]) for item in answer)
    if not sound:
        plugin = type(capability).__module__.partition(".")[0]
        declared = " or ".join(kind.__name__ for kind in _ONE.get(method, ())) or f"a tuple of {_MANY[method].__name__}"
        raise PluginFault(
            f"{plugin}: {method}() answered {type(answer).__name__} instead of {declared}; a defect of this plugin, "
            "report it to its author",
            path=plugin,
        )
    return answer
