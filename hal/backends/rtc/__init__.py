"""Real-time clocks: the kernel's, and bare I²C chips that no driver is bound to.

`clocks` is the answer of every family to `hal_rtc`: one object for each clock of the device type's row, best first.
`further` are the clocks that the kernel has and no row names. Neither is told apart by `/dev/rtc`, which is a link to
whichever clock came first.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from hal.errors import HalError
from hal.root import Root

if TYPE_CHECKING:
    from hal.backends.rtc.clock import BoardClock
    from hal.model import DeviceType
    from hal.protocols import Rtc


def clocks(device_type: DeviceType, root: Root) -> tuple[BoardClock, ...]:
    """The clocks of a row: what a battery keeps first, then where that is not known, then what nothing keeps."""
    from hal.backends.rtc.clock import BoardClock

    ranked = sorted(device_type.clocks, key=lambda fact: (True, None, False).index(fact.battery))
    return tuple(BoardClock(root, fact) for fact in ranked)


def further(root: Root, named: Iterable[Rtc]) -> tuple[BoardClock, ...]:
    """What else the kernel has, by number: every clock that none of the `named` is reached by."""
    from hal.ask import ask
    from hal.backends.rtc.clock import BoardClock
    from hal.backends.rtc.kernel import node_name, numbers

    taken = set()
    for each in named:
        try:
            taken.add(ask(each, "node"))
        except HalError:  # a plugin's defect; whoever asks that clock is told
            continue
    return tuple(BoardClock(root, None, number) for number in numbers(root) if node_name(number) not in taken)


def preferred(found: Iterable[Rtc], *, to_set: bool = False) -> Rtc | None:
    """The clock to ask: the first that can be used and has nothing the matter, else the first that can be used.

    To set, the first that can be used: what is the matter with its time is mended so.
    """
    from hal.ask import ask

    usable = [each for each in found if ask(each, "absence") is None]
    sound = (each for each in usable if not to_set and not ask(each, "state").problems)
    return next(sound, usable[0] if usable else None)
