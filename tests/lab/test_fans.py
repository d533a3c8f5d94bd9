"""A fan controller without a kernel driver, through smbus2 on the kernel's own i2c-stub."""

from __future__ import annotations

import sys

from lab.guest import REPOSITORY, run_in_guest


def test_an_emc2301_on_a_real_bus() -> None:
    (done,) = run_in_guest(
        None,
        [[sys.executable, "-m", "lab.fan_on_stub", "0"]],
        modules=("i2c-dev", "i2c-stub chip_addr=0x2f"),
        environment={"PYTHONPATH": f"{REPOSITORY}:{REPOSITORY}/tests", "PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert (done.status, done.stdout) == (0, "OK\n"), done.stderr
