"""The date of a web server, from real servers with real certificates on this machine."""

from __future__ import annotations

import socket
import ssl
import time
from base64 import b64encode
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from init_time.web import FORM, Authority, Reply, black_hole, serve

from hal.errors import ValueRefused
from hal.init_time import https
from hal.init_time.https import Address
from hal.stdlib import UTC

DAY = timedelta(days=1)
NOW = datetime(2031, 9, 1, 12, 0, 0, tzinfo=UTC)
"""When the server says that it is; this machine's clock is years before."""
DATE = f"{NOW:{FORM}}"
BEGIN, END = NOW - 30 * DAY, NOW + 60 * DAY


class Certificates(NamedTuple):
    roots: str
    current: ssl.SSLContext
    other_name: ssl.SSLContext
    stranger: ssl.SSLContext
    today: ssl.SSLContext


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """The device trusts `authority`, and not `stranger`. To this machine's clock `current` is not valid yet."""
    folder = tmp_path_factory.mktemp("authority")
    authority, stranger = Authority(folder), Authority(folder, "stranger")
    assert authority.certificate.read_text() != stranger.certificate.read_text()
    real = datetime.now(UTC)
    return Certificates(
        roots=authority.certificate.read_text(),
        current=authority.server("127.0.0.1", BEGIN, END),
        other_name=authority.server("other.example", BEGIN, END),
        stranger=stranger.server("127.0.0.1", BEGIN, END),
        today=authority.server("127.0.0.1", real - DAY, real + DAY),
    )


def ask(port: int, *, secure: bool = True, roots: str = "", seconds: float = 5.0) -> https.Evidence:
    return https.ask(Address(secure, "127.0.0.1", port, "/connectivity-check"), seconds, roots=roots)


def test_a_certificate_that_is_not_valid_yet_proves_its_own_time(certificates: Certificates) -> None:
    """The device's clock is wrong, and the connection that would put it right is verified all the same."""
    reply = Reply(dates=(DATE,))
    with serve(reply, certificates.current) as port:
        found = ask(port, roots=certificates.roots)
    assert (found.problem, found.verified, found.name) == ("", True, "127.0.0.1")
    assert found.time is not None
    assert NOW + timedelta(seconds=0.5) <= found.time < NOW + timedelta(seconds=5)
    assert reply.asked == ["HEAD /connectivity-check"]


def test_openssl_itself_would_refuse_that_certificate(certificates: Certificates) -> None:
    """Without the flag the test above fails: it is the flag that is tested there."""
    usual = ssl.create_default_context(cadata=certificates.roots)
    with (
        serve(Reply(dates=(DATE,)), certificates.current) as port,
        socket.create_connection(("127.0.0.1", port), 5) as plain,
        pytest.raises(ssl.SSLCertVerificationError, match="not yet valid"),
    ):
        usual.wrap_socket(plain, server_hostname="127.0.0.1")


@pytest.mark.parametrize("status", [200, 204, 302, 404, 500, 511])
def test_any_status_counts_and_no_redirect_is_followed(status: int, certificates: Certificates) -> None:
    elsewhere = Reply(dates=("Mon, 01 Jan 2035 00:00:00 GMT",))
    with serve(elsewhere) as other:
        reply = Reply(dates=(DATE,), status=status, headers=(("Location", f"http://127.0.0.1:{other}/portal"),))
        with serve(reply, certificates.current) as port:
            found = ask(port, roots=certificates.roots)
    assert found.verified
    assert found.time is not None
    assert found.time - NOW < timedelta(seconds=10)
    assert elsewhere.asked == []


@pytest.mark.parametrize(
    ("served", "dates", "problem"),
    [
        ("stranger", (DATE,), "not verified: unable to get local issuer certificate"),
        ("other_name", (DATE,), "not verified: IP address mismatch"),
        ("current", (f"{END + timedelta(seconds=1):{FORM}}",), "not verified: it tells 2031-10-31 12:00:01 UTC"),
        ("current", (f"{BEGIN - timedelta(seconds=1):{FORM}}",), "not verified: it tells 2031-08-02 11:59:59 UTC"),
        ("current", ("Fri, 01 Jan 2099 00:00:00 GMT",), "not verified: it tells 2099-01-01"),
        ("today", (DATE,), "not verified: it tells 2031-09-01"),
        ("current", (), "its answer has no Date"),
        ("current", (DATE, DATE), "its answer has 2 Date headers"),
        ("current", ("yesterday",), "its Date is damaged: 'yesterday'"),
        ("current", ("",), "its Date is damaged: ''"),
        ("current", ("Mon, 31 Feb 2031 12:00:00 GMT",), "its Date is damaged"),
        ("current", ("1725192000",), "its Date is damaged"),
        ("current", ("Mon, 01 Sep 2031 12:00:00 +0200",), "its Date is damaged"),
    ],
)
def test_what_is_not_believed(served: str, dates: tuple[str, ...], problem: str, certificates: Certificates) -> None:
    with serve(Reply(dates=dates), getattr(certificates, served)) as port:
        found = ask(port, roots=certificates.roots)
    assert (found.time, found.verified) == (None, False)
    assert found.problem.startswith(problem)


@pytest.mark.parametrize("moment", [BEGIN, END])
def test_the_first_and_the_last_second_of_a_certificate(moment: datetime, certificates: Certificates) -> None:
    with serve(Reply(dates=(f"{moment:{FORM}}",)), certificates.current) as port:
        assert ask(port, roots=certificates.roots).verified


def test_without_the_further_root_it_is_not_trusted(certificates: Certificates) -> None:
    with serve(Reply(dates=(DATE,)), certificates.current) as port:
        assert ask(port).problem.startswith("not verified")


def test_plain_http_gives_a_date_that_is_not_verified() -> None:
    with serve(Reply(dates=(DATE,))) as port:
        found = ask(port, secure=False)
    assert (found.verified, found.problem) == (False, "")
    assert found.time is not None


def test_half_the_way_there_and_back_is_added(certificates: Certificates) -> None:
    with serve(Reply(dates=(DATE,), pause=1.0), certificates.current) as port:
        found = ask(port, roots=certificates.roots)
    assert found.time is not None
    assert NOW + timedelta(seconds=1.0) <= found.time < NOW + timedelta(seconds=5.0)


# -- the deadline --------------------------------------------------------------------------------------------------


def held(port: int, seconds: float, *, secure: bool = True, host: str = "127.0.0.1") -> str:
    began = time.monotonic()
    found = https.ask(Address(secure, host, port, "/"), seconds)
    took = time.monotonic() - began
    assert found.time is None
    assert took < seconds + 4.0
    return found.problem


def test_a_server_that_takes_too_long(certificates: Certificates) -> None:
    with serve(Reply(dates=(DATE,), pause=8.0)) as port:
        assert held(port, 0.5, secure=False).startswith("no answer")


@pytest.mark.parametrize("secure", [False, True])
def test_a_port_where_nothing_is_said(secure: bool) -> None:
    with black_hole() as port:
        assert held(port, 0.5, secure=secure).startswith("no answer")


def test_a_look_up_that_hangs_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    """No program can make getaddrinfo end early, so that it is replaced by one that hangs."""
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_named: time.sleep(5))
    assert held(443, 0.5, host="slow.example").startswith("no answer in time")


def test_headers_that_come_one_byte_at_a_time() -> None:
    """Every single wait is short, and the whole has its deadline all the same."""

    with socket.create_server(("127.0.0.1", 0)) as listening:
        import threading

        def drip() -> None:
            taken, _ = listening.accept()
            with taken:
                try:
                    for _ in range(100):
                        taken.sendall(b"H")
                        time.sleep(0.1)
                except OSError:
                    return

        thread = threading.Thread(target=drip, daemon=True)
        thread.start()
        assert held(listening.getsockname()[1], 1.0, secure=False).startswith("no answer")
        thread.join(20)
        assert not thread.is_alive()


def test_a_server_that_is_not_there_is_asked_again(certificates: Certificates) -> None:
    """The network comes up a little later."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    began = time.monotonic()
    found = https.ask(Address(False, "127.0.0.1", port, "/"), 4.0)
    assert found.problem == "no answer: connection refused"
    assert 1.0 <= time.monotonic() - began < 8.0  # once more after a second, and after two


# -- what config.json says -----------------------------------------------------------------------------------------


def config(uri: object) -> dict[str, object]:
    return {
        "apiEndpoint": "https://api.example",
        "os": {"network": {"connectivity": {"uri": uri}}},
    }


@pytest.mark.parametrize(
    ("found", "where"),
    [
        ({}, None),
        ({"apiEndpoint": "https://api.example"}, Address(True, "api.example", 443, "/connectivity-check")),
        ({"apiEndpoint": "https://api.example/"}, Address(True, "api.example", 443, "/connectivity-check")),
        ({"apiEndpoint": ""}, None),
        ({"apiEndpoint": 7}, None),
        ({"os": "x", "apiEndpoint": "https://a.b"}, Address(True, "a.b", 443, "/connectivity-check")),
        (config("http://check.example:8080/x?y=1"), Address(False, "check.example", 8080, "/x?y=1")),
        (config("https://[2001:db8::1]/"), Address(True, "2001:db8::1", 443, "/")),
        (config("https://check.example"), Address(True, "check.example", 443, "/")),
        (config("null"), None),
        (config(""), None),
    ],
)
def test_address(found: dict[str, object], where: Address | None) -> None:
    assert https.address(found) == where


@pytest.mark.parametrize(
    "uri",
    [
        7, [], {}, True, "check.example", "ftp://check.example", "file:///etc/passwd", "https://", "https://a b/",
        "https://user:secret@check.example/", "https://check.example:port/", "https://check.example:99999/",
        "https://check.example/\r\nHost: other", "https://[::1", "https://chéck.example/",
    ],
)  # fmt: skip
def test_an_address_that_is_none_is_refused(uri: object) -> None:
    with pytest.raises(ValueRefused, match="is no http or https address"):
        https.address(config(uri))


@pytest.mark.parametrize("value", ["%%%", "QUJD", 7, b64encode(b"-----BEGIN CERTIFICATE-----\nAAAA\n").decode()])
def test_further_roots_that_are_none(value: object) -> None:
    assert https.authorities({"balenaRootCA": value}) == (
        "",
        "balenaRootCA of config.json holds no certificates in base64",
    )


def test_further_roots(certificates: Certificates) -> None:
    encoded = b64encode(certificates.roots.encode()).decode()
    assert https.authorities({"balenaRootCA": encoded}) == (certificates.roots, "")
    assert https.authorities({}) == ("", "")


# -- dates ---------------------------------------------------------------------------------------------------------


@given(st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59, 59), timezones=st.just(UTC)))
def test_a_date_in_the_form_of_http_reads_back(moment: datetime) -> None:
    day = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")[moment.weekday()]
    text = f"{day}, {moment.day:02} {https.MONTHS[moment.month - 1]} {moment.year:04} {moment:%H:%M:%S} GMT"
    assert https.parse_date(text) == moment.replace(microsecond=0)


@given(st.text(max_size=40))
def test_any_other_text_is_no_date(text: str) -> None:
    found = https.parse_date(text)
    assert found is None or found.utcoffset() == timedelta(0)


def test_the_names_of_the_months_do_not_follow_the_locale() -> None:
    assert https.parse_date("Fri, 01 Mai 2031 00:00:00 GMT") is None
    assert Path(https.__file__).read_text().count("strptime") == 0
