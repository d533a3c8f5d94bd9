"""The simulated modem itself: what the other tests rely on."""

from __future__ import annotations

import pytest
from virtual.at_modem import PERSONALITIES, AtModem


def modem(name: str) -> AtModem:
    made = AtModem(PERSONALITIES[name])
    assert made.feed(b"ATE0\r") == b"ATE0\r\r\nOK\r\n", "echo is on as delivered"
    return made


def said(made: AtModem, command: str) -> list[str]:
    return made.feed(f"{command}\r".encode()).decode().split()


@pytest.mark.parametrize("name", PERSONALITIES)
def test_every_model_answers_what_all_have(name: str) -> None:
    made = modem(name)
    for command in ("AT", "AT+CMEE=1", "AT+CGMI", "AT+CGSN", "AT+CPIN?", "AT+CREG?", "AT+CSQ", "AT+CFUN?", "AT+COPS?"):
        assert said(made, command)[-1] == "OK", command
    assert said(made, "AT+NONSENSE") == PERSONALITIES[name].unknown.split()


@pytest.mark.parametrize(
    ("name", "before", "change", "after", "product", "resets_itself"),
    [
        ("EC20F", 'AT+QCFG="usbnet"', 'AT+QCFG="usbnet",1', '+QCFG: "usbnet",1', 0x0125, False),
        ("SIM7600E-H", "AT+CUSBPIDSWITCH?", "AT+CUSBPIDSWITCH=9011,1,1", "+CUSBPIDSWITCH: 9011", 0x9011, True),
        ("TOBY-L2", "AT+UUSBCONF?", 'AT+UUSBCONF=2,"ECM"', '+UUSBCONF: 2,"ECM",,"0x1143"', 0x1143, False),
        ("MS2372h-517", "AT^SETPORT?", 'AT^SETPORT="FF;10,12,16"', "^SETPORT:FF;10,12,16", 0x1506, False),
    ],
)
def test_a_stored_mode_is_read_back_and_runs_after_a_restart(
    name: str, before: str, change: str, after: str, product: int, resets_itself: bool
) -> None:
    reset: list[AtModem] = []
    made = AtModem(PERSONALITIES[name], on_reset=reset.append)
    made.feed(b"ATE0\r")
    assert said(made, change) == ["OK"]
    assert (made.reset_requested, reset) == (resets_itself, [made] if resets_itself else [])
    old = (made.usb_product_id, made.usbnet)
    if not resets_itself:
        assert after in made.feed(f"{before}\r".encode()).decode()
        assert said(made, f"AT{PERSONALITIES[name].reset[0]}") == ["OK"]
    assert said(made, "AT") == [], "dead until it is restarted"
    assert old == (made.usb_product_id, made.usbnet)
    made.restart()
    assert made.usb_product_id == product
    assert made.usbnet == (1 if name == "EC20F" else None)
    assert after in made.feed(f"ATE0\r{before}\r".encode()).decode()
    assert made.restarts == 1


@pytest.mark.parametrize(
    ("sim", "level", "asked", "answer"),
    [
        ("READY", 1, "AT+CPIN?", "+CPIN: READY"),
        ("SIM PIN", 1, "AT+CPIN?", "+CPIN: SIM PIN"),
        ("SIM PUK", 2, "AT+CIMI", "+CME ERROR: SIM PUK required"),
        ("SIM PIN", 1, "AT+CIMI", "+CME ERROR: 11"),
        (10, 0, "AT+CPIN?", "ERROR"),
        (10, 1, "AT+CPIN?", "+CME ERROR: 10"),
        (10, 2, "AT+CPIN?", "+CME ERROR: SIM not inserted"),
        ("SIM PIN", 1, "AT+CEREG?", "+CEREG: 0,0"),
    ],
)
def test_sim_and_error_levels(sim: str | int, level: int, asked: str, answer: str) -> None:
    made = modem("SIM7600E-H")
    made.sim = sim
    said(made, f"AT+CMEE={level}")
    assert made.feed(f"{asked}\r".encode()).decode().split("\r\n")[1] == answer


def test_faults_are_switched_while_it_runs() -> None:
    made = modem("EC20F")
    made.faults.silent = {"+CSQ"}
    assert said(made, "AT+CSQ") == []
    made.faults.silent = set()
    made.faults.between = ("+QUSIM: 1",)
    assert made.feed(b"AT+CSQ\r") == b"\r\n+QUSIM: 1\r\n\r\n+CSQ: 18,99\r\n\r\nOK\r\n"
    made.faults.between = ()
    made.faults.errors = {"+CSQ": "NO CARRIER", "+CREG?": 30}
    assert said(made, "AT+CSQ;AT+CREG?") == ["ERROR"], "several commands in one line are not simulated"
    assert made.feed(b"AT+CSQ\rAT+CREG?\r") == b"\r\nNO CARRIER\r\n\r\nERROR\r\n"
    made.faults.garbage = b"\xff\x00"
    assert made.feed(b"AT\r") == b"\xff\x00"


def test_commands_in_pieces_and_noise_between_them() -> None:
    made = modem("TOBY-L2")
    whole = b"\r\n\x00noise\rAT+CSQ\r\nat+cfun=4\rAT+CFUN?\r"
    pieces = [made.feed(bytes([byte])) for byte in whole]
    assert b"".join(pieces) == b"\r\n+CSQ: 20,99\r\n\r\nOK\r\n\r\nOK\r\n\r\n+CFUN: 4\r\n\r\nOK\r\n"
    assert made.received == ["ATE0", "\x00noise", "AT+CSQ", "at+cfun=4", "AT+CFUN?"]
    assert made.feed(b"AT" + b"x" * 100_000) == b""
    assert len(made._input) <= 2048
