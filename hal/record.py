"""`Record`: the equality, hash and representation that all attrs classes of this project share.

attrs writes and compiles these methods anew for every class, which is half of what a class costs at import, and a
command that opens a device makes some forty classes. Use it as `@frozen(kw_only=True, repr=False, eq=False)`.
"""

from __future__ import annotations

from typing import Any


class Record:
    """Compares and shows by fields, as attrs does."""

    __slots__ = ()
    __attrs_attrs__: Any

    def _values(self) -> tuple[tuple[str, object], ...]:
        return tuple((a.name, getattr(self, a.name)) for a in self.__attrs_attrs__ if a.eq)

    def __eq__(self, other: object) -> bool:
        if other.__class__ is not self.__class__:
            return NotImplemented
        assert isinstance(other, Record)
        return self._values() == other._values()

    def __hash__(self) -> int:
        return hash((self.__class__, self._values()))

    def __repr__(self) -> str:
        shown = ", ".join(f"{a.name}={getattr(self, a.name)!r}" for a in self.__attrs_attrs__ if a.repr)
        return f"{self.__class__.__qualname__}({shown})"
