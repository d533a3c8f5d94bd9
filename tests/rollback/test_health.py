"""Whether a new OS is healthy: programs of the tree, drop-ins of services, checks of plugins, all of them broken."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Event

import pytest

from hal.errors import HalError
from hal.model import HealthCheck, HealthVerdict
from hal.rollback import crumbs, health
from hal.root import Root


@pytest.fixture
def tree(tmp_path) -> Root:  # type: ignore[no-untyped-def]
    for folder in ("mnt/state", "usr/lib/balena", "usr/bin", "usr/lib/hal/health-checks.d", "etc/hal/health-checks.d"):
        (tmp_path / folder).mkdir(parents=True)
    return Root(tmp_path)


def program(root: Root, name: str, script: str, mode: int = 0o755) -> None:
    path = root.resolve(name)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(mode)


def verdicts(root: Root, *board: HealthCheck) -> dict[str, HealthVerdict]:
    return {each.name: health.examine(each) for each in health.checks(root, board)}


# -- the VPN -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variables", "before"),
    [
        (None, None),
        ("", None),
        ("\n", None),
        ("BALENAOS_ROLLBACK_VPNONLINE=1\n", True),
        ("BALENAOS_ROLLBACK_VPNONLINE=0\n", False),
        ("BALENAOS_ROLLBACK_VPNONLINE=\n", False),
        ("BALENAOS_ROLLBACK_VPNONLINE=1", True),
        ("BALENAOS_ROLLBACK_VPNONLINE= 1 \n", True),
        ("BALENAOS_ROLLBACK_VPNONLINE=0\nBALENAOS_ROLLBACK_VPNONLINE=1\n", True),
        ("# BALENAOS_ROLLBACK_VPNONLINE=1\n", None),
        ("OTHER=1\n", None),
        ("\0\0\0", None),
    ],
)
def test_whether_the_vpn_was_up(variables: str | None, before: bool | None, tree: Root) -> None:
    if variables is not None:
        tree.resolve(crumbs.VARIABLES).write_text(variables)
    assert crumbs.vpn_before(tree) is before
    assert ("vpn" in verdicts(tree)) is bool(before)


@pytest.mark.parametrize("kind", ["bytes", "folder", "loop"])
def test_variables_that_cannot_be_read_ask_for_nothing(kind: str, tree: Root) -> None:
    path = tree.resolve(crumbs.VARIABLES)
    if kind == "bytes":
        path.write_bytes(b"\xff\xfe=1\n")
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to(path.name)
    assert crumbs.vpn_before(tree) is None
    assert verdicts(tree) == {}


@pytest.mark.parametrize("up", [False, True])
def test_the_vpn_must_be_up_again(up: bool, tree: Root) -> None:
    tree.resolve(crumbs.VARIABLES).write_text("BALENAOS_ROLLBACK_VPNONLINE=1\n")
    if up:
        path = tree.resolve(health.VPN_ACTIVE)
        path.parent.mkdir(parents=True)
        path.touch()
    verdict = verdicts(tree)["vpn"]
    assert verdict.healthy is up
    assert ("is not now" in verdict.reason) is not up


# -- programs --------------------------------------------------------------------------------------------------------

SCRIPTS = {
    "passes": ("exit 0", True, "exit status 0"),
    "passes with words": ("echo all is well", True, "all is well"),
    "the last line is the reason": ("echo first; echo last", True, "last"),
    "fails": ("exit 3", False, "exit status 3"),
    "fails with words": ("echo it is on fire; exit 1", False, "it is on fire"),
    "fails with words on standard error": ("echo broken >&2; exit 1", False, "broken"),
    "killed": ("kill -9 $$", False, "exit status -9"),
    "prints garbage": (r"printf '\377\000\001\n'; exit 1", False, "\ufffd"),
    "a lot of blank lines": (r"printf '\n\n\n'", True, "exit status 0"),
    "no such command": ("no-such-command-at-all", False, "not found"),
}


@pytest.mark.parametrize("place", ["engine", "board"])
@pytest.mark.parametrize("kind", SCRIPTS)
def test_programs_of_balena_os(place: str, kind: str, tree: Root) -> None:
    script, healthy, words = SCRIPTS[kind]
    program(tree, health.PROGRAMS[place][0], script)
    verdict = verdicts(tree)[place]
    assert verdict.healthy is healthy
    assert words in verdict.reason
    assert "\n" not in verdict.reason


@pytest.mark.parametrize("folder", ["usr/lib/hal/health-checks.d", "etc/hal/health-checks.d"])
def test_a_check_that_a_service_brings(folder: str, tree: Root) -> None:
    program(tree, f"{folder}/pump", "echo the pump stands still; exit 1")
    (found,) = health.checks(tree, ())
    assert found.name == "pump"
    assert found.purpose
    assert verdicts(tree)["pump"].reason == "the pump stands still"


def test_nothing_there_is_nothing_to_check(tree: Root) -> None:
    assert health.checks(tree, ()) == ()


def test_one_that_is_not_executable_is_unhealthy_and_named(tree: Root) -> None:
    """A check that somebody meant to run must not pass because it cannot run."""
    program(tree, "etc/hal/health-checks.d/pump", "exit 0", mode=0o644)
    verdict = verdicts(tree)["pump"]
    assert not verdict.healthy
    assert "etc/hal/health-checks.d/pump" in verdict.reason


@pytest.mark.parametrize("name", [".pump.swp", "sub"])
def test_what_is_no_check_is_none(name: str, tree: Root) -> None:
    path = tree.resolve(f"etc/hal/health-checks.d/{name}")
    path.mkdir() if name == "sub" else path.write_text("x")
    assert health.checks(tree, ()) == ()


@pytest.mark.parametrize("target", ["/../../outside", "pump", "/dev/null/x"])
@pytest.mark.parametrize("place", ["etc/hal/health-checks.d/pump", "usr/lib/balena/balena-healthcheck"])
def test_a_link_to_nowhere_is_no_reason_to_fail(place: str, target: str, tree: Root) -> None:
    """Looking for checks never raises: health would then neither commit nor go back."""
    (tree.directory / place).symlink_to(target)
    health.checks(tree, ())


def test_a_program_that_hangs(tree: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "_PROGRAM_SECONDS", 0.3)
    program(tree, "etc/hal/health-checks.d/pump", "exec sleep 60")
    program(tree, "etc/hal/health-checks.d/valve", "echo is open")
    found = verdicts(tree)
    assert not found["pump"].healthy
    assert "0.3" in found["pump"].reason
    assert found["valve"].healthy


def test_a_program_that_floods(tree: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "_PROGRAM_SECONDS", 20.0)
    program(tree, "etc/hal/health-checks.d/pump", "exec yes")
    verdict = verdicts(tree)["pump"]
    assert not verdict.healthy
    assert len(verdict.reason) < 500


def test_two_checks_of_one_name_both_count(tree: Root) -> None:
    program(tree, "usr/lib/hal/health-checks.d/pump", "exit 0")
    program(tree, "etc/hal/health-checks.d/pump", "exit 1")
    found = health.checks(tree, ())
    assert [each.name for each in found] == ["pump", "pump"]
    assert sorted(health.examine(each).healthy for each in found) == [False, True]


# -- checks of plugins -----------------------------------------------------------------------------------------------


def raising(error: BaseException) -> Callable[[], HealthVerdict]:
    def check() -> HealthVerdict:
        raise error

    return check


NONSENSE = {
    "raises": (raising(ValueError("no sensor")), "ValueError: no sensor: a defect"),
    "raises its own kind": (raising(HalError("the fan stands still")), "the fan stands still"),
    "raises without words": (raising(KeyError()), "KeyError"),
    "answers None": (lambda: None, "answered NoneType, no verdict: a defect"),
    "answers True": (lambda: True, "answered bool, no verdict: a defect"),
    "answers a pair": (lambda: (True, "well"), "answered tuple, no verdict: a defect"),
    "takes an argument": (lambda _x: HealthVerdict(healthy=True, reason=""), "TypeError"),
    "recursion": (lambda: NONSENSE["recursion"][0](), "RecursionError"),
    "exits": (raising(SystemExit(0)), "did not answer"),
}


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize("kind", NONSENSE)
def test_nonsense_of_a_plugin_is_unhealthy(kind: str, tree: Root) -> None:
    check, words = NONSENSE[kind]
    verdict = health.examine(HealthCheck(name="x", purpose="", check=check, timeout_seconds=20.0))  # type: ignore[arg-type]
    assert not verdict.healthy
    assert words in verdict.reason


def test_a_verdict_that_is_not_a_truth_value(tree: Root) -> None:
    check = HealthCheck(name="x", purpose="", check=lambda: HealthVerdict(healthy="no", reason=""))  # type: ignore[arg-type]
    assert not health.examine(check).healthy


def test_a_check_of_a_plugin_that_hangs_is_left_behind() -> None:
    release = Event()

    def hang() -> HealthVerdict:
        release.wait(120)
        return HealthVerdict(healthy=True, reason="at last")

    began = time.monotonic()
    verdict = health.examine(HealthCheck(name="x", purpose="", check=hang, timeout_seconds=0.05))
    assert not verdict.healthy
    assert verdict.reason == "did not answer within 0.05 s"
    assert time.monotonic() - began < 60
    release.set()


def test_the_board_s_checks_come_last(tree: Root) -> None:
    program(tree, health.PROGRAMS["engine"][0], "exit 0")
    program(tree, "etc/hal/health-checks.d/pump", "exit 0")
    board = HealthCheck(name="firmware", purpose="", check=lambda: HealthVerdict(healthy=True, reason=""))
    assert [each.name for each in health.checks(tree, [board])] == ["engine", "pump", "firmware"]
