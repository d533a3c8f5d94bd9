"""The nvpmodel.conf grammar: what is accepted, what is refused with its line, and that nothing else is raised."""

from __future__ import annotations

import pytest
from hal_jetson_orin.nvpmodel import parse
from hal_jetson_orin.power import parse_query
from hal_jetson_orin.vendor_modes import SHIPPED, nvpmodel_conf
from hypothesis import given
from hypothesis import strategies as st

from hal.errors import Damaged

SOUND = """# two modes, the stronger one first
<PARAM TYPE=FILE NAME=CPU_ONLINE >
CORE_1 /sys/devices/system/cpu/cpu1/online
< PARAM NAME=GPU TYPE=CLOCK>
MAX_FREQ_KNEXT /sys/devices/platform/x/max_freq
< FAN_CONFIG DEFAULT=quiet >
< POWER_MODEL NAME=FULL ID=7 >
CPU_ONLINE CORE_1 1
GPU MAX_FREQ -1   # no cap
<POWER_MODEL ID=0 NAME=MODE_15W>
CPU_ONLINE CORE_1 0
GPU MAX_FREQ 300000000
< PM_CONFIG   DEFAULT = 7 >"""


def test_a_sound_file() -> None:
    model = parse(SOUND, "conf")
    assert [(mode.id, mode.name, mode.short_name, mode.budget_watt) for mode in model.modes] == [
        (7, "FULL", "FULL", None),
        (0, "MODE_15W", "15W", 15),
    ]
    assert model.default == 7
    assert model.modes[0].lines == (("CPU_ONLINE", "CORE_1", "1"), ("GPU", "MAX_FREQ", "-1"))
    assert model.named("15W") == model.named("MODE_15W") == model.mode(0)


def test_another_default_changes_only_its_digits() -> None:
    changed = parse(SOUND, "conf").with_default(0)
    assert changed == SOUND.replace("DEFAULT = 7", "DEFAULT = 0")
    assert parse(changed, "conf").default == 0


@pytest.mark.parametrize(
    ("find", "put", "line", "words"),
    [
        ("< PM_CONFIG   DEFAULT = 7 >", "", 12, "no PM_CONFIG"),
        ("DEFAULT = 7", "DEFAULT = 9", 13, "names no POWER_MODEL (7, 0)"),
        ("DEFAULT = 7", "DEFAULT=default", 13, "a number is expected"),
        ("DEFAULT = 7 >", "DEFAULT = 7", 13, "cut off or malformed"),
        ("DEFAULT = 7 >", "DEFAULT = 7 >\n<PM_CONFIG DEFAULT=0>", 14, "a second PM_CONFIG"),
        ("NAME=FULL ID=7", "NAME=FULL", 7, "lacks ID="),
        ("NAME=FULL ID=7", "ID=7", 7, "lacks NAME="),
        ("NAME=FULL ID=7", "NAME=FULL ID=0", 10, "the same id or name"),
        ("NAME=FULL ID=7", "NAME=MODE_15W ID=7", 10, "the same id or name"),
        ("NAME=FULL ID=7", "NAME=FULL ID=-7", 7, "a number is expected"),
        ("NAME=FULL ID=7", "NAME=FULL NAME=FULL ID=7", 7, "once each"),
        ("CPU_ONLINE CORE_1 1", "CPU_ONLINE CORE_1", 8, "'<param> <argument> <value>'"),
        ("CPU_ONLINE CORE_1 1", "CPU_ONLINE CORE_2 1", 8, "no argument CORE_2"),
        ("CPU_ONLINE CORE_1 1", "CPU_ONLIN CORE_1 1", 8, "not declared"),
        ("GPU MAX_FREQ -1", "GPU MAX_FREQ fast", 9, "a frequency is expected"),
        ("GPU MAX_FREQ -1", "GPU MAX_FREQ -", 9, "a frequency is expected"),
        ("CORE_1 /sys", "CORE_1 sys", 3, "'<argument> <path>'"),
        ("# two modes", "two modes", 1, "section header"),
        ("# two modes", "#\0\nx\0", 2, "NUL"),
        ("NAME=CPU_ONLINE >", ">", 2, "PARAM lacks NAME="),
    ],
)
def test_damage_is_told_with_its_line(find: str, put: str, line: int, words: str) -> None:
    assert find in SOUND
    with pytest.raises(Damaged) as error:
        parse(SOUND.replace(find, put, 1), "conf")
    assert error.value.line == line
    assert words in error.value.message
    assert error.value.message.startswith(f"conf:{line}: ")


@pytest.mark.parametrize("slug", SHIPPED)
def test_a_file_cut_anywhere_is_never_taken_for_whole(slug: str) -> None:
    """The default comes last in the vendor's files, so every cut before its closing bracket is noticed."""
    text = nvpmodel_conf(*SHIPPED[slug])
    whole = parse(text, "conf")
    assert len(whole.modes) == len(SHIPPED[slug][0].modes)
    for cut in range(0, text.rindex(">") + 1, 7):
        with pytest.raises(Damaged):
            parse(text[:cut], "conf")


TEXT = st.one_of(
    st.text(),
    st.lists(
        st.sampled_from([*SOUND.splitlines(), "<", ">", "< PARAM", "=", "ID=", "< POWER_MODEL ID=1 NAME=a b>"])
    ).map("\n".join),
)


@given(TEXT)
def test_any_text_parses_or_is_damaged(text: str) -> None:
    try:
        model = parse(text, "conf")
    except Damaged:
        return
    for mode in model.modes:
        assert parse(model.with_default(mode.id), "conf").default == mode.id


@pytest.mark.parametrize(
    ("output", "mode"),
    [
        ("NV Power Mode: 15W\n2\n", ("15W", 2)),
        ("NVPM WARN: power mode is not set\nNVPM WARN: 3 things\n12\nNV Power Mode: MAXN\n0\n", ("MAXN", 0)),
        ("NV Fan Mode:quiet\nNV Power Mode: MODE_30W\n 2 \n", ("MODE_30W", 2)),
        ("NV Power Mode: 15W\nNVPM WARN: late\n1\n", ("15W", 1)),
        ("NVPM ERROR: cannot open\nNV Power Mode: 15W\n2\n", None),
        ("NV Power Mode: 15W\n", None),
        ("15W\n2\n", None),
        ("", None),
    ],
)
def test_the_tools_answer(output: str, mode: tuple[str, int] | None) -> None:
    assert parse_query(output) == mode
