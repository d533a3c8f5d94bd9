"""`hal rtc`: real-time clocks, and what the system clock is set to at boot."""

from __future__ import annotations

import click

from hal.cli.init_time import init_time


@click.group()
def rtc() -> None:
    """Real-time clocks, and the time at boot."""


rtc.add_command(init_time)
