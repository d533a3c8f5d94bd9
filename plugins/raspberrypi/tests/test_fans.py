"""Fans of Raspberry Pi boards through config.txt: every way one is connected, what is written, and what stays."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hal_raspberrypi import fans
from hal_raspberrypi.device_types import DEVICE_TYPES

from hal import Device, Root
from hal.backends.fan.controller_fan import ControllerFan
from hal.backends.fan.firmware_fan import FirmwareFan, Wired
from hal.doctor import examine
from hal.errors import HalError, ValueRefused
from hal.model import Cost, FanReading, Outcome

Tree = Callable[[str], Root]
CONFIG = "mnt/boot/config.txt"
GPIO = "dtoverlay=gpio-fan,gpiopin=14\n"
POE = "dtoverlay=rpi-poe-plus\n"
CONTROLLER = "dtoverlay=i2c-fan,emc2301,i2c_csi_dsi\n"
PI5_QUIET = [f"dtparam=fan_temp{n}={t}" for n, t in enumerate((60000, 67500, 72500, 77500))]


def fan_of(root: Root) -> FirmwareFan:
    fan = Device.open(root).fan
    assert isinstance(fan, FirmwareFan)
    return fan


def lines(root: Root) -> list[str]:
    return root.read_text(CONFIG).splitlines()


def meaning(root: Root) -> list[tuple[str, str]]:
    """The settings of config.txt, however they are spread over lines."""
    return [(each.key, each.value) for each in Device.open(root).boot_config[0].items()]


def add(root: Root, text: str, *, first: bool = False) -> None:
    old = root.read_text(CONFIG)
    root.replace(CONFIG, (text + old if first else old + text).encode())


# -- the table -------------------------------------------------------------------------------------------------------

WAYS = [way for ways in fans.WAYS.values() for way in ways]


def test_every_device_type_of_the_table_exists() -> None:
    assert {*fans.WAYS, *fans.CONTROLLERS} <= {row.slug for row in DEVICE_TYPES}


@pytest.mark.parametrize("way", {id(way): way for way in WAYS}.values(), ids=lambda way: way.what[:12])
def test_every_profile_of_the_table(way: Wired) -> None:
    assert [profile.name for profile in way.profiles] == ["quiet", "cool"]
    assert way.default.parameters == {}
    for profile in way.profiles:
        assert set(profile.parameters) <= set(way.parameters)
        temperatures = [int(value) for name, value in profile.parameters.items() if "hyst" not in name]
        assert temperatures == sorted(temperatures)
        assert all(30_000 <= each < 80_000 for each in temperatures), "the firmware throttles from 80 °C on"
    quiet, cool = (min(int(value) for value in profile.parameters.values()) for profile in way.profiles)
    assert quiet >= cool
    for profile in (way.default, *way.profiles):
        assert all(f"{each / 1000:g}" in profile.summary for each in profile.trips)


@pytest.mark.parametrize(
    ("slug", "reason"),
    [
        (
            "raspberrypi4-64",
            "no fan is known to be here: config.txt names no overlay rpi-poe, rpi-poe-plus or gpio-fan",
        ),
        ("raspberrypi400-64", "config.txt names no overlay gpio-fan"),
        ("raspberrypicm4-ioboard-sb", "there is no dev/i2c-10, the I²C bus of the fan controller"),
        ("npe-x500-m3", "which fan this device type has, and how it is driven, is not known"),
        ("revpi-connect-4", "is not known"),
    ],
)
def test_no_fan_is_said_with_the_reason(slug: str, reason: str, hal_tree: Tree) -> None:
    device = Device.open(hal_tree(slug))
    assert device.fan is None
    assert reason in device.absent["fan"]


def test_a_pi_5_without_a_fan_at_its_connector(hal_tree: Tree) -> None:
    root = hal_tree("raspberrypi5")
    assert fan_of(root).absence() is None
    root.remove("sys/class/hwmon/hwmon1/name")
    device = Device.open(root)
    assert device.fan is None
    assert "the firmware looks for one at boot, unless dtparam=cooling_fan says otherwise" in device.absent["fan"]


def test_with_secure_boot_the_controller_is_driven_without_its_kernel_driver(hal_tree: Tree) -> None:
    """config.txt cannot be changed there, so no overlay can bring the driver."""
    root = hal_tree("raspberrypicm4-ioboard-sb")
    device = Device.open(root)
    answer = device._scope.first("hal_fan", ControllerFan, device_type=device.device_type, root=root)
    assert isinstance(answer, ControllerFan)


# -- what is written -------------------------------------------------------------------------------------------------

CASES: dict[str, tuple[str, str, dict[str, list[str]]]] = {
    "Pi 5": (
        "raspberrypi5",
        "",
        {"quiet": PI5_QUIET, "cool": [f"dtparam=fan_temp{n}={t}" for n, t in enumerate((40000, 50000, 57500, 65000))]},
    ),
    "GPIO": (
        "raspberrypi3",
        GPIO,
        {
            "quiet": ["dtoverlay=gpio-fan", "dtparam=gpiopin=14", "dtparam=temp=70000", "dtparam=hyst=10000"],
            "cool": ["dtoverlay=gpio-fan", "dtparam=gpiopin=14", "dtparam=temp=50000", "dtparam=hyst=10000"],
        },
    ),
    "PoE HAT": (
        "raspberrypi4-64",
        POE,
        {"quiet": [f"dtparam=poe_fan_temp{n}={t}" for n, t in enumerate((55000, 62000, 68000, 73000))]},
    ),
    "CM4 IO board": (
        "raspberrypicm4-ioboard",
        "",
        {
            "quiet": [
                "dtoverlay=i2c-fan",
                "dtparam=emc2301",
                "dtparam=i2c_csi_dsi",
                "dtparam=midtemp=60000",
                "dtparam=maxtemp=75000",
            ]
        },
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_profile_is_its_parameters_and_default_is_none_of_them(case: str, hal_tree: Tree) -> None:
    slug, own, profiles = CASES[case]
    root = hal_tree(slug)
    add(root, own, first=True)
    before, at_first = lines(root), meaning(root)
    for profile, written in profiles.items():
        result = fan_of(root).set(profile)
        assert (result.previous, result.value) == ("default", profile)
        assert (result.outcome, result.cost) == (Outcome.ACCEPTED, Cost.REBOOT)
        assert result.note == "in force after the next boot"
        assert set(lines(root)) - set(before) == set(written)
        assert fan_of(root).state().configured == profile
        assert fan_of(root).set(profile).outcome is Outcome.UNCHANGED
        fan_of(root).set("default")
        assert meaning(root) == at_first
        root.replace(CONFIG, "".join(f"{line}\n" for line in before).encode())


def test_a_hat_that_names_itself_needs_no_overlay_in_the_file(hal_tree: Tree) -> None:
    root = hal_tree("raspberrypi4-64")
    hat = root.directory / "sys/firmware/devicetree/base/hat"
    hat.mkdir()
    (hat / "product").write_bytes(b"PoE+ HAT\0")
    fan_of(root).set("cool")
    added = [line for line in lines(root) if "poe_fan" in line]
    assert added == [f"dtparam=poe_fan_temp{n}={t}" for n, t in enumerate((35000, 40000, 45000, 50000))]
    assert not any(line.startswith("dtoverlay=rpi-poe") for line in lines(root))
    fan_of(root).set("default")
    assert not any("poe_fan" in line for line in lines(root))


# -- somebody's own values -------------------------------------------------------------------------------------------

OWN: list[tuple[str, str, str]] = [
    ("raspberrypi5", "dtparam=fan_temp0=42000\n", "fan_temp0=42000"),
    ("raspberrypi5", "dtparam=fan_temp0=60000,fan_temp0_speed=90\n", "fan_temp0_speed=90"),
    ("raspberrypi3", f"{GPIO}dtparam=temp=61000\n", "temp=61000"),
    ("raspberrypi4-64", f"{POE}dtparam=poe_fan_temp3=81000\n", "poe_fan_temp3=81000"),
    ("raspberrypicm4-ioboard", CONTROLLER, "i2c_csi_dsi"),
    ("raspberrypicm4-ioboard", f"{CONTROLLER}dtparam=minpwm=99\n", "minpwm=99"),
]


@pytest.mark.parametrize(("slug", "own", "word"), OWN)
def test_values_of_no_profile_are_custom_and_stay_until_one_is_chosen(
    slug: str, own: str, word: str, hal_tree: Tree
) -> None:
    root = hal_tree(slug)
    add(root, own, first=True)
    text = root.read_text(CONFIG)
    device = Device.open(root)
    assert fan_of(root).state().configured == "custom"
    assert device.plan({}).changes == (), "nobody asks for anything"
    assert fan_of(root).set(None).outcome is Outcome.UNCHANGED
    assert root.read_text(CONFIG) == text
    with pytest.raises(ValueRefused, match="allowed are default, quiet, cool"):
        fan_of(root).set("custom")
    result = fan_of(root).set("cool")
    assert (result.previous, result.value) == ("custom", "cool")
    if "i2c" not in word:
        assert word not in root.read_text(CONFIG)
    fan_of(root).set("default")
    assert fan_of(root).state().configured == "default"


def test_what_stands_under_a_condition_is_not_the_profile(hal_tree: Tree) -> None:
    root = hal_tree("raspberrypi5")
    add(root, "[cm5]\ndtparam=fan_temp0=42000\n")
    assert fan_of(root).state().configured == "default"
    fan_of(root).set("quiet")
    assert lines(root)[-2:] == ["[cm5]", "dtparam=fan_temp0=42000"]
    assert fan_of(root).state().configured == "quiet"


def test_the_other_lines_stay(hal_tree: Tree) -> None:
    root = hal_tree("raspberrypi5")
    add(
        root,
        "dtparam=audio=off,fan_temp1=1,i2c_arm=on  # mine\ndtparam=cooling_fan=on,fan_temp2=2,spi=on\n",
        first=True,
    )
    fan_of(root).set("quiet")
    text = root.read_text(CONFIG)
    assert "fan_temp2=2" not in text
    assert all(each in text for each in ("audio=off", "cooling_fan=on", "spi=on", *PI5_QUIET))


# -- what runs, and what is measured -----------------------------------------------------------------------------------


def test_the_trip_points_of_the_kernel_tell_what_runs(hal_tree: Tree) -> None:
    root = hal_tree("raspberrypi5")
    state = fan_of(root).state()
    assert (state.configured, state.running, state.reboot_required) == ("default", "default", False)
    assert state.readings == (FanReading(name="pwmfan 1", rpm=2981, pwm_percent=29.4, temperature_millicelsius=48_312),)
    fan_of(root).set("quiet")
    state = fan_of(root).state()
    assert (state.configured, state.running, state.reboot_required) == ("quiet", "default", True)
    assert {finding.about: finding.code for finding in examine(root)}["fan"] == "reboot-required"
    for place, at in enumerate((60000, 67500, 72500, 77500)):
        root.replace(f"sys/class/thermal/thermal_zone0/trip_point_{place}_temp", f"{at}\n".encode())
    state = fan_of(root).state()
    assert (state.configured, state.running, state.reboot_required) == ("quiet", "quiet", False)


@pytest.mark.parametrize(
    ("own", "trips", "configured", "running", "reboot"),
    [
        ("", (55000,), "default", None, False),  # what the overlay does by itself is not in the table
        ("dtparam=temp=61000\n", (61000,), "custom", "custom", False),
        ("dtparam=temp=61000\n", (70000,), "custom", "quiet", True),
        ("dtparam=temp=70000,hyst=10000\n", (55000,), "quiet", "custom", True),
        ("dtparam=temp=70000,hyst=10000\n", (70000,), "quiet", "quiet", False),
        ("dtparam=temp=70000,hyst=10000\n", (), "quiet", None, False),
    ],
)
def test_what_runs_where_the_default_is_not_known(
    own: str, trips: tuple[int, ...], configured: str, running: str | None, reboot: bool, hal_tree: Tree
) -> None:
    root = hal_tree("raspberrypi3")
    add(root, GPIO + own, first=True)
    zone = root.directory / "sys/class/thermal/thermal_zone0"
    for place, at in enumerate(trips):
        (zone / f"trip_point_{place}_type").write_text("active\n")
        (zone / f"trip_point_{place}_temp").write_text(f"{at}\n")
    state = fan_of(root).state()
    assert (state.configured, state.running, state.reboot_required) == (configured, running, reboot)
    about = {finding.code for finding in examine(root) if finding.about == "fan"}
    assert ("reboot-required" in about) == reboot
    assert "not-applied" not in about


def test_where_nothing_tells_what_runs_nothing_is_said(hal_tree: Tree) -> None:
    root = hal_tree("raspberrypi4-64")
    add(root, POE, first=True)
    state = fan_of(root).state()
    assert (state.running, state.reported) == (None, False)
    assert state.warnings == (
        "the kernel has found no fan (pwmfan or rpipoefan in hwmon); after a change of config.txt it looks at boot",
    )
    assert [(finding.about, finding.code) for finding in examine(root)] == [("fan", "measured")]


def test_an_io_board_whose_controller_nobody_asked_for_is_nothing_odd(hal_tree: Tree) -> None:
    root = hal_tree("raspberrypicm4-ioboard")
    assert fan_of(root).state().warnings == ()
    assert examine(root) == ()
    fan_of(root).set("cool")
    assert "(emc2301 or emc2305 in hwmon)" in fan_of(root).state().warnings[0]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"sys/class/thermal/thermal_zone0/temp": "0"}, "reads exactly 0"),
        ({"sys/class/hwmon/hwmon1/fan1_input": "0", "sys/class/hwmon/hwmon1/pwm1": "125"}, "stands still"),
    ],
)
def test_what_is_odd_is_told_by_status_and_doctor(changes: dict[str, str], words: str, hal_tree: Tree) -> None:
    root = hal_tree("raspberrypi5")
    for name, text in changes.items():
        root.replace(name, f"{text}\n".encode())
    assert words in fan_of(root).state().warnings[0]
    (finding,) = examine(root)
    assert (finding.code, finding.about) == ("measured", "fan")
    assert words in finding.message


def test_without_a_config_txt_a_pi_5_has_its_default(hal_tree: Tree) -> None:
    root = hal_tree("raspberrypi5")
    root.remove(CONFIG)
    assert fan_of(root).state().configured == "default"
    fan_of(root).set("quiet")
    assert lines(root) == PI5_QUIET


def test_a_list_that_does_not_parse_is_an_error_and_nothing_written(hal_tree: Tree) -> None:
    root = hal_tree("raspberrypi5")
    (root.directory / CONFIG).unlink()
    (root.directory / CONFIG).mkdir()
    with pytest.raises(HalError):
        fan_of(root).set("quiet")
