"""usb_modeswitch's entries: each of Debian's is a model, and what is not understood is refused by line."""

from __future__ import annotations

import io
import re
import tarfile
from contextlib import suppress
from pathlib import Path

import pytest
from hal_modems.models import MODEMS
from hypothesis import given
from hypothesis import strategies as st

from hal.errors import Damaged
from hal.model import BulkMessages, ModemMode, ModemState, Requests, ScsiEject, SelectConfiguration
from hal.peripherals.modem.entry import NAME, read_entry
from hal.peripherals.modem.known import PACKED, know
from hal.peripherals.modem.messages import EJECT, HUAWEI_NEW, MODES
from hal.root import Root

ARCHIVE = Path("/", PACKED)


def packed() -> dict[str, bytes]:
    with tarfile.open(ARCHIVE) as archive:
        members = [each for each in archive.getmembers() if NAME.fullmatch(each.name.rpartition("/")[2])]
        return {each.name.rpartition("/")[2]: archive.extractfile(each).read() for each in members}  # type: ignore[union-attr]


def test_every_entry_of_the_data_is_a_model_with_the_messages_of_the_data() -> None:
    entries = packed()
    assert len(entries) == 512
    for name, data in entries.items():
        (identity,) = read_entry(name, data, name).identities
        text = data.decode()
        steps = identity.switch.steps if identity.switch else ()
        sent = [message for step in steps if isinstance(step, BulkMessages) for message in step.messages]
        sent += [message for step in steps if isinstance(step, ScsiEject) for message in step.then]
        listed = [word.lower() for word in re.findall(r'^MessageContent\d?="?([0-9a-fA-F]+)', text, re.MULTILINE)]
        special = [key for key in MODES if re.search(rf"^{key}=1", text, re.MULTILINE)]
        if listed:
            assert sent == listed, name
        elif "HuaweiNewMode" in special:
            assert sent == [HUAWEI_NEW], name
        assert ("StandardEject" in special) == any(isinstance(step, ScsiEject) for step in steps), name
        chosen = re.search(r"^Configuration=(\d+)", text, re.MULTILINE)
        selected = [step.value for step in steps if isinstance(step, SelectConfiguration)]
        assert selected == ([int(chosen[1])] if chosen and int(chosen[1]) else []), name
        assert bool(steps) == (identity.state is ModemState.STORAGE), name
        targets = {f"{product:04x}" for _, product in identity.switch.targets} if identity.switch else set()
        for word in re.findall(r"^TargetProduct=\s*0x([0-9a-fA-F]{4})", text, re.MULTILINE):
            assert word.lower() in targets, name


def test_the_archive_is_read_where_it_is_and_only_for_what_is_present(tmp_path: Path) -> None:
    place = tmp_path / PACKED
    place.parent.mkdir(parents=True)
    place.write_bytes(ARCHIVE.read_bytes())
    root = Root(tmp_path)
    assert len(know(root, {}).models) == 512
    known = know(root, {}, present=[(0x12D1, 0x1F01), (0x1234, 0x5678)])
    assert [(each.model.name, each.origin) for each in known.models] == [
        ("Huawei E353 (3.se) and others", f"{PACKED}:12d1:1f01")
    ]


@pytest.mark.parametrize("damage", [b"", b"no archive", None])
def test_a_damaged_archive_is_named_and_ends_nothing(tmp_path: Path, damage: bytes | None) -> None:
    place = tmp_path / PACKED
    place.parent.mkdir(parents=True)
    place.write_bytes(ARCHIVE.read_bytes()[:5000] if damage is None else damage)
    known = know(Root(tmp_path), {})
    assert known.models == ()
    assert [fault.path for fault in known.faults] == [PACKED]


def test_an_archive_with_links_and_folders_in_it_is_no_way_out(tmp_path: Path) -> None:
    place = tmp_path / PACKED
    place.parent.mkdir(parents=True)
    with tarfile.open(place, "w:gz") as archive:
        link = tarfile.TarInfo("1234:5678")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
        data = b"StandardEject=1\n"
        file = tarfile.TarInfo("../../1234:5679")
        file.size = len(data)
        archive.addfile(file, io.BytesIO(data))
    assert [each.model.name for each in know(Root(tmp_path), {}).models] == ["1234:5679"]


READ = {
    "eject and a message": ('StandardEject=1\nMessageContent="01"', (ScsiEject(then=("01",)),)),
    "endpoints": (
        'MessageEndpoint=0x02\nResponseEndpoint=0x82\nMessageContent="1B5A01"',
        (BulkMessages(messages=("1b5a01",), endpoint_out=2, endpoint_in=0x82),),
    ),
    "a mode and a configuration": (
        "HuaweiNewMode=1\nConfiguration=3",
        (BulkMessages(messages=(HUAWEI_NEW,)), SelectConfiguration(value=3)),
    ),
    "comment behind a value": ("Configuration=2# D-Link", (SelectConfiguration(value=2),)),
    "milliseconds": ("StandardEject=1\nReleaseDelay=4000", (ScsiEject(release_seconds=4.0),)),
    "driver off": ("DetachStorageOnly=1", (Requests(transfers=(), detach=True),)),
    "a flag that is off": ("StandardEject=0\nHuaweiNewMode=1", (BulkMessages(messages=(HUAWEI_NEW,)),)),
}


@pytest.mark.parametrize(("text", "steps"), READ.values(), ids=READ)
def test_an_entry_is_read_as_usb_modeswitch_means_it(text: str, steps: tuple[object, ...]) -> None:
    (identity,) = read_entry("1234:5678", text.encode(), "x").identities
    assert identity.switch is not None
    assert identity.switch.steps == steps


def test_a_dummy_configuration_asks_for_mbim_and_sends_nothing() -> None:
    model = read_entry("12d1:15c1", b"# ME906\nConfiguration=0\n", "x")
    assert (model.name, model.prefers, model.identities[0].state) == ("ME906", (ModemMode.MBIM,), ModemState.SERVICE)
    assert model.identities[0].switch is None


REFUSED = {
    "name": ("x", "", "'x' is no name of an entry; allowed is VVVV:PPPP in hexadecimal"),
    "typing mistake": ("1:2", "", "no name"),
    "unknown key": (
        "1234:5678",
        "# a\nStandartEject=1",
        "x:2: 'StandartEject=1' is no setting of an entry; did you mean StandardEject?",
    ),
    "odd digits": (
        "1234:5678",
        'MessageContent="123"',
        "x:1: MessageContent: '123' is no value; a message is hexadecimal",
    ),
    "short command": ("1234:5678", 'MessageContent="5553424300"', "a storage command has 31 bytes, not 5"),
    "number": ("1234:5678", "TargetClass=0xfff", "x:1: TargetClass: '0xfff' is no value; allowed are 0x0 to 0xff"),
    "flag": ("1234:5678", "HuaweiNewMode=2", "allowed are 0 to 1"),
    "no number": ("1234:5678", "Configuration=zz", "x:1: Configuration: 'zz' is no value"),
    "hours": ("1234:5678", "CheckSuccess=99999", "allowed are 1 to 600"),
    "two special modes": ("1234:5678", "HuaweiNewMode=1\nSonyMode=1", "HuaweiNewMode and SonyMode: an entry has one"),
    "no equals": ("1234:5678", "StandardEject", "x:1: 'StandardEject' is no setting"),
    "not text": ("1234:5678", b"# a\n\xff", "x:2: not UTF-8 text"),
}


@pytest.mark.parametrize(("name", "text", "words"), REFUSED.values(), ids=REFUSED)
def test_what_is_not_understood_is_refused_by_line(name: str, text: str | bytes, words: str) -> None:
    with pytest.raises(Damaged, match=re.escape(words)):
        read_entry(name, text.encode() if isinstance(text, str) else text, "x")


@given(st.binary(max_size=120))
def test_any_bytes_are_an_entry_or_refused(data: bytes) -> None:
    with suppress(Damaged):
        assert read_entry("1234:5678", data, "x").identities


def test_an_override_of_usb_modeswitch_counts_before_a_plugin(tmp_path: Path) -> None:
    place = tmp_path / "etc/usb_modeswitch.d/12d1:1f01"
    place.parent.mkdir(parents=True)
    place.write_text(f'# mine\nMessageContent="{EJECT[0]}"\n')
    (place.parent / "README").write_text("no entry")
    (place.parent / "12d1:14fe").write_text("nonsense\n")
    known = know(Root(tmp_path), {})
    assert [(each.model.name, each.origin) for each in known.models] == [("mine", "etc/usb_modeswitch.d/12d1:1f01")]
    assert [fault.path for fault in known.faults] == ["etc/usb_modeswitch.d/12d1:14fe"]


def test_an_override_that_switches_nothing_displaces_no_plugin(tmp_path: Path) -> None:
    """`NoMBIMCheck=1` is usb_modeswitch's way to leave a card's configuration alone."""
    place = tmp_path / "etc/usb_modeswitch.d/12d1:15c1"
    place.parent.mkdir(parents=True)
    for text in ("NoMBIMCheck=1\n", "Configuration=0\nNoMBIMCheck=1\n", ""):
        place.write_text(text)
        known = know(Root(tmp_path), {"hal_modems": MODEMS})
        assert known.shown_by(0x12D1, 0x15C1)[0][1].origin == "hal_modems", text
        assert "NoMBIMCheck" not in text or known.models[-1].model.prefers == ()


@pytest.mark.parametrize(
    ("text", "prefers"),
    [
        (None, (ModemMode.MBIM,)),
        ("DisableMBIMGlobal=0\n", (ModemMode.MBIM,)),
        ("# DisableMBIMGlobal=1\n", (ModemMode.MBIM,)),
        ("DisableMBIMGlobal=1\n", ()),
        (b"\xff", (ModemMode.MBIM,)),
    ],
)
def test_where_mbim_is_switched_off_for_all_no_entry_prefers_it(
    tmp_path: Path, text: str | bytes | None, prefers: tuple[ModemMode, ...]
) -> None:
    entry = tmp_path / "etc/usb_modeswitch.d/12d1:1573"
    entry.parent.mkdir(parents=True)
    entry.write_text("# ME909u\nConfiguration=0\n")
    if text is not None:
        (tmp_path / "etc/usb_modeswitch.conf").write_bytes(text.encode() if isinstance(text, str) else text)
    (known,) = know(Root(tmp_path), {}).models
    assert known.model.prefers == prefers
