"""Which fan a device type may have, how it is connected, and what its profiles are.

Every curve reaches the fan's highest step below 80 °C, where the firmware begins to lower the clock. Hysteresis and
speeds that a profile does not name stay those of the device tree.

Sources: Raspberry Pi documentation (config.txt, active cooler, PoE HAT), raspberrypi/linux (overlays README).
"""

from __future__ import annotations

from hal.backends.fan.controller_fan import Wiring
from hal.backends.fan.firmware_fan import DEFAULT, Profile, Wired


def _steps(prefix: str, celsius: tuple[float, ...], **more: int) -> dict[str, str]:
    """Temperatures of the steps, and further parameters by their names."""
    found = {f"{prefix}{place}": f"{round(each * 1000)}" for place, each in enumerate(celsius)}
    return {**found, **{name: str(value) for name, value in more.items()}}


def _words(celsius: tuple[float, ...], percents: tuple[int, ...] = ()) -> str:
    shown = [f"{each:g}" for each in celsius]
    if not percents:
        return f"faster in four steps from {shown[0]} to {shown[-1]} °C"
    return ", ".join(f"{percent} % from {each} °C" for percent, each in zip(percents, shown, strict=True))


def _trips(celsius: tuple[float, ...]) -> tuple[int, ...]:
    return tuple(round(each * 1000) for each in celsius)


_PI5_DEFAULT, _PI5_QUIET, _PI5_COOL = (50, 60, 67.5, 75), (60, 67.5, 72.5, 77.5), (40, 50, 57.5, 65)
_PI5_PERCENTS = (29, 49, 69, 98)

PI5 = Wired(
    what="fan at its connector; the firmware looks for one at boot, unless dtparam=cooling_fan says otherwise",
    parameters=tuple(f"fan_temp{step}{end}" for step in range(4) for end in ("", "_hyst", "_speed")),
    default=Profile(
        name=DEFAULT, summary=_words(_PI5_DEFAULT, _PI5_PERCENTS), parameters={}, trips=_trips(_PI5_DEFAULT)
    ),
    profiles=(
        Profile(
            name="quiet",
            summary=_words(_PI5_QUIET, _PI5_PERCENTS),
            parameters=_steps("fan_temp", _PI5_QUIET),
            trips=_trips(_PI5_QUIET),
        ),
        Profile(
            name="cool",
            summary=_words(_PI5_COOL, _PI5_PERCENTS),
            parameters=_steps("fan_temp", _PI5_COOL),
            trips=_trips(_PI5_COOL),
        ),
    ),
    names=("pwmfan",),
    needs="hwmon",
)
"""The connector of a Raspberry Pi 5, and of the IO board of a Compute Module 5."""

_POE_QUIET, _POE_COOL = (55, 62, 68, 73), (35, 40, 45, 50)

POE = Wired(
    what="PoE HAT",
    parameters=tuple(f"poe_fan_temp{step}{end}" for step in range(4) for end in ("", "_hyst")),
    default=Profile(name=DEFAULT, summary="the HAT's own temperatures", parameters={}),
    profiles=(
        Profile(name="quiet", summary=_words(_POE_QUIET), parameters=_steps("poe_fan_temp", _POE_QUIET)),
        Profile(name="cool", summary=_words(_POE_COOL), parameters=_steps("poe_fan_temp", _POE_COOL)),
    ),
    names=("pwmfan", "rpipoefan"),
    needs="overlay",
    overlays=("rpi-poe", "rpi-poe-plus"),
    hat="poe",
)
"""Raspberry Pi's HATs for power over Ethernet; the firmware loads their overlay by the HAT's memory, or config.txt."""

GPIO = Wired(
    what="fan that a GPIO switches",
    parameters=("temp", "hyst"),
    default=Profile(name=DEFAULT, summary="on from the temperature that the overlay has by itself", parameters={}),
    profiles=(
        Profile(
            name="quiet",
            summary="on from 70 °C, off again at 60 °C",
            parameters={"temp": "70000", "hyst": "10000"},
            trips=(70000,),
        ),
        Profile(
            name="cool",
            summary="on from 50 °C, off again at 40 °C",
            parameters={"temp": "50000", "hyst": "10000"},
            trips=(50000,),
        ),
    ),
    names=("gpio_fan",),
    needs="overlay",
    overlays=("gpio-fan",),
)
"""Which pin it hangs on only its owner knows, so the overlay must be there already."""

CM4_IO = Wired(
    what="fan controller of the IO board",
    parameters=("midtemp", "midtemp_hyst", "maxtemp", "maxtemp_hyst", "minpwm", "maxpwm"),
    default=Profile(name=DEFAULT, summary="nobody regulates: the controller's own full speed", parameters={}),
    profiles=(
        Profile(
            name="quiet",
            summary="faster from 60 °C, full speed from 75 °C",
            parameters={"midtemp": "60000", "maxtemp": "75000"},
            trips=(60000, 75000),
        ),
        Profile(
            name="cool",
            summary="faster from 45 °C, full speed from 60 °C",
            parameters={"midtemp": "45000", "maxtemp": "60000"},
            trips=(45000, 60000),
        ),
    ),
    names=("emc2301", "emc2305"),
    needs="board",
    overlays=("i2c-fan",),
    adds="i2c-fan,emc2301,i2c_csi_dsi",
)
"""The EMC2301 of the Compute Module 4 IO board; its kernel driver comes with the overlay."""

HEADER = (GPIO,)
POE_HEADER = (POE, GPIO)

WAYS: dict[str, tuple[Wired, ...]] = {
    "raspberry-pi": HEADER,
    "raspberry-pi2": HEADER,
    "raspberrypi3": POE_HEADER,
    "raspberrypi3-64": POE_HEADER,
    "raspberrypi0-2w-64": HEADER,
    "raspberrypi4-64": POE_HEADER,
    "raspberrypi400-64": HEADER,
    "raspberrypicm4-ioboard": (CM4_IO,),
    "raspberrypi5": (PI5, GPIO),
}
"""By device type, what is looked for first. The 3 Model B+ and the 4 Model B have the four pins of a PoE HAT."""

CONTROLLERS: dict[str, Wiring] = {
    "raspberrypicm4-ioboard-sb": Wiring(bus=10, address=0x2F, zone="cpu-thermal"),
}
"""Where config.txt is nobody's to change, so no overlay can be added, and the controller is driven without a driver."""

NOT_KNOWN = "which fan this device type has, and how it is driven, is not known"
