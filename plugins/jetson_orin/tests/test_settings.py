"""Power and fan on generated Orin trees, with programs that behave like the vendor's."""

from __future__ import annotations

import difflib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hal_jetson_orin import power as power_module
from hal_jetson_orin.device_types import DEVICE_TYPES
from hal_jetson_orin.fan import NvFan
from hal_jetson_orin.power import NvpModelPower

from hal import Device, Root
from hal.doctor import examine
from hal.errors import Damaged, NotApplied, ValueRefused
from hal.model import Cost, Outcome, PowerLevel

Tree = Callable[[str], Root]
STORED = "etc/nvpmodel-config/nvpmodel.conf"
VENDOR = "etc/nvpmodel.conf"
FAN_STORED = "etc/nvfancontrol-config/nvfancontrol.conf"

# What low, mid and high mean, from the OS's own table of mode numbers and the file in each image.
LEVELS = {
    "jetson-agx-orin-devkit": ("MODE_15W", "MODE_50W", "MAXN"),
    "jetson-agx-orin-devkit-64gb": ("MODE_15W", "MODE_50W", "MAXN"),
    "jetson-agx-orin-industrial": ("MODE_15W", "MODE_60W", "MAXN"),
    "jetson-orin-nx-xavier-nx-devkit": ("10W", "40W", "MAXN_SUPER"),
    "jetson-orin-nx-seeed-j4012": ("10W", "25W", "MAXN_SUPER"),
    "jetson-orin-nano-devkit-nvme": ("15W", "25W", "MAXN_SUPER"),
    "jetson-orin-nano-seeed-j3010": ("10W", "25W", "MAXN_SUPER"),
    "forecr-dsb-ornx-orin-nano-8gb": ("15W", "25W", "MAXN_SUPER"),
    "forecr-dsb-ornx-lan-orin-nano-4gb": ("7W_CPU", "7W_AI", "10W"),
    "forecr-dsb-ornx-lan-orin-nx-16gb": ("10W", "25W", "MAXN"),
}


def power_of(root: Root) -> NvpModelPower:
    power = Device.open(root).power
    assert isinstance(power, NvpModelPower)
    return power


def fan_of(root: Root) -> NvFan:
    fan = Device.open(root).fan
    assert isinstance(fan, NvFan)
    return fan


def test_every_device_type_with_levels_is_in_the_table() -> None:
    assert {row.slug for row in DEVICE_TYPES if row.power_levels} == set(LEVELS)


@pytest.mark.parametrize(("slug", "names"), LEVELS.items())
def test_levels_by_name(slug: str, names: tuple[str, str, str], hal_tree: Tree) -> None:
    power = power_of(hal_tree(slug))
    for level, name in zip(PowerLevel, names, strict=True):
        assert power.set(level).value == name
        assert power.state().configured.name == name


def test_only_the_default_id_differs_from_the_vendors_file(hal_tree: Tree) -> None:
    root = hal_tree("jetson-agx-orin-devkit")
    result = power_of(root).set("high")
    assert (result.outcome, result.cost) == (Outcome.ACCEPTED, Cost.REBOOT)
    diff = difflib.ndiff(root.read_text(VENDOR).splitlines(), root.read_text(STORED).splitlines())
    assert [line for line in diff if not line.startswith(" ")] == [
        "- < PM_CONFIG DEFAULT=2 >",
        "?                     ^\n",
        "+ < PM_CONFIG DEFAULT=0 >",
        "?                     ^\n",
    ]


def test_accepted_is_not_applied_until_the_reboot(hal_tree: Tree) -> None:
    root = hal_tree("jetson-orin-nano-devkit-nvme")
    power = power_of(root)
    power.set("high")
    waiting = power.state()
    assert (waiting.configured.name, waiting.running and waiting.running.name) == ("MAXN_SUPER", "15W")
    assert waiting.reboot_required
    root.run(["nvpmodel", "-f", STORED], timeout_seconds=10)  # what the boot does
    booted = power.state()
    assert booted.running == booted.configured
    assert not booted.reboot_required


@pytest.mark.parametrize(
    ("value", "name"),
    [
        *((value, "MODE_30W") for value in ("default", None, "", "null", "2")),
        *((value, "MAXN") for value in ("high", "0", "MAXN")),
        *((value, "MODE_15W") for value in ("low", "1", "MODE_15W", "15W")),
    ],
)
def test_what_a_value_means(value: str | None, name: str, hal_tree: Tree) -> None:
    power = power_of(hal_tree("jetson-agx-orin-devkit"))
    power.set("50W")
    power.set(value)
    assert power.state().configured.name == name


@pytest.mark.parametrize("value", ["turbo", "9", "maxn", "LOW", "-1", "0x0", "3/", "&", "15", "٣"])
def test_anything_else_is_refused_with_what_is_allowed(value: str, hal_tree: Tree) -> None:
    root = hal_tree("jetson-agx-orin-devkit")
    before = root.read_bytes(STORED)
    with pytest.raises(ValueRefused) as refusal:
        power_of(root).set(value)
    assert refusal.value.path == "os.power.mode"
    assert refusal.value.allowed[:4] == ("low", "mid", "high", "default")
    assert {"MAXN", "MODE_30W", "0", "3"} <= set(refusal.value.allowed)
    assert root.read_bytes(STORED) == before


def test_r33_a_table_where_mode_0_is_not_the_strongest(hal_tree: Tree) -> None:
    """Numbers move between releases: levels follow the names."""
    root = hal_tree("jetson-agx-orin-devkit")
    text = root.read_text(VENDOR)
    for number, name in ((0, "MAXN"), (1, "MODE_15W"), (3, "MODE_50W")):
        text = text.replace(f"ID={number} NAME={name} ", f"ID={{{name}}} NAME={name} ")
    root.replace(VENDOR, text.format(MAXN=3, MODE_15W=0, MODE_50W=1).encode())
    power = power_of(root)
    for level, number in (("low", 0), ("mid", 1), ("high", 3)):
        power.set(level)
        assert f"DEFAULT={number} " in root.read_text(STORED)
    assert power.state().configured.name == "MAXN"


def test_a_level_whose_names_the_file_lacks_is_refused_not_guessed(hal_tree: Tree) -> None:
    root = hal_tree("jetson-agx-orin-devkit")
    root.replace(VENDOR, root.read_text(VENDOR).replace("MODE_50W", "MODE_45W").encode())
    with pytest.raises(ValueRefused) as refusal:
        power_of(root).set("mid")
    assert "mid" not in refusal.value.allowed
    assert "MODE_45W" in refusal.value.allowed


def test_a_vendor_file_changed_by_an_update_is_followed(hal_tree: Tree) -> None:
    """The stored copy is a copy of the old file: the same mode, but a change all the same."""
    root = hal_tree("jetson-agx-orin-devkit")
    power = power_of(root)
    power.set("low")
    root.replace(VENDOR, root.read_text(VENDOR).replace("1113600", "1190400").encode())
    change = power.preview("low")
    assert change is not None
    assert (change.previous, change.value) == ("MODE_15W", "MODE_15W")
    assert "follows the vendor's file" in change.note
    power.set("low")
    assert "1190400" in root.read_text(STORED)
    assert power.preview("low") is None


@pytest.mark.parametrize("damage", [b"", b"\xff\xfe", b"< PM_CONFIG DEFAULT=", None])
def test_a_damaged_or_missing_stored_copy_is_written_anew(damage: bytes | None, hal_tree: Tree) -> None:
    root = hal_tree("jetson-agx-orin-devkit")
    if damage is None:
        root.remove(STORED)
    else:
        root.replace(STORED, damage)
    power = power_of(root)
    change = power.preview("default")
    assert change is not None
    assert change.previous in ("not stored yet", "a damaged file")
    power.set("default")
    assert root.read_bytes(STORED) == root.read_bytes(VENDOR)


def test_r34_a_write_that_fails_half_way_leaves_the_previous_mode(hal_tree: Tree) -> None:
    """The file size limit makes the real write fail after 512 bytes, in a process of its own."""
    root = hal_tree("jetson-agx-orin-devkit")
    power_of(root).set("low")
    before = root.read_bytes(STORED)
    script = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (512, 512))\n"
        "from hal.cli import main; main(sys.argv[1:])"
    )
    answer = subprocess.run(
        [sys.executable, "-c", script, "--root", str(root.directory), "power", "set", "high"],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert answer.returncode == 1
    assert f"hal: {STORED}: file too large" in answer.stderr
    assert root.read_bytes(STORED) == before
    assert root.listdir("etc/nvpmodel-config") == ("nvpmodel.conf",)
    assert power_of(root).state().configured.name == "MODE_15W"


def test_a_hanging_tool_does_not_hang_us(hal_tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    """The real nvpmodel may ask on its standard input for a YES; ours is closed, and there is a deadline."""
    monkeypatch.setattr(power_module, "QUERY_SECONDS", 0.2)
    root = hal_tree("jetson-agx-orin-devkit")
    tool = root.resolve("usr/sbin/nvpmodel")
    tool.write_text('#!/bin/sh\nread answer\n[ -z "$answer" ] || exit 9\nsleep 600\n')
    state = power_of(root).state()
    assert state.running is None
    assert power_of(root).set("high").outcome is Outcome.ACCEPTED


def test_unset_is_the_vendors_default_and_default_is_this_boards(hal_tree: Tree) -> None:
    fan = fan_of(hal_tree("jetson-agx-orin-devkit"))
    assert fan.preview(None) is None
    assert fan.set("default").value == "cool"
    assert fan.set(None).value == "quiet"


# -- fan -----------------------------------------------------------------------------------------------------------


def test_the_fan_is_applied_when_the_daemon_reports_it(hal_tree: Tree) -> None:
    root = hal_tree("jetson-orin-nx-seeed-j4012")
    result = fan_of(root).set("cool")
    assert (result.previous, result.value, result.outcome) == ("quiet", "cool", Outcome.APPLIED)
    state = fan_of(root).state()
    assert (state.configured, state.running) == ("cool", "cool")
    assert root.read_text("run/hal-tree/log").splitlines() == ["stop nvfancontrol", "start nvfancontrol"]
    assert root.read_text(FAN_STORED) == root.read_text("etc/nvfancontrol.conf").replace(
        "FAN_DEFAULT_PROFILE quiet", "FAN_DEFAULT_PROFILE cool"
    )


@pytest.mark.parametrize(("slug", "profile"), [(row.slug, row.fan_default) for row in DEVICE_TYPES if row.fan_default])
def test_default_is_the_device_types(slug: str, profile: str, hal_tree: Tree) -> None:
    fan = fan_of(hal_tree(slug))
    other = next(p.name for p in fan.profiles() if p.name != profile)
    fan.set(other)
    assert fan.set("default").value == profile
    assert [p.name for p in fan.profiles() if p.default] == [profile]


def test_what_is_measured(hal_tree: Tree) -> None:
    (reading,) = fan_of(hal_tree("jetson-agx-orin-devkit")).state().readings
    assert (reading.rpm, reading.pwm_percent, reading.temperature_millicelsius) == (1712, 58.4, 51125)


@pytest.mark.parametrize(
    ("program", "text"),
    [
        ("usr/sbin/nvfancontrol", "#!/bin/sh\necho FAN1:FAN_PROFILE:quiet\n"),
        ("usr/sbin/nvfancontrol", "#!/bin/sh\nexit 1\n"),
        (
            "usr/lib/hal-tree/nvfancontrol.start",
            "#!/bin/sh\n! grep -q 'PROFILE cool$' $HAL_ROOT/etc/nvfancontrol-config/*",
        ),
    ],
    ids=["reports another profile", "answers nothing", "does not start with it"],
)
def test_a_fan_that_does_not_follow_gets_its_former_profile_back(
    program: str, text: str, hal_tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hal_jetson_orin.fan.REPORT_SECONDS", 0.3)
    root = hal_tree("jetson-orin-nano-devkit-nvme")
    before = root.read_bytes(FAN_STORED)
    root.resolve(program).write_text(text)
    with pytest.raises(NotApplied) as error:
        fan_of(root).set("cool")
    assert error.value.path == "os.fan.profile"
    assert "the former profile was put back" in error.value.message
    assert root.read_bytes(FAN_STORED) == before


def test_a_profile_that_one_of_two_fans_lacks_cannot_be_chosen(hal_tree: Tree) -> None:
    root = hal_tree("jetson-agx-orin-devkit")
    second = "<FAN 2>\nFAN_PROFILE cool {\n0 0 255 2900\n}\nFAN_DEFAULT_PROFILE cool\n</FAN 2>\n"
    root.replace("etc/nvfancontrol.conf", root.read_bytes("etc/nvfancontrol.conf") + second.encode())
    fan = fan_of(root)
    assert [profile.name for profile in fan.profiles()] == ["cool"]
    with pytest.raises(ValueRefused):
        fan.set("quiet")


@pytest.mark.parametrize("noun", ["fan", "power"])
def test_a_damaged_vendor_file_names_its_line(noun: str, hal_tree: Tree) -> None:
    root = hal_tree("jetson-agx-orin-devkit")
    setting = getattr(Device.open(root), noun)
    (name,) = setting.reads
    lines = root.read_text(name).splitlines()
    root.replace(name, "\n".join([*lines[:5], "< }", *lines[5:]]).encode())
    before = {stored: root.read_value(stored) for stored in setting.writes}
    with pytest.raises(Damaged, match=rf"^{name}:6: "):
        setting.set("default")
    assert {stored: root.read_value(stored) for stored in setting.writes} == before


def test_no_generated_tree_has_a_foreign_file(hal_tree: Tree) -> None:
    """Only device types whose vendor files are known carry them."""
    root = hal_tree("jetson-agx-thor-devkit")
    assert not root.exists(VENDOR)
    assert Path(root.directory, "usr/bin/systemctl").exists()
    assert Device.open(root).power is None


@pytest.mark.parametrize(
    ("reading", "words"), [("0", "reads exactly 0"), ("126000", "reads 126 °C"), ("-256000", "reads -256 °C")]
)
def test_r31_a_sensor_that_cannot_be_right_is_told(reading: str, words: str, hal_tree: Tree) -> None:
    """balena-jetson-orin 155: the temperature read 0 and nothing said so. The vendor's daemon drives the fan here."""
    root = hal_tree("jetson-agx-orin-devkit")
    assert fan_of(root).state().warnings == ()
    root.resolve("sys/class/thermal/thermal_zone0/temp").write_text(f"{reading}\n")
    (warning,) = fan_of(root).state().warnings
    assert words in warning
    assert [(finding.about, finding.code) for finding in examine(root)] == [("fan", "measured")]
