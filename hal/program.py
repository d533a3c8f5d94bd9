"""Running a device's programs: found inside the root first, standard input closed, a deadline on every one."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import frozen

from hal.errors import FileFault, ProgramFault

if TYPE_CHECKING:
    from hal.root import Root

SEARCH = ("usr/local/sbin", "usr/local/bin", "usr/sbin", "usr/bin", "sbin", "bin")
"""Folders searched inside the root, in order."""


@frozen(kw_only=True)
class Completed:
    """A program that ended: exit status, and its output as text."""

    argv: tuple[str, ...]
    status: int
    stdout: str
    stderr: str


def find(root: Root, program: str, *, host: bool) -> Path | None:
    """The executable file for `program`; a name with a slash is a path below the root."""
    for name in (program,) if "/" in program else [f"{folder}/{program}" for folder in SEARCH]:
        with suppress(FileFault):
            path = root.resolve(name)
            if path.is_file() and os.access(path, os.X_OK):
                return path
    if host and not root.is_machine:
        import shutil

        found = shutil.which(program)
        return Path(found) if found else None
    return None


def run(root: Root, argv: Sequence[str], *, timeout_seconds: float, check: bool, host: bool) -> Completed:
    """See `Root.run`."""
    path = find(root, argv[0], host=host)
    if path is None:
        where = "on this machine" if root.is_machine else f"in the tree {root.directory}"
        raise ProgramFault(f"{argv[0]}: no such program {where}", path=argv[0])
    environment = {"PATH": ":".join(f"/{folder}" for folder in SEARCH), "LC_ALL": "C", "HAL_ROOT": str(root.directory)}
    try:
        process = subprocess.Popen(
            [str(path), *argv[1:]],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            cwd=root.directory,
            start_new_session=True,
        )
    except OSError as error:
        raise ProgramFault(f"{argv[0]}: cannot be started: {os.strerror(error.errno or 0)}", path=argv[0]) from error
    try:
        stdout, stderr = process.communicate(timeout=timeout_seconds)
    except subprocess.TimeoutExpired as error:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        raise ProgramFault(f"{argv[0]}: did not end within {timeout_seconds:g} s, stopped", path=argv[0]) from error
    done = Completed(
        argv=tuple(argv),
        status=process.returncode,
        stdout=stdout.decode(errors="replace"),
        stderr=stderr.decode(errors="replace"),
    )
    if check and done.status != 0:
        words = (done.stderr.strip() or done.stdout.strip()).splitlines()
        raise ProgramFault(
            f"{' '.join(argv)}: exit status {done.status}" + (f": {words[-1]}" if words else ""), path=argv[0]
        )
    return done
