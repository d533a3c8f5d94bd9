"""What the objects returned by capability hooks must do. No code: only shapes, in words.

Each is a `typing.Protocol`: a plugin's class needs no base class. `reads` and `writes` name files below the root. They
tell users what a capability touches, tell `hal record` what to capture, and tell the conformance suite what to damage:
a file in `reads` that is damaged makes a setter raise `HalError` before anything is written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from hal.model import (
    BootConfigResult,
    BootOperation,
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
    Slot,
)

if TYPE_CHECKING:  # loaded by whoever asks for a splash or a clock
    from datetime import datetime

    from hal.model import RtcState, SplashState


class Touching(Protocol):
    """What every capability tells about the files it touches, below the root, without a leading slash."""

    @property
    def reads(self) -> tuple[str, ...]:
        """Files that must be intact for the setters."""

    @property
    def writes(self) -> tuple[str, ...]:
        """Files that the setters create, change or remove."""


@runtime_checkable
class MayBeAbsent(Protocol):
    """What a capability also has whose presence only the running device tells, such as a fan that may not be fitted.

    `Device` asks when the capability is first asked for, and offers none where there is a reason.
    """

    def absence(self) -> str | None:
        """Why this device lacks the capability; `None` where it is here. Quick, and changes nothing."""


@runtime_checkable
class Regulated(Protocol):
    """What a fan also has whose controller only obeys: somebody has to look at the temperature all the time."""

    def regulate(self, *, interval_seconds: float, log: Callable[[str], None]) -> None:
        """Drive the fan by its profile until interrupted, with one call of `log` for each change.

        However it ends, the fan is left at full speed. Raises `HalError` where the controller stops to answer.
        """


class Setting(Touching, Protocol):
    """What fan and power have in common: one value that config.json asks for, previewed and set."""

    def preview(self, wanted: str | None) -> Change | None:
        """What `set` would change; `None` where nothing. Raises what `set` raises before its first write."""

    def set(self, wanted: str | None) -> SetResult:
        """Make it so, and read back. `None` and `""` mean the vendor's default. What is already set writes nothing.

        Raises `ValueRefused` for a value that is not allowed and `Damaged` for a vendor file that does not parse, both
        before anything is written; `NotApplied` where reading back shows something else within the deadline.
        """


@runtime_checkable
class Fan(Setting, Protocol):
    """Fan profiles of a board."""

    def profiles(self) -> tuple[FanProfile, ...]:
        """Every profile a user can choose here, in the vendor's order. Raises `HalError` where the table is damaged."""

    def state(self, *, live: bool = True) -> FanState:
        """What is configured, and with `live` what is running and measured (this may start a program)."""


@runtime_checkable
class Power(Setting, Protocol):
    """Power modes of a board. A setting is a portable level, a mode's name, its id as text, or `default`."""

    def modes(self) -> tuple[PowerMode, ...]:
        """Every mode that can be chosen, in the vendor's order. Raises `HalError` where the table is damaged."""

    def state(self, *, live: bool = True) -> PowerState:
        """What is configured for the next boot, and with `live` what is running (this may start a program)."""


@runtime_checkable
class Bootloader(Touching, Protocol):
    """The bootloader's state: slots, pending update, boot count.

    Every operation is idempotent, takes its turn with other writers, and is read back. A power cut between two of its
    writes leaves a device that boots the old or the new slot, and counts boots while an update is pending.
    """

    def status(self) -> BootStatus:
        """The state as it is, damaged or not, and what the next boot will do. Changes nothing."""

    def preview(self, operation: BootOperation, slot: Slot | None = None) -> tuple[BootWrite, ...]:
        """What an operation would write, in order. Raises what it would raise before its first write."""

    def switch(self, slot: Slot) -> SetResult:
        """Ask the next boot to try `slot`, with rollback armed; for the running slot, to stay, with nothing pending.

        Raises `ValueRefused` for a slot that is missing or has no kernel.
        """

    def commit(self) -> SetResult:
        """Keep the running slot: count zero, then nothing pending, whatever the state file named before."""

    def clear_boot_count(self) -> SetResult:
        """Boot count to zero, nothing else."""

    def roll_back(self) -> SetResult:
        """Ask the next boot to take the slot that is not running, with nothing pending.

        Raises `ValueRefused` where that slot is missing or has no kernel.
        """


@runtime_checkable
class BootConfig(Touching, Protocol):
    """One file or store that the firmware reads before the kernel runs.

    What it does not understand it keeps, byte for byte. What it writes it reads back; every change waits for a reboot.
    """

    @property
    def name(self) -> str:
        """What users call it: `config.txt`, `extra_uEnv.txt`."""

    def absence(self) -> str | None:
        """Why nothing reads it on this device although its device type could; `None` where it is in use."""

    def key_for(self, word: str) -> str | None:
        """The key that a word names here: a key itself, or a supervisor's variable; `None` where it names none here.

        A variable may have its prefix `BALENA_` or `RESIN_`, or none (`BALENA_HOST_CONFIG_gpu_mem`).
        """

    def items(self) -> tuple[BootSetting, ...]:
        """Every setting, those that hold for every board first. Raises `Damaged` where the store does not parse."""

    def kept(self) -> tuple[KeptLine, ...]:
        """What else the file holds, in its order: nobody changes it. Blank lines are left out."""

    def preview(self, wanted: Mapping[str, str | None]) -> tuple[BootSettingChange, ...]:
        """What `set` would change; nothing where all is so. Raises what `set` raises before its first write."""

    def set(self, wanted: Mapping[str, str | None]) -> BootConfigResult:
        """Set these keys, and remove those whose value is `None`, all at once: after a power cut all or none are so.

        What is already so, and removing what is not there, writes nothing. Raises `ValueRefused` for a key or value
        that is not allowed and `Damaged` for a file that does not parse, both before anything is written; `NotApplied`
        where reading back shows something else.
        """


@runtime_checkable
class Splash(Setting, Protocol):
    """The boot splash: the picture that the OS draws while it boots.

    A value is the bytes of a PNG image, or text as balenaOS's variable has it: base64, or a data URI. As for every
    setting, `None` and blank text mean the default.
    """

    def state(self, *, decode: bool = True) -> SplashState:
        """The image in use, the default, the firmware's own, damaged or not; with `decode`, images are decoded."""

    def read(self) -> bytes:
        """The image in use. Raises `FileFault` where there is none, and `Damaged` for what is no PNG image."""

    def preview(self, wanted: bytes | str | None) -> Change | None:
        """What `set` would change; `None` where nothing. Raises what `set` raises before its first write."""

    def set(self, wanted: bytes | str | None) -> SetResult:
        """Use this image from the next boot on, and read it back. What is already set writes nothing.

        Before the first change the image in use is kept as the default. Raises `ValueRefused` for what is not a whole
        image within the limits, and `FileFault` where it has no room; the old image is then left as it is.
        """

    def reset(self) -> SetResult:
        """Back to the default. Raises `FileFault` where no whole one is there."""


@runtime_checkable
class Rtc(Protocol):
    """A real-time clock of the board. Its time is UTC, in whole seconds.

    It is found anew each time: a driver may register long after boot. An operation on a clock that is not there raises
    `CapabilityAbsent`; one that another program holds is waited for until a deadline, then `FileFault`.
    """

    @property
    def name(self) -> str:
        """What users call it: the chip or driver of the board's table, else `rtc1`. Unique on a board, and stable."""

    def node(self) -> str | None:
        """The device node below the root that it is reached by now (`dev/rtc0`, `dev/i2c-1`); `None` where absent."""

    def absence(self) -> str | None:
        """Why it is not there or cannot be used, although the board may have it; `None` where it can."""

    def state(self) -> RtcState:
        """What it is, its health and its time. Changes nothing, and raises for nothing that a clock may do."""

    def read(self) -> datetime:
        """Its time, as an aware datetime in UTC. Raises `Damaged` where the chip says that it is not valid."""

    def preview(self, wanted: datetime) -> Change | None:
        """What `set` would change; `None` where nothing. Raises what `set` raises before its first write."""

    def set(self, wanted: datetime) -> SetResult:
        """Set it to an aware datetime, rounded to the second, and read it back.

        A clock that is sound and right to within a second is left alone: a write would only disturb it. Raises
        `ValueRefused` for a time without a zone or outside the clock's range, before anything is written; `NotApplied`
        where it then shows another time, or does not run.
        """
