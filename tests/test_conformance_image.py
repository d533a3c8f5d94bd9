"""The conformance suite on `hal_image`: a sound plugin passes, and one with one thing wrong fails where it is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from suite import failures

import hal

if TYPE_CHECKING:
    from tests.conftest import Site

SUITE = Path(hal.__file__).parent / "testing/test_image.py"
SAME = "test_the_answer_does_not_change"
REASON = "test_a_reason_says_what_breaks"
TWICE = "test_nothing_is_said_twice"
AGREES = "test_it_agrees_with_the_row_and_the_add_ons"
RULES = "test_udev_takes_its_rules"
UNITS = "test_a_unit_is_there_to_be_enabled"
ALL = {SAME, REASON, TWICE, AGREES, RULES, UNITS}

BOARD = """
from itertools import count

from hal import hookimpl
from hal.image.parts import Group, chosen, one, packages, symbols, tags
from hal.model import Console, DeviceType, ImagePart, PartKind

TURN = count()
ROW = DeviceType(slug="SLUG", name="Acme", kernel_arguments=("acme=1",), consoles=(Console(tty="ttyS0", baud=115200),))
TABLE = (
    Group("every", symbols("m", "USB_ACM", "the modem on the board has its ports by it")),
    Group("SLUG+development", symbols("y", "MAGIC_SYSRQ", "a developer may ask a hanging kernel what it does")),
    Group("every", one(PartKind.UDEV_RULE, "70-acme.rules", 'KERNEL=="ttyACM0", SYMLINK+="acme"\\n', "a port's name")),
    Group("every", one(PartKind.FILE, "etc/systemd/system/acme.service", "[Service]\\n", "the button is dead")
        + one(PartKind.SERVICE, "acme.service", "enabled", "nothing else starts it")),
)


@hookimpl
def hal_device_types():
    return (ROW,)


@hookimpl
def hal_image(device_type, build):
    return chosen(TABLE, tags(device_type, build))
"""
WRONG: dict[str, tuple[str, str, set[str]]] = {
    "sound": ("", "", set()),
    "with CONFIG_": ('"USB_ACM"', '"CONFIG_USB_ACM"', ALL),
    "a value of nowhere": ('symbols("m",', 'symbols("maybe",', ALL),
    "it raises": ("    return chosen(", "    1 / 0\n    return chosen(", ALL),
    "not parts": ("return chosen(TABLE, tags(device_type, build))", 'return ("USB_ACM",)', ALL),
    "an empty reason": ('"the modem on the board has its ports by it"', '" "', ALL),
    "needed": ('"the modem on the board has its ports by it"', '"needed"', {REASON}),
    "needed by the board": ('"the modem on the board has its ports by it"', '"Required for the board."', {REASON}),
    "its name": ('"the modem on the board has its ports by it"', '"usb_acm"', {REASON}),
    "two lines": ('"the modem on the board has its ports by it"', '"the modem\\non the board"', {REASON}),
    "a different answer": (
        "return chosen(TABLE, tags(device_type, build))",
        'return symbols(str(next(TURN) + 1), "NR_CPUS", "the board has as many")',
        {SAME},
    ),
    "in the row": ('symbols("m", "USB_ACM"', 'one(PartKind.KERNEL_ARGUMENT, "acme=1", None', {TWICE}),
    "twice": ('"USB_ACM",', '"USB_ACM USB_ACM",', {TWICE}),
    "against the row": ('symbols("m", "USB_ACM"', 'one(PartKind.CONSOLE, "ttyS0", "9600"', {AGREES, TWICE}),
    "against itself": ('symbols("y", "MAGIC_SYSRQ"', 'symbols("y", "USB_ACM"', {AGREES}),
    "against an add-on": ('symbols("m", "USB_ACM"', 'symbols("n", "USB_ACM"', {AGREES}),
    "a rule that udev refuses": ('KERNEL=="ttyACM0"', 'KERNAL=="ttyACM0"', {RULES}),
    "a rule without an end": ('"acme"\\n', '"acme"', {RULES}),
    "a unit of nowhere": ('"acme.service", "enabled"', '"other.service", "enabled"', {UNITS}),
    "a unit that nothing starts": ('"acme.service", "enabled"', '"acme.service", "disabled"', set()),
}
ADD_ON = """
from hal import hookimpl
from hal.image.parts import packages


@hookimpl
def hal_image():
    return packages("networkmanager", "the add-on has a program of its own for it", "VALUE")
"""


def test_the_suite(site: Site, tmp_path: Path) -> None:
    """All of them at once, each a plugin of its own, beside the project's own add-ons."""
    expected: set[tuple[str, str]] = set()
    chosen: list[str] = []
    for number, (old, new, failing) in enumerate(WRONG.values()):
        source = BOARD.replace(old, new) if old else BOARD
        assert (source != BOARD) == bool(old)
        slug, module = f"acme-{number}", f"hal_acme_{number}"
        site.install(module, source.replace("SLUG", slug), f"slug:{slug}")
        expected |= {(test, module) for test in failing}
        chosen.append(module)
    failed, printed = failures(site, tmp_path, SUITE, chosen)
    cases = dict(zip(chosen, WRONG, strict=True))
    assert failed == expected, {(cases[module], test) for test, module in failed ^ expected}
    assert f"{len(ALL) * len(WRONG) - len(expected)} passed" in printed


def test_an_add_on_must_agree_with_every_board(site: Site, tmp_path: Path) -> None:
    """The same one is fine as long as no board and no flag says otherwise."""
    for value, failing in (("present", set[tuple[str, str]]()), ("absent", {(AGREES, "hal_absent")})):
        site.install(f"hal_{value}", ADD_ON.replace("VALUE", value), "usb:v1234p5678*")
        failed, printed = failures(site, tmp_path, SUITE, [f"hal_{value}"])
        assert failed == failing, printed
