"""Restarting a modem and switching its radio, with what may go wrong on the way."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from backends.at.line import Line, line
from virtual.at_modem import PERSONALITIES

from hal.backends.at import channel as channels
from hal.backends.at import commands
from hal.backends.at.actions import reset, set_functional_mode
from hal.backends.at.channel import Channel
from hal.backends.at.info import identify
from hal.errors import AtFault, NotApplied, ValueRefused
from hal.model import AtFaultKind, FunctionalMode, ModemMaker, ModemReset, Outcome

FULL, OFF, MINIMUM = FunctionalMode.FULL, FunctionalMode.RADIO_OFF, FunctionalMode.MINIMUM


@contextmanager
def known(name: str, tree: Path) -> Iterator[tuple[Line, Channel]]:
    with line(name, tree) as made, channels.opened(made.root, "ttyUSB2", pause_seconds=0.01) as channel:
        channel.wake()
        identify(channel)
        made.modem.received.clear()
        yield made, channel


def maker(channel: Channel) -> ModemMaker:
    assert channel.maker
    return channel.maker


# -- restart ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("MS2131i-8", "AT^RESET"),
        ("MS2372h-517", "AT^RESET"),
        ("ME909s-120", "AT^RESET"),
        ("EC20F", "AT+CFUN=1,1"),
        ("SIM7600E-H", "AT+CRESET"),
        ("TOBY-L2", "AT+CFUN=16"),
    ],
)
@pytest.mark.parametrize("answered", [True, False])
def test_every_model_restarts(name: str, command: str, answered: bool, tmp_path: Path) -> None:
    with known(name, tmp_path) as (made, channel):
        made.modem.faults.loses_reset_answer = not answered
        found = reset(channel, maker(channel), gone_seconds=5)
    assert found == ModemReset(answered=answered, port_gone=True)
    assert made.modem.received == [command]
    assert made.modem.reset_requested


def test_a_restart_that_is_promised_and_not_seen(tmp_path: Path) -> None:
    with known("EC20F", tmp_path) as (made, channel):
        made.modem.faults.ignores_reset = True
        assert reset(channel, maker(channel), gone_seconds=0.2) == ModemReset(answered=True, port_gone=False)


def test_a_lost_answer_alone_is_a_failure(tmp_path: Path) -> None:
    with known("MS2372h-517", tmp_path) as (made, channel):
        made.modem.faults.silent = {"^RESET"}
        with pytest.raises(AtFault, match=r"AT\^RESET: no answer in time"):
            reset(channel, maker(channel), seconds=0.2, gone_seconds=0.2)
        assert made.modem.received == ["AT^RESET"], "sent once"


def test_a_lost_answer_is_a_success_where_the_port_vanishes(tmp_path: Path) -> None:
    with known("MS2372h-517", tmp_path) as (made, channel):
        made.modem.faults.silent = {"^RESET"}
        timer = threading.Timer(0.5, made.unplug)
        timer.start()
        found = reset(channel, maker(channel), seconds=0.2, gone_seconds=5)
        timer.join()
    assert found == ModemReset(answered=False, port_gone=True)


def test_a_restart_that_was_never_sent_is_no_success(tmp_path: Path) -> None:
    """After a command without an answer the port does not settle; then it vanishes for another reason."""
    with known("EC20F", tmp_path) as (made, channel):
        made.modem.faults.silent = {"*"}
        with pytest.raises(AtFault):
            channel.ask(commands.CSQ, seconds=0.1)
        timer = threading.Timer(0.4, made.unplug)
        timer.start()
        with pytest.raises(AtFault, match="AT: no answer in time"):
            reset(channel, maker(channel), seconds=0.1, gone_seconds=2)
        timer.join()
        assert "AT+CFUN=1,1" not in made.modem.received


def test_a_restart_that_is_refused(tmp_path: Path) -> None:
    with known("SIM7600E-H", tmp_path) as (made, channel):
        made.modem.faults.errors = {"+CRESET": 3}
        with pytest.raises(AtFault) as caught:
            reset(channel, maker(channel))
        assert caught.value.kind is AtFaultKind.UNSUPPORTED
        assert not made.modem.reset_requested


def test_no_restart_by_the_command_of_another(tmp_path: Path) -> None:
    with known("SIM7600E-H", tmp_path) as (made, channel):
        with pytest.raises(ValueRefused, match="is a command of Huawei, and this modem is of SIMCom"):
            reset(channel, ModemMaker.HUAWEI)
        assert made.modem.received == []


# -- radio -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PERSONALITIES)
@pytest.mark.parametrize("mode", [MINIMUM, OFF])
def test_radio_off_and_on(name: str, mode: FunctionalMode, tmp_path: Path) -> None:
    with known(name, tmp_path) as (made, channel):
        if mode is OFF and channel.maker is ModemMaker.HUAWEI:
            with pytest.raises(AtFault) as caught:
                set_functional_mode(channel, mode)
            assert caught.value.kind is AtFaultKind.UNSUPPORTED
            return
        done = [set_functional_mode(channel, wanted) for wanted in (FULL, mode, mode, FULL)]
        assert [(each.previous, each.value, each.outcome) for each in done] == [
            ("full", "full", Outcome.UNCHANGED),
            ("full", mode.value, Outcome.APPLIED),
            (mode.value, mode.value, Outcome.UNCHANGED),
            (mode.value, "full", Outcome.APPLIED),
        ]
        written = [command for command in made.modem.received if command.startswith("AT+CFUN=")]
        assert written == [f"AT+CFUN={'0' if mode is MINIMUM else '4'}", "AT+CFUN=1"]


def test_a_mode_that_is_not_taken(tmp_path: Path) -> None:
    with known("EC20F", tmp_path) as (made, channel):
        made.modem.faults.errors = {"+CFUN=4": "OK"}
        with pytest.raises(NotApplied, match="asked for radio-off, the modem says full"):
            set_functional_mode(channel, OFF)


def test_a_mode_that_cannot_be_set(tmp_path: Path) -> None:
    with known("EC20F", tmp_path) as (made, channel):
        with pytest.raises(ValueRefused) as caught:
            set_functional_mode(channel, FunctionalMode.OTHER)
        assert caught.value.allowed == ("minimum", "full", "radio-off")
        assert made.modem.received == []


def test_the_port_vanishes_meanwhile(tmp_path: Path) -> None:
    with known("EC20F", tmp_path) as (made, channel):
        made.modem.faults.silent = {"+CFUN=4"}
        threading.Timer(0.1, made.unplug).start()
        started = time.monotonic()
        with pytest.raises(AtFault) as caught:
            set_functional_mode(channel, OFF)
        assert caught.value.kind is AtFaultKind.PORT_GONE
        assert time.monotonic() - started < 5
