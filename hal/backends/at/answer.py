"""The answer to one AT command, put together from bytes as they come. No port: bytes in, lines out.

On the wire an answer is an optional echo of the command, lines, and a final line; carriage returns and line feeds
around a line come in any number. Between them a modem sends lines that nobody asked for. Some of those look like
answers of other commands, so a line belongs to an answer only while a command with its prefix is outstanding.
"""

from __future__ import annotations

import re

from attrs import frozen

from hal.record import Record

LONGEST_LINE = 1024
MOST_LINES = 64
MOST_BYTES = 64 * 1024
"""More than any answer has: what is longer is no answer."""

FINAL = re.compile(
    r"OK|ERROR|\+CM[ES] ERROR:.*|CONNECT(?: .*)?|NO CARRIER|BUSY|NO ANSWER|NO DIALTONE|COMMAND NOT SUPPORT", re.DOTALL
)
PREFIX = re.compile(r"[+^*#$%&]\w+ ?:", re.ASCII)
"""How a line begins that names its command."""
UNSOLICITED_WORDS = frozenset({"RDY", "RING", "SMS DONE", "PB DONE", "POWERED DOWN"})
"""Unsolicited lines without a prefix."""


@frozen(kw_only=True, repr=False, eq=False)
class Answer(Record):
    """The lines that belong to a command, without their prefix, and the final line."""

    lines: tuple[str, ...]
    final: str


class Incoming:
    """Takes bytes in pieces of any size until the final line is there.

    `sent` is the command as it went out. Lines with `prefix` belong to its answer, and with `free` those without any
    prefix as well. What is kept is bounded, whatever comes.
    """

    def __init__(self, *, sent: str, prefix: str = "", free: bool = False) -> None:
        self._sent, self._prefix, self._free = sent, prefix, free
        self._line = bytearray()
        self._oversize = False
        self._bytes = 0
        self._lines: list[str] = []
        self.odd = ""
        """The first line, or start of one, that is neither answer nor echo, and looks like nothing a modem says."""

    @property
    def flooded(self) -> bool:
        """Whether more came than any answer has."""
        return self._bytes > MOST_BYTES

    def take(self, data: bytes) -> Answer | None:
        """The whole answer with the piece that ends it; what comes behind its final line is dropped."""
        for byte in data:
            self._bytes += 1
            if byte not in (0x0D, 0x0A):
                self._append(byte)
                continue
            answer = None if self._oversize else self._take_line()
            self._line.clear()
            self._oversize = False
            if answer:
                return answer
        return None

    def unfinished(self) -> str:
        """What came of a line that has no end yet, unless it may be the echo."""
        text = _text(self._line)
        return "" if self._sent.upper().startswith(text.upper()) else text

    def _append(self, byte: int) -> None:
        if len(self._line) < LONGEST_LINE:
            self._line.append(byte)
        else:
            self._oversize = True
            self.odd = self.odd or _text(self._line[:64])

    def _take_line(self) -> Answer | None:
        text = _text(self._line)
        if not text or text.upper() == self._sent.upper() or text in UNSOLICITED_WORDS:
            return None
        if FINAL.fullmatch(text):
            return Answer(lines=tuple(self._lines), final=text)
        named = PREFIX.match(text)
        if named and named[0].rstrip(" :").upper() == self._prefix.upper():
            self._keep(text[named.end() :].strip())
        elif not named and self._free:
            self._keep(text)
        elif not named:
            self.odd = self.odd or text[:64]
        return None

    def _keep(self, line: str) -> None:
        """The newest lines: an answer stands right before its final line."""
        self._lines.append(line)
        del self._lines[:-MOST_LINES]


def _text(line: bytes | bytearray) -> str:
    return line.decode("utf-8", errors="replace").strip(" \t\0")
