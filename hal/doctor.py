"""Looks for what is wrong on a device. Changes nothing; every finding says what to do."""

from __future__ import annotations

from collections.abc import Iterator

from attrs import frozen

from hal.ask import ask
from hal.device import Device
from hal.errors import BoardUnknown, HalError
from hal.identify import CONFIG
from hal.model import Keeping, Phase
from hal.plugins import Catalog
from hal.protocols import Rtc, Splash
from hal.record import Record
from hal.root import Root


@frozen(kw_only=True, repr=False, eq=False)
class Finding(Record):
    """One thing that is wrong: a stable code, what it is about, what is the matter, and what to do."""

    code: str
    about: str
    message: str
    advice: str


def examine(root: Root, board: str | None = None, catalog: Catalog | None = None) -> tuple[Finding, ...]:
    """Everything found wrong with the device below `root` and the installed plugins."""
    catalog = Catalog() if catalog is None else catalog
    findings = list(_device(root, board, catalog))
    for problem in dict.fromkeys((*catalog.conflicts(), *catalog.problems)):
        findings.append(
            Finding(code="plugin", about=f"plugin {problem.plugin}", message=problem.message, advice=problem.advice)
        )
    return tuple(findings)


def _device(root: Root, board: str | None, catalog: Catalog) -> Iterator[Finding]:
    try:
        device = Device.open(root, board=board, catalog=catalog)
    except HalError as error:
        known = not isinstance(error, BoardUnknown)
        yield Finding(
            code=error.code,
            about="board",
            message=error.message,
            advice="see the plugin findings" if known else "see `hal identify --explain`; `--board SLUG` overrides",
        )
        return
    for warning in device.identity.warnings:
        yield Finding(code="identity", about="board", message=warning, advice="see `hal identify --explain`")
    yield from _config(device)
    yield from _capabilities(device)
    yield from _boot_config(device)
    if device.bootloader is not None:
        yield from _bootloader(device)
    if device.splash is not None:
        yield from _splash(device.splash)
    for clock in device.clocks:
        yield from _clock(clock)
    yield from _wifi(device)
    yield from _modems(device)


def _modems(device: Device) -> Iterator[Finding]:
    """The first broken link of each modem that is plugged in, and files about modems that could not be used."""
    try:
        found, known = device.look_for_modems()
    except HalError as error:
        yield Finding(code=error.code, about="modems", message=error.message, advice="see `hal modem list`")
        return
    for fault in known.faults:
        yield Finding(
            code=fault.code,
            about=fault.path or "modems",
            message=fault.message,
            advice="mend the file, or remove it; nothing of it is used",
        )
    for modem in found:
        from hal.peripherals.modem.check import check
        from hal.peripherals.modem.here import drivers

        last = check(device.root, modem, drivers(device.root))[-1]
        if last.holds is False:
            yield Finding(
                code="modem",
                about=f"modem {modem.device.name}",
                message=f"{modem.name}: {last.link.value}: {last.found}",
                advice=last.advice,
            )


def _wifi(device: Device) -> Iterator[Finding]:
    """One for each adapter that does not work, and for each WiFi driver that lacks a file, by the kernel's log."""
    from hal.peripherals.wifi import check

    try:
        found = check(device.root, device.wifi_firmware)
    except HalError as error:
        yield Finding(code=error.code, about="wifi", message=error.message, advice="see `hal wifi check`")
        return
    for each in found.adapters:
        if not each.verdict.fine:
            yield Finding(
                code=each.verdict.value,
                about=f"WiFi adapter {each.place}",
                message=f"{each.name}: {each.reason}",
                advice=f"{each.advice[0]}; all steps: `hal wifi check`",
            )
    for wanted in found.requests:
        if wanted.wifi and not wanted.there_now:
            yield Finding(
                code="firmware-missing",
                about=f"WiFi driver {wanted.driver}",
                message=f"{wanted.device} asked in vain for {', '.join(wanted.files)}",
                advice=f"{wanted.advice[0]}; all steps: `hal wifi check`",
            )


def _config(device: Device) -> Iterator[Finding]:
    try:
        plan = device.plan()
    except HalError as error:
        yield Finding(
            code=error.code, about=CONFIG, message=error.message, advice="mend the file; nothing here overwrites it"
        )
        return
    for refused in plan.refused:
        wrong = refused.code == "value-refused"
        advice = f"change {refused.path} in config.json" if wrong else "the vendor's file must be mended, or updated"
        yield Finding(
            code=refused.code, about=CONFIG if wrong else refused.path, message=refused.message, advice=advice
        )
    for planned in plan.changes:
        change = planned.change
        unset = planned.wanted is None
        asks = "config.json asks for nothing, so the vendor's default" if unset else "config.json asks for"
        yield Finding(
            code="not-applied",
            about=planned.path,
            message=f"{asks} {change.value}, but there is: {change.previous}"
            + (f" ({change.note})" if change.note else ""),
            advice="run `hal apply`",
        )


def _capabilities(device: Device) -> Iterator[Finding]:
    for noun in ("fan", "power"):
        capability = getattr(device, noun)
        if capability is None:
            continue
        try:
            found = ask(capability, "state")
        except HalError as error:
            yield Finding(code=error.code, about=noun, message=error.message, advice=f"see `hal {noun} status`")
            continue
        for warning in getattr(found, "warnings", ()):
            yield Finding(code="measured", about=noun, message=warning, advice=f"see `hal {noun} status`")
        running = getattr(found.running, "name", found.running)
        configured = getattr(found.configured, "name", found.configured)
        if getattr(found, "reboot_required", False):
            yield Finding(
                code="reboot-required",
                about=noun,
                message=f"{configured} is configured, but {running} is running",
                advice="reboot",
            )
        elif running != configured and (running is not None or (noun == "fan" and found.reported)):
            yield Finding(
                code="not-applied",
                about=noun,
                message=f"{configured} is configured, but {running or 'nothing'} is "
                + ("running" if running else "reported to be running"),
                advice=f"run `hal {noun} set {configured}`, and look at the service's log",
            )


def _boot_config(device: Device) -> Iterator[Finding]:
    """Stores that cannot be read, and settings that the firmware does not read as they stand."""
    for store in device.boot_config:
        try:
            found, kept = ask(store, "items"), ask(store, "kept")
        except HalError as error:
            yield Finding(code=error.code, about=store.name, message=error.message, advice="see `hal boot-config list`")
            continue
        odd = [(each.key, each.note) for each in found if each.note and not each.section]
        odd += [(f"line {each.line}", each.note) for each in kept if each.note and each.why is Keeping.COMMENT]
        for about, note in odd:
            yield Finding(
                code="boot-config", about=f"{store.name} {about}", message=note, advice="see `hal boot-config list`"
            )


def _bootloader(device: Device) -> Iterator[Finding]:
    """What the next boot would stumble over, and an update that waits for somebody."""
    try:
        found = device.rollback().status()
    except HalError as error:
        yield Finding(code=error.code, about="bootloader", message=error.message, advice="see `hal bootloader status`")
        return
    boot = found.bootloader
    for note in found.notes:
        yield Finding(code="bootloader", about="bootloader", message=note, advice="see `hal bootloader status`")
    if boot.next_boot.slot is None:
        yield Finding(
            code="no-boot",
            about="bootloader",
            message=f"the next boot starts nothing: {boot.next_boot.reason}",
            advice="run `hal bootloader commit` to name the running slot, before the device is switched off",
        )
    if found.phase in (Phase.FALLEN_BACK, Phase.RECOVERING, Phase.PREPARED, Phase.COMMITTING):
        yield Finding(
            code="rollback",
            about="rollback",
            message=f"{found.phase.value}: {found.meaning}",
            advice="run `hal rollback altboot`",
        )


def _splash(splash: Splash) -> Iterator[Finding]:
    """An image that is missing, damaged or over a limit, and a default that a reset could not go back to."""
    try:
        state = ask(splash, "state")
    except HalError as error:
        yield Finding(code=error.code, about="splash", message=error.message, advice="see `hal splash status`")
        return
    again = "run `hal splash reset`, or `hal splash set FILE` with a PNG image"
    image, default = state.image, state.default
    if image is None:
        yield Finding(code="file", about="splash", message="there is no image to draw while the OS boots", advice=again)
    elif image.problem:
        yield Finding(
            code="damaged" if image.whole is False else "value-refused",
            about="splash",
            message=f"{image.file}: {image.problem}",
            advice=again,
        )
    if default is not None and default.whole is False:
        yield Finding(
            code="damaged",
            about="splash",
            message=f"{default.file}, which a reset goes back to: {default.problem}",
            advice="run `hal splash reset`, which takes the image that the OS brings along",
        )


def _clock(clock: Rtc) -> Iterator[Finding]:
    """A clock that is there, and whose time or battery cannot be relied on. One that is absent may well be."""
    try:
        state = ask(clock, "state")
    except HalError as error:
        yield Finding(code=error.code, about="clock", message=error.message, advice="see `hal rtc list`")
        return
    for problem in state.problems:
        battery = problem.value.startswith("battery")
        yield Finding(
            code=problem.value,
            about=f"clock {state.name}",
            message=f"{problem.value}, at {state.node}" + (f": {state.fault}" if state.fault else ""),
            advice="change its battery, then run `hal rtc set`" if battery else f"run `hal rtc set {state.name} now`",
        )
