"""The boot splash: set, read back, reset; the default is never lost; what is refused writes nothing."""

from __future__ import annotations

import os
import shutil
import sys
from base64 import b64encode
from collections.abc import Callable, Iterator
from hashlib import md5
from itertools import product
from pathlib import Path

import pytest
from backends.pictures import DAMAGED, SOUND, TOO_LARGE, WIDE
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from interrupted import CutRoot, PowerCut, snapshot

from hal.backends.boot_files import RESERVE, deploy, plan
from hal.backends.bootloader.base import LOCKS
from hal.backends.splash import BOOT, DEFAULT, FOLDER, LEGACY, LOGO, SHIPPED, BootSplash
from hal.errors import Damaged, FileFault, HalError, ValueRefused
from hal.model import Cost, Outcome
from hal.root import Root
from hal.tree.picture import picture

OWN = picture(20, 10, (0, 0, 200))
OTHER = picture(10, 20, (0, 200, 0))
Make = Callable[..., Root]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """A tree with a boot partition and these files; `None` is no file."""

    def tree(files: dict[str, bytes | None] | None = None) -> Root:
        folder = tmp_path / f"tree-{len(list(tmp_path.iterdir()))}"
        (folder / BOOT).mkdir(parents=True)
        for name, data in ({LOGO: SOUND} if files is None else files).items():
            if data is not None:
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                (folder / name).write_bytes(data)
        return Root(folder)

    return tree


def journal(name: str, data: bytes, *, whole: bool = True) -> str:
    """The name under which fatrw keeps what it is about to write."""
    folder, _, base = name.rpartition("/")
    return f"{folder}/.{base}.0123abcd.{md5(data if whole else b'other').hexdigest()}.md5sum"


def facts(root: Root) -> dict[str, tuple[bytes, int, int]]:
    """Every file, with what a rewrite with the same content would change."""
    found = {}
    for path in sorted(root.directory.rglob("*")):
        if path.is_file():
            told = path.stat()
            found[str(path.relative_to(root.directory))] = (path.read_bytes(), told.st_ino, told.st_mtime_ns)
    return found


# -- set, read, reset --------------------------------------------------------------------------------------------------


def test_set_keeps_the_default_and_reset_goes_back(make: Make) -> None:
    root = make()
    splash = BootSplash(root)
    assert splash.read() == SOUND
    change = splash.preview(WIDE)
    assert change is not None
    assert change.cost is Cost.REBOOT
    assert snapshot(root) == {LOGO: SOUND}, "a preview writes nothing"
    result = splash.set(WIDE)
    assert (result.outcome, result.cost) == (Outcome.ACCEPTED, Cost.REBOOT)
    assert (result.previous, result.value) == (change.previous, change.value)
    assert result.previous.endswith("the default")
    assert snapshot(root) == {LOGO: WIDE, DEFAULT: SOUND}
    assert splash.set(OWN).outcome is Outcome.ACCEPTED
    assert snapshot(root) == {LOGO: OWN, DEFAULT: SOUND}, "the default is the first image, not the one before"
    assert splash.reset().value.endswith("the default")
    assert snapshot(root) == {LOGO: SOUND, DEFAULT: SOUND}
    assert splash.read() == SOUND


@pytest.mark.parametrize(
    "wanted", [WIDE, b64encode(WIDE).decode(), f"data:image/png;base64,{b64encode(WIDE).decode()}"]
)
def test_what_is_set_already_writes_nothing(wanted: bytes | str, make: Make) -> None:
    root = make()
    splash = BootSplash(root)
    splash.set(wanted)
    before = facts(root)
    result = splash.set(wanted)
    assert (result.outcome, result.cost, splash.preview(wanted)) == (Outcome.UNCHANGED, Cost.NONE, None)
    assert facts(root) == before
    splash.reset()
    before = facts(root)
    for _ in range(2):
        assert splash.reset().outcome is Outcome.UNCHANGED
        assert splash.set(SOUND).outcome is Outcome.UNCHANGED
    assert facts(root) == before


@pytest.mark.parametrize("nothing", [None, "", "  \n"])
def test_nothing_asked_for_is_the_default(nothing: str | None, make: Make) -> None:
    root = make({LOGO: WIDE, DEFAULT: SOUND})
    assert BootSplash(root).set(nothing).outcome is Outcome.ACCEPTED
    assert snapshot(root) == {LOGO: SOUND, DEFAULT: SOUND}


def test_a_splash_that_was_never_changed_needs_no_reset(make: Make) -> None:
    root = make()
    assert BootSplash(root).reset().outcome is Outcome.UNCHANGED
    assert BootSplash(root).set(SOUND).outcome is Outcome.UNCHANGED
    assert snapshot(root) == {LOGO: SOUND}


@pytest.mark.parametrize(
    ("before", "wanted", "after"),
    [
        # which file is drawn
        ({LEGACY: SOUND}, OWN, {LEGACY: OWN, DEFAULT: SOUND}),
        ({LEGACY: SOUND, LOGO: OTHER}, OWN, {LEGACY: SOUND, LOGO: OWN, DEFAULT: OTHER}),
        ({LEGACY: OWN, DEFAULT: SOUND}, None, {LEGACY: SOUND, DEFAULT: SOUND}),
        # no image, or none that is worth keeping
        ({}, OWN, {LOGO: OWN}),
        ({LOGO: b""}, OWN, {LOGO: OWN}),
        ({LOGO: SOUND[:50]}, OWN, {LOGO: OWN}),
        ({SHIPPED: SOUND}, OWN, {SHIPPED: SOUND, LOGO: OWN, DEFAULT: SOUND}),
        ({LOGO: b"\0", SHIPPED: SOUND}, OWN, {SHIPPED: SOUND, LOGO: OWN, DEFAULT: SOUND}),
        ({LOGO: b"\0", SHIPPED: b"\0"}, OWN, {SHIPPED: b"\0", LOGO: OWN}),
        # the default that is there stays, damaged or not
        ({LOGO: SOUND, DEFAULT: OTHER}, OWN, {LOGO: OWN, DEFAULT: OTHER}),
        ({LOGO: SOUND, DEFAULT: b"\0"}, OWN, {LOGO: OWN, DEFAULT: b"\0"}),
        ({DEFAULT: SOUND}, OWN, {LOGO: OWN, DEFAULT: SOUND}),
        # an image over the limits was there before: it is kept, and put back
        ({LOGO: TOO_LARGE["a byte too many"][0]}, OWN, {LOGO: OWN, DEFAULT: TOO_LARGE["a byte too many"][0]}),
        (
            {LOGO: OWN, DEFAULT: TOO_LARGE["too wide"][0]},
            None,
            dict.fromkeys((LOGO, DEFAULT), TOO_LARGE["too wide"][0]),
        ),
        # a reset mends what is damaged
        ({LOGO: b"\0", DEFAULT: SOUND}, None, {LOGO: SOUND, DEFAULT: SOUND}),
        ({DEFAULT: SOUND}, None, {LOGO: SOUND, DEFAULT: SOUND}),
        ({LOGO: OWN, DEFAULT: b"\0", SHIPPED: SOUND}, None, dict.fromkeys((LOGO, DEFAULT, SHIPPED), SOUND)),
        ({LOGO: SOUND, DEFAULT: b"\0", SHIPPED: SOUND}, None, dict.fromkeys((LOGO, DEFAULT, SHIPPED), SOUND)),
        ({LOGO: b"\0", SHIPPED: SOUND}, None, dict.fromkeys((LOGO, DEFAULT, SHIPPED), SOUND)),
        ({SHIPPED: SOUND}, None, dict.fromkeys((LOGO, DEFAULT, SHIPPED), SOUND)),
        # what fatrw was about to write
        ({LOGO: SOUND, journal(LOGO, OTHER): OTHER}, OWN, {LOGO: OWN, DEFAULT: SOUND}),
        ({LOGO: OWN, DEFAULT: SOUND, journal(LOGO, OTHER): OTHER}, OWN, {LOGO: OWN, DEFAULT: SOUND}),
        ({LOGO: SOUND, journal(DEFAULT, OTHER): OTHER}, OWN, {LOGO: OWN, DEFAULT: OTHER}),
        ({LOGO: SOUND, journal(DEFAULT, OTHER): OTHER}, None, {LOGO: OTHER, DEFAULT: OTHER}),
        ({LOGO: SOUND, journal(DEFAULT, OTHER, whole=False): OTHER}, OWN, {LOGO: OWN, DEFAULT: SOUND}),
    ],
)
def test_from_files_to_files(
    before: dict[str, bytes], wanted: bytes | None, after: dict[str, bytes], make: Make
) -> None:
    root = make(before)
    splash = BootSplash(root)
    assert splash.preview(wanted) is not None
    assert splash.set(wanted).outcome is Outcome.ACCEPTED
    assert snapshot(root) == after
    assert splash.set(wanted).outcome is Outcome.UNCHANGED
    assert snapshot(root) == after


@pytest.mark.parametrize(
    "before", [{}, {LOGO: b"\0"}, {LOGO: SOUND, DEFAULT: SOUND[:-1]}, {LOGO: OWN, DEFAULT: b"", SHIPPED: b"\0"}]
)
def test_without_any_whole_default_a_reset_says_so(before: dict[str, bytes], make: Make) -> None:
    root = make(before)
    with pytest.raises(FileFault, match="no whole default is kept, and the OS brings none") as fault:
        BootSplash(root).reset()
    assert fault.value.path == DEFAULT
    assert ("remove the file" in fault.value.message) == (DEFAULT in before)
    assert snapshot(root) == before


# -- refusals ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", {**DAMAGED, **TOO_LARGE})
@pytest.mark.parametrize("kept", [None, OTHER])
def test_a_bad_image_is_refused_and_the_old_one_left(case: str, kept: bytes | None, make: Make) -> None:
    root = make({LOGO: SOUND, DEFAULT: kept})
    before = facts(root)
    data, words = {**DAMAGED, **TOO_LARGE}[case]
    forms: list[bytes | str] = [data] if not data else [data, b64encode(data).decode()]
    for wanted, method in product(forms, ("preview", "set")):
        with pytest.raises(ValueRefused) as refusal:
            getattr(BootSplash(root), method)(wanted)
        assert refusal.value.path == "splash"
        assert "1048576 bytes" in refusal.value.allowed[0]
        assert refusal.value.message.endswith("the image in use stays")
        assert words in refusal.value.message or isinstance(wanted, str)
        assert len(refusal.value.message) < 300
    assert facts(root) == before


def test_without_pillow_nothing_is_set_and_the_rest_works(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    root = make({LOGO: OWN, DEFAULT: SOUND})
    for name in [name for name in sys.modules if name.partition(".")[0] == "PIL"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "PIL", None)
    splash = BootSplash(root)
    before = facts(root)
    with pytest.raises(HalError, match=r"Pillow, which is not installed: pip install 'device-hal\[splash\]'"):
        splash.set(WIDE)
    with pytest.raises(ValueRefused, match="no PNG image"):
        splash.set(b"GIF89a")
    assert facts(root) == before
    image = splash.state().image
    assert image is not None
    assert (image.width_pixels, image.whole, image.problem) == (20, None, "")
    assert splash.reset().outcome is Outcome.ACCEPTED, "what was there before is put back"
    assert splash.read() == SOUND


def in_the_way(kind: str, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if kind == "a folder":
        path.mkdir()
    elif kind == "a FIFO":
        os.mkfifo(path)
    elif kind == "a link outside":
        path.symlink_to("../../../../outside.png")
    elif kind == "a link to itself":
        path.symlink_to(path.name)
    else:
        path.write_bytes(SOUND + bytes(5 * 1024 * 1024))


@pytest.mark.parametrize("kind", ["a folder", "a FIFO", "a link outside", "a link to itself", "5 MiB"])
@pytest.mark.parametrize("name", [LOGO, LEGACY, DEFAULT])
def test_what_is_in_the_place_of_a_file_is_a_fault_with_its_name(
    name: str, kind: str, make: Make, tmp_path: Path
) -> None:
    root = make({LOGO: OWN, DEFAULT: SOUND} if name == DEFAULT else {DEFAULT: SOUND})
    (tmp_path / "outside.png").write_bytes(SOUND)
    (root.directory / name).unlink(missing_ok=True)
    in_the_way(kind, root.directory / name)
    before = snapshot(root)
    splash = BootSplash(root)
    for wanted in (WIDE, None):
        with pytest.raises(FileFault) as fault:
            splash.set(wanted)
        assert name in fault.value.message
    assert snapshot(root) == before
    state = splash.state()
    faulty = state.default if name == DEFAULT else state.image
    assert faulty is not None
    assert (faulty.file, faulty.whole, bool(faulty.problem)) == (name, False, True)
    assert (tmp_path / "outside.png").read_bytes() == SOUND


def test_a_link_to_a_file_of_the_tree_stays_a_link(make: Make) -> None:
    root = make({f"{FOLDER}/own.png": SOUND})
    (root.directory / LOGO).symlink_to("own.png")
    BootSplash(root).set(WIDE)
    assert (root.directory / LOGO).is_symlink()
    assert root.read_bytes(f"{FOLDER}/own.png") == WIDE
    assert root.read_bytes(DEFAULT) == SOUND


def test_no_boot_partition(tmp_path: Path) -> None:
    splash = BootSplash(Root(tmp_path))
    for wanted in (WIDE, None):
        with pytest.raises(FileFault, match="mnt/boot: not a folder"):
            splash.set(wanted)
    assert list(tmp_path.iterdir()) == []
    assert splash.state().image is None
    with pytest.raises(FileFault, match=LOGO):
        splash.read()


def test_a_file_in_the_place_of_the_folder(make: Make) -> None:
    root = make({FOLDER: b"a file"})
    with pytest.raises(FileFault, match=FOLDER):
        BootSplash(root).set(WIDE)
    assert snapshot(root) == {FOLDER: b"a file"}
    assert BootSplash(root).state().image is None


@pytest.mark.parametrize("data", [b"", b"GIF89a", SOUND[:20]])
def test_reading_what_is_no_image(data: bytes, make: Make) -> None:
    with pytest.raises(Damaged, match=LOGO):
        BootSplash(make({LOGO: data})).read()


# -- room --------------------------------------------------------------------------------------------------------------


class Small(Root):
    """A file system with so much room, in clusters of 4 KiB."""

    room = 0

    def free_bytes(self, name: str) -> int:
        return self.room

    def cluster_bytes(self, name: str) -> int:
        return 4096


@pytest.mark.parametrize(
    ("files", "wanted", "needed"),
    [
        ({LOGO: SOUND}, WIDE, 4096 + RESERVE),  # the copy of the default takes a cluster for good
        ({LOGO: OWN, DEFAULT: SOUND}, WIDE, 2 * 4096),  # nothing grows: only the moment counts
        ({DEFAULT: SOUND}, WIDE, 4096 + RESERVE),
        ({LOGO: WIDE, DEFAULT: SOUND}, None, 2 * 4096),
        ({LOGO: WIDE, DEFAULT: TOO_LARGE["a byte too many"][0]}, None, 256 * 4096 + RESERVE),
        ({LOGO: TOO_LARGE["a byte too many"][0], DEFAULT: SOUND}, OWN, 2 * 4096),
    ],
)
def test_room_is_looked_at_before_the_first_write(
    files: dict[str, bytes], wanted: bytes | None, needed: int, make: Make
) -> None:
    root = Small(make(files).directory)
    for root.room in (0, needed - 1):
        with pytest.raises(
            FileFault, match=rf"{root.room} bytes are free and {needed} are needed.*nothing was written"
        ):
            BootSplash(root).set(wanted)
        assert snapshot(root) == files
    root.room = needed
    assert BootSplash(root).set(wanted).outcome is Outcome.ACCEPTED


def test_what_is_set_already_needs_no_room(make: Make) -> None:
    root = Small(make({LOGO: SOUND}).directory)
    assert BootSplash(root).set(SOUND).outcome is Outcome.UNCHANGED
    assert BootSplash(root).reset().outcome is Outcome.UNCHANGED


# -- writes that fail, and power cuts ----------------------------------------------------------------------------------


def interrupted(make: Make, files: dict[str, bytes], wanted: bytes | None, mode: str) -> Iterator[Root]:
    """The device after each interruption."""
    for at in range(1, 10):
        root = CutRoot(make(files).directory, at, mode)
        root.armed = True
        try:
            BootSplash(root).set(wanted)
        except (PowerCut, FileFault):
            yield Root(root.directory)
        else:
            assert at > 1
            return


@pytest.mark.parametrize("mode", ["fault", "before"])
@pytest.mark.parametrize(
    ("files", "wanted"),
    [
        ({LOGO: SOUND}, WIDE),
        ({LEGACY: SOUND}, WIDE),
        ({LOGO: SOUND, DEFAULT: SOUND}, WIDE),
        ({LOGO: OWN, DEFAULT: SOUND}, None),
        ({LOGO: OWN, DEFAULT: b"\0", SHIPPED: SOUND}, None),
        ({LOGO: SOUND, journal(DEFAULT, SOUND): SOUND, journal(LOGO, OTHER): OTHER}, WIDE),
    ],
)
def test_no_interruption_loses_the_default(
    files: dict[str, bytes], wanted: bytes | None, mode: str, make: Make
) -> None:
    place = LEGACY if LEGACY in files else LOGO
    seen = set()
    for root in interrupted(make, files, wanted, mode):
        image = root.read_bytes(place)
        seen.add(image)
        assert image in (files[place], SOUND if wanted is None else wanted), "old or new, whole"
        again = BootSplash(root)
        again.set(WIDE)
        assert again.read() == WIDE
        assert root.read_bytes(DEFAULT) in (SOUND, b"\0")
        again.reset()
        assert again.read() == SOUND
    assert files[place] in seen


def test_a_write_that_is_refused(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    root = make()

    def read_only(self: Root, name: str, data: bytes, *, mode: int | None = None) -> None:
        raise FileFault(f"{name}: read-only file system", path=name)

    monkeypatch.setattr(Root, "replace", read_only)
    with pytest.raises(FileFault, match="read-only file system"):
        BootSplash(root).set(WIDE)
    assert snapshot(root) == {LOGO: SOUND}


def test_what_reads_back_different_is_told(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    root = make()
    monkeypatch.setattr(Root, "replace", lambda self, name, data: (self.directory / name).write_bytes(data[:-1]))
    with pytest.raises(FileFault, match="reads back different"):
        BootSplash(root).set(WIDE)
    assert root.read_bytes(LOGO) == SOUND, "the default was wrong, so the image was not touched"


def test_writers_take_turns(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever holds the lock of the mounts keeps a second writer from taking its image for the default."""
    root = make()
    monkeypatch.setattr("hal.backends.splash._LOCK_SECONDS", 0.05)
    with root.lock(LOCKS[0], timeout_seconds=1), pytest.raises(FileFault, match="locked"):
        BootSplash(root).set(WIDE)
    assert snapshot(root) == {LOGO: SOUND}
    assert BootSplash(root).set(WIDE).outcome is Outcome.ACCEPTED


# -- state -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("files", "custom", "legacy"),
    [
        ({}, None, False),
        ({LOGO: SOUND}, None, False),
        ({LOGO: SOUND, DEFAULT: SOUND}, False, False),
        ({LOGO: OWN, DEFAULT: SOUND}, True, False),
        ({LEGACY: SOUND, DEFAULT: SOUND}, False, True),
        ({LEGACY: SOUND, LOGO: OWN}, None, False),
        ({DEFAULT: SOUND}, None, False),
    ],
)
def test_the_state_tells_what_is_drawn(files: dict[str, bytes], custom: bool | None, legacy: bool, make: Make) -> None:
    state = BootSplash(make(files)).state()
    assert (state.custom, state.legacy) == (custom, legacy)
    assert (state.image is None) == (LOGO not in files and LEGACY not in files)
    assert (state.default is None) == (DEFAULT not in files)
    assert bool(state.notes) == (LOGO in files and LEGACY in files)
    if state.image is not None:
        assert state.image.whole is True
        assert state.image.size_bytes == len(files[state.image.file])


@pytest.mark.parametrize(("line", "requested"), [("quiet splash", True), ("quiet", False), ("splashy x=splash", False)])
def test_whether_the_kernel_was_asked_to_draw_it(line: str, requested: bool, make: Make) -> None:
    assert BootSplash(make({"proc/cmdline": f"{line}\n".encode()})).state().requested is requested
    assert BootSplash(make({})).state().requested is None


@pytest.mark.parametrize("case", DAMAGED)
def test_the_state_of_a_damaged_image_is_told_not_raised(case: str, make: Make) -> None:
    splash = BootSplash(make({LOGO: DAMAGED[case][0], DEFAULT: DAMAGED[case][0]}))
    for decode in (True, False):
        state = splash.state(decode=decode)
        for image in (state.image, state.default):
            assert image is not None
            assert (image.whole, bool(image.problem)) == (False, True) or not decode
        assert state.custom is False


def test_interrupted_writes_are_named(make: Make) -> None:
    name = journal(LOGO, OTHER)
    assert BootSplash(make({LOGO: SOUND, name: OTHER})).state().notes == (f"{name} is an interrupted write of {LOGO}",)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(wanted=st.binary(max_size=200) | st.binary(max_size=99).map(SOUND[:60].__add__) | st.text(max_size=60))
def test_nothing_that_is_asked_for_raises_anything_but_an_error_of_ours(wanted: bytes | str, tmp_path: Path) -> None:
    folder = tmp_path / "tree"
    shutil.rmtree(folder, ignore_errors=True)
    (folder / FOLDER).mkdir(parents=True)
    (folder / LOGO).write_bytes(SOUND)
    try:
        BootSplash(Root(folder)).set(wanted)
    except HalError:
        assert (folder / LOGO).read_bytes() == SOUND
        assert not (folder / DEFAULT).exists()


# -- from one disk to another ------------------------------------------------------------------------------------------


def test_r38_a_logo_of_the_flasher_is_there_after_the_installation(make: Make) -> None:
    """The installed disk gets the OS's boot files; the flasher's own logo is then set there, and an update keeps it."""
    flasher, disk = make({LOGO: SOUND}), make({"os/resin-boot/splash/balena-logo.png": SOUND})
    BootSplash(flasher).set(OWN)
    deploy(disk, plan(disk, source="os/resin-boot", target=BOOT))
    assert disk.read_bytes(LOGO) == SOUND
    BootSplash(disk).set(BootSplash(flasher).read())
    assert BootSplash(disk).read() == OWN
    for _ in range(2):
        deploy(disk, plan(disk, source="os/resin-boot", target=BOOT))
        assert (BootSplash(disk).read(), disk.read_bytes(DEFAULT)) == (OWN, SOUND)
    BootSplash(disk).reset()
    assert BootSplash(disk).read() == SOUND
