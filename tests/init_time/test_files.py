"""The build time and the saved time: what is read, what is kept, and what a power cut leaves."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from init_time.tree_clock import times
from rollback.cut_root import CutRoot, PowerCut

from hal import Root
from hal.init_time import files
from hal.init_time.evidence import Policy
from hal.model import Outcome
from hal.stdlib import UTC

BUILD, SAVED = datetime(2031, 7, 9, 21, 45, 30, tzinfo=UTC), datetime(2031, 9, 1, 12, 0, 0, tzinfo=UTC)
POLICY = Policy(earliest=datetime(2026, 1, 1, tzinfo=UTC))
DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("content", "time", "problem"),
    [
        (b"20310709214530", BUILD, ""),
        (b"20310709214530\n", BUILD, ""),
        (b" 20310709214530 \n", BUILD, ""),
        (None, None, "not there"),
        (b"", None, "empty"),
        (b"\n", None, "empty"),
        (b"\0\0\0\0", None, "empty"),
        (b"2031070921453", None, "damaged"),
        (b"203107092145300", None, "damaged"),
        (b"20311309214530", None, "damaged"),
        (b"20310732214530", None, "damaged"),
        (b"20310709244530", None, "damaged"),
        (b"00000000000000", None, "damaged"),
        (b"2031-07-09 21:45:30", None, "damaged"),
        (b"\xff\xfe", None, "damaged"),
        ("２０３１0709214530".encode(), None, "damaged"),
        (b"20310709214530\n20310709214531\n", None, "damaged"),
        (b"2" * 5000, None, "damaged"),
    ],
)
def test_build_time(content: bytes | None, time: datetime | None, problem: str, root: Root) -> None:
    if content is not None:
        (root.directory / files.BUILD).write_bytes(content)
    found = files.build_time(root)
    assert found.time == time
    assert found.problem.startswith(problem)
    assert bool(found.problem) is bool(problem)


@pytest.mark.parametrize(
    ("content", "time", "problem"),
    [
        ("2031-09-01 12:00:00\n", SAVED, ""),
        ("2031-09-01 12:00:00", SAVED, ""),
        ("", None, "empty"),
        ("2031-09-01", None, "damaged"),
        ("2031-09-01T12:00:00", None, "damaged"),
        ("2031-02-30 12:00:00", None, "damaged"),
        ("Mon Sep  1 12:00:00 UTC 2031", None, "damaged"),
    ],
)
def test_saved_time(content: str, time: datetime | None, problem: str, root: Root) -> None:
    times(root, saved=content)
    found = files.saved_time(root)
    assert found.time == time
    assert found.problem.startswith(problem)


def test_a_folder_in_the_place_of_a_file_is_damage(root: Root) -> None:
    (root.directory / files.SAVED).mkdir(parents=True)
    assert files.saved_time(root).problem.startswith("damaged")


@given(st.binary(max_size=40) | st.text("0123456789-: \n", max_size=24).map(str.encode))
def test_any_bytes_are_a_time_or_a_problem(content: bytes) -> None:
    for form, shape in ((files._BUILD_FORM, "%Y%m%d%H%M%S"), (files._SAVED_FORM, "%Y-%m-%d %H:%M:%S")):
        line = content.decode(errors="replace")
        found = files.parse(form, line)
        assert found is None or f"{found:{shape}}".zfill(len(line.strip())) == line.strip()


@given(st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31), timezones=st.just(UTC)))
def test_what_is_saved_reads_back(moment: datetime) -> None:
    assert files.parse(files._SAVED_FORM, files.text(moment)) == moment.replace(microsecond=0)


# -- saving ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "now", "trusted", "after", "note"),
    [
        (None, SAVED, False, SAVED, "next boot"),
        ("", SAVED, False, SAVED, "next boot"),
        ("garbage", SAVED, False, SAVED, "next boot"),
        ("2031-09-01 12:00:00", SAVED + DAY, False, SAVED + DAY, "next boot"),
        ("2031-09-01 12:00:00", SAVED, False, SAVED, ""),
        ("2031-09-01 12:00:00", SAVED + timedelta(milliseconds=900), False, SAVED, ""),
        ("2031-09-01 12:00:00", SAVED - DAY, False, SAVED, "nothing proves"),
        ("2031-09-01 12:00:00", SAVED - DAY, True, SAVED - DAY, "next boot"),
        ("2031-09-01 12:00:00", BUILD - DAY, True, SAVED, "before the build time"),
        ("2031-09-01 12:00:00", BUILD - DAY, False, SAVED, "before the build time"),
        ("2031-09-01 12:00:00", BUILD + 4000 * DAY, True, SAVED, "more than 10 years"),
        ("2099-01-01 00:00:00", SAVED, False, SAVED, "next boot"),
        ("1970-01-01 00:00:00", SAVED, False, SAVED, "next boot"),
    ],
)
def test_save(before: str | None, now: datetime, trusted: bool, after: datetime, note: str, root: Root) -> None:
    times(root, build="20310709214530", saved=before)
    done = files.save(root, now, trusted=trusted, policy=POLICY)
    assert files.saved_time(root).time == after
    assert note in done.note
    if done.outcome is Outcome.UNCHANGED:
        assert root.read_text(files.SAVED) == before
    else:
        assert (done.outcome, root.read_text(files.SAVED)) == (Outcome.ACCEPTED, f"{files.text(after)}\n")


def test_nothing_implausible_makes_a_file(root: Root) -> None:
    times(root, build="20310709214530")
    assert files.save(root, BUILD - DAY, trusted=True, policy=POLICY).outcome is Outcome.UNCHANGED
    assert not root.exists(files.SAVED)


@pytest.mark.parametrize("torn", [False, True])
def test_a_power_cut_while_saving_leaves_the_old_time_whole(torn: bool, root: Root) -> None:
    times(root, build="20310709214530", saved="2031-09-01 12:00:00\n")
    cut = CutRoot(root.directory)
    cut.cuts, cut.torn = [1], torn
    with pytest.raises(PowerCut):
        files.save(cut, SAVED + DAY, trusted=False, policy=POLICY)
    assert files.saved_time(root).time == SAVED
    assert files.save(root, SAVED + DAY, trusted=False, policy=POLICY).outcome is Outcome.ACCEPTED
    assert files.saved_time(root).time == SAVED + DAY
