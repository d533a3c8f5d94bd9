"""Deploying boot files: what is written and what never, and what is refused."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from backends.deployments import (
    BOOT,
    OS,
    PI_LEFT,
    PI_NEW,
    PI_OLD,
    held,
    journal,
    kept,
    put,
    temporary,
    tree,
    untouched,
)

from hal.backends import boot_files
from hal.backends.boot_files import LOGO, OLD_LOGO, STATE, USER, deploy, plan
from hal.backends.boot_order import Why
from hal.backends.boot_partition import FINGERPRINT
from hal.errors import FileFault, HalError
from hal.root import Root


@pytest.fixture
def top() -> Iterator[Path]:
    with temporary() as folder:
        yield Path(folder)


# -- what ----------------------------------------------------------------------------------------------------------


def test_an_update_of_a_pi(top: Path) -> None:
    root = tree(top, PI_NEW, PI_OLD)
    before = untouched(root)
    planned = plan(root, source=OS)
    assert untouched(root) == before, "a plan writes nothing"
    whys = {write.name.removeprefix(f"{BOOT}/"): (write.why, write.size, write.old_size) for write in planned.writes}
    assert whys["boot.scr"] == (Why.CHANGED, 10, 10)
    assert whys["kernel8.img"] == (Why.CHANGED, 9000, 10000)
    assert whys["overlays/deep/er/x.dtbo"] == (Why.NEW, 10, 0)
    assert whys["extra_uEnv.txt"] == (Why.NEW, 0, 0)
    assert planned.identical == (f"{BOOT}/bootcode.bin",)
    assert kept(planned) == {
        "config.json": USER["config.json"],
        "config.txt": USER["config.txt"],
        LOGO: USER[LOGO],
        "resinOS_uEnv.txt": "state of the bootloader",
    }
    done = deploy(root, planned)
    assert done == (*(write.name for write in planned.writes), f"{BOOT}/{FINGERPRINT}")
    assert held(root) == PI_LEFT


def test_what_is_in_order_is_not_written_again(top: Path) -> None:
    root = tree(top, PI_NEW, PI_OLD)
    deploy(root, plan(root, source=OS))
    before = untouched(root)
    again = plan(root, source=OS)
    assert (again.stale, again.writes, again.fingerprints) == ((), (), ())
    assert again.rooms[0].needed == 0
    assert deploy(root, again) == ()
    assert untouched(root) == before


@pytest.mark.parametrize("folder", ["", "EFI/BOOT/", "grub/", "somewhere/new/"])
@pytest.mark.parametrize("name", [*STATE, "GRUBENV", "ResinOS_uEnv.txt"])
@pytest.mark.parametrize("there", [True, False])
def test_state_is_never_deployed(name: str, folder: str, there: bool, top: Path) -> None:
    """Pitfall 1: balenaOS resets grubenv, and until the last hook has run nothing counts boots."""
    root = tree(top, {folder + name: b"shipped", "a.dtb": b""}, {folder + name: b"in use"} if there else {})
    planned = plan(root, source=OS)
    assert kept(planned) == {folder + name: "state of the bootloader"}
    deploy(root, planned)
    assert held(root) == {"a.dtb": b"", **({folder + name: b"in use"} if there else {})}


@pytest.mark.parametrize("old", [None, b"", b"of the user", "a folder", "a dangling link"])
@pytest.mark.parametrize("name", USER)
def test_files_of_the_user_are_created_and_never_replaced(name: str, old: bytes | str | None, top: Path) -> None:
    """Pitfall 9: the user's grub_extraenv is kept in both places. An empty file is a wish, too."""
    root = tree(top, {name: b"shipped", "x.dtb": b"x"}, {} if not isinstance(old, bytes) else {name: old})
    path = top / BOOT / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if old == "a folder":
        path.mkdir()
    elif isinstance(old, str):
        path.symlink_to("nowhere")
    deploy(root, plan(root, source=OS))
    assert (top / BOOT / "x.dtb").read_bytes() == b"x"
    if isinstance(old, str):
        assert path.is_dir() or path.is_symlink()
    else:
        assert path.read_bytes() == (b"shipped" if old is None else old)


@pytest.mark.parametrize("name", ["EFI/BOOT/grub_extraenv", "grub/grub_extraenv"])
def test_pitfall_9_grub_s_file_of_the_user_is_kept_in_both_folders(name: str, top: Path) -> None:
    """By their names as they stand in the partition, whatever the list above says."""
    root = tree(top, {name: b"shipped"}, {name: b"own"})
    deploy(root, plan(root, source=OS))
    assert held(root) == {name: b"own"}


def test_a_board_keeps_more(top: Path) -> None:
    root = tree(top, {"uEnv.txt": b"shipped", "config.txt": b"shipped"}, {"uEnv.txt": b"own", "config.txt": b"own"})
    planned = plan(root, source=OS, keep={**USER, "uEnv.txt": "capes of the user"})
    assert kept(planned)["uEnv.txt"] == "capes of the user"
    deploy(root, planned)
    assert held(root) == {"uEnv.txt": b"own", "config.txt": b"own"}
    deploy(root, plan(root, source=OS, keep={}))
    assert held(root) == {"uEnv.txt": b"shipped", "config.txt": b"shipped"}


LISTED, OTHER = b"shipped long ago", b"drawn by the user"


@pytest.mark.parametrize(
    ("old", "new", "left"),
    [
        # resin-logo, balena-logo before; balena-logo, resin-logo after
        (LISTED, None, (b"of the OS", None)),
        (OTHER, None, (OTHER, None)),
        (None, OTHER, (OTHER, None)),
        (None, None, (b"of the OS", None)),
        (LISTED, OTHER, (OTHER, None)),
        (OTHER, OTHER, (OTHER, None)),
        (OTHER, b"the latest", (b"the latest", OTHER)),
    ],
)
def test_the_splash_under_its_old_name(
    old: bytes | None, new: bytes | None, left: tuple[bytes | None, bytes | None], top: Path
) -> None:
    there = {name: data for name, data in ((OLD_LOGO, old), (LOGO, new)) if data is not None}
    root = tree(top, {LOGO: b"of the OS"}, there)
    # Lines for other files with the same end or start must not count (pitfall 31: an unanchored search).
    listed = [(OTHER, f"old/{OLD_LOGO}"), (OTHER, f"{OLD_LOGO}.old"), (LISTED, OLD_LOGO)]
    lines = "".join(f"{hashlib.md5(data).hexdigest()}  {name}\n" for data, name in listed)
    put(top, BOOT, {FINGERPRINT: lines.encode()})
    deploy(root, plan(root, source=OS))
    now = held(root)
    assert (now.get(LOGO), now.get(OLD_LOGO)) == left


def test_secure_boot_splits_the_files(top: Path) -> None:
    new = {"bzImage": b"k", "EFI/BOOT/grub.cfg": b"g", "device.dtb": b"d", "u-boot.img": b"u", "config.json": b"c"}
    new |= {"EFI/part.dtb": b"p", "flasher-only": b"f"}
    root = tree(top, new, {})
    put(top, "mnt/efi", {"EFI/BOOT/grubenv": b"state"})

    def route(name: str) -> str | None:
        if name.startswith("flasher"):
            return None
        return "mnt/efi" if name.startswith(("EFI/", "bzImage")) else BOOT

    planned = plan(root, source=OS, route=route)
    assert [write.name for write in planned.writes] == [
        "mnt/boot/config.json",
        "mnt/boot/device.dtb",
        "mnt/efi/EFI/part.dtb",
        "mnt/boot/u-boot.img",
        "mnt/efi/bzImage",
        "mnt/efi/EFI/BOOT/grub.cfg",
    ]
    assert kept(planned) == {"resin-boot/flasher-only": "belongs to no partition of this device"}
    assert [room.mount for room in planned.rooms] == ["mnt/boot", "mnt/efi"]
    deploy(root, planned)
    assert held(root) == {"device.dtb": b"d", "config.json": b"c", "u-boot.img": b"u"}
    assert held(root, "mnt/efi") == {
        "EFI/part.dtb": b"p",
        "EFI/BOOT/grub.cfg": b"g",
        "bzImage": b"k",
        "EFI/BOOT/grubenv": b"state",
    }
    assert (top / "mnt/efi" / FINGERPRINT).read_text().count("\n") == 4


def test_the_fingerprint_is_what_the_programs_of_the_os_make(top: Path) -> None:
    root = tree(
        top, PI_NEW, {**PI_OLD, "Zeta": b"", "caf\u00e9/a b": b"1", "caf\u00e9-b": b"3", "sub/config.json": b"2"}
    )
    deploy(root, plan(root, source=OS))
    found = subprocess.run(
        [
            "sh",
            "-c",
            f"find . -type f ! -name {FINGERPRINT} ! -name config.json -exec md5sum {{}} ';' |"
            r" sed 's#\./##' | sort -k2",
        ],
        cwd=top / BOOT,
        env={"LC_ALL": "C", "PATH": os.environ["PATH"]},
        capture_output=True,
        timeout=60,
        check=True,
    )
    assert found.stdout == (top / BOOT / FINGERPRINT).read_bytes()
    (top / BOOT / "config.json").write_bytes(b"another")
    assert plan(root, source=OS).fingerprints == ()
    (top / BOOT / "config.txt").write_bytes(b"another")
    assert plan(root, source=OS).fingerprints == (BOOT,)


# -- interrupted writes --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "held_by_journal", "whole", "left"),
    [
        ("boot.scr", b"of an older OS", True, b"new script"),  # the OS replaces it anyway
        ("bootcode.bin", b"of an older OS", True, b"same in both"),  # identical: fatrw must not take it back
        ("config.json", b'{"later": 1}', True, b'{"later": 1}'),  # the latest wish of the user
        ("config.json", b'{"later": 1}', False, PI_OLD["config.json"]),
        ("config.json", PI_OLD["config.json"], True, PI_OLD["config.json"]),
        ("extra_uEnv.txt", b"console=x", True, b"console=x"),  # not there but for its journal: not created anew
        ("system-connections/wifi", b"other psk", True, b"other psk"),
        (FINGERPRINT, b"stale", True, None),
    ],
)
def test_journals_of_fatrw(name: str, held_by_journal: bytes, whole: bool, left: bytes | None, top: Path) -> None:
    root = tree(top, PI_NEW, {**PI_OLD, journal(name, held_by_journal, whole=whole): held_by_journal})
    planned = plan(root, source=OS)
    finishes = [write.name for write in planned.writes if write.why is Why.FINISHED]
    assert finishes == ([f"{BOOT}/{name}"] if left == held_by_journal and left != PI_OLD.get(name) else [])
    deploy(root, planned)
    assert held(root) == {**PI_LEFT, **({name: left} if left is not None else {})}, "no journal is left"


def test_a_journal_of_the_state_is_left_to_its_back_end(top: Path) -> None:
    waiting = journal("EFI/BOOT/grubenv", b"x")
    root = tree(top, {"a.dtb": b"new"}, {waiting: b"x", "EFI/BOOT/grubenv": b"y"})
    planned = plan(root, source=OS)
    assert "its back end finishes" in kept(planned)[waiting]
    deploy(root, planned)
    assert held(root) == {waiting: b"x", "EFI/BOOT/grubenv": b"y", "a.dtb": b"new"}


# -- refused -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        *('a"b', "a:b", "a*b", "what?", "a<b", "a|b", "back\\slash", "line\nbreak", "dot.", "blank ", "x" * 241),
        *("folder /x", "b\udcff", ".grub.cfg.hal-new", journal("grub.cfg", b"new"), "EFI/A.cfg"),
    ],
)
def test_a_source_with_such_a_name_is_refused(name: str, top: Path) -> None:
    root = tree(top, {"efi/a.cfg": b"", name: b"new", "b.dtb": b"new"}, {"b.dtb": b"old"})
    with pytest.raises(FileFault):
        plan(root, source=OS)
    assert held(root) == {"b.dtb": b"old"}


@pytest.mark.parametrize("damage", ["dangling", "loop", "to a folder", "out", "fifo", "missing", "empty", "a file"])
def test_a_source_that_is_not_sound_is_refused(damage: str, top: Path) -> None:
    root = tree(top, {"b.dtb": b"new"}, {"b.dtb": b"old"})
    path = top / OS / "link.dtb"
    match damage:
        case "dangling":
            path.symlink_to("nowhere")
        case "loop":
            path.symlink_to("link.dtb")
        case "to a folder":
            path.symlink_to("/mnt")
        case "out":
            path.symlink_to("../../outside")
        case "fifo":
            os.mkfifo(path)
        case _:
            (top / OS / "b.dtb").unlink()
            if damage != "empty":
                (top / OS).rmdir()
            if damage == "a file":
                (top / OS).write_bytes(b"")
    with pytest.raises(FileFault, match=r"link\.dtb" if path.is_symlink() or path.exists() else OS):
        plan(root, source=OS)
    assert held(root) == {"b.dtb": b"old"}


def test_a_link_to_a_file_is_deployed_as_a_file(top: Path) -> None:
    root = tree(top, {"real": b"kernel"}, {})
    (top / OS / "bzImage").symlink_to("/resin-boot/real")
    deploy(root, plan(root, source=OS))
    assert held(root) == {"real": b"kernel", "bzImage": b"kernel"}
    assert not (top / BOOT / "bzImage").is_symlink()


@pytest.mark.parametrize(
    ("damage", "match"),
    [
        ("no mount", "mnt/boot: not a folder"),
        ("mount is a file", "mnt/boot: not a folder"),
        ("folder for file", "mnt/boot/z/grub.cfg: not a regular file"),
        ("file for folder", "mnt/boot/z: not a folder"),
        ("link for file", "mnt/boot/z/grub.cfg: not a regular file"),
        ("link for folder", "mnt/boot/z: not a folder"),
        ("folder for the fingerprint", "mnt/boot/balenaos.fingerprint: not a regular file"),
        ("twice", "two directory entries"),
    ],
)
def test_a_target_that_is_not_sound_is_refused(damage: str, match: str, top: Path) -> None:
    root = tree(top, {"a.dtb": b"new", "z/grub.cfg": b"new"}, {"a.dtb": b"old"})
    path = top / BOOT / "z/grub.cfg"
    match damage:
        case "no mount" | "mount is a file":
            (top / BOOT / "a.dtb").rename(top / "mnt/a.dtb")
            (top / BOOT).rmdir()
            if damage == "mount is a file":
                (top / BOOT).write_bytes(b"")
        case "folder for file":
            path.mkdir(parents=True)
        case "file for folder":
            path.parent.write_bytes(b"")
        case "link for file":
            path.parent.mkdir()
            path.symlink_to("nowhere")
        case "link for folder":
            path.parent.symlink_to("/mnt")
        case "folder for the fingerprint":
            (top / BOOT / FINGERPRINT).mkdir()
        case "twice":
            root = Doubled(top)
    before = untouched(root)
    with pytest.raises(FileFault, match=match):
        plan(root, source=OS)
    assert untouched(root) == before


class Doubled(Root):
    """As after fsck: two entries of one visible name."""

    def listdir(self, name: str) -> tuple[str, ...]:
        names = super().listdir(name)
        return (*names, *(each for each in names if each == "a.dtb" and BOOT in name))


@pytest.mark.parametrize(
    ("source", "target"), [("", BOOT), ("/", BOOT), (OS, ""), (OS, OS), (OS, f"{OS}/b"), (f"{BOOT}/z", BOOT)]
)
def test_a_folder_is_not_deployed_into_itself(source: str, target: str, top: Path) -> None:
    root = tree(top, {"a.dtb": b"new", "b/c": b""}, {"z/a.dtb": b"old"})
    with pytest.raises(FileFault, match="one in the other"):
        plan(root, source=source, target=target)


@pytest.mark.parametrize("what", ["source larger", "source new", "target changed", "source gone"])
def test_a_plan_that_no_longer_holds_is_refused(what: str, top: Path) -> None:
    root = tree(top, {"a.dtb": b"new", "b.dtb": b"new"}, {"a.dtb": b"old"})
    planned = plan(root, source=OS)
    match what:
        case "source larger":
            put(top, OS, {"a.dtb": b"newer and longer"})
        case "source new":
            put(top, OS, {"c.dtb": b"new"})
        case "target changed":
            put(top, BOOT, {"b.dtb": b"old"})
        case "source gone":
            (top / OS / "a.dtb").unlink()
    before = untouched(root)
    with pytest.raises(HalError, match="changed since this was planned; nothing was written"):
        deploy(root, planned)
    assert untouched(root) == before


def test_one_writer_of_boot_files_at_a_time(top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boot_files, "_LOCK_SECONDS", 0.05)
    root = tree(top, {"a.dtb": b"new"}, {"a.dtb": b"old"})
    planned = plan(root, source=OS)
    with root.lock("mnt", timeout_seconds=5), pytest.raises(FileFault, match="locked"):
        deploy(root, planned)
    assert held(root) == {"a.dtb": b"old"}
    deploy(root, planned)
    assert held(root) == {"a.dtb": b"new"}
