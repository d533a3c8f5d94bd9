"""The plain tree: every part of every image is told somewhere, in the form that the file's reader wants."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import jsonschema
import pytest
from attrs import evolve
from image.everything import FRESH, SLUGS, everything, image_of

from hal.errors import Disagreement
from hal.image.answer import ANSWER
from hal.image.overlay import overlay, root_files
from hal.model import Build, Image, ImagePart, JoinedPart, PartKind

SCHEMA = json.loads((Path(__file__).resolve().parents[2] / "hal/schema/image.json").read_text())
CONTENT = {
    "kernel.config": 'CONFIG_USB_ACM=m\n# CONFIG_NFC is not set\nCONFIG_CMDLINE="a b"\n',
    "kernel-arguments": "acme.mode=2\n",
    "packages": "acme-tools\tpresent\nnano\tabsent\n",
    "firmware-packages": "linux-firmware-acme\tpresent\nlinux-firmware-ath9k\tabsent\n",
    "firmware-files": "acme/radio.bin\tlinux-firmware-acme\n",
    "boot-files": "EFI/acme.efi\tacme/boot.efi\nacme.state\t0\tfresh\n",
    "device-trees": "acme-gateway\n",
    "overlays": "acme-can\n",
    "consoles": "ttyS0\t115200\nttyS1\n",
    "install-targets": "nvme?n?\n",
    "boot-media": "sdcard\tdefault\nnetwork\talternate\n",
    "secure-boot": "signed-kernel\tthe kernel is signed\n",
    "config.txt": "gpu_mem=16\n[cm4]\notg_mode=1\ndtparam=x=on\n[pi5]\notg_mode=1\n[all]\n",
    "boot/acme.cfg": "timeout=3\n",
    "boot/splash/balena-logo.png": b"\x89PNG",
    "rootfs/etc/acme.bin": b"\0\xff",
    "rootfs/etc/acme/slots": "A\nB\n",
    "rootfs/etc/modprobe.d/hal.conf": "options acme_bus speed=3 quirks=1\n",
    "rootfs/etc/modules-load.d/hal.conf": "acme_bus\n",
    "rootfs/usr/bin/acme": "#!/bin/sh\necho acme\n",
    "rootfs/usr/lib/systemd/system-preset/50-hal.preset": "enable acme.service\ndisable other.timer\n",
    "rootfs/usr/lib/udev/rules.d/70-acme.rules": '# two lines\nSUBSYSTEM=="usb"\n',
    "initramfs/init.d/10-acme": "#!/bin/sh\n",
    "fresh/boot/acme.env": "0",
}
ELSEWHERE = {
    "README.md",
    "boot/device-type.json",
    "contracts/hw.device-type/acme-gateway/contract.json",
    "partitions.json",
    ANSWER,
}


def said(image: Image, leave: str = ANSWER) -> set[tuple[PartKind, str]]:
    """The parts that any file but the one that says everything answers for."""
    files = [file for file in overlay(image) if file.name != leave]
    parts = [part for file in files for part in (*file.parts, *(part for line in file.lines for part in line.parts))]
    return {(part.kind, part.name) for part in parts}


def test_a_part_of_every_kind_in_its_form() -> None:
    found = {file.name: file.content for file in overlay(everything())}
    assert {part.kind for part in everything().parts} == set(PartKind)
    assert set(found) == set(CONTENT) | ELSEWHERE
    for name, content in CONTENT.items():
        assert found[name] == (content.encode() if isinstance(content, str) else content), name
    assert json.loads(found["partitions.json"]) == {
        "table": "gpt",
        "partitions": [{"role": "boot", "number": 1, "size_kib": 40960}, {"role": "root-a", "number": 2}],
    }


def test_what_begins_as_a_program_is_one() -> None:
    programs = {file.name for file in overlay(everything()) if file.mode != 0o644}
    assert programs == {"rootfs/usr/bin/acme", "initramfs/init.d/10-acme"}
    assert all(file.mode in (0o644, 0o755) for file in overlay(everything()))


def test_state_is_apart() -> None:
    deployed, rendered = FRESH
    found = {file.name: file.content for file in overlay(everything())}
    assert [name for name in found if name.endswith(rendered)] == [f"fresh/{rendered}"]
    lines = found["boot-files"].decode().splitlines()
    assert [line for line in lines if line.endswith("\tfresh")] == [f"{deployed}\t0\tfresh"]


@pytest.mark.parametrize("slug", SLUGS)
def test_every_part_of_every_device_type_is_said(slug: str) -> None:
    image = image_of(slug)
    assert said(image) == said(image, "") == {(part.kind, part.name) for part in image.parts}
    names = [file.name for file in overlay(image)]
    assert names == sorted(set(names))
    readme = next(file for file in overlay(image) if file.name == "README.md").content.decode()
    for name in names:
        top = f"{name.partition('/')[0]}/" if "/" in name else name
        assert f"`{top}`" in readme or name == "README.md", f"{name} is not in the README"
    for each in image.lacking:
        assert each.message in readme


@pytest.mark.parametrize("slug", [None, *SLUGS])
def test_the_answer_has_its_schema_and_every_part(slug: str | None) -> None:
    image = everything() if slug is None else image_of(slug)
    document = json.loads(next(file for file in overlay(image) if file.name == ANSWER).content)
    jsonschema.validate(document, SCHEMA)
    assert [(each["kind"], each["name"]) for each in document["parts"]] == [(p.kind, p.name) for p in image.parts]


@pytest.mark.parametrize(
    "path", ["etc/modules-load.d/hal.conf", "etc/modprobe.d/hal.conf", "usr/lib/systemd/system-preset/50-hal.preset"]
)
def test_a_plugins_file_in_the_place_of_one_made_here(path: str) -> None:
    image = everything()
    part = ImagePart(kind=PartKind.FILE, name=path, value="x\n", reason="r")
    joined = JoinedPart(kind=part.kind, name=part.name, value=part.value, asked=image.parts[0].asked)
    with pytest.raises(Disagreement, match=f"{path}: hal_acme .file {path}. puts a file there, but so does hal_acme"):
        root_files(evolve(image, parts=(*image.parts, joined)))


# -- the same input, the same bytes ----------------------------------------------------------------------------------

SCRIPT = """
import hashlib, sys
sys.path[:0] = [{tests!r}]
from image.everything import everything, image_of
from hal.image.overlay import overlay
for image in (everything(), image_of("raspberrypi4-64"), image_of("generic-amd64")):
    for file in overlay(image):
        print(file.name, oct(file.mode), hashlib.sha256(file.content).hexdigest())
"""


def test_the_bytes_depend_on_nothing_but_the_input(tmp_path: Path) -> None:
    surroundings = (
        {"PYTHONHASHSEED": "1", "TZ": "UTC", "LC_ALL": "C.UTF-8"},
        {"PYTHONHASHSEED": "2", "TZ": "Asia/Tokyo", "LC_ALL": "tr_TR.UTF-8", "LANG": "tr_TR.UTF-8", "USER": "x"},
    )
    script = SCRIPT.format(tests=str(Path(__file__).resolve().parents[1]))
    printed = []
    for place, environment in enumerate(surroundings):
        (tmp_path / str(place)).mkdir()
        done = subprocess.run(
            [sys.executable, "-c", script],
            cwd=tmp_path / str(place),
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        printed.append(done.stdout)
    assert printed[0] == printed[1]
    assert len(printed[0].splitlines()) > 40


def test_the_bytes_do_not_depend_on_the_day(monkeypatch: pytest.MonkeyPatch) -> None:
    """boot.scr has a header with a time in it."""
    before = {slug: overlay(image_of(slug)) for slug in ("raspberrypi4-64", "raspberrypi5", "generic-amd64")}
    monkeypatch.setattr(time, "time", lambda: 4e9)
    monkeypatch.setattr(time, "time_ns", lambda: 4 * 10**18)
    monkeypatch.setattr(time, "localtime", lambda *_: pytest.fail("the day was asked for"))
    monkeypatch.setattr(time, "gmtime", lambda *_: pytest.fail("the day was asked for"))
    image_of.cache_clear()
    for slug, files in before.items():
        again = overlay(image_of(slug))
        assert [(file.name, file.content) for file in again] == [(file.name, file.content) for file in files]


def test_each_flag_changes_the_tree() -> None:
    def content(**facts: object) -> dict[str, bytes]:
        return {file.name: file.content for file in overlay(image_of("generic-amd64", **facts))}

    plain = content()
    assert content(os_development=True)["kernel-arguments"] != plain["kernel-arguments"]
    assert b"timeout=3" in content(os_development=True)["boot/EFI/BOOT/grub.cfg"]
    assert "secure-boot" in content(secure_boot=True)
    assert "fresh/boot/EFI/BOOT/grubenv" not in content(flasher=True)
    assert "secure-boot" not in plain


def test_without_a_release_there_is_a_tree_all_the_same() -> None:
    assert {file.name for file in overlay(everything(Build()))} >= {"kernel.config", "image.json", "README.md"}
