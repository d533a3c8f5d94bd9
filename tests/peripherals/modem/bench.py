"""A bench for switching without a device: a tree, a clock that only waiting moves, and a simulated device on the wire.

Whatever the code sends is recorded, so that a test can say that nothing was sent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from backends.usb.sysfs import plug, unplug
from hal_modems.models import MODEMS
from peripherals.modem import sticks

from hal.backends.usb.descriptors import configurations
from hal.errors import HalError, NotApplied
from hal.model import UsbDevice
from hal.peripherals.modem.job import Job
from hal.peripherals.modem.known import know
from hal.peripherals.modem.match import Modem
from hal.peripherals.modem.messages import HUAWEI_NEW
from hal.peripherals.modem.perform import Tools
from hal.peripherals.modem.wire import Link, Stalled, Vanished
from hal.root import Root

ALL = frozenset({"cdc_mbim", "qmi_wwan", "cdc_ncm", "huawei_cdc_ncm", "cdc_ether", "rndis_host", "option", "cdc_acm"})
PASSED, REFUSED = (b"USBS" + bytes(8) + bytes([status]) for status in (0, 1))
STORAGE = sticks.storage(0x12D1, 0x14FE)
Messages = Mapping[str, Callable[["Bench"], None]]


class Bench:
    """One port `1-1`, and what is plugged in there; `takes` are the messages that do something."""

    place = "1-1"

    def __init__(self, directory: Path, *, drivers: frozenset[str] = ALL, status: bytes = PASSED) -> None:
        boot = directory / "proc/sys/kernel/random/boot_id"
        boot.parent.mkdir(parents=True, exist_ok=True)
        boot.write_text("boot-1\n")
        self.root = Root(directory)
        self.seconds = 0.0
        self.sent: list[str] = []
        self.said: list[str] = []
        self.answers: dict[str, str | HalError] = {}
        self.takes: dict[str, Callable[[], None]] = {}
        self.phases: list[str] = []
        self.status = status
        self._number = 1
        self._due: list[tuple[float, Callable[[], None]]] = []
        self.job = Job(
            known=know(self.root, {"hal_modems": MODEMS}),
            has_driver=drivers.__contains__,
            tools=Tools(root=self.root, wire=self, say=self._say, port=self._port, sleep=self.sleep),
            progress=lambda phase, words: self.phases.append(phase),
            now=lambda: self.seconds,
        )

    # -- time ------------------------------------------------------------------------------------------------------

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds
        while self._due and self._due[0][0] <= self.seconds:
            self._due.pop(0)[1]()

    def after(self, seconds: float, action: Callable[[], None]) -> None:
        self._due.append((self.seconds + seconds, action))
        self._due.sort(key=lambda pair: pair[0])

    # -- plugging --------------------------------------------------------------------------------------------------

    def plug(self, descriptors: bytes, chosen: int | None = 1, *, nodes: bool = True, **strings: str) -> None:
        """Appears with a node for each serial port, and a network interface for each network function."""
        self._number += 1
        made: dict[int, tuple[str, ...]] = {}
        for offered in configurations(descriptors):
            for each in offered.functions if offered.value == chosen and nodes else ():
                network = each.triple[:2] in ((2, 6), (2, 14), (2, 13), (0xE0, 1)) or each.triple == (2, 2, 0xFF)
                kinds = {8: (), 0x0A: ()}.get(each.triple[0])
                both = (f"net/wwan{each.number}", f"usbmisc/cdc-wdm{each.number}")
                serial = (f"ttyUSB{each.number}",)
                vendor_network = each.triple in ((0xFF, 3, 0x16), (0xFF, 2, 0x16), (0xFF, 1, 9)) or (
                    each.triple == (0xFF, 0xFF, 0xFF) and each.number in (4, 5)
                )
                made[each.number] = kinds if kinds is not None else both if network or vendor_network else serial
        plug(
            self.root.directory,
            self.place,
            descriptors,
            number=self._number,
            chosen=chosen,
            nodes=made,
            strings=strings,
        )

    def unplug(self) -> None:
        if (self.root.directory / "sys/bus/usb/devices" / self.place).exists():
            unplug(self.root.directory, self.place)

    def becomes(self, descriptors: bytes, *, gone_after: float = 0.4, back_after: float = 0.9, **given: object) -> None:
        """Goes, and comes back as something else."""
        self.after(gone_after, self.unplug)
        self.after(gone_after + back_after, lambda: self.plug(descriptors, **given))  # type: ignore[arg-type]

    # -- the wire --------------------------------------------------------------------------------------------------

    @contextmanager
    def open(self, device: UsbDevice) -> Iterator[Link]:
        if self.root.read_value(f"sys/bus/usb/devices/{device.name}/devnum") != str(device.number):
            raise Vanished(device.name)
        self.sent.append(f"open {device.identity}")
        yield self
        self.sent.append("close")

    def detach(self) -> None:
        self.sent.append("detach")

    def claim(self, interface: int) -> None:
        self.sent.append(f"claim {interface}")

    def write(self, endpoint: int, data: bytes) -> None:
        self.sent.append(f"{endpoint:02x}<{data.hex()}")
        if (action := self.takes.get(data.hex())) is not None:
            action()

    def read(self, endpoint: int, size: int) -> bytes:
        if self.status == b"stall":
            raise Stalled(f"{endpoint:#x}")
        if self.status == b"gone":
            raise Vanished("gone")
        return self.status[:size]

    def control(self, request_type: int, request: int, value: int, index: int, data: bytes, size: int) -> bytes:
        told = f"control {request_type:02x} {request:02x} {value:04x} {index:04x} {data.hex()}".strip()
        self.sent.append(told)
        if (action := self.takes.get(told)) is not None:
            action()
        return bytes(size)

    def clear_halt(self, endpoint: int) -> None:
        self.sent.append(f"clear {endpoint:02x}")

    # -- AT --------------------------------------------------------------------------------------------------------

    def _port(self, modem: Modem) -> str:
        if modem.at is None or modem.at.tty is None:
            raise NotApplied(f"{modem.device.name}: no AT port", path=modem.device.name)
        return modem.at.tty

    def _say(self, tty: str, command: str) -> str:
        self.said.append(f"{tty} {command}")
        if (action := self.takes.get(command)) is not None:
            action()
        answer = self.answers.get(command, "")
        if isinstance(answer, HalError):
            raise answer
        return answer


def stick(bench: Bench, after: bytes = sticks.HUAWEI_A, **how: float) -> Bench:
    """A stick in storage mode that takes Huawei's message."""
    bench.plug(STORAGE)
    bench.takes[HUAWEI_NEW] = lambda: bench.becomes(after, **how)
    return bench
