"""What the simulated modems say: one row a model, its answers as recorded from hardware or vendor manuals.

A text that nobody recorded carries the comment `invented`: it is plausible, and no code of hal/ may be written by it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

IMEI = "490154203237518"  # invented; its check digit is right
IMSI = "001010123456789"  # invented; of the network 001 01, which is for tests
ICCID = "89860012345678901236"  # invented; its check digit is right


@dataclass(frozen=True)
class Personality:
    """A model. `answers` maps what follows `AT`, in capitals, to the lines before `OK`; braces take state by name."""

    name: str
    maker: str
    answers: Mapping[str, tuple[str, ...]]
    product_id: int
    """USB product id as delivered, in service."""
    unknown: str = "ERROR"
    """The final line for a command that it does not have."""
    lte: bool = True
    boot: tuple[str, ...] = ()
    """Unsolicited lines after a start."""
    reset: tuple[str, ...] = ()
    """Commands that restart it."""
    off: tuple[str, ...] = ()
    """Commands that switch it off."""
    stored: Mapping[str, str] = field(default_factory=dict)
    """State that outlives a restart, as delivered."""
    signal: Mapping[str, str] = field(default_factory=dict)


def identity(maker: str, model: str, revision: str, *, prefixed: bool = False) -> dict[str, tuple[str, ...]]:
    """Answers of the standard identity commands, with a prefix where the model is known to send one."""
    texts = {"CGMI": maker, "CGMM": model, "CGMR": revision, "CGSN": IMEI, "CIMI": IMSI}
    shown = {f"+{name}": (f"+{name}: {text}" if prefixed and name == "CGMR" else text,) for name, text in texts.items()}
    return {**shown, "+GMI": shown["+CGMI"], "+GMM": shown["+CGMM"]}


HUAWEI = {
    "^ICCID?": (f"^ICCID: {ICCID}",),  # the form is of ModemManager's reader; number invented
    "^SYSINFOEX": ("^SYSINFOEX:{sysinfoex}",),
    "^HCSQ?": ("^HCSQ:{hcsq}",),
    "^SETPORT?": ("^SETPORT:{setport}",),
    "^RFSWITCH?": ("^RFSWITCH:{rfswitch}",),
    "^CURC=0": (),
    "^CURC=1": (),
    "^PORTSEL=0": (),
}
STICK = {"^GETPORTMODE": ("^GETPORTMODE: TYPE: WCDMA: huawei,PCUI:0,MDM:1",)}
STICK_PORTS = "A1,A2;12,10,16,A1,A2"

MS2131I_8 = Personality(
    name="MS2131i-8",
    maker="Huawei",
    product_id=0x1506,
    unknown="COMMAND NOT SUPPORT",  # the text exists on Huawei; on which models is invented
    lte=False,
    answers={
        **identity("huawei", "MS2131i-8", "21.315.01.00.00"),  # revision invented
        **HUAWEI,
        **STICK,
    },
    reset=("^RESET",),
    stored={"setport": STICK_PORTS},
    signal={
        "csq": "15,99",
        "hcsq": '"WCDMA",30,30,58',
        "sysinfoex": '2,3,0,1,,3,"WCDMA",46,"HSPA+"',  # values invented, form recorded on an LTE sibling
        "cops": '0,0,"Test Net",2',  # name invented
    },
)

MS2372 = Personality(
    name="MS2372h-517",
    maker="Huawei",
    product_id=0x1506,
    unknown="COMMAND NOT SUPPORT",  # as above
    answers={
        **identity("huawei", "MS2372h-517", "21.328.02.01.00"),  # maker and revision recorded
        **HUAWEI,
        "^GETPORTMODE": ("^GETPORTMODE: TYPE: WCDMA: huawei,pcui:1,modem:2,ncm:3,mass:4,mass_two:5,",),
    },
    reset=("^RESET",),
    stored={"setport": STICK_PORTS},
    signal={
        "csq": "14,99",
        "cesq": "99,99,255,255,20,40",  # values invented
        "hcsq": '"LTE",30,19,66,0',
        "sysinfoex": '2,4,5,1,,3,"WCDMA",41,"HSPA+"',
        "cops": '0,0,"Test Net",7',  # name invented
    },
)

ME909S_120 = Personality(
    name="ME909s-120",
    maker="Huawei",
    product_id=0x15C1,
    unknown="COMMAND NOT SUPPORT",  # as above
    answers={
        **identity("Huawei Technologies Co., Ltd.", "ME909s-120", "11.617.15.00.00"),
        "I": (
            "Manufacturer: Huawei Technologies Co., Ltd.",
            "Model: ME909s-120",
            "Revision: 11.617.15.00.00",
            f"IMEI: {IMEI}",
            "+GCAP: +CGSM,+DS,+ES",
        ),
        **HUAWEI,
    },
    reset=("^RESET",),
    stored={"setport": "FF;10,12,16"},  # invented
    signal={
        "csq": "31,99",
        "cesq": "99,99,255,255,34,97",  # values invented
        "hcsq": '"LTE",56,52,151,22',  # values invented
        "sysinfoex": '2,3,0,1,,6,"LTE",101,"LTE"',  # values invented
        "cops": '0,0,"Test Net",7',  # name invented
    },
)

EC20 = Personality(
    name="EC20F",
    maker="Quectel",
    product_id=0x0125,
    answers={
        **identity("Quectel", "EC20F", "EC20CEFDR02A09M4G"),
        "I": ("Quectel", "EC20F", "Revision: EC20CEFDR02A09M4G"),
        "+CSUB": ("SubEdition: V04",),
        "+QCCID": (f"+QCCID: {ICCID}",),  # the form is that of public field code; number invented
        '+QCFG="USBNET"': ('+QCFG: "usbnet",{usbnet}',),
        '+QCFG="USBCFG"': ('+QCFG: "usbcfg",0x2C7C,0x0125,1,1,1,1,1,0,0',),  # flags invented
    },
    boot=("RDY", "+CPIN: READY", "+QUSIM: 1", '+QIND: "csq",18,99', "+QIND: SMS DONE"),
    reset=("+CFUN=1,1",),
    off=("+QPOWD=1",),
    stored={"usbnet": "0"},
    signal={
        "csq": "18,99",
        "cesq": "99,99,255,255,22,47",  # values invented
        "cops": '0,0,"Test Net",7',  # name invented
    },
)

SIM7600E = Personality(
    name="SIM7600E-H",
    maker="SIMCom",
    product_id=0x9001,
    answers={
        **identity("SIMCOM INCORPORATED", "SIMCOM_SIM7600E-H", "LE11B14SIM7600M22_211104", prefixed=True),
        "I": (
            "Manufacturer: SIMCOM INCORPORATED",
            "Model: SIMCOM_SIM7600E-H",
            "Revision: SIM7600M22_V1.1",
            f"IMEI: {IMEI}",
            "+GCAP: +CGSM",
        ),
        "+CSUB": ("+CSUB: B04V03",),
        "+CICCID": (f"+ICCID: {ICCID}",),
        "+SPIC": ("+SPIC: 3,10,0,10",),
        "+CUSBPIDSWITCH?": ("+CUSBPIDSWITCH: {pid}",),
        "+CUSBPIDSWITCH=?": (
            "+CUSBPIDSWITCH: (9000,9001,9002,9003,9004,9005,9006,9007,9011,9016,9018,9019),(0-1),(0-1)",
        ),
    },
    boot=("RDY", "+CPIN: READY", "SMS DONE", "PB DONE"),
    reset=("+CRESET", "+CFUN=1,1", "+CFUN=6"),
    off=("+CPOF",),
    stored={"pid": "9001"},
    signal={
        "csq": "23,0",
        "cesq": "99,99,255,255,24,50",  # values invented
        "cops": '0,0,"Test Net",7',  # name invented
    },
)

TOBY_L2 = Personality(
    name="TOBY-L2",
    maker="u-blox",
    product_id=0x1146,
    answers={
        **identity("u-blox", "TOBY-L210", "15.63"),  # model and revision invented
        "+CCID": (f"+CCID: {ICCID}",),  # the form is that of public field code; number invented
        "+UUSBCONF?": ("+UUSBCONF: {uusbconf}",),
        "+UBMCONF?": ("+UBMCONF: 1",),
    },
    boot=("+AT: READY",),
    reset=("+CFUN=1,1", "+CFUN=16"),
    off=("+CPWROFF",),
    stored={"uusbconf": '3,"RNDIS",,"0x1146"'},
    signal={
        "csq": "20,99",
        "cesq": "99,99,255,255,18,42",  # values invented
        "cops": '0,0,"Test Net",7',  # name invented
    },
)

PERSONALITIES: Mapping[str, Personality] = {
    each.name: each for each in (MS2131I_8, MS2372, ME909S_120, EC20, SIM7600E, TOBY_L2)
}
