"""What a generated tree of an Orin holds: the vendor's files, and programs that behave like the real ones.

The fan curves of p3767 `cool` and of p3701 on L4T 36 are not known; trees carry the known ones of p3701 R34.1 and the
stock `quiet` curve of p3767 under both names. Nothing in the code depends on a curve. Which profile the vendor's file
starts with on L4T 36 is not known for p3701 either; here it is always `quiet`, so that on an AGX Orin the vendor's
default and the OS's own (`cool`) differ.
"""

from __future__ import annotations

from collections.abc import Iterator

from hal.model import DeviceType
from hal.tree import TreeFile
from hal_jetson_orin import boot_config, tree_firmware
from hal_jetson_orin.vendor_modes import SHIPPED, nvpmodel_conf

_AGX_COOL = "0,0,255,2900 18,9,255,2900 30,11,202,2300 45,11,149,1700 60,14,88,1000 105,0,0,0"
_AGX_QUIET = "0,0,202,2300 18,9,202,2300 30,11,158,1800 45,11,114,1300 60,14,62,700 105,0,0,0"
_VENDOR_PROFILE = "quiet"
_P3767_QUIET = "0,0,255,6000 10,0,255,6000 11,0,187,4000 31,0,187,4000 70,0,0,0 105,0,0,0"

_NVPMODEL = """#!/bin/sh
# Stands for nvpmodel in a tree: -q tells the running mode behind the warnings that real ones print, -f is what
# the boot does.
status="$HAL_ROOT/var/lib/nvpmodel/status"
case "$1" in
    -f)
        id=$(sed -n 's/^ *< *PM_CONFIG  *DEFAULT=\\([0-9]*\\).*/\\1/p' "$HAL_ROOT/$2")
        [ -n "$id" ] || { echo "NVPM ERROR: no default mode" >&2; exit 1; }
        printf 'pmode:%04d\\n' "$id" >"$status"
        ;;
    -q)
        id=$(sed -n 's/^pmode:0*\\([0-9][0-9]*\\)$/\\1/p' "$status")
        [ -n "$id" ] || { echo "NVPM WARN: power mode is not set!"; exit 0; }
        echo "NVPM WARN: fan mode is not set!"
        name=$(sed -n "s/^ *< *POWER_MODEL  *ID=$id  *NAME=\\([^ >]*\\).*/\\1/p" "$HAL_ROOT/etc/nvpmodel.conf")
        echo "NV Power Mode: $name"
        echo "$id"
        ;;
    *)
        echo "NVPM ERROR: unknown option $1" >&2
        exit 1
        ;;
esac
"""

_NVFANCONTROL = """#!/bin/sh
# Stands for nvfancontrol in a tree: reports while its unit runs, and believes its cache rather than its file.
[ -e "$HAL_ROOT/run/hal-tree/nvfancontrol.active" ] || { echo "nvfancontrol is not running" >&2; exit 1; }
status="$HAL_ROOT/var/lib/nvfancontrol/status"
echo "FAN1:FAN_PROFILE:$(cat "$status")"
echo "FAN1:FAN_GOVERNOR:cont"
echo "FAN1:FAN_CONTROL:close_loop"
"""

_NVFANCONTROL_START = """#!/bin/sh
# The daemon reads its file only where it finds no cache, and ends where the default profile is none of its profiles.
status="$HAL_ROOT/var/lib/nvfancontrol/status"
conf="$HAL_ROOT/etc/nvfancontrol-config/nvfancontrol.conf"
[ -e "$status" ] && exit 0
profile=$(sed -n 's/^[[:space:]]*FAN_DEFAULT_PROFILE[[:space:]]*\\([^[:space:]]*\\).*/\\1/p' "$conf")
grep -q "FAN_PROFILE $profile " "$conf" || exit 1
echo "$profile" >"$status"
"""


def tree_files(device_type: DeviceType) -> tuple[TreeFile, ...]:
    """The vendor's files of this device type, its fake programs, and a sensor and fan to measure."""
    return tuple(_files(device_type))


def _files(device_type: DeviceType) -> Iterator[TreeFile]:
    slug = device_type.slug
    if device_type.bootloader is not None:
        yield TreeFile(name=boot_config.FILE)
    if slug in SHIPPED:
        table, default = SHIPPED[slug]
        text = nvpmodel_conf(table, default)
        yield TreeFile.text("etc/nvpmodel.conf", text)
        yield TreeFile.text("etc/nvpmodel-config/nvpmodel.conf", text)
        yield TreeFile.text("var/lib/nvpmodel/status", f"pmode:{default:04d}\n")
        yield TreeFile.program("usr/sbin/nvpmodel", _NVPMODEL)
    if device_type.fan_default is not None:
        curves = (_AGX_COOL, _AGX_QUIET) if slug.startswith("jetson-agx") else (_P3767_QUIET, _P3767_QUIET)
        text = nvfancontrol_conf(cool=curves[0], quiet=curves[1], default=_VENDOR_PROFILE)
        yield TreeFile.text("etc/nvfancontrol.conf", text)
        yield TreeFile.text("etc/nvfancontrol-config/nvfancontrol.conf", text)
        yield TreeFile.text("var/lib/nvfancontrol/status", f"{_VENDOR_PROFILE}\n")
        yield TreeFile.text("run/hal-tree/nvfancontrol.active", "")
        yield TreeFile.program("usr/lib/hal-tree/nvfancontrol.start", _NVFANCONTROL_START)
        yield TreeFile.program("usr/sbin/nvfancontrol", _NVFANCONTROL)
        yield TreeFile.text("sys/class/hwmon/hwmon0/name", "pwm_tach\n")
        yield TreeFile.text("sys/class/hwmon/hwmon0/rpm", "1712\n")
        yield TreeFile.text("sys/class/hwmon/hwmon1/name", "pwmfan\n")
        yield TreeFile.text("sys/class/hwmon/hwmon1/pwm1", "149\n")
        yield TreeFile.text("sys/class/thermal/thermal_zone0/type", "tj-thermal\n")
        yield TreeFile.text("sys/class/thermal/thermal_zone0/temp", "51125\n")
    if device_type.capsule is not None:
        yield from tree_firmware.files(device_type, device_type.capsule)


def nvfancontrol_conf(*, cool: str, quiet: str, default: str) -> str:
    """The file, in the vendor's grammar; a curve is `TEMP,HYST,PWM,RPM` rows."""
    lines = ["# Generated for a tree.", "POLLING_INTERVAL 2", "", "<FAN 1>", "\tTMARGIN ENABLED"]
    lines += ["\tFAN_GOVERNOR cont {", "\t\tSTEP_SIZE 10", "\t}"]
    lines += ["\tFAN_CONTROL close_loop {", "\t\tRPM_TOLERANCE 100", "\t}"]
    for name, curve in (("cool", cool), ("quiet", quiet)):
        rows = ["\t\t" + row.replace(",", "\t") for row in curve.split()]
        lines += [f"\tFAN_PROFILE {name} {{", "\t\t#TEMP\tHYST\tPWM\tRPM", *rows, "\t}"]
    lines += ["\tTHERMAL_GROUP 0 {", "\t\tGROUP_MAX_TEMP 105", "\t\t#Temp\tcoefficients\tmax"]
    lines += [f"\t\t{zone}-thermal {','.join(['20', *['0'] * 19])} 105" for zone in ("cpu", "gpu", "soc0")]
    lines += ["\t}", "\tFAN_DEFAULT_CONTROL close_loop", f"\tFAN_DEFAULT_PROFILE {default}"]
    lines += ["\tFAN_DEFAULT_GOVERNOR cont", "\tKICKSTART_PWM 0", "</FAN 1>"]
    return "\n".join(lines) + "\n"
