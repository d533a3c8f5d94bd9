"""Boots a guest with a virtual USB bus and real udev, and runs a script of the tests there.

A script is a function that takes a `Bus`, and words if it wants any; what it returns comes back through JSON. It plugs
rows of `virtual.models` in, runs programs on the guest's kernel, and tells what it saw and what each device was sent:

    # tests/lab/stick_switched.py: in the guest
    def switched(bus: Bus) -> dict[str, object]:
        stick = bus.plug("huawei-14fe")                    # port 0, so it is `1-1`
        wait_for_node(stick, "sr")
        done = run("hal", "modem", "switch", stick.name)   # {"status", "stdout", "stderr", "seconds"}
        wait_for(stick, "12d1:1506")                       # the same port, another identity
        answer = converse(serial_node(stick, "at"), "ATI")
        return {"done": done, "seen": seen(stick), "told": told(stick), "answer": answer}

    # tests/lab/test_stick_switched.py
    def test_a_stick_is_switched() -> None:
        found = on_usb_bus("lab.stick_switched:switched")
        assert found["seen"]["drivers"]["0"] == "option"
        assert [block for block in found["told"]["commands"] if block.startswith("11")] == [NEW_MODE]
        assert found["told"]["refused"] == []

What goes wrong is given with the plug: `bus.plug("huawei-14fe", faults=Faults(never_back=True), gone_seconds=2)`; see
`virtual.device`. Everything sent to a device is in `stick.sent`, and `told(stick)["bulk"]` has it by function, so that
nothing sent is `{}`. A modem's state and faults are those of `stick.modem` (`virtual.at_modem`). A script may do many
things one after the other: a boot takes seconds.

The guest has no ModemManager and no systemd. With `switching`, usb_modeswitch's own rules are in force, and a stand-in
for systemctl starts its dispatcher, ending one that is at work. The kernel's modules are loaded by udev when a device
asks for them, from this machine's /lib/modules; `modules` are loaded before.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any

from lab.guest import REPOSITORY, GuestError, run_in_guest
from lab.usb_session import MARK


def on_usb_bus(
    script: str,
    *arguments: str,
    switching: bool = False,
    modules: Sequence[str] = (),
    timeout_seconds: float = 400,
) -> Any:
    """What `MODULE:FUNCTION` returned in the guest. Raises `GuestError` with its story where it raised."""
    words = [sys.executable, "-m", "lab.usb_session", *(["--switching"] if switching else []), script, *arguments]
    (done,) = run_in_guest(
        None,
        [words],
        modules=("vhci-hcd", *modules),
        timeout_seconds=timeout_seconds,
        environment={"PYTHONPATH": f"{REPOSITORY}:{REPOSITORY}/tests", "PYTHONDONTWRITEBYTECODE": "1"},
    )
    if done.status:
        raise GuestError(f"{script}: status {done.status}\n{done.stdout}\n{done.stderr}")
    return json.loads(done.stdout.rpartition(MARK)[2])
