"""Host name, journal, udev rules, further firmware. Places and formats are balenaOS's (meta-balena 8.0.2)."""

from __future__ import annotations

from attrs import frozen

from hal.backends.firmware.search import ON_DATA, VOLUMES
from hal.backends.firmware.search import PARAMETER as SEARCH_PATH
from hal.errors import FileFault
from hal.model import Cost
from hal.root import Root
from hal.settings.kinds import is_rule_name
from hal.settings.services.places import Attribute, File, NameFile, Place
from hal.settings.services.service import Asked, Found, Service, TakeUp, Wanted, needs, restart
from hal.settings.values import truth

# -- host name ---------------------------------------------------------------------------------------------------------

NAME, RUNNING = NameFile("etc/hostname"), Attribute("proc/sys/kernel/hostname")
SHORT_UUID = 7


def _hostname(asked: Asked, found: Found) -> Wanted | None:
    """What is asked, else the first characters of the UUID; a device that has none yet keeps its name."""
    if asked.is_wrong("hostname") or ("hostname" not in asked.values and "uuid" not in asked.values):
        return None
    name = str(asked.values.get("hostname") or str(asked.values["uuid"])[:SHORT_UUID]).encode()
    return {NAME: name, **({RUNNING: name} if found.get(RUNNING) is not None else {})}


HOSTNAME = Service(
    path="hostname",
    keys=("hostname", "uuid"),
    places=lambda root: (NAME, RUNNING),
    wanted=_hostname,
    words=lambda found: (found.get(NAME) or found.get(RUNNING) or b"none").decode(errors="replace"),
    absence=lambda root: None,
    take_up=(restart("dnsmasq.service"), restart("avahi-daemon.service"), restart("balena.service", wait=False)),
    units=("dnsmasq.service", "avahi-daemon.service", "balena.service"),
    where=NAME.name,
)

# -- journal -----------------------------------------------------------------------------------------------------------

JOURNAL = "var/log/journal"
ENDING = "run/hal/journal-ends"
"""Says that the journal is volatile from the next boot on; it goes away with this one."""
PERSISTENT, VOLATILE = b"persistent", b"volatile"


@frozen
class Journal:
    """The folder that makes journald keep its journal. The OS makes it anew at every boot, so it ends with a boot."""

    name: str = JOURNAL

    def read(self, root: Root) -> bytes | None:
        """Whether the journal will be kept over the next boot."""
        return PERSISTENT if root.is_dir(JOURNAL) and not root.exists(ENDING) else VOLATILE

    def write(self, root: Root, data: bytes | None) -> None:
        """Make the folder; or leave the journal as it is until the boot that does not keep it."""
        if data == PERSISTENT:
            root.make_folder(JOURNAL)
            root.remove(ENDING)
        else:
            root.make_folder(ENDING.rpartition("/")[0])
            root.replace(ENDING, b"")

    def same(self, found: bytes | None, wanted: bytes | None) -> bool:
        """Both kept, or both not."""
        return found == wanted


KEPT = Journal()


def _journal(asked: Asked, found: Found) -> Wanted | None:
    if asked.is_wrong("persistentLogging"):
        return None
    return {KEPT: PERSISTENT if truth(asked.values.get("persistentLogging", False)) else VOLATILE}


JOURNALD = Service(
    path="persistentLogging",
    keys=("persistentLogging",),
    places=lambda root: (KEPT,),
    wanted=_journal,
    words=lambda found: (found.get(KEPT) or VOLATILE).decode(),
    absence=needs("journalctl", "journal"),
    take_up=(
        TakeUp(argv=("systemctl", "start", "bind-var-log-journal.service")),
        TakeUp(argv=("journalctl", "--flush")),
    ),
    waits=lambda wanted: wanted.get(KEPT) == VOLATILE,
    units=("systemd-journald.service",),
    cost=Cost.NONE,
    where=f"{JOURNAL}/",
)

# -- udev rules --------------------------------------------------------------------------------------------------------

RULES = "etc/udev/rules.d"


def _rule(name: str) -> File:
    return File(f"{RULES}/{name}.rules", comment=None)


def _rules_found(root: Root) -> tuple[Place, ...]:
    """The rules; what is no file (udev's own way to mask a rule is a link to /dev/null) is somebody's intention."""
    return tuple(File(name, comment=None) for name in root.glob(f"{RULES}/*.rules") if root.is_file(name))


def _rules(asked: Asked, found: Found) -> Wanted | None:
    """The folder is this key's alone: other rules go, but for those of a name whose new text was refused.

    Where all that is asked was refused, all stay.
    """
    if asked.is_wrong("os.udevRules"):
        return None
    rules = asked.values.get("os.udevRules") or {}
    assert isinstance(rules, dict)
    if not rules and any(path.startswith("os.udevRules.") for path in asked.wrong):
        return None
    refused = {f"{RULES}/{path.removeprefix('os.udevRules.')}.rules" for path in asked.wrong}
    others: dict[Place, bytes | None] = {place: None for place in found if place.name not in refused}
    return others | {_rule(name): f"{text}\n".encode() for name, text in rules.items() if is_rule_name(name)}


def _rules_words(found: Found) -> str:
    names = [place.name.rpartition("/")[2].removesuffix(".rules") for place, data in found.items() if data is not None]
    return ", ".join(sorted(names)) or "none"


UDEV = Service(
    path="os.udevRules",
    keys=("os.udevRules",),
    places=_rules_found,
    wanted=_rules,
    words=_rules_words,
    absence=needs("udevadm", "udev"),
    take_up=(
        TakeUp(argv=("udevadm", "settle", "--timeout=60")),
        TakeUp(argv=("udevadm", "control", "--reload")),
        TakeUp(argv=("systemctl", "restart", "systemd-udev-trigger.service")),
    ),
    units=("systemd-udev-trigger.service",),
    where=f"{RULES}/NAME.rules",
)

# -- further firmware --------------------------------------------------------------------------------------------------


@frozen
class FirmwarePath(Attribute):
    """Where the kernel looks for firmware first."""

    name: str = SEARCH_PATH

    def write(self, root: Root, data: bytes | None) -> None:
        """A volume that is not there yet is refused: the kernel would look nowhere."""
        volume = (data or b"").decode().removeprefix(f"/{VOLUMES}/").removesuffix("/_data")
        if data is not None and not root.is_dir(f"{ON_DATA}/{volume}/_data"):
            raise FileFault(
                f"os.kernel.extraFirmwareVol: the engine has no volume {volume!r}", path="os.kernel.extraFirmwareVol"
            )
        super().write(root, data)


FIRMWARE_PATH = FirmwarePath()


def _firmware(asked: Asked, found: Found) -> Wanted | None:
    """A path that is no volume's was given to the kernel by somebody else, and is left while nothing is asked."""
    if asked.is_wrong("os.kernel.extraFirmwareVol"):
        return None
    volume = asked.values.get("os.kernel.extraFirmwareVol")
    if volume is not None:
        return {FIRMWARE_PATH: f"/{VOLUMES}/{volume}/_data".encode()}
    ours = (found.get(FIRMWARE_PATH) or b"").startswith(f"/{VOLUMES}/".encode())
    return {FIRMWARE_PATH: None} if ours else None


FIRMWARE = Service(
    path="os.kernel.extraFirmwareVol",
    keys=("os.kernel.extraFirmwareVol",),
    places=lambda root: (FIRMWARE_PATH,),
    wanted=_firmware,
    words=lambda found: (found.get(FIRMWARE_PATH) or b"none").decode(errors="replace"),
    absence=lambda root: None if root.exists(SEARCH_PATH) else f"this kernel has no such search path ({SEARCH_PATH})",
    cost=Cost.NONE,
    where=SEARCH_PATH,
)
