"""Where the kernel looks for firmware, in which order, and what it takes."""

from __future__ import annotations

import gzip
import lzma
import subprocess
from pathlib import Path

import pytest
from backends.firmware.files import xz

from hal.backends.firmware.contents import contents
from hal.backends.firmware.search import PARAMETER, extra_volume, parameter, places, search, unpacks
from hal.root import Root

RELEASE = "6.1.77-v8"
NAME = "brcm/brcmfmac43143.bin"
VOLUME = "/var/lib/docker/volumes/extra-firmware/_data"
BALENA = "CONFIG_FW_LOADER_COMPRESS=y\nCONFIG_FW_LOADER_COMPRESS_XZ=y\n# CONFIG_FW_LOADER_COMPRESS_ZSTD is not set\n"
IN_ORDER = (
    f"lib/firmware/updates/{RELEASE}/{NAME}",
    f"lib/firmware/updates/{NAME}",
    f"lib/firmware/{RELEASE}/{NAME}",
    f"lib/firmware/{NAME}",
    f"lib/firmware/updates/{RELEASE}/{NAME}.xz",
    f"lib/firmware/{NAME}.xz",
)
"""Every folder is asked for the plain file first."""


def put(root: Root, name: str, data: bytes) -> None:
    (root.directory / name).parent.mkdir(parents=True, exist_ok=True)
    (root.directory / name).write_bytes(data)


@pytest.fixture
def root(tmp_path: Path) -> Root:
    made = Root(tmp_path)
    put(made, "proc/sys/kernel/osrelease", f"{RELEASE}\n".encode())
    put(made, "proc/config.gz", gzip.compress(BALENA.encode(), mtime=0))
    put(made, PARAMETER, b"\n")
    return made


def taken(root: Root, name: str = NAME) -> str | None:
    found = search(root, name).taken
    return found.name if found else None


def test_the_order(root: Root) -> None:
    """From the last to the first: each one that is added is taken in place of those behind it."""
    for name in reversed(IN_ORDER):
        put(root, name, xz(name.encode()) if name.endswith(".xz") else name.encode())
        found = search(root, NAME).taken
        assert found is not None
        assert found.name == name
        assert found.contents is not None
        assert found.contents.data == name.encode()
    put(root, PARAMETER, f"{VOLUME}\n".encode())
    put(root, f"{VOLUME[1:]}/{NAME}", b"first of all")
    assert taken(root) == f"{VOLUME[1:]}/{NAME}"
    assert len(search(root, NAME).candidates) == 7


def test_nothing_is_nowhere(root: Root) -> None:
    found = search(root, NAME)
    assert (found.taken, found.candidates) == (None, ())
    assert [place.name for place in found.places] == [name.removesuffix(f"/{NAME}") for name in IN_ORDER[:4]]


@pytest.mark.parametrize(
    ("shown", "path", "volume"),
    [
        (b"\n", "", None),
        (b"", "", None),
        (f"{VOLUME}\n".encode(), VOLUME, "extra-firmware"),
        (VOLUME.encode(), VOLUME, "extra-firmware"),
        (b"/opt/firmware\n", "/opt/firmware", None),
        (f"{VOLUME}\n\n".encode(), f"{VOLUME}\n", None),
        (b"/var/lib/docker/volumes/a/b/_data\n", "/var/lib/docker/volumes/a/b/_data", None),
    ],
)
def test_the_kernels_parameter(shown: bytes, path: str, volume: str | None, root: Root) -> None:
    """One line feed is the kernel's; another one is what `echo` left in it, and the kernel looks in no such folder."""
    put(root, PARAMETER, shown)
    assert (parameter(root), extra_volume(root)) == (path, volume)
    assert [place.extra for place in places(root)] == [True] * bool(path) + [False] * 4


def test_a_volume_is_found_where_only_the_data_partition_is_mounted(root: Root) -> None:
    put(root, PARAMETER, f"{VOLUME}\n".encode())
    put(root, f"mnt/data/docker/volumes/extra-firmware/_data/{NAME}", b"here")
    assert taken(root) == f"mnt/data/docker/volumes/extra-firmware/_data/{NAME}"


def test_a_kernel_without_a_release_is_asked_for_what_all_have(tmp_path: Path) -> None:
    put(Root(tmp_path), f"lib/firmware/{NAME}", b"here")
    assert taken(Root(tmp_path)) == f"lib/firmware/{NAME}"


PASSED_OVER: dict[str, tuple[str, bytes, str]] = {
    "empty": (NAME, b"", "empty"),
    "no xz": (f"{NAME}.xz", b"plain bytes in a file of that name", "not in the xz format"),
    "the check that xz makes by itself": (f"{NAME}.xz", xz(b"x", lzma.CHECK_CRC64), "xz --check=crc32"),
    "another check": (f"{NAME}.xz", xz(b"x", lzma.CHECK_SHA256), "SHA-256"),
    "cut": (f"{NAME}.xz", xz(bytes(1000))[:-20], "ends too early"),
    "damaged": (f"{NAME}.xz", xz(bytes(range(256)))[:40] + b"\0" + xz(bytes(range(256)))[41:], "cannot be unpacked"),
    "a way that the kernel lacks": (f"{NAME}.zst", b"\x28\xb5\x2f\xfd", "does not unpack .zst files"),
}


@pytest.mark.parametrize("case", PASSED_OVER)
def test_what_cannot_be_taken_is_passed_over_and_told(case: str, root: Root) -> None:
    name, data, told = PASSED_OVER[case]
    put(root, f"lib/firmware/updates/{name}", data)
    assert taken(root) is None
    (found,) = search(root, NAME).candidates
    assert told in found.passed_over
    put(root, f"lib/firmware/{NAME}.xz", xz(b"whole"))
    assert taken(root) == f"lib/firmware/{NAME}.xz", "the search goes on"


def test_a_folder_of_that_name_is_passed_over(root: Root) -> None:
    (root.directory / f"lib/firmware/updates/{NAME}").mkdir(parents=True)
    put(root, f"lib/firmware/{NAME}", b"whole")
    assert taken(root) == f"lib/firmware/{NAME}"


def test_a_link_out_of_the_tree_is_nowhere(root: Root, tmp_path: Path) -> None:
    (root.directory / "lib/firmware").mkdir(parents=True)
    (root.directory / "lib/firmware/rt2870.bin").symlink_to("../../../../etc/passwd")
    assert search(root, "rt2870.bin").candidates == ()


def test_a_packed_file_of_the_real_program(root: Root, tmp_path: Path) -> None:
    """What balenaOS's build runs, and what somebody does by hand."""
    file = tmp_path / "plain"
    for options, problem in ((("-C", "crc32"), ""), ((), "xz --check=crc32")):
        file.write_bytes(bytes(range(256)) * 64)
        subprocess.run(["xz", "-k", "-f", *options, file], check=True)
        put(root, f"lib/firmware/{NAME}.xz", (tmp_path / "plain.xz").read_bytes())
        inside = contents(root, f"lib/firmware/{NAME}.xz", ".xz")
        assert problem in inside.problem
        assert (inside.data is None) == bool(problem)
        if not problem:
            assert inside.size_bytes == 256 * 64


XZ, ZSTD = "FW_LOADER_COMPRESS_XZ", "FW_LOADER_COMPRESS_ZSTD"
KERNELS: dict[str, tuple[dict[str, str | None] | None, str | None, bool | None, bool | None]] = {
    "balenaOS": ({"FW_LOADER_COMPRESS": "y", XZ: "y", ZSTD: None}, "6.1.77", True, False),
    "both": ({"FW_LOADER_COMPRESS": "y", XZ: "y", ZSTD: "y"}, "6.12.1", True, True),
    "zstd alone": ({"FW_LOADER_COMPRESS": "y", XZ: None, ZSTD: "y"}, "6.12.1", False, True),
    "none": ({"FW_LOADER_COMPRESS": None}, "6.1.0", False, False),
    "before each had its own option": ({"FW_LOADER_COMPRESS": "y"}, "5.15.92-v8", True, False),
    "before there was any": (None, "4.19.71", False, False),
    "no configuration, old": (None, "5.15.92-v8", None, False),
    "no configuration": (None, "6.1.77", None, None),
    "nothing known": (None, None, None, None),
}


@pytest.mark.parametrize("case", KERNELS)
def test_which_ways_of_packing_a_kernel_knows(case: str) -> None:
    known, release, xz_too, zst_too = KERNELS[case]
    assert unpacks(known, release) == {".xz": xz_too, ".zst": zst_too}


def test_where_nothing_tells_a_packed_file_is_taken_and_the_doubt_told(root: Root) -> None:
    (root.directory / "proc/config.gz").unlink()
    put(root, f"lib/firmware/{NAME}.xz", xz(b"whole"))
    found = search(root, NAME).taken
    assert found is not None
    assert not found.certain
