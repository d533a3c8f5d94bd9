"""The nvfancontrol.conf grammar: what is accepted, what is refused with its line, and that nothing else is raised."""

from __future__ import annotations

import pytest
from hal_jetson_orin.fan import summary
from hal_jetson_orin.nvfancontrol import Row, parse
from hal_jetson_orin.tree import nvfancontrol_conf
from hypothesis import given
from hypothesis import strategies as st

from hal.errors import Damaged

SOUND = """POLLING_INTERVAL 2
<FAN 1>
\tTMARGIN ENABLED
\tFAN_GOVERNOR pid { STEP_SIZE 10 }
\tFAN_CONTROL close_loop {
\t\tRPM_TOLERANCE 100
\t}
\tFAN_PROFILE quiet {
\t\t#TEMP HYST PWM RPM
\t\t0\t0\t255\t6000
\t\t70 0 0 0
\t}
\tFAN_PROFILE cool
\t{
\t\t0 0 255 6000
\t}
\tTHERMAL_GROUP 0 {
\t\tGROUP_MAX_TEMP 105
\t\tcpu-thermal 20,0,0 105
\t}
\tSOMETHING_NEW 1 2 3
\tFAN_DEFAULT_PROFILE quiet
\tKICKSTART_PWM 64
<FAN 2>
\tFAN_PROFILE quiet {
\t\t10 0 100 2000
\t}
\tFAN_DEFAULT_PROFILE quiet
</FAN 2>"""


def test_a_sound_file() -> None:
    control = parse(SOUND, "conf")
    assert control.polling_seconds == 2
    assert [(fan.number, fan.default, fan.margin, fan.group_max_celsius) for fan in control.fans] == [
        (1, "quiet", True, 105),
        (2, "quiet", False, None),
    ]
    assert [profile.name for profile in control.fans[0].profiles] == ["quiet", "cool"]
    assert control.profile_names() == ("quiet",), "only what every fan has can be chosen"


def test_margins_become_temperatures_coldest_first() -> None:
    fan = parse(SOUND, "conf").fans[0]
    assert fan.absolute(fan.profiles[0]) == (
        Row(temperature_celsius=35, hysteresis_celsius=0, pwm=0, rpm=0),
        Row(temperature_celsius=105, hysteresis_celsius=0, pwm=255, rpm=6000),
    )
    assert summary(fan, fan.profiles[0]) == "off up to 35 °C, 100 % (6000 rpm) from 105 °C"


def test_another_default_changes_every_fan_and_nothing_else() -> None:
    text = SOUND.replace("FAN_PROFILE cool", "FAN_PROFILE x").replace("\t\t10 0 100", "\t\t9 0 100")
    text = text.replace("</FAN 2>", "").replace("<FAN 2>", "</FAN 1>\n<FAN 2>\n\tFAN_PROFILE x {\n\t\t0 0 1 1\n\t}")
    control = parse(text, "conf")
    changed = control.with_default("x")
    assert changed == text.replace("FAN_DEFAULT_PROFILE quiet", "FAN_DEFAULT_PROFILE x")
    assert [fan.default for fan in parse(changed, "conf").fans] == ["x", "x"]


@pytest.mark.parametrize(
    ("find", "put", "line", "words"),
    [
        ("\t}\n\tFAN_PROFILE cool", "\tFAN_PROFILE cool", 13, "a block inside a block"),
        ("70 0 0 0", "70 0 0", 11, "TEMP HYST PWM RPM, not 3"),
        ("70 0 0 0", "70 0 0 0 0", 11, "TEMP HYST PWM RPM, not 5"),
        ("70 0 0 0", "0 0 0 0", 11, "does not ascend"),
        ("70 0 0 0", "70 0 256 0", 11, "not within 0 to 255"),
        ("70 0 0 0", "70 0 x 0", 11, "a number is expected"),
        ("FAN_DEFAULT_PROFILE quiet", "FAN_DEFAULT_PROFILE silent", 22, "none of quiet, cool"),
        ("FAN_DEFAULT_PROFILE quiet", "FAN_DEFAULT_PROFILE", 22, "takes one value"),
        ("\tFAN_DEFAULT_PROFILE quiet\n\tK", "\tK", 2, "no FAN_DEFAULT_PROFILE"),
        ("\tFAN_PROFILE quiet {\n\t\t10 0 100 2000\n\t}\n", "", 24, "no FAN_PROFILE"),
        ("\tKICK", "\tFAN_DEFAULT_PROFILE quiet\n\tKICK", 23, "a second FAN_DEFAULT_PROFILE"),
        ("FAN_PROFILE cool", "FAN_PROFILE quiet", 13, "a second FAN_PROFILE quiet"),
        ("TMARGIN ENABLED", "TMARGIN ENABLE", 3, "ENABLED or DISABLED"),
        ("<FAN 2>", "<FAN two>", 24, "'<FAN n>' or a keyword is expected"),
        ("</FAN 2>", "</FAN 3>", 29, "not open"),
        ("</FAN 2>", "}", 29, "closes nothing"),
        ("</FAN 2>", "{", 28, "is not closed"),
        ("POLLING", "{ POLLING", 1, "without a keyword"),
        ("\t\tRPM_TOLERANCE 100\n\t}", "\t\tRPM_TOLERANCE 100", 7, "a block inside a block"),
        ("POLLING_INTERVAL 2", "POLLING_INTERVAL two", 1, "a number is expected"),
        ("\t\t70 0 0 0", "\t\t\0", 11, "NUL"),
    ],
)
def test_damage_is_told_with_its_line(find: str, put: str, line: int, words: str) -> None:
    assert find in SOUND
    with pytest.raises(Damaged) as error:
        parse(SOUND.replace(find, put, 1), "conf")
    assert words in error.value.message
    assert error.value.line == line


def test_a_file_cut_before_its_default_is_never_taken_for_whole() -> None:
    curve = "0,0,255,6000 70,0,0,0"
    text = nvfancontrol_conf(cool=curve, quiet=curve, default="cool")
    assert parse(text, "conf").profile_names() == ("cool", "quiet")
    for cut in range(text.index("FAN_DEFAULT_PROFILE cool") + len("FAN_DEFAULT_PROFILE coo")):
        with pytest.raises(Damaged):
            parse(text[:cut], "conf")


TEXT = st.one_of(
    st.text(),
    st.lists(st.sampled_from([*SOUND.splitlines(), "{", "}", "<FAN", "<FAN 3>", "FAN_PROFILE", "</FAN 1>"])).map(
        "\n".join
    ),
)


@given(TEXT)
def test_any_text_parses_or_is_damaged(text: str) -> None:
    try:
        control = parse(text, "conf")
    except Damaged:
        return
    for name in control.profile_names():
        again = parse(control.with_default(name), "conf")
        assert {fan.default for fan in again.fans} == {name}
