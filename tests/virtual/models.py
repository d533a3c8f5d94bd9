"""The virtual devices, one row a model and state: identity, descriptors, and what turns it into which other row.

Ids, classes and, where they are known, endpoint addresses are those of `docs` and field logs that the project keeps; an
endpoint address that nobody published is the lab's own choice (a serial function has `iXX` interrupt, then IN and OUT).
So are the texts of the devices that are no modems: they stand for a kind, and carry a well-known id of it.
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import field, frozen
from virtual.descriptors import Configuration, settings


@frozen(kw_only=True)
class Row:
    """A device in one state, as it enumerates."""

    name: str
    vendor: int
    product: int
    configurations: tuple[Configuration, ...]
    strings: tuple[str, str, str] = ("", "", "")
    """Maker, product, serial number; an empty one is not there."""
    revision: int = 0x0102
    usb: int = 0x0200
    device_class: tuple[int, int, int] = (0, 0, 0)
    speed: str = "high"
    personality: str = ""
    """Who answers AT commands: a key of `virtual.at_personalities.PERSONALITIES`."""
    scsi: str = ""
    """What the storage functions are: a key of `virtual.storage.MEDIA`."""
    chip: str = ""
    """What answers vendor requests: a key of `virtual.chips.CHIPS`."""
    messages: Mapping[str, str] = field(factory=dict)
    """Beginning of a SCSI command block in hex, and the row that it turns the device into."""
    modes: Mapping[int, str] = field(factory=dict)
    """What the modem's stored mode (usbnet, or else the product id) makes of it when it starts again."""

    @property
    def id(self) -> str:
        """`12d1:1506`."""
        return f"{self.vendor:04x}:{self.product:04x}"


def one(text: str, power: int = 0xFA) -> tuple[Configuration, ...]:
    """A device with one configuration."""
    return (Configuration(1, settings(text), power),)


# -- Huawei sticks -----------------------------------------------------------------------------------------------------

_CD = "0 08/06/50 81 01 cdrom"
_CD_AND_CARD = """
0 08/06/50 81 01 cdrom
1 08/06/50 82 02 card
"""
_SWITCHED = {
    "a": ((0, 0, 0), 0x0210, """
0   ff/03/10 i82 81 01  modem
1   ff/03/12 83 02      at
2   ff/03/16 i85        ncm ncm:2
2.1 ff/03/16 i85 84 03  ncm
3   08/06/50 86 04      cdrom
4   08/06/50 87 05      card
"""),
    "b": ((0, 0, 0), 0x0200, """
0   ff/03/12 82 01      at
1   ff/03/16 i84        ncm ncm:1
1.1 ff/03/16 i84 83 02  ncm
2   08/06/50 85 03      cdrom
"""),
    "c": ((0, 0, 0), 0x0200, """
0   ff/02/12 82 01      at
1   ff/02/16 i84        ncm ncm:1
1.1 ff/02/16 i84 83 02  ncm
2   08/06/50 85 03      cdrom
3   08/06/50 86 04      card
"""),
    "d": ((0xEF, 2, 1), 0x0200, """
0   ff/01/01 i82 81 01  modem
1   ff/01/09 i83        qmi ecm:2
2   ff/01/08            data
2.1 ff/01/08 84 02      data
3   ff/01/03 85 03      diag
4   ff/01/02 86 04      at
5   08/06/50 87 05      cdrom
6   08/06/50 88 06      card
"""),
    "e": ((2, 0, 0), 0x0200, """
0   ff/03/01 i82 81 01  modem
1   ff/03/16 i84        ncm ncm:1
1.1 ff/03/16 i84 83 02  ncm
2   ff/03/03 85 03      diag
3   ff/03/02 86 04      at
4   08/06/50 87 05      cdrom
5   08/06/50 88 06      card
"""),
}  # fmt: skip
_STICK = ("HUAWEI_MOBILE", "HUAWEI_MOBILE", "")
_LINUX, _FALLBACK = "110620", "1106300000010001"


def _switched(layout: str) -> Row:
    class_, usb, text = _SWITCHED[layout]
    return Row(
        name=f"huawei-1506-{layout}", vendor=0x12D1, product=0x1506, device_class=class_, usb=usb, strings=_STICK,
        configurations=one(text, power=1), personality="MS2372h-517", scsi="huawei",
    )  # fmt: skip


def _storage(name: str, product: int, text: str, messages: Mapping[str, str]) -> Row:
    return Row(
        name=name, vendor=0x12D1, product=product, strings=_STICK, configurations=one(text),
        scsi="huawei", personality="MS2372h-517", messages=messages,
    )  # fmt: skip


HUAWEI = (
    _storage("huawei-14fe", 0x14FE, _CD, {_LINUX: "huawei-1506-a", "110630": "huawei-1506-a"}),
    _storage("huawei-14fe-card", 0x14FE, _CD_AND_CARD, {_LINUX: "huawei-1506-d"}),
    _storage("huawei-14fe-153", 0x14FE, _CD, {_LINUX: "huawei-1596"}),
    _storage("huawei-1f01", 0x1F01, _CD, {_LINUX: "huawei-1506-c", _FALLBACK: "huawei-1001"}),
    _storage("huawei-1f01-hilink", 0x1F01, _CD, {_LINUX: "huawei-14dc"}),
    *(_switched(layout) for layout in _SWITCHED),
    Row(
        name="huawei-1001", vendor=0x12D1, product=0x1001, strings=_STICK, personality="MS2131i-8",
        configurations=one("""
0 ff/ff/ff i82 81 01  modem
1 ff/ff/ff 83 02      diag
2 ff/ff/ff 84 03      at
"""),
    ),
    Row(
        name="huawei-1596", vendor=0x12D1, product=0x1596, strings=_STICK, personality="MS2372h-517",
        configurations=one("""
0 ff/03/10 i82 81 01  modem
1 ff/03/12 83 02      at
2 ff/03/13 84 03      diag
3 ff/03/14 85 04      gps
"""),
    ),
    Row(
        name="huawei-14dc", vendor=0x12D1, product=0x14DC, strings=_STICK, scsi="huawei",
        configurations=one("""
0   02/06/00 i81     ecm ecm:1
1   0a/06/00         data
1.1 0a/06/00 82 02   data
2   08/06/50 83 03   card
"""),
    ),
    Row(
        name="me909s-120", vendor=0x12D1, product=0x15C1, usb=0x0210, device_class=(0, 0, 0xFF),
        strings=("Huawei Technologies Co., Ltd.", "HUAWEI Mobile", "0123456789ABCDEF"), personality="ME909s-120",
        configurations=(
            Configuration(1, power=1, settings=settings("""
0   ff/03/10 i82 81 01  modem
1   ff/03/12 83 02      at
2   ff/03/13 84 03      diag
3   ff/03/16 i86        ncm ncm:3
3.1 ff/03/16 i86 85 04  ncm
""")),
            Configuration(2, power=1, settings=settings("""
0   02/06/00 i82        ecm ecm:1
1   0a/00/00            data
1.1 0a/00/00 81 01      data
2   ff/06/10 i84 83 02  modem
3   ff/06/13 85 03      diag
4   ff/06/12 86 04      at
5   ff/06/14 87 05      gps
6   ff/06/1b 88 06      diag
""")),
            Configuration(3, power=1, settings=settings("""
0   02/0e/00 i82        mbim mbim:1
1   0a/00/02            data
1.1 0a/00/02 81 01      data
2   ff/06/14 83 02      gps
""")),
        ),
    ),
)  # fmt: skip

# -- Quectel, SIMCom, u-blox -------------------------------------------------------------------------------------------

_EC20 = """
0 ff/ff/ff 81 01      diag
1 ff/00/00 i83 82 02  nmea
2 ff/00/00 i85 84 03  at
3 ff/00/00 i87 86 04  modem
"""
_EC20_NET = {
    "qmi": (0, "4   ff/ff/ff i89 88 05  qmi"),
    "ecm": (1, "4   02/06/00 i89  ecm ecm:5\n5   0a/00/00        data\n5.1 0a/00/00 88 05  data"),
    "mbim": (2, "4   02/0e/00 i89  mbim mbim:5\n5   0a/00/02        data\n5.1 0a/00/02 88 05  data"),
    "rndis": (3, "4   e0/01/03 i89  rndis union:5\n5   0a/00/00 88 05  data"),
}
_EC20_MODES = {number: f"ec20-{name}" for name, (number, _) in _EC20_NET.items()}
_SIM_PORTS = """
{0} ff/ff/ff 81 01      diag
{1} ff/00/00 i83 82 02  nmea
{2} ff/00/00 i85 84 03  at
{3} ff/00/00 i87 86 04  modem
{4} ff/00/00 i89 88 05  audio
"""
_SIM_QMI = _SIM_PORTS.format(*range(5)) + "5 ff/ff/ff i8b 8a 06  qmi\n6 ff/42/01 8c 07  adb"
_SIM = {
    0x9001: _SIM_QMI,
    0x9002: _SIM_QMI,
    0x9003: _SIM_PORTS.format(*range(5))
    + "5 02/0e/00 i8b  mbim mbim:6\n6 0a/00/02        data\n6.1 0a/00/02 8a 06  data",
    0x9011: "0 02/02/ff i8b  rndis union:1\n1 0a/00/00 8a 06  data"
    + _SIM_PORTS.format(*range(2, 7)) + "7 ff/42/01 8c 07  adb",
    0x9018: _SIM_PORTS.format(*range(5))
    + "5 02/06/00 i8b  ecm ecm:6\n6 0a/00/00        data\n6.1 0a/00/00 8a 06  data",
}  # fmt: skip
_SIM_MODES = {product: f"sim7600e-{product:x}" for product in _SIM}
_U_BLOX = {
    0x1146: "0 e0/01/03 i81  rndis union:1\n1 0a/00/00 82 01  data\n2 02/02/01 i83  acm acm:3\n3 0a/00/00 84 02  at",
    0x1143: """
0   02/06/00 i81   ecm ecm:1
1   0a/00/00       data
1.1 0a/00/00 82 01 data
2   02/02/01 i83   acm acm:3
3   0a/00/00 84 02 at
4   02/02/01 i85   acm acm:5
5   0a/00/00 86 03 modem
6   02/02/01 i87   acm acm:7
7   0a/00/00 88 04 diag
""",
    0x1141: """
0 02/02/01 i81   acm acm:1
1 0a/00/00 82 01 at
2 02/02/01 i83   acm acm:3
3 0a/00/00 84 02 modem
4 02/02/01 i85   acm acm:5
5 0a/00/00 86 03 diag
""",
}
_U_BLOX_MODES = {product: f"u-blox-{product:x}" for product in _U_BLOX}

OTHERS = (
    Row(
        name="ec20-r1", vendor=0x05C6, product=0x9215, revision=0x0232, strings=("Qualcomm, Incorporated", "Gobi", ""),
        personality="EC20F", configurations=one(_EC20 + _EC20_NET["qmi"][1]),
    ),
    *(
        Row(
            name=f"ec20-{name}", vendor=0x2C7C, product=0x0125, revision=0x0318, device_class=(0xEF, 2, 1),
            strings=("Quectel", "EC20", ""), personality="EC20F", configurations=one(_EC20 + text), modes=_EC20_MODES,
        )
        for name, (_, text) in _EC20_NET.items()
    ),
    *(
        Row(
            name=name, vendor=0x1E0E, product=product, revision=0x0318, personality="SIM7600E-H",
            strings=("SimTech, Incorporated", "SimTech, Incorporated", "0123456789ABCDEF"),
            configurations=one(_SIM[product]), modes=_SIM_MODES,
        )
        for product, name in _SIM_MODES.items()
    ),
    *(
        Row(
            name=name, vendor=0x1546, product=product, revision=0x0100, device_class=(0xEF, 2, 1),
            strings=("u-blox", "MODEM-LTE", "000000000100"), personality="TOBY-L2",
            configurations=one(_U_BLOX[product]), modes=_U_BLOX_MODES,
        )
        for product, name in _U_BLOX_MODES.items()
    ),
)  # fmt: skip

# -- WiFi, and what is no modem ----------------------------------------------------------------------------------------

WIFI = (
    Row(
        name="bcm43143", vendor=0x0A5C, product=0xBD1E, revision=0x0001, device_class=(0xFF, 0, 0), chip="bcm43143",
        strings=("Broadcom", "BCMUSB 802.11 Wireless Adapter", "000000000001"),
        configurations=one("0 ff/02/ff i83 81 01 chip\n"),
    ),
    Row(
        name="rt5572", vendor=0x148F, product=0x5572, revision=0x0101, chip="rt5572",
        strings=("Ralink", "802.11 n WLAN", "1.0"),
        configurations=one("0 ff/ff/ff 84 85 04 05 06 07 08 09 chip\n"),
    ),
)  # fmt: skip
BYSTANDERS = (
    Row(
        name="security-key", vendor=0x0483, product=0xA2CA, strings=("SoloKeys", "Solo", "0001"), speed="full",
        configurations=one("0 03/00/00 i81 i01 hid hid\n1 02/02/01 i82 acm acm:2\n2 0a/00/00 83 03 serial"),
    ),
    Row(
        name="arduino", vendor=0x2341, product=0x0043, revision=0x0001, device_class=(2, 0, 0), speed="full",
        strings=("Arduino (www.arduino.cc)", "Uno", "75830303934351E0E1A1"),
        configurations=one("0 02/02/01 i82 acm acm:1\n1 0a/00/00 83 04 serial"),
    ),
    Row(
        name="usb-stick", vendor=0x0781, product=0x5567, revision=0x0100, strings=("SanDisk", "Cruzer Blade", "4C53"),
        configurations=one("0 08/06/50 81 02 disk"), scsi="disk",
    ),
    Row(
        name="ftdi", vendor=0x0403, product=0x6001, revision=0x0600, strings=("FTDI", "FT232R USB UART", "A9007U"),
        speed="full", chip="uart", configurations=one("0 ff/ff/ff 81 02 serial"),
    ),
    Row(
        name="cp210x", vendor=0x10C4, product=0xEA60, revision=0x0100, speed="full", chip="uart",
        strings=("Silicon Labs", "CP2102 USB to UART Bridge Controller", "0001"),
        configurations=one("0 ff/00/00 81 01 serial"),
    ),
    Row(
        name="keyboard", vendor=0x046D, product=0xC31C, revision=0x6400, strings=("Logitech", "USB Keyboard", ""),
        speed="full", configurations=one("0 03/01/01 i81 hid hid"),
    ),
)  # fmt: skip

ROWS: Mapping[str, Row] = {row.name: row for row in (*HUAWEI, *OTHERS, *WIFI, *BYSTANDERS)}
MODEMS = tuple(row.name for row in (*HUAWEI, *OTHERS))
