"""What knowing many modems costs, and how soon a switched one can be used; the second in a guest with a real kernel."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from attrs import evolve
from hal_modems.models import MODEMS
from installation import REPOSITORY

from hal.model import UsbDevice
from hal.peripherals.modem.known import Known, KnownModel
from hal.peripherals.modem.match import recognise

sys.path.insert(0, str(REPOSITORY / "tests"))
from lab.test_modems import FIXED_WAIT_SECONDS
from lab.usb import on_usb_bus

FEW, MANY = 6, 1000
ROUNDS = 30
LOOKS = 200


def costs() -> dict[str, list[float]]:
    """By figure, a value of each round; both sides of a ratio are measured within it, as CPU time."""
    few, many = _known(FEW), _known(MANY)
    device = UsbDevice(
        name="1-1", vendor_id=0x2C7C, product_id=0x0125, revision=0x318, triple=(0xEF, 2, 1), bus=1, number=2,
        configuration=1,
    )  # fmt: skip
    assert recognise(device, few) is not None
    assert recognise(device, many) is not None
    ratios = []
    for _ in range(ROUNDS):
        small = _cpu(lambda: [recognise(device, few) for _ in range(LOOKS)])
        ratios.append(_cpu(lambda: [recognise(device, many) for _ in range(LOOKS)]) / small)
    return {"modem-models": ratios}


def ready() -> dict[str, list[float]]:
    """How long after a stick was back its ports were there and named, over usb_modeswitch and a fixed wait.

    Both in the same guest, stick by stick. usb_modeswitch looks once a second; scripts then sleep for its ports.
    """
    found = on_usb_bus("lab.modem_stories:side_by_side", timeout_seconds=900)
    told = "ended after it was back"
    return {
        "modem-ready": [each["ours"][told] / (each["program"][told] + FIXED_WAIT_SECONDS) for each in found.values()]
    }


def _known(count: int) -> Known:
    """The models of the table, and as many more with ids of their own."""
    models = [
        each for each in MODEMS if each.name in ("EC20 R2", "EC20 R1", "SIM7600E", "ME909s-120", "MS2372", "TOBY-L2")
    ]
    for number in range(count - len(models)):
        identity = evolve(models[0].identities[0], vendor_id=0x4000 + number // 100, product_id=number)
        models.append(evolve(MODEMS[0], name=f"other {number}", identities=(identity,)))
    assert len(models) == count
    return Known(KnownModel(model=each, origin="bench", rank=3) for each in models)


def _cpu(call: Callable[[], object]) -> float:
    began = time.process_time()
    call()
    return time.process_time() - began
