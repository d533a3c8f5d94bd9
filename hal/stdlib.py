"""What Python 3.11 added to the standard library and this project uses; for Python 3.10 there is a stand-in of each.

Nothing is imported here that is not needed at once.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import datetime, timezone

    UTC = timezone.utc

if sys.version_info >= (3, 11):
    from enum import StrEnum as StrEnum
else:
    from enum import Enum

    class StrEnum(str, Enum):
        """An enum whose members are texts: `str()` and `format()` are the value, `auto()` the name in small letters."""

        _value_: str

        def __new__(cls, value: str) -> StrEnum:
            """Raises `TypeError` for a value that is no text, of which `str` would make one."""
            if not isinstance(value, str):
                raise TypeError(f"{value!r} is not a string")
            member = str.__new__(cls, value)
            member._value_ = value
            return member

        __str__ = str.__str__

        def __format__(self, format_spec: str) -> str:
            return str.__format__(self, format_spec)

        @staticmethod
        def _generate_next_value_(name: str, start: int, count: int, last_values: list[Any]) -> str:
            return name.lower()


def __getattr__(name: str) -> object:
    """`UTC`: most programs that load this have no use for datetime."""
    if name != "UTC":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from datetime import timezone

    return timezone.utc


def read_toml(text: str) -> dict[str, Any]:
    """A document of TOML. Raises `ValueError`, or `RecursionError` where it is nested too deep."""
    if sys.version_info >= (3, 11):
        from tomllib import loads
    else:
        from tomli import loads
    told: dict[str, Any] = loads(text)
    return told


def read_time(text: str) -> datetime:
    """A date or time of ISO 8601, aware where it names a zone. Raises `ValueError`.

    This is `datetime.fromisoformat`, which before Python 3.11 read no more than what `isoformat` writes.
    """
    from datetime import date, datetime

    if sys.version_info >= (3, 11):
        return datetime.fromisoformat(text)
    import re

    day = r"(\d{4})(-?)(?:(\d\d)\2(\d\d)|W(\d\d)(?:\2(\d))?)"
    clock = r"(\d\d)(?:(:?)(\d\d)(?:\%s(\d\d)(?:[.,](\d+))?)?)?"
    found = re.fullmatch(f"{day}(?:.{clock % 8}(?:Z|([+-]){clock % 14})?)?", text, re.ASCII | re.DOTALL)
    if found is None:
        raise ValueError(f"{text!r} is no time of ISO 8601")

    def spelled(hour: str, _: str, minute: str, second: str, fraction: str) -> str:
        return f"{hour}:{minute or '00'}:{second or '00'}.{(fraction or '')[:6]:0<6}"

    year, _, month, of_month, week, of_week, *rest = found.groups()
    if week:
        whole = date.fromisocalendar(int(year), int(week), int(of_week or 1)).isoformat()
    else:
        whole = f"{year}-{month}-{of_month}"
    if rest[0]:
        whole += f"T{spelled(*rest[:5])}"
    if rest[5]:
        whole += f"{rest[5]}{spelled(*rest[6:])}"
    return datetime.fromisoformat(f"{whole}+00:00" if text.endswith("Z") else whole)
