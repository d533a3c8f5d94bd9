"""A modem's AT interpreter without any port: bytes in, bytes out. Who carries the bytes is somebody else's business.

    modem = AtModem(PERSONALITIES["EC20F"])
    modem.feed(b"AT+CFUN?\\r")

A command that restarts the modem leaves `reset_requested` set (and calls `on_reset`), after its last answer. The modem
is then dead until `restart()`: a simulator of USB drops the device, attaches it again with `usb_product_id` and
`usbnet` as they are by then, and sends what `restart()` returns.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from virtual.at_personalities import PERSONALITIES as PERSONALITIES
from virtual.at_personalities import Personality

CME = {
    0: "phone failure", 3: "operation not allowed", 4: "operation not supported", 10: "SIM not inserted",
    11: "SIM PIN required", 12: "SIM PUK required", 13: "SIM failure", 14: "SIM busy", 15: "SIM wrong",
    16: "incorrect password", 30: "no network service", 50: "Incorrect parameters", 100: "unknown",
}  # fmt: skip
"""The texts of 3GPP TS 27.007."""
U_BLOX_PROFILES = {'2,"ECM"': '2,"ECM",,"0x1143"', '3,"RNDIS"': '3,"RNDIS",,"0x1146"', "0": '0,"",,"0x1141"'}
LONGEST_COMMAND = 2048
Lines = tuple[str, ...]


class Refused(Exception):
    """A CME error, by its number."""


@dataclass
class Faults:
    """What is wrong with a modem; all of it can be switched while it runs."""

    silent: set[str] = field(default_factory=set)
    """Commands (without `AT`, in capitals) that get no answer, not even their echo; `*` is every command."""
    garbage: bytes = b""
    """Sent in place of every answer."""
    errors: dict[str, int | str] = field(default_factory=dict)
    """Commands that fail: with a CME number, or with this final line."""
    between: Lines = ()
    """Unsolicited lines after the echo, before the answer."""
    loses_reset_answer: bool = False
    """A command that restarts it gets no answer: the modem is gone before."""
    ignores_reset: bool = False
    """It says OK to a restart, and stays."""
    doubled_return: bool = False
    """Lines begin with two carriage returns."""


class AtModem:
    """One AT port of a simulated modem. `sim` and `registration` are its state, `faults` what is wrong with it."""

    def __init__(self, personality: Personality, on_reset: Callable[[AtModem], None] | None = None) -> None:
        self.personality = personality
        self.on_reset = on_reset
        self.faults = Faults()
        self.sim: str | int = "READY"
        """What `AT+CPIN?` says, or the CME error that it fails with: 10 is no SIM."""
        self.registration = {"CREG": 1, "CGREG": 1, "CEREG": 1}
        self.stored: dict[str, str] = dict(personality.stored)
        self.signal: dict[str, str] = dict(personality.signal)
        self.received: list[str] = []
        """Every command it ever got, with its `AT`."""
        self.restarts = 0
        self._power_up()

    def _power_up(self) -> None:
        self.echo, self.cmee, self.cfun = True, 0, "1"
        self.reset_requested = self.powered_off = False
        self._input = b""
        self.running = dict(self.stored)

    # -- what a simulator of USB looks at ------------------------------------------------------------------------

    @property
    def usb_product_id(self) -> int:
        """The USB product id that it shows now, in service."""
        if "pid" in self.running:
            return int(self.running["pid"], 16)
        if "uusbconf" in self.running:
            return int(self.running["uusbconf"].rpartition(",")[2].strip('"'), 16)
        return self.personality.product_id

    @property
    def usbnet(self) -> int | None:
        """Quectel's net mode that runs now: 0 QMI, 1 ECM, 2 MBIM, 3 RNDIS; the product id is the same in all."""
        return int(self.running["usbnet"]) if "usbnet" in self.running else None

    def restart(self) -> bytes:
        """Start again with what was stored; returns the unsolicited lines of the start."""
        self.restarts += 1
        self._power_up()
        lines = [line for line in self.personality.boot if not line.startswith("+CPIN") or self.sim == "READY"]
        return b"".join(map(self.unsolicited, lines))

    # -- bytes ---------------------------------------------------------------------------------------------------

    def unsolicited(self, text: str) -> bytes:
        """A line that nobody asked for, as it is on the wire."""
        return ("\r\r\n" if self.faults.doubled_return else "\r\n").encode() + text.encode() + b"\r\n"

    def feed(self, data: bytes) -> bytes:
        """What it says to these bytes; a command ends with a carriage return, a line feed means nothing."""
        said = b""
        for byte in data:
            if self.reset_requested or self.powered_off:
                break
            self._input = (self._input + bytes([byte]))[-LONGEST_COMMAND:]
            if byte == 0x0D:
                line, self._input = self._input, b""
                said += self._line(line)
        return said

    def _line(self, line: bytes) -> bytes:
        text = line.decode("ascii", errors="replace").strip("\r\n ")
        if not text:
            return line if self.echo else b""
        self.received.append(text)
        if text[:2].upper() != "AT":
            return line if self.echo else b""
        command = text[2:].upper()
        if self.faults.silent & {"*", command}:
            return b""
        said = line if self.echo else b""
        if self.faults.garbage:
            return said + self.faults.garbage
        said += b"".join(map(self.unsolicited, self.faults.between))
        lines, final = self._answer(command)
        if self.reset_requested and self.faults.loses_reset_answer:
            said = b""
        else:
            said += b"".join(map(self.unsolicited, (*lines, final)))
        if self.reset_requested and self.on_reset:
            self.on_reset(self)
        return said

    # -- commands ------------------------------------------------------------------------------------------------

    def _answer(self, command: str) -> tuple[Lines, str]:
        failure = self.faults.errors.get(command)
        if isinstance(failure, str):
            return (), failure
        try:
            if failure is not None:
                raise Refused(failure)
            lines = self._known(command)
        except Refused as refused:
            number = int(refused.args[0])
            if self.cmee == 0:
                return (), "ERROR"
            return (), f"+CME ERROR: {CME.get(number, 'unknown') if self.cmee == 2 else number}"
        return ((), self.personality.unknown) if lines is None else (lines, "OK")

    def _known(self, command: str) -> Lines | None:
        """The lines of an answer; `None` where this model has no such command."""
        if command in self.personality.reset:
            self.reset_requested = not self.faults.ignores_reset
            return ()
        if command in self.personality.off:
            self.powered_off = True
            return ()
        if command in ("+CIMI", "^ICCID?", "+CICCID", "+QCCID", "+CCID"):
            self._need_sim(unlocked=command == "+CIMI")
        if (lines := self.personality.answers.get(command)) is not None:
            return tuple(re.sub(r"\{(\w+)\}", self._filled, line) for line in lines)
        for pattern, answer in self.COMMANDS.items():
            if match := re.fullmatch(pattern, command):
                return answer(self, *match.groups())
        return None

    def _filled(self, match: re.Match[str]) -> str:
        state = {**self.signal, **self.stored, "rfswitch": "1" if self.cfun == "1" else "0"}
        if self.cfun != "1":
            state |= {"hcsq": '"NOSERVICE"', "sysinfoex": '0,0,0,1,,0,"NO SERVICE",0,"NO SERVICE"'}  # invented
        return state[match[1]]

    def _need_sim(self, *, unlocked: bool) -> None:
        """Some commands need a SIM, some of them one that waits for no PIN."""
        if isinstance(self.sim, int):
            raise Refused(self.sim)
        if self.sim != "READY" and unlocked:
            raise Refused(12 if "PUK" in self.sim else 11)

    def _echo(self, value: str) -> Lines:
        self.echo = value == "1"
        return ()

    def _cmee(self, value: str) -> Lines:
        self.cmee = int(value)
        return ()

    def _ok(self) -> Lines:
        return ()

    def _cfun_now(self) -> Lines:
        return (f"+CFUN: {self.cfun}",)

    def _cfun(self, value: str) -> Lines:
        """Only what the dossier has for this maker: not every Huawei has radio off."""
        if value == "4" and self.personality.maker == "Huawei":
            raise Refused(3)
        self.cfun = value
        return ()

    def _rfswitch(self, value: str) -> Lines | None:
        if self.personality.maker != "Huawei":
            return None
        self.cfun = "1" if value == "1" else "0"
        return ()

    def _cpin(self) -> Lines:
        self._need_sim(unlocked=False)
        return (f"+CPIN: {self.sim}",)

    def _registered(self, domain: str) -> Lines | None:
        if domain == "CEREG" and not self.personality.lte:
            return None
        there = self.cfun == "1" and self.sim == "READY"
        return (f"+{domain}: 0,{self.registration[domain] if there else 0}",)

    def _csq(self) -> Lines:
        return (f"+CSQ: {self.signal['csq'] if self.cfun == '1' else '99,99'}",)

    def _cesq(self) -> Lines | None:
        if "cesq" not in self.signal:
            return None
        return (f"+CESQ: {self.signal['cesq'] if self.cfun == '1' else '99,99,255,255,255,255'}",)

    def _cops(self) -> Lines:
        return (f"+COPS: {self.signal['cops'] if self.cfun == '1' and self.sim == 'READY' else '0'}",)

    def _cclk(self) -> Lines:
        return ('+CCLK: "26/11/24,20:31:05+04"',)

    def _usbnet(self, value: str) -> Lines | None:
        if "usbnet" not in self.stored:
            return None
        if value not in ("0", "1", "2", "3"):
            raise Refused(50)
        self.stored["usbnet"] = value
        return ()

    def _pid(self, value: str, now: str | None) -> Lines | None:
        """SIMCom restarts itself where the product id differs."""
        if "pid" not in self.stored:
            return None
        if f"{value}," not in self.personality.answers["+CUSBPIDSWITCH=?"][0].replace(")", ",").replace("(", ""):
            raise Refused(50)
        if value != self.stored["pid"]:
            self.stored["pid"] = value
            self.reset_requested = now is not None and not self.faults.ignores_reset
        return ()

    def _uusbconf(self, value: str) -> Lines | None:
        if "uusbconf" not in self.stored:
            return None
        if value not in U_BLOX_PROFILES:
            raise Refused(4)
        self.stored["uusbconf"] = U_BLOX_PROFILES[value]
        return ()

    def _setport(self, value: str) -> Lines | None:
        if "setport" not in self.stored:
            return None
        self.stored["setport"] = value
        return ()

    COMMANDS: ClassVar[Mapping[str, Callable[..., Lines | None]]] = {
        r"|V1|&F|Z": _ok,
        r"E([01])": _echo,
        r"\+CMEE=([012])": _cmee,
        r"\+CFUN\?": _cfun_now,
        r"\+CFUN=([014])(?:,0)?": _cfun,
        r"\^RFSWITCH=([01])": _rfswitch,
        r"\+CPIN\?": _cpin,
        r"\+(CREG|CGREG|CEREG)\?": _registered,
        r"\+CSQ": _csq,
        r"\+CESQ": _cesq,
        r"\+COPS\?": _cops,
        r"\+CCLK\?": _cclk,
        r'\+QCFG="USBNET",(\d+)': _usbnet,
        r"\+CUSBPIDSWITCH=([0-9A-F]{4}),(?:0|(1)),[01]": _pid,
        r'\+UUSBCONF=(0|\d,"[A-Z]+")': _uusbconf,
        r'\^SETPORT="([0-9A-F,;]+)"': _setport,
    }
    """What every model has, and what its stored state says that it has: a pattern of what follows `AT`."""
