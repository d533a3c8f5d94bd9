"""Every kernel symbol that an image asks for is one: Linux 6.1 knows it, or it is in the list of those that it lacks.

`make lab` looks at the kernel's own Kconfig files; here its record is looked at.
"""

from __future__ import annotations

import kernel_symbols as symbols
import pytest

ARCHES = ("aarch64", "amd64", "armv7hf", "rpi")
USED = symbols.used()


@pytest.mark.parametrize("arch", ARCHES)
def test_every_symbol_is_one(arch: str) -> None:
    new = set(USED[arch]) - set(symbols.recorded()[arch]) - symbols.outside()
    assert not new, f"{sorted(new)}: not in the record; `make lab` looks them up in the kernel's source"


def test_the_list_of_exceptions_has_none_too_many() -> None:
    every = {name for names in USED.values() for name in names}
    assert symbols.outside() <= every, f"nobody asks for {sorted(symbols.outside() - every)}"
    assert set(symbols.SELECTED) <= every
    assert {name for names in symbols.recorded().values() for name in names} <= every
    assert tuple(USED) == ARCHES
