"""The modems: one row a model, with the USB identities it is known to show.

An identity is not a model: makers give one id to many, so `ambiguous_with` names who else shows one of them, also
models that have no row here. Where an id says nothing about the model at all, its note says so.
"""

from __future__ import annotations

from hal.model import ModemModel, ModemState, UsbIdentity

HUAWEI = 0x12D1
QUALCOMM = 0x05C6
QUECTEL = 0x2C7C
SIMCOM = 0x1E0E
U_BLOX = 0x1546


def _storage(vendor_id: int, product_id: int, note: str = "") -> UsbIdentity:
    return UsbIdentity(vendor_id=vendor_id, product_id=product_id, state=ModemState.STORAGE, note=note)


def _service(vendor_id: int, product_id: int, note: str = "") -> UsbIdentity:
    return UsbIdentity(vendor_id=vendor_id, product_id=product_id, state=ModemState.SERVICE, note=note)


# ---------------------------------------------------------------------------------------------------------------
# Identities that several models share

_HUAWEI_STORAGE = _storage(HUAWEI, 0x14FE, "virtual CD-ROM, on some units a card reader too")
_HUAWEI_MODEM = _service(
    HUAWEI, 0x1506, "interface layout differs between models; storage interfaces may stay, then not as interface 0"
)
_HUAWEI_14FE_SHARED = ("E173s", "E352")
_HUAWEI_1506_SHARED = ("E171", "E3131", "E3276", "E3372", "E3372s-153", "E3531", "GP02")

_EMERGENCY = UsbIdentity(
    vendor_id=QUALCOMM,
    product_id=0x9008,
    state=ModemState.DOWNLOAD,
    note="emergency download of the Qualcomm chip inside: does not tell the model, nor that it is a modem",
)

_TOBY_L2 = (
    _service(U_BLOX, 0x1146, "RNDIS profile, as delivered; balenaOS switches it to the ECM profile"),
    _service(U_BLOX, 0x1143, "ECM profile"),
    _service(U_BLOX, 0x1141, "serial ports only"),
)

# SIMCom: the product id is the composition, chosen by AT command. Functions are in the order of the interfaces.
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

# ---------------------------------------------------------------------------------------------------------------
# The table

_SUPPORT_LIST = "meta-balena 8.0.2 README.md, supported modems"
_MODESWITCH_DATA = "usb-modeswitch-data 20191128"

MODEMS: tuple[ModemModel, ...] = (
    ModemModel(
        name="MS2131i-8",
        maker="Huawei",
        form_factor="usb",
        identities=(
            _HUAWEI_STORAGE,
            _storage(HUAWEI, 0x1F01, "seen on some MS2131; other sticks with it want another switch message"),
            _HUAWEI_MODEM,
            _service(HUAWEI, 0x1001, "serial ports only, after the fallback message; older Huawei sticks show it too"),
        ),
        ambiguous_with=("MS2372", *_HUAWEI_14FE_SHARED, "E353", *_HUAWEI_1506_SHARED),
        sources=(
            _SUPPORT_LIST,
            f"{_MODESWITCH_DATA} 12d1:14fe, 12d1:1f01 (who shares the ids)",
            "field reports of MS2131 (ids); ofono 2018 (1f01)",
        ),
    ),
    ModemModel(
        name="MS2372",
        maker="Huawei",
        form_factor="usb",
        identities=(
            _HUAWEI_STORAGE,
            _HUAWEI_MODEM,
            _service(HUAWEI, 0x1596, "seen on an operator-branded MS2372h-153"),
        ),
        ambiguous_with=("MS2131i-8", *_HUAWEI_14FE_SHARED, *_HUAWEI_1506_SHARED),
        sources=(
            _SUPPORT_LIST,
            f"{_MODESWITCH_DATA} 12d1:14fe (who shares the id)",
            "field reports of MS2372 and MS2372h-153, -517, -607 (ids)",
        ),
    ),
    ModemModel(
        name="ME909s-120",
        maker="Huawei",
        form_factor="mpcie",
        identities=(_service(HUAWEI, 0x15C1, "three USB configurations; which one is chosen decides the ports"),),
        ambiguous_with=("ME906s",),
        sources=(_SUPPORT_LIST, f"{_MODESWITCH_DATA} 12d1:15c1", "usb.ids 12d1:15c1", "field dump of ME909s-120"),
    ),
    ModemModel(
        name="EC20 R1",
        maker="Quectel",
        form_factor="mpcie",
        identities=(
            _service(QUALCOMM, 0x9215, "a Qualcomm Gobi id that other makers use too: ask the modem for its maker"),
            _EMERGENCY,
        ),
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
        ambiguous_with=("EC20 R1", "EC25", "EG25-G"),
        sources=(_SUPPORT_LIST, "Linux 6.1.0-56 (Debian 12) option, qmi_wwan alias tables", "field dump of EC20"),
    ),
    ModemModel(
        name="SIM7600E",
        maker="SIMCom",
        form_factor="mpcie",
        identities=tuple(_service(SIMCOM, product_id, note) for product_id, note in _SIM7600_COMPOSITIONS),
        ambiguous_with=("A7600E-H", "SIM7600E-H"),
        sources=(
            _SUPPORT_LIST,
            "SIMCom SIM7500/SIM7600 AT manual V1.12 AT+CUSBPIDSWITCH",
            "ModemManager 1.25.95 port tags for 1e0e:9001, 1e0e:9011",
        ),
    ),
    ModemModel(
        name="TOBY-L2",
        maker="u-blox",
        form_factor="module",
        identities=_TOBY_L2,
        ambiguous_with=("MPCI-L2",),
        sources=(
            "meta-balena 8.0.2 77-mm-u-blox-modeswitch.rules, u-blox-switch.sh",
            "ModemManager 1.25.95 u-blox ids",
        ),
    ),
    ModemModel(
        name="MPCI-L2",
        maker="u-blox",
        form_factor="mpcie",
        identities=_TOBY_L2,
        ambiguous_with=("TOBY-L2",),
        sources=(
            "meta-balena 8.0.2 77-mm-u-blox-modeswitch.rules, u-blox-switch.sh",
            "ModemManager 1.25.95 u-blox ids",
        ),
    ),
)
