"""What is wrong with a plugin."""

from __future__ import annotations

from attrs import frozen

from hal.record import Record


@frozen(kw_only=True, repr=False, eq=False)
class Problem(Record):
    """Something wrong with a plugin: which one, what, and what to do about it. Everything else still works."""

    plugin: str
    message: str
    advice: str
