"""WiFi adapters explained: which are here, what each lacks, and what to do. Changes nothing.

The rows come from add-ons (`hal_wifi_firmware`), the devices from sysfs, the rest from where the running kernel looks.
The kernel's log only adds to that: it may have lost its beginning, and its words change.
"""

from __future__ import annotations

from hal.backends.kernel_log import log as kernel_log
from hal.backends.kernel_log import messages
from hal.model import WifiFirmware, WifiReport
from hal.peripherals.wifi.adapter import report
from hal.peripherals.wifi.recognise import Seen, recognise
from hal.peripherals.wifi.regulatory import regulatory
from hal.peripherals.wifi.requests import requests
from hal.root import Root


def check(root: Root, rows: tuple[WifiFirmware, ...], *, log: str | None = None) -> WifiReport:
    """Look at every adapter that a row knows, at what else asked for firmware in vain, and at the regulatory domain.

    `log` is the text of a kernel's log; by default what `dmesg` prints, where it may be seen.
    """
    told = kernel_log(root) if log is None else log
    said = messages(told or "")
    here = recognise(root, rows)
    return WifiReport(
        adapters=tuple(report(root, seen, said) for seen in here),
        requests=requests(root, here, rows, said),
        regulatory=regulatory(root, here, said),
        log_seen=told is not None,
    )


__all__ = ["Seen", "check", "recognise"]
