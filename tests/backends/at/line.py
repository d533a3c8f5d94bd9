"""A pseudo terminal with a simulated modem at its other end, carried by a thread."""

from __future__ import annotations

import os
import select
import threading
import time
import tty
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from virtual.at_modem import PERSONALITIES, AtModem

from hal.root import Root


class Line:
    """Carries bytes between a port and a modem. The switches may be changed while it runs."""

    def __init__(self, modem: AtModem, tree: Path) -> None:
        self.modem = modem
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self.name = os.ttyname(self._slave)
        self.piece: int | None = None
        """So many bytes at a time, with a pause between."""
        self.slow_seconds = 0.0
        """Before each answer."""
        self.flood = b""
        """Sent for ever, instead of answers."""
        self.flooded_bytes = 0
        self.deaf = False
        """Takes no bytes."""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._carry, daemon=True)
        (tree / "dev").mkdir(parents=True, exist_ok=True)
        (tree / "dev/ttyUSB2").write_text(f"{self.name}\n")
        self.root = Root(tree)
        self._thread.start()

    def say(self, text: str) -> None:
        """An unsolicited line, now."""
        self._send(self.modem.unsolicited(text))

    def fill(self) -> None:
        """From now on it takes no bytes, and its port has no room for more."""
        self.deaf = True
        time.sleep(0.1)
        os.set_blocking(self._slave, False)
        for size in (4096, 1, 1, 1):
            with suppress(BlockingIOError):
                while True:
                    os.write(self._slave, b"x" * (size - 1) + b"\r")
            time.sleep(0.05)

    def unplug(self) -> None:
        """The port vanishes."""
        self._stop.set()
        if threading.current_thread() is not self._thread:
            self._thread.join(5)
        if self._master >= 0:
            os.close(self._master)
            self._master = -1

    def close(self) -> None:
        self.unplug()
        os.close(self._slave)

    def _carry(self) -> None:
        with suppress(OSError):
            while not self._stop.is_set():
                if self.flood:
                    self._send(self.flood)
                    self.flooded_bytes += len(self.flood)
                    continue
                ready, _, _ = select.select([] if self.deaf else [self._master], [], [], 0.01)
                if not ready:
                    continue
                said = self.modem.feed(os.read(self._master, 4096))
                if self.slow_seconds and said:
                    time.sleep(self.slow_seconds)
                size = self.piece or len(said)
                for at in range(0, len(said), size or 1):
                    self._send(said[at : at + size])
                    if self.piece:
                        time.sleep(0.0005)
                if self.modem.reset_requested or self.modem.powered_off:
                    time.sleep(0.05)  # its last words are still read
                    self._stop.set()
                    os.close(self._master)
                    self._master = -1

    def _send(self, data: bytes) -> None:
        view = memoryview(data)
        while view and not self._stop.is_set():
            if select.select([], [self._master], [], 0.01)[1]:
                view = view[os.write(self._master, view) :]


@contextmanager
def line(name: str, tree: Path) -> Iterator[Line]:
    """A modem of this personality at `dev/ttyUSB2` of a tree."""
    made = Line(AtModem(PERSONALITIES[name]), tree)
    try:
        yield made
    finally:
        made.close()
