"""The userspace of a slot, as a program in the resumed guest: it lays a tree over the disk and runs `hal` on it.

It loads everything, says LAB-READY, and waits; `lab.resumed` saves the machine there. The next line it reads is the
job of one boot, a JSON object. Only then does it load the driver of the disk, so that nothing of another disk is known.
What it says are lines: LAB-BEGIN and LAB-END with the number of each step, LAB-DONE with what they came to.
"""

from __future__ import annotations

import contextlib
import ctypes
import io
import json
import os
import re
import subprocess
import sys
import time
import tty
from pathlib import Path
from typing import Any

TREE = Path("/lab-tree")
DRIVERS = Path("/late")
DISK_SECONDS = 30
RDONLY = 1
LIBC = ctypes.CDLL(None, use_errno=True)
CHECK = "usr/lib/hal/health-checks.d/lab"


def main() -> None:
    console = os.open("/dev/ttyS0", os.O_RDWR | os.O_NOCTTY)
    tty.setraw(console)
    _warm(sys.argv[1:])

    def say(text: str) -> None:
        os.write(console, f"{text}\r\n".encode())

    say("LAB-READY")
    text = b""
    while not re.search(rb"(?m)^\{.*\n", text):  # the first byte after resuming is lost
        text += os.read(console, 4096)
    try:
        said = _boot(json.loads(text[text.index(b"\n{") :]), say)
    except BaseException as error:  # noqa: BLE001 - whatever it is, the host is to read it
        said = {"fault": f"{type(error).__name__}: {error}"}
    say(f"LAB-DONE {json.dumps(said)}")
    time.sleep(3600)


def _warm(slugs: list[str]) -> None:
    """Imports what the commands will import, by running them on trees that hold next to nothing."""
    for slug in slugs:
        root = Path("/warm", slug)
        for folder in ("mnt/boot", "mnt/state", "proc"):
            (root / folder).mkdir(parents=True)
        (root / "mnt/boot/config.json").write_text(json.dumps({"deviceType": slug}))
        (root / "proc/cmdline").write_text("root=LABEL=resin-rootA\n")
        for words in (
            ["rollback", "status"],
            ["rollback", "altboot"],
            ["rollback", "health"],
            ["update", "forward", "--dry-run"],
            ["bootloader", "switch", "B"],
        ):
            _hal(root, words)


def _hal(root: Path, words: list[str]) -> dict[str, Any]:
    """One command: its exit status, and what it said."""
    from hal.cli import main as hal

    out, err = io.StringIO(), io.StringIO()
    status: object = 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            hal(["--root", str(root), "--json", *words])
        except SystemExit as ended:
            status = ended.code
    text = out.getvalue()
    return {"words": words, "status": status, "out": json.loads(text) if text else None, "err": err.getvalue()}


def _boot(job: dict[str, Any], say: Any) -> dict[str, Any]:
    """One boot: checks and mounts, the steps, the status, and in order off the disk where nobody cuts the power."""
    _attach(job)
    _lay(job)
    ran = []
    for number, words in enumerate(job["steps"]):
        say(f"LAB-BEGIN {number}")
        done = _hal(TREE, words)
        say(f"LAB-END {number}")
        ran.append(done)
        if done["out"] and done["out"].get("reboot"):
            break
    status = _hal(TREE, ["rollback", "status"])
    if not job["cut"]:
        for at in reversed(job["mounts"]):
            _call("umount2", f"{TREE}/{at[0]}".encode(), 0)
    return {"ran": [_short(each) for each in ran], "status": _status(status)}


def _attach(job: dict[str, Any]) -> None:
    for module in (DRIVERS / "order").read_text().split():
        subprocess.run(["/bin/busybox", "insmod", str(DRIVERS / module)], check=True)
    last = max(number for _, number, _, _ in job["mounts"])
    until = time.monotonic() + DISK_SECONDS
    while not Path(f"/dev/vda{last}").exists():
        if time.monotonic() > until:
            raise TimeoutError("no disk")
        time.sleep(0.01)
    for file in ("dirty_writeback_centisecs", "dirty_expire_centisecs"):
        Path("/proc/sys/vm", file).write_text("360000")
    Path("/sys/block/vda/bdi/min_ratio").write_text("90")  # as in lab.guest


def _lay(job: dict[str, Any]) -> None:
    """The checks that balenaOS makes, the mounts, and the files of the tree."""
    for at, number, type_, options in job["mounts"]:
        device = f"/dev/vda{number}"
        if type_ == "vfat" and job["fsck"]:
            done = subprocess.run(["/sbin/fsck.fat", "-a", "-w", device], capture_output=True)
            if done.returncode not in (0, 1):
                raise OSError(f"fsck.fat: {done.stdout!r}")
        place = TREE / at
        place.mkdir(parents=True, exist_ok=True)
        flags = RDONLY if options == "ro" else 0
        data = b"" if options in ("ro", "rw") else options.encode()
        _call("mount", device.encode(), str(place).encode(), type_.encode(), flags, data)
    for name, text in job["files"].items():
        (TREE / name).parent.mkdir(parents=True, exist_ok=True)
        (TREE / name).write_bytes(text.encode("latin-1"))
    for name, target in job["links"].items():
        (TREE / name).parent.mkdir(parents=True, exist_ok=True)
        (TREE / name).symlink_to(target)
    disk = Path("/dev/vda").stat()
    (TREE / "dev").mkdir(exist_ok=True)
    os.mknod(TREE / "dev/vda", disk.st_mode, disk.st_rdev)
    # The check that a service of this OS brings says what the OS is.
    kind = (TREE / "mnt/sysroot/active/lab-os").read_text().strip()
    check = TREE / CHECK
    check.parent.mkdir(parents=True)
    check.write_text(f"#!/bin/sh\necho this OS is {kind}\n[ {kind} != unhealthy ]\n")
    check.chmod(0o755)


def _call(name: str, *words: object) -> None:
    if getattr(LIBC, name)(*words):
        raise OSError(f"{name} {words}: {os.strerror(ctypes.get_errno())}")


def _short(done: dict[str, Any]) -> dict[str, Any]:
    """What the serial line need not carry is left out."""
    out = done["out"] or {}
    kept = {key: out[key] for key in ("phase", "done", "failed", "reboot") if key in out}
    return {**done, "out": kept, "err": done["err"][-600:]}


def _status(done: dict[str, Any]) -> dict[str, Any]:
    if not done["out"]:
        return {"phase": None, "err": done["err"][-600:]}
    out = done["out"]
    boot = out["bootloader"]
    return {
        "phase": out["phase"],
        "running": boot["running"],
        "next": boot["next_boot"]["slot"],
        "rule": boot["rule"],
        "then": boot["next_boot"]["then"],
        "breadcrumbs": out["breadcrumbs"],
        "events": out["events"][-3:],
        "notes": out["notes"][:3],
    }


if __name__ == "__main__":
    main()
