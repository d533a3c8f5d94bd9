"""The channel over a real pseudo terminal and pyserial, with a simulated modem at the other end, sound and faulty."""

from __future__ import annotations

import os
import threading
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
from backends.at.line import Line, line
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from virtual.at_modem import PERSONALITIES

from hal.backends.at import channel as channels
from hal.backends.at import commands
from hal.backends.at.channel import Channel
from hal.backends.at.commands import Command
from hal.errors import AtFault, FileFault, OutsideRoot, ValueRefused
from hal.model import AtFaultKind, FunctionalMode, ModemMaker, SimState
from hal.root import Root

SLACK = 0.5
"""Seconds beyond a deadline: what a busy machine takes to run the thread."""


@pytest.fixture
def ec20(tmp_path: Path) -> Iterator[Line]:
    with line("EC20F", tmp_path) as made:
        yield made


@pytest.fixture
def channel(ec20: Line) -> Iterator[Channel]:
    with channels.opened(ec20.root, "ttyUSB2", pause_seconds=0.01) as made:
        yield made


def fault(channel: Channel, command: Command[object], *, seconds: float = 0.3) -> AtFault:
    started = time.monotonic()
    with pytest.raises(AtFault) as caught:
        channel.ask(command, seconds=seconds)
    assert time.monotonic() - started < seconds + SLACK
    assert caught.value.path == "dev/ttyUSB2"
    return caught.value


# -- sound -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PERSONALITIES)
@pytest.mark.parametrize("piece", [None, 1], ids=["whole", "byte by byte"])
def test_every_model_is_woken_and_answers(name: str, piece: int | None, tmp_path: Path) -> None:
    with line(name, tmp_path) as made, channels.opened(made.root, "ttyUSB2") as channel:
        made.piece = piece
        channel.wake()
        assert channel.ask(commands.MODE) is FunctionalMode.FULL
        assert channel.ask(commands.SIM) is SimState.READY
        assert channel.ask(commands.IMEI) == "490154203237518"
        assert made.modem.received[:3] == ["AT", "ATE0", "AT+CMEE=1"]
        assert (made.modem.echo, made.modem.cmee) == (False, 1)


def test_echo_doubled_returns_and_unsolicited_lines(ec20: Line, channel: Channel) -> None:
    ec20.modem.faults.between = ("+CREG: 5", "RDY", "+CSQ: 1,1", '+QIND: "csq",3,3')
    ec20.modem.faults.doubled_return = True
    assert channel.ask(commands.CSQ).rssi_dbm == -77
    assert channel.ask(commands.CIRCUIT) == "home"
    assert channel.ask(commands.MODEL) == "EC20F"


def test_what_came_before_the_command_is_no_answer(ec20: Line, channel: Channel) -> None:
    for _ in range(50):
        ec20.say("+CSQ: 1,1")
        ec20.say("OK")
    assert channel.ask(commands.CSQ).rssi_dbm == -77


def test_a_late_answer_is_not_taken_for_the_next(ec20: Line, channel: Channel) -> None:
    channel.wake()
    ec20.slow_seconds = 0.4
    assert fault(channel, commands.SIM, seconds=0.2).kind is AtFaultKind.NO_ANSWER
    ec20.slow_seconds = 0
    assert channel.ask(commands.MODE) is FunctionalMode.FULL
    assert ec20.modem.received[-3:] == ["AT+CPIN?", "AT", "AT+CFUN?"]
    assert channel.ask(commands.CSQ).rssi_dbm == -77
    assert ec20.modem.received[-2:] == ["AT+CFUN?", "AT+CSQ"]


# -- faulty ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "error", "kind", "number", "words"),
    [
        (commands.SIM, 10, AtFaultKind.SIM, 10, "SIM not inserted"),
        (commands.SIM, 11, AtFaultKind.SIM_LOCKED, 11, "SIM PIN required"),
        (commands.SIM, "+CME ERROR: SIM not inserted", AtFaultKind.SIM, 10, "SIM not inserted"),
        (commands.CSQ, 3, AtFaultKind.UNSUPPORTED, 3, "operation not allowed"),
        (commands.CSQ, 9999, AtFaultKind.UNKNOWN, 9999, "CME error 9999"),
        (commands.CSQ, "+CME ERROR:", AtFaultKind.UNKNOWN, None, "no reason told"),
        (commands.CSQ, "+CMS ERROR: 310", AtFaultKind.UNKNOWN, 310, "SMS error 310"),
        (commands.CSQ, "COMMAND NOT SUPPORT", AtFaultKind.UNSUPPORTED, None, "answers COMMAND NOT SUPPORT"),
        (commands.CSQ, "ERROR", AtFaultKind.UNKNOWN, None, "answers ERROR"),
        (commands.CSQ, "NO CARRIER", AtFaultKind.UNKNOWN, None, "answers NO CARRIER"),
        (commands.CSQ, "CONNECT 150000000", AtFaultKind.UNKNOWN, None, "answers CONNECT 150000000"),
        (commands.CSQ, "OK", AtFaultKind.GARBAGE, None, "answers nothing readable: no line with an answer"),
        (commands.CSQ, "+CSQ: 77,99\r\n\r\nOK", AtFaultKind.GARBAGE, None, "77 is no signal strength"),
    ],
)
def test_errors(
    ec20: Line, channel: Channel, command: Command[object], error: int | str, kind: AtFaultKind, number: int | None,
    words: str,
) -> None:  # fmt: skip
    channel.wake()
    ec20.modem.faults.errors = {command.text: error}
    found = fault(channel, command)
    assert (found.kind, found.number, found.command) == (kind, number, f"AT{command.text}")
    assert str(found).startswith(f"dev/ttyUSB2: AT{command.text}: ")
    assert words in str(found)
    assert ec20.modem.received.count(f"AT{command.text}") == 1


@pytest.mark.parametrize(
    ("command", "number", "sent"),
    [
        (commands.SIM, 14, 3),
        (commands.SIM, 0, 3),
        (commands.SIM, 16, 1),
        (commands.SET_MODE[FunctionalMode.FULL], 14, 1),
    ],
)
def test_only_a_passing_error_of_a_question_is_tried_again(
    ec20: Line, channel: Channel, command: Command[object], number: int, sent: int
) -> None:
    channel.wake()
    ec20.modem.faults.errors = {command.text: number}
    assert fault(channel, command).number == number
    assert ec20.modem.received.count(f"AT{command.text}") == sent


def test_a_passing_error_passes(ec20: Line, tmp_path: Path) -> None:
    with channels.opened(ec20.root, "ttyUSB2", pause_seconds=0.2) as channel:
        channel.wake()
        ec20.modem.faults.errors = {"+CPIN?": 14}
        timer = threading.Timer(0.1, ec20.modem.faults.errors.clear)
        timer.start()
        assert channel.ask(commands.SIM) is SimState.READY
        timer.join()


@pytest.mark.parametrize(
    ("garbage", "kind"),
    [
        (b"\xff\xfe\x00\x13", AtFaultKind.GARBAGE),
        (b"\r\nlogin: \r\n", AtFaultKind.GARBAGE),
        (b"$GPGGA,000000.00,,,,,0,,,,,,,,*66\r\n", AtFaultKind.GARBAGE),
        (b"\r\n+CSQ: 1", AtFaultKind.GARBAGE),
        (b"\r\n+QUSIM: 1\r\n", AtFaultKind.NO_ANSWER),
        (b"\r\n+CSQ: 18,99\r\n", AtFaultKind.NO_ANSWER),
    ],
    ids=repr,
)
def test_garbage(ec20: Line, channel: Channel, garbage: bytes, kind: AtFaultKind) -> None:
    ec20.modem.faults.garbage = garbage
    assert fault(channel, commands.CSQ).kind is kind
    assert fault(channel, commands.CSQ).kind is kind
    ec20.modem.faults.garbage = b""
    assert channel.ask(commands.CSQ).rssi_dbm == -77


def test_no_answer_at_all_then_a_modem_that_starts(ec20: Line, channel: Channel) -> None:
    ec20.modem.faults.silent = {"*"}
    assert fault(channel, commands.CSQ).kind is AtFaultKind.NO_ANSWER
    started = time.monotonic()
    with pytest.raises(AtFault, match="AT: no answer in time"):
        channel.wake(tries=3, seconds=0.1)
    assert time.monotonic() - started < 0.3 + SLACK
    assert set(ec20.modem.received[1:]) == {"AT"}
    timer = threading.Timer(0.3, ec20.modem.faults.silent.clear)
    timer.start()
    channel.wake(tries=20, seconds=0.5)
    timer.join()
    assert channel.ask(commands.CSQ).rssi_dbm == -77


@pytest.mark.parametrize("final", ["ERROR", "+CME ERROR: 4", "NO CARRIER", "COMMAND NOT SUPPORT"])
def test_any_error_proves_a_port(ec20: Line, channel: Channel, final: str) -> None:
    ec20.modem.faults.errors = {"": final, "E0": final, "+CMEE=1": final}
    channel.wake(tries=1)
    assert channel.ask(commands.CSQ).rssi_dbm == -77


def test_a_port_that_vanishes(ec20: Line, channel: Channel) -> None:
    ec20.modem.faults.silent = {"*"}
    timer = threading.Timer(0.1, ec20.unplug)
    timer.start()
    found = fault(channel, commands.SIM, seconds=5)
    timer.join()
    assert found.kind is AtFaultKind.PORT_GONE
    assert fault(channel, commands.SIM, seconds=5).kind is AtFaultKind.PORT_GONE
    assert channel.gone_within(5)
    with pytest.raises(AtFault, match="the port vanished"):
        channel.wake()


def test_a_flood_neither_grows_memory_nor_passes_the_deadline(ec20: Line, channel: Channel) -> None:
    ec20.flood = b"\r\n+CSQ: 1,1" * 100 + b"x" * 3000
    while not ec20.flooded_bytes:
        time.sleep(0.01)
    started = time.monotonic()
    assert "65536 bytes came that are no answer" in str(fault(channel, commands.CSQ, seconds=5))
    assert time.monotonic() - started < 4, "its own bound ends it, not the deadline"
    tracemalloc.start()
    for command in (commands.CSQ, commands.MODEL, commands.ATTENTION) * 3:
        assert fault(channel, command, seconds=1).kind is AtFaultKind.GARBAGE
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert ec20.flooded_bytes > 400_000
    assert peak < 300_000
    ec20.flood = b""
    assert channel.ask(commands.CSQ, seconds=5).rssi_dbm == -77


def test_a_modem_that_takes_no_bytes(ec20: Line, channel: Channel) -> None:
    ec20.fill()
    found = fault(channel, commands.CSQ, seconds=0.2)
    assert (found.kind, str(found)) == (AtFaultKind.NO_ANSWER, "dev/ttyUSB2: AT+CSQ: the modem takes no bytes")
    ec20.deaf = False
    assert answer_at_last(channel, 30) == -77


def answer_at_last(channel: Channel, seconds: float) -> float | None:
    """What the modem says once it has worked off what was on its line; on a busy machine that takes several tries."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return channel.ask(commands.CSQ, seconds=5).rssi_dbm
        except AtFault:
            if time.monotonic() >= deadline:
                raise


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    said=st.lists(
        st.one_of(st.binary(max_size=200), st.sampled_from([b"\r\nOK\r\n", b"\r\n+CSQ: 1,1\r\n"])), max_size=5
    )
)
def test_whatever_a_modem_says(ec20: Line, channel: Channel, said: list[bytes]) -> None:
    """A value or an `AtFault`, in time; afterwards the channel still works."""
    ec20.modem.faults.garbage = b"".join(said)
    started = time.monotonic()
    with suppress(AtFault):
        channel.ask(commands.CSQ, seconds=0.05)
    assert time.monotonic() - started < 0.05 + SLACK
    ec20.modem.faults.garbage = b""
    assert channel.ask(commands.MODE, seconds=5) is FunctionalMode.FULL


# -- what may be sent ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", [row for row in commands.COMMANDS if row.makers], ids=lambda row: row.text)
def test_a_makers_command_waits_until_the_modem_named_its_maker(
    ec20: Line, channel: Channel, command: Command[object]
) -> None:
    for maker in (None, *ModemMaker):
        channel.maker = maker
        if maker not in command.makers:
            with pytest.raises(ValueRefused, match="is a command of") as caught:
                channel.ask(command)
            assert caught.value.allowed == command.makers
    assert ec20.modem.received == []


@pytest.mark.parametrize("text", ["+CSQ\r+CPWROFF", "+CSQ\n", "\x1a", "\x1b", "+CSQ\0", "é"])
def test_a_command_is_one_line(ec20: Line, channel: Channel, text: str) -> None:
    with pytest.raises(ValueRefused, match="not one line of printable ASCII"):
        channel.ask(Command(text=text, purpose="", seconds=1, read=lambda _: None))
    assert ec20.modem.received == []


def test_no_command_carries_a_secret_or_dials() -> None:
    for command in commands.COMMANDS:
        assert "CPIN=" not in command.text
        assert not command.text.startswith(("D", "+CPWD", "+CLCK", "+CLAC"))
        assert command.text.isascii()
        assert command.text.isprintable()
    assert len({command.text for command in commands.COMMANDS}) == len(commands.COMMANDS)
    changing = {command.text for command in commands.COMMANDS if command.changes}
    assert changing == {"+CFUN=0", "+CFUN=1", "+CFUN=4", "^RESET", "+CFUN=1,1", "+CRESET", "+CFUN=16"}


# -- the port --------------------------------------------------------------------------------------------------------


def test_two_of_ours_take_turns(ec20: Line) -> None:
    order: list[str] = []
    with ExitStack() as first:
        first.enter_context(channels.opened(ec20.root, "ttyUSB2"))
        started = time.monotonic()
        with (
            pytest.raises(FileFault, match="dev/ttyUSB2: another program has it"),
            channels.opened(ec20.root, "ttyUSB2", wait_seconds=0.2),
        ):
            raise AssertionError
        assert 0.2 <= time.monotonic() - started < 0.2 + SLACK

        def second() -> None:
            with channels.opened(ec20.root, "ttyUSB2", wait_seconds=5) as channel:
                order.append(str(channel.ask(commands.MODE)))

        thread = threading.Thread(target=second)
        thread.start()
        time.sleep(0.2)
        order.append("first is done")
    thread.join(10)
    assert order == ["first is done", "full"]


def test_on_the_machine_itself_a_port_is_a_node(ec20: Line) -> None:
    with channels.opened(Root("/"), ec20.name.removeprefix("/dev/")) as channel:
        channel.wake()
        assert channel.ask(commands.MODEL) == "EC20F"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "no such file"),
        ("/dev/ttyS0", "stands for no serial port"),
        ("/dev/pts/../null", "stands for no serial port"),
        ("/dev/pts/999999", "not a device node"),
        ("", "stands for no serial port"),
        ("/dev/pts/1\n" * 50, "larger than 64 bytes"),
    ],
    ids=repr,
)
def test_what_stands_for_no_port(tmp_path: Path, content: str | None, words: str) -> None:
    (tmp_path / "dev").mkdir()
    if content is not None:
        (tmp_path / "dev/ttyUSB2").write_text(content)
    with pytest.raises(FileFault, match=words), channels.opened(Root(tmp_path), "ttyUSB2"):
        raise AssertionError


@pytest.mark.parametrize(
    "tty", ["", "null", "../etc/passwd", "watchdog0", "tty1", "ttyUSB", "ttyUSB2/x", "pts/x", "ttyUSB٣"]
)
def test_what_is_no_name_of_a_port(tmp_path: Path, tty: str) -> None:
    with pytest.raises(FileFault, match="not the name of a serial port"), channels.opened(Root(tmp_path), tty):
        raise AssertionError


def test_links_and_folders_are_no_ports(tmp_path: Path) -> None:
    (tmp_path / "dev/ttyUSB0").mkdir(parents=True)
    (tmp_path / "dev/ttyUSB1").symlink_to("../../outside")
    os.mkfifo(tmp_path / "dev/ttyUSB2")
    for tty, kind in (("ttyUSB0", FileFault), ("ttyUSB1", OutsideRoot), ("ttyUSB2", FileFault)):
        with pytest.raises(kind), channels.opened(Root(tmp_path), tty):
            raise AssertionError
