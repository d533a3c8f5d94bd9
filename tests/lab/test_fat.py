"""The FAT reader against mtools and fsck.vfat, on images that mtools made and that were then damaged."""

from __future__ import annotations

import os
import random
import subprocess
from pathlib import Path

import pytest

from lab.fat import Fat, FatError

SEEDS = 6  # random images of each size
SIZES = {12: 1440, 16: 4 * 1024, 32: 36 * 1024}  # KiB, with clusters of one sector
NAMES = ["GRUBENV", "grubenv", "resinOS_uEnv.txt", "Mixed.Case", "Grüße aus dem Süden.txt", ".hidden", "a" * 100 + ".b"]
ENVIRONMENT = {**os.environ, "MTOOLS_SKIP_CHECK": "1", "MTOOLSRC": os.devnull, "LC_ALL": "C.UTF-8"}


class Bytes:
    """An image in memory that can be damaged; `entry` sets an entry in both FATs."""

    def __init__(self, data: bytes) -> None:
        self.data = bytearray(data)

    def read(self, offset: int, size: int) -> bytes:
        return bytes(self.data[offset : offset + size])

    def set_entry(self, cluster: int, value: int, *, copies: int = 2) -> None:
        fat = Fat(self)
        for copy in range(copies):
            start = fat._fat + copy * fat._fat_size
            if fat.bits == 12:
                place = start + cluster * 3 // 2
                both = int.from_bytes(self.data[place : place + 2], "little")
                both = (both & 0xF | value << 4) if cluster & 1 else (both & 0xF000 | value)
                self.data[place : place + 2] = both.to_bytes(2, "little")
            else:
                width = fat.bits // 8
                place = start + cluster * width
                self.data[place : place + width] = value.to_bytes(width, "little")


def tool(*words: str, allowed: tuple[int, ...] = (0,)) -> subprocess.CompletedProcess[bytes]:
    done = subprocess.run(words, capture_output=True, env=ENVIRONMENT, timeout=60)
    assert done.returncode in allowed, (words, done.stdout, done.stderr)
    return done


def make(path: Path, bits: int, files: dict[str, bytes]) -> Path:
    tool("mkfs.vfat", "-C", "-F", str(bits), "-s", "1", "-n", "LABEL", str(path), str(SIZES[bits]))
    for name, data in files.items():
        (path.parent / "content").write_bytes(data)
        tool("mcopy", "-o", "-i", str(path), str(path.parent / "content"), f"::{name}")
    return path


@pytest.fixture(params=SIZES)
def image(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[int, Bytes]:
    """An image with GRUBENV (1024 bytes, clusters 2 and 3 of a cluster chain) and OTHER behind it."""
    path = make(tmp_path / "image", request.param, {"GRUBENV": b"g" * 1024, "OTHER": b"o" * 700})
    return request.param, Bytes(path.read_bytes())


@pytest.mark.parametrize("seed", range(SEEDS))
@pytest.mark.parametrize("bits", SIZES)
def test_everything_is_read_as_mtools_reads_it(bits: int, seed: int, tmp_path: Path) -> None:
    drawn = random.Random(seed)
    path = make(tmp_path / "image", bits, {})
    tool("mmd", "-i", str(path), "::EFI", "::EFI/deep folder with a long name")
    model: dict[str, bytes] = {}
    for _ in range(14):
        folder = drawn.choice(["", "EFI/", "EFI/deep folder with a long name/"])
        name = folder + drawn.choice(NAMES)
        name = next((known for known in model if known.casefold() == name.casefold()), name)
        if name in model and drawn.random() < 0.4:
            tool("mdel", "-i", str(path), f"::{name}")
            del model[name]
        else:
            model[name] = drawn.randbytes(drawn.choice([0, 1, 38, 512, 513, 1024, 5000]))
            (tmp_path / "content").write_bytes(model[name])
            tool("mcopy", "-o", "-i", str(path), str(tmp_path / "content"), f"::{name}")
    fat = Fat(Bytes(path.read_bytes()))
    assert fat.bits == bits
    assert {name: file.content for name, file in fat.walk() if not file.folder} == model
    assert not any(file.fault for _, file in fat.walk())
    assert not fat.copies_differ()
    for name, data in model.items():
        assert [file.content for file in fat.find(name.upper())] == [data]
        assert tool("mcopy", "-i", str(path), f"::{name}", "-").stdout == data
    listed = tool("mdir", "-b", "-/", "-a", "-i", str(path), "::").stdout.decode().splitlines()
    assert sorted(line.removeprefix("::/").rstrip("/") for line in listed) == sorted(name for name, _ in fat.walk())


DAMAGE = {  # the entry of GRUBENV's first or second cluster; `top` is the largest number an entry can hold
    "free first": (0, lambda first, top: 0, "free cluster"),
    "free second": (1, lambda first, top: 0, "free cluster"),
    "bad first": (0, lambda first, top: top - 8, "bad cluster"),
    "out of range": (0, lambda first, top: top - 20, "out of range"),
    "reserved 1": (0, lambda first, top: 1, "cluster 1 out of range"),
    "itself": (0, lambda first, top: first, "loop at"),
    "back": (1, lambda first, top: first, "loop at"),
    "ends early": (0, lambda first, top: top, "short chain"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_to_a_chain_is_told_and_fsck_agrees(damage: str, image: tuple[int, Bytes], tmp_path: Path) -> None:
    bits, face = image
    which, value, told = DAMAGE[damage]
    first = Fat(face).find("GRUBENV")[0].first
    assert Fat(face).chain(first) == ([first, first + 1], None)
    face.set_entry(first + which, value(first, (1 << min(bits, 28)) - 1))
    (file,) = Fat(face).find("GRUBENV")
    assert file.content is None
    assert told in (file.fault or "")
    assert Fat(face).find("OTHER")[0].content == b"o" * 700
    (tmp_path / "damaged").write_bytes(face.data)
    tool("fsck.vfat", "-n", str(tmp_path / "damaged"), allowed=(1,))


@pytest.mark.parametrize("seed", range(SEEDS * 4))
def test_random_damage_is_never_read_as_whole_where_fsck_finds_fault(seed: int, tmp_path: Path) -> None:
    """Any FAT entry becomes anything; a file that has no fault reads as mcopy reads it."""
    drawn = random.Random(seed)
    bits = drawn.choice([12, 16])
    files = {f"F{number}": drawn.randbytes(drawn.randrange(3000)) for number in range(6)}
    face = Bytes(make(tmp_path / "image", bits, files).read_bytes())
    last = max(file.first for _, file in Fat(face).walk()) + 6
    for _ in range(drawn.randrange(1, 4)):
        face.set_entry(
            drawn.randrange(2, last), drawn.choice([0, 1, drawn.randrange(2, last), drawn.getrandbits(bits)])
        )
    damaged = tmp_path / "damaged"
    damaged.write_bytes(face.data)
    found = dict(Fat(face).walk())
    assert found.keys() == files.keys()
    if any(file.fault for file in found.values()):
        tool("fsck.vfat", "-n", str(damaged), allowed=(1,))
    for name, file in found.items():
        if file.fault is None:
            assert tool("mcopy", "-i", str(damaged), f"::{name}", "-").stdout == file.content, name


def test_two_entries_of_one_name_are_both_found(image: tuple[int, Bytes]) -> None:
    _, face = image
    place = face.data.index(b"GRUBENV    ")
    other = face.data.index(b"OTHER      ")
    face.data[other : other + 11] = b"GRUBENV    "
    assert [file.content for file in Fat(face).find("grubenv")] == [b"g" * 1024, b"o" * 700]
    face.data[place] = 0xE5
    assert [file.content for file in Fat(face).find("grubenv")] == [b"o" * 700]
    assert Fat(face).find("OTHER") == []


def test_a_long_name_of_another_entry_does_not_count(tmp_path: Path) -> None:
    face = Bytes(make(tmp_path / "image", 16, {"resinOS_uEnv.txt": b"x"}).read_bytes())
    assert [file.short for file in Fat(face).find("resinOS_uEnv.txt")] == ["RESINO~1.TXT"]
    place = face.data.index(b"RESINO~1TXT")
    face.data[place : place + 11] = b"RESINO~2TXT"
    assert [name for name, _ in Fat(face).walk()] == ["RESINO~2.TXT"]


def test_differing_copies_are_told_and_the_first_is_followed(image: tuple[int, Bytes]) -> None:
    _, face = image
    first = Fat(face).find("GRUBENV")[0].first
    face.set_entry(first, 0, copies=1)
    assert Fat(face).copies_differ()
    assert Fat(face).find("GRUBENV")[0].fault == f"free cluster {first}"


@pytest.mark.parametrize(
    ("place", "data", "told"),
    [
        (510, b"\0\0", "signature"),
        (11, b"\0\1", "sectors of 256"),
        (13, b"\3", "clusters of 3"),
        (14, b"\0\0", "0 reserved"),
        (16, b"\0", "0 FATs"),
        (22, b"\1\0", "too small"),
        (19, b"\x05\0", "no room"),
        (17, b"\0\0", "0 entries"),
    ],
)
def test_a_boot_sector_without_sense_is_refused(place: int, data: bytes, told: str, tmp_path: Path) -> None:
    face = Bytes(make(tmp_path / "image", 16, {}).read_bytes())
    face.data[place : place + len(data)] = data
    with pytest.raises(FatError, match=told):
        Fat(face).find("GRUBENV")


def test_an_image_that_was_cut_off_is_refused(image: tuple[int, Bytes]) -> None:
    _, face = image
    del face.data[-512:]
    with pytest.raises(FatError, match="ends before"):
        Fat(face)


def test_a_folder_on_the_way_must_be_one(image: tuple[int, Bytes]) -> None:
    _, face = image
    for path, told in {"OTHER/grubenv": "OTHER: file", "EFI/grubenv": "EFI: missing"}.items():
        with pytest.raises(FatError, match=told):
            Fat(face).find(path)
