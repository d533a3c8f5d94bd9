"""Debian's U-Boot for QEMU's arm64 `virt` machine; the disk is its device `virtio 0`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from subprocess import DEVNULL, run
from tempfile import TemporaryDirectory

from lab.console import COMMON, Booted, Machine, drive
from lab.disk import ENVIRONMENT, Disk

FIRMWARE = "/usr/lib/u-boot/qemu_arm64/u-boot.bin"
MACHINE = ("qemu-system-aarch64", "-M", "virt", "-cpu", "cortex-a57", "-m", "128", "-bios", FIRMWARE, *COMMON)
PROMPT = "\n=> "
RAM = 0x4000_0000  # where the machine's memory begins; U-Boot moves itself to its end
STOP_AUTOBOOT = "\n"  # waits in the serial port until U-Boot looks for a key


def script(commands: str) -> bytes:
    """These commands as a `boot.scr`."""
    with TemporaryDirectory() as folder:
        text, made = Path(folder) / "boot.cmd", Path(folder) / "boot.scr"
        text.write_text(commands)
        words = ["mkimage", "-q", "-A", "arm64", "-T", "script", "-C", "none", "-n", "boot", "-d", text, made]
        run(words, check=True, env=ENVIRONMENT, stdout=DEVNULL)
        return made.read_bytes()


class UBoot:
    """Boots `boot.scr` of the disk's boot partition, as U-Boot's standard boot does, looking nowhere else."""

    def install(self, disk: Disk) -> None:
        """Nothing: U-Boot is the machine's firmware."""

    def boot(self, disk: Disk, *, timeout_seconds: float = 60) -> Booted:
        with Machine([*MACHINE, *drive(disk, "virtio-blk-device")], timeout_seconds=timeout_seconds) as machine:
            machine.send(STOP_AUTOBOOT)
            started = machine.outcome(PROMPT)
            if started.ended != "prompt":
                return started
            machine.send("setenv boot_targets virtio0; boot\r")
            return machine.outcome(PROMPT)

    def answers(
        self,
        commands: Sequence[str],
        *,
        disk: Disk | None = None,
        memory: Mapping[int, bytes] | None = None,
        timeout_seconds: float = 60,
    ) -> list[str]:
        """Types the commands into one U-Boot and returns what each printed, lines ended by a line feed alone.

        TimeoutError, with all that was said, when a command does not come back.
        `memory` is put at these addresses before U-Boot starts; from RAM + 1 MiB to RAM + 64 MiB is free.
        """
        with TemporaryDirectory() as folder:
            words = [*MACHINE, *(drive(disk, "virtio-blk-device") if disk else ())]
            for address, data in (memory or {}).items():
                content = Path(folder) / f"{address:x}"
                content.write_bytes(data)
                words += ["-device", f"loader,file={content},addr={address:#x},force-raw=on"]
            with Machine(words, timeout_seconds=timeout_seconds) as machine:
                machine.send(STOP_AUTOBOOT)
                machine.until(PROMPT)
                said = []
                for command in commands:
                    machine.send(f"{command}\r")
                    if machine.until(PROMPT) is None:
                        raise EOFError(f"U-Boot ended at {command!r}: {machine.said}")
                    said.append(machine.before().replace("\r", "").partition("\n")[2])
                return said
