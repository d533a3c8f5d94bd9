"""Reads a model file: TOML, with one `[[model]]` table for each model that it adds or changes.

A model that is known already needs only its `name` and what is to change; lists replace lists. A new one needs `maker`
and `identities` too. Nothing is taken from a file with a mistake: its path, what it says and what is allowed are told.
`docs/modems.md` has an example of each table.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

from attrs import evolve, frozen

from hal.errors import Damaged
from hal.model import (
    AtSetting,
    BulkMessages,
    ModeChoice,
    ModemMode,
    ModemModel,
    ModemState,
    ModeSwitch,
    PortRole,
    PortRule,
    ScsiEject,
    SelectConfiguration,
    Step,
    UsbIdentity,
)
from hal.record import Record
from hal.root import Root
from hal.stdlib import StrEnum, read_toml

E = TypeVar("E", bound=StrEnum)
Read = Callable[[Any, str], Any]
MAX_BYTES = 256 * 1024
_LONGEST_PATTERN = 200
_FORMS = ("usb", "mpcie", "module")


@frozen(kw_only=True, repr=False, eq=False)
class Given(Record):
    """What a file says of one model: its name, and the fields it gives."""

    name: str
    fields: Mapping[str, Any]
    where: str

    def applied(self, model: ModemModel | None) -> ModemModel:
        """The model as the file wants it. Raises `Damaged` where a new one lacks what it needs."""
        if model is not None:
            return evolve(model, **self.fields)
        missing = [key for key in ("maker", "identities") if key not in self.fields]
        if missing:
            raise Damaged(
                f"the model {self.name!r} is not known elsewhere, so it needs {' and '.join(missing)}", path=self.where
            )
        return ModemModel(name=self.name, **{"form_factor": "usb", "sources": (self.where,), **self.fields})


def read_models(root: Root, name: str) -> tuple[Given, ...]:
    """The models that a file gives. Raises `Damaged` or `FileFault`."""
    data = root.read_bytes(name, limit=MAX_BYTES)
    try:
        told = read_toml(data.decode())
    except UnicodeDecodeError as error:
        raise Damaged("not UTF-8 text", path=name, line=data.count(b"\n", 0, error.start) + 1) from error
    except (RecursionError, ValueError) as error:
        line, column = _place(str(error))
        raise Damaged(
            re.sub(r" \(at .*\)", "", str(error)) or "nested too deep", path=name, line=line, column=column
        ) from error
    try:
        _only(told, ("model",), "")
        return tuple(
            _given(item, f"model[{place}]", name) for place, item in enumerate(_list(told.get("model", []), "model"))
        )
    except _Wrong as wrong:
        raise Damaged(str(wrong), path=name) from None


class _Wrong(Exception):
    """A value that is not allowed, told by its place in the file."""

    def __init__(self, place: str, value: object, allowed: str) -> None:
        try:
            shown = repr(value)
        except ValueError:  # a number of thousands of digits
            shown = "a number that is too long"
        super().__init__(f"{place or 'the file'}: {shown[:60]}{'…' if len(shown) > 60 else ''} is no value; {allowed}")


def _place(said: str) -> tuple[int | None, int | None]:
    found = re.search(r"at line (\d+), column (\d+)", said)
    return (int(found[1]), int(found[2])) if found else (None, None)


def _given(item: Any, place: str, where: str) -> Given:
    table = _table(item, place)
    _only(table, ("name", *_MODEL), place)
    fields = {key: read(table[key], f"{place}.{key}") for key, read in _MODEL.items() if key in table}
    return Given(name=_word(table.get("name"), f"{place}.name"), fields=fields, where=where)


# -- values ----------------------------------------------------------------------------------------------------------


def _table(value: Any, place: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _Wrong(place, value, "a table is expected")
    return value


def _only(table: Mapping[str, Any], allowed: tuple[str, ...], place: str) -> None:
    for key in table:
        if key not in allowed:
            raise _Wrong(place, key, f"allowed keys are {', '.join(allowed)}")


def _list(value: Any, place: str) -> list[Any]:
    if not isinstance(value, list):
        raise _Wrong(place, value, "a list is expected")
    return value


def _word(value: Any, place: str) -> str:
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise _Wrong(place, value, "a text of printable characters is expected")
    return value


def _number(low: int, high: int) -> Read:
    def read(value: Any, place: str) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise _Wrong(place, value, f"a whole number from {low} to {high} is expected")
        return value

    return read


def _seconds(value: Any, place: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 600:
        raise _Wrong(place, value, "seconds from 0 to 600 are expected")
    return float(value)


def _truth(value: Any, place: str) -> bool:
    if not isinstance(value, bool):
        raise _Wrong(place, value, "true or false is expected")
    return value


def _one_of(kind: type[E]) -> Callable[[Any, str], E]:
    def read(value: Any, place: str) -> E:
        if not isinstance(value, str) or value not in [each.value for each in kind]:
            raise _Wrong(place, value, f"allowed are {', '.join(kind)}")
        return kind(value)

    return read


def _form(value: Any, place: str) -> str:
    if value not in _FORMS:
        raise _Wrong(place, value, f"allowed are {', '.join(_FORMS)}")
    return str(value)


def _matching(pattern: str, allowed: str) -> Callable[[Any, str], re.Match[str]]:
    def read(value: Any, place: str) -> re.Match[str]:
        found = re.fullmatch(pattern, value) if isinstance(value, str) else None
        if found is None:
            raise _Wrong(place, value, allowed)
        return found

    return read


_ids_text = _matching(r"([0-9a-fA-F]{4}):([0-9a-fA-F]{4})", "ids are written as in 12d1:14fe")
_triple_text = _matching(
    r"([0-9a-fA-F]{2})/([0-9a-fA-F]{2})/([0-9a-fA-F]{2}|\*)",
    "class, subclass and protocol are written as in ff/03/12, or ff/00/*",
)
_hex_text = _matching(r"(?:[0-9a-fA-F]{2})+", "a message is hexadecimal, two digits a byte")


def _ids(value: Any, place: str) -> tuple[int, int]:
    found = _ids_text(value, place)
    return int(found[1], 16), int(found[2], 16)


def _triple(value: Any, place: str) -> tuple[int, int, int | None]:
    found = _triple_text(value, place)
    return int(found[1], 16), int(found[2], 16), None if found[3] == "*" else int(found[3], 16)


def _message(value: Any, place: str) -> str:
    text = _hex_text(value, place)[0].lower()
    if text.startswith("55534243") and len(text) != 62:
        raise _Wrong(place, value, f"a storage command has 31 bytes, not {len(text) // 2}")
    return text


def _pattern(value: Any, place: str) -> str:
    text = _word(value, place)
    if len(text) > _LONGEST_PATTERN:
        raise _Wrong(place, value, f"a pattern has at most {_LONGEST_PATTERN} characters")
    try:
        re.compile(text)
    except (re.error, OverflowError, RecursionError) as error:
        raise _Wrong(place, value, f"no regular expression: {error}") from None
    return text


def _product(value: Any, place: str) -> int:
    return int(_matching(r"[0-9a-fA-F]{4}", "a product id has four hexadecimal digits")(value, place)[0], 16)


def _byte_hex(value: Any, place: str) -> int:
    return int(_matching(r"[0-9a-fA-F]{2}", "a class has two hexadecimal digits")(value, place)[0], 16)


def _many(read: Read) -> Read:
    def read_all(value: Any, place: str) -> tuple[Any, ...]:
        return tuple(read(item, f"{place}[{number}]") for number, item in enumerate(_list(value, place)))

    return read_all


def _some(read: Read) -> Read:
    """At least one."""

    def read_some(value: Any, place: str) -> tuple[Any, ...]:
        if value == []:
            raise _Wrong(place, value, "at least one is needed")
        return tuple(_many(read)(value, place))

    return read_some


def _fields(value: Any, place: str, readers: Mapping[str, Read], needs: tuple[str, ...] = ()) -> dict[str, Any]:
    table = _table(value, place)
    _only(table, tuple(readers), place)
    for key in needs:
        if key not in table:
            raise _Wrong(place, table, f"{key} is missing")
    return {key: read(table[key], f"{place}.{key}") for key, read in readers.items() if key in table}


# -- steps -----------------------------------------------------------------------------------------------------------

_STEPS: Mapping[str, Callable[[Any, str], Step]] = {
    "message": lambda value, place: BulkMessages(messages=(_message(value, place),)),
    "messages": lambda value, place: BulkMessages(messages=_many(_message)(value, place)),
    "eject": lambda value, place: _eject(value, place),
    "configuration": lambda value, place: _configuration(value, place),
    "at": lambda value, place: AtSetting(
        **_fields(
            value,
            place,
            {"query": _word, "shown": _pattern, "command": _word, "reset": _word, "restarts": _truth},
            ("query", "shown", "command", "reset"),
        )
    ),
    "mode": lambda value, place: _named(value, place),
}
"""A step by its key: bytes, an eject, a USB configuration, an AT setting, or one of usb_modeswitch's modes by name."""


def _eject(value: Any, place: str) -> Step:
    if value is not True:
        raise _Wrong(place, value, "allowed is true")
    return ScsiEject()


def _configuration(value: Any, place: str) -> Step:
    if isinstance(value, str):
        return SelectConfiguration(mode=_one_of(ModemMode)(value, place))
    return SelectConfiguration(value=_number(1, 255)(value, place))


def _named(value: Any, place: str) -> Step:
    from hal.peripherals.modem.messages import MODES

    if not isinstance(value, str) or value not in MODES or len(MODES[value]) != 1:
        allowed = [name for name, steps in MODES.items() if len(steps) == 1]
        raise _Wrong(place, value, f"allowed are {', '.join(allowed)}")
    return MODES[value][0]


def _step(value: Any, place: str) -> Step:
    table = _table(value, place)
    if len(table) != 1 or next(iter(table)) not in _STEPS:
        raise _Wrong(place, table, f"a step has one key of {', '.join(_STEPS)}")
    ((key, told),) = table.items()
    return _STEPS[key](told, f"{place}.{key}")


# -- tables ----------------------------------------------------------------------------------------------------------

_SWITCH: Mapping[str, Read] = {
    "steps": _some(_step),
    "targets": _many(_ids),
    "target_class": _byte_hex,
    "seconds": _seconds,
    "wait_seconds": _seconds,
}
_IDENTITY: Mapping[str, Read] = {
    "ids": _ids,
    "state": _one_of(ModemState),
    "note": _word,
    "switch": lambda value, place: ModeSwitch(**_fields(value, place, _SWITCH, ("steps",))),
    **dict.fromkeys(("manufacturer", "product", "scsi_vendor", "scsi_model"), _word),
}
_PORT: Mapping[str, Read] = {
    "role": _one_of(PortRole),
    "triples": _many(_triple),
    "interface": _number(0, 255),
    "products": _many(_product),
    "endpoints": _number(0, 30),
    "mode": _one_of(ModemMode),
}
_CHOICE: Mapping[str, Read] = {
    "mode": _one_of(ModemMode),
    "steps": _some(_step),
    "identity": _ids,
    "note": _word,
}


def _identity(value: Any, place: str) -> UsbIdentity:
    fields = _fields(value, place, _IDENTITY, ("ids", "state"))
    if fields["state"] is ModemState.STORAGE and "switch" not in fields:
        raise _Wrong(place, value, "a storage state needs `switch`: how the device leaves it")
    vendor, product = fields.pop("ids")
    return UsbIdentity(vendor_id=vendor, product_id=product, **fields)


_MODEL: Mapping[str, Read] = {
    "maker": _word,
    "form_factor": _form,
    "identities": _many(_identity),
    "ports": _many(lambda value, place: PortRule(**_fields(value, place, _PORT, ("role",)))),
    "modes": _many(lambda value, place: ModeChoice(**_fields(value, place, _CHOICE, ("mode", "steps")))),
    "prefers": _many(_one_of(ModemMode)),
    "mtu_bytes": _number(576, 65535),
    "reset_seconds": _seconds,
    "quirks": _many(_word),
}
"""What a file may say of a model besides its name."""


def keys() -> Iterator[str]:
    """Every key of a `[[model]]` table, for the documentation."""
    yield from ("name", *_MODEL)
