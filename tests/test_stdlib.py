"""The stand-ins for Python 3.10 do what Python 3.11 does, whichever of the two runs this."""

from __future__ import annotations

import copy
import enum
import json
import pickle
import runpy
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path
from textwrap import dedent
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hal import stdlib

IN_USE = vars(stdlib)
ROOT = Path(__file__).resolve().parents[1]


@contextmanager
def python(*version: int) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "version_info", version)
        yield


with python(3, 10, 13):
    STAND_IN = runpy.run_path(stdlib.__file__, run_name="stand_in")
BOTH = {"in use": IN_USE, "stand-in": STAND_IN}


@pytest.fixture(params=BOTH)
def base(request: pytest.FixtureRequest) -> Any:
    found: Any = BOTH[request.param]["StrEnum"]
    return found


@pytest.fixture
def mode(base: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """An enum of two members, which pickle finds in this module."""
    made = base("Mode", {"FAST": "fast", "SLOW": "so slow"}, module=__name__)
    monkeypatch.setitem(sys.modules, __name__, SimpleNamespace(Mode=made))  # type: ignore[arg-type]
    return made


# -- StrEnum ---------------------------------------------------------------------------------------------------------


def test_the_stand_in_is_there_for_python_310_alone() -> None:
    assert STAND_IN["StrEnum"].__module__ == "stand_in"
    assert stdlib.StrEnum.__module__ == ("enum" if sys.version_info >= (3, 11) else "hal.stdlib")


def test_the_text_of_a_member_is_its_value(mode: Any) -> None:
    slow = mode.SLOW
    assert [str(slow), f"{slow}", f"{slow!s}", f"{slow:>8}|", "{:.2}".format(slow), "%s" % slow, "" + slow] == [  # noqa: UP031, UP032 - each is a way of its own
        "so slow", "so slow", "so slow", " so slow|", "so", "so slow", "so slow",
    ]  # fmt: skip
    assert (repr(slow), slow.value, slow.name) == ("<Mode.SLOW: 'so slow'>", "so slow", "SLOW")
    assert {type(str(slow)), type(f"{slow}"), type(slow.value)} == {str}
    assert json.dumps({slow: [slow]}) == '{"so slow": ["so slow"]}'
    assert "-".join(mode) == "fast-so slow"


def test_a_member_is_equal_to_its_text(mode: Any) -> None:
    assert mode.FAST == "fast"
    assert mode.FAST != mode.SLOW
    assert mode.FAST < mode.SLOW
    assert ({mode.FAST: 1}["fast"], hash(mode.FAST)) == (1, hash("fast"))
    assert mode("fast") is mode.FAST is mode["FAST"]
    assert list(mode) == [mode.FAST, mode.SLOW]
    with pytest.raises(ValueError, match="'slowest' is not a valid Mode"):
        mode("slowest")


def test_a_copy_of_a_member_is_the_member(mode: Any) -> None:
    assert copy.copy(mode.SLOW) is copy.deepcopy(mode.SLOW) is mode.SLOW
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        assert pickle.loads(pickle.dumps(mode.SLOW, protocol)) is mode.SLOW


def test_auto_is_the_name_in_small_letters(base: Any) -> None:
    made = base("Rung", {"USB_RESET": enum.auto(), "LAST": "last one"})
    assert [str(each) for each in made] == ["usb_reset", "last one"]


@pytest.mark.parametrize("value", [1, None, b"x", ["x"]], ids=repr)
def test_a_value_that_is_no_text_is_refused(base: Any, value: object) -> None:
    with pytest.raises(TypeError, match="is not a string"):
        base("Mode", {"FAST": value})


# -- UTC and TOML ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("names", BOTH.values(), ids=BOTH)
def test_utc_is_the_zone_of_the_library(names: dict[str, Any]) -> None:
    assert names["__getattr__"]("UTC") is timezone.utc
    with pytest.raises(AttributeError, match="'UCT'"):
        names["__getattr__"]("UCT")


def test_toml_is_read() -> None:
    assert stdlib.read_toml("a = 1\n[[b]]\nc = 'd'\n") == {"a": 1, "b": [{"c": "d"}]}
    with pytest.raises(ValueError, match=r"at line 2, column 5"):
        stdlib.read_toml("a = 1\nb = \n")


def test_before_python_311_tomli_reads_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tomli", SimpleNamespace(loads=lambda text: {"tomli": text}))  # type: ignore[arg-type]
    with python(3, 10, 13):
        assert STAND_IN["read_toml"]("a = 1") == {"tomli": "a = 1"}


# -- times -----------------------------------------------------------------------------------------------------------


def stand_in_reads(text: str) -> datetime:
    with python(3, 10, 13):
        found: datetime = STAND_IN["read_time"](text)
    return found


READERS = {"in use": stdlib.read_time, "stand-in": stand_in_reads}
MOMENT = datetime(2031, 7, 9, 21, 45, 30)
TIMES = {
    "2031-07-09": MOMENT.replace(hour=0, minute=0, second=0),
    "20310709": MOMENT.replace(hour=0, minute=0, second=0),
    "2031-W28": datetime(2031, 7, 7),
    "2031W283": MOMENT.replace(hour=0, minute=0, second=0),
    "2031-W28-3T21:45:30": MOMENT,
    "2031-07-09T21": MOMENT.replace(minute=0, second=0),
    "2031-07-09 21:45": MOMENT.replace(second=0),
    "20310709T214530": MOMENT,
    "2031-07-09T21:45:30,5": MOMENT.replace(microsecond=500_000),
    "2031-07-09T21:45:30.123456789": MOMENT.replace(microsecond=123_456),
    "2031-07-09T21:45:30Z": MOMENT.replace(tzinfo=timezone.utc),
    "20310709T2145Z": MOMENT.replace(second=0, tzinfo=timezone.utc),
    "2031-07-09T21:45:30+02": MOMENT.replace(tzinfo=timezone(timedelta(hours=2))),
    "2031-07-09T21:45:30-0230": MOMENT.replace(tzinfo=timezone(-timedelta(hours=2, minutes=30))),
    "2031-07-09T21:45:30.25+02:30": MOMENT.replace(
        microsecond=250_000, tzinfo=timezone(timedelta(hours=2, minutes=30))
    ),
}
NO_TIMES = (
    "", "now", "2031", "2031-07", "2031-7-9", "2031-0709", "2031-13-01", "2031-02-29", "2031-W54-1", "٢٠٣١-٠٧-٠٩",
    " 2031-07-09", "2031-07-09\n", "2031-07-09Z", "2031-07-09T", "2031-07-09T21:45:", "2031-07-09T2145:30",
    "2031-07-09T25:00", "2031-07-09T21:60", "2031-07-09T21:45:30.", "2031-07-09T21:45+", "2031-07-09T21:45+24:00",
)  # fmt: skip


@pytest.mark.parametrize("reader", READERS.values(), ids=READERS)
@pytest.mark.parametrize(("text", "time"), TIMES.items(), ids=TIMES)
def test_times_of_iso_8601_are_read(reader: Any, text: str, time: datetime) -> None:
    found = reader(text)
    assert (found, found.utcoffset()) == (time, time.utcoffset())


@pytest.mark.parametrize("reader", READERS.values(), ids=READERS)
@pytest.mark.parametrize("text", NO_TIMES, ids=repr)
def test_what_is_no_time_is_refused(reader: Any, text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        reader(text)


ZONES = st.none() | st.timedeltas(timedelta(hours=-23), timedelta(hours=23)).map(timezone)


@given(
    st.datetimes(timezones=ZONES),
    st.sampled_from("T _Ü"),
    st.sampled_from(["hours", "minutes", "milliseconds", "auto"]),
)
def test_what_isoformat_writes_is_read(moment: datetime, between: str, spec: str) -> None:
    text = moment.isoformat(between, spec)
    assert stand_in_reads(text) == datetime.fromisoformat(text) == stdlib.read_time(text)


# -- the cost --------------------------------------------------------------------------------------------------------


def test_loading_it_loads_nothing_else() -> None:
    code = """
        import __future__, enum, sys, typing
        had = set(sys.modules)
        import hal.stdlib
        print(*sorted(set(sys.modules) - had))
    """
    ran = subprocess.run([sys.executable, "-c", dedent(code)], capture_output=True, text=True, check=True, cwd=ROOT)
    assert ran.stdout.split() == ["hal", "hal.stdlib"]
