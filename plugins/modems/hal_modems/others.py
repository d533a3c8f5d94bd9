"""Quectel, SIMCom and u-blox: modules without a storage stage, whose mode is a setting that they keep.

Sources: SIMCom SIM7500/SIM7600 AT manual V1.12; ModemManager 1.25.95 port tags; meta-balena 8.0.2's u-blox rule and
script; field dumps of descriptors; module tables of Linux 6.1.
"""

from __future__ import annotations

from hal.model import AtSetting, ModeChoice, ModemMode, ModemModel, ModemState, PortRole, PortRule, UsbIdentity

QUALCOMM = 0x05C6
QUECTEL = 0x2C7C
SIMCOM = 0x1E0E
U_BLOX = 0x1546
_SUPPORT_LIST = "meta-balena 8.0.2 README.md, supported modems"
_ANY = 0xFF, 0xFF, 0xFF


def _service(vendor_id: int, product_id: int, note: str = "") -> UsbIdentity:
    return UsbIdentity(vendor_id=vendor_id, product_id=product_id, state=ModemState.SERVICE, note=note)


def _at(number: int, role: PortRole, *products: int) -> PortRule:
    return PortRule(role=role, interface=number, products=products)


_EMERGENCY = UsbIdentity(
    vendor_id=QUALCOMM,
    product_id=0x9008,
    state=ModemState.DOWNLOAD,
    note="emergency download of the Qualcomm chip inside: does not tell the model, nor that it is a modem",
)

# -- Quectel -----------------------------------------------------------------------------------------------------------

_EC20_PORTS = (
    PortRule(role=PortRole.DIAG, interface=0),
    PortRule(role=PortRole.GPS, interface=1),
    PortRule(role=PortRole.AT, interface=2),
    PortRule(role=PortRole.AT_SECONDARY, interface=3),
)


def _usbnet(mode: ModemMode, number: int) -> ModeChoice:
    return ModeChoice(
        mode=mode,
        steps=(
            AtSetting(
                query='+QCFG="usbnet"',
                shown=rf'\+QCFG: ?"usbnet", ?{number}\b',
                command=f'+QCFG="usbnet",{number}',
                reset="+CFUN=1,1",
            ),
        ),
        note="which values there are differs with the firmware; the product id stays",
    )


# -- SIMCom: the product id is the composition; functions are in the order of the interfaces ---------------------------

_SIM7600_COMPOSITIONS: tuple[tuple[int, str], ...] = (
    (0x9001, "diag, NMEA, AT, modem, audio, rmnet; as delivered"),
    (0x9000, "diag, NMEA, AT, modem, audio, rmnet"),
    (0x9002, "diag, NMEA, AT, modem, audio, rmnet"),
    (0x9003, "diag, NMEA, AT, modem, audio, MBIM"),
    (0x9004, "as 9001, and GNSS"),
    (0x9005, "as 9001, and GNSS, with MBIM instead of rmnet"),
    (0x9006, "diag, NMEA, AT, modem"),
    (0x9007, "as 9001, and mass storage: not a modem waiting to be switched"),
    (0x9011, "RNDIS, diag, NMEA, AT, modem, audio"),
    (0x9016, "diag, rmnet: no AT port"),
    (0x9018, "diag, NMEA, AT, modem, audio, ECM"),
    (0x9019, "RNDIS only: no AT port"),
    (0x901A, "diag, NMEA, AT, rmnet"),
    (0x901B, "NMEA, AT, rmnet"),
    (0x9020, "a subset of the functions"),
    (0x9021, "a subset of the functions"),
    (0x9022, "a subset of the functions"),
    (0x9023, "modem only"),
    (0x9024, "a subset of the functions"),
    (0x9025, "a subset of the functions"),
    (0x9026, "a subset of the functions"),
    (0x9027, "a subset of the functions"),
    (0x9028, "a subset of the functions"),
    (0x9029, "a subset of the functions"),
    (0x902A, "AT only"),
    (0x902B, "diag, NMEA, AT, modem, rmnet, USB audio"),
)
_SIX = (0x9000, 0x9001, 0x9002, 0x9003, 0x9004, 0x9005, 0x9006, 0x9007, 0x9018, 0x902B)
"""Compositions that begin with diag, NMEA, AT, modem."""
_SIM7600_PORTS = (
    _at(0, PortRole.DIAG, *_SIX, 0x9016, 0x901A),
    _at(1, PortRole.GPS, *_SIX, 0x901A),
    _at(2, PortRole.AT, *_SIX, 0x901A),
    _at(3, PortRole.AT_SECONDARY, *_SIX),
    _at(4, PortRole.AUDIO, *(each for each in _SIX if each not in (0x9006, 0x902B))),
    PortRule(role=PortRole.NETWORK, mode=ModemMode.QMI, interface=5, products=(0x9001,)),
    _at(2, PortRole.DIAG, 0x9011),
    _at(3, PortRole.GPS, 0x9011),
    _at(4, PortRole.AT, 0x9011),
    _at(5, PortRole.MODEM, 0x9011),
    _at(6, PortRole.AUDIO, 0x9011),
    _at(0, PortRole.GPS, 0x901B),
    _at(1, PortRole.AT, 0x901B),
    _at(0, PortRole.MODEM, 0x9023),
    _at(0, PortRole.AT, 0x902A),
)


def _composition(mode: ModemMode, product: int, *, keeps_at: bool = True, note: str = "") -> ModeChoice:
    """The modem resets itself where the id differs."""
    return ModeChoice(
        mode=mode,
        steps=(
            AtSetting(
                query="+CUSBPIDSWITCH?",
                shown=rf"\+CUSBPIDSWITCH: ?{product:04X}\b",
                command=f"+CUSBPIDSWITCH={product:04X},1,1",
                reset="+CRESET",
                restarts=True,
            ),
        ),
        identity=(SIMCOM, product),
        keeps_at=keeps_at,
        note=note,
    )


# -- u-blox ------------------------------------------------------------------------------------------------------------

_TOBY_L2 = (
    _service(U_BLOX, 0x1146, "RNDIS profile, as delivered; balenaOS switches it to the ECM profile"),
    _service(U_BLOX, 0x1143, "ECM profile"),
    _service(U_BLOX, 0x1141, "serial ports only"),
)
_TOBY_PORTS = (PortRule(role=PortRole.AT, triples=((0x02, 0x02, 0x01),)),)


def _profile(mode: ModemMode, number: int, text: str, product: int) -> ModeChoice:
    return ModeChoice(
        mode=mode,
        steps=(
            AtSetting(
                query="+UUSBCONF?",
                shown=rf"\+UUSBCONF: ?{number}\b",
                command=f'+UUSBCONF={number},"{text}"' if text else f"+UUSBCONF={number}",
                reset="+CFUN=1,1",
            ),
        ),
        identity=(U_BLOX, product),
    )


_TOBY_MODES = (
    _profile(ModemMode.ECM, 2, "ECM", 0x1143),
    _profile(ModemMode.RNDIS, 3, "RNDIS", 0x1146),
    _profile(ModemMode.SERIAL, 0, "", 0x1141),
)
_TOBY_SOURCES = (
    "meta-balena 8.0.2 77-mm-u-blox-modeswitch.rules, u-blox-switch.sh",
    "ModemManager 1.25.95 u-blox ids",
)


def _toby(name: str, form_factor: str, twin: str) -> ModemModel:
    """The same chip, soldered or on a card: its ids, ports and modes do not tell which."""
    return ModemModel(
        name=name,
        maker="u-blox",
        form_factor=form_factor,
        identities=_TOBY_L2,
        ports=_TOBY_PORTS,
        modes=_TOBY_MODES,
        prefers=(ModemMode.ECM,),
        ambiguous_with=(twin,),
        sources=_TOBY_SOURCES,
    )


MODEMS = (
    ModemModel(
        name="EC20 R1",
        maker="Quectel",
        form_factor="mpcie",
        identities=(
            UsbIdentity(
                vendor_id=QUALCOMM,
                product_id=0x9215,
                state=ModemState.SERVICE,
                note="a Qualcomm Gobi id that other makers use too: ask the modem for its maker",
                shared=True,
            ),
            _EMERGENCY,
        ),
        ports=(*_EC20_PORTS, PortRule(role=PortRole.NETWORK, mode=ModemMode.QMI, interface=4)),
        quirks=("the id does not tell the maker: no command of Quectel's before the modem has said that it is one",),
        ambiguous_with=("EC20 R2",),
        sources=(_SUPPORT_LIST, "Linux 6.1.0-56 (Debian 12) qcserial, qmi_wwan alias tables"),
    ),
    ModemModel(
        name="EC20 R2",
        maker="Quectel",
        form_factor="mpcie",
        identities=(
            _service(QUECTEL, 0x0125, "the same id in QMI, ECM, MBIM and RNDIS mode; EC20-CE and EC20F too"),
            _EMERGENCY,
        ),
        ports=(*_EC20_PORTS, PortRule(role=PortRole.NETWORK, mode=ModemMode.QMI, interface=4, triples=(_ANY,))),
        modes=(
            _usbnet(ModemMode.QMI, 0),
            _usbnet(ModemMode.ECM, 1),
            _usbnet(ModemMode.MBIM, 2),
            _usbnet(ModemMode.RNDIS, 3),
        ),
        quirks=("on a change of its network mode it may restart by itself before it is told to",),
        ambiguous_with=("EC20 R1", "EC25", "EG25-G"),
        sources=(_SUPPORT_LIST, "Linux 6.1.0-56 (Debian 12) option, qmi_wwan alias tables", "field dump of EC20"),
    ),
    ModemModel(
        name="SIM7600E",
        maker="SIMCom",
        form_factor="mpcie",
        identities=tuple(_service(SIMCOM, product_id, note) for product_id, note in _SIM7600_COMPOSITIONS),
        ports=_SIM7600_PORTS,
        modes=(
            _composition(ModemMode.QMI, 0x9001),
            _composition(ModemMode.MBIM, 0x9003),
            _composition(ModemMode.RNDIS, 0x9011),
            _composition(
                ModemMode.ECM, 0x9018, keeps_at=False, note="Linux 6.1 binds no serial port to this composition"
            ),
        ),
        quirks=("its QMI channel may need up to 95 s after it has started", "a first +CPSI? may answer ERROR"),
        ambiguous_with=("A7600E-H", "SIM7600E-H"),
        sources=(
            _SUPPORT_LIST,
            "SIMCom SIM7500/SIM7600 AT manual V1.12 AT+CUSBPIDSWITCH",
            "ModemManager 1.25.95 port tags for 1e0e:9001, 1e0e:9011",
        ),
    ),
    _toby("TOBY-L2", "module", "MPCI-L2"),
    _toby("MPCI-L2", "mpcie", "TOBY-L2"),
)
"""The rows."""
