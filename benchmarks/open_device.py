"""Opening a device in a running process, measured by pyperf: `open_device.py TREE [pyperf options]`."""

from __future__ import annotations

import sys

import pyperf

from hal.device import Device
from hal.plugins import Catalog


def main() -> None:
    # pyperf hands its own options to its worker processes, and an argument of ours only when told.
    tree = sys.argv.pop(1)
    runner = pyperf.Runner(program_args=(sys.argv[0], tree))
    catalog = Catalog()
    runner.bench_func("open-shared", lambda: Device.open(tree, catalog=catalog))
    runner.bench_func("open-fresh", lambda: Device.open(tree))


if __name__ == "__main__":
    main()
