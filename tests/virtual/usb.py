"""The bus as a program in the background, for tests that are not written in Python: JSON lines on a socket.

    python -m virtual.usb serve SOCKET &
    python -m virtual.usb ask SOCKET '{"do": "plug", "row": "huawei-14fe", "port": 0, "faults": {"never_back": true}}'
    python -m virtual.usb ask SOCKET '{"do": "told", "port": 0}'

`do` is `plug` (with what `Device` takes), `unplug`, `seen`, `told`, `say` (with `text`), `rows`, or `quit`, which
unplugs all. Every answer is one line: `{"ok": …}` or `{"error": …}`. `ask` waits for the socket, prints the answer, and
ends with 1 for an error.
"""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from virtual.bus import Bus
from virtual.device import Device, Faults
from virtual.models import ROWS
from virtual.observed import seen, told, wait

SOCKET_SECONDS = 20.0


def at(bus: Bus, port: int) -> Device:
    """The device in a port."""
    for device in bus.devices:
        if device.port == port:
            return device
    raise ValueError(f"port {port}: nothing was plugged in there")


def plug(bus: Bus, row: str, faults: Mapping[str, Any] | None = None, **how: Any) -> dict[str, Any]:
    """Plug in; the answer has the port and the sysfs name."""
    if row not in ROWS:
        raise ValueError(f"row {row!r}: there is none of this name")
    device = bus.plug(row, faults=Faults(**faults or {}), **how)
    return {"port": device.port, "name": device.name}


COMMANDS: Mapping[str, Callable[..., Any]] = {
    "plug": plug,
    "unplug": lambda bus, port: bus.unplug(at(bus, port)),
    "seen": lambda bus, port: seen(at(bus, port)),
    "told": lambda bus, port: told(at(bus, port)),
    "say": lambda bus, port, text: at(bus, port).say(text),
    "rows": lambda bus: {row.name: row.id for row in ROWS.values()},
}


def serve(path: str) -> int:
    """One request after the other, until `quit`."""
    with Bus() as bus, socket.socket(socket.AF_UNIX) as door:
        door.bind(path)
        door.listen()
        while True:
            guest, _ = door.accept()
            with guest, guest.makefile("rw") as lines:
                request = json.loads(lines.readline())
                do = request.pop("do", None)
                lines.write(json.dumps({"ok": None} if do == "quit" else _answer(bus, do, request)) + "\n")
            if do == "quit":
                return 0


def _answer(bus: Bus, do: object, request: dict[str, Any]) -> dict[str, Any]:
    """What is wrong with a request, or with the kernel, is told to whoever asked."""
    if not isinstance(do, str) or do not in COMMANDS:
        return {"error": f"do {do!r}: one of {', '.join([*COMMANDS, 'quit'])}"}
    try:
        return {"ok": COMMANDS[do](bus, **request)}
    except Exception as error:  # noqa: BLE001 - a test's mistake must not end the bus
        return {"error": f"{type(error).__name__}: {error}"}


def ask(path: str, request: str) -> int:
    """Send one request."""
    wait(Path(path).exists, path, SOCKET_SECONDS)
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(path)
        with line.makefile("rw") as lines:
            lines.write(request + "\n")
            lines.flush()
            answer = lines.readline()
    print(answer, end="")
    return int("error" in json.loads(answer))


if __name__ == "__main__":
    sys.exit({"serve": serve, "ask": ask}[sys.argv[1]](*sys.argv[2:]))
