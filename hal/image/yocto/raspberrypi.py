"""Raspberry Pi: lines of config.txt, and kernel arguments in cmdline.txt.

Both files are written by recipes of meta-raspberrypi and of balenaOS's layer on top, which know part of what the table
says. So a line or an argument is added only where it is not there yet.
"""

from __future__ import annotations

from collections.abc import Iterator

from hal.image.joining import config_line
from hal.image.output import Line, OutputFile, text_file
from hal.image.yocto.syntax import fixed
from hal.image.yocto.target import Target
from hal.model import JoinedPart, PartKind

CMDLINE = (
    'there = (d.getVar("CMDLINE", True) or "").split()',
    'wanted = (d.getVar("OS_KERNEL_CMDLINE", True) or "").split()',
    'd.setVar("CMDLINE", " ".join(there + [word for word in wanted if word not in there]))',
)
"""Python: the arguments that are not in cmdline.txt yet, behind those that are."""

WANTED, ADDING = "hal-config.txt", "hal-config.awk"

AWK = """\
/^\\[.*\\]$/ { section = $0; next }
section == "" { section = "[all]" }
FILENAME == ARGV[1] { there[section, $0] = 1; next }
FNR == 1 { written = "" }
!((section, $0) in there) {
    if (written != section) { print section; written = section }
    print
}
END { if (written != "" && written != "[all]") print "[all]" }
"""
"""Given config.txt and the wanted lines: those that their section lacks, under their section.

Written lines start with a section always, because config.txt may end in another one than `[all]`.
"""


def files(target: Target) -> Iterator[OutputFile]:
    """The appends of rpi-config and rpi-cmdline."""
    lines = target.of(PartKind.CONFIG_TXT)
    if lines:
        folder = "recipes-bsp/bootfiles"
        yield text_file(f"{folder}/rpi-config_%.bbappend", _config(target))
        yield text_file(f"{folder}/hal/{WANTED}", _wanted(lines))
        yield text_file(f"{folder}/hal/{ADDING}", fixed(AWK.splitlines(), "adds the lines that config.txt lacks"))
    if target.raspberry_pi and target.release.rpi_cmdline:
        yield text_file("recipes-bsp/bootfiles/rpi-cmdline.bbappend", cmdline(target))


def cmdline(_target: Target) -> Iterator[Line]:
    """For the recipe that writes cmdline.txt."""
    why = "balenaOS's layer takes OS_KERNEL_CMDLINE into cmdline.txt; where none does, this does"
    yield from fixed(("python () {", *(f"    {line}" for line in CMDLINE), "}"), why)


def _config(target: Target) -> Iterator[Line]:
    file = f"${{DEPLOYDIR}}/{target.release.boot_files_folder}/config.txt"
    yield from fixed(
        (
            f'{target.named("FILESEXTRAPATHS", "prepend")} := "${{THISDIR}}/hal:"',
            f'{target.named("SRC_URI", "append")} = " file://{WANTED} file://{ADDING}"',
            "",
            f"{target.named('do_deploy', 'append')}() {{",
            f'    awk -f "${{UNPACKDIR}}/{ADDING}" "{file}" "${{UNPACKDIR}}/{WANTED}" > "${{WORKDIR}}/hal-added.txt"',
            f'    cat "${{WORKDIR}}/hal-added.txt" >> "{file}"',
            "}",
        ),
        "lines of config.txt go behind those that are there, each in its section",
    )


def _wanted(parts: tuple[JoinedPart, ...]) -> Iterator[Line]:
    """Every line under its section, in the order in which they were asked for."""
    current = ""
    for part in parts:
        section, text = config_line(part.name)
        if (section or "[all]") != current:
            current = section or "[all]"
            yield Line(text=current, parts=(part,))
        yield Line(text=text, parts=(part,))
