"""A web server's date as a source: one HEAD request, and a proof that needs no right clock.

While the clock is wrong, a certificate seems expired or not yet valid. So OpenSSL checks all but that (chain and host
name, always), and the date that the server tells must lie within the validity of its certificate. A date from long ago
then takes a certificate that was valid long ago, and its key.

Redirects are not followed: the first answer of the host that was asked for carries its date, whatever its status. No
proxy is used. Everything, name resolution included, ends at one deadline.
"""

from __future__ import annotations

import binascii
import re
import ssl
import threading
import time
from base64 import b64decode
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from socket import SHUT_RDWR
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from hal.errors import HalError, ValueRefused
from hal.init_time.decision import words
from hal.init_time.evidence import Evidence, Source
from hal.stdlib import UTC

NO_CHECK_TIME = 0x200000
"""`X509_V_FLAG_NO_CHECK_TIME` of OpenSSL 1.1 and later; the module ssl has no name for it and passes it on."""

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

_DATE = re.compile(
    rf"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), (\d\d) ({'|'.join(MONTHS)}) (\d{{4}}) (\d\d):(\d\d):(\d\d) GMT", re.ASCII
)
_FIRST_PAUSE_SECONDS = 1.0


class Address(NamedTuple):
    """Where to ask."""

    secure: bool
    host: str
    port: int
    target: str


class _Answer(NamedTuple):
    dates: tuple[str, ...]
    validity: tuple[datetime, datetime] | None
    round_trip_seconds: float
    arrived: float


class _Unreachable(HalError):
    """No answer; asking again may help."""


def address(config: Mapping[str, Any]) -> Address | None:
    """Where config.json says that the network shows: `os.network.connectivity.uri`, else the API's page for it.

    `None` where there is none, or it is empty or `null`. Raises `ValueRefused` for what is no http or https address.
    """
    value: object = config
    for key in ("os", "network", "connectivity", "uri"):
        value = value.get(key) if isinstance(value, Mapping) else None
    if value is None:
        endpoint = config.get("apiEndpoint")
        value = f"{endpoint.rstrip('/')}/connectivity-check" if isinstance(endpoint, str) and endpoint else None
    if value is None or (isinstance(value, str) and value.strip() in ("", "null")):
        return None
    return parse_address(value)


def parse_address(value: object) -> Address:
    """An http or https address in its parts. Raises `ValueRefused`."""
    refused = ValueRefused(f"{value!r:.100} is no http or https address", allowed=("an http or https address",))
    if (
        not isinstance(value, str)
        or not value.isascii()
        or any(sign <= " " or sign == "\x7f" for sign in value.strip())
    ):
        raise refused
    try:
        parts = urlsplit(value.strip())
        host, port = parts.hostname, parts.port
    except ValueError:
        raise refused from None
    if parts.scheme not in ("http", "https") or not host or "@" in parts.netloc:
        raise refused
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    secure = parts.scheme == "https"
    return Address(secure, host, port or (443 if secure else 80), target)


def authorities(config: Mapping[str, Any]) -> tuple[str, str]:
    """The certificates of `balenaRootCA` as PEM text, and what is wrong with them; one of the two is empty."""
    value = config.get("balenaRootCA")
    if value in (None, ""):
        return "", ""
    try:
        roots = b64decode(str(value)).decode("ascii", "ignore")
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=roots)
    except (ssl.SSLError, binascii.Error, ValueError):
        return "", "balenaRootCA of config.json holds no certificates in base64"
    return roots, ""


def ask(where: Address, seconds: float, *, roots: str = "") -> Evidence:
    """The date that a server tells, within `seconds`. Who cannot be reached is asked again; a wrong answer counts.

    `roots` are PEM certificates that are trusted besides those of the OS.
    """
    deadline = time.monotonic() + seconds
    pause = _FIRST_PAUSE_SECONDS
    while True:
        try:
            return _judged(where, _within(where, deadline, roots))
        except _Unreachable as error:
            if deadline - time.monotonic() <= pause:
                return Evidence(source=Source.HTTPS, name=where.host, problem=error.message)
        except HalError as error:
            return Evidence(source=Source.HTTPS, name=where.host, problem=error.message)
        time.sleep(pause)
        pause *= 2


def parse_date(value: str) -> datetime | None:
    """The moment of a Date header in the form that HTTP prescribes to whoever sends one; `None` for any other."""
    found = _DATE.fullmatch(value.strip())
    if found is None:
        return None
    day, month, *rest = found.groups()
    year, hour, minute, second = (int(field) for field in rest)
    try:
        return datetime(year, MONTHS.index(month) + 1, int(day), hour, minute, min(second, 59), tzinfo=UTC)
    except ValueError:
        return None


def context(roots: str = "") -> ssl.SSLContext:
    """Chain and host name are checked, the time is not. `roots` are trusted besides those of the OS."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.load_default_certs()
    if roots:
        made.load_verify_locations(cadata=roots)
    made.verify_flags = ssl.VerifyFlags(made.verify_flags | NO_CHECK_TIME)
    return made


def _within(where: Address, deadline: float, roots: str) -> _Answer:
    """One exchange in a thread of its own: a look-up of a name cannot be called off, but it can be left behind."""
    left = max(0.0, deadline - time.monotonic())
    connection: HTTPConnection
    if where.secure:
        connection = HTTPSConnection(where.host, where.port, timeout=max(left, 0.001), context=context(roots))
    else:
        connection = HTTPConnection(where.host, where.port, timeout=max(left, 0.001))
    answers: list[_Answer | HalError] = []

    def run() -> None:
        try:
            answers.append(_exchange(connection, where))
        except ssl.SSLCertVerificationError as error:
            answers.append(HalError(f"not verified: {error.verify_message}"))
        except (OSError, HTTPException) as error:
            answers.append(_Unreachable(f"no answer: {_words(error)}"))
        except Exception as error:  # noqa: BLE001 - whatever it is, the thread must answer
            answers.append(HalError(f"no answer: {type(error).__name__}: {error}"))
        finally:
            connection.close()

    thread = threading.Thread(target=run, daemon=True, name=f"date of {where.host}")
    thread.start()
    thread.join(left)
    if not answers:
        sock = connection.sock
        with suppress(OSError, AttributeError, ValueError):
            sock.shutdown(SHUT_RDWR)
        raise _Unreachable("no answer in time")
    answer = answers[0]
    if isinstance(answer, HalError):
        raise answer
    return answer


def _exchange(connection: HTTPConnection, where: Address) -> _Answer:
    connection.connect()
    validity = _validity(connection.sock) if where.secure else None
    sent = time.monotonic()
    connection.request("HEAD", where.target, headers={"Connection": "close", "User-Agent": "hal"})
    response = connection.getresponse()
    arrived = time.monotonic()
    return _Answer(tuple(response.headers.get_all("Date") or ()), validity, arrived - sent, arrived)


def _validity(sock: Any) -> tuple[datetime, datetime]:
    """When the certificate of the server that was verified begins and ends to be valid."""
    certificate = sock.getpeercert()
    begin, end = (ssl.cert_time_to_seconds(certificate[name]) for name in ("notBefore", "notAfter"))
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    return epoch + timedelta(seconds=begin), epoch + timedelta(seconds=end)


def _judged(where: Address, answer: _Answer) -> Evidence:
    """One valid date, within the validity of the certificate. Half the round trip and half a second are added.

    The half second is the mean of what the whole seconds of the header cut off.
    """
    name = where.host
    if len(answer.dates) != 1:
        how_many = "no Date" if not answer.dates else f"{len(answer.dates)} Date headers"
        return Evidence(source=Source.HTTPS, name=name, problem=f"its answer has {how_many}")
    date = parse_date(answer.dates[0])
    if date is None:
        return Evidence(source=Source.HTTPS, name=name, problem=f"its Date is damaged: {answer.dates[0]!r:.60}")
    if answer.validity is not None and not answer.validity[0] <= date <= answer.validity[1]:
        begin, end = (words(moment) for moment in answer.validity)
        problem = f"not verified: it tells {words(date)}, and its certificate is valid from {begin} to {end}"
        return Evidence(source=Source.HTTPS, name=name, problem=problem)
    try:
        moment = date + timedelta(seconds=answer.round_trip_seconds / 2 + 0.5)
    except OverflowError:
        return Evidence(source=Source.HTTPS, name=name, problem=f"its Date is damaged: {answer.dates[0]!r:.60}")
    return Evidence(source=Source.HTTPS, name=name, time=moment, verified=where.secure, taken_at=answer.arrived)


def _words(error: Exception) -> str:
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return str(text).lower()
