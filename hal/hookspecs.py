"""The hooks a plugin may answer: this file is the plugin author's manual, and `docs/hooks.md` is generated from it.

A **board plugin** owns device types: it answers `hal_device_types` with its table and any of the capability hooks for
the boards in that table. An **add-on** owns none: it describes a peripheral (a modem, a WiFi adapter, a clock HAT) and
is loaded where its modalias is present.

Rules that hold for every hook:

* Mark an implementation with `hal.hookimpl`. Take only the parameters you need, by the names given here; pluggy passes
  parameters by name and ignores keyword-only ones, so use plain parameters without defaults. `specname=` is not used.
* A hook body declares and constructs. It reads no file and touches no hardware; only the methods of the object it
  returns do, and they do all of it through the `Root` they were given.
* A hook is called only for the board that is open: the plugin that owns its device type first, then the add-ons whose
  modalias is present, in order of name. Another board's plugin is never asked, nor imported.
* A plugin that raises, or answers with another type than the one declared here, is named in the report and left out;
  the rest of the device works. So raise freely for a programming error, but say "this board has no fan" with a value.
* **A capability the board lacks** is the answer `Unsupported(reason=…)`, or no answer at all. Never return an object
  that only pretends. Nobody declares a capability: it exists where a hook returned an object.

A plugin is found without being imported, by entry points in the group `hal`. The name of each is what it matches, and
its value is the import name of the plugin:

    [project.entry-points.hal]
    "slug:acme-gateway" = "hal_acme"             # owns this device type; one line for each slug
    "of:N*T*Cacme,gateway*" = "hal_acme"         # its boards' device-tree names, as a kernel modalias pattern
    "usb:v12D1p14FE*" = "hal_acme_modem"         # an add-on: a USB device by its modalias
    "dmi:*svnACME:*" = "hal_acme"                # a PC by its DMI modalias

`slug:` lines are exact and decide ownership: a slug announced by two plugins belongs to neither until one is removed.
Patterns only say whom to ask, so a family may announce a broad one (`of:N*T*Cnvidia,tegra234*`); its table decides.
An `of:` pattern is compared with the whole modalias of the device tree and with each of its names alone. The
conformance suite (`pytest --pyargs hal.testing`) checks that table and announcement agree.

A plugin may also carry a module `tree` next to its hooks, with one function
`tree_files(device_type) -> tuple[TreeFile, …]`: the vendor files and fake programs that `hal tree new` and the
conformance suite put into a generated tree of that device type. It is never imported on a device.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from hal.model import (
        Build,
        DeviceType,
        HealthCheck,
        ImagePart,
        ModemModel,
        ModemPowerLine,
        Unsupported,
        UpdateStep,
        WifiFirmware,
    )
    from hal.protocols import BootConfig, Bootloader, Fan, Power, Rtc, Splash
    from hal.root import Root

hookspec = pluggy.HookspecMarker("hal")
hookimpl = pluggy.HookimplMarker("hal")


@hookspec
def hal_device_types() -> tuple[DeviceType, ...]:
    """The table: every device type this plugin owns, one row each.

    The only hook that identifies. A row's slug must be announced as `slug:` and belong to no other plugin. Facts that
    are not known are left out; nothing is inferred from a relative. Order does not matter.

    Example: `return DEVICE_TYPES`, a module-level tuple.
    """
    raise AssertionError("a hook specification is never called")


@hookspec(firstresult=True)
def hal_bootloader(device_type: DeviceType, root: Root) -> Bootloader | Unsupported | None:
    """The bootloader's state: slots, boot count, switch, commit, roll back.

    The first answer that is not `None` counts; the owner of the device type is asked first.
    """
    raise AssertionError("a hook specification is never called")


@hookspec
def hal_boot_config(device_type: DeviceType, root: Root) -> tuple[BootConfig, ...]:
    """What the firmware reads before the kernel runs: config.txt, extlinux.conf, extra_uEnv.txt, ODMDATA, configfs.

    All answers are joined. Each object's `name` is unique on a board and stable: users type it. Answer with every store
    that the device type may have; whether one is in use on this device, its `absence` tells. `hal.backends.boot_config`
    has the formats.

    Example: `return (ConfigTxt(root, "mnt/boot/config.txt"),)`.
    """
    raise AssertionError("a hook specification is never called")


@hookspec(firstresult=True)
def hal_fan(device_type: DeviceType, root: Root) -> Fan | Unsupported | None:
    """Fan profiles by meaning (`quiet`, `cool`), never by number.

    The first answer that is not `None` counts. A board without a fan answers `Unsupported(reason=…)`. Where only the
    running device tells whether there is one, the object also has `absence()`, see `hal.protocols.MayBeAbsent`.
    `hal.backends.fan` has hwmon outputs, fans set up in config.txt, and controllers without a kernel driver.
    """
    raise AssertionError("a hook specification is never called")


@hookspec(firstresult=True)
def hal_power(device_type: DeviceType, root: Root) -> Power | Unsupported | None:
    """Power modes, the portable levels `low`, `mid`, `high`, and whether a change needs a reboot.

    The first answer that is not `None` counts. Modes are resolved by name through the file on the device. For a board
    that has no modes of its vendor there is `hal.backends.power.cpu.CpuPower(root)`, on the running kernel.
    """
    raise AssertionError("a hook specification is never called")


@hookspec
def hal_rtc(device_type: DeviceType, root: Root) -> tuple[Rtc, ...]:
    """The real-time clocks of this board, best first. All answers are joined, the owner's before the add-ons'.

    Answer with every clock that the board may have; whether one is there, its `absence` tells. What else the kernel
    has is listed behind them, and needs no plugin. The facts of a row do: `hal.backends.rtc.clocks(device_type, root)`.
    """
    raise AssertionError("a hook specification is never called")


@hookspec(firstresult=True)
def hal_splash(device_type: DeviceType, root: Root) -> Splash | Unsupported | None:
    """The boot splash: read, set, reset. The first answer that is not `None` counts.

    On balenaOS the picture is the same file on every board: `hal.backends.splash.BootSplash(root)`, with what looks for
    a splash of the firmware as its second argument, where the board has one.
    """
    raise AssertionError("a hook specification is never called")


@hookspec
def hal_modems(device_type: DeviceType) -> tuple[ModemModel, ...]:
    """Modem models: the USB identities in each state, what each port is for, and the ways into each mode.

    All answers are joined. A model is data. Two plugins may describe the same identity; where they want different bytes
    sent, nothing is sent, and the report names both. A file on the device counts before any plugin, see
    `hal.peripherals.modem.known`.
    """
    raise AssertionError("a hook specification is never called")


@hookspec
def hal_modem_power(device_type: DeviceType, root: Root) -> tuple[ModemPowerLine, ...]:
    """The power lines of this board that feed a modem, by its place on USB. All answers are joined.

    The last rung of recovery switches such a line off and on. A board that cannot answers nothing.
    """
    raise AssertionError("a hook specification is never called")


@hookspec
def hal_wifi_firmware(device_type: DeviceType) -> tuple[WifiFirmware, ...]:
    """WiFi adapters: the firmware files each asks for, and which packages carry them. All answers are joined.

    `hal wifi check` looks at the device with these rows. The more one says (when a file is asked for, its form, what
    the driver logs), the more is explained; what is not known is left out.
    """
    raise AssertionError("a hook specification is never called")


@hookspec
def hal_health_checks(device_type: DeviceType, root: Root) -> tuple[HealthCheck, ...]:
    """Board checks that decide whether a new OS is healthy. All answers are joined; every check must pass.

    A check is called until it passes or a deadline is over, so it must be cheap, and may not change anything.
    """
    raise AssertionError("a hook specification is never called")


@hookspec
def hal_update_steps(device_type: DeviceType, root: Root) -> tuple[UpdateStep, ...]:
    """Board steps around an OS update: firmware capsule, EEPROM, eMMC boot partition, boot sectors.

    All answers are joined and ordered by phase, then name. A step is idempotent and refuses inputs that do not match.
    """
    raise AssertionError("a hook specification is never called")


@hookspec
def hal_image(device_type: DeviceType, build: Build) -> tuple[ImagePart, ...]:
    """What this board, or this add-on, puts into an OS image, each part with its reason. All answers are joined.

    Runs on a build machine: there is no `Root`, because there is no device. Answer from a table in a module of its own,
    imported here, so that a device never loads it; `hal.image.parts` has the words for one. `ImagePart` lists the
    kinds, and what name and value are for each.

    What is in the row is not said again: partitions, sizes, consoles, device trees, lines of config.txt and kernel
    arguments become parts by themselves. So do rendered boot files, the storage driver and secure boot's own symbols.
    What depends on the build belongs here, what does not into the row.

    A reason says what breaks without the part, for `hal image explain` answers with it. Two contributors that say
    different things end the build; where yours may give way, make the part `optional`. A kernel symbol that may be
    built in or a module is `y|m`. Files of your own have names that the OS's packages do not have, for both may be in
    the image. The conformance suite checks all of this: `pytest --pyargs hal.testing --hal-plugin NAME`.
    """
    raise AssertionError("a hook specification is never called")
