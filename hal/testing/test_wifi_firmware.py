"""Conformance of WiFi adapters: rows that can match, files that can be found, and an answer when one is plugged in."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

from hal.backends.usb.present import DEVICES
from hal.modalias import usb_device
from hal.model import DeviceType, FileState, FirmwareFile, WifiFirmware, WifiVerdict
from hal.peripherals.wifi import check, recognise
from hal.plugins import Catalog, Scope
from hal.root import Root

USB = re.compile(r"usb:v([0-9A-F]{4})p([0-9A-F]{4})(?:d|\*).*")
FILE = re.compile(r"(?!.*(?:^|/)\.\.?(?:/|$))[^/\s](?:[^\n]*[^/\s])?")
PACKAGE = re.compile(r"[a-z][a-z0-9-]*:[A-Za-z0-9][A-Za-z0-9+._-]*")
SYMBOL = re.compile(r"(?!CONFIG_)[A-Z0-9_]+")
PLACE = "9-1"


def rows(plugin: str) -> tuple[WifiFirmware, ...]:
    """What a plugin answers: an add-on for any board, a board's plugin for each of its device types."""
    catalog = Catalog()
    types = catalog.table(plugin) or (DeviceType(slug="any-board", name="Any"),)
    scope = Scope(catalog, (plugin,))
    answers = (row for each in types for row in scope.joined("hal_wifi_firmware", WifiFirmware, device_type=each))
    found = tuple(dict.fromkeys(answers))
    assert [problem for problem in catalog.problems if problem.plugin == plugin] == []
    return found


def example(pattern: str) -> str:
    """A modalias that a pattern fits, with as little as possible in it."""
    return re.sub(r"\[(?!!)([^\]])[^\]]*\]", r"\1", pattern).replace("*", "").replace("?", "0")


def files(plugin: str) -> Iterator[FirmwareFile]:
    return (file for row in rows(plugin) for file in row.files)


def plug(root: Root, pattern: str) -> None:
    """The device of a pattern, as sysfs shows one without a configuration."""
    ids = USB.fullmatch(pattern)
    assert ids is not None
    values = {
        "idVendor": ids[1].lower(),
        "idProduct": ids[2].lower(),
        "bcdDevice": "0100",
        "busnum": "9",
        "devnum": "2",
    }
    values |= {"bDeviceClass": "ff", "bDeviceSubClass": "00", "bDeviceProtocol": "00", "bConfigurationValue": ""}
    folder = Path(root.directory, DEVICES, PLACE)
    folder.mkdir(parents=True)
    for name, value in values.items():
        (folder / name).write_text(f"{value}\n")


def test_a_row_can_match_and_says_what_it_is(plugin: str) -> None:
    for row in rows(plugin):
        assert row.name.strip()
        assert re.fullmatch(r"[A-Za-z0-9_-]+", row.driver), f"{row.name}: {row.driver!r} is no name of a driver"
        assert row.modaliases, row.name
        assert row.files, f"{row.name}: a row without files explains nothing"
        assert row.sources, f"{row.name}: facts without a source"
        assert row.missing_symptom, f"{row.name}: what a user sees without the files"
        assert set(row.bands_ghz) <= {"2.4", "5", "6"}, row.name
        for pattern in row.modaliases:
            assert USB.fullmatch(pattern), f"{pattern}: vendor and product in capital hexadecimal digits, then d or *"
            assert fnmatchcase(example(pattern), pattern)
        for symbol in row.kernel_symbols:
            assert SYMBOL.fullmatch(symbol), f"{symbol}: an option of the kernel, without CONFIG_"
        for text in row.log_texts:
            assert len(text.text.strip()) >= 8, f"{text.text!r}: so short a text is in other messages too"
            assert text.text.isprintable()


def test_no_two_rows_fit_one_adapter(plugin: str) -> None:
    found = rows(plugin)
    for row in found:
        for pattern in row.modaliases:
            fits = [
                each.name for each in found if any(fnmatchcase(example(pattern), other) for other in each.modaliases)
            ]
            assert fits == [row.name], f"{pattern} is in the rows of {', '.join(fits)}"


def test_an_add_on_is_announced_for_every_row(plugin: str) -> None:
    """Without its announcement it is not loaded, and its row never asked for."""
    catalog = Catalog()
    if catalog.table(plugin):
        return
    announced = [each.pattern for each in catalog.index if each.module == plugin]
    for row in rows(plugin):
        for pattern in row.modaliases:
            assert any(fnmatchcase(example(pattern), each) for each in announced), f"{pattern} is not announced"


def test_a_file_can_be_found_and_compared(plugin: str) -> None:
    for file in files(plugin):
        assert FILE.fullmatch(file.name), f"{file.name!r}: a name below the folder of firmware"
        assert not file.name.startswith(("lib/firmware/", "firmware/")), file.name
        assert not file.name.endswith((".xz", ".zst")), f"{file.name}: the name that the driver asks for"
        assert file.size_bytes is None or file.size_bytes > 0, file.name
        assert file.sha256 is None or re.fullmatch(r"[0-9a-f]{64}", file.sha256), file.name
        assert file.packages, f"{file.name}: which package carries it"
        for package in (*file.packages, *file.license_packages):
            assert PACKAGE.fullmatch(package), f"{package}: its origin, a colon, its name"
    named = Counter((row.name, name) for row in rows(plugin) for name in (*_names(row), *row.optional_files))
    assert set(named.values()) <= {1}, "a file is needed or optional, once"


def _names(row: WifiFirmware) -> tuple[str, ...]:
    return tuple(file.name for file in row.files)


def test_an_adapter_that_is_plugged_in_is_recognised_and_its_files_are_asked_for(plugin: str, tmp_path: Path) -> None:
    """As its driver leaves it without firmware: no configuration, and so no interface."""
    found_rows = rows(plugin)
    pairs = [(row, pattern) for row in found_rows for pattern in row.modaliases]
    for number, (row, pattern) in enumerate(pairs):
        (tmp_path / str(number)).mkdir()
        root = Root(tmp_path / str(number))
        plug(root, pattern)
        if not fnmatchcase(usb_device(root, f"{DEVICES}/{PLACE}"), pattern):
            continue  # names an interface, or a revision: not every adapter of these ids
        (seen,) = recognise(root, found_rows)
        assert (seen.device.name, seen.row) == (PLACE, row)
        (found,) = check(root, found_rows, log="").adapters
        assert found.verdict is WifiVerdict.FIRMWARE_MISSING
        assert [(file.name, file.state) for file in found.files] == [(name, FileState.MISSING) for name in _names(row)]
        told = "\n".join(found.advice)
        assert all(name in told for name in _names(row))
        assert all(package in told for file in row.files for package in (*file.packages, *file.license_packages))
