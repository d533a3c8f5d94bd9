"""Kernel attributes that belong together: all or none, each read back; and the record of what was found."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest
from kernel_files import Kernel, Rule

from hal.backends import attributes, found
from hal.backends.found import BOOT, Found
from hal.errors import Damaged, NotApplied

A, B, C = "sys/a", "sys/b", "sys/c"
OLD = ((A, "1"), (B, "2"), (C, "3"))
NEW = ((A, "7"), (B, "8"), (C, "9"))
RECORD = "run/hal/test.json"


def refuses(name: str, value: str, code: int = errno.EBUSY) -> Rule:
    return lambda _kernel, at, wanted: code if (at, wanted) == (name, value) else None


@pytest.fixture
def kernel(tmp_path: Path) -> Kernel:
    kernel = Kernel(tmp_path)
    for name, value in OLD:
        kernel.put(name, value)
    kernel.put(BOOT, "boot-1")
    return kernel


def values(kernel: Kernel) -> tuple[tuple[str, str | None], ...]:
    return tuple((name, kernel.read_value(name)) for name in (A, B, C))


def test_written_in_order_and_only_what_differs(kernel: Kernel) -> None:
    kernel.put(B, "8")
    attributes.put(kernel, NEW, back=OLD, path="x")
    assert kernel.log == [(A, "7"), (C, "9")]
    assert values(kernel) == NEW


@pytest.mark.parametrize("place", range(3))
@pytest.mark.parametrize("code", [errno.EBUSY, errno.EINVAL, errno.EACCES])
def test_one_that_refuses_leaves_all_as_they_were(kernel: Kernel, place: int, code: int) -> None:
    kernel.rules.append(refuses(*NEW[place], code))
    with pytest.raises(NotApplied, match=r"x: sys/.: .*; the former values were put back") as error:
        attributes.put(kernel, NEW, back=OLD, path="x")
    assert NEW[place][0] in error.value.message
    assert values(kernel) == OLD


def test_one_that_does_not_keep_its_value(kernel: Kernel) -> None:
    def other(kernel: Kernel, name: str, value: str) -> None:
        """C takes A along, as a governor does with a preference."""
        if name == C:
            kernel.put(A, "1")

    kernel.rules.append(other)
    with pytest.raises(NotApplied, match=r"sys/a: reads back '1' instead of '7'"):
        attributes.put(kernel, NEW, back=OLD, path="x")
    assert values(kernel) == OLD


def test_what_cannot_be_put_back_is_told_and_keeps_nothing_else_from_it(kernel: Kernel) -> None:
    kernel.rules += [refuses(*NEW[2]), refuses(*OLD[0])]
    with pytest.raises(NotApplied, match="putting back failed too: sys/a: device or resource busy"):
        attributes.put(kernel, NEW, back=OLD, path="x")
    assert values(kernel) == (NEW[0], OLD[1], OLD[2])


def test_an_interruption_puts_back_and_goes_on(kernel: Kernel) -> None:
    def stop(_kernel: Kernel, name: str, value: str) -> None:
        if (name, value) == NEW[1]:
            raise KeyboardInterrupt

    kernel.rules.append(stop)
    with pytest.raises(KeyboardInterrupt):
        attributes.put(kernel, NEW, back=OLD, path="x")
    assert values(kernel) == OLD


# -- the record ------------------------------------------------------------------------------------------------------


def test_the_record_of_this_boot(kernel: Kernel) -> None:
    assert found.read(kernel, RECORD) is None
    wrote = Found(values={A: "1"}, chosen="low")
    found.write(kernel, RECORD, wrote)
    assert found.read(kernel, RECORD) == wrote
    kernel.put(BOOT, "boot-2")
    assert found.read(kernel, RECORD) is None, "a record of another boot"
    found.restore(kernel, RECORD, None)
    assert not kernel.exists(RECORD)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"boot": "boot-1"}', '{"boot": "boot-1", "values": {"a": 1}}'])
def test_a_record_that_cannot_be_understood(kernel: Kernel, text: str) -> None:
    kernel.put(RECORD, text)
    if text == "{}":  # of no boot at all
        assert found.read(kernel, RECORD) is None
        return
    with pytest.raises(Damaged, match=RECORD):
        found.read(kernel, RECORD)
