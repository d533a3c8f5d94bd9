"""What goes wrong leaves no disk and nothing beside it, and is told in one sentence that names what is missing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from attrs import evolve
from image.disk.deployed import asked, deploy, part, plain

from hal.errors import CapabilityAbsent, Damaged, FileFault, HalError, ProgramFault, ValueRefused
from hal.image.disk import tools, write
from hal.model import PartKind
from hal.root import Root

TESTS = Path(__file__).resolve().parents[2]
SCRIPT = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from image.disk.deployed import plain
from hal.errors import HalError
from hal.image.disk import write
from hal.root import Root
print("ready", flush=True)
try:
    write(plain("raspberrypi4-64"), deploy=Root(sys.argv[2]), output=Path(sys.argv[3]) / "disk")
except HalError as error:
    print(type(error).__name__, error)
"""


def refused(tmp_path: Path, told: object, root: Root, **how: object) -> HalError:
    """The error, with nothing left."""
    (tmp_path / "out").mkdir(exist_ok=True)
    with pytest.raises(HalError) as caught:
        write(told, deploy=root, output=tmp_path / "out/disk", **how)  # type: ignore[arg-type]
    assert list((tmp_path / "out").iterdir()) == []
    return caught.value


# -- before anything is written ----------------------------------------------------------------------------------------


def test_every_missing_source_is_named_at_once(tmp_path: Path) -> None:
    told = plain("raspberrypi4-64", *(part(PartKind.BOOT_FILE, f"{n}.bin", f"firmware/{n}.bin") for n in "abc"))
    (tmp_path / "deploy/firmware").mkdir(parents=True)
    (tmp_path / "deploy/firmware/b.bin").write_bytes(b"b")
    error = refused(tmp_path, told, Root(tmp_path / "deploy"))
    assert isinstance(error, FileFault)
    assert "missing: firmware/a.bin; firmware/c.bin; rootfs/, rootfs.tar or rootfs.ext4" in error.message


def test_a_file_whose_source_nobody_knows_is_asked_for(tmp_path: Path) -> None:
    told = asked("raspberrypi4-64")
    root = deploy(tmp_path / "deploy", told)
    told = evolve(told, device_type=evolve(told.device_type, boot_files=("acme.bin",)))
    assert "boot/acme.bin (its source is not known)" in refused(tmp_path, told, root).message
    (tmp_path / "deploy/boot").mkdir(exist_ok=True)
    (tmp_path / "deploy/boot/acme.bin").write_bytes(b"x")
    write(told, deploy=root, output=tmp_path / "disk")


def test_a_root_without_the_kernel_is_refused(tmp_path: Path) -> None:
    told = plain("raspberrypi4-64")
    root = deploy(tmp_path / "deploy", told)
    (tmp_path / "deploy/rootfs/boot/Image.gz").rename(tmp_path / "deploy/rootfs/boot/vmlinuz")
    assert "rootfs: boot/Image.gz" in refused(tmp_path, told, root).message
    (tmp_path / "deploy/rootfs/boot/Image.gz").symlink_to("vmlinuz")
    write(told, deploy=root, output=tmp_path / "disk")


def test_two_roots_are_refused(tmp_path: Path) -> None:
    told = plain("raspberrypi4-64")
    root = deploy(tmp_path / "deploy", told)
    (tmp_path / "deploy/rootfs.ext4").write_bytes(b"")
    assert "rootfs and rootfs.ext4: one root file system is wanted" in refused(tmp_path, told, root).message


@pytest.mark.parametrize(
    ("name", "size", "sizes", "words"),
    [
        ("rootfs/usr/big", 40 << 20, {"root-a": 20480}, "root-a: its content has 4"),
        ("rootfs/usr/big", 19 << 20, {"root-a": 20480}, "root-a: its content takes 194"),
        ("boot/big", 40 << 20, {"boot": 36864}, "boot: its content has"),
        ("boot/big", 37700000, {"boot": 36864}, "boot: its content takes"),
    ],
)
def test_content_that_does_not_fit_is_refused_with_both_numbers(
    name: str, size: int, sizes: dict[str, int], words: str, tmp_path: Path
) -> None:
    told = plain("raspberrypi4-64")
    root = deploy(tmp_path / "deploy", told)
    (tmp_path / "deploy" / name).parent.mkdir(parents=True, exist_ok=True)
    with (tmp_path / "deploy" / name).open("xb") as file:
        file.truncate(size)
    error = refused(tmp_path, told, root, sizes=sizes)
    assert isinstance(error, ValueRefused)
    assert words in error.message


def test_more_files_than_there_are_inodes(tmp_path: Path) -> None:
    told = plain("raspberrypi4-64")
    root = deploy(tmp_path / "deploy", told, root={f"f/{number}": b"" for number in range(600)})
    assert "inodes" in refused(tmp_path, told, root, sizes={"root-a": 4096}).message


def test_two_files_for_one_place_are_refused_unless_they_are_the_same(tmp_path: Path) -> None:
    told = plain("raspberrypi4-64")
    root = deploy(tmp_path / "deploy", told)
    (tmp_path / "deploy/boot").mkdir(exist_ok=True)
    (tmp_path / "deploy/boot/BOOT.SCR").write_bytes(b"another")
    assert "boot.scr is made by this image" in refused(tmp_path, told, root).message
    data = next(each.data for each in told.of(PartKind.RENDERED_FILE) if each.name == "boot/boot.scr")
    (tmp_path / "deploy/boot/BOOT.SCR").write_bytes(data)
    write(told, deploy=root, output=tmp_path / "disk")


@pytest.mark.parametrize("name", ["a:b", "a?", "a*", "trailing.", "line\nbreak"])
def test_a_name_that_fat_does_not_hold(name: str, tmp_path: Path) -> None:
    told = plain("raspberrypi4-64")
    root = deploy(tmp_path / "deploy", told)
    (tmp_path / "deploy/boot").mkdir(exist_ok=True)
    (tmp_path / "deploy/boot" / name).write_bytes(b"x")
    assert "not a name that FAT holds" in refused(tmp_path, told, root).message


def test_a_name_that_ext4s_tool_has_no_spelling_for(tmp_path: Path) -> None:
    told = plain("raspberrypi4-64")
    root = deploy(tmp_path / "deploy", told, root={"line\nbreak": b""})
    assert "line break" in refused(tmp_path, told, root).message


@pytest.mark.parametrize("there", ["file", "folder", "dangling", "no folder"])
def test_an_output_that_is_there_is_left_alone(there: str, tmp_path: Path) -> None:
    told = plain("raspberrypi4-64")
    root = deploy(tmp_path / "deploy", told)
    output = tmp_path / "disk"
    match there:
        case "file":
            output.write_bytes(b"mine")
        case "folder":
            output.mkdir()
        case "dangling":
            output.symlink_to("nowhere")
        case _:
            output = tmp_path / "none/disk"
    before = sorted(tmp_path.iterdir())
    with pytest.raises(FileFault, match=r"nothing is overwritten|no folder"):
        write(told, deploy=root, output=output)
    assert sorted(tmp_path.iterdir()) == before
    if there == "file":
        assert output.read_bytes() == b"mine"


def test_what_cannot_be_made_is_refused_before_the_folder_is_looked_at(tmp_path: Path) -> None:
    for slug in ("jetson-xavier", "raspberrypicm4-ioboard-sb", "up-core"):
        assert isinstance(refused(tmp_path, asked(slug), Root(tmp_path)), CapabilityAbsent)


@pytest.mark.parametrize("data", [b"", b"not an archive" * 100, b"\x1f\x8b\x08\0broken"])
def test_a_damaged_archive(data: bytes, tmp_path: Path) -> None:
    told = plain("raspberrypi4-64")
    root = deploy(tmp_path / "deploy", told, tree=False)
    (tmp_path / "deploy/rootfs.tar").write_bytes(data)
    assert isinstance(refused(tmp_path, told, root), Damaged)


def test_a_finished_root_that_is_none(tmp_path: Path) -> None:
    told = plain("raspberrypi4-64")
    root = deploy(tmp_path / "deploy", told, tree=False)
    (tmp_path / "deploy/rootfs.ext4").write_bytes(b"\xa5" * 100_000)
    assert "tune2fs" in refused(tmp_path, told, root).message


# -- programs ----------------------------------------------------------------------------------------------------------


def test_missing_programs_are_named_with_their_packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = plain("raspberrypi4-64")
    root = deploy(tmp_path / "deploy", told)
    monkeypatch.setattr(
        "hal.program.on_this_machine", lambda name: None if name in ("mcopy", "mmd", "sfdisk") else Path()
    )
    error = refused(tmp_path, told, root)
    assert isinstance(error, ProgramFault)
    assert error.message == (
        "not installed: sfdisk (fdisk), mcopy (mtools), mmd (mtools); on Debian: apt-get install fdisk mtools"
    )


@pytest.mark.parametrize("name", sorted(tools.PACKAGES))
def test_a_program_that_fails_or_hangs(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from hal import program

    found = program.on_this_machine
    told = plain("raspberrypi4-64", part(PartKind.SPLASH, "splash/balena-logo.png", b"png"))
    root = deploy(tmp_path / "deploy", told)
    if name == "tune2fs":
        subprocess.run(["mke2fs", "-q", "-t", "ext4", tmp_path / "deploy/resin-data.img", "8m"], check=True)
    stand_in = tmp_path / "stand-in"
    monkeypatch.setattr("hal.program.on_this_machine", lambda word: stand_in if word == name else found(word))
    monkeypatch.setattr(tools, "SECONDS", 20)
    stand_in.write_text("#!/bin/sh\necho it is broken >&2\nexit 3\n")
    stand_in.chmod(0o755)
    assert f"{name}: ended with 3: it is broken" in refused(tmp_path, told, root).message
    stand_in.write_text("#!/bin/sh\nexec sleep 60\n")
    monkeypatch.setattr(tools, "SECONDS", 2)
    message = refused(tmp_path, told, root).message
    assert "did not end within 2 s" in message


# -- room and power ----------------------------------------------------------------------------------------------------


def _run(tmp_path: Path, *before: str, **how: object) -> subprocess.Popen[str]:
    told = plain("raspberrypi4-64")
    deploy(tmp_path / "deploy", told, root={"usr/big": os.urandom(20 << 20)})
    (tmp_path / "out").mkdir(exist_ok=True)
    words = [sys.executable, "-c", SCRIPT, str(TESTS), str(tmp_path / "deploy"), str(tmp_path / "out")]
    return subprocess.Popen([*before, *words], stdout=subprocess.PIPE, text=True, **how)


def test_a_file_that_may_not_grow_so_large(tmp_path: Path) -> None:
    done = _run(tmp_path, "prlimit", f"--fsize={100 << 20}")
    said, _ = done.communicate(timeout=120)
    assert "FileFault" in said
    assert "file too large" in said
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize("megabytes", [1, 8, 18])
def test_a_full_disk(megabytes: int, tmp_path: Path) -> None:
    """A file system of so many MiB of its own, which only this process sees."""
    script = 'mount -t tmpfs -o size="$1"m none "$2" && shift 2 && "$@" && ls -A "$6"'
    done = _run(tmp_path, "unshare", "-Urm", "sh", "-c", script, "sh", str(megabytes), str(tmp_path / "out"))
    said, _ = done.communicate(timeout=120)
    assert done.returncode == 0
    lines = said.splitlines()
    assert lines[0] == "ready"
    assert lines[1].startswith(("FileFault", "ProgramFault", "ValueRefused")), said
    assert len(lines) == 2, "nothing is left there"


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_killed_in_the_middle_there_is_no_disk(how: signal.Signals, tmp_path: Path) -> None:
    # A shell without job control starts what it leaves in the background deaf to SIGINT, and that is inherited.
    process = _run(tmp_path, "env", "--default-signal=INT", stderr=subprocess.DEVNULL)
    end = time.monotonic() + 60
    while not list((tmp_path / "out").glob(".disk.*/disk")):
        assert process.poll() is None
        assert time.monotonic() < end
        time.sleep(0.005)
    process.send_signal(how)
    process.communicate(timeout=60)
    assert not (tmp_path / "out/disk").exists()
    if how is signal.SIGINT:
        assert list((tmp_path / "out").iterdir()) == []
    done = _run(tmp_path)
    assert done.communicate(timeout=120)[0] == "ready\n"
    assert (tmp_path / "out/disk").is_file()
