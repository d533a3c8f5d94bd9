"""The kernel's clocks: which one is the row's, its range, its flags, and the files that stand for device nodes."""

from __future__ import annotations

import errno
import fcntl
import os
import struct
import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from backends.rtc.stub import clocks, stand_in
from hypothesis import given
from hypothesis import strategies as st

from hal.backends.rtc import node
from hal.backends.rtc.kernel import KernelClock, KernelSession, find, numbers
from hal.backends.rtc.node import packed, rtc_node, unpacked
from hal.errors import FileFault, ValueRefused
from hal.model import Clock, RtcProblem
from hal.root import Root
from hal.stdlib import UTC

TIME = datetime(2031, 7, 9, 21, 45, 30, tzinfo=UTC)
BYTES = struct.pack("=9i", 30, 45, 21, 9, 6, 131, 3, 189, 0)
INVALID, LOW, EMPTY = RtcProblem.DATA_INVALID, RtcProblem.BATTERY_LOW, RtcProblem.BATTERY_EMPTY


# -- struct rtc_time -------------------------------------------------------------------------------------------------


def test_the_structure_has_the_same_form_on_every_machine() -> None:
    assert packed(TIME) == BYTES
    assert unpacked(BYTES) == TIME
    assert (node.TIME.size, node.FLAGS.size) == (36, 4)


def test_the_numbers_of_the_requests_are_those_of_the_kernels_formula() -> None:
    """`_IOC(direction, 'p', number, size)`: direction in bits 30–31, size from bit 16, type from bit 8."""

    def ioc(direction: int, number: int, size: int) -> int:
        return direction << 30 | size << 16 | ord("p") << 8 | number

    assert ioc(2, 0x09, 36) == node.READ_TIME
    assert ioc(1, 0x0A, 36) == node.SET_TIME
    assert ioc(2, 0x13, 4) == node.READ_FLAGS


@given(st.datetimes(datetime(1970, 1, 1), datetime(9999, 12, 31, 23, 59, 59)))
def test_every_time_is_the_same_both_ways(time: datetime) -> None:
    wanted = time.replace(microsecond=0, tzinfo=UTC)
    assert unpacked(packed(wanted)) == wanted


@given(st.binary(min_size=30, max_size=40))
def test_any_bytes_are_a_time_or_refused(data: bytes) -> None:
    try:
        found = unpacked(data)
    except ValueError:
        return
    assert found.tzinfo is UTC


# -- which clock it is -----------------------------------------------------------------------------------------------

FIND: dict[str, tuple[Clock, tuple[str, ...], int | None]] = {
    "by driver": (Clock(driver="tegra-rtc"), ("nvvrs-pseq-rtc x", "tegra_rtc c2a0000.rtc"), 1),
    "not by number": (Clock(driver="nvvrs-pseq-rtc", rtc=0), ("tegra-rtc c2a0000.rtc",), None),
    "another name": (Clock(driver="am33xx-rtc", rtc=1), ("rtc-ds1307 2-0068", "omap_rtc 44e3e000.rtc"), 1),
    "underscore": (Clock(driver="rtc_cmos"), ("rtc_cmos 00:04",), 0),
    "by the chip's driver": (Clock(driver="ds1340", i2c_address=0x68), ("omap_rtc x", "rtc-ds1307 2-0068"), 1),
    "by address, whatever driver": (Clock(driver="ds1307", i2c_address=0x68), ("bq32k 1-0068",), 0),
    "another address": (Clock(driver="ds1340", i2c_address=0x68), ("rtc-ds1307 2-006f",), None),
    "the row's bus first": (
        Clock(driver="pcf8563", i2c_address=0x51, i2c_bus=10),
        ("rtc-pcf8563 1-0051", "rtc-pcf8563 10-0051"),
        1,
    ),
    "another number of the bus": (Clock(driver="pcf8563", i2c_address=0x51, i2c_bus=10), ("rtc-pcf8563 0-0051",), 0),
    "an address without a device on the bus": (
        Clock(driver="nvvrs-pseq-rtc", i2c_address=0x3C),
        ("nvvrs-pseq-rtc nvvrs-pseq-rtc",),
        0,
    ),
    "none": (Clock(driver="rtc-efi"), (), None),
}


@pytest.mark.parametrize("case", FIND)
def test_which_clock_of_the_kernel_is_the_rows(case: str, tmp_path: Path) -> None:
    fact, names, number = FIND[case]
    root = Root(tmp_path)
    clocks(root, *names)
    assert find(root, fact) == number


def test_clocks_are_listed_by_number(tmp_path: Path) -> None:
    root = Root(tmp_path)
    clocks(root, *("x y",) * 12)
    (tmp_path / "sys/class/rtc/other").mkdir()
    assert numbers(root) == tuple(range(12))


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("[946684800, 4102444799]", "2000-01-01T00:00:00+00:00", "2099-12-31T23:59:59+00:00"),
        ("[946684800,4102444799]", "2000-01-01T00:00:00+00:00", "2099-12-31T23:59:59+00:00"),
        ("[-2208988800, 253402300799]", "1970-01-01T00:00:00+00:00", "9999-12-31T23:59:59+00:00"),
        ("[0, 18446744073709551615]", "1970-01-01T00:00:00+00:00", None),
        ("nonsense", "1970-01-01T00:00:00+00:00", None),
    ],
)
def test_range(text: str, first: str, last: str | None, tmp_path: Path) -> None:
    root = Root(tmp_path)
    clocks(root, "rtc-x y", range=text)
    found = KernelClock(root, 0).range()
    assert tuple(each and each.isoformat() for each in found) == (first, last)


def test_facts(tmp_path: Path) -> None:
    root = Root(tmp_path)
    clocks(root, "rtc-pcf8563 1-0051", hctosys="1", battery_voltage="2987000")
    assert KernelClock(root, 0).facts() == {
        "driver": "rtc-pcf8563",
        "i2c_bus": 1,
        "i2c_address": 0x51,
        "sets_system_clock": True,
        "battery_microvolts": 2987000,
    }


# -- flags -----------------------------------------------------------------------------------------------------------

FLAGS: dict[int, tuple[tuple[RtcProblem, ...], bool]] = {
    0x00: ((), False),
    0x01: ((INVALID,), False),
    0x02: ((LOW,), False),
    0x04: ((EMPTY,), False),
    0x08: ((RtcProblem.ACCURACY_LOW,), False),
    0x10: ((), True),
    0x1F: ((INVALID, LOW, EMPTY, RtcProblem.ACCURACY_LOW), True),
    0x80: ((INVALID,), False),  # what old drivers answer: the bit of their chip
    0x82: ((INVALID, LOW), False),
}


@pytest.mark.parametrize("flags", FLAGS)
def test_voltage_flags(flags: int, tmp_path: Path) -> None:
    problems, ran = FLAGS[flags]
    root = Root(tmp_path)
    stand_in(root, BYTES + struct.pack("=I", flags))
    with KernelClock(root, 0).hold() as held:
        look = held.look()
    assert (look.problems, look.ran_on_battery, look.told) == (problems, ran, True)
    assert look.time == (None if INVALID in problems else TIME)


class Answering:
    """An open node whose driver answers so."""

    def __init__(self, read: int = 0, write: int = 0, flags: int | None = None) -> None:
        self._read, self._write, self._flags = read, write, flags

    def read(self) -> bytes:
        if self._read:
            raise OSError(self._read, os.strerror(self._read))
        return BYTES

    def write(self, data: bytes) -> None:
        if self._write:
            raise OSError(self._write, os.strerror(self._write))

    def flags(self) -> int | None:
        return self._flags


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ERANGE])
def test_a_driver_that_calls_the_time_invalid(number: int) -> None:
    look = KernelSession(Answering(read=number), "dev/rtc0").look()
    assert (look.time, look.problems, look.told) == (None, (INVALID,), True)
    assert "not valid" in look.fault


def test_a_driver_that_tells_nothing_of_its_health() -> None:
    look = KernelSession(Answering(), "dev/rtc0").look()
    assert (look.time, look.problems, look.told, look.ran_on_battery) == (TIME, (), False, None)


REFUSED: dict[str, tuple[Answering, type[Exception], str]] = {
    "a time it does not take": (Answering(write=errno.EINVAL), ValueRefused, "does not take"),
    "out of range": (Answering(write=errno.ERANGE), ValueRefused, "does not take"),
    "not root": (Answering(write=errno.EPERM), FileFault, "CAP_SYS_TIME"),
    "the bus": (Answering(write=errno.EIO), FileFault, "dev/rtc0: input/output error"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_set_that_the_driver_refuses(case: str) -> None:
    answering, kind, words = REFUSED[case]
    with pytest.raises(kind, match=words):
        KernelSession(answering, "dev/rtc0").put(TIME)


def test_a_chip_that_does_not_answer() -> None:
    with pytest.raises(FileFault, match="dev/rtc0: input/output error"):
        KernelSession(Answering(read=errno.EIO), "dev/rtc0").look()


# -- nodes -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 35, 37, 41, 4096])
def test_a_file_of_another_size_stands_for_nothing(size: int, tmp_path: Path) -> None:
    root = Root(tmp_path)
    stand_in(root, bytes(size))
    with pytest.raises(FileFault, match=f"{size} bytes stand for no clock"), rtc_node(root, "dev/rtc0"):
        pass


NODES: dict[str, Callable[[Path], object]] = {
    "missing": lambda path: None,
    "folder": lambda path: path.mkdir(),
    "FIFO": lambda path: os.mkfifo(path),
    "a link out of the tree": lambda path: path.symlink_to("../../../../../../../../dev/null"),
}


@pytest.mark.parametrize("case", NODES)
def test_what_is_no_node_is_refused_unopened(case: str, tmp_path: Path) -> None:
    (tmp_path / "tree/dev").mkdir(parents=True)
    NODES[case](tmp_path / "tree/dev/rtc0")
    root = Root(tmp_path / "tree")
    assert not node.is_there(root, "dev/rtc0")
    with pytest.raises(FileFault, match="dev/rtc0"), rtc_node(root, "dev/rtc0"):
        pass


def test_on_the_machine_itself_no_file_stands_for_a_node(tmp_path: Path) -> None:
    path = stand_in(Root(tmp_path), BYTES)
    machine = Root("/")
    assert not node.is_there(machine, str(path))
    with pytest.raises(FileFault, match="not a device node"), rtc_node(machine, str(path)):
        pass


def test_a_character_device_that_is_no_clock_is_a_fault_in_words() -> None:
    null = KernelClock(Root("/"), 0)
    null.node = "dev/null"
    with null.hold() as held, pytest.raises(FileFault, match="dev/null: inappropriate ioctl"):
        held.look()


def test_a_clock_that_another_has_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = Root(tmp_path)
    path = stand_in(root, BYTES)
    with path.open() as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        monkeypatch.setattr(node, "WAIT_SECONDS", 0.1)
        with pytest.raises(FileFault, match=r"dev/rtc0: .*locked by another process"), rtc_node(root, "dev/rtc0"):
            pass
        monkeypatch.setattr(node, "WAIT_SECONDS", 20)
        timer = threading.Timer(0.1, fcntl.flock, (other, fcntl.LOCK_UN))
        timer.start()
        with rtc_node(root, "dev/rtc0") as held:
            assert held.read() == BYTES
        timer.join()
