"""Reads usb_modeswitch's entries: a file a device, `KEY=VALUE` lines, the ids in the file's name.

The names are `VVVV:PPPP`, and `VVVV:PPPP:uMa=Text` where a text narrows it down: of the USB manufacturer (`uMa`),
the USB product (`uPr`), the SCSI vendor (`sVe`) or the SCSI model (`sMo`). Source: usb-modeswitch 2.6.1 and its data
20191128. What an entry says becomes the same steps that a plugin's table has.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from hal.errors import Damaged
from hal.model import (
    BulkMessages,
    ModemMode,
    ModemModel,
    ModemState,
    ModeSwitch,
    Requests,
    ScsiEject,
    SelectConfiguration,
    Step,
    UsbIdentity,
)
from hal.peripherals.modem.messages import MODES, pantech

NAME = re.compile(r"([0-9a-fA-F]{4}):([0-9a-fA-F]{4})(?::(uMa|uPr|sVe|sMo)=(.+))?")
_NARROWS = {"uMa": "manufacturer", "uPr": "product", "sVe": "scsi_vendor", "sMo": "scsi_model"}
_HEX_MESSAGE = re.compile(r"(?:[0-9a-f]{2})+")
_SECONDS, _MAX_SECONDS = 20.0, 600
"""How long usb_modeswitch waits for the target by default, and the longest that is taken from an entry."""


def read_entry(name: str, data: bytes, origin: str) -> ModemModel:
    """The model that an entry describes; `name` is the file's own, `origin` its path for messages.

    Raises `Damaged` with the line where it says something that is not understood: half an entry is never used.
    """
    named = NAME.fullmatch(name)
    if named is None:
        raise Damaged(f"{name!r} is no name of an entry; allowed is VVVV:PPPP in hexadecimal", path=origin)
    vendor, product = int(named[1], 16), int(named[2], 16)
    title, told = _lines(data, origin)
    steps = tuple(_steps(told))
    targets, target_class = _targets(told, vendor)
    switches = bool(steps)
    narrowed: dict[str, Any] = {_NARROWS[named[3]]: named[4]} if named[3] else {}
    identity = UsbIdentity(
        vendor_id=vendor,
        product_id=product,
        state=ModemState.STORAGE if switches else ModemState.SERVICE,
        switch=ModeSwitch(
            steps=steps,
            targets=targets,
            target_class=target_class,
            seconds=_int(told.get("CheckSuccess")) or _SECONDS,
            wait_seconds=_int(told.get("WaitBefore")) or 0,
        )
        if switches
        else None,
        **narrowed,
    )
    return ModemModel(
        name=title or name,
        maker="",
        form_factor="usb",
        identities=(identity,),
        prefers=() if switches or told.get("NoMBIMCheck") else (ModemMode.MBIM,),
        sources=(origin,),
    )


class _NotAllowed(ValueError):
    """A value of the right form that is not allowed; it says what is."""


def _number(base: int, low: int, high: int) -> Callable[[str], int]:
    def read(word: str) -> int:
        value = int(word, base)
        if not low <= value <= high:
            raise _NotAllowed(f"allowed are {low:#x} to {high:#x}" if base == 16 else f"allowed are {low} to {high}")
        return value

    return read


def _message(word: str) -> str:
    text = word.lower()
    if not _HEX_MESSAGE.fullmatch(text):
        raise _NotAllowed("a message is hexadecimal, two digits a byte")
    if text.startswith("55534243") and len(text) != 62:
        raise _NotAllowed(f"a storage command has 31 bytes, not {len(text) // 2}")
    return text


def _products(word: str) -> tuple[int, ...]:
    return tuple(_number(16, 0, 0xFFFF)(each) for each in re.split(r"[,\s]+", word.strip()) if each)


_FLAG, _BYTE, _ID = _number(10, 0, 1), _number(16, 0, 0xFF), _number(16, 0, 0xFFFF)
_KEYS: Mapping[str, Callable[[str], object]] = {
    **dict.fromkeys(MODES, _FLAG),
    "PantechMode": _number(10, 0, 4),
    **dict.fromkeys(("MessageContent", "MessageContent2", "MessageContent3"), _message),
    **dict.fromkeys(("MessageEndpoint", "ResponseEndpoint", "Interface", "TargetClass"), _BYTE),
    "Configuration": _number(16, 0, 0xFF),
    **dict.fromkeys(("TargetVendor", "TargetProduct", "DefaultVendor", "DefaultProduct"), _ID),
    "TargetProductList": _products,
    "CheckSuccess": _number(10, 1, _MAX_SECONDS),
    "WaitBefore": _number(10, 0, _MAX_SECONDS),
    "ReleaseDelay": _number(10, 0, _MAX_SECONDS * 1000),
    **dict.fromkeys(("NeedResponse", "DetachStorageOnly", "NoDriverLoading", "NoMBIMCheck"), _FLAG),
}
"""Every key of an entry, and how its value is read."""


def _lines(data: bytes, origin: str) -> tuple[str, dict[str, object]]:
    """The first comment, which names the device, and the values by key."""
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise Damaged("not UTF-8 text", path=origin, line=data.count(b"\n", 0, error.start) + 1) from error
    title, told = "", {}
    for number, line in enumerate(text.splitlines(), 1):
        content, _, comment = line.partition("#")
        if not content.strip():
            title = title or "".join(each if each.isprintable() else "?" for each in comment.strip())
            continue
        key, equals, word = content.partition("=")
        key, word = key.strip(), word.strip().strip('"').strip()
        if not equals or key not in _KEYS:
            from difflib import get_close_matches

            close = get_close_matches(key, _KEYS, n=1)
            advice = f"; did you mean {close[0]}?" if close else ""
            raise Damaged(f"{content.strip()!r} is no setting of an entry{advice}", path=origin, line=number)
        try:
            told[key] = _KEYS[key](word)
        except ValueError as error:
            said = f"; {error}" if isinstance(error, _NotAllowed) else ""
            raise Damaged(f"{key}: {word!r} is no value{said}", path=origin, line=number) from error
    if len(special := [key for key in (*MODES, "PantechMode") if key != "StandardEject" and told.get(key)]) > 1:
        raise Damaged(f"{' and '.join(special)}: an entry has one special mode", path=origin)
    return title, told


def _steps(told: Mapping[str, object]) -> Iterator[Step]:
    """What usb_modeswitch does for such an entry, in its order; a special mode takes the place of messages."""
    release = (_int(told.get("ReleaseDelay")) or 0) / 1000
    messages = tuple(str(told[key]) for key in ("MessageContent", "MessageContent2", "MessageContent3") if key in told)
    special = [key for key in MODES if key != "StandardEject" and told.get(key)]
    if told.get("DetachStorageOnly"):
        yield Requests(transfers=(), detach=True)
    if told.get("PantechMode"):
        yield from pantech(int(str(told["PantechMode"])))
    elif special:
        yield from MODES[special[0]]
    elif told.get("StandardEject"):
        yield ScsiEject(then=messages[:1], release_seconds=release)
    elif messages:
        numbers = {
            key: value for key in ("MessageEndpoint", "ResponseEndpoint", "Interface") if (value := told.get(key))
        }
        yield BulkMessages(
            messages=messages,
            endpoint_out=_int(numbers.get("MessageEndpoint")),
            endpoint_in=_int(numbers.get("ResponseEndpoint")),
            interface=_int(numbers.get("Interface")),
            release_seconds=release,
        )
    if told.get("Configuration"):
        yield SelectConfiguration(value=_int(told["Configuration"]))


def _int(value: object) -> int | None:
    return value if isinstance(value, int) else None


def _targets(told: Mapping[str, object], vendor: int) -> tuple[tuple[tuple[int, int], ...], int | None]:
    own = _int(told.get("TargetVendor")) or vendor
    listed = told.get("TargetProductList")
    products = listed if isinstance(listed, tuple) else () if "TargetProduct" not in told else (told["TargetProduct"],)
    return tuple((own, product) for product in products), _int(told.get("TargetClass"))
