"""Signal strength in dBm and dB: `+CSQ` and `+CESQ` of 3GPP TS 27.007, SIMCom's larger `+CSQ`, and Huawei's `^HCSQ`."""

from __future__ import annotations

from hal.backends.at.fields import Unreadable, fields, number, numbers
from hal.model import Bound, ModemSignal, RadioTechnology

_UNKNOWN = 255


def csq(line: str) -> ModemSignal:
    """`rssi,ber`: 0 to 31 in steps of 2 dB, 99 unknown; on SIMCom 100 to 191 is TD-SCDMA in steps of 1 dB, 199 unknown.

    The ends of the first scale are bounds: 0 is -113 dBm or less, 31 is -51 dBm or more.
    """
    rssi, _ = numbers(line, 2)
    if rssi in (99, 199):
        return ModemSignal(command="+CSQ")
    if rssi in range(100, 192):
        return ModemSignal(command="+CSQ", technology=RadioTechnology.TD_SCDMA, rscp_dbm=-116 + (rssi - 100))
    if rssi not in range(32):
        raise Unreadable(f"{line!r}: {rssi} is no signal strength; allowed are 0 to 31, 99, 100 to 191 and 199")
    bound = {0: Bound.AT_MOST, 31: Bound.AT_LEAST}.get(rssi)
    return ModemSignal(command="+CSQ", rssi_dbm=-113 + 2 * rssi, rssi_bound=bound)


def cesq(line: str) -> ModemSignal:
    """`rxlev,ber,rscp,ecno,rsrq,rsrp`: each number is the lower end of its step; 99 (`rxlev`) and 255 are unknown."""
    rxlev, _, rscp, ecno, rsrq, rsrp = numbers(line, 6)
    return ModemSignal(
        command="+CESQ",
        rssi_dbm=None if rxlev == 99 else _scaled(line, rxlev, 63, -111, 1),
        rscp_dbm=_scaled(line, rscp, 96, -121, 1),
        ecio_db=_scaled(line, ecno, 49, -24.5, 0.5),
        rsrq_db=_scaled(line, rsrq, 34, -20, 0.5),
        rsrp_dbm=_scaled(line, rsrp, 97, -141, 1),
    )


def hcsq(line: str) -> ModemSignal:
    """`"system",values`: RSSI for GSM; RSSI, RSCP, Ec/Io for WCDMA; RSSI, RSRP, SINR, RSRQ for LTE; 255 is unknown.

    RSCP is left out: no reader of it is known. Another system, or none, has no values that are known.
    """
    name, *rest = fields(line)
    values = [number(text) for text in rest]
    if any(value not in range(256) for value in values):
        raise Unreadable(f"{line!r}: a value is not within 0 to 255")
    match name, values:
        case "GSM", [rssi, *_]:
            return ModemSignal(command="^HCSQ", technology=RadioTechnology.GSM, rssi_dbm=_rssi(rssi))
        case "WCDMA", [rssi, _, ecio]:
            return ModemSignal(
                command="^HCSQ",
                technology=RadioTechnology.UMTS,
                rssi_dbm=_rssi(rssi),
                ecio_db=_scaled(line, ecio, 254, -32.5, 0.5),
            )
        case "LTE", [rssi, rsrp, sinr, rsrq]:
            return ModemSignal(
                command="^HCSQ",
                technology=RadioTechnology.LTE,
                rssi_dbm=_rssi(rssi),
                rsrp_dbm=_scaled(line, rsrp, 254, -141, 1),
                sinr_db=_scaled(line, sinr, 254, -20.2, 0.2),
                rsrq_db=_scaled(line, rsrq, 254, -20, 0.5),
            )
        case "NOSERVICE", _:
            return ModemSignal(command="^HCSQ")
        case (("GSM" | "WCDMA" | "LTE"), _):
            raise Unreadable(f"{line!r}: not the values of {name}")
    if not name:
        raise Unreadable(f"{line!r}: names no system")
    return ModemSignal(command="^HCSQ", technology=RadioTechnology.OTHER)


def _rssi(value: int) -> float | None:
    return None if value == _UNKNOWN else -121 + value


def _scaled(line: str, value: int, largest: int, first: float, step: float) -> float | None:
    """A value on its scale, to a tenth; `None` where it is unknown."""
    if value == _UNKNOWN:
        return None
    if value not in range(largest + 1):
        raise Unreadable(f"{line!r}: {value} is not within 0 to {largest}")
    return round(first + value * step, 1)
