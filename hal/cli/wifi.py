"""`hal wifi`: the WiFi adapters that are plugged in, what each lacks, and what to do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from hal.cli.common import Options, print_facts, print_table, print_value, printable, takes_options
from hal.model import AdapterReport, FileReport, FirmwareRequest, RegulatoryReport, WifiReport


@click.group()
def wifi() -> None:
    """WiFi adapters on USB."""


@wifi.command("list")
@takes_options
def list_adapters(options: Options) -> None:
    """Every adapter that is plugged in and that an installed plugin knows."""
    from hal.peripherals.wifi import recognise

    device = options.open_device()
    found = [
        {
            "place": seen.device.name,
            "identity": seen.device.identity,
            "driver": seen.row.driver,
            "interfaces": seen.interfaces,
            "bands_ghz": seen.row.bands_ghz,
            "name": seen.row.name,
            "modalias": seen.modalias,
        }
        for seen in recognise(device.root, device.wifi_firmware)
    ]
    if options.as_json:
        print_value(found)
    elif found:
        rows = [
            [", ".join(cell) or "-" if isinstance(cell, tuple) else cell for cell in each.values()] for each in found
        ]
        print_table(("place", "id", "driver", "interface", "GHz", "adapter"), [row[:-1] for row in rows])
    else:
        _none()


@wifi.command()
@click.option(
    "--log",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="A kernel's log, as dmesg prints it; by default what dmesg prints now.",
)
@takes_options
def check(options: Options, log: Path | None) -> int:
    """What each adapter lacks, and what to do. Changes nothing.

    Ends with 0 where every adapter works, or waits to be set up, and no WiFi driver asked in vain for firmware that is
    still missing; else with 1.
    """
    found = _look(options, log=None if log is None else _log(log))
    if options.as_json:
        print_value(found)
        return 0 if found.fine else 1
    if not found.adapters:
        _none()
    for each in found.adapters:
        _tell(each)
    for wanted in found.requests:
        _tell_request(wanted)
    _tell_regulatory(found.regulatory)
    if not found.log_seen:
        click.echo("note: the kernel's log cannot be seen here, so nothing is told from it", err=True)
    return 0 if found.fine else 1


def _look(options: Options, *, log: str | None) -> WifiReport:
    from hal.peripherals.wifi import check as look

    device = options.open_device()
    return look(device.root, device.wifi_firmware, log=log)


def _log(file: Path) -> str:
    """A log from a file of whoever asks, wherever it is."""
    from hal.backends.kernel_log import LIMIT
    from hal.errors import FileFault
    from hal.root import Root

    if not file.exists():
        raise FileFault(f"{file}: no such file", path=str(file))
    file = file.resolve()
    return Root(file.parent).read_bytes(file.name, limit=LIMIT).decode(errors="replace")


def _none() -> None:
    click.echo("note: no WiFi adapter that an installed plugin knows is plugged in", err=True)


def _tell(each: AdapterReport) -> None:
    click.echo(f"{each.place}: {each.name}, {each.identity}")
    driver = f"{each.driver.name}, {each.driver.state}" + (f": {each.driver.note}" if each.driver.note else "")
    up = ("up" if each.up else "not up") + (f", firmware {each.running}" if each.running else "")
    up += ", held by rfkill" if each.blocked else ""
    facts = [
        ("verdict", f"{each.verdict}: {each.reason}"),
        ("driver", driver),
        *(("firmware", _file(file)) for file in each.files),
        ("interface", f"{', '.join(each.interfaces)}, {up}" if each.interfaces else "none"),
        ("bands", f"{' and '.join(each.bands_ghz)} GHz" if each.bands_ghz else None),
        ("log", printable(each.said[-1]) if each.said else None),
    ]
    print_facts((f"  {name}", value) for name, value in facts)
    for step in each.advice:
        click.echo(f"    -> {step}")
    for file in each.files:
        for note in file.notes:
            click.echo(f"note: {file.name}: {note}", err=True)


def _file(file: FileReport) -> str:
    if file.file is None:
        return f"{file.name}, {file.state}; looked in {', '.join(file.looked_in)}"
    size = f", {file.size_bytes} bytes" if file.size_bytes is not None else ""
    version = f", version {file.version}" if file.version else ""
    return f"{file.file}, {file.state}{size}{version}"


def _tell_request(wanted: FirmwareRequest) -> None:
    what = f" ({printable(wanted.product)})" if wanted.product else ""
    now = "; it is there now" if wanted.there_now else ""
    kind = "" if wanted.wifi is not False else ", no WiFi driver"
    asked = printable(", ".join(wanted.files))
    click.echo(f"{printable(wanted.device)}{what}: {printable(wanted.driver)}{kind}, asked in vain for {asked}{now}")
    for step in wanted.advice:
        click.echo(f"    -> {printable(step)}")


def _tell_regulatory(found: RegulatoryReport) -> None:
    if found.kernel is None and found.database is None and not found.problems:
        return
    click.echo("regulatory domain")
    signed = f", signature {found.signature}" if found.signature else ", no signature"
    print_facts(
        (
            ("  asked", found.asked or "no country"),
            ("  kernel", found.kernel or "not known"),
            ("  radios", ", ".join(found.radios)),
            ("  database", f"{found.database}{signed}" if found.database else "none"),
        )
    )
    for problem in _indented(found.problems):
        click.echo(problem)
    for step in found.advice:
        click.echo(f"    -> {step}")


def _indented(problems: tuple[str, ...]) -> Iterator[str]:
    return (f"  {problem}" for problem in problems)
