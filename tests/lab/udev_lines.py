"""Lines of udev rules, one of each form, and what udev says of each. Run as a program it asks udevadm."""

from __future__ import annotations

import re
import subprocess
import sys
from itertools import product
from pathlib import Path

from hal.settings.udev_rules import KEYS

FILE = Path("/etc/udev/rules.d/70-lab.rules")
OPERATORS = ("==", "!=", "=", "+=", "-=", ":=", "=!", "")
BRACES = ("", "{x}", "{}", "{program}", "{arch}", "{builtin}")
VALUES = {
    "OPTIONS": ("watch", "link_priority=3", "last_rule", "string_escape=none", "db_persist"),
    "MODE": ("0660",),
    "OWNER": ("0",),
    "GROUP": ("0",),
    "RUN": ("/bin/true", "kmod load x"),
    "IMPORT": ("/bin/true", "path_id"),
    "TEST": ("x",),
}
ODD = (
    'KERNL=="x"',
    'kernel=="x"',
    "KERNEL==x",
    'KERNEL=="x',
    'KERNEL=="x" NAME="y"',
    'KERNEL=="x",,, NAME="y"',
    'KERNEL=="x"; NAME="y"',
    'KERNEL=="x"NAME="y"',
    'KERNEL=="a\\"b"',
    'KERNEL==e"a"',
    'KERNEL==i"a"',
    ' \tKERNEL == "x" , NAME = "y" ',
    'NAME="y" ,',
    "=",
    '"x"',
)


def lines() -> list[str]:
    """Every key with every operator, braces and value that make a difference, and some that are none."""
    found = [*ODD]
    for key, operator, braces in product((*KEYS, "NOPE"), OPERATORS, BRACES):
        if key not in ("GOTO", "LABEL"):
            found += [f'{key}{braces}{operator}"{value}"' for value in VALUES.get(key, ("x",))]
    return found


def main() -> None:
    """Print the numbers of the lines that udev drops or parts of which it does not take."""
    FILE.parent.mkdir(parents=True, exist_ok=True)
    FILE.write_text("".join(f"{line}\n" for line in lines()))
    done = subprocess.run(
        ["udevadm", "test", "--action=add", "/sys/class/mem/null"], capture_output=True, text=True, timeout=120
    )
    said = done.stdout + done.stderr
    dropped = re.findall(rf"^{re.escape(str(FILE))}:(\d+):? Invalid (.*)$", said, re.MULTILINE)
    assert f"Reading rules file: {FILE}" in said, said[-2000:]
    for number, why in dropped:
        print(f"LINE {number} {why}")
    print(f"LINES {len(lines())}", file=sys.stdout)


if __name__ == "__main__":
    main()
