"""The clocks of a generated tree: what sysfs shows of each, and a file that stands for its device node.

A file cannot tick, so the clocks of a tree stand still until they are set.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from hal.backends.rtc import chips
from hal.backends.rtc.kernel import FOLDER, node_name
from hal.backends.rtc.node import packed
from hal.backends.rtc.registers import FIRST, LAST
from hal.model import Clock, DeviceType
from hal.stdlib import UTC
from hal.tree import TreeFile

TIME = datetime(2026, 1, 1, tzinfo=UTC)
"""What every clock of a new tree shows."""


def clock_files(device_type: DeviceType) -> Iterator[TreeFile]:
    """Every clock of a row that has a number of the kernel's; the others are not always there."""
    for fact in device_type.clocks:
        if fact.rtc is not None:
            folder = f"{FOLDER}/rtc{fact.rtc}"
            yield TreeFile.text(f"{folder}/name", f"{_kernel_name(fact)}\n")
            yield TreeFile.text(f"{folder}/hctosys", f"{int(fact.rtc == 0)}\n")
            if fact.driver in chips.BY_NAME:
                yield TreeFile.text(f"{folder}/range", f"[{int(FIRST.timestamp())}, {int(LAST.timestamp())}]\n")
            yield TreeFile(name=node_name(fact.rtc), data=packed(TIME))


def _kernel_name(fact: Clock) -> str:
    """Driver and device, as the kernel would call them; a bus that is not known is taken to be 1."""
    chip = chips.BY_NAME.get(fact.driver)
    driver = chip.kernel_driver if chip else fact.driver
    if chip is None or fact.i2c_address is None:
        return f"{driver} {driver}"
    return f"{driver} {1 if fact.i2c_bus is None else fact.i2c_bus}-{fact.i2c_address:04x}"
