"""Errors of mobile equipment: the numbers and texts of 3GPP TS 27.007 section 9.2, and what each means here."""

from __future__ import annotations

from hal.model import AtFaultKind

RETRY, UNSUPPORTED, LOCKED, SIM, SIM_LOCKED, STOP, RADIO, BUG, SUBSCRIPTION, UNKNOWN = (
    AtFaultKind.RETRY,
    AtFaultKind.UNSUPPORTED,
    AtFaultKind.LOCKED,
    AtFaultKind.SIM,
    AtFaultKind.SIM_LOCKED,
    AtFaultKind.STOP,
    AtFaultKind.RADIO,
    AtFaultKind.BUG,
    AtFaultKind.SUBSCRIPTION,
    AtFaultKind.UNKNOWN,
)

CME: dict[int, tuple[str, AtFaultKind]] = {
    0: ("phone failure", RETRY),
    1: ("no connection to phone", UNKNOWN),
    2: ("phone adaptor link reserved", UNKNOWN),
    3: ("operation not allowed", UNSUPPORTED),
    4: ("operation not supported", UNSUPPORTED),
    5: ("PH-SIM PIN required", LOCKED),
    6: ("PH-FSIM PIN required", LOCKED),
    7: ("PH-FSIM PUK required", LOCKED),
    10: ("SIM not inserted", SIM),
    11: ("SIM PIN required", SIM_LOCKED),
    12: ("SIM PUK required", SIM_LOCKED),
    13: ("SIM failure", SIM),
    14: ("SIM busy", RETRY),
    15: ("SIM wrong", SIM),
    16: ("incorrect password", STOP),
    17: ("SIM PIN2 required", SIM_LOCKED),
    18: ("SIM PUK2 required", SIM_LOCKED),
    20: ("memory full", BUG),
    21: ("invalid index", BUG),
    22: ("not found", BUG),
    23: ("memory failure", BUG),
    24: ("text string too long", BUG),
    25: ("invalid characters in text string", BUG),
    26: ("dial string too long", BUG),
    27: ("invalid characters in dial string", BUG),
    30: ("no network service", RADIO),
    31: ("network timeout", RADIO),
    32: ("network not allowed - emergency calls only", RADIO),
    40: ("network personalization PIN required", LOCKED),
    41: ("network personalization PUK required", LOCKED),
    42: ("network subset personalization PIN required", LOCKED),
    43: ("network subset personalization PUK required", LOCKED),
    44: ("service provider personalization PIN required", LOCKED),
    45: ("service provider personalization PUK required", LOCKED),
    46: ("corporate personalization PIN required", LOCKED),
    47: ("corporate personalization PUK required", LOCKED),
    50: ("incorrect parameters", BUG),
    100: ("unknown", RETRY),
    103: ("illegal MS", SUBSCRIPTION),
    106: ("illegal ME", SUBSCRIPTION),
    107: ("GPRS services not allowed", SUBSCRIPTION),
    111: ("PLMN not allowed", SUBSCRIPTION),
    112: ("location area not allowed", SUBSCRIPTION),
    113: ("roaming not allowed in this location area", SUBSCRIPTION),
    132: ("service option not supported", SUBSCRIPTION),
    133: ("requested service option not subscribed", SUBSCRIPTION),
    134: ("service option temporarily out of order", SUBSCRIPTION),
    148: ("unspecified GPRS error", SUBSCRIPTION),
    149: ("PDP authentication failure", SUBSCRIPTION),
    150: ("invalid mobile class", SUBSCRIPTION),
}


def _plain(text: str) -> str:
    """A text as modems spell it: letters and digits only, in small ones."""
    return "".join(c for c in text.casefold() if c.isalnum())


_NUMBERS = {_plain(text): number for number, (text, _) in CME.items()}


def meaning(told: str) -> tuple[int | None, str, AtFaultKind]:
    """Number, text and kind of what stands behind `+CME ERROR:`: a number, or with `AT+CMEE=2` a text."""
    told = told.strip().strip('"')
    number = int(told) if told.isascii() and told.isdigit() and len(told) < 6 else _NUMBERS.get(_plain(told))
    if number is None:
        return None, told or "no reason told", UNKNOWN
    text, kind = CME.get(number, (f"CME error {number}", UNKNOWN))
    return number, text, kind
