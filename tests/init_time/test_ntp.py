"""Time servers, asked by the real chronyd: a real one, servers of another time, and none."""

from __future__ import annotations

import socket
import struct
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hal import Root
from hal.init_time import ntp
from hal.stdlib import UTC

EPOCH = 2208988800
"""Seconds from NTP's epoch, 1900, to that of Unix."""

DISPERSION = 0x1000
"""How far off a server says it may be: 1/16 s, as real ones are that agree."""


@pytest.fixture
def tree(root: Root) -> Root:
    """A tree whose chronyd is this machine's."""
    program = root.directory / "usr/sbin/chronyd"
    program.parent.mkdir(parents=True)
    program.write_text('#!/bin/sh\nexec /usr/sbin/chronyd -u root "$@"\n')
    program.chmod(0o755)
    return root


@contextmanager
def served(offset: float, host: str = "127.0.0.1") -> Iterator[str]:
    """An NTP server on this machine, of stratum 1, whose time is `offset` seconds ahead; yields chrony's directive."""

    def stamp(moment: float) -> bytes:
        return struct.pack("!II", (int(moment) + EPOCH) & 0xFFFFFFFF, int(moment % 1 * 2**32))

    def answer(listening: socket.socket) -> None:
        while True:
            try:
                asked, where = listening.recvfrom(512)
            except OSError:
                return
            if not asked:
                return
            now = stamp(time.time() + offset)
            head = struct.pack("!BBbbII4s", 0o44, 1, asked[2], -20, 0, DISPERSION, b"TEST")
            listening.sendto(head + now + asked[40:48] + now + stamp(time.time() + offset), where)

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
        listening.bind((host, 0))
        thread = threading.Thread(target=answer, args=(listening,), daemon=True)
        thread.start()
        yield f"server {host} port {listening.getsockname()[1]} iburst maxsamples 1"
        listening.sendto(b"", listening.getsockname())
        thread.join(10)


@pytest.mark.parametrize("days", [0.0, 0.5, -400.0, 7000.0])
def test_the_time_of_a_server(days: float, tree: Root) -> None:
    with served(days * 86400) as server:
        found = ntp.ask(tree, (server,), 8)
    assert found.problem == ""
    assert found.time is not None
    assert abs(found.time - datetime.now(UTC) - timedelta(days=days)) < timedelta(seconds=2)
    assert not found.verified


def test_a_real_chronyd_as_the_server(tree: Root, tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = tmp_path / "chrony.conf"
    config.write_text(
        f"local stratum 5\nport {port}\nbindaddress 127.0.0.1\nallow 127.0.0.1\ncmdport 0\nbindcmdaddress /\n"
        f"pidfile {tmp_path}/chronyd.pid\n"
    )
    with subprocess.Popen(
        ["/usr/sbin/chronyd", "-x", "-d", "-u", "root", "-f", config], stderr=subprocess.PIPE, text=True
    ) as server:
        assert server.stderr is not None
        assert "starting" in server.stderr.readline()
        found = ntp.ask(tree, (f"pool 127.0.0.1 port {port} iburst maxsources 1",), 10)
        server.terminate()
        server.wait(10)
    assert found.problem == ""
    assert found.time is not None
    assert abs(found.time - datetime.now(UTC)) < timedelta(seconds=2)


@pytest.mark.parametrize("place", [0, 1, 2])
def test_of_three_servers_the_one_that_lies_is_outvoted(place: int, tree: Root) -> None:
    with served(0, "127.0.0.2") as one, served(0.001, "127.0.0.3") as two, served(3e7, "127.0.0.4") as liar:
        servers = [one, two]
        servers.insert(place, liar)
        found = ntp.ask(tree, (ntp.AGREEMENT, *servers), 8)
    assert found.time is not None
    assert abs(found.time - datetime.now(UTC)) < timedelta(seconds=2)


def test_without_the_agreement_the_one_that_lies_could_win(tree: Root) -> None:
    """It is the directive that the test above tests."""
    with served(0, "127.0.0.2") as one, served(3e7, "127.0.0.4") as liar:
        assert ntp.ask(tree, (liar, one), 8).time is not None
        assert ntp.ask(tree, (ntp.AGREEMENT, liar, one), 3).problem.startswith("no answer within 3 s")


def test_nobody_answers_and_the_deadline_holds(tree: Root) -> None:
    began = time.monotonic()
    found = ntp.ask(tree, ("server 127.0.0.1 port 9 iburst",), 2)
    assert time.monotonic() - began < 5
    assert (found.time, found.problem) == (None, "no answer within 2 s (Timeout reached)")


def test_no_program(root: Root) -> None:
    assert ntp.ask(root, ("server 127.0.0.1",), 2).problem == "there is no chronyd"


@pytest.mark.parametrize(
    ("script", "problem"),
    [
        ("exit 1", "no answer within 1 s (exit status 1)"),
        ("echo 'Fatal error : Could not open configuration' >&2; exit 1", "no answer within 1 s (Fatal error"),
        ("sleep 60", "chronyd: did not end within 3 s, stopped"),
        ("echo 'System clock wrong by 99999999999999999999 seconds (ignored)'", "an offset of 1e+20 s"),
    ],
)
def test_a_program_that_fails(script: str, problem: str, tree: Root) -> None:
    (tree.directory / "usr/sbin/chronyd").write_text(f"#!/bin/sh\n{script}\n")
    found = ntp.ask(tree, ("server 127.0.0.1",), 1)
    assert found.time is None
    assert found.problem.startswith(problem)


@pytest.mark.parametrize(
    ("config", "own"),
    [
        ({}, ()),
        ({"ntpServers": ""}, ()),
        ({"ntpServers": "a.example 192.0.2.1 2001:db8::1"}, ("a.example", "192.0.2.1", "2001:db8::1")),
        ({"ntpServers": "a.example\nuser root -x b;c $(id) -u"}, ("a.example", "user", "root")),
        ({"ntpServers": ["a.example"]}, ()),
    ],
)
def test_directives(config: dict[str, object], own: tuple[str, ...]) -> None:
    found = ntp.directives(config)
    assert found == (ntp.AGREEMENT, *(f"pool {host} iburst maxsources 1" for host in (*own, *ntp.POOLS)))


@given(st.floats(-1e9, 1e9))
def test_an_offset_as_chronyd_prints_it(offset: float) -> None:
    stamp = "2031-09-01T12:00:00Z "
    output = f"{stamp}chronyd version 4.3\n{stamp}System clock wrong by {offset:.6f} seconds (ignored)\n"
    assert ntp.parse_offset(output) == float(f"{offset:.6f}")


@given(st.text())
def test_any_other_output_has_none(output: str) -> None:
    assert ntp.parse_offset(output) is None
