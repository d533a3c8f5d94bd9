"""The command line: nouns, as in `nmcli` and `bootctl`. Thin; one file a noun, loaded when it is used.

Exit status: 0 done, 1 failed, 2 wrong usage, 3 board unknown or ambiguous, 4 this board lacks the capability. With
`--json`, results go to standard output and errors to standard error, both as JSON.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence
from importlib import import_module

import click

from hal import __version__
from hal.cli.common import Options, root_options
from hal.errors import HalError

_NOUNS = {
    "show": "this board at a glance",
    "identify": "which device type this is, and the evidence",
    "boards": "every device type known; one in detail",
    "capabilities": "what this board can do, as a document",
    "config": "keys of config.json: list, get, set, unset",
    "plan": "what config.json would change here",
    "apply": "make the changes that plan shows",
    "bootloader": "slots, boot count, and what the next boot does",
    "rollback": "an update on trial, and why one was undone",
    "update": "the board's part of an OS update",
    "fan": "fan profiles: status, set, run",
    "power": "power modes: status, set",
    "splash": "the boot splash: status, set, reset",
    "rtc": "real-time clocks: list, read, set; and the time at boot",
    "wifi": "WiFi adapters: list, check",
    "boot-config": "what the firmware reads before the kernel",
    "modem": "USB modems: list, switch, info, check, recover; rules for udev",
    "tree": "a tree for any device type, to try things on",
    "image": "what goes into an OS image: build, explain, diff; boot files",
    "record": "this machine as a tree archive, secrets scrubbed",
    "doctor": "what is wrong on this device, and what to do",
}


class _Nouns(click.Group):
    """Loads the module of a noun when it is called, and none of them for the list."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_NOUNS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _NOUNS:
            return None
        name = cmd_name.replace("-", "_")
        try:
            command = getattr(import_module(f"hal.cli.{name}"), name)
        except ModuleNotFoundError as error:
            if not (error.name or "").startswith("hal.image"):
                raise
            raise HalError(
                f"{cmd_name}: the OS build's part of hal is not installed: pip install 'device-hal[image]'"
            ) from error
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(_NOUNS.items()))


@click.group(cls=_Nouns, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="hal")
@root_options
@click.pass_context
def hal(ctx: click.Context, root: str | None, board: str | None, as_json: bool) -> None:
    """One vocabulary for the hardware of every balenaOS device.

    --root, --board and --json may stand before or behind the command.

    Exit status: 0 done, 1 failed, 2 wrong usage, 3 board unknown or ambiguous, 4 this board lacks the capability.
    """
    ctx.obj = Options(root=root, board=board, as_json=as_json)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit with its status."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    gc.disable()  # a command is over before a search for cycles pays …
    status = _run(words)
    gc.freeze()  # … and the interpreter searches once more on its way out
    sys.exit(status)


def _run(words: list[str]) -> int:
    as_json = "--json" in words
    try:
        status = hal.main(words, prog_name="hal", standalone_mode=False)
        if sys.stdout is not None:
            sys.stdout.flush()
        return status if isinstance(status, int) else 0
    except HalError as error:
        from hal.cli.common import report

        report(error, as_json=as_json)
        return error.exit_status
    except click.UsageError as error:
        if as_json:
            from hal.cli.common import print_json

            print_json({"error": {"code": "usage", "message": error.format_message(), "path": None}}, stream=sys.stderr)
        else:
            error.show()
        return 2
    except click.Abort:
        return 130
    except OSError as error:  # only printing gets here: what a device's files answer is a HalError
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what is left in the buffer goes nowhere
        if not isinstance(error, BrokenPipeError):
            print(f"hal: cannot print: {os.strerror(error.errno or 0).lower()}", file=sys.stderr)
        return 1
