"""What a generated tree has of the OS's services: their files as after a boot, and programs that stand for theirs."""

from __future__ import annotations

from collections.abc import Iterator

from hal.tree import TreeFile

_SYSTEMCTL = """#!/bin/sh
# Stands for systemd in a tree: `start` runs usr/lib/hal-tree/UNIT.start, `stop` ends it; both are remembered.
units="$HAL_ROOT/run/hal-tree"
mkdir -p "$units"
[ "$1" = --no-block ] && shift
verb=$1
shift
for unit in "$@"; do
    unit=${unit%.service}
    case "$verb" in
        start | restart)
            echo "$verb $unit" >>"$units/log"
            if [ -x "$HAL_ROOT/usr/lib/hal-tree/$unit.start" ]; then
                "$HAL_ROOT/usr/lib/hal-tree/$unit.start" || exit 1
            fi
            : >"$units/$unit.active"
            ;;
        stop)
            echo "$verb $unit" >>"$units/log"
            rm -f "$units/$unit.active"
            ;;
        reload-or-restart)
            [ -e "$units/$unit.active" ] || { echo "systemctl: unit $unit not found" >&2; exit 5; }
            echo "$verb $unit" >>"$units/log"
            ;;
        is-active)
            if [ -e "$units/$unit.active" ]; then echo active; else echo inactive; exit 3; fi
            ;;
        *)
            echo "systemctl: $verb is not known in a tree" >&2
            exit 1
            ;;
    esac
done
"""

_IW = """#!/bin/sh
# Stands for iw in a tree: `reg set` is remembered, `reg get` tells it.
domain="$HAL_ROOT/var/lib/hal-tree/regulatory-domain"
case "$1 $2" in
    "reg get")
        country=$(cat "$domain" 2>/dev/null || echo 00)
        printf 'global\\ncountry %s: DFS-UNSET\\n' "$country"
        ;;
    "reg set")
        mkdir -p "${domain%/*}"
        echo "$3" >"$domain"
        ;;
    *) exit 2 ;;
esac
"""

_REMEMBERED = """#!/bin/sh
# Stands for {name} in a tree: that it was asked is remembered.
mkdir -p "$HAL_ROOT/run/hal-tree"
echo "{name} $*" >>"$HAL_ROOT/run/hal-tree/log"
"""

RUNNING = ("NetworkManager", "avahi-daemon", "balena", "chronyd", "development-features.target", "dnsmasq")
"""Units that run after a boot."""

PROGRAMS = (
    "usr/bin/chronyc",
    "usr/bin/journalctl",
    "usr/bin/udevadm",
    "usr/sbin/dnsmasq",
    "usr/sbin/sshd",
    "usr/sbin/update-ca-certificates",
)


def services() -> Iterator[TreeFile]:
    """As after a boot with a config.json that asks for nothing: dnsmasq alone has a file then."""
    yield TreeFile.program("usr/bin/systemctl", _SYSTEMCTL)
    yield TreeFile.program("usr/sbin/iw", _IW)
    for name in PROGRAMS:
        yield TreeFile.program(name, _REMEMBERED.format(name=name.rpartition("/")[2]))
    for unit in RUNNING:
        yield TreeFile.text(f"run/hal-tree/{unit}.active", "")
    yield TreeFile.folder("sys/module/cfg80211")
    yield TreeFile.text("run/dnsmasq.servers", "server=8.8.8.8\n")
    yield TreeFile.text("etc/hostname", "localhost\n")
    yield TreeFile.text("proc/sys/kernel/hostname", "localhost\n")
    yield TreeFile.text("etc/ssh/sshd_config_development", "PermitRootLogin yes\nPermitEmptyPasswords yes\n")
    yield TreeFile.text("sys/module/firmware_class/parameters/path", "")
    yield TreeFile.folder("etc/NetworkManager/conf.d")
    yield TreeFile.folder("etc/udev/rules.d")
    yield TreeFile.folder("home/root")
    yield TreeFile.folder("var/volatile")
