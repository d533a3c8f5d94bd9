"""Crash states: that all of them are made, and that the usual ways to replace a file on FAT have bad ones."""

from __future__ import annotations

import json
import struct
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.blocklog import MAGIC, MARK_MAGIC, MARK_SECTOR, SECTOR, Entry, Flush, LogError, Mark, Write, between, read_log
from lab.crash import CrashError, Image, State, after_e2fsck, after_fsck, all_states, ext4_contents, in_order, reordered
from lab.disk import Disk
from lab.guest import CACHE, REPOSITORY, Mount, run_in_guest
from lab.guest import Mark as Here
from lab.recipes import LARGE, NEW, OLD, RECIPES, RENAMES, SMALL, SYNC_MOUNT, sized, states_of, verdict

EXT4_BOUND = 30  # combinations drawn of each epoch on ext4, where every state costs an e2fsck
FIGURES = CACHE / "crash.json"


def sector(content: str) -> bytes:
    return content.encode().ljust(SECTOR, b".")


def shown(state: State, sectors: int) -> str:
    """The first byte of each sector."""
    return state.read(0, sectors * SECTOR)[::SECTOR].decode()


def entries(text: str) -> list[Entry]:
    """Entries from words: `1ab` writes "a" and "b" to sectors 1 and 2, `|` flushes."""
    made: list[Entry] = []
    for word in text.split():
        made.append(Flush() if word == "|" else Write(int(word[0]), b"".join(sector(c) for c in word[1:])))
    return made


IMAGE = Image(b"".join(sector(letter) for letter in "xyz"))

# -- which states there are ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("log", "ordered", "late"),
    [
        ("", "xyz", "xyz"),
        ("|", "xyz", "xyz"),
        ("0a", "xyz ayz", "xyz ayz"),
        ("0x", "xyz", "xyz"),
        ("0a | 1b", "xyz ayz abz", "xyz ayz abz"),
        ("0a 1b", "xyz ayz abz", "xyz ayz xbz abz"),
        ("0ab", "xyz abz", "xyz ayz xbz abz"),  # one request, torn
        ("0a 0b", "xyz ayz byz", "xyz ayz byz"),
        ("0a 1b 0c |", "xyz ayz abz cbz", "xyz ayz cyz xbz abz cbz"),
        ("0a 0x | 1b", "xyz ayz xbz", "xyz ayz xbz"),
    ],
)
def test_states(log: str, ordered: str, late: str) -> None:
    made = entries(log)
    assert {shown(state, 3) for state in in_order(IMAGE, made).states} == set(ordered.split())
    assert {shown(state, 3) for state in reordered(IMAGE, made).states} == set(late.split())
    everything = [shown(state, 3) for state in all_states(IMAGE, made).states]
    assert sorted(everything) == sorted({*ordered.split(), *late.split()})


def simulated(made: Sequence[Entry]) -> set[tuple[bytes, ...]]:
    """What a disk can hold that may write any cached sector at any time: all its runs, one step after the other."""
    start = (tuple(IMAGE.sector(number) for number in range(3)), (None, None, None))
    runs: set[tuple[tuple[bytes, ...], tuple[bytes | None, ...]]] = {start}
    seen = {start[0]}
    for entry in made:
        after = set()
        for disk, cache in runs:
            if isinstance(entry, Write):
                new = list(cache)
                for place in range(len(entry.data) // SECTOR):
                    new[entry.sector + place] = entry.data[place * SECTOR : (place + 1) * SECTOR]
                after.add((disk, tuple(new)))
            else:
                after.add((tuple(c or d for c, d in zip(cache, disk, strict=True)), (None, None, None)))
        runs = set(after)
        while after:  # the disk writes a cached sector, as often as it likes
            disk, cache = after.pop()
            for number, data in enumerate(cache):
                if data is not None:
                    step = (*disk[:number], data, *disk[number + 1 :]), cache
                    if step not in runs:
                        runs.add(step)
                        after.add(step)
        seen |= {disk for disk, _ in runs}
    return seen


WRITES = st.integers(0, 2).flatmap(
    lambda first: st.text("abx", min_size=1, max_size=3 - first).map(lambda text: f"{first}{text}")
)


@given(st.lists(WRITES | st.just("|"), max_size=7).map(" ".join))
def test_the_states_are_those_of_a_simulated_disk(log: str) -> None:
    made = entries(log)
    found = all_states(IMAGE, made)
    assert found.skipped == 0
    held = [tuple(state.read(number * SECTOR, SECTOR) for number in range(3)) for state in found.states]
    assert len(held) == len(set(held))
    assert set(held) == simulated(made)


def test_a_unit_is_never_torn() -> None:
    image = Image(b"".join(sector(letter) for letter in "uvwxyz"))
    made = entries("1ab 4c | 3d 4e")
    found = {shown(state, 6) for state in reordered(image, made, unit=2 * SECTOR).states}
    # Units are 0-1, 2-3 and 4-5; the request for 1 and 2 is torn between two of them.
    first = {f"u{a}{b}x{c}z" for a in "va" for b in "wb" for c in "yc"}
    assert found == first | {f"uab{d}{e}z" for d in "xd" for e in "ce"}
    with pytest.raises(CrashError, match="a unit of 700 bytes"):
        reordered(image, made, unit=700)


def test_what_is_not_made_is_counted() -> None:
    image = Image(bytes(20 * SECTOR))
    made = [Write(0, sector("first")), Flush(), *(Write(number, sector("new")) for number in range(20)), Flush()]
    found = reordered(image, made, bound=100, seed=1)
    held = {shown(state, 20) for state in found.states}
    for count in range(20):  # prefixes, single sectors, all but one: whatever the seed
        assert "f" + "\0" * 19 in held
        assert "n" * (count + 1) + ("f" + "\0" * 19)[count + 1 :] in held
        assert ("n" * 20)[:count] + ("f" + "\0" * 19)[count] + ("n" * 20)[count + 1 :] in held
    assert 2**20 - found.skipped + 1 == len(held) > 140
    assert held == {shown(state, 20) for state in reordered(image, made, bound=100, seed=1).states}
    assert held != {shown(state, 20) for state in reordered(image, made, bound=100, seed=2).states}
    assert reordered(image, made[2:14], bound=2**12).skipped == 0


@given(st.dictionaries(st.integers(0, 15), st.sampled_from("\0ab").map(lambda c: c.encode() * SECTOR)), st.data())
def test_a_state_reads_as_its_file(tmp_path_factory: pytest.TempPathFactory, changes: Any, data: Any) -> None:
    image = Image(bytes(5 * SECTOR) + b"image" * SECTOR + bytes(6 * SECTOR))
    state = State.of(image, changes.items())
    path = tmp_path_factory.getbasetemp() / "state"
    state.write_to(path)
    whole = path.read_bytes()
    assert len(whole) == 16 * SECTOR
    offset = data.draw(st.integers(0, 16 * SECTOR))
    size = data.draw(st.integers(0, 16 * SECTOR))
    assert state.read(offset, size) == whole[offset : offset + size]
    part = state.part(4 * SECTOR, 7 * SECTOR)
    assert part.read(0, 99 * SECTOR) == whole[4 * SECTOR : 11 * SECTOR]
    assert part.image is State(image, {}).part(4 * SECTOR, 7 * SECTOR).image


# -- the log -----------------------------------------------------------------------------------------------------------


def log_of(*requests: tuple[int, int, int, bytes], count: int | None = None, block: int = SECTOR) -> bytes:
    """A log: sector, number of sectors, flags and data of each request."""
    head = struct.pack("<QQQI", MAGIC, 1, len(requests) if count is None else count, block).ljust(block, b"\0")
    return head + b"".join(
        struct.pack("<QQQQ", number, sectors, flags, len(data)).ljust(block, b"\0") + data
        for number, sectors, flags, data in requests
    )


def test_a_log_is_read(tmp_path: Path) -> None:
    path = tmp_path / "log"
    mark = (MARK_MAGIC + b"begin").ljust(SECTOR, b"\0")
    path.write_bytes(
        log_of(
            (7, 2, 0, sector("a") + sector("b")),
            (0, 0, 1, b""),
            (9, 1, 2, sector("c")),
            (MARK_SECTOR - 7, 8, 0, bytes(7 * SECTOR) + mark),
            (20, 2, 4, b""),
            (3, 1, 1, sector("d")),
            (MARK_SECTOR, 1, 0, mark.replace(b"begin", b"ended")),
        )
    )
    during = (Write(20, bytes(2 * SECTOR)), Flush(), Write(3, sector("d")))
    before = (Write(7, sector("a") + sector("b")), Write(9, sector("c")))
    assert read_log(path) == (before[0], Flush(), before[1], Mark("begin"), *during, Mark("ended"))
    assert between(read_log(path), "begin", "ended") == (before, during)
    with pytest.raises(LogError, match=r"no mark 'other': there are \['begin', 'ended'\]"):
        between(read_log(path), "begin", "other")


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        (b"", "0 bytes are no log"),
        (bytes(SECTOR), "magic 0x0"),
        (log_of(block=256), "blocks of 256"),
        (log_of(count=1), "ends in entry 0 of 1"),
        (log_of((0, 2, 0, bytes(SECTOR))), "ends in the data of entry 0"),
        (log_of((0, 1, 8, bytes(SECTOR))), "a mark of dm-log-writes"),
    ],
)
def test_a_damaged_log_is_refused(raw: bytes, told: str, tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(raw)
    with pytest.raises(LogError, match=told):
        read_log(tmp_path / "log")


# -- real file systems ---------------------------------------------------------------------------------------------


SORTS = {"small": (SMALL, (*RECIPES, SYNC_MOUNT)), "large": (LARGE, RENAMES)}


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, dict[str, Any]]]:
    """The figures of all recipes on both FATs, also left in a file for who wants to print them."""
    found = {}
    for filesystem in ("fat16", "fat32"):
        for sort, (size, names) in SORTS.items():
            rows = states_of(tmp_path_factory.mktemp(f"{filesystem}-{sort}"), filesystem, size, names)
            found[f"{filesystem} {sort}"] = {str(row["recipe"]): row for row in rows}
    FIGURES.parent.mkdir(parents=True, exist_ok=True)
    FIGURES.write_text(json.dumps(found, indent=2))
    return found


GOOD = {
    "fat16 small": {"overwrite", "truncate", "rename_held"},
    "fat16 large": {"rename_held"},
    "fat32 small": {"overwrite", "rename_held"},
    "fat32 large": {"rename_held"},
}


@pytest.mark.parametrize(("sort", "recipe"), [(sort, name) for sort in GOOD for name in SORTS[sort.split()[1]][1]])
def test_only_overwriting_and_a_held_rename_have_no_bad_state(measured: Any, sort: str, recipe: str) -> None:
    """Truncating is good only while the first free cluster is the one just given up, as on a FAT16 newly mounted.

    FAT32 remembers where the last cluster was taken, and a second truncation on FAT16 takes another cluster, too.
    """
    row = measured[sort][recipe]
    assert row["requests"] >= 2
    assert row["flushes"] >= 1
    assert row["in_order"] >= 3
    assert row["skipped"] == 0
    good = recipe in GOOD[sort]
    assert (row["reordered_bad"] == 0) == good, row
    assert (row["bad_after_fsck"] == 0) == good, row


def test_a_disk_that_keeps_the_order_shows_less(measured: Any) -> None:
    """What is flushed step by step has no bad state there: only reordering finds it."""
    for sort, rows in measured.items():
        kept = {"overwrite", "rename_flush", "rename_held", "fatrw", SYNC_MOUNT} & set(rows)
        assert not any(rows[name]["in_order_bad"] for name in kept), sort
    assert measured["fat16 small"]["truncate_sync"]["in_order_bad"]
    assert measured["fat32 small"]["truncate_sync"]["in_order_bad"]


@pytest.mark.parametrize("sort", GOOD)
def test_the_figures_of_the_recipes(measured: Any, sort: str, figures: Callable[..., None]) -> None:
    """`bad` is of what this project does; `found`, of all the others, shows that bad states are seen."""
    rows = measured[sort]
    ours = [name for name in ("overwrite", "rename_held") if name in rows]
    bad, states = ({name: int(row[key]) for name, row in rows.items()} for key in ("reordered_bad", "all"))
    found = sum(number for name, number in bad.items() if name not in ours)
    total = sum(states.values())
    figures(
        f"recipes-{sort.replace(' ', '-')}",
        varies=["states", "found"],
        states=total,
        found=found,
        bad=sum(bad[name] for name in ours),
    )


def test_after_fsck_freed_clusters_are_an_empty_file(measured: Any) -> None:
    row = measured["fat16 small"]["rename_flush"]
    assert set(row["kinds"]) == {"free cluster"}
    assert row["kinds_after_fsck"] == {"empty": row["kinds"]["free cluster"]}


def test_this_projects_own_writes(tmp_path: Path) -> None:
    """`Root.overwrite` on FAT and `Root.replace` on FAT and ext4 leave the old or the new content, repaired or not."""
    boot = {"grubenv": OLD, "small": OLD, "large": sized(OLD, LARGE)}
    disk = Disk.build(tmp_path / "disk", boot=boot, state={"settings": OLD})
    before, log = disk.copy(tmp_path / "before"), tmp_path / "log"
    script = (
        "import sys; from hal.root import Root; how, name, size = sys.argv[1:]; "
        f"getattr(Root('/tree'), how)(name, {NEW!r}.ljust(int(size), b'#'))"
    )
    writes = [
        ("overwrite", "mnt/boot/grubenv", SMALL),
        ("replace", "mnt/boot/small", SMALL),
        ("replace", "mnt/boot/large", LARGE),
        ("replace", "mnt/boot/large", SMALL),
        ("replace", "mnt/boot/made anew", LARGE),
        ("replace", "mnt/state/settings", SMALL),
    ]
    commands: list[Any] = [Here("0")]
    for number, (how, name, size) in enumerate(writes, start=1):
        commands += [[sys.executable, "-c", script, how, name, str(size)], Here(str(number))]
    mounts = [Mount(1, "/tree/mnt/boot", "vfat"), Mount("resin-state", "/tree/mnt/state", "ext4")]
    done = run_in_guest(disk.path, commands, mounts=mounts, log=log, environment={"PYTHONPATH": str(REPOSITORY)})
    assert {(one.status, one.stderr) for one in done} == {(0, "")}
    assert disk.read("boot", "grubenv") == disk.read("boot", "large") == disk.read("state", "settings") == NEW

    sizes = {name.rpartition("/")[2]: SMALL for _, name, _ in writes} | {"large": LARGE}
    for number, (_, name, size) in enumerate(writes[:5]):
        earlier, during = between(read_log(log), str(number), str(number + 1))
        found = all_states(Image.load(before.path, earlier), during)
        states = [state.part(*disk.span("boot")) for state in found.states]
        assert found.skipped == 0
        file = name.rpartition("/")[2]
        if file not in boot:
            for some in (states, after_fsck(states)):
                assert {verdict(state, file, (sized(NEW, size),)) for state in some} == {"missing", "good"}
            continue
        old, new = sized(NEW if number == 3 else OLD, sizes[file]), sized(NEW, size)
        assert {verdict(state, file, (old, new)) for state in states} == {"good"}
        assert {verdict(state, file, (old, new)) for state in after_fsck(states)} == {"good"}
        assert {verdict(state, file, (old,)) for state in states} == {"good", "garbage"}  # both are there

    earlier, during = between(read_log(log), "5", "6")
    image = Image.load(before.path, earlier)
    for unit in (512, 4096):
        found = all_states(image, during, bound=EXT4_BOUND, unit=unit)
        states = [state.part(*disk.span("state")) for state in found.states]
        assert len(states) > 20
        repaired = list(after_e2fsck(states))
        read = {ext4_contents(state, ["settings"]) for state in repaired if state is not None}
        assert read == {(OLD,), (NEW,)}
        # Where a disk tears the two sectors of its superblock, ext4 itself is lost; this one has no second superblock.
        assert unit == 512 or None not in repaired
        # Who does not replay the journal may find the folder's new entry and no inode behind it: nothing is promised.
        assert {(OLD,), (NEW,)} <= {ext4_contents(state, ["settings"]) for state in states}


def test_a_repair_leaves_no_trace_in_the_next_state(tmp_path: Path) -> None:
    """Each state is repaired from what it is, not from what the one before left in the file."""
    disk = Disk.build(tmp_path / "disk", boot={"grubenv": OLD, "other": OLD})
    image = Image.load(disk.path).part(*disk.span("boot"))
    place = image.data.index(b"GRUBENV ") // SECTOR
    damaged = image.sector(place).replace(b"GRUBENV ", b"GRUBEN\x01 ")
    fine, damage = State(image, {}), State.of(image, [(place, damaged)])
    alone = [next(after_fsck([state])).key for state in (damage, fine)]
    assert [state.key for state in after_fsck([damage, fine, damage, fine])] == alone * 2
    assert alone[1] == fine.key
    assert alone[0] not in (fine.key, damage.key)
