"""Whether the new OS is healthy: balenaOS's own checks, checks that services bring, and those of the board."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from contextlib import suppress

from hal.errors import HalError
from hal.model import HealthCheck, HealthVerdict
from hal.rollback import crumbs
from hal.root import Root

VPN_ACTIVE = "run/openvpn/vpn_status/active"

PROGRAMS = {
    "engine": ("usr/lib/balena/balena-healthcheck", "the container engine answers"),
    "board": ("usr/bin/rollback-board-healthcheck", "the device repository's own check"),
}
"""balenaOS's checks: a program, and what its exit status 0 says."""

SERVICES = ("usr/lib/hal/health-checks.d/*", "etc/hal/health-checks.d/*")
"""Programs that services bring: exit status 0 is healthy, and the last line printed is the reason either way."""

_PROGRAM_SECONDS = 60.0


def checks(root: Root, board: Iterable[HealthCheck]) -> tuple[HealthCheck, ...]:
    """Every check of this device. What is not there is not checked."""
    found = []
    if crumbs.vpn_before(root):
        found.append(HealthCheck(name="vpn", purpose="the VPN, which was up before the update", check=_vpn(root)))
    for name, (program, purpose) in PROGRAMS.items():
        if _is_file(root, program):
            found.append(_program(root, name, program, purpose))
    for pattern in SERVICES:
        for program in root.glob(pattern):
            if _is_file(root, program):
                found.append(_program(root, program.rpartition("/")[2], program, "a check that a service brings"))
    return (*found, *board)


def examine(check: HealthCheck) -> HealthVerdict:
    """The verdict of one check; one that raises or does not answer in time is not healthy, and says why."""
    answers: list[HealthVerdict] = []

    def run() -> None:
        try:
            answer = check.check()
            if not isinstance(answer, HealthVerdict) or not isinstance(answer.healthy, bool):
                answer = HealthVerdict(healthy=False, reason=f"answered {type(answer).__name__}, no verdict: a defect")
            answers.append(answer)
        except HalError as error:
            answers.append(HealthVerdict(healthy=False, reason=error.message))
        except Exception as error:  # noqa: BLE001 - a check of a plugin may have any defect
            answers.append(HealthVerdict(healthy=False, reason=f"{type(error).__name__}: {error}: a defect"))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(check.timeout_seconds)
    if not answers:
        return HealthVerdict(healthy=False, reason=f"did not answer within {check.timeout_seconds:g} s")
    return answers[0]


def _is_file(root: Root, name: str) -> bool:
    """Whether a program is there; a link out of the root is none."""
    with suppress(HalError):
        return root.is_file(name)
    return False


def _vpn(root: Root) -> Callable[[], HealthVerdict]:
    def check() -> HealthVerdict:
        up = root.exists(VPN_ACTIVE)
        return HealthVerdict(healthy=up, reason="is up again" if up else "was up before the update and is not now")

    return check


def _program(root: Root, name: str, program: str, purpose: str) -> HealthCheck:
    def check() -> HealthVerdict:
        done = root.run([program], timeout_seconds=_PROGRAM_SECONDS, check=False)
        lines = (done.stdout.strip() or done.stderr.strip()).splitlines()
        said = lines[-1] if lines else f"exit status {done.status}"
        return HealthVerdict(healthy=done.status == 0, reason=said)

    return HealthCheck(name=name, purpose=purpose, check=check, timeout_seconds=_PROGRAM_SECONDS + 5)
