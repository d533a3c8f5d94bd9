"""Running a device's programs: found inside the root first, standard input given or closed, time and output bounded.

Of a tree only scripts are run, the stand-ins that a generated tree brings along. A compiled program in a recorded tree
or in the image of an OS is the real one, and its `systemctl` would stop services of the machine that runs this.
"""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING

from attrs import frozen

from hal.errors import FileFault, ProgramFault
from hal.record import Record

if TYPE_CHECKING:
    from hal.root import Root

SEARCH = ("usr/local/sbin", "usr/local/bin", "usr/sbin", "usr/bin", "sbin", "bin")
"""Folders searched inside the root, in order."""

MAX_BYTES = 4 * 1024 * 1024
"""The most a program may print, on standard output and on standard error each, before it is stopped."""

_LOOK_SECONDS = 0.05


@frozen(kw_only=True, repr=False, eq=False)
class Completed(Record):
    """A program that ended: exit status, and its output as text."""

    argv: tuple[str, ...]
    status: int
    stdout: str
    stderr: str


def find(root: Root, program: str, *, host: bool) -> Path | None:
    """The executable file for `program`; a name with a slash is a path below the root."""
    for name in (program,) if "/" in program else [f"{folder}/{program}" for folder in SEARCH]:
        with suppress(FileFault):
            if root.is_file(name) and os.access(path := root.resolve(name), os.X_OK):
                return path
    if host and not root.is_machine and "/" not in program:
        return on_this_machine(program)
    return None


def on_this_machine(program: str) -> Path | None:
    """The executable file for a name on the machine that runs this, in its path or in a folder of `SEARCH`."""
    import shutil

    # On Debian the path of who is not root has no sbin, where the tools for file systems are.
    found = shutil.which(program) or shutil.which(program, path=":".join(f"/{folder}" for folder in SEARCH))
    return Path(found) if found else None


def run(
    root: Root,
    argv: Sequence[str],
    *,
    timeout_seconds: float,
    check: bool,
    host: bool,
    stdin: bytes,
    environment: Mapping[str, str],
) -> Completed:
    """See `Root.run`."""
    path = find(root, argv[0], host=host)
    if path is None:
        where = "on this machine" if root.is_machine else f"in the tree {root.directory}"
        raise ProgramFault(f"{argv[0]}: no such program {where}", path=argv[0])
    if not root.is_machine and path.is_relative_to(root.directory) and not _is_script(path):
        raise ProgramFault(
            f"{argv[0]}: only scripts of a tree are run; a compiled program would act on this machine", path=argv[0]
        )
    given = ExitStack()
    try:
        # A program that is a link to one with many names (BusyBox) must see the name it was called by.
        process = subprocess.Popen(
            list(argv),
            executable=path,
            stdin=_stdin(given, stdin),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={
                "PATH": ":".join(f"/{folder}" for folder in SEARCH),
                "LC_ALL": "C",
                "HAL_ROOT": str(root.directory),
                **environment,
            },
            cwd=root.directory,
            start_new_session=True,
        )
    except OSError as error:
        raise ProgramFault(f"{argv[0]}: cannot be started: {os.strerror(error.errno or 0)}", path=argv[0]) from error
    except ValueError as error:  # NUL, or half of a surrogate pair
        raise ProgramFault(f"{argv[0]}: an argument cannot be passed: {error}", path=argv[0]) from error
    finally:
        given.close()
    try:
        stdout, stderr = _output(process, argv[0], timeout_seconds)
    except BaseException:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            with suppress(subprocess.TimeoutExpired):
                process.wait(1)
        raise
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


def _stdin(held: ExitStack, data: bytes) -> int | IO[bytes]:
    """What the program reads: nothing, or these bytes out of a file, which it may read as late as it likes."""
    if not data:
        return subprocess.DEVNULL
    from tempfile import TemporaryFile

    file = held.enter_context(TemporaryFile())  # noqa: SIM115 - the caller closes it
    file.write(data)
    file.seek(0)
    return file


def _is_script(path: Path) -> bool:
    with suppress(OSError), path.open("rb") as file:
        return file.read(2) == b"#!"
    return False


def _output(process: subprocess.Popen[bytes], name: str, timeout_seconds: float) -> tuple[bytes, bytes]:
    """What a program printed until it ended. What it left running may hold the pipes open, and is not waited for."""
    assert process.stdout is not None
    assert process.stderr is not None
    deadline = time.monotonic() + timeout_seconds
    with process.stdout as stdout, process.stderr as stderr, selectors.DefaultSelector() as pipes:
        found = {stdout.fileno(): bytearray(), stderr.fileno(): bytearray()}
        for fd in found:
            pipes.register(fd, selectors.EVENT_READ)
        while True:
            ended = process.poll() is not None
            left = max(0.0, deadline - time.monotonic())
            ready = pipes.select(0 if ended else min(left, _LOOK_SECONDS)) if pipes.get_map() else []
            for key, _ in ready:
                chunk = os.read(key.fd, 65536)
                found[key.fd] += chunk
                if not chunk:
                    pipes.unregister(key.fd)
                if len(found[key.fd]) > MAX_BYTES:
                    raise ProgramFault(f"{name}: printed more than {MAX_BYTES} bytes, stopped", path=name)
            if ended and not ready:
                return bytes(found[stdout.fileno()]), bytes(found[stderr.fileno()])
            if not ended and not pipes.get_map():
                with suppress(subprocess.TimeoutExpired):
                    process.wait(left)
                ended = process.returncode is not None
            if not ended and left == 0:
                raise ProgramFault(f"{name}: did not end within {timeout_seconds:g} s, stopped", path=name)
