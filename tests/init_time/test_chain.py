"""The whole chain on trees: what it sets, what it leaves, what it remembers, and what users have reported."""

from __future__ import annotations

import json
import shutil
import threading
import time
from base64 import b64encode
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from init_time.tree_clock import FileClock, times
from init_time.web import FORM, Authority, Reply, serve
from interrupted import snapshot
from rollback.cut_root import CutRoot, PowerCut

from hal import Device, Root
from hal.errors import FileFault, HalError
from hal.init_time import files, last
from hal.init_time.chain import Chain
from hal.init_time.clocks import expected
from hal.init_time.evidence import Health, InitTime, Policy, Source
from hal.init_time.system_clock import STAND_IN, STAND_IN_SYNCHRONISED, TreeClock
from hal.model import Outcome
from hal.protocols import Rtc
from hal.stdlib import UTC

BUILD, SAVED = datetime(2031, 7, 9, 21, 45, 30, tzinfo=UTC), datetime(2031, 9, 1, 12, 0, 0, tzinfo=UTC)
SWITCHED_ON = datetime(1970, 1, 1, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
STAMP, SAVED_STAMP = "20310709214530", "2031-09-01 12:00:00\n"
Tree = Callable[[str], Root]


@pytest.fixture
def tree(root: Root) -> Root:
    """A device that was just switched on, with a build time and a saved time."""
    times(root, system=SWITCHED_ON, build=STAMP, saved=SAVED_STAMP)
    return root


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


def chain(root: Root, *clocks: FileClock, **facts: object) -> Chain:
    return Chain.of(root, find_clocks=lambda: clocks, **facts)


def run(root: Root, *clocks: FileClock, **facts: object) -> InitTime:
    return chain(root, *clocks, **facts).run(offline=True)


def shown(root: Root) -> datetime:
    return TreeClock(root).now()


def near(moment: datetime, wanted: datetime) -> bool:
    """Later than wanted by at most what the chain itself takes."""
    return timedelta(0) <= moment - wanted < timedelta(seconds=30)


def test_the_saved_time_is_set_and_a_second_run_changes_nothing(tree: Root) -> None:
    first = run(tree)
    assert (first.decision.source, first.outcome) == (Source.SAVED, Outcome.APPLIED)
    assert near(shown(tree), SAVED)
    before = shown(tree)
    again = run(tree)
    assert (again.decision.source, again.outcome, shown(tree)) == (Source.SYSTEM, Outcome.UNCHANGED, before)


def test_a_clock_is_taken_and_not_written(tree: Root) -> None:
    clock = FileClock(tree, moment=SAVED + DAY)
    assert isinstance(clock, Rtc)
    done = run(tree, clock)
    assert (done.decision.source, done.decision.name, clock.writes) == (Source.CLOCK, "rtc0", 0)
    assert near(shown(tree), SAVED + DAY)


def test_a_dry_run_writes_nothing(tree: Root) -> None:
    before = snapshot(tree)
    done = chain(tree).run(offline=True, dry_run=True)
    assert (done.outcome, done.decision.set_system) == (None, True)
    assert snapshot(tree) == before


def test_the_decision_is_remembered_in_words(tree: Root) -> None:
    done = run(tree, FileClock(tree, moment=SWITCHED_ON))
    found = json.loads(tree.read_bytes(last.RECORD))
    assert found["source"] == "saved-time"
    assert found["reason"] == done.decision.reason
    assert found["outcome"] == "applied"
    assert near(datetime.fromisoformat(found["time"]), SAVED)
    assert found["boot_id"] == "first"
    verdicts = {each["source"]: each["verdict"] for each in found["evidence"]}
    assert set(verdicts) == {"system", "build-time", "saved-time", "last-decision", "clock"}
    assert verdicts["clock"] == "too old: before the saved time, 2031-09-01 12:00:00 UTC"
    assert found["alarms"] == found["new_alarms"] != []


def test_where_the_clock_cannot_be_set_nothing_else_is_done(tree: Root) -> None:
    refusing = CutRoot(tree.directory)
    refusing.refused = (STAND_IN,)
    with pytest.raises(FileFault, match="read-only"):
        chain(refusing).run(offline=True)
    assert not tree.exists(last.RECORD)


def pass_time(root: Root, span: timedelta) -> None:
    """The clock of the tree and its uptime go on."""
    TreeClock(root).set(shown(root) + span)
    up = TreeClock(root).up_seconds() + span.total_seconds()
    (root.directory / "proc/uptime").write_text(f"{up:.2f} 0.00\n")


# -- late clocks, and steps backwards ------------------------------------------------------------------------------


def test_the_kernel_throws_the_clock_back_and_the_next_run_restores_it(tree: Root) -> None:
    """A Jetson's clock registers 13 s after the start, reads 1970, and the kernel copies that."""
    uptime = tree.directory / "proc/uptime"
    uptime.write_text("4.00 1.00\n")
    run(tree, FileClock(tree, moment=SAVED + DAY))
    good = shown(tree)
    TreeClock(tree).set(SWITCHED_ON + timedelta(seconds=13))
    uptime.write_text("14.00 9.00\n")
    done = run(tree, FileClock(tree, moment=SWITCHED_ON + timedelta(seconds=13)))
    assert (done.decision.source, done.outcome) == (Source.LAST, Outcome.APPLIED)
    assert near(shown(tree), good + timedelta(seconds=10))


def test_what_another_boot_decided_does_not_count(tree: Root) -> None:
    run(tree, FileClock(tree, moment=SAVED + DAY))
    times(tree, system=SWITCHED_ON, boot_id="second")
    done = run(tree)
    assert done.decision.source is Source.SAVED
    assert "from another boot" in next(e.verdict for e in done.decision.weighed if e.source is Source.LAST)


@pytest.mark.parametrize(
    "content",
    [
        "", "{", "[]", "{}", '{"schema": 2, "boot_id": "first"}', '{"schema": 1, "boot_id": "first"}',
        '{"schema": 1, "boot_id": "first", "up_seconds": 1e308, "time": "2031-09-01", "alarms": [], "trusted": true}',
        '{"schema": 1, "boot_id": "first", "up_seconds": -1e300, "time": "2031-09-01", "alarms": [], "trusted": true}',
        '{"schema": 1, "boot_id": "first", "up_seconds": "x", "time": "2031-09-01", "alarms": [], "trusted": true}',
        '{"schema": 1, "boot_id": "first", "up_seconds": 1, "time": "noon", "alarms": [], "trusted": true}',
        '{"schema": 1, "boot_id": "first", "up_seconds": 1, "time": "2031-09-01", "alarms": [1], "trusted": true}',
    ],
)  # fmt: skip
def test_a_record_that_is_damaged_is_no_evidence_and_is_written_anew(content: str, tree: Root) -> None:
    (tree.directory / "run/hal").mkdir(parents=True)
    (tree.directory / last.RECORD).write_text(content)
    done = run(tree)
    assert done.decision.source is Source.SAVED
    assert json.loads(tree.read_bytes(last.RECORD))["schema"] == 1


def test_a_clock_that_comes_late_is_waited_for(tree: Root) -> None:
    (tree.directory / "proc/uptime").write_text("11.00 1.00\n")
    came: list[FileClock] = []
    timer = threading.Timer(0.7, lambda: came.append(FileClock(tree, moment=SAVED + DAY)))
    timer.start()
    late = Chain.of(tree, expected=("rtc0",), find_clocks=lambda: tuple(came), policy=Policy(clock_seconds=21))
    began = time.monotonic()
    done = late.run(offline=True)
    timer.join()
    assert 0.5 < time.monotonic() - began < 5
    assert (done.decision.source, done.decision.name) == (Source.CLOCK, "rtc0")


@pytest.mark.parametrize(("up", "least", "most"), [("19.00", 1.0, 10.0), ("20.00", 0.0, 10.0), ("400.0", 0.0, 10.0)])
def test_a_clock_that_never_comes_is_not_waited_for_longer(up: str, least: float, most: float, tree: Root) -> None:
    (tree.directory / "proc/uptime").write_text(f"{up} 1.00\n")
    began = time.monotonic()
    done = run(tree, expected=("rtc0",))
    assert least <= time.monotonic() - began < most
    assert done.decision.source is Source.SAVED
    missing = next(each for each in done.decision.weighed if each.source is Source.CLOCK)
    assert (missing.name, missing.verdict) == ("rtc0", "this board should have it, and the kernel does not show it")


@pytest.mark.parametrize(
    ("slug", "names"),
    [
        ("jetson-agx-orin-devkit", ("rtc0",)),
        ("raspberrypi4-unipi-neuron", ("rtc0",)),
        ("raspberrypicm4-ioboard", ()),
        ("raspberrypi4-64", ()),
        ("genericx86-64-ext", ("rtc0",)),
    ],
)
def test_which_clocks_are_worth_a_wait(slug: str, names: tuple[str, ...], hal_tree: Tree) -> None:
    """One that no cell keeps is not, nor one behind an overlay that the image does not ship."""
    assert expected(Device.open(hal_tree(slug)).device_type) == names


class TickingClock:
    """A system clock that goes on, as the kernel's does."""

    def __init__(self, moment: datetime) -> None:
        self.ahead = moment - timedelta(seconds=time.monotonic())
        self.steps: list[float] = []

    def now(self) -> datetime:
        return self.ahead + timedelta(seconds=time.monotonic())

    def up_seconds(self) -> float:
        return time.monotonic()

    def synchronised(self) -> bool:
        return False

    def set(self, moment: datetime) -> None:
        self.steps.append((moment - self.now()).total_seconds())
        self.ahead += moment - self.now()


def test_servers_that_answer_late_or_never_do_not_shift_the_time(tree: Root, authority: Authority) -> None:
    """The run takes seconds, and all that goes on meanwhile is compared at one moment."""
    clock = TickingClock(SAVED + DAY)
    context = authority.server("127.0.0.1", SAVED, SAVED + 30 * DAY)

    def ask(reply: Reply, policy: Policy) -> InitTime:
        with serve(reply, context) as port:
            config = {
                "os": {"network": {"connectivity": {"uri": f"https://127.0.0.1:{port}/"}}},
                "balenaRootCA": b64encode(authority.certificate.read_bytes()).decode(),
            }
            return Chain(root=tree, system=clock, config=config, policy=policy).run()

    program = tree.directory / "usr/sbin/chronyd"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\nsleep 4\n")  # the verified date is carried on over this, too
    program.chmod(0o755)
    date = f"{SAVED + 2 * DAY:{FORM}}"
    first = ask(Reply(dates=(date,)), Policy())
    assert (first.decision.source, first.decision.trusted, len(clock.steps)) == (Source.HTTPS, True, 1)
    later = ask(Reply(dates=(date,), pause=5), Policy(https_seconds=0.5))
    assert (later.decision.source, later.outcome, len(clock.steps)) == (Source.LAST, Outcome.UNCHANGED, 1)
    clock.set(SWITCHED_ON)
    restored = ask(Reply(dates=(date,), pause=5), Policy(https_seconds=0.5))
    assert (restored.decision.source, restored.outcome) == (Source.LAST, Outcome.APPLIED)
    assert near(clock.now(), SAVED + 2 * DAY)


# -- clocks that are set -------------------------------------------------------------------------------------------


@pytest.fixture
def served(tree: Root, authority: Authority) -> Callable[..., InitTime]:
    """A run of the chain on a device whose network has a server that is `now`, and proves it."""

    def ask(now: datetime, *clocks: FileClock, secure: bool = True) -> InitTime:
        context = authority.server("127.0.0.1", now - 30 * DAY, now + 30 * DAY) if secure else None
        with serve(Reply(dates=(f"{now:{FORM}}",)), context) as port:
            uri = f"{'https' if secure else 'http'}://127.0.0.1:{port}/check"
            config = {
                "os": {"network": {"connectivity": {"uri": uri}}},
                "balenaRootCA": b64encode(authority.certificate.read_bytes()).decode(),
            }
            return chain(tree, *clocks, config=config).run()

    return ask


@pytest.mark.parametrize("state", [Health.INVALID, Health.GOOD, Health.WEAK, Health.UNKNOWN])
def test_a_wrong_clock_is_set_from_a_verified_date(state: Health, tree: Root, served: Callable[..., InitTime]) -> None:
    clock = FileClock(tree, moment=SWITCHED_ON, health=state)
    done = served(SAVED + 9 * DAY, clock)
    assert (done.decision.source, done.outcome, done.clocks_set) == (Source.HTTPS, Outcome.APPLIED, ("rtc0",))
    assert near(shown(tree), SAVED + 9 * DAY)
    assert near(clock.read() + timedelta(seconds=1), SAVED + 9 * DAY)
    again = served(SAVED + 9 * DAY, clock)
    assert (again.outcome, again.clocks_set, clock.writes) == (Outcome.UNCHANGED, (), 1)


@pytest.mark.parametrize(
    ("now", "asked"), [(SAVED, False), (BUILD - DAY, True), (BUILD + 4000 * DAY, True)], ids=["right", "old", "future"]
)
def test_time_servers_are_asked_where_no_verified_date_is_plausible(
    now: datetime, asked: bool, tree: Root, served: Callable[..., InitTime]
) -> None:
    program = tree.directory / "usr/sbin/chronyd"
    program.parent.mkdir(parents=True)
    program.write_text('#!/bin/sh\ntouch "$HAL_ROOT/asked"\n')
    program.chmod(0o755)
    done = served(now)
    assert (tree.exists("asked"), done.decision.source is Source.HTTPS) == (asked, not asked)


def test_no_clock_is_set_from_a_date_that_is_not_verified(tree: Root, served: Callable[..., InitTime]) -> None:
    clock = FileClock(tree, moment=SWITCHED_ON)
    done = served(SAVED + 9 * DAY, clock, secure=False)
    assert (done.decision.source, done.decision.trusted, clock.writes) == (Source.HTTPS, False, 0)


def test_a_clock_that_does_not_take_the_time_is_an_alarm_and_no_failure(
    tree: Root, served: Callable[..., InitTime]
) -> None:
    clock = FileClock(tree, moment=SWITCHED_ON, deaf=True)
    done = served(SAVED + 9 * DAY, clock)
    assert (done.outcome, done.clocks_set) == (Outcome.APPLIED, ())
    assert [each.code for each in done.new_alarms] == ["implausible", "not-applied"]
    later = run(tree, clock)  # the time was proved in this boot: it is tried again, and nobody is told twice
    assert (later.decision.source, clock.writes, later.new_alarms) == (Source.LAST, 2, ())


def test_a_clock_with_a_defect_is_isolated(tree: Root) -> None:
    class Broken(FileClock):
        def read(self) -> datetime:
            return datetime(2031, 9, 9)

    done = run(tree, Broken(tree))
    assert done.decision.source is Source.SAVED
    assert "without a time zone" in done.alarms[0].message


def test_where_no_clock_can_be_named_the_time_is_set_all_the_same(tree: Root) -> None:
    def find() -> tuple[FileClock, ...]:
        raise HalError("hal_acme: a defect of this plugin")

    done = Chain.of(tree, find_clocks=find).run(offline=True)
    assert (done.decision.source, done.outcome) == (Source.SAVED, Outcome.APPLIED)
    assert "hal_acme: a defect of this plugin" in [each.verdict for each in done.decision.weighed]


# -- the saved time ------------------------------------------------------------------------------------------------


def test_a_saved_time_in_the_future_is_corrected_for_good_by_a_verified_date(
    tree: Root, served: Callable[..., InitTime]
) -> None:
    """A clock gone wrong was believed and saved; the next boot without a network stays right."""
    times(tree, saved="2034-01-01 00:00:00\n")
    done = served(SAVED)
    assert (done.decision.source, done.decision.trusted) == (Source.HTTPS, True)
    assert near(shown(tree), SAVED)
    assert near(files.saved_time(tree).time or SWITCHED_ON, SAVED)
    times(tree, system=SWITCHED_ON, boot_id="second")
    run(tree)
    assert near(shown(tree), SAVED)


def test_a_power_cut_before_it_is_corrected_leaves_it_for_the_next_run(tree: Root, authority: Authority) -> None:
    times(tree, saved="2034-01-01 00:00:00\n", system=SAVED)
    (tree.directory / STAND_IN_SYNCHRONISED).write_text("")
    for at in (1, 2):
        cut = CutRoot(tree.directory)
        cut.cuts = [at]
        with pytest.raises(PowerCut):
            chain(cut).run(offline=True)
    chain(tree).run(offline=True)
    assert files.saved_time(tree).time == SAVED


@pytest.mark.parametrize("synchronised", [False, True])
def test_saving_goes_back_only_where_a_daemon_keeps_the_clock(synchronised: bool, tree: Root) -> None:
    times(tree, system=SAVED - DAY)
    if synchronised:
        (tree.directory / STAND_IN_SYNCHRONISED).write_text("")
    done = chain(tree).save()
    assert done.outcome is (Outcome.ACCEPTED if synchronised else Outcome.UNCHANGED)
    assert files.saved_time(tree).time == (SAVED - DAY if synchronised else SAVED)


def test_where_a_daemon_keeps_the_clock_no_server_is_asked(tree: Root, served: Callable[..., InitTime]) -> None:
    times(tree, system=SAVED + DAY)
    (tree.directory / STAND_IN_SYNCHRONISED).write_text("")
    done = served(SAVED + 9 * DAY)
    assert (done.decision.source, done.outcome) == (Source.SYSTEM, Outcome.UNCHANGED)
    assert Source.HTTPS not in {each.source for each in done.decision.weighed}


# -- what users have reported ----------------------------------------------------------------------------------------


def test_r35_a_clock_that_lags_does_not_win_over_the_https_date(tree: Root, served: Callable[..., InitTime]) -> None:
    """meta-balena 2577: the date was right, then the daemon believed the clock, and time went back."""
    clock = FileClock(tree, moment=SAVED + DAY)
    done = served(SAVED + 40 * DAY, clock)
    assert (done.decision.source, done.clocks_set) == (Source.HTTPS, ("rtc0",))
    # Even if something puts the clock back, it stands below the time that was proved in this boot.
    tree.write(clock.file, f"{SAVED.timestamp():.0f}\n")
    TreeClock(tree).set(SAVED + DAY)
    run(tree, clock)
    assert near(shown(tree), SAVED + 40 * DAY)
    assert near(clock.read() + timedelta(seconds=1), SAVED + 40 * DAY)


def test_r36_a_clock_that_cannot_be_read_for_days_is_not_written_and_raises_one_alarm(
    tree: Root, served: Callable[..., InitTime]
) -> None:
    """meta-balena 1266: hwclock failed to read, and was written and warned about at every turn."""
    clock = FileClock(tree, moment=SAVED + DAY, fault="input/output error")
    alarms = list(served(SAVED + DAY, clock).new_alarms)
    for _ in range(72):
        pass_time(tree, HOUR)
        alarms += run(tree, clock).new_alarms
    assert [(each.about, each.code) for each in alarms] == [("rtc0", "unreadable")]
    assert clock.writes == 0
    clock.fault = ""  # somebody has mended it; should it fail again, that is news
    assert [each.code for each in run(tree, clock).new_alarms] == ["behind"]
    assert clock.writes == 1
    clock.fault = "input/output error"
    assert [each.code for each in run(tree, clock).new_alarms] == ["unreadable"]


@pytest.mark.parametrize("kind", ["no clock", "a clock without a cell", "a clock in 2099", "one that cannot be read"])
@pytest.mark.parametrize("orderly", [True, False])
def test_r37_over_three_reboots_without_a_network_time_never_goes_back(kind: str, orderly: bool, root: Root) -> None:
    """meta-balena 2008: with NTP blocked, every start began in the past, and certificates were not yet valid."""
    times(root, build=STAMP)
    kept: list[datetime] = []
    for boot in range(4):
        times(root, system=SWITCHED_ON, boot_id=f"boot {boot}")
        clocks = {
            "no clock": (),
            "a clock without a cell": (FileClock(root, moment=SWITCHED_ON),),
            "a clock in 2099": (FileClock(root, moment=datetime(2099, 1, 1, tzinfo=UTC)),),
            "one that cannot be read": (FileClock(root, fault="no such device"),),
        }[kind]
        run(root, *clocks)
        began = shown(root)
        assert began >= (kept[-1] if kept else BUILD)
        for _ in range(5):
            pass_time(root, HOUR)
            chain(root).save()
            kept.append(shown(root).replace(microsecond=0))  # what is saved are whole seconds
        pass_time(root, HOUR / 2)
        if orderly:
            chain(root).save()
            kept.append(shown(root).replace(microsecond=0))
    assert kept == sorted(kept)
    assert kept[-1] >= BUILD + 4 * (5.5 if orderly else 5) * HOUR - timedelta(seconds=4)


def test_a_copy_of_the_device_in_a_drawer_for_a_year(tree: Root, tmp_path: Path) -> None:
    """Nothing knows of the year; what is known is kept."""
    run(tree)
    chain(tree).save()
    copy = Root(shutil.copytree(tree.directory, tmp_path / "copy"))
    times(copy, system=SWITCHED_ON, boot_id="a year later")
    assert run(copy).decision.source is Source.SAVED
    assert near(shown(copy), SAVED)
