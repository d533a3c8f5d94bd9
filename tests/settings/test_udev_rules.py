"""Rules files: what udev takes is taken, what it drops is told with its place."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hal.settings.udev_rules import KEYS, fault

GOOD = """\
# a comment, and one that goes on \\
SUBSYSTEM=="net", ACTION=="add", ATTR{address}=="00:11:22:*", NAME="wan0"
ACTION!="add|change", GOTO="end"
ENV{ID_VENDOR_ID}=="12d1", ENV{ID_USB_INTERFACES}=="*:0806*", \\
  RUN+="/usr/bin/logger \\"storage\\" $env{ID_MODEL}"
KERNEL=="ttyUSB[0-9]*" SUBSYSTEMS=="usb" ATTRS{idProduct}=="14fe" SYMLINK+="modem%n", TAG+="systemd", MODE="0660"
TEST=="/sys/class/net", IMPORT{program}="/bin/env", OPTIONS+="link_priority=10", ENV{X}==e"y"
PROGRAM=="/bin/true", RESULT=="", OWNER="root", GROUP:="dialout", SECLABEL{selinux}="x", CONST{arch}=="arm*"
LABEL="end"
"""
BAD = [
    ('KERNL=="x"', 1, 1, "'KERNL' is no key of udev's rules; KERNEL is one"),
    ('kernel=="x"', 1, 1, "'kernel' is no key"),
    ('ACTION=="add", SUBSYSTM=="usb"', 1, 16, "SUBSYSTEM is one"),
    ('\n\nATTR=="x"', 3, 1, "ATTR needs a name in braces"),
    ('KERNEL{x}=="y"', 1, 1, "takes nothing in braces"),
    ('SUBSYSTEM="usb"', 1, 1, "SUBSYSTEM takes no '='; allowed are == !="),
    ("KERNEL==x", 1, 1, 'not of the form KEY OPERATOR "VALUE"'),
    ('KERNEL=="x', 1, 1, "not of the form"),
    ('KERNEL=="x"; MODE="1"', 1, 12, "not of the form"),
    ('RUN{shell}+="x"', 1, 1, "allowed are program, builtin"),
    ('OPTIONS+="last_rule"', 1, 1, "OPTIONS 'last_rule'"),
    ('GOTO="end"', 1, 1, "names the label 'end'"),
    ('LABEL="a"\nGOTO="a"', 2, 1, "does not come after it"),
    ("ä", 1, 1, "not of the form"),
    ('# c\nKERNEL=="x", \\\n NOPE=="y"', 2, 15, "'NOPE' is no key"),
]


def test_what_udev_takes() -> None:
    assert fault(GOOD) is None
    assert fault("") is None
    assert fault("\n # x\n") is None


@pytest.mark.parametrize(("text", "line", "column", "message"), BAD)
def test_what_it_drops(text: str, line: int, column: int, message: str) -> None:
    found = fault(text)
    assert found is not None
    assert (found.line, found.column) == (line, column)
    assert message in found.message
    assert len(found.message) < 300


def test_every_rules_file_of_debian_is_taken() -> None:
    files = [*Path("/lib/udev/rules.d").glob("*.rules")]
    assert len(files) > 20
    assert {file.name: found for file in files if (found := fault(file.read_text()))} == {}


pieces = st.sampled_from([*KEYS, "==", "+=", '"x"', "{a}", "\\", "\n", ",", "#", " "])


@given(st.one_of(st.text(max_size=200), st.lists(pieces).map("".join)))
def test_any_text_has_an_answer(text: str) -> None:
    found = fault(text)
    if found is not None:
        assert 1 <= found.line <= text.count("\n") + 1
        assert found.column >= 1
