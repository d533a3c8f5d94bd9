"""What a layer says and refuses, and those parts of it that are programs, run as a build runs them."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from acme import HEAD
from conftest import Site
from image.yocto.building import Bitbake, base, build, write_layer

from hal.errors import PluginFault, ValueRefused
from hal.image.asking import image
from hal.image.output import OutputFile
from hal.image.yocto import RELEASES, layer
from hal.image.yocto.installed import Requirement
from hal.image.yocto.raspberrypi import AWK
from hal.model import YOCTO_RELEASES, Build, Image, StorageDriver
from hal.plugins import Catalog

ADD_ON = f"{HEAD}from hal.model import ImagePart\n@hookimpl\ndef hal_image(): return ({{parts}})\n"


def texts(files: tuple[OutputFile, ...]) -> dict[str, str]:
    return {file.name: file.content.decode() for file in files if "site-packages" not in file.name and file.lines}


def asked(slug: str, release: str, **more: bool) -> Image:
    return image(Catalog(), slug, Build(yocto_release=release, **more), [])


def with_parts(site: Site, parts: str, slug: str = "generic-amd64", release: str = "kirkstone") -> Image:
    site.install("hal_extra", ADD_ON.format(parts=parts), "usb:v1234p*")
    return image(site.catalog(), slug, Build(yocto_release=release), ["extra"])


def test_the_table_has_every_release_in_order() -> None:
    assert tuple(RELEASES) == YOCTO_RELEASES
    assert [row.old_syntax for row in RELEASES.values()] == [True] * 6 + [False] * 4
    numbers = [tuple(map(int, row.number.split("."))) for row in RELEASES.values()]
    assert numbers == sorted(numbers)


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("slug", ["raspberrypi5", "generic-amd64", "jetson-agx-orin-devkit"])
def test_every_line_has_somebody_who_answers_for_it(slug: str, release: str) -> None:
    files = layer(asked(slug, release))
    assert len({file.name for file in files}) == len(files)
    for file in files:
        assert file.parts or file.why or file.lines, file.name
        for line in file.lines:
            assert not line.text.strip() or line.parts or line.why, (file.name, line.text)
    assert files == layer(asked(slug, release))


@pytest.mark.parametrize("release", RELEASES)
def test_overrides_are_in_the_syntax_of_the_release(release: str) -> None:
    files = texts(layer(asked("raspberrypi4-64", release)))
    code = "\n".join(text for name, text in files.items() if name.endswith((".bb", ".bbappend", ".inc", ".conf")))
    old, new = (re.findall(rf"^\S*{mark}(?:append|prepend|remove|forcevariable)\b", code, re.M) for mark in ("_", ":"))
    assert bool(old) is RELEASES[release].old_syntax
    assert bool(new) is not RELEASES[release].old_syntax
    series = re.findall(r'LAYERSERIES_COMPAT_\S+ = "(.*)"', files["conf/layer.conf"])
    assert series == [release]
    assert ("UNPACKDIR ??=" in files["conf/layer.conf"]) is (release != "wrynose")


@pytest.mark.parametrize("release", RELEASES)
def test_the_runtime_is_carried_where_python_is_new_enough(release: str) -> None:
    files = layer(asked("raspberrypi4-64", release))
    carried = {file.name for file in files if "/site-packages/" in file.name}
    (readme,) = [text for name, text in texts(files).items() if name == "README.md"]
    row = RELEASES[release]
    there = ".".join(map(str, row.python))
    if row.python < (3, 10):
        assert carried == set()
        assert re.search(rf"device-hal needs Python 3\.\d+, and {release} has {there}\.", readme)
    elif carried:
        names = {name.partition("/site-packages/")[2] for name in carried}
        assert {"hal/index.py", "hal_raspberrypi/__init__.py"} <= names
        assert "hal/schema/capabilities.json" in names, "what is no code is carried"
        assert not any(name.startswith("hal/image/") for name in names), "a device makes no images"
        assert not any("__pycache__" in name or "/testing/" in name or "/tests/" in name for name in names)
        (points,) = [f for f in files if re.search(r"/hal_raspberrypi-[^/]*\.dist-info/entry_points\.txt$", f.name)]
        assert b"slug:raspberrypi4-64 = hal_raspberrypi" in points.data
        assert not any("hal_modems" in name for name in names), "no add-on was asked for"


@pytest.mark.parametrize(
    ("marker", "python", "applies"),
    [
        ("", (3, 14), True),
        ("python_version < '3.11'", (3, 10), True),
        ("python_version < '3.11'", (3, 12), False),
        ('python_version>="3.12"', (3, 12), True),
        ("sys_platform == 'linux'", (3, 10), True),
    ],
)
def test_a_requirement_is_for_some_pythons(marker: str, python: tuple[int, int], applies: bool) -> None:
    assert Requirement("tomli", ">=2", marker).applies(python) is applies


@pytest.mark.parametrize(
    ("part", "told"),
    [
        ('ImagePart(kind="kernel-argument", name="a=${PN}", reason="r")', "kernel-argument a=.*cannot be a value"),
        ('ImagePart(kind="kernel-argument", name="#a", reason="r")', "cannot start with '#'"),
        ('ImagePart(kind="boot-file", name="a b", value="c", reason="r")', "boot-file: 'a b' cannot be carried"),
        ('ImagePart(kind="boot-file", name="a", value="c;d", reason="r")', "source of boot-file a: 'c;d' cannot"),
        ('ImagePart(kind="file", name="etc/${D}", value="", reason="r")', "cannot be a value of bitbake"),
        ('ImagePart(kind="rendered-file", name="initramfs/i", value="", reason="r")', "meta-balena has no recipe"),
    ],
)  # fmt: skip
def test_what_bitbake_cannot_carry_is_refused(site: Site, part: str, told: str) -> None:
    made = with_parts(site, f"{part},")
    with pytest.raises(ValueRefused, match=told):
        layer(made)


def test_a_plugin_that_is_no_distribution_cannot_be_carried(site: Site) -> None:
    made = with_parts(site, "")
    (site.folder / "hal_extra-1.0.dist-info/METADATA").unlink()
    with pytest.raises(PluginFault, match="hal_extra: no installed distribution announces it"):
        layer(made)


# -- what runs in a build ------------------------------------------------------------------------------------------


def run(script: str) -> subprocess.CompletedProcess[str]:
    path = {"PATH": "/usr/bin:/bin"}
    return subprocess.run(["sh", "-eu", "-c", script], capture_output=True, text=True, timeout=20, env=path)


@pytest.mark.parametrize(
    ("config", "wanted", "added"),
    [
        ("", "[all]\na=1\n", "[all]\na=1\n"),
        ("a=1\n", "[all]\na=1\n", ""),
        ("a=1\n[cm4]\notg_mode=1\n", "[all]\na=1\nb=2\n[cm4]\notg_mode=1\nc=3\n", "[all]\nb=2\n[cm4]\nc=3\n[all]\n"),
        ("[cm4]\na=1\n", "[all]\na=1\n", "[all]\na=1\n"),
        ("# a=1\n\n", "[all]\na=100%\ndtoverlay=x,y=\"$z\"\n", "[all]\na=100%\ndtoverlay=x,y=\"$z\"\n"),
        ("a=1\n[pi4]\nb=2", "[all]\nb=2\n[pi4]\nb=2\n", "[all]\nb=2\n"),
    ],
)  # fmt: skip
def test_lines_are_added_to_config_txt_where_their_section_lacks_them(
    tmp_path: Path, config: str, wanted: str, added: str
) -> None:
    for name, text in (("awk", AWK), ("config.txt", config), ("wanted", wanted)):
        (tmp_path / name).write_text(text)
    told = run(f"cd {tmp_path}; awk -f awk config.txt wanted")
    assert (told.returncode, told.stdout) == (0, added), told.stderr


@pytest.fixture(scope="module")
def hooks(bitbake: Bitbake, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """The do_install of hostapp-update-hooks as bitbake expands it with this layer, and where it installs to."""
    release = next(row for row in RELEASES.values() if bitbake.understands(row))
    folder = tmp_path_factory.mktemp("hooks")
    made = write_layer(folder / "layer", layer(asked("generic-amd64", release.name)), folder / "shared")
    built = build(folder / "build", base(folder / "base", release), made, include="hal-generic-amd64")
    (told,) = bitbake.parse([built], old_syntax=release.old_syntax)
    variables = told["recipes"]["hostapp-update-hooks"]["variables"]
    name = next(name for name in ("do_install", "do_install:append", "do_install_append") if name in variables)
    return variables[name], Path(variables["D"])


MB = "\t/config.json \t/extra_uEnv.txt \t//EFI/BOOT/grub_extraenv \t/bootenv "
OURS = "     /EFI/BOOT/committed_slot.env     /EFI/BOOT/grub_extraenv     /EFI/BOOT/grubenv     "


@pytest.mark.parametrize(
    ("listed", "refused"),
    [
        (MB + OURS, ""),
        (MB, "1-bootfiles would overwrite /EFI/BOOT/committed_slot.env"),
        (MB + OURS.replace("committed_slot.env", "committed_slotXenv"), "would overwrite /EFI/BOOT/committed_slot.env"),
        (MB + OURS.replace("/EFI/BOOT/grub_extraenv", ""), "would overwrite /EFI/BOOT/grub_extraenv"),
        (MB + OURS.replace("/EFI/BOOT/grubenv", "/EFI/BOOT/grubenv2"), "would overwrite /EFI/BOOT/grubenv"),
    ],
)
def test_a_build_stops_where_an_update_would_overwrite_state(
    hooks: tuple[str, Path], listed: str, refused: str
) -> None:
    function, into = hooks
    hook = into / "etc/hostapp-update-hooks.d/1-bootfiles"
    hook.parent.mkdir(parents=True, exist_ok=True)
    hook.write_text(f'#!/bin/sh\nboot_fingerprint="x"\nbootfiles_blacklist="{listed}"\n')
    told = run(f'bbfatal() {{ echo "$*"; exit 1; }}\n{function}')
    assert (told.returncode, told.stdout.strip()) == ((1, told.stdout.strip()) if refused else (0, "")), told.stderr
    assert refused in told.stdout


@pytest.mark.parametrize(
    ("made_for", "local", "said"),
    [
        ({}, 'OS_DEVELOPMENT = "1"', "hal-generic-amd64 was made for OS_DEVELOPMENT=0, and this build has 1"),
        ({"balena_storage": StorageDriver.AUFS}, "", "was made for BALENA_STORAGE=aufs, and this build has overlay2"),
        ({"secure_boot": True}, "", "made for secure boot, and without SIGN_API nothing is signed"),
        ({"secure_boot": True}, 'SIGN_API = "there"', ""),
        ({}, "", ""),
    ],
)
def test_a_flag_that_differs_ends_the_build(
    bitbake: Bitbake, tmp_path: Path, made_for: dict[str, Any], local: str, said: str
) -> None:
    release = next(row for row in RELEASES.values() if bitbake.understands(row))
    wanted = image(Catalog(), "generic-amd64", Build(yocto_release=release.name, **made_for))
    made = write_layer(tmp_path / "layer", layer(wanted), tmp_path / "shared")
    layers = base(tmp_path / "base", release)
    built = build(tmp_path / "build", layers, made, include="hal-generic-amd64", local=f"{local}\n")
    (told,) = bitbake.parse([built], old_syntax=release.old_syntax)
    assert said in " ".join(told["said"])
    assert bool(told["said"]) == bool(said)


def test_a_layer_is_silent_for_other_machines(bitbake: Bitbake, tmp_path: Path) -> None:
    """A device repository has one list of layers for many machines: without the include nothing of ours is there."""
    release = [row for row in RELEASES.values() if bitbake.understands(row)][-1]
    made = write_layer(tmp_path / "layer", layer(asked("raspberrypi5", release.name)), tmp_path / "shared")
    layers = base(tmp_path / "base", release)
    built = build(tmp_path / "build", layers, made, include="hal-raspberrypi5")
    (built / "conf/machine/board.conf").write_text("")
    (told,) = bitbake.parse([built], old_syntax=release.old_syntax)
    assert told["said"] == []
    assert "hal-board" not in told["recipes"]
    assert all(str(made) not in append for each in told["recipes"].values() for append in each["appends"])
    assert "balena-image" in told["recipes"]


LAYER, INCLUDE = "conf/layer.conf", "conf/machine/include/hal-raspberrypi5.inc"
BOARD, IMAGE = "recipes-hal/hal-board/hal-board.bb", "recipes-core/images/balena-image.bbappend"


@pytest.mark.parametrize(
    ("name", "before", "after", "said"),
    [
        (LAYER, 'COMPAT_hal-raspberrypi5 = "', 'COMPAT_hal-raspberrypi5 = "x', "not compatible"),
        (LAYER, 'DEPENDS_hal-raspberrypi5 = "', 'DEPENDS_hal-raspberrypi5 = "missing ', "missing"),
        (INCLUDE, 'INHERIT += "', 'INHERIT += "missing-', "missing-hal"),
        (INCLUDE, "INHERIT +=", "INHERIT + =", "unparsed line"),
        (BOARD, "inherit deploy", "inherit missing", "missing.bbclass"),
        (BOARD, 'SRC_URI = "file://', 'SRC_URI = "file://missing', "missingbalena-image"),
        (BOARD, "LIC_FILES_CHKSUM", "NO_CHKSUM", "no LIC_FILES_CHKSUM"),
        (IMAGE, "python hal_check", "python do hal_check", "unparsed line"),
    ],
)
def test_the_parser_finds_what_is_wrong(
    bitbake: Bitbake, tmp_path: Path, name: str, before: str, after: str, said: str
) -> None:
    """The sweep over every layer means nothing unless a wrong one is noticed."""
    release = [row for row in RELEASES.values() if bitbake.understands(row)][-1]
    made = write_layer(tmp_path / "layer", layer(asked("raspberrypi5", release.name)), tmp_path / "shared")
    text = (made / name).read_text()
    assert before in text
    (made / name).write_text(text.replace(before, after, 1))
    built = build(tmp_path / "build", base(tmp_path / "base", release), made, include="hal-raspberrypi5")
    (told,) = bitbake.parse([built], old_syntax=release.old_syntax)
    assert said in " ".join(told["said"]), told["said"]


def test_an_append_without_recipe_is_noticed(bitbake: Bitbake, tmp_path: Path) -> None:
    release = [row for row in RELEASES.values() if bitbake.understands(row)][-1]
    made = write_layer(tmp_path / "layer", layer(asked("raspberrypi5", release.name)), tmp_path / "shared")
    (made / "recipes-core/images/balena-imago.bbappend").write_text('A = "b"\n')
    built = build(tmp_path / "build", base(tmp_path / "base", release), made, include="hal-raspberrypi5")
    (told,) = bitbake.parse([built], old_syntax=release.old_syntax)
    assert "balena-imago" in " ".join(told["said"])
