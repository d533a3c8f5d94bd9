"""Framing: how the bytes of an answer become its lines, in pieces of any size."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hal.backends.at.answer import LONGEST_LINE, MOST_BYTES, MOST_LINES, Answer, Incoming


def taken(data: bytes, *, sent: str = "AT+CSQ", prefix: str = "+CSQ", free: bool = False) -> Answer | None:
    return Incoming(sent=sent, prefix=prefix, free=free).take(data)


def answer(*lines: str, final: str = "OK") -> Answer:
    return Answer(lines=lines, final=final)


FRAMES = {
    "plain": b"\r\n+CSQ: 18,99\r\n\r\nOK\r\n",
    "echo": b"AT+CSQ\r\r\n+CSQ: 18,99\r\n\r\nOK\r\n",
    "echo in small letters": b"at+csq\r\r\n+CSQ: 18,99\r\n\r\nOK\r\n",
    "two carriage returns": b"\r\r\n+CSQ: 18,99\r\r\n\r\r\nOK\r\r\n",
    "carriage returns alone": b"\r+CSQ: 18,99\r\rOK\r",
    "line feeds alone": b"\n+CSQ: 18,99\nOK\n",
    "no space": b"\r\n+CSQ:18,99\r\nOK\r\n",
    "more space": b"\r\n+CSQ :  18,99 \r\nOK\r\n",
    "prefix in small letters": b"\r\n+csq: 18,99\r\nOK\r\n",
    "unsolicited before the echo": b"\r\n+QUSIM: 1\r\nAT+CSQ\r\r\n+CSQ: 18,99\r\n\r\nOK\r\n",
    "unsolicited between": b'AT+CSQ\r\r\n^RSSI:16\r\n\r\n+QIND: "csq",18,99\r\n\r\n+CSQ: 18,99\r\n\r\nOK\r\n',
    "unsolicited words": b"RDY\r\nRING\r\nSMS DONE\r\nPB DONE\r\nPOWERED DOWN\r\n+CSQ: 18,99\r\nOK\r\n",
    "prefix of another": b"\r\n+CSQN: 3,99\r\n+CSQ: 18,99\r\nOK\r\n",
    "zero bytes": b"\0\0\r\n\0+CSQ: 18,99\0\r\n\0\r\nOK\0\r\n",
    "an answer to another command": b"\r\n+CREG: 0,1\r\n+CSQ: 18,99\r\nOK\r\n",
}


@pytest.mark.parametrize("name", FRAMES)
def test_frames(name: str) -> None:
    assert taken(FRAMES[name]) == answer("18,99")


@pytest.mark.parametrize("name", FRAMES)
def test_an_answer_cut_at_any_byte_is_the_same(name: str) -> None:
    data = FRAMES[name]
    whole = len(data.rstrip(b"\r\n")) + 1
    for at in range(1, whole):
        incoming = Incoming(sent="AT+CSQ", prefix="+CSQ")
        assert incoming.take(data[:at]) is None
        assert incoming.take(data[at:]) == answer("18,99")
    singly = Incoming(sent="AT+CSQ", prefix="+CSQ")
    assert next(found for byte in data if (found := singly.take(bytes([byte])))) == answer("18,99")


@pytest.mark.parametrize(
    "final",
    [
        "OK", "ERROR", "+CME ERROR: 10", "+CME ERROR:10", "+CME ERROR: SIM not inserted", "+CMS ERROR: 310", "CONNECT",
        "CONNECT 150000000", "NO CARRIER", "BUSY", "NO ANSWER", "NO DIALTONE", "COMMAND NOT SUPPORT",
    ],
)  # fmt: skip
def test_final_lines(final: str) -> None:
    assert taken(f"\r\n+CSQ: 1,1\r\n{final}\r\n+CSQ: 2,2\r\nOK\r\n".encode()) == answer("1,1", final=final)


@pytest.mark.parametrize("line", ["OKAY", "ok", "ERRORS", "CONNECTED", "+CME", "+CME ERROR", "BUSY NOW", "K", " "])
def test_what_is_no_final_line(line: str) -> None:
    assert taken(f"\r\n{line}\r\n".encode()) is None
    assert taken(f"\r\n{line}\r\n+CSQ: 1,1\r\nOK\r\n".encode()) == answer("1,1")


@pytest.mark.parametrize(
    ("sent", "prefix", "free", "data", "lines"),
    [
        ("AT+CGMR", "+CGMR", True, b"\r\n+CGMR: LE11B14SIM7600M22_211104\r\nOK\r\n", ("LE11B14SIM7600M22_211104",)),
        ("AT+CGMR", "+CGMR", True, b"\r\n21.328.02.01.00\r\nOK\r\n", ("21.328.02.01.00",)),
        ("AT+CGMR", "+CGMR", True, b"AT+CGMR\r\r\n+CREG: 1\r\nRDY\r\n^BOOT:1\r\n1.0\r\nOK\r\n", ("1.0",)),
        (
            "ATI",
            "",
            True,
            b"ATI\r\r\nQuectel\r\nEC20F\r\n+GCAP: +CGSM\r\nRevision: X\r\nOK\r\n",
            ("Quectel", "EC20F", "Revision: X"),
        ),
        ("AT+CFUN=1", "", False, b"\r\n+CPIN: READY\r\nnoise\r\nOK\r\n", ()),
        (
            "AT^SYSINFOEX",
            "^SYSINFOEX",
            False,
            b'\r\n^SYSINFOEX:2,4,5,1,,3,"WCDMA",41,"HSPA+"\r\n\r\nOK\r\n',
            ('2,4,5,1,,3,"WCDMA",41,"HSPA+"',),
        ),
        ("AT+CSQ", "+CSQ", False, b"\r\n+CSQ: 5,0\r\n+CSQ: 6,0\r\nOK\r\n", ("5,0", "6,0")),
        ("AT+CREG?", "+CREG", False, b"\r\n+CSQ: 23,0\r\n+CREG: 0,1\r\nOK\r\n", ("0,1",)),
    ],
)
def test_lines_belong_to_the_command_that_is_outstanding(
    sent: str, prefix: str, free: bool, data: bytes, lines: tuple[str, ...]
) -> None:
    assert taken(data, sent=sent, prefix=prefix, free=free) == answer(*lines)


def test_what_is_odd_and_what_is_unfinished() -> None:
    incoming = Incoming(sent="AT+CSQ", prefix="+CSQ")
    assert incoming.take(b"AT+CSQ\r\r\n+QUSIM: 1\r\nAT+C") is None
    assert (incoming.odd, incoming.unfinished()) == ("", "")
    assert incoming.take(b"\xff\xfe\r\nthen") is None
    assert (incoming.odd, incoming.unfinished()) == ("AT+C��", "then")
    incoming = Incoming(sent='AT+QCFG="usbnet"', prefix="+QCFG")
    assert incoming.take(b'AT+QCFG="usb') is None
    assert incoming.unfinished() == ""


def test_a_line_too_long_is_dropped_whole() -> None:
    long = b"\r\n+CSQ: " + b"1" * LONGEST_LINE + b"\r\nOK\r\n"
    assert taken(long) == answer()
    assert taken(b"x" * (2 * LONGEST_LINE) + b"OK\r\n") is None


def test_many_lines_leave_the_newest() -> None:
    data = b"".join(b"+CSQ: %d,0\r\n" % number for number in range(1000)) + b"OK\r\n"
    found = taken(data)
    assert found is not None
    assert len(found.lines) == MOST_LINES
    assert found.lines[-1] == "999,0"


@given(st.data(), st.binary(max_size=300))
def test_pieces_make_no_difference(data: st.DataObject, noise: bytes) -> None:
    """Any bytes, then an answer: cut anywhere, the same comes out, and nothing is raised."""
    stream = noise + b"\r\n+CSQ: 7,0\r\n\r\nOK\r\n"
    whole = Incoming(sent="AT+CSQ", prefix="+CSQ")
    expected = whole.take(stream)
    pieces = Incoming(sent="AT+CSQ", prefix="+CSQ")
    found = None
    at = 0
    while at < len(stream) and found is None:
        size = data.draw(st.integers(1, 40))
        found = pieces.take(stream[at : at + size])
        at += size
    assert found == expected is not None
    assert pieces.odd == whole.odd


@given(st.lists(st.binary(max_size=4096), max_size=20), st.booleans())
def test_what_is_kept_is_bounded(pieces: list[bytes], free: bool) -> None:
    incoming = Incoming(sent="AT+CSQ", prefix="+CSQ", free=free)
    for piece in pieces * 4:
        incoming.take(piece)
    held = sum(map(len, incoming._lines)) + len(incoming._line) + len(incoming.odd)
    assert held <= 3 * (MOST_LINES + 2) * LONGEST_LINE


def test_a_flood_is_told() -> None:
    incoming = Incoming(sent="AT+CSQ", prefix="+CSQ")
    while not incoming.flooded:
        assert incoming.take(b"+CSQ: 1,1\r\nnoise\r\n" * 1000) is None
    assert sys.getsizeof(incoming._line) < 2 * LONGEST_LINE
    assert incoming._bytes < 2 * MOST_BYTES
