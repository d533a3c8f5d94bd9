"""The index: the same answers as asking every announcement, from a file that may be missing, stale or damaged."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from fnmatch import fnmatchcase
from importlib.metadata import MetadataPathFinder
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hal.index import Announcement, Index, key, scan

if TYPE_CHECKING:
    from tests.conftest import Site

PROJECT = {
    "hal_beaglebone",
    "hal_jetson",
    "hal_jetson_orin",
    "hal_modems",
    "hal_raspberrypi",
    "hal_wifi",
    "hal_x86_grub",
}
LONG_AGO = 1_000_000_000


def index_of(*announced: tuple[str, str]) -> Index:
    return Index(Announcement(pattern=pattern, module=module, distribution=module) for pattern, module in announced)


def age(folder: Path, seconds: int = LONG_AGO) -> None:
    """Give a folder a settled modification time, another one than any before."""
    os.utime(folder, (seconds, seconds))
    MetadataPathFinder().invalidate_caches()


# -- lookups ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("slug:raspberrypi4-64", "slug:raspberrypi4-64"),
        ("slug:", "slug:"),
        ("of:N*T*Cacme,gateway", "of:acme"),
        ("of:N*T*Cacme,gateway*", "of:acme"),
        ("of:N*T*Cacme,", "of:acme"),
        ("of:N*T*Cacme", "of:"),
        ("of:N*T*C*,gateway", "of:"),
        ("of:N*T*C[a]cme,gateway", "of:"),
        ("of:N*T*Cac?e,gateway", "of:"),
        ("of:NgatewayT*Cacme,gateway", "of:"),
        ("of:*", "of:"),
        ("usb:v12D1p14FE*", "usb:v12D1"),
        ("usb:v12D1", "usb:v12D1"),
        ("usb:v12D*", "usb:"),
        ("usb:v12", "usb:"),
        ("usb:v1?D1p*", "usb:"),
        ("usb:*ic0E*", "usb:"),
        ("dmi:*svnACME:*", "dmi:"),
        ("i2c:ds3231", "i2c:"),
    ],
)
def test_key(pattern: str, expected: str) -> None:
    assert key(pattern) == expected


INDEX = index_of(
    ("slug:acme-gateway", "hal_acme"),
    ("slug:acme", "hal_acme"),
    ("slug:acme-gateway-2", "hal_acme_two"),
    ("slug:shared", "hal_acme"),
    ("slug:shared", "hal_rival"),
    ("of:N*T*Cacme,gateway", "hal_acme"),
    ("of:N*T*Cacme,tegra*", "hal_acme_two"),
    ("of:N*T*C*Cbrcm,bcm2711*", "hal_rival"),
    ("dmi:*svnACME:*", "hal_acme"),
    ("dmi:*", "hal_rival"),
    ("usb:v12D1p14FE*", "hal_modem"),
    ("usb:v12D1p*ic03*", "hal_keyboard"),
    ("usb:v*p*ic0E*", "hal_camera"),
    ("usb:v12D[12]p9*", "hal_set"),
    ("i2c:ds3231", "hal_clock"),
)


@pytest.mark.parametrize(
    ("slug", "modules"),
    [
        ("acme-gateway", ["hal_acme"]),
        ("acme", ["hal_acme"]),
        ("acme-gateway-2", ["hal_acme_two"]),
        ("shared", ["hal_acme", "hal_rival"]),
        ("acme-gatewa", []),
        ("ACME", []),
        ("", []),
        ("*", []),
        ("acme\t", []),
        ("acme\tslug:acme\thal_acme\thal_acme", []),
        ("acme\n", []),
        ("\ud800", []),
    ],
)
def test_owners(slug: str, modules: list[str]) -> None:
    assert [owner.module for owner in INDEX.owners(slug)] == modules
    assert slug in INDEX.slugs() or not modules


@pytest.mark.parametrize(
    ("modaliases", "modules"),
    [
        ((), ()),
        (("of:N*T*Cacme,gateway",), ("hal_acme",)),
        (("of:N*T*Cacme,gateway2",), ()),
        (("of:N*T*Cacme,tegra234-x",), ("hal_acme_two",)),
        (("of:N*T*Cother,boardCbrcm,bcm2711",), ("hal_rival",)),
        (("of:N*T*Cacme,gatewayCbrcm,bcm2711", "of:N*T*Cacme,gateway"), ("hal_acme", "hal_rival")),
        (("dmi:bvnX:svnACME:pn1:",), ("hal_acme", "hal_rival")),
        (("usb:v12D1p14FEd0102dc00dsc00dp00ic03isc01ip01in00",), ("hal_keyboard", "hal_modem")),
        (("usb:v12D1p9999d0000ic0Eisc01",), ("hal_camera", "hal_set")),
        (("usb:v12d1p14fe",), ()),
        (("usb:v12D1p14F",), ()),
        (("usb:",), ()),
        (("i2c:ds3231", "i2c:ds3232"), ("hal_clock",)),
        (("pci:v000010DE", "nonsense", "", ":", "slug", "of"), ()),
        (("usb:v12D1\tp14FE", "usb:v12D1\np14FE"), ()),
        (("usb:*", "dmi", "of:N*T*C*"), ()),
    ],
)
def test_matching(modaliases: tuple[str, ...], modules: tuple[str, ...]) -> None:
    assert INDEX.matching(modaliases) == modules


def test_what_there_is() -> None:
    assert INDEX.board_modules() == ("hal_acme", "hal_acme_two", "hal_rival")
    assert INDEX.addon_modules() == ("hal_camera", "hal_clock", "hal_keyboard", "hal_modem", "hal_set")
    assert INDEX.buses() == {"usb", "i2c"}
    assert {slug: len(owners) for slug, owners in INDEX.slugs().items()} == {
        "acme": 1,
        "acme-gateway": 1,
        "acme-gateway-2": 1,
        "shared": 2,
    }


def test_an_empty_index() -> None:
    index = index_of()
    assert (index.owners("x"), index.slugs(), index.board_modules(), index.addon_modules()) == ((), {}, (), ())
    assert (index.buses(), index.matching(["usb:v12D1p14FE", "of:N*T*Ca,b"]), list(index)) == (frozenset(), (), [])


# A small alphabet, so that patterns and modaliases meet often.
BITS = st.sampled_from(["a", "b", "A", "0", "C", ",", "v", "p", "-", "+"])
WILD = st.sampled_from(["*", "?", "[ab]", "[!a]", "[", "]", "[a*]", "[?", "[]a]"])
STARTS = st.sampled_from(
    ["of:N*T*C", "of:N*T*Ca,", "of:NaT*C", "of:", "usb:v", "usb:va0b0", "usb:", "dmi:", "i2c:", "a:"]
)
PATTERN = st.tuples(STARTS, st.lists(BITS | WILD, max_size=8).map("".join)).map("".join)
MODALIAS = st.tuples(STARTS, st.lists(BITS, max_size=8).map("".join)).map("".join)
MODULE = st.sampled_from(["hal_a", "hal_b", "hal_c", "hal_d"])


def naive(announced: list[tuple[str, str]], modaliases: list[str]) -> tuple[str, ...]:
    """Every announcement is asked about every modalias."""
    return tuple(
        sorted({module for pattern, module in announced for modalias in modaliases if fnmatchcase(modalias, pattern)})
    )


def fitting(pattern: str, filling: str) -> str:
    """A modalias that the pattern probably matches."""
    return re.sub(r"\[.[^]]*\]", "a", pattern).replace("*", filling).replace("?", "b")


@settings(max_examples=400)
@given(st.lists(st.tuples(PATTERN, MODULE), max_size=6), st.lists(MODALIAS, max_size=3), BITS, st.integers(0, 9))
def test_matching_is_the_same_as_asking_every_announcement(
    announced: list[tuple[str, str]], modaliases: list[str], filling: str, place: int
) -> None:
    """Modaliases of the kernel's own form, too: `of:NrtcT(null)Cacme,clock` is what a device on the I²C bus shows."""
    modaliases = [*modaliases, *(fitting(pattern, filling) for pattern, _ in announced[place : place + 1])]
    assert index_of(*announced).matching(modaliases) == naive(announced, modaliases)


@given(st.lists(st.tuples(st.text("ab-", max_size=3).map("slug:".__add__) | PATTERN, MODULE), max_size=12))
def test_lookups_are_the_same_as_filtering(announced: list[tuple[str, str]]) -> None:
    index = index_of(*announced)
    slugs = {pattern.removeprefix("slug:") for pattern, _ in announced if pattern.startswith("slug:")}
    boards = {module for pattern, module in announced if pattern.startswith("slug:")}
    assert set(index.slugs()) == slugs
    for slug in slugs | {"a", "", "aa", "a-b"}:
        expected = {module for pattern, module in announced if pattern == f"slug:{slug}"}
        assert [owner.module for owner in index.owners(slug)] == sorted(expected)
    assert index.board_modules() == tuple(sorted(boards))
    assert index.addon_modules() == tuple(sorted({module for _, module in announced} - boards))
    assert index.buses() == {pattern.partition(":")[0] for pattern, module in announced if module not in boards}
    assert {(item.pattern, item.module) for item in index} == set(announced)


def test_the_project_answers_as_the_naive_search_does() -> None:
    """Every pattern of the seven plugins, asked with every modalias that the patterns themselves spell."""
    index = Index.installed(cache=None)
    announced = [(item.pattern, item.module) for item in index if item.module in PROJECT]
    assert {module for _, module in announced} == PROJECT
    for pattern, _ in announced:
        modalias = pattern.replace("?", "0").removesuffix("*") + "d0001"
        for asked in (modalias, modalias.removesuffix("d0001")):
            assert [m for m in index.matching([asked]) if m in PROJECT] == list(naive(announced, [asked]))


# -- the cache -------------------------------------------------------------------------------------------------------


@pytest.fixture
def kept(site: Site) -> tuple[Callable[[], set[str]], Path]:
    """A function that says which modules the index knows, read through a cache, and the cache."""
    site.announce("one", {"slug:one": "hal_one"})
    age(site.folder)
    cache = site.folder.parent / f"{site.folder.name}-cache" / "plugins.index"

    def known() -> set[str]:
        return {item.module for item in Index.installed(cache, [str(site.folder)])}

    return known, cache


Kept = tuple[Callable[[], set[str]], Path]


def test_the_cache_is_used_while_nothing_changes(kept: Kept, site: Site) -> None:
    """Proven by announcing something behind its back: the folder keeps its time, so the cache still answers."""
    known, cache = kept
    assert known() == {"hal_one"}
    site.announce("two", {"slug:two": "hal_two"})
    age(site.folder)
    assert known() == {"hal_one"}
    cache.unlink()
    assert known() == {"hal_one", "hal_two"}


def test_it_is_stale_after_an_installation_and_after_a_removal(kept: Kept, site: Site) -> None:
    known, _ = kept
    assert known() == {"hal_one"}
    metadata = site.announce("two", {"usb:v12D1*": "hal_two"})
    assert known() == {"hal_one", "hal_two"}, "just installed: scanned"
    age(site.folder, LONG_AGO + 10)
    assert known() == {"hal_one", "hal_two"}, "settled: kept"
    for file in metadata.iterdir():
        file.unlink()
    metadata.rmdir()
    age(site.folder, LONG_AGO - 10)
    assert known() == {"hal_one"}, "an older time is another time, too"


def test_a_folder_that_just_changed_is_not_trusted_to_be_finished(kept: Kept, site: Site) -> None:
    """Whole seconds: a second installation within the same one would go unseen."""
    known, cache = kept
    site.folder.touch()
    assert known() == {"hal_one"}
    assert not cache.exists()


@pytest.mark.parametrize("more", ["in front", "behind", "none"])
def test_other_folders_are_another_installation(more: str, kept: Kept, site: Site, tmp_path: Path) -> None:
    """The cache of a longer or shorter `sys.path` says nothing about this one."""
    known, cache = kept
    other = tmp_path / "other"
    (other / "two-1.0.dist-info").mkdir(parents=True)
    (other / "two-1.0.dist-info/METADATA").write_text("Name: two\n")
    (other / "two-1.0.dist-info/entry_points.txt").write_text("[hal]\nslug:two = hal_two\n")
    age(other)
    both = {"in front": [other, site.folder], "behind": [site.folder, other], "none": []}[more]
    paths = [str(path) for path in both]
    expected = {"hal_one", "hal_two"} if both else set()
    for _ in range(2):
        assert {item.module for item in Index.installed(cache, paths)} == expected
        assert known() == {"hal_one"}


def cut_line(text: bytes) -> bytes:
    return text[: text.rindex(b"\t")]


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda text: b"",
    "binary": lambda text: bytes(range(256)) * 10,
    "not UTF-8": lambda text: text + b"\xff\n",
    "header only": lambda text: b"".join(text.splitlines(keepends=True)[:2]),
    "cut in a line": cut_line,
    "cut before the last newline": lambda text: text[:-1],
    "cut after a line": lambda text: b"".join(text.splitlines(keepends=True)[:-1]),
    "garbage behind the header": lambda text: b"".join(text.splitlines(keepends=True)[:2]) + b"garbage\n",
    "garbage behind the lines": lambda text: text + b"garbage without tabs\n",
    "zeros": lambda text: text[: len(text) // 2] + bytes(len(text) - len(text) // 2),
    "another format": lambda text: text.replace(b"index", b"Index", 1),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_cache_is_ignored(damage: str, kept: Kept, site: Site) -> None:
    """A power cut while it was written leaves any of these; the scan is the truth."""
    known, cache = kept
    site.announce("two", {"slug:two": "hal_two", "of:N*T*Cacme,x": "hal_two"})
    age(site.folder)
    assert known() == {"hal_one", "hal_two"}
    cache.write_bytes(DAMAGE[damage](cache.read_bytes()))
    assert known() == {"hal_one", "hal_two"}
    index = Index.installed(cache, [str(site.folder)])
    assert [owner.module for owner in index.owners("two")] == ["hal_two"]
    assert index.matching(["of:N*T*Cacme,x"]) == ("hal_two",)
    assert known() == {"hal_one", "hal_two"}, "and it was replaced by a sound one, or is still ignored"


@pytest.mark.parametrize("kind", ["folder", "dangling link", "loop", "file for a folder"])
def test_a_cache_that_cannot_be_read_or_written_is_done_without(kind: str, kept: Kept) -> None:
    known, cache = kept
    if kind == "file for a folder":
        cache.parent.write_text("no folder")
    else:
        cache.parent.mkdir()
        if kind == "folder":
            cache.mkdir()
        else:
            cache.symlink_to(cache if kind == "loop" else "/nowhere/at/all")
    for _ in range(2):
        assert known() == {"hal_one"}
    if cache.parent.is_dir():
        assert {path.name for path in cache.parent.iterdir()} == {cache.name}, "nothing is left beside it"


def test_a_cache_that_fills_the_disk_leaves_nothing_behind(kept: Kept, site: Site) -> None:
    known, cache = kept
    site.announce("many", {f"slug:board-{number}": "hal_many" for number in range(1000)})
    age(site.folder)
    code = (
        "import resource, sys; from pathlib import Path; from hal.index import Index\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        "print(len(Index.installed(Path(sys.argv[1]), [sys.argv[2]]).slugs()))\n"
    )
    command = [sys.executable, "-c", code, cache, site.folder]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (answer.stdout, answer.stderr) == ("1001\n", "")
    assert not cache.parent.exists() or list(cache.parent.iterdir()) == []
    assert known() == {"hal_one", "hal_many"}


def test_a_folder_whose_name_is_not_utf_8(kept: Kept, site: Site, tmp_path: Path) -> None:
    _, cache = kept
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    (folder / "two-1.0.dist-info").mkdir(parents=True)
    (folder / "two-1.0.dist-info/METADATA").write_text("Name: two\n")
    (folder / "two-1.0.dist-info/entry_points.txt").write_text("[hal]\nslug:two = hal_two\n")
    age(folder)
    for _ in range(2):
        assert {item.module for item in Index.installed(cache, [str(folder)])} == {"hal_two"}


def test_processes_at_the_same_time_write_one_sound_cache(site: Site) -> None:
    site.announce("many", {f"slug:board-{number}": "hal_many" for number in range(300)})
    age(site.folder)
    cache = site.folder.parent / f"{site.folder.name}-cache" / "plugins.index"
    code = (
        "import sys; from pathlib import Path; from hal.index import Index\n"
        "for _ in range(40):\n"
        "    Path(sys.argv[1]).unlink(missing_ok=True)\n"
        "    assert len(Index.installed(Path(sys.argv[1]), [sys.argv[2]]).slugs()) == 300\n"
    )
    command = [sys.executable, "-c", code, cache, site.folder]
    workers = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    assert [worker.communicate(timeout=120)[1] for worker in workers] == ["", "", ""]
    assert {path.name for path in cache.parent.iterdir()} <= {cache.name}


# -- reading the announcements ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("no-colon", "hal_x"),
        ("*", "hal_x"),
        ("slug:x", "hal_x:attribute"),
        ("slug:x", "hal_x.sub:attribute"),
        ("slug:x", "hal_x [extra]"),
        ("slug:x", "hal-x"),
        ("slug:x", "../hal_x"),
        ("slug:x", "/tmp/hal_x"),
        ("slug:x", "1hal"),
        ("slug:x", ".hal_x"),
        ("slug:x", "hal_x."),
        ("slug:x", "hal_x; import os"),
        ("slug:x", ""),
        ("slug:x\ty", "hal_x"),
    ],
)
def test_an_odd_entry_point_is_refused_alone(name: str, value: str, site: Site) -> None:
    """One that could never match, or that would not import by its name; its neighbours count."""
    site.announce("odd", {"slug:sound": "hal_sound", name: value, "usb:v12D1p0001*": "hal_sound.addon"})
    index = Index.installed(cache=None, paths=[str(site.folder)])
    assert {(item.pattern, item.module) for item in index} == {
        ("slug:sound", "hal_sound"),
        ("usb:v12D1p0001*", "hal_sound.addon"),
    }


@pytest.mark.parametrize("group", ["hals", "hal.more", "HAL", "console_scripts"])
def test_another_group_says_nothing(group: str, site: Site) -> None:
    metadata = site.announce("other", {})
    (metadata / "entry_points.txt").write_text(f"[{group}]\nslug:x = hal_x\n")
    assert scan([str(site.folder)]) == ()


def folder_instead(path: Path) -> None:
    path.unlink()
    path.mkdir()


def dangling_instead(path: Path) -> None:
    path.unlink()
    path.symlink_to("nowhere")


def nothing(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()


def file_instead(folder: Path) -> None:
    nothing(folder)
    folder.rmdir()
    folder.touch()


BROKEN: dict[str, Callable[[Path, Path], object]] = {
    "no METADATA": lambda metadata, _: metadata.unlink(),
    "empty METADATA": lambda metadata, _: metadata.write_bytes(b""),
    "no name": lambda metadata, _: metadata.write_text("Metadata-Version: 2.1\nVersion: 1.0\n"),
    "empty name": lambda metadata, _: metadata.write_text("Name: \n"),
    "tab in the name": lambda metadata, _: metadata.write_text("Name: a\tb\n"),
    "line separators in the name": lambda metadata, _: metadata.write_text("Name: a\u2028b\x0bc\x1cd\n"),
    "folded name": lambda metadata, _: metadata.write_text("Name: a\n b\n"),
    "binary METADATA": lambda metadata, _: metadata.write_bytes(bytes(range(256)) * 8),
    "METADATA is a folder": lambda metadata, _: folder_instead(metadata),
    "dangling METADATA": lambda metadata, _: dangling_instead(metadata),
    "no entry points": lambda _, points: points.unlink(),
    "empty entry points": lambda _, points: points.write_bytes(b""),
    "binary entry points": lambda _, points: points.write_bytes(
        b"[hal]\nslug:broken = hal_broken\n" + bytes(range(256))
    ),
    "entry points without a group": lambda _, points: points.write_text("slug:broken = hal_broken\n"),
    "entry points cut": lambda _, points: points.write_text("[hal]\nslug:broken"),
    "entry points are a folder": lambda _, points: folder_instead(points),
    "dangling entry points": lambda _, points: dangling_instead(points),
    "nothing in it": lambda metadata, _: nothing(metadata.parent),
    "a file": lambda metadata, _: file_instead(metadata.parent),
}


@pytest.mark.parametrize("kind", BROKEN)
@pytest.mark.parametrize("broken", ["a_first", "z_last"])
def test_a_damaged_distribution_takes_no_other_along(broken: str, kind: str, site: Site) -> None:
    """What an installation that was cut off leaves. The damaged one may be known or not; the sound ones are."""
    before = list(Index.installed(cache=None))
    site.announce("m_sound", {"slug:sound": "hal_sound"})
    metadata = site.announce(broken, {"slug:broken": "hal_broken"})
    BROKEN[kind](metadata / "METADATA", metadata / "entry_points.txt")
    cache = site.folder.parent / f"{site.folder.name}-cache" / "plugins.index"
    age(site.folder)
    for _ in range(2):  # the second time from the cache
        index = Index.installed(cache, [str(site.folder)])
        assert [owner.module for owner in index.owners("sound")] == ["hal_sound"]
        assert {item.module for item in index} <= {"hal_sound", "hal_broken"}
        assert set(index.slugs()) <= {"sound", "broken"}
        assert index.matching(["usb:v12D1p14FE"]) == ()
        assert index.buses() == frozenset()
    whole = {(item.pattern, item.module) for item in Index.installed(cache=None)}
    assert {(item.pattern, item.module) for item in before} <= whole


def test_an_earlier_folder_shadows_a_later_one(site: Site, tmp_path: Path) -> None:
    """As for an import: of two versions of one distribution the first on the path counts, alone."""
    site.announce("hal-acme", {"slug:new": "hal_acme"})
    for name in ("hal-acme", "other"):
        metadata = tmp_path / f"{name}-0.9.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text(f"Name: {name}\n")
        (metadata / "entry_points.txt").write_text(f"[hal]\nslug:old-{name} = hal_acme\n")
    index = Index.installed(cache=None, paths=[str(site.folder), str(tmp_path)])
    assert set(index.slugs()) == {"new", "old-other"}


def test_no_plugin_is_imported_by_looking(site: Site) -> None:
    site.install("hal_bomb", "raise SystemExit('imported')", "slug:bomb", "usb:v12D1*", "of:N*T*Cacme,*")
    code = (
        "import json, sys; from hal.index import Index\n"
        "index = Index.installed(cache=None)\n"
        "index.slugs(), index.owners('bomb'), index.matching(['usb:v12D1p14FE', 'of:N*T*Cacme,x']), list(index)\n"
        "print(json.dumps([len(index.owners('bomb')), sorted(m for m in sys.modules if m.startswith('hal_'))]))\n"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], env=site.environment, capture_output=True, text=True, timeout=60, check=True
    )
    assert json.loads(answer.stdout) == [1, []]


def test_folders_that_are_not_there_are_passed_over(site: Site, tmp_path: Path) -> None:
    site.announce("one", {"slug:one": "hal_one"})
    file = tmp_path / "file"
    file.write_text("")
    (tmp_path / "loop").symlink_to("loop")
    paths = ["/no/such/folder", str(file), str(tmp_path / "loop"), "", str(tmp_path), str(site.folder)]
    assert {item.module for item in Index.installed(cache=None, paths=paths)} == {"hal_one"}


# -- the index of an image ---------------------------------------------------------------------------------------------


def test_a_sealed_index_is_valid_whatever_the_times_of_folders(site: Site, tmp_path: Path) -> None:
    site.install("hal_acme", "", "slug:acme-gateway")
    sealed, nowhere = tmp_path / "plugins.index", tmp_path / "missing/plugins.index"
    Index.seal(str(site.folder), sealed)
    age(site.folder)
    sealed.write_bytes(sealed.read_bytes().replace(b"slug:acme-gateway", b"slug:acme-sealed!"))
    here = [str(site.folder), str(tmp_path / "none")]
    assert set(Index.installed(nowhere, here, sealed).slugs()) == {"acme-sealed!"}
    moved = site.folder.rename(tmp_path / "elsewhere")
    assert set(Index.installed(nowhere, [str(moved)], sealed).slugs()) == {"acme-sealed!"}, "paths are no part of it"
    assert set(Index.installed(None, [str(moved)], sealed).slugs()) == {"acme-gateway"}, "no cache, and both are off"


@pytest.mark.parametrize("change", ["more", "less", "version", "torn", "folder", "gone"])
def test_a_sealed_index_of_something_else_is_not_used(site: Site, tmp_path: Path, change: str) -> None:
    site.install("hal_acme", "", "slug:acme-gateway")
    site.install("hal_other", "", "usb:v1234p*")
    sealed, nowhere = tmp_path / "plugins.index", tmp_path / "missing/plugins.index"
    Index.seal(str(site.folder), sealed)
    sealed.write_bytes(sealed.read_bytes().replace(b"slug:acme-gateway", b"slug:acme-sealed!"))
    paths = [str(site.folder)]
    if change == "more":
        site.announce("hal_third", {})
    elif change in ("less", "version"):
        other = site.folder / "hal_other-1.0.dist-info"
        other.rename(site.folder / ("hal_other-1.1.dist-info" if change == "version" else "left_behind"))
    elif change == "torn":
        sealed.write_bytes(sealed.read_bytes()[:-3])
    elif change == "gone":
        sealed.unlink()
    else:
        (tmp_path / "second/more-1.dist-info").mkdir(parents=True)
        paths.append(str(tmp_path / "second"))
    assert set(Index.installed(nowhere, paths, sealed).slugs()) == {"acme-gateway"}
