"""In the guest: real udev around a script of virtual USB devices.

    python -m lab.usb_session [--switching] MODULE:FUNCTION ARGUMENT...

mounts what udev needs, starts systemd-udevd, lets it settle, calls the function with a `Bus` and the arguments, and
prints what it returns as JSON behind a line of its own. Without `--switching`, usb_modeswitch's rules are masked. With
it, what the rules run finds a systemd that restarts one kind of unit: a second event ends a switch that is at work.
Network devices keep the kernel's names (`wwan0`, `usb0`), as with `net.ifnames=0`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import traceback
from importlib import import_module
from pathlib import Path

from virtual.bus import Bus
from virtual.observed import settle

MARK = "== answer"
FIRMWARE_PATH, FIRMWARE = Path("/sys/module/firmware_class/parameters/path"), "/root/lib/firmware"
"""The kernel looks for firmware from its own root, which has the commands' root below /root."""
UDEVD = "/lib/systemd/systemd-udevd"
RULES = Path("/run/udev/rules.d")
SWITCHING, NAMES = "40-usb_modeswitch.rules", "80-net-setup-link.rules"
RUN_DIRECTORIES = ("udev/rules.d", "lock")
INIT, SYSTEMCTL = Path("/sbin/init"), Path("/bin/systemctl")
RESTART = """#!/bin/sh
# systemctl --no-block restart usb_modeswitch@NAME.service: what runs of it is ended first, as systemd does.
name=${3#usb_modeswitch@}
name=${name%.service}
[ "$1 $2" = "--no-block restart" ] && [ "usb_modeswitch@$name.service" = "$3" ] || exit 1
[ ! -e "/run/switch-$name" ] || kill -- "-$(cat "/run/switch-$name")" 2>/dev/null
TMPDIR=/run setsid sh -c 'echo $$ >"/run/switch-$1"; exec usb_modeswitch_dispatcher --switch-mode "$1"' sh "$name" \
    </dev/null >/dev/null 2>&1 &
"""


def start(*, switching: bool) -> None:
    """What the OS has done by the time a device is plugged in: /run, udev with its rules, and a first settling."""
    subprocess.run(["mount", "-t", "tmpfs", "run", "/run"], check=True)
    for directory in RUN_DIRECTORIES:
        Path("/run", directory).mkdir(parents=True)
    for masked in (NAMES,) if switching else (NAMES, SWITCHING):
        (RULES / masked).touch()
    FIRMWARE_PATH.write_text(FIRMWARE)
    if switching:
        _systemd()
    subprocess.run([UDEVD, "--daemon"], check=True)
    settle()


def _systemd() -> None:
    """What usb_modeswitch's script looks for, and calls; the guest's / is an overlay."""
    INIT.unlink(missing_ok=True)
    INIT.symlink_to("/lib/systemd/systemd")
    Path("/run/systemd/system").mkdir(parents=True)
    SYSTEMCTL.unlink(missing_ok=True)
    SYSTEMCTL.write_text(RESTART)
    SYSTEMCTL.chmod(0o755)


def main(arguments: list[str]) -> int:
    """The script's answer is the last line; what went wrong in it goes to standard error."""
    switching = arguments[0] == "--switching"
    script, *rest = arguments[1:] if switching else arguments
    module, _, function = script.partition(":")
    start(switching=switching)
    try:
        with Bus() as bus:
            answer = getattr(import_module(module), function)(bus, *rest)
    except Exception:  # noqa: BLE001 - the kernel's view belongs to the story
        traceback.print_exc()
        print(subprocess.run(["dmesg"], capture_output=True, text=True).stdout[-6000:], file=sys.stderr)
        return 1
    print(f"{MARK}\n{json.dumps(answer)}", flush=True)
    return 0


if __name__ == "__main__":
    status = main(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)  # threads of devices that are still there hold nothing up
