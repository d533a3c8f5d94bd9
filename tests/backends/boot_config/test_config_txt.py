"""config.txt: what lines mean, edits that keep the rest, the dossier's worked example, users' issues R18 to R21."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hal.backends.boot_config import config_lines, overlays
from hal.backends.boot_config.config_edit import with_values
from hal.backends.boot_config.config_txt import FORBIDDEN, ConfigTxt
from hal.errors import Damaged, FileFault, ValueRefused
from hal.model import Cost, Keeping, Outcome
from hal.root import Root

FILE = "mnt/boot/config.txt"
DOOR = b"""# door controller
dtparam=i2c_arm=on,spi=on
dtoverlay=w1-gpio,gpiopin=17
dtparam=audio=on
dtparam=pullup=1
[cm4]
otg_mode=1
"""


@pytest.fixture
def root(tmp_path: Path) -> Root:
    """A boot partition with nothing else: one test lists it."""
    (tmp_path / "mnt/boot").mkdir(parents=True)
    return Root(tmp_path)


def store(root: Root, data: bytes, **named: object) -> ConfigTxt:
    root.resolve(FILE).write_bytes(data)
    return ConfigTxt(root, FILE, **named)  # type: ignore[arg-type]


def with_overlays(root: Root, *names: str, rules: bytes | None = None) -> None:
    folder = root.resolve("mnt/boot/overlays")
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / f"{name}.dtbo").write_bytes(b"")
    if rules is not None:
        (folder / overlays.MAP).write_bytes(rules)


def values(found: ConfigTxt) -> dict[str, str]:
    return {each.key: each.value for each in found.items() if not each.section}


# -- what lines mean -------------------------------------------------------------------------------------------------

MEANS: dict[str, tuple[bytes, dict[str, str]]] = {
    "nothing": (b"", {}),
    "later counts": (b"a=1\na=2\n", {"a": "2"}),
    "empty value": (b"device_tree=\n", {"device_tree": ""}),
    "value with =": (b"gpio=0-9=a2\n", {"gpio": '"0-9=a2"'}),
    "indented, as the documentation shows it": (b"  a=1\n", {"a": "1"}),
    "blank before =": (b"a =1\n", {}),
    "blank behind": (b"a=1 \n", {"a": "1"}),
    "CR LF": (b"a=1\r\nb=2\r\n", {"a": "1", "b": "2"}),
    "no end": (b"a=1", {"a": "1"}),
    "index": (b"hdmi_group:1=2\n", {"hdmi_group:1": "2"}),
    "comment": (b"#a=1\n  #b=1\n", {}),
    "condition": (b"a=1\n[pi4]\na=2\nb=1\n[all]\nc=1\n", {"a": "1", "c": "1"}),
    "condition with =": (b"[EDID=VSC-TD2220]\na=1\n", {}),
    "unclosed condition": (b"[pi4\na=1\n", {}),
    "none": (b"[none]\na=1\n[all]\nb=1\n", {"b": "1"}),
    "repeated": (b"gpio=1=op\ngpio=2=op\n", {"gpio": '"1=op","2=op"'}),
    "one line, several parameters": (b"dtparam=spi=on,i2c=on\n", {"dtparam": '"spi=on","i2c=on"'}),
    "overlay on one line": (b"dtoverlay=x,a,b=1\n", {"dtoverlay": '"x,a,b=1"'}),
    "overlay on three lines": (b"dtoverlay=x\ndtparam=a\ndtparam=b=1\n", {"dtoverlay": '"x,a,b=1"'}),
    "parameter before": (b"dtparam=a\ndtoverlay=x\n", {"dtparam": '"a"', "dtoverlay": '"x"'}),
    "parameter behind": (b"dtoverlay=x\ndtparam=a\n", {"dtoverlay": '"x,a"'}),
    "base parameter behind": (b"dtoverlay=x\ndtparam=spi=on\n", {"dtoverlay": '"x"', "dtparam": '"spi=on"'}),
    "both on one line": (b"dtoverlay=x\ndtparam=a,spi=on\n", {"dtoverlay": '"x,a"', "dtparam": '"spi=on"'}),
    "closed overlay": (b"dtoverlay=x\ndtoverlay=\ndtparam=a\n", {"dtoverlay": '"x"', "dtparam": '"a"'}),
    "same overlay twice": (b"dtoverlay=x,a\ndtoverlay=x,b\n", {"dtoverlay": '"x,a","x,b"'}),
    "empty words": (b"dtparam=\ndtparam=a,,b\ndtoverlay=x,,c\n", {"dtparam": '"a","b"', "dtoverlay": '"x,c"'}),
    "no ASCII": (b"a=\xff\nb=1\n", {"b": "1"}),
    "forbidden": (b"kernel=x\ninitramfs a.gz followkernel\ninclude b.txt\n", {}),
    "parameter of a conditional overlay": (b"[pi4]\ndtoverlay=x\n[all]\ndtparam=a\n", {}),
}


@pytest.mark.parametrize("case", MEANS)
def test_a_file_means(case: str, root: Root) -> None:
    data, expected = MEANS[case]
    assert values(store(root, data)) == expected


def test_conditions_of_one_kind_replace_each_other_and_others_add_up(root: Root) -> None:
    data = b"[pi3]\na=1\n[pi4]\na=2\n[gpio4=1]\na=3\n[all]\na=4\n[cm4]\ndtoverlay=x\ndtparam=p\n"
    found = [(each.section, each.key, each.value, each.variable) for each in store(root, data).items()]
    assert found == [
        ("", "a", "4", "BALENA_HOST_CONFIG_a"),
        ("[pi3]", "a", "1", ""),
        ("[pi4]", "a", "2", ""),
        ("[pi4][gpio4=1]", "a", "3", ""),
        ("[cm4]", "dtoverlay", '"x,p"', ""),
    ]


def test_what_is_kept_is_told_with_its_reason(root: Root) -> None:
    data = b"# c\n\n[cm4]\nkernel=x\ninitramfs y\ninclude z\na =1\n\xff\nfan_profile=cool\n"
    found = [(each.line, each.text, each.why) for each in store(root, data).kept()]
    assert found == [
        (1, "# c", Keeping.COMMENT),
        (3, "[cm4]", Keeping.CONDITION),
        (4, "kernel=x", Keeping.RESERVED),
        (5, "initramfs y", Keeping.RESERVED),
        (6, "include z", Keeping.UNKNOWN),
        (7, "a =1", Keeping.UNKNOWN),
        (8, "\\xff", Keeping.UNKNOWN),
        (9, "fan_profile=cool", Keeping.RESERVED),
    ]


def test_a_line_that_is_too_long_is_told(root: Root) -> None:
    found = store(root, b"dtoverlay=x," + b"p" * 100 + b"\n").items()
    assert "98 of 112" in found[0].note


# -- the worked example 14.5 -----------------------------------------------------------------------------------------


def test_the_worked_example_is_read_as_the_supervisor_reads_it_but_for_the_condition(root: Root) -> None:
    found = [(each.key, each.value, each.section) for each in store(root, DOOR).items()]
    assert found == [
        ("dtparam", '"i2c_arm=on","spi=on","audio=on"', ""),
        ("dtoverlay", '"w1-gpio,gpiopin=17,pullup=1"', ""),
        ("otg_mode", "1", "[cm4]"),
    ]


def test_the_worked_example_keeps_comment_and_condition(root: Root) -> None:
    found = store(root, DOOR)
    result = found.set({"gpu_mem": "32"})
    assert (result.outcome, result.cost) == (Outcome.ACCEPTED, Cost.REBOOT)
    assert root.read_bytes(FILE) == DOOR.replace(b"pullup=1\n", b"pullup=1\ngpu_mem=32\n")


# -- edits -----------------------------------------------------------------------------------------------------------

EDITS: dict[str, tuple[bytes, dict[str, str | None], bytes]] = {
    "change in place": (b"# m\na=1\nb=1\n", {"a": "2"}, b"# m\na=2\nb=1\n"),
    "the last of two counts": (b"a=1\na=2\n", {"a": "3"}, b"a=1\na=3\n"),
    "new before the condition": (b"a=1\n\n# for cm4\n[cm4]\nb=1\n", {"c": "1"}, b"a=1\nc=1\n\n# for cm4\n[cm4]\nb=1\n"),
    "new before a condition at the top": (b"[cm4]\nb=1\n", {"c": "1"}, b"c=1\n[cm4]\nb=1\n"),
    "new before the comment of a condition": (b"# for cm4\n[cm4]\nb=1\n", {"c": "1"}, b"c=1\n# for cm4\n[cm4]\nb=1\n"),
    "into an empty file": (b"", {"c": "1"}, b"c=1\n"),
    "without an end": (b"a=1", {"c": "1"}, b"a=1\nc=1"),
    "changed without an end": (b"a=1", {"a": "2"}, b"a=2"),
    "CR LF": (b"a=1\r\n[cm4]\r\n", {"c": "1"}, b"a=1\r\nc=1\r\n[cm4]\r\n"),
    "CR at the end": (b"a=1\r", {"c": "1"}, b"a=1\r\nc=1\n"),
    "removed": (b"a=1\n# m\nb=1\na=2\n", {"a": None}, b"# m\nb=1\n"),
    "removed at the end": (b"a=1\nb=1", {"b": None}, b"a=1\n"),
    "conditional stays": (b"a=1\n[cm4]\na=2\n", {"a": None}, b"[cm4]\na=2\n"),
    "in a later [all] too": (b"[cm4]\na=1\n[all]\nb=1\n", {"b": "2"}, b"[cm4]\na=1\n[all]\nb=2\n"),
    "one of three parameters": (
        b"# one\ndtparam=spi=on\n# two\ndtparam=i2c=on\n",
        {"dtparam": '"i2c=on"'},
        b"# one\n# two\ndtparam=i2c=on\n",
    ),
    "out of a shared line": (b"dtparam=spi=on,i2c=on\n", {"dtparam": "i2c=on"}, b"dtparam=i2c=on\n"),
    "a parameter before the overlay": (
        b"a=1\n# led\ndtoverlay=x\ndtparam=p\n",
        {"dtparam": "q=1"},
        b"a=1\ndtparam=q=1\n# led\ndtoverlay=x\ndtparam=p\n",
    ),
    "the overlay's own parameter stays": (
        b"dtoverlay=x\ndtparam=p,audio=on\n",
        {"dtparam": "audio=off"},
        b"dtoverlay=x\ndtparam=audio=off\ndtparam=p\n",
    ),
    "an overlay goes with its parameters": (
        b"dtoverlay=x\n# about p\ndtparam=p,audio=on\ndtoverlay=y\n",
        {"dtoverlay": "y"},
        b"# about p\ndtparam=audio=on\ndtoverlay=y\n",
    ),
    "an overlay is added behind the last": (
        b"dtoverlay=x,p\ngpu_mem=16\n[cm4]\n",
        {"dtoverlay": '"x,p","y,q,r=1"'},
        b"dtoverlay=x,p\ndtoverlay=y\ndtparam=q\ndtparam=r=1\ngpu_mem=16\n[cm4]\n",
    ),
    "an overlay does not take what follows": (
        b"a=1\n[cm4]\ndtparam=p\n",
        {"dtoverlay": "x"},
        b"a=1\ndtoverlay=x\ndtoverlay=\n[cm4]\ndtparam=p\n",
    ),
    "a base name stays with its overlay": (
        b"",
        {"dtoverlay": "x,audio,p"},
        b"dtoverlay=x,audio\ndtparam=p\n",
    ),
    "overlays in another order": (
        b"dtoverlay=x\ndtoverlay=y,p\n",
        {"dtoverlay": '"y,p","x"'},
        b"dtoverlay=y\ndtparam=p\ndtoverlay=x\n",
    ),
    "several keys": (b"a=1\n", {"b": "1", "dtoverlay": "x", "a": None}, b"b=1\ndtoverlay=x\n"),
}


@pytest.mark.parametrize("case", EDITS)
def test_an_edit(case: str, root: Root) -> None:
    before, wanted, after = EDITS[case]
    found = store(root, before)
    kept = [(each.text, each.why) for each in found.kept() if each.text != "dtoverlay="]
    planned = found.preview(wanted)
    assert root.read_bytes(FILE) == before
    result = found.set(wanted)
    assert root.read_bytes(FILE) == after
    assert result.changes == planned
    assert [(each.text, each.why) for each in found.kept() if each.text != "dtoverlay="] == kept
    assert found.set(wanted).outcome is Outcome.UNCHANGED
    assert root.read_bytes(FILE) == after


def test_what_would_change_the_meaning_of_another_line_is_refused(root: Root) -> None:
    data = b"dtoverlay=x\n[cm4]\ndtparam=p\n"
    found = store(root, data)
    with pytest.raises(ValueRefused, match="changing its meaning"):
        found.set({"dtoverlay": None})
    assert root.read_bytes(FILE) == data
    found.set({"dtoverlay": "x,q"})  # still its overlay
    assert [each.value for each in found.items() if each.section == "[cm4]"] == ['"p"']


def test_a_condition_that_has_the_last_word_is_told(root: Root) -> None:
    change = store(root, b"a=1\n[pi4]\na=3\n").preview({"a": "2"})[0]
    assert change.note == "[pi4] sets it too, and counts on the boards it fits"


# -- values ----------------------------------------------------------------------------------------------------------

HOSTILE = {
    "newline": ("gpu_mem", "1\nkernel=x"),
    "CR": ("gpu_mem", "1\rkernel=x"),
    "NUL": ("gpu_mem", "1\0"),
    "not ASCII": ("gpu_mem", "1é"),
    "lone surrogate": ("gpu_mem", "\udcff"),
    "blank around": ("gpu_mem", " 1"),
    "too long": ("gpu_mem", "x" * 91),
    "overlay with a path": ("dtoverlay", "../x"),
    "overlay with a newline": ("dtoverlay", '"x\\nkernel=y"'),
    "empty overlay": ("dtoverlay", ""),
    "empty parameter": ("dtoverlay", "x,,y"),
    "parameter too long": ("dtoverlay", "x," + "p" * 91),
    "broken list": ("dtparam", '"a","b'),
    "list of numbers": ("dtparam", '"a",1'),
    "deep list": ("dtparam", '"a",' + "[" * 100_000),
    "key with a newline": ("a\nb", "1"),
    "key with =": ("a=b", "1"),
    "key in brackets": ("[all]", "1"),
    "empty key": ("", "1"),
    "variable of another store": ("BALENA_HOST_EXTLINUX_fdt", "x"),
    "power mode": ("BALENA_HOST_CONFIG_power_mode", "high"),
    **{key: (key, "x") for key in FORBIDDEN},
}


@pytest.mark.parametrize("case", HOSTILE)
@pytest.mark.parametrize("data", [b"", DOOR])
def test_a_hostile_value_is_refused_and_nothing_written(case: str, data: bytes, root: Root) -> None:
    key, value = HOSTILE[case]
    found = store(root, data)
    with pytest.raises(ValueRefused) as refusal:
        found.set({"disable_splash": "1", key: value})
    assert refusal.value.allowed
    assert root.read_bytes(FILE) == data


def test_a_forbidden_key_is_refused_by_name_with_what_is_allowed(root: Root) -> None:
    with pytest.raises(ValueRefused, match=r"kernel is not changed here.*allowed is any other key"):
        store(root, b"").set({"RESIN_HOST_CONFIG_kernel": "x"})


def test_two_words_for_one_key_must_agree(root: Root) -> None:
    found = store(root, b"")
    with pytest.raises(ValueRefused, match="twice"):
        found.set({"gpu_mem": "1", "BALENA_HOST_CONFIG_gpu_mem": "2"})
    found.set({"gpu_mem": "1", "BALENA_HOST_CONFIG_gpu_mem": "1"})
    assert root.read_bytes(FILE) == b"gpu_mem=1\n"


# -- users' issues ---------------------------------------------------------------------------------------------------


def test_r18_a_failed_write_leaves_the_old_file_whole(root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    """balena-supervisor 649: stopped between truncate and write. Here the file is never truncated."""
    found = store(root, DOOR)

    def full(path: Path, target: Path) -> None:
        assert root.read_bytes(FILE) == DOOR
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "rename", full)
    with pytest.raises(FileFault):
        found.set({"gpu_mem": "32"})
    assert root.read_bytes(FILE) == DOOR
    assert root.listdir("mnt/boot") == ("config.txt",)


def test_r18_a_write_of_fatrw_that_was_interrupted_cannot_undo_a_set(root: Root) -> None:
    found = store(root, DOOR)
    journal = root.resolve("mnt/boot/.config.txt.5e1b09aa.d41d8cd98f00b204e9800998ecf8427e.md5sum")
    journal.write_bytes(b"")
    found.set({"gpu_mem": "32"})
    assert not journal.exists()


@pytest.mark.parametrize(
    ("stored", "asked"),
    [
        (b"dtparam=i2c_arm=on,spi=on\n", "i2c_arm=on,spi=on"),
        (b"dtparam=i2c_arm=on\ndtparam=spi=on\n", "i2c_arm=on,spi=on"),
        (b"dtparam=i2c_arm=on,spi=on\n", '"i2c_arm=on","spi=on"'),
        (b"dtparam=i2c_arm=on,spi=on\n", '"i2c_arm=on,spi=on"'),
    ],
)
def test_r19_comma_joined_parameters_are_no_change(stored: bytes, asked: str, root: Root) -> None:
    found = store(root, stored)
    assert found.preview({"dtparam": asked}) == ()
    assert found.set({"dtparam": asked}).outcome is Outcome.UNCHANGED
    assert root.read_bytes(FILE) == stored


def test_r20_parameters_before_and_behind_an_overlay_keep_their_meaning(root: Root) -> None:
    data = b"dtparam=act_led_trigger=none\ndtoverlay=x\ndtparam=speed=1\ndtparam=audio=on\n"
    found = store(root, data)
    before = values(found)
    for key in ("dtparam", "dtoverlay"):
        assert found.set({key: before[key]}).outcome is Outcome.UNCHANGED
    found.set({"dtparam": '"act_led_trigger=none","audio=on","pwr_led_trigger=none"'})
    assert values(found) == {
        "dtparam": '"act_led_trigger=none","audio=on","pwr_led_trigger=none"',
        "dtoverlay": '"x,speed=1"',
    }


@pytest.fixture
def mapped(root: Root) -> Root:
    from hal_raspberrypi.tree import VARIANTS, overlay_map

    names = ("vc4-kms-v3d", "vc4-kms-v3d-pi4", "vc4-kms-v3d-pi5", "disable-bt", "w1-gpio")
    with_overlays(root, *names, rules=overlay_map(VARIANTS))
    return root


R21: tuple[tuple[str, str | None, str | None], ...] = (
    ("vc4-kms-v3d", "bcm2835", ""),
    ("vc4-kms-v3d", "bcm2711", "vc4-kms-v3d is vc4-kms-v3d-pi4 on this board"),
    ("vc4-kms-v3d", "bcm2712", "vc4-kms-v3d is vc4-kms-v3d-pi5 on this board"),
    ("vc4-kms-v3d", None, "which of vc4-kms-v3d, vc4-kms-v3d-pi4, vc4-kms-v3d-pi5 this board takes is not known"),
    ("vc4-kms-v3d-pi4", "bcm2711", ""),
    ("vc4-kms-v3d-pi4", "bcm2712", None),
    ("vc4-kms-v3d-pi5", "bcm2711", None),
    ("pi3-disable-bt", "bcm2711", "pi3-disable-bt is disable-bt on this board"),
    ("lirc-rpi", "bcm2711", None),
    ("w1-gpio", "bcm2712", ""),
    ("no-such", "bcm2712", None),
)


@pytest.mark.parametrize(("name", "platform", "note"), R21)
def test_r21_the_file_of_an_overlay_is_the_one_for_this_board(
    name: str, platform: str | None, note: str | None, mapped: Root
) -> None:
    found = store(mapped, b"", platform=platform)
    if note is None:
        with pytest.raises(ValueRefused) as refusal:
            found.set({"dtoverlay": name})
        assert refusal.value.allowed
        assert mapped.read_bytes(FILE) == b""
    else:
        assert note in found.set({"dtoverlay": name}).changes[0].note
        assert values(found) == {"dtoverlay": f'"{name}"'}


def test_r21_a_variant_whose_file_is_missing_is_refused(mapped: Root) -> None:
    mapped.remove("mnt/boot/overlays/vc4-kms-v3d-pi5.dtbo")
    with pytest.raises(ValueRefused, match=r"vc4-kms-v3d-pi5\.dtbo does not exist"):
        store(mapped, b"", platform="bcm2712").set({"dtoverlay": "vc4-kms-v3d"})


def test_r21_without_a_map_a_name_of_another_board_is_refused_too(root: Root) -> None:
    with_overlays(root, "x", "x-pi4")
    with pytest.raises(ValueRefused, match="made for bcm2711"):
        store(root, b"", platform="bcm2712").set({"dtoverlay": "x-pi4"})
    store(root, b"", platform="bcm2712").set({"dtoverlay": "x"})


def test_an_overlay_that_is_in_the_file_already_may_stay(mapped: Root) -> None:
    found = store(mapped, b"dtoverlay=gone\n", platform="bcm2711")
    found.set({"dtoverlay": '"gone","w1-gpio"'})
    assert values(found) == {"dtoverlay": '"gone","w1-gpio"'}


def test_a_map_that_is_damaged_is_no_map(mapped: Root) -> None:
    file = mapped.resolve(f"mnt/boot/overlays/{overlays.MAP}")
    file.write_bytes(file.read_bytes()[:100])
    store(mapped, b"", platform="bcm2712").set({"dtoverlay": "vc4-kms-v3d"})


def test_a_required_overlay_is_added_and_cannot_be_removed(root: Root) -> None:
    found = store(root, b"dtoverlay=balena-fin\n", required=("balena-fin",))
    assert found.set({"dtoverlay": None}).outcome is Outcome.UNCHANGED
    found.set({"dtoverlay": "spyfly"})
    assert values(found) == {"dtoverlay": '"spyfly","balena-fin"'}
    assert found.set({"dtoverlay": "spyfly"}).outcome is Outcome.UNCHANGED
    found.set({"dtoverlay": "balena-fin,a=1"})
    assert values(found) == {"dtoverlay": '"balena-fin,a=1"'}


# -- properties ------------------------------------------------------------------------------------------------------

WORDS = ("audio=on", "spi=on", "p=1", "q", "x,p=1")
LINES = st.sampled_from(
    [
        b"# c",
        b"",
        b"gpu_mem=16",
        b"gpu_mem=32 ",
        b"dtparam=spi=on",
        b"dtparam=p=1,audio=on",
        b"dtparam=q",
        b"dtoverlay=x",
        b"dtoverlay=x,p=1",
        b"dtoverlay=y,audio",
        b"dtoverlay=",
        b"dtoverlay=\xff",
        b"gpio=1=op",
        b"[cm4]",
        b"[all]",
        b"[EDID=a]",
        b"include b.txt",
        b"kernel=k",
    ]
)
FILES = st.one_of(
    st.binary(max_size=200),
    st.builds(
        lambda lines, end, last: end.join(lines) + (end if last else b""),
        st.lists(LINES, max_size=12),
        st.sampled_from([b"\n", b"\r\n"]),
        st.booleans(),
    ),
)
WANTED = st.dictionaries(
    st.sampled_from(["gpu_mem", "hdmi_group:0", "dtparam", "dtoverlay", "gpio"]),
    st.one_of(st.none(), st.sampled_from(["1", '"p=1"', "x", "x,p=1", '"x","y,audio,q"', "spi=on,q", '"a","a"'])),
    max_size=3,
)


@given(FILES)
def test_any_bytes_are_read_and_written_back_identically(data: bytes) -> None:
    assert config_lines.join(config_lines.parse(data).lines) == data
    assert with_values(data, {}) == data


@given(FILES, WANTED)
def test_what_was_set_is_read_setting_it_again_changes_nothing_and_the_rest_stays(
    data: bytes, wanted: dict[str, str | None]
) -> None:
    found = ConfigTxt(Root(Path(__file__).parent), "no/such/config.txt")
    before = found.values(data)
    try:
        decision = found.decide(data, wanted)
    except ValueRefused:
        return
    after = found.values(decision.data)
    asked = found.wanted(wanted, data)
    for key, value in asked.items():
        assert after.get(key) == value
    assert {key: value for key, value in after.items() if key not in asked} == {
        key: value for key, value in before.items() if key not in asked
    }
    assert found.decide(decision.data, wanted).changes == ()
    kept = [each.text for each in found.rest(data) if each.text.strip() != "dtoverlay="]
    assert [each.text for each in found.rest(decision.data) if each.text.strip() != "dtoverlay="] == kept
    conditional = [(e.key, e.value, e.section) for e in found.settings(data) if e.section]
    assert [(e.key, e.value, e.section) for e in found.settings(decision.data) if e.section] == conditional


@given(st.binary(max_size=300))
def test_a_map_of_any_bytes_is_read_or_damaged(data: bytes) -> None:
    for each in (data, b"\xd0\x0d\xfe\xed" + data):
        try:
            overlays.read_map(each, path="map")
        except Damaged:
            continue
